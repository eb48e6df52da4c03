import { conformance } from './conformance.ts';
import {
  chainParameters,
  hyperparameterBounds,
  hyperparameters,
  hyperparametersFrozen,
  newerParameters,
} from './scenarios/hyperparameters.ts';

conformance(hyperparameters, chainParameters, hyperparameterBounds, newerParameters, hyperparametersFrozen);
