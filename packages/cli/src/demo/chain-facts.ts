import type { Chain } from '@tuning/chain';
import { parseCommitment } from '@tuning/protocol';

/** What the chain itself says after the task: nothing here comes from the validator. */
export interface ChainFacts {
  weights: { block: number; validatorUid: number; entries: { uid: number; hotkey: string; value: number }[] };
  commitments: { hotkey: string; block: number; fields: string[] }[];
}

/** Reads weights and commitments; `block` is the finalised block they are read at. */
export async function readChainFacts(chain: Chain, netuid: number, validator: string): Promise<ChainFacts> {
  const at = chain.head;
  const { neurons } = await chain.metagraph(netuid, { at: at.hash });
  const hotkeyOf = new Map(neurons.map(({ uid, hotkey }) => [uid, hotkey]));
  const validatorUid = neurons.find(({ hotkey }) => hotkey === validator)?.uid ?? 0;
  const weights = await chain.weights(netuid, validatorUid, { at: at.hash });
  const commitments: ChainFacts['commitments'] = [];
  for (const { hotkey } of neurons) {
    const found = await chain.commitment(netuid, hotkey, { at: at.hash });
    if (found?.fields.some((field) => parseCommitment(field) !== undefined)) commitments.push({ hotkey, ...found });
  }
  return {
    weights: {
      block: at.number,
      validatorUid,
      entries: weights.map(({ uid, value }) => ({ uid, hotkey: hotkeyOf.get(uid) ?? '', value })),
    },
    commitments,
  };
}
