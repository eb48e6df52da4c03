import type { ValidatorConfig } from '@tuning/config';
import { GIB, type Logger, type Secret } from '@tuning/kit';
import { requireDevice } from '@tuning/llm';
import { listenHttp, ModelCache, type NeuronSecrets, openNeuron } from '@tuning/neuron';
import { createProcessRunner } from '@tuning/runner';
import { openValidatorStore } from '@tuning/store';
import { recordCommitments } from './commitment-recorder.ts';
import { EvaluationQueue } from './evaluation-queue.ts';
import { keepHouse } from './housekeeping.ts';
import { createValidatorApi } from './http-api.ts';
import { RevealBook } from './reveal-book.ts';
import { SealBoard } from './seal-board.ts';
import type { ValidatorServices } from './services.ts';
import { openGenerator } from './synthetic-generator.ts';
import { TaskRunner } from './task-runner.ts';
import { WeightSetter } from './weight-setter.ts';
import { WeightWatch } from './weight-watch.ts';

export interface RunValidatorArgs {
  config: ValidatorConfig;
  secrets: NeuronSecrets;
  /** For a language model that writes synthetic rows: what `synthetic.api_key_env` holds. */
  llmApiKey?: Secret | undefined;
  logger: Logger;
  /** Abort it to stop the daemon. */
  signal: AbortSignal;
  onReady?: (info: { uid: number; hotkey: string; httpPort: number; peerPort: number }) => void;
}

/** Runs a validator until the signal aborts. @throws OperatorError in one clear line for what only the operator can mend. */
export async function runValidator({
  config,
  secrets,
  llmApiKey,
  logger,
  signal,
  onReady,
}: RunValidatorArgs): Promise<void> {
  await requireDevice(config.evaluation.device, { signal });
  const generator = openGenerator(config.synthetic, llmApiKey, logger.child({ module: 'synthetic' }));
  const neuron = await openNeuron({ role: 'validator', config, secrets, logger, signal });
  const { chain, hub, hotkey, folder, metagraph, shutdown } = neuron;
  const { netuid } = config;
  try {
    const store = await openValidatorStore(folder.file('validator.sqlite'));
    shutdown.push('store', () => store.close());
    const runner = await createProcessRunner({
      root: folder.file('runner'),
      logger: logger.child({ module: 'runner' }),
    });
    shutdown.push('runner', () => runner.close());
    const peer = await neuron.openPeer({});
    if (!metagraph.neuron(hotkey.address)?.validatorPermit) {
      logger.warn(
        { uid: neuron.uid },
        'this hotkey has no validator permit yet: miners will refuse its offers and the chain its weights',
      );
    }

    const models = new ModelCache(hub, folder.file('models'), {
      maxModelBytes: config.evaluation.max_model_gb * GIB,
      budgetBytes: config.evaluation.max_cache_gb * GIB,
      logger: logger.child({ module: 'models' }),
    });
    await models.tidy();
    const services: ValidatorServices = {
      config,
      uid: neuron.uid,
      hotkey,
      chain,
      hub,
      namespace: neuron.namespace,
      folder,
      metagraph,
      models,
      peer,
      store,
      evaluations: new EvaluationQueue(runner, config.evaluation, logger.child({ module: 'evaluation' })),
      seals: new SealBoard(chain, netuid, hotkey),
      generator,
      logger,
      signal,
    };
    const tasks = new TaskRunner(services);
    const recording = recordCommitments({
      chain,
      netuid,
      store,
      logger: logger.child({ module: 'commitments' }),
      signal,
    });
    const weighing = new WeightSetter({
      chain,
      netuid,
      hotkey,
      metagraph,
      store,
      watch: new WeightWatch(folder.file('weight-watch.json'), logger.child({ module: 'weights' })),
      reveals: new RevealBook(folder.file('weight-reveals.json'), logger.child({ module: 'weights' })),
      logger: logger.child({ module: 'weights' }),
      signal,
    }).run();
    const tidying = keepHouse({ folder, store, logger: logger.child({ module: 'housekeeping' }), signal });
    shutdown.push('background work', async () => {
      await Promise.allSettled([recording, weighing, tidying, tasks.settle()]);
    });
    tasks.resume();

    const http = createValidatorApi(services, tasks, secrets.apiKey);
    const httpPort = await listenHttp(http, config.http.host, config.http.port);
    shutdown.push('http', () => http.close());
    logger.info({ uid: neuron.uid, httpPort, peerPort: peer.port }, 'validator is ready');
    onReady?.({ uid: neuron.uid, hotkey: hotkey.address, httpPort, peerPort: peer.port });
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await shutdown.close();
  }
}
