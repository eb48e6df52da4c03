import { expect, it } from 'vitest';
import { ChainError } from '../src/chain-error.ts';
import { commit } from '../src/commitments.ts';
import { register } from '../src/registration.ts';
import { serve } from '../src/serving.ts';
import { FakeContext, OTHER, rules, signer } from './fake-context.ts';

const certificate = Uint8Array.from([0xed, ...new Uint8Array(32).fill(9)]);
const code = (expected: string, more: object = {}) => expect.objectContaining({ code: expected, ...more });

const axon = {
  block: 60,
  version: 1,
  ip: 0x7f000002,
  port: 80,
  ipType: 4,
  protocol: 0,
  placeholder1: 0,
  placeholder2: 0,
};
const published = { axons: axon, neuronCertificates: { publicKey: `0x${'09'.repeat(32)}`, algorithm: 0xed } };
const axonArgs = { netuid: 2, hotkey: signer, ip: '127.0.0.2', port: 80, certificate, version: 1 };

it('serves nothing when the chain holds the same', async () => {
  const context = new FakeContext({ ...rules, uids: 4, ...published });
  expect(await serve(context, axonArgs)).toEqual({ block: context.head, changed: false });
  expect(context.calls).toEqual([]);
});

it('knows the serving limit before sending, and the mismatch after', async () => {
  const early = new FakeContext({ ...rules, uids: 4, ...published });
  const changed = { ...axonArgs, port: 81 };
  await expect(serve(early, changed)).rejects.toEqual(code('SERVING_TOO_SOON', { details: { blocksToWait: 9 } }));
  expect(early.calls).toEqual([]);
  const silent = new FakeContext({ ...rules, servingRateLimit: 0, uids: 4, ...published });
  await expect(serve(silent, changed)).rejects.toEqual(code('AXON_MISMATCH'));
  expect(silent.calls[0]).toMatchObject({
    call: 'serveAxonTls',
    args: [2, 1, 0x7f000002n, 81, 4, 0, 0, 0, `0xed${'09'.repeat(32)}`],
  });
  const withoutKey = new FakeContext({ ...rules, servingRateLimit: 0, uids: 4, axons: axon, neuronCertificates: null });
  await expect(serve(withoutKey, axonArgs)).rejects.toEqual(code('AXON_MISMATCH'));
});

it('refuses to serve what the chain would refuse or ignore', async () => {
  const context = new FakeContext({ ...rules, uids: null, ...published });
  await expect(serve(context, axonArgs)).rejects.toEqual(code('HOTKEY_NOT_REGISTERED'));
  await expect(serve(context, { ...axonArgs, ip: '127.0.0.1' })).rejects.toEqual(code('AXON_ADDRESS_REFUSED'));
  await expect(serve(context, { ...axonArgs, port: 0 })).rejects.toEqual(code('AXON_INVALID'));
  await expect(serve(context, { ...axonArgs, certificate: new Uint8Array(66) })).rejects.toEqual(code('AXON_INVALID'));
});

it('announces a commitment only when the chain holds it', async () => {
  const row = { deposit: 0, block: 101, info: { fields: [{ raw1: '0x61' }] } };
  const args = { netuid: 2, hotkey: signer, fields: ['a'] };
  expect((await commit(new FakeContext({ commitmentOf: row }), args)).number).toBe(101);
  for (const commitmentOf of [null, { ...row, block: 100 }, { ...row, info: { fields: [{ raw1: '0x62' }] } }]) {
    await expect(commit(new FakeContext({ commitmentOf }), args)).rejects.toEqual(code('COMMITMENT_MISMATCH'));
  }
});

it('checks price and balance before registering, and names refusals alike', async () => {
  const state = {
    networksAdded: true,
    uids: null,
    burn: 500,
    account: { data: { free: 1000 } },
  };
  const args = { netuid: 2, hotkey: OTHER, coldkey: signer, maxBurn: 600n };
  const rejects = async (storage: object, expected: string) => {
    const context = new FakeContext({ ...state, ...storage });
    await expect(register(context, args)).rejects.toEqual(code(expected, { name: 'OperatorError' }));
    expect(context.calls).toEqual([]);
  };
  await rejects({ networksAdded: false }, 'SUBNET_NOT_FOUND');
  await rejects({ uids: 5 }, 'ALREADY_REGISTERED');
  await rejects({ burn: 601 }, 'BURN_ABOVE_LIMIT');
  await rejects({ account: { data: { free: 499 } } }, 'NOT_ENOUGH_BALANCE');
  const raced = new FakeContext(state);
  raced.refusal = new ChainError('REGISTRATION_PRICE_LIMIT_EXCEEDED', 'too dear');
  await expect(register(raced, args)).rejects.toEqual(code('BURN_ABOVE_LIMIT', { name: 'OperatorError' }));
  expect(raced.calls[0]).toMatchObject({ call: 'registerLimit', args: [2, OTHER, 600n] });
});
