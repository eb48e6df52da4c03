import type { MinerConfig, ProfitRule } from '@tuning/config';
import { GIB } from '@tuning/kit';
import type { OfferAnswer } from '@tuning/protocol';
import { isWithinHours } from './hours-of-day.ts';
import type { OfferSurvey } from './offer-survey.ts';

/** Accepts the work of an offer or names the reason why not. Pure, like `decideOffer`, which comes before it. */
export function decideWork(
  survey: OfferSurvey,
  policy: MinerConfig['policy'],
  /** Unix time in ms. */
  now: number,
): OfferAnswer {
  const { modelBytes, workHours } = survey;
  if (modelBytes > policy.max_model_gb * GIB) {
    return decline('too_large', `the base model has ${modelBytes} bytes, at most ${policy.max_model_gb} GiB wanted`);
  }
  if (policy.max_hours !== undefined && workHours > policy.max_hours) {
    return decline(
      'too_much_work',
      `it would train about ${hours(workHours)} here, at most ${hours(policy.max_hours)} wanted`,
    );
  }
  return decideProfit(survey, policy.profit, now);
}

/** The first rule whose hours of the day and length of work fit decides. */
function decideProfit(
  { workHours, alphaPerGpuHour }: OfferSurvey,
  rules: readonly ProfitRule[] | undefined,
  now: number,
): OfferAnswer {
  if (!rules) return { accept: true };
  const current = rules.filter(({ hours: when }) => when === undefined || isWithinHours(when, now));
  const rule = current.find(({ max_hours }) => max_hours === undefined || workHours <= max_hours);
  if (!rule) {
    const longest = Math.max(0, ...current.map(({ max_hours = 0 }) => max_hours));
    return decline(
      'too_much_work',
      longest === 0
        ? 'no rule of this miner takes tasks at this hour'
        : `it would train about ${hours(workHours)} here, at this hour at most ${hours(longest)} are wanted`,
    );
  }
  const wanted = rule.min_alpha_per_gpu_hour ?? 0;
  if (alphaPerGpuHour >= wanted) return { accept: true };
  return decline(
    'unprofitable',
    `about ${alphaPerGpuHour.toPrecision(3)} alpha expected for an hour of a GPU, at least ${wanted} wanted`,
  );
}

const hours = (value: number): string => `${Number(value.toPrecision(3))} h`;

function decline(reason: Extract<OfferAnswer, { accept: false }>['reason'], message: string): OfferAnswer {
  return { accept: false, reason, message };
}
