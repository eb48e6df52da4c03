import { OperatorError } from '@tuning/kit';
import type { ImportDescriptor } from '../web-assembly.ts';
import { cryptoFunctions } from './crypto.ts';
import { hashingFunctions } from './hashing.ts';
import type { Host, HostFunction, HostFunctions } from './host.ts';
import { miscFunctions } from './misc.ts';
import { storageFunctions } from './storage.ts';

export function allHostFunctions(host: Host): HostFunctions {
  return { ...storageFunctions(host), ...hashingFunctions(host), ...cryptoFunctions(host), ...miscFunctions(host) };
}

/**
 * The functions that a module imports. One that we lack becomes a function that throws OperatorError
 * HOST_FUNCTION_MISSING when it is called: runtimes import more than any devnet reaches (off-chain workers, key stores).
 */
export function importedFunctions(imports: readonly ImportDescriptor[], host: Host): Record<string, HostFunction> {
  const known = allHostFunctions(host);
  const wanted = imports.filter(({ kind }) => kind === 'function').map(({ name }) => name);
  return Object.fromEntries(wanted.map((name) => [name, known[name] ?? missing(name)]));
}

function missing(name: string): HostFunction {
  return () => {
    throw new OperatorError(
      'HOST_FUNCTION_MISSING',
      `the runtime calls the host function ${name}, which this devnet does not provide; ` +
        'avoid the call that needs it, or use a runtime version that does without',
      { details: { name } },
    );
  };
}
