import { Keyring } from '@polkadot/keyring';
import { BadInputError, OperatorError } from '@tuning/kit';
import { ScaleReader, ScaleWriter } from '../../scale/bytes.ts';
import type { RuntimeState } from '../runtime.ts';
import type { Executor } from './executor.ts';
import { mergeJson, parseJson, stringifyJson } from './source/json.ts';
import type { RuntimeSource } from './source/runtime-source.ts';

export const CODE_KEY = '0x3a636f6465';
/** RAO; as node/src/chain_spec/localnet.rs endows them. */
const RICH = 1_000_000_000_000_000;
const MODEST = 2_000_000_000_000;
const RICH_NAMES = ['Alice', 'Bob', 'Charlie'];
const MODEST_NAMES = ['Dave', 'Eve', 'Ferdie', 'One', 'Two', 'Three'];

/** Writes block 0: a raw specification's entries as they are, everything else through the runtime's own GenesisBuilder. */
export function writeGenesis(executor: Executor, state: RuntimeState, source: RuntimeSource): void {
  const { genesis, code } = source;
  if (genesis.kind === 'raw') {
    for (const [key, value] of genesis.entries) state.set(key, value);
    return;
  }
  state.set(CODE_KEY, code);
  const config = genesis.kind === 'config' ? genesis.config : patched(executor, state, genesis);
  const json = new ScaleWriter().text(stringifyJson(config)).finish();
  const answer = new ScaleReader(executor.call(state, 'GenesisBuilder_build_state', json));
  if (answer.u8() !== 0) {
    const reason = Buffer.from(answer.bytes()).toString('utf8').slice(0, 500);
    throw new BadInputError('GENESIS_REFUSED', `the runtime refuses the genesis configuration: ${reason}`);
  }
}

function patched(
  executor: Executor,
  state: RuntimeState,
  genesis: { kind: 'development' } | { kind: 'patch'; patch: Record<string, unknown> },
): unknown {
  const answer = new ScaleReader(executor.call(state, 'GenesisBuilder_get_preset', Uint8Array.of(0)));
  if (answer.u8() !== 1) {
    throw new OperatorError(
      'RUNTIME_UNSUPPORTED',
      'the runtime has no default genesis configuration; give a chain specification with a whole `config`, or a raw one',
    );
  }
  const defaults = parseJson(Buffer.from(answer.bytes()).toString('utf8'));
  return mergeJson(defaults, genesis.kind === 'patch' ? genesis.patch : developmentPatch(defaults));
}

/** Only what the runtime's configuration knows: its pallets differ from version to version. */
export function developmentPatch(defaults: unknown): Record<string, unknown> {
  const known = new Set(Object.keys(defaults as object));
  const sr25519 = new Keyring({ type: 'sr25519', ss58Format: 42 });
  const ed25519 = new Keyring({ type: 'ed25519', ss58Format: 42 });
  const address = (name: string): string => sr25519.createFromUri(`//${name}`).address;
  const balances = [
    ...RICH_NAMES.map((name) => [address(name), RICH]),
    ...MODEST_NAMES.map((name) => [address(name), MODEST]),
  ];
  const patch = {
    balances: { balances },
    sudo: { key: address('Alice') },
    aura: { authorities: [address('Alice')] },
    grandpa: { authorities: [[ed25519.createFromUri('//Alice').address, 1]] },
  };
  return Object.fromEntries(Object.entries(patch).filter(([pallet]) => known.has(pallet)));
}
