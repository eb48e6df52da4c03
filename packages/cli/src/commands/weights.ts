import { readFile } from 'node:fs/promises';
import type { Chain, EpochClock, HashedWeights, Neuron, SetWeightsResult, WeightCommit } from '@tuning/chain';
import { revealWindow } from '@tuning/chain';
import { expandPath } from '@tuning/config';
import { OperatorError, writeFileAtomic } from '@tuning/kit';
import { openHotkey } from '@tuning/wallet';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  type ChainOptions,
  onChain,
  type WalletOptions,
  walletOf,
  wholeNumber,
  withChain,
  withWallet,
} from '../chain-command.ts';
import { textTable } from '../text-table.ts';
import { passwordSource } from '../wallet-password.ts';

/** `tuning weights`, `tuning weights set`, `tuning weights reveal`. */
export function addWeightCommands(program: Command): void {
  const weights = program.command('weights').description('read, set and reveal validators’ weights');
  withChain(weights.command('list', { isDefault: true }))
    .description('list the weights of the validators, and what they have committed and not revealed yet')
    .option('--uid <n>', 'only this validator’s')
    .action((options: ChainOptions & { uid?: string }) =>
      onChain(options, async ({ chain, netuid }) => {
        const uid = options.uid === undefined ? undefined : wholeNumber(options.uid, 'uid', 65_535);
        const rows = await weightRows(chain, netuid, uid);
        return { json: rows, text: rows.length > 0 ? weightTable(rows) : `no weights are set on subnet ${netuid}\n` };
      }),
    );
  withWallet(withChain(weights.command('set <weights...>')))
    .description('set weights, e.g. 3=1 5=0.5 (uid or hotkey, any scale); by commit-reveal where the subnet wants that')
    .option(
      '--form <form>',
      'with commit-reveal: timelocked or commit-reveal (hashed, to be revealed by hand)',
      'timelocked',
    )
    .option('--keep <file>', 'where a hashed commit’s secret is kept for its reveal', 'weights-commit.json')
    .action(async (given: string[], options: ChainOptions & WalletOptions & { form: string; keep: string }) => {
      const commitForm = formOf(options.form);
      const wallet = walletOf(options);
      const hotkey = await openHotkey(wallet, passwordSource(wallet));
      const keep = expandPath(options.keep);
      await onChain(options, async ({ chain, netuid, signal }) => {
        const { neurons } = await chain.metagraph(netuid);
        const onCommit = (pending: HashedWeights) => writeFileAtomic(keep, `${JSON.stringify(pending)}\n`);
        const set = await chain.setWeights(
          { netuid, hotkey, weights: parseWeights(given, neurons), commitForm, onCommit },
          { signal },
        );
        return { json: { netuid, hotkey: hotkey.address, ...set }, text: setText(set, keep) };
      });
    });
  withWallet(withChain(weights.command('reveal <file>')))
    .description('reveal a hashed commit of weights, from the file that "weights set" has kept')
    .action(async (file: string, options: ChainOptions & WalletOptions) => {
      const pending = await readPending(expandPath(file));
      const wallet = walletOf(options);
      const hotkey = await openHotkey(wallet, passwordSource(wallet));
      await onChain(options, async ({ chain, netuid, signal }) => {
        if (pending.netuid !== netuid || pending.hotkey !== hotkey.address) {
          const owner = `${pending.hotkey} on subnet ${pending.netuid}`;
          throw new OperatorError(
            'COMMIT_OF_ANOTHER',
            `${file} holds a commit of ${owner}: give that wallet and --netuid`,
          );
        }
        const { block, uids, values } = await chain.revealWeights({ hotkey, pending }, { signal });
        return { json: { netuid, block, uids, values }, text: `block ${block.number}: ${shares(uids, values)}\n` };
      });
    });
}

interface WeightRow {
  uid: number;
  hotkey: string;
  lastUpdate: number;
  weights: { uid: number; value: number }[];
  commits: (Pick<WeightCommit, 'form' | 'block' | 'epoch' | 'round'> & { revealBlock: number })[];
}

