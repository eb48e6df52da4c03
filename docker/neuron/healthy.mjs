// Exit code 0 where the daemon in this container answers: healthy.mjs PORT (its HTTP endpoint's default; TUNING_HTTP_PORT wins).
const port = process.env.TUNING_HTTP_PORT ?? process.argv[2];
const host = process.env.TUNING_HTTP_HOST ?? '127.0.0.1';
const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}/healthz`;
const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch((error) => ({ ok: false, error }));
if (!answer.ok) {
  process.stderr.write(`${url}: ${answer.error?.cause?.message ?? answer.error?.message ?? answer.status}\n`);
  process.exit(1);
}
