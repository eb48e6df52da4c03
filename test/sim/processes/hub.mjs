// The local hub in a process of its own, to be killed. Usage: hub.mjs <data folder> <port, 0: any>. Prints {endpoint, token}.
// It ends with its parent.
import { startHub } from '@tuning/devnet';

const [, , dataDir, port] = process.argv;
const hub = await startHub({ dataDir, port: Number(port) });
const token = await hub.createToken({ namespace: 'sim', role: 'write' });
process.stdout.write(`${JSON.stringify({ endpoint: hub.endpoint, token })}\n`);
process.stdin.resume().on('end', () => process.exit(0));
