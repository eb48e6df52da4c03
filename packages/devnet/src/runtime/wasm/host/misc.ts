import { ScaleReader, toHex } from '../../../scale/bytes.ts';
import type { TrieVersion } from '../../../trie/node-codec.ts';
import { orderedRoot, Trie } from '../../../trie/trie.ts';
import type { Host, HostFunctions } from './host.ts';

const LEVEL_ERROR = 1;

/** Allocation, logging, trie roots over lists, and the rest that needs no state. */
export function miscFunctions(host: Host): HostFunctions {
  const ordered = (items: bigint, version: TrieVersion): number => {
    const reader = new ScaleReader(host.memory.copy(items));
    return host.memory.put(
      orderedRoot(
        vector(reader, () => reader.bytes()),
        version,
      ),
    );
  };
  const root = (entries: bigint, version: TrieVersion): number => {
    const reader = new ScaleReader(host.memory.copy(entries));
    const pairs = vector(reader, () => [toHex(reader.bytes()), reader.bytes()] as const);
    return host.memory.put(new Trie(version).with(pairs).root());
  };
  const version = (value: number): TrieVersion => (value === 0 ? 0 : 1);
  return {
    ext_allocator_malloc_version_1: (size: number) => host.memory.allocator.allocate(size >>> 0),
    ext_allocator_free_version_1: (pointer: number) => host.memory.allocator.release(pointer >>> 0),
    ext_logging_max_level_version_1: () => LEVEL_ERROR,
    ext_logging_log_version_1: (level: number, target: bigint, message: bigint) =>
      host.log(level, host.memory.text(target), host.memory.text(message)),
    ext_panic_handler_abort_on_panic_version_1: (message: bigint) => {
      throw new Error(host.memory.text(message));
    },
    ext_misc_print_num_version_1: () => {},
    ext_misc_print_utf8_version_1: () => {},
    ext_misc_print_hex_version_1: () => {},
    ext_misc_runtime_version_version_1: (code: bigint) =>
      host.memory.putOption(host.runtimeVersionOf(host.memory.copy(code))),
    ext_trie_blake2_256_root_version_1: (entries: bigint) => root(entries, 0),
    ext_trie_blake2_256_root_version_2: (entries: bigint, layout: number) => root(entries, version(layout)),
    ext_trie_blake2_256_ordered_root_version_1: (items: bigint) => ordered(items, 0),
    ext_trie_blake2_256_ordered_root_version_2: (items: bigint, layout: number) => ordered(items, version(layout)),
    // A node keeps these in its off-chain database, which nobody reads here.
    ext_offchain_index_set_version_1: () => {},
    ext_offchain_index_clear_version_1: () => {},
  };
}

function vector<T>(reader: ScaleReader, item: () => T): T[] {
  return Array.from({ length: reader.length() }, item);
}
