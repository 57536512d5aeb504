/** Screens over the network: RFB on a port of this machine, for one domain each. */
import { randomBytes } from 'node:crypto';
import { LOOPBACK, type ByteChannel, type Listening, type Sockets } from '../../dom0/host/nbd/index.ts';
import { later, sharedMs } from '../node-clock.ts';
import { nodeSockets } from '../sockets.ts';
import type { ServedScreen } from './screen.ts';
import { Viewer } from './viewer.ts';

/** At once, of one screen. */
const MOST_VIEWERS = 16;
const CHALLENGE_BYTES = 16;

/** The clients of one screen. */
export class RfbServer {
  private readonly screen: ServedScreen;
  private readonly password: Uint8Array | undefined;
  private readonly viewers = new Set<Viewer>();

  /** `password`: counts more than the screen's own. */
  constructor(screen: ServedScreen, password?: Uint8Array) {
    this.screen = screen;
    this.password = password;
  }

  /** `isTrusted`: it is not asked for a password, as who it is was asked before. */
  serve(channel: ByteChannel, isTrusted = false): void {
    if (this.viewers.size >= MOST_VIEWERS || this.screen.generation() === undefined) return channel.close();
    const viewer: Viewer = new Viewer(channel, this.screen, {
      later,
      hostMs: sharedMs,
      password: () => (isTrusted ? undefined : (this.password ?? this.screen.password())),
      challenge: () => randomBytes(CHALLENGE_BYTES),
      alone: () => this.end(viewer),
      ended: () => void this.viewers.delete(viewer),
    });
    this.viewers.add(viewer);
    viewer.begin();
  }

  get count(): number {
    return this.viewers.size;
  }

  /** As an end of the screen's own. */
  readonly endAll = (): void => this.end();

  /** All go, but for one. */
  end(but?: Viewer): void {
    for (const each of [...this.viewers]) if (each !== but) each.end();
  }
}

/** Where a guest's screen is looked for first: display :0 and those behind it, as libvirt gives them (remote_display_port_min). */
const FIRST_PORT = 5900,
  PORTS = 100;

/** Has a screen's clients come to the port that was asked for, or to the first one from there on that is free. @throws Error with a sentence */
export async function listenAtFreePort(
  server: RfbServer,
  asked: { port: number; isFixed: boolean } = { port: FIRST_PORT, isFixed: false },
): Promise<Listening> {
  if (asked.isFixed) return listenFor(server, asked.port);
  for (let port = asked.port; port < FIRST_PORT + PORTS; port++) {
    const listening = await listenFor(server, port).catch(() => undefined);
    if (listening) return listening;
  }
  return listenFor(server, 0);
}

/** Serves a screen until it is closed; `port` 0: any. @throws Error with a sentence: the port is taken */
export const listenForViewers = (
  screen: ServedScreen,
  port: number,
  password?: Uint8Array,
  sockets?: Sockets,
): Promise<Listening> => listenFor(new RfbServer(screen, password), port, sockets);

async function listenFor(server: RfbServer, port: number, sockets: Sockets = nodeSockets): Promise<Listening> {
  const listening = await sockets.listen({ host: LOOPBACK, port }, channel => server.serve(channel));
  return {
    port: listening.port,
    close: () => {
      listening.close();
      server.end();
    },
  };
}
