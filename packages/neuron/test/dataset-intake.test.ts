import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ReadOptions } from '@tuning/dataset';
import type { Hub } from '@tuning/hub';
import { describe, expect, it } from 'vitest';
import { type LocalFiles, localFilesOf, takeInDataset } from '../src/dataset-intake.ts';

const folder = mkdtempSync(join(tmpdir(), 'intake-'));
const allowed = join(folder, 'allowed');
mkdirSync(allowed);
const csv = 'instruction,input,output\na,b,c\nd,e,f\n';
writeFileSync(join(allowed, 'rows.csv'), csv);
writeFileSync(join(folder, 'outside.csv'), csv);
symlinkSync(join(folder, 'outside.csv'), join(allowed, 'link.csv'));
/** No order here reaches the hub. */
const fakeHub = {} as Hub;
let count = 0;
const take = (dataset: string, files: LocalFiles, options: ReadOptions = {}) => {
  const request = { dataset, file_format: 'csv' as const, dataset_type: 'alpaca' as const };
  const place = { folder: join(folder, `out-${count}`), rowsFile: join(folder, `rows-${count++}.jsonl`) };
  return takeInDataset(request, fakeHub, place, files, options);
};
const wallet = { name: 'w', hotkey: 'h', path: '/wallets' };

describe('local files of an order', () => {
  it('are any on loopback, none elsewhere, those of the folder where one is set', () => {
    const never = ['/wallets', '/data'];
    expect(localFilesOf({ wallet, http: { host: '127.0.0.1', port: 1 } }, '/data')).toEqual({ from: undefined, never });
    expect(localFilesOf({ wallet, http: { host: '0.0.0.0', port: 1 } }, '/data')).toEqual({ from: [], never });
    const set = { wallet, http: { host: '0.0.0.0', port: 1, files_dir: '/files' } };
    expect(localFilesOf(set, '/data')).toEqual({ from: ['/files'], never });
  });

  it('are read and copied', async () => {
    const taken = await take(join(folder, 'outside.csv'), { from: undefined, never: [] });
    expect(taken.rows).toBe(2);
    expect(taken.source).toEqual({ kind: 'file', path: join(folder, 'outside.csv') });
  });

  it('become a file of canonical rows, packed and parted by tabs or not', async () => {
    const tabs = join(folder, 'my.rows.tsv.gz');
    writeFileSync(tabs, gzipSync('instruction\tinput\toutput\na,1\tb\tc\n'));
    const taken = await take(tabs, { from: undefined, never: [] });
    const lines = readFileSync(join(folder, `rows-${count - 1}.jsonl`));
    expect(lines.toString()).toBe('{"input":"b","instruction":"a,1","output":"c"}\n');
    expect(taken.digest).toBe(createHash('sha256').update(lines).digest('hex'));
  });

  it('are bounded as the operator says, and leave no rows where they are refused', async () => {
    const files: LocalFiles = { from: undefined, never: [] };
    const path = join(folder, 'outside.csv');
    const tooLarge = { code: 'DATASET_TOO_LARGE' };
    await expect(take(path, files, { limits: { maxRows: 1 } })).rejects.toMatchObject(tooLarge);
    await expect(take(path, files, { limits: { maxBytes: 10 } })).rejects.toMatchObject(tooLarge);
    writeFileSync(join(folder, 'other.csv'), 'a,b\n1,2\n');
    await expect(take(join(folder, 'other.csv'), files)).rejects.toMatchObject({ code: 'DATASET_MISSING_COLUMN' });
    for (const at of [1, 2, 3]) expect(existsSync(join(folder, `rows-${count - at}.jsonl`))).toBe(false);
  });

  it('are refused outside the folder, by path and by link', async () => {
    const files: LocalFiles = { from: [allowed], never: [] };
    expect((await take('rows.csv', files)).rows).toBe(2);
    for (const dataset of ['../outside.csv', join(folder, 'outside.csv'), 'link.csv', '/etc/passwd']) {
      await expect(take(dataset, files)).rejects.toMatchObject({ code: 'LOCAL_FILES_REFUSED' });
    }
    const none: LocalFiles = { from: [], never: [] };
    await expect(take(join(allowed, 'rows.csv'), none)).rejects.toMatchObject({ code: 'LOCAL_FILES_REFUSED' });
  });

  it('never come from wallets or the daemon’s own folder', async () => {
    const files: LocalFiles = { from: undefined, never: [allowed] };
    await expect(take(join(allowed, 'rows.csv'), files)).rejects.toMatchObject({ code: 'LOCAL_FILES_REFUSED' });
    expect((await take(join(folder, 'outside.csv'), files)).rows).toBe(2);
  });
});
