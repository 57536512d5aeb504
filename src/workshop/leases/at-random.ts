/**
 * The protocol's own code among hosts whose network delays, reorders, loses and is cut, and which end and sleep, in virtual time. Model guests write their count
 * to a disk that all hosts reach: each write must follow the one before, so that a second copy, or an earlier copy, shows itself at its first write. Of a guest
 * of which another host keeps copies (Remus) a write counts once a copy that knows of it is there, and none that counts may be missing where that one goes on.
 */
import {
  Coordinator,
  type Effect,
  type HandShake,
  Holder,
  LEASE_TIMING,
  type LeaseAnswer,
  type LeaseRequest,
  type LeaseTiming,
} from '../../dom0/pool/leases/index.ts';
import type { Pick } from '../harness/pick.ts';

export interface RandomRun {
  /** What went wrong, and when. */
  problem?: string;
  /** How often each thing came. */
  counts: Record<Count, number>;
}

type Count = 'writes' | 'moves' | 'losses' | 'cuts' | 'ends' | 'sleeps' | 'starts' | 'refusals' | 'copies' | 'takeUps';

const HOSTS = 4;
const GUESTS = 3;
const STEP_MS = 100;
const TROUBLE_MS = 120_000;
/** From then on nothing fails: all guests must run within it, and go on. */
const QUIET_MS = 60_000;
/** A move that has not ended is given up by its sender. */
const GIVE_UP_MS = 5000;

/** Between two copies of a guest that is protected; after this long without a word the other host is given up. */
const COPY_MS = 500,
  SILENT_MS = 3000;

interface Disk {
  /** It takes nothing of an older epoch. */
  fence: number;
  count: number;
}

/** A guest as one host has it. */
interface Copy {
  count: number;
  runsBy?: number;
  /** A copy that came, and did not run its first instruction. */
  isFresh?: boolean;
  /** It was kept here for the case that its host is lost. */
  isKept?: boolean;
  /** It could not be started here. */
  isBad?: boolean;
  sentMs?: number;
  /** Its writes wait until a copy that knows of them is on another host. `ends`: that is to end. */
  protected?: { to: number; sentMs: number; heardMs: number; ends?: true };
}

/** A copy that a host keeps to go on with, where the guest's own is lost. */
interface Kept {
  from: number;
  epoch: number;
  count: number;
  atMs: number;
}

interface Host {
  holder: Holder;
  copies: Map<string, Copy>;
  kept: Map<string, Kept>;
  /** Of a guest that it goes on with by a copy: what comes by that lease yet is refused. */
  refused: Map<string, number>;
  asleepUntilMs?: number | undefined;
  /** Of its clock: all run alike, but for a few parts of a hundred. */
  rate: number;
  nextNumber: number;
}

type Packet = { from: number; to: number; atMs: number } & (
  | { request: LeaseRequest }
  | { answer: LeaseAnswer }
  | { shake: HandShake }
  | { copied: string; epoch: number; count: number }
  | { checkpoint: string; epoch: number; count: number }
  | { acknowledged: string; epoch: number; count: number }
);

class Broken extends Error {}

class Trouble {
  readonly counts: Record<Count, number> = {
    writes: 0,
    moves: 0,
    losses: 0,
    cuts: 0,
    ends: 0,
    sleeps: 0,
    starts: 0,
    refusals: 0,
    copies: 0,
    takeUps: 0,
  };
  private nowMs = 0;
  private readonly pick: Pick;
  private readonly timing: LeaseTiming;
  private readonly hosts: Host[];
  private readonly disks = new Map<string, Disk>();
  private coordinator: Coordinator;
  private packets: Packet[] = [];
  /** Until when two hosts do not hear each other. */
  private readonly cutUntilMs = new Map<string, number>();
  private readonly lossPercent: number;

  constructor(pick: Pick, timing: LeaseTiming) {
    this.pick = pick;
    this.timing = timing;
    this.coordinator = new Coordinator(timing);
    this.lossPercent = pick(25);
    this.hosts = Array.from({ length: HOSTS }, (_each, index) => this.newHost(index, 1));
    for (let guest = 0; guest < GUESTS; guest++) this.disks.set(`g${guest}`, { fence: 0, count: 0 });
  }

  private newHost(index: number, nextNumber: number): Host {
    const holder = new Holder(String(index), this.timing, { guests: [], sentMs: [], nextNumber });
    return {
      holder,
      copies: new Map(),
      kept: new Map(),
      refused: new Map(),
      rate: 0.97 + this.pick(7) / 100,
      nextNumber,
    };
  }

