import { BadInputError } from '@tuning/kit';
import { z } from 'zod';
import { readmeHead } from './readme-head.ts';

const paths = z.union([z.string().max(1024), z.array(z.string().max(1024)).max(10_000)]);
const configSchema = z.object({
  config_name: z.string().max(256).default('default'),
  default: z.boolean().optional(),
  data_dir: z.string().max(1024).optional(),
  data_files: z
    .union([
      z.string().max(1024),
      z.array(z.string().max(1024)).max(10_000),
      z.array(z.object({ split: z.string().max(256), path: paths })).max(10_000),
    ])
    .optional(),
});
const metadataSchema = z.object({ configs: z.array(configSchema).max(1_000).optional() });
export type ReadmeConfig = z.infer<typeof configSchema>;

/**
 * The config that `load_dataset(repo)` would take from the YAML head of README.md: the one marked `default: true`, else
 * the one named "default", else the only one. Undefined where there is none.
 * @throws BadInputError DATASET_BAD_README, DATASET_CONFIG_AMBIGUOUS.
 */
export function readmeConfig(readme: string): ReadmeConfig | undefined {
  const yaml = readmeHead(readme);
  if (yaml === undefined) return undefined;
  const parsed = metadataSchema.safeParse(yaml);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new BadInputError(
      'DATASET_BAD_README',
      `README.md of the dataset: ${issue?.path.join('.') ?? 'configs'} is not what load_dataset takes (${issue?.message ?? 'invalid'})`,
    );
  }
  const configs = parsed.data.configs ?? [];
  const chosen =
    configs.find((config) => config.default) ??
    configs.find((config) => config.config_name === 'default') ??
    (configs.length === 1 ? configs[0] : undefined);
  if (!chosen && configs.length > 0) {
    const names = configs.slice(0, 20).map((config) => config.config_name);
    throw new BadInputError(
      'DATASET_CONFIG_AMBIGUOUS',
      `the dataset has several configs (${names.join(', ')}) and none is the default: mark one "default: true" in its README.md`,
    );
  }
  return chosen;
}
