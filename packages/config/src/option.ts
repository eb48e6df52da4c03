/** How a flag, an environment variable or a YAML key becomes one value. */
export interface Option {
  /** Dotted key in the YAML file and, with `--` before it, the flag. */
  readonly key: string;
  /** Further flags for the same key, e.g. `--wallet`. */
  readonly flags?: readonly string[];
  /** Environment variables beside `TUNING_<KEY>`; earlier wins. */
  readonly env?: readonly string[];
  readonly type: 'string' | 'number' | 'boolean' | 'list';
  /** Shown in --help, e.g. `<name>`. */
  readonly placeholder?: string;
  readonly help: string;
}

/** `subtensor.chain_endpoint` → `TUNING_SUBTENSOR_CHAIN_ENDPOINT`. */
export function envName(key: string): string {
  return `TUNING_${key.toUpperCase().replaceAll(/[.-]/g, '_')}`;
}

const common: readonly Option[] = [
  {
    key: 'wallet.name',
    flags: ['--wallet'],
    env: ['BT_WALLET_NAME'],
    type: 'string',
    placeholder: '<name>',
    help: 'wallet folder name',
  },
  {
    key: 'wallet.hotkey',
    env: ['BT_WALLET_HOTKEY'],
    type: 'string',
    placeholder: '<name>',
    help: 'hotkey name in the wallet',
  },
  {
    key: 'wallet.path',
    env: ['BT_WALLET_PATH'],
    type: 'string',
    placeholder: '<folder>',
    help: 'folder of the wallets',
  },
  { key: 'netuid', type: 'number', placeholder: '<n>', help: 'the subnet' },
  {
    key: 'subtensor.network',
    env: ['BT_SUBTENSOR_NETWORK'],
    type: 'string',
    placeholder: '<name>',
    help: 'finney, test, archive, latent-lite or local',
  },
  {
    key: 'subtensor.chain_endpoint',
    env: ['BT_SUBTENSOR_CHAIN_ENDPOINT'],
    type: 'list',
    placeholder: '<ws url,…>',
    help: 'endpoint(s) instead of the network name; the first that answers is used',
  },
  { key: 'register', type: 'boolean', help: 'register the hotkey if it is not (opens the coldkey once)' },
  {
    key: 'max_burn',
    flags: ['--max-burn'],
    type: 'number',
    placeholder: '<TAO>',
    help: 'the most that --register may burn',
  },
  { key: 'data_dir', flags: ['--data-dir'], type: 'string', placeholder: '<folder>', help: 'state of this daemon' },
  { key: 'axon.ip', type: 'string', placeholder: '<address>', help: 'address to listen on for libp2p' },
  { key: 'axon.port', type: 'number', placeholder: '<port>', help: 'libp2p port' },
  { key: 'axon.external_ip', type: 'string', placeholder: '<address>', help: 'address published on-chain' },
  { key: 'axon.external_port', type: 'number', placeholder: '<port>', help: 'port published on-chain' },
  {
    key: 'http.host',
    type: 'string',
    placeholder: '<address>',
    help: 'address of the HTTP endpoint; anything but loopback demands TUNING_API_KEY',
  },
  { key: 'http.port', type: 'number', placeholder: '<port>', help: 'port of the HTTP endpoint' },
  {
    key: 'http.files_dir',
    type: 'string',
    placeholder: '<folder>',
    help: 'take local csv and json files from this folder only (default: any file on loopback, none elsewhere)',
  },
  {
    key: 'hub.endpoint',
    env: ['HF_ENDPOINT'],
    type: 'string',
    placeholder: '<url>',
    help: 'Hugging Face Hub or compatible; token from HF_TOKEN or HF_TOKEN_FILE',
  },
  {
    key: 'hub.namespace',
    type: 'string',
    placeholder: '<name>',
    help: 'user or organisation to publish under (default: the owner of the token)',
  },
  {
    key: 'logging.level',
    env: ['LOG_LEVEL'],
    type: 'string',
    placeholder: '<level>',
    help: 'trace, debug, info, warn or error',
  },
];

