interface Node {
  type: string;
  [key: string]: unknown;
}

/** The name that Axolotl looks for: it follows no other loop variable (prompt_strategies/jinja_template_analyzer.py, 0.19.0). */
const VARIABLE = 'message';

/**
 * Names that a parsed template reads of the variable `message`, however deep: `message.content.strip` has two. Axolotl hands
 * a template these properties of a message and no others, besides those that the dataset type maps.
 */
export function messageProperties(program: object): Set<string> {
  const found = new Set<string>();
  const open: unknown[] = [program];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    const node = value as Node;
    if (node.type === 'MemberExpression' && leftmost(node) === VARIABLE) {
      const property = node['property'] as Node;
      const isName = node['computed'] === true ? property.type === 'StringLiteral' : property.type === 'Identifier';
      if (isName) found.add(String(property['value']));
    }
    open.push(...(value instanceof Map ? [...value.keys(), ...value.values()] : Object.values(value)));
  }
  return found;
}

function leftmost(node: Node): string | undefined {
  let at = node;
  while (at.type === 'MemberExpression') at = at['object'] as Node;
  return at.type === 'Identifier' ? String(at['value']) : undefined;
}
