#!/usr/bin/env node
// Recomputes draw, gate, ranking, scores and weights of a demo-report.json from its raw numbers, with nothing but Node.
// It shares no code with the program: it was written from packages/tournament/README.md.
// Usage: node test/recompute-report.mjs [demo-report.json]; exit 0 when everything agrees.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2] ?? 'demo-report.json', 'utf8'));
const problems = [];
const check = (what, found, expected) => {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) problems.push(`${what}: recomputed ${a}, the report says ${b}`);
};
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const sum = (numbers) => numbers.reduce((total, value) => total + value, 0);

// 1. Draw
function drawKey(hotkey) {
  const u =
    BigInt(`0x${sha256(`tuning/draw/1\0${report.draw.blockHash}\0${report.taskId}\0${hotkey}`).slice(0, 16)}`) + 1n;
  const e = BigInt(u.toString(2).length - 1);
  let m = (u << 127n) >> e;
  let f = 0n;
  for (let i = 0; i < 64; i++) {
    m = (m * m) >> 127n;
    f *= 2n;
    if (m >= 1n << 128n) {
      m >>= 1n;
      f += 1n;
    }
  }
  return (64n << 64n) - ((e << 64n) | f);
}
const drawn = report.draw.eligible
  .map(({ uid, hotkey, weight }) => ({ uid, hotkey, W: BigInt(Math.floor(weight * 1e6 + 0.5)), E: drawKey(hotkey) }))
  .filter(({ W }) => W > 0n)
  .sort((a, b) => {
    const difference = a.E * b.W - b.E * a.W;
    return difference < 0n ? -1 : difference > 0n ? 1 : a.uid - b.uid;
  })
  .map(({ hotkey }) => hotkey);
check('draw order', drawn, report.draw.order);
check(
  'group is drawn',
  report.group.every(({ hotkey }) => drawn.includes(hotkey)),
  true,
);

// Losses are what their rows add up to.
const entries = report.receipt.body.entries;
for (const { hotkey, synthetic, test } of entries) {
  for (const [name, set] of Object.entries({ synthetic, test })) {
    if (!set) continue;
    const loss = sum(set.rows.sumNll) / sum(set.rows.tokens);
    if (Math.abs(loss - set.summary.loss) > 1e-9)
      problems.push(`${name} loss of ${hotkey}: rows give ${loss}, summary ${set.summary.loss}`);
    if (Math.abs(Math.exp(loss) - set.summary.perplexity) > 1e-6 * set.summary.perplexity)
      problems.push(`${name} perplexity of ${hotkey}`);
  }
}

// 2. Gate
// A finalist may still fail on the test set, so the gate's entrants are listed on their own.
const { eligible } = report.receipt.body.ranking;
const accepted = entries.filter(({ hotkey }) => eligible.includes(hotkey));
for (const { hotkey, verdict } of entries)
  if (verdict.code === 'accepted' && !eligible.includes(hotkey))
    problems.push(`${hotkey} is accepted but did not enter the gate`);
const gate = accepted
  .map(({ hotkey, synthetic, submission }) => ({ hotkey, loss: synthetic.summary.loss, block: submission.block }))
  .sort((a, b) => a.loss - b.loss || a.block - b.block || byText(a.hotkey, b.hotkey))
  .slice(0, Math.ceil((3 * accepted.length) / 4))
  .map(({ hotkey }) => hotkey);
check('gate', gate, report.gate);

// 3. Ranking
function xoshiro(seed) {
  const digest = sha256(seed);
  let s = [0, 8, 16, 24].map((at) => Number.parseInt(digest.slice(at, at + 8), 16) >>> 0);
  const rotl = (x, k) => ((x << k) | (x >>> (32 - k))) >>> 0;
  return () => {
    const result = Math.imul(rotl(Math.imul(s[1], 5) >>> 0, 7), 9) >>> 0;
    const t = (s[1] << 9) >>> 0;
    let [a, b, c, d] = s;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    s = [a >>> 0, b >>> 0, c >>> 0, rotl(d >>> 0, 11)];
    return result;
  };
}
function chanceBetter(leader, challenger) {
  const next = xoshiro(`tuning/tie/1\0${report.taskId}\0${leader.hotkey}\0${challenger.hotkey}`);
  const d = challenger.rows.sumNll.map((value, i) => value - leader.rows.sumNll[i]);
  let wins = 0;
  for (let round = 0; round < 1000; round++) {
    let total = 0;
    for (let i = 0; i < d.length; i++) total += d[Math.floor((next() * d.length) / 2 ** 32)];
    wins += total < 0 ? 1 : total === 0 ? 0.5 : 0;
  }
  return wins / 1000;
}
const baseLoss = report.base.test.loss;
const finalists = entries
  .filter(({ hotkey, test }) => gate.includes(hotkey) && test)
  .map(({ hotkey, test, submission }) => ({
    hotkey,
    rows: test.rows,
    loss: test.summary.loss,
    block: submission.block,
  }))
  .filter(({ loss }) => loss < baseLoss)
  .sort((a, b) => a.loss - b.loss || a.block - b.block || byText(a.hotkey, b.hotkey));
const groups = [];
for (const entry of finalists) {
  const group = groups.at(-1);
  if (group && chanceBetter(group[0], entry) >= 0.05) group.push(entry);
  else groups.push([entry]);
}
const ranked = groups.flatMap((group) =>
  group.sort((a, b) => a.block - b.block || a.loss - b.loss || byText(a.hotkey, b.hotkey)),
);
check(
  'ranking',
  ranked.map(({ hotkey }) => hotkey),
  report.ranking.map(({ hotkey }) => hotkey),
);
check('winner', ranked[0]?.hotkey ?? null, report.winner);

// 4. Scores
const scores = new Map(entries.map(({ hotkey }) => [hotkey, 0]));
ranked.forEach(({ hotkey, loss }, i) => {
  scores.set(hotkey, 0.5 ** i * Math.min(1, (baseLoss - loss) / baseLoss / 0.05));
});
for (const { hotkey, score } of report.miners) check(`score of ${hotkey}`, scores.get(hotkey), score);

// 6. Weights (this task is the only one in the window), then the chain's u16 scale
const age = report.scoring.decidedBlock - report.scoring.block;
const w = report.scoring.work * (age >= 0 && age < 50400 ? 1 - age / 50400 : 0);
const values = [...scores]
  .map(([hotkey, score]) => ({ hotkey, value: (w * score) / (w + 2) }))
  .filter(({ value }) => value > 0)
  .sort((a, b) => byText(a.hotkey, b.hotkey));
const largest = Math.max(...values.map(({ value }) => value));
const onChain = new Map(report.weights.entries.map(({ hotkey, value }) => [hotkey, value]));
for (const { hotkey, value } of values) {
  const expected = Math.round((value / largest) * 65535);
  if (Math.abs((onChain.get(hotkey) ?? 0) - expected) > 1)
    problems.push(`weight of ${hotkey}: recomputed ${expected}, on the chain ${onChain.get(hotkey)}`);
}
for (const [hotkey, value] of onChain)
  if (value > 0 && !values.some((item) => item.hotkey === hotkey))
    problems.push(`${hotkey} has weight ${value} without a score`);

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(
  `recomputed from the raw numbers: draw of ${drawn.length}, gate of ${gate.length}, ranking of ${ranked.length}, ${values.length} weights: all agree`,
);
