import { readFileSync, writeFileSync } from 'node:fs';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { silentLogger } from '@tuning/kit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ChainNode } from '../src/node/node.ts';
import { StateHistory, StateView } from '../src/node/state.ts';
import { storeEpoch } from '../src/runtime/emulated/pallets/subtensor/epoch.ts';
import { runConsensus } from '../src/runtime/emulated/pallets/subtensor/epoch-math.ts';
import type { RuntimeState } from '../src/runtime/runtime.ts';
import { loadRuntimeSource } from '../src/runtime/wasm/source/runtime-source.ts';
import { WasmRuntime } from '../src/runtime/wasm/wasm-runtime.ts';
import {
  changeSubnets,
  createSubnets,
  type EpochRecord,
  inputOf,
  recordOf,
  SUBNETS,
  storedResult,
  subnetsDueIn,
} from './random-subnets.ts';

/** Blocks before the subnets exist, so that their past registrations and updates have somewhere to lie. */
const FIRST_BLOCKS = 6;
/** More are compared with a real runtime; so many are recorded. */
const RECORDED_EPOCHS = 2;
const VECTORS = new URL('vectors/epochs-spec-293.json', import.meta.url);

interface Vectors {
  runtime: string;
  /** By epoch, then by netuid. */
  epochs: Record<string, EpochRecord>[];
}

/** With RECORD_VECTORS set, what the real runtime gives becomes the record; never what we compute. */
const recording = process.env['RECORD_VECTORS'] !== undefined;
const runtime = process.env['SUBTENSOR_RUNTIME'];

beforeAll(() => cryptoWaitReady());

describe('an epoch, computed by us', () => {
  it('agrees to the last unit with what a real runtime was recorded to give on 24 random subnets', () => {
    const { epochs } = JSON.parse(readFileSync(VECTORS, 'utf8')) as Vectors;
    const state = new StateView(new StateHistory(), 0);
    let block = FIRST_BLOCKS;
    createSubnets(state, block);
    expect(epochs).toHaveLength(RECORDED_EPOCHS);
    for (const [i, recorded] of epochs.entries()) {
      for (let half = 0; half < 2; half++) {
        block++;
        for (const netuid of subnetsDueIn(block)) {
          storeEpoch(state, netuid, runConsensus(inputOf(state, netuid, BigInt(block))));
          expect({ netuid, ...recordOf(storedResult(state, netuid)) }).toEqual({ netuid, ...recorded[netuid] });
        }
      }
      changeSubnets(state, i + 1);
    }
    // The record is worth something only if there was something to compute.
    const all = epochs.flatMap((epoch) => Object.values(epoch));
    const busy = all.filter(({ incentive, dividends }) => incentive.some(Boolean) && dividends.some(Boolean));
    expect(busy.length).toBeGreaterThan(SUBNETS.length);
  });
});

describe.skipIf(!runtime)('an epoch, computed by a real runtime', () => {
  let node: ChainNode;
  const epochs: Record<string, EpochRecord>[] = [];
  const write = (change: (state: RuntimeState) => void): void => {
    const view = node.store.view(node.store.best);
    change(view);
    node.store.overwrite(view);
  };

  beforeAll(async () => {
    const source = await loadRuntimeSource(runtime!, { logger: silentLogger });
    const options = { blockMs: 'instant', finalityLag: 1, keepBlocks: 100, logger: silentLogger } as const;
    node = new ChainNode(new WasmRuntime(source), options);
    for (let i = 0; i < FIRST_BLOCKS; i++) node.produceBlock();
    write((state) => createSubnets(state, FIRST_BLOCKS));
  }, 60_000);

  it.each([1, 2, 3, 4])(
    'agrees to the last unit with ours on 24 random subnets, epoch %i of each',
    (round) => {
      const seen: Record<string, EpochRecord> = {};
      for (let half = 0; half < 2; half++) {
        const block = node.store.best.header.number + 1;
        const before = node.store.view(node.store.best);
        const ours = subnetsDueIn(block).map(
          (netuid) => [netuid, runConsensus(inputOf(before, netuid, BigInt(block)))] as const,
        );
        node.produceBlock();
        const after = node.store.view(node.store.best);
        for (const [netuid, { serverEmission: _, validatorEmission: __, ...computed }] of ours) {
          const stored = storedResult(after, netuid);
          expect({ netuid, ...computed }).toEqual({ netuid, ...stored });
          seen[netuid] = recordOf(stored);
        }
      }
      expect(Object.keys(seen)).toHaveLength(SUBNETS.length);
      epochs.push(seen);
      write((state) => changeSubnets(state, round));
    },
    60_000,
  );

  it.runIf(recording)('is recorded', () => {
    const { specName, specVersion } = node.runtime.version;
    const vectors: Vectors = { runtime: `${specName} ${specVersion}`, epochs: epochs.slice(0, RECORDED_EPOCHS) };
    writeFileSync(VECTORS, `${JSON.stringify(vectors)}\n`);
    expect(specVersion).toBe(293);
  });
});
