import { expect, it } from 'vitest';
import { dispatchFailure, isStatePruned, poolRejection, screamingSnake } from '../src/chain-error.ts';
import { RpcError } from '../src/rpc-socket.ts';

it('writes module error names in one way', () => {
  expect(screamingSnake('SettingWeightsTooFast')).toBe('SETTING_WEIGHTS_TOO_FAST');
  expect(screamingSnake('HotKeyNotRegisteredInSubNet')).toBe('HOT_KEY_NOT_REGISTERED_IN_SUB_NET');
  expect(screamingSnake('InvalidIpType')).toBe('INVALID_IP_TYPE');
  expect(screamingSnake('CommittingCRV3Weights')).toBe('COMMITTING_CRV3_WEIGHTS');
});

it.each([
  ['custom as chopsticks says it', new RpcError(1010, '1010: {"invalid":{"custom":6}}', undefined), 6],
  ['custom as a stock node says it', new RpcError(1010, 'Invalid Transaction', 'Custom error: 6'), 6],
])('names %s by the call that met it', (_name, error, custom) => {
  const refusal = poolRejection(error, 'subtensorModule.setWeights');
  expect(refusal).toMatchObject({ name: 'ChainError', code: 'SETTING_WEIGHTS_TOO_FAST', details: { custom } });
  expect(poolRejection(error, 'subtensorModule.commitTimelockedWeights')?.code).toBe('COMMITTING_WEIGHTS_TOO_FAST');
  expect(poolRejection(error, 'subtensorModule.addStake')?.code).toBe('RATE_LIMIT_EXCEEDED');
});

it.each([
  ['1010: {"invalid":{"stale":null}}', undefined, 'STALE'],
  ['Invalid Transaction', 'Transaction is outdated', 'STALE'],
  ['1010: {"invalid":{"payment":null}}', undefined, 'PAYMENT'],
  ['Invalid Transaction', 'Inability to pay some fees (e.g. account balance too low)', 'PAYMENT'],
  ['Invalid Transaction', 'Transaction has a bad signature', 'BAD_PROOF'],
  ['Invalid Transaction', 'Custom error: 12', 'SERVING_RATE_LIMIT_EXCEEDED'],
  ['Invalid Transaction', 'Custom error: 255', 'BAD_REQUEST'],
  ['Invalid Transaction', 'Custom error: 99', 'CUSTOM99'],
  ['Invalid Transaction', 'something new', 'INVALID_TRANSACTION'],
])('reads the refusal %s / %s', (message, data, code) => {
  expect(poolRejection(new RpcError(1010, message, data), 'subtensorModule.serveAxonTls')?.code).toBe(code);
});

it('reads the other pool codes and leaves other errors alone', () => {
  expect(poolRejection(new RpcError(1014, 'Priority is too low', 'x'), 'a.b')?.code).toBe('PRIORITY_TOO_LOW');
  expect(poolRejection(new RpcError(-32601, 'Method not found', undefined), 'a.b')).toBeUndefined();
});

it('names a failure inside a block alike', () => {
  const failure = { module: 'subtensorModule', name: 'SettingWeightsTooFast', docs: 'wait' };
  expect(dispatchFailure(failure, 'subtensorModule.setWeights', 9)).toMatchObject({
    name: 'ChainError',
    code: 'SETTING_WEIGHTS_TOO_FAST',
    message: expect.stringContaining('block 9'),
    details: { module: 'subtensorModule', block: 9 },
  });
});

it('knows a pruned state', () => {
  const says = (message: string) => isStatePruned(new RpcError(4003, message, undefined));
  expect(says('Client error: Api called for an unknown Block: State already discarded for 0x12')).toBe(true);
  expect(says('Client error: UnknownBlock: Header was not found in the database')).toBe(true);
  expect(says('Method not found')).toBe(false);
});
