// The results as Markdown.

const short = (value) =>
  value === undefined || !Number.isFinite(value)
    ? '–'
    : Math.abs(value) >= 0.001 || value === 0
      ? value.toFixed(4)
      : value.toExponential(1);

function table(head, rows) {
  const width = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(width[column])).join(' | ')} |`;
  return [line(head), `| ${width.map((size) => '-'.repeat(size)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

export function honestTable({ honest }) {
  const { twins, others, groupsOfFour: groups } = honest;
  const pairs = (name, { pairs: count, highestCosine, highestNearShare, lowestRowDistance }) => [
    name,
    `${count}`,
    short(highestCosine),
    short(highestNearShare),
    short(lowestRowDistance),
  ];
  return `## Honest fine-tunes

${honest.models} models, ${honest.refused} refused. Largest change ${short(honest.highestRelative)} of the base's size, smallest
${short(honest.lowestTurned)}; lowest cosine of any matrix with the base's ${short(honest.lowestMatrixCosine)}.

${table(
  ['pairs', 'count', 'highest cosine', 'highest share of near tensors', 'lowest row distance'],
  [pairs('same recipe, another seed', twins), pairs('all others', others)],
)}

Called a copy: ${honest.calledCopiesInPairs} of ${twins.pairs + others.pairs} pairs, ${groups.calledCopies} of ${groups.groups} random groups of four on the same data
(where the most that a mixture of three explains of the fourth is ${short(groups.highestMixtureShare)}).
`;
}

export function attackTable({ onBase, onSubmission }) {
  const range = (list, key) => {
    const values = list.map((item) => item[key]).filter((value) => value !== undefined);
    if (values.length === 0) return '–';
    const [least, most] = [short(Math.min(...values)), short(Math.max(...values))];
    return least === most ? least : `${least} … ${most}`;
  };
  const verdicts = (list) => {
    const counts = new Map();
    for (const { verdict } of list) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    return [...counts].map(([verdict, count]) => (list.length === 1 ? verdict : `${count} × ${verdict}`)).join(', ');
  };
  const caught = (list) => {
    const missed = list.filter(({ verdict }) => verdict === 'accepted').length;
    return missed === 0 ? 'yes' : missed === list.length ? 'no' : `${list.length - missed} of ${list.length}`;
  };
  const baseRows = Object.entries(onBase).map(([name, list]) => [
    name,
    caught(list),
    verdicts(list),
    range(list, 'turned'),
    range(list, 'lossGain'),
  ]);
  const copyRows = Object.entries(onSubmission).map(([name, list]) => [
    name,
    caught(list),
    verdicts(list),
    ...['cosine', 'nearShare', 'rowDistance', 'mixtureShare', 'lossGain'].map((key) => range(list, key)),
  ]);
  return `## Attacks with the base alone

What is not caught here is let through because it is harmless: its loss is the base's or worse (a gain of 0.00002 at most).

${table(['attack', 'caught', 'verdict', 'change beyond a factor', 'loss gained on the base'], baseRows)}

## Attacks with another's submission

${table(['attack', 'caught', 'verdicts', 'cosine', 'near tensors', 'row distance', 'mixture', 'loss gained on the original'], copyRows)}
`;
}
