import { BadInputError } from '@tuning/kit';
import { type Codec, CodecRegistry, type NamedType } from '../../scale/codec.ts';

/** Layouts and paths follow the metadata of spec 424, so that generated client code names them alike. */

/** Immortal is one zero byte; a mortal era is two: log2(period)-1 in 4 bits, quantised phase in 12. */
export type Era = { mortal: false } | { mortal: true; period: number; phase: number };

const eraCodec: Codec<Era> = {
  encodeTo: (writer, era) => {
    if (!era.mortal) {
      writer.u8(0);
      return;
    }
    const quantise = Math.max(1, era.period >> 12);
    const low = Math.min(15, Math.max(1, Math.log2(era.period) - 1));
    writer.uint(low | ((era.phase / quantise) << 4), 2);
  },
  decodeFrom: (reader) => {
    const first = reader.u8();
    if (first === 0) return { mortal: false };
    const encoded = first | (reader.u8() << 8);
    const period = 2 << (encoded % 16);
    const phase = (encoded >> 4) * Math.max(1, period >> 12);
    if (period < 4 || phase >= period) throw new BadInputError('SCALE_INVALID', 'an era is out of range');
    return { mortal: true, period, phase };
  },
};

const composite = (path: string, fields: NamedTypeFields, params?: Params): NamedType =>
  ({ form: 'composite', path, fields, ...(params ? { params } : {}) }) as NamedType;
type NamedTypeFields = Readonly<Record<string, string>> | readonly string[];
type Params = Readonly<Record<string, string | null>>;
type VariantRow = readonly [name: string, index: number, fields: NamedTypeFields];
const variant = (path: string, variants: readonly VariantRow[], params?: Params): NamedType =>
  ({ form: 'variant', path, variants, ...(params ? { params } : {}) }) as NamedType;
/** Variants without fields, indexed in order. */
const names = (path: string, list: string): NamedType =>
  variant(
    path,
    list.split(' ').map((name, index) => [name, index, []]),
  );
/** BoundedVec<u8, limit>: longer bytes do not decode, so a call that carries them is no call at all. */
const boundedBytes = (limit: number): NamedType => ({
  form: 'custom',
  codec: {
    encodeTo: (writer, value) => writer.bytes(value as Uint8Array),
    decodeFrom: (reader) => {
      const bytes = reader.bytes();
      if (bytes.length > limit) {
        throw new BadInputError('SCALE_INVALID', `${bytes.length} bytes are given where at most ${limit} may be`);
      }
      return bytes;
    },
  },
  described: composite('bounded_collections::bounded_vec::BoundedVec', ['Bytes'], { T: 'u8', S: null }),
});
/** Extensions that carry no bytes. */
const empty = (path: string): NamedType => composite(path, []);

export const RAW_LIMIT = 128;
/** MaxFields of the Commitments pallet: a commitment with more does not decode. */
export const MAX_COMMITMENT_FIELDS = 3;
/** MAX_CRV3_COMMIT_SIZE_BYTES of pallet-subtensor. */
const TIMELOCKED_COMMIT_LIMIT = 5000;

const AXON_FIELDS = {
  block: 'u64',
  version: 'u32',
  ip: 'u128',
  port: 'u16',
  ip_type: 'u8',
  protocol: 'u8',
  placeholder1: 'u8',
  placeholder2: 'u8',
};

