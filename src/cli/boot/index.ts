/** `ringside boot`: guests with their consoles on standard output and input. */
import { availableParallelism } from 'node:os';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { affinityProblem } from '../../dom0/config/index.ts';
import { decode } from '../../dom0/index.ts';
import type { Blueprint } from '../../dom0/toolstack/index.ts';
import { type Ending, HostError, SavedStateError } from '../../hypervisor/index.ts';
import { LoadError } from '../../hypervisor/loader/index.ts';
import type { XenOptions } from '../../dom0/index.ts';
import { VERSION } from '../version.ts';
import { openState, StateError } from '../storage/state.ts';
import { bootHelp, type BootOptions, parseBootOptions, UsageError } from './options.ts';
import { loadReaders, prepareAll, read } from './prepare.ts';
import { encodeScreen, screenText } from './screenshot.ts';
import { parseScript, Script } from './script.ts';
import { type Guest, Session } from './session.ts';
import type { Stats } from './stats.ts';
import { Input, Output } from './terminal.ts';
import { Watcher } from './until.ts';
import { Watchdog } from './watchdog.ts';

const STATUS = { good: 0, unseen: 1, wrongUse: 2, crash: 4, timeout: 124 } as const;
/** How much later than --timeout a run that does not look at the clock is ended by force. */
const GRACE_SECONDS = 5;
/** In real time a script looks at the screen so often while nothing is told. */
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
    try {
      const devices = state && { storage: state.storage, say: (sentence: string) => stderr.text(`ringside: ${sentence}\n`) };
      return await start(prepareAll(options, stderr, devices), options, stderr);
    } finally {
      state?.close();
    }
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof StateError || error instanceof LoadError || error instanceof HostError || error instanceof SavedStateError)) throw error;
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

/** An emulated controller beside the processor has its media there: a device of the host that is open here is out of its reach. */
const needsThisThread = ({ xen, drives = [] }: Blueprint): boolean => xen !== 'pv' && xen !== 'pvh' && drives.some(({ medium }) => medium && 'disk' in medium);

