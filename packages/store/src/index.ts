export {
  type AssignmentPatch,
  type AssignmentRecord,
  type AssignmentRepository,
  type AssignmentState,
  assignmentStates,
  type NewAssignment,
} from './assignment-record.ts';
export type { JobRecord, JobRepository, ListOptions, NewJob } from './job-record.ts';
export { type MinerStore, openMinerStore } from './miner-store.ts';
export {
  type CommitmentRecord,
  type CommitmentRepository,
  type CurveRepository,
  type MemberRecord,
  type MemberRepository,
  memberAnswers,
  type ReceiptRepository,
  type ScoreRecord,
  type ScoreRepository,
  type StepRepository,
  type TaskRecord,
  type TaskRepository,
  type WeightSetRecord,
  type WeightSetRepository,
} from './validator-records.ts';
export { openValidatorStore, type ValidatorStore } from './validator-store.ts';
