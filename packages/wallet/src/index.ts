export { verifySignature } from './key-pair.ts';
export { obscurePassword, passwordFromEnvironment, passwordVariable } from './password-environment.ts';
export {
  type ColdSigner,
  type CreateHotkeyOptions,
  type CreateWalletOptions,
  createHotkey,
  createWallet,
  type NewKey,
  type NewWallet,
  openColdkey,
  openHotkey,
  type PasswordSource,
  readColdkeyAddress,
} from './wallet.ts';
export { DEFAULT_WALLETS_PATH, type KeyKind, type WalletRef } from './wallet-ref.ts';
