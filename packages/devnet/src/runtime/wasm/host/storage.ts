import { fromHex } from '../../../scale/bytes.ts';
import { lengthPrefix } from '../guest-memory.ts';
import type { Host, HostFunctions } from './host.ts';

const ALL_REMOVED = 0;
const SOME_REMAINING = 1;

/** ext_storage_*: the main storage with nested transactions (sp_io::storage). */
export function storageFunctions(host: Host): HostFunctions {
  const clearPrefix = (prefix: bigint, limit: number): { removed: number; left: boolean } => {
    const keys = host.state.keys(host.memory.key(prefix));
    const removed = Math.min(limit, keys.length);
    for (let i = 0; i < removed; i++) host.state.delete(keys[i]!);
    return { removed, left: removed < keys.length };
  };
  return {
    ext_storage_get_version_1: (key: bigint) => host.memory.putOption(host.state.get(host.memory.key(key))),
    ext_storage_set_version_1: (key: bigint, value: bigint) =>
      host.state.set(host.memory.key(key), host.memory.copy(value)),
    ext_storage_clear_version_1: (key: bigint) => host.state.delete(host.memory.key(key)),
    ext_storage_exists_version_1: (key: bigint) => (host.state.get(host.memory.key(key)) === undefined ? 0 : 1),
    /** Copies what fits from `offset`; answers with the length of the value from there on. */
    ext_storage_read_version_1: (key: bigint, out: bigint, offset: number) => {
      const value = host.state.get(host.memory.key(key));
      if (value === undefined) return host.memory.putSpan(Uint8Array.of(0));
      const rest = value.subarray(Math.min(offset >>> 0, value.length));
      const room = host.memory.view(out);
      room.set(rest.subarray(0, room.length));
      const answer = Buffer.alloc(5);
      answer[0] = 1;
      answer.writeUInt32LE(rest.length, 1);
      return host.memory.putSpan(answer);
    },
    ext_storage_append_version_1: (key: bigint, value: bigint) => {
      const name = host.memory.key(key);
      host.state.set(name, appended(host.state.get(name), host.memory.view(value)));
    },
    ext_storage_clear_prefix_version_1: (prefix: bigint) => {
      clearPrefix(prefix, Number.POSITIVE_INFINITY);
    },
    ext_storage_clear_prefix_version_2: (prefix: bigint, limit: bigint) => {
      const option = Buffer.from(host.memory.view(limit));
      const { removed, left } = clearPrefix(
        prefix,
        option[0] === 1 ? option.readUInt32LE(1) : Number.POSITIVE_INFINITY,
      );
      const answer = Buffer.alloc(5);
      answer[0] = left ? SOME_REMAINING : ALL_REMOVED;
      answer.writeUInt32LE(removed, 1);
      return host.memory.putSpan(answer);
    },
    ext_storage_next_key_version_1: (key: bigint) => {
      const next = host.state.nextKey(host.memory.key(key));
      return host.memory.putOption(next === undefined ? undefined : fromHex(next));
    },
    ext_storage_root_version_1: () => host.memory.putSpan(host.state.root(0)),
    ext_storage_root_version_2: (version: number) => host.memory.putSpan(host.state.root(version === 0 ? 0 : 1)),
    ext_storage_start_transaction_version_1: () => {
      host.state.begin();
      host.depth++;
    },
    ext_storage_commit_transaction_version_1: () => {
      close(host);
      host.state.commit();
    },
    ext_storage_rollback_transaction_version_1: () => {
      close(host);
      host.state.rollback();
    },
    ext_storage_proof_size_storage_proof_size_version_1: () => 0n,
  };
}

function close(host: Host): void {
  if (host.depth === 0) throw new Error('the runtime closes a storage transaction that it has not opened');
  host.depth--;
}

/** A SCALE vector with one more item at its end; what is not a vector is replaced, as on a node. */
export function appended(vector: Uint8Array | undefined, item: Uint8Array): Uint8Array {
  const old = vector ?? Uint8Array.of(0);
  const count = compactLength(old);
  const body = count === undefined ? old.subarray(0, 0) : old.subarray(count.size);
  const prefix = lengthPrefix((count?.value ?? 0) + 1);
  const out = new Uint8Array(prefix.length + body.length + item.length);
  out.set(prefix);
  out.set(body, prefix.length);
  out.set(item, prefix.length + body.length);
  return out;
}

function compactLength(bytes: Uint8Array): { value: number; size: number } | undefined {
  const [a, b, c, d] = bytes;
  if (a === undefined) return undefined;
  if ((a & 3) === 0) return { value: a >> 2, size: 1 };
  if ((a & 3) === 1 && b !== undefined) return { value: (a | (b << 8)) >> 2, size: 2 };
  if ((a & 3) === 2 && b !== undefined && c !== undefined && d !== undefined) {
    return { value: Math.floor(((a | (b << 8) | (c << 16)) + d * 2 ** 24) / 4), size: 4 };
  }
  return undefined;
}
