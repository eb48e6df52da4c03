import { timelockDecrypt, timelockEncrypt } from '@tuning/chain';
import { describe, expect, it } from 'vitest';
import { NEWEST, runScript, TEN } from './python.ts';

/** A past round of drand's quicknet and its published signature. */
const ROUND = 1000;
const SIGNATURE = 'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39';
/** The official packages hand out UserData { encrypted_data: Vec<u8>, reveal_round: u64 } in SCALE. */
function userData(ciphertext: Uint8Array): string {
  const length = Buffer.alloc(2);
  // A compact length between 64 and 16383.
  length.writeUInt16LE((ciphertext.length << 2) | 1);
  const round = Buffer.alloc(8);
  round.writeBigUInt64LE(BigInt(ROUND));
  return Buffer.concat([length, ciphertext, round]).toString('hex');
}

describe('timelocked ciphertexts and the official packages', () => {
  for (const venv of [TEN, NEWEST]) {
    it.skipIf(!venv.python)(`are opened by ${venv.label}, and the other way round`, async () => {
      const sealed = timelockEncrypt({ plaintext: new TextEncoder().encode('by tuning'), round: ROUND });
      const found = await runScript(venv, 'timelock.py', [String(ROUND), SIGNATURE, userData(sealed)]);
      expect(found.opened).toBe('by tuning');
      const theirs = Buffer.from(found.sealed, 'hex').subarray(2, -8);
      const opened = timelockDecrypt(theirs, Buffer.from(SIGNATURE, 'hex'));
      expect(Buffer.from(opened).toString()).toBe('by the official package');
    });
  }
});
