import { conformance } from './conformance.ts';
import { timelockedCommitments } from './scenarios/timelocked-commitments.ts';

conformance(timelockedCommitments);
