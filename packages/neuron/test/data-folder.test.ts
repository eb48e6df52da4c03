import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bindDataFolder, openDataFolder } from '../src/data-folder.ts';

it('belongs to one chain, subnet and hotkey', async () => {
  const folder = await openDataFolder(join(mkdtempSync(join(tmpdir(), 'data-')), 'd'));
  const owner = { genesisHash: '0x1', netuid: 2, hotkey: 'H' };
  await bindDataFolder(folder, owner);
  await bindDataFolder(folder, owner);
  await expect(bindDataFolder(folder, { ...owner, genesisHash: '0x2' })).rejects.toMatchObject({
    code: 'DATA_DIR_OTHER_CHAIN',
  });
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  await folder.release();
});
