import { conformance } from './conformance.ts';
import { epochControl, epochsDeferred } from './scenarios/epoch-control.ts';
import { emissionAccrual, epochEmission, epochPermits, epochSchedule } from './scenarios/epochs.ts';

conformance(epochSchedule, epochPermits, epochEmission, emissionAccrual, epochControl, epochsDeferred);