  run(): void {
    while (this.nowMs < TROUBLE_MS + QUIET_MS) {
      this.nowMs += STEP_MS;
      const isQuiet = this.nowMs >= TROUBLE_MS;
      if (!isQuiet) this.happen();
      for (const index of this.hosts.keys()) this.wake(index, isQuiet);
      this.deliver();
      for (const index of this.hosts.keys()) this.step(index);
      this.startWhatIsLost(isQuiet);
      if (this.nowMs === TROUBLE_MS + QUIET_MS - 1000) this.checkAllRun();
    }
  }

  // ---- what goes wrong

  private happen(): void {
    const { pick, hosts } = this;
    const index = pick(HOSTS);
    const host = hosts[index];
    const chance = pick(1000);
    if (chance < 4) this.end(index);
    else if (chance < 10 && !this.isAsleep(host)) {
      this.counts.sleeps++;
      host.asleepUntilMs = this.nowMs + pick(30_000);
    } else if (chance < 20) this.cut(index);
    else if (chance < 60) this.move(index);
    else if (chance < 70) this.giveUp(index, 0);
    else if (chance < 80) this.protect(index);
  }

  /** A host ends and starts again at once; what it had is lost. The coordinator has written down what it decided. */
  private end(index: number): void {
    this.counts.ends++;
    // Numbers are not used again.
    const nextNumber = this.hosts[index].nextNumber + 1_000_000;
    this.hosts[index] = this.newHost(index, nextNumber);
    // The line by which copies come to it has broken: none comes to the next host of that name, which does not know what came before.
    this.packets = this.packets.filter(packet => !('checkpoint' in packet && packet.to === index));
    if (index === 0) this.restartCoordinator();
  }

  private restartCoordinator(): void {
    this.coordinator = new Coordinator(this.timing, structuredClone(this.coordinator.keep()));
    this.coordinator.renewAll(this.hostMs(0));
  }

  /** One host from another, or from all. */
  private cut(index: number): void {
    this.counts.cuts++;
    const untilMs = this.nowMs + this.pick(30_000);
    const from = this.pick(2) === 0 ? [this.pick(HOSTS)] : [...this.hosts.keys()];
    for (const other of from) this.cutUntilMs.set(linkOf(index, other), untilMs);
  }

  private move(index: number): void {
    const host = this.hosts[index];
    const guest = `g${this.pick(GUESTS)}`;
    const to = this.pick(HOSTS);
    const copy = host.copies.get(guest);
    if (this.isAsleep(host) || to === index || copy?.runsBy === undefined || copy.isFresh || copy.protected) return;
    const { epoch } = host.holder.of(guest)!;
    this.carryOut(index, host.holder.send(guest, String(to)));
    this.counts.moves++;
    copy.sentMs = this.nowMs;
    this.send({ from: index, to, copied: guest, epoch, count: copy.count }, 200 + this.pick(2000));
  }

  /** Another host is to have copies of a guest, or, of one of which one has, none any more. */
  private protect(index: number): void {
    const host = this.hosts[index];
    const guest = `g${this.pick(GUESTS)}`;
    const to = this.pick(HOSTS);
    const copy = host.copies.get(guest);
    if (this.isAsleep(host) || to === index || copy?.runsBy === undefined || copy.isFresh) return;
    if (copy.protected) return this.unprotect(index, guest, copy);
    copy.protected = { to, sentMs: 0, heardMs: this.nowMs };
    this.carryOut(index, host.holder.renewAnew(guest, { isCopied: true }, this.hostMs(index)));
  }

  private unprotect(index: number, guest: string, copy: Copy): void {
    copy.protected!.ends = true;
    this.carryOut(index, this.hosts[index].holder.renewAnew(guest, {}, this.hostMs(index)));
  }

  /** The host of a guest that is protected sends copies, and gives the other one up that does not acknowledge them. */
  private copyOf(index: number, guest: string, copy: Copy): void {
    const { protected: kept } = copy;
    const held = this.hosts[index].holder.of(guest);
    if (!kept || held?.as !== 'running' || held.anew) return;
    if (kept.ends) {
      // No copy rests on its lease: what waited goes.
      this.write(this.disks.get(guest)!, copy.count);
      delete copy.protected;
    } else if (this.nowMs - kept.heardMs > SILENT_MS) this.unprotect(index, guest, copy);
    else if (this.nowMs - kept.sentMs >= COPY_MS) {
      kept.sentMs = this.nowMs;
      this.counts.copies++;
      this.send({ from: index, to: kept.to, checkpoint: guest, epoch: held.epoch, count: copy.count });
    }
  }

