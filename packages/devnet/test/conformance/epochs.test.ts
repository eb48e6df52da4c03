import { conformance } from './conformance.ts';
import { epochControl, epochsDeferred } from './scenarios/epoch-control.ts';
import { emissionAccrual, epochEmission, epochPermits, epochSchedule } from './scenarios/epochs.ts';
import { hyperparameterBounds, newerParameters } from './scenarios/hyperparameter-bounds.ts';
import { chainParameters, hyperparameters, hyperparametersFrozen } from './scenarios/hyperparameters.ts';
import { stake, stakeRefused } from './scenarios/stake.ts';
import { tempos } from './scenarios/tempo.ts';

conformance(
  epochSchedule,
  epochPermits,
  epochEmission,
  emissionAccrual,
  epochControl,
  epochsDeferred,
  stake,
  stakeRefused,
  hyperparameters,
  chainParameters,
  hyperparameterBounds,
  newerParameters,
  hyperparametersFrozen,
  tempos,
);
