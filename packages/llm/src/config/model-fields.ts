import { z } from 'zod';
import { ropeFields } from './rope-config.ts';

const count = (max: number) => z.number().int().min(1).max(max);
const tokenId = z.number().int().min(0).nullish();

/** The keys of config.json that every family has, under Llama's names. */
export const ModelFields = {
  architectures: z.array(z.string()).length(1),
  model_type: z.string(),
  vocab_size: count(2_000_000),
  hidden_size: count(65_536),
  num_hidden_layers: count(1_024),
  num_attention_heads: count(1_024),
  num_key_value_heads: count(1_024).nullish(),
  head_dim: count(1_024).nullish(),
  intermediate_size: count(1_000_000),
  hidden_act: z.string().default('silu'),
  rms_norm_eps: z.number().gt(0).lt(1).default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  max_position_embeddings: count(100_000_000).default(2_048),
  bos_token_id: tokenId,
  eos_token_id: z.union([tokenId, z.array(z.number().int().min(0)).min(1)]),
  ...ropeFields,
};
