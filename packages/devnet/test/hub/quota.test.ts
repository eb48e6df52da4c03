import { createHash, randomBytes } from 'node:crypto';
import { createRepo, deleteRepo, uploadFiles } from '@huggingface/hub';
import { afterEach, describe, expect, it } from 'vitest';
import { type HubFixture, openHub } from './local-hub.ts';

/** Plain bytes of a new repo: its .gitattributes. */
const FIRST_COMMIT = 96;

describe('limit of what a namespace may hold', () => {
  let f: HubFixture;
  afterEach(() => f.stop());
  const auth = (accessToken = f.alice) => ({ hubUrl: f.hub.endpoint, accessToken });
  const upload = (repo: string, path: string, bytes: Buffer, accessToken = f.alice) =>
    uploadFiles({ repo, files: [{ path, content: new Blob([bytes as Buffer<ArrayBuffer>]) }], ...auth(accessToken) });

  it('counts every version of every file of all its repos, and says so', async () => {
    f = await openHub({ limits: { namespaceBytes: 10_000 + 2 * FIRST_COMMIT } });
    await createRepo({ repo: 'alice/a', ...auth() });
    await createRepo({ repo: 'datasets/alice/b', ...auth() });
    await upload('alice/a', 'one.bin', randomBytes(4000));
    await upload('datasets/alice/b', 'two.txt', Buffer.from('x'.repeat(4000)));
    const full = /Storage limit reached: namespace alice holds 8192 of 10192 bytes and 2001 more are asked for/;
    await expect(upload('alice/a', 'big.bin', randomBytes(2001))).rejects.toThrow(full);
    await expect(upload('alice/a', 'big.txt', Buffer.from('y'.repeat(2001)))).rejects.toMatchObject({
      statusCode: 403,
      message: expect.stringMatching(full),
    });
    // Still so after a restart; others are not concerned; what is there already costs nothing.
    await f.restart();
    await expect(upload('alice/a', 'big.bin', randomBytes(2001))).rejects.toMatchObject({ statusCode: 403 });
    await createRepo({ repo: 'bob/c', ...auth(f.bob) });
    await upload('bob/c', 'x.bin', randomBytes(9000), f.bob);
    await upload('alice/a', 'fits.bin', randomBytes(2000));
    await expect(createRepo({ repo: 'alice/more', ...auth() })).rejects.toMatchObject({ statusCode: 403 });
    await deleteRepo({ repo: 'datasets/alice/b', ...auth() });
    await upload('alice/a', 'again.bin', randomBytes(4000));
  });

  it('holds when uploads that fit one by one arrive together', async () => {
    f = await openHub({ limits: { namespaceBytes: 10_000 + FIRST_COMMIT } });
    await createRepo({ repo: 'alice/a', ...auth() });
    const hrefs = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const bytes = randomBytes(3000);
        const oid = createHash('sha256').update(bytes).digest('hex');
        const body = JSON.stringify({ operation: 'upload', objects: [{ oid, size: 3000 }] });
        const answer = await f.send('/alice/a.git/info/lfs/objects/batch', { method: 'POST', token: f.alice, body });
        const json = (await answer.json()) as { objects: { actions: { upload: { href: string } } }[] };
        return [json.objects[0]?.actions.upload.href ?? '', bytes] as const;
      }),
    );
    const codes = await Promise.all(hrefs.map(([href, body]) => fetch(href, { method: 'PUT', body })));
    expect(codes.map(({ status }) => status).sort()).toEqual([200, 200, 200, 403, 403]);
  });

  it('answers 507 before the disk is full', async () => {
    f = await openHub({ limits: { diskReserveBytes: 2 ** 52 } });
    await createRepo({ repo: 'alice/a', ...auth() });
    await expect(upload('alice/a', 'x.bin', randomBytes(10))).rejects.toMatchObject({ statusCode: 507 });
  });
});
