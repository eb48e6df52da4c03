import { createHash } from 'node:crypto';
import type { TensorSums } from './compare.ts';

/** Numbers over all tensors together, about; a model of few tensors has more for each. */
const TOTAL_BUCKETS = 16_384;
const MOST_BUCKETS = 1_024;
const FEWEST_BUCKETS = 16;

/** What one tensor's change looks like from far away. */
export interface TensorSketch {
  readonly name: string;
  /** ‖d‖, d being the change without the part that only rescales the base's tensor. */
  readonly norm: number;
  /** A random projection of d; see `DeltaSketcher`. */
  readonly values: Float32Array;
}

/**
 * Takes a few hundred numbers of each tensor's change that keep its angle to any other change: a count sketch (Charikar,
 * Chen, Farach-Colton 2002), each element added with a random sign to a random bucket. Sketches of one seed are linear:
 * the dot product of two of them estimates that of the changes, to about ‖d‖·‖e‖/√buckets.
 *
 * Signs and buckets come from the seed. Who does not know it cannot make a copy whose sketch looks different, so it has to
 * be secret until submissions are closed.
 */
export class DeltaSketcher {
  readonly #seed: Uint8Array;
  readonly #buckets: number;
  readonly #tensors: TensorSketch[] = [];

  /** @param seed 32 bytes; @param tensors how many tensors the model has. */
  constructor(seed: Uint8Array, tensors: number) {
    this.#seed = seed;
    const each = 2 ** Math.floor(Math.log2(TOTAL_BUCKETS / tensors));
    this.#buckets = Math.min(MOST_BUCKETS, Math.max(FEWEST_BUCKETS, each));
  }

  /** Takes in one tensor; one that did not change leaves nothing. */
  add(name: string, before: Float32Array, after: Float32Array, sums: TensorSums): void {
    if (sums.moved === 0) return;
    const scale = sums.base > 0 ? sums.dot / sums.base : 0;
    const buckets = new Float64Array(this.#buckets);
    const squares = project(before, after, scale, buckets, startOf(this.#seed, name));
    this.#tensors.push({ name, norm: Math.sqrt(squares), values: Float32Array.from(buckets) });
  }

  finish(): readonly TensorSketch[] {
    return this.#tensors;
  }
}

/**
 * Adds each element of after − scale · before to its bucket; returns their squares' sum. A function of its own with plain
 * numbers, since it sees every weight of a model. The generator is sfc32, as in train/random.ts, written out.
 */
function project(
  before: Float32Array,
  after: Float32Array,
  scale: number,
  buckets: Float64Array,
  start: readonly [number, number, number, number],
): number {
  const mask = buckets.length - 1;
  let a = start[0];
  let b = start[1];
  let c = start[2];
  let counter = start[3];
  let squares = 0;
  for (let i = 0; i < before.length; i++) {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + word) | 0;
    const change = after[i]! - scale * before[i]!;
    squares += change * change;
    buckets[word & mask]! += word < 0 ? -change : change;
  }
  return squares;
}

function startOf(seed: Uint8Array, name: string): [number, number, number, number] {
  const digest = createHash('sha256').update('tuning/delta-sketch/1\0').update(seed).update(name).digest();
  return [digest.readInt32LE(0), digest.readInt32LE(4), digest.readInt32LE(8), digest.readInt32LE(12)];
}
