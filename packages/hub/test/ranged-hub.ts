import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { FakeHub, json } from './fake-hub.ts';

/** A FakeHub with one LFS file, which knows ranges and counts the bytes it gives. */
export class FakeRangedHub extends FakeHub {
  readonly content: Buffer;
  /** Ranges asked for, in order; undefined: the whole file. */
  readonly ranges: (string | undefined)[] = [];
  /** File bytes given so far. */
  given = 0;
  /** The most answers that were under way at once. */
  mostOpen = 0;
  /** An answer whose last bytes are on their way is over: the client may ask for more before this side hears of its end. */
  readonly #open = new Set<ServerResponse>();
  /** Changes one answer: writes the head and the bytes of `from` to `to` itself. */
  send: ((res: ServerResponse, range: string | undefined, from: number, to: number) => void) | undefined;

  constructor(content: Buffer) {
    super();
    this.content = content;
    const lfs = { oid: createHash('sha256').update(content).digest('hex'), size: content.length, pointerSize: 130 };
    this.answer = (req, res, url) => {
      if (url.pathname.includes('/tree/')) {
        return json(res, [{ type: 'file', path: 'w.bin', size: content.length, oid: 'c'.repeat(40), lfs }]);
      }
      const { range } = req.headers;
      const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
      const from = Number(first ?? 0);
      const to = last ? Number(last) + 1 : content.length;
      this.ranges.push(range);
      this.#open.add(res);
      this.mostOpen = Math.max(this.mostOpen, this.#open.size);
      res.on('close', () => this.#open.delete(res));
      if (this.send) this.send(res, range, from, to);
      else this.give(res, range, from, to);
    };
  }

  head(res: ServerResponse, range: string | undefined, from: number, to: number, size = this.content.length): void {
    const contentRange = range ? { 'Content-Range': `bytes ${from}-${to - 1}/${size}` } : {};
    res.writeHead(range ? 206 : 200, { 'Content-Length': to - from, ...contentRange });
  }

  /** Slowly enough that answers run side by side. */
  give(
    res: ServerResponse,
    range: string | undefined,
    from: number,
    to: number,
    cutAt = Number.POSITIVE_INFINITY,
  ): void {
    this.head(res, range, from, to);
    let at = from;
    const next = () => {
      if (res.destroyed) return;
      if (at >= cutAt) return void res.destroy();
      if (at >= to) return void res.end();
      const piece = this.content.subarray(at, Math.min(to, at + 128 * 1024));
      at += piece.length;
      this.given += piece.length;
      if (at >= to) this.#open.delete(res);
      res.write(piece, () => setTimeout(next, 3));
    };
    next();
  }
}
