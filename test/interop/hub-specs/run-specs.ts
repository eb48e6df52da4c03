import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SETUP = fileURLToPath(new URL('./huggingface-co.mjs', import.meta.url));
const DEADLINE_MS = 200_000;

/**
 * Where the client's sources and specs are: the checkout of huggingface.js that HF_JS_CHECKOUT names, or the installed
 * package, which ships them.
 */
export function specSource(): string {
  const checkout = process.env['HF_JS_CHECKOUT'];
  if (!checkout) return join(dirname(createRequire(import.meta.url).resolve('@huggingface/hub')), '..');
  const found = [join(checkout, 'packages', 'hub'), checkout].find((path) => existsSync(join(path, 'src', 'lib')));
  if (!found) throw new Error(`HF_JS_CHECKOUT names ${checkout}, which has no packages/hub/src/lib`);
  return found;
}

export interface SpecResult {
  /** File and full name: `commit.spec.ts: commit should …`. */
  name: string;
  passed: boolean;
  /** First line of what went wrong. */
  failure: string;
}

/** Plays spec files of the client, in a temporary copy, against the hub at `endpoint`. */
export async function runSpecs(specs: readonly string[], endpoint: string, token: string): Promise<SpecResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-specs-'));
  try {
    const source = specSource();
    for (const name of ['src', 'tsconfig.json']) cpSync(join(source, name), join(folder, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const constants = { TEST_HUB_URL: endpoint, TEST_USER: 'hub.js', TEST_ACCESS_TOKEN: token, TEST_COOKIE: 'none' };
    const lines = Object.entries(constants).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`);
    writeFileSync(join(folder, 'src', 'test', 'consts.ts'), lines.join('\n'));
    const test = { testTimeout: 60_000, setupFiles: [SETUP], include: specs.map((name) => `src/lib/${name}`) };
    writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify({ test })};`);
    const out = join(folder, 'report.json');
    const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
    const args = [vitest, 'run', '--root', folder, '--reporter=json', `--outputFile=${out}`];
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, NO_COLOR: '1', LOCAL_HUB: endpoint };
    // It ends with 1 when a spec fails; what counts is the report.
    const printed = await new Promise<string>((resolve) => {
      const options = { cwd: folder, env, timeout: DEADLINE_MS, maxBuffer: 64 * 1024 * 1024 };
      execFile(process.execPath, args, options, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
    if (!existsSync(out)) throw new Error(`vitest gave no report: ${printed.slice(-2000)}`);
    return readReport(readFileSync(out, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Report {
  testResults: {
    name: string;
    message?: string;
    assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
  }[];
}

function readReport(text: string): SpecResult[] {
  return (JSON.parse(text) as Report).testResults.flatMap(({ name, message, assertionResults }) => {
    const file = basename(name);
    if (assertionResults.length === 0)
      return [{ name: `${file}: cannot be loaded`, passed: false, failure: message ?? '' }];
    return assertionResults.map(({ fullName, status, failureMessages }) => ({
      name: `${file}: ${fullName}`,
      passed: status === 'passed',
      failure: failureMessages?.[0]?.split('\n')[0] ?? '',
    }));
  });
}
