/**
 * The guests of one `ringside boot`, over the toolstack: interleaved on this thread, in real or virtual time, or each in a worker thread. What the command line
 * adds: one stream of output, how each guest's run ended, and stopping at a point.
 */
import { kindOf } from '../../dom0/toolstack/kinds/index.ts';
import type { PeerOptions } from '../../devices/net/index.ts';
import { ConsoleHistory } from '../../dom0/backends/console/index.ts';
import { type Blueprint, type DomainConsole, hasScreen, type Member, shapeOf } from '../../dom0/toolstack/index.ts';
import { DISK_DRIVER_BYTES, type Storage } from '../../dom0/host/storage/index.ts';
import { listenForGdb } from '../../dom0/toolstack/debugger/index.ts';
import { type Listening, LOOPBACK } from '../../dom0/host/nbd/index.ts';
import { changeDisc, kindOfMember, Toolstack } from '../../dom0/toolstack/index.ts';
import { inTurns, inWorkers, readXenOptions, startXen } from '../../dom0/service/index.ts';
import type { WaitsFor } from '../../hypervisor/domain/index.ts';
import { type Ending, HostError } from '../../hypervisor/index.ts';
import { FRAME_BYTES, machineBytesFor } from '../../hypervisor/memory/index.ts';
import { functionOrScript } from '../../hypervisor/worker/index.ts';
import { later, sharedMs, soon } from '../node-clock.ts';
import { listenForViewers, screenOf } from '../rfb/index.ts';
import { nodeSockets } from '../sockets.ts';
import { spawnDomainWorker } from '../node-worker.ts';
import { VERSION } from '../version.ts';
import { removable } from './disks.ts';
import { openFile } from './image-file.ts';
import { Lines } from './lines.ts';
import type { VncPlace } from './listen-words.ts';
import { VIRTUAL_EPOCH_MS } from '../../dom0/service/index.ts';
import { addStats, type Stats, statsOf } from './stats.ts';

const MIB = 2 ** 20;
/** Addresses of machine memory have 31 bits. */
const MACHINE_MIB = 2048;
const NEWLINE = 10;
/** Longest piece of a line that is held back for the rest of it. */
const LONGEST_LINE = 4096;
/** Guests that all wait, with nobody left to type, are looked at again after this: Domain 0 may have been about to wake one. */
const STILL_MS = 200;
/** This long a script waits for a guest that is to let go of a device. */
const LETS_GO_MS = 60_000;

export type RunEnd =
  | { kind: 'ended'; ending: Ending }
  | { kind: 'stopped' }
  | { kind: 'timeout' }
  /** Nothing can wake it, or nothing that is there. */
  | { kind: 'stuck'; report: string };

export interface SessionParts {
  virtualTime: boolean;
  /** Each guest in a thread of its own. */
  inWorkers: boolean;
  pcpus: number;
  /** Xen's command line. */
  xen?: string;
  /** The host's disk, which Domain 0 drives; absent: it has none. */
  storage?: Storage;
  /** What the machine on the host's wire gives out. */
  peer?: PeerOptions;
  hostMemoryMiB?: number;
  seed: number;
  /** Whether guest code is compiled (Toolstack.jitThreshold). */
  jitThreshold?: number;
  /** Every byte that is shown: of several guests, whole lines with their names. */
  output(byte: number): void;
  /** Every byte that this guest shows, as it shows it. */
  heard?(guest: Guest, byte: number): void;
  /** Bytes of the debug ports, where they have a place of their own. */
  debug?: (byte: number) => void;
  /** Names of guests that are to be saved: the run is over when all of them have come there. */
  saved?: ReadonlyMap<string, unknown>;
  /** Guests that wait for a debugger, which is listened for at these ports of this machine. */
  gdb?: ReadonlyMap<string, number>;
  /** Guests whose screens are shown to clients of RFB. */
  vnc?: ReadonlyMap<string, VncPlace>;
  /** Output that came in one go is complete. */
  flush(): void;
  note(sentence: string): void;
  /** After a slice on this thread. */
  afterSlice?(guest: Guest): void;
}

