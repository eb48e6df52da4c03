import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, OperatorError, silentLogger, TransientError, TuningError } from '@tuning/kit';
import { encodeCommitment, MAX_FIELDS, modelDigest, parseCommitment, submissionDigest } from '@tuning/protocol';
import type { AssignmentState, NewAssignment } from '@tuning/store';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inFakeTime, passTimeUntil, useFakeTime } from '../../../test/fakes/fake-time.ts';
import type { SelfCheck } from '../src/self-check.ts';
import { Submitter } from '../src/submitter.ts';
import { FakeChain } from './fake-chain.ts';
import { FakeHub } from './fake-hub.ts';
import { offer, openTempStore } from './temp-store.ts';

const HOTKEY = `5${'M'.repeat(47)}`;
const DEADLINE = 200;
const idOf = (digit: string) => digit.repeat(16);
const one = idOf('1');
const revision = 'c'.repeat(40);
const digest = 'd'.repeat(32);
const fieldOf = (taskId: string) =>
  encodeCommitment({ kind: 'submission', taskId, repo: `m/t-${taskId}`, revision, digest });

class Refusal extends TuningError {
  override readonly name = 'ChainError';
}

let chain: FakeChain;
let hub: FakeHub;
let life: AbortController;
let submitter: Submitter;
/** What the operator must see. */
let errors: { message: string; reason?: string; deadlineBlock?: number; validator?: string }[];
const logger: Logger = {
  ...silentLogger,
  error: (facts: object | string, message?: string) =>
    void errors.push({ ...(facts as object), message: message ?? '' }),
};
let check: SelfCheck | undefined;
let opened: Awaited<ReturnType<typeof openTempStore>>;

beforeEach(async () => {
  check = undefined;
  errors = [];
  useFakeTime();
  opened = await openTempStore();
  chain = new FakeChain(150);
  hub = new FakeHub(chain);
  begin();
});
afterEach(async () => {
  await stop();
  vi.useRealTimers();
  await opened.remove();
});

/** One life of the daemon. */
function begin(namespace = 'm'): void {
  life = new AbortController();
  submitter = new Submitter({
    chain: chain.asChain(),
    hub: hub.asHub(),
    hotkey: { address: HOTKEY, publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) },
    netuid: 2,
    namespace,
    jobs: opened.store.jobs,
    assignments: opened.store.assignments,
    logger,
    jobFolder: (id) => join(opened.folder, 'jobs', id),
    signal: life.signal,
    ...(check ? { check } : {}),
  });
}

async function stop(): Promise<void> {
  life.abort(new Error('the daemon stops'));
  await inFakeTime(submitter.settle());
}

/** A task whose model is trained, with its rows and files as the state says. */
function trained(taskId: string, state: AssignmentState = 'publishing', more: Partial<NewAssignment> = {}): void {
  const jobId = `task-${taskId}`;
  const dir = join(opened.folder, 'jobs', jobId);
  const modelDir = join(dir, 'out', 'model');
  mkdirSync(modelDir, { recursive: true });
  writeFileSync(join(modelDir, 'model.safetensors'), 'weights');
  writeFileSync(join(modelDir, 'config.json'), '{}');
  writeFileSync(join(dir, 'out', 'log.jsonl'), 'curve');
  writeFileSync(join(dir, 'recipe.yml'), 'adapter: lora\n');
  const { assignments, jobs } = opened.store;
  const result = { modelDir, steps: 3, finalLoss: 1.25 };
  jobs.insert({ id: jobId, kind: 'task', payload: { kind: 'task', taskId }, state: 'Completed', result });
  const pushed = state === 'publishing' ? {} : { repo: `m/t-${taskId}`, revision, digest };
  const own = { ...offer, taskId, deadlineBlock: DEADLINE };
  assignments.insert({ taskId, validator: 'V', offer: own, jobId, state, ...pushed, ...more });
}

const assignment = (taskId = one) => opened.store.assignments.get(taskId)!;
const reaches = (state: AssignmentState, taskId = one) => passTimeUntil(() => assignment(taskId).state === state);

