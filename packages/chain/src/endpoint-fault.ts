import { TransientError } from '@tuning/kit';

/**
 * What an endpoint can do wrong, as stable codes. The first group is a broken or slow endpoint, which is tried again soon;
 * the others are answers that cannot be true, and such an endpoint is left alone for a while.
 */
export const ENDPOINT_FAULTS = {
  CHAIN_SILENT: 'passing',
  CHAIN_STALE: 'passing',
  CHAIN_MESSAGE_TOO_LARGE: 'lie',
  CHAIN_FLOODED: 'lie',
  CHAIN_NOT_JSON_RPC: 'lie',
  CHAIN_BAD_ANSWER: 'lie',
  CHAIN_BAD_METADATA: 'lie',
  CHAIN_HASH_MISMATCH: 'lie',
  CHAIN_HEAD_WENT_BACK: 'lie',
  CHAIN_HEAD_UNKNOWN: 'lie',
  CHAIN_FORKED: 'lie',
} as const;

export type EndpointFault = keyof typeof ENDPOINT_FAULTS;

export function endpointFault(code: EndpointFault, message: string, cause?: unknown): TransientError {
  return new TransientError(code, message, cause === undefined ? {} : { cause });
}

/** Whether a code says that the endpoint gave what cannot be true. */
export function isLie(code: string | undefined): boolean {
  return code !== undefined && (ENDPOINT_FAULTS as Readonly<Record<string, string>>)[code] === 'lie';
}
