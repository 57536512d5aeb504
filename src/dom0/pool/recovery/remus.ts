/**
 * Remus: checkpoints of a guest go to another host at an interval, and nothing that it sends leaves this one before the checkpoint is there that has it. Where this
 * host is lost the guest goes on there from the last one (failover.ts), and its peers in the network find it as it was, or further. Which of the two runs is decided by the
 * guest's lease alone. Sources: Cully and others, "Remus: High Availability via Asynchronous Virtual Machine Replication" (NSDI 2008); libxl_remus.c of Xen 4.17.
 */
import type { ByteChannel } from '../../host/nbd/index.ts';
import type { Later } from '../../host/index.ts';
import type { CommandHost, Guest, RemusWish, Uses } from '../../toolstack/index.ts';
import { Line } from '../migration/line.ts';
import { hear, say } from '../migration/messages.ts';
import { channelPair, type Neighbours } from '../neighbours.ts';
import type { Ownership } from '../ownership.ts';
import { CHECKPOINT, MOST_MESSAGE_BYTES } from './checkpoint-messages.ts';
import { Checkpointing } from './checkpointing.ts';
import { HeldOutput } from './held-output.ts';

/** A guest that is paused has nothing new to send. */
const LOOK_MS = 100;

export interface RemusParts {
  host: CommandHost;
  neighbours: Pick<Neighbours, 'connect'>;
  ownership: Pick<Ownership, 'copied' | 'notCopied' | 'epochOf'>;
  later: Later;
}

export class Remus {
  private readonly parts: RemusParts;
  /** Whose protection can be ended, and is over when this resolves. */
  private readonly going = new Map<Guest, { stop: AbortController; over: Promise<void> }>();

  constructor(parts: RemusParts) {
    this.parts = parts;
  }

  /** Until `wish.signal` or its own end. @throws Error with a sentence: it could not be protected, or is not any more, and goes on here */
  async protect(guest: Guest, to: string, wish: RemusWish): Promise<void> {
    if (this.going.has(guest)) throw new Error(`${guest.name} is protected already.`);
    refuse(guest, wish);
    const stop = new AbortController();
    const signal = wish.signal ? AbortSignal.any([stop.signal, wish.signal]) : stop.signal;
    const protecting = new Protecting(this.parts, guest, to, { ...wish, signal }).run();
    const over = protecting.catch(() => {});
    this.going.set(guest, { stop, over });
    try {
      await protecting;
    } finally {
      this.going.delete(guest);
    }
  }

  /** This host leaves in order: its guests go on unprotected. */
  async leave(): Promise<void> {
    for (const { stop, over } of [...this.going.values()]) {
      stop.abort();
      await over;
    }
  }
}

/** @throws Error with a sentence: a copy of it would lack something, or not be the guest */
function refuse({ name, blueprint }: Guest, { holdsDisk }: RemusWish): void {
  const { definition, drives = [] } = blueprint;
  if (definition.replicate)
    throw new Error(
      `replicate = "…" of ${name} has its snapshots go to ${definition.replicate.to}, and only one of both knows what it has written. Take it out of its definition first.`,
    );
  for (const { medium, readOnly } of drives)
    if (medium && 'device' in medium && !(readOnly || !holdsDisk))
      throw new Error(
        `${medium.name} cannot be taken back to a checkpoint: what ${name} wrote since would be on it. Give ${name} the disk as a file, which goes with its checkpoints, or leave it out: -F -d.`,
      );
}

/** One guest. */
class Protecting {
  private readonly parts: RemusParts;
  private readonly guest: Guest;
  private readonly to: string;
  private readonly wish: RemusWish & { signal: AbortSignal };
  private output: HeldOutput | undefined;

  constructor(parts: RemusParts, guest: Guest, to: string, wish: RemusWish & { signal: AbortSignal }) {
    this.parts = parts;
    this.guest = guest;
    this.to = to;
    this.wish = wish;
  }

  private get isHere(): boolean {
    const { guest } = this;
    return this.parts.host.toolstack.ownerOf(guest.uuid) === guest && !guest.ending;
  }

  private get isOver(): boolean {
    return this.wish.signal.aborted || !this.isHere;
  }

  async run(): Promise<void> {
    const { guest, to } = this;
    const { host, ownership } = this.parts;
    const isReal = !this.wish.blackhole;
    const epoch = isReal ? await ownership.copied(guest.uuid) : undefined;
    const neighbours = isReal ? this.parts.neighbours : { connect: async () => blackHole(host, to) };
    let line: Checkpointing | undefined;
    try {
      line = await Checkpointing.open({ host, neighbours }, guest, to, 1, epoch);
      await this.checkpoints(line, epoch);
    } finally {
      await line?.end().catch(() => {});
      // Nobody hears what it has sent before the copy that lacks it is void.
      const isMine = !isReal || !this.isHere || (await ownership.notCopied(guest));
      if (isMine) this.output?.end();
      else this.output?.drop();
    }
  }

  private async checkpoints(line: Checkpointing, epoch: number | undefined): Promise<void> {
    const { guest, to, wish } = this;
    const { host, ownership } = this.parts;
    const { jobs } = host.toolstack;
    for (let count = 0; !this.isOver; ) {
      // A move that was given up takes a new lease, by which no copy counts.
      if (epoch !== undefined && ownership.epochOf(guest.uuid) !== epoch)
        throw new Error(`${guest.name} has a new lease, on which the copy on ${to} does not rest. Protect it again.`);
      if (guest.paused) {
        await this.pause(LOOK_MS);
        continue;
      }
      const begunMs = host.clock.hostMs();
      const done = await jobs
        .run(guest.name, 'Snapshot', ({ signal }) =>
          line.take(AbortSignal.any([signal, wish.signal]), () => this.paused()),
        )
        .catch((error: Error) => {
          if (!this.isOver) throw error;
        });
      if (!done) return;
      this.output?.release();
      count++;
      if (count === 1) wish.say?.(`Remus: ${guest.name} is protected: where this host is lost it goes on on ${to}.`);
      wish.taken?.({ ...done, tookMs: host.clock.hostMs() - begunMs });
      await this.pause(Math.max(0, wish.intervalMs - (host.clock.hostMs() - begunMs)));
    }
  }

  /** What it sent before its first checkpoint has gone: there is none yet that could lack it. */
  private paused(): void {
    if (!this.wish.holdsOutput) return;
    this.output ??= new HeldOutput(this.parts.host, this.guest);
    this.output.cut();
  }

  private pause(ms: number): Promise<void> {
    const { signal } = this.wish;
    return new Promise(resolve => {
      const over = (): void => {
        cancel();
        signal.removeEventListener('abort', over);
        resolve();
      };
      const cancel = this.parts.later(ms, over);
      signal.addEventListener('abort', over);
    });
  }
}

/** Takes checkpoints as /dev/null does, and says that it has them. */
function blackHole(host: Uses<'clock'>, name: string): ByteChannel {
  const { ends } = channelPair(host.clock.soon);
  void swallow(new Line(ends[1], name)).catch(() => {});
  return ends[0];
}

async function swallow(line: Line): Promise<void> {
  for (;;) {
    const { type } = await hear(line, MOST_MESSAGE_BYTES);
    if (type === CHECKPOINT.OF) await say(line, CHECKPOINT.READY);
    else if (type === CHECKPOINT.END) await say(line, CHECKPOINT.ACKNOWLEDGED);
    else if (type === CHECKPOINT.STOP) return line.close();
  }
}
