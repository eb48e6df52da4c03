import { parse, stringify } from 'yaml';

/** Keys of Axolotl that hold what gives access to something; `pad_token` and its like are no secrets. */
const SECRET_KEY = /(api_?key|secret|password|passwd|credential|auth|(^|_)token$)/i;
const SPECIAL_TOKEN = /^(bos|eos|unk|pad|sep|cls|mask)_token$/;
/** Tokens by their form, under whatever key they stand. */
const SECRET_VALUE = /\b(hf_|sk-|ghp_|github_pat_|xox[bp]-)[\w-]{8,}|:\/\/[^\s/@]+:[^\s/@]+@/;
const HIDDEN = '[not published]';

/** A recipe for the world: as it is, but for what an operator's own keys may hold of secrets. */
export function publishedRecipe(yaml: string): string {
  return stringify(without(parse(yaml)), { lineWidth: 0 }).trim();
}

function without(value: unknown, key = ''): unknown {
  if (value === null || value === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => without(item));
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, without(member, name)]));
  }
  if (SECRET_KEY.test(key) && !SPECIAL_TOKEN.test(key)) return HIDDEN;
  return typeof value === 'string' && SECRET_VALUE.test(value) ? HIDDEN : value;
}
