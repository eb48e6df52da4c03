import type { Chain } from '@tuning/chain';
import type { ValidatorConfig } from '@tuning/config';
import type { SyntheticGenerator } from '@tuning/dataset';
import type { Hub } from '@tuning/hub';
import type { Logger, Signer } from '@tuning/kit';
import type { DataFolder, MetagraphView, ModelCache } from '@tuning/neuron';
import type { Peer } from '@tuning/p2p';
import type { ValidatorStore } from '@tuning/store';
import type { EvaluationQueue } from './evaluation-queue.ts';
import type { SealBoard } from './seal-board.ts';

/** What the stages of a tournament work with. */
export interface ValidatorServices {
  config: ValidatorConfig;
  uid: number;
  hotkey: Signer;
  chain: Chain;
  hub: Hub;
  namespace: string;
  folder: DataFolder;
  metagraph: MetagraphView;
  models: ModelCache;
  peer: Peer;
  store: ValidatorStore;
  evaluations: EvaluationQueue;
  seals: SealBoard;
  /** Makes the rows of the gate. */
  generator: SyntheticGenerator;
  logger: Logger;
  /** Aborts when the daemon stops. */
  signal: AbortSignal;
}
