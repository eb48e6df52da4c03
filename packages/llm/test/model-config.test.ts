import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configDifference, modelTensors, parseModelConfig, readJsonFile } from '../src/index.ts';

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 128_256,
  hidden_size: 3072,
  num_hidden_layers: 28,
  num_attention_heads: 24,
  num_key_value_heads: 8,
  head_dim: 128,
  intermediate_size: 8192,
  hidden_act: 'silu',
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  max_position_embeddings: 131_072,
  attention_bias: false,
  bos_token_id: 128_000,
  eos_token_id: [128_001, 128_008],
  rope_theta: 500_000,
  rope_scaling: {
    factor: 32,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
    rope_type: 'llama3',
  },
};

test('a Llama 3.2 config', () => {
  expect(parseModelConfig(LLAMA)).toEqual({
    vocabularySize: 128_256,
    hiddenSize: 3072,
    layers: 28,
    heads: 24,
    kvHeads: 8,
    headDim: 128,
    intermediateSize: 8192,
    normEpsilon: 1e-5,
    ropeTheta: 500_000,
    ropeScaling: { factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192 },
    tied: true,
    maxPositions: 131_072,
    bosId: 128_000,
    eosId: 128_001,
  });
});

test('the newer place of the rope settings means the same', () => {
  const { rope_theta, rope_scaling, ...rest } = LLAMA;
  const newer = parseModelConfig({ ...rest, rope_parameters: { ...rope_scaling, rope_theta } });
  expect(newer).toEqual(parseModelConfig(LLAMA));
});

test("absent keys have transformers' defaults", () => {
  const { head_dim: _h, num_key_value_heads: _k, rope_theta: _t, rope_scaling: _s, rms_norm_eps: _e, ...rest } = LLAMA;
  const { tie_word_embeddings: _tie, ...untied } = rest;
  expect(parseModelConfig(untied)).toMatchObject({
    headDim: 128,
    kvHeads: 24,
    ropeTheta: 10_000,
    ropeScaling: undefined,
    normEpsilon: 1e-6,
    tied: false,
  });
});

test.each([
  [{ architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' }, /Qwen2ForCausalLM is not supported/],
  [{ attention_bias: true }, /attention_bias/],
  [{ mlp_bias: true }, /mlp_bias/],
  [{ sliding_window: 4096 }, /sliding_window/],
  [{ quantization_config: { bits: 4 } }, /quantization_config/],
  [{ auto_map: { AutoModel: 'code.py' } }, /auto_map/],
  [{ hidden_act: 'gelu' }, /hidden_act/],
  [{ head_dim: 24 }, /head_dim = 24 is not a multiple of 16/],
  [{ num_key_value_heads: 7 }, /num_key_value_heads/],
  [{ rope_scaling: { type: 'yarn', factor: 4 } }, /rope_type = "yarn"/],
  [{ rope_scaling: { rope_type: 'llama3', factor: 4 } }, /rope_scaling.low_freq_factor/],
  [{ rope_parameters: { rope_theta: 1e4 } }, /rope_theta is 500000 in one place and 10000/],
  [{ rope_parameters: { rope_type: 'default' } }, /rope_scaling and rope_parameters disagree/],
  [{ layer_types: ['full_attention', 'sliding_attention'] }, /layer_types/],
  [{ hidden_size: -5 }, /hidden_size/],
  [{ vocab_size: '32000' }, /vocab_size/],
])('%j is refused by name', (change, message) => {
  expect(() => parseModelConfig({ ...LLAMA, ...change })).toThrow(
    expect.objectContaining({ code: 'MODEL_UNSUPPORTED', message: expect.stringMatching(message) }),
  );
});

test('what is no config at all is refused, too', () => {
  for (const json of [null, [], 'llama', {}]) expect(() => parseModelConfig(json)).toThrow(/architectures/);
});

test('a difference in the arithmetic is named; ids and context length are none', () => {
  const base = parseModelConfig(LLAMA);
  expect(configDifference(base, parseModelConfig({ ...LLAMA, eos_token_id: 5, max_position_embeddings: 4096 }))).toBe(
    undefined,
  );
  expect(configDifference(base, parseModelConfig({ ...LLAMA, rope_theta: 10_000 }))).toBe('ropeTheta');
  const scaling = { ...LLAMA.rope_scaling, factor: 8 };
  expect(configDifference(base, parseModelConfig({ ...LLAMA, rope_scaling: scaling }))).toBe('ropeScaling');
});

test('tensor names and shapes; a tied model has no head', () => {
  const config = parseModelConfig(LLAMA);
  const tensors = modelTensors(config);
  expect(tensors.size).toBe(2 + 28 * 9);
  expect(tensors.get('model.layers.27.self_attn.k_proj.weight')).toEqual([1024, 3072]);
  expect(tensors.has('lm_head.weight')).toBe(false);
  expect(modelTensors({ ...config, tied: false }).get('lm_head.weight')).toEqual([128_256, 3072]);
});

test('JSON files are bounded, regular and without double keys', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'json-file-'));
  await writeFile(join(dir, 'big.json'), JSON.stringify('x'.repeat(100)));
  await writeFile(join(dir, 'twice.json'), '{"a":{"b":1,"b":2}}');
  await writeFile(join(dir, 'broken.json'), '{');
  await symlink('/etc/hostname', join(dir, 'link.json'));
  const read = (name: string) => expect(readJsonFile(dir, name, 64)).rejects;
  await read('big.json').toMatchObject({ code: 'FILE_INVALID', message: expect.stringContaining('102 bytes') });
  await read('twice.json').toMatchObject({
    code: 'FILE_INVALID',
    message: expect.stringContaining('"b" occurs twice'),
  });
  await read('broken.json').toMatchObject({ code: 'FILE_INVALID' });
  await read('link.json').toMatchObject({ code: 'FILE_INVALID', message: expect.stringContaining('symbolic link') });
  await read('none.json').toMatchObject({ code: 'FILE_MISSING' });
  await rm(dir, { recursive: true });
});
