/**
 * CDs, read: ISO 9660 with the names of Rock Ridge, else of Joliet, else its own. Sources: ECMA-119 (9.1 records), SUSP 1.12 and RRIP 1.12 (NM, SL, PX, CE),
 * Microsoft's Joliet Specification.
 */
import type { BlockDevice } from '../blocks/index.ts';
import { type Effort, type FileKind, type FileNodes, FileSystemError, FileTree, Pieces } from './file-tree.ts';

const SECTOR_BYTES = 2048,
  DESCRIPTORS = 16,
  MOST_DESCRIPTORS = 32;
const MOST_FOLDER_BYTES = 32 * 2 ** 20;
/** Continuations of one record's system use, which may lie anywhere. */
const MOST_CONTINUATIONS = 32;
/** Bytes of a name, which has at most 255 on the systems that write these. */
const MOST_NAME = 255;
const FOLDER = 2,
  GOES_ON = 0x80;

interface CdNode {
  at: number;
  bytes: number;
  kind: FileKind;
  link: string;
  modifiedMs: number;
}

const bad = (why: string): FileSystemError => new FileSystemError(`The CD cannot be read: ${why}.`);
const latin1 = (view: DataView, at: number, length: number): string =>
  String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));

class CdNodes implements FileNodes<CdNode> {
  readonly type: string;
  readonly root: CdNode;
  readonly ignoresCase: boolean;
  private readonly pieces: Pieces;
  private readonly names: 'rock-ridge' | 'joliet' | 'plain';
  /** Bytes of each record's system use that are another's. */
  private skipped = 0;

  constructor(from: BlockDevice, effort: Effort) {
    this.pieces = new Pieces(from, effort);
    let primary: CdNode | undefined, joliet: CdNode | undefined;
    for (let i = 0; i < MOST_DESCRIPTORS; i++) {
      const view = this.pieces.at((DESCRIPTORS + i) * SECTOR_BYTES, SECTOR_BYTES, 'a volume descriptor');
      if (latin1(view, 1, 5) !== 'CD001') break;
      const type = view.getUint8(0);
      const root = (): CdNode => this.record(new DataView(view.buffer, view.byteOffset + 156, 34));
      if (type === 1) primary = root();
      if (type === 2 && ['%/@', '%/C', '%/E'].includes(latin1(view, 88, 3))) joliet = root();
      if (type === 255) break;
    }
    if (!primary) throw bad('it has no primary volume descriptor');
    const first = this.pieces.at(primary.at, SECTOR_BYTES, 'the root');
    const used = first.getUint8(0);
    const hasRockRidge =
      used >= 41 && latin1(first, 34, 2) === 'SP' && first.getUint8(38) === 0xbe && first.getUint8(39) === 0xef;
    if (hasRockRidge) this.skipped = first.getUint8(40);
    this.names = hasRockRidge ? 'rock-ridge' : joliet ? 'joliet' : 'plain';
    this.root = this.names === 'joliet' ? joliet! : primary;
    this.ignoresCase = !hasRockRidge;
    this.type = { 'rock-ridge': 'ISO 9660 with Rock Ridge', joliet: 'ISO 9660 with Joliet', plain: 'ISO 9660' }[
      this.names
    ];
  }

  private record(view: DataView): CdNode {
    const [year, month, day, hour, minute, second] = [0, 1, 2, 3, 4, 5].map(i => view.getUint8(18 + i));
    const modifiedMs = Date.UTC(1900 + year, month - 1, day, hour, minute, second);
    const flags = view.getUint8(25);
    return {
      at: view.getUint32(2, true) * SECTOR_BYTES,
      bytes: view.getUint32(10, true),
      kind: (flags & FOLDER) !== 0 ? 'folder' : (flags & GOES_ON) !== 0 ? 'special' : 'file',
      link: '',
      modifiedMs,
    };
  }

  kindOf({ kind }: CdNode): FileKind {
    return kind;
  }

  sizeOf({ bytes, kind, link }: CdNode): number {
    return kind === 'link' ? link.length : bytes;
  }

  modifiedMsOf({ modifiedMs }: CdNode): number {
    return modifiedMs;
  }

  *entriesOf(folder: CdNode): Generator<readonly [string, CdNode]> {
    if (folder.bytes > MOST_FOLDER_BYTES) throw bad(`a folder has ${folder.bytes} bytes`);
    for (let sector = 0; sector < folder.bytes; sector += SECTOR_BYTES) {
      const view = this.pieces.at(folder.at + sector, SECTOR_BYTES, 'a folder');
      for (let at = 0; at < SECTOR_BYTES && view.getUint8(at) !== 0; ) {
        this.pieces.step();
        const length = view.getUint8(at),
          nameBytes = at + 33 <= SECTOR_BYTES ? view.getUint8(at + 32) : 255;
        if (length < 34 || at + length > SECTOR_BYTES || 33 + nameBytes > length)
          throw bad(`a folder has a record of ${length} bytes`);
        const record = new DataView(view.buffer.slice(view.byteOffset + at, view.byteOffset + at + length));
        at += length;
        // The folder itself, and the one that it lies in.
        if (nameBytes === 1 && record.getUint8(33) <= 1) continue;
        const node = this.record(record);
        yield [this.nameOf(record, nameBytes, node), node];
      }
    }
  }

