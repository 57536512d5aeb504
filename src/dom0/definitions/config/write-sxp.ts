/** A domain's definition as xend exported it (`xm list --long` of a domain that does not run). Source: XendConfig.py, to_sxp(), of Xen 4.1. */
import { definedAs } from '../kinds/index.ts';
import { affinityLists } from './cpus.ts';
import { formatRate } from '../../host/network/index.ts';
import { type Card, type Definition, loaderText } from './definition.ts';
import { type DiskSpec, otherOption } from './disk.ts';
import type { Plain } from './rule.ts';

/** In quotes where it would not be one atom. */
const atom = (text: string): string => (/^[^\s()'"#\\]+$/.test(text) ? text : `'${text.replace(/[\\']/g, '\\$&')}'`);
const field = (name: string, value: string | number | undefined): string =>
  value === undefined || value === '' ? `(${name} )` : `(${name} ${typeof value === 'number' ? value : atom(value)})`;

/** Settings of xl that xend kept next to a guest's kernel (XENAPI_PLATFORM_CFG_TYPES of XendConfig.py). */
const PLATFORM = new Set(
  (
    'acpi apic device_model gfx_passthru guest_os_type hap hpet isa keymap localtime monitor nographic opengl pae parallel pci_msitranslate pci_power_mgmt ' +
    'rtc_timeoffset sdl serial soundhw stdvga timer_mode tsc_mode usb usbdevice vhpt videoram vncconsole vncdisplay vnclisten vncpasswd vncunused vpt_align ' +
    'xauthority xen_extended_power_mgmt xen_platform_pci'
  ).split(' '),
);

/** What xend calls a disk's image, with what reads it: `phy:/dev/…`, `tap:qcow2:/…`, `drbd:NAME` (Xen's blkif driver and its block scripts). */
function uname(disk: DiskSpec): string {
  const { target, format } = disk;
  const script = /^block-(.+)$/.exec(otherOption(disk, 'script') ?? '')?.[1];
  if (target === '') return '';
  if (script) return `${script}:${target}`;
  if (isTapped(disk)) return `tap:${format === 'raw' ? 'aio' : format}:${target}`;
  return `${target.startsWith('/dev/') || otherOption(disk, 'backendtype') === 'phy' ? 'phy' : 'file'}:${target}`;
}
/** blktap reads it. */
const isTapped = (disk: DiskSpec): boolean => disk.format === 'qcow2' || otherOption(disk, 'backendtype') === 'tap';

/** `domid`: it runs as that domain. `others`: settings of xl that do nothing here; those that xend has are written. */
export function writeSxp(
  definition: Definition,
  { domid, others = [] }: { domid?: number; others?: readonly (readonly [key: string, value: Plain])[] } = {},
): string {
  const { name, memoryMiB, cards, vfb, vncPassword, bootloader } = definition;
  const { builder, firmware } = definedAs(definition);
  const indent = (lines: string[]): string[] => lines.map(line => `    ${line}`);
  const device = (kind: string, fields: string[]): string => `(device (${kind} ${fields.join(' ')}))`;
  const card = ({ model: emulated, mac, rate, options: { model, ...others } = {} }: Card): string =>
    device('vif', [
      ...(mac ? [field('mac', mac)] : []),
      ...Object.entries(others).map(([name, value]) => field(name, value)),
      ...(rate ? [field('rate', formatRate(rate))] : []),
      emulated ? field('model', model ?? emulated) : '(type netfront)',
    ]);
  const disks = definition.disks.filter(({ kind }) => kind !== 'floppy');
  const image = [
    field('kernel', definition.kernel),
    ...(definition.ramdisk ? [field('ramdisk', definition.ramdisk)] : []),
    ...(definition.cmdline ? [field('args', definition.cmdline)] : []),
    ...(firmware && !definition.kernel ? [field('boot', definition.bootOrder)] : []),
    ...definition.disks.filter(({ kind }) => kind === 'floppy').map(({ vdev, target }) => field(vdev, target)),
    ...(vncPassword && !vfb ? [field('vncpasswd', vncPassword)] : []),
    ...(definition.viridian ? ['(viridian 1)'] : []),
    ...(definition.hpet === false ? ['(hpet 0)'] : []),
    ...(definition.hap === false ? ['(hap 0)'] : []),
    // xend has a standard card, and Cirrus's without it.
    ...others.flatMap(([key, value]) =>
      key === 'vga' && (value === 'stdvga' || value === 'cirrus') ? [field('stdvga', Number(value === 'stdvga'))] : [],
    ),
    ...others.flatMap(([key, value]) =>
      PLATFORM.has(key) && (typeof value === 'string' || typeof value === 'number') ? [field(key, value)] : [],
    ),
  ];
  const lines = [
    ...(domid === undefined ? [] : [field('domid', domid)]),
    field('name', name),
    ...(definition.uuid ? [field('uuid', definition.uuid)] : []),
    ...(definition.description ? [field('description', definition.description)] : []),
    field('memory', memoryMiB),
    field('maxmem', definition.maxMemoryMiB ?? memoryMiB),
    field('vcpus', definition.vcpus),
    ...(definition.maxVcpus ? [field('maxvcpus', definition.maxVcpus)] : []),
    ...(definition.hardAffinity === undefined
      ? []
      : [
          `(cpus (${affinityLists(definition.hardAffinity, definition.maxVcpus ?? definition.vcpus)
            .map(list => `(${list.replaceAll(',', ' ')})`)
            .join(' ')}))`,
        ]),
    ...(definition.weight === undefined ? [] : [field('cpu_weight', definition.weight)]),
    ...(definition.cap === undefined ? [] : [field('cpu_cap', definition.cap)]),
    ...(bootloader ? [field('bootloader', bootloader.program), field('bootloader_args', loaderText(bootloader))] : []),
    field('on_poweroff', definition.onPoweroff),
    field('on_reboot', definition.onReboot),
    field('on_crash', definition.onCrash),
    // xend knew no PVH: its image is xl's word for it.
    '(image',
    ...indent([`(${builder}`, ...indent(image), ')']),
    ')',
    ...disks.map(disk =>
      device(isTapped(disk) ? 'tap2' : 'vbd', [
        field('uname', uname(disk)),
        field('dev', `${disk.vdev}:${disk.kind}`),
        field('mode', disk.readOnly ? 'r' : disk.shared ? 'w!' : 'w'),
      ]),
    ),
    ...cards.map(card),
    ...(vfb ? [device('vfb', ['(type vnc)', ...(vncPassword ? [field('vncpasswd', vncPassword)] : [])])] : []),
  ];
  return `(domain\n${indent(lines).join('\n')}\n)\n`;
}
