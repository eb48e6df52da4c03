import type { Chain } from '@tuning/chain';
import { BadInputError, withDeadline } from '@tuning/kit';
import type { MetagraphView, ModelCache } from '@tuning/neuron';
import { chatTypeOf, type TaskOffer } from '@tuning/protocol';
import type { Recipe } from '@tuning/training';
import { alphaPerGpuHour, expectedShare } from './expected-pay.ts';
import type { SpeedBook } from './speed-book.ts';
import { hoursOf, workOf } from './work-estimate.ts';

/** Within the time that a validator waits for an answer (10 s, of which a handler gets 8). */
const SURVEY_MS = 6_000;
/** Share of the time to the deadline that training may take; the rest is for pushing the model and the commitment. */
export const TRAINING_SHARE = 0.85;

/** What is found out about an offer beyond what it says. */
export interface OfferSurvey {
  readonly modelBytes: number;
  readonly parameters: number;
  /** Estimated hours of training on one slot. */
  readonly workHours: number;
  readonly alphaPerGpuHour: number;
}

export interface SurveyServices {
  models: Pick<ModelCache, 'survey' | 'requireChatTemplate'>;
  metagraph: Pick<MetagraphView, 'current'>;
  chain: Pick<Chain, 'head' | 'blockTimeMs'>;
  hotkey: string;
  recipe: Recipe;
  speeds: Pick<SpeedBook, 'tokensPerSecond1b'>;
  /** `policy.tokens_per_second_1b`, until a speed was measured. */
  assumedSpeed: number | undefined;
  alphaPerBlock: number;
  /** GPUs of one slot, 0 for none. */
  gpus: number;
}

/** Looks at an offer. @throws BadInputError for a model that cannot be used; TransientError where the hub does not answer. */
export type SurveyOffer = (offer: TaskOffer, openTasks: number, signal?: AbortSignal) => Promise<OfferSurvey>;

export function createOfferSurvey(services: SurveyServices): SurveyOffer {
  const { models, metagraph, chain, hotkey, recipe, speeds, assumedSpeed, alphaPerBlock, gpus } = services;
  return (offer, openTasks, signal) =>
    withDeadline(
      `looking at ${offer.model.repo}`,
      SURVEY_MS,
      async (own) => {
        const { repo, revision } = offer.model;
        const { facts } = await models.survey(repo, revision, own);
        if (facts.bytes === 0) {
          throw new BadInputError('MODEL_INCOMPLETE', `${repo}@${revision.slice(0, 8)} has no safetensors weights`);
        }
        if (chatTypeOf(offer.datasetType)) await models.requireChatTemplate(offer.model, own);
        const blocks = Math.max(1, offer.deadlineBlock - chain.head.number);
        const windowHours = (blocks * chain.blockTimeMs * TRAINING_SHARE) / 3_600_000;
        const work = workOf(offer, recipe, facts.parameters);
        const workHours = hoursOf(work, speeds.tokensPerSecond1b ?? assumedSpeed, windowHours);
        const share = expectedShare(metagraph.current, hotkey);
        return {
          modelBytes: facts.bytes,
          parameters: facts.parameters,
          workHours,
          alphaPerGpuHour: alphaPerGpuHour({ share, alphaPerBlock, blocks, openTasks, workHours, gpus }),
        };
      },
      signal,
    );
}
