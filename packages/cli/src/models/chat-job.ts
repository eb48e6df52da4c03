import { chatInputSchema, renderRows } from './chat-rows.ts';
import { sealedJobMain } from './sealed-job.ts';

/** Entry of the sealed job that renders conversations: a template may loop for ever. */
sealedJobMain(chatInputSchema, renderRows);
