/**
 * One guest that reaches its disk in five ways: made, timed and taken away again. The figures were counted by the hypervisor and the back end during this very
 * run; an empty run of the same command, whose typing, echo and answer cost what they cost, is taken off.
 *
 * Times are compared, so all have like conditions: each has done the same work some times before, when what is hot is compiled; then they take turns, and
 * each begins another round, so that what this computer does meanwhile meets all of them. Of each way the run with the middle time is shown, with the fastest and
 * the slowest next to it.
 */
import type { DomainInfo, Facts } from '../../dom0/service/index.ts';
import type { Hypervisor, OfEach } from '../hypervisors/of-host.ts';
import { whole } from '../units.ts';
import { type GuestMaker, MadeGuest } from './made-guests.ts';

export type WayId = 'pio' | 'dma' | 'pvhvm' | 'pvh' | 'virtio';
export type Direction = 'read' | 'write';

interface Way {
  id: WayId;
  type: 'hvm' | 'pvh';
  /** Its disk in the definition, and the name of its driver in the guest's shell. */
  vdev: string;
  driver: string;
  /** What the guest does before its shell. */
  extra: string;
  /** Lines of its definition; `ofHost`: what a PC has on the host. */
  lines(ofHost: string): string;
}

const pc =
  (own?: string): Way['lines'] =>
  ofHost =>
    `serial = "pty"\n${own ?? ofHost}\n`;

export const WAYS: readonly Way[] = [
  { id: 'pio', type: 'hvm', vdev: 'hda', driver: 'pio', extra: '', lines: pc() },
  { id: 'dma', type: 'hvm', vdev: 'hda', driver: 'dma', extra: '', lines: pc() },
  { id: 'pvhvm', type: 'hvm', vdev: 'hda', driver: 'hda', extra: 'unplug', lines: pc() },
  { id: 'pvh', type: 'pvh', vdev: 'xvda', driver: 'xvda', extra: '', lines: () => '' },
  { id: 'virtio', type: 'hvm', vdev: 'vda', driver: 'vda', extra: '', lines: pc('kvm = 1') },
];
/** Ways that a host has not, those of Xen's rings, and what a PC has there. */
const HOSTS: OfEach<{ lacks: readonly WayId[]; pc: string }> = {
  xen: { lacks: [], pc: 'device_model_stubdomain_override = 0' },
  kvm: { lacks: ['pvhvm', 'pvh'], pc: 'kvm = 1' },
};
/** Those that a host has. */
export const waysOf = ({ hypervisor = 'xen' }: Pick<WaysHost, 'hypervisor'>): readonly Way[] =>
  WAYS.filter(({ id }) => !HOSTS[hypervisor].lacks.includes(id));

/** What each moves: so much, in requests of so much, this many at a time where the disk takes several. */
export const REQUEST_KIB = 64,
  DEPTH = 8;
export interface Work {
  direction: Direction;
  mib: number;
}
/** How often each does all of it before it is timed, and how often it is timed: an odd number has a middle one. */
export interface Rounds {
  warm: number;
  timed: number;
}
export const ROUNDS: Rounds = { warm: 3, timed: 5 };
const SECTORS_A_MIB = 2048,
  DISK_BYTES = 4 * 2 ** 20,
  MEMORY_MIB = 8;
/**
 * The device model in Domain 0, as Xen has it by default: a request is answered when it is done. One in a stub domain would show the guest a busy drive
 * meanwhile, and a driver that takes no interrupts asks it again and again: its exits would count how long Domain 0 took.
 */
/** Until a guest that waits again has published its counters; it is the same for the empty run. */
const SETTLE_MS = 60;

/** What one way took for all of the work, less the empty run, the time it had the middle time of its runs. */
export interface Measured {
  way: WayId;
  work: Work;
  domain: { id: number; name: string };
  /** Without slices that end, which are the host's business. */
  exits: number;
  /** Bytes that port accesses carried. */
  portBytes: number;
  /** Requests to the device model. */
  requests: number;
  /** To Domain 0 and back: of the ring, and two for each request to the device model there (xen/arch/x86/hvm/ioreq.c). */
  events: number;
  /** From the first request to the last answer, on the guest's clock; and what its thread ran. */
  us: number;
  /** Of this many runs, the times of the fastest and of the slowest. */
  runs: number;
  leastUs: number;
  mostUs: number;
  runUs: number;
  instructions: number;
  exitsByName: Record<string, number>;
}

