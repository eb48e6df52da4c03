import { previewInputSchema, previewRows } from './preview.ts';
import { sealedJobMain } from './sealed-job.ts';

/** Entry of the sealed job that shows rows as tokens: a chat template may loop for ever. */
sealedJobMain(previewInputSchema, previewRows);
