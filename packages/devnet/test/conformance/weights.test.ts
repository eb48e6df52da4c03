import { conformance } from './conformance.ts';
import { weightsBatched, weightsRefused, weightsStored } from './scenarios/weights-set.ts';

conformance(weightsRefused, weightsStored, weightsBatched);
