import type { Secret, Signer } from '@tuning/kit';
import type { WalletRef } from './wallet-ref.ts';

export type PasswordSource = (prompt: string) => Promise<Secret>;
export interface ColdSigner extends Signer {
  forget(): void;
}
export interface NewKey {
  address: string;
  mnemonic: Secret;
}
export interface NewWallet {
  coldkey: { address: string; mnemonic: Secret | undefined };
  hotkey: NewKey;
}
export interface CreateWalletOptions {
  coldkeyPassword?: Secret;
  mnemonics?: { coldkey?: Secret; hotkey?: Secret };
}
export interface CreateHotkeyOptions {
  password?: Secret;
  mnemonic?: Secret;
}
const later = (): never => {
  throw new Error('wallet: only the signatures are here yet');
};
export const openHotkey = (_ref: WalletRef, _password?: PasswordSource): Promise<Signer> => later();
export const openColdkey = (_ref: WalletRef, _password?: PasswordSource): Promise<ColdSigner> => later();
export const readColdkeyAddress = (_ref: WalletRef): Promise<string> => later();
export const createWallet = (_ref: WalletRef, _options?: CreateWalletOptions): Promise<NewWallet> => later();
export const createHotkey = (_ref: WalletRef, _options?: CreateHotkeyOptions): Promise<NewKey> => later();
export const verifySignature = (_address: string, _message: Uint8Array, _signature: Uint8Array): boolean => later();
export const passwordFromEnvironment = (
  _ref: WalletRef,
  _kind: 'coldkey' | 'hotkey',
  _env: NodeJS.ProcessEnv,
): Secret | undefined => later();
