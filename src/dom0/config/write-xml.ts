/**
 * A domain's definition as libvirt's domain XML, as `virsh dumpxml` prints it, without what libvirt tunes elsewhere (weight, cap, rate, the Hyper-V interface).
 * Sources: libvirt's documentation, "Domain XML format"; virDomainDefFormat() in src/conf/domain_conf.c for the order of the elements.
 */
import { affinityLists } from './cpus.ts';
import { type Definition, type DomainType, loaderText } from './definition.ts';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&apos;', '"': '&quot;' };
/** XML 1.0 has no control characters but three, not even as references. */
const escaped = (text: string): string => text.replace(/[&<>'"]/g, c => ESCAPES[c]).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '');
const element = (name: string, text: string | number | undefined): string[] => (text === undefined || text === '' ? [] : [`<${name}>${escaped(String(text))}</${name}>`]);
const indent = (lines: string[]): string[] => lines.map(line => `  ${line}`);
const within = (name: string, lines: string[], attributes = ''): string[] => (lines.length === 0 ? [] : [`<${name}${attributes}>`, ...indent(lines), `</${name}>`]);

const BOOT: Record<string, string> = { a: 'fd', c: 'hd', d: 'cdrom' };
const BUS: Record<string, string> = { hd: 'ide', sd: 'scsi', fd: 'fdc' };
const OS: Record<DomainType, string> = {
  hvm: "<type arch='i686' machine='xenfv'>hvm</type>",
  pvh: "<type arch='i686' machine='xenpvh'>xenpvh</type>",
  pv: "<type arch='i686' machine='xenpv'>linux</type>",
};

/** `domid`: it runs as that domain. */
export function writeXml(definition: Definition, domid?: number): string {
  const { type, memoryMiB, maxMemoryMiB = memoryMiB, vcpus, maxVcpus = vcpus, kernel, bootloader, bootOrder } = definition;
  const pins = definition.hardAffinity === undefined ? [] : affinityLists(definition.hardAffinity, maxVcpus);
  const cpuset = pins.length === 1 && pins[0] !== 'all' ? ` cpuset='${pins[0]}'` : '';
  return `<domain type='xen'${domid === undefined ? '' : ` id='${domid}'`}>\n${indent([
    ...element('name', definition.name),
    ...element('uuid', definition.uuid),
    ...element('description', definition.description),
    `<memory unit='KiB'>${maxMemoryMiB * 1024}</memory>`,
    `<currentMemory unit='KiB'>${memoryMiB * 1024}</currentMemory>`,
    `<vcpu placement='static'${cpuset}${maxVcpus === vcpus ? '' : ` current='${vcpus}'`}>${maxVcpus}</vcpu>`,
    ...within('cputune', pins.length > 1 ? pins.flatMap((pin, vcpu) => (pin === 'all' ? [] : [`<vcpupin vcpu='${vcpu}' cpuset='${pin}'/>`])) : []),
    ...(bootloader ? [...element('bootloader', bootloader.program), ...element('bootloader_args', loaderText(bootloader))] : []),
    ...within('os', [
      OS[type],
      ...element('kernel', kernel),
      ...element('initrd', definition.ramdisk),
      ...element('cmdline', definition.cmdline),
      ...(kernel ? [] : [...bootOrder].map(letter => `<boot dev='${BOOT[letter]}'/>`)),
    ]),
    ...(type === 'hvm' ? within('features', ['<acpi/>', '<apic/>', '<pae/>']) : []),
    "<clock offset='utc'/>",
    ...element('on_poweroff', definition.onPoweroff),
    ...element('on_reboot', definition.onReboot),
    ...element('on_crash', definition.onCrash),
    ...within('devices', devices(definition, domid)),
  ]).join('\n')}\n</domain>\n`;
}

function devices({ type, disks, nic, vif, mac, moreCards = [], vfb }: Definition, domid: number | undefined): string[] {
  const card = (index: number, address: string | undefined, model: string): string[] =>
    within('interface', [
      ...(address ? [`<mac address='${address}'/>`] : []),
      "<source bridge='xenbr0'/>",
      ...(domid === undefined ? [] : [`<target dev='vif${domid}.${index}'/>`]),
      `<model type='${model}'/>`,
    ], " type='bridge'");
  return [
    ...disks.flatMap(({ target, format, vdev, kind, readOnly }) => {
      const isBlock = target.startsWith('/dev/');
      return within('disk', [
        `<driver name='${isBlock ? 'phy' : 'qemu'}' type='${escaped(format)}'/>`,
        ...(target ? [`<source ${isBlock ? 'dev' : 'file'}='${escaped(target)}'/>`] : []),
        `<target dev='${escaped(vdev)}' bus='${BUS[vdev.slice(0, 2)] ?? 'xen'}'/>`,
        ...(readOnly ? ['<readonly/>'] : []),
      ], ` type='${isBlock ? 'block' : 'file'}' device='${kind}'`);
    }),
    ...(nic || vif ? card(0, mac, nic ?? 'netfront') : []),
    ...moreCards.flatMap((more, i) => card(i + 1, more.mac, 'netfront')),
    ...(type === 'hvm' ? within('serial', ["<target port='0'/>"], " type='pty'") : []),
    ...within('console', [`<target type='${type === 'hvm' ? 'serial' : 'xen'}' port='0'/>`], " type='pty'"),
    ...(type === 'hvm' || vfb ? ["<graphics type='vnc' port='-1' autoport='yes'/>"] : []),
    ...(type === 'hvm' ? within('video', ["<model type='vga'/>"]) : []),
    "<memballoon model='xen'/>",
  ];
}
