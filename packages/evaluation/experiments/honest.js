// Honest fine-tunes, what the check says of each, and how alike they are.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkChanged, checkFineTune, deltaSimilarity, explainedBy, findCopy, rowDistance } from '@tuning/evaluation';
import { compare, measure, train } from './field.js';
import { epochRecipes, randomOf, recipeOf } from './recipes.js';

/** Trains `count` random recipes and then, unless told otherwise, those that see every row several times. */
export async function honestField(field, count, { epochs = true, onModel = () => {} } = {}) {
  const root = await mkdtemp(join(tmpdir(), 'honest-'));
  const recipes = [...Array(count).keys()].map(recipeOf);
  if (epochs) recipes.push(...epochRecipes(count));
  const models = [];
  for (const [index, recipe] of recipes.entries()) {
    const outDir = join(root, String(index));
    const { weights } = await train(field, recipe, outDir);
    await rm(outDir, { recursive: true, force: true });
    const model = { index, recipe, ...(await compare(field, weights)), ...(await measure(field, weights)) };
    // All weights together would be a gigabyte.
    if (index < 60) model.weights = weights;
    models.push(model);
    onModel(model);
  }
  await rm(root, { recursive: true, force: true });
  return models;
}

/** As `findCopy` takes it; the index stands for hotkey and block. */
export const comparable = ({ index, sketch, rows }) => ({ hotkey: `miner-${index}`, block: index, sketch, rows });

/** The verdict on the weights alone: undefined, or the refusal's code. */
export function refusal({ recipe, comparison }) {
  // An adapter merged by its miner is a full model: the harder check.
  return (
    recipe?.hyperparameters.lora ? (checkChanged(comparison) ?? checkFineTune(comparison)) : checkFineTune(comparison)
  )?.code;
}

export function honestFigures(models, baseRows, groupCount = 2_000) {
  const matrices = ({ comparison }) => comparison.tensors.filter(({ shape }) => shape.length > 1);
  const pairs = [];
  for (const later of models) {
    for (const earlier of models.slice(0, later.index)) {
      const { cosine, nearTensors, tensors } = deltaSimilarity(earlier.sketch, later.sketch);
      const twins = later.recipe.twinOf === earlier.index;
      const near = nearTensors / tensors;
      pairs.push({ twins, cosine, near, rowDistance: rowDistance(later.rows, earlier.rows, baseRows) });
    }
  }
  const most = (list, key) => Math.max(...list.map((item) => item[key]));
  const least = (list, key) => Math.min(...list.map((item) => item[key]));
  const summary = (list) => ({
    pairs: list.length,
    highestCosine: most(list, 'cosine'),
    highestNearShare: most(list, 'near'),
    lowestRowDistance: least(list, 'rowDistance'),
  });
  const groups = groupsOf(models, groupCount);
  return {
    models: models.length,
    refused: models.filter((model) => refusal(model) !== undefined).length,
    lowestTurned: Math.min(...models.map(({ comparison }) => comparison.turned)),
    highestRelative: Math.max(...models.map(({ comparison }) => comparison.relative)),
    lowestMatrixCosine: Math.min(...models.flatMap((model) => matrices(model).map(({ cosine }) => cosine))),
    twins: summary(pairs.filter(({ twins }) => twins)),
    others: summary(pairs.filter(({ twins }) => !twins)),
    calledCopiesInPairs: models.flatMap((later) =>
      models.slice(0, later.index).filter((earlier) => findCopy(comparable(later), [comparable(earlier)], baseRows)),
    ).length,
    groupsOfFour: {
      groups: groups.length,
      highestMixtureShare: Math.max(...groups.map(mixtureShare)),
      calledCopies: groups.filter(([last, ...rest]) => findCopy(comparable(last), rest.map(comparable), baseRows))
        .length,
    },
  };
}

const mixtureShare = ([last, ...rest]) =>
  explainedBy(
    last.sketch,
    rest.map(({ sketch }) => sketch),
  ).share;

/** Random groups of four that were trained on the same data, the latest first. */
function groupsOf(models, count) {
  const random = randomOf(5);
  const groups = [];
  while (groups.length < count) {
    const first = models[Math.floor(random() * models.length)];
    const alike = models.filter(({ recipe }) => recipe.data === first.recipe.data);
    if (alike.length < 4) continue;
    const group = new Set();
    while (group.size < 4) group.add(alike[Math.floor(random() * alike.length)]);
    groups.push([...group].sort((a, b) => b.index - a.index));
  }
  return groups;
}
