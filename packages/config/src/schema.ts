import { availableParallelism } from 'node:os';
import { DEVICES, LIMITS, netuidSchema } from '@tuning/protocol';
import { z } from 'zod';
import { minerPolicySchema } from './miner-policy.ts';

/** Names of the Python SDK and their endpoints (opentensor/bittensor bittensor/core/settings.py). */
export const NETWORK_ENDPOINTS: Readonly<Record<string, string>> = {
  finney: 'wss://entrypoint-finney.opentensor.ai:443',
  test: 'wss://test.finney.opentensor.ai:443',
  archive: 'wss://archive.chain.opentensor.ai:443',
  'latent-lite': 'wss://lite.sub.latent.to:443',
  local: 'ws://127.0.0.1:9944',
};

const port = z.number().int().min(0).max(65_535);
const name = z.string().regex(/^[\w.-]{1,64}$/, 'may hold letters, digits, "_", "." and "-"');
const address = z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' });
const endpointUrl = z.string().regex(/^wss?:\/\/[^\s]+$/, 'must be a ws:// or wss:// URL');

const commonShape = {
  wallet: z.strictObject({
    name: name.default('default'),
    hotkey: name.default('default'),
    path: z.string().min(1).default('~/.bittensor/wallets'),
  }),
  netuid: netuidSchema,
  subtensor: z.strictObject({
    network: z.enum(['finney', 'test', 'archive', 'latent-lite', 'local']).default('finney'),
    chain_endpoint: z.array(endpointUrl).max(8).optional(),
  }),
  register: z.boolean().default(false),
  /** TAO. */
  max_burn: z.number().min(0).max(1_000_000).default(0),
  data_dir: z.string().min(1).optional(),
  http: z.strictObject({ host: address.default('127.0.0.1'), port, files_dir: z.string().min(1).optional() }),
  hub: z.strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .transform((url) => url.replace(/\/+$/, ''))
      .default('https://huggingface.co'),
    namespace: name.optional(),
  }),
  logging: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info') }),
};

const axon = (defaultPort: number) =>
  z.strictObject({
    ip: address.default('0.0.0.0'),
    port: port.default(defaultPort),
    external_ip: address.optional(),
    external_port: z.number().int().min(1).max(65_535).optional(),
  });

/** A value of `api_key_env` for servers that want no key. */
export const NO_API_KEY = 'none';

const price = z.number().min(0).max(10_000).optional();
/** Synthetic rows: edits of train rows (`augment`), or a language model behind an OpenAI-compatible endpoint (`llm`). */
export const syntheticConfigSchema = z
  .strictObject({
    generator: z.enum(['augment', 'llm']).default('augment'),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .refine((url) => !/^https?:\/\/[^/]*@/.test(url), 'must hold no user or password')
      .transform((url) => url.replace(/\/+$/, ''))
      .optional(),
    model: z.string().min(1).max(256).optional(),
    /** Name of the environment variable with the API key, or `none`. */
    api_key_env: z
      .string()
      .regex(/^[A-Za-z_]\w{0,127}$/, 'must be the name of an environment variable, or none')
      .default('TUNING_LLM_API_KEY'),
    on_missing: z.enum(['augment', 'fail']).default('augment'),
    parallel: z.number().int().min(1).max(32).default(2),
    rows_per_request: z.number().int().min(1).max(32).default(5),
    temperature: z.number().min(0).max(2).default(0.9),
    answer_tokens: z.number().int().min(16).max(32_768).default(1_024),
    request_seconds: z.number().min(1).max(3_600).default(120),
    max_requests: z.number().int().min(1).max(100_000).default(200),
    max_tokens: z.number().int().min(1).max(1_000_000_000).default(500_000),
    max_minutes: z.number().min(0.1).max(1_440).default(20),
    /** USD for a million tokens. */
    prompt_price: price,
    completion_price: price,
  })
  .superRefine((settings, context) => {
    if (settings.generator !== 'llm') return;
    for (const key of ['endpoint', 'model'] as const) {
      if (settings[key] === undefined)
        context.addIssue({ code: 'custom', path: [key], message: 'must be set for the generator "llm"' });
    }
  });

