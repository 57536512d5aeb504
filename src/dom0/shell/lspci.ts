/** `lspci`: what is on the host's PCI bus, from its configuration space. Source: lspci(8) of pciutils, its pci.ids for the words. */
import type { HostConfigSpace } from '../host/hardware/index.ts';
import type { Uses } from '../toolstack/index.ts';
import { PCI } from '../../devices/pci/index.ts';
import { failed, type Program, succeeded } from '../toolstack/programs/index.ts';

const CLASSES: Readonly<Record<number, string>> = {
  0x0101: 'IDE interface',
  0x0106: 'SATA controller',
  0x0200: 'Ethernet controller',
  0x0600: 'Host bridge',
};
const VENDORS: Readonly<Record<number, string>> = { 0x8086: 'Intel Corporation', 0x1af4: 'Red Hat, Inc.' };
const DEVICES: Readonly<Record<string, string>> = {
  '8086:1237': '440FX - 82441FX PMC [Natoma]',
  '8086:100e': '82540EM Gigabit Ethernet Controller',
  '8086:2922': '82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]',
};
const CAPABILITIES: Readonly<Record<number, string>> = { 1: 'Power Management', 5: 'MSI', 7: 'PCI-X', 0x11: 'MSI-X' };
const DEVSEL = ['fast', 'medium', 'slow', '??'];
const STATUS_CAPABILITIES = 0x10,
  CAPABILITY_POINTER = 0x34,
  BARS = 6;
/** A list in configuration space that comes back to itself ends here. */
const MOST_CAPABILITIES = 48;

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const slotOf = ({ bdf }: HostConfigSpace): string => `00:${hex(bdf >> 3, 2)}.${bdf & 7}`;
const shortSize = (bytes: number): string =>
  bytes >= 2 ** 20 ? `${bytes / 2 ** 20}M` : bytes >= 1024 ? `${bytes / 1024}K` : String(bytes);

interface Options {
  numbers: boolean;
  /** Names and numbers (-nn). */
  both: boolean;
  verbose: boolean;
  /** The first 64 bytes of configuration space. */
  dump: boolean;
}

function title(space: HostConfigSpace, { numbers, both }: Options): string {
  const { read } = space;
  const kind = read(PCI.SUBCLASS, 2),
    vendor = read(PCI.VENDOR, 2),
    device = read(PCI.DEVICE, 2),
    revision = read(PCI.REVISION, 1);
  const ids = `${hex(vendor, 4)}:${hex(device, 4)}`,
    rev = revision ? ` (rev ${hex(revision, 2)})` : '';
  if (numbers && !both) return `${slotOf(space)} ${hex(kind, 4)}: ${ids}${rev}`;
  const className = CLASSES[kind] ?? `Class ${hex(kind, 4)}`,
    names = `${VENDORS[vendor] ?? `Vendor ${hex(vendor, 4)}`} ${DEVICES[ids] ?? `Device ${hex(device, 4)}`}`;
  return both
    ? `${slotOf(space)} ${className} [${hex(kind, 4)}]: ${names} [${ids}]${rev}`
    : `${slotOf(space)} ${className}: ${names}${rev}`;
}

function details({ read, windows }: HostConfigSpace): string[] {
  const lines: string[] = [];
  const subVendor = read(PCI.SUBSYSTEM_VENDOR, 2),
    sub = read(PCI.SUBSYSTEM, 2),
    command = read(PCI.COMMAND, 2),
    status = read(PCI.STATUS, 2);
  if (subVendor !== 0)
    lines.push(`Subsystem: ${VENDORS[subVendor] ?? `Vendor ${hex(subVendor, 4)}`} Device ${hex(sub, 4)}`);
  const pin = read(PCI.INTERRUPT_PIN, 1);
  const flags = [
    ...(command & 4 ? ['bus master'] : []),
    ...(status & 0x20 ? ['66MHz'] : []),
    `${DEVSEL[(status >> 9) & 3]} devsel`,
    `latency ${read(PCI.LATENCY, 1)}`,
    ...(pin ? [`IRQ pin ${'ABCD'[pin - 1]}`] : []),
  ];
  lines.push(`Flags: ${flags.join(', ')}`);
  for (let bar = 0; bar < BARS; bar++) {
    const value = read(PCI.BAR0 + 4 * bar, 4) >>> 0;
    const size = windows.get(bar);
    if (size === undefined) continue;
    lines.push(
      value & 1
        ? `I/O ports at ${(value & ~3) === 0 ? '<unassigned>' : hex((value & ~3) >>> 0, 4)}${command & 1 ? '' : ' [disabled]'} [size=${shortSize(size)}]`
        : `Memory at ${hex((value & ~15) >>> 0, 8)} (32-bit, ${value & 8 ? '' : 'non-'}prefetchable)${command & 2 ? '' : ' [disabled]'} [size=${shortSize(size)}]`,
    );
  }
  let at = status & STATUS_CAPABILITIES ? read(CAPABILITY_POINTER, 1) & ~3 : 0;
  for (let i = 0; at >= 0x40 && i < MOST_CAPABILITIES; i++, at = read(at + 1, 1) & ~3)
    lines.push(`Capabilities: [${hex(at, 2)}] ${CAPABILITIES[read(at, 1)] ?? `#${hex(read(at, 1), 2)}`}`);
  return lines;
}

function describe(space: HostConfigSpace, options: Options): string {
  const more = options.verbose ? details(space).map(line => `\t${line}\n`) : [];
  const rows = options.dump
    ? [0, 16, 32, 48].map(
        row => `${hex(row, 2)}: ${Array.from({ length: 16 }, (_, i) => hex(space.read(row + i, 1), 2)).join(' ')}\n`,
      )
    : [];
  return `${title(space, options)}\n${more.join('')}${rows.join('')}${more.length + rows.length > 0 ? '\n' : ''}`;
}

export const lspciProgram = (host: Uses<'toolstack'>): Program => ({
  name: 'lspci',
  summary: "what is on the host's PCI bus: lspci -v, -n, -nn, -x",
  run: async words => {
    let slot: string | undefined;
    let numbers = 0;
    const options: Options = { numbers: false, both: false, verbose: false, dump: false };
    for (let i = 0; i < words.length; i++) {
      if (words[i] === '-s') slot = words[++i] ?? '';
      else if (!/^-[nvx]+$/.test(words[i]))
        return failed(`lspci: invalid option '${words[i].slice(0, 40)}'\nUsage: lspci [-v] [-n] [-nn] [-x] [-s SLOT]`);
      else {
        numbers += words[i].split('n').length - 1;
        options.verbose ||= words[i].includes('v');
        options.dump ||= words[i].includes('x');
      }
    }
    options.numbers = numbers > 0;
    options.both = numbers > 1;
    const found = host.toolstack.services.hardware
      .functions()
      .filter(space => slot === undefined || slotOf(space) === slot || slotOf(space).slice(3) === slot);
    return succeeded(found.map(space => describe(space, options)).join(''));
  },
});
