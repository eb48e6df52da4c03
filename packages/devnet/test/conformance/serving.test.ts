import { conformance } from './conformance.ts';
import { axons, certificates, prometheuses } from './scenarios/serving.ts';

conformance(axons, certificates, prometheuses);
