/** One of the two hosts between which the guest moves, in this process or in another (processes.ts). */
import type { Host } from '../../dom0/service/index.ts';
import type { Moved } from '../../dom0/toolstack/index.ts';
import type { Beats, Change } from './beats.ts';
import { pings, type Served, serve } from './service.ts';
import { BEAT_GFN, type Dial, FIRST_GFN, writer, writerProblem } from './writer.ts';

export interface Row {
  name: string;
  mib: number;
  dial: Dial;
  /** Of the guest that is pinged, where it is that one. */
  served?: Served;
}

/** What is asked of a host that has the guest, or gets it. */
export interface Side {
  create(row: Row): Promise<void>;
  /** The first word that the guest writes. */
  count(): Promise<number>;
  /** `last`: the guest's last beat here, where those are watched. */
  move(to: string): Promise<Moved & { last?: Change }>;
  /** Resolves once the guest that is on its way here is watched. */
  arrives(): Promise<void>;
  /** When the guest went on here from this beat; undefined: that is not watched. */
  wentOnMs(from: number): Promise<number | undefined>;
  /** What contradicts that the guest has lost nothing; it stands still for that. */
  problem(): Promise<string | undefined>;
  destroy(): Promise<void>;
  /** Boots the row's guest that is pinged. */
  serve(): Promise<void>;
  /** Pings it from now on, every 10 ms. */
  ping(): Promise<void>;
  /** No longer: milliseconds between two answers, at most. */
  silenceMs(): Promise<number>;
  /** Nobody asks anything of it any more. */
  close(): Promise<void>;
}

export class HostSide implements Side {
  private readonly host: Host;
  private readonly row: Row;
  private readonly pause: (ms: number) => Promise<void>;
  private readonly beats: Beats | undefined;

  constructor(host: Host, row: Row, pause: (ms: number) => Promise<void>, beats?: Beats) {
    this.host = host;
    this.row = row;
    this.pause = pause;
    this.beats = beats;
  }

  private async guest(): Promise<{ id: number; state: string }> {
    const [guest] = await this.host.list();
    if (!guest) throw new Error('The guest is not on the host where it should be.');
    return guest;
  }

  async create({ mib, dial }: Row): Promise<void> {
    await this.host.create([
      { name: 'w.cfg', data: new Blob([`name = "w"\ntype = "hvm"\nmemory = ${mib}\nkernel = "w.elf"\n`]) },
      { name: 'w.elf', data: new Blob([writer(dial) as BlobPart]) },
    ]);
    await this.arrives();
  }

  async arrives(): Promise<void> {
    const { beats, host } = this;
    if (!beats) return;
    const { machine, members } = host.toolstack;
    for (;;) {
      for (const { record } of members.values()) {
        const mfn = machine.secondStage(record).mfn(BEAT_GFN);
        if (mfn >= 0) return beats.watch(mfn << 10);
      }
      await this.pause(1);
    }
  }

  async wentOnMs(from: number): Promise<number | undefined> {
    return (await this.beats?.comesAfter(from, this.pause))?.ms;
  }

  /** The first word of each guest frame. */
  private async words(): Promise<(gfn: number) => number> {
    const { machine } = this.host.toolstack;
    const stage = machine.secondStage(this.host.member((await this.guest()).id).record);
    return gfn => machine.words[stage.mfn(gfn) << 10]! >>> 0;
  }

  async count(): Promise<number> {
    return (await this.words())(FIRST_GFN);
  }

  async move(to: string): Promise<Moved & { last?: Change }> {
    const moved = await this.host.migrate((await this.guest()).id, to);
    const last = this.beats?.last;
    this.beats?.watch(-1);
    return { ...moved, ...(last ? { last } : {}) };
  }

  async problem(): Promise<string | undefined> {
    const { id } = await this.guest();
    await this.host.pause(id);
    for (let tries = 0; tries < 100 && (await this.guest()).state !== 'p'; tries++) await this.pause(10);
    await this.pause(20);
    const problem = writerProblem(this.row.dial, await this.words());
    await this.host.unpause(id);
    return problem;
  }

  async destroy(): Promise<void> {
    await this.host.destroy((await this.guest()).id);
  }

  async serve(): Promise<void> {
    const { mib, served = { pages: 0, pauseUs: 0 } } = this.row;
    await serve(this.host, mib, served, this.pause);
  }

  async ping(): Promise<void> {
    this.listens = pings(this.host);
  }

  async silenceMs(): Promise<number> {
    return this.listens();
  }
  private listens = async (): Promise<number> => Infinity;

  async close(): Promise<void> {
    this.beats?.end();
    this.host.toolstack.close();
  }
}
