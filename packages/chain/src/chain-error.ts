import { isTuningError, TuningError } from '@tuning/kit';
import { explainRefusal, refusalOf } from './refusals.ts';
import type { RpcError } from './rpc-socket.ts';

/**
 * A transaction that the chain refused, in the pool or in a block. `code` is the module error's name in
 * SCREAMING_SNAKE, e.g. `SETTING_WEIGHTS_TOO_FAST`; `details`: `module` and `name` as the runtime calls them, `custom`
 * (the number of a pool rejection), `meaning` and `remedy` for the operator, `call`, and `block` when it failed inside one.
 */
export class ChainError extends TuningError {
  override readonly name = 'ChainError';
}

/** `SettingWeightsTooFast` → `SETTING_WEIGHTS_TOO_FAST`. */
export function screamingSnake(name: string): string {
  return name
    .replaceAll('.', '_')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toUpperCase();
}

/**
 * Names of Subtensor's pool rejections `Custom(n)` (opentensor/subtensor common/src/transaction_error.rs at spec 425;
 * 0 to 14 are the same at 293). They are in no metadata, so this one table of numbers must live here.
 */
const CUSTOM = [
  'ColdkeySwapAnnounced',
  'AmountTooLow',
  'NotEnoughBalanceToStake',
  'SubnetNotExists',
  'HotKeyAccountNotExists',
  'NotEnoughStakeToWithdraw',
  'RateLimitExceeded',
  'InsufficientLiquidity',
  'SlippageTooHigh',
  'TransferDisallowed',
  'HotKeyNotRegisteredInNetwork',
  'InvalidIpAddress',
  'ServingRateLimitExceeded',
  'InvalidPort',
  'ZeroMaxAmount',
  'InvalidRevealRound',
  'NoWeightsCommitFound',
  'RevealTooEarly',
  'InputLengthsUnequal',
  'HotKeyNotRegisteredInSubNet',
  'EvmKeyAssociateRateLimitExceeded',
  'ColdkeySwapDisputed',
  'InvalidRealAccount',
  'FailedShieldedTxParsing',
  'InvalidShieldedTxPubKeyHash',
  'NonAssociatedColdKey',
  'DelegateTakeTooLow',
  'DelegateTakeTooHigh',
] as const;

/** Numbers that stand for several module errors, told apart by the call that met them. */
const CUSTOM_BY_CALL: Readonly<Record<number, readonly [call: RegExp, name: string][]>> = {
  1: [[/weights/i, 'NotEnoughStakeToSetWeights']],
  6: [
    [/^set.*weights/i, 'SettingWeightsTooFast'],
    [/^commit.*weights/i, 'CommittingWeightsTooFast'],
    [/^registerNetwork/, 'NetworkTxRateLimitExceeded'],
  ],
};

/** `InvalidTransaction` of the SDK: variant (camelCase, as chopsticks prints it) and the stock node's wording. */
const INVALID: readonly [variant: string, wording: RegExp, name: string][] = [
  ['payment', /inability to pay/i, 'Payment'],
  ['future', /valid in the future/i, 'Future'],
  ['stale', /outdated/i, 'Stale'],
  ['badProof', /bad signature/i, 'BadProof'],
  ['ancientBirthBlock', /ancient birth block/i, 'AncientBirthBlock'],
  ['exhaustsResources', /exhaust/i, 'ExhaustsResources'],
  ['badSigner', /invalid signing address/i, 'BadSigner'],
  ['badMandatory', /labelled as mandatory/i, 'BadMandatory'],
  ['mandatoryValidation', /mandatory; transactions must not be validated/i, 'MandatoryValidation'],
  ['indeterminateImplicit', /implicit data was unable/i, 'IndeterminateImplicit'],
  ['unknownOrigin', /did not authorize any origin/i, 'UnknownOrigin'],
  ['call', /call is not expected/i, 'Call'],
];

/** `UnknownTransaction` of the SDK, in the answer with code 1011. */
const UNKNOWN: readonly [variant: string, wording: RegExp, name: string][] = [
  ['cannotLookup', /could not lookup/i, 'CannotLookup'],
  ['noUnsignedValidator', /unsigned validator/i, 'NoUnsignedValidator'],
];

