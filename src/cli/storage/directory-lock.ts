/**
 * One process holds a directory: it listens on a socket whose name follows from the directory's path. A socket dies with its process, however that ends;
 * who finds the name taken asks there who has it.
 */
import { createHash } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux: the abstract namespace, Windows: a pipe; neither leaves a file. Elsewhere a file, which may be left by one that died. */
export function socketName(directory: string): { name: string; isFile: boolean } {
  const id = `ringside-${createHash('sha256').update(directory).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return { name: `\0${id}`, isFile: false };
  return process.platform === 'win32'
    ? { name: `\\\\?\\pipe\\${id}`, isFile: false }
    : { name: join(tmpdir(), `${id}.sock`), isFile: true };
}

const ANSWER_MS = 2000;

function listen(name: string, about: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => {
      socket.on('error', () => {});
      socket.end(about);
    });
    server.once('error', reject);
    server.listen(name, () => {
      // It keeps no process alive.
      server.unref();
      resolve(server);
    });
  });
}

/** undefined: nobody is there. */
function ask(name: string): Promise<string | undefined> {
  return new Promise(resolve => {
    let text = '';
    const socket = connect(name);
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('no answer')));
    socket.on('data', data => (text += data.toString('utf8')));
    socket.on('end', () => resolve(text.slice(0, 500)));
    socket.on('error', error =>
      resolve((error as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? undefined : 'a process that does not answer'),
    );
  });
}

/** @returns what lets go of it. @throws Error that says who has it */
export async function holdDirectory(directory: string): Promise<() => void> {
  const { name, isFile } = socketName(directory);
  const about = `process ${process.pid} (${['ringside', ...process.argv.slice(2)].join(' ').slice(0, 200)}) since ${new Date().toISOString()}`;
  for (let attempt = 0; ; attempt++) {
    try {
      const server = await listen(name, about);
      return () => server.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      const holder = await ask(name);
      if (holder !== undefined || attempt === 2)
        throw new Error(
          `${directory} is held by ${holder ?? 'another process'}. Stop that first, name another directory, or leave --state out: then nothing is kept.`,
        );
      if (isFile) unlinkSync(name);
    }
  }
}
