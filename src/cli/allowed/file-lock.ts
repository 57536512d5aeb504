/**
 * Who writes an image of this machine, among all programs of ours that run there: a lock is a socket that listens at a name made of the file's inode, as
 * cli/storage/directory-lock.ts has it for folders. It dies with its process. Where a socket would be a file that outlives its process (macOS) only this process
 * knows its locks.
 */
import { createServer } from 'node:net';
import { socketName } from '../storage/directory-lock.ts';

/** The holders of a file: how many share it, and the socket of them all. */
interface Holders {
  shared: boolean;
  count: number;
  release: () => void;
}

const here = new Map<string, Holders>();

/**
 * What lets go of it; undefined: somebody has it. `inode`: dev and ino of the file; `shared`: others of this process may have it, too, that say the same (another
 * process may not, whatever it says).
 */
export function lockFile(inode: string, shared = false): (() => void) | undefined {
  const known = here.get(inode);
  if (known && !(known.shared && shared)) return undefined;
  const release = known?.release ?? listenAt(inode);
  if (!release) return undefined;
  const holders = known ?? { shared, count: 0, release };
  holders.count++;
  here.set(inode, holders);
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    if (--holders.count > 0) return;
    here.delete(inode);
    release();
  };
}

function listenAt(inode: string): (() => void) | undefined {
  const { name, isFile } = socketName(`image ${inode}`);
  if (isFile) return () => {};
  const server = createServer(socket => void socket.destroy());
  // The name is taken, or not, when listen() returns: a local one is bound at once. Errors are reported later.
  server.on('error', () => {});
  server.listen(name);
  if (!server.listening) return undefined;
  server.unref();
  return () => void server.close();
}
