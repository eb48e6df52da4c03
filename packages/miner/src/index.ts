export { type RunMinerArgs, runMiner } from './miner.ts';
export { decideOffer, type OfferContext } from './offer-policy.ts';
