const MAX_PATH_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;
const MAX_DEPTH = 32;

/**
 * Why a path may not be committed, or undefined if it may. Paths are keys of a Map and never touch the file system; these
 * rules protect the clients that will write them to theirs.
 */
export function badPath(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  if (/[\u0000-\u001f\u007f\\]/.test(path)) return 'has a control character or a backslash';
  if (/\p{Surrogate}/u.test(path)) return 'is not well-formed Unicode';
  const segments = path.split('/');
  if (segments.length > MAX_DEPTH) return `is deeper than ${MAX_DEPTH} folders`;
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') return 'has an empty, "." or ".." segment';
    if (segment.toLowerCase() === '.git') return 'has a ".git" segment';
    if (/^[A-Za-z]:/.test(segment)) return 'has a drive letter';
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `has a segment over ${MAX_SEGMENT_BYTES} bytes`;
  }
  return undefined;
}

/** The hub's rule for each half of `namespace/name`. */
export function isRepoName(name: string): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,95}$/.test(name) && !/--|\.\.|\.git$|[.-]$/i.test(name);
}

/** The part of git's check-ref-format that matters when names are Map keys and URL parts. */
export function isRefName(name: string): boolean {
  return (
    name.length <= 200 && /^[\w][\w./+-]*$/.test(name) && !/\.\.|\/\/|\/\.|\.lock(\/|$)|[./]$|^refs\/|^HEAD$/.test(name)
  );
}
