import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSafetensorsFile, writeSafetensors } from '../src/index.ts';
import { duplicateKey } from '../src/safetensors/json-keys.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fuzz-'));
});
afterAll(() => rm(dir, { recursive: true }));

test('a damaged file is read in full or refused with a code, never anything else', async () => {
  const path = join(dir, 'x.safetensors');
  await writeSafetensors(path, [
    { name: 'a', shape: [2, 3], dtype: 'BF16', data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: 'b', shape: [4], dtype: 'F32', data: Float32Array.of(1, 2, 3, 4) },
  ]);
  const whole = await readFile(path);
  const damage = fc.record({
    bytes: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
    length: fc.oneof(fc.constant(whole.length), fc.nat(whole.length)),
  });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(damage, async ({ bytes, length }) => {
      const damaged = Buffer.from(whole);
      for (const [at, value] of bytes) damaged[at] = value;
      await writeFile(path, damaged.subarray(0, length));
      try {
        const store = await openSafetensorsFile(path);
        try {
          for (const { name, shape } of store.entries.values()) {
            expect((await store.read(name)).length).toBe(shape.reduce((product, size) => product * size, 1));
          }
        } finally {
          await store.close();
        }
      } catch (error) {
        expect(error).toMatchObject({ name: 'BadInputError', code: /^(SAFETENSORS_INVALID|WEIGHTS_NON_FINITE)$/ });
        refused++;
      }
    }),
    { numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(50);
});

test('JSON without double keys is never accused, whatever its strings hold', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(duplicateKey(JSON.stringify(value))).toBeUndefined();
    }),
  );
});

test('a double key is found at any depth', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), fc.nat(3), (key, value, depth) => {
      const member = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
      const json = `${'{"in":['.repeat(depth)}{${member},"other${key.length}":1, ${member}}${']}'.repeat(depth)}`;
      JSON.parse(json);
      expect(duplicateKey(json)).toBe(key);
    }),
  );
});
