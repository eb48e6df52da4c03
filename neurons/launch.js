import { existsSync } from 'node:fs';

// Telemetry of onnxruntime is latched at its first session, in this process and in those it spawns.
process.env.ORT_DISABLE_TELEMETRY = '1';

/** Checks what must be true before anything can be imported, then hands over to the built command line. */
export async function launch(command) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old: install Node 20.19 or newer`);
  }
  const entry = new URL('../packages/cli/dist/index.js', import.meta.url);
  if (!existsSync(entry)) fail('the daemons are not built: run `npm ci` (it also builds), or `npm run build`');
  const cli = await import(entry.href);
  await cli[command](process.argv);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(78);
}