/**
 * Bytes of machine memory in which all of these have what they need, next to what dom0_mem gives Domain 0.
 * @throws HostError with the numbers where no machine has so much
 */
export function machineBytesOf(
  blueprints: readonly Blueprint[],
  { storage, xen: commandLine = '' }: Pick<SessionParts, 'storage' | 'xen'>,
): number {
  const needs = blueprints.map(blueprint => {
    const { seenMiB, p2mFrames, shadowFrames = 0 } = shapeOf(blueprint, 0);
    const firmwareBytes = blueprint.boot.kind === 'firmware' ? blueprint.boot.image.length : 0;
    return {
      name: blueprint.definition.name,
      seenMiB,
      bytes: machineBytesFor(seenMiB, p2mFrames || undefined) + firmwareBytes + shadowFrames * FRAME_BYTES,
    };
  });
  const dom0MiB = readXenOptions(commandLine).dom0MemoryMiB ?? 0;
  const bytes = needs.reduce((sum, guest) => sum + guest.bytes, (storage ? DISK_DRIVER_BYTES : 0) + dom0MiB * MIB);
  const overMiB = Math.ceil(bytes / MIB) - MACHINE_MIB;
  if (overMiB <= 0) return bytes;
  const keptMiB = Math.ceil(bytes / MIB) - needs.reduce((sum, { seenMiB }) => sum + seenMiB, dom0MiB);
  const parts = [
    ...needs.map(({ name, seenMiB }) => `${name} ${seenMiB}`),
    ...(dom0MiB > 0 ? [`Domain 0 ${dom0MiB} (dom0_mem)`] : []),
    `${keptMiB} that the host keeps besides`,
  ];
  const [largest] = [...needs].sort((a, b) => b.seenMiB - a.seenMiB);
  const advice =
    dom0MiB >= overMiB
      ? `Give Domain 0 ${overMiB} MiB less in dom0_mem.`
      : largest && largest.seenMiB > overMiB
        ? `Give ${largest.name} ${largest.seenMiB - overMiB} MiB or less, or start fewer at once.`
        : `Together they want ${overMiB} MiB too much: start fewer at once.`;
  throw new HostError(
    `A machine has at most ${MACHINE_MIB} MiB, and this one would need ${MACHINE_MIB + overMiB}: ${parts.join(', ')}. ${advice}`,
  );
}

/** Its bytes, and, between its lines, those of the hypervisor's console. */
interface GuestConsole extends DomainConsole {
  guest: Guest;
}

export interface Guest {
  blueprint: Blueprint;
  name: string;
  member: Member<GuestConsole>;
  end?: RunEnd;
  /** What it did before it was started again, and how often it was. */
  before?: Stats;
  restarts: number;
  /** What it showed, for a saved state. */
  history?: ConsoleHistory;
  /** When it ended: what it was is given back then. */
  last?: Stats;
  waits?: { what: WaitsFor; report: string };
}

export class Session {
  readonly guests: Guest[] = [];
  readonly toolstack: Toolstack<GuestConsole>;
  /** Resolves when every guest has its end. */
  readonly over: Promise<void>;
  /** What was typed before all guests were built; undefined: they are. */
  private early: Uint8Array[] | undefined = [];
  /** No more input will come. */
  private inputEnded = false;
  private finish: () => void = () => {};
  /** Ends the run with an error. */
  fail: (error: Error) => void = () => {};
  private starting: Guest | undefined;
  /** For debuggers and viewers. */
  private readonly listening: Listening[] = [];
  private activity = 0;
  private readonly parts: SessionParts;
  /** The host's disk is driven. */
  private readonly connected: Promise<void>;
  private readonly blueprints: readonly Blueprint[];

