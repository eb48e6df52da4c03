import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  chainEndpoints,
  dataDirOf,
  loadConfig,
  minerConfigSchema,
  minerOptions,
  secretFromEnvironment,
  validatorConfigSchema,
  validatorOptions,
} from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-'));
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};
const miner = (sources: { file?: string; env?: NodeJS.ProcessEnv; flags?: Record<string, string | boolean> }) =>
  loadConfig(minerConfigSchema, minerOptions, { env: {}, flags: {}, ...sources });

describe('loadConfig', () => {
  it('lets flags win over the environment, that over the file, that over defaults', () => {
    const file = write('a.yaml', 'netuid: 3\naxon: { port: 1000 }\nhttp: { port: 1 }\nlogging: { level: warn }\n');
    const env = { TUNING_AXON_PORT: '2000', TUNING_HTTP_PORT: '2', BT_WALLET_NAME: 'alice' };
    const config = miner({ file, env, flags: { 'axon.port': '3000' } });
    expect(config.axon.port).toBe(3000);
    expect(config.http.port).toBe(2);
    expect(config.logging.level).toBe('warn');
    expect(config.netuid).toBe(3);
    expect(config.wallet).toEqual({ name: 'alice', hotkey: 'default', path: '~/.bittensor/wallets' });
    expect(config.training.slots).toBe(1);
  });

  it('has the ports and the loopback binding of the field', () => {
    expect(miner({ flags: { netuid: '1' } }).http).toEqual({ host: '127.0.0.1', port: 7999 });
    const validator = loadConfig(validatorConfigSchema, validatorOptions, { env: {}, flags: { netuid: '1' } });
    expect(validator.http).toEqual({ host: '127.0.0.1', port: 8000 });
  });

  it('measures on the CPU unless it is told otherwise', () => {
    const device = (flags = {}, env = {}) =>
      loadConfig(validatorConfigSchema, validatorOptions, { env, flags: { netuid: '1', ...flags } }).evaluation.device;
    expect(device()).toBe('cpu');
    expect(device({ 'evaluation.device': 'cuda' })).toBe('cuda');
    expect(device({}, { TUNING_EVALUATION_DEVICE: 'cuda' })).toBe('cuda');
    expect(() => device({ 'evaluation.device': 'tpu' })).toThrow(/evaluation\.device/);
  });

  it('bounds the cache of base models of both daemons', () => {
    const validator = (flags = {}) =>
      loadConfig(validatorConfigSchema, validatorOptions, { env: {}, flags: { netuid: '1', ...flags } });
    expect(miner({ flags: { netuid: '1' } }).training.max_cache_gb).toBe(200);
    expect(validator().evaluation.max_cache_gb).toBe(100);
    expect(validator({ 'evaluation.max_cache_gb': '0.5' }).evaluation.max_cache_gb).toBe(0.5);
    expect(() => miner({ flags: { netuid: '1', 'training.max_cache_gb': '-1' } })).toThrow(/max_cache_gb/);
  });

  it('names the key of a missing or wrong value', () => {
    expect(() => miner({})).toThrow(/--netuid is not set/);
    expect(() => miner({ flags: { netuid: 'two' } })).toThrow(/--netuid must be a number, not "two"/);
    expect(() => miner({ flags: { netuid: '1', 'axon.port': '70000' } })).toThrow(/axon\.port/);
    expect(() => miner({ file: write('b.yaml', 'netuid: "x"\n') })).toThrow(/netuid/);
  });

  it('refuses unknown keys and broken files with an exit-78 error', () => {
    expect(() => miner({ file: write('c.yaml', 'netuid: 1\naxom: {}\n') })).toThrow(/axom/);
    expect(() => miner({ file: write('d.yaml', 'a: [1\n') })).toThrow(/not valid YAML/);
    try {
      miner({ file: join(folder, 'absent.yaml') });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ name: 'OperatorError', code: 'CONFIG_NOT_FOUND' });
    }
  });

  it('wants endpoint and model of a language model in one clear line, and keeps the rest at bounds', () => {
    const validator = (flags: Record<string, string>) =>
      loadConfig(validatorConfigSchema, validatorOptions, { env: {}, flags: { netuid: '1', ...flags } }).synthetic;
    expect(validator({})).toMatchObject({ generator: 'augment', on_missing: 'augment', max_requests: 200 });
    const llm = { 'synthetic.generator': 'llm', 'synthetic.model': 'm' };
    expect(() => validator(llm)).toThrow(
      expect.objectContaining({
        name: 'OperatorError',
        message: 'the configuration is not valid: synthetic.endpoint: must be set for the generator "llm"',
      }),
    );
    const good = { ...llm, 'synthetic.endpoint': 'http://127.0.0.1:1/v1/' };
    expect(validator(good)).toMatchObject({ endpoint: 'http://127.0.0.1:1/v1', api_key_env: 'TUNING_LLM_API_KEY' });
    for (const bad of ['ftp://a/v1', 'https://me:word@a/v1', 'nowhere'])
      expect(() => validator({ ...llm, 'synthetic.endpoint': bad }), bad).toThrow('synthetic.endpoint');
    expect(() => validator({ ...good, 'synthetic.api_key_env': 'sk-123' })).toThrow('synthetic.api_key_env');
    expect(() => validator({ ...good, 'synthetic.parallel': '0' })).toThrow('synthetic.parallel');
  });

  it('takes profit rules from the YAML file, and says which rule is wrong', () => {
    const rules = (text: string) =>
      miner({ file: write('policy.yaml', `netuid: 1\npolicy:\n  profit:\n${text}`) }).policy.profit;
    expect(rules('    - { hours: 18-22, max_hours: 1 }\n    - { min_alpha_per_gpu_hour: 0.5 }\n')).toEqual([
      { hours: '18-22', max_hours: 1 },
      { min_alpha_per_gpu_hour: 0.5 },
    ]);
    expect(() => rules('    - { hours: 18:00 }\n')).toThrow(/policy\.profit\.0\.hours: must be hours in UTC/);
    expect(() => rules('    - { min_tao: 1 }\n')).toThrow(/policy\.profit\.0.*min_tao/);
    expect(() => miner({ flags: { netuid: '1', 'policy.models': 'unsloth' } })).toThrow(/policy\.models\.0: must be/);
  });

  it('wants a GPU for each slot, or all of them for all', () => {
    const slots = (count: string, gpus: string) =>
      miner({ flags: { netuid: '1', 'training.slots': count, 'training.gpus': gpus } }).training.gpus;
    expect(slots('2', '0,1,2')).toEqual(['0', '1', '2']);
    expect(slots('2', 'all')).toEqual(['all']);
    expect(() => slots('2', '0')).toThrow(/training\.gpus: has 1 for 2 slots/);
  });

  it('is frozen all the way down', () => {
    const config = miner({ flags: { netuid: '1' } });
    expect(Object.isFrozen(config.axon)).toBe(true);
  });

  it('takes several endpoints, or the network name', () => {
    const two = miner({ flags: { netuid: '1', 'subtensor.chain_endpoint': 'ws://a:1, ws://b:2' } });
    expect(chainEndpoints(two)).toEqual(['ws://a:1', 'ws://b:2']);
    expect(chainEndpoints(miner({ flags: { netuid: '1', 'subtensor.network': 'local' } }))).toEqual([
      'ws://127.0.0.1:9944',
    ]);
  });
});

describe('secrets', () => {
  it('reads the variable or the file, and never prints the value', () => {
    const file = write('token', 'hf_abc\n');
    const secret = secretFromEnvironment('HF_TOKEN', { HF_TOKEN_FILE: file });
    expect(secret?.reveal()).toBe('hf_abc');
    expect(`${secret} ${JSON.stringify({ secret })}`).not.toContain('hf_abc');
    expect(secretFromEnvironment('HF_TOKEN', {})).toBeUndefined();
    expect(() => secretFromEnvironment('HF_TOKEN', { HF_TOKEN_FILE: join(folder, 'no') })).toThrow(/HF_TOKEN_FILE/);
  });
});

it('keeps one data folder per hotkey and subnet', () => {
  const config = miner({ flags: { netuid: '7', wallet: 'x', 'wallet.name': 'w', 'wallet.hotkey': 'h' } });
  expect(dataDirOf('miner', config)).toMatch(/\.tuning\/miner\/w-h-7$/);
});
