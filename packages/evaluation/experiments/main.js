// The experiments behind the thresholds of the fine-tune check.
//
//   npx tsc -b packages/evaluation && node packages/evaluation/experiments/main.js [--count 200] [--quick]
//
// Writes results.json and the tables of README.md beside itself; --quick prints and writes nothing.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attacksOnBase, attacksOnSubmission, judgeAttack } from './dishonest.js';
import { openField } from './field.js';
import { honestField, honestFigures } from './honest.js';
import { attackTable, honestTable } from './tables.js';

const { values: flags } = parseArgs({
  options: { count: { type: 'string', default: '200' }, quick: { type: 'boolean', default: false } },
});
const here = import.meta.dirname;
const started = Date.now();
const say = (text) => process.stderr.write(`${((Date.now() - started) / 1_000).toFixed(0)} s  ${text}\n`);

const field = await openField(join(here, '..', '..', 'devnet', 'assets'));
const baseLoss = field.baseRows.sumNll.reduce((a, b) => a + b) / field.baseRows.tokens.reduce((a, b) => a + b);
const models = await honestField(field, flags.quick ? 20 : Number(flags.count), {
  epochs: !flags.quick,
  onModel: ({ index, loss }) =>
    index % 10 === 9 && say(`${index + 1} honest models, the last with loss ${loss.toFixed(3)}`),
});
say('comparing');
const honest = honestFigures(models, field.baseRows);

/** Useful ones that have their weights: there is nothing to gain from copying another. */
const worthCopying = models.filter(({ weights, loss }) => weights && loss < baseLoss - 0.1);
const onBase = {};
for (const [name, weights] of Object.entries(attacksOnBase(field))) {
  onBase[name] = [await judgeAttack(field, weights, [], baseLoss)];
}
const onSubmission = {};
const victims = [true, false].flatMap((lora) =>
  worthCopying.filter(({ recipe }) => Boolean(recipe.hyperparameters.lora) === lora).slice(0, flags.quick ? 1 : 5),
);
for (const victim of victims) {
  const other = worthCopying.find(({ index, recipe }) => index !== victim.index && recipe.data === victim.recipe.data);
  if (!other) continue;
  say(`attacks on model ${victim.index}`);
  for (const [name, weights] of Object.entries(await attacksOnSubmission(field, victim, other))) {
    onSubmission[name] ??= [];
    onSubmission[name].push(await judgeAttack(field, weights, [victim, other], victim.loss));
  }
}

const results = { machine: 'CPU', baseLoss, honest, onBase, onSubmission };
const tables = `${honestTable(results)}\n${attackTable(results)}`;
if (flags.quick) process.stdout.write(tables);
else {
  await writeFile(join(here, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
  const readme = await readFile(join(here, 'README.md'), 'utf8');
  const [before] = readme.split('<!-- tables -->');
  await writeFile(join(here, 'README.md'), `${before}<!-- tables -->\n\n${tables}`);
}
say('done');
