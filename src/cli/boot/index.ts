/** `ringside boot`: guests with their consoles on standard output and input. */
import { availableParallelism } from 'node:os';
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DEFAULT_MAC } from '../../hypervisor/domain/nic.ts';
import { affinityProblem } from '../../dom0/config/cpus.ts';
import { type Action, formatFinding, judgeDefinition } from '../../dom0/config/model.ts';
import { lengthProblem } from '../../dom0/config/xlcfg.ts';
import { savedCards } from '../../dom0/toolstack/cards.ts';
import { StationAddresses } from '../../dom0/toolstack/station-addresses.ts';
import { baseName, decode, type Firmware, isDefinition, type NamedBytes, NO_FIRMWARE, planDefinition, type PlannedDrive, planKernel, type Planned, startsWith, withOptions } from '../../dom0/plan.ts';
import { prepareToRead } from '../../dom0/config/source.ts';
import { divideDrives, type OpenDrive } from '../../dom0/toolstack/disks.ts';
import { modelOf as savedModelOf } from '../../dom0/device-model/saved-model.ts';
import type { LinuxForFirmware } from '../../devices/firmware-linux.ts';
import {
  type Boot,
  checkBoot,
  type Domain,
  type Ending,
  HostError,
  p2mFrames,
  readState,
  SAVED_MAGIC,
  savedChunks,
  SavedStateError,
} from '../../hypervisor/index.ts';
import type { XenGuest } from '../../hypervisor/xen/guest.ts';
import { kernelKind, LoadError } from '../../hypervisor/loader/index.ts';
import { sharesOf } from '../../hypervisor/scheduler/scheduler.ts';
import type { XenOptions } from '../../dom0/xen-options.ts';
import { VERSION } from '../version.ts';
import type { State } from '../../devices/bus.ts';
import { bootDevices, fetchedFirmware, type HostDevices, imageKind, lookAtImage, openDrives, openPlanned, savedDrives } from './disks.ts';
import { openState, StateError } from '../storage/state.ts';
import { bootHelp, type BootOptions, parseBootOptions, UsageError } from './options.ts';
import { encodeScreen, screenText } from './screenshot.ts';
import { parseScript, Script } from './script.ts';
import { Guests, type GuestToRun } from './guests.ts';
import { Runner, type RunEnd } from './run.ts';
import { Input, Output } from './terminal.ts';
import { Watcher } from './until.ts';
import { Watchdog } from './watchdog.ts';
import { GuestsInWorkers, runInWorkers } from './workers.ts';

const STATUS = { good: 0, unseen: 1, wrongUse: 2, crash: 4, timeout: 124 } as const;
const DEFAULT_MEMORY_MIB = 256;
/** How much later than --timeout a run that does not look at the clock is ended by force. */
const GRACE_SECONDS = 5;
/** Console of a Linux that was given without a command line: standard output. */
const LINUX_CMDLINE = 'console=ttyS0';
/** The date of every run in virtual time: 2026-01-01 00:00:00 UTC. */
const VIRTUAL_EPOCH_MS = 1_767_225_600_000;

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
      return await start(withCards(prepareAll(options, stderr, devices), options, stderr), options, stderr);
    } finally {
      state?.close();
    }
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof StateError || error instanceof LoadError || error instanceof HostError || error instanceof SavedStateError)) throw error;
    if (error.message) stderr.text(`ringside: ${error.message}\n`);
    return STATUS.wrongUse;
  }
}

/** A definition in XML has a reader of its own, which is loaded for it. What cannot be read is told when it is. */
async function loadReaders(files: string[]): Promise<void> {
  for (const file of files) {
    const head = new Uint8Array(256);
    try {
      const fd = openSync(file, 'r');
      readSync(fd, head);
      closeSync(fd);
    } catch {
      continue;
    }
    await prepareToRead(decode(head));
  }
}

