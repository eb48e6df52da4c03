import { conformance } from './conformance.ts';
import { commitmentSpace, commitments } from './scenarios/commitments.ts';
import { axons, certificates, certificatesRefused, prometheuses } from './scenarios/serving.ts';
import { timelockedCommitments } from './scenarios/timelocked-commitments.ts';

conformance(
  axons,
  certificates,
  certificatesRefused,
  prometheuses,
  commitments,
  commitmentSpace,
  timelockedCommitments,
);
