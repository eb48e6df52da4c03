import { pipeline } from 'node:stream/promises';
import type { Exchange } from './exchange.ts';
import { lfsPointer } from './git-objects.ts';
import { entryNotFound, HttpError } from './http-error.ts';
import type { Repo } from './repo.ts';

/**
 * One range of a Range header as [start, end], both included. Undefined where the whole file is to be sent: no header,
 * several ranges, or nonsense (RFC 9110 14.2 allows to ignore those).
 * @throws HttpError 416 where no byte of the file is meant.
 */
function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = header === undefined ? null : /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [first, last] = [match[1] as string, match[2] as string];
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(size - 1, Number(last));
  if (first !== '' && last !== '' && Number(last) < start) return undefined;
  if (start >= size || end < start) {
    throw new HttpError(416, 'Range not satisfiable', { headers: { 'Content-Range': `bytes */${size}` } });
  }
  return { start, end };
}

/** GET or HEAD /{repo}/{resolve|raw}/{revision}/{path} */
export async function sendFile(x: Exchange, repo: Repo, raw: boolean, segments: string[]): Promise<void> {
  const { commit, path } = await repo.splitRevision(segments);
  const entry = commit.manifest.get(path);
  if (!entry) throw entryNotFound(commit.id);
  const pointer = raw && entry.lfs ? lfsPointer(entry.sha256, entry.size) : undefined;
  const size = pointer ? pointer.length : entry.size;
  const etag = `"${entry.lfs && !pointer ? entry.sha256 : entry.oid}"`;
  const headers: Record<string, string | number> = {
    'X-Repo-Commit': commit.id,
    ...(entry.lfs && !pointer ? { 'X-Linked-Size': entry.size, 'X-Linked-ETag': etag } : {}),
    ETag: etag,
    'Accept-Ranges': 'bytes',
    // A stranger's HTML must never run on this origin.
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': 'attachment',
    'Content-Security-Policy': "default-src 'none'; sandbox",
  };
  const range = size === 0 ? undefined : rangeOf(x.req.headers.range, size);
  if (size === 0 && x.req.headers.range !== undefined) {
    // 416 would be correct, but the JS client probes each file with a range and gives up on an empty one.
    headers['Content-Range'] = 'bytes */0';
  }
  if (range) headers['Content-Range'] = `bytes ${range.start}-${range.end}/${size}`;
  headers['Content-Length'] = range ? range.end - range.start + 1 : size;
  x.res.writeHead(range ? 206 : 200, headers);
  if (x.method === 'HEAD' || size === 0) {
    x.res.end();
  } else if (pointer) {
    x.res.end(range ? pointer.subarray(range.start, range.end + 1) : pointer);
  } else {
    // A client that hangs up ends the pipeline with an error; there is nobody left to tell.
    await pipeline(x.objects.read(entry.sha256, range), x.res).catch(() => x.res.destroy());
  }
}