/** What will be started, checked as far as it can be without starting it. */
function prepareAll(options: BootOptions, stderr: Output, devices: HostDevices | undefined): GuestToRun[] {
  const one = (of: BootOptions): GuestToRun => {
    const guest = modelOf(refuseWithoutVt(prepare(of, stderr, devices), options), options);
    return options.cpu ? { ...guest, cpuLevel: options.cpu } : guest;
  };
  if (options.files.length < 2) return [one(options)];
  const guests = options.files.map(file => one({ ...options, file }));
  for (const guest of guests) {
    const same = guests.filter(({ name }) => name === guest.name);
    if (same.length > 1) same.forEach((other, i) => (other.name += `-${i + 1}`));
  }
  return guests;
}

/** Network cards as the definitions and --nic have them, with their station addresses: given, drawn by the seed, or those that saved guests have. */
function withCards(guests: GuestToRun[], options: BootOptions, stderr: Output): GuestToRun[] {
  const addresses = new StationAddresses(options.seed ?? (options.virtualTime ? 0 : Math.floor(Math.random() * 2 ** 32)));
  const owners = new Map<string, GuestToRun>();
  const cards = guests.map((guest): GuestToRun => {
    const asked = options.nic !== undefined || guest.vif;
    const isPc = guest.xen !== 'pvh' && guest.xen !== 'pv';
    if (options.nic && !isPc) stderr.text(`ringside: ${guest.name} gets a PV network card: a ${guest.xen?.toUpperCase()} guest has PV devices only.\n`);
    const { nic: _nic, vif: _vif, ...bare } = guest;
    const nic = isPc ? (guest.nic ?? options.nic) : undefined;
    const card: GuestToRun = { ...bare, ...(nic ? { nic } : {}), ...(guest.xen && asked ? { vif: true } : {}) };
    if (guest.mac === undefined) return card;
    const owner = owners.get(guest.mac);
    if (owner) throw new UsageError(`${owner.name} and ${guest.name} have the same station address, ${guest.mac}. Give one of them another, or leave mac out: then one is drawn.`);
    owners.set(guest.mac, guest);
    return card;
  });
  return cards.map(guest => {
    if ((!guest.nic && !guest.vif) || guest.mac) return guest;
    const mac = addresses.draw(owners);
    owners.set(mac, guest);
    return { ...guest, mac };
  });
}

/** Where the device model is to run, as the command line has it: what a definition says else stays. */
function modelOf(guest: GuestToRun, { deviceModel }: BootOptions): GuestToRun {
  if (deviceModel === undefined) return guest;
  if (guest.xen !== 'hvm' && deviceModel === 'dom0')
    throw new UsageError(`${guest.name} has no device model that Domain 0 could run: --device-model dom0 is for HVM guests of Xen (--type hvm).`);
  return { ...guest, modelInDomain0: deviceModel === 'dom0' };
}

/** A standard computer: only paravirtual guests can be built. The reason is the one that Xen's domain creation and xend's messages give. */
function refuseWithoutVt(guest: GuestToRun, { noVt }: BootOptions): GuestToRun {
  if (noVt && guest.xen !== undefined && guest.xen !== 'pv')
    throw new UsageError(
      `${guest.name} was not created: ${guest.xen.toUpperCase()} requested but HVM is not available: is VT/AMD-V supported by your CPU and enabled in your BIOS? ` +
        'Take a PV guest (--type pv), or leave out --no-vt.',
    );
  return guest;
}

