/** Room on a disk for a file, as fallocate(2) gives it: node has no call of its own for that. */
import { spawnSync } from 'node:child_process';
import { fstatSync, fsyncSync, readSync, writeSync } from 'node:fs';

/** Written at once where there is no fallocate(1) (macOS), or the file system has none. */
const PIECE_BYTES = 2 ** 20;

/** Of util-linux: it is handed the file as its descriptor 3. `hint` of what it says: "fallocate: fallocate failed: No space left on device". */
function byProgram(fd: number, bytes: number): 'done' | 'none' {
  const { status, error, stderr } = spawnSync('fallocate', ['--length', String(bytes), '/proc/self/fd/3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
  });
  if (status === 0) return 'done';
  const why = /fallocate failed: (.*)/.exec(stderr ?? '')?.[1];
  if (error || why === undefined || why === 'Operation not supported') return 'none';
  throw new Error(`cannot allocate ${bytes} bytes: ${why}`);
}

/** The first bytes of a file have room from now on, and go on reading as they do. @throws Error: the disk has no room for them */
export function allocate(fd: number, bytes: number): void {
  if (process.platform === 'linux' && byProgram(fd, bytes) === 'done') return;
  const piece = new Uint8Array(PIECE_BYTES);
  const { size } = fstatSync(fd);
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    const count = Math.min(PIECE_BYTES, bytes - at);
    // What is there stays.
    piece.fill(0);
    if (at < size) readSync(fd, piece, 0, Math.min(count, size - at), at);
    writeSync(fd, piece, 0, count, at);
  }
  fsyncSync(fd);
}
