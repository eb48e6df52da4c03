import { readFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { EmulatedRuntime } from '../src/runtime/emulated/runtime.ts';

/** Where ours differs from mainnet's on purpose. What is not emulated is absent, and so is not compared. */
const KNOWN_DIFFERENCES = new Set<string>([
  // The enum's other variants (hyperparameter keys) are not emulated.
  'type RateLimitKey',
  // Of later releases: bittensor 11 reads them before it registers or sets weights. They say what 424 does anyway.
  'storage SubtensorModule.SubnetEpochConsensus',
  'storage SubtensorModule.CollateralLockShare',
  'type EpochConsensus',
  // Names fewer runtime APIs.
  'constant System.Version',
]);

interface Described {
  /** 'pallet.item' -> a line that says all that a client depends on. */
  lines: Map<string, string>;
}

function describeMetadata(bytes: Uint8Array): Described {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, `0x${Buffer.from(bytes).toString('hex')}`);
  registry.setMetadata(metadata);
  const { lookup } = registry;
  const latest = metadata.asLatest;
  const lines = new Map<string, string>();
  const named = (id: unknown): string => {
    const definition = lookup.getTypeDef(id as never);
    const name = (definition.lookupName ?? definition.type).toString();
    // Mainnet has several fixed-point types of each width, so clients give some of them no name: compare the layout.
    return name.replace(/SubstrateFixedFixed([UI])128/g, (_, sign: string) => `{"bits":"${sign.toLowerCase()}128"}`);
  };
  const variants = (type: unknown) => lookup.getSiType(type as never).def.asVariant.variants;
  const fields = (list: { name: { toString(): string }; type: unknown }[]): string =>
    list.map((field) => `${field.name.toString()}:${named(field.type)}`).join(',');
  for (const pallet of latest.pallets) {
    const name = pallet.name.toString();
    lines.set(`pallet ${name}`, pallet.index.toString());
    if (pallet.calls.isSome) {
      for (const call of variants(pallet.calls.unwrap().type)) {
        lines.set(`call ${name}.${call.name}`, `${call.index} (${fields(call.fields as never)})`);
      }
    }
    if (pallet.events.isSome) {
      for (const event of variants(pallet.events.unwrap().type)) {
        lines.set(`event ${name}.${event.name}`, `${event.index} (${fields(event.fields as never)})`);
      }
    }
    if (pallet.errors.isSome) {
      for (const error of variants(pallet.errors.unwrap().type)) {
        lines.set(`error ${name}.${error.name}`, error.index.toString());
      }
    }
    if (pallet.storage.isSome) {
      lines.set(`prefix ${name}`, pallet.storage.unwrap().prefix.toString());
      for (const item of pallet.storage.unwrap().items) {
        const shape = item.type.isPlain
          ? named(item.type.asPlain)
          : `[${item.type.asMap.hashers.map(String).join()}] ${named(item.type.asMap.key)} -> ${named(item.type.asMap.value)}`;
        lines.set(`storage ${name}.${item.name}`, `${item.modifier} ${shape} = ${item.fallback.toHex()}`);
      }
    }
    for (const constant of pallet.constants) {
      lines.set(`constant ${name}.${constant.name}`, `${named(constant.type)} ${constant.value.toHex()}`);
    }
  }
  for (const api of latest.apis) {
    for (const method of api.methods) {
      const inputs = method.inputs.map((input) => `${input.name}:${named(input.type)}`).join(',');
      lines.set(`api ${api.name}.${method.name}`, `(${inputs}) -> ${named(method.output)}`);
    }
  }
  for (const { type } of latest.lookup.types) {
    const path = type.path.map(String).join('::');
    if (!/^(pallet_|frame_system|sp_)/.test(path)) continue;
    if (/::(Call|Event|Error)$|UncheckedExtrinsic$/.test(path)) continue;
    const layout = type.def.isComposite
      ? fields(type.def.asComposite.fields as never)
      : type.def.isVariant
        ? type.def.asVariant.variants.map((v) => `${v.index}${v.name}(${fields(v.fields as never)})`).join(' ')
        : '';
    lines.set(`type ${path.split('::').at(-1)}`, layout);
  }
  const extensions = latest.extrinsic.transactionExtensions ?? [];
  lines.set('extensions', extensions.map((one) => `${one.identifier}:${named(one.type)}`).join(' '));
  return { lines };
}

beforeAll(async () => {
  await cryptoWaitReady();
});

describe('metadata of the emulated runtime', () => {
  it('decodes as V14 and as V15 to the same pallets, calls, events, errors and storage', () => {
    const runtime = new EmulatedRuntime();
    const v14 = describeMetadata(runtime.metadata(14)!).lines;
    const v15 = describeMetadata(runtime.metadata(15)!).lines;
    expect(v14.size).toBeGreaterThan(400);
    for (const [name, line] of v14) {
      if (!name.startsWith('type ') && !name.startsWith('api '))
        expect(`${name} ${v15.get(name)}`).toBe(`${name} ${line}`);
    }
    expect(v15.get('call SubtensorModule.serve_axon_tls')).toMatch(/^40 /);
    expect(v15.get('error SubtensorModule.AccountRejectsLockedAlpha')).toBe('146');
    expect(v15.get('api AccountNonceApi.account_nonce')).toBe('(account:AccountId32) -> u32');
  });

  const fixture = process.env['SUBTENSOR_METADATA'];
  it.skipIf(!fixture)('agrees with real Subtensor metadata wherever both describe the same thing', () => {
    const real = describeMetadata(readFileSync(fixture!)).lines;
    const ours = describeMetadata(new EmulatedRuntime().metadata(15)!).lines;
    const differences: string[] = [];
    for (const [name, line] of ours) {
      if (KNOWN_DIFFERENCES.has(name)) continue;
      const theirs = real.get(name);
      if (theirs !== line) differences.push(`${name}:\nours ${line}\nreal ${theirs}`);
    }
    expect(differences).toEqual([]);
  });
});
