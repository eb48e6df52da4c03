import { BadInputError, sleep, TransientError } from '@tuning/kit';
import type { Peer } from '@tuning/p2p';
import type { CurveAnswer, CurvePoint, CurveRequest, OfferAnswer, StatusAnswer, TaskOffer } from '@tuning/protocol';

type Answer = OfferAnswer | Error;

export const accept: Answer = { accept: true };
export const decline: Answer = { accept: false, reason: 'busy', message: 'two tasks are open' };
export const unreachable = () => new TransientError('PEER_UNREACHABLE', 'nobody answers');
/** What the asking side throws when the other one refuses it, for instance for a permit it does not know of yet. */
export const peerRefusal = (peerCode: string) =>
  new BadInputError('PEER_REFUSED', `the peer refused: ${peerCode}`, { details: { peerCode } });

/** Miners that answer offers from a script: one answer after the other, the last one for ever. */
export class FakePeer {
  /** Every question put, in order. */
  readonly asked: string[] = [];
  readonly offers: TaskOffer[] = [];
  readonly script = new Map<string, Answer[]>();
  statuses = 0;

  answers(hotkey: string, ...answers: Answer[]): void {
    this.script.set(hotkey, answers);
  }

  offer = async (hotkey: string, offer: TaskOffer): Promise<OfferAnswer> => {
    this.asked.push(hotkey);
    this.offers.push(offer);
    await sleep(50);
    const answers = this.script.get(hotkey) ?? [unreachable()];
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer instanceof Error) throw answer;
    return answer;
  };

  status = async (): Promise<StatusAnswer> => {
    this.statuses += 1;
    return { state: 'training' };
  };

  /** What each miner has of its curve; who is not in it does not know the question. */
  readonly curves = new Map<string, CurvePoint[]>();
  readonly curveRequests: { hotkey: string; fromStep: number }[] = [];

  curve = async (hotkey: string, { fromStep }: CurveRequest): Promise<CurveAnswer> => {
    this.curveRequests.push({ hotkey, fromStep });
    const points = this.curves.get(hotkey);
    if (!points) throw new BadInputError('PEER_UNSUPPORTED', 'it does not speak /tuning/curve');
    return { points: points.filter(({ step }) => step >= fromStep) };
  };

  refresh = async (): Promise<void> => {};

  asPeer(): Peer {
    return this as unknown as Peer;
  }
}