export const SCALE_TYPES: Readonly<Record<string, NamedType>> = {
  Weight: composite('sp_weights::weight_v2::Weight', { ref_time: 'Compact<u64>', proof_size: 'Compact<u64>' }),
  DispatchClass: names('frame_support::dispatch::DispatchClass', 'Normal Operational Mandatory'),
  Pays: names('frame_support::dispatch::Pays', 'Yes No'),
  DispatchEventInfo: composite('frame_system::DispatchEventInfo', {
    weight: 'Weight',
    class: 'DispatchClass',
    pays_fee: 'Pays',
  }),
  ModuleError: composite('sp_runtime::ModuleError', { index: 'u8', error: '[u8;4]' }),
  TokenError: names(
    'sp_runtime::TokenError',
    'FundsUnavailable OnlyProvider BelowMinimum CannotCreate UnknownAsset Frozen Unsupported CannotCreateHold NotExpendable Blocked',
  ),
  ArithmeticError: names('sp_arithmetic::ArithmeticError', 'Underflow Overflow DivisionByZero'),
  TransactionalError: names('sp_runtime::TransactionalError', 'LimitReached NoLayer'),
  TrieError: names(
    'sp_runtime::proving_trie::TrieError',
    'InvalidStateRoot IncompleteDatabase ValueAtIncompleteKey DecoderError InvalidHash DuplicateKey ExtraneousNode ExtraneousValue ExtraneousHashReference InvalidChildReference ValueMismatch IncompleteProof RootMismatch DecodeError',
  ),
  DispatchError: variant('sp_runtime::DispatchError', [
    ['Other', 0, []],
    ['CannotLookup', 1, []],
    ['BadOrigin', 2, []],
    ['Module', 3, ['ModuleError']],
    ['ConsumerRemaining', 4, []],
    ['NoProviders', 5, []],
    ['TooManyConsumers', 6, []],
    ['Token', 7, ['TokenError']],
    ['Arithmetic', 8, ['ArithmeticError']],
    ['Transactional', 9, ['TransactionalError']],
    ['Exhausted', 10, []],
    ['Corruption', 11, []],
    ['Unavailable', 12, []],
    ['RootNotAllowed', 13, []],
    ['Trie', 14, ['TrieError']],
  ]),
  Phase: variant('frame_system::Phase', [
    ['ApplyExtrinsic', 0, ['u32']],
    ['Finalization', 1, []],
    ['Initialization', 2, []],
  ]),
  RuntimeVersion: composite('sp_version::RuntimeVersion', {
    spec_name: 'Text',
    impl_name: 'Text',
    authoring_version: 'u32',
    spec_version: 'u32',
    impl_version: 'u32',
    apis: 'Vec<([u8;8],u32)>',
    transaction_version: 'u32',
    system_version: 'u8',
  }),
  AccountData: composite(
    'pallet_balances::types::AccountData',
    { free: 'u64', reserved: 'u64', frozen: 'u64', flags: 'ExtraFlags' },
    { Balance: 'u64' },
  ),
  ExtraFlags: composite('pallet_balances::types::ExtraFlags', ['u128']),
  AccountInfo: composite(
    'frame_system::AccountInfo',
    { nonce: 'u32', consumers: 'u32', providers: 'u32', sufficients: 'u32', data: 'AccountData' },
    { Nonce: 'u32', AccountData: 'AccountData' },
  ),
  MultiAddress: variant(
    'sp_runtime::multiaddress::MultiAddress',
    [
      ['Id', 0, ['AccountId32']],
      ['Index', 1, ['Compact<()>']],
      ['Raw', 2, ['Bytes']],
      ['Address32', 3, ['[u8;32]']],
      ['Address20', 4, ['[u8;20]']],
    ],
    { AccountId: 'AccountId32', AccountIndex: '()' },
  ),
  MultiSignature: variant('sp_runtime::MultiSignature', [
    ['Ed25519', 0, ['[u8;64]']],
    ['Sr25519', 1, ['[u8;64]']],
    ['Ecdsa', 2, ['[u8;65]']],
  ]),
  Era: {
    form: 'custom',
    codec: eraCodec as Codec,
    described: variant('sp_runtime::generic::era::Era', [
      ['Immortal', 0, []],
      ...Array.from({ length: 255 }, (_, i): VariantRow => [`Mortal${i + 1}`, i + 1, ['u8']]),
    ]),
  },
  CheckNonZeroSender: empty('frame_system::extensions::check_non_zero_sender::CheckNonZeroSender'),
  CheckSpecVersion: empty('frame_system::extensions::check_spec_version::CheckSpecVersion'),
  CheckTxVersion: empty('frame_system::extensions::check_tx_version::CheckTxVersion'),
  CheckGenesis: empty('frame_system::extensions::check_genesis::CheckGenesis'),
  CheckMortality: composite('node_subtensor_runtime::check_mortality::CheckMortality', ['Era']),
  CheckNonce: composite('node_subtensor_runtime::check_nonce::CheckNonce', ['Compact<u32>']),
  CheckWeight: empty('frame_system::extensions::check_weight::CheckWeight'),
  ChargeTransactionPayment: composite('pallet_transaction_payment::ChargeTransactionPayment', ['Compact<u64>']),
  SudoTransactionExtension: empty('node_subtensor_runtime::sudo_wrapper::SudoTransactionExtension'),
  CheckShieldedTxValidity: empty('pallet_shield::extension::CheckShieldedTxValidity'),
  SubtensorTransactionExtension: empty('pallet_subtensor::extensions::subtensor::SubtensorTransactionExtension'),
  DrandPriority: empty('pallet_drand::drand_priority::DrandPriority'),
  MetadataHashMode: names('frame_metadata_hash_extension::Mode', 'Disabled Enabled'),
  CheckMetadataHash: composite('frame_metadata_hash_extension::CheckMetadataHash', { mode: 'MetadataHashMode' }),
  RuntimeDispatchInfo: composite(
    'pallet_transaction_payment::types::RuntimeDispatchInfo',
    { weight: 'Weight', class: 'DispatchClass', partial_fee: 'u64' },
    { Balance: 'u64', Weight: 'Weight' },
  ),
  InclusionFee: composite(
    'pallet_transaction_payment::types::InclusionFee',
    { base_fee: 'u64', len_fee: 'u64', adjusted_weight_fee: 'u64' },
    { Balance: 'u64' },
  ),
  FeeDetails: composite(
    'pallet_transaction_payment::types::FeeDetails',
    { inclusion_fee: 'Option<InclusionFee>', tip: 'u64' },
    { Balance: 'u64' },
  ),
  OpaqueMetadata: composite('sp_core::OpaqueMetadata', ['Bytes']),
  InvalidTransaction: variant('sp_runtime::transaction_validity::InvalidTransaction', [
    ...'Call Payment Future Stale BadProof AncientBirthBlock ExhaustsResources'
      .split(' ')
      .map((name, i): VariantRow => [name, i, []]),
    ['Custom', 7, ['u8']],
    ...'BadMandatory MandatoryValidation BadSigner IndeterminateImplicit UnknownOrigin'
      .split(' ')
      .map((name, i): VariantRow => [name, i + 8, []]),
  ]),
  UnknownTransaction: variant('sp_runtime::transaction_validity::UnknownTransaction', [
    ['CannotLookup', 0, []],
    ['NoUnsignedValidator', 1, []],
    ['Custom', 2, ['u8']],
  ]),
  TransactionValidityError: variant('sp_runtime::transaction_validity::TransactionValidityError', [
    ['Invalid', 0, ['InvalidTransaction']],
    ['Unknown', 1, ['UnknownTransaction']],
  ]),
  TransactionSource: names('sp_runtime::transaction_validity::TransactionSource', 'InBlock Local External'),
  ValidTransaction: composite('sp_runtime::transaction_validity::ValidTransaction', {
    priority: 'u64',
    requires: 'Vec<Bytes>',
    provides: 'Vec<Bytes>',
    longevity: 'u64',
    propagate: 'bool',
  }),
  AxonInfo: composite('pallet_subtensor::pallet::AxonInfo', AXON_FIELDS),
  PrometheusInfo: composite('pallet_subtensor::pallet::PrometheusInfo', {
    block: 'u64',
    version: 'u32',
    ip: 'u128',
    port: 'u16',
    ip_type: 'u8',
  }),
  NeuronCertificate: composite('pallet_subtensor::pallet::NeuronCertificate', {
    public_key: 'Bounded64',
    algorithm: 'u8',
  }),
  ChainIdentityV2: composite('pallet_subtensor::pallet::ChainIdentityV2', {
    name: 'Bytes',
    url: 'Bytes',
    github_repo: 'Bytes',
    image: 'Bytes',
    discord: 'Bytes',
    description: 'Bytes',
    additional: 'Bytes',
  }),
  SubnetIdentityV3: composite('pallet_subtensor::pallet::SubnetIdentityV3', {
    subnet_name: 'Bytes',
    github_repo: 'Bytes',
    subnet_contact: 'Bytes',
    subnet_url: 'Bytes',
    discord: 'Bytes',
    description: 'Bytes',
    logo_url: 'Bytes',
    additional: 'Bytes',
  }),
  RateLimitKey: variant(
    'pallet_subtensor::RateLimitKey',
    [
      ['SetSNOwnerHotkey', 0, ['u16']],
      ['NetworkLastRegistered', 2, []],
      ['LastTxBlock', 3, ['AccountId32']],
    ],
    { AccountId: 'AccountId32' },
  ),
  LockState: composite('pallet_subtensor::staking::lock::LockState', {
    locked_mass: 'u64',
    conviction: 'U64F64',
    last_update: 'u64',
  }),
  RootClaimTypeEnum: variant('pallet_subtensor::pallet::RootClaimTypeEnum', [
    ['Swap', 0, []],
    ['Keep', 1, []],
    ['KeepSubnets', 2, { subnets: 'BTreeSet<u16>' }],
  ]),
  EpochConsensus: names('pallet_subtensor::pallet::EpochConsensus', 'Yuma Null'),
  RecycleOrBurnEnum: names('pallet_subtensor::pallet::RecycleOrBurnEnum', 'Burn Recycle'),
  U64F64: composite('substrate_fixed::FixedU128', { bits: 'u128' }),
  I96F32: composite('substrate_fixed::FixedI128', { bits: 'i128' }),
  Data: variant('pallet_commitments::types::Data', [
    ['None', 0, []],
    ...Array.from({ length: RAW_LIMIT + 1 }, (_, n): VariantRow => [`Raw${n}`, n + 1, [`[u8;${n}]`]]),
    ['BlakeTwo256', 130, ['[u8;32]']],
    ['Sha256', 131, ['[u8;32]']],
    ['Keccak256', 132, ['[u8;32]']],
    ['ShaThree256', 133, ['[u8;32]']],
    ['TimelockEncrypted', 134, { encrypted: 'Bounded1024', reveal_round: 'u64' }],
    ['ResetBondsFlag', 135, []],
    ['BigRaw', 136, ['Bounded512']],
  ]),
  /** Clients see the newtype: the Python SDK sends and expects the list one level deeper than a Vec's. */
  CommitmentFields: {
    ...composite('bounded_collections::bounded_vec::BoundedVec', ['Vec<Data>'], { T: 'Data', S: null }),
    limit: MAX_COMMITMENT_FIELDS,
  } as NamedType,
  CommitmentInfo: composite(
    'pallet_commitments::types::CommitmentInfo',
    { fields: 'CommitmentFields' },
    { FieldLimit: null },
  ),
  Registration: composite(
    'pallet_commitments::types::Registration',
    { deposit: 'u64', block: 'u32', info: 'CommitmentInfo' },
    { Balance: 'u64', MaxFields: null, BlockNumber: 'u32' },
  ),
  Bounded32: boundedBytes(32),
  Bounded64: boundedBytes(64),
  Bounded96: boundedBytes(96),
  Bounded144: boundedBytes(144),
  Bounded512: boundedBytes(512),
  Bounded1024: boundedBytes(1024),
  TimelockedCommit: boundedBytes(TIMELOCKED_COMMIT_LIMIT),
  Pulse: composite('pallet_drand::types::Pulse', {
    round: 'u64',
    randomness: 'Bounded32',
    signature: 'Bounded144',
  }),
  BeaconMetadata: composite('pallet_drand::types::Metadata', { beacon_id: 'Bounded32' }),
  BeaconConfiguration: composite('pallet_drand::types::BeaconConfiguration', {
    public_key: 'Bounded96',
    period: 'u32',
    genesis_time: 'u32',
    hash: 'Bounded32',
    group_hash: 'Bounded32',
    scheme_id: 'Bounded32',
    metadata: 'BeaconMetadata',
  }),
  UsageTracker: composite('pallet_commitments::types::UsageTracker', { last_epoch: 'u64', used_space: 'u64' }),
};

/** Encodes everything but calls and events, which need the list of pallets. */
export const scaleCodecs = new CodecRegistry(SCALE_TYPES);
