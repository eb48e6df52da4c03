// Every attack on the fine-tune check, and what is said of it.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deltaSimilarity, explainedBy, findCopy, rowDistance } from '@tuning/evaluation';
import { writeSafetensors } from '@tuning/llm';
import * as attack from './attacks.js';
import { compare, measure, train } from './field.js';
import { comparable, refusal } from './honest.js';
import { normalOf } from './recipes.js';

const Q = 'model.layers.1.self_attn.q_proj.weight';

/** Attacks that start from nothing but the base. */
export function attacksOnBase({ base, shapes, config }) {
  const normal = normalOf(3);
  const unrelated = new Map([...base].map(([name, data]) => [name, data.map(() => 0.05 * normal())]));
  const other = (tensor) => attack.oneTensorOf(base, unrelated, tensor);
  return {
    'the base itself': base,
    'the base, every matrix × 1.001': attack.scaled(base, shapes, 1.001),
    'the base, every matrix × 1.1': attack.scaled(base, shapes, 1.1),
    'noise of 1e-7': attack.noise(base, 1e-7, 1),
    'noise of 1e-4': attack.noise(base, 1e-4, 1),
    'noise of 1e-2': attack.noise(base, 1e-2, 1),
    'noise of 0.3': attack.noise(base, 0.3, 1),
    'noise of 20': attack.noise(base, 20, 1),
    'to 8 bits and back': attack.quantised(base, shapes, 8),
    'to 4 bits and back': attack.quantised(base, shapes, 4),
    'neurons in another order': attack.permutedNeurons(base, shapes, 3),
    'heads in another order': attack.permutedHeads(base, shapes, config),
    'residual stream in another order': attack.permutedResidual(base, shapes, config.hiddenSize, 3),
    'norms scaled by up to 1.01, undone in the matrices': attack.scaledNorms(base, shapes, 1.01, 3),
    'norms scaled by up to 2, undone in the matrices': attack.scaledNorms(base, shapes, 2, 3),
    'one matrix of another model': other(Q),
    'another model (another seed)': unrelated,
  };
}

/** Attacks that copy the submission `victim`; `other` is a second honest submission of the group. */
export async function attacksOnSubmission(field, victim, other) {
  const { base, shapes, config } = field;
  const { weights } = victim;
  const further = async (steps, learningRate) => {
    const root = await mkdtemp(join(tmpdir(), 'further-'));
    const from = join(root, 'from');
    await cp(field.baseDir, from, { recursive: true });
    const tensors = [...shapes].map(([name, shape]) => ({ name, shape, dtype: 'F32', data: weights.get(name) }));
    await writeSafetensors(join(from, 'model.safetensors'), tensors);
    const hyperparameters = { ...victim.recipe.hyperparameters, lora: undefined, maxSteps: steps, learningRate };
    const recipe = {
      data: victim.recipe.data,
      seed: 99,
      hyperparameters: { ...hyperparameters, warmup: { steps: 0 } },
    };
    const trained = await train(field, recipe, join(root, 'out'), from);
    await rm(root, { recursive: true, force: true });
    return trained.weights;
  };
  return {
    'a bit-equal copy': weights,
    'copy + noise of 1e-6': attack.noise(weights, 1e-6, 2),
    'copy + noise of 1e-3': attack.noise(weights, 1e-3, 2),
    'copy + noise of 0.1 of its change': attack.noiseOnDelta(weights, base, 0.1, 2),
    'copy + noise of 0.3 of its change': attack.noiseOnDelta(weights, base, 0.3, 2),
    'copy + noise of 1.0 of its change': attack.noiseOnDelta(weights, base, 1, 2),
    'copy, its change × 0.9': attack.stretch(weights, base, 0.9),
    'copy, its change × 0.5 (mixed with the base)': attack.stretch(weights, base, 0.5),
    'copy, every matrix × 1.001': attack.scaled(weights, shapes, 1.001),
    'copy, every matrix × 1.05': attack.scaled(weights, shapes, 1.05),
    'copy in bfloat16': attack.bfloat16(weights),
    'copy, to 8 bits and back': attack.quantised(weights, shapes, 8),
    'copy, to 4 bits and back': attack.quantised(weights, shapes, 4),
    'copy, one matrix is the base’s': attack.oneTensorOf(weights, base, Q),
    'copy, 1 step further': await further(1, 1e-4),
    'copy, 5 steps further': await further(5, 1e-4),
    'copy, 20 steps further at ten times the rate': await further(20, 1e-3),
    'copy, neurons in another order': attack.permutedNeurons(weights, shapes, 3),
    'copy, heads in another order': attack.permutedHeads(weights, shapes, config),
    'copy, residual stream in another order': attack.permutedResidual(weights, shapes, config.hiddenSize, 3),
    'copy, norms scaled by up to 1.01, undone': attack.scaledNorms(weights, shapes, 1.01, 3),
    'copy, norms scaled by up to 2, undone': attack.scaledNorms(weights, shapes, 2, 3),
    'half of it, half of another': attack.mix(weights, other.weights, 0.5),
    'nine tenths of it, a tenth of another': attack.mix(weights, other.weights, 0.9),
  };
}

/** What the job and then the comparison say of one attack. */
export async function judgeAttack(field, weights, earlier, baseLoss) {
  const found = await compare(field, weights);
  const { turned } = found.comparison;
  const refused = refusal(found);
  const measured = await measure(field, weights).catch((error) => ({ refused: error.code.toLowerCase() }));
  if (measured.refused) return { verdict: refused ?? measured.refused, turned };
  const figures = { turned, lossGain: baseLoss - measured.loss };
  if (refused !== undefined) return { verdict: refused, ...figures };
  const attacker = comparable({ index: 1_000_000, ...found, ...measured });
  const copy = findCopy(attacker, earlier.map(comparable), field.baseRows);
  if (earlier.length > 0) {
    const [victim] = earlier;
    const { cosine, nearTensors, tensors } = deltaSimilarity(victim.sketch, found.sketch);
    const sketches = earlier.map(({ sketch }) => sketch);
    Object.assign(figures, {
      cosine,
      nearShare: nearTensors / tensors,
      rowDistance: rowDistance(measured.rows, victim.rows, field.baseRows),
      mixtureShare: explainedBy(found.sketch, sketches).share,
    });
  }
  return { verdict: copy ? `${copy.code} (${copy.evidence.rule})` : 'accepted', ...figures };
}
