/** A guest that moves from one of two hosts to the other and back. */
import type { Host, HostParts } from '../../dom0/service/index.ts';
import { Neighbourhood } from '../../dom0/pool/index.ts';
import type { Moved } from '../../dom0/toolstack/index.ts';
import { median } from '../harness/median.ts';
import { wire } from '../soak-migration/soak.ts';
import { Beats } from './beats.ts';
import type { Row } from './guest.ts';
import { HostSide, type Side } from './side.ts';

/** Two hosts by their names. */
export interface Sides {
  a: Side;
  b: Side;
}

/** How both hosts are made. */
export type MakeHost = (parts: Pick<HostParts, 'memory' | 'neighbours'>) => Host;
type Pause = (ms: number) => Promise<void>;

/** Memory next to a guest's own. */
const HOST_MIB = 48;
/** How fast the guest writes is looked at for this many of its rounds at least, from time to time. */
export const LEAST_ROUNDS = 10,
  LOOK_MS = 400;

/** It must have begun this many rounds before it moves again: in the last one it looked for what it wrote in the one before. */
const ROUNDS = 3;

/** How long the guest did not go on, as somebody next to it sees; absent: that is not watched. */
export type Measured = Moved & { gapMs?: number };

export const memoryFor = ({ mib }: Row): SharedArrayBuffer => new SharedArrayBuffer((mib + HOST_MIB) * 2 ** 20);

/** Both hosts lie in this process. `watched`: their guest's beats are. */
export function sidesHere(
  row: Row,
  make: MakeHost,
  soon: (callback: () => void) => void,
  pause: Pause,
  watched = false,
): Sides {
  const cable = new Neighbourhood(soon);
  const hosts = ['a', 'b'].map(name => {
    const memory = memoryFor(row);
    return { memory, host: make({ memory, neighbours: cable.of(name) }) };
  });
  if (row.served) wire([hosts[0]!.host, hosts[1]!.host], soon);
  const [a, b] = hosts.map(
    ({ memory, host }): Side => new HostSide(host, row, pause, watched ? new Beats({ memory }) : undefined),
  );
  return { a: a!, b: b! };
}

export class Moves {
  private readonly sides: Sides;
  private at: keyof Sides = 'a';
  private readonly row: Row;
  private readonly pause: Pause;

  constructor(row: Row, sides: Sides, pause: Pause) {
    this.row = row;
    this.sides = sides;
    this.pause = pause;
  }

  private get here(): Side {
    return this.sides[this.at];
  }

  async start(): Promise<void> {
    this.beatGfn = await this.here.create(this.row);
    await this.runs();
  }
  private beatGfn = -1;

  spin(spins: number): Promise<void> {
    return this.here.spin(spins);
  }

  /** Frames that the guest writes a second. */
  async framesPerSecond(nowMs: () => number): Promise<number> {
    const { frames } = this.row.dial;
    if (frames === 0) return 0;
    const [before, ms] = [await this.here.round(), nowMs()];
    let round = before;
    while (round < before + LEAST_ROUNDS) {
      await this.pause(LOOK_MS);
      round = await this.here.round();
    }
    return ((round - before) * frames * 1000) / (nowMs() - ms);
  }

  /** Lets the guest run until it has written all of it. @throws Error where it does not */
  private async runs(): Promise<void> {
    if (this.row.dial.frames === 0) return this.pause(100);
    const before = await this.here.round();
    for (let tries = 0; (await this.here.round()) < before + ROUNDS; tries++) {
      if (tries > 6000) throw new Error(`${this.row.name} does not go on on host ${this.at}.`);
      await this.pause(10);
    }
  }

  /** @throws Error where the guest lost something */
  async move(): Promise<Measured> {
    await this.runs();
    const to = this.at === 'a' ? 'b' : 'a';
    const arrives = this.sides[to].arrives(this.beatGfn);
    const { last, ...moved } = await this.here.move(to);
    await arrives;
    this.at = to;
    const wentOnMs = last && (await this.here.wentOnMs(last.value));
    await this.runs();
    const problem = await this.here.problem();
    if (problem !== undefined) throw new Error(`${this.row.name} lost something: ${problem}.`);
    return { ...moved, ...(wentOnMs === undefined ? {} : { gapMs: wentOnMs - last!.ms }) };
  }

  async end(): Promise<void> {
    await this.here.destroy();
    await this.sides.a.close();
    await this.sides.b.close();
  }
}

/** The guest is pinged this long before and after each move. */
const AROUND_MS = 300;

/** Milliseconds: the median of this many moves, there and back, as host a sees it. */
export async function serviceMs(sides: Sides, moves: number, pause: Pause): Promise<{ ms: number; each: number[] }> {
  await sides.a.serve();
  const each: number[] = [];
  let at: keyof Sides = 'a';
  for (let i = 0; i < moves; i++) {
    const to: keyof Sides = at === 'a' ? 'b' : 'a';
    await sides.a.ping();
    await pause(AROUND_MS);
    await sides[at].move(to);
    await pause(AROUND_MS);
    each.push(await sides.a.silenceMs());
    at = to;
  }
  await sides[at].destroy();
  await sides.a.close();
  await sides.b.close();
  return { ms: median(each), each };
}
