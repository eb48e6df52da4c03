/** Room for a guest: its linear memory as the allocator sees it. */
export interface AllocatorMemory {
  /** Bytes. */
  readonly size: number;
  /** Makes the memory at least so large; throws when it cannot. */
  ensure(size: number): void;
  readU32(at: number): number;
  writeU32(at: number, value: number): void;
}

const HEADER_BYTES = 8;
const SMALLEST = 8;
/** Size classes 8 B, 16 B, … 32 MiB. */
const CLASSES = 23;
const OCCUPIED = 1;

/**
 * The freeing-bump allocator that Substrate runtimes count on (Polkadot specification, "Memory Allocator"): power-of-two
 * classes with a free list each, otherwise bumping upwards from `__heap_base`. Before each allocation lie 8 bytes: its
 * class, and 1 while it is in use.
 */
export class Allocator {
  readonly #memory: AllocatorMemory;
  readonly #base: number;
  readonly #free: number[][];
  #bump: number;

  constructor(memory: AllocatorMemory, heapBase: number) {
    this.#memory = memory;
    this.#base = Math.ceil(heapBase / 8) * 8;
    this.#bump = this.#base;
    this.#free = Array.from({ length: CLASSES }, () => []);
  }

  /** Forgets every allocation. */
  reset(): void {
    this.#bump = this.#base;
    for (const list of this.#free) list.length = 0;
  }

  /** A pointer to at least `size` bytes; throws when the size is beyond the largest class or memory is exhausted. */
  allocate(size: number): number {
    const order = orderOf(size);
    const pointer = this.#free[order]!.pop() ?? this.#take(SMALLEST << order);
    this.#memory.writeU32(pointer - HEADER_BYTES, order);
    this.#memory.writeU32(pointer - HEADER_BYTES + 4, OCCUPIED);
    return pointer;
  }

  release(pointer: number): void {
    const header = pointer - HEADER_BYTES;
    const order = header >= this.#base && pointer < this.#bump ? this.#memory.readU32(header) : CLASSES;
    if (order >= CLASSES || this.#memory.readU32(header + 4) !== OCCUPIED) {
      throw new Error(`the runtime frees ${pointer}, which is not allocated`);
    }
    this.#memory.writeU32(header + 4, 0);
    this.#free[order]!.push(pointer);
  }

  #take(bytes: number): number {
    const pointer = this.#bump + HEADER_BYTES;
    const end = pointer + bytes;
    if (end > this.#memory.size) this.#memory.ensure(end);
    this.#bump = end;
    return pointer;
  }
}

function orderOf(size: number): number {
  const order = size <= SMALLEST ? 0 : 32 - Math.clz32(size - 1) - 3;
  if (order >= CLASSES) throw new Error(`the runtime asks for ${size} bytes at once; the most is 32 MiB`);
  return order;
}
