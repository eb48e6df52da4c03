import { conformance } from './conformance.ts';
import { pruning } from './scenarios/pruning.ts';

conformance(pruning);
