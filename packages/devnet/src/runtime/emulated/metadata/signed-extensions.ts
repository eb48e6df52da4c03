/** [identifier, type in the extrinsic, type in the signed payload only], in the order of spec 424. */
export const SIGNED_EXTENSIONS: readonly (readonly [identifier: string, extra: string, implicit: string])[] = [
  ['CheckNonZeroSender', 'CheckNonZeroSender', '()'],
  ['CheckSpecVersion', 'CheckSpecVersion', 'u32'],
  ['CheckTxVersion', 'CheckTxVersion', 'u32'],
  ['CheckGenesis', 'CheckGenesis', 'H256'],
  ['CheckMortality', 'CheckMortality', 'H256'],
  ['CheckNonce', 'CheckNonce', '()'],
  ['CheckWeight', 'CheckWeight', '()'],
  ['ChargeTransactionPayment', 'ChargeTransactionPayment', '()'],
  ['SudoTransactionExtension', 'SudoTransactionExtension', '()'],
  ['CheckShieldedTxValidity', 'CheckShieldedTxValidity', '()'],
  ['SubtensorTransactionExtension', 'SubtensorTransactionExtension', '()'],
  ['DrandPriority', 'DrandPriority', '()'],
  ['CheckMetadataHash', 'CheckMetadataHash', 'Option<[u8;32]>'],
];

/** The tuple of everything a signed extrinsic carries besides address, signature and call. */
export const SIGNED_EXTRA = `(${SIGNED_EXTENSIONS.map(([, extra]) => extra).join(',')})`;
