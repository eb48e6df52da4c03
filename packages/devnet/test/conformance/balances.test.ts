import { conformance } from './conformance.ts';
import { balances, sudoAndBatches } from './scenarios/balances.ts';

conformance(balances, sudoAndBatches);
