/** Hosts next to each other that know each other: guests move between them, and their bridges are one, over links that take time of their clock. */
import { formatMac } from '../../devices/net/index.ts';
import { channelPair, type Neighbours } from '../../dom0/pool/index.ts';
import type { Host } from '../../dom0/service/index.ts';
import { guestText, type Lab, LabGuest } from './lab.ts';
import type { SteppedTime } from './stepped-host.ts';

/** 2,048 pages a second. */
export const LINK_MIB = 8;
const FRAME_MS = 0.1,
  LOOK_MS = 1,
  /** A guest's slice may end so much behind the moment at which a piece has come. */
  LATE_MS = 3;
const MIB = 2 ** 20;

/** A guest's card, and the address that it takes. */
interface Station {
  address: string;
  mac: string;
}
/** One that is asked, and one that asks. */
export const SERVER: Station = { address: '10.0.2.101', mac: '00:16:3e:00:00:01' },
  CLIENT: Station = { address: '10.0.2.102', mac: '00:16:3e:00:00:02' };

/** A guest of minipv with a card, which has its address. */
export async function bootAt(lab: Lab, name: string, { address, mac }: Station, memoryMib?: number): Promise<LabGuest> {
  const guest = await lab.boot(guestText(name, 'pvh', { memoryMib, more: [`vif = [ 'mac=${mac}' ]`] }));
  await guest.command(`ip ${address}`);
  return guest;
}

/** Calls back with each frame of a station, as it comes to a host's bridge; the result ends that. */
export const hear = (lab: Lab, { mac }: Station, heard: (frame: Uint8Array) => void): (() => void) =>
  lab.machine.host.toolstack.services.network.bridge.tap(({ bytes }, _port, direction) => {
    if (direction === 'in' && formatMac(bytes.subarray(6)) === mac) heard(bytes);
  });

type Accept = Parameters<Neighbours['serve']>[1];

/** How a move went, in milliseconds of the hosts' clock. */
export interface Went {
  rounds: readonly number[];
  mib: number;
  totalMs: number;
  downMs: number;
}

/** Hosts that are joined. */
export interface Joined {
  /** What each has of the others. */
  neighbours: ReadonlyMap<string, Neighbours>;
  /** A host is lost: its guests execute nothing more, and neither does anybody hear from it nor it from anybody. */
  lose(name: string): void;
}

/** Joins them: from now on each is reached by its name. */
export function join(labs: Readonly<Record<string, Lab>>, linkMib = LINK_MIB): Joined {
  const accepts = new Map<string, Accept>(),
    neighbours = new Map<string, Neighbours>(),
    lost = new Set<string>(),
    lines: { between: readonly string[]; cut(why: string): void }[] = [];
  const all = Object.entries(labs);
  for (const [me, { machine }] of all) {
    const { host, time } = machine;
    neighbours.set(me, {
      me,
      connect: async (name, service) => {
        const accept = accepts.get(`${service} ${name}`);
        if (!accept) throw new Error(`there is no host ${name}`);
        let freeMs = 0;
        const { ends, cut } = channelPair(time.soon, (bytes, arrive) => {
          if (time.nowMs() > freeMs + LATE_MS) freeMs = time.nowMs();
          freeMs += (1000 * bytes) / (linkMib * MIB);
          time.later(freeMs - time.nowMs(), arrive);
        });
        lines.push({ between: [me, name], cut });
        accept(ends[1], me);
        return ends[0];
      },
      serve: (service, accept) => void accepts.set(`${service} ${me}`, accept),
    });
    host.meet(neighbours.get(me)!);
    for (const [name, other] of all)
      if (name > me) wire(host, other.machine.host, { time, me, name, isCut: () => lost.has(me) || lost.has(name) });
  }
  return {
    neighbours,
    lose: name => {
      labs[name]!.machine.end();
      lost.add(name);
      for (const { between, cut } of lines) if (between.includes(name)) cut(`${name} is lost`);
    },
  };
}

type End = ReturnType<Host['toolstack']['services']['network']['joinHost']>;

/** Each one's bridge has a port that leads to the other's. */
function wire(
  here: Host,
  there: Host,
  { time, me, name, isCut }: { time: SteppedTime; me: string; name: string; isCut(): boolean },
): void {
  const ends: End[] = [];
  const to = (end: 0 | 1) => (bytes: Uint8Array) => {
    const frame = bytes.slice();
    time.later(FRAME_MS, () => {
      if (isCut()) return;
      ends[end]!.port.input({ bytes: frame });
      ends[end]!.wake();
    });
    return true;
  };
  ends.push(
    here.toolstack.services.network.joinHost(name, to(1)),
    there.toolstack.services.network.joinHost(me, to(0)),
  );
}

/** A guest goes to a host of that name, while time goes on. @throws Error with a sentence */
export async function move(
  guest: LabGuest,
  from: Lab,
  to: { name: string; lab: Lab },
): Promise<{ went: Went; guest: LabGuest }> {
  let went: Went | undefined, problem: Error | undefined;
  from.machine.host.migrate(guest.id, to.name).then(
    ({ rounds, bytes, totalMs, downtimeMs }) => {
      went = { rounds, mib: bytes / MIB, totalMs, downMs: downtimeMs };
    },
    (error: Error) => {
      problem = error;
    },
  );
  while (!went && !problem) await from.run(LOOK_MS);
  if (problem) throw problem;
  const there = (await to.lab.machine.host.list()).find(({ name }) => name === guest.name)!;
  return { went: went!, guest: new LabGuest(to.lab, there.id, guest.name) };
}
