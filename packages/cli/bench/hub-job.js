// One side of `npm run bench -- hub`, in a process of its own, so that its peak memory is its own.
//   serve <folder>: a local hub; prints {endpoint, token}, and {peakRssBytes} once its input ends
//   up <endpoint> <repo> <file>, down <endpoint> <repo> <folder>, the token in BENCH_TOKEN: prints {seconds, peakRssBytes, …}
import { once } from 'node:events';
import { createHub } from '@tuning/hub';
import { Secret } from '@tuning/kit';

const [mode, ...args] = process.argv.slice(2);
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
/** Linux counts ru_maxrss in KiB. */
const peakRssBytes = () => process.resourceUsage().maxRSS * 1024;

if (mode === 'serve') {
  const { startHub } = await import('@tuning/devnet');
  const hub = await startHub({ dataDir: args[0] });
  print({ endpoint: hub.endpoint, token: await hub.createToken({ namespace: 'bench', role: 'write' }) });
  process.stdin.resume();
  await once(process.stdin, 'end');
  await hub.close();
  print({ peakRssBytes: peakRssBytes() });
} else {
  const [endpoint, repo, path] = args;
  const hub = createHub({ endpoint, token: new Secret(process.env.BENCH_TOKEN) });
  const ref = { type: 'model', repo };
  const { revision } = mode === 'down' ? await hub.resolve(ref) : {};
  let reports = 0;
  const options = { onProgress: () => reports++ };
  const start = performance.now();
  if (mode === 'up') {
    const files = [{ path: 'model.safetensors', content: path }];
    await hub.publish({ ...ref, visibility: 'private', files, message: 'bench' }, options);
  } else {
    await hub.download({ ...ref, revision, to: path, limits: { maxBytes: 2 ** 40, maxFiles: 10 } }, options);
  }
  print({ seconds: (performance.now() - start) / 1000, peakRssBytes: peakRssBytes(), reports });
}
