export { createDockerRunner, type DockerRunnerOptions } from './docker/docker-runner.ts';
export { removeAllContainers } from './docker/remove-all.ts';
export {
  type JobHandle,
  type JobLimits,
  type JobOutcome,
  type JobResult,
  type JobSpec,
  jobLimitsSchema,
  jobOutcomes,
  type Runner,
} from './job.ts';
export { createProcessRunner, type ProcessRunnerOptions } from './process-runner.ts';
export { stopAllJobs } from './stop-all.ts';
