import type { Variant } from '../../scale/codec.ts';

/** The JavaScript values of the types in scale-types.ts. */

export interface AxonInfo {
  block: bigint;
  version: number;
  ip: bigint;
  port: number;
  ip_type: number;
  protocol: number;
  placeholder1: number;
  placeholder2: number;
}

export interface AccountInfo {
  nonce: number;
  consumers: number;
  providers: number;
  sufficients: number;
  data: { free: bigint; reserved: bigint; frozen: bigint; flags: bigint };
}

export interface CommitmentInfo {
  fields: Variant[];
}

/** TypeScript shapes of the composites that pallets handle as values. */
export interface DecodedComposites {
  AxonInfo: AxonInfo;
  AccountInfo: AccountInfo;
  NeuronCertificate: { public_key: Uint8Array; algorithm: number };
  PrometheusInfo: { block: bigint; version: number; ip: bigint; port: number; ip_type: number };
  CommitmentInfo: CommitmentInfo;
  Registration: { deposit: bigint; block: number; info: CommitmentInfo };
  UsageTracker: { last_epoch: bigint; used_space: bigint };
  U64F64: { bits: bigint };
  RateLimitKey: Variant;
  RecycleOrBurnEnum: Variant;
  TimelockedCommit: Uint8Array;
  Pulse: { round: bigint; randomness: Uint8Array; signature: Uint8Array };
  BeaconConfiguration: {
    public_key: Uint8Array;
    period: number;
    genesis_time: number;
    hash: Uint8Array;
    group_hash: Uint8Array;
    scheme_id: Uint8Array;
    metadata: { beacon_id: Uint8Array };
  };
}

/** The JavaScript type of a value of type expression `E`, for the expressions that storage items use. */
export type Decoded<E extends string> = E extends 'bool'
  ? boolean
  : E extends 'u8' | 'u16' | 'u32' | 'i16'
    ? number
    : E extends 'u64' | 'u128' | 'i128'
      ? bigint
      : E extends 'AccountId32' | 'H256'
        ? string
        : E extends 'Bytes'
          ? Uint8Array
          : E extends keyof DecodedComposites
            ? DecodedComposites[E]
            : E extends `Vec<${infer I}>` | `BTreeSet<${infer I}>`
              ? Decoded<I>[]
              : E extends `(${infer A}, ${infer B}, ${infer C}, ${infer D})`
                ? [Decoded<A>, Decoded<B>, Decoded<C>, Decoded<D>]
                : E extends `(${infer A}, ${infer B})`
                  ? [Decoded<A>, Decoded<B>]
                  : unknown;
