import { describe, expect, it } from 'vitest';
import { Allocator, type AllocatorMemory } from '../../src/runtime/wasm/allocator.ts';

class FakeMemory implements AllocatorMemory {
  readonly words = new Map<number, number>();
  size: number;

  constructor(size: number) {
    this.size = size;
  }

  ensure(size: number): void {
    if (size > 1 << 26) throw new Error('no more memory');
    this.size = Math.max(this.size * 2, size);
  }

  readU32(at: number): number {
    return this.words.get(at) ?? 0;
  }

  writeU32(at: number, value: number): void {
    this.words.set(at, value);
  }
}

describe('allocator', () => {
  it('bumps by powers of two with an 8-byte header, from an aligned base', () => {
    const allocator = new Allocator(new FakeMemory(1 << 16), 1001);
    const pointers = [0, 1, 8, 9, 100, 8].map((size) => allocator.allocate(size));
    // Base 1008; classes 8, 8, 8, 16, 128.
    expect(pointers).toEqual([1016, 1032, 1048, 1064, 1088, 1224]);
  });

  it('takes freed room of the same class again, latest first', () => {
    const allocator = new Allocator(new FakeMemory(1 << 16), 0);
    const [a, b, c] = [32, 32, 64].map((size) => allocator.allocate(size)) as [number, number, number];
    allocator.release(a);
    allocator.release(b);
    allocator.release(c);
    expect([allocator.allocate(17), allocator.allocate(20), allocator.allocate(33)]).toEqual([b, a, c]);
    expect(allocator.allocate(32)).toBeGreaterThan(c);
  });

  it('refuses to free twice, or what it never gave', () => {
    const allocator = new Allocator(new FakeMemory(1 << 16), 0);
    const pointer = allocator.allocate(8);
    allocator.release(pointer);
    expect(() => allocator.release(pointer)).toThrow(/not allocated/);
    expect(() => allocator.release(4)).toThrow(/not allocated/);
    expect(() => allocator.release(5000)).toThrow(/not allocated/);
  });

  it('grows the memory when needed and says when that fails', () => {
    const memory = new FakeMemory(1 << 16);
    const allocator = new Allocator(memory, 0);
    allocator.allocate(1 << 20);
    expect(memory.size).toBeGreaterThan(1 << 20);
    expect(() => allocator.allocate((1 << 25) + 1)).toThrow(/32 MiB/);
    allocator.allocate(1 << 25);
    expect(() => allocator.allocate(1 << 25)).toThrow(/no more memory/);
  });

  it('starts anew after a reset', () => {
    const allocator = new Allocator(new FakeMemory(1 << 16), 0);
    const first = allocator.allocate(8);
    allocator.release(first);
    allocator.allocate(4096);
    allocator.reset();
    expect(allocator.allocate(8)).toBe(first);
  });
});
