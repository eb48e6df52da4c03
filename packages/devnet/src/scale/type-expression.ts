/** A parsed type expression such as `Vec<(u16, Compact<u64>)>`, `[u8; 32]`, `Option<AxonInfo>` or `()`. */
export type TypeExpression =
  | { kind: 'name'; name: string; args: TypeExpression[] }
  | { kind: 'tuple'; items: TypeExpression[] }
  | { kind: 'array'; item: TypeExpression; length: number };

const cache = new Map<string, TypeExpression>();

/** Parses our own type notation; it is written by us only, so a mistake is a programming error. */
export function parseTypeExpression(text: string): TypeExpression {
  const known = cache.get(text);
  if (known) return known;
  const parser = { text, at: 0 };
  const parsed = parseOne(parser);
  skipSpace(parser);
  if (parser.at !== text.length) throw new Error(`type expression "${text}" has trailing text at ${parser.at}`);
  cache.set(text, parsed);
  return parsed;
}

export function formatTypeExpression(type: TypeExpression): string {
  if (type.kind === 'tuple') return `(${type.items.map(formatTypeExpression).join(',')})`;
  if (type.kind === 'array') return `[${formatTypeExpression(type.item)};${type.length}]`;
  return type.args.length === 0 ? type.name : `${type.name}<${type.args.map(formatTypeExpression).join(',')}>`;
}

interface Parser {
  readonly text: string;
  at: number;
}

function skipSpace(p: Parser): void {
  while (p.text[p.at] === ' ') p.at++;
}

function expect(p: Parser, char: string): void {
  skipSpace(p);
  if (p.text[p.at] !== char) throw new Error(`type expression "${p.text}": expected "${char}" at ${p.at}`);
  p.at++;
}

function parseList(p: Parser, end: string): TypeExpression[] {
  const items: TypeExpression[] = [];
  skipSpace(p);
  while (p.text[p.at] !== end) {
    items.push(parseOne(p));
    skipSpace(p);
    if (p.text[p.at] === ',') p.at++;
    skipSpace(p);
  }
  p.at++;
  return items;
}

function parseOne(p: Parser): TypeExpression {
  skipSpace(p);
  if (p.text[p.at] === '(') {
    p.at++;
    return { kind: 'tuple', items: parseList(p, ')') };
  }
  if (p.text[p.at] === '[') {
    p.at++;
    const item = parseOne(p);
    expect(p, ';');
    skipSpace(p);
    const digits = /^\d+/.exec(p.text.slice(p.at))?.[0] ?? '';
    p.at += digits.length;
    expect(p, ']');
    return { kind: 'array', item, length: Number(digits) };
  }
  const name = /^[A-Za-z_][A-Za-z0-9_:]*/.exec(p.text.slice(p.at))?.[0];
  if (name === undefined) throw new Error(`type expression "${p.text}": a name is missing at ${p.at}`);
  p.at += name.length;
  skipSpace(p);
  if (p.text[p.at] !== '<') return { kind: 'name', name, args: [] };
  p.at++;
  return { kind: 'name', name, args: parseList(p, '>') };
}
