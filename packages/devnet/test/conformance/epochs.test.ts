import { conformance } from './conformance.ts';
import { emissionAccrual, epochEmission, epochPermits, epochSchedule } from './scenarios/epochs.ts';

conformance(epochSchedule, epochPermits, epochEmission, emissionAccrual);
