import { errorCode, errorMessage } from '@tuning/kit';
import { type CurvePoint, LIMITS, type StatusAnswer, thinCurve } from '@tuning/protocol';
import type { ValidatorServices } from './services.ts';

/** Points that `GET /tasks/:id` shows of a miner's curve. */
const SHOWN_POINTS = 64;

/**
 * Brings our copy of a miner's loss curve up to the step of its status. A trainer that went back to a checkpoint is asked
 * for all of its curve again. @returns false where the miner does not tell curves.
 */
export async function followCurve(
  { store, peer, signal, logger }: Pick<ValidatorServices, 'store' | 'peer' | 'signal' | 'logger'>,
  taskId: string,
  hotkey: string,
  status: StatusAnswer,
): Promise<boolean> {
  if (status.step === undefined) return true;
  const known = store.curves.get(taskId, hotkey);
  const last = known.at(-1)?.step ?? -1;
  if (status.step === last) return true;
  const fromStep = status.step > last ? last + 1 : 0;
  try {
    const { points } = await peer.curve(hotkey, { taskId, fromStep }, { signal });
    store.curves.put(taskId, hotkey, extendCurve(known, points, fromStep));
  } catch (error) {
    // A hint only, like the status.
    logger.debug({ taskId, hotkey, error: errorMessage(error) }, 'no loss curve');
    return errorCode(error) !== 'PEER_UNSUPPORTED';
  }
  return true;
}

/** What was known before `fromStep`, then what came; never more points than one answer has. */
export function extendCurve(known: readonly CurvePoint[], came: readonly CurvePoint[], fromStep: number): CurvePoint[] {
  const before = known.filter(({ step }) => step < fromStep);
  // A miner that answers with other steps than it was asked for gets no say over earlier ones.
  const after = came.filter(({ step }) => step >= fromStep);
  return thinCurve([...before, ...after], LIMITS.curveAnswerPoints);
}

/** The curve as `GET /tasks/:id` gives it: the last point whole, of the others step and loss; null where there is none. */
export function describeCurve(points: readonly CurvePoint[]): object | null {
  const last = points.at(-1);
  if (!last) return null;
  return { last, points: thinCurve(points, SHOWN_POINTS).map(({ step, loss }) => ({ step, loss })) };
}
