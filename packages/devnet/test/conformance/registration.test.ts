import { conformance } from './conformance.ts';
import { registration } from './scenarios/registration.ts';
import { registerCalls, registrationPrice } from './scenarios/registration-price.ts';

conformance(registration, registrationPrice, registerCalls);
