import type { TensorSketch } from '@tuning/llm';
import type { RowLosses, Verdict } from '@tuning/protocol';
import { deltaSimilarity, explainedBy, rowDistance } from './similarity.ts';

/** What is known of one submission that was found to be a fine-tune. */
export interface Comparable {
  readonly hotkey: string;
  /** Block of its commitment: the earlier one keeps what two have in common. */
  readonly block: number;
  readonly weightsDigest?: string | undefined;
  /** Its change to the base; comparable with sketches of the same seed only. */
  readonly sketch?: readonly TensorSketch[] | undefined;
  /** Losses on one set that all were measured on. */
  readonly rows?: RowLosses | undefined;
}

/**
 * From which figures on a submission is a copy of an earlier one. Each is set between what 200 honest fine-tunes of one
 * base reach with each other and what copies have: see experiments/README.md for the tables.
 */
export const COPY_RULES = {
  /** Cosine of the changes of all tensors together. */
  cosine: 0.985,
  /** Share of the tensors that changed in the same way. */
  nearTensors: 0.5,
  /** Distance of the row losses, in units of that to the base. */
  rowDistance: 0.005,
  /** Share of a change that a mixture of earlier changes explains. */
  mixture: 0.99,
} as const;

/**
 * Compares a submission with those committed before it.
 * @param baseRows the base's losses on the same set as the submissions'.
 * @returns `copy_of_another` with the figures, or undefined.
 */
export function findCopy(
  later: Comparable,
  earlier: readonly Comparable[],
  baseRows: RowLosses | undefined,
): Verdict | undefined {
  for (const original of earlier) {
    const verdict = copyOf(later, original, baseRows);
    if (verdict) return verdict;
  }
  return mixtureOf(later, earlier);
}

function copyOf(later: Comparable, original: Comparable, baseRows: RowLosses | undefined): Verdict | undefined {
  if (later.weightsDigest !== undefined && later.weightsDigest === original.weightsDigest) {
    const evidence = { rule: 'weights', weightsDigest: later.weightsDigest };
    return copy(
      original,
      `the same weights as ${original.hotkey}, which committed them in block ${original.block}`,
      evidence,
    );
  }
  const from = `${original.hotkey}, which committed it in block ${original.block}`;
  if (later.sketch && original.sketch) {
    const { cosine, medianCosine, tensors, nearTensors } = deltaSimilarity(original.sketch, later.sketch);
    if (cosine >= COPY_RULES.cosine || nearTensors >= COPY_RULES.nearTensors * tensors) {
      const reason = `the change to the base is that of ${from}: cosine ${cosine.toFixed(4)}, ${nearTensors} of ${tensors} tensors changed the same way`;
      return copy(original, reason, { rule: 'change', cosine, medianCosine, tensors, nearTensors });
    }
  }
  if (later.rows && original.rows && baseRows) {
    const distance = rowDistance(later.rows, original.rows, baseRows);
    if (distance <= COPY_RULES.rowDistance) {
      const reason = `the model behaves as that of ${from}: its losses per row are apart by ${distance.toFixed(5)} of their distance to the base`;
      return copy(original, reason, { rule: 'behaviour', rowDistance: distance });
    }
  }
  return undefined;
}

/** A weighted sum of at least two earlier changes. */
function mixtureOf(later: Comparable, earlier: readonly Comparable[]): Verdict | undefined {
  const sources = earlier.filter(({ sketch }) => sketch !== undefined && sketch.length > 0);
  if (!later.sketch || sources.length < 2) return undefined;
  const { share, parts } = explainedBy(
    later.sketch,
    sources.map(({ sketch }) => sketch!),
  );
  if (share < COPY_RULES.mixture) return undefined;
  const largest = parts.reduce((best, part, index) => (Math.abs(part) > Math.abs(parts[best]!) ? index : best), 0);
  const named = sources.map(({ hotkey }, index) => `${parts[index]!.toFixed(2)} × ${hotkey}`).join(' + ');
  return copy(
    sources[largest]!,
    `the change to the base is a mixture of earlier ones: ${named.slice(0, 700)} explain ${(100 * share).toFixed(2)} % of it`,
    { rule: 'mixture', share, sources: sources.length },
  );
}

function copy(original: Comparable, reason: string, evidence: Verdict['evidence']): Verdict {
  return { code: 'copy_of_another', reason, evidence: { original: original.hotkey, ...evidence } };
}
