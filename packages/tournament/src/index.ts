export { chanceBetter } from './bootstrap.ts';
export { drawOrder, drawWeight, type Eligible } from './draw.ts';
export { type GateEntry, passGate } from './gate.ts';
export { type LossInterval, lossInterval } from './loss-interval.ts';
export { type Finalist, type Placement, rankFinalists, splitByBase } from './ranking.ts';
export { RULES } from './rules.ts';
export { improvementOver, scoreTask, type TaskOutcome, type TaskScore, taskOutcome } from './scoring.ts';
export { decayAt, type HotkeyWeight, type ScoreRecord, windowWeights, workOf } from './weights.ts';
