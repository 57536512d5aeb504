/**
 * Descriptors that clients are given (SCM_RIGHTS of unix(7)), which node's net cannot send. A process of Python's sends one and ends: it has the client's
 * socket, and one end of a new pair of sockets, whose other end is the daemon's.
 * Source: virNetServerClientDispatchWrite() of src/rpc/virnetserverclient.c and virSocketSendFD() of src/util/virsocket.c of libvirt 9.0: behind the packet
 * comes one byte with the descriptor.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { ByteChannel } from '../../dom0/host/nbd/index.ts';
import { later } from '../node-clock.ts';
import { channelOf } from '../sockets.ts';

const PYTHON = 'python3';
/** A client in whose socket there is no room for this long gets none. */
const PATIENCE_MS = 30_000;
/** Where Python has its client, and what that gets. */
const CLIENT = 3,
  END = 4;
/** Says that it is there, and sends when it is asked to. The client's socket never waits, as it is the daemon's, too: so the script waits for room in it. */
const SCRIPT = `
import array, os, select, socket, sys
client = socket.socket(fileno=${CLIENT})
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [${END}]))]
os.write(1, b'r')
if not os.read(0, 1): sys.exit(1)
while True:
  select.select([], [client], [])
  try:
    client.sendmsg([b'\\0'], rights)
    break
  except BlockingIOError: pass
`;
/** Of this machine's Python alone: neither the environment nor the folder that the daemon is in has a say. */
const run = (script: string): string[] => ['-I', '-S', '-c', script];

/** What a client's answers with a descriptor are made of. */
export interface Descriptors {
  /** This machine can send one. */
  areSent(): Promise<boolean>;
  /** A pair of sockets, of which no process has the other end yet. @throws Error with a sentence */
  pair(): Promise<Pair>;
}

export interface Pair {
  /** Sends a packet, and behind it the client's end; the daemon's. @throws Error: the client may have the packet without the descriptor */
  send(packet: Uint8Array): Promise<ByteChannel>;
  /** Nobody wants it any more. */
  close(): void;
}

let isHere: Promise<boolean> | undefined;

/** Looked for once. */
function pythonIsHere(): Promise<boolean> {
  isHere ??= new Promise(resolve => {
    const child = spawn(PYTHON, run('import array, select, socket; socket.SCM_RIGHTS'), { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('exit', status => resolve(status === 0));
  });
  return isHere;
}

/** For the client at a UNIX socket. */
export const descriptorsFor = (client: Socket): Descriptors => ({
  areSent: pythonIsHere,
  pair: async () => {
    const isPaused = client.isPaused();
    const child = spawn(PYTHON, run(SCRIPT), { stdio: ['pipe', 'pipe', 'ignore', client, 'pipe'] });
    // Node reads no more from a socket that a process has been given, but this one goes on being the daemon's.
    if (!isPaused) client.resume();
    const end = child.stdio[END] as Socket;
    end.on('error', () => {});
    // When a process has ended, node reads what is left of its streams, and throws that away where nobody listens yet. This one is not its any more.
    const kept = (): void => {};
    end.on('readable', kept);
    const close = (): void => {
      child.kill();
      end.destroy();
    };
    const ended = endOf(child);
    client.once('close', close);
    void ended.then(() => client.off('close', close));
    const begun = new Promise<boolean>(resolve => child.stdout!.once('data', () => resolve(true)));
    if (!(await Promise.race([begun, ended.then(() => false)]))) {
      close();
      throw new Error(`${PYTHON} sends no descriptor: it does not start`);
    }
    return {
      send: async packet => {
        await new Promise<void>((resolve, reject) =>
          client.write(packet, error => (error ? reject(error) : resolve())),
        );
        child.stdin!.end('s');
        const cancel = later(PATIENCE_MS, close);
        void ended.then(cancel);
        if ((await ended) !== 0) {
          close();
          throw new Error(`${PYTHON} has sent no descriptor`);
        }
        return listenedTo(end, () => end.off('readable', kept));
      },
      close,
    };
  },
});

/** `begun`: called once somebody listens. */
function listenedTo(socket: Socket, begun: () => void): ByteChannel {
  const channel = channelOf(socket);
  const listen = channel.listen.bind(channel);
  channel.listen = (bytes, closed) => {
    listen(bytes, closed);
    begun();
  };
  return channel;
}

/** Its status; -1: it did not start, or was ended. */
const endOf = (child: ChildProcess): Promise<number> =>
  new Promise(resolve => {
    child.stdin!.on('error', () => {});
    child.on('error', () => resolve(-1));
    child.on('exit', status => resolve(status ?? -1));
  });
