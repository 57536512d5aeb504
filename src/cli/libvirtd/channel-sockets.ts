/**
 * UNIX sockets of guests' channels of virtio, where libvirt's QEMU has them: a program of this machine connects to one, and speaks to who has the port open in the
 * guest. One at a time is served; another waits until that one has gone, as at QEMU's (chardev/char-socket.c).
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { CommandHost, Guest } from '../../dom0/toolstack/index.ts';
import { virtioWords } from '../../devices/index.ts';

type Channel = NonNullable<Guest['channels']> extends ReadonlyMap<string, infer C> ? C : never;

const OWNER_ALONE = 0o600,
  FOLDER_MODE = 0o700;
/** sun_path of unix(7), with its zero. */
const MOST_PATH_BYTES = 107;
/** virDomainDefGetShortName(): so much of a domain's name is in the folder's. */
const MOST_NAME = 20;
const MOST_WAITING = 16;

class ChannelSocket {
  private readonly server: Server;
  private readonly path: string;
  private readonly channel: Channel;
  private readonly waiting: Socket[] = [];
  private readonly sockets = new Set<Socket>();
  private isBusy = false;

  constructor(channel: Channel, path: string, problem: (sentence: string) => void) {
    this.path = path;
    this.channel = channel;
    rmSync(path, { force: true });
    this.server = createServer({ allowHalfOpen: false, pauseOnConnect: true }, socket => this.came(socket));
    this.server.on('error', error => problem(`${path}: ${error.message}`));
    // Nobody else may connect in the moment before the mode is set.
    const mask = process.umask(0o177);
    try {
      this.server.listen(path, () => chmodSync(path, OWNER_ALONE));
    } finally {
      process.umask(mask);
    }
    channel.path = path;
  }

  private came(socket: Socket): void {
    if (this.waiting.length >= MOST_WAITING) return void socket.destroy();
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      const at = this.waiting.indexOf(socket);
      if (at >= 0) this.waiting.splice(at, 1);
    });
    this.waiting.push(socket);
    this.next();
  }

  private next(): void {
    const socket = this.isBusy ? undefined : this.waiting.shift();
    if (!socket) return;
    const end = this.channel.connect({
      bytes: bytes =>
        socket.write(bytes) || socket.destroyed
          ? undefined
          : new Promise(resolve => socket.once('drain', resolve).once('close', () => resolve())),
      closed: () => socket.end(),
    });
    if (!end) return void socket.destroy();
    this.isBusy = true;
    socket.on('data', bytes => {
      socket.pause();
      void end.write(new Uint8Array(bytes)).then(() => socket.resume());
    });
    socket.on('close', () => {
      end.close();
      this.isBusy = false;
      this.next();
    });
    socket.resume();
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    rmSync(this.path, { force: true });
  }
}

export class ChannelSockets {
  private readonly host: CommandHost;
  private readonly folder: string;
  private readonly mayBeAt: (path: string) => boolean;
  private readonly problem: (sentence: string) => void;
  private readonly of = new Map<Guest, { folder: string; sockets: ChannelSocket[] }>();
  private readonly stop: () => void;

  /** `folder`: of those whose definition names no path; `mayBeAt`: whether one may be at the path that it names. */
  constructor(
    host: CommandHost & { listen(listener: () => void): () => void },
    folder: string,
    mayBeAt: (path: string) => boolean,
    problem: (sentence: string) => void,
  ) {
    this.host = host;
    this.folder = folder;
    this.mayBeAt = mayBeAt;
    this.problem = problem;
    this.stop = host.listen(() => this.look());
    this.look();
  }

  /** Sockets are there while their guests are. */
  private look(): void {
    const { members } = this.host.toolstack;
    for (const [guest, { folder, sockets }] of this.of) {
      if (members.get(guest.record.id) === guest && !guest.ending) continue;
      for (const socket of sockets) socket.close();
      rmSync(folder, { recursive: true, force: true });
      this.of.delete(guest);
    }
    for (const guest of members.values())
      if (guest.channels && !guest.ending && !this.of.has(guest)) this.of.set(guest, this.open(guest));
  }

  private open(guest: Guest): { folder: string; sockets: ChannelSocket[] } {
    const folder = join(
      this.folder,
      `domain-${guest.record.id}-${guest.name.slice(0, MOST_NAME).replaceAll('/', '_')}`,
    );
    const named = new Map(
      (guest.blueprint.definition.virtio ?? []).map(virtioWords).map(({ options: { name, path } }) => [name, path]),
    );
    const sockets = [...guest.channels!.values()].flatMap(channel => {
      const wanted = named.get(channel.name);
      const path = wanted ?? join(folder, channel.name);
      const why =
        wanted !== undefined && !this.mayBeAt(wanted)
          ? 'Permission denied: it is below no folder that --allow names'
          : Buffer.byteLength(path) > MOST_PATH_BYTES
            ? `the path of a UNIX socket has at most ${MOST_PATH_BYTES} bytes; write a shorter --state or <source path='…'/>`
            : undefined;
      if (why !== undefined) {
        this.problem(`${guest.name} has no socket for its channel ${channel.name} at ${path}: ${why}.`);
        return [];
      }
      try {
        mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
        return [new ChannelSocket(channel, path, this.problem)];
      } catch (error) {
        this.problem(`${guest.name} has no socket for its channel ${channel.name}: ${(error as Error).message}.`);
        return [];
      }
    });
    return { folder, sockets };
  }

  close(): void {
    this.stop();
    for (const { folder, sockets } of this.of.values()) {
      for (const socket of sockets) socket.close();
      rmSync(folder, { recursive: true, force: true });
    }
    this.of.clear();
  }
}
