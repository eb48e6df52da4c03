import type {
  CommitmentRepository,
  MemberRepository,
  ReceiptRepository,
  ScoreRepository,
  StepRepository,
  TaskRepository,
  WeightSetRepository,
} from './validator-records.ts';

export interface ValidatorStore {
  readonly tasks: TaskRepository;
  readonly steps: StepRepository;
  readonly members: MemberRepository;
  readonly commitments: CommitmentRepository;
  readonly scores: ScoreRepository;
  readonly weightSets: WeightSetRepository;
  readonly receipts: ReceiptRepository;
  /** Runs `work` in one transaction: all of its writes or none. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Opens (or makes, mode 0600) the validator's database. */
export function openValidatorStore(_path: string): Promise<ValidatorStore> {
  throw new Error('not there yet');
}
