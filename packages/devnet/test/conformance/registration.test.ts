import { conformance } from './conformance.ts';
import { registration } from './scenarios/registration.ts';

conformance(registration);
