import { datasetTypeNames, LIMITS, ss58Schema } from '@tuning/protocol';
import { z } from 'zod';

/** From hour to hour in UTC, over midnight where the first is the later one. */
const hoursRange = z.string().regex(/^([01]?\d|2[0-3])-([01]?\d|2[0-4])$/, 'must be hours in UTC such as 22-6');

/** `namespace/name` in which `*` stands for any characters but "/". */
const modelPattern = z
  .string()
  .max(96)
  .regex(/^[\w.*-]+\/[\w.*-]+$/, 'must be namespace/name, in which * stands for anything, such as unsloth/*');

/** Hours of training on one slot. */
const workHours = z.number().gt(0).max(720);

const profitRule = z.strictObject({
  hours: hoursRange.optional(),
  max_hours: workHours.optional(),
  /** Alpha expected for an hour of one GPU (of the machine, where there is none). */
  min_alpha_per_gpu_hour: z.number().min(0).max(1_000_000).optional(),
});
export type ProfitRule = z.infer<typeof profitRule>;

/** Which offers a miner accepts. */
export const minerPolicySchema = z.strictObject({
  min_blocks: z.number().int().min(0).default(20),
  max_blocks: z.number().int().min(10).max(10_000_000).default(50_400),
  max_model_gb: z.number().min(0.001).max(1024).default(64),
  max_queue: z.number().int().min(1).max(3).default(3),
  max_dataset_mb: z
    .number()
    .min(0.01)
    .max(LIMITS.datasetBytes / 1024 ** 2)
    .default(1024),
  max_rows: z.number().int().min(1).max(LIMITS.datasetRows).optional(),
  max_sequence_len: z.number().int().min(16).max(131_072).optional(),
  models: z.array(modelPattern).max(256).optional(),
  deny_models: z.array(modelPattern).max(256).optional(),
  dataset_types: z
    .array(z.enum([...datasetTypeNames, 'custom']))
    .max(8)
    .optional(),
  validators: z.array(ss58Schema).max(256).optional(),
  deny_validators: z.array(ss58Schema).max(256).optional(),
  /** Alpha staked to the validator on the subnet. */
  min_validator_stake: z.number().min(0).max(21_000_000).default(0),
  hours: z.array(hoursRange).max(24).optional(),
  max_hours: workHours.optional(),
  tokens_per_second_1b: z.number().gt(0).max(100_000_000).optional(),
  // 1 alpha a block before the first halving, of which the owner takes 18 % and miners half of the rest
  // (opentensor/subtensor, pallets/subtensor/src/coinbase/run_coinbase.rs).
  alpha_per_block: z.number().min(0).max(100).default(0.41),
  profit: z.array(profitRule).min(1).max(24).optional(),
});
