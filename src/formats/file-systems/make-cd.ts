/**
 * A CD from files: ISO 9660 with a second tree for Joliet, whose names are Unicode. The files themselves are parts of the image as they are: nothing of them
 * is read or copied here. The same files give the same bytes.
 * Sources: ECMA-119 (descriptors 8, directory records 9.1, path tables 9.4, order of records 9.3), Microsoft's Joliet Specification of 1995.
 */

export const CD_SECTOR_BYTES = 2048;
/** Records have 32 bits for a file's length, and readers of the time took it for signed. */
const MOST_FILE_BYTES = 2 ** 31 - 1;
/** Numbers of folders in a path table have 16 bits. */
const MOST_FOLDERS = 65535;
/** Files and folders. */
export const MOST_CD_ENTRIES = 100_000;
const MOST_DEPTH = 64;
const SYSTEM_SECTORS = 16;
/** Characters of a Joliet name, as mkisofs -joliet-long has them: the specification says 64, and Linux and Windows read what fits a record. */
const JOLIET_NAME = 103;

/** What is to be on a CD. A folder that files lie in need not be named itself. */
export interface CdEntry {
  /** Names of the folders that it lies in, and its own. */
  path: readonly string[];
  /** Absent: a folder. */
  data?: Blob | Uint8Array;
  /** Milliseconds since 1970; absent: 1980. */
  modifiedMs?: number;
}

/** These files make no CD; a sentence. */
export class CdError extends Error {
  override name = 'CdError';
}

interface Node {
  name: string;
  data?: Blob | Uint8Array;
  modifiedMs: number;
  /** Of a folder, by name. */
  inside?: Map<string, Node>;
  /** Where its data lie. */
  sector: number;
}

/** A tree as one of the two languages has it. */
interface Named {
  id: Uint8Array;
  node: Node;
  inside: Named[];
  parent: Named;
  /** Of a folder: where it lies, and its number in the path table. */
  sector: number;
  bytes: number;
  number: number;
}

interface Language {
  file(name: string, taken: Taken): Uint8Array;
  folder(name: string, taken: Taken): Uint8Array;
}

/** Names of one folder. */
class Taken {
  private readonly names = new Set<string>();
  /** For names that would be the same, by that one: the number to try next. */
  private readonly next = new Map<string, number>();

  /** The first of a name's numbered spellings that no other in the folder has. */
  take(spell: (n: number) => string): string {
    const plain = spell(0).toUpperCase();
    for (let n = this.next.get(plain) ?? 0; ; n++) {
      const name = spell(n);
      const key = name.toUpperCase();
      if (this.names.has(key)) continue;
      this.names.add(key);
      this.next.set(plain, n + 1);
      return name;
    }
  }
}

const EPOCH_1980 = Date.UTC(1980, 0, 1);
const sizeOf = ({ data }: Node): number =>
  data === undefined ? 0 : data instanceof Uint8Array ? data.length : data.size;
const whole = (bytes: number): number => Math.ceil(bytes / CD_SECTOR_BYTES);
const isFolder = (node: Node): boolean => node.inside !== undefined;

