import {
  add,
  div,
  type Fixed,
  fixed,
  floor,
  normalise,
  ONE,
  shareOfU16,
  sub,
  sum,
  u16OfShare,
} from '../../fixed-point.ts';
import { type LiquidAlpha, liquidMovingAverage } from './liquid-alpha.ts';
import {
  clipColumns,
  filterCells,
  fromIntegers,
  interpolate,
  maxUpscaleColumns,
  movingAverage,
  normaliseColumns,
  normaliseRows,
  rowSums,
  type SparseMatrix,
  scaleColumns,
  scaleRows,
  weightedColumnSums,
  weightedRowSums,
} from './sparse-matrix.ts';
import { columnMedians } from './weighted-median.ts';

/** Everything that one epoch of one subnet is computed from; arrays go by uid, blocks are block numbers. */
export interface EpochInput {
  block: bigint;
  tempo: number;
  /** Blocks after its last update in which a validator still counts as active. */
  activityCutoff: bigint;
  lastUpdate: readonly bigint[];
  registeredAt: readonly bigint[];
  /** RAO, I64F64: the integer / 2^64. */
  stake: readonly bigint[];
  /** RAO; less than this counts as nothing (but the owner's). */
  stakeThreshold: bigint;
  ownerUid: number | undefined;
  permits: readonly boolean[];
  maxValidators: number;
  /** As stored, u16. */
  weights: readonly (readonly (readonly [uid: number, weight: number])[])[];
  bonds: readonly (readonly (readonly [uid: number, bond: number])[])[];
  /** With commit-reveal on: the block of each uid's earliest live commit, undefined where there is none. */
  commitBlocks: readonly (bigint | undefined)[] | undefined;
  /** Block of the last epoch that ran; 0 before the first. */
  lastStep: bigint;
  /** u16, of 65535. */
  kappa: number;
  bondsPenalty: number;
  /** Of 1,000,000. */
  bondsMovingAverage: bigint;
  /** Yuma 3 instead of the original bonds. */
  yuma3: boolean;
  /** Of Yuma 3 only; undefined = off. */
  liquidAlpha: LiquidAlpha | undefined;
  /** Alpha RAO to share out. */
  emission: bigint;
}

/** What the chain stores of an epoch, and what it pays; arrays go by uid. */
export interface EpochResult {
  active: boolean[];
  permits: boolean[];
  /** u16, of 65535. */
  stakeWeight: number[];
  consensus: number[];
  validatorTrust: number[];
  incentive: number[];
  dividends: number[];
  bonds: [uid: number, bond: number][][];
  /** RAO. */
  serverEmission: bigint[];
  validatorEmission: bigint[];
  emission: bigint[];
}

/** I64F64 to I32F32 shares of the sum. */
function normaliseStake(input: EpochInput): Fixed[] {
  const counted = input.stake.map((value, uid) =>
    uid !== input.ownerUid && value >> 64n < input.stakeThreshold ? 0n : value,
  );
  const total = sum(counted);
  return counted.map((value) => (total === 0n ? value : (value << 64n) / total) >> 32n);
}

/** is_topk_nonzero of epoch/math.rs: among equals the higher uids win. */
export function topByStake(stake: readonly Fixed[], limit: number): boolean[] {
  const chosen = stake.map((value) => value !== 0n);
  const order = stake.map((_, uid) => uid).sort((a, b) => (stake[a]! < stake[b]! ? -1 : stake[a]! > stake[b]! ? 1 : 0));
  for (const uid of order.slice(0, Math.max(0, stake.length - limit))) chosen[uid] = false;
  return chosen;
}

/** Rows count without a permit: none; a row without itself (but the owner's) and without whoever came after it. */
function countedWeights(input: EpochInput, permits: readonly boolean[]): SparseMatrix {
  const { ownerUid, lastUpdate, registeredAt, commitBlocks } = input;
  const registered = (uid: number): bigint => registeredAt[uid] ?? 0n;
  return filterCells(
    fromIntegers(input.weights),
    (row, column) =>
      permits[row] === true &&
      (row !== column || row === ownerUid) &&
      lastUpdate[row]! > registered(column) &&
      (commitBlocks === undefined || commitBlocks[row] === undefined || commitBlocks[row] >= registered(column)),
  );
}

/** Bonds to neurons that registered since the last epoch are void. */
function countedBonds(input: EpochInput): SparseMatrix {
  const early = input.block - BigInt(input.tempo);
  const since = input.lastStep === 0n ? (early < 0n ? 0n : early) : input.lastStep + 1n;
  return filterCells(fromIntegers(input.bonds), (_, column) => since > (input.registeredAt[column] ?? 0n));
}

