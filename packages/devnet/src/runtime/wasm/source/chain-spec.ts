import { BadInputError } from '@tuning/kit';
import { z } from 'zod';
import { fromHex } from '../../../scale/bytes.ts';
import { parseJson } from './json.ts';
import type { GenesisSource, RuntimeSource } from './runtime-source.ts';

const hex = z.string().regex(/^0x(?:[0-9a-fA-F]{2})*$/, 'must be 0x-prefixed hexadecimal');
const tree = z.record(z.string(), z.unknown());

const runtimeGenesis = z.object({ code: hex, patch: tree.optional(), config: tree.optional() });
const rawGenesis = z.object({
  top: z.record(hex, hex),
  childrenDefault: z.record(hex, z.record(hex, hex)).optional(),
});
const chainSpec = z.object({
  name: z.string(),
  properties: tree.nullish(),
  genesis: z.object({
    runtimeGenesis: runtimeGenesis.optional(),
    raw: rawGenesis.optional(),
    runtime: z.unknown().optional(),
  }),
});

const CODE_KEY = '0x3a636f6465';

/**
 * Reads a Substrate chain specification, plain (with the runtime's code and a patch or whole configuration) or raw (with
 * every storage entry). BadInputError CHAIN_SPEC_INVALID.
 */
export function parseChainSpec(text: string): RuntimeSource {
  const parsed = chainSpec.safeParse(parseJson(text));
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error).replaceAll('\n', ' '));
  const { name, genesis } = parsed.data;
  if (genesis.raw) {
    const { top, childrenDefault } = genesis.raw;
    const code = top[CODE_KEY];
    if (code === undefined) throw invalid(`genesis.raw.top has no runtime code (key ${CODE_KEY})`);
    if (childrenDefault && Object.keys(childrenDefault).length > 0) {
      throw invalid('genesis.raw.childrenDefault holds child storage, which this devnet does not keep');
    }
    const entries = Object.entries(top).map(([key, value]) => [key.toLowerCase(), fromHex(value)] as const);
    return { chain: name, code: fromHex(code), genesis: { kind: 'raw', entries } };
  }
  if (!genesis.runtimeGenesis) {
    throw invalid(
      genesis.runtime === undefined
        ? 'genesis holds neither `runtimeGenesis` nor `raw`'
        : 'genesis.runtime is the old plain form: convert it with the node that wrote it (build-spec --raw)',
    );
  }
  const { code, patch, config } = genesis.runtimeGenesis;
  const from: GenesisSource = config ? { kind: 'config', config } : { kind: 'patch', patch: patch ?? {} };
  return { chain: name, code: fromHex(code), genesis: from };
}

function invalid(reason: string): BadInputError {
  return new BadInputError('CHAIN_SPEC_INVALID', `the chain specification cannot be used: ${reason}`);
}
