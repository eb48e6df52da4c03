#!/usr/bin/env node
// `npm run bench -- <what> [options]`; without a name all of them, one after the other.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const benches = {
  data: '../../dataset/bench/data.js',
  eval: '../../llm/bench/eval.js',
  train: '../../llm/bench/train.js',
  chain: './chain.js',
  hub: './hub.js',
};
const [name, ...rest] = process.argv.slice(2);
const known = name !== undefined && name in benches;
if (name !== undefined && !name.startsWith('-') && !known) {
  process.stderr.write(`there is no bench "${name}": ${Object.keys(benches).join(', ')}\n`);
  process.exit(78);
}
for (const bench of known ? [name] : Object.keys(benches)) {
  const args = known ? rest : process.argv.slice(2);
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(benches[bench], import.meta.url)), ...args], {
    stdio: 'inherit',
    env,
  });
  if (status !== 0) process.exit(status ?? 1);
}
