import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { augmentGenerator, givenRows, type Row, type SplitVersion, sealSplit } from '@tuning/dataset';
import { devAccount } from '@tuning/devnet';
import { canonicalJson, type Json, PROMPT_FORMAT, type ReceiptBody, receiptMessage } from '@tuning/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tuningDataset } from './dataset-command.ts';

const SEED = Buffer.alloc(32, 7);
const HASH = `0x${'ab'.repeat(32)}`;
const rows: Row[] = Array.from({ length: 60 }, (_, i) => ({
  instruction: `What does "word${i}" mean?`,
  output: `a large tree${i} or house${i} with roof${i}, wall${i}, door${i} and garden${i}`,
}));
const lines = (all: readonly Row[]) => all.map((row) => `${JSON.stringify(row)}\n`).join('');

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-'));
  file = await write('rows.jsonl', lines(rows));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  process.exitCode = undefined;
});

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** What a validator would sign for these rows. */
async function receiptOf({
  splitVersion,
  synthetic,
  change = () => {},
  resign = true,
}: {
  splitVersion?: SplitVersion;
  synthetic?: Row[];
  change?: (body: ReceiptBody) => void;
  resign?: boolean;
}): Promise<object> {
  const signer = await devAccount('//Alice');
  const generator = synthetic ? givenRows(synthetic) : augmentGenerator;
  const split = { rows, type: 'instruct', seed: SEED, syntheticCount: 20, generator } as const;
  const sealed = await sealSplit({ ...split, ...(splitVersion ? { splitVersion } : {}) });
  const { seal, datasetDigest, trainDigest, testDigest, syntheticDigest } = sealed;
  const summary = { loss: 1, rowLoss: 1, perplexity: Math.E, sumNll: 10, tokens: 10, rowsKept: 1, rowsDropped: {} };
  const body = {
    version: 1,
    taskId: '0123456789abcdef',
    genesisHash: HASH,
    netuid: 1,
    validator: signer.address,
    model: { repo: 'a/base', revision: 'a'.repeat(40) },
    datasetType: 'instruct',
    promptFormat: PROMPT_FORMAT,
    sequenceLen: 128,
    seal: {
      ...{ seal, datasetDigest, trainDigest, testDigest, syntheticDigest, seed: SEED.toString('hex'), block: 5 },
      ...(splitVersion === 1 ? {} : { splitVersion: sealed.splitVersion }),
      ...(synthetic ? { syntheticGenerator: 'llm' } : {}),
    },
    rows: { dataset: 60, train: sealed.train.length, test: sealed.test.length, synthetic: sealed.synthetic.length },
    train: { repo: 'a/train', revision: 'b'.repeat(40) },
    draw: { block: 6, blockHash: HASH, eligible: [], order: [], declined: [] },
    deadlineBlock: 50,
    base: { synthetic: summary, test: summary },
    ranking: { block: 60, work: 1, eligible: [], gate: [] },
    entries: [],
  } as unknown as ReceiptBody;
  const signed = structuredClone(body);
  change(body);
  const digestOf = (of: ReceiptBody) =>
    createHash('sha256')
      .update(canonicalJson(of as unknown as Json))
      .digest('hex');
  const digest = digestOf(resign ? body : signed);
  return { body, digest, signature: Buffer.from(signer.sign(receiptMessage(digest))).toString('hex') };
}

async function verify(
  receipt: object,
  ...flags: string[]
): Promise<{ ok: boolean; problems: string[]; code: unknown }> {
  const path = await write('receipt.json', JSON.stringify(receipt));
  const out = await tuningDataset('verify', path, ...flags, '--json');
  return { ...JSON.parse(out), code: process.exitCode };
}

describe('tuning dataset verify', () => {
  it('says yes to the split that was sealed, of either version, alone or as a daemon answers it', async () => {
    const receipt = await receiptOf({});
    expect(await verify(receipt, file)).toMatchObject({ ok: true, problems: [], splitVersion: 2, code: undefined });
    expect(await verify({ id: 'task-1', receipt }, file)).toMatchObject({ ok: true });
    expect(await verify(await receiptOf({ splitVersion: 1 }), file)).toMatchObject({ ok: true, splitVersion: 1 });
  });

  it('checks rows of a language model as they were given out', async () => {
    const synthetic = rows.slice(0, 20).map((row, i) => ({ ...row, instruction: `Please explain "other${i}".` }));
    const receipt = await receiptOf({ synthetic });
    const given = await write('synthetic.jsonl', lines(synthetic));
    expect(await verify(receipt, file, '--synthetic', given)).toMatchObject({ ok: true });
    const other = await write('other.jsonl', lines(synthetic.slice(1)));
    const refused = await verify(receipt, file, '--synthetic', other);
    expect(refused.problems.map((one) => one.split(':')[0])).toEqual(['syntheticDigest', 'seal']);
    await expect(verify(receipt, file)).rejects.toMatchObject({ code: 'SYNTHETIC_ROWS_NEEDED' });
    await expect(verify(await receiptOf({}), file, '--synthetic', given)).rejects.toMatchObject({
      code: 'FLAG_INVALID',
    });
  });

  it('says no, and what differs, to other rows, another seed, a changed body and a foreign signature', async () => {
    const changed = await write('changed.jsonl', lines([...rows.slice(1), rows[0]!]));
    const reordered = await verify(await receiptOf({}), changed);
    expect(reordered).toMatchObject({ ok: false, code: 1 });
    expect(reordered.problems.join('\n')).toMatch(/^datasetDigest: /m);
    const fewer = await verify(await receiptOf({}), await write('fewer.jsonl', lines(rows.slice(0, 10))));
    expect(fewer.problems.join('\n')).toMatch(/^DATASET_TOO_SMALL: /m);
    expect(fewer.problems.join('\n')).toMatch(/tells of 60 rows/);
    const seed = await verify(
      await receiptOf({
        change: (body) => {
          body.seal.seed = '00'.repeat(32);
        },
      }),
      file,
    );
    expect(seed.problems.map((one) => one.split(':')[0])).toEqual(
      expect.arrayContaining(['trainDigest', 'testDigest', 'seal']),
    );
    const edit = (body: ReceiptBody) => {
      body.deadlineBlock += 1;
    };
    expect((await verify(await receiptOf({ change: edit, resign: false }), file)).problems).toEqual([
      expect.stringMatching(/^digest: /),
    ]);
    const bob = (await devAccount('//Bob')).address;
    const foreign = await receiptOf({
      change: (body) => {
        body.validator = bob;
      },
    });
    expect((await verify(foreign, file)).problems).toEqual([expect.stringMatching(/^signature: not one of 5/)]);
  });

  it('refuses what is no receipt in one line', async () => {
    await expect(verify({ body: {} }, file)).rejects.toMatchObject({ code: 'RECEIPT_INVALID' });
    await expect(verify(await receiptOf({}), join(folder, 'none.jsonl'))).rejects.toMatchObject({
      message: expect.stringContaining('none.jsonl'),
    });
  });
});
