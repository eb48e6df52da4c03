import { conformance } from './conformance.ts';
import { epochControl, epochsDeferred } from './scenarios/epoch-control.ts';
import { emissionAccrual, epochEmission, epochPermits, epochSchedule } from './scenarios/epochs.ts';
import { hyperparameterBounds, newerParameters } from './scenarios/hyperparameter-bounds.ts';
import { chainParameters, hyperparameters, hyperparametersFrozen } from './scenarios/hyperparameters.ts';
import { stake } from './scenarios/stake.ts';

conformance(
  epochSchedule,
  epochPermits,
  epochEmission,
  emissionAccrual,
  epochControl,
  epochsDeferred,
  stake,
  hyperparameters,
  chainParameters,
  hyperparameterBounds,
  newerParameters,
  hyperparametersFrozen,
);