/** What the run needs of the page; everything rejects with a sentence. */
export interface WaysHost extends GuestMaker {
  /** Of KVM all guests are KVM's; absent: Xen. */
  readonly hypervisor?: Hypervisor;
  facts(id: number): Promise<Facts>;
}

export interface Progress {
  way: WayId;
  doing: 'creates' | 'boots' | 'warms' | 'measures';
  /** Of warming up and measuring: which round, of how many. */
  round?: number;
  of?: number;
  /** 0 to 1, of the whole run. */
  part: number;
}

const definitionOf = (
  { id, type, vdev, extra, lines }: Way,
  { hypervisor = 'xen' }: Pick<WaysHost, 'hypervisor'>,
): string => `name = "ways-${id}"
type = "${type}"
memory = ${MEMORY_MIB}
kernel = "minipv.elf"
disk = [ "ways.img,raw,${vdev},w" ]
${lines(HOSTS[hypervisor].pc)}${extra ? `extra = "${extra}"\n` : ''}`;

/** One of them. */
class Guest extends MadeGuest {
  readonly way: Way;
  private readonly host: WaysHost;

  constructor(host: WaysHost, way: Way, domain: DomainInfo, port: MessagePort, signal: AbortSignal) {
    super(host, domain, port, signal);
    this.host = host;
    this.way = way;
  }

  /** Has it move so much; its counters before and after, and its own time. A number is always as long, so that typing it costs the same. */
  async time({ direction, mib }: Work): Promise<{ before: Facts; after: Facts; us: number }> {
    const { host, way, domain } = this;
    const sectors = String(mib * SECTORS_A_MIB).padStart(7, '0');
    await host.sleep(SETTLE_MS);
    const before = await host.facts(domain.id);
    this.type(`time ${way.driver} ${direction} ${sectors} ${REQUEST_KIB} ${DEPTH}\r`);
    const [, kib, us, problem] = await this.expect(/: (?:(\d+) KiB in (\d+) us|(error .*|no disk .*))[^]*minipv> /);
    if (problem !== undefined || Number(kib) !== mib * 1024)
      throw new Error(
        `${domain.name} could not ${direction} its disk (${problem ?? `${kib} KiB were moved`}). Run again.`,
      );
    await host.sleep(SETTLE_MS);
    return { before, after: await host.facts(domain.id), us: Number(us) };
  }
}

type Timed = Awaited<ReturnType<Guest['time']>>;

/** Differences between the counters of the empty run and of the one with the middle time. */
function measured({ way, domain }: Guest, work: Work, empty: Timed, runs: readonly Timed[]): Measured {
  const sorted = [...runs].sort((a, b) => a.us - b.us),
    full = sorted[(sorted.length - 1) >> 1]!;
  const by = (name: string): number => {
    const grown = ({ before, after }: typeof full): number => (after.counts[name] ?? 0) - (before.counts[name] ?? 0);
    return Math.max(0, grown(full) - grown(empty));
  };
  const exitsByName = Object.fromEntries(
    Object.keys(full.after.counts).flatMap(name => {
      const count = name.startsWith('exit.') ? by(name) : 0;
      return count > 0 ? [[name.slice('exit.'.length), count] as const] : [];
    }),
  );
  return {
    way: way.id,
    work,
    domain: { id: domain.id, name: domain.name },
    us: full.us,
    runs: runs.length,
    leastUs: sorted[0]!.us,
    mostUs: sorted.at(-1)!.us,
    // By reason: an empty run that halted more often while this computer was busy takes nothing off the requests' own.
    exits: Object.entries(exitsByName).reduce((sum, [name, n]) => (name === 'PREEMPTION_TIMER' ? sum : sum + n), 0),
    portBytes: by('port_bytes'),
    requests: by('ioreqs'),
    runUs: by('run_us'),
    instructions: by('retired'),
    events: by(`ring.${way.vdev}.events_in`) + by(`ring.${way.vdev}.events_out`) + 2 * by('ioreqs'),
    exitsByName,
  };
}

/**
 * Makes a guest for each way, times them interleaved, and takes them away again, whatever happens. `listener`: called with the progress, and with each way after
 * each of its measurements. @throws Error with a sentence; an AbortError where it was cancelled
 */
