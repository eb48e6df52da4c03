import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { decodeAddress, sr25519Verify } from '@polkadot/util-crypto';
import { expandPath } from '@tuning/config';
import { augmentGenerator, givenRows, requireColumns, type StoredDataset, verifySplit } from '@tuning/dataset';
import { errorCode, errorMessage, OperatorError } from '@tuning/kit';
import { canonicalJson, type Json, type Receipt, receiptMessage, receiptSchema } from '@tuning/protocol';
import type { Command } from 'commander';
import { z } from 'zod';
import { withStoredRows } from '../models/stored-rows.ts';
import { shutdownSignal } from '../process-lifecycle.ts';
import { jsonText, printable } from '../text-table.ts';

/** Far above the receipt of a full subnet, whose entries take some kB each. */
const MAX_RECEIPT_BYTES = 32 * 1024 * 1024;
/** A receipt, or what GET /tasks/:id answers, which holds one. */
const withReceipt = z.preprocess(
  (value) => (typeof value === 'object' && value !== null && 'receipt' in value ? value.receipt : value),
  receiptSchema,
);

interface VerifyOptions {
  synthetic?: string;
  json?: boolean;
}

export interface Verification {
  ok: boolean;
  taskId: string;
  validator: string;
  splitVersion: number;
  rows: Receipt['body']['rows'];
  /** One sentence for each thing that differs. */
  problems: string[];
}

/** `tuning dataset verify`: exit 0 for yes, 1 for no. */
export function addDatasetVerifyCommand(dataset: Command): void {
  dataset
    .command('verify <receipt> <file>')
    .description("rebuild a task's split from the seed that its receipt reveals, and say whether it is what was sealed")
    .option('--synthetic <file>', 'rows of GET /tasks/:id/synthetic, where a language model made them')
    .option('--json', 'print JSON')
    .action(async (receipt: string, file: string, options: VerifyOptions) => {
      const result = await verify(receipt, file, options);
      process.stdout.write(options.json ? jsonText(result) : text(result));
      if (!result.ok) process.exitCode = 1;
    });
}

async function verify(receiptFile: string, file: string, { synthetic }: VerifyOptions): Promise<Verification> {
  const receipt = await readReceipt(expandPath(receiptFile));
  const { body } = receipt;
  const { seal: sealed } = body;
  const given = sealed.syntheticGenerator === 'llm';
  if (given && synthetic === undefined) {
    throw new OperatorError(
      'SYNTHETIC_ROWS_NEEDED',
      'a language model made the synthetic rows of this task, and no seed rebuilds them: give the rows of GET /tasks/:id/synthetic with --synthetic',
    );
  }
  if (!given && synthetic !== undefined) {
    throw new OperatorError('FLAG_INVALID', 'the seed rebuilds the synthetic rows of this task: leave --synthetic out');
  }
  const signal = shutdownSignal();
  return inStoredRows(synthetic === undefined ? [file] : [file, synthetic], signal, ([dataset, made]) =>
    verifyRows(receipt, file, dataset!, made, signal),
  );
}

async function verifyRows(
  receipt: Receipt,
  file: string,
  { rows, columns }: StoredDataset,
  synthetic: StoredDataset | undefined,
  signal: AbortSignal,
): Promise<Verification> {
  const { body } = receipt;
  const { seal: sealed, datasetType: type, rows: counts } = body;
  const problems = signatureProblems(receipt);
  const splitVersion = sealed.splitVersion ?? 1;
  try {
    requireColumns(columns, type);
    const generator = synthetic === undefined ? augmentGenerator : givenRows([...synthetic.rows]);
    const { seal, datasetDigest, trainDigest, testDigest, syntheticDigest } = sealed;
    const check = await verifySplit(
      {
        rows,
        type,
        seed: Buffer.from(sealed.seed, 'hex'),
        syntheticCount: counts.synthetic,
        splitVersion,
        generator,
        seal,
        claimed: { datasetDigest, trainDigest, testDigest, syntheticDigest },
      },
      signal,
    );
    problems.push(...check.problems);
  } catch (error) {
    // The file is not even a dataset that could have been split so.
    if (errorCode(error) === undefined || signal.aborted) throw error;
    problems.push(`${errorCode(error)}: ${errorMessage(error)}`);
  }
  if (rows.length !== counts.dataset) {
    problems.push(`the receipt tells of ${counts.dataset} rows, ${file} has ${rows.length}`);
  }
  return {
    ok: problems.length === 0,
    taskId: body.taskId,
    validator: body.validator,
    splitVersion,
    rows: counts,
    problems,
  };
}

async function inStoredRows<T>(
  files: readonly string[],
  signal: AbortSignal,
  work: (datasets: StoredDataset[]) => Promise<T>,
): Promise<T> {
  try {
    return await withStoredRows(files, signal, work);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || signal.aborted || error instanceof OperatorError) throw error;
    throw new OperatorError(code, errorMessage(error), { cause: error });
  }
}

async function readReceipt(path: string): Promise<Receipt> {
  const invalid = (problem: string, cause?: unknown) =>
    new OperatorError('RECEIPT_INVALID', `${path} is no receipt: ${problem}`, { cause });
  let text: string;
  try {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      if (size > MAX_RECEIPT_BYTES) throw invalid(`it has ${size} bytes, more than ${MAX_RECEIPT_BYTES}`);
      text = await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError('RECEIPT_UNREADABLE', `cannot read the receipt: ${errorMessage(error)}`, { cause: error });
  }
  try {
    return withReceipt.parse(JSON.parse(text));
  } catch (error) {
    throw invalid(
      error instanceof z.ZodError ? z.prettifyError(error).replaceAll(/\s+/g, ' ').slice(0, 300) : errorMessage(error),
      error,
    );
  }
}

/** The digest is of the body, and the signature over it the validator's. */
function signatureProblems({ body, digest, signature }: Receipt): string[] {
  const found = createHash('sha256')
    .update(canonicalJson(body as unknown as Json))
    .digest('hex');
  if (found !== digest) return [`digest: ${digest} was claimed, the receipt's body gives ${found}`];
  try {
    const key = decodeAddress(body.validator);
    if (sr25519Verify(receiptMessage(digest), Buffer.from(signature, 'hex'), key)) return [];
  } catch {
    // A signature of the wrong form is thrown at, not answered.
  }
  return [`signature: not one of ${body.validator} over this receipt`];
}

function text({ ok, taskId, validator, splitVersion, rows, problems }: Verification): string {
  const verdict = ok
    ? `yes: seed and rows give the split that was sealed (${rows.train} train, ${rows.test} test, ${rows.synthetic} synthetic rows; version ${splitVersion})`
    : 'no';
  return [
    `task ${taskId} of validator ${validator}`,
    verdict,
    ...problems.map((problem) => `- ${printable(problem)}`),
    '',
  ].join('\n');
}
