/** The words of `ringside boot`: one table from which parsing and `--help` follow. */

import { existsSync } from 'node:fs';
import { CPU_LEVELS, type CpuModel, isFeature, modelFrom, partsOfModel } from '../../cpu/architecture/index.ts';
import { type Bios, bootOrder, bootOrderProblem } from '../../dom0/definitions/config/index.ts';
import type { XenKind } from '../../hypervisor/kinds/index.ts';
import type { Forward } from '../../dom0/host/network/nat/index.ts';
import { parseXenOptions } from '../../dom0/service/index.ts';
import { isNicModel, NIC_MODELS, type NicModel } from '../../devices/index.ts';
import { LEAST_MMIO_HOLE_MIB, MAX_MEMORY_MIB, MAX_VCPUS, MOST_MMIO_HOLE_MIB } from '../../hypervisor/layout/index.ts';
import { MAX_PCPUS } from '../../hypervisor/scheduler/index.ts';

import { JIT_THRESHOLD_ABOUT, JIT_TWICE, MAX_JIT_THRESHOLD, NO_JIT_ABOUT } from '../jit-options.ts';
import { checkForwards, forwardWord, netWord } from './network-words.ts';
import { UsageError } from './usage-error.ts';

export { UsageError };

/** What --bios may say in place of a file: one of the BIOSes that are here. */
const isBios = (value: string): value is Bios => value === 'ringside' || value === 'seabios';

export interface BootOptions {
  /** The first of `files`. */
  file?: string;
  files: string[];
  /** What the guest shows of Xen; absent: a plain PC, or what a definition says. */
  type?: XenKind;
  /** What a plain PC is to be in its place. */
  becomes?: 'kvm';
  /** MiB of machine memory. */
  hostMemory?: number;
  noVt: boolean;
  /** Where the device model of HVM guests runs; absent: as the definition says, else as a stub domain. */
  deviceModel?: 'stub' | 'dom0';
  kernel?: string;
  initrd?: string;
  cmdline?: string;
  memory?: number;
  /** MiB below 4 GiB that are no RAM. */
  mmioHole?: number;
  vcpus?: number;
  pcpus?: number;
  /** Xen's command line. */
  xenCommandLine?: string;
  until?: string;
  timeout?: number;
  virtualTime: boolean;
  seed?: number;
  stats: string[];
  noReboot: boolean;
  /** Of one guest F; of several NAME=F each. */
  saves: string[];
  saveAt?: number;
  /** The first of `restores`. */
  restore?: string;
  restores: string[];
  /** Which of the BIOSes here starts. */
  bios?: Bios;
  /** A firmware image in their place; `writesFirmware`: in flash that it writes, and the file with it. */
  firmware?: string;
  writesFirmware?: true;
  vgabios?: string;
  hvmloader?: string;
  /** Directory that the host's storage is kept in. */
  state?: string;
  disks: string[];
  cdrom?: string;
  nic?: NicModel;
  /** Images of floppy disks. */
  fda?: string;
  fdb?: string;
  cpu?: CpuModel;
  boot?: string;
  /** What does not end in 55 AA is started, too. */
  noSignatureCheck?: true;
  /** The file that DHCP names; TFTP gives out what is next to it. */
  tftp?: string;
  /** Guests reach what this machine reaches. */
  net?: 'nat';
  /** Ports of this machine that lead to guests'. */
  forwards: Forward[];
  /** As `saves`. */
  scripts: string[];
  screenshots: string[];
  debugcon?: string;
  /** As `saves`, with ports. */
  gdb: string[];
  /** As `saves`, with ports and what follows them. */
  vnc: string[];
  /** 0: no guest code is compiled. Absent: the default. */
  jitThreshold?: number;
  help: boolean;
}

/** "a", "a or b", … */
const NIC_NAMES = Object.keys(NIC_MODELS).join(' or ');

interface Word {
  /** May be given more than once. */
  many?: boolean;
  /** Absent: a flag. */
  value?: string;
  about: string;
  set(options: BootOptions, value: string, word: string): void;
}

