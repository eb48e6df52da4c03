import { type FileMetaData, parquetSchema, type SchemaTree } from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { getTreePath } from 'hyparquet/src/schema.js';
import { ColumnPages, type ReadRange } from './column-pages.ts';
import { rangeOf } from './footer.ts';
import type { ColumnDecoder } from './page.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });
const PARSERS = {
  ...DEFAULT_PARSERS,
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes),
};

/** One column of the rows: a leaf, or a struct, list or map with its leaves. */
interface TopColumn {
  tree: SchemaTree;
  pages: ColumnPages[];
}

/** Some rows of a row group, column by column. */
export interface Batch {
  count: number;
  columns: { name: string; values: ArrayLike<unknown> }[];
}

/** The rows of a row group in batches of as many as the pages at hand give. */
export class RowGroup {
  readonly #columns: TopColumn[];
  readonly #rows: number;
  #given = 0;

  constructor(metadata: FileMetaData, group: FileMetaData['row_groups'][number], read: ReadRange) {
    const tree = parquetSchema(metadata);
    this.#rows = Number(group.num_rows);
    this.#columns = tree.children.map((child) => ({ tree: child, pages: [] }));
    for (const { meta_data: meta } of group.columns) {
      const schemaPath = getTreePath(tree, meta!.path_in_schema);
      const { element } = schemaPath.at(-1)!;
      const column = {
        ...meta!,
        pathInSchema: meta!.path_in_schema,
        element,
        schemaPath,
        parsers: PARSERS,
      } as ColumnDecoder;
      const top = this.#columns.find(({ tree: { element: own } }) => own.name === meta!.path_in_schema[0])!;
      top.pages.push(new ColumnPages(column, read, rangeOf(meta!)));
    }
  }

  /** Unpacked bytes of all pages so far. */
  get unpacked(): number {
    return this.#columns.reduce((sum, { pages }) => sum + pages.reduce((all, page) => all + page.unpacked, 0), 0);
  }

  /** Undefined behind the last row. @throws Error with the column, and what is wrong with it. */
  async next(): Promise<Batch | undefined> {
    if (this.#given === this.#rows) return this.#finish();
    let count = this.#rows - this.#given;
    for (const { tree, pages } of this.#columns) {
      for (const each of pages) {
        await named(tree, () => each.fill());
        if (each.ready <= 0) {
          throw new Error(
            `column "${tree.element.name}" ends before row ${this.#given + 1} of ${this.#rows} of its group`,
          );
        }
        count = Math.min(count, each.ready);
      }
    }
    const columns: Batch['columns'] = [];
    for (const { tree, pages } of this.#columns) {
      const values = await named(tree, async () => assembled(tree, pages, count));
      columns.push({ name: tree.element.name, values });
    }
    this.#given += count;
    return { count, columns };
  }

  async #finish(): Promise<undefined> {
    for (const { tree, pages } of this.#columns) {
      for (const each of pages) {
        await named(tree, () => each.fill());
        if (each.ready > 0) throw new Error(`column "${tree.element.name}" has more rows than its group`);
      }
    }
  }
}

function assembled(tree: SchemaTree, pages: readonly ColumnPages[], count: number): ArrayLike<unknown> {
  if (tree.children.length === 0) return pages[0]!.take(count);
  const parts = new Map(pages.map((each) => [each.column.pathInSchema.join('.'), each.take(count)]));
  assembleNested(parts, tree, PARSERS);
  const values = parts.get(tree.path.join('.'));
  if (values?.length !== count) throw new Error('its parts do not fit together');
  return values;
}

async function named<T>(tree: SchemaTree, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const what = error instanceof Error ? error.message.slice(0, 200) : String(error);
    throw new Error(`column "${tree.element.name.slice(0, 100)}": ${what}`, { cause: error });
  }
}
