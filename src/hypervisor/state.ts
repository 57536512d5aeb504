/**
 * A saved domain: everything that makes it go on, in one file.
 *
 *   header    "RINGSAVE", version, 0                                      16 bytes
 *   records   tag (4 letters), 0, length, CRC-32 of the body, the body     20 bytes + length, one after another
 *
 *   ABOU  what it is (plain data): shown to people, checked first
 *   BOOT  what a reset starts: kernel, ramdisk, command line
 *   WORD  each vCPU's words and its ring of last exits
 *   PART  processor, devices, clock (plain data)
 *   SCRN  the screen block
 *   DISK  what the guest changed of a disk (saved-disks.ts); the medium itself stays where it is
 *   PAGE  first guest frame, then whole frames; frames that hold zeroes are left out
 *   END.  empty
 *
 * Numbers are little-endian; lengths take 64 bits.
 */
import { FRAME_BYTES, FRAME_SHIFT } from './machine.ts';
import type { Boot, Domain } from './domain.ts';
import type { State } from '../devices/bus.ts';
import { MAX_VCPUS, SCREEN_BYTES, VCPU_BYTES } from './layout.ts';
import { crc32 } from './loader/checksums.ts';
import type { DiskChange } from './overlay-disk.ts';
import { decodePlain, encodePlain, PlainDataError } from './plain-data.ts';
import { areDrives, describeDrives, diskRecords, drivesDiffer, readDiskRecord, restoreChanges, type SavedDrive } from './saved-disks.ts';
import type { NicModel } from './platform.ts';

export const STATE_VERSION = 1;
const MAGIC = 'RINGSAVE',
  HEADER_BYTES = 16,
  RECORD_HEADER_BYTES = 20;
/** Frames of one PAGE record at most: bounds what a reader must hold. */
const FRAMES_PER_RECORD = 1024;

/** What can be said of a saved domain before it is restored. */
export interface SavedAbout {
  name: string;
  memoryMiB: number;
  p2mFrames: number;
  startEpochMs: number;
  virtualTime: boolean;
  instructions: number;
  /** Version of Ringside that wrote it. */
  program: string;
  /** What the toolstack wants to find again (the definition). */
  definition: string;
  actions: { onReset: 'restart' | 'end'; onTripleFault: 'restart' | 'end' };
  /** It has local and I/O APIC (absent: no). */
  apic?: boolean;
  /** Its network card (absent: none). */
  nic?: NicModel;
  /** Its vCPUs (absent: 1). */
  vcpus?: number;
  /** What it shows of Xen (absent: nothing, a plain PC). */
  xen?: 'hvm' | 'pvh' | 'pv';
  /** Its disks and CD-ROM drives (absent: none). */
  drives?: SavedDrive[];
}

export interface SavedState {
  about: SavedAbout;
  boot: Boot;
  words: Uint8Array;
  parts: State;
  screen: Uint8Array;
  disks: { place: number; changes: DiskChange[] }[];
  pages: { gfn: number; bytes: Uint8Array }[];
}

/** Who saves, and what the toolstack wants kept. */
type SavedBy = Pick<SavedAbout, 'name' | 'program' | 'definition'>;

/** A saved state that cannot be used: a sentence with what is wrong and where. */
export class SavedStateError extends Error {
  override name = 'SavedStateError';
}

/** The state of a domain between two slices, as parts of a file. @throws SavedStateError where a disk cannot be saved. */
export function saveDomain(domain: Domain, extra: SavedBy): Uint8Array[] {
  return [...savedChunks(domain, extra)];
}

/** The same one by one, for whoever writes them away at once: together they are as large as the guest's memory. */
export function* savedChunks(domain: Domain, extra: SavedBy): Generator<Uint8Array> {
  const { options } = domain;
  const { machine, record } = options;
  const about: SavedAbout = {
    ...extra,
    memoryMiB: options.memoryMiB,
    p2mFrames: record.p2mFrames,
    startEpochMs: options.startEpochMs,
    virtualTime: domain.clock.virtual,
    instructions: domain.instructions,
    actions: { onReset: options.onReset, onTripleFault: options.onTripleFault },
    ...(options.apic ? { apic: true } : {}),
    ...(options.nic ? { nic: options.nic } : {}),
    ...(record.vcpus > 1 ? { vcpus: record.vcpus } : {}),
    ...xenOf(domain),
    ...(options.ide?.length ? { drives: describeDrives(options.ide, refuse) } : {}),
  };
  yield header();
  yield* chunk('ABOU', encodePlain(about));
  yield* chunk('BOOT', encodePlain(options.boot));
  const parts = domain.saveParts();
  yield* chunk('WORD', machine.bytes.slice(record.vcpuOffset, record.vcpuOffset + record.vcpus * VCPU_BYTES));
  yield* chunk('PART', encodePlain(parts));
  yield* chunk('SCRN', machine.bytes.slice(record.screenOffset, record.screenOffset + SCREEN_BYTES));
  for (const disk of diskRecords(options.ide ?? [])) yield* chunk('DISK', disk);
  for (const page of pages(domain)) yield* chunk('PAGE', page);
  yield* chunk('END.', new Uint8Array(0));
}