export async function runWays(
  host: WaysHost,
  work: Work,
  rounds: Rounds,
  signal: AbortSignal,
  listener: { progress(now: Progress): void; measured(way: Measured): void },
): Promise<void> {
  const guests: Guest[] = [],
    made: number[] = [],
    ways = waysOf(host);
  // Making, booting and each run are a step each.
  const steps = (2 + rounds.warm + rounds.timed) * ways.length;
  let done = 0;
  const step = (way: WayId, doing: Progress['doing'], round?: Pick<Progress, 'round' | 'of'>) => {
    signal.throwIfAborted();
    listener.progress({ way, doing, ...round, part: done++ / steps });
  };
  /** One after the other, so that none waits for a processor that another has; each round begins with another one. */
  const inTurns = async (doing: 'warms' | 'measures', of: number, run: (guest: Guest) => Promise<void>) => {
    for (let round = 0; round < of; round++)
      for (let i = 0; i < guests.length; i++) {
        const guest = guests[(round + i) % guests.length]!;
        step(guest.way.id, doing, { round: round + 1, of });
        await run(guest);
      }
  };
  try {
    const kernel = await host.kernel(),
      disk = new Blob([new Uint8Array(DISK_BYTES)]);
    for (const way of ways) {
      step(way.id, 'creates');
      const domain = await host.create([
        { name: `ways-${way.id}.cfg`, data: new Blob([definitionOf(way, host)]) },
        { name: 'minipv.elf', data: kernel },
        { name: 'ways.img', data: disk },
      ]);
      made.push(domain.id);
      guests.push(new Guest(host, way, domain, await host.open(domain.id), signal));
    }
    for (const guest of guests) {
      step(guest.way.id, 'boots');
      await guest.expect(/minipv> /);
    }
    await inTurns('warms', rounds.warm, async guest => void (await guest.time(work)));
    const empty = new Map<Guest, Timed>(),
      timed = new Map<Guest, Timed[]>();
    for (const guest of guests) empty.set(guest, await guest.time({ ...work, mib: 0 }));
    await inTurns('measures', rounds.timed, async guest => {
      const runs = [...(timed.get(guest) ?? []), await guest.time(work)];
      timed.set(guest, runs);
      listener.measured(measured(guest, work, empty.get(guest)!, runs));
    });
  } finally {
    for (const guest of guests) guest.close();
    for (const id of made) await host.destroy(id).catch(() => {});
  }
}

/** What each is called in a sentence. */
export const SHORT: Readonly<Record<WayId, string>> = {
  pio: 'IDE by PIO',
  dma: 'IDE by DMA',
  pvhvm: 'PVHVM',
  pvh: 'PVH',
  virtio: 'virtio',
};

/** Three figures, and whole numbers from 100 on. */
export const figure = (n: number): string =>
  n >= 100 ? whole(n) : n === 0 ? '0' : n >= 10 ? n.toFixed(1) : n.toFixed(2);
/** How many times as much. */
export const times = (a: number, b: number): string => figure(a / Math.max(b, 1));
/** All runs of one were slower than all of the other: less than that says nothing. */
const isSlower = (one: Measured, than: Measured): boolean => one.leastUs > than.mostUs;

/** What the times say, as far as their spread lets them. */
export function ofTimes(pio: Measured, pvhvm: Measured, pvh: Measured): string {
  const [fast, slow] = pvh.us < pvhvm.us ? [pvh, pvhvm] : [pvhvm, pvh];
  const rings = isSlower(slow, fast)
    ? `Of the two rings the one of ${SHORT[slow.way]} took ${times(slow.us, fast.us)} times as long.`
    : 'The times of the two rings differ by less than those of their runs do.';
  const against = isSlower(pio, slow)
    ? `PIO took ${times(pio.us, slow.us)} times as long as the slower of the two rings.`
    : isSlower(slow, pio)
      ? `The ring of ${SHORT[slow.way]} took ${times(slow.us, pio.us)} times as long as PIO here: Domain-0’s turn took longer than the exits saved.`
      : 'PIO and the slower ring differ by less than their runs do: on this computer Domain-0’s turn takes what the exits save.';
  return `${against} ${rings}`;
}
