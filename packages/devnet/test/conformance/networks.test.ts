import { conformance } from './conformance.ts';
import { firstNetwork, networks, startCall } from './scenarios/networks.ts';
import { rootRegistration } from './scenarios/root.ts';

conformance(networks, firstNetwork, startCall, rootRegistration);
