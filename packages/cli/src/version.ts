import { readFileSync } from 'node:fs';

/** This program's version, from its package.json, which lies beside sources and build alike. */
export function programVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