const chunk = (tag: string, body: Uint8Array): [Uint8Array, Uint8Array] => [recordHeader(tag, body), body];

/**
 * Of a domain that shows Xen: its type. A guest that uses Xen's interface is saved when it has suspended itself: ports, grants and callbacks are then
 * nothing that it counts on (xen/include/public/sched.h, SHUTDOWN_suspend).
 */
function xenOf({ xen }: Domain): Pick<SavedAbout, 'xen'> {
  if (!xen) return {};
  if (!xen.untouched && !xen.suspended)
    refuse("The guest uses Xen's interface and has not suspended itself. Let its drivers come up, so that it can be asked to, or start it on a plain PC.");
  if (xen.suspended && !xen.isHvm) refuse('A paravirtual guest cannot be saved yet: its page tables hold machine frame numbers.');
  return { xen: xen.isPvh ? 'pvh' : xen.isHvm ? 'hvm' : 'pv' };
}

function refuse(sentence: string): never {
  throw new SavedStateError(sentence);
}

function header(): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  new DataView(bytes.buffer).setUint32(8, STATE_VERSION, true);
  return bytes;
}

function recordHeader(tag: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 4; i++) bytes[i] = tag.charCodeAt(i);
  view.setUint32(8, body.length, true);
  view.setUint32(16, crc32(body), true);
  return bytes;
}

/** Bodies of PAGE records: runs of frames of RAM that hold something. (ROMs come from BOOT again, video memory with its adapter.) */
function* pages(domain: Domain): Generator<Uint8Array> {
  const { machine, record } = domain.options;
  let run: number[] = [];
  const body = (): Uint8Array => {
    const bytes = new Uint8Array(4 + run.length * FRAME_BYTES);
    new DataView(bytes.buffer).setUint32(0, run[0], true);
    for (let i = 0; i < run.length; i++) {
      const offset = (domain.ramEntry(run[i]) >>> FRAME_SHIFT) * FRAME_BYTES;
      bytes.set(machine.bytes.subarray(offset, offset + FRAME_BYTES), 4 + i * FRAME_BYTES);
    }
    run = [];
    return bytes;
  };
  for (let gfn = 0; gfn < record.ramFrames; gfn++) {
    const entry = domain.ramEntry(gfn);
    // What others show the guest at a frame (shared_info, a grant) is not its memory.
    const wanted = entry !== 0 && machine.ownerOf(entry >>> FRAME_SHIFT) === record.id && !isZero(machine.words, (entry >>> FRAME_SHIFT) * (FRAME_BYTES / 4));
    if (run.length > 0 && (!wanted || run.length === FRAMES_PER_RECORD)) yield body();
    if (wanted) run.push(gfn);
  }
  if (run.length > 0) yield body();
}

function isZero(words: Int32Array, from: number): boolean {
  for (let i = from; i < from + FRAME_BYTES / 4; i++) if (words[i] !== 0) return false;
  return true;
}