interface Votes {
  n: number;
  activeStake: readonly Fixed[];
  consensus: readonly Fixed[];
  incentive: readonly Fixed[];
  /** Weights, clipped as far as the bonds penalty says. */
  weights: SparseMatrix;
  /** Share of the fresh weights in a bond. */
  alpha: Fixed;
}

/** Yuma 3: bonds follow each validator's weights, and are compared per miner only when dividends are made. */
function yuma3(input: EpochInput, { n, activeStake, consensus, incentive, weights, alpha }: Votes) {
  const old = countedBonds(input).map((cells) => cells.map(([uid, bond]) => [uid, shareOfStored(bond)] as const));
  const liquid = consensus.some((value) => value !== 0n) ? input.liquidAlpha : undefined;
  const bonds = liquid ? liquidMovingAverage(weights, old, consensus, liquid) : movingAverage(weights, old, alpha);
  const perValidator = rowSums(scaleColumns(normaliseColumns(bonds, n), incentive));
  const dividends = normalise(perValidator.map((earned, uid) => (earned * activeStake[uid]!) >> 32n));
  return { bonds, dividends };
}

const shareOfStored = (bond: Fixed): Fixed => div(bond, fixed(65_535));

/** The original bonds: shares of each miner, weighted with stake as they are bought. */
function yuma1(input: EpochInput, { n, activeStake, incentive, weights, alpha }: Votes) {
  const old = normaliseColumns(countedBonds(input), n);
  const bought = normaliseColumns(scaleRows(weights, activeStake), n);
  const bonds = normaliseColumns(movingAverage(bought, old, alpha), n);
  const dividends = normalise(weightedRowSums(bonds, incentive));
  return { bonds: maxUpscaleColumns(bonds, n), dividends };
}

/** One epoch exactly as epoch_mechanism of Subtensor's epoch/run_epoch.rs computes it (spec 424/425), to the last bit. */
export function runConsensus(input: EpochInput): EpochResult {
  const n = input.stake.length;
  const active = input.lastUpdate.map((updated) => updated + input.activityCutoff >= input.block);
  const stake = normaliseStake(input);
  const permits = input.permits.map((permit, uid) => permit || uid === input.ownerUid);
  const nextPermits = topByStake(stake, input.maxValidators).map((permit, uid) => permit || uid === input.ownerUid);
  const activeStake = normalise(stake.map((value, uid) => (active[uid] && permits[uid] ? value : 0n)));

  const weights = normaliseRows(countedWeights(input, permits));
  const consensus = columnMedians(activeStake, weights, n, shareOfU16(input.kappa));
  const clipped = clipColumns(weights, consensus);
  const incentive = normalise(weightedColumnSums(clipped, activeStake, n));

  const votes = {
    n,
    activeStake,
    consensus,
    incentive,
    weights: interpolate(weights, clipped, n, shareOfU16(input.bondsPenalty)),
    // The average is an I64F64 on chain before it is cut to I32F32.
    alpha: sub(ONE, ((input.bondsMovingAverage << 64n) / 1_000_000n) >> 32n),
  };
  const { bonds, dividends } = input.yuma3 ? yuma3(input, votes) : yuma1(input, votes);

  return {
    active,
    permits: nextPermits,
    stakeWeight: stake.map(u16OfShare),
    consensus: consensus.map(u16OfShare),
    validatorTrust: rowSums(clipped).map(u16OfShare),
    incentive: incentive.map(u16OfShare),
    dividends: dividends.map(u16OfShare),
    bonds: bonds.map((cells, uid) =>
      nextPermits[uid] ? cells.map(([target, bond]): [number, number] => [target, u16OfShare(bond)]) : [],
    ),
    ...emissions(input.emission, incentive, dividends, activeStake, stake),
  };
}

/** Incentive and dividends together take it all; where there are neither, stake earns. */
function emissions(
  emission: bigint,
  incentive: readonly Fixed[],
  dividends: readonly Fixed[],
  activeStake: readonly Fixed[],
  stake: readonly Fixed[],
): Pick<EpochResult, 'serverEmission' | 'validatorEmission' | 'emission'> {
  const combined = incentive.map((value, uid) => add(value, dividends[uid]!));
  const total = sum(combined);
  const idle = sum(activeStake) === 0n ? stake : activeStake;
  // I96F32 products; the emission fits many times over.
  const pay = (shares: readonly Fixed[]): bigint[] => shares.map((share) => floor(share * emission));
  return {
    serverEmission: pay(normalise(incentive, total)),
    validatorEmission: pay(total === 0n ? idle : normalise(dividends, total)),
    emission: pay(total === 0n ? idle : normalise(combined)),
  };
}
