import { OperatorError } from '@tuning/kit';

const DECIMALS = 9;

/**
 * RAO of an amount in TAO as it was typed, exactly.
 * @throws OperatorError `AMOUNT_INVALID`.
 */
export function parseTao(text: string): bigint {
  const [, whole, fraction = ''] = /^(\d{1,8})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (whole === undefined) {
    throw new OperatorError('AMOUNT_INVALID', `"${text}" is not an amount of TAO: use digits, with at most 9 decimals`);
  }
  return BigInt(`${whole}${fraction.padEnd(DECIMALS, '0')}`);
}

/** TAO with the given decimals, cut off. */
export function taoText(rao: bigint, decimals: number = DECIMALS): string {
  const text = rao.toString().padStart(DECIMALS + 1, '0');
  const [whole, fraction] = [text.slice(0, -DECIMALS), text.slice(-DECIMALS).slice(0, decimals)];
  return decimals === DECIMALS ? `${whole}.${fraction}`.replace(/\.?0+$/, '') : `${whole}.${fraction}`;
}
