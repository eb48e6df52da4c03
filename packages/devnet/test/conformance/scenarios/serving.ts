import { freshSubnet, NETUID, neurons } from '../levelling.ts';
import { call, scenario } from '../scenario.ts';

const AXON = {
  netuid: NETUID,
  version: 10,
  ip: 3_405_803_783,
  port: 8091,
  ip_type: 4,
  protocol: 4,
  placeholder1: 0,
  placeholder2: 0,
};

const serve = (name: string, by: string, change: object = {}) =>
  call(
    name,
    by,
    'SubtensorModule.serve_axon',
    { ...AXON, ...change },
    { read: [['SubtensorModule.Axons', NETUID, by]] },
  );

export const serving = scenario('serving', [
  freshSubnet(),
  neurons('@Bob', '@Charlie'),
  serve('an axon', '@Bob/hot'),
  serve('again, too soon', '@Bob/hot'),
  serve('by nobody', '@Nobody'),
]);
