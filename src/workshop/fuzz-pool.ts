/**
 * npm run -s fuzz:pool -- [--messages N] [--seed S] [--within SECONDS]
 *
 * A hostile member of a pool, which has the pool's code: N messages (1,000,000 by default), malformed and nearly right, to a real host through a real hub: links,
 * channels, documents, frames, leases, moves, checkpoints, and NBD. It passes if the host runs on, its link with another host does, and memory does not grow.
 */
import {
  channelPair,
  hostIdOf,
  introduction,
  Link,
  membershipOf,
  type Pool,
  type Service,
} from '../dom0/pool/index.ts';
import { type ByteChannel, serveNbd } from '../dom0/host/nbd/index.ts';
import { MemoryDisk } from '../formats/blocks/index.ts';
import { Arena, pause, random } from './fuzz/pool/arena.ts';
import { channelMessage, type Maker, makers } from './fuzz/pool/messages.ts';
import { Growth } from './harness/growth.ts';
import { number, within } from './harness/options.ts';
import { type Pick, picker } from './harness/pick.ts';
import { program } from './harness/program.ts';
import { soon } from '../cli/node-clock.ts';

const SALT_BYTES = 16;
/** Messages that go at once; of this many the pool is looked after. */
const BATCH = 32,
  ROUND = 20_000;
/** What is kept for a hostile member is bounded: documents, sentences, names. */
const MOST_GROWTH_MIB = 48;
const MIB = 2 ** 20;

const SERVICES = ['state', 'frames', 'leases', 'migrate', 'disks', 'checkpoints'] as const satisfies Service[];
type Kind = (typeof SERVICES)[number] | 'nbd' | 'channels' | 'links';
/** Of each hundred messages. */
const SHARES: Record<Kind, number> = {
  channels: 26,
  state: 20,
  frames: 20,
  leases: 8,
  migrate: 8,
  disks: 2,
  checkpoints: 8,
  nbd: 6,
  links: 2,
};

/** Of a client that knows options, and wants no zeros. */
const NBD_FLAGS = Uint8Array.of(0, 0, 0, 3);

/** Who hears nothing of a room. */
const DEAF = { came: () => {}, gone: () => {}, message: () => {}, drained: () => {}, closed: () => {} };

class Attack {
  private readonly arena: Arena;
  private readonly pick: Pick;
  private readonly make = makers();
  private zulu: Pool | undefined;
  private names = 0;
  private heard = 0;
  readonly counts = new Map<Kind, number>();
  /** What the host said of it, without names and numbers. */
  readonly refusals = new Map<string, number>();

  constructor(arena: Arena, pick: Pick) {
    this.arena = arena;
    this.pick = pick;
  }

