import { compareByLoss, requireDistinct } from './order.ts';
import { RULES } from './rules.ts';

/** A submission that passed the checks, with its loss on the synthetic set. */
export interface GateEntry {
  readonly hotkey: string;
  readonly loss: number;
  /** Block of its commitment; at equal loss the earlier one passes. */
  readonly block?: number;
}

/**
 * The best ceil(3n/4) by synthetic loss, best first; n counts entries with a finite loss, the others never pass. Equal
 * losses: earlier block, then hotkey.
 * @throws RangeError for a hotkey listed twice.
 */
export function passGate(entries: readonly GateEntry[]): string[] {
  requireDistinct(entries);
  const measured = entries.filter(({ loss }) => Number.isFinite(loss));
  const places = Math.ceil((measured.length * RULES.gateNumerator) / RULES.gateDenominator);
  return [...measured]
    .sort(compareByLoss)
    .slice(0, places)
    .map(({ hotkey }) => hotkey);
}