const threads = z.number().int().min(1).max(256).default(Math.min(availableParallelism(), 8));

/** GiB of base models that are kept for later tasks; 0 keeps those in use only. */
const cacheSize = z.number().min(0).max(100_000);

const trainingSchema = z
  .strictObject({
    slots: z.number().int().min(1).max(64).default(1),
    threads,
    recipe: z.string().min(1).optional(),
    runner: z.enum(['process', 'docker']).default('process'),
    image: z.string().min(1).max(512).default('tuning-trainer-cpu'),
    gpus: z
      .array(z.string().regex(/^(all|\d{1,3}|GPU-[\w-]{1,64})$/, 'must be "all", an index or a UUID'))
      .max(64)
      .optional(),
    max_cpus: z.number().min(0.01).max(1024).optional(),
    max_memory_gb: z.number().min(0.25).max(4096).default(16),
    max_hours: z.number().min(0.01).max(720).default(24),
    max_disk_gb: z.number().min(0.1).max(100_000).default(200),
    max_cache_gb: cacheSize.default(200),
    skip_self_check: z.boolean().default(false),
  })
  .superRefine(({ slots, gpus }, context) => {
    if (gpus === undefined || gpus.includes('all') || gpus.length >= slots) return;
    const message = `has ${gpus.length} for ${slots} slots: each slot needs a GPU of its own, or "all" for what all share`;
    context.addIssue({ code: 'custom', path: ['gpus'], message });
  });

export const minerConfigSchema = z.strictObject({
  ...commonShape,
  axon: axon(8091),
  http: commonShape.http.extend({ port: port.default(7999) }),
  training: trainingSchema,
  policy: minerPolicySchema,
});
export type MinerConfig = z.infer<typeof minerConfigSchema>;

export const validatorConfigSchema = z.strictObject({
  ...commonShape,
  axon: axon(8092),
  http: commonShape.http.extend({ port: port.default(8000) }),
  dataset: z.strictObject({
    max_mb: z
      .number()
      .min(0.01)
      .max(LIMITS.datasetBytes / 1024 ** 2)
      .default(LIMITS.datasetBytes / 1024 ** 2),
    max_rows: z.number().int().min(LIMITS.datasetMinRows).max(LIMITS.datasetRows).default(LIMITS.datasetRows),
  }),
  tournament: z.strictObject({
    group_size: z.number().int().min(2).max(16).default(4),
    training_blocks: z.number().int().min(10).max(1_000_000).default(900),
    offer_blocks: z.number().int().min(2).max(10_000).default(25),
    grace_blocks: z.number().int().min(2).max(10_000).default(50),
    sequence_len: z.number().int().min(16).max(131_072).default(1024),
  }),
  evaluation: z.strictObject({
    device: z.enum(DEVICES).default('cpu'),
    threads,
    max_memory_gb: z.number().min(0.25).max(4096).default(16),
    max_minutes: z.number().min(0.1).max(1440).default(60),
    max_model_gb: z.number().min(0.001).max(1024).default(32),
    max_cache_gb: cacheSize.default(100),
  }),
  synthetic: syntheticConfigSchema,
});
export type SyntheticConfig = z.infer<typeof syntheticConfigSchema>;
export type ValidatorConfig = z.infer<typeof validatorConfigSchema>;

/** What both daemons have in their configuration. */
export type NeuronConfig = Omit<MinerConfig, 'training' | 'policy'>;

/** Endpoints to try, in order. */
export function chainEndpoints(config: Pick<NeuronConfig, 'subtensor'>): string[] {
  return config.subtensor.chain_endpoint ?? [NETWORK_ENDPOINTS[config.subtensor.network]!];
}
