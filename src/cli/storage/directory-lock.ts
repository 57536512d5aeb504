/**
 * One process holds a directory, whatever namespaces it and the others run in.
 *
 * Idea: each process that wants the directory publishes a record there, `held.ID`, and listens on a socket next to it. A socket with a path is found in any
 * network and pid namespace where the directory is mounted, and dies with its process: one that refuses connections is stale. An ID is never used twice, so a
 * stale record can be removed without harm to a new one. A record says whether its process asks for the directory or has it. Each one publishes first and looks
 * at the others then, so of two that begin together at least one sees the other: the lower ID waits, the other one gives way.
 *
 * Where the file system has no sockets, the record's boot id, pid and start time tell whether the process still runs.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux: the abstract namespace, Windows: a pipe; neither leaves a file. Elsewhere a file, which may be left by one that died. */
export function socketName(what: string): { name: string; isFile: boolean } {
  const id = `ringside-${createHash('sha256').update(what).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return { name: `\0${id}`, isFile: false };
  return process.platform === 'win32'
    ? { name: `\\\\?\\pipe\\${id}`, isFile: false }
    : { name: join(tmpdir(), `${id}.sock`), isFile: true };
}

const PREFIX = 'held.';
const SOCKET = '.sock';
/** First bytes of a record: what its process does. They have one length, so that one write changes them. */
const ASKS = 'asks\n',
  HAS = 'has \n';
/** How long one that asks is waited for: it has the directory or gives way within milliseconds where its process runs. */
const WAIT_MS = 25,
  MOST_WAITS = 200;
/** sun_path has 108 bytes on Linux and 104 on BSD and macOS, with a zero at the end. */
const MOST_PATH_BYTES = 100;

/** What a record says of its process. */
interface Holder {
  pid: number;
  /** What runs there, for people. */
  command: string;
  since: string;
  hostname: string;
  /** Where it is another one, the machine has started since. Empty where the system has none. */
  bootId: string;
  /** The namespace that the pid is in; empty where there are none. */
  pidNamespace: string;
  /** Clock ticks since the machine started: another process may have the pid by now. */
  startTime: string;
  /** Whether it listens; else the file system has no sockets. */
  listens: boolean;
}

const orEmpty = (read: () => string): string => {
  try {
    return read();
  } catch {
    return '';
  }
};

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)); the command before it may have blanks and parentheses. */
const startTimeOf = (pid: number | 'self'): string =>
  orEmpty(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  });

const ownRecord = (listens: boolean): Holder => ({
  pid: process.pid,
  command: ['ringside', ...process.argv.slice(2)].join(' ').slice(0, 200),
  since: new Date().toISOString(),
  hostname: hostname(),
  bootId: orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
  pidNamespace: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
  startTime: startTimeOf('self'),
  listens,
});

/** Another process that wants the directory, or has it. */
interface Other {
  id: string;
  has: boolean;
  holder: Holder;
}

/** @throws Error where it is gone, or no record */
function readRecord(directory: string, id: string): Other {
  const text = readFileSync(join(directory, PREFIX + id), 'utf8');
  return { id, has: text.startsWith(HAS), holder: JSON.parse(text.slice(HAS.length)) as Holder };
}

/** Does `work` with a path of the directory that a socket's name has room for: through a link, where the directory's own is long. */
async function withShortPath<T>(directory: string, name: string, work: (path: string) => Promise<T>): Promise<T> {
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= MOST_PATH_BYTES) return work(path);
  const folder = mkdtempSync(join(tmpdir(), 'rs-'));
  try {
    symlinkSync(directory, join(folder, 'd'));
    return await work(join(folder, 'd', name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** undefined: the file system has no sockets. */
function listen(directory: string, name: string): Promise<Server | undefined> {
  return withShortPath(directory, name, path => {
    return new Promise<Server | undefined>((resolve, reject) => {
      const server = createServer(socket => void socket.destroy());
      server.once('error', (error: NodeJS.ErrnoException) =>
        NO_SOCKETS.includes(error.code ?? '') ? resolve(undefined) : reject(error),
      );
      server.listen(path, () => {
        server.on('error', () => {});
        // It keeps no process alive.
        server.unref();
        resolve(server);
      });
    });
  });
}

/** What bind(2) answers on file systems without sockets: vfat, 9p and other ones that machines share with their guests. */
const NO_SOCKETS = ['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL'];

/** Whether somebody listens there. Where that is not known, somebody does. */
function answers(directory: string, name: string): Promise<boolean> {
  return withShortPath(directory, name, path => {
    return new Promise<boolean>(resolve => {
      const socket = connect(path);
      // The kernel answers, and not the process: one that is stopped or busy listens, too.
      socket.once('connect', () => (socket.destroy(), resolve(true)));
      socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
    });
  });
}

/** Whether the process runs, found without a socket. Where that is not known, it does. */
export function mayRun(holder: Pick<Holder, 'pid' | 'bootId' | 'pidNamespace' | 'startTime'>): boolean {
  const own = ownRecord(false);
  if (holder.bootId !== own.bootId) return false;
  if (holder.pidNamespace !== own.pidNamespace) return true;
  if (own.startTime) return startTimeOf(holder.pid) === holder.startTime;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function runs(directory: string, { id, holder }: Other): Promise<boolean> {
  return holder.listens ? answers(directory, PREFIX + id + SOCKET) : mayRun(holder);
}

const remove = (directory: string, id: string): void => {
  for (const name of [PREFIX + id, PREFIX + id + SOCKET]) rmSync(join(directory, name), { force: true });
};

/** Those others that still run; `gone` is called for those that do not. */
async function others(directory: string, ownId: string, gone = remove): Promise<Other[]> {
  const found: Other[] = [];
  for (const name of readdirSync(directory)) {
    const id = /^held\.([0-9a-f]{16})$/.exec(name)?.[1];
    if (!id || id === ownId) continue;
    let other: Other;
    try {
      other = readRecord(directory, id);
    } catch {
      // It is gone by now.
      continue;
    }
    if (await runs(directory, other)) found.push(other);
    else gone(directory, id);
  }
  return found;
}

/** A sentence. */
function holderSentence(directory: string, { pid, command, since, hostname: name }: Holder): string {
  return `${directory} is held by process ${pid}${name === hostname() ? '' : ` on ${name}`} (${command}) since ${since}.`;
}

function heldBy(directory: string, { id, holder }: Other): Error {
  const { listens } = holder;
  const otherwise = listens ? '' : ` If that process has ended, remove ${join(directory, PREFIX + id)}.`;
  return new Error(
    `${holderSentence(directory, holder)} Stop that first, name another directory, or leave --state out: then nothing is kept.${otherwise}`,
  );
}

const waited = (): Promise<void> => new Promise(resolve => setTimeout(resolve, WAIT_MS));

/** Publishes a record; `has` changes what it says. */
async function publish(directory: string): Promise<{ id: string; has(): void; release(): void }> {
  const id = randomBytes(8).toString('hex');
  const server = await listen(directory, PREFIX + id + SOCKET);
  const path = join(directory, PREFIX + id);
  // It is whole when others see it.
  const draft = `${path}.new`;
  writeFileSync(draft, `${ASKS}${JSON.stringify(ownRecord(server !== undefined))}\n`, { mode: 0o600 });
  renameSync(draft, path);
  return {
    id,
    has: () => {
      const fd = openSync(path, 'r+');
      writeSync(fd, HAS, 0);
      closeSync(fd);
    },
    release: () => {
      server?.close();
      remove(directory, id);
    },
  };
}

/** Waits until nobody asks for it. @throws Error that names its holder, or a process that asks and does not go on */
async function untilNobodyAsks(directory: string, ownId: string): Promise<void> {
  for (let waits = 0; ; waits++) {
    const there = await others(directory, ownId);
    const other = there.find(({ has }) => has) ?? there[0];
    if (!other) return;
    if (other.has || waits === MOST_WAITS) throw heldBy(directory, other);
    await waited();
  }
}

/** @returns what lets go of it. @throws Error that names its holder */
export async function holdDirectory(directory: string): Promise<() => void> {
  if (process.platform === 'win32') return holdPipe(directory);
  for (;;) {
    await untilNobodyAsks(directory, '');
    const own = await publish(directory);
    try {
      const there = await others(directory, own.id);
      // The lowest stays, and has it when the others have given way.
      if (!there.some(({ has, id }) => has || id < own.id)) {
        await untilNobodyAsks(directory, own.id);
        own.has();
        return own.release;
      }
    } catch (error) {
      own.release();
      throw error;
    }
    own.release();
  }
}

/** A sentence that says which process has the directory, for one that only reads: nothing is written there, and nothing removed. undefined: none has it */
export async function holderOf(directory: string): Promise<string | undefined> {
  if (process.platform === 'win32') {
    const release = await holdPipe(directory).catch((error: Error) => error);
    return release instanceof Error ? release.message : void release();
  }
  const [other] = await others(directory, '', () => {});
  return other && holderSentence(directory, other.holder);
}

/** Windows: a pipe has no place in the file system, and is gone with its process. */
function holdPipe(directory: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => void socket.destroy());
    server.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      reject(new Error(code === 'EADDRINUSE' ? `${directory} is held by another process. Stop that first.` : message)),
    );
    server.listen(socketName(directory).name, () => {
      server.unref();
      resolve(() => server.close());
    });
  });
}
