/**
 * UNIX sockets of guests' channels of virtio, where libvirt's QEMU has them: a program of this machine connects to one, and speaks to the opener of the port in the
 * guest. One at a time is served; another waits until that one has gone, as at QEMU's (chardev/char-socket.c).
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Guest, Uses } from '../../dom0/toolstack/index.ts';
import { channelsOf } from '../../devices/index.ts';
import { removeSocket } from '../sockets.ts';

type Channel = NonNullable<Guest['channels']> extends Map<string, infer C> ? C : never;

const OWNER_ALONE = 0o600,
  FOLDER_MODE = 0o700;
/** sun_path of unix(7), with its zero. */
const MOST_PATH_BYTES = 107;
/** virDomainDefGetShortName(): so much of a domain's name is in the folder's. */
const MOST_NAME = 20;
const MOST_WAITING = 16;

class ChannelSocket {
  private readonly server: Server;
  readonly path: string;
  private readonly channel: Channel;
  private readonly waiting: Socket[] = [];
  private readonly sockets = new Set<Socket>();
  private isBusy = false;

  /** @throws Error where something else lies there */
  constructor(channel: Channel, path: string, problem: (sentence: string) => void) {
    this.path = path;
    this.channel = channel;
    removeSocket(path);
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
    // Node takes the path away.
    this.server.close();
  }
}

export class ChannelSockets {
  private readonly host: Uses<'toolstack'>;
  private readonly folder: string;
  private readonly mayBeAt: (path: string) => boolean;
  private readonly problem: (sentence: string) => void;
  /** Channels without a socket have none here. */
  private readonly of = new Map<Guest, { folder: string; sockets: Map<Channel, ChannelSocket | undefined> }>();
  private readonly stop: () => void;

  /** `folder`: of those whose definition names no path; `mayBeAt`: whether one may be at the path that it names. */
  constructor(
    host: Uses<'domains' | 'toolstack'>,
    folder: string,
    mayBeAt: (path: string) => boolean,
    problem: (sentence: string) => void,
  ) {
    this.host = host;
    this.folder = folder;
    this.mayBeAt = mayBeAt;
    this.problem = problem;
    this.stop = host.domains.listen(() => this.look());
    this.look();
  }

  /** Sockets are there while their guests are, and their channels. */
  private look(): void {
    const { members } = this.host.toolstack;
    for (const [guest, its] of this.of) {
      if (members.get(guest.record.id) === guest && !guest.ending) continue;
      this.end(its);
      this.of.delete(guest);
    }
    for (const guest of members.values()) {
      const { channels } = guest;
      if (!channels || guest.ending) continue;
      const its = this.of.get(guest) ?? { folder: this.folderOf(guest), sockets: new Map() };
      this.of.set(guest, its);
      for (const [channel, socket] of its.sockets) {
        if (channels.get(channel.name) === channel) continue;
        socket?.close();
        its.sockets.delete(channel);
      }
      for (const channel of channels.values())
        if (!its.sockets.has(channel)) its.sockets.set(channel, this.open(guest, channel, its.folder));
    }
  }

  private folderOf({ record, name }: Guest): string {
    return join(this.folder, `domain-${record.id}-${name.slice(0, MOST_NAME).replaceAll('/', '_')}`);
  }

  private open(guest: Guest, channel: Channel, folder: string): ChannelSocket | undefined {
    const { virtio } = guest.blueprint.definition;
    const wanted = channelsOf(virtio).find(({ name }) => name === channel.name)?.path;
    const path = wanted ?? join(folder, channel.name);
    const why =
      wanted !== undefined && !this.mayBeAt(wanted)
        ? 'Permission denied: it is below no folder that --allow names'
        : Buffer.byteLength(path) > MOST_PATH_BYTES
          ? `the path of a UNIX socket has at most ${MOST_PATH_BYTES} bytes; write a shorter --state or <source path='…'/>`
          : this.isTaken(path)
            ? 'another channel has that path'
            : undefined;
    if (why !== undefined) {
      this.problem(`${guest.name} has no socket for its channel ${channel.name} at ${path}: ${why}.`);
      return undefined;
    }
    try {
      mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
      return new ChannelSocket(channel, path, this.problem);
    } catch (error) {
      this.problem(`${guest.name} has no socket for its channel ${channel.name}: ${(error as Error).message}.`);
      return undefined;
    }
  }

  private isTaken(path: string): boolean {
    return [...this.of.values()].some(({ sockets }) => [...sockets.values()].some(socket => socket?.path === path));
  }

  private end({ folder, sockets }: { folder: string; sockets: Map<Channel, ChannelSocket | undefined> }): void {
    for (const socket of sockets.values()) socket?.close();
    rmSync(folder, { recursive: true, force: true });
  }

  close(): void {
    this.stop();
    for (const its of this.of.values()) this.end(its);
    this.of.clear();
  }
}