function prepare(options: BootOptions, stderr: Output, devices: HostDevices | undefined): GuestToRun {
  const startEpochMs = options.virtualTime ? VIRTUAL_EPOCH_MS : Date.now();
  const onReset = afterwards('restart', options);
  if (options.restore !== undefined) {
    const saved = readState(read(options.restore, '--restore').data, options.restore);
    const { about } = saved,
      model = savedModelOf(saved),
      [pvCard] = savedCards(saved.toolstack);
    if (about.virtualTime !== options.virtualTime) {
      throw new UsageError(
        `${options.restore} was saved in ${about.virtualTime ? 'virtual' : 'real'} time. ${about.virtualTime ? 'Add' : 'Leave out'} --virtual-time.`,
      );
    }
    // What its definition says of its end still holds.
    const { definition } = judgeDefinition(about.name, about.definition);
    return {
      name: about.name,
      memoryMiB: about.populatedMiB,
      maxMemoryMiB: about.memoryMiB,
      vcpus: about.vcpus ?? 1,
      p2mFrames: about.p2mFrames,
      boot: saved.boot,
      ...divideDrives(savedDrives(saved, model?.drives ?? about.drives ?? [], options.disks, options.cdrom, devices), about.xen),
      ...(model ? { modelInDomain0: true } : {}),
      definition: about.definition,
      onReset: afterwards(definition.onReboot, options),
      onPoweroff: afterwards(definition.onPoweroff, options),
      onCrash: afterwards(definition.onCrash, options),
      startEpochMs: about.startEpochMs,
      saved,
      ...(about.nic ? { nic: about.nic } : {}),
      ...(about.nic ? { mac: about.mac ?? DEFAULT_MAC } : {}),
      ...(pvCard ? { vif: true, mac: pvCard.mac } : {}),
      ...(about.xen ? { xen: about.xen } : {}),
      ...(about.uuid ? { uuid: about.uuid } : {}),
    };
  }
  const kind = options.file === undefined ? undefined : imageKind(options.file);
  if (kind === 'disk') options.disks.unshift(options.file ?? '');
  if (kind === 'cdrom') {
    if (options.cdrom !== undefined) throw new UsageError(`${options.file} and ${options.cdrom} are both CDs, and there is one drive. Leave one out.`);
    options.cdrom = options.file;
  }
  const drives = openDrives(options.disks, options.cdrom, options.type, devices);
  if (options.bios !== undefined || kind !== undefined || (options.file === undefined && options.kernel === undefined)) {
    const image: Boot = options.bios === undefined ? fetchedFirmware() : {
      kind: 'firmware',
      image: read(options.bios, '--bios').data,
      name: baseName(options.bios),
      ...(options.vgabios === undefined ? {} : { vgaBios: read(options.vgabios, '--vgabios').data }),
      ...(options.kernel === undefined ? {} : { linux: linuxForFirmware(options.kernel, options) }),
    };
    if (options.hvmloader !== undefined) image.loader = read(options.hvmloader, '--hvmloader');
    if (drives.length > 0) image.bootOrder = bootDevices(drives, options.boot ?? (kind === 'cdrom' ? 'dc' : 'cd'));
    const memoryMiB = options.memory ?? DEFAULT_MEMORY_MIB;
    checkBoot(image, memoryMiB, options.type);
    if (options.type === 'pv' || options.type === 'pvh')
      throw new UsageError(`A ${options.type.toUpperCase()} guest has no firmware and no disk controller. Name a kernel with --kernel, or write --type hvm.`);
    return {
      name: image.name,
      memoryMiB,
      vcpus: options.vcpus ?? 1,
      p2mFrames: p2mFrames(image, memoryMiB),
      boot: image,
      ...divideDrives(drives, options.type),
      definition: '',
      onReset,
      startEpochMs,
      ...(options.type ? { xen: options.type } : {}),
    };
  }
  const {
    planned: { plan, domain },
    fromDefinition,
  } = planFrom(options, devices);
  if (!domain) {
    for (const finding of plan.errors) stderr.text(fromDefinition ? `${formatFinding(finding)}\n` : `ringside: ${inOptions(finding.text)}\n`);
    if (fromDefinition) {
      const ignored = plan.findings.filter(finding => finding.verdict === 'ignored').length;
      stderr.text(
        `${plan.name || 'The domain'} was not created; ${count(plan.errors.length, 'error')}${ignored ? `, ${count(ignored, 'key')} ignored` : ''}.\n`,
      );
    }
    throw new UsageError('');
  }
  for (const finding of plan.findings) {
    const { key, verdict, text } = finding;
    if (verdict === 'approximated' || verdict === 'ignored') stderr.text(`${formatFinding({ ...finding, text: `${key} (${verdict}): ${text}` })}\n`);
  }
  const { definition } = domain;
  return {
    name: definition.name,
    memoryMiB: definition.memoryMiB,
    vcpus: definition.vcpus,
    ...(definition.maxVcpus === undefined ? {} : { maxVcpus: definition.maxVcpus }),
    ...sharesOf(definition),
    p2mFrames: p2mFrames(domain.boot, definition.memoryMiB),
    boot: domain.boot,
    ...divideDrives(drivesOf(domain.drives, drives, definition.name, devices), domain.xen),
    ...(definition.nic ? { nic: definition.nic } : {}),
    ...(definition.mac ? { mac: definition.mac } : {}),
    ...(definition.vif ? { vif: definition.vif } : {}),
    ...(definition.rate ? { rate: definition.rate } : {}),
    definition: plan.definition,
    onReset: afterwards(definition.onReboot, options),
    onPoweroff: afterwards(definition.onPoweroff, options),
    onCrash: afterwards(definition.onCrash, options),
    startEpochMs,
    ...(domain.xen ? { xen: domain.xen } : {}),
    ...(definition.uuid ? { uuid: definition.uuid } : {}),
    ...(definition.viridian ? { viridian: definition.viridian } : {}),
    ...(definition.modelInDomain0 ? { modelInDomain0: true } : {}),
    ...(definition.maxMemoryMiB ? { maxMemoryMiB: definition.maxMemoryMiB } : {}),
  };
}

