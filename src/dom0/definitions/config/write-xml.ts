/**
 * A domain's definition as libvirt's domain XML, as `virsh dumpxml` prints it.
 * Sources: libvirt's documentation, "Domain XML format"; virDomainDefFormat() in src/conf/domain_conf.c for the order of the elements.
 */
import { isNetworkDisk, nbdAddressProblem, readNbdAddress } from '../../../formats/nbd/index.ts';
import { hasVirtio, virtioWords } from '../../../devices/index.ts';
import { hasLongMode } from '../../../cpu/architecture/index.ts';
import { definedAs } from '../kinds/index.ts';
import { affinityLists } from './cpus.ts';
import { type Card, type Definition, loaderText } from './definition.ts';
import { otherOption } from './disk.ts';
import { memoryKiB } from './exact-memory.ts';
import { libvirtNameOf } from './keys/cpuid-flags.ts';
import { LONG_AGO } from './keys/passwords.ts';
import { TAGS_KEY, TAGS_URI } from './tags.ts';
import { inXml } from './xml/kinds/index.ts';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&apos;', '"': '&quot;' };
/** XML 1.0 has no control characters but three, not even as references. */
export const escapedXml = (text: string): string =>
  text.replace(/[&<>'"]/g, c => ESCAPES[c]).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '');
const element = (name: string, text: string | number | undefined): string[] =>
  text === undefined || text === '' ? [] : [`<${name}>${escapedXml(String(text))}</${name}>`];
const indent = (lines: string[]): string[] => lines.map(line => `  ${line}`);
const within = (name: string, lines: string[], attributes = ''): string[] =>
  lines.length === 0 ? [] : [`<${name}${attributes}>`, ...indent(lines), `</${name}>`];

/** A disk of another machine's. */
function networkSource(target: string): string[] {
  const { host, port, name } = readNbdAddress(target);
  const attributes = ` protocol='nbd'${name === '' ? '' : ` name='${escapedXml(name)}'`}`;
  return within('source', [`<host name='${escapedXml(host)}' port='${port}'/>`], attributes);
}

/** The period of a quota, in microseconds (cpu.cfs_period_us). */
export const USUAL_PERIOD_US = 100_000;

const BOOT: Record<string, string> = { a: 'fd', c: 'hd', d: 'cdrom', n: 'network' };
const BUS: Record<string, string> = { hd: 'ide', sd: 'scsi', fd: 'fdc', vd: 'virtio' };
/** Back ends of xl by what libvirt calls them (xenParseXLDisk() of src/libxl/xen_xl.c). */
const DRIVERS: Record<string, string> = { phy: 'phy', qdisk: 'qemu', tap: 'tap' };

/** What is known of a domain besides its definition. */
export interface LiveXml {
  /** It runs as that domain. */
  domid?: number;
  /** Its clock shows the host's local time. */
  isLocal?: boolean;
  /** Where clients of VNC find its screen on this machine. */
  vncPort?: number;
  /** The definition asks for that port. */
  isAskedPort?: boolean;
  /** Its channels by name: where the socket is, and whether the guest has it open. */
  channels?: ReadonlyMap<string, { path?: string; isOpen: boolean }>;
}

/** Their element, as libvirt writes one of another name space. */
export const tagsXml = (tags: readonly string[]): string[] =>
  within(
    `${TAGS_KEY}:tags`,
    tags.map(tag => `<${TAGS_KEY}:tag>${escapedXml(tag)}</${TAGS_KEY}:tag>`),
    ` xmlns:${TAGS_KEY}='${TAGS_URI}'`,
  );

export function writeXml(definition: Definition, live: LiveXml = {}): string {
  const { domid, isLocal = false } = live;
  const { firmware } = definedAs(definition);
  const { vcpus, maxVcpus = vcpus, kernel, biosPath, bootloader, bootOrder } = definition;
  const kib = memoryKiB(definition);
  const pins = definition.hardAffinity === undefined ? [] : affinityLists(definition.hardAffinity, maxVcpus);
  const cpuset = pins.length === 1 && pins[0] !== 'all' ? ` cpuset='${pins[0]}'` : '';
  return `<domain type='${inXml(definition).type.name}'${domid === undefined ? '' : ` id='${domid}'`}>\n${indent([
    ...element('name', definition.name),
    ...element('uuid', definition.uuid),
    ...element('description', definition.description),
    ...within('metadata', tagsXml(definition.tags ?? [])),
    `<memory unit='KiB'>${kib.maximum}</memory>`,
    `<currentMemory unit='KiB'>${kib.memory}</currentMemory>`,
    `<vcpu placement='static'${cpuset}${maxVcpus === vcpus ? '' : ` current='${vcpus}'`}>${maxVcpus}</vcpu>`,
    ...within('cputune', [
      ...sharesXml(definition),
      ...(pins.length > 1
        ? pins.flatMap((pin, vcpu) => (pin === 'all' ? [] : [`<vcpupin vcpu='${vcpu}' cpuset='${pin}'/>`]))
        : []),
    ]),
    ...(bootloader
      ? [...element('bootloader', bootloader.program), ...element('bootloader_args', loaderText(bootloader))]
      : []),
    ...within('os', [
      osType(definition),
      ...(biosPath ? [`<loader type='rom'>${escapedXml(biosPath)}</loader>`] : []),
      ...element('kernel', kernel),
      ...element('initrd', definition.ramdisk),
      ...element('cmdline', definition.cmdline),
      ...(kernel || definition.bootDevices || !firmware
        ? []
        : [...bootOrder].map(letter => `<boot dev='${BOOT[letter]}'/>`)),
    ]),
    ...(firmware
      ? within('features', [
          '<acpi/>',
          '<apic/>',
          '<pae/>',
          ...(definition.hap === false ? ["<hap state='off'/>"] : []),
          ...(definition.viridian ? ['<viridian/>'] : []),
        ])
      : []),
    ...within(
      'cpu',
      (definition.cpuHidden ?? []).map(feature => `<feature policy='disable' name='${libvirtNameOf(feature)}'/>`),
      " mode='host-passthrough'",
    ),
    `<clock offset='${isLocal ? 'localtime' : 'utc'}'/>`,
    ...element('on_poweroff', definition.onPoweroff),
    ...element('on_reboot', definition.onReboot),
    ...element('on_crash', definition.onCrash),
    ...within('devices', devices(definition, live)),
  ]).join('\n')}\n</domain>\n`;
}

/** Weight and cap of Xen's scheduler as cgroups have them; a KVM guest's weight is its shares. What each has without being asked is left out. */
const sharesXml = ({ kind, weight, cap }: Definition): string[] => [
  ...(weight === undefined || weight === inXml({ kind }).type.usualWeight ? [] : element('shares', weight)),
  ...(cap ? [...element('period', USUAL_PERIOD_US), ...element('quota', (USUAL_PERIOD_US / 100) * cap)] : []),
];

/** Where the definition does not say which processor the guest has, its kernel does, and there is no `arch`. */
function osType({ kind, cpuLevel }: Definition): string {
  const { machine, os, arch = cpuLevel && (hasLongMode(cpuLevel) ? 'x86_64' : 'i686') } = inXml({ kind });
  return `<type${arch ? ` arch='${arch}'` : ''} machine='${machine}'>${os}</type>`;
}

const consoleOf = ({ kind, virtio }: Definition): string =>
  hasVirtio(virtio, 'console') ? 'virtio' : inXml({ kind }).console;

function devices(definition: Definition, live: LiveXml): string[] {
  const { domid, channels } = live;
  const { disks, cards, vfb, bootDevices, virtio = [] } = definition;
  const { type: domainType, console: bus } = inXml(definition);
  const isVga = definedAs(definition).vnc === 'VGA';
  const card = (
    { model: emulated, mac, rate, options: { network, bridge, script, ip, vifname, model: asked, link } = {} }: Card,
    index: number,
  ): string[] =>
    within(
      'interface',
      [
        ...(mac ? [`<mac address='${mac}'/>`] : []),
        `<source${network ? ` network='${escapedXml(network)}'` : ''}${network && !bridge ? '' : ` bridge='${escapedXml(bridge ?? 'xenbr0')}'`}/>`,
        ...(ip && domid === undefined ? [`<ip address='${escapedXml(ip)}'/>`] : []),
        ...(script && domid === undefined ? [`<script path='${escapedXml(script)}'/>`] : []),
        ...(domid !== undefined || vifname
          ? [`<target dev='${domid === undefined ? escapedXml(vifname!) : `vif${domid}.${index}`}'/>`]
          : []),
        ...(index === 0 ? order('n') : []),
        `<model type='${domid === undefined && emulated && asked ? escapedXml(asked) : (emulated ?? 'netfront')}'/>`,
        ...(link ? [`<link state='${link}'/>`] : []),
        ...(rate
          ? within('bandwidth', [
              `<outbound average='${Math.max(1, Math.round((rate.bytes * 1000) / rate.intervalUs))}'/>`,
            ])
          : []),
      ],
      ` type='${network ? 'network' : 'bridge'}'`,
    );
  const order = (device: string): string[] =>
    bootDevices?.includes(device) ? [`<boot order='${bootDevices.indexOf(device) + 1}'/>`] : [];
  return [
    ...disks.flatMap(disk => {
      const { target, format, vdev, kind, readOnly, shared, others = [] } = disk;
      const isBlock = target.startsWith('/dev/');
      const isNetwork = isNetworkDisk(target) && nbdAddressProblem(target) === undefined;
      const backend = otherOption(disk, 'backendtype') ?? (isBlock ? domainType.blockBackend : 'qdisk');
      const discard = others.includes('discard') ? 'unmap' : others.includes('no-discard') ? 'ignore' : undefined;
      return within(
        'disk',
        [
          `<driver name='${DRIVERS[backend] ?? 'qemu'}' type='${escapedXml(format)}'${discard ? ` discard='${discard}'` : ''}/>`,
          ...(isNetwork
            ? networkSource(target)
            : target
              ? [`<source ${isBlock ? 'dev' : 'file'}='${escapedXml(target)}'/>`]
              : []),
          `<target dev='${escapedXml(vdev)}' bus='${BUS[vdev.slice(0, 2)] ?? 'xen'}'/>`,
          ...(readOnly ? ['<readonly/>'] : []),
          ...(shared ? ['<shareable/>'] : []),
          ...order(vdev),
        ],
        ` type='${isNetwork ? 'network' : isBlock ? 'block' : 'file'}' device='${kind}'`,
      );
    }),
    ...cards.flatMap(card),
    ...(bus === 'serial' ? within('serial', ["<target port='0'/>"], " type='pty'") : []),
    ...within('console', [`<target type='${consoleOf(definition)}' port='0'/>`], " type='pty'"),
    ...(isVga || vfb ? graphics(definition, live) : []),
    ...(isVga ? within('video', ["<model type='vga'/>"]) : []),
    ...channelElements(virtio, channels),
    ...balloonOf(definition),
    ...foldersOf(virtio),
    ...(hasVirtio(virtio, 'rng')
      ? within('rng', ["<backend model='random'>/dev/urandom</backend>"], " model='virtio'")
      : []),
  ];
}

/** Of a domain that runs, with the socket's path, and whether the guest has it open. */
const channelElements = (virtio: readonly string[], live: LiveXml['channels']): string[] =>
  virtio.flatMap(item => {
    const { name, options } = virtioWords(item);
    if (name === 'serial') return ["<controller type='virtio-serial' index='0'/>"];
    if (name !== 'channel') return [];
    const now = live?.get(options.name ?? '');
    const path = now?.path ?? options.path;
    return within(
      'channel',
      [
        ...(path === undefined ? [] : [`<source mode='bind' path='${escapedXml(path)}'/>`]),
        `<target type='virtio' name='${escapedXml(options.name ?? '')}'${now ? ` state='${now.isOpen ? '' : 'dis'}connected'` : ''}/>`,
        ...(options.port === undefined
          ? []
          : [`<address type='virtio-serial' controller='0' bus='0' port='${options.port}'/>`]),
      ],
      " type='unix'",
    );
  });

const foldersOf = (virtio: readonly string[]): string[] =>
  virtio.flatMap(item => {
    const { name, options } = virtioWords(item);
    if (name !== '9p') return [];
    return within(
      'filesystem',
      [
        "<driver type='path'/>",
        `<source dir='${escapedXml(options.path ?? '')}'/>`,
        `<target dir='${escapedXml(options.tag ?? '')}'/>`,
        ...(options.readonly === 'on' ? ['<readonly/>'] : []),
      ],
      " type='mount' accessmode='passthrough'",
    );
  });

function balloonOf({ kind, virtio = [] }: Definition): string[] {
  const item = virtio.find(each => virtioWords(each).name === 'balloon');
  if (item === undefined) return [`<memballoon model='${inXml({ kind }).type.balloon}'/>`];
  const { deflate, reporting, period } = virtioWords(item).options;
  const attributes = `${deflate ? ` autodeflate='${deflate}'` : ''}${reporting ? ` freePageReporting='${reporting}'` : ''}`;
  const open = `memballoon model='virtio'${attributes}`;
  return period ? [`<${open}>`, `  <stats period='${period}'/>`, '</memballoon>'] : [`<${open}/>`];
}

/** virDomainGraphicsAuthDefFormatAttr(). */
function passwordOf({ vncPassword, vncPasswordUntil }: Definition): string {
  if (vncPassword === undefined) return '';
  const isOver = vncPasswordUntil === undefined || (vncPassword === '' && vncPasswordUntil === LONG_AGO);
  return ` passwd='${escapedXml(vncPassword)}'${isOver ? '' : ` passwdValidTo='${vncPasswordUntil}'`}`;
}

const graphics = (definition: Definition, { vncPort: port, isAskedPort = false }: LiveXml): string[] =>
  port === undefined
    ? [`<graphics type='vnc' port='-1' autoport='yes'${passwordOf(definition)}/>`]
    : within(
        'graphics',
        ["<listen type='address' address='127.0.0.1'/>"],
        ` type='vnc' port='${port}' autoport='${isAskedPort ? 'no' : 'yes'}' listen='127.0.0.1'${passwordOf(definition)}`,
      );
