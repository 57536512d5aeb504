/** TCP of this computer's with a guest that moves: connections that the guest makes, and that are made to it. None may end, and nothing of them may be lost. */
import { randomBytes } from 'node:crypto';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import type { PeerOptions } from '../../devices/net/index.ts';
import { LOOPBACK } from '../../dom0/host/nbd/index.ts';
import { natTo, readForward } from '../../dom0/host/network/nat/index.ts';
import { type NodeOutside, openOutside } from '../../cli/outside.ts';
import { lineOf } from './guests.ts';

/** How often something is said to the guest. */
const SAY_MS = 20;
/** What goes in bulk is read and written with pauses, so that a move comes in between. */
const PACE_MS = 20,
  PIECE_BYTES = 32 * 1024;

/** Bytes that came or went, and their CRC-32. */
export interface Bulk {
  bytes: number;
  crc: number;
  /** Nothing more comes, or goes. */
  isOver: boolean;
}

export class Talk {
  private readonly outside: NodeOutside;
  private readonly server: Server;
  private readonly port: number;
  private readonly sockets = new Set<Socket>();
  private readonly timers: NodeJS.Timeout[] = [];
  private onConnection: (socket: Socket) => void;
  /** Lines of the guest's, and lines that it has sent back. */
  heard = 0;
  echoed = 0;
  /** What is wrong; undefined: nothing. */
  problem: string | undefined;

  private constructor(outside: NodeOutside, server: Server, port: number) {
    this.outside = outside;
    this.server = server;
    this.port = port;
    this.onConnection = socket => this.listenTo(socket);
    server.on('connection', socket => this.onConnection(socket));
  }

  /** `ports`: the guest's. @throws Error with a sentence: a port is taken */
  static async open(ports: { out: number; in: number }): Promise<Talk> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, LOOPBACK, resolve);
    });
    return new Talk(await openOutside([readForward(`tcp:0-:${ports.in}`)]), server, ports.out);
  }

  /** For the host that has the gateway. */
  get peer(): PeerOptions {
    const { port } = this.server.address() as { port: number };
    const { outside } = this;
    // Whatever else runs on this computer may have the port that the guest knows.
    const connect: NodeOutside['connect'] = to =>
      outside.connect(to.port === this.port ? { host: LOOPBACK, port } : to);
    return { beyond: natTo({ ...outside, connect }) };
  }

  /** It must not end before `mayEnd` says so. */
  private keep(socket: Socket, which: string, mayEnd = (): boolean => false): void {
    this.sockets.add(socket);
    const ended = (why: string): void => {
      if (this.sockets.delete(socket) && !mayEnd()) this.problem ??= `The connection ${which} ${why}`;
    };
    socket.on('error', error => ended(`broke: ${error.message}`));
    socket.on('close', () => ended('ended.'));
  }

  private toGuest(): Socket {
    return createConnection({ host: LOOPBACK, port: this.outside.forwards[0]!.forward.port });
  }

  // ---- lines, for as long as it runs

  private listenTo(socket: Socket): void {
    this.keep(socket, 'that the guest has made');
    onLines(socket, line => {
      if (line !== lineOf(++this.heard)) this.problem ??= `line ${this.heard} of the guest’s is ‘${line}’`;
    });
  }

  /** Connects to the guest, and says something to it from time to time from then on, which is to come back. */
  begin(): void {
    const socket = this.toGuest();
    this.keep(socket, 'to the guest');
    const said: string[] = [];
    onLines(socket, line => {
      this.echoed++;
      const expected = said.shift();
      if (line !== expected) this.problem ??= `‘${line}’ comes back in place of ‘${expected}’`;
    });
    const say = (): void => {
      const line = randomBytes(100).toString('hex');
      said.push(line);
      socket.write(`${line}\n`);
    };
    this.timers.push(setInterval(say, SAY_MS));
  }

  // ---- in bulk

  /** Takes what the guest sends by the connection that it makes next. */
  takes(): Bulk {
    const bulk = { bytes: 0, crc: 0, isOver: false };
    this.onConnection = socket => {
      this.keep(socket, 'that the guest has made', () => bulk.isOver);
      socket.on('data', piece => {
        bulk.bytes += piece.length;
        bulk.crc = crc32(piece, bulk.crc);
        socket.pause();
        setTimeout(() => socket.resume(), PACE_MS);
      });
      socket.on('end', () => (bulk.isOver = true));
    };
    return bulk;
  }

  /** Sends so much to the guest, and ends the connection. */
  sends(total: number): Bulk {
    const bulk = { bytes: 0, crc: 0, isOver: false };
    const socket = this.toGuest();
    this.keep(socket, 'to the guest', () => bulk.isOver);
    const send = (): void => {
      const piece = randomBytes(Math.min(PIECE_BYTES, total - bulk.bytes));
      bulk.bytes += piece.length;
      bulk.crc = crc32(piece, bulk.crc);
      bulk.isOver = bulk.bytes === total;
      if (bulk.isOver) socket.end(piece);
      else socket.write(piece, () => setTimeout(send, PACE_MS));
    };
    send();
    return bulk;
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
    for (const socket of [...this.sockets]) {
      this.sockets.delete(socket);
      socket.destroy();
    }
    this.outside.close();
    this.server.close();
  }
}

function onLines(socket: Socket, take: (line: string) => void): void {
  let rest = '';
  socket.on('data', bytes => {
    const lines = (rest + bytes.toString('latin1')).split('\n');
    rest = lines.pop()!;
    lines.forEach(take);
  });
}
