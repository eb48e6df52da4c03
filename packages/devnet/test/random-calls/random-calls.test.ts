import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { sequences } from './arbitraries.ts';
import { emulatedChain, realChain } from './both.ts';
import { expectSame, play, playSteered } from './compare.ts';
import { CORPUS_SIZE, type Corpus, compact, unpack } from './corpus.ts';
import { NAMED_IN_RANDOM_CALLS } from './differences.ts';
import { type Items, itemsOf, summaryOf } from './digest.ts';
import type { DirectChain } from './direct-chain.ts';

const runtime = process.env['SUBTENSOR_RUNTIME'];
/** With RECORD_VECTORS set, what the real runtime gives becomes the record; never what we compute. */
const recording = process.env['RECORD_VECTORS'] !== undefined;
const SEQUENCES = Number(process.env['RANDOM_SEQUENCES'] ?? 1000);
const SEED = Number(process.env['RANDOM_SEED'] ?? 20_260_424);
const ENOUGH_FOR_ALL_NAMES = 1000;
/** Of a sequence on both runtimes, many times over what it takes. */
const SEQUENCE_MS = 5_000;
const VECTORS = new URL('../vectors/random-calls-spec-293.json', import.meta.url);

let ours: DirectChain;
let ourItems: Items;

beforeAll(async () => {
  ours = await emulatedChain();
  ourItems = itemsOf(ours.client);
}, 60_000);

describe.skipIf(!runtime)('random sequences of calls (SUBTENSOR_RUNTIME)', () => {
  let real: DirectChain;
  let realItems: Items;
  let shared: Items;

  beforeAll(async () => {
    real = await realChain(runtime!);
    const all = itemsOf(real.client);
    realItems = new Map([...all].filter(([prefix]) => ourItems.has(prefix)));
    shared = new Map([...ourItems].filter(([prefix]) => all.has(prefix)));
  }, 60_000);

  it(
    `${SEQUENCES} of them have the same outcome on both runtimes`,
    async () => {
      console.info(`random calls: seed ${SEED}, ${SEQUENCES} sequences (RANDOM_SEED, RANDOM_SEQUENCES)`);
      const met = new Map<string, number>();
      let calls = 0;
      const property = fc.asyncProperty(sequences, async (steps) => {
        // The test runner wants to be heard between sequences.
        await new Promise((resolve) => setImmediate(resolve));
        const [steered, mine] = playSteered(ours.branch(), steps, shared);
        const theirs = play(real.branch(), steered, realItems);
        for (const id of expectSame(steered, theirs, mine)) met.set(id, (met.get(id) ?? 0) + 1);
        calls += steered.reduce((sum, step) => sum + step.calls.length, 0);
      });
      await fc.assert(property, { numRuns: SEQUENCES, seed: SEED });
      console.info(`random calls: ${calls} calls; named differences met: ${JSON.stringify(Object.fromEntries(met))}`);
      // A name that nothing meets is out of date; fewer sequences may miss a rare one.
      const unmet = NAMED_IN_RANDOM_CALLS.filter((id) => !met.has(id));
      if (SEQUENCES >= ENOUGH_FOR_ALL_NAMES) expect(unmet).toEqual([]);
    },
    60_000 + SEQUENCES * SEQUENCE_MS,
  );

  it.runIf(recording)(
    'some are recorded',
    () => {
      const recorded = fc.sample(sequences, { numRuns: CORPUS_SIZE, seed: SEED }).map((steps) => {
        const [steered] = playSteered(ours.branch(), steps, shared);
        return { steps: steered, played: play(real.branch(), steered, realItems) };
      });
      const { specName, specVersion } = real.runtime.version;
      expect(specVersion).toBe(293);
      const items = [...shared.values()].map(({ name }) => name);
      writeFileSync(VECTORS, compact({ runtime: `${specName} ${specVersion}`, items, recorded }));
    },
    120_000,
  );
});

describe('sequences of calls as a real runtime was seen to answer them', () => {
  const corpus: Corpus = unpack(readFileSync(VECTORS, 'utf8'));

  it(`are ${CORPUS_SIZE}, of hundreds of calls that succeed and of hundreds that are refused`, () => {
    const results = corpus.recorded.flatMap(({ played }) => played.blocks.flatMap(({ calls }) => calls));
    const good = results.filter(({ result }) => result === 'ok');
    expect(corpus.recorded).toHaveLength(CORPUS_SIZE);
    expect(good.length).toBeGreaterThan(300);
    expect(results.length - good.length).toBeGreaterThan(300);
  });

  it.each(corpus.recorded.map((one, i) => ({ ...one, i })))('sequence $i', ({ steps, played }) => {
    const items = new Map([...ourItems].filter(([, { name }]) => corpus.items.includes(name)));
    const mine = play(ours.branch(), steps, items);
    expectSame(steps, played, { ...mine, digest: summaryOf(mine.digest) });
  });
});