const WORDS: Record<string, Word> = {
  '--kernel': { value: 'F', about: 'kernel to start: bzImage, multiboot or PVH ELF', set: (o, v) => (o.kernel = v) },
  '--initrd': { value: 'F', about: 'initial RAM disk (multiboot, PVH: first module)', set: (o, v) => (o.initrd = v) },
  '--ramdisk': { value: 'F', about: 'the same', set: (o, v) => (o.initrd = v) },
  '--config': { value: 'F', many: true, about: 'xl configuration (xl.cfg), as FILE', set: (o, v) => o.files.push(v) },
  '--type': {
    value: 'TYPE',
    about: 'hvm, pvh or pv: a guest of Xen; kvm: one of KVM (without: a plain PC, or what the configuration says)',
    set: (o, v, w) => Object.assign(o, guestType(w, v)),
  },
  '--no-vt': { about: 'a computer without VT-x or AMD-V: only PV guests', set: o => (o.noVt = true) },
  '--device-model': {
    value: 'WHERE',
    about:
      "stub: an HVM guest's devices run in its own worker, as NAME-dm; dom0: in Domain 0 (stub, or what the configuration says)",
    set: (o, v, w) => (o.deviceModel = modelPlace(w, v)),
  },
  '--host-memory': {
    value: 'MIB',
    about: 'memory of the host (as the guests need)',
    set: (o, v, w) => (o.hostMemory = integer(w, v, 16, MAX_MEMORY_MIB + 1)),
  },
  '--cmdline': {
    value: 'TEXT',
    about: 'command line of the kernel (Linux alone: console=ttyS0)',
    set: (o, v) => (o.cmdline = v),
  },
  '--memory': {
    value: 'MIB',
    about: 'RAM in MiB (256)',
    set: (o, v, w) => (o.memory = integer(w, v, 1, MAX_MEMORY_MIB)),
  },
  '--mmio-hole': {
    value: 'MIB',
    about: `hole below 4 GiB, ${LEAST_MMIO_HOLE_MIB} to ${MOST_MMIO_HOLE_MIB}: RAM that does not fit below it is above 4 GiB`,
    set: (o, v, w) => (o.mmioHole = integer(w, v, LEAST_MMIO_HOLE_MIB, MOST_MMIO_HOLE_MIB)),
  },
  '--pcpus': {
    value: 'N',
    about: `guests that run at once, 1 to ${MAX_PCPUS} (one fewer than there are cores)`,
    set: (o, v, w) => (o.pcpus = integer(w, v, 1, MAX_PCPUS)),
  },
  '--xen': {
    value: 'TEXT',
    about:
      "Xen's command line: sched=credit or rr, sched_credit_tslice_ms=N, sched_ratelimit_us=N, hvm_fep, dom0_mem=SIZE",
    set: (o, v, w) => (o.xenCommandLine = xenOptions(w, v)),
  },
  '--vcpus': {
    value: 'N',
    about: `virtual processors, 1 to ${MAX_VCPUS} (1)`,
    set: (o, v, w) => (o.vcpus = integer(w, v, 1, MAX_VCPUS)),
  },
  '--bios': {
    value: 'BIOS[,rw]',
    about:
      "ringside: Ringside's own, the default; seabios: as npm run guests fetches it; else a firmware image F of up to 16 MiB, with F,rw in flash that it writes, and F with it: a Linux --kernel is then offered to it in fw_cfg",
    set: (o, v, w) => {
      if (isBios(v)) o.bios = v;
      else {
        const [, path = v, option] = /^(.*),([^,/]*)$/s.exec(v) ?? [];
        if (option !== undefined && option !== 'rw')
          throw new UsageError(`${w} knows no option "${option}": only rw may follow the file's comma.`);
        o.firmware = path;
        if (option) o.writesFirmware = true;
      }
    },
  },
  '--hvmloader': {
    value: 'F',
    about: "Xen's own hvmloader, which starts the firmware (--type hvm)",
    set: (o, v) => (o.hvmloader = v),
  },
  '--vgabios': {
    value: 'F',
    about: "VGA BIOS for the image of --bios, as the adapter's option ROM",
    set: (o, v) => (o.vgabios = v),
  },
  '--disk': {
    value: 'F[,ro|,rw][,virtio]',
    many: true,
    about: 'disk image; writes stay in memory, with rw they go to the file; virtio makes it a virtio disk',
    set: (o, v) => o.disks.push(v),
  },
  '--state': {
    value: 'DIR',
    about:
      "keep the host's disk in DIR: a definition's phy:/dev/vg0/NAME, and --disk phy:DEVICE, are there (ringside storage makes them)",
    set: (o, v) => (o.state = v),
  },
  '--cdrom': { value: 'F', about: 'CD image (.iso)', set: (o, v) => (o.cdrom = v) },
  '--fda': {
    value: 'F',
    about: 'image of a floppy disk in drive A; writes stay in memory',
    set: (o, v) => (o.fda = v),
  },
  '--fdb': { value: 'F', about: 'the same in drive B', set: (o, v) => (o.fdb = v) },
  '--cpu': {
    value: 'LEVEL',
    about: `what CPUID shows, and a PC's processor has: ${CPU_LEVELS.join(', ')} (max; x86-64-v2 for a 64-bit kernel)`,
    set: (o, v) => (o.cpu = cpuModel(v)),
  },
  '--nic': {
    value: 'MODEL',
    about: `a network card, ${NIC_NAMES}, on the host's bridge, with DHCP, DNS, TFTP and ping`,
    set: (o, v) => (o.nic = nicModel(v)),
  },
  '--tftp': {
    value: 'F',
    about: "what the host's network boots: DHCP names F, and TFTP gives out the files of its folder",
    set: (o, v) => (o.tftp = v),
  },
  '--net': {
    value: 'nat',
    about:
      "guests reach what this machine reaches, by TCP and UDP, with names as it knows them, and 10.0.2.2 is its 127.0.0.1 (the host's network ends at its gateway)",
    set: (o, v) => (o.net = netWord(v)),
  },
  '--forward': {
    value: 'RULE',
    many: true,
    about:
      "with --net nat: a port of 127.0.0.1 leads to a guest's, as QEMU's hostfwd: tcp:2222-:22, udp:5353-10.0.2.16:53 (0: any port)",
    set: (o, v) => o.forwards.push(forwardWord(v)),
  },
  '--no-signature-check': {
    about: 'the BIOS starts a disk whose first sector does not end in 55 AA, too (SeaBIOS: a floppy disk)',
    set: o => (o.noSignatureCheck = true),
  },
  '--boot': {
    value: 'ORDER',
    about: 'a: floppy drives, c: disks, d: CD-ROM, n: network (with --nic), tried in this order (cd, with --fda acd)',
    set: (o, v, w) => (o.boot = bootLetters(w, v)),
  },
  '--script': {
    value: 'F',
    many: true,
    about:
      'do what F says: lines expect TEXT, send TEXT, key NAMES, screenshot F.png, stats F.json, mem-set MIB, insert DRIVE F, eject DRIVE (hdc, fda …; vdb: plugs and unplugs a disk), insert card MAC, eject card, wait MS',
    set: (o, v) => o.scripts.push(v),
  },
  '--screenshot': {
    value: 'F.png',
    many: true,
    about: 'write the screen to F.png at the end',
    set: (o, v) => o.screenshots.push(v),
  },
  '--until': {
    value: 'TEXT',
    about: 'end with status 0 when the console has shown TEXT',
    set: (o, v) => (o.until = v),
  },
  '--timeout': {
    value: 'S',
    about: 'end with status 124 after S seconds of the host',
    set: (o, v, w) => (o.timeout = seconds(w, v)),
  },
  '--virtual-time': { about: 'time is instructions retired: two runs are the same', set: o => (o.virtualTime = true) },
  '--seed': {
    value: 'N',
    about: 'seed of what is random (virtual time: 0)',
    set: (o, v, w) => (o.seed = integer(w, v, 0, 2 ** 32 - 1)),
  },
  '--stats': {
    value: 'F',
    many: true,
    about:
      'write instructions, exits, times and the hottest compiled code to F at the end: as JSON, or as text if F ends in .txt',
    set: (o, v) => o.stats.push(v),
  },
  '--no-jit': { about: NO_JIT_ABOUT, set: o => (o.jitThreshold = 0) },
  '--jit-threshold': {
    value: 'N',
    about: JIT_THRESHOLD_ABOUT,
    set: (o, v, w) => (o.jitThreshold = integer(w, v, 1, MAX_JIT_THRESHOLD)),
  },
  '--no-reboot': { about: 'a guest that would be restarted ends instead', set: o => (o.noReboot = true) },
  '--save': {
    value: 'F',
    many: true,
    about: 'save the state to F when TEXT is seen or at --save-at, and end with 0',
    set: (o, v) => o.saves.push(v),
  },
  '--save-at': {
    value: 'N',
    about: 'save after N instructions',
    set: (o, v, w) => (o.saveAt = integer(w, v, 0, Number.MAX_SAFE_INTEGER)),
  },
  '--restore': {
    value: 'F',
    many: true,
    about: 'continue from a saved state, with the disks it had (--disk and --cdrom say where they are now)',
    set: (o, v) => o.restores.push(v),
  },
  '--debugcon': {
    value: 'F',
    about: 'write what goes to ports 0xE9 and 0x402 to F (- for standard output)',
    set: (o, v) => (o.debugcon = v),
  },
  '--gdb': {
    value: 'PORT',
    many: true,
    about:
      'wait for gdb on 127.0.0.1:PORT before the first instruction (0: any port); backwards, too, with --virtual-time',
    set: (o, v) => o.gdb.push(v),
  },
  '--vnc': {
    value: 'PORT[,password=F]',
    many: true,
    about:
      'show the screen to VNC clients (RFB) on 127.0.0.1:PORT (0: any port), and take their keys and pointer; F has the password in its first line',
    set: (o, v) => o.vnc.push(v),
  },
  '--help': { about: 'show this', set: o => (o.help = true) },
};

