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
  PC: Mode = { suffix: 'pc', settings: `type = "hvm"\n${SERIAL}`, console: 'ttyS0' };

/** Debian's kernel of 32 bits is no guest of Xen's PV any more (Linux 5.9). */
const MODES: Readonly<Record<System, readonly Mode[]>> = { minipv: [PV, PVH, HVM, SHADOW], linux: [PVH, HVM, SHADOW] };

/** Where there is no Xen: a guest that finds KVM, and one that finds a PC. */
const WITHOUT_XEN: readonly Mode[] = [KVM, PC];

/** The lines of each that are alike for all of its modes; a Linux has `FILES`. */
const SYSTEM: Readonly<Record<System, (mode: Mode) => string>> = {
  minipv: () => 'memory = 8\nkernel = "minipv.elf"\n',
  // Without notests the kernel first tries out all its ciphers: most of the boot.
  linux: mode =>
    `memory = 96\nkernel = "${KERNEL}"\nramdisk = "${RAMDISK}"\ncmdline = "console=${mode.console} cryptomgr.notests"\n`,
};
const KERNEL = 'vmlinuz',
  RAMDISK = 'initrd-modules';
/** What is fetched of a Linux that is offered. */
export const FILES: readonly string[] = [KERNEL, RAMDISK];

/** Of what is offered, what has them and is at its shell soonest: the catalogue has guests of 64 bits before the others. */
export const linuxOf = <Of extends { files: readonly { name: string }[] }>(offers: readonly Of[]): Of | undefined =>
  offers.findLast(({ files }) => FILES.every(name => files.some(file => file.name === name)));

/** What each of its guests is made of, beside the files that all have. */
export const guestsOf = (system: System, withoutXen = false): { name: string; definition: NamedFile }[] =>
  (withoutXen ? WITHOUT_XEN : MODES[system]).map(mode => {
    const name = `${system}-${mode.suffix}`,
      text = `name = "${name}"\n${SYSTEM[system](mode)}${mode.settings}`;
    return { name, definition: { name: `${name}.cfg`, data: new Blob([text]) } };
  });
