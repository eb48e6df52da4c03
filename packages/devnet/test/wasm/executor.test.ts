import { cryptoWaitReady } from '@polkadot/util-crypto';
import { silentLogger } from '@tuning/kit';
import { beforeAll, describe, expect, it } from 'vitest';
import { StateHistory, StateView } from '../../src/node/state.ts';
import { Executor, RuntimeTrap } from '../../src/runtime/wasm/executor.ts';
import { readModuleInfo } from '../../src/runtime/wasm/module-info.ts';
import { isCompressed, wasmOfCode } from '../../src/runtime/wasm/runtime-code.ts';
import { assemble, ECHO, type GuestFunction, type GuestImport, HEAP_BASE, I32, I64, op } from './assemble.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const hex = (value: Uint8Array | undefined) => value && Buffer.from(value).toString('hex');
const START: GuestImport = { name: 'ext_storage_start_transaction_version_1', params: [], results: [] };
const ROLLBACK: GuestImport = { name: 'ext_storage_rollback_transaction_version_1', params: [], results: [] };
const COMMIT: GuestImport = { name: 'ext_storage_commit_transaction_version_1', params: [], results: [] };
const SET: GuestImport = { name: 'ext_storage_set_version_1', params: [I64, I64], results: [] };
const GET: GuestImport = { name: 'ext_storage_get_version_1', params: [I64], results: [I64] };

function machine(functions: readonly GuestFunction[], imports: readonly GuestImport[] = []) {
  const executor = new Executor(assemble(functions, imports), silentLogger);
  const state = new StateView(new StateHistory(), 0);
  return { executor, state, call: (name: string, args = '') => hex(executor.call(state, name, bytes(args))) };
}

beforeAll(() => cryptoWaitReady());

