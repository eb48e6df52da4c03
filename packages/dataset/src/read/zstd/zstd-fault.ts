/** What is wrong with a zstd stream; the caller knows whose it is. */
export class ZstdFault extends Error {
  override readonly name = 'ZstdFault';
}
