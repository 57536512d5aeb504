/** What --gdb and --vnc may say: who is listened for, and where. */
import { readPassword } from '../rfb/index.ts';
import { type BootOptions, forGuests, integer, UsageError } from './options.ts';

/** Where a guest's screen is shown, and to whom. */
export interface VncPlace {
  port: number;
  /** Absent: to everybody on this machine. */
  password?: Uint8Array;
}

/** What of each guest is listened for: the port of its --gdb, and its --vnc. @throws UsageError */
export const listenedFor = (
  { gdb, vnc }: Pick<BootOptions, 'gdb' | 'vnc'>,
  names: readonly string[],
): { gdb: Map<string, number>; vnc: Map<string, VncPlace> } => ({
  gdb: new Map([...forGuests('--gdb', gdb, names)].map(([name, port]) => [name, integer('--gdb', port, 0, 0xffff)])),
  vnc: new Map([...forGuests('--vnc', vnc, names)].map(([name, value]) => [name, vncPlace(value)])),
});

function vncPlace(value: string): VncPlace {
  const [, first, option, path] = /^([^,]*)(?:,([^=]*)=(.*))?$/s.exec(value) ?? [];
  if (first === undefined || (option !== undefined && (option !== 'password' || path === '')))
    throw new UsageError(`--vnc takes PORT or PORT,password=F, and F is a file, not "${value}".`);
  const port = integer('--vnc', first, 0, 0xffff);
  if (path === undefined) return { port };
  try {
    return { port, password: readPassword(path) };
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (--vnc)`);
  }
}
