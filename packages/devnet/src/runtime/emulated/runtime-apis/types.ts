import type { NamedType } from '../../../scale/codec.ts';

export const RUNTIME_API_TYPES: Readonly<Record<string, NamedType>> = {};
