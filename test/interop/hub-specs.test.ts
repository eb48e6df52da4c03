import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepo } from '@huggingface/hub';
import { startHub } from '@tuning/devnet';
import { expect, it } from 'vitest';
import { runSpecs, type SpecResult } from './hub-specs/run-specs.ts';

/** Spec files of @huggingface/hub that talk to a hub of one's own choice. README.md says why the others do not. */
const SPECS = [
  'check-repo-access',
  'commit',
  'create-branch',
  'create-repo',
  'delete-branch',
  'delete-file',
  'delete-files',
  'download-file',
  'upload-file',
  'upload-files',
  'upload-files.fs',
  'upload-files-with-progress',
  'who-am-i',
].map((name) => `${name}.spec.ts`);

/** Tests in them that no other hub can pass, and why. */
const CANNOT = new Map([
  [
    'commit.spec.ts: commit should commit a full repo from HF with web urls',
    'wants the sha256 of a file of huggingface.co',
  ],
  ['commit.spec.ts: commit should be able to create a PR and then commit to it', 'the local hub has no pull requests'],
  ['download-file.spec.ts: downloadFile should download regular file', 'wants the text of a README of huggingface.co'],
  ['download-file.spec.ts: downloadFile should downoad xet file', 'wants a file of huggingface.co, by Xet'],
  ['who-am-i.spec.ts: whoAmI should fetch identity info', "wants the id, mail and picture of that hub's own test user"],
]);

/** Refused by the client itself, so it passes without any hub. */
const NEEDS_NO_HUB =
  'create-repo.spec.ts: createRepo should throw a client error when trying to create a repo without a fully-qualified name';

const applicable = (results: readonly SpecResult[]) => results.filter(({ name }) => !CANNOT.has(name));

it('passes the specs of @huggingface/hub that apply', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'interop-specs-'));
  const hub = await startHub({ dataDir: join(folder, 'hub') });
  try {
    const accessToken = await hub.createToken({ namespace: 'openai-community', role: 'write' });
    // One of the specs looks whether this one is there.
    await createRepo({ repo: 'openai-community/gpt2', visibility: 'public', hubUrl: hub.endpoint, accessToken });
    const token = await hub.createToken({ namespace: 'hub.js', role: 'write', displayName: 'ci-hub.js' });
    const results = await runSpecs(SPECS, hub.endpoint, token);
    for (const { name, passed } of results) {
      console.info(
        `${passed ? 'passed' : CANNOT.has(name) ? `not applicable (${CANNOT.get(name)})` : 'FAILED'}: ${name}`,
      );
    }
    expect(applicable(results).filter(({ passed }) => !passed)).toEqual([]);
    expect(applicable(results).length).toBeGreaterThanOrEqual(20);
    // A name that is no longer there would hide that a spec has come to apply.
    const names = results.map(({ name }) => name);
    expect([...CANNOT.keys()].filter((name) => !names.includes(name))).toEqual([]);
  } finally {
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

it('fails all of them where there is no hub', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'interop-specs-'));
  const hub = await startHub({ dataDir: join(folder, 'hub') });
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
  const results = await runSpecs(SPECS, hub.endpoint, 'hf_nobody');
  expect(applicable(results).length).toBeGreaterThanOrEqual(20);
  expect(
    applicable(results)
      .filter(({ passed }) => passed)
      .map(({ name }) => name),
  ).toEqual([NEEDS_NO_HUB]);
});
