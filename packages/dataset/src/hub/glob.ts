/**
 * A regular expression for a data file pattern: `*` and `?` stay inside a folder, `**` crosses folders, `[…]` is a set.
 * (fsspec's glob, which `load_dataset` uses for `data_files`.)
 */
export function globToRegExp(pattern: string): RegExp {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const rest = pattern.slice(i);
    const set = /^\[(!?)([^\]/\\]+)\]/.exec(rest);
    if (rest.startsWith('**/')) {
      source += '(?:[^/]+/)*';
      i += 2;
    } else if (rest.startsWith('**')) {
      source += '.*';
      i += 1;
    } else if (rest[0] === '*') source += '[^/]*';
    else if (rest[0] === '?') source += '[^/]';
    else if (set) {
      source += `[${set[1] ? '^' : ''}${set[2]!.replace(/[\^[]/g, '\\$&')}]`;
      i += set[0].length - 1;
    } else source += rest[0]!.replace(/[.+^${}()|[\]\\/*?]/g, '\\$&');
  }
  return new RegExp(`^${source}$`);
}
