import { BadInputError } from '@tuning/kit';
import { pythonText } from './python-text.ts';

/** A parsed template: literal texts and the names of placeholders between them. */
export type Template = readonly ({ text: string } | { name: string })[];

/**
 * Parses a template of Python's `str.format` with named placeholders: `{name}`, and `{{`, `}}` for literal braces.
 * Conversions, format specifications, attributes and positions (`{a!r}`, `{a:>9}`, `{a.b}`, `{0}`, `{}`) are refused.
 * @param key what the template is called in the request. @param names placeholders that the template may use.
 * @throws BadInputError DATASET_TYPE_INVALID.
 */
export function parseTemplate(key: string, template: string, names: readonly string[]): Template {
  const parts: ({ text: string } | { name: string })[] = [];
  const token = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;
  for (const [match, name] of template.matchAll(token)) {
    if (match === '{{' || match === '}}') parts.push({ text: match[0]! });
    else if (match === '{' || match === '}') {
      throw refused(key, `has a lone "${match}": write "${match}${match}" for a literal brace`);
    } else if (name === undefined) parts.push({ text: match });
    else if (names.includes(name)) parts.push({ name });
    else {
      const known = names.map((known) => `{${known}}`).join(' and ');
      throw refused(key, `has the unknown placeholder "${match}": it may use ${known} as they stand`);
    }
  }
  return parts;
}

/** Fills a template. Braces in values are text. */
export function fillTemplate(template: Template, values: Record<string, unknown>): string {
  return template.map((part) => ('text' in part ? part.text : pythonText(values[part.name]))).join('');
}

function refused(key: string, what: string): BadInputError {
  return new BadInputError('DATASET_TYPE_INVALID', `${key} of the dataset type ${what}`, { details: { key } });
}
