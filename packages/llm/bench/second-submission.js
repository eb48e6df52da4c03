// What a further submission on a base costs in sessions. Where it has a sealed job of its own, as in a tournament: every figure
// from a process that has compiled nothing before, the graph built and compiled anew, which is what we do; and read as an
// earlier job would have left it, optimised by onnxruntime, with its digest checked, which is what could be shared. And where
// it is measured together with the first, as by `tuning evaluate`: the sessions that onnxruntime was asked for, counted, and
// the time, beside those of each alone, in one process and in turns. See README.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  buildForward,
  createMeasurer,
  createSession,
  createSharedMeasurer,
  loadRuntime,
  loadWeights,
  readModelConfig,
} from '@tuning/llm';
import { readRows } from './models.js';
import { rounded } from './side.js';

const ROUNDS = 5;

/**
 * @param runMs milliseconds of measuring the rows once, that compiling is a share of
 * @returns for the report: what stands at the top is of a job of its own, times in milliseconds, each the least of several.
 */
export async function secondSubmission({ runMs, ...args }) {
  const file = join(args.dir, 'optimised.ort');
  const ask = async (way) => {
    const request = [fileURLToPath(import.meta.url), JSON.stringify({ way, file, ...args })];
    return JSON.parse((await promisify(execFile)(process.execPath, request)).stdout);
  };
  const { bytes } = await ask('keep');
  const least = { anew: Number.POSITIVE_INFINITY, shared: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of Object.keys(least)) least[way] = Math.min(least[way], (await ask(way)).ms);
  }
  const { sessions, ms } = await ask('together');
  return {
    newSessions: sessions.second,
    sessionMs: rounded(least.anew, 1),
    shareOfRun: rounded(least.anew / runMs, 3),
    // Not built: what an optimised graph that the base's job left would save, and how large it is.
    withSharedGraph: {
      sessionMs: rounded(least.shared, 1),
      savedShareOfRun: rounded((least.anew - least.shared) / runMs, 3),
      kilobytes: Math.round(bytes / 1000),
    },
    together: {
      sessions: sessions.both,
      newSessions: sessions.both - sessions.first,
      bothMs: rounded(ms.both, 1),
      // What the second adds, beside what it takes by itself.
      secondMs: rounded(ms.both - ms.first, 1),
      aloneMs: rounded(ms.second, 1),
    },
  };
}

/** The goal of a second submission on a base without a second session, by who measures. */
export function withoutSession({ newSessions, together }) {
  return {
    met: { together: together.newSessions === 0, jobOfItsOwn: newSessions === 0 },
    why: 'a tournament gives each submission a sealed process of its own',
  };
}

export function secondSubmissionText({ newSessions, sessionMs, shareOfRun, withSharedGraph, together }) {
  return (
    `a second submission measured together with the first compiles ${together.newSessions} sessions more and takes ` +
    `${together.secondMs} ms, by itself ${together.aloneMs} ms\n` +
    `in a sealed job of its own it compiles ${newSessions}: ${sessionMs} ms, ${shareOfRun} of the run; with a shared graph of ` +
    `${withSharedGraph.kilobytes} kB ${withSharedGraph.sessionMs} ms (not built)`
  );
}

/** Milliseconds until a session is ready, and the bytes that would be shared. */
const sessionWays = {
  async anew({ config, batch, tokens, threads }) {
    return createSession(buildForward(config, { batch, tokens, rowTokens: 0 }), { threads, optimisation: 'disabled' });
  },
  async shared({ ort, file, options }) {
    const graph = await readFile(file);
    createHash('sha256').update(graph).digest();
    return ort.InferenceSession.create(graph, options);
  },
  async keep({ ort, config, batch, tokens, file, options }) {
    const graph = buildForward(config, { batch, tokens, rowTokens: 0 });
    const extra = { session: { save_model_format: 'ORT' } };
    return ort.InferenceSession.create(graph, { ...options, optimizedModelFilePath: file, extra });
  },
};

async function timeSession(way, args) {
  const options = { executionProviders: ['cpu'], intraOpNumThreads: args.threads, graphOptimizationLevel: 'all' };
  const start = performance.now();
  const session = await sessionWays[way]({ ...args, options });
  const ms = performance.now() - start;
  await session.release();
  return { ms, bytes: way === 'keep' ? (await readFile(args.file)).length : undefined };
}

/** Sessions compiled and least milliseconds of the first model, of the second, and of both together. */
async function timeTogether({ ort, config, dir, rowsFile, threads, rounds }) {
  const rows = await readRows(rowsFile);
  const first = await loadWeights(config, { kind: 'full', dir });
  // A fine-tune of it, as far as the arithmetic goes.
  const moved = (data) => data.map((value, i) => value * (1 + 0.01 * Math.sin(i)));
  const second = new Map([...first].map(([name, data]) => [name, moved(data)]));
  const of = {
    first: async () => [await createMeasurer(config, first, { threads }).measure(rows)],
    second: async () => [await createMeasurer(config, second, { threads }).measure(rows)],
    both: async () => {
      const results = await createSharedMeasurer(config, [first, second], { threads }).measure(rows);
      return results.map(({ value }) => value);
    },
  };
  const create = ort.InferenceSession.create;
  let compiled = 0;
  ort.InferenceSession.create = (...args) => {
    compiled++;
    return create.apply(ort.InferenceSession, args);
  };
  const ms = { first: Number.POSITIVE_INFINITY, second: Number.POSITIVE_INFINITY, both: Number.POSITIVE_INFINITY };
  const sessions = {};
  const losses = {};
  // The first round does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const what of Object.keys(ms)) {
      compiled = 0;
      const start = performance.now();
      losses[what] = (await of[what]()).map(({ summary }) => summary.loss);
      if (round > 0) ms[what] = Math.min(ms[what], performance.now() - start);
      sessions[what] = compiled;
    }
  }
  if (String(losses.both) !== String([...losses.first, ...losses.second])) {
    throw new Error(`together the losses are ${losses.both}, alone ${losses.first} and ${losses.second}`);
  }
  return { sessions, ms };
}

if (process.argv[1] && (await realpath(process.argv[1])) === fileURLToPath(import.meta.url)) {
  const { way, ...request } = JSON.parse(process.argv[2]);
  // Loading the library is part of either way, and of any job.
  const args = { ...request, config: await readModelConfig(request.dir), ort: await loadRuntime() };
  const answer = way === 'together' ? await timeTogether(args) : await timeSession(way, args);
  process.stdout.write(JSON.stringify(answer));
}
