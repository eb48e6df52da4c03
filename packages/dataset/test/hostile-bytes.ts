import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { DataFormat } from '../src/index.ts';
import { zstdFrame } from './zstd-bytes.ts';

export interface Sample {
  name: string;
  format: DataFormat;
  bytes: Buffer;
}

const ROWS = Array.from({ length: 60 }, (_, i) => ({
  instruction: `Add ${i} and "ä", €${i}`,
  input: i % 7 === 0 ? '' : `line\n${i}`,
  output: 'yes '.repeat(i % 9),
}));

function csv(separator: string): string {
  const cells = (values: string[]) => values.map((value) => `"${value.replaceAll('"', '""')}"`).join(separator);
  return [Object.keys(ROWS[0]!), ...ROWS.map((row) => Object.values(row))]
    .map((values) => `${cells(values)}\r\n`)
    .join('');
}

function parquet(options: { codec?: 'GZIP' | 'UNCOMPRESSED' | 'SNAPPY' } = {}): Buffer {
  const columns = (['instruction', 'input', 'output'] as const).map((name) => ({
    name,
    data: ROWS.map((row) => row[name]),
    type: 'STRING' as const,
  }));
  const nested = {
    name: 'messages',
    data: ROWS.map(({ output }) => [output, 'b']),
    type: 'JSON' as const,
  };
  return Buffer.from(
    parquetWriteBuffer({
      columnData: [...columns, nested],
      rowGroupSize: 25,
      compressors: { GZIP: (bytes) => gzipSync(bytes) },
      ...options,
    }),
  );
}

/** One sound file of each format, each way of packing. */
export function samples(): Sample[] {
  const texts: [string, DataFormat, Buffer][] = [
    ['rows.csv', 'csv', Buffer.from(csv(','))],
    ['rows.tsv', 'csv', Buffer.from(csv('\t'))],
    ['rows.json', 'json', Buffer.from(JSON.stringify(ROWS, null, 1))],
    ['rows.jsonl', 'json', Buffer.from(ROWS.map((row) => `${JSON.stringify(row)}\n`).join(''))],
    ['snappy.parquet', 'parquet', parquet()],
  ];
  return [
    ...texts.map(([name, format, bytes]) => ({ name, format, bytes })),
    ...texts.map(([name, format, bytes]) => ({ name: `${name}.gz`, format, bytes: gzipSync(bytes) })),
    ...texts.map(([name, format, bytes]) => ({ name: `${name}.zst`, format, bytes: zstdFrame(bytes) })),
    { name: 'plain.parquet', format: 'parquet', bytes: parquet({ codec: 'UNCOMPRESSED' }) },
    { name: 'gzip.parquet', format: 'parquet', bytes: parquet({ codec: 'GZIP' }) },
    { name: 'pyarrow-v2.parquet', format: 'parquet', bytes: Buffer.from(PYARROW_V2, 'base64') },
  ];
}

/**
 * pyarrow 26: 12 rows with nulls, a list of structs and a boolean; version 2 pages, ZSTD. Kept as bytes, since the writer
 * used here writes no such pages.
 */
