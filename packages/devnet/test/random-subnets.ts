import { createHash } from 'node:crypto';
import { liquidAlphaOf } from '../src/runtime/emulated/pallets/subtensor/epoch.ts';
import type { EpochInput, EpochResult } from '../src/runtime/emulated/pallets/subtensor/epoch-math.ts';
import { stakeWeightFixed } from '../src/runtime/emulated/pallets/subtensor/neurons.ts';
import { subtensor as s } from '../src/runtime/emulated/pallets/subtensor/storage.ts';
import { defineStorage, perSubnet } from '../src/runtime/emulated/storage.ts';
import type { RuntimeState } from '../src/runtime/runtime.ts';

/** Random subnets that both a real runtime of spec 293 and our own epoch can start from: the same ones in every run. */

/** Gone in spec 424, which keeps what miners and validators wait for apart. */
const older = defineStorage('SubtensorModule', { PendingEmission: perSubnet('u64', 0n) });

/** mulberry32: the same subnets in every run. */
function random(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

export const SUBNETS = Array.from({ length: 24 }, (_, i) => i + 2);
const account = (netuid: number, uid: number): string =>
  `0x${netuid.toString(16).padStart(4, '0')}${uid.toString(16).padStart(4, '0')}${'ab'.repeat(28)}`;

function range<T>(length: number, make: (i: number) => T): T[] {
  return Array.from({ length }, (_, i) => make(i));
}

/** Weights as set_weights leaves them; some validators rate everybody, some a few, some nobody, some themselves. */
function weightRow(n: number, uid: number, pick: (below: number) => number): [number, number][] {
  const share = [1, 1, 1, 0.5, 0.2, 0][pick(6)]!;
  const uids = range(n, (i) => i).filter((i) => (i !== uid || pick(3) === 0) && pick(1000) < share * 1000);
  return uids.map((i) => [i, pick(5) === 0 ? 0 : pick(65_536)]);
}

function createSubnet(state: RuntimeState, netuid: number, block: number): void {
  const pick = random(netuid);
  const n = 3 + pick(62);
  const validators = 1 + pick(Math.min(8, n));
  s.NetworksAdded.put(state, netuid, true);
  s.TotalNetworks.put(state, s.TotalNetworks.get(state) + 1);
  s.SubnetworkN.put(state, netuid, n);
  s.SubnetMechanism.put(state, netuid, 1);
  s.Tempo.put(state, netuid, 1);
  s.MaxAllowedUids.put(state, netuid, 256);
  s.MaxAllowedValidators.put(state, netuid, 1 + pick(8));
  s.CommitRevealWeightsEnabled.put(state, netuid, false);
  s.Yuma3On.put(state, netuid, pick(3) > 0);
  s.LiquidAlphaOn.put(state, netuid, pick(3) === 0);
  s.AlphaValues.put(state, netuid, [1638 + pick(30_000), 40_000 + pick(25_536)]);
  // Spec 293 takes the exponential of more than 20 for 0; 424 bounds its argument instead.
  s.AlphaSigmoidSteepness.put(state, netuid, [1000, 1000, -500, pick(4000)][pick(4)]!);
  s.Kappa.put(state, netuid, pick(2) ? 32_767 : pick(65_536));
  s.BondsPenalty.put(state, netuid, [0, 65_535, pick(65_536)][pick(3)]!);
  s.BondsMovingAverage.put(state, netuid, [900_000n, 0n, BigInt(pick(1_000_000))][pick(3)]!);
  s.ActivityCutoff.put(state, netuid, 20);
  older.PendingEmission.put(state, netuid, BigInt(pick(2 ** 40)));
  s.ValidatorPermit.put(
    state,
    netuid,
    range(n, (uid) => uid < validators || pick(20) === 0),
  );
  s.LastUpdate.put(
    state,
    netuid,
    range(n, () => BigInt(pick(block - 2) + 2)),
  );
  s.Active.put(
    state,
    netuid,
    range(n, () => true),
  );
  for (const item of [s.Consensus, s.Incentive, s.Dividends, s.ValidatorTrust, s.StakeWeight]) {
    item.put(
      state,
      netuid,
      range(n, () => 0),
    );
  }
  s.Emission.put(
    state,
    netuid,
    range(n, () => 0n),
  );
  for (let uid = 0; uid < n; uid++) {
    const hotkey = account(netuid, uid);
    s.Keys.put(state, netuid, uid, hotkey);
    s.Uids.put(state, netuid, hotkey, uid);
    s.Owner.put(state, hotkey, account(netuid, 9999));
    s.IsNetworkMember.put(state, hotkey, netuid, true);
    s.BlockAtRegistration.put(state, netuid, uid, BigInt(pick(3) ? 1 : pick(block)));
    if (uid < validators || pick(10) === 0) {
      s.TotalHotkeyAlpha.put(state, hotkey, netuid, BigInt(pick(2 ** 46)));
      if (pick(2)) s.TotalHotkeyAlpha.put(state, hotkey, 0, BigInt(pick(2 ** 44)));
    }
    if (uid < validators || pick(10) === 0) s.Weights.put(state, netuid, uid, weightRow(n, uid, pick));
  }
}

/** What the epoch in `block` will start from; as spec 293 defines it where that differs from spec 424. */
export function inputOf(state: RuntimeState, netuid: number, block: bigint): EpochInput {
  const n = s.SubnetworkN.get(state, netuid);
  return {
    block,
    tempo: s.Tempo.get(state, netuid),
    // 424 derives it from the tempo.
    activityCutoff: BigInt(s.ActivityCutoff.get(state, netuid)),
    lastUpdate: s.LastUpdate.get(state, netuid),
    registeredAt: range(n, (uid) => s.BlockAtRegistration.get(state, netuid, uid)),
    stake: range(n, (uid) => stakeWeightFixed(state, s.Keys.get(state, netuid, uid), netuid)),
    stakeThreshold: s.StakeThreshold.get(state),
    // 424 gives the owner a permit, 293 does not; these subnets have none.
    ownerUid: undefined,
    permits: s.ValidatorPermit.get(state, netuid),
    maxValidators: s.MaxAllowedValidators.get(state, netuid),
    weights: range(n, (uid) => s.Weights.get(state, netuid, uid)),
    bonds: range(n, (uid) => s.Bonds.get(state, netuid, uid)),
    commitBlocks: undefined,
    // 424 goes by the last epoch that ran, 293 always by the tempo.
    lastStep: 0n,
    kappa: s.Kappa.get(state, netuid),
    bondsPenalty: s.BondsPenalty.get(state, netuid),
    bondsMovingAverage: s.BondsMovingAverage.get(state, netuid),
    yuma3: s.Yuma3On.get(state, netuid),
    liquidAlpha: s.LiquidAlphaOn.get(state, netuid) ? liquidAlphaOf(state, netuid) : undefined,
    emission: older.PendingEmission.get(state, netuid),
  };
}

export type Stored = Omit<EpochResult, 'serverEmission' | 'validatorEmission'>;

export function storedResult(state: RuntimeState, netuid: number): Stored {
  return {
    active: s.Active.get(state, netuid),
    permits: s.ValidatorPermit.get(state, netuid),
    stakeWeight: s.StakeWeight.get(state, netuid),
    consensus: s.Consensus.get(state, netuid),
    validatorTrust: s.ValidatorTrust.get(state, netuid),
    incentive: s.Incentive.get(state, netuid),
    dividends: s.Dividends.get(state, netuid),
    emission: s.Emission.get(state, netuid),
    bonds: range(s.SubnetworkN.get(state, netuid), (uid) => s.Bonds.get(state, netuid, uid)),
  };
}

export function createSubnets(state: RuntimeState, block: number): void {
  s.TaoWeight.put(state, 3_320_413_933_267_719_290n);
  for (const netuid of SUBNETS) createSubnet(state, netuid, block);
}

/** Tempo 1 in spec 293, which goes by the block number alone. */
export function subnetsDueIn(block: number): number[] {
  return SUBNETS.filter((netuid) => (block + netuid + 1) % 2 === 1);
}

/** Between two epochs: new emission and stake, and some validators change their minds. */
export function changeSubnets(state: RuntimeState, round: number): void {
  const pick = random(1000 * round);
  for (const netuid of SUBNETS) {
    const n = s.SubnetworkN.get(state, netuid);
    older.PendingEmission.put(state, netuid, BigInt(pick(2 ** 40)));
    for (let uid = 0; uid < n; uid++) {
      // Whatever a chain has paid out since, which our epoch alone does not.
      const stake = uid < 8 || pick(10) === 0 ? BigInt(pick(2 ** 46)) : 0n;
      s.TotalHotkeyAlpha.put(state, account(netuid, uid), netuid, stake);
      if (pick(4) || !s.Weights.has(state, netuid, uid)) continue;
      s.Weights.put(state, netuid, uid, weightRow(n, uid, pick));
    }
  }
}

/** As JSON; bonds, by far the most of it, as the SHA-256 of theirs. */
export function recordOf({ emission, bonds, active, permits, ...shares }: Stored) {
  return {
    ...shares,
    active: active.map(Number),
    permits: permits.map(Number),
    emission: emission.map(Number),
    bonds: createHash('sha256').update(JSON.stringify(bonds)).digest('hex'),
  };
}

export type EpochRecord = ReturnType<typeof recordOf>;
