import { conformance } from './conformance.ts';
import { eras, nonces, poolRefusals, tips } from './scenarios/pool.ts';

conformance(poolRefusals, nonces, eras, tips);
