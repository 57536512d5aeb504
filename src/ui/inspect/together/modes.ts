/** One system in several modes: definitions that differ in nothing else. */
import type { NamedFile } from '../../../dom0/service/index.ts';

export type System = 'minipv' | 'linux';

interface Mode {
  /** Behind the system's name. */
  suffix: string;
  settings: string;
  /** Where its console is. */
  console: 'hvc0' | 'ttyS0';
}

const SERIAL = 'serial = "pty"\n';
const PVH: Mode = { suffix: 'pvh', settings: 'type = "pvh"\n', console: 'hvc0' },
  HVM: Mode = { suffix: 'hvm', settings: `type = "hvm"\n${SERIAL}`, console: 'ttyS0' },
  SHADOW: Mode = { suffix: 'shadow', settings: `type = "hvm"\nhap = 0\n${SERIAL}`, console: 'ttyS0' },
  PV: Mode = { suffix: 'pv', settings: 'type = "pv"\n', console: 'hvc0' },
  KVM: Mode = { suffix: 'kvm', settings: `type = "hvm"\nkvm = 1\n${SERIAL}`, console: 'ttyS0' },
  /** Any definition of xl asks for Xen or KVM: a plain PC is a kernel without one. */
  PC: Mode = { suffix: 'pc', settings: '', console: 'ttyS0' };

/** Debian's kernel of 32 bits is no guest of Xen's PV any more (Linux 5.9). */
const MODES: Readonly<Record<System, readonly Mode[]>> = { minipv: [PV, PVH, HVM, SHADOW], linux: [PVH, HVM, SHADOW] };

/** What the host starts: guests of Xen in all modes, those of KVM, or paravirtual guests alone, where a computer has no VT. */
export type HostKind = 'xen' | 'kvm' | 'plain';
const modesOn = (system: System, host: HostKind): readonly Mode[] =>
  host === 'kvm' ? [KVM, PC] : MODES[system].filter(mode => host === 'xen' || mode === PV);

/** The lines of each that are alike for all of its modes; a Linux has `FILES`. */
const SYSTEM: Readonly<Record<System, (mode: Mode) => string>> = {
  minipv: () => 'memory = 8\nkernel = "minipv.elf"\n',
  // Without notests the kernel first tries out all its ciphers: most of the boot.
  linux: mode =>
    `memory = 96\nkernel = "${KERNEL}"\nramdisk = "${RAMDISK}"\ncmdline = "console=${mode.console} cryptomgr.notests"\n`,
};
const KERNEL = 'vmlinuz',
  RAMDISK = 'initrd-modules';
/** The kernel's file of each. */
export const KERNELS: Readonly<Record<System, string>> = { minipv: 'minipv.elf', linux: KERNEL };
/** What is fetched of a Linux that is offered. */
export const FILES: readonly string[] = [KERNEL, RAMDISK];

/** Of what is offered, what has them and is at its shell soonest: the catalogue has guests of 64 bits before the others. */
export const linuxOf = <Of extends { files: readonly { name: string }[] }>(offers: readonly Of[]): Of | undefined =>
  offers.findLast(({ files }) => FILES.every(name => files.some(file => file.name === name)));

export interface ModeOfSystem {
  name: string;
  /** Absent: a plain PC, which is called like its kernel. */
  definition?: NamedFile;
}

/** Its guests, one for each mode that the host starts. */
export const guestsOf = (system: System, host: HostKind): ModeOfSystem[] =>
  modesOn(system, host).map(mode => {
    const name = `${system}-${mode.suffix}`,
      text = `name = "${name}"\n${SYSTEM[system](mode)}${mode.settings}`;
    return mode === PC ? { name } : { name, definition: { name: `${name}.cfg`, data: new Blob([text]) } };
  });

/** What Domain 0 is given for one of them. `files`: those that all modes have. */
export const filesFor = (
  system: System,
  { name, definition }: ModeOfSystem,
  files: readonly NamedFile[],
): NamedFile[] =>
  definition ? [definition, ...files] : files.map(file => (file.name === KERNELS[system] ? { ...file, name } : file));
