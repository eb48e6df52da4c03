/** What Python's str.isspace() takes for white space and JavaScript does not: four separators and U+0085. */
const MORE_SPACE = new Set([0x1c, 0x1d, 0x1e, 0x1f, 0x85].map((code) => String.fromCodePoint(code)));
/** U+FEFF is white space in JavaScript only. */
const isSpace = (character: string) => MORE_SPACE.has(character) || (character !== '\ufeff' && /^\s$/u.test(character));

/** `text.strip(characters)` of Python, or lstrip or rstrip by `ends`. */
function strip(ends: 'both' | 'left' | 'right') {
  return (text: unknown, characters?: unknown): string => {
    if (typeof text !== 'string') throw new Error('strip() of what is no text');
    const goes = typeof characters === 'string' ? (character: string) => characters.includes(character) : isSpace;
    const points = [...text];
    let from = 0;
    let to = points.length;
    if (ends !== 'right') while (from < to && goes(points[from]!)) from++;
    if (ends !== 'left') while (to > from && goes(points[to - 1]!)) to--;
    return points.slice(from, to).join('');
  };
}

const stripBoth = strip('both');

/** Jinja2's filter `trim`: what is not there is an empty text. */
function trim(text: unknown, characters?: unknown): string {
  return text === undefined ? '' : stripBoth(text, characters);
}

/** The functions that `withPythonStrip` calls, under names that no template can write. */
export const STRIP_FUNCTIONS: Readonly<Record<string, unknown>> = {
  ' trim': trim,
  ' strip': stripBoth,
  ' lstrip': strip('left'),
  ' rstrip': strip('right'),
};

interface Node {
  type: string;
  [key: string]: unknown;
}

/**
 * Changes a parsed template in place so that `x.strip(chars)`, `x.lstrip(chars)` and `x.rstrip(chars)` take away what
 * they are told to: the library's own methods ignore their argument, and Qwen3's template has one. The filter `trim` becomes
 * Python's too, which knows other white space than JavaScript and takes what is not there.
 */
export function withPythonStrip<T extends object>(program: T): T {
  const open: object[] = [program];
  for (let node = open.pop(); node; node = open.pop()) {
    const call = node as Node;
    if (call.type === 'CallExpression') redirect(call);
    else if (call.type === 'FilterExpression') redirectTrim(call);
    const parts = node instanceof Map ? [...node.keys(), ...node.values()] : Object.values(node);
    for (const inner of parts) if (typeof inner === 'object' && inner !== null) open.push(inner);
  }
  return program;
}

function redirect(call: Node): void {
  const callee = call['callee'] as Node;
  const property = callee['property'] as Node | undefined;
  if (callee.type !== 'MemberExpression' || callee['computed'] === true) return;
  const name = ` ${String(property?.['value'])}`;
  if (!Object.hasOwn(STRIP_FUNCTIONS, name)) return;
  call['args'] = [callee['object'], ...(call['args'] as unknown[])];
  call['callee'] = { type: 'Identifier', value: name };
}

function redirectTrim(expression: Node): void {
  const filter = expression['filter'] as Node;
  const called = filter.type === 'CallExpression' ? (filter['callee'] as Node) : filter;
  if (called.type !== 'Identifier' || called['value'] !== 'trim') return;
  const args = filter.type === 'CallExpression' ? (filter['args'] as unknown[]) : [];
  Object.assign(expression, {
    type: 'CallExpression',
    callee: { type: 'Identifier', value: ' trim' },
    args: [expression['operand'], ...args],
  });
}