export const minerOptions: readonly Option[] = [
  ...common,
  { key: 'training.slots', type: 'number', placeholder: '<n>', help: 'jobs trained at once' },
  { key: 'training.threads', type: 'number', placeholder: '<n>', help: 'CPU threads per job' },
  {
    key: 'training.recipe',
    type: 'string',
    placeholder: '<file>',
    help: 'recipe overrides (Axolotl keys) over configs/base.yml',
  },
  {
    key: 'training.runner',
    flags: ['--runner'],
    type: 'string',
    placeholder: '<backend>',
    help: 'where training jobs run: process (this machine’s CPU trainer) or docker',
  },
  {
    key: 'training.image',
    type: 'string',
    placeholder: '<image>',
    help: 'training image for --runner docker; by digest in production',
  },
  {
    key: 'training.gpus',
    type: 'list',
    placeholder: '<all|index|uuid,…>',
    help: 'GPUs of the training containers, divided among the slots (all: shared by them)',
  },
  { key: 'training.max_cpus', type: 'number', placeholder: '<n>', help: 'CPUs of one training container' },
  { key: 'training.max_memory_gb', type: 'number', placeholder: '<GiB>', help: 'memory limit of one job' },
  { key: 'training.max_hours', type: 'number', placeholder: '<h>', help: 'wall-clock limit of one job' },
  {
    key: 'training.max_disk_gb',
    type: 'number',
    placeholder: '<GiB>',
    help: 'job folders together; those of ended jobs go first',
  },
  {
    key: 'training.max_cache_gb',
    type: 'number',
    placeholder: '<GiB>',
    help: 'base models kept for later tasks; the least recently used go first, never one in use',
  },
  {
    key: 'training.skip_self_check',
    type: 'boolean',
    help: 'push a model without judging it first as a validator would',
  },
  {
    key: 'policy.min_blocks',
    type: 'number',
    placeholder: '<n>',
    help: 'decline offers with fewer blocks to the deadline',
  },
  {
    key: 'policy.max_blocks',
    type: 'number',
    placeholder: '<n>',
    help: 'decline offers with a deadline further away',
  },
  {
    key: 'policy.max_model_gb',
    type: 'number',
    placeholder: '<GiB>',
    help: 'decline larger base models, before any byte of them is downloaded',
  },
  { key: 'policy.max_queue', type: 'number', placeholder: '<n>', help: 'decline offers when so many tasks are open' },
  { key: 'policy.max_dataset_mb', type: 'number', placeholder: '<MiB>', help: 'decline larger train splits' },
  {
    key: 'policy.models',
    type: 'list',
    placeholder: '<repo,…>',
    help: 'accept only these base models (default: any supported); * stands for anything',
  },
  { key: 'policy.deny_models', type: 'list', placeholder: '<repo,…>', help: 'decline these base models' },
  { key: 'policy.max_rows', type: 'number', placeholder: '<n>', help: 'decline train splits with more rows' },
  {
    key: 'policy.max_sequence_len',
    type: 'number',
    placeholder: '<n>',
    help: 'decline tasks with longer sequences (tokens)',
  },
  {
    key: 'policy.dataset_types',
    type: 'list',
    placeholder: '<type,…>',
    help: 'accept only these: instruct, alpaca, pretrain, completion, chat, sharegpt, custom',
  },
  { key: 'policy.validators', type: 'list', placeholder: '<hotkey,…>', help: 'accept offers of these validators only' },
  {
    key: 'policy.deny_validators',
    type: 'list',
    placeholder: '<hotkey,…>',
    help: 'decline offers of these validators',
  },
  {
    key: 'policy.min_validator_stake',
    type: 'number',
    placeholder: '<alpha>',
    help: 'decline offers of validators with less stake on the subnet',
  },
  {
    key: 'policy.hours',
    type: 'list',
    placeholder: '<from-to,…>',
    help: 'accept offers in these hours (UTC) only, e.g. 22-6',
  },
  {
    key: 'policy.max_hours',
    type: 'number',
    placeholder: '<h>',
    help: 'decline tasks that would train longer by estimate',
  },
  {
    key: 'policy.tokens_per_second_1b',
    type: 'number',
    placeholder: '<n>',
    help: 'speed of one slot for estimates until it was measured: tokens per second of a model with 1 billion parameters',
  },
  {
    key: 'policy.alpha_per_block',
    type: 'number',
    placeholder: '<alpha>',
    help: 'alpha that all miners of the subnet get in a block together, for policy.profit in the YAML file',
  },
];

