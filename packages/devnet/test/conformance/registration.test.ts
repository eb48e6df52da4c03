import { conformance } from './conformance.ts';
import { balances, sudoAndBatches, transfers } from './scenarios/balances.ts';
import { firstNetwork, networks, startCall } from './scenarios/networks.ts';
import { pruning } from './scenarios/pruning.ts';
import { registration } from './scenarios/registration.ts';
import { registrationLimits } from './scenarios/registration-limits.ts';
import { registerCalls, registrationPrice } from './scenarios/registration-price.ts';
import { rootRegistration } from './scenarios/root.ts';
import { system } from './scenarios/system.ts';

conformance(
  registration,
  registrationLimits,
  registrationPrice,
  registerCalls,
  pruning,
  networks,
  firstNetwork,
  startCall,
  rootRegistration,
  balances,
  transfers,
  sudoAndBatches,
  system,
);
