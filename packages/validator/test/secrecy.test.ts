import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createLlmGenerator, LLM_DEFAULTS, readDataset, type SyntheticGenerator, toJsonLines } from '@tuning/dataset';
import { type LocalHub, startHub } from '@tuning/devnet';
import { createHub } from '@tuning/hub';
import { errorCode, Secret, writeFileAtomic } from '@tuning/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeOpenAiServer } from '../../dataset/test/fake-openai-server.ts';
import { createValidatorApi } from '../src/http-api.ts';
import { buildOffer } from '../src/offer.ts';
import type { ValidatorServices } from '../src/services.ts';
import { prepareTask } from '../src/stages/preparing.ts';
import { taskFolder } from '../src/task-folder.ts';
import type { TaskRunner } from '../src/task-runner.ts';
import { TaskSteps } from '../src/task-steps.ts';
import { address, FakeChain, fakeNeuron } from './fake-chain.ts';
import { FakePeer } from './fake-peer.ts';
import { FakeEvaluations, FakeModels, fakeServices } from './fake-services.ts';
import { recordingLogger } from './recording-logger.ts';
import { insertTask, openTempStore, request } from './temp-store.ts';

const TASK = 'a'.repeat(16);
/** Every row has a word of its own in its question and one in its answer, so that a trace of it can be found. */
const mark = (kind: string, i: number) => `${kind}${String(i).padStart(4, '0')}z`;
/** Words that no two rows share, so that none are near-duplicates. */
const filler = (i: number) => Array.from({ length: 12 }, (_, at) => `w${(i * 12 + at).toString(36)}`).join(' ');
const ROWS = Array.from({ length: 240 }, (_, i) => ({
  instruction: `What does "${mark('quest', i)}" mean?`,
  input: 'noun',
  output: `a kind of ${mark('reply', i)} that is native to the hills or valleys of ${filler(i)}`,
}));
type MarkedRow = (typeof ROWS)[number];

/** Between the hub client and the hub, and keeping what either says. */
class RecordingProxy {
  readonly #parts: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (chunk: Buffer) => {
          this.#parts.push(chunk);
          to.write(chunk);
        });
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
    });
  }

  static async start(port: number): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString('latin1');
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

let opened: Awaited<ReturnType<typeof openTempStore>>;
let hub: LocalHub;
let proxy: RecordingProxy;
let llm: FakeOpenAiServer;
let life: AbortController;
beforeEach(async () => {
  opened = await openTempStore();
  hub = await startHub({ dataDir: join(opened.folder, 'hub') });
  proxy = await RecordingProxy.start(Number(new URL(hub.endpoint).port));
  life = new AbortController();
  let serial = 0;
  // Words of its own, which are as secret as the test rows from the moment they come back.
  const fresh = () => {
    const n = ++serial;
    return {
      instruction: `What does "${mark('fresh', n)}" mean?`,
      input: 'verb',
      output: `to ${mark('make', n)} home`,
    };
  };
  llm = await FakeOpenAiServer.start(() => ({ rows: [fresh(), fresh(), fresh()] }));
});
afterEach(async () => {
  life.abort();
  await proxy.stop();
  await hub.close();
  await llm.stop();
  await opened.remove();
});

const llmGenerator = () =>
  createLlmGenerator({ ...LLM_DEFAULTS, endpoint: llm.endpoint, model: 'm', apiKey: new Secret('sk-llm-secret') });

/** Prepares a task with the real hub client and store; everything that left, by the way it took. */
async function prepare(generator: SyntheticGenerator | undefined) {
  const chain = new FakeChain(1_000, 50);
  chain.neurons = ['A', 'B', 'C'].map((letter, at) => fakeNeuron(at + 1, address(letter)));
  const { logger, lines } = recordingLogger();
  const parts = {
    ...opened,
    chain,
    peer: new FakePeer(),
    models: new FakeModels(opened.folder),
    evaluations: new FakeEvaluations(),
    signal: life.signal,
    logger,
    ...(generator ? { generator } : {}),
  };
  const client = createHub({
    endpoint: proxy.endpoint,
    token: new Secret(await hub.createToken({ namespace: 'v', role: 'write' })),
    logger,
  });
  const services: ValidatorServices = { ...fakeServices(parts), hub: client };
  const files = taskFolder(services.folder, TASK);
  insertTask(opened.store, TASK, 'preparing');
  const steps = new TaskSteps(opened.store.steps, TASK);
  await mkdir(files.root, { recursive: true });
  await writeFileAtomic(files.rows, toJsonLines(ROWS));
  const { digest } = await readDataset({ path: files.rows, format: 'json' });
  steps.put('source', {
    digest,
    rows: ROWS.length,
    source: { kind: 'file', path: files.rows },
    model: { repo: 'demo/tiny', revision: '2'.repeat(40) },
  });
  await prepareTask(services, steps, request);
  const api = createValidatorApi(services, undefined as unknown as TaskRunner, undefined);
  const get = async (path: string) => api.inject({ url: path, headers: { host: '127.0.0.1' } });
  const answers = [await get('/tasks'), await get(`/tasks/${TASK}`), await get(`/tasks/${TASK}/synthetic`)];
  await api.close();
  const read = async (file: string) =>
    (
      await readFile(file, 'utf8').catch((error: unknown) =>
        errorCode(error) === 'ENOENT' ? '' : Promise.reject(error),
      )
    )
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as MarkedRow);
  const [train, test, synthetic] = await Promise.all([read(files.train), read(files.test), read(files.synthetic)]);
  const kept = await keptFiles(steps.need('publish').repo);
  const left = {
    'hub, both ways': withBase64(proxy.text),
    'hub, what is kept': kept.map(({ text }) => text).join('\n'),
    'log lines': JSON.stringify(lines),
    'HTTP answers': answers.map(({ body }) => body).join('\n'),
    offer: JSON.stringify(buildOffer(services, steps, request)),
    'chain commitment': steps.need('split').seal,
    'language model': llm.asked.map(({ text }) => text).join('\n'),
  };
  return { train, test, synthetic, left, kept, steps, answers, lines, files };
}