/** Reads the words after `boot`. @throws UsageError */
export function parseBootOptions(argv: string[]): BootOptions {
  const options: BootOptions = {
    virtualTime: false,
    noReboot: false,
    noVt: false,
    help: false,
    disks: [],
    files: [],
    saves: [],
    restores: [],
    scripts: [],
    screenshots: [],
    stats: [],
    gdb: [],
    forwards: [],
    vnc: [],
  };
  const seen = new Set<string>();
  for (let i = 0, words = true; i < argv.length; i++) {
    let word = argv[i],
      value: string | undefined;
    if (words && word === '--') {
      words = false;
      continue;
    }
    if (words && word === '-h') word = '--help';
    if (!words || !word.startsWith('-') || word === '-') {
      options.files.push(word);
      continue;
    }
    const equals = word.indexOf('=');
    if (equals > 0) {
      value = word.slice(equals + 1);
      word = word.slice(0, equals);
    }
    const rule = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
    if (!rule) throw new UsageError(`${word} is no option of ringside boot.${suggestion(word)}`);
    if (seen.has(word) && !rule.many) throw new UsageError(`${word} is given twice. Give it once.`);
    seen.add(word);
    if (!rule.value) {
      if (value !== undefined) throw new UsageError(`${word} takes no value. Write ${word} alone.`);
      rule.set(options, '', word);
      continue;
    }
    value ??= argv[++i];
    if (value === undefined) throw new UsageError(`${word} needs a value: ${word} ${rule.value}.`);
    rule.set(options, value, word);
  }
  if (options.files.length > 0) options.file = options.files[0];
  if (options.restores.length > 0) options.restore = options.restores[0];
  if (!options.help) {
    checkTogether(options, seen);
    checkNetwork(options);
  }
  return options;
}

