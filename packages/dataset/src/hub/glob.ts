/** One step of a pattern inside a folder name or file name. `*` is undefined. */
type Step = ((char: string) => boolean) | undefined;

/**
 * Whether a path matches a data file pattern: `*`, `?` and `[…]` stay inside a folder, `**` as a whole part stands for any
 * folders (fsspec's glob, which `load_dataset` uses for `data_files`). Not a regular expression: patterns come from
 * strangers, and `*a*a*a…` would take a backtracking matcher for ever.
 */
export function matchesGlob(pattern: string, path: string): boolean {
  const parts = pattern.split('/');
  const names = path.split('/');
  // reached[j]: the parts so far match the first j names.
  let reached = names.map(() => false);
  reached.unshift(true);
  for (const part of parts) {
    const next = reached.map(() => false);
    const steps = part === '**' ? undefined : stepsOf(part);
    for (let j = 0; j <= names.length; j++) {
      if (steps) next[j] = j > 0 && reached[j - 1] === true && matchesName(steps, names[j - 1]!);
      else next[j] = reached[j] === true || (j > 0 && next[j - 1] === true);
    }
    reached = next;
  }
  return reached[names.length] === true;
}

function stepsOf(part: string): Step[] {
  const tokens = part.match(/\*+|\?|\[!?[^\]]+\]|./gsu) ?? [];
  return tokens.map((token): Step => {
    if (token.startsWith('*')) return undefined;
    if (token === '?') return () => true;
    if (token.length < 3 || !token.startsWith('[')) return (char) => char === token;
    const negated = token[1] === '!';
    const members = setOf(token.slice(negated ? 2 : 1, -1));
    return (char) => members(char) !== negated;
  });
}

/** `a-c_` of `[a-c_]`. */
function setOf(body: string): (char: string) => boolean {
  const ranges = [...body.matchAll(/(.)-(.)|(.)/gsu)].map(([, from, to, single]) => [from ?? single!, to ?? single!]);
  return (char) => ranges.some(([from, to]) => from! <= char && char <= to!);
}

/** Greedy with one point of return: the last star takes one more character whenever the rest does not fit. */
function matchesName(steps: readonly Step[], name: string): boolean {
  const chars = [...name];
  let s = 0;
  let star = -1;
  let starAt = 0;
  for (let c = 0; c < chars.length; ) {
    const step = steps[s];
    if (s < steps.length && step === undefined) {
      star = s++;
      starAt = c;
    } else if (step?.(chars[c]!)) {
      s++;
      c++;
    } else if (star >= 0) {
      s = star + 1;
      c = ++starAt;
    } else return false;
  }
  while (s < steps.length && steps[s] === undefined) s++;
  return s === steps.length;
}