/** Error codes of `author_submit…` besides 1010 (the SDK's client/rpc-api author errors). */
const POOL_CODES: Readonly<Record<number, string>> = {
  1001: 'BadFormat',
  1002: 'VerificationError',
  1011: 'UnknownValidity',
  1012: 'TemporarilyBanned',
  1013: 'AlreadyImported',
  1014: 'PriorityTooLow',
  1015: 'CycleDetected',
  1016: 'ImmediatelyDropped',
};

/**
 * A refusal by the pool: nothing is in a block and the nonce is unused. Undefined when `error` is something else.
 * Both known shapes are read: `1010: {"invalid":{"custom":6}}` and `Invalid Transaction` with data `Custom error: 6`.
 */
export function poolRejection(error: RpcError, call: string): ChainError | undefined {
  const known = POOL_CODES[error.code];
  const text = `${error.message} ${typeof error.data === 'string' ? error.data : JSON.stringify(error.data ?? '')}`;
  if (known) {
    const kind = error.code === 1011 ? UNKNOWN.find((one) => says(text, one)) : undefined;
    const answer = known === 'BadFormat' || known === 'VerificationError' ? { answer: text.trim().slice(0, 200) } : {};
    return refused(kind?.[2] ?? known, call, answer);
  }
  if (error.code !== 1010 && !/^1010\b/.test(error.message)) return undefined;
  const custom = /custom(?: error)?"?:\s*(\d+)/i.exec(text);
  if (custom) {
    const number = Number(custom[1]);
    return refused(customName(number, call), call, { custom: number, module: 'SubtensorModule' });
  }
  const invalid = INVALID.find((one) => says(text, one));
  return refused(invalid?.[2] ?? 'InvalidTransaction', call, { answer: text.trim().slice(0, 200) });
}

/** Whether an answer names a variant, as chopsticks does, or has the stock node's words for it. */
function says(text: string, [variant, wording]: readonly [string, RegExp, string]): boolean {
  return text.toLowerCase().includes(`"${variant.toLowerCase()}"`) || wording.test(text);
}

export function customName(number: number, call: string): string {
  const method = call.slice(call.indexOf('.') + 1);
  const byCall = CUSTOM_BY_CALL[number]?.find(([pattern]) => pattern.test(method));
  return byCall?.[1] ?? CUSTOM[number] ?? (number === 255 ? 'BadRequest' : `Custom${number}`);
}

/** A call that ran in `block` and failed there. */
export function dispatchFailure(
  failure: { module: string; name: string; docs: string },
  call: string,
  block: number,
): ChainError {
  return new ChainError(
    screamingSnake(failure.name),
    `the chain refused ${call} in block ${block}: ${explainRefusal(failure.name, failure.docs)}`,
    { details: { module: failure.module, name: failure.name, ...refusalOf(failure.name, failure.docs), call, block } },
  );
}

/** A refusal that the chain would give, known before anything is sent; `details.sent` is false. */
export function foreseenRefusal(name: string, what: string): ChainError {
  return new ChainError(screamingSnake(name), `the chain would refuse ${what}: ${explainRefusal(name)}`, {
    details: { module: 'subtensorModule', name, ...refusalOf(name), sent: false },
  });
}

/** Whether a node has dropped a block or its state: its own words, or polkadot.js' for a header that is not there. */
export function isStatePruned(error: unknown): boolean {
  if (!(error instanceof Error) || isTuningError(error)) return false;
  const data = 'data' in error ? String(error.data ?? '') : '';
  return /state already discarded|unknown ?block|header was not found|unable to retrieve header/i.test(
    `${error.message} ${data}`,
  );
}

function refused(name: string, call: string, details: Record<string, unknown>): ChainError {
  return new ChainError(screamingSnake(name), `the chain's transaction pool refused ${call}: ${explainRefusal(name)}`, {
    details: { ...details, name, ...refusalOf(name), call },
  });
}
