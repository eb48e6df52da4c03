import { conformance } from './conformance.ts';
import { commitmentSpace, commitments } from './scenarios/commitments.ts';

conformance(commitments, commitmentSpace);
