/**
 * Moments of a whole host in virtual time: its memory, its domains, and what Domain 0 knows of them (store, back ends, event channels, scheduler). To go back
 * puts all of it where it was, into the same objects, so that nothing is run again. What came after is forgotten, and the same inputs make the same run.
 */
import { bytesOfPieces, KeptMemory, KeptObjects } from '../../hypervisor/history/index.ts';
import type { Guest, Toolstack, Viewers } from '../toolstack/index.ts';
import type { RunnersMoment } from '../toolstack/runners/index.ts';

/** Memory that all of them take: the oldest goes first, but never the last. */
const MOST_BYTES = 96 * 2 ** 20,
  MOST_MOMENTS = 16;

interface Kept {
  number: number;
  memory: KeptMemory;
  objects: KeptObjects;
  runners: RunnersMoment;
  /** Of those who look at the host. */
  shown: ReadonlyMap<Viewers, Uint8Array>;
  /** Puts the clock of the host back. */
  time: () => void;
}

export class Moments {
  private readonly toolstack: Toolstack<Viewers>;
  private readonly list: Kept[] = [];
  private last = 0;

  constructor(toolstack: Toolstack<Viewers>) {
    this.toolstack = toolstack;
  }

  /** Domain 0 has nothing under way with these domains, and there are no others. */
  private areAlone(domains: readonly number[]): boolean {
    const { members, dying, services, jobs } = this.toolstack;
    return (
      dying.size === 0 &&
      [...members.values()].every(
        ({ record: { id }, name, attachments, released }) =>
          domains.includes(id) &&
          attachments.devices.length === 0 &&
          !released &&
          !services.isBusy(id) &&
          !jobs.of(name),
      )
    );
  }

  /** This moment by its number, where it can be kept. `time`: puts the host's clock back. */
  keep(domains: readonly number[], time: () => void): number | undefined {
    const { toolstack, list } = this,
      { machine } = toolstack;
    if (!this.areAlone(domains)) return undefined;
    const runners = toolstack.runners.moment?.();
    if (!runners) return undefined;
    const before = list.at(-1),
      members = [...toolstack.members.values()];
    list.push({
      number: ++this.last,
      memory: new KeptMemory(machine, before?.memory),
      objects: new KeptObjects({
        from: [toolstack, ...runners.from],
        outside: new Set(this.outside(members, runners)),
        memory: machine.memory,
        before: before?.objects,
      }),
      runners,
      shown: new Map(members.map(({ console }) => [console, console.shown])),
      time,
    });
    while (list.length > MOST_MOMENTS || (list.length > 1 && this.bytes > MOST_BYTES)) list.shift()!.runners.forget();
    return this.last;
  }

  /** Those after this one (0: all) are put back no more. */
  forget(after: number): void {
    const first = this.list.findIndex(({ number }) => number > after);
    if (first >= 0) for (const { runners } of this.list.splice(first)) runners.forget();
  }

  /** What follows the wall's clock, or is people's. */
  private outside(members: readonly Guest[], runners: RunnersMoment): object[] {
    const { parts, listener, hypervisor, view, machine } = this.toolstack;
    return [
      ...runners.outside,
      ...members.map(({ console }) => console),
      ...[parts, parts.recorder, listener, hypervisor, view, machine].filter(each => each !== undefined),
    ];
  }

  /** Memory that they take, bytes. */
  get bytes(): number {
    return bytesOfPieces(this.list.flatMap(({ memory, objects }) => [...memory.pieces(), ...objects.pieces()]));
  }

  /** The host is as it was then, and time stops; false: that moment is not kept any more, or there are others than these domains now. */
  goBack(moment: number, domains: readonly number[]): boolean {
    const { list, toolstack } = this,
      at = list.findIndex(({ number }) => number === moment),
      kept = list[at];
    if (!kept || !this.areAlone(domains)) return false;
    kept.runners.put(() => {
      const changed: number[] = [];
      kept.memory.put(mfn => changed.push(mfn));
      kept.objects.put();
      return changed;
    });
    kept.time();
    for (const [console, shown] of kept.shown) console.goBack(shown);
    this.forget(moment);
    toolstack.listener.listed();
    return true;
  }
}