  async round(messages: number): Promise<void> {
    for (const [kind, share] of Object.entries(SHARES) as [Kind, number][]) {
      const count = Math.ceil((messages * share) / 100);
      if (kind === 'links') await this.links(count);
      else if (kind === 'channels') await this.channels(count);
      else for (let left = count; left > 0; ) left -= await this.onChannel(kind, this.make[kind], left);
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + count);
      this.hear();
    }
  }

  /** Its task log has the last ones. */
  private hear(): void {
    for (const { id, message } of this.arena.alfa.tasks.list()) {
      if (id <= this.heard || message === undefined) continue;
      this.heard = id;
      const sentence = message
        .replace(/\(.*\)/g, '(…)')
        .replace(/\b(zulu|yan)-\d+/g, 'it')
        .replace(/\d+/g, 'N');
      this.refusals.set(sentence, (this.refusals.get(sentence) ?? 0) + 1);
    }
  }

  private async member(): Promise<Pool> {
    if (this.zulu?.left === undefined && this.zulu?.hosts.some(({ name }) => name === 'alfa')) return this.zulu;
    this.zulu?.leave();
    return (this.zulu = await this.arena.enter(`zulu-${++this.names % 100_000}`));
  }

  private async channel(kind: (typeof SERVICES)[number] | 'nbd'): Promise<ByteChannel> {
    if (kind !== 'nbd') {
      const channel = await (await this.member()).connect('alfa', kind);
      if (kind === 'disks') channel.send(NBD_FLAGS.slice());
      return channel;
    }
    const disk = { device: new MemoryDisk(new Uint8Array(MIB)), readOnly: false };
    const { ends } = channelPair(soon);
    serveNbd(ends[1], { names: () => ['disk'], open: () => ({ ...disk, close: () => {} }), look: () => disk });
    ends[0].send(NBD_FLAGS.slice());
    return ends[0];
  }

  /** On one channel, until the host ends it. How many messages. */
  private async onChannel(kind: (typeof SERVICES)[number] | 'nbd', make: Maker, most: number): Promise<number> {
    const channel = await this.channel(kind);
    let isOver = false;
    channel.listen(
      () => {},
      () => (isOver = true),
    );
    let sent = 0;
    while (!isOver && sent < most) {
      for (let i = 0; i < BATCH && sent < most; i++, sent++) channel.send(make(this.pick));
      while (!isOver && channel.waitingBytes > 0) await pause(0);
      await pause(0);
    }
    channel.close();
    return sent;
  }

  /** What is sealed rightly, and no channel's. */
  private async channels(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const room = await this.arena.room();
      const secret = await this.arena.secret;
      let isOver = false;
      const links = new Map<number, Link>();
      const before = room.listen({
        ...DEAF,
        message: (from, message) => links.get(from)?.take(message),
        closed: () => (isOver = true),
      });
      for (const number of before)
        links.set(
          number,
          new Link({
            secret,
            salt: random(SALT_BYTES),
            send: message => room.send(number, message),
            opened: () => {},
            broken: () => {},
          }),
        );
      const introduced = introduction(
        { id: hostIdOf(random(16)), name: `yan-${this.pick(1e6)}`, version: '', role: 'member' },
        '0'.repeat(32),
      );
      // This many before it begins again: it does not hear that it was refused.
      const some = Math.min(left, 200);
      for (const link of links.values()) {
        link.send(Uint8Array.of(0, 0, 0, 0, 0, 0, ...introduced));
        for (let i = 0; i < some; i++) link.send(channelMessage(this.pick));
      }
      while (!isOver && (room.waitingBytes > 0 || [...links.values()].some(({ waitingBytes }) => waitingBytes > 0)))
        await pause(0);
      room.leave();
      left -= some;
    }
  }

  /** What nobody has sealed. */
  private async links(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 8) {
      const room = await this.arena.room();
      const before = room.listen(DEAF);
      for (const number of before)
        for (let i = 0; i < 8; i++) room.send(number, random(i === 0 ? SALT_BYTES : this.pick(80)));
      while (room.waitingBytes > 0) await pause(0);
      room.leave();
    }
  }

  leave(): void {
    this.zulu?.leave();
  }
}

export const main = program({
  name: 'fuzz:pool',
  options: { messages: number(1_000_000), seed: number(1), within: within() },
  run: async ({ messages, seed, within }, write) => {
    const arena = await Arena.open();
    const attack = new Attack(arena, picker(seed)),
      growth = new Growth(MOST_GROWTH_MIB);
    let problem: string | undefined;
    let sent = 0;
    while (sent < messages && problem === undefined && !within.isOver()) {
      const round = Math.min(ROUND, messages - sent);
      await attack.round(round);
      sent += round;
      problem = await arena.problem(`after ${sent}`);
      growth.begin();
    }
    attack.leave();
    await pause(100);
    const left = membershipOf(arena.alfa).here.pool.left;
    if (left !== undefined) problem ??= `alfa has left: ${left}`;
    const grown = growth.problem();
    problem ??= grown;
    write(
      `${sent} messages from seed ${seed}: ${[...attack.counts].map(([kind, count]) => `${count} ${kind}`).join(', ')}\n`,
    );
    for (const [why, count] of [...attack.refusals].sort(([, a], [, b]) => b - a).slice(0, 20))
      write(`${String(count).padStart(8)}  ${why}\n`);
    write(`${growth.text}\n${problem ?? 'the host and what it has with others went on'}\n`);
    await arena.close();
    return problem === undefined ? 0 : 1;
  },
});
