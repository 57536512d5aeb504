/** Servers of ours with their sockets, each as its program opens it. */
import { createConnection, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import WebSocket from 'ws';
import { secretsOf } from '../../../dom0/pool/index.ts';
import { type NbdExports, serveNbd } from '../../../dom0/host/nbd/index.ts';
import type { createHost } from '../../../dom0/service/index.ts';
import { listenForGdb } from '../../../dom0/toolstack/debugger/index.ts';
import { MemoryDisk } from '../../../formats/blocks/index.ts';
import { LibvirtServer } from '../../../cli/libvirtd/server.ts';
import { openOutside } from '../../../cli/outside.ts';
import { Hub } from '../../../cli/pool/hub.ts';
import { repository } from '../../../cli/repository.ts';
import { listenForViewers, screenOf } from '../../../cli/rfb/index.ts';
import { nodeSockets } from '../../../cli/sockets.ts';
import { gdbMessage } from '../gdb/messages.ts';
import type { Pick } from '../../harness/pick.ts';
import { rfbGreeting, rfbMessage } from '../rfb/messages.ts';
import { anyGreeting, httpGreeting, libvirtGreeting, nbdGreeting } from './greetings.ts';

export interface Door {
  name: string;
  at: NetConnectOpts;
  greeting(pick: Pick): Uint8Array;
  /** Whether an answer tells that the server failed. */
  isFailure?(answer: Buffer): boolean;
  /** Whether one that behaves is served; waits for it. */
  serves(): Promise<boolean>;
  close(): void;
}

type Host = ReturnType<typeof createHost>;
const HOST = '127.0.0.1';
const CODE = '0000-0000-0000-0000';
const DISK_BYTES = 65_536;

/** Some of what a server sends first, to `hello`, once there are this many bytes. */
const answered = (at: NetConnectOpts, hello: string | Buffer, bytes: number): Promise<Buffer> =>
  new Promise(resolve => {
    let got = Buffer.alloc(0);
    const socket: Socket = createConnection(at, () => socket.write(hello));
    socket.on('data', data => {
      got = Buffer.concat([got, data]);
      if (got.length >= bytes) socket.destroy();
    });
    socket.on('error', () => {}).on('close', () => resolve(got));
  });

type Serve = (options: object) => Promise<{ server: import('node:http').Server; isHost(host?: string): boolean }>;

/** `ringside pool`: the page, its health, the hub. */
async function page(): Promise<Door> {
  const { serve } = (await import(
    /* @vite-ignore */ pathToFileURL(join(repository(), 'scripts', 'serve.mjs')).href
  )) as { serve: Serve };
  let hub: Hub | undefined;
  const health = (response: import('node:http').ServerResponse): void =>
    void response.writeHead(200).end(JSON.stringify(hub?.health));
  const { server, isHost } = await serve({ port: 0, exact: true, answers: { '/health': health } });
  const { room } = await secretsOf(CODE);
  hub = new Hub(server, { rooms: [room], most: 16, isHost, say: () => {} });
  const at = { host: HOST, port: (server.address() as { port: number }).port };
  const welcomed = (): Promise<boolean> =>
    new Promise(resolve => {
      const socket = new WebSocket(`ws://${HOST}:${at.port}/`);
      socket.on('open', () => socket.send(JSON.stringify({ hello: 2, room })));
      socket.on('message', data => (resolve(String(data).includes('welcome')), socket.terminate()));
      socket.on('error', () => resolve(false));
    });
  const asked = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';
  return {
    name: 'page and hub',
    at,
    greeting: httpGreeting,
    isFailure: answer => /^HTTP\/1\.1 5/.test(answer.subarray(0, 12).toString('latin1')),
    serves: async () =>
      (await answered(at, asked, 12)).toString('latin1').startsWith('HTTP/1.1 200') && (await welcomed()),
    close: () => {
      hub.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

async function nbd(): Promise<Door> {
  const shared = { device: new MemoryDisk(new Uint8Array(DISK_BYTES)), readOnly: false, close: () => {} };
  const find = (name: string): typeof shared | string =>
    name === 'disk' ? shared : `There is no export ${name} here.`;
  const exports: NbdExports = { names: () => ['disk'], open: find, look: find };
  const listening = await nodeSockets.listen({ host: HOST, port: 0 }, channel => serveNbd(channel, exports));
  const at = { host: HOST, port: listening.port };
  // No flags, EXPORT_NAME of `disk`: greeting (18), size, flags and zeros (134).
  const hello = Buffer.from('0000000049484156454f5054000000010000000464 69 73 6b'.replaceAll(' ', ''), 'hex');
  return {
    name: 'NBD',
    at,
    greeting: nbdGreeting,
    serves: async () => (await answered(at, hello, 152)).readBigUInt64BE(18) === BigInt(DISK_BYTES),
    close: () => listening.close(),
  };
}

async function rfb({ toolstack }: Host, domain: () => number): Promise<Door> {
  const listening = await listenForViewers(
    screenOf(toolstack, { name: 'guest', epochMs: () => 0 }, () => toolstack.members.get(domain())),
    0,
  );
  const at = { host: HOST, port: listening.port };
  return {
    name: 'RFB',
    at,
    greeting: pick => Buffer.concat([rfbGreeting(pick), ...Array.from({ length: pick(6) }, () => rfbMessage(pick))]),
    serves: async () => (await answered(at, '', 12)).toString('latin1').startsWith('RFB 003.008'),
    close: () => listening.close(),
  };
}

async function gdb({ toolstack }: Host, domain: () => number): Promise<Door> {
  const listening = await listenForGdb(toolstack, () => toolstack.members.get(domain()), nodeSockets, 0);
  const at = { host: HOST, port: listening.port };
  return {
    name: 'gdb',
    at,
    greeting: pick => Buffer.concat(Array.from({ length: pick(5) }, () => gdbMessage(pick))),
    serves: async () => (await answered(at, '$?#3f', 2)).toString('latin1').startsWith('+'),
    close: () => listening.close(),
  };
}

async function libvirt(host: Host, path: string): Promise<Door> {
  const server = await LibvirtServer.open(host, path);
  // AUTH_LIST (66): one answer.
  const hello = Buffer.from('0000001c200080860000000100000042000000000000000100000000', 'hex');
  return {
    name: 'libvirt',
    at: { path },
    greeting: libvirtGreeting,
    serves: async () => (await answered({ path }, hello, 28)).readUInt32BE(12) === 66,
    close: () => void server.close(),
  };
}

/** A port of this machine that leads to a guest; what comes is sent back. */
async function forward(): Promise<Door> {
  const outside = await openOutside([{ protocol: 'tcp', port: 0, guest: '10.0.2.15', guestPort: 80 }] as never);
  const [opened] = outside.forwards;
  if (opened && 'onStream' in opened)
    opened.onStream(stream => {
      stream.listen(
        bytes => stream.send(bytes),
        () => {},
      );
      stream.onEnded(() => stream.end());
      stream.resume();
    });
  const at = { host: HOST, port: opened!.forward.port };
  return {
    name: 'forward',
    at,
    greeting: anyGreeting,
    serves: async () => (await answered(at, 'echo', 4)).toString('latin1') === 'echo',
    close: () => outside.close(),
  };
}

/** `domain`: the guest's number, whose screen and processors are served; `socket`: where the daemon's is. */
export const openDoors = (host: Host, domain: () => number, socket: string): Promise<Door[]> =>
  Promise.all([page(), nbd(), rfb(host, domain), gdb(host, domain), libvirt(host, socket), forward()]);
