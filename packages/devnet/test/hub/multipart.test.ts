import { createHash, randomBytes } from 'node:crypto';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { createRepo, downloadFile, uploadFiles } from '@huggingface/hub';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HubFixture, openHub } from './local-hub.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const PART = 10_000;

interface Offer {
  href: string;
  header: Record<string, string>;
}

/** Objects sent in parts, as huggingface.co offers them for large files. */
describe('uploads in parts', () => {
  let f: HubFixture;
  beforeEach(async () => {
    f = await openHub({ limits: { multipartBytes: 20_000, partBytes: PART } });
    await createRepo({ repo: 'alice/m', visibility: 'public', ...auth() });
  });
  afterEach(() => f.stop());
  const auth = () => ({ hubUrl: f.hub.endpoint, accessToken: f.alice });

  async function batch(bytes: Uint8Array, transfers = ['basic', 'multipart']): Promise<[string, Offer | undefined]> {
    const answer = await f.send('/alice/m.git/info/lfs/objects/batch', {
      method: 'POST',
      token: f.alice,
      body: JSON.stringify({ operation: 'upload', transfers, objects: [{ oid: sha256(bytes), size: bytes.length }] }),
    });
    expect(answer.status).toBe(200);
    const json = (await answer.json()) as { transfer: string; objects: { actions?: { upload: Offer } }[] };
    return [json.transfer, json.objects[0]?.actions?.upload];
  }
  const offer = async (bytes: Uint8Array) => (await batch(bytes))[1] as Offer;
  const link = (o: Offer, part: number) => {
    const url = new URL(o.header[String(part).padStart(5, '0')] ?? '');
    return `${f.hub.endpoint}${url.pathname}${url.search}`;
  };
  const pieceOf = (bytes: Buffer, part: number) => bytes.subarray((part - 1) * PART, part * PART);
  async function put(o: Offer, part: number, piece: Uint8Array): Promise<[number, string]> {
    const answer = await fetch(link(o, part), { method: 'PUT', body: piece as Uint8Array<ArrayBuffer> });
    return [answer.status, answer.headers.get('etag') ?? ''];
  }
  async function putAll(o: Offer, bytes: Buffer): Promise<{ partNumber: number; etag: string }[]> {
    const parts: { partNumber: number; etag: string }[] = [];
    for (let part = 1; (part - 1) * PART < bytes.length; part++) {
      const [status, etag] = await put(o, part, pieceOf(bytes, part));
      expect(status).toBe(200);
      parts.push({ partNumber: part, etag });
    }
    return parts;
  }
  async function complete(o: Offer, oid: string, parts: unknown): Promise<number> {
    const url = new URL(o.href);
    const body = JSON.stringify({ oid, parts });
    return (await fetch(`${f.hub.endpoint}${url.pathname}${url.search}`, { method: 'POST', body })).status;
  }
  const uploads = () => readdir(join(f.dataDir, 'uploads'));

  it('serves the unmodified JavaScript client, files that fill their last part and files that do not', async () => {
    const files = new Map([20_000, 20_001, 55_555, 60_000].map((size) => [`f${size}.bin`, randomBytes(size)]));
    await uploadFiles({
      repo: 'alice/m',
      files: [...files].map(([path, bytes]) => ({ path, content: new Blob([bytes]) })),
      useXet: false,
      ...auth(),
    });
    for (const [path, bytes] of files) {
      const blob = await downloadFile({ repo: 'alice/m', path, ...auth() });
      expect(Buffer.from((await blob?.arrayBuffer()) ?? new ArrayBuffer(0)).equals(bytes), path).toBe(true);
    }
    expect(await uploads()).toEqual([]);
    expect(await readdir(join(f.dataDir, 'tmp'))).toEqual([]);
  });

  it('offers parts as the hub does, above the limit and to clients that ask for them only', async () => {
    const bytes = randomBytes(25_000);
    const [transfer, o] = await batch(bytes);
    expect(transfer).toBe('multipart');
    expect(o?.header['chunk_size']).toBe('10000');
    expect(Object.keys(o?.header ?? {}).sort()).toEqual(['00001', '00002', '00003', 'chunk_size']);
    expect(await batch(bytes, ['basic'])).toMatchObject(['basic', { href: /^http/ }]);
    expect((await batch(randomBytes(20_000)))[0]).toBe('basic');
  });

  it('goes on where it stopped, over a restart and a new offer', async () => {
    const bytes = randomBytes(25_000);
    const first = await offer(bytes);
    const etags = [await put(first, 1, pieceOf(bytes, 1)), await put(first, 3, pieceOf(bytes, 3))].map(
      ([, tag]) => tag,
    );
    await f.restart();
    const second = await offer(bytes);
    const seen = await Promise.all([1, 2, 3].map((part) => fetch(link(second, part), { method: 'HEAD' })));
    expect(seen.map(({ status }) => status)).toEqual([200, 404, 200]);
    expect([seen[0]?.headers.get('etag'), seen[2]?.headers.get('etag')]).toEqual(etags);
    const [, etag] = await put(second, 2, pieceOf(bytes, 2));
    const parts = [etags[0], etag, etags[1]].map((tag, index) => ({ partNumber: index + 1, etag: tag }));
    expect(await complete(second, sha256(bytes), parts)).toBe(200);
    expect((await batch(bytes))[1]).toBeUndefined();
  });

  it('refuses parts and completions that do not fit, and takes the right ones after them', async () => {
    const bytes = randomBytes(25_000);
    const o = await offer(bytes);
    for (const piece of [bytes.subarray(0, PART + 1), bytes.subarray(0, PART - 1), new Uint8Array()]) {
      expect((await put(o, 1, piece))[0]).toBe(400);
    }
    expect((await put(o, 3, pieceOf(bytes, 1)))[0]).toBe(400);
    const parts = await putAll(o, bytes);
    const [one, two, three] = parts;
    const oid = sha256(bytes);
    for (const wrong of [
      [one, two],
      [one, two, two],
      [one, three, two].map((part, index) => ({ ...part, partNumber: index + 1 })),
      [one, two, three, { partNumber: 4, etag: 'x' }],
      [one, two, { ...three, etag: '"0"' }],
      [{ ...one, partNumber: 0 }, two, three],
      [],
      'x',
    ]) {
      expect(await complete(o, oid, wrong), JSON.stringify(wrong)).toBe(400);
    }
    expect(await complete(o, sha256(randomBytes(3)), parts)).toBe(400);
    expect((await batch(bytes))[1]).toBeDefined();
    // In any order of the list, also twice and at the same time.
    const codes = await Promise.all([complete(o, oid, [...parts].reverse()), complete(o, oid, parts)]);
    expect(codes).toEqual([200, 200]);
    expect(await complete(o, oid, parts)).toBe(200);
    expect(await uploads()).toEqual([]);
  });

  it('refuses a whole that is another object, and forgets its parts', async () => {
    const bytes = randomBytes(25_000);
    const o = await offer(bytes);
    await putAll(o, bytes);
    const [status, etag] = await put(o, 2, randomBytes(PART));
    expect(status).toBe(200);
    const parts = [1, 2, 3].map((part) => ({
      partNumber: part,
      etag: part === 2 ? etag : `"${sha256(pieceOf(bytes, part))}"`,
    }));
    expect(await complete(o, sha256(bytes), parts)).toBe(422);
    expect(await uploads()).toEqual([]);
    expect((await batch(bytes))[1]).toBeDefined();
    expect(await complete(o, sha256(bytes), await putAll(o, bytes))).toBe(200);
  });

  it('keeps one of several concurrent uploads of a part', async () => {
    const bytes = randomBytes(25_000);
    const o = await offer(bytes);
    const all = await Promise.all(Array.from({ length: 8 }, () => put(o, 1, pieceOf(bytes, 1))));
    expect(all.map(([status]) => status)).toEqual(Array(8).fill(200));
    expect(await complete(o, sha256(bytes), await putAll(o, bytes))).toBe(200);
  });

  it('accepts part links only as they were signed', async () => {
    const bytes = randomBytes(25_000);
    const o = await offer(bytes);
    const first = link(o, 1);
    const send = async (url: string, method: string) => (await fetch(url, { method, body: pieceOf(bytes, 1) })).status;
    for (const url of [
      first.replace('part=1', 'part=2'),
      first.replace('part=1', 'part=-1'),
      first.replace('chunk=10000', 'chunk=20000'),
      first.replace('do=PART', 'do=DONE'),
      first.replace('do=PART', 'do=PUT'),
      first.replace(/by=\w+/, 'by=0000000000000000'),
      o.href.replace('do=DONE', 'do=PUT'),
    ]) {
      expect(await send(url, 'PUT'), url.replace(/sig=.*/, '')).toBe(403);
    }
    // A right for one thing is not one for another.
    expect(await send(first, 'POST')).toBe(403);
    expect(await send(o.href, 'PUT')).toBe(403);
    const whole = (await batch(bytes, ['basic']))[1] as Offer;
    expect((await fetch(whole.href, { method: 'POST', body: '{}' })).status).toBe(403);
    await f.hub.revokeToken(f.alice);
    expect(await send(first, 'PUT')).toBe(401);
    expect(await complete(o, sha256(bytes), [])).toBe(401);
  });

  it('drops an upload that nobody goes on with', async () => {
    const [old, fresh] = [randomBytes(25_000), randomBytes(25_000)];
    await put(await offer(old), 1, pieceOf(old, 1));
    await put(await offer(fresh), 1, pieceOf(fresh, 1));
    const oldFolder = (await uploads()).find((name) => name.includes(sha256(old))) ?? '';
    const before = new Date(Date.now() - 25 * 3_600_000);
    await utimes(join(f.dataDir, 'uploads', oldFolder), before, before);
    await f.restart();
    const left = await uploads();
    expect(left).toHaveLength(1);
    expect(left[0]).toContain(sha256(fresh));
  });
});
