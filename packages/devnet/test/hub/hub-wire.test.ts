import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openHub } from './local-hub.ts';
import { pythonRandomBytes } from './python-random.ts';

/**
 * Recorded traffic of real Python clients, sent again. The recordings are not part of the repo: HUB_WIRE_FIXTURES names
 * their folder, whose README says what the fields mean and how to compare.
 */
const folder = process.env['HUB_WIRE_FIXTURES'];
const recordings = folder
  ? readdirSync(folder).filter((name) => name.endsWith('.jsonl'))
  : ['(set HUB_WIRE_FIXTURES to the folder of the recordings)'];

type Body = string | { bytes: number; sha256: string } | undefined;
interface Line {
  method: string;
  url: string;
  req: Record<string, string>;
  reqBody?: Body;
  status: number;
  res: Record<string, string>;
  resBody?: Body;
}

const RECORDED_ORIGIN = 'http://127.0.0.1:18096';
/** Compared exactly, after mapping what differs per run. */
const EXACT = [
  'etag',
  'x-repo-commit',
  'x-linked-etag',
  'x-linked-size',
  'content-range',
  'link',
  'x-total-count',
  'x-error-code',
];
/** The recorded hub sent the model in parts of this size. */
const PART_BYTES = 1_048_576;
const MODEL_SHA256 = '416125a984faadb0c084ffb04d3497abef5c18696cb0070a4737b983594d5b91';

describe.skipIf(!folder)('replay of recorded Python clients', () => {
  it.each(recordings)('%s', async (name) => {
    const model = pythonRandomBytes(1, 2_000_000);
    expect(createHash('sha256').update(model).digest('hex')).toBe(MODEL_SHA256);
    const f = await openHub({ limits: { treePage: 4, multipartBytes: 1_000_000, partBytes: PART_BYTES } });
    try {
      const replay = new Replay(f.hub.endpoint, f.alice, model);
      const lines = readFileSync(join(folder as string, name), 'utf8')
        .trim()
        .split('\n');
      for (const [index, text] of lines.entries()) await replay.line(JSON.parse(text) as Line, `line ${index + 1}`);
      expect(replay.compared).toBe(lines.length);
      expect(lines.length).toBeGreaterThan(40);
    } finally {
      await f.stop();
    }
  });
});

class Replay {
  compared = 0;
  readonly #endpoint: string;
  readonly #token: string;
  readonly #model: Buffer;
  /** Recorded value -> ours: ids, hrefs. */
  readonly #map = new Map<string, string>();

  constructor(endpoint: string, token: string, model: Buffer) {
    this.#endpoint = endpoint;
    this.#token = token;
    this.#model = model;
    this.#map.set(RECORDED_ORIGIN, endpoint);
  }

  #mapped(text: string): string {
    let out = text;
    for (const [from, to] of [...this.#map].sort((a, b) => b[0].length - a[0].length)) out = out.replaceAll(from, to);
    return out;
  }

  async line(line: Line, label: string): Promise<void> {
    const where = `${label}: ${line.method} ${line.url}`;
    const { 'content-length': _length, 'transfer-encoding': _coding, authorization, ...headers } = line.req;
    const answer = await fetch(`${this.#endpoint}${this.#mapped(line.url)}`, {
      method: line.method,
      headers: { ...headers, ...(authorization ? { authorization: `Bearer ${this.#token}` } : {}) },
      ...(line.reqBody === undefined ? {} : { body: this.#body(line.reqBody) }),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    expect(answer.status, `${where} ${body.toString().slice(0, 200)}`).toBe(line.status);
    if (line.resBody && typeof line.resBody === 'object') {
      const sum = createHash('sha256').update(body).digest('hex');
      expect({ bytes: body.length, sha256: sum }, where).toEqual(line.resBody);
    } else if (typeof line.resBody === 'string' && line.resBody !== '') {
      this.#learn(JSON.parse(line.resBody), JSON.parse(body.toString()), '', where);
    }
    for (const [header, recorded] of Object.entries(line.res)) {
      if (header === 'transfer-encoding') continue;
      const value = answer.headers.get(header);
      expect(value, `${where}: ${header}`).not.toBe(null);
      // Any ETag of a part will do: the client sends it back at the end.
      if (header === 'etag' && line.method === 'PUT') this.#map.set(bare(recorded), bare(value));
      if (EXACT.includes(header)) expect(value, `${where}: ${header}`).toBe(this.#mapped(recorded));
    }
    this.compared += 1;
  }

  /** What is not recorded as text is a part of the model. */
  #body(recorded: Body): string | Buffer<ArrayBuffer> {
    if (typeof recorded === 'string') return this.#mapped(recorded);
    const part = this.#model.subarray(...(recorded?.bytes === PART_BYTES ? [0, PART_BYTES] : [PART_BYTES]));
    expect(createHash('sha256').update(part).digest('hex')).toBe(recorded?.sha256);
    return part as Buffer<ArrayBuffer>;
  }

  /** Walks both answers side by side: the keys must be there; values that differ per run are remembered. */
  #learn(recorded: unknown, actual: unknown, key: string, where: string): void {
    if (Array.isArray(recorded)) {
      expect(actual, `${where}: ${key}`).toHaveLength(recorded.length);
      for (const [index, item] of recorded.entries()) this.#learn(item, (actual as unknown[])[index], key, where);
    } else if (recorded !== null && typeof recorded === 'object') {
      if (key === 'upload') {
        this.#learnLinks(recorded as Offer, actual as Offer, where);
        return;
      }
      expect(Object.keys(actual as object), `${where}: ${key}`).toEqual(expect.arrayContaining(Object.keys(recorded)));
      for (const [name, value] of Object.entries(recorded)) {
        this.#learn(value, (actual as Record<string, unknown>)[name], name, where);
      }
    } else if (typeof recorded === 'string' && typeof actual === 'string') {
      const varies =
        ['commitOid', 'sha', 'targetCommit', '_id'].includes(key) || (key === 'id' && recorded.length >= 24);
      if (varies && recorded.length === actual.length) this.#map.set(recorded, actual);
      // git's own ids do not depend on the run
      if (['oid', 'blobId'].includes(key)) expect(actual, `${where}: ${key}`).toBe(recorded);
      if (['path', 'rfilename', 'uploadMode'].includes(key)) expect(actual, `${where}: ${key}`).toBe(recorded);
    }
  }

  /** Signed links differ per run; a later request line is one of them without its origin. */
  #learnLinks(recorded: Offer, actual: Offer, where: string): void {
    expect(Object.keys(actual.header ?? {}), where).toEqual(Object.keys(recorded.header ?? {}));
    const { chunk_size: recordedSize, ...recordedParts } = recorded.header ?? {};
    const { chunk_size: actualSize, ...actualParts } = actual.header ?? {};
    expect(actualSize, where).toBe(recordedSize);
    this.#map.set(pathOf(recorded.href), pathOf(actual.href));
    for (const [part, href] of Object.entries(recordedParts)) {
      this.#map.set(pathOf(href), pathOf(actualParts[part] ?? ''));
    }
  }
}

interface Offer {
  href: string;
  header?: Record<string, string>;
}

function pathOf(href: string): string {
  return href.replace(/^http:\/\/[^/]*/, '');
}

function bare(etag: string | null): string {
  return (etag ?? '').replaceAll('"', '');
}