function checkTogether(o: BootOptions, given: ReadonlySet<string>): void {
  const sources = [
    ['FILE', o.file],
    // With --bios the firmware is what starts, and the kernel is for it.
    o.firmware === undefined ? ['--kernel', o.kernel] : ['--bios', o.firmware],
    ['--restore', o.restore],
  ]
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  const drives = o.disks.length > 0 || o.cdrom !== undefined || o.fda !== undefined || o.fdb !== undefined;
  if (o.boot?.includes('n') && o.nic === undefined && o.file === undefined)
    throw new UsageError('--boot n needs a network card. Add --nic pcnet.');
  if (sources.length === 0 && !drives && !o.boot?.includes('n'))
    throw new UsageError('There is nothing to start. Name a kernel or an xl configuration: ringside boot FILE.');
  if (sources.length > 1) throw new UsageError(`${sources.join(' and ')} do not go together. Name one thing to start.`);
  const guests = Math.max(1, o.files.length, o.restores.length);
  if (guests > 1) {
    for (const [name, given] of [
      ['--disk', o.disks.length > 0],
      ['--cdrom', o.cdrom !== undefined],
      ['--fda', o.fda !== undefined],
      ['--fdb', o.fdb !== undefined],
      ['--initrd', o.initrd !== undefined],
    ] as const) {
      if (given)
        throw new UsageError(
          `${name} is for one guest, and there are ${guests}. Leave it out, or start them one by one.`,
        );
    }
  } else {
    for (const [name, values] of [
      ['--save', o.saves],
      ['--script', o.scripts],
      ['--screenshot', o.screenshots],
      ['--gdb', o.gdb],
      ['--vnc', o.vnc],
    ] as const)
      if (values.length > 1) throw new UsageError(`${name} is given twice, and there is one guest. Give it once.`);
  }
  if (o.restore !== undefined) {
    for (const [name, value] of [
      ['--type', o.type ?? o.becomes],
      ['--device-model', o.deviceModel],
      ['--initrd', o.initrd],
      ['--cmdline', o.cmdline],
      ['--memory', o.memory],
      ['--mmio-hole', o.mmioHole],
      ['--nic', o.nic],
    ] as const) {
      if (value !== undefined)
        throw new UsageError(
          `${name} does not go with --restore: the saved state says what the guest has. Leave it out.`,
        );
    }
  }
  if (o.firmware !== undefined && o.kernel === undefined && (o.initrd !== undefined || o.cmdline !== undefined))
    throw new UsageError(
      '--initrd and --cmdline are for kernels, and --bios alone starts none. Leave them out, or add --kernel for the firmware.',
    );
  if (o.bios !== undefined && o.kernel !== undefined)
    throw new UsageError(`--bios ${o.bios} starts from disks, and --kernel needs no firmware. Leave one out.`);
  if (o.vgabios !== undefined && o.firmware === undefined)
    throw new UsageError('--vgabios goes with --bios, the firmware that runs it. Add --bios F.');
  if (o.saves.length > 0 && o.until === undefined && o.saveAt === undefined)
    throw new UsageError('--save needs to know when: give --until TEXT or --save-at N too.');
  if (o.saveAt !== undefined && o.saves.length === 0)
    throw new UsageError('--save-at needs --save F, the file to save to.');
  if (given.has('--no-jit') && given.has('--jit-threshold')) throw new UsageError(JIT_TWICE);
  if (o.until === '') throw new UsageError('--until needs some text to wait for.');
}

