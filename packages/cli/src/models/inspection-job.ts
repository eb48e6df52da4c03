import { inspectionInputSchema, inspectModel } from './inspection.ts';
import { sealedJobMain } from './sealed-job.ts';

/** Entry of the sealed inspection job. */
sealedJobMain(inspectionInputSchema, ({ dir, baseDir }, onProgress) => inspectModel(dir, baseDir, onProgress));
