// Writes the folder `trained` with this repository's trainer: npx tsc -b packages/llm && node make-trained.js
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainModel } from '@tuning/llm';
import { trainedArgs } from './trained-recipe.js';

const outDir = await mkdtemp(join(tmpdir(), 'trained-'));
const { finalLoss } = await trainModel(trainedArgs(join(import.meta.dirname, 'llama'), outDir));
await cp(join(outDir, 'model'), join(import.meta.dirname, 'trained'), { recursive: true });
await rm(outDir, { recursive: true });
process.stdout.write(`loss ${finalLoss}\n`);
