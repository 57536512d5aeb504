/** `ringside boot`: guests with their consoles on standard output and input. */
import { definedAs } from '../../dom0/definitions/kinds/index.ts';
import { availableParallelism } from 'node:os';
import { accessSync, closeSync, constants, existsSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { affinityProblem } from '../../dom0/definitions/config/index.ts';
import { decode, parseXenOptions } from '../../dom0/service/index.ts';
import type { Blueprint } from '../../dom0/toolstack/index.ts';
import type { HotRegion } from '../../hypervisor/domain/index.ts';
import { type Ending, HostError, SavedStateError } from '../../hypervisor/index.ts';
import { SCREEN } from '../../hypervisor/layout/index.ts';
import { LoadError } from '../../hypervisor/loader/index.ts';
import { VERSION } from '../version.ts';
import { openState, StateError } from '../storage/state.ts';
import { bootHelp, type BootOptions, forGuests, parseBootOptions, UsageError } from './options.ts';
import { listenedFor } from './listen-words.ts';
import { loadReaders, makeCds, prepareAll, read } from './prepare.ts';
import { openForOwner, OWNER_ONLY } from '../owner-only.ts';
import { screenText } from '../../hypervisor/view/index.ts';
import { encodeScreen } from './screenshot.ts';
import { checkRemovable } from './disks.ts';
import { openNetwork } from './network.ts';
import { type Line as ScriptLine, parseScript, Script, type ScriptHands } from './script.ts';
import { type Guest, Session, type SessionParts } from './session.ts';
import { type Stats, statsNow } from './stats.ts';
import { tierText } from './tier-text.ts';
import { Input, Output } from './terminal.ts';
import { Watcher } from './until.ts';
import { Watchdog } from './watchdog.ts';

const STATUS = { good: 0, unseen: 1, wrongUse: 2, crash: 4, halted: 6, timeout: 124 } as const;
/** How much later than --timeout a run that does not look at the clock is ended by force. */
const GRACE_SECONDS = 5;
/** In real time a script looks at the screen this often while nothing is reported. */
const LOOK_MS = 20;

/** Runs the command; returns the exit status. */
export async function boot(argv: string[]): Promise<number> {
  const stderr = new Output(2);
  try {
    const options = parseBootOptions(argv);
    if (options.help) {
      new Output(1).text(bootHelp());
      return STATUS.good;
    }
    await loadReaders(options.files);
    const state = options.state === undefined ? undefined : await openState(options.state);
    const say = (sentence: string): void => stderr.text(`ringside: ${sentence}\n`);
    let network: Awaited<ReturnType<typeof openNetwork>> | undefined;
    try {
      network = await openNetwork(options, say);
      const devices = state && {
        storage: state.storage,
        say,
      };
      return await start(prepareAll(options, stderr, devices, await makeCds(options.files)), options, stderr, {
        ...(state ? { storage: state.storage } : {}),
        ...(network ? { peer: network.peer } : {}),
      });
    } finally {
      network?.close();
      state?.close();
    }
  } catch (error) {
    if (
      !(
        error instanceof UsageError ||
        error instanceof StateError ||
        error instanceof LoadError ||
        error instanceof HostError ||
        error instanceof SavedStateError
      )
    )
      throw error;
    if (error.message) stderr.text(`ringside: ${error.message}\n`);
    return STATUS.wrongUse;
  }
}

/** What a run is judged by at its end. */
interface Run {
  options: BootOptions;
  /** --until was. */
  seen: boolean;
  stderr: Output;
}

type Host = Pick<SessionParts, 'storage' | 'peer'>;

async function start(guests: Blueprint[], options: BootOptions, stderr: Output, host: Host): Promise<number> {
  const stdout = new Output(1);
  const many = guests.length > 1 || options.pcpus !== undefined;
  // One guest alone never waits for Domain 0.
  const pcpus = options.pcpus ?? Math.max(many ? 1 : 2, availableParallelism() - 1);
  for (const word of parseXenOptions(options.xenCommandLine ?? '').unknown)
    stderr.text(`ringside: ${word} on Xen's command line means nothing here.\n`);
  for (const { definition } of guests) {
    const problem = affinityProblem(definition.hardAffinity, pcpus);
    if (problem)
      throw new UsageError(`${definition.name} was not created: cpus: ${problem} Change cpus, or write --pcpus.`);
  }
  const debugcon = openDebugcon(options, stdout);
  const names = guests.map(({ definition }) => definition.name);
  const saves = forGuests('--save', options.saves, names),
    screenshots = forGuests('--screenshot', options.screenshots, names);
  const scripts = new Map(
    [...forGuests('--script', options.scripts, names)].map(([name, path]) => [
      name,
      parseScript(decode(read(path, '--script').data), path),
    ]),
  );
  checkPlaces([options.stats, saves.values(), screenshots.values()], [...scripts.values()].flat());
  const watchers = new Map<Guest, Watcher>();
  const players = new Map<Guest, Player>();
  const suspended = new Set<Guest>();
  const session = new Session(
    guests.map(guest =>
      options.saveAt !== undefined && saves.has(guest.definition.name)
        ? { ...guest, stopAtInstruction: options.saveAt }
        : guest,
    ),
    {
      virtualTime: options.virtualTime,
      // In virtual time they keep together on one thread.
      inWorkers: !options.virtualTime && many && pcpus > 1,
      pcpus,
      ...(options.xenCommandLine === undefined ? {} : { xen: options.xenCommandLine }),
      ...host,
      ...(options.jitThreshold === undefined ? {} : { jitThreshold: options.jitThreshold }),
      ...(options.hostMemory === undefined ? {} : { hostMemoryMiB: options.hostMemory }),
      seed: options.seed ?? (options.virtualTime ? 0 : Math.floor(Math.random() * 2 ** 32)),
      output: stdout.put,
      heard: (guest, byte) => {
        players.get(guest)?.script.put(byte);
        if (watcherOf(guest)?.put(byte)) shown(guest);
      },
      ...(options.debugcon === undefined ? {} : { debug: debugcon.put }),
      saved: saves,
      ...listenedFor(options, names),
      flush: () => {
        stdout.flush();
        debugcon.flush();
        if (stdout.broken) session.stop();
      },
      note: sentence => stderr.text(`ringside: ${sentence}\n`),
      afterSlice: guest => players.get(guest)?.play(),
    },
  );
  const watcherOf = (guest: Guest): Watcher | undefined => {
    if (options.until !== undefined && !watchers.has(guest)) watchers.set(guest, new Watcher(options.until));
    return watchers.get(guest);
  };
  /** It has shown TEXT. */
  const shown = (guest: Guest): void => {
    if (saves.size === 0) return session.stop();
    if (!saves.has(guest.name) || suspended.has(guest)) return;
    // A guest that uses Xen's interface is saved once it has suspended itself.
    if (!session.toolstack.ask(guest.member, 'suspend')) return session.reached(guest);
    suspended.add(guest);
    guest.member.whenSuspended = failed => failed === undefined && session.reached(guest);
  };
  const hasShown = (guest: Guest): boolean => watchers.get(guest)?.seen ?? false;
  const shoot = (guest: Guest, path: string, option: string): void =>
    write(path, encodeScreen(...screenOf(session, guest)), option);
  const begin = (): void => {
    for (const guest of session.guests) {
      const lines = scripts.get(guest.name);
      if (lines)
        players.set(
          guest,
          new Player(session, guest, new Script(lines, handsOf(session, guest, shoot)), options.virtualTime, played),
        );
    }
  };
  const played = (): void => {
    if (
      options.until === undefined &&
      options.saveAt === undefined &&
      [...players.values()].every(({ script }) => script.conclusive)
    )
      session.stop();
  };
  const watchdog =
    options.timeout === undefined
      ? undefined
      : new Watchdog(options.timeout + GRACE_SECONDS, () => {
          stdout.flush();
          debugcon.flush();
          stderr.text(
            `ringside: time-out after ${options.timeout} s. The processor did not come back from its slice: this is a fault of Ringside's; please report it.\n`,
          );
          if (process.stdin.isTTY) process.stdin.setRawMode(false);
          process.exit(STATUS.timeout);
        });
  try {
    await withInput(session, options.timeout, begin, () => players.forEach(player => void player.play()));
    for (const player of players.values()) player.stop();
    watchdog?.stop();
    const those = session.guests.filter(({ name }) => saves.has(name));
    const seen = those.length > 0 ? those.every(hasShown) : session.guests.some(hasShown);
    // While their back ends are there, and their memory.
    for (const guest of session.guests) {
      const { name, end } = guest;
      const picture = screenshots.get(name),
        state = saves.get(name);
      if (picture !== undefined) shoot(guest, picture, '--screenshot');
      if (
        state !== undefined &&
        end?.kind === 'stopped' &&
        !signalled &&
        (hasShown(guest) || options.saveAt !== undefined)
      )
        await save(state, session, guest, suspended.has(guest));
    }
    // A worker answers between slices, and a slice's end is when it says what it did.
    const hottest =
      options.stats.length === 0
        ? []
        : await Promise.all(session.guests.map(({ member }) => member?.runner.ask('hottest') ?? []));
    const stats = session.guests.map(guest => session.stats(guest));
    await session.close();
    stdout.flush();
    const statuses = session.guests.map((guest, i) =>
      conclude(guest, { options, seen, stderr }, saves.has(guest.name) ? stats[i].instructions : undefined),
    );
    if (options.stats.length > 0) {
      const each = session.guests.map(
        (guest, i) => [guest.name, statistics(guest, stats[i], hottest[i], statuses[i], options)] as const,
      );
      const texts = session.guests.map(
        ({ name }, i) =>
          `${each.length === 1 ? '' : `${name}\n\n`}${tierText(stats[i].tier, stats[i].instructions, hottest[i])}`,
      );
      const json = `${JSON.stringify(each.length === 1 ? each[0][1] : Object.fromEntries(each), null, 2)}\n`;
      for (const path of options.stats) write(path, path.endsWith('.txt') ? texts.join('\n') : json, '--stats');
    }
    return Math.max(...statuses);
  } finally {
    for (const player of players.values()) player.stop();
    watchdog?.stop();
    stdout.flush();
    debugcon.close();
  }
}

const screenOf = ({ toolstack }: Session, { member }: Guest): [SharedArrayBuffer, number] => [
  toolstack.machine.memory as SharedArrayBuffer,
  member.record.screenOffset,
];

/** The text on a guest's screen, made again only when something has been drawn: a script asks after each slice. */
function screenReader(session: Session, guest: Guest): () => string {
  let text = '',
    place = -1,
    generation = -1;
  return () => {
    const [memory, screen] = screenOf(session, guest),
      now = Atomics.load(new Int32Array(memory, screen), SCREEN.GENERATION);
    // Started again, it may be another domain.
    if (screen !== place || now !== generation) text = screenText(memory, screen);
    place = screen;
    generation = now;
    return text;
  };
}

/** What a script does to its guest. */
const handsOf = (
  session: Session,
  guest: Guest,
  shoot: (guest: Guest, path: string, option: string) => void,
): ScriptHands => ({
  screen: screenReader(session, guest),
  send: bytes => session.type(guest, bytes),
  key: (code, down) => session.toolstack.inputs.key(guest.member, code, down),
  screenshot: path => shoot(guest, path, '--script'),
  stats: async path => {
    const text = `${JSON.stringify(await statsNow(session.toolstack, guest.member), null, 2)}\n`;
    try {
      writeFileSync(path, text);
    } catch (error) {
      session.fail(new UsageError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code}) (--script).`));
    }
  },
  setMemory: memoryMiB => session.toolstack.setMemory(guest.member, memoryMiB),
  change: (vdev, path) => session.change(guest, vdev, path),
});

/** Plays a script to its guest: after its slices, and in real time when the script waits for an hour or for the screen. */
class Player {
  readonly script: Script;
  private readonly session: Session;
  private readonly guest: Guest;
  private readonly virtualTime: boolean;
  /** The script has come to its last line. */
  private readonly played: () => void;
  private look: NodeJS.Timeout | undefined;

  constructor(session: Session, guest: Guest, script: Script, virtualTime: boolean, played: () => void) {
    this.session = session;
    this.guest = guest;
    this.script = script;
    this.virtualTime = virtualTime;
    this.played = played;
    script.changed = () => this.play();
  }

  play(): void {
    const { guest, script, session } = this;
    if (guest.end) return;
    const { nowNs } = guest.member.runner;
    try {
      const againNs = script.step(nowNs);
      if (script.conclusive) this.played();
      clearTimeout(this.look);
      if (!this.virtualTime && !script.done && !guest.end)
        this.look = setTimeout(() => this.play(), Math.min(LOOK_MS, Math.max(0, (againNs - nowNs) / 1e6)));
    } catch (error) {
      session.fail(error instanceof UsageError ? error : new HostError((error as Error).message));
    }
  }

  stop(): void {
    clearTimeout(this.look);
  }
}

/** The exit status of a guest that ended by itself, with what is to be said of it: a crash or a fault in full, and a text that never came. */
function statusOf(ending: Ending, name: string, { options, seen, stderr }: Run, unsaved?: number): number {
  if (ending.kind === 'crash' || ending.report !== undefined) {
    stderr.text(`\nringside: ${ending.report ?? ending.sentence}\n`);
    return STATUS.crash;
  }
  if (unsaved !== undefined && options.saveAt !== undefined) {
    stderr.text(
      `ringside: ${name} ended after ${unsaved} instructions, before the ${options.saveAt} of --save-at, and nothing was saved: ${ending.sentence} Write --save-at ${unsaved} or less.\n`,
    );
    return STATUS.unseen;
  }
  const unseen = options.until !== undefined && !seen;
  if (unseen) stderr.text(`ringside: ${name} ended and “${options.until}” was not seen: ${ending.sentence}\n`);
  if (ending.kind === 'debug-exit') return (((ending.value ?? 0) << 1) | 1) & 0xff;
  return unseen ? STATUS.unseen : STATUS.good;
}

/** `begin`: the guests are built, and none has run; `started`: they may. */
async function withInput(
  session: Session,
  timeoutSeconds: number | undefined,
  begin: () => void,
  started: () => void,
): Promise<void> {
  const input = new Input(
    bytes => session.input(bytes),
    () => session.stop(),
    () => session.endInput(),
  );
  signalled = undefined;
  const leave = (signal: NodeJS.Signals): void => {
    signalled = signal;
    session.stop();
  };
  const timer =
    timeoutSeconds === undefined
      ? undefined
      : setTimeout(() => session.endAll({ kind: 'timeout' }), Math.min(2 ** 31 - 1, timeoutSeconds * 1000));
  process.on('SIGINT', leave).on('SIGTERM', leave);
  let startedMs = 0;
  try {
    await session.start(begin);
    startedMs = performance.now();
    for (const guest of session.guests) instructionsBefore.set(guest, session.stats(guest).instructions);
    started();
    await session.over;
  } finally {
    hostSeconds = (performance.now() - startedMs) / 1000;
    clearTimeout(timer);
    process.off('SIGINT', leave).off('SIGTERM', leave);
    input.close();
  }
}

/** Of the one run of this process: what its guests had retired before, how long it took, and the signal that ended it. */
const instructionsBefore = new Map<Guest, number>();
let hostSeconds = 0,
  signalled: NodeJS.Signals | undefined;

/** Says what happened to a guest where that is not plain; the exit status. `unsaved`: it was to be saved later than after this many instructions. */
function conclude({ end, name }: Guest, run: Run, unsaved?: number): number {
  const { options, stderr } = run;
  switch (end?.kind) {
    case 'timeout':
      stderr.text(`ringside: time-out after ${options.timeout} s.\n`);
      return STATUS.timeout;
    case 'stuck':
      stderr.text(`ringside: ${end.report}\n`);
      return STATUS.halted;
    case 'ended':
      return statusOf(end.ending, name, run, unsaved);
    default:
      return signalled ? (signalled === 'SIGINT' ? 130 : 143) : STATUS.good;
  }
}

async function save(path: string, { toolstack }: Session, { member }: Guest, suspended: boolean): Promise<void> {
  // What cannot be saved is refused before there is a first piece, and a file is touched.
  let fd: number | undefined;
  const put = (piece: Uint8Array): void => {
    try {
      fd ??= openForOwner(path);
      for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at);
    } catch (error) {
      throw new UsageError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code}) (--save).`);
    }
  };
  try {
    await toolstack.saveWhere(member, !suspended, put).catch((error: Error) => {
      throw error instanceof SavedStateError || error instanceof UsageError ? error : new HostError(error.message);
    });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** What is written at the end, or by a script, can be; and what a script puts into a drive goes there. @throws UsageError */
function checkPlaces([stats, saves, screenshots]: Iterable<string>[], lines: readonly ScriptLine[]): void {
  for (const path of stats) checkPlace(path, '--stats');
  for (const path of saves) checkPlace(path, '--save');
  for (const path of screenshots) checkPlace(path, '--screenshot');
  for (const line of lines) if (line.kind === 'screenshot' || line.kind === 'stats') checkPlace(line.text, '--script');
  for (const line of lines) if (line.kind === 'insert') checkRemovable(line.vdev, line.path);
}

/** Whether a file can be written there, before the run that it is about: it may be an hour long. @throws UsageError */
function checkPlace(path: string, option: string): void {
  try {
    if (existsSync(path)) {
      if (statSync(path).isDirectory()) throw new UsageError(`${path} is a folder; name a file (${option}).`);
      accessSync(path, constants.W_OK);
    } else accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === 'ENOENT'
        ? `${path} cannot be written: there is no folder ${dirname(path)}. Make it, or name another place (${option}).`
        : `${path} cannot be written (${code}) (${option}).`,
    );
  }
}

function write(path: string, text: string | Uint8Array, option: string): void {
  try {
    writeFileSync(path, text, { mode: OWNER_ONLY });
  } catch (error) {
    throw new UsageError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code}) (${option}).`);
  }
}

/** Of all that a guest was, where it was started again. */
function statistics(guest: Guest, stats: Stats, hottest: HotRegion[], status: number, options: BootOptions): object {
  const {
    name,
    blueprint: { definition },
    restarts,
  } = guest;
  const { instructions, nowNs, runNs, idleNs, exits, exitsByReason, apicReads, model, memory, tier, driveRings } =
    stats;
  return {
    version: VERSION,
    status,
    restarts,
    instructions,
    seconds: hostSeconds,
    guestSeconds: nowNs / 1e9,
    runSeconds: runNs / 1e9,
    idleSeconds: idleNs / 1e9,
    mips: hostSeconds > 0 ? (instructions - (instructionsBefore.get(guest) ?? 0)) / hostSeconds / 1e6 : 0,
    exits,
    exitsByReason,
    apicReads,
    // The devices' share: a stub domain's is part of runSeconds, Domain 0's is its own.
    ...(!definedAs(definition).emulates
      ? {}
      : {
          deviceModel: {
            name: model.where === 'stub' ? `${name}-dm` : model.where,
            requests: model.requests,
            seconds: model.ns / 1e9,
          },
        }),
    ...(driveRings > 0 ? { driveRings } : {}),
    virtualTime: options.virtualTime,
    seed: options.seed ?? 0,
    ...(memory ? { memory } : {}),
    tiers: {
      ...tier,
      share: {
        regions: instructions > 0 ? tier.retired / instructions : 0,
        interpreter: instructions > 0 ? 1 - tier.retired / instructions : 0,
      },
      hottest: hottest.map(region => ({ ...region, share: instructions > 0 ? region.retired / instructions : 0 })),
    },
  };
}

/** Bytes of port 0xE9: complete also after a time-out. */
function openDebugcon(
  options: BootOptions,
  stdout: Output,
): { put: (byte: number) => void; flush(): void; close(): void } {
  if (options.debugcon === undefined) return { put: () => {}, flush() {}, close() {} };
  if (options.debugcon === '-') return { put: stdout.put, flush() {}, close() {} };
  let fd: number;
  try {
    fd = openForOwner(options.debugcon);
  } catch (error) {
    throw new UsageError(
      `${options.debugcon} cannot be written (${(error as NodeJS.ErrnoException).code}) (--debugcon).`,
    );
  }
  const output = new Output(fd);
  return {
    put: output.put,
    flush: () => output.flush(),
    close: () => {
      output.flush();
      closeSync(fd);
    },
  };
}
