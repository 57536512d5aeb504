/** `ringside storage --state DIR COMMAND…`: the host's volumes and disk, from a shell of this machine. */
import { closeSync, existsSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { COMMANDS, isDevice, runStorageCommand } from '../../dom0/host/storage/index.ts';
import { type BlockDevice, DeviceFull } from '../../formats/blocks/index.ts';
import { type Storage, StorageError, StoreDamaged } from '../../dom0/host/storage/index.ts';
import { openForOwner } from '../owner-only.ts';
import { Output } from '../boot/terminal.ts';
import { hasState, lookAtState, openState, StateError } from './state.ts';

const WRONG_USE = 2,
  NOT_DONE = 1;
const COPY_BYTES = 2 ** 20;

export function storageHelp(): string {
  const lines = [
    ...Object.values(COMMANDS).map(({ usage, about }) => [usage, about]),
    [COPY_USAGE, 'copy a file of this machine to a device, or back'],
    ['check', 'say what can be read of the files, and whether it is all; reads only'],
    ['repair', 'copy damaged files to DIR/damaged-N, then save what can be read'],
  ];
  return `Usage: ringside storage --state DIR COMMAND…

The disk of the host that ringside boot --state DIR starts: a 500-GB disk in files of DIR. If there is none, lvcreate makes it, and so does dd to a device.

${lines.map(([usage, about]) => `  ${usage.padEnd(44)} ${about}`).join('\n')}
`;
}

const COPY_USAGE = 'dd if=SOURCE of=TARGET';

export async function storage(argv: string[]): Promise<number> {
  const [stdout, stderr] = [new Output(1), new Output(2)];
  const wrong = (sentence: string): number => (stderr.text(`ringside storage: ${sentence}\n`), WRONG_USE);
  if (argv.some(word => word === '--help' || word === '-h')) return (stdout.text(storageHelp()), 0);
  const [option, directory, ...command] = argv[0]?.startsWith('--state=')
    ? ['--state', argv[0].slice(8), ...argv.slice(1)]
    : argv;
  if (option !== '--state' || !directory || command.length === 0)
    return wrong('write ringside storage --state DIR COMMAND…, or --help.');
  try {
    if (command.length === 1 && (command[0] === 'check' || command[0] === 'repair')) {
      if (!existsSync(directory)) throw new StateError(noState(directory));
      const { check, repair } = await import('./repair.ts');
      const { lines, isDamaged } =
        command[0] === 'check' ? await check(directory) : { lines: await repair(directory), isDamaged: false };
      stdout.text(`${lines.join('\n')}\n`);
      return isDamaged ? NOT_DONE : 0;
    }
    if (!mayBegin(command) && !hasState(directory)) throw new StateError(noState(directory));
    const state = await (mayChange(command) ? openState(directory) : lookAtState(directory));
    try {
      if (command[0] === 'dd') {
        stderr.text(copy(state.storage, command.slice(1)));
        return 0;
      }
      const { status, out, err } = runStorageCommand(state.storage, command);
      stdout.text(out);
      stderr.text(err);
      return status;
    } finally {
      state.close();
    }
  } catch (error) {
    // Ours have a sentence, and those of the file system a code; anything else is a defect.
    if (
      !(
        error instanceof StateError ||
        error instanceof StorageError ||
        error instanceof StoreDamaged ||
        error instanceof DeviceFull ||
        'code' in (error as object)
      )
    )
      throw error;
    stderr.text(`ringside storage: ${(error as Error).message}\n`);
    return NOT_DONE;
  }
}

const isCopyTo = ([name, ...args]: readonly string[]): boolean =>
  name === 'dd' && args.some(arg => arg.startsWith('of=') && isDevice(arg.slice(3)));
/** Of a state that is not there yet: the others need what is in one. */
const mayBegin = (command: readonly string[]): boolean => command[0] === 'lvcreate' || isCopyTo(command);
const mayChange = (command: readonly string[]): boolean =>
  mayBegin(command) || command[0] === 'lvextend' || command[0] === 'lvremove';
const noState = (directory: string): string =>
  `there is no state in ${directory}, and ${existsSync(directory) ? 'nothing was written to it' : 'the directory was not made'}. Name the directory of ringside boot --state, or make a volume there with lvcreate.`;

/** Zeros are not written: a new volume has them, and they need no room. @throws Error with a sentence */
function copy(storage: Storage, args: string[]): string {
  const value = (name: string): string => {
    const found = args.find(arg => arg.startsWith(`${name}=`))?.slice(name.length + 1);
    if (!found) throw new StorageError(`dd needs ${name}=. Usage: ${COPY_USAGE}`);
    return found;
  };
  const [from, to] = [value('if'), value('of')];
  const piece = new Uint8Array(COPY_BYTES);
  if (isDevice(to)) {
    const fd = openSync(from, 'r');
    const bytes = fstatSync(fd).size;
    const { medium, close } = storage.open(to, 'dd', true);
    try {
      if (bytes > medium.bytes)
        throw new StorageError(
          `${from} has ${bytes} bytes and ${to} has ${medium.bytes}. Make it larger with lvextend.`,
        );
      for (let at = 0; at < bytes; at += COPY_BYTES) {
        const part = piece.subarray(0, readSync(fd, piece, 0, Math.min(COPY_BYTES, bytes - at), at));
        writeChanged(medium, at, part);
      }
      medium.flush();
      return `${bytes} bytes copied\n`;
    } finally {
      close();
      closeSync(fd);
    }
  }
  const { medium, close } = storage.open(from, 'dd', false);
  const fd = openForOwner(to);
  try {
    for (let at = 0; at < medium.bytes; at += COPY_BYTES) {
      const part = piece.subarray(0, Math.min(COPY_BYTES, medium.bytes - at));
      medium.read(at, part);
      if (part.some(byte => byte !== 0) || at + part.length === medium.bytes) writeSync(fd, part, 0, part.length, at);
    }
    return `${medium.bytes} bytes copied\n`;
  } finally {
    close();
    closeSync(fd);
  }
}

/** Writes what is not there already. */
function writeChanged(medium: BlockDevice, at: number, bytes: Uint8Array): void {
  const old = new Uint8Array(bytes.length);
  medium.read(at, old);
  if (Buffer.compare(old, bytes) !== 0) medium.write(at, bytes);
}
