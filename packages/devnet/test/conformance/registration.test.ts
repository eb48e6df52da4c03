import { conformance } from './conformance.ts';
import { balances, sudoAndBatches } from './scenarios/balances.ts';
import { firstNetwork, networks, startCall } from './scenarios/networks.ts';
import { pruning } from './scenarios/pruning.ts';
import { registration } from './scenarios/registration.ts';
import { registerCalls, registrationPrice } from './scenarios/registration-price.ts';
import { rootRegistration } from './scenarios/root.ts';

conformance(
  registration,
  registrationPrice,
  registerCalls,
  pruning,
  networks,
  firstNetwork,
  startCall,
  rootRegistration,
  balances,
  sudoAndBatches,
);
