/**
 * Who writes an image of this machine, among all programs of ours that run there: a lock is a socket that listens at a name made of the file's inode, as
 * cli/storage/directory-lock.ts has it for folders. It dies with its process. Where a socket would be a file that outlives its process (macOS) only this process
 * knows its locks.
 */
import { createServer } from 'node:net';
import { socketName } from '../storage/directory-lock.ts';

const here = new Set<string>();

/** What lets go of it; undefined: somebody has it. `inode`: dev and ino of the file. */
export function lockFile(inode: string): (() => void) | undefined {
  if (here.has(inode)) return undefined;
  const release = listenAt(inode);
  if (!release) return undefined;
  here.add(inode);
  return () => {
    here.delete(inode);
    release();
  };
}

function listenAt(inode: string): (() => void) | undefined {
  const { name, isFile } = socketName(`image ${inode}`);
  if (isFile) return () => {};
  const server = createServer(socket => void socket.destroy());
  // The name is taken, or not, when listen() returns: a local one is bound at once. What went wrong is told later.
  server.on('error', () => {});
  server.listen(name);
  if (!server.listening) return undefined;
  server.unref();
  return () => void server.close();
}
