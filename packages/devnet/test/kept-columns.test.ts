import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StateHistory, StateView } from '../src/node/state.ts';
import { subtensor as s } from '../src/runtime/emulated/pallets/subtensor/storage.ts';
import { KeptColumns } from '../src/runtime/emulated/runtime-apis/kept-columns.ts';
import { metagraph } from '../src/runtime/emulated/runtime-apis/subnet-view.ts';
import { runtimeCodecs } from '../src/runtime/emulated/runtime-types.ts';
import type { RuntimeState } from '../src/runtime/runtime.ts';

const NETUID = 1;
const NEURONS = 3;
const account = (n: number): string => `0x${n.toString(16).padStart(2, '0').repeat(32)}`;
const hotkey = (uid: number): string => account(uid + 1);
const axon = (port: number) => ({
  block: 1n,
  version: 2,
  ip: 3n,
  port,
  ip_type: 4,
  protocol: 0,
  placeholder1: 0,
  placeholder2: 0,
});

/** What each column of a neuron comes from. */
const WRITES: readonly ((state: RuntimeState, uid: number, value: number) => void)[] = [
  (state, uid, value) => s.Axons.put(state, NETUID, hotkey(uid), axon(value)),
  (state, uid) => s.Axons.remove(state, NETUID, hotkey(uid)),
  (state, uid, value) => s.TotalHotkeyAlpha.put(state, hotkey(uid), NETUID, BigInt(value) << 20n),
  (state, uid, value) => s.TotalHotkeyAlpha.put(state, hotkey(uid), 0, BigInt(value) << 20n),
  (state, uid, value) => s.Owner.put(state, hotkey(uid), account(value % 200)),
  (state, uid, value) => s.BlockAtRegistration.put(state, NETUID, uid, BigInt(value)),
  (state, uid, value) => s.Keys.put(state, NETUID, uid, hotkey(value % NEURONS)),
  (state, _, value) => s.LastUpdate.put(state, NETUID, [BigInt(value)]),
  (state, _, value) => s.ValidatorPermit.put(state, NETUID, [value % 2 === 0, true]),
  (state, _, value) => s.Incentive.put(state, NETUID, [0, value, 7]),
  (state, _, value) => s.TaoWeight.put(state, BigInt(value) << 48n),
  (state, _, value) => s.SubnetworkN.put(state, NETUID, value % (NEURONS + 1)),
  // Of another subnet.
  (state, uid, value) => s.Axons.put(state, NETUID + 1, hotkey(uid), axon(value)),
];

const write = fc.record({
  kind: fc.constant('write' as const),
  what: fc.nat(WRITES.length - 1),
  uid: fc.nat(NEURONS - 1),
  value: fc.nat(60_000),
  inPlace: fc.boolean(),
});
const wait = fc.record({ kind: fc.constant('wait' as const), blocks: fc.constantFrom(1, 2, 63, 64, 65) });
const read = fc.record({ kind: fc.constant('read' as const), back: fc.constantFrom(0, 0, 1, 2, 64, 70) });

it('what is kept from block to block is what is computed anew', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(write, wait, read), { minLength: 4, maxLength: 30 }), (steps) => {
      const kept = new KeptColumns();
      const history = new StateHistory();
      let block = 0;
      const change = (at: number, make: (state: RuntimeState) => void) => {
        const view = new StateView(history, block);
        make(view);
        history.commit(at, view.changes());
        block = at;
      };
      change(0, (state) => {
        s.NetworksAdded.put(state, NETUID, true);
        s.SubnetworkN.put(state, NETUID, NEURONS);
        for (let uid = 0; uid < NEURONS; uid++) s.Keys.put(state, NETUID, uid, hotkey(uid));
      });
      const answer = (at: number, columns: KeptColumns) => {
        const value = metagraph(new StateView(history, at), NETUID, columns);
        return Buffer.from(runtimeCodecs.encode('Option<Metagraph>', value)).toString('hex');
      };
      for (const step of [...steps, { kind: 'read' as const, back: 0 }]) {
        if (step.kind === 'wait') for (let i = 0; i < step.blocks; i++) change(block + 1, () => {});
        else if (step.kind === 'write') {
          change(step.inPlace ? block : block + 1, (state) => WRITES[step.what]!(state, step.uid, step.value));
        } else {
          const at = Math.max(0, block - step.back);
          expect(answer(at, kept)).toBe(answer(at, new KeptColumns()));
        }
      }
    }),
    { numRuns: 60 },
  );
});