describe('a trained model', () => {
  it('is pushed private, committed, and public only after the deadline block', async () => {
    trained(one);
    submitter.start(one);
    await reaches('committed');
    expect(hub.publicSince.size).toBe(0);
    await reaches('published');
    expect(chain.events).toEqual(['push private', 'commit', 'make public']);
    expect(hub.publicSince.get(`m/t-${one}`)).toBe(DEADLINE + 1);
    expect(assignment()).toMatchObject({ commitBlock: chain.slot?.block, message: null });
  });

  it('is committed with the digest of the very files that were pushed', async () => {
    trained(one);
    submitter.start(one);
    await reaches('committed');
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const files = Object.entries({ 'model.safetensors': 'weights', 'config.json': '{}', 'log.jsonl': 'curve' });
    const model = modelDigest(files.map(([path, text]) => ({ path, sha256: sha256(text) })));
    expect(parseCommitment(chain.sent[0]![0]!)).toEqual({
      kind: 'submission',
      taskId: one,
      repo: `m/t-${one}`,
      revision,
      digest: submissionDigest(model, HOTKEY),
    });
    expect(hub.published[0]!.files.map(({ path }) => path).sort()).toEqual(
      [...files.map(([path]) => path), 'README.md'].sort(),
    );
  });

  it('is carried once, however often it is started', async () => {
    trained(one);
    submitter.start(one);
    submitter.start(one);
    submitter.resume();
    await reaches('published');
    expect(hub.published).toHaveLength(1);
    expect(chain.sent).toHaveLength(1);
  });
});

describe('a model that was checked before it was pushed', () => {
  async function restartWith(one: SelfCheck): Promise<void> {
    await stop();
    check = one;
    begin();
  }

  it('is not committed when a validator would refuse it, and the reason is kept', async () => {
    const seen: string[] = [];
    await restartWith(async (_offer, dir) => {
      seen.push(dir);
      return { code: 'identical_to_base', reason: 'no tensor differs' };
    });
    trained(one);
    submitter.start(one);
    await reaches('failed');
    expect(assignment().message).toMatch(/not committed: identical_to_base, no tensor differs/);
    expect(seen).toEqual([join(opened.folder, 'jobs', `task-${one}`, 'out', 'model')]);
    expect(chain.events).toEqual([]);
  });

  it('is checked once, however often the push is tried', async () => {
    let checks = 0;
    await restartWith(async () => {
      checks++;
      return undefined;
    });
    hub.faults.publish.push(new TransientError('HUB_UNAVAILABLE', '503'), new TransientError('HUB_UNAVAILABLE', '503'));
    trained(one);
    submitter.start(one);
    await reaches('published');
    expect(checks).toBe(1);
  });

  it.each([undefined, { code: 'accepted', reason: 'fine' }] as const)(
    'goes on with the verdict %j',
    async (verdict) => {
      await restartWith(async () => verdict);
      trained(one);
      submitter.start(one);
      await reaches('published');
      expect(chain.events).toEqual(['push private', 'commit', 'make public']);
    },
  );
});

describe('a restart', () => {
  it.each(['publishing', 'committing', 'committed'] as const)('in state %s goes on from there', async (state) => {
    trained(one, state);
    submitter.resume();
    await reaches('published');
    expect(hub.published).toHaveLength(state === 'publishing' ? 1 : 0);
    expect(chain.sent).toHaveLength(state === 'committed' ? 0 : 1);
    expect(hub.publicSince.get(`m/t-${one}`)).toBeGreaterThan(DEADLINE);
  });

  it.each(['queued', 'published', 'failed'] as const)('leaves a task in state %s alone', async (state) => {
    trained(one, state);
    submitter.resume();
    await submitter.settle();
    expect(assignment().state).toBe(state);
    expect([hub.published, chain.sent]).toEqual([[], []]);
  });

  it('while it waits for the deadline does not end the task', async () => {
    trained(one, 'committed');
    submitter.resume();
    await passTimeUntil(() => chain.head.number > 170);
    await stop();
    expect(assignment().state).toBe('committed');
    begin();
    submitter.resume();
    await reaches('published');
  });
});

