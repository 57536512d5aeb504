/** A hub with two hosts that know each other, and a hostile member next to them that knows the code. */
import { getRandomValues, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHost, inTurns } from '../../../dom0/service/index.ts';
import { hubRoom, membershipOf, newCode, Pool, type Room, secretsOf } from '../../../dom0/pool/index.ts';
import { later, sharedMs, soon } from '../../../cli/node-clock.ts';
import { Hub } from '../../../cli/pool/hub.ts';
import { nodeWays } from '../../../cli/ways.ts';

const MIB = 2 ** 20;
const MEMORY_MIB = 64;
export const random = (count: number): Uint8Array => getRandomValues(new Uint8Array(count));

export const pause = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));

type Host = ReturnType<typeof hostHere>;

/** What time is to hosts. */
interface Clock {
  hostMs(): number;
  /** It goes as `hostMs` does: a host whose clocks part has slept. */
  epochMs(): number;
  later: typeof later;
}
const WALL: Clock = { hostMs: sharedMs, epochMs: Date.now, later };

/** A host of `memoryMiB` in this process, whose guests take turns. */
export const hostHere = (memoryMiB = MEMORY_MIB, clock = WALL) =>
  createHost({
    version: 'fuzz',
    memory: new SharedArrayBuffer(memoryMiB * MIB),
    runners: inTurns({ soon, ...clock }),
    soon,
    ...clock,
    ways: nodeWays,
  });

export class Arena {
  readonly alfa: Host;
  readonly bravo: Host;
  private readonly server: Server;
  private readonly hub: Hub;
  private readonly code: string;
  private readonly url: string;

  private constructor(server: Server, hub: Hub, code: string, clock?: Clock) {
    this.alfa = hostHere(MEMORY_MIB, clock);
    this.bravo = hostHere(MEMORY_MIB, clock);
    this.server = server;
    this.hub = hub;
    this.code = code;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** `clock`: the hosts'. */
  static async open(clock?: Clock): Promise<Arena> {
    const code = newCode(random);
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const arena = new Arena(
      server,
      new Hub(server, { rooms: [(await secretsOf(code)).room], most: 8, say: () => {} }),
      code,
      clock,
    );
    for (const [host, name] of [
      [arena.alfa, 'alfa'],
      [arena.bravo, 'bravo'],
    ] as [Host, string][])
      await membershipOf(host).join(`${arena.url}#${code}`, { name });
    return arena;
  }

  async room(): Promise<Room> {
    return hubRoom(nodeWays.webSocket, { url: this.url }, (await secretsOf(this.code)).room, later);
  }

  get secret(): Promise<CryptoKey> {
    return secretsOf(this.code).then(({ secret }) => secret);
  }

  /** A member that speaks as members do, until it has its channel. */
  async enter(name: string): Promise<Pool> {
    return Pool.enter({
      me: { id: randomBytes(16).toString('hex'), name, version: 'fuzz', role: 'member' },
      secret: await this.secret,
      room: await this.room(),
      random,
      later,
      hostMs: sharedMs,
      say: () => {},
    });
  }

  /** A sentence: what the two hosts have with each other has suffered. */
  async problem(mark: string): Promise<string | undefined> {
    const [alfa, bravo] = [membershipOf(this.alfa).here, membershipOf(this.bravo).here];
    for (const [{ pool }, other] of [
      [alfa, 'bravo'],
      [bravo, 'alfa'],
    ] as const)
      if (!pool.hosts.some(({ name }) => name === other)) return `${pool.me} has lost ${other}`;
    bravo.state.addTask({ command: mark, state: 'done', atMs: Date.now() + 1e9, message: '' });
    for (let tries = 0; tries < 1500; tries++) {
      if (alfa.state.tasks.some(({ command, host }) => command === mark && host === 'bravo')) return undefined;
      await pause(10);
    }
    return 'what bravo writes does not reach alfa any more';
  }

  async close(): Promise<void> {
    for (const host of [this.bravo, this.alfa]) {
      await membershipOf(host).leave();
      host.toolstack.close();
    }
    this.hub.close();
    this.server.close();
  }
}