async function start(guests: Blueprint[], options: BootOptions, stderr: Output): Promise<number> {
  const stdout = new Output(1);
  const many = guests.length > 1 || options.pcpus !== undefined;
  // One guest alone never waits for Domain 0.
  const pcpus = options.pcpus ?? Math.max(many ? 1 : 2, availableParallelism() - 1);
  for (const word of options.xen?.unknown ?? []) stderr.text(`ringside: ${word} on Xen's command line means nothing here.\n`);
  for (const { definition } of guests) {
    const problem = affinityProblem(definition.hardAffinity, pcpus);
    if (problem) throw new UsageError(`${definition.name} was not created: cpus: ${problem} Change cpus, or write --pcpus.`);
  }
  const debugcon = openDebugcon(options, stdout);
  const watcher = options.until === undefined ? undefined : new Watcher(options.until);
  const lines = options.script === undefined ? undefined : parseScript(decode(read(options.script, '--script').data), options.script);
  let script: Script | undefined;
  let suspended = false;
  const session = new Session(
    options.saveAt === undefined ? guests : guests.map(guest => ({ ...guest, stopAtInstruction: options.saveAt ?? 0 })),
    {
      virtualTime: options.virtualTime,
      // In virtual time they keep together on one thread.
      inWorkers: !options.virtualTime && many && pcpus > 1 && !guests.some(needsThisThread),
      pcpus,
      ...xenParts(options),
      ...(options.hostMemory === undefined ? {} : { hostMemoryMiB: options.hostMemory }),
      seed: options.seed ?? (options.virtualTime ? 0 : Math.floor(Math.random() * 2 ** 32)),
      output: byte => {
        stdout.put(byte);
        script?.put(byte);
        if (!watcher?.put(byte)) return;
        // A guest that uses Xen's interface is saved once it has suspended itself.
        const [{ member }] = session.guests;
        if (suspended) return;
        suspended = options.save !== undefined && session.toolstack.ask(member, 'suspend');
        if (suspended) member.whenSuspended = () => session.stop();
        else session.stop();
      },
      ...(options.debugcon === undefined ? {} : { debug: debugcon.put }),
      flush: () => {
        stdout.flush();
        debugcon.flush();
        if (stdout.broken) session.stop();
      },
      note: sentence => stderr.text(`ringside: ${sentence}\n`),
      afterSlice: guest => guest === first() && play(),
    },
  );
  const first = (): Guest => session.guests[0];
  const screen = (): [SharedArrayBuffer, number] => [session.toolstack.machine.memory as SharedArrayBuffer, first().member.record.screenOffset];
  const shoot = (path: string, option: string): void => write(path, encodeScreen(...screen()), option);
  let look: NodeJS.Timeout | undefined;
  const play = (): void => {
    if (!script || first().end) return;
    const { nowNs } = first().member.runner;
    try {
      const againNs = script.step(nowNs);
      if (script.conclusive && options.until === undefined && options.saveAt === undefined) return session.stop();
      clearTimeout(look);
      if (!options.virtualTime && !script.done) look = setTimeout(play, Math.min(LOOK_MS, Math.max(0, (againNs - nowNs) / 1e6)));
    } catch (error) {
      session.fail(error instanceof UsageError ? error : new HostError((error as Error).message));
    }
  };
  if (lines)
    script = new Script(lines, {
      screen: () => screenText(...screen()),
      send: bytes => session.input(bytes),
      key: (code, down) => session.toolstack.key(first().member, code, down),
      screenshot: path => shoot(path, '--script'),
      setMemory: memoryMiB => session.toolstack.setMemory(first().member, memoryMiB),
    });
  const watchdog = options.timeout === undefined ? undefined : new Watchdog(options.timeout + GRACE_SECONDS, () => {
    stdout.flush();
    debugcon.flush();
    stderr.text(`ringside: time-out after ${options.timeout} s. The processor did not come back from its slice: this is a fault of Ringside's; please report it.\n`);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.exit(STATUS.timeout);
  });
  try {
    await withInput(session, options.timeout, () => play());
    clearTimeout(look);
    watchdog?.stop();
    const seen = watcher?.seen ?? false;
    // While its back ends are there, and its memory.
    if (options.screenshot !== undefined) shoot(options.screenshot, '--screenshot');
    const { end } = first();
    if (options.save !== undefined && end?.kind === 'stopped' && !signalled && (seen || options.saveAt !== undefined))
      await save(options.save, session, first(), suspended);
    const stats = session.stats(first());
    await session.close();
    stdout.flush();
    const status = Math.max(...session.guests.map(guest => conclude(guest, { options, seen, stderr })));
    if (options.stats !== undefined) write(options.stats, `${JSON.stringify(statistics(first(), stats, status, options), null, 2)}\n`, '--stats');
    return status;
  } finally {
    clearTimeout(look);
    watchdog?.stop();
    stdout.flush();
    debugcon.close();
  }
}

/** What Xen's command line says. */
function xenParts({ xen }: BootOptions): Partial<Omit<XenOptions, 'unknown'>> {
  if (!xen) return {};
  const { unknown, ...known } = xen;
  return known;
}

/** The exit status of a guest that ended by itself, with what is to be said of it: a crash or a fault in full, and a text that never came. */
function statusOf(ending: Ending, name: string, { options, seen, stderr }: Run): number {
  if (ending.kind === 'crash' || ending.report !== undefined) {
    stderr.text(`\nringside: ${ending.report ?? ending.sentence}\n`);
    return STATUS.crash;
  }
  const unseen = options.until !== undefined && !seen;
  if (unseen) stderr.text(`ringside: ${name} ended and “${options.until}” was not seen: ${ending.sentence}\n`);
  if (ending.kind === 'debug-exit') return (((ending.value ?? 0) << 1) | 1) & 0xff;
  return unseen ? STATUS.unseen : STATUS.good;
}

