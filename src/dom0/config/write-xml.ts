/** A domain's definition as libvirt's domain XML, without what libvirt tunes elsewhere (weight, cap, rate, the Hyper-V interface). Source: libvirt's documentation, "Domain XML format". */
import { formatCpus } from './cpus.ts';
import { type Definition, loaderText } from './definition.ts';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&apos;', '"': '&quot;' };
/** XML 1.0 has no control characters but three, not even as references. */
const escaped = (text: string): string => text.replace(/[&<>'"]/g, c => ESCAPES[c]).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '');
const element = (name: string, text: string | number | undefined): string[] => (text === undefined || text === '' ? [] : [`<${name}>${escaped(String(text))}</${name}>`]);
const BOOT: Record<string, string> = { c: 'hd', d: 'cdrom' };

export function writeXml(definition: Definition): string {
  const { type, memoryMiB, maxMemoryMiB, vcpus, maxVcpus, kernel, disks, nic, vif, mac, moreCards = [], vfb, bootloader } = definition;
  const indent = (lines: string[]): string[] => lines.map(line => `  ${line}`);
  const within = (name: string, lines: string[]): string[] => [`<${name}>`, ...indent(lines), `</${name}>`];
  const cpuset = definition.hardAffinity === undefined ? '' : ` cpuset='${formatCpus(definition.hardAffinity)}'`;
  const os = { hvm: "<type machine='xenfv'>hvm</type>", pvh: "<type machine='xenpvh'>xenpvh</type>", pv: "<type machine='xenpv'>linux</type>" };
  return `<domain type='xen'>\n${indent([
    ...element('name', definition.name),
    ...element('uuid', definition.uuid),
    `<memory unit='MiB'>${maxMemoryMiB ?? memoryMiB}</memory>`,
    ...(maxMemoryMiB === undefined ? [] : [`<currentMemory unit='MiB'>${memoryMiB}</currentMemory>`]),
    `<vcpu${maxVcpus === undefined ? '' : ` current='${vcpus}'`}${cpuset}>${maxVcpus ?? vcpus}</vcpu>`,
    ...(bootloader ? [...element('bootloader', bootloader.program), ...element('bootloader_args', loaderText(bootloader))] : []),
    ...within('os', [
      os[type],
      ...element('kernel', kernel),
      ...element('initrd', definition.ramdisk),
      ...element('cmdline', definition.cmdline),
      ...(kernel ? [] : [...definition.bootOrder].map(letter => `<boot dev='${BOOT[letter]}'/>`)),
    ]),
    ...element('on_poweroff', definition.onPoweroff),
    ...element('on_reboot', definition.onReboot),
    ...element('on_crash', definition.onCrash),
    ...within('devices', [
      ...disks.flatMap(({ target, vdev, kind, readOnly }) => [
        `<disk type='file' device='${kind}'>`,
        ...indent([...(target ? [`<source file='${escaped(target)}'/>`] : []), `<target dev='${escaped(vdev)}'/>`, ...(readOnly ? ['<readonly/>'] : [])]),
        '</disk>',
      ]),
      ...(nic || vif ? ["<interface type='bridge'>", ...indent([...(mac ? [`<mac address='${mac}'/>`] : []), ...(nic ? [`<model type='${nic}'/>`] : [])]), '</interface>'] : []),
      ...moreCards.flatMap(card => ["<interface type='bridge'>", ...indent([...(card.mac ? [`<mac address='${card.mac}'/>`] : []), "<model type='netfront'/>"]), '</interface>']),
      ...(vfb ? ["<graphics type='vnc'/>"] : []),
    ]),
  ]).join('\n')}\n</domain>\n`;
}
