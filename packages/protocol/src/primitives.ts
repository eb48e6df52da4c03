import { z } from 'zod';

/** 32 bytes, lower-case hex, no prefix: every sha256 of this project. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');

/** A git commit id of the hub: 40 lower-case hex digits, never a branch name. */
export const revisionSchema = z.string().regex(/^[0-9a-f]{40}$/, 'must be a 40-hex commit id');

/** `namespace/name` as the hub takes it; the name never contains `--`, `..` or `.git`. */
export const repoIdSchema = z
  .string()
  .max(96)
  .regex(/^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/, 'must be namespace/name')
  .refine((id) => !/--|\.\.|\.git(\/|$)/.test(id), 'must not contain "--", ".." or ".git"');

/** SS58 text form of an account (prefix 42 on Subtensor). The checksum is verified by the packages that decode it. */
export const ss58Schema = z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{46,49}$/, 'must be an SS58 address');

/** 8 random bytes as 16 lower-case hex digits: short enough for a commitment, unique enough for a subnet. */
export const taskIdSchema = z.string().regex(/^[0-9a-f]{16}$/, 'must be 16 lower-case hex digits');

export const netuidSchema = z.number().int().min(0).max(65_535);
export const uidSchema = z.number().int().min(0).max(65_535);
export const blockNumberSchema = z.number().int().min(0).max(0xffff_ffff);
export const blockHashSchema = z.string().regex(/^0x[0-9a-f]{64}$/, 'must be a 0x-prefixed block hash');

/** A relative path of one file in a repo: no `..`, no leading slash, none of the characters the hub clients mangle. */
export const repoPathSchema = z
  .string()
  .min(1)
  .max(1024)
  .refine((path) => !/[#?%\\\0]/.test(path) && !path.startsWith('/'), 'has a character that hub clients mangle')
  .refine(
    (path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    'is not a plain path',
  );
