import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configDifference, LLAMA_TRAITS, modelTensors, parseModelConfig, readJsonFile } from '../src/index.ts';

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
    ropeScaling: { kind: 'llama3', factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192 },
    tied: true,
    maxPositions: 131_072,
    bosId: 128_000,
    eosId: 128_001,
    traits: LLAMA_TRAITS,
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
  [{ architectures: ['MixtralForCausalLM'], model_type: 'mixtral' }, /MixtralForCausalLM is not supported; .*Qwen2/],
  [{ architectures: ['Qwen2ForCausalLM'] }, /Qwen2ForCausalLM is not supported/],
  [{ attention_bias: 'yes' }, /attention_bias/],
  [{ num_experts: 8 }, /num_experts/],
  [{ logits_scaling: 2 }, /logits_scaling/],
  [{ some_new_multiplier: 3 }, /some_new_multiplier = 3/],
  [{ final_logit_softcapping: 30 }, /final_logit_softcapping/],
  [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
  [{ original_max_position_embeddings: 4096 }, /original_max_position_embeddings/],
  [{ sliding_window: 4096 }, /sliding_window/],
  [{ quantization_config: { bits: 4 } }, /quantization_config/],
  [{ auto_map: { AutoModel: 'code.py' } }, /auto_map/],
  [{ hidden_act: 'gelu' }, /hidden_act/],
  [{ head_dim: 25 }, /head_dim = 25 has an odd number/],
  [{ num_attention_heads: 25, num_key_value_heads: 5, head_dim: null }, /num_attention_heads = 25 do not divide/],
  [{ num_key_value_heads: 7 }, /num_key_value_heads/],
  [{ rope_scaling: { type: 'proportional', factor: 4 } }, /rope_type = "proportional"/],
  [{ rope_scaling: { type: 'yarn', factor: 4, alpha: 2 } }, /rope_scaling.alpha/],
  [
    { rope_scaling: { type: 'longrope', factor: 4, short_factor: [1], long_factor: [2] } },
    /short_factor has 1 factors/,
  ],
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

/** The smallest config of each family, and what its own keys must do. */
const SMALL = {
  vocab_size: 100,
  hidden_size: 64,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 80,
};
const family = (architecture: string, modelType: string, keys: object) =>
  parseModelConfig({ ...SMALL, architectures: [architecture], model_type: modelType, ...keys });

test('windows are read as each family means them', () => {
  const windows = (config: ReturnType<typeof parseModelConfig>) =>
    config.traits.perLayer?.map(({ window }) => window) ?? null;
  const mistral = (keys: object) => windows(family('MistralForCausalLM', 'mistral', keys));
  expect(mistral({ sliding_window: 7 })).toEqual([7, 7, 7]);
  expect(mistral({ sliding_window: null })).toBeNull();
  expect(mistral({})).toEqual([4096, 4096, 4096]);
  const qwen = (keys: object) => windows(family('Qwen2ForCausalLM', 'qwen2', { sliding_window: 9, ...keys }));
  expect(qwen({ max_window_layers: 1 })).toBeNull();
  expect(qwen({ use_sliding_window: true, max_window_layers: 1 })).toEqual([null, 9, 9]);
  const types = ['sliding_attention', 'full_attention', 'full_attention'];
  expect(qwen({ use_sliding_window: true, layer_types: types })).toEqual([9, null, null]);
  expect(() => qwen({ layer_types: types })).toThrow(/layer_types ask for a sliding_window/);
  expect(() => qwen({ use_sliding_window: true, layer_types: ['full_attention'] })).toThrow(/1 entries for 3 layers/);
  expect(() => qwen({ layer_types: ['chunked_attention'] })).toThrow(/layer_types/);
  expect(windows(family('Gemma2ForCausalLM', 'gemma2', { sliding_window: 5 }))).toEqual([5, null, 5]);
  expect(windows(family('Gemma3ForCausalLM', 'gemma3_text', { sliding_window: 5, sliding_window_pattern: 2 }))).toEqual(
    [5, null, 5],
  );
});

test("Gemma 3's two bases, in files old and new", () => {
  const older = family('Gemma3ForCausalLM', 'gemma3_text', {
    rope_theta: 1e6,
    rope_local_base_freq: 1e4,
    rope_scaling: { rope_type: 'linear', factor: 8 },
    hidden_activation: 'gelu_pytorch_tanh',
  });
  const newer = family('Gemma3ForCausalLM', 'gemma3_text', {
    rope_parameters: {
      full_attention: { rope_type: 'linear', factor: 8, rope_theta: 1e6 },
      sliding_attention: { rope_type: 'default', rope_theta: 1e4 },
    },
  });
  expect(newer).toEqual(older);
  expect(newer).toMatchObject({ ropeTheta: 1e6, ropeScaling: { kind: 'linear', factor: 8 } });
  expect(newer.traits.localRope).toEqual({ theta: 1e4, scaling: undefined });
});

test.each([
  ['Gemma2ForCausalLM', 'gemma2', { use_bidirectional_attention: true }, /use_bidirectional_attention/],
  ['Gemma2ForCausalLM', 'gemma2', { hidden_activation: 'relu' }, /"relu" is not supported/],
  ['Gemma3ForCausalLM', 'gemma3_text', { attn_logit_softcapping: 50 }, /attn_logit_softcapping/],
  ['Gemma3ForCausalLM', 'gemma3', {}, /Gemma3ForCausalLM is not supported/],
  ['GPT2LMHeadModel', 'gpt2', { scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx/],
  ['GPT2LMHeadModel', 'gpt2', { scale_attn_weights: false }, /scale_attn_weights/],
  ['GPT2LMHeadModel', 'gpt2', { n_embd: -1 }, /n_embd/],
  ['Phi3ForCausalLM', 'phi3', { attention_bias: true }, /attention_bias/],
  ['Qwen3ForCausalLM', 'qwen3', { num_experts: 4 }, /num_experts/],
  ['SmolLM3ForCausalLM', 'smollm3', { no_rope_layers: [1] }, /no_rope_layers has fewer entries/],
])('%s: what it cannot express is refused by name: %s %j', (architecture, type, keys, message) => {
  const parse = () => family(architecture, type, keys);
  expect(parse).toThrow(
    expect.objectContaining({ code: 'MODEL_UNSUPPORTED', message: expect.stringMatching(message) }),
  );
});

test('a difference in the arithmetic is named; ids and context length are none', () => {
  const base = parseModelConfig(LLAMA);
  expect(configDifference(base, parseModelConfig({ ...LLAMA, eos_token_id: 5, max_position_embeddings: 4096 }))).toBe(
    undefined,
  );
  expect(configDifference(base, parseModelConfig({ ...LLAMA, rope_theta: 10_000 }))).toBe('ropeTheta');
  expect(configDifference(base, parseModelConfig({ ...LLAMA, attention_bias: true }))).toBe('biases');
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
  await read('big.json').toMatchObject({
    code: 'FILE_INVALID',
    message: expect.stringMatching(/\b64\b.*bytes|bytes.*\b64\b/),
  });
  await read('twice.json').toMatchObject({
    code: 'FILE_INVALID',
    message: expect.stringContaining('"b" occurs twice'),
  });
  await read('broken.json').toMatchObject({ code: 'FILE_INVALID' });
  await read('link.json').toMatchObject({ code: 'FILE_INVALID', message: expect.stringContaining('symbolic link') });
  await read('none.json').toMatchObject({ code: 'FILE_MISSING' });
  await rm(dir, { recursive: true });
});