  /** Of a guest that is kept here nobody has heard for this long that its host may be lost. */
  private takeUp(index: number): void {
    const { holder, kept, copies, refused } = this.hosts[index];
    for (const [guest, { from, epoch, count, atMs }] of kept) {
      if (this.nowMs - atMs < SILENT_MS || holder.of(guest)) continue;
      kept.delete(guest);
      refused.set(guest, epoch);
      const taken = holder.takeUp(guest, String(from), epoch, this.hostMs(index));
      if (taken.length > 0) {
        this.counts.takeUps++;
        copies.set(guest, { count, isFresh: true, isKept: true });
      }
      this.carryOut(index, taken);
    }
  }

  private write(disk: Disk, count: number): void {
    this.counts.writes += Math.max(0, count - disk.count);
    disk.count = Math.max(disk.count, count);
  }

  private giveUp(index: number, afterMs: number): void {
    const host = this.hosts[index];
    if (this.isAsleep(host)) return;
    for (const [guest, { sentMs }] of host.copies)
      if (sentMs !== undefined && this.nowMs - sentMs >= afterMs)
        this.carryOut(index, host.holder.cancel(guest, this.hostMs(index)));
  }

  // ---- messages

  private send(packet: DistributiveOmit<Packet, 'atMs'>, delayMs = 0): void {
    const { pick } = this;
    const isQuiet = this.nowMs >= TROUBLE_MS;
    // Most come soon, some late, and so after others that were sent later.
    const lateMs = isQuiet ? pick(50) : pick(10) > 0 ? pick(300) : pick(10_000);
    this.packets.push({ ...packet, atMs: this.nowMs + delayMs + lateMs } as Packet);
  }

  private deliver(): void {
    const due = this.packets.filter(({ atMs }) => atMs <= this.nowMs).sort((a, b) => a.atMs - b.atMs);
    this.packets = this.packets.filter(({ atMs }) => atMs > this.nowMs);
    for (const packet of due) {
      const { from, to } = packet;
      // What comes to one that sleeps waits.
      if (this.isAsleep(this.hosts[to])) this.packets.push({ ...packet, atMs: this.hosts[to].asleepUntilMs! });
      else if (this.isLost(from, to)) this.counts.losses++;
      else this.take(packet);
    }
  }

  private isLost(from: number, to: number): boolean {
    if (this.nowMs >= TROUBLE_MS || from === to) return false;
    return (this.cutUntilMs.get(linkOf(from, to)) ?? 0) > this.nowMs || this.pick(100) < this.lossPercent;
  }

  private take(packet: Packet): void {
    const { from, to } = packet;
    const { holder, copies } = this.hosts[to];
    const nowMs = this.hostMs(to);
    if ('request' in packet)
      for (const each of this.coordinator.receive(String(from), packet.request, this.hostMs(0)))
        this.send({ from: 0, to: Number(each.to), answer: each.answer });
    else if ('answer' in packet) this.carryOut(to, holder.answered(packet.answer, nowMs));
    else if ('shake' in packet) this.carryOut(to, holder.heard(String(from), packet.shake, nowMs));
    else if ('checkpoint' in packet) {
      const { checkpoint: guest, epoch, count } = packet;
      const { kept, refused } = this.hosts[to];
      const known = kept.get(guest);
      // They come in order, as on one line, or not at all.
      if (epoch <= (refused.get(guest) ?? 0) || (known && (epoch < known.epoch || count < known.count))) return;
      kept.set(guest, { from, epoch, count, atMs: this.nowMs });
      this.send({ from: to, to: from, acknowledged: guest, epoch, count });
    } else if ('acknowledged' in packet) {
      const { acknowledged: guest, epoch, count } = packet;
      const copy = copies.get(guest);
      if (!copy?.protected || copy.protected.ends || holder.of(guest)?.epoch !== epoch) return;
      copy.protected.heardMs = this.nowMs;
      this.write(this.disks.get(guest)!, count);
    } else {
      const { copied, epoch, count } = packet;
      const taken = holder.received(copied, String(from), epoch, nowMs);
      if (taken.length > 0) copies.set(copied, { count, isFresh: true, isBad: this.pick(10) === 0 });
      this.carryOut(to, taken);
    }
  }

  private carryOut(index: number, effects: Effect[]): void {
    const host = this.hosts[index];
    for (const effect of effects) {
      if (effect.do === 'ask') {
        host.nextNumber = Math.max(host.nextNumber, effect.request.number + 1);
        this.send({ from: index, to: 0, request: effect.request });
      } else if (effect.do === 'shake') this.send({ from: index, to: Number(effect.to), shake: effect.message });
      else if (effect.do === 'run') this.start(host, effect.guest, effect.epoch);
      else if (effect.do === 'drop') host.copies.delete(effect.guest);
      else delete host.copies.get(effect.guest)?.runsBy;
    }
  }

