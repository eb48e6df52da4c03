export { verifySignature } from './key-pair.ts';
export type { MnemonicWords } from './key-secret.ts';
export {
  type CreateHotkeyOptions,
  type CreateWalletOptions,
  createHotkey,
  createWallet,
  importKey,
  lacksColdkey,
  type NewKey,
  type NewWallet,
  requireFree,
} from './new-wallet.ts';
export { obscurePassword, passwordFromEnvironment, passwordVariable } from './password-environment.ts';
export { type ColdSigner, openColdkey, openHotkey, type PasswordSource, readColdkeyAddress } from './wallet.ts';
export { type KeyListing, listWallets, type WalletListing } from './wallet-list.ts';
export { DEFAULT_WALLETS_PATH, type KeyKind, type WalletRef } from './wallet-ref.ts';
