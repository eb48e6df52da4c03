import type { MinerConfig } from '@tuning/config';
import type { Logger } from '@tuning/kit';
import type { DataFolder } from '@tuning/neuron';
import { createDockerRunner, createProcessRunner, type Runner } from '@tuning/runner';
import { cpuTrainerCommand } from '@tuning/training';

/** The one command of every training image (docker/README.md). */
const IMAGE_COMMAND = ['/app/train'];

/**
 * Where training jobs run and what they run. The two backends keep their jobs apart, for neither could stop the other's.
 * @throws OperatorError of the runner, for instance `DOCKER_NOT_RUNNING`.
 */
export async function openTrainingRunner(
  training: MinerConfig['training'],
  folder: DataFolder,
  logger: Logger,
): Promise<{ runner: Runner; trainer: { trainerCommand: readonly string[]; trainerImage?: string } }> {
  if (training.runner === 'process') {
    const runner = await createProcessRunner({ root: folder.file('runner'), logger });
    return { runner, trainer: { trainerCommand: cpuTrainerCommand() } };
  }
  const { image, gpus, max_cpus: cpus } = training;
  const runner = await createDockerRunner({
    root: folder.file('containers'),
    image,
    logger,
    ...(cpus === undefined ? {} : { cpus }),
    ...(gpus === undefined ? {} : { gpus: gpus.includes('all') ? 'all' : gpus }),
  });
  return { runner, trainer: { trainerCommand: IMAGE_COMMAND, trainerImage: image } };
}

/** Named GPUs divided among the slots, one after the other: slot 0 gets the first, slot 1 the second, and so on. */
export function gpusOfSlots({ slots, gpus }: Pick<MinerConfig['training'], 'slots' | 'gpus'>): string[][] | undefined {
  if (gpus === undefined || gpus.includes('all')) return undefined;
  return Array.from({ length: slots }, (_, slot) => gpus.filter((__, at) => at % slots === slot));
}