/** The tree that paths describe. @throws CdError */
function treeOf(entries: readonly CdEntry[]): Node {
  if (entries.length > MOST_CD_ENTRIES)
    throw new CdError(
      `These are ${entries.length} files and folders, and a CD made here has at most ${MOST_CD_ENTRIES}. Pack them into an archive first.`,
    );
  const root: Node = { name: '', modifiedMs: EPOCH_1980, inside: new Map(), sector: 0 };
  for (const { path, data, modifiedMs = EPOCH_1980 } of entries) {
    const where = path.join('/');
    if (path.length === 0 || path.some(name => name === '' || name === '.' || name === '..' || /[/\0]/.test(name)))
      throw new CdError(
        `‘${where.slice(0, 80).replace(/\0/g, '\\0')}’ is no path of a file on a CD: write names without /, NUL bytes, . and ..`,
      );
    if (path.length > MOST_DEPTH)
      throw new CdError(
        `${where.slice(0, 80)}… lies ${path.length} folders deep, and a CD made here has at most ${MOST_DEPTH}. Pack it into an archive first.`,
      );
    let at = root;
    path.forEach((name, i) => {
      const isLast = i === path.length - 1;
      const known = at.inside!.get(name);
      if (known && (isLast ? data !== undefined || !isFolder(known) : !isFolder(known)))
        throw new CdError(
          `Two of the files would both be ${path.slice(0, i + 1).join('/')} on the CD. Rename one, or put them into folders.`,
        );
      const node: Node = known ?? {
        name,
        modifiedMs,
        sector: 0,
        ...(isLast && data !== undefined ? { data } : { inside: new Map() }),
      };
      at.inside!.set(name, node);
      at.modifiedMs = Math.max(at.modifiedMs, modifiedMs);
      at = node;
    });
    const bytes = sizeOf(at);
    if (bytes > MOST_FILE_BYTES)
      throw new CdError(
        `${where} has ${bytes} bytes, and a file on a CD has less than 2 GiB. Split it (split -b 1G), or give the guest a disk.`,
      );
  }
  return root;
}

/** A name that no other in the folder has: ~1, ~2 … before its extension. */
const unlike = (stem: string, extension: string, taken: Taken, room: number): string =>
  taken.take(n => {
    const tail = n === 0 ? '' : `~${n}`;
    return `${cut(stem, room - extension.length - tail.length)}${tail}${extension}`;
  });

/** At most this many UTF-16 units, without half a pair. */
const cut = (text: string, most: number): string => text.slice(0, Math.max(1, most)).replace(/[\ud800-\udbff]$/, '');

function divide(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? [name.slice(0, dot), name.slice(dot + 1)] : [name, ''];
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, character => character.charCodeAt(0));

/** Level 1: eight letters, digits and underscores, and three. */
const ISO: Language = {
  file: (name, taken) => {
    const [stem, extension] = divide(name);
    return ascii(`${shortName(stem, extension, taken)};1`);
  },
  folder: (name, taken) => ascii(shortName(name.replaceAll('.', '_'), '', taken).replace(/\.$/, '')),
};

function shortName(stem: string, extension: string, taken: Taken): string {
  const clean = (text: string): string =>
    text
      .normalize('NFKD')
      .replace(/[\u0300-\u036f]/g, '')
      .toUpperCase()
      .replace(/[^A-Z0-9_]/g, '_');
  const start = clean(stem).slice(0, 8),
    end = clean(extension).slice(0, 3);
  return taken.take(n => {
    const tail = n === 0 ? '' : `_${n}`;
    return `${start.slice(0, 8 - tail.length) || '_'}${tail}.${end}`;
  });
}

const JOLIET: Language = {
  file: (name, taken) => {
    const [stem, extension] = divide(clean(name));
    return utf16(`${unlike(stem, extension === '' ? '' : `.${cut(extension, 16)}`, taken, JOLIET_NAME)};1`);
  },
  folder: (name, taken) => utf16(unlike(clean(name), '', taken, JOLIET_NAME)),
};

/** Without what Joliet forbids: control characters and * / : ; ? \ . */
const clean = (name: string): string => name.normalize('NFC').replace(/[\u0000-\u001f*/:;?\\]/g, '_');

function utf16(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    bytes[2 * i] = text.charCodeAt(i) >> 8;
    bytes[2 * i + 1] = text.charCodeAt(i) & 0xff;
  }
  return bytes;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** The tree in a language, each folder's records in their order. */
function name(node: Node, language: Language, parent?: Named, id: Uint8Array = Uint8Array.of(0)): Named {
  const named: Named = { id, node, inside: [], parent: undefined as unknown as Named, sector: 0, bytes: 0, number: 0 };
  named.parent = parent ?? named;
  const taken = new Taken();
  for (const child of node.inside?.values() ?? []) {
    named.inside.push(
      isFolder(child)
        ? name(child, language, named, language.folder(child.name, taken))
        : { ...named, parent: named, node: child, inside: [], id: language.file(child.name, taken) },
    );
  }
  named.inside.sort((a, b) => compare(a.id, b.id));
  return named;
}

