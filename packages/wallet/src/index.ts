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
  passwordFromEnvironment,
  readColdkeyAddress,
  verifySignature,
} from './wallet.ts';
export { DEFAULT_WALLETS_PATH, type KeyKind, type WalletRef } from './wallet-ref.ts';