  /** The name, and what else Rock Ridge says of a file, which goes into `node`. */
  private nameOf(record: DataView, nameBytes: number, node: CdNode): string {
    if (this.names === 'joliet') {
      let name = '';
      for (let i = 0; i + 1 < nameBytes; i += 2) name += String.fromCharCode(record.getUint16(33 + i));
      return name.replace(/;\d+$/, '');
    }
    const plain = latin1(record, 33, nameBytes).replace(/;\d+$/, '').replace(/\.$/, '');
    if (this.names === 'plain') return plain.toLowerCase();
    const name: number[] = [];
    const link: string[] = [];
    let partial = false;
    for (const [kind, entry] of this.systemUse(
      record,
      33 + nameBytes + ((nameBytes & 1) === 0 ? 1 : 0) + this.skipped,
    )) {
      const body = new Uint8Array(entry.buffer, entry.byteOffset, entry.byteLength);
      if (kind === 'NM' && body.length > 5 && name.length < MOST_NAME) name.push(...body.subarray(5));
      if (kind === 'PX' && body.length >= 8)
        node.kind =
          node.kind === 'special'
            ? 'special'
            : (({ 0xa: 'link', 0x4: 'folder', 0x8: 'file' } as Record<number, FileKind>)[
                entry.getUint32(4, true) >> 12
              ] ?? 'special');
      // A folder that lies elsewhere, as it was too deep for its place.
      if (kind === 'CL' && body.length >= 8)
        Object.assign(node, this.record(this.pieces.at(entry.getUint32(4, true) * SECTOR_BYTES, 34, 'a folder')));
      if (kind !== 'SL') continue;
      for (let at = 5; at + 2 <= body.length; at += 2 + body[at + 1]) {
        this.pieces.step();
        const flags = body[at];
        const part =
          (flags & 2) !== 0
            ? '.'
            : (flags & 4) !== 0
              ? '..'
              : (flags & 8) !== 0
                ? ''
                : new TextDecoder().decode(body.subarray(at + 2, at + 2 + body[at + 1]));
        if (partial) link[link.length - 1] += part;
        else link.push(part);
        partial = (flags & 1) !== 0;
      }
    }
    if (node.kind === 'link') node.link = link.length === 1 && link[0] === '' ? '/' : link.join('/');
    return name.length > 0 ? new TextDecoder().decode(Uint8Array.from(name)) : plain.toLowerCase();
  }

  private *systemUse(record: DataView, from: number): Generator<readonly [string, DataView]> {
    let area = record,
      at = from;
    for (let areas = 0; areas <= MOST_CONTINUATIONS; areas++) {
      let next: DataView | undefined;
      while (at + 4 <= area.byteLength) {
        this.pieces.step();
        const length = area.getUint8(at + 2);
        if (length < 4 || at + length > area.byteLength) break;
        const kind = latin1(area, at, 2);
        const entry = new DataView(area.buffer, area.byteOffset + at, length);
        at += length;
        if (kind === 'ST') break;
        if (kind === 'CE' && length >= 28) {
          const bytes = Math.min(entry.getUint32(20, true), SECTOR_BYTES);
          const piece = this.pieces.at(
            entry.getUint32(4, true) * SECTOR_BYTES + entry.getUint32(12, true),
            bytes,
            'what goes on of a record',
          );
          next = new DataView(piece.buffer.slice(piece.byteOffset, piece.byteOffset + bytes));
        } else yield [kind, entry];
      }
      if (!next) return;
      area = next;
      at = 0;
    }
  }

  contentOf(node: CdNode, most: number): Uint8Array {
    if (node.kind === 'link') return new TextEncoder().encode(node.link);
    const bytes = Math.min(node.bytes, most);
    const piece = this.pieces.at(node.at, bytes, 'a file');
    return new Uint8Array(piece.buffer.slice(piece.byteOffset, piece.byteOffset + bytes));
  }
}

/** Whether there is a volume descriptor. */
export function isCd(from: BlockDevice): boolean {
  const id = new Uint8Array(5);
  if (from.bytes < (DESCRIPTORS + 1) * SECTOR_BYTES) return false;
  from.read(DESCRIPTORS * SECTOR_BYTES + 1, id);
  return String.fromCharCode(...id) === 'CD001';
}

/** @throws FileSystemError: there is none, or it contradicts itself */
export const openCd = (from: BlockDevice, effort: Effort): FileTree => new FileTree(new CdNodes(from, effort));