/** Folders in the order of a path table: by level, then by parent, then by name. */
function foldersOf(root: Named): Named[] {
  const folders = [root];
  for (let i = 0; i < folders.length; i++) folders.push(...folders[i].inside.filter(({ node }) => isFolder(node)));
  folders.forEach((folder, i) => {
    folder.number = i + 1;
  });
  return folders;
}

const recordBytes = (idBytes: number): number => 33 + idBytes + ((idBytes & 1) === 0 ? 1 : 0);

/** What a folder takes: a record lies in one sector. */
function folderBytes({ inside }: Named): number {
  let at = 2 * recordBytes(1);
  for (const { id } of inside) {
    const bytes = recordBytes(id.length);
    if ((at % CD_SECTOR_BYTES) + bytes > CD_SECTOR_BYTES) at = whole(at) * CD_SECTOR_BYTES;
    at += bytes;
  }
  return whole(at) * CD_SECTOR_BYTES;
}

/** Little and big endian behind each other. */
function both32(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value);
}

function both16(view: DataView, at: number, value: number): void {
  view.setUint16(at, value, true);
  view.setUint16(at + 2, value);
}

function writeRecord(
  view: DataView,
  at: number,
  id: Uint8Array,
  { sector, bytes, node }: { sector: number; bytes: number; node: Node },
): number {
  const length = recordBytes(id.length);
  const time = new Date(node.modifiedMs);
  view.setUint8(at, length);
  both32(view, at + 2, sector);
  both32(view, at + 10, bytes);
  const year = Math.min(255, Math.max(0, time.getUTCFullYear() - 1900));
  [
    year,
    time.getUTCMonth() + 1,
    time.getUTCDate(),
    time.getUTCHours(),
    time.getUTCMinutes(),
    time.getUTCSeconds(),
    0,
  ].forEach((value, i) => view.setUint8(at + 18 + i, value));
  view.setUint8(at + 25, isFolder(node) ? 2 : 0);
  both16(view, at + 28, 1);
  view.setUint8(at + 32, id.length);
  new Uint8Array(view.buffer, view.byteOffset + at + 33, id.length).set(id);
  return length;
}

function writeFolder(view: DataView, folder: Named): void {
  const start = folder.sector * CD_SECTOR_BYTES;
  let at = start + writeRecord(view, start, Uint8Array.of(0), folder);
  at += writeRecord(view, at, Uint8Array.of(1), folder.parent);
  for (const child of folder.inside) {
    const bytes = recordBytes(child.id.length);
    if ((at % CD_SECTOR_BYTES) + bytes > CD_SECTOR_BYTES) at = whole(at) * CD_SECTOR_BYTES;
    at += writeRecord(
      view,
      at,
      child.id,
      isFolder(child.node) ? child : { node: child.node, sector: child.node.sector, bytes: sizeOf(child.node) },
    );
  }
}

const pathTableBytes = (folders: readonly Named[]): number =>
  folders.reduce((sum, { id }) => sum + 8 + id.length + (id.length & 1), 0);

function writePathTable(view: DataView, sector: number, folders: readonly Named[], littleEndian: boolean): void {
  let at = sector * CD_SECTOR_BYTES;
  for (const { id, sector: where, parent } of folders) {
    view.setUint8(at, id.length);
    view.setUint32(at + 2, where, littleEndian);
    view.setUint16(at + 6, parent.number, littleEndian);
    new Uint8Array(view.buffer, at + 8, id.length).set(id);
    at += 8 + id.length + (id.length & 1);
  }
}

interface Tree {
  folders: Named[];
  /** Of its two path tables. */
  tables: number[];
  isJoliet: boolean;
}