/** Of all who may or did set weights, or of one uid. Read at one block. */
async function weightRows(chain: Chain, netuid: number, only: number | undefined): Promise<WeightRow[]> {
  const at = chain.head.hash;
  const [{ neurons }, clock] = await Promise.all([chain.metagraph(netuid, { at }), chain.epochs(netuid, { at })]);
  const wanted = neurons.filter(({ uid, validatorPermit }) => (only === undefined ? validatorPermit : uid === only));
  return Promise.all(
    wanted.map(async ({ uid, hotkey, lastUpdate }) => {
      const [weights, commits] = await Promise.all([
        chain.weights(netuid, uid, { at }),
        chain.weightCommits(netuid, hotkey, { at }),
      ]);
      return { uid, hotkey, lastUpdate, weights, commits: commits.map((commit) => commitRow(commit, clock)) };
    }),
  );
}

function commitRow({ form, block, epoch, round }: WeightCommit, clock: EpochClock): WeightRow['commits'][number] {
  return { form, block, epoch, round, revealBlock: revealWindow(clock, epoch).from };
}

function weightTable(rows: readonly WeightRow[]): string {
  return textTable<WeightRow>(
    [
      { title: 'UID', value: ({ uid }) => uid },
      { title: 'HOTKEY', value: ({ hotkey }) => hotkey },
      { title: 'UPDATED', value: ({ lastUpdate }) => lastUpdate },
      {
        title: 'COMMITTED',
        value: ({ commits }) =>
          commits.map(({ form, block, revealBlock }) => `${form}@${block}->${revealBlock}`).join(' ') || '-',
      },
      {
        title: 'WEIGHTS',
        value: ({ weights }) =>
          shares(
            weights.map(({ uid }) => uid),
            weights.map(({ value }) => value),
          ) || '-',
      },
    ],
    rows,
  );
}

/** `3=75.0% 5=25.0%`: shares of the sum, the largest first; zeroes are left out. */
export function shares(uids: readonly number[], values: readonly number[]): string {
  const sum = values.reduce((total, value) => total + value, 0);
  return uids
    .map((uid, at) => ({ uid, value: values[at]! }))
    .filter(({ value }) => value > 0)
    .sort((a, b) => b.value - a.value || a.uid - b.uid)
    .map(({ uid, value }) => `${uid}=${((value / sum) * 100).toFixed(1)}%`)
    .join(' ');
}

/** @throws OperatorError `WEIGHTS_INVALID`. */
export function parseWeights(
  given: readonly string[],
  neurons: readonly Pick<Neuron, 'uid' | 'hotkey'>[],
): { hotkey: string; weight: number }[] {
  return given.map((item) => {
    const [, who = '', weight = ''] = /^([^=]+)=(\d+(?:\.\d+)?)$/.exec(item) ?? [];
    const neuron = neurons.find(({ uid, hotkey }) => hotkey === who || String(uid) === who);
    if (weight === '' || !neuron) {
      throw new OperatorError(
        'WEIGHTS_INVALID',
        `"${item}" is no weight of a neuron of this subnet: write uid=weight or hotkey=weight, e.g. 3=0.5`,
      );
    }
    return { hotkey: neuron.hotkey, weight: Number(weight) };
  });
}

function setText(set: SetWeightsResult, keep: string): string {
  const what = `${shares(set.uids, set.values)}\n`;
  const block = `block ${set.block.number}:`;
  if (set.form === 'plain') return `${block} weights set: ${what}`;
  const { from, until } = set.reveal;
  if (set.form === 'timelocked') {
    return `${block} weights committed: ${what}the chain reveals them at about block ${from}, when it has drand round ${set.reveal.round}\n`;
  }
  return `${block} weights committed: ${what}reveal them from block ${from} to ${until - 1}: tuning weights reveal ${keep}\n`;
}

function formOf(text: string): 'timelocked' | 'commit-reveal' {
  if (text === 'timelocked' || text === 'commit-reveal') return text;
  throw new OperatorError('FORM_INVALID', `--form must be timelocked or commit-reveal, not "${text}"`);
}

const u16 = z.number().int().min(0).max(65_535);
const pendingSchema = z.strictObject({
  netuid: u16,
  hotkey: z.string().max(50),
  uids: z.array(u16).max(4096),
  values: z.array(u16).max(4096),
  salt: z.array(u16).max(256),
  versionKey: z.string().regex(/^\d{1,20}$/),
});

async function readPending(file: string): Promise<HashedWeights> {
  try {
    return pendingSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new OperatorError(
      'COMMIT_UNREADABLE',
      `${file} holds no commit of weights: give the file that was kept by it`,
      {
        cause: error,
      },
    );
  }
}