function checkNetwork({ tftp, net, forwards, virtualTime }: BootOptions): void {
  if (tftp !== undefined && !existsSync(tftp)) throw new UsageError(`${tftp} does not exist; check the path (--tftp).`);
  checkForwards(net, forwards);
  if (net !== undefined && virtualTime)
    throw new UsageError(
      '--net nat does not go with --virtual-time: what comes from outside would make two runs differ. Leave one out.',
    );
}

/**
 * What an option of ringside boot says for each guest: its one value for the one guest there is, or NAME=F for each of several.
 * @throws UsageError where a value names no guest, or the same twice
 */
export function forGuests(word: string, values: readonly string[], names: readonly string[]): Map<string, string> {
  if (names.length === 1) return new Map(values.map(value => [names[0], value]));
  const found = new Map<string, string>();
  for (const value of values) {
    const name = names.find(each => value.startsWith(`${each}=`) && value.length > each.length + 1);
    if (name === undefined)
      throw new UsageError(
        `${word} takes NAME=F where there are several guests, and NAME is ${names.join(' or ')}, not "${value}".`,
      );
    if (found.has(name)) throw new UsageError(`${word} is given twice for ${name}. Give it once.`);
    found.set(name, value.slice(name.length + 1));
  }
  return found;
}

export function integer(word: string, text: string, least: number, most: number): number {
  const value = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most))
    throw new UsageError(`${word} takes a whole number from ${least} to ${most}, not "${text}".`);
  return value;
}

