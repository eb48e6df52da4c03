import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ValidatorConfig } from '@tuning/config';
import { augmentGenerator, type SyntheticGenerator, toJsonLines } from '@tuning/dataset';
import type { EvaluationOutcome } from '@tuning/evaluation';
import { type Logger, silentLogger } from '@tuning/kit';
import { MetagraphView } from '@tuning/neuron';
import { type Measurement, sha256Hex } from '@tuning/protocol';
import type { ValidatorStore } from '@tuning/store';
import type { EvaluationRequest } from '../src/evaluation-queue.ts';
import type { ValidatorServices } from '../src/services.ts';
import { TaskSteps } from '../src/task-steps.ts';
import { address, type FakeChain } from './fake-chain.ts';
import type { FakeHub } from './fake-hub.ts';
import type { FakePeer } from './fake-peer.ts';

const hex = (digit: string, length: number) => digit.repeat(length);

export const NETUID = 2;
export const OFFER_BLOCKS = 20;

const tournament = {
  group_size: 2,
  training_blocks: 100,
  offer_blocks: OFFER_BLOCKS,
  grace_blocks: 5,
  sequence_len: 64,
};
const evaluation = { threads: 1, max_memory_gb: 1, max_minutes: 1, max_model_gb: 1 };

/** Every row has the same loss. */
export function measurement(loss: number, rows = 4): Measurement {
  const sumNll = loss * rows;
  return {
    summary: { loss, perplexity: Math.exp(loss), sumNll, tokens: rows, rowLoss: loss, rowsKept: rows, rowsDropped: {} },
    rows: {
      row: Array.from({ length: rows }, (_, row) => row),
      sumNll: Array.from({ length: rows }, () => loss),
      tokens: Array.from({ length: rows }, () => 1),
    },
  };
}

/** Measures nothing: gives every set the loss 3 for the base, and 2 for a submission. */
export class FakeEvaluations {
  readonly requests: EvaluationRequest[] = [];

  run = async (request: EvaluationRequest): Promise<EvaluationOutcome> => {
    this.requests.push(request);
    const { submissionDir, sets } = request;
    const loss = submissionDir ? 2 : 3;
    return {
      verdict: { code: 'accepted', reason: 'measured' },
      kind: submissionDir ? 'full' : 'base',
      ...(submissionDir ? { weightsDigest: hex('d', 64) } : {}),
      sets: Object.fromEntries(sets.map(({ name }) => [name, measurement(loss)])),
      dropped: {},
    };
  };
}

/** A base model of which only the config is on disk; `faults` are thrown one after the other first. */
export class FakeModels {
  readonly #dir: string;
  readonly faults: Error[] = [];

  constructor(root: string) {
    this.#dir = join(root, 'base');
  }

  use = async <T>(_: unknown, work: (folder: string) => Promise<T>): Promise<T> => {
    const fault = this.faults.shift();
    if (fault) throw fault;
    await mkdir(this.#dir, { recursive: true });
    const config = {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: 64,
      hidden_size: 32,
      intermediate_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 2,
      max_position_embeddings: 128,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      hidden_act: 'silu',
      tie_word_embeddings: true,
    };
    await writeFile(join(this.#dir, 'config.json'), JSON.stringify(config));
    return work(this.#dir);
  };
}

export interface FakeParts {
  chain: FakeChain;
  hub?: FakeHub;
  peer: FakePeer;
  store: ValidatorStore;
  folder: string;
  signal: AbortSignal;
  models?: FakeModels;
  evaluations?: FakeEvaluations;
  generator?: SyntheticGenerator;
  logger?: Logger;
}

/** The services of the stages, on fakes and the real store. */
export function fakeServices(parts: FakeParts): ValidatorServices {
  const { chain, hub, peer, store, folder, signal, models, evaluations, generator = augmentGenerator } = parts;
  const metagraph = new MetagraphView(chain.asChain(), NETUID, silentLogger);
  const seals = { commit: async () => chain.head.number };
  const services = {
    config: { netuid: NETUID, tournament, evaluation } as ValidatorConfig,
    uid: 0,
    hotkey: { address: address('V'), publicKey: new Uint8Array(32), sign: () => new Uint8Array(64).fill(1) },
    chain: chain.asChain(),
    hub: hub?.asHub(),
    namespace: 'v',
    folder: { path: folder, file: (...names: string[]) => join(folder, ...names) },
    metagraph,
    models,
    peer: peer.asPeer(),
    store,
    evaluations,
    seals,
    generator,
    logger: parts.logger ?? silentLogger,
    signal,
  };
  return services as unknown as ValidatorServices;
}

/** The train split of every faked task. */
const TRAIN = toJsonLines(Array.from({ length: 36 }, (_, i) => ({ text: `row ${i}` })));

/** Its rows on disk, for a task that is to publish them. */
export function writeTrainRows(folder: string, taskId: string): void {
  const root = join(folder, 'tasks', taskId);
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'train.jsonl'), TRAIN);
}

/** What accepting an order and splitting its rows leave behind. */
export function putSplit(store: ValidatorStore, taskId: string): TaskSteps {
  const steps = new TaskSteps(store.steps, taskId);
  steps.put('source', {
    digest: hex('1', 64),
    rows: 40,
    source: { kind: 'file', path: '/rows.csv' },
    model: { repo: 'demo/tiny', revision: hex('2', 40) },
  });
  steps.put('seed', hex('3', 64));
  steps.put('split', {
    trainDigest: hex('4', 64),
    testDigest: hex('5', 64),
    syntheticDigest: hex('6', 64),
    seal: hex('7', 64),
    syntheticCount: 4,
    rows: { dataset: 40, train: 36, test: 4, synthetic: 4 },
    file: { sha256: sha256Hex(TRAIN), bytes: TRAIN.length, rows: 36 },
  });
  return steps;
}

/** What preparing leaves behind, for a task that offers to `drawn` in this order. */
export function putDraw(store: ValidatorStore, taskId: string, drawn: readonly string[]): TaskSteps {
  const steps = putSplit(store, taskId);
  steps.put('publish', { repo: 'v/tuning', revision: hex('9', 40), path: 'data/train.jsonl' });
  steps.put('seal', { block: 900 });
  steps.put('draw', {
    block: 901,
    blockHash: `0x${hex('a', 64)}`,
    eligible: drawn.map((hotkey, at) => ({ uid: at + 1, hotkey, weight: 1 })),
    order: [...drawn],
  });
  return steps;
}
