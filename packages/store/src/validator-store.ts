import { commitmentRepository } from './commitments.ts';
import { openDatabase } from './database.ts';
import { curveRepository, memberRepository, receiptRepository, scoreRepository, stepRepository } from './task-parts.ts';
import { taskRepository } from './tasks.ts';
import type {
  CommitmentRepository,
  CurveRepository,
  MemberRepository,
  ReceiptRepository,
  ScoreRepository,
  StepRepository,
  TaskRepository,
  WeightSetRepository,
} from './validator-records.ts';
import { VALIDATOR_APPLICATION_ID, validatorMigrations } from './validator-schema.ts';
import { weightSetRepository } from './weight-sets.ts';

export interface ValidatorStore {
  readonly tasks: TaskRepository;
  readonly steps: StepRepository;
  readonly members: MemberRepository;
  readonly curves: CurveRepository;
  readonly commitments: CommitmentRepository;
  readonly scores: ScoreRepository;
  readonly weightSets: WeightSetRepository;
  readonly receipts: ReceiptRepository;
  /** Runs `work` in one transaction: all of its writes or none. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/**
 * Opens (or makes, mode 0600) the validator's database and brings its schema up to date. `now` gives unix ms.
 * @throws OperatorError `STORE_NOT_A_DATABASE`, `STORE_CORRUPT`, `STORE_TOO_NEW`, `STORE_WRONG_KIND`, `STORE_UNUSABLE`.
 */
export async function openValidatorStore(path: string, options: { now?: () => number } = {}): Promise<ValidatorStore> {
  const { now = Date.now } = options;
  const db = await openDatabase(path, {
    applicationId: VALIDATOR_APPLICATION_ID,
    kind: 'validator',
    migrations: validatorMigrations,
  });
  return {
    tasks: taskRepository(db, now),
    steps: stepRepository(db),
    members: memberRepository(db),
    curves: curveRepository(db),
    commitments: commitmentRepository(db),
    scores: scoreRepository(db),
    weightSets: weightSetRepository(db, now),
    receipts: receiptRepository(db),
    transaction: (work) => db.transaction(work),
    close: () => db.close(),
  };
}
