import { createHash } from 'node:crypto';

/** One file of a commit. */
export interface FileEntry {
  /** Git blob id: of the content, or of the LFS pointer. */
  oid: string;
  /** sha256 of the content: its name in the object store. */
  sha256: string;
  size: number;
  lfs: boolean;
  /** Commit that last changed this path. */
  last: string;
}

/** Path -> file. A Map, not an object: a file may be called `__proto__`. */
export type Manifest = Map<string, FileEntry>;

function objectId(type: 'blob' | 'tree' | 'commit', body: Uint8Array): string {
  return createHash('sha1').update(`${type} ${body.length}\0`).update(body).digest('hex');
}

/** Git's id of a file with this content. */
export function blobId(content: Uint8Array): string {
  return objectId('blob', content);
}

/** The text that stands in git for an LFS object (git-lfs spec v1). */
export function lfsPointer(sha256: string, size: number): Buffer {
  return Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`);
}

interface Folder {
  folders: Map<string, Folder>;
  files: Map<string, string>;
}

/** Git's tree ids of the root (key '') and of every folder. */
export function treeIds(manifest: Manifest): Map<string, string> {
  const root: Folder = { folders: new Map(), files: new Map() };
  for (const [path, entry] of manifest) {
    const segments = path.split('/');
    const name = segments.pop() as string;
    let folder = root;
    for (const segment of segments) {
      let next = folder.folders.get(segment);
      if (!next) {
        next = { folders: new Map(), files: new Map() };
        folder.folders.set(segment, next);
      }
      folder = next;
    }
    folder.files.set(name, entry.oid);
  }
  const ids = new Map<string, string>();
  idOfFolder(root, '', ids);
  return ids;
}

function idOfFolder(folder: Folder, path: string, ids: Map<string, string>): string {
  const entries: { sortKey: Buffer; head: string; oid: string }[] = [];
  for (const [name, oid] of folder.files) entries.push({ sortKey: Buffer.from(name), head: `100644 ${name}\0`, oid });
  for (const [name, child] of folder.folders) {
    const oid = idOfFolder(child, path === '' ? name : `${path}/${name}`, ids);
    // Git sorts a folder as if its name ended in a slash.
    entries.push({ sortKey: Buffer.from(`${name}/`), head: `40000 ${name}\0`, oid });
  }
  entries.sort((a, b) => Buffer.compare(a.sortKey, b.sortKey));
  const id = objectId(
    'tree',
    Buffer.concat(entries.flatMap(({ head, oid }) => [Buffer.from(head), Buffer.from(oid, 'hex')])),
  );
  ids.set(path, id);
  return id;
}

/** Git's id of a commit. `date` in ms since 1970; git keeps whole seconds. */
export function commitId(commit: {
  tree: string;
  parent: string | null;
  author: string;
  date: number;
  message: string;
}): string {
  const who = `${commit.author} <${commit.author}@localhub> ${Math.floor(commit.date / 1000)} +0000`;
  const lines = [`tree ${commit.tree}`, ...(commit.parent ? [`parent ${commit.parent}`] : [])];
  lines.push(`author ${who}`, `committer ${who}`, '', commit.message, '');
  return objectId('commit', Buffer.from(lines.join('\n')));
}
