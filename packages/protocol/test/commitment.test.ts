import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalJson,
  digestJson,
  encodeCommitment,
  modelDigest,
  parseCommitment,
  RAW_FIELD_BYTES,
  submissionDigest,
} from '../src/index.ts';

const hex = (length: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: length, maxLength: length })
    .map((digits) => digits.map((digit) => digit.toString(16)).join(''));

describe('commitments', () => {
  it('survive encoding and fit one Raw field', () => {
    fc.assert(
      fc.property(
        hex(16),
        hex(40),
        hex(32),
        fc.stringMatching(/^[a-z][a-z0-9]{0,18}\/t-[a-z0-9]{1,18}$/),
        (taskId, revision, digest, repo) => {
          const commitment = { kind: 'submission' as const, taskId, repo, revision, digest };
          const text = encodeCommitment(commitment);
          expect(text.length).toBeLessThanOrEqual(RAW_FIELD_BYTES);
          expect(parseCommitment(text)).toEqual(commitment);
        },
      ),
    );
  });

  it('seal', () => {
    const seal = { kind: 'seal' as const, taskId: 'a'.repeat(16), seal: 'b'.repeat(64) };
    expect(parseCommitment(encodeCommitment(seal))).toEqual(seal);
  });

  it('are refused when too long, and never throw when strange', () => {
    const long = {
      kind: 'submission' as const,
      taskId: 'a'.repeat(16),
      repo: `${'n'.repeat(30)}/${'m'.repeat(30)}`,
      revision: 'c'.repeat(40),
      digest: 'd'.repeat(32),
    };
    expect(() => encodeCommitment(long)).toThrow(/shorter repo id/);
    fc.assert(fc.property(fc.string(), (text) => void parseCommitment(text)));
    expect(parseCommitment('t1:zz:a/b@c:d')).toBeUndefined();
  });
});

describe('digests', () => {
  it('do not depend on key or file order', () => {
    expect(canonicalJson({ b: 1, a: [true, null, 'x'] })).toBe('{"a":[true,null,"x"],"b":1}');
    expect(digestJson({ a: 1, b: 2 })).toBe(digestJson({ b: 2, a: 1 }));
    const files = [
      { path: 'b', sha256: '1' },
      { path: 'a', sha256: '2' },
    ];
    expect(modelDigest(files)).toBe(modelDigest([...files].reverse()));
    expect(modelDigest([...files, { path: 'README.md', sha256: '9' }])).toBe(modelDigest(files));
    expect(modelDigest([{ path: 'a', sha256: '3' }])).not.toBe(modelDigest([{ path: 'a', sha256: '2' }]));
  });

  it('bind a model to a hotkey', () => {
    expect(submissionDigest('m', 'A')).not.toBe(submissionDigest('m', 'B'));
    expect(submissionDigest('m', 'A')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('refuse what JSON cannot carry', () => {
    expect(() => canonicalJson(Number.NaN)).toThrow(RangeError);
  });
});
