import { conformance } from './conformance.ts';
import { serving } from './scenarios/serving.ts';

conformance(serving);
