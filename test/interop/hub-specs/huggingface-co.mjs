// Loaded before each spec. The specs upload a few files "from the web" and read two public repos; there is no internet,
// so files of huggingface.co are made up here and its API is the local hub's.
import { readFileSync } from 'node:fs';

const { LOCAL_HUB } = process.env;
const real = globalThis.fetch;

/** Long enough for LFS where the original is. */
const SIZES = { 'group1-shard1of2': 4_194_304, 'group1-shard2of2': 4_000_000, 'coffee.jpg': 100_000 };

/** The one file that the specs know by heart: as it stands in them. */
const config = /`\s*(\{\n {2}"activation_function"[\s\S]*?\n\})\s*`/.exec(
  readFileSync('src/lib/upload-files.spec.ts', 'utf8'),
)?.[1];

globalThis.fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  if (url.origin !== 'https://huggingface.co') return real(input, init);
  if (!/\/(raw|resolve)\/main\//.test(url.pathname)) return real(`${LOCAL_HUB}${url.pathname}${url.search}`, init);
  const name = url.pathname.split('/').at(-1);
  const body =
    name in SIZES
      ? new Uint8Array(SIZES[name])
      : new TextEncoder().encode(name === 'config.json' ? config : `{"made_up":"${name}"}`);
  const headers = { 'Content-Length': String(body.length), 'Content-Type': 'application/octet-stream' };
  if (init?.method === 'HEAD') return new Response(null, { headers });
  const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init?.headers).get('range') ?? '');
  if (!range) return new Response(body, { headers });
  const part = body.slice(Number(range[1]), Number(range[2]) + 1);
  return new Response(part, {
    status: 206,
    headers: {
      ...headers,
      'Content-Length': String(part.length),
      'Content-Range': `bytes ${range[1]}-${range[2]}/${body.length}`,
    },
  });
};