const PYARROW_V2 =
  'UEFSMRUEFZABFVRMFQwVABIAACi1L/0gSA0BAKAIAAAAc2F5IDAgw6QxMjQ1NiDDpAUAwAgwBwwDRpwoSRUGFQ4VDlwVDhUCFQ4VEBUEFQASHAAAAAN3AwOIxgIVBBUqFTxMFQQVABIAACi1L/0gFakAAAQAAAB1c2VyCQAAAGFzc2lzdGFudBUGFRIVElwVEBUIFQ4VEBUIFQQSHAAAAAMIAyEZIgEDBBUEFTAVQkwVCBUAEgAAKLUv/SAYwQAAAgAAAHExAgAAAHEyAgAAAGEyAgAAAHE0FQYVFBUUXBUQFQgVDhUQFQgVBBIcAAAAAwgDIRkiAgPkABUGFRAVEFwVDhUAFQ4VBhUEFQASHAAAAA4BAgAAAANVFQQVcBVcTBUOFQASAAAotS/9IDgtAQDIAADoAwDQBwC4CwCgDwCIEwBwFwAAAAAAAAYQADJutCHjjgELFQYVDhUOXBUOFQAVDhUQFQQVABIcAAAADgEDA4jGGhUEFXwVWkwVChUAEgAAKLUv/SA+JQEAwAgAAABzYXkgNyDDpDg5IMOkCTEwMSDDpAQAMDkGWYFhJwodFQYVDhUOXBUKFQAVChUQFQQVABIcAAAACgEDA4hGABUEFSoVPEwVBBUAEgAAKLUv/SAVqQAABAAAAHVzZXIJAAAAYXNzaXN0YW50FQYVEhUSXBUOFQIVChUQFQgVBBIcAAAAA0QDJEMSAQMkFQQVQhVUTBUKFQASAAAotS/9ICEJAQACAAAAcTcCAAAAcTgDAAAAcTEwAwAAAHExMQMAAABhMTEVBhUWFRZcFQ4VBBUKFRAVCBUEEhwAAAADRAPkQhIDA4hGABUGFRAVEFwVChUAFQoVBhUEFQASHAAAAAoBAgAAAAMKFQQVUBVITBUKFQASAAAotS/9ICjdAACgWBsAQB8AKCMAECcA+CoAAAAAAAAEVAMAAgEVBhUOFQ5cFQoVABUKFRAVBBUAEhwAAAAKAQMDiEYAFQQZnDUAGAZzY2hlbWEVCAAVDCUCGAtpbnN0cnVjdGlvbiUATBwAAAA1AhgIbWVzc2FnZXMVAhUGTDwAAAA1BBgEbGlzdBUCADUCGAdlbGVtZW50FQQAFQwlAhgEcm9sZSUATBwAAAAVDCUCGAdjb250ZW50JQBMHAAAABUAJQIYBGZsYWcAFQQlAhgBbgAWGBksGVwmABwVDBk1AAYQGRgLaW5zdHJ1Y3Rpb24VDBYOFuwBFrABJnomCCksFQQVABUCABUAFRAVAgA8FmAZBhkmAgwAAAAmABwVDBk1AAYQGUgIbWVzc2FnZXMEbGlzdAdlbGVtZW50BHJvbGUVDBYQFogBFpoBJpACJrgBKSwVBBUAFQIAFQAVEBUCADwWKhkmDgIZVgIGAAAIAAAAJgAcFQwZNQAGEBlICG1lc3NhZ2VzBGxpc3QHZWxlbWVudAdjb250ZW50FQwWEBaQARaiASawAybSAiksFQQVABUCABUAFRAVAgA8FhAZJg4CGVYCBgAACAAAACYAHBUAGRUGGRgEZmxhZxUMFg4WQBZAJvQDSRwVABUGFQIAPCkGGSYADgAAACYAHBUEGTUABhAZGAFuFQwWDhbKARa2ASasBSa0BCksFQQVABUCABUAFRAVAgA8KQYZJgAOAAAAFo4GFg4mCBbiBQAZXCYAHBUMGTUABhAZGAtpbnN0cnVjdGlvbhUMFgoW1gEWtAEm4AYm6gUpLBUEFQAVAgAVABUQFQIAPBZUGQYZJgAKAAAAJgAcFQwZNQAGEBlICG1lc3NhZ2VzBGxpc3QHZWxlbWVudARyb2xlFQwWDhaIARaaASb2ByaeByksFQQVABUCABUAFRAVAgA8FkQZJgoEGVYAAgAADAAAACYAHBUMGTUABhAZSAhtZXNzYWdlcwRsaXN0B2VsZW1lbnQHY29udGVudBUMFg4WpAEWtgEmqAkmuAgpLBUEFQAVAgAVABUQFQIAPBYaGSYKBBlWAAIAAgoAAAAmABwVABkVBhkYBGZsYWcVDBYKFkAWQCbuCUkcFQAVBhUCADwpBhkmAAoAAAAmABwVBBk1AAYQGRgBbhUMFgoWqgEWogEmkgsmrgopLBUEFQAVAgAVABUQFQIAPCkGGSYACgAAABbsBRYKJuoFFuYFACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZXBwAABwAABwAABwAABwAAACYAwAAUEFSMQ==';
