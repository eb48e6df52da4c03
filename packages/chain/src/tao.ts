/** 1 TAO in RAO. */
export const RAO_PER_TAO = 1_000_000_000n;

/** `1.5 TAO` for a message; all nine decimals that matter. */
export function taoText(rao: bigint): string {
  const fraction = (rao % RAO_PER_TAO).toString().padStart(9, '0').replace(/0+$/, '');
  return `${rao / RAO_PER_TAO}${fraction ? `.${fraction}` : ''} TAO`;
}
