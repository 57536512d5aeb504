/** One of the two hosts between which the guest moves, in this process or in another (processes.ts). */
import type { Host } from '../../dom0/service/index.ts';
import type { Moved } from '../../dom0/toolstack/index.ts';
import { FRAMES_A_MIB } from '../../hypervisor/layout/index.ts';
import type { Beats, Change } from './beats.ts';
import { definitionOf, type Row } from './guest.ts';
import { pings, serve } from './service.ts';
import { MARK, WORD } from './writer.ts';

/** How often a guest that boots is looked at until it writes, and after how long again. */
const MOST_LOOKS = 1200,
  LOOK_MS = 100;

/** What is asked of a host that has the guest, or gets it. */
export interface Side {
  /** Resolves once the guest writes: in this guest frame lies its beat. */
  create(row: Row): Promise<number>;
  /** The round that it is in. */
  round(): Promise<number>;
  /** Turns its dial. */
  spin(spins: number): Promise<void>;
  /** `last`: the guest's last beat here, where those are watched. */
  move(to: string): Promise<Moved & { last?: Change }>;
  /** Resolves once the guest that is on its way here is watched, whose beat lies there. */
  arrives(beatGfn: number): Promise<void>;
  /** When the guest went on here from this beat; undefined: that is not watched. */
  wentOnMs(from: number): Promise<number | undefined>;
  /** What contradicts that the guest has lost nothing. */
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

  async create(row: Row): Promise<number> {
    const files = definitionOf(row).map(({ name, data }) => ({ name, data: new Blob([data as BlobPart]) }));
    await this.host.create(files);
    const beatGfn = await this.findsBeat();
    await this.arrives(beatGfn);
    return beatGfn;
  }

  /** @throws Error where it does not come */
  private async findsBeat(): Promise<number> {
    const { machine } = this.host.toolstack;
    const stage = machine.secondStage(await this.record());
    for (let tries = 0; tries < MOST_LOOKS; tries++) {
      for (let gfn = 0; gfn < this.row.mib * FRAMES_A_MIB; gfn++) {
        const mfn = stage.mfn(gfn);
        if (mfn >= 0 && MARK.every((mark, i) => machine.words[(mfn << 10) + WORD.MARK + i]! >>> 0 === mark)) return gfn;
      }
      await this.pause(LOOK_MS);
    }
    throw new Error(`${this.row.name} does not begin to write.`);
  }

  async arrives(beatGfn: number): Promise<void> {
    const { beats, host } = this;
    this.beatGfn = beatGfn;
    if (!beats) return;
    const { machine, members } = host.toolstack;
    for (;;) {
      for (const { record } of members.values()) {
        const mfn = machine.secondStage(record).mfn(beatGfn);
        if (mfn >= 0) return beats.watch(mfn << 10);
      }
      await this.pause(1);
    }
  }
  private beatGfn = -1;

  async wentOnMs(from: number): Promise<number | undefined> {
    return (await this.beats?.comesAfter(from, this.pause))?.ms;
  }

  private async record() {
    return this.host.domains.member((await this.guest()).id).record;
  }

  /** Where in the machine's memory this word of the beat's page lies. */
  private async at(word: number): Promise<number> {
    const { machine } = this.host.toolstack;
    return (machine.secondStage(await this.record()).mfn(this.beatGfn) << 10) + word;
  }

  private async word(word: number): Promise<number> {
    return this.host.toolstack.machine.words[await this.at(word)]! >>> 0;
  }

  async round(): Promise<number> {
    return this.word(WORD.ROUND);
  }

  async spin(spins: number): Promise<void> {
    this.host.toolstack.machine.words[await this.at(WORD.SPINS)] = spins;
  }

  async move(to: string): Promise<Moved & { last?: Change }> {
    const moved = await this.host.migrate((await this.guest()).id, to);
    const last = this.beats?.last;
    this.beats?.watch(-1);
    return { ...moved, ...(last ? { last } : {}) };
  }

  async problem(): Promise<string | undefined> {
    const lost = await this.word(WORD.LOST);
    return lost === 0 ? undefined : `${lost} frames did not have what it wrote in the round before`;
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
