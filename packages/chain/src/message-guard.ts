import { endpointFault } from './endpoint-fault.ts';

/**
 * Largest message taken from an endpoint: mainnet's metadata is about 1 MB of hex, its `:code` 3 MB, a full block 10 MB.
 */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
/** Substrate's answers nest a few levels; each level that a parser opens costs far more memory than its one byte. */
const MAX_DEPTH = 64;
/** Values in one message; the largest honest answers are pages of 1,000 keys and some thousand storage values. */
const MAX_VALUES = 200_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/**
 * Looks at the bytes of a JSON message before it is parsed: 32 MiB of `[` would become gigabytes of arrays.
 * @throws TransientError `CHAIN_MESSAGE_TOO_LARGE`.
 */
export function guardMessage(bytes: Buffer): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) throw tooLarge(`is nested more than ${MAX_DEPTH} deep`);
      values++;
    } else if (byte === 0x5d || byte === 0x7d) {
      depth--;
    } else if (byte === COMMA) {
      values++;
    }
    if (values > MAX_VALUES) throw tooLarge(`holds more than ${MAX_VALUES} values`);
  }
}

/** Position of the closing quote, or the end of the message. Long hex strings are skipped at the speed of memory. */
function endOfString(bytes: Buffer, start: number): number {
  for (let from = start + 1; ; ) {
    const end = bytes.indexOf(QUOTE, from);
    if (end < 0) return bytes.length;
    let slashes = 0;
    while (bytes[end - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
    from = end + 1;
  }
}

export function tooLarge(what: string): Error {
  return endpointFault('CHAIN_MESSAGE_TOO_LARGE', `a message of the endpoint ${what}`);
}