/** Reads and checks a whole file. @throws SavedStateError */
export function readState(file: Uint8Array, name: string): SavedState {
  const fail = (what: string): never => {
    throw new SavedStateError(`${name} ${what}`);
  };
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const letters = (at: number, count: number): string => String.fromCharCode(...file.subarray(at, at + count));
  if (file.length < HEADER_BYTES || letters(0, MAGIC.length) !== MAGIC)
    return fail('is no saved domain of Ringside: it does not start with RINGSAVE.');
  const version = view.getUint32(8, true);
  if (version !== STATE_VERSION)
    fail(`was saved in format ${version}; this version reads format ${STATE_VERSION}. Restore it with the version that saved it.`);
  const bodies = new Map<string, Uint8Array>();
  const pageBodies: { at: number; body: Uint8Array }[] = [],
    disks: SavedState['disks'] = [];
  let at = HEADER_BYTES,
    ended = false;
  while (!ended) {
    if (at === file.length) fail(`is cut short: it ends at byte ${at}, before its last record. Copy it again.`);
    if (at + RECORD_HEADER_BYTES > file.length) fail(`is cut short: the record header at byte ${at} is not complete. Copy it again.`);
    const tag = letters(at, 4),
      length = view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 2 ** 32;
    if (!/^(ABOU|BOOT|WORD|PART|SCRN|DISK|PAGE|END\.)$/.test(tag)) fail(`is damaged: there is no record at byte ${at}. Copy it again, or save the guest anew.`);
    if (at + RECORD_HEADER_BYTES + length > file.length) {
      fail(`is cut short: record ${tag} at byte ${at} wants ${length} bytes and ${file.length - at - RECORD_HEADER_BYTES} are there. Copy it again.`);
    }
    const body = file.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
    if (crc32(body) !== view.getUint32(at + 16, true)) fail(`is damaged: the checksum of record ${tag} at byte ${at} is wrong. Copy it again.`);
    if (tag === 'PAGE') pageBodies.push({ at, body });
    else if (tag === 'DISK') disks.push(readDiskRecord(body) ?? fail(`is damaged: record DISK at byte ${at} contradicts itself. Save the guest anew.`));
    else bodies.set(tag, body);
    at += RECORD_HEADER_BYTES + length;
    ended = tag === 'END.';
  }
  if (at !== file.length) fail(`is damaged: ${file.length - at} bytes follow its last record. Copy it again, or cut it to ${at} bytes.`);
  const body = (tag: string): Uint8Array => bodies.get(tag) ?? fail(`is damaged: it has no record ${tag}. Save the guest anew.`);
  const plain = (tag: string): unknown => {
    try {
      return decodePlain(body(tag));
    } catch (error) {
      if (error instanceof PlainDataError) fail(`is damaged: record ${tag} cannot be read at its byte ${error.offset}: ${error.message}. Save the guest anew.`);
      throw error;
    }
  };
  const about = plain('ABOU') as SavedAbout,
    boot = plain('BOOT') as Boot;
  if (
    !Number.isInteger(about?.memoryMiB) ||
    about.memoryMiB < 1 ||
    about.memoryMiB > 2047 ||
    !Number.isInteger(about.p2mFrames) ||
    about.p2mFrames > 0x100000 ||
    about.p2mFrames < about.memoryMiB * 256 ||
    !(about.vcpus === undefined || (Number.isInteger(about.vcpus) && about.vcpus >= 1 && about.vcpus <= MAX_VCPUS)) ||
    typeof about.name !== 'string' ||
    !areDrives(about.drives)
  ) {
    fail('is damaged: record ABOU does not say what the domain is. Save the guest anew.');
  }
  const wordBytes = (about.vcpus ?? 1) * VCPU_BYTES;
  if (body('WORD').length !== wordBytes) fail(`is damaged: record WORD has ${body('WORD').length} bytes instead of ${wordBytes}. Save the guest anew.`);
  if (body('SCRN').length !== SCREEN_BYTES) fail(`is damaged: record SCRN has ${body('SCRN').length} bytes instead of ${SCREEN_BYTES}. Save the guest anew.`);
  const pages = pageBodies.map(({ at: offset, body: bytes }) => {
    const gfn = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) : -1;
    const frames = (bytes.length - 4) / FRAME_BYTES;
    if (!Number.isInteger(frames) || gfn < 0 || gfn + frames > about.memoryMiB * 256)
      fail(`is damaged: record PAGE at byte ${offset} does not fit ${about.memoryMiB} MiB. Save the guest anew.`);
    return { gfn, bytes: bytes.subarray(4) };
  });
  return { about, boot, words: body('WORD'), parts: plain('PART') as State, screen: body('SCRN'), disks, pages };
}

/** Puts a saved state into a domain that is being built (second argument of its constructor). */
export function restoreInto(domain: Domain, saved: SavedState): void {
  const { machine, record, ide = [] } = domain.options;
  const difference = drivesDiffer(saved.about.drives ?? [], ide);
  if (difference) throw new SavedStateError(`The state of ${saved.about.name} cannot be restored: ${difference}.`);
  for (const { place, changes } of saved.disks) restoreChanges(ide, place, changes);
  for (const { gfn, bytes } of saved.pages) {
    for (let i = 0; i < bytes.length / FRAME_BYTES; i++) {
      const entry = domain.ramEntry(gfn + i);
      if (entry !== 0) machine.bytes.set(bytes.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES), (entry >>> FRAME_SHIFT) * FRAME_BYTES);
    }
  }
  machine.bytes.set(saved.words, record.vcpuOffset);
  machine.bytes.set(saved.screen, record.screenOffset);
  domain.screen.restored();
  try {
    domain.restoreParts(saved.parts);
  } catch (error) {
    throw new SavedStateError(`The state of ${saved.about.name} cannot be restored: ${(error as Error).message}`);
  }
}