/** What an action of a definition means here: a domain that is kept or destroyed ends the command. */
const afterwards = (action: Action, { noReboot }: BootOptions): 'restart' | 'end' => (action === 'restart' && !noReboot ? 'restart' : 'end');

function firmwareOrWhy(): Firmware {
  try {
    const { image, name, vgaBios } = fetchedFirmware();
    return vgaBios ? { image, name, vgaBios } : NO_FIRMWARE;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/** A definition's drives, or those of --disk and --cdrom beside a kernel. */
function drivesOf(planned: readonly PlannedDrive[], given: OpenDrive[], name: string, devices: HostDevices | undefined): OpenDrive[] {
  if (planned.length > 0 && given.length > 0) throw new UsageError('The definition names disks itself: leave out --disk and --cdrom, or add them there.');
  return planned.length > 0 ? openPlanned(planned, name, devices) : given;
}

/** Advice for a definition, to someone who wrote none. */
const inOptions = (sentence: string): string => sentence.replace(/Write memory = (\d+) or more\./, 'Write --memory $1 or more.');

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

function linuxForFirmware(path: string, { initrd, cmdline }: BootOptions): LinuxForFirmware {
  return { kernel: read(path, '--kernel').data, cmdline: cmdline ?? LINUX_CMDLINE, ...(initrd === undefined ? {} : { initrd: read(initrd, '--initrd').data }) };
}

function planFrom(options: BootOptions, devices: HostDevices | undefined): { planned: Planned; fromDefinition: boolean } {
  const file = read(options.kernel ?? options.file ?? '', options.kernel === undefined ? 'FILE' : '--kernel');
  if (options.kernel === undefined && isDefinition(file)) {
    const beside = (path: string): string => (isAbsolute(path) ? path : join(dirname(file.name), path));
    const tooLong = lengthProblem(file.data.length);
    if (tooLong) throw new UsageError(`${file.name}: ${tooLong}`);
    const written = decode(file.data);
    // Options on the command line count after the file, as `xl create file key=value` has it.
    const extra = [
      options.memory === undefined ? '' : `memory = ${options.memory}\n`,
      options.vcpus === undefined ? '' : `vcpus = ${options.vcpus}\n`,
      options.type === undefined ? '' : `type = ${quote(options.type)}\n`,
      options.cmdline === undefined ? '' : `cmdline = ${quote(options.cmdline)}\n`,
      options.initrd === undefined ? '' : `ramdisk = ${quote(options.initrd)}\n`,
    ].join('');
    const { text, optionsFrom } = withOptions(file.name, written, extra);
    const planned = planDefinition(file.name, text, path => {
      const place = path === options.initrd ? path : beside(path);
      try {
        return { name: path, data: readFileSync(place) };
      } catch (error) {
        return `${place} ${cannotRead(error)}.`;
      }
    }, { image: path => lookAtImage(beside(path), devices), firmware: firmwareOrWhy() }, optionsFrom);
    return { planned, fromDefinition: true };
  }
  if (startsWith(file.data, SAVED_MAGIC)) throw new UsageError(`${file.name} is a saved domain. Write --restore ${file.name}.`);
  const cmdline = options.cmdline ?? (kernelKind(file.data) === 'linux' ? linuxCmdline(options) : '');
  const ramdisk = options.initrd === undefined ? {} : { ramdisk: read(options.initrd, '--initrd') };
  const plan = { kernel: file, cmdline, memoryMiB: options.memory ?? DEFAULT_MEMORY_MIB, vcpus: options.vcpus ?? 1, ...ramdisk };
  return { planned: planKernel({ ...plan, ...(options.type ? { type: options.type } : {}) }), fromDefinition: false };
}

/** Where a Linux without a command line shows itself: the first serial port, or the PV console of those that have no such port. */
const linuxCmdline = ({ type }: BootOptions): string => (type === 'pv' || type === 'pvh' ? 'console=hvc0' : LINUX_CMDLINE);

const quote = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

function read(path: string, option: string): NamedBytes {
  try {
    return { name: path, data: readFileSync(path) };
  } catch (error) {
    throw new UsageError(`${path || '""'} ${cannotRead(error)} (${option}).`);
  }
}

function cannotRead(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'does not exist; check the path';
  if (code === 'EISDIR') return 'is a folder; name a file';
  if (code === 'EACCES') return 'may not be read; check its permissions';
  return `cannot be read (${code ?? (error as Error).message})`;
}

async function start(guests: GuestToRun[], options: BootOptions, stderr: Output): Promise<number> {
  const stdout = new Output(1);
  const pcpus = options.pcpus ?? Math.max(1, availableParallelism() - 1);
  for (const word of options.xen?.unknown ?? []) stderr.text(`ringside: ${word} on Xen's command line means nothing here.\n`);
  for (const { name, hardAffinity } of guests) {
    const problem = affinityProblem(hardAffinity, pcpus);
    if (problem) throw new UsageError(`${name} was not created: cpus: ${problem} Change cpus, or write --pcpus.`);
  }
  if (runInWorkers(guests, options, pcpus)) return startInWorkers(guests, options, pcpus, stdout, stderr);
  const debugcon = openDebugcon(options, stdout);
  const watcher = options.until === undefined ? undefined : new Watcher(options.until);
  let runner: Runner | undefined;
  let script: Script | undefined;
  const lines = options.script === undefined ? undefined : parseScript(decode(read(options.script, '--script').data), options.script);
  const all = new Guests(guests, {
    ...(options.virtualTime ? {} : { hostMs: () => performance.now() }),
    ...(options.pcpus === undefined ? {} : { pcpus: options.pcpus }),
    ...xenParts(options),
    ...(options.hostMemory === undefined ? {} : { hostMemoryMiB: options.hostMemory }),
    output: byte => {
      stdout.put(byte);
      script?.put(byte);
      // A guest that uses Xen's interface is saved once it has suspended itself.
      if (watcher?.put(byte) && !(options.save !== undefined && all.askToSuspend())) runner?.stop();
    },
    ...(options.debugcon === undefined ? {} : { debug: debugcon.put }),
    note: sentence => stderr.text(`ringside: ${sentence}\n`),
  });
  const first = all.members[0];
  if (options.saveAt !== undefined) first.domain.stopAtInstruction = options.saveAt;
  runner = new Runner(all.members, {
    timeoutSeconds: options.timeout ?? Infinity,
    flush: () => {
      stdout.flush();
      debugcon.flush();
      if (stdout.broken) runner?.stop();
    },
    serve: () => all.serve(),
    wakeMs: () => all.wakeMs,
    idled: ms => all.idled(ms),
  });
  const shoot = (path: string, option: string): void => write(path, encodeScreen(first.domain), option);
  if (lines) {
    const hands = {
      screen: () => screenText(first.domain),
      send: (bytes: Uint8Array) => all.input(bytes),
      key: (code: string, down: boolean) => all.key(code, down),
      screenshot: (path: string) => shoot(path, '--script'),
      setMemory: (memoryMiB: number) => all.setMemory(memoryMiB),
    };
    const player = (script = new Script(lines, hands));
    runner.afterSlice = () => {
      const againNs = player.step(first.domain.clock.nowNs());
      if (player.conclusive && options.until === undefined && options.saveAt === undefined) runner?.stop();
      return againNs;
    };
  }
  const watchdog = options.timeout === undefined ? undefined : new Watchdog(options.timeout + GRACE_SECONDS, () => {
    stdout.flush();
    debugcon.flush();
    stderr.text(`ringside: time-out after ${options.timeout} s. The processor did not come back from its slice: this is a fault of Ringside's; please report it.\n`);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.exit(STATUS.timeout);
  });
  await withInput(runner, all);
  watchdog?.stop();
  // While its back ends are there.
  const toolstack = options.save === undefined ? undefined : all.saveToolstack();
  all.close();
  stdout.flush();
  debugcon.close();
  if (options.screenshot !== undefined) shoot(options.screenshot, '--screenshot');
  const seen = watcher?.seen ?? false;
  const status = Math.max(...all.members.map(member => conclude(member.end as RunEnd, { guest: member.guest, options, domain: member.domain, toolstack, seen, stderr })));
  if (options.stats !== undefined) write(options.stats, `${JSON.stringify(statistics(first, status, options), null, 2)}\n`, '--stats');
  return status;
}

/** What Xen's command line says. */
function xenParts({ xen }: BootOptions): Partial<Omit<XenOptions, 'unknown'>> {
  if (!xen) return {};
  const { unknown, ...known } = xen;
  return known;
}

/** Each guest in a worker thread, as many at once as there are slots. */
async function startInWorkers(guests: GuestToRun[], options: BootOptions, pcpus: number, stdout: Output, stderr: Output): Promise<number> {
  const watcher = options.until === undefined ? undefined : new Watcher(options.until);
  const all = new GuestsInWorkers(guests, {
    pcpus,
    ...xenParts(options),
    timeoutSeconds: options.timeout ?? Infinity,
    ...(options.hostMemory === undefined ? {} : { hostMemoryMiB: options.hostMemory }),
    output: bytes => {
      let found = false;
      for (const byte of bytes) {
        stdout.put(byte);
        found ||= watcher?.put(byte) ?? false;
      }
      stdout.flush();
      if (found || stdout.broken) all.endAll({ kind: 'stopped' });
    },
    note: sentence => stderr.text(`ringside: ${sentence}\n`),
  });
  const stop = (): void => all.endAll({ kind: 'stopped' });
  const leave = (signal: NodeJS.Signals): void => {
    signalled = signal;
    stop();
  };
  const input = new Input(bytes => all.input(bytes), stop, () => {});
  process.on('SIGINT', leave).on('SIGTERM', leave);
  try {
    await all.start(guests);
    const ends = await all.ends;
    return Math.max(...ends.map((end, i) => outcome(end, guests[i].name, { options, seen: watcher?.seen ?? false, stderr })));
  } finally {
    process.off('SIGINT', leave).off('SIGTERM', leave);
    input.close();
    stdout.flush();
  }
}

/** Says what happened to a guest in a worker where that is not plain; the exit status. */
function outcome(end: RunEnd, name: string, { options, seen, stderr }: Pick<Conclusion, 'options' | 'seen' | 'stderr'>): number {
  if (end.kind === 'stopped') return signalled ? (signalled === 'SIGINT' ? 130 : 143) : STATUS.good;
  if (end.kind === 'timeout') stderr.text(`ringside: time-out after ${options.timeout} s.\n`);
  return end.kind === 'ended' ? statusOf(end.ending, name, { options, seen, stderr }) : STATUS.timeout;
}

/** The exit status of a guest that ended by itself, with what is to be said of it: a crash or a fault in full, and a text that never came. */
function statusOf(ending: Ending, name: string, { options, seen, stderr }: Pick<Conclusion, 'options' | 'seen' | 'stderr'>): number {
  if (ending.kind === 'crash' || ending.report !== undefined) {
    stderr.text(`\nringside: ${ending.report ?? ending.sentence}\n`);
    return STATUS.crash;
  }
  const unseen = options.until !== undefined && !seen;
  if (unseen) stderr.text(`ringside: ${name} ended and “${options.until}” was not seen: ${ending.sentence}\n`);
  if (ending.kind === 'debug-exit') return (((ending.value ?? 0) << 1) | 1) & 0xff;
  return unseen ? STATUS.unseen : STATUS.good;
}

async function withInput(runner: Runner, all: Guests): Promise<void> {
  const startedMs = performance.now();
  const input = new Input(
    bytes => {
      all.input(bytes);
      runner.poke();
    },
    () => runner.stop(),
    () => {
      runner.inputEnded = true;
      runner.poke();
    },
  );
  const [first] = all.members;
  const startedAt = first.stats.instructions;
  const leave = (signal: NodeJS.Signals): void => {
    signalled = signal;
    runner.stop();
  };
  process.on('SIGINT', leave).on('SIGTERM', leave);
  try {
    await runner.run();
  } finally {
    hostSeconds = (performance.now() - startedMs) / 1000;
    hostInstructions = first.stats.instructions - startedAt;
    process.off('SIGINT', leave).off('SIGTERM', leave);
    input.close();
  }
}

/** Of the one run of this process: how long it took, what it retired, and the signal that ended it. */
let hostSeconds = 0,
  hostInstructions = 0,
  signalled: NodeJS.Signals | undefined;

interface Conclusion {
  guest: GuestToRun;
  options: BootOptions;
  domain: Domain;
  /** What Domain 0 keeps of it in a saved state. */
  toolstack: State | undefined;
  seen: boolean;
  stderr: Output;
}

/** Says what happened where that is not plain, saves what is to be saved; the exit status. */
function conclude(end: RunEnd, { guest, options, domain, toolstack, seen, stderr }: Conclusion): number {
  switch (end.kind) {
    case 'stopped':
      if (signalled) return signalled === 'SIGINT' ? 130 : 143;
      if (options.save !== undefined && (seen || domain.instructions >= domain.stopAtInstruction)) save(guest, options.save, domain, toolstack);
      return STATUS.good;
    case 'timeout':
      stderr.text(`ringside: time-out after ${options.timeout} s.\n`);
      return STATUS.timeout;
    case 'stuck':
      stderr.text(`ringside: ${domain.report(end.sentence)}\n`);
      return STATUS.timeout;
    case 'ended':
      if (end.ending.kind === 'suspend' && options.save !== undefined) save(guest, options.save, domain, toolstack);
      return statusOf(end.ending, guest.name, { options, seen, stderr });
  }
}

function save(guest: GuestToRun, path: string, domain: Domain, toolstack?: State): void {
  const chunks = savedChunks(domain, { name: guest.name, program: VERSION, definition: guest.definition }, toolstack);
  try {
    // What cannot be saved is refused before a file is touched.
    let chunk = chunks.next();
    const fd = openSync(path, 'w');
    for (; !chunk.done; chunk = chunks.next()) for (let at = 0; at < chunk.value.length; ) at += writeSync(fd, chunk.value, at);
    closeSync(fd);
  } catch (error) {
    if (error instanceof SavedStateError) throw error;
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

/** Frames that a guest of Xen has and may have, and what of its memory is populated on demand. */
function memoryOf({ frames }: XenGuest): object {
  const { podCachePages, podEntries } = frames.pod.target;
  return { frames: frames.current, maxFrames: frames.most, podCachePages, podEntries, podSweeps: frames.pod.sweeps };
}

/** Of all that a guest was, where it was started again. */
function statistics({ guest, domain, stats, restarts }: Guests['members'][number], status: number, options: BootOptions): object {
  const { name, xen } = guest;
  const { instructions, nowNs, runNs, idleNs, exits, exitsByReason, model } = stats;
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
    ...(domain.xen ? { memory: memoryOf(domain.xen) } : {}),
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
