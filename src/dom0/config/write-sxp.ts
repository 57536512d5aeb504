/** A domain's definition as xend exported it (`xm list --long` of a domain that does not run). Source: XendConfig.py, to_sxp(), of Xen 4.1. */
import { affinityLists } from './cpus.ts';
import { formatRate } from '../network/rate.ts';
import { type Definition, loaderText } from './definition.ts';

/** In quotes where it would not be one atom. */
const atom = (text: string): string => (/^[^\s()'"#\\]+$/.test(text) ? text : `'${text.replace(/[\\']/g, '\\$&')}'`);
const field = (name: string, value: string | number | undefined): string =>
  value === undefined || value === '' ? `(${name} )` : `(${name} ${typeof value === 'number' ? value : atom(value)})`;

/** `domid`: it runs as that domain. */
export function writeSxp(definition: Definition, { domid }: { domid?: number } = {}): string {
  const { name, type, memoryMiB, nic, vif, moreCards = [], vfb, bootloader } = definition;
  const indent = (lines: string[]): string[] => lines.map(line => `    ${line}`);
  const device = (kind: string, fields: string[]): string => `(device (${kind} ${fields.join(' ')}))`;
  const card = (
    { mac, rate, cardOptions: { model: _model, ...others } = {} }: Pick<Definition, 'mac' | 'rate' | 'cardOptions'>,
    kind: string,
  ): string =>
    device('vif', [
      ...(mac ? [field('mac', mac)] : []),
      ...Object.entries(others).map(([name, value]) => field(name, value)),
      ...(rate ? [field('rate', formatRate(rate))] : []),
      kind,
    ]);
  const disks = definition.disks.filter(({ kind }) => kind !== 'floppy');
  const image = [
    field('kernel', definition.kernel),
    ...(definition.ramdisk ? [field('ramdisk', definition.ramdisk)] : []),
    ...(definition.cmdline ? [field('args', definition.cmdline)] : []),
    ...(type === 'hvm' && !definition.kernel ? [field('boot', definition.bootOrder)] : []),
    ...definition.disks.filter(({ kind }) => kind === 'floppy').map(({ vdev, target }) => field(vdev, target)),
    ...(definition.viridian ? ['(viridian 1)'] : []),
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
    ...indent([`(${type === 'pv' ? 'linux' : type}`, ...indent(image), ')']),
    ')',
    ...disks.map(({ target, vdev, kind, readOnly }) =>
      device('vbd', [
        field('uname', target && `file:${target}`),
        field('dev', `${vdev}:${kind}`),
        field('mode', readOnly ? 'r' : 'w'),
      ]),
    ),
    ...(nic || vif
      ? [card(definition, nic ? field('model', definition.cardOptions?.model ?? nic) : '(type netfront)')]
      : []),
    ...moreCards.map(more => card(more, '(type netfront)')),
    ...(vfb ? [device('vfb', ['(type vnc)'])] : []),
  ];
  return `(domain\n${indent(lines).join('\n')}\n)\n`;
}
