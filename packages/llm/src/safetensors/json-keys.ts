/**
 * First object key that occurs twice in the same object of a JSON text, or undefined. `JSON.parse` silently keeps the
 * last of two equal keys, so two readers could see two different files. The text must already have passed `JSON.parse`.
 */
export function duplicateKey(json: string): string | undefined {
  /** Keys of each open object; undefined for an open array. */
  const open: (Set<string> | undefined)[] = [];
  /** True where the next string is a key: after '{' and after ',' inside an object. */
  let keyNext = false;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '{') {
      open.push(new Set());
      keyNext = true;
    } else if (character === '[') {
      open.push(undefined);
      keyNext = false;
    } else if (character === '}' || character === ']') {
      open.pop();
      keyNext = false;
    } else if (character === ',') {
      keyNext = open.at(-1) !== undefined;
    } else if (character === '"') {
      const end = endOfString(json, at);
      const keys = open.at(-1);
      if (keyNext && keys) {
        // Parsed, because "a" and "\u0061" are the same key.
        const key = JSON.parse(json.slice(at, end + 1)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
        keyNext = false;
      }
      at = end;
    }
  }
  return undefined;
}

function endOfString(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === '\\') at++;
    else if (json[at] === '"') return at;
  }
  return json.length;
}

/** JSON of models is flat; deeper text is made to overflow the stack of whoever walks it recursively. */
export const MAX_JSON_DEPTH = 64;

/** True where objects and arrays of a JSON text stand in each other deeper than `MAX_JSON_DEPTH`. It must have passed `JSON.parse`. */
export function isTooDeep(json: string): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') at = endOfString(json, at);
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return true;
    } else if (character === '}' || character === ']') depth -= 1;
  }
  return false;
}