  private start(host: Host, guest: string, epoch: number): void {
    const disk = this.disks.get(guest)!;
    // A disk that has been opened by a newer epoch refuses it.
    if (epoch < disk.fence) throw new Broken(`${guest} is to run by epoch ${epoch}, and its disk is at ${disk.fence}`);
    disk.fence = epoch;
    const copy = host.copies.get(guest) ?? { count: disk.count };
    delete copy.sentMs;
    copy.runsBy = epoch;
    host.copies.set(guest, copy);
  }

  // ---- time

  private hostMs(index: number): number {
    return this.nowMs * this.hosts[index].rate;
  }

  private isAsleep(host: Host): boolean {
    return (host.asleepUntilMs ?? 0) > this.nowMs;
  }

  /** That time has passed is the first that a host hears after a sleep. */
  private wake(index: number, isQuiet: boolean): void {
    const host = this.hosts[index];
    if (host.asleepUntilMs === undefined || (this.isAsleep(host) && !isQuiet)) return;
    host.asleepUntilMs = undefined;
    if (index === 0) this.restartCoordinator();
    this.carryOut(index, host.holder.tick(this.hostMs(index)));
  }

  private step(index: number): void {
    const host = this.hosts[index];
    if (this.isAsleep(host)) return;
    this.carryOut(index, host.holder.tick(this.hostMs(index)));
    this.giveUp(index, GIVE_UP_MS);
    this.takeUp(index);
    for (const [guest, copy] of host.copies) if (copy.runsBy !== undefined) this.runGuest(index, guest, copy);
  }

  private runGuest(index: number, guest: string, copy: Copy): void {
    const { holder } = this.hosts[index];
    if (copy.isFresh && copy.isBad) {
      this.counts.refusals++;
      delete copy.runsBy;
      delete copy.isBad;
      copy.sentMs = this.nowMs;
      return this.carryOut(index, holder.decline(guest, this.hostMs(index)));
    }
    if (copy.isFresh) {
      delete copy.isFresh;
      // What of it nobody had acknowledged has come to its end, too.
      if (copy.isKept) this.write(this.disks.get(guest)!, copy.count);
      delete copy.isKept;
      this.carryOut(index, holder.started(guest));
    }
    const others = this.hosts.flatMap((other, at) =>
      at !== index && other.copies.get(guest)?.runsBy !== undefined && !this.isAsleep(other) ? [at] : [],
    );
    if (others.length > 0) throw new Broken(`hosts ${index} and ${others[0]} run ${guest}`);
    const disk = this.disks.get(guest)!;
    if (copy.runsBy! < disk.fence) throw new Broken(`host ${index} runs ${guest}, and its disk takes nothing of it`);
    if (copy.protected ? copy.count < disk.count : copy.count !== disk.count)
      throw new Broken(`host ${index} runs ${guest} as it was at write ${copy.count} of ${disk.count}`);
    copy.count++;
    if (copy.protected) this.copyOf(index, guest, copy);
    else this.write(disk, copy.count);
  }

  /** Somebody starts a guest of which the host was lost; while there is trouble, also one of which it was not. */
  private startWhatIsLost(isQuiet: boolean): void {
    for (const guest of this.disks.keys()) {
      const index = this.pick(HOSTS);
      const host = this.hosts[index];
      if (this.isAsleep(host) || host.holder.of(guest)) continue;
      const isAnywhere = this.hosts.some(({ copies }) => copies.get(guest)?.runsBy !== undefined);
      if (isQuiet ? isAnywhere : this.pick(isAnywhere ? 100 : 5) > 0) continue;
      this.counts.starts++;
      this.carryOut(index, host.holder.acquire(guest, this.hostMs(index)));
    }
  }

  private checkAllRun(): void {
    for (const guest of this.disks.keys())
      if (!this.hosts.some(({ copies }) => copies.get(guest)?.runsBy !== undefined))
        throw new Broken(`${guest} does not run any more`);
  }

  get atMs(): number {
    return this.nowMs;
  }
}

type DistributiveOmit<Each, Key extends string> = Each extends unknown ? Omit<Each, Key> : never;

const linkOf = (a: number, b: number): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

/** Three minutes of four hosts and three guests. The same numbers, the same run. */
export function runAtRandom(pick: Pick, timing: LeaseTiming = LEASE_TIMING): RandomRun {
  const trouble = new Trouble(pick, timing);
  try {
    trouble.run();
    return { counts: trouble.counts };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { problem: `${error.message}, after ${(trouble.atMs / 1000).toFixed(1)} s`, counts: trouble.counts };
  }
}