describe('the commitment', () => {
  it('that is on the chain already is not sent again', async () => {
    chain.slot = { block: 140, fields: [fieldOf(one)] };
    trained(one, 'committing');
    submitter.resume();
    await reaches('committed');
    expect(chain.sent).toEqual([]);
    expect(assignment().commitBlock).toBe(140);
  });

  it('whose answer got lost is found on the chain', async () => {
    chain.losses.push(new TransientError('CHAIN_UNREACHABLE', 'the connection was lost'));
    trained(one, 'committing');
    submitter.resume();
    await reaches('committed');
    expect(chain.sent).toHaveLength(1);
    expect(assignment().commitBlock).toBe(chain.slot?.block);
  });

  it('that the chain refuses is tried until it takes it', async () => {
    const refusal = () => new Refusal('SPACE_LIMIT_EXCEEDED', 'no room in this tempo');
    chain.refusals.push(refusal(), refusal(), new OperatorError('NO_FUNDS', 'the hotkey cannot pay'));
    trained(one, 'committing');
    submitter.resume();
    await reaches('published');
    expect(chain.sent).toHaveLength(1);
  });

  it('keeps the other live tasks in the slot, whichever comes last', async () => {
    const ids = ['1', '2'].map(idOf);
    for (const id of ids) trained(id);
    submitter.resume();
    for (const id of ids) await reaches('committed', id);
    const inSlot = chain.slot!.fields.map((field) => parseCommitment(field)?.taskId);
    expect([...inSlot].sort()).toEqual(ids);
  });

  it('has room for three tasks, the new one first, without those whose deadline is over', async () => {
    const over = idOf('9');
    trained(over, 'committed', { offer: { ...offer, taskId: over, deadlineBlock: 120 } });
    for (const id of ['2', '3', '4'].map(idOf)) trained(id, 'committed');
    trained(one, 'committing');
    submitter.start(one);
    await reaches('committed');
    expect(chain.sent[0]).toHaveLength(MAX_FIELDS);
    expect(chain.sent[0]![0]).toBe(fieldOf(one));
    expect(chain.sent[0]).not.toContain(fieldOf(over));
  });

  it('that comes into a block after the deadline loses the task, and says so', async () => {
    chain.delay = 60;
    trained(one, 'committing');
    submitter.resume();
    await reaches('failed');
    expect(assignment().message).toMatch(/^the commitment came in block 21\d, after the deadline block 200/);
    expect(hub.publicSince.size).toBe(0);
  });

  it('is not sent after the deadline; the model is made public in case an earlier one counts', async () => {
    chain = new FakeChain(DEADLINE);
    hub = new FakeHub(chain);
    begin();
    trained(one, 'committing');
    submitter.resume();
    await reaches('published');
    expect(chain.sent).toEqual([]);
    expect(assignment().message).toContain('the deadline block 200 passed');
  });

  it('that does not fit ends the task at once', async () => {
    begin('n'.repeat(60));
    trained(one);
    submitter.start(one);
    await reaches('failed');
    expect(chain.head.number).toBeLessThan(DEADLINE);
    expect(assignment().message).toContain('use a shorter repo id');
  });
});

