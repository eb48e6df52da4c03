export type { JobsView, JobView } from './job-view.ts';
export { type RunMinerArgs, runMiner } from './miner.ts';
export { decideOffer, type OfferContext } from './offer-policy.ts';
