/** What who uses a guest notices of a move: Domain 0 pings it every 10 ms meanwhile, and the longest time between two answers counts. */
import { parseAddress } from '../../../devices/net/index.ts';
import type { Later } from '../../host/index.ts';
import type { Network } from '../../host/network/index.ts';
import { addressesOf, type CommandHost, type Guest, type Moved } from '../../toolstack/index.ts';

const PING_MS = 10,
  /** An answer that takes longer is lost. */
  LOST_MS = 2000,
  /** One that moved is waited for this long at most before it answers from there. */
  PINGED_MS = 1000;
const BYTES = 56;

/** The move of a guest that is pinged meanwhile. */
export async function pinged(host: CommandHost, guest: Guest, move: () => Promise<Moved>): Promise<Moved> {
  const pings = pingsOf(host, guest);
  try {
    const moved = await move();
    const silentMs = await pings?.longest(host.clock.hostMs(), PINGED_MS);
    return silentMs === undefined ? moved : { ...moved, silentMs };
  } finally {
    pings?.end();
  }
}

/** Of one whose address this host knows; undefined: it does not, or its time is not the wall's. */
function pingsOf(host: CommandHost, { record: { id } }: Guest): Pings | undefined {
  const [card] = host.parts.virtual ? [] : addressesOf(host, id);
  const { later, hostMs } = host.clock;
  const { network } = host.toolstack.services;
  return card && new Pings(network, parseAddress(card.address), id, { later, nowMs: () => hostMs() });
}

export interface PingTime {
  later: Later;
  /** Monotonic. */
  nowMs(): number;
}

export class Pings {
  private readonly network: Pick<Network, 'own'>;
  private readonly address: number;
  private readonly time: PingTime;
  private readonly identifier: number;
  private isOver = false;
  private lastMs: number | undefined;
  private longestMs = 0;
  private whenHeard = (): void => {};

  /** From now on, until `end`. `identifier`: of its echo requests, 16 bits. */
  constructor(network: Pick<Network, 'own'>, address: number, identifier: number, time: PingTime) {
    this.network = network;
    this.address = address;
    this.identifier = identifier & 0xffff;
    this.time = time;
    // Where Domain 0 has no network nobody answers.
    void this.send().catch(() => {});
  }

  private async send(): Promise<void> {
    const { network, address, identifier, time } = this;
    const after = (ms: number): Promise<void> => new Promise(resolve => void time.later(ms, resolve));
    const station = await network.own(time.later);
    const data = new Uint8Array(BYTES);
    for (let sequence = 1; !this.isOver; sequence++) {
      void station.echo(address, identifier, sequence & 0xffff, data, after(LOST_MS)).then(echo => {
        if (echo && echo.unreachable === undefined) this.heard();
      });
      await after(PING_MS);
    }
  }

  private heard(): void {
    if (this.isOver) return;
    const nowMs = this.time.nowMs();
    this.longestMs = Math.max(this.longestMs, nowMs - (this.lastMs ?? nowMs));
    this.lastMs = nowMs;
    this.whenHeard();
  }

  /** No longer. */
  end(): void {
    this.isOver = true;
  }

  /** The longest time between two answers, once there was one behind `sinceMs`; undefined: none comes within `mostMs`, or none had come before. */
  async longest(sinceMs: number, mostMs: number): Promise<number | undefined> {
    if (this.lastMs === undefined) return undefined;
    let isLate = false;
    const cancel = this.time.later(mostMs, () => {
      isLate = true;
      this.whenHeard();
    });
    while (this.lastMs <= sinceMs && !isLate) await new Promise<void>(resolve => (this.whenHeard = resolve));
    cancel();
    return this.lastMs > sinceMs ? this.longestMs : undefined;
  }
}
