// A devnet in a process of its own, so that a client's time is not the node's: node-process.js '{"blockMs":250}'.
import { startDevnetNode } from '@tuning/devnet';

const node = await startDevnetNode(JSON.parse(process.argv[2] ?? '{}'));
process.send({ endpoint: node.endpoint });
process.on('disconnect', () => process.exit(0));
