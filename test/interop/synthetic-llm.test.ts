import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENDPOINT = process.env['TUNING_LLM_ENDPOINT'];
const MODEL = process.env['TUNING_LLM_MODEL'];
/** Rows asked for; a small model writes few of them. */
const COUNT = 20;

/** A language model behind a real OpenAI-compatible server, which the operator starts. See README.md. */
describe.skipIf(!ENDPOINT || !MODEL)(`synthetic rows by the model at ${ENDPOINT ?? 'TUNING_LLM_ENDPOINT'}`, () => {
  it('are asked for, checked and counted; what is missing is filled in', async () => {
    const rows = join(ROOT, 'packages', 'devnet', 'assets', 'wordnet-qa', 'data', 'train.jsonl');
    const flags = {
      generator: 'llm',
      endpoint: ENDPOINT!,
      model: MODEL!,
      count: String(COUNT),
      'rows-per-request': '3',
      'answer-tokens': '300',
      'max-requests': '15',
      'max-minutes': '4',
      parallel: '1',
    };
    const given = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const argv = [join(ROOT, 'packages', 'cli', 'bin', 'tuning.js'), 'dataset', 'synthesise', rows];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...argv, '--type', 'instruct', ...given, '--json'],
      { timeout: 290_000 },
    );
    const { account, quality } = JSON.parse(stdout);
    const { llm, refused, filled, accepted, proposed } = account;
    console.log(JSON.stringify({ account, quality }));
    expect(accepted).toBe(COUNT);
    // Answers came and were read: each row, or answer without one, has a count.
    expect(llm.promptTokens + llm.completionTokens).toBeGreaterThan(0);
    expect(proposed).toBeGreaterThan(0);
    const refusals = Object.values<number>(refused).reduce((sum, count) => sum + count, 0);
    expect(proposed).toBeGreaterThanOrEqual(accepted - filled + refusals);
    expect(quality.novelty.train.exact).toBe(0);
    expect(quality.novelty.test.exact).toBe(0);
    if (filled > 0) expect(llm.stopped).toBeDefined();
  }, 300_000);
});