async function withInput(session: Session, timeoutSeconds: number | undefined, started: () => void): Promise<void> {
  const input = new Input(bytes => session.input(bytes), () => session.stop(), () => session.endInput());
  const leave = (signal: NodeJS.Signals): void => {
    signalled = signal;
    session.stop();
  };
  const timer = timeoutSeconds === undefined ? undefined : setTimeout(() => session.endAll({ kind: 'timeout' }), Math.min(2 ** 31 - 1, timeoutSeconds * 1000));
  process.on('SIGINT', leave).on('SIGTERM', leave);
  let startedAt = 0,
    startedMs = 0;
  try {
    await session.start();
    startedMs = performance.now();
    startedAt = session.stats(session.guests[0]).instructions;
    started();
    await session.over;
  } finally {
    hostSeconds = (performance.now() - startedMs) / 1000;
    if (startedMs > 0) hostInstructions = session.stats(session.guests[0]).instructions - startedAt;
    clearTimeout(timer);
    process.off('SIGINT', leave).off('SIGTERM', leave);
    input.close();
  }
}

/** Of the one run of this process: how long it took, what it retired, and the signal that ended it. */
let hostSeconds = 0,
  hostInstructions = 0,
  signalled: NodeJS.Signals | undefined;

/** Says what happened to a guest where that is not plain; the exit status. */
function conclude({ end, name }: Guest, run: Run): number {
  const { options, stderr } = run;
  switch (end?.kind) {
    case 'timeout':
      stderr.text(`ringside: time-out after ${options.timeout} s.\n`);
      return STATUS.timeout;
    case 'stuck':
      stderr.text(`ringside: ${end.report}\n`);
      return STATUS.timeout;
    case 'ended':
      return statusOf(end.ending, name, run);
    default:
      return signalled ? (signalled === 'SIGINT' ? 130 : 143) : STATUS.good;
  }
}

async function save(path: string, { toolstack }: Session, { member }: Guest, suspended: boolean): Promise<void> {
  // What cannot be saved is refused before a file is touched.
  const chunks = await toolstack.saveWhere(member, !suspended).catch((error: Error) => {
    throw error instanceof SavedStateError ? error : new HostError(error.message);
  });
  try {
    const fd = openSync(path, 'w');
    for (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    closeSync(fd);
  } catch (error) {
    throw new UsageError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code}) (--save).`);
  }
}

function write(path: string, text: string | Uint8Array, option: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code}) (${option}).`);
  }
}

/** Of all that a guest was, where it was started again. */
function statistics({ name, blueprint: { xen }, restarts }: Guest, stats: Stats, status: number, options: BootOptions): object {
  const { instructions, nowNs, runNs, idleNs, exits, exitsByReason, model, memory } = stats;
  return {
    version: VERSION,
    status,
    restarts,
    instructions,
    seconds: hostSeconds,
    guestSeconds: nowNs / 1e9,
    runSeconds: runNs / 1e9,
    idleSeconds: idleNs / 1e9,
    mips: hostSeconds > 0 ? hostInstructions / hostSeconds / 1e6 : 0,
    exits,
    exitsByReason,
    // The devices' share: a stub domain's is part of runSeconds, Domain 0's is its own.
    ...(xen === 'pvh' || xen === 'pv' ? {} : { deviceModel: { name: model.where === 'stub' ? `${name}-dm` : model.where, requests: model.requests, seconds: model.ns / 1e9 } }),
    virtualTime: options.virtualTime,
    seed: options.seed ?? 0,
    ...(memory ? { memory } : {}),
  };
}

/** Bytes of port 0xE9: complete also after a time-out. */
function openDebugcon(options: BootOptions, stdout: Output): { put: (byte: number) => void; flush(): void; close(): void } {
  if (options.debugcon === undefined) return { put: () => {}, flush() {}, close() {} };
  if (options.debugcon === '-') return { put: stdout.put, flush() {}, close() {} };
  let fd: number;
  try {
    fd = openSync(options.debugcon, 'w');
  } catch (error) {
    throw new UsageError(`${options.debugcon} cannot be written (${(error as NodeJS.ErrnoException).code}) (--debugcon).`);
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
