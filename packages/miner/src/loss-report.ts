import type { AssignmentRecord } from '@tuning/store';

/** What a submission that ends here costs, in one sentence for the operator. `error` is the last fault. */
export function lossOf(
  assignment: AssignmentRecord,
  trained: { modelDir: string; steps: number } | undefined,
  error: string,
): string {
  const { state, offer, repo, revision, commitBlock } = assignment;
  const deadline = `the deadline block ${offer.deadlineBlock}`;
  switch (state) {
    case 'publishing':
      return trained
        ? `the model of ${trained.steps} steps in ${trained.modelDir} was not pushed to the hub by ${deadline}: ${error}`
        : `the model was not pushed to the hub by ${deadline}: ${error}`;
    case 'committing':
      return `the model is at ${at(repo, revision)}, but no block up to ${deadline} is known to hold its commitment: ${error}`;
    case 'committed':
      return `the commitment of block ${commitBlock ?? '?'} stands, but ${repo} was not made public in time: ${error}`;
    default:
      return error;
  }
}

/** What is at stake while the chain is silent and its deadline is over by the clock. */
export function silentChain(
  { state, offer, repo, revision }: AssignmentRecord,
  { seen, silentMs }: { seen: number; silentMs: number },
): string {
  const silence = `the chain has told no block after ${seen} for ${Math.round(silentMs / 1_000)} s, and by the clock the deadline block ${offer.deadlineBlock} is over`;
  if (state === 'committed') {
    return `${silence}: ${repo} stays private until the chain answers, and validators forfeit it if that takes long`;
  }
  const what =
    state === 'committing'
      ? `the commitment of ${at(repo, revision)}`
      : 'the submission, whose model is not pushed yet,';
  return `${silence}: ${what} is probably lost; it is tried until the chain answers`;
}

const at = (repo: string | null, revision: string | null) => `${repo}@${(revision ?? '').slice(0, 8)}`;
