import type { ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { SignatureOptions } from '@polkadot/types/types';
import { hexToU8a, stringCamelCase, u8aToHex } from '@polkadot/util';
import type { Accounts } from './accounts.ts';
import type { CallSpec, ItemSpec, Signing } from './scenario.ts';

interface Creator {
  key(...args: unknown[]): string;
  readonly creator: {
    readonly meta: { readonly type: { readonly isPlain: boolean; asPlain: never; asMap: { value: never } } };
  };
}

/** An unmodified polkadot.js that encodes calls, keys and values by the chain's own names and live metadata. */
export class Client {
  readonly api: ApiPromise;
  readonly accounts: Accounts;

  constructor(api: ApiPromise, accounts: Accounts) {
    this.api = api;
    this.accounts = accounts;
  }

  hasCall({ call, args }: CallSpec): boolean {
    const within = Object.values(args).flat().filter(isCall);
    return this.#creatorOf(call) !== undefined && within.every((one) => this.hasCall(one));
  }

  /** Fails where an argument is missing or unknown, so that no test says something else than it means. */
  call({ call, args }: CallSpec): SubmittableExtrinsic<'promise'> {
    const create = this.#creatorOf(call);
    if (!create) throw new Error(`the runtime has no call ${call}`);
    const names = create.meta.args.map(({ name }) => name.toString());
    // The client knows ip_type as ipType.
    const given = new Map(Object.entries(args).map(([name, value]) => [stringCamelCase(name), value]));
    const unknown = [...given.keys()].filter((name) => !names.includes(name));
    const missing = names.filter((name) => !given.has(name));
    if (unknown.length + missing.length > 0) {
      throw new Error(`${call}: unknown arguments [${unknown}], missing [${missing}]; it takes ${names}`);
    }
    return create(...names.map((name) => this.#argument(given.get(name))));
  }

  #argument(value: unknown): unknown {
    if (isCall(value)) return this.call(value).method;
    if (Array.isArray(value)) return value.map((one) => this.#argument(one));
    return this.accounts.resolve(value);
  }

  #creatorOf(call: string) {
    const [pallet, name] = call.split('.') as [string, string];
    return this.api.tx[stringCamelCase(pallet)]?.[stringCamelCase(name)];
  }

  sign(call: CallSpec, by: string, genesisHash: string, nonce: number, signing: Signing): Uint8Array {
    const { registry, runtimeVersion } = this.api;
    const { era, tip, signed, tamper } = signing;
    const options = {
      blockHash: genesisHash,
      genesisHash,
      era: era ? registry.createType('ExtrinsicEra', { current: era.birth, period: era.period }) : '0x00',
      nonce: signing.nonce ?? nonce,
      runtimeVersion,
      signedExtensions: registry.signedExtensions,
      tip: tip ?? 0,
      ...signed,
    } as unknown as SignatureOptions;
    const bytes = this.call(call).sign(this.accounts.pair(by), options).toU8a();
    return tamper ? tamper(bytes) : bytes;
  }

  /** undefined where the runtime has no such item. */
  key(item: ItemSpec): string | undefined {
    return this.#item(item)?.key(...item.slice(1).map((key) => this.accounts.resolve(key)));
  }

  encode(item: ItemSpec, value: unknown): string {
    if (typeof value === 'object' && value !== null && 'raw' in value) return String(value.raw);
    const type = this.#typeOf(item);
    return u8aToHex(this.api.registry.createType(type as 'Raw', this.accounts.resolve(value)).toU8a());
  }

  decode(item: ItemSpec, bytes: string): unknown {
    return this.api.registry.createType(this.#typeOf(item) as 'Raw', hexToU8a(bytes)).toJSON();
  }

  #typeOf(item: ItemSpec): string {
    const { type } = this.#item(item)!.creator.meta;
    return this.api.registry.createLookupType(type.isPlain ? type.asPlain : type.asMap.value);
  }

  #item([path]: ItemSpec): Creator | undefined {
    const [pallet, name] = path.split('.') as [string, string];
    return this.api.query[stringCamelCase(pallet)]?.[stringCamelCase(name)] as unknown as Creator | undefined;
  }
}

function isCall(value: unknown): value is CallSpec {
  return typeof value === 'object' && value !== null && 'call' in value && 'args' in value;
}