export const validatorOptions: readonly Option[] = [
  ...common,
  { key: 'dataset.max_mb', type: 'number', placeholder: '<MiB>', help: 'largest dataset of a task, unpacked' },
  { key: 'dataset.max_rows', type: 'number', placeholder: '<n>', help: 'most rows of a dataset of a task' },
  { key: 'tournament.group_size', type: 'number', placeholder: '<n>', help: 'miners per task (2-16)' },
  {
    key: 'tournament.training_blocks',
    type: 'number',
    placeholder: '<n>',
    help: 'blocks from the end of the offer window to the deadline',
  },
  { key: 'tournament.offer_blocks', type: 'number', placeholder: '<n>', help: 'length of the offer window' },
  {
    key: 'tournament.grace_blocks',
    type: 'number',
    placeholder: '<n>',
    help: 'blocks after the deadline in which a repo must become public',
  },
  { key: 'tournament.sequence_len', type: 'number', placeholder: '<n>', help: 'longest row in tokens' },
  {
    key: 'evaluation.device',
    type: 'string',
    placeholder: '<cpu|cuda>',
    help: 'where models are measured; losses of the two differ, so all validators of a subnet need the same',
  },
  { key: 'evaluation.threads', type: 'number', placeholder: '<n>', help: 'CPU threads per evaluation' },
  { key: 'evaluation.max_memory_gb', type: 'number', placeholder: '<GiB>', help: 'memory limit of one evaluation' },
  { key: 'evaluation.max_minutes', type: 'number', placeholder: '<min>', help: 'wall-clock limit of one evaluation' },
  { key: 'evaluation.max_model_gb', type: 'number', placeholder: '<GiB>', help: 'largest submission' },
  {
    key: 'evaluation.max_cache_gb',
    type: 'number',
    placeholder: '<GiB>',
    help: 'base models kept for later tasks; the least recently used go first, never one in use',
  },
  {
    key: 'synthetic.generator',
    type: 'string',
    placeholder: '<name>',
    help: 'augment (edits of train rows, offline) or llm (a language model writes them)',
  },
  {
    key: 'synthetic.endpoint',
    type: 'string',
    placeholder: '<url>',
    help: 'OpenAI-compatible API of the generator llm, with its /v1; it is shown train rows only',
  },
  { key: 'synthetic.model', type: 'string', placeholder: '<name>', help: 'model that writes synthetic rows' },
  {
    key: 'synthetic.api_key_env',
    type: 'string',
    placeholder: '<variable>',
    help: 'environment variable (or with _FILE a file) of its API key, or none',
  },
  {
    key: 'synthetic.on_missing',
    type: 'string',
    placeholder: '<what>',
    help: 'rows the model did not make: augment fills them in, or fail',
  },
  { key: 'synthetic.parallel', type: 'number', placeholder: '<n>', help: 'requests under way at once' },
  { key: 'synthetic.rows_per_request', type: 'number', placeholder: '<n>', help: 'rows asked for at once' },
  { key: 'synthetic.temperature', type: 'number', placeholder: '<t>', help: 'temperature of the model' },
  { key: 'synthetic.answer_tokens', type: 'number', placeholder: '<n>', help: 'longest answer' },
  { key: 'synthetic.request_seconds', type: 'number', placeholder: '<s>', help: 'longest wait for one answer' },
  { key: 'synthetic.max_requests', type: 'number', placeholder: '<n>', help: 'most requests for one task' },
  { key: 'synthetic.max_tokens', type: 'number', placeholder: '<n>', help: 'most tokens for one task' },
  { key: 'synthetic.max_minutes', type: 'number', placeholder: '<min>', help: 'longest time for one task' },
  { key: 'synthetic.prompt_price', type: 'number', placeholder: '<USD>', help: 'price of a million prompt tokens' },
  {
    key: 'synthetic.completion_price',
    type: 'number',
    placeholder: '<USD>',
    help: 'price of a million completion tokens',
  },
];
