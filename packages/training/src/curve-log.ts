import { open } from 'node:fs/promises';
import { errorCode } from '@tuning/kit';
import { type CurvePoint, curvePointSchema, LIMITS } from '@tuning/protocol';

const READ_BYTES = 64 * 1024;
/** A point has some 150 bytes; a longer line is none. */
const MAX_LINE_BYTES = 4 * 1024;
/** Of a longer log only the beginning is read: LIMITS.curvePoints points take about 3 MB. */
const MAX_LOG_BYTES = 64 * 1024 ** 2;

function parsePoint(line: string): CurvePoint | undefined {
  try {
    const parsed = curvePointSchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the points of a growing `log.jsonl`. Lines that are no point, as a crash leaves them, are skipped and counted. */
export class CurveLogReader {
  readonly #file: string;
  #offset = 0;
  #rest = '';
  /** Lines that were no point. */
  skipped = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Delivers the points that were added since the last call; nothing where the file does not exist yet. */
  async read(onPoint: (point: CurvePoint) => void): Promise<void> {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(this.#file, 'r');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    try {
      if ((await file.stat()).size < this.#offset) {
        // Written anew by a trainer that started over.
        this.#offset = 0;
        this.#rest = '';
      }
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      while (this.#offset < MAX_LOG_BYTES) {
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES, this.#offset);
        if (bytesRead === 0) return;
        this.#offset += bytesRead;
        // latin1 keeps one character per byte, whatever the chunk's end cuts through; a point is plain ASCII.
        this.#take(buffer.toString('latin1', 0, bytesRead), onPoint);
      }
    } finally {
      await file.close();
    }
  }

  #take(text: string, onPoint: (point: CurvePoint) => void): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    // Anything longer is dropped when its newline comes; until then only its length matters.
    if (this.#rest.length > MAX_LINE_BYTES) this.#rest = this.#rest.slice(0, MAX_LINE_BYTES + 1);
    for (const line of lines) {
      if (line.trim() === '') continue;
      const point = line.length > MAX_LINE_BYTES ? undefined : parsePoint(line);
      if (point) onPoint(point);
      else this.skipped += 1;
    }
  }
}

/**
 * Gathers points into one curve of at most `limit`. A step that comes again (the trainer went back to its checkpoint)
 * replaces what was reported from there on; a curve that grows too long is thinned to every second point.
 */
export class CurveCollector {
  readonly #limit: number;
  #points: CurvePoint[] = [];
  #last: CurvePoint | undefined;
  #stride = 1;
  #count = 0;

  constructor(limit: number = LIMITS.curvePoints) {
    this.#limit = limit;
  }

  add(point: CurvePoint): void {
    while ((this.#points.at(-1)?.step ?? -1) >= point.step) this.#points.pop();
    if (this.#count++ % this.#stride === 0) this.#points.push(point);
    this.#last = point;
    // One place is kept for the last point.
    if (this.#points.length >= this.#limit) {
      this.#points = this.#points.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
    }
  }

  /** The curve in step order; its last point is always the last that was reported. */
  points(): CurvePoint[] {
    const last = this.#last;
    return last && this.#points.at(-1) !== last ? [...this.#points, last] : [...this.#points];
  }
}

/** The curve in a `log.jsonl`, bounded by LIMITS.curvePoints; empty where there is no such file. */
export async function readCurve(file: string): Promise<CurvePoint[]> {
  const collector = new CurveCollector();
  await new CurveLogReader(file).read((point) => collector.add(point));
  return collector.points();
}