/** The commit call carries files as base64. */
const withBase64 = (text: string) =>
  [
    text,
    ...(text.match(/[A-Za-z0-9+/]{40,}={0,2}/g) ?? []).map((run) => Buffer.from(run, 'base64').toString('latin1')),
  ].join('\n');

/** All files of a dataset repo: their bytes, and rows of compressed ones as text. */
async function keptFiles(repo: string): Promise<{ bytes: string; text: string }[]> {
  const token = new Secret(await hub.createToken({ namespace: 'v', role: 'read' }));
  const client = createHub({ endpoint: hub.endpoint, token });
  const to = join(opened.folder, 'kept');
  const { revision } = await client.resolve({ type: 'dataset', repo });
  const files = await client.download({
    type: 'dataset',
    repo,
    revision,
    to,
    limits: { maxBytes: 1e8, maxFiles: 100 },
  });
  return Promise.all(
    files.map(async ({ path }) => {
      const file = join(to, path);
      const bytes = await readFile(file, 'latin1');
      if (!path.endsWith('.parquet')) return { bytes, text: await readFile(file, 'utf8') };
      return { bytes, text: JSON.stringify((await readDataset({ path: file, format: 'parquet' })).rows) };
    }),
  );
}

const marksOf = (row: MarkedRow) => [row.instruction, row.output].flatMap((text) => text.match(/[a-z]+\d{4}z/g) ?? []);

describe.each(['augment', 'llm'] as const)('before the deadline, with synthetic rows by %s', (name) => {
  it('no byte of a test or synthetic row leaves by hub, wire, log, HTTP or to a language model', async () => {
    const { train, test, synthetic, left, kept, steps, answers, lines, files } = await prepare(
      name === 'llm' ? llmGenerator() : undefined,
    );
    expect([train.length, test.length, synthetic.length]).toEqual([216, 24, 20]);
    // The recording does see rows: every train row went to the hub, in clear.
    for (const row of train)
      for (const word of marksOf(row)) expect(left['hub, what is kept'].includes(word)).toBe(true);
    // Everything that is kept passed by; and rows that passed by packed are rows that are kept.
    const [sent, packed] = [left['hub, both ways'], kept.filter(({ bytes }) => bytes.startsWith('PAR1'))];
    for (const { bytes } of kept.filter(({ bytes }) => !bytes.includes('filter=lfs')))
      expect(sent.includes(bytes)).toBe(true);
    expect(packed).toHaveLength(1);
    // Its begin and end, and its begin once more in the sample that goes ahead of it.
    expect(sent.split('PAR1').length - 1).toBe(3);
    for (const [way, text] of Object.entries(left)) {
      for (const row of test)
        for (const word of marksOf(row)) expect(text.includes(word), `${way}: a test row`).toBe(false);
      for (const row of synthetic) {
        // What `augment` edits has its words from a train row; the edited texts as such must not be seen.
        const secret = [row.instruction, row.output].filter(
          (cell) => !train.some((other) => Object.values(other).includes(cell)),
        );
        expect(secret.length).toBeGreaterThan(0);
        for (const cell of secret) {
          const json = JSON.stringify(cell);
          for (const form of [cell, json.slice(1, -1), JSON.stringify(json).slice(3, -3)]) {
            expect(text.includes(form), `${way}: a synthetic row`).toBe(false);
          }
        }
      }
      expect(text.includes(steps.need('seed')), `${way}: the seed`).toBe(false);
      expect(text.includes('sk-llm'), `${way}: a key`).toBe(false);
    }
    const words = left['language model'].match(/reply\d{4}z/g) ?? [];
    const ofTrain = new Set(train.flatMap(marksOf));
    expect(words.every((word) => ofTrain.has(word))).toBe(true);
    expect(words.length > 0).toBe(name === 'llm');

    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 409]);
    // Counts at once, figures on the test rows when all is over.
    const { account, quality } = answers[1]!.json().synthetic;
    expect(account).toMatchObject({ generator: name, asked: 20, accepted: 20, filled: 0, shortfall: 0 });
    expect(quality).toBeNull();
    expect(lines.filter(({ message }) => message === 'synthetic rows made')).toEqual([
      expect.objectContaining({ level: 'info', generator: name, accepted: 20 }),
    ]);
    const report = JSON.parse(await readFile(files.syntheticReport, 'utf8'));
    expect(report).toEqual(steps.need('split').synthesis);
    expect(report.quality.novelty.test.exact).toBe(0);
  });
});

it('after the receipt the synthetic rows are given out, byte for byte as sealed', async () => {
  const { files } = await prepare(llmGenerator());
  opened.store.receipts.put(TASK, { body: {} } as never);
  const services = {
    ...fakeServices({ ...opened, chain: new FakeChain(), peer: new FakePeer(), signal: life.signal }),
  };
  const api = createValidatorApi(services, undefined as unknown as TaskRunner, undefined);
  const answer = await api.inject({ url: `/tasks/${TASK}/synthetic`, headers: { host: '127.0.0.1' } });
  await api.close();
  expect(answer.statusCode).toBe(200);
  expect(answer.body).toBe(await readFile(files.synthetic, 'utf8'));
});
