import { StateHistory, StateView } from '../src/node/state.ts';
import { Execution } from '../src/runtime/emulated/execution.ts';
import type { Origin } from '../src/runtime/emulated/pallet.ts';
import { commitmentsPallet, commitmentsStorage } from '../src/runtime/emulated/pallets/commitments.ts';
import { drandStorage } from '../src/runtime/emulated/pallets/drand.ts';
import { SUBTENSOR_ERRORS } from '../src/runtime/emulated/pallets/subtensor/errors.ts';
import { createSubnet } from '../src/runtime/emulated/pallets/subtensor/networks.ts';
import { appendNeuron, createAccount } from '../src/runtime/emulated/pallets/subtensor/neurons.ts';
import { checkInPool } from '../src/runtime/emulated/pallets/subtensor/pool-checks.ts';
import { subtensor as s } from '../src/runtime/emulated/pallets/subtensor/storage.ts';
import { systemStorage } from '../src/runtime/emulated/pallets/system.ts';
import { EmulatedRuntime } from '../src/runtime/emulated/runtime.ts';
import { runtimeCodecs } from '../src/runtime/emulated/runtime-types.ts';
import type { Variant } from '../src/scale/codec.ts';

export const NETUID = 2;
export const hotkey = (n: number): string => `0x${(n + 1).toString(16).padStart(2, '0').repeat(32)}`;
export const coldkey = (n: number): string => `0x${(n + 0x81).toString(16).padStart(2, '0').repeat(32)}`;

/** The emulated runtime without a node around it: calls are dispatched straight into the block in progress. */
export class EmulatedChain {
  readonly runtime: EmulatedRuntime;
  readonly state = new StateView(new StateHistory(), 0);
  block = 0;

  constructor(options: { beacon?: boolean } = {}) {
    this.runtime = new EmulatedRuntime(options);
    this.runtime.buildGenesis(this.state);
    this.next();
  }

  /** Ends the block in progress and begins the next, so many times. */
  next(count = 1): void {
    for (let i = 0; i < count; i++) {
      if (this.block > 0) this.runtime.finaliseBlock(this.state);
      this.block++;
      const parentHash = `0x${(this.block - 1).toString(16).padStart(64, '0')}`;
      this.runtime.initialiseBlock(this.state, { number: this.block, parentHash, nowMs: this.block * 1000 });
    }
  }

  /** Begins blocks until `done`, at most `limit`. */
  nextUntil(done: () => boolean, limit = 100): void {
    for (let i = 0; !done(); i++) {
      if (i === limit) throw new Error('it did not happen');
      this.next();
    }
  }

  /** 'Ok', the module error's name, or the kind of any other DispatchError. */
  call(who: string | 'root', call: string, value: unknown, pallet = 'SubtensorModule'): string {
    const origin: Origin = who === 'root' ? { kind: 'root' } : { kind: 'signed', who };
    const execution = new Execution(this.state, 'ApplyExtrinsic');
    const result = execution.tryDispatch({ kind: pallet, value: { kind: call, value } }, origin);
    if (result.kind === 'Ok') return 'Ok';
    const { kind, value: inner } = result.value as Variant<string, { error: Uint8Array }>;
    if (kind !== 'Module') return kind;
    const errors = pallet === 'Commitments' ? commitmentsPallet.errors! : SUBTENSOR_ERRORS;
    return errors[inner.error[0]!]!;
  }

  /** Code of the refusal in the pool, as if sent for the next block; undefined = it is let in. */
  pool(who: string, call: string, args: unknown): number | undefined {
    return checkInPool(this.state, this.block + 1, who, call, args)?.custom;
  }

  /** 'Pallet.Event' with its value, of the block in progress. */
  events(): [name: string, value: unknown][] {
    const records = this.state.get(systemStorage.Events.key()) ?? Uint8Array.of(0);
    const decoded = runtimeCodecs.decode('Vec<EventRecord>', records) as { event: Variant<string, Variant> }[];
    return decoded.map(({ event }) => [`${event.kind}.${event.value.kind}`, event.value.value]);
  }

  /** A subnet whose uid 0 is its owner's; nobody has stake yet. Weights and commits have no rate limit. */
  addSubnet({ neurons = 3, tempo = 10, netuid = NETUID } = {}): void {
    const { state } = this;
    createSubnet(state, netuid, this.block);
    s.SubnetMechanism.put(state, netuid, 1);
    s.SubnetOwner.put(state, netuid, coldkey(0));
    s.SubnetOwnerHotkey.put(state, netuid, hotkey(0));
    s.Tempo.put(state, netuid, tempo);
    s.LastEpochBlock.put(state, netuid, BigInt(this.block));
    s.MinAllowedWeights.put(state, netuid, 1);
    s.WeightsSetRateLimit.put(state, netuid, 0n);
    s.Yuma3On.put(state, netuid, true);
    for (let i = 0; i < neurons; i++) {
      createAccount(state, coldkey(i), hotkey(i));
      appendNeuron(state, netuid, hotkey(i), this.block);
    }
  }

  addPulse(round: number, signature: Uint8Array): void {
    const { state } = this;
    drandStorage.Pulses.put(state, BigInt(round), { round: BigInt(round), randomness: new Uint8Array(32), signature });
    if (drandStorage.LastStoredRound.get(state) < BigInt(round)) drandStorage.LastStoredRound.put(state, BigInt(round));
  }

  weights(uid: number, netuid = NETUID): [number, number][] {
    return s.Weights.get(this.state, netuid, uid);
  }

  revealed(who: string, netuid = NETUID): [Uint8Array, bigint][] {
    return commitmentsStorage.RevealedCommitments.get(this.state, netuid, who) ?? [];
  }
}