  /** @throws HostError */
  constructor(blueprints: readonly Blueprint[], parts: SessionParts) {
    this.parts = parts;
    this.blueprints = blueprints;
    this.over = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = error => {
        this.endAll({ kind: 'stopped' });
        reject(error);
      };
    });
    const hostMs = parts.virtualTime ? undefined : sharedMs;
    const bytes = parts.hostMemoryMiB === undefined ? machineBytesOf(blueprints, parts) : parts.hostMemoryMiB * MIB;
    const memoryMiB = Math.ceil(bytes / MIB);
    this.toolstack = new Toolstack<GuestConsole>(
      {
        version: VERSION,
        memory: new SharedArrayBuffer(bytes),
        hypervisor: startXen({ pcpus: parts.pcpus, memoryMiB, vt: true, diskBytes: 0 }, parts.xen ?? '', VERSION),
        ...(parts.jitThreshold === undefined ? {} : { jitThreshold: parts.jitThreshold }),
        ...(hostMs ? { hostMs } : {}),
        runners:
          parts.inWorkers && hostMs
            ? inWorkers({ spawn: spawnDomainWorker, later, hostMs })
            : inTurns({
                soon,
                later,
                ...(hostMs ? { hostMs } : {}),
                openMedium: openFile,
                compile: functionOrScript,
                atOnce: true,
                held: true,
                afterRound: parts.flush,
              }),
        epochMs: () => (hostMs ? Date.now() : VIRTUAL_EPOCH_MS + this.toolstack.virtualMs),
        soon,
        later,
        seed: parts.seed,
        openMedium: openFile,
        tripleFaultEnds: true,
        ...(parts.peer ? { peer: parts.peer } : {}),
      },
      {
        console: (_record, _name, before, shown) =>
          this.consoleOf(before?.console.guest ?? (this.starting as Guest), shown),
        listed: () => {},
        ended: ({ console: { guest } }, ending, again) => this.ended(guest, ending, again),
        restarted: ({ console: { guest }, name }, line, report, next) => {
          guest.restarts++;
          if (next) guest.member = next;
          parts.note(`${name}: ${line}`);
          // Once in full: a guest in a loop would say the same again and again.
          if (report !== undefined && guest.restarts === 1) parts.note(report);
        },
        rebuildFailed: ({ console: { guest } }, { message }) => {
          parts.note(message);
          this.ends(guest, { kind: 'stopped' });
        },
        problem: (member, sentence) => parts.note(member ? `${member.name}: ${sentence}` : sentence),
        waits: ({ console: { guest } }, what, report = '') => {
          this.activity++;
          if (what === undefined) delete guest.waits;
          else guest.waits = { what, report };
          // A debugger may look why.
          if (what === 'reset' && !this.isDebugged(guest)) this.ends(guest, { kind: 'stuck', report });
          this.lookForStillness();
        },
        reached: ({ console: { guest } }) => this.ends(guest, { kind: 'stopped' }),
        changed: ({ console: { guest } }) => parts.afterSlice?.(guest),
      },
    );
    this.connected = parts.storage ? this.toolstack.services.disk.connect(parts.storage.disk) : Promise.resolve();
  }

  /** Builds all of them, then lets them run; `begin` is called between. @throws HostError */
  async start(begin?: () => void): Promise<void> {
    await this.connected;
    for (const blueprint of this.blueprints) {
      const guest = { blueprint, name: blueprint.definition.name, restarts: 0 } as unknown as Guest;
      this.guests.push((this.starting = guest));
      guest.member = await this.toolstack.build(blueprint, { paused: true }).catch((error: Error) => {
        throw new HostError(error.message);
      });
    }
    begin?.();
    const early = this.early ?? [];
    this.early = undefined;
    for (const bytes of early) this.input(bytes);
    for (const guest of this.guests) await this.showScreen(guest);
    for (const guest of this.guests)
      if (!this.isDebugged(guest)) this.toolstack.setPaused(guest.member, false);
      else await this.waitForGdb(guest, this.parts.gdb?.get(guest.name) ?? 0);
    this.toolstack.runners.go();
  }

  private isDebugged({ name }: Guest): boolean {
    return this.parts.gdb?.has(name) ?? false;
  }

  /** @throws HostError: the port is taken */
  private async waitForGdb(guest: Guest, wanted: number): Promise<void> {
    const find = () => (guest.end ? undefined : guest.member);
    const listening = await listenForGdb(this.toolstack, find, nodeSockets, wanted).catch((error: Error) => {
      throw new HostError(`${error.message} (--gdb)`);
    });
    this.listening.push(listening);
    this.parts.note(`${guest.name} waits for gdb: target remote 127.0.0.1:${listening.port}`);
  }

  /** @throws HostError: it has none, or the port is taken */
  private async showScreen(guest: Guest): Promise<void> {
    const place = this.parts.vnc?.get(guest.name);
    if (!place) return;
    if (!hasScreen(guest.blueprint))
      throw new HostError(`${guest.name} has no screen: give it one with vfb = ['vnc=1'], or leave --vnc out.`);
    const screen = screenOf(this.toolstack, { name: guest.name, epochMs: Date.now }, () =>
      guest.end ? undefined : guest.member,
    );
    const listening = await listenForViewers(screen, place.port, place.password).catch((error: Error) => {
      throw new HostError(`${error.message} (--vnc)`);
    });
    this.listening.push(listening);
    this.parts.note(`The screen of ${guest.name} is at vnc://${LOOPBACK}:${listening.port}`);
  }

  /** `before`: what it showed before it was saved. */
  private consoleOf(guest: Guest, before?: Uint8Array): GuestConsole {
    const { parts } = this;
    const shown = this.shown(guest);
    const history = (guest.history ??= new ConsoleHistory());
    if (before) history.add(before);
    const lines = new Lines(byte => {
      shown(byte);
      parts.heard?.(guest, byte);
    });
    return {
      guest,
      get shown() {
        return history.shown;
      },
      print: bytes => {
        this.activity++;
        history.add(bytes);
        bytes.forEach(lines.show);
        if (parts.inWorkers) parts.flush();
      },
      printXen: bytes => {
        lines.showBetween(bytes);
        if (parts.inWorkers) parts.flush();
      },
      ...(parts.debug ? { printDebug: bytes => bytes.forEach(byte => parts.debug?.(byte)) } : {}),
      close: () => lines.close(),
    };
  }

  /** One guest's bytes as they are; of several, whole lines with the name before them. */
  private shown(guest: Guest): (byte: number) => void {
    const { output } = this.parts;
    if (this.blueprints.length === 1) return output;
    const head = new TextEncoder().encode(`${guest.name}: `);
    let line: number[] = [];
    return byte => {
      line.push(byte);
      if (byte !== NEWLINE && line.length < LONGEST_LINE) return;
      for (const part of [head, line]) for (const each of part) output(each);
      line = [];
    };
  }

  /** Of all that it was started as. */
  stats(guest: Guest): Stats {
    const now = guest.last ?? statsOf(this.toolstack, guest.member);
    return guest.before ? addStats(guest.before, now) : now;
  }

  private ended(guest: Guest, ending: Ending, again: boolean): void {
    if (again) {
      if (!kindOf(guest.blueprint.definition).restartsInPlace || ending.workerDied) guest.before = this.stats(guest);
      return;
    }
    guest.last = statsOf(this.toolstack, guest.member);
    guest.member.console.close();
    this.ends(guest, { kind: 'ended', ending });
  }

  private ends(guest: Guest, end: RunEnd): void {
    guest.end ??= end;
    if (this.isOver) this.endAll(end);
  }

  /** All guests have their end, or all that are to be saved. */
  private get isOver(): boolean {
    const { guests, parts } = this;
    const saved = guests.filter(({ name }) => parts.saved?.has(name));
    return (saved.length > 0 ? saved : guests).every(({ end }) => end);
  }

  /** Another medium in a drive of a guest's, or none, while it runs, or a device that comes or goes, which is to be waited for: what is wrong with that is reported. */
  change({ member, name }: Guest, vdev: string, path: string | undefined): Promise<void> | undefined {
    const { toolstack } = this,
      { note } = this.parts;
    const report = (error: Error): void => note(`${name}: ${vdev}: ${error.message}`);
    if (/^(vd[a-h]|card)$/.test(vdev)) return this.plug(member, vdev, path).catch(report);
    const kind = removable(vdev);
    const defined = {
      target: path ?? '',
      format: path === undefined ? 'empty' : 'raw',
      vdev,
      kind,
      readOnly: kind === 'cdrom',
      place: -1,
      at: { line: 1, column: 1 },
    } as const;
    void changeDisc(
      toolstack,
      member,
      { ...(path === undefined ? {} : { medium: { name: path, path } }), defined },
      note,
    ).catch(report);
  }

  /** A disk of virtio or the card, of the address `what`, comes to a guest; where that is absent it goes. @throws Error with a sentence */
  private async plug(member: Member<GuestConsole>, vdev: string, what: string | undefined): Promise<void> {
    const { toolstack } = this,
      { note } = this.parts;
    const { plugging } = await kindOfMember(member).running();
    if (what === undefined) {
      const how = { waitMs: LETS_GO_MS };
      const isGone =
        vdev === 'card'
          ? await plugging.detach(toolstack, member, 'cards', '0', how)
          : await plugging.detach(toolstack, member, 'disks', vdev, how);
      if (isGone === false) note(`${member.name}: ${vdev}: The guest has not let go of it.`);
    } else if (vdev === 'card') await plugging.attachCard(toolstack, member, { mac: what });
    else {
      const traits = { vdev, kind: 'disk', readOnly: false } as const;
      const defined = { ...traits, target: what, format: 'raw', place: -1, at: { line: 1, column: 1 } } as const;
      const image = { ...traits, place: -1, medium: { name: what, path: what } };
      await plugging.attachDisk(toolstack, member, { image, defined }, note);
    }
  }

  /** Ends those that still run with `end`, and the run: on this thread after the instruction under way. */
  endAll(end: RunEnd): void {
    this.toolstack.runners.hold();
    for (const guest of this.guests) guest.end ??= end;
    // Once it has returned from where it is, and an error was reported first.
    queueMicrotask(this.finish);
  }

  /** A guest has come to where it is saved: it is paused until all that the run is about have. */
  reached(guest: Guest): void {
    this.ends(guest, { kind: 'stopped' });
    if (!this.isOver) this.toolstack.setPaused(guest.member, true);
  }

  stop(): void {
    this.endAll({ kind: 'stopped' });
  }

  // ---- people

  /** Bytes typed: at the first guest that runs. What a pipe brings is there before the guest is. */
  input(bytes: Uint8Array): void {
    if (this.early) {
      this.early.push(bytes);
      return;
    }
    const guest = this.guests.find(({ end }) => !end);
    if (guest) this.type(guest, bytes);
  }

  type({ member }: Guest, bytes: Uint8Array): void {
    this.activity++;
    this.toolstack.inputs.type(member, bytes);
  }

  endInput(): void {
    this.inputEnded = true;
    this.lookForStillness();
  }

  /** Nobody can do anything any more: all wait for each other's words, or for input that will not come. */
  private lookForStillness(): void {
    const running = this.guests.filter(({ end }) => !end);
    // Somebody at a debugger or a screen may do something, or somebody outside.
    if (running.some(guest => this.isDebugged(guest) || this.parts.vnc?.has(guest.name)) || this.parts.peer?.beyond)
      return;
    if (!this.inputEnded || running.length === 0 || running.some(({ waits }) => waits?.what !== 'event')) return;
    const { activity } = this;
    const look = (): void => {
      // A guest that did something and waits as before has not reported that it does.
      if (activity !== this.activity || this.toolstack.services.pending) this.lookForStillness();
      else for (const guest of running) this.ends(guest, { kind: 'stuck', report: guest.waits?.report ?? '' });
    };
    // A turn may be due already: where this thread was kept from running for this long, the timer is first.
    later(STILL_MS, () => soon(look));
  }

  /** Last words; guests in threads of their own are ended. */
  async close(): Promise<void> {
    for (const listening of this.listening) listening.close();
    this.toolstack.close();
    for (const { member } of this.guests) member?.console.close();
    if (!this.parts.inWorkers) return;
    for (const { member } of this.guests) await member?.runner.destroy();
  }
}