function xenOptions(word: string, text: string): string {
  try {
    parseXenOptions(text);
    return text;
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`${word}: ${error.message}`);
    throw error;
  }
}

const GUEST_TYPES: Readonly<Record<string, Pick<BootOptions, 'type' | 'becomes'>>> = {
  hvm: { type: 'hvm' },
  pvh: { type: 'pvh' },
  pv: { type: 'pv' },
  kvm: { becomes: 'kvm' },
};
function guestType(word: string, text: string): (typeof GUEST_TYPES)[string] {
  if (!Object.hasOwn(GUEST_TYPES, text)) throw new UsageError(`${word} takes hvm, pvh, pv or kvm, not "${text}".`);
  return GUEST_TYPES[text];
}

function modelPlace(word: string, text: string): 'stub' | 'dom0' {
  if (text !== 'stub' && text !== 'dom0') throw new UsageError(`${word} takes stub or dom0, not "${text}".`);
  return text;
}

/** A level, or one of which features are hidden: x86-64-v2,-nx. */
function cpuModel(text: string): CpuModel {
  const { level: name, hidden } = partsOfModel(text);
  const level = CPU_LEVELS.find(known => known === name);
  const unknown = hidden.find(feature => !isFeature(feature));
  if (unknown !== undefined)
    throw new UsageError(`--cpu ${text}: "${unknown}" is no feature that could be hidden. Leave it out.`);
  if (!level) throw new UsageError(`--cpu takes ${CPU_LEVELS.join(', ')}, not "${text}".`);
  return modelFrom(level, hidden);
}

function nicModel(text: string): NicModel {
  if (!isNicModel(text)) throw new UsageError(`--nic takes ${NIC_NAMES}, not "${text}".`);
  return text;
}

function bootLetters(word: string, text: string): string {
  const problem = text === '' ? 'the order is empty. Write for example "dc", or leave it out.' : bootOrderProblem(text);
  if (problem !== undefined) throw new UsageError(`${word} "${text}": ${problem}`);
  return bootOrder(text);
}

function seconds(word: string, text: string): number {
  const value = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : NaN;
  if (!(value > 0 && value <= 1e6)) throw new UsageError(`${word} takes seconds, a number above 0, not "${text}".`);
  return value;
}

function suggestion(word: string): string {
  const plain = (text: string): string => text.replace(/[^a-z]/g, '');
  const near = Object.keys(WORDS).find(
    known =>
      plain(known).startsWith(plain(word)) ||
      plain(word).startsWith(plain(known)) ||
      [...plain(known)].sort().join('') === [...plain(word)].sort().join(''),
  );
  return near && plain(word) ? ` Did you mean ${near}?` : ' See ringside boot --help.';
}

export function bootHelp(): string {
  const lines = Object.entries(WORDS).map(
    ([word, { value, about }]) => `  ${(value ? `${word} ${value}` : word).padEnd(16)} ${about}`,
  );
  return `Usage: ringside boot [FILE…] [options]

Starts guests with their consoles on standard output and input: serial port, and for guests of Xen (--type, or a definition's type)
the PV console, the hypervisor's console and port 0xE9 too. FILE is an xl configuration (xl.cfg), a kernel, a disk image
or a CD image; with a disk or a CD and no kernel the PC starts its BIOS.
On a terminal, Ctrl-] leaves.

${lines.join('\n')}

Status: 0 the guest powered off or TEXT was seen, 1 it ended and TEXT was not seen, 4 it crashed or had a triple fault, 6 it halted and nothing can wake it,
124 time-out, 2 wrong use; a value that the guest writes to
isa-debug-exit gives (value << 1) | 1. Of several guests the highest counts.

Several guests: FILE or --restore F more than once. --save, --script and --screenshot then take NAME=F, --gdb NAME=PORT, --vnc NAME=PORT, once for each guest that they are for, and --stats
writes an object with an entry for each NAME. The run ends when any guest has shown TEXT; with --save, when each guest that is saved has.
`;
}
