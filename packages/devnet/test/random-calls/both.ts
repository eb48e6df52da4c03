import { cryptoWaitReady } from '@polkadot/util-crypto';
import { silentLogger } from '@tuning/kit';
import { EmulatedRuntime } from '../../src/runtime/emulated/runtime.ts';
import { loadRuntimeSource } from '../../src/runtime/wasm/source/runtime-source.ts';
import { WasmRuntime } from '../../src/runtime/wasm/wasm-runtime.ts';
import { Theatre } from '../conformance/stage.ts';
import type { DirectChain } from './direct-chain.ts';
import { prepare } from './prepared.ts';

export async function emulatedChain(): Promise<DirectChain> {
  await cryptoWaitReady();
  const { client } = await Theatre.open();
  return prepare(new EmulatedRuntime(), client);
}

export async function realChain(source: string): Promise<DirectChain> {
  await cryptoWaitReady();
  const { client } = await Theatre.open(source);
  return prepare(new WasmRuntime(await loadRuntimeSource(source, { logger: silentLogger })), client);
}
