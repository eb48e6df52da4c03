/** Who plays in the demo. The miners are the same program; only their settings differ. */
export interface Participant {
  /** Wallet, log and hub namespace. */
  name: string;
  /** What makes this one different, for the table. */
  about: string;
  /** Recipe file under configs/demo. */
  recipe?: string;
  /** Further flags of the daemon. */
  flags?: readonly string[];
}

export const VALIDATOR: Participant = { name: 'validator', about: 'owner of the subnet' };

export const MINERS: readonly Participant[] = [
  { name: 'miner-full', about: 'full fine-tune', recipe: 'full.yml' },
  { name: 'miner-lora', about: 'LoRA on all projections', recipe: 'lora.yml' },
  { name: 'miner-lazy', about: 'lazy: a few LoRA steps', recipe: 'lazy.yml' },
  {
    name: 'miner-copy',
    about: 'submits the untouched base',
    recipe: 'untouched.yml',
    // An honest miner would see for itself that this is refused, and not commit it.
    flags: ['--training.skip_self_check'],
  },
];