function writeDescriptor(
  view: DataView,
  sector: number,
  { folders, tables, isJoliet }: Tree,
  sectors: number,
  label: string,
): void {
  const at = sector * CD_SECTOR_BYTES;
  const bytes = new Uint8Array(view.buffer);
  const text = (offset: number, length: number, value: string): void => {
    if (isJoliet) for (let i = 0; i + 1 < length; i += 2) bytes.set([0, 0x20], at + offset + i);
    else bytes.fill(0x20, at + offset, at + offset + length);
    bytes.set(isJoliet ? utf16(cut(value, length >> 1)) : ascii(value.slice(0, length)), at + offset);
  };
  bytes.set([isJoliet ? 2 : 1, ...ascii('CD001'), 1], at);
  text(8, 32, '');
  text(40, 32, isJoliet ? clean(label) : label.toUpperCase().replace(/[^A-Z0-9_]/g, '_'));
  both32(view, at + 80, sectors);
  // UCS-2 level 3.
  if (isJoliet) bytes.set([0x25, 0x2f, 0x45], at + 88);
  both16(view, at + 120, 1);
  both16(view, at + 124, 1);
  both16(view, at + 128, CD_SECTOR_BYTES);
  both32(view, at + 132, pathTableBytes(folders));
  view.setUint32(at + 140, tables[0], true);
  view.setUint32(at + 148, tables[1]);
  writeRecord(view, at + 156, Uint8Array.of(0), folders[0]);
  for (const [offset, length, value] of [
    [190, 128, ''],
    [318, 128, ''],
    [446, 128, ''],
    [574, 128, 'RINGSIDE'],
    [702, 37, ''],
    [739, 37, ''],
    [776, 37, ''],
  ] as const)
    text(offset, length, value);
  const made = new Date(folders[0].node.modifiedMs).toISOString().replace(/\D/g, '').slice(0, 16);
  for (const offset of [813, 830]) bytes.set(ascii(made), at + offset);
  for (const offset of [847, 864]) bytes.set(ascii('0'.repeat(16)), at + offset);
  view.setUint8(at + 881, 1);
}

/** A CD with these files, as parts that follow one another. `label`: what it is called. @throws CdError */
export function makeCd(
  entries: readonly CdEntry[],
  label = 'RINGSIDE',
): { parts: (Blob | Uint8Array)[]; bytes: number } {
  const root = treeOf(entries);
  const trees = [ISO, JOLIET].map(
    (language, i): Tree => ({ folders: foldersOf(name(root, language)), tables: [], isJoliet: i === 1 }),
  );
  if (trees[0].folders.length > MOST_FOLDERS)
    throw new CdError(
      `These are ${trees[0].folders.length} folders, and a CD has at most ${MOST_FOLDERS}. Pack them into an archive first.`,
    );
  let next = SYSTEM_SECTORS + 3;
  const take = (bytes: number): number => {
    const sector = next;
    next += whole(bytes);
    return sector;
  };
  for (const { folders, tables } of trees) for (let i = 0; i < 2; i++) tables.push(take(pathTableBytes(folders)));
  for (const { folders } of trees) {
    for (const folder of folders) {
      folder.bytes = folderBytes(folder);
      folder.sector = take(folder.bytes);
    }
  }
  const head = new Uint8Array(next * CD_SECTOR_BYTES);
  const parts: (Blob | Uint8Array)[] = [head];
  // Both trees name the same data.
  for (const { inside } of trees[0].folders) {
    for (const { node } of inside) {
      if (node.data === undefined) continue;
      const bytes = sizeOf(node);
      node.sector = take(bytes);
      if (bytes > 0) parts.push(node.data);
      if (bytes % CD_SECTOR_BYTES !== 0) parts.push(new Uint8Array(CD_SECTOR_BYTES - (bytes % CD_SECTOR_BYTES)));
    }
  }
  const view = new DataView(head.buffer);
  trees.forEach((tree, i) => {
    writeDescriptor(view, SYSTEM_SECTORS + i, tree, next, label);
    tree.tables.forEach((sector, n) => writePathTable(view, sector, tree.folders, n === 0));
    for (const folder of tree.folders) writeFolder(view, folder);
  });
  head.set([255, ...ascii('CD001'), 1], (SYSTEM_SECTORS + 2) * CD_SECTOR_BYTES);
  return { parts, bytes: next * CD_SECTOR_BYTES };
}
