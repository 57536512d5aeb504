/**
 * `ringside storage --state DIR check` and `repair`. check only reads. repair writes a copy of the state's files to DIR/damaged-N first and then a file that
 * says so, `repairing`: until that is gone no host opens the directory, and repair begins again from the copy.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { checkState, repairState } from '../../dom0/service/index.ts';
import { DeviceFull } from '../../formats/blocks/index.ts';
import { holderOf } from './directory-lock.ts';
import { DirectoryLook, DirectoryStore, REPAIRING } from './directory-store.ts';
import { StateError } from './state.ts';

const STATE_FILES = ['files.0', 'files.1', 'disk.0', 'disk.1', 'disk.data'];
const COPY_BYTES = 2 ** 20;

/** @returns what can be read, and whether all of it can. @throws StateError where a process has it; Error where there is no directory */
export async function check(directory: string): Promise<{ lines: string[]; isDamaged: boolean }> {
  const where = realpathSync(directory);
  await mustBeFree(where);
  const found = await checkState(new DirectoryLook(where));
  // One that has begun meanwhile has written, too.
  await mustBeFree(where);
  if (!existsSync(join(where, REPAIRING))) return found;
  const begun = `A repair was begun and did not end: run ringside storage --state ${where} repair again.`;
  return { lines: [...found.lines, begun], isDamaged: true };
}

/** @throws StateError: a process has the directory, and writes to it */
async function mustBeFree(where: string): Promise<void> {
  const holder = await holderOf(where);
  if (holder !== undefined)
    throw new StateError(
      `${holder} It writes meanwhile, so what is read could look damaged and not be. Stop it, and check again.`,
    );
}

/** @returns what was done. @throws Error with a sentence where nothing was changed, or where it has to be called again */
export async function repair(directory: string): Promise<string[]> {
  const where = realpathSync(directory);
  const store = await DirectoryStore.open(where, { repairs: true });
  try {
    const marker = join(where, REPAIRING);
    let copy = existsSync(marker) ? readFileSync(marker, 'utf8') : '';
    const isBegun = /^damaged-\d+$/.test(copy) && existsSync(join(where, copy));
    if (!isBegun) {
      const { isDamaged } = await checkState(new DirectoryLook(where));
      if (!isDamaged) {
        rmSync(marker, { force: true });
        return ['Nothing is damaged, and nothing was changed.'];
      }
      copy = copyFiles(where);
      writeFileSync(`${marker}.part`, copy, { mode: 0o600, flush: true });
      renameSync(`${marker}.part`, marker);
      flushFolder(where);
    }
    const lines = await repairState(new DirectoryLook(join(where, copy)), store);
    unlinkSync(marker);
    flushFolder(where);
    return [`A copy of all of it, as it was, is in ${join(where, copy)}.`, ...lines];
  } finally {
    store.close();
  }
}

/** A copy counts when it has its name. @returns the name @throws DeviceFull, Error: nothing was changed */
function copyFiles(where: string): string {
  let number = 1;
  while (existsSync(join(where, `damaged-${number}`))) number++;
  const name = `damaged-${number}`;
  const part = join(where, `${name}.part`);
  try {
    rmSync(part, { recursive: true, force: true });
    mkdirSync(part, { mode: 0o700 });
    for (const file of STATE_FILES) if (existsSync(join(where, file))) copyFile(join(where, file), join(part, file));
    flushFolder(part);
    renameSync(part, join(where, name));
    flushFolder(where);
    return name;
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw new DeviceFull(
      `The copy that repair begins with could not be written to ${where}: ${(error as Error).message}. Nothing was changed. Make room, or copy the directory to where there is some and repair that.`,
    );
  }
}

/** Zeros take no room in it. */
function copyFile(from: string, to: string): void {
  const source = openSync(from, 'r');
  const target = openSync(to, 'wx', 0o600);
  try {
    const { size } = fstatSync(source);
    const piece = Buffer.alloc(COPY_BYTES);
    const zeros = Buffer.alloc(COPY_BYTES);
    for (let at = 0; at < size; ) {
      const count = readSync(source, piece, 0, piece.length, at);
      if (count === 0) break;
      if (piece.compare(zeros, 0, count, 0, count) !== 0)
        for (let done = 0; done < count; ) done += writeSync(target, piece, done, count - done, at + done);
      at += count;
    }
    ftruncateSync(target, size);
    fsyncSync(target);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

/** Names in it are durable then. Where folders cannot be opened (Windows) they need nothing. */
function flushFolder(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
