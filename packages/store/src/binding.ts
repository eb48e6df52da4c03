/** What a parameter may be given as. Booleans become 0 or 1, dates unix ms, absent values must be null. */
export type BindValue = string | number | bigint | boolean | Date | Uint8Array | null;

/** Names of the `:name` parameters of a statement. Our SQL has no colon anywhere else. */
export function parameterNames(sql: string): string[] {
  return [...new Set([...sql.matchAll(/:([a-z_]\w*)/gi)].map((match) => match[1]!))];
}

function bindableValue(name: string, value: BindValue | undefined): string | number | bigint | Uint8Array | null {
  // libsql 0.5.29 aborts the process on a boolean and binds NULL for undefined and NaN.
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Date) return finite(name, value.getTime());
  if (typeof value === 'number') return finite(name, value);
  if (value === null || typeof value === 'string' || typeof value === 'bigint' || value instanceof Uint8Array) {
    return value;
  }
  throw new TypeError(`SQL parameter :${name} is ${value === undefined ? 'missing' : `a ${typeof value}`}`);
}

function finite(name: string, value: number): number {
  if (!Number.isFinite(value)) throw new TypeError(`SQL parameter :${name} is ${value}`);
  return value;
}

/**
 * Exactly the parameters a statement has, as libsql can take them.
 * @throws TypeError for a missing, superfluous or unbindable one.
 */
export function bindable(names: readonly string[], parameters: Readonly<Record<string, BindValue>>) {
  for (const name of Object.keys(parameters)) {
    if (!names.includes(name)) throw new TypeError(`the statement has no parameter :${name}`);
  }
  return Object.fromEntries(names.map((name) => [name, bindableValue(name, parameters[name])]));
}