describe('executor', () => {
  it('hands arguments over and takes results back', () => {
    const { call } = machine([{ name: 'Test_echo', body: ECHO }]);
    expect(call('Test_echo', 'c0ffee')).toBe('c0ffee');
    expect(call('Test_echo')).toBe('');
    expect(call('Test_echo', 'ab'.repeat(200_000))).toBe('ab'.repeat(200_000));
  });

  it('names the host function that is missing, when it is called and not before', () => {
    const imports = [{ name: 'ext_moon_phase_version_7', params: [], results: [] }];
    const { call } = machine(
      [
        { name: 'Test_echo', body: ECHO },
        { name: 'Test_moon', body: [...op.call(0), ...ECHO] },
      ],
      imports,
    );
    expect(call('Test_echo', '01')).toBe('01');
    expect(() => call('Test_moon')).toThrow(
      /host function ext_moon_phase_version_7, which this devnet does not provide/,
    );
    expect(() => call('Test_moon')).toThrow(expect.objectContaining({ code: 'HOST_FUNCTION_MISSING' }));
    expect(call('Test_echo', '02')).toBe('02');
  });

  it('says when a method does not exist', () => {
    const { executor, call } = machine([{ name: 'Test_echo', body: ECHO }]);
    expect(executor.has('Test_other')).toBe(false);
    expect(() => call('Test_other')).toThrow(expect.objectContaining({ code: 'RUNTIME_METHOD_MISSING' }));
  });

  it('gives every call static memory as it was at first, though it keeps the instance', () => {
    // Counts up a static byte behind the stack and stores it over the first argument byte.
    const at = HEAP_BASE - 8;
    const body = [
      ...op.i32Const(0),
      ...op.i32Const(0),
      ...op.load8(at),
      ...op.i32Const(1),
      ...op.i32Add,
      ...op.store8(at),
      ...op.localGet(0),
      ...op.i32Const(0),
      ...op.load8(at),
      ...op.store8(0),
      ...ECHO,
    ];
    const { call } = machine([{ name: 'Test_count', body }]);
    expect([call('Test_count', 'ff'), call('Test_count', 'ff'), call('Test_count', 'ff')]).toEqual(['01', '01', '01']);
  });

  it('turns a trap into an error of its own and goes on', () => {
    const { call } = machine([
      { name: 'Test_trap', body: [...op.unreachable] },
      { name: 'Test_echo', body: ECHO },
    ]);
    expect(() => call('Test_trap')).toThrow(RuntimeTrap);
    expect(() => call('Test_trap')).toThrow(/^Test_trap failed: unreachable/);
    expect(call('Test_echo', '07')).toBe('07');
  });

  it('refuses bytes outside the memory', () => {
    const body = [...op.i64Const(-1), ...op.call(0)];
    const { call } = machine([{ name: 'Test_wild', body }], [GET]);
    expect(() => call('Test_wild')).toThrow(/outside its memory/);
  });

  it('nests storage transactions and rolls back what a trap leaves open', () => {
    // set(args, args): key and value are the argument bytes.
    const set = [...ECHO, ...ECHO, ...op.call(3)];
    const imports = [START, ROLLBACK, COMMIT, SET];
    const start = op.call(0);
    const rollback = op.call(1);
    const commit = op.call(2);
    const { state, call } = machine(
      [
        { name: 'Test_keep', body: [...start, ...start, ...set, ...commit, ...commit, ...ECHO] },
        { name: 'Test_inner', body: [...start, ...set, ...start, ...set, ...commit, ...rollback, ...ECHO] },
        { name: 'Test_trap', body: [...set, ...start, ...start, ...set, ...op.unreachable] },
        { name: 'Test_open', body: [...start, ...set, ...ECHO] },
        { name: 'Test_close', body: [...commit, ...ECHO] },
      ],
      imports,
    );
    call('Test_keep', 'aa');
    expect(hex(state.get('0xaa'))).toBe('aa');
    call('Test_inner', 'bb');
    expect(state.get('0xbb')).toBeUndefined();
    // What was written outside any transaction stays: the caller of the runtime decides about it.
    expect(() => call('Test_trap', 'cc')).toThrow(RuntimeTrap);
    expect(hex(state.get('0xcc'))).toBe('cc');
    expect(() => call('Test_open', 'dd')).toThrow(/left a storage transaction open/);
    expect(state.get('0xdd')).toBeUndefined();
    expect(() => call('Test_close')).toThrow(/closes a storage transaction that it has not opened/);
    expect([...state.changes().keys()]).toEqual(['0xaa', '0xcc']);
  });

  it('reads stored values as SCALE options', () => {
    const { state, call } = machine([{ name: 'Test_get', body: [...ECHO, ...op.call(0)] }], [GET]);
    state.set('0x01', new Uint8Array(70).fill(9));
    expect(call('Test_get', '01')).toBe(`011901${'09'.repeat(70)}`);
    expect(call('Test_get', '02')).toBe('00');
  });

  it('refuses what is no module', () => {
    expect(() => new Executor(bytes('0011'), silentLogger)).toThrow(
      expect.objectContaining({ code: 'RUNTIME_CODE_INVALID' }),
    );
    expect(() => wasmOfCode(bytes('52bc537646db8e05ffff'))).toThrow(/cannot be unpacked/);
    expect(isCompressed(bytes('52bc537646db8e05ffff'))).toBe(true);
  });

  it('unpacks a compressed module', () => {
    const module = assemble([{ name: 'Test_echo', body: ECHO }]);
    // One raw Zstandard block (RFC 8878): magic, descriptor for a one-byte size, size, block header, the bytes.
    const header = (module.length << 3) | 1;
    const frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, module.length, header & 0xff, header >> 8, 0, ...module];
    const code = Uint8Array.from([...bytes('52bc537646db8e05'), ...frame]);
    expect(hex(wasmOfCode(code))).toBe(hex(module));
  });

  it('reads what a module says about itself', () => {
    const module = assemble([{ name: 'Test_echo', body: ECHO }], [], { runtime_version: bytes('0102') });
    const info = readModuleInfo(module);
    expect(info.importedMemoryPages).toBe(1);
    expect(info.mutableGlobals).toEqual([1024]);
    expect(hex(info.customSections.get('runtime_version'))).toBe('0102');
  });

  it('allows parameters of the types that host functions have', () => {
    const body = [...op.i32Const(5), ...op.call(0), ...op.i32Const(3), ...op.i32Add, ...op.drop, ...ECHO];
    const { call } = machine(
      [{ name: 'Test_malloc', body }],
      [{ name: 'ext_allocator_malloc_version_1', params: [I32], results: [I32] }],
    );
    expect(call('Test_malloc', '0a')).toBe('0a');
  });
});
