import { conformance } from './conformance.ts';
import { weightsHashed } from './scenarios/weights-hashed.ts';
import { weightsTimelocked } from './scenarios/weights-timelocked.ts';

conformance(weightsHashed, weightsTimelocked);