describe('a fault of the hub', () => {
  const token = () => new OperatorError('HUB_TOKEN_INVALID', 'set a valid HF_TOKEN');

  it('while pushing costs nothing when the operator mends it before the deadline', async () => {
    hub.faults.publish.push(token(), new TransientError('HUB_UNAVAILABLE', '503'), token());
    trained(one);
    submitter.start(one);
    await reaches('published');
    expect(assignment().commitBlock).toBeLessThan(DEADLINE);
  });

  it('while pushing loses the task with the deadline, and its row says why', async () => {
    hub.broken.publish = token();
    trained(one);
    submitter.start(one);
    await reaches('failed');
    expect(chain.head.number).toBeGreaterThan(DEADLINE);
    const { modelDir } = opened.store.jobs.get(`task-${one}`)!.result as { modelDir: string };
    const reason = `the model of 3 steps in ${modelDir} was not pushed to the hub by the deadline block 200: set a valid HF_TOKEN`;
    expect(assignment().message).toBe(reason);
    const last = { message: 'submission lost', validator: 'V', model: 'demo/tiny', deadlineBlock: 200, reason };
    expect(errors.at(-1)).toMatchObject(last);
    expect(errors, 'the token once, the loss once').toHaveLength(2);
    expect(chain.sent).toEqual([]);
  });

  it('after the deadline does not forfeit a committed model', async () => {
    hub.broken.setVisibility = token();
    trained(one, 'committed');
    submitter.resume();
    await passTimeUntil(() => chain.head.number > DEADLINE + 3_000);
    expect(assignment().state).toBe('committed');
    hub.broken = {};
    await reaches('published');
  });

  it('that lasts beyond every validator’s patience ends the task', async () => {
    hub.broken.setVisibility = token();
    trained(one, 'committed');
    submitter.resume();
    await reaches('failed');
    expect(chain.head.number).toBeGreaterThan(DEADLINE + 7_200);
  });
});

describe('a chain that is down through the deadline', () => {
  const unreachable = () => new TransientError('CHAIN_UNREACHABLE', 'no endpoint answers');

  it('before the commitment: the operator is told at the deadline what is at stake, and the end when it is known', async () => {
    trained(one, 'committing');
    chain.goDown(unreachable());
    submitter.resume();
    await passTimeUntil(() => errors.length > 0);
    expect(errors[0]).toMatchObject({ message: 'the chain is silent', deadlineBlock: 200, validator: 'V' });
    expect(errors[0]!.reason).toMatch(
      /^the chain has told no block after 150 for \d+ s, and by the clock the deadline block 200 is over: the commitment of m\/t-1+@c{8} is probably lost/,
    );
    expect(assignment().state).toBe('committing');
    chain.down = undefined;
    await reaches('published');
    expect(errors).toHaveLength(2);
    expect(errors[1]).toMatchObject({ message: 'the submission is probably lost' });
    expect(chain.sent).toEqual([]);
  });

  it('that comes back before the deadline costs nothing', async () => {
    trained(one, 'committing');
    chain.goDown(unreachable());
    submitter.resume();
    // By a timer of its own: from one try to the next time jumps by up to 15 s, and the deadline is 50 s off.
    setTimeout(() => {
      chain.down = undefined;
    }, 30_000);
    await reaches('published');
    expect(errors).toEqual([]);
    expect(assignment().commitBlock).toBeLessThanOrEqual(DEADLINE);
  });

  it('after the commitment: the model stays private, and the operator is told', async () => {
    trained(one, 'committed', { commitBlock: 140 });
    chain.goDown(unreachable());
    submitter.resume();
    await passTimeUntil(() => errors.length > 0);
    expect(errors[0]!.reason).toMatch(/m\/t-1+ stays private until the chain answers/);
    expect(hub.publicSince.size).toBe(0);
    chain.down = undefined;
    await reaches('published');
    expect(errors).toHaveLength(1);
  });
});

it('a hub that is down through the deadline is asked at uneven times', async () => {
  hub.broken.publish = new TransientError('HUB_UNAVAILABLE', '503');
  const at: number[] = [];
  const publish = hub.publish;
  hub.publish = (args) => {
    at.push(Date.now());
    return publish(args);
  };
  trained(one);
  submitter.start(one);
  await reaches('failed');
  expect(assignment().message).toMatch(/was not pushed to the hub by the deadline block 200: 503$/);
  const waits = at.slice(1).map((time, index) => time - at[index]!);
  // From 16 s on they would be equal without jitter.
  const longest = waits.slice(5);
  expect(new Set(longest).size).toBe(longest.length);
  expect(Math.max(...waits)).toBeLessThanOrEqual(15_000);
});
