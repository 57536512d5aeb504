/**
 * The command line of a guest's QEMU as libvirt 9.0 writes it for a `pc` with KVM. Sources: qemuBuildCommandLine() and its parts in src/qemu/qemu_command.c,
 * qemuAssignDeviceAliases() in qemu_alias.c, qemuDomainAssignPCIAddresses() for slots; QEMU 7.2's system emulation invocation for what each word means.
 */
import { channelsOf, hasVirtio, inSlots, slotOfCard, VIRTIO_SLOT, virtioWords } from '../../../devices/index.ts';
import type { Card, DefinedDisk, Definition } from '../../definitions/config/index.ts';
import { cardAlias, floppyAlias, ideAlias, unitOf, virtioDiskAlias } from './aliases.ts';
import { kindOf } from '../kinds/index.ts';

export const QEMU = '/usr/bin/qemu-system-x86_64';
/** Debian 12's. */
export const QEMU_VERSION = { micro: 22, minor: 2, major: 7 };
/** Debian's libvirt-qemu, its user and group. */
export const QEMU_OWNER = '+64055:+64055';
/** Its `pc`. */
export const QEMU_MACHINE = 'pc-i440fx-7.2';
/** Slots of the first bus as the guest finds them: 1 is the PIIX3, 2 the screen, 3 the first card, disks of virtio from 5 on. */
const FIRST_DISK_SLOT = 5;
export const diskSlot = (vdev: string): number => FIRST_DISK_SLOT + unitOf(vdev);
const MIB = 2 ** 20;

/** QEMU's names of cards. */
const CARDS: Readonly<Record<string, string>> = {
  virtio: 'virtio-net-pci',
  ne2k_pci: 'ne2k_pci',
  pcnet: 'pcnet',
  e1000: 'e1000',
};

export interface QemuCommandLine {
  /** NAME=VALUE, before the program. */
  environment: string[];
  /** The program, then its words. */
  line: string[];
}

const slot = (number: number): string => `0x${number.toString(16)}`;
const json = (value: object): string => JSON.stringify(value);

/** Of a disk: what it is kept in, and the device. `index`: among the guest's disks, which libvirt counts from the last. */
function diskWords(disk: DefinedDisk, index: number, pciSlot: number, bootIndex: number | undefined): string[] {
  const { vdev, target, format, kind, readOnly } = disk;
  const storage = `libvirt-${index}-storage`,
    node = `libvirt-${index}-format`;
  const unit = vdev.charCodeAt(2) - 97;
  const backing =
    target === ''
      ? []
      : [
          '-blockdev',
          json({
            driver: target.startsWith('/dev/') ? 'host_device' : 'file',
            filename: target,
            'node-name': storage,
            ...(readOnly ? { 'read-only': true } : { 'auto-read-only': true, discard: 'unmap' }),
          }),
          '-blockdev',
          json({ 'node-name': node, 'read-only': readOnly, driver: format, file: storage }),
        ];
  const drive = target === '' ? {} : { drive: node };
  const boot = bootIndex === undefined ? {} : { bootindex: bootIndex };
  if (kind === 'floppy')
    return [...backing, '-device', json({ driver: 'floppy', unit, ...drive, id: floppyAlias(unit), ...boot })];
  if (vdev.startsWith('vd'))
    return [
      ...backing,
      '-device',
      json({
        driver: 'virtio-blk-pci',
        bus: 'pci.0',
        addr: slot(pciSlot),
        ...drive,
        id: virtioDiskAlias(unit),
        ...boot,
      }),
    ];
  return [
    ...backing,
    '-device',
    json({
      driver: kind === 'cdrom' ? 'ide-cd' : 'ide-hd',
      bus: `ide.${unit >> 1}`,
      unit: unit & 1,
      ...drive,
      id: ideAlias(unit),
      ...boot,
    }),
  ];
}

/** What the machine is, and what it starts. `folder`: where libvirt keeps what is its. */
function machineWords(definition: Definition, folder: string): string[] {
  const { name, uuid, memoryMiB, maxMemoryMiB, virtio, vcpus, maxVcpus = vcpus, kernel, ramdisk, cmdline } = definition;
  // Its balloon takes the rest.
  const seenMiB = hasVirtio(virtio, 'balloon') ? Math.max(memoryMiB, maxMemoryMiB ?? 0) : memoryMiB;
  return [
    '-name',
    `guest=${name.replaceAll(',', ',,')},debug-threads=on`,
    '-S',
    '-object',
    json({ 'qom-type': 'secret', id: 'masterKey0', format: 'raw', file: `${folder}/master-key.aes` }),
    '-machine',
    `${QEMU_MACHINE},usb=off,dump-guest-core=off,memory-backend=pc.ram`,
    '-accel',
    ...(kindOf(definition).isAccelerated ? ['kvm', '-cpu', 'host,migratable=on'] : ['tcg']),
    '-m',
    String(seenMiB),
    '-object',
    json({ 'qom-type': 'memory-backend-ram', id: 'pc.ram', size: seenMiB * MIB }),
    '-overcommit',
    'mem-lock=off',
    '-smp',
    `${vcpus}${maxVcpus === vcpus ? '' : `,maxcpus=${maxVcpus}`},sockets=${maxVcpus},cores=1,threads=1`,
    ...(uuid === undefined ? [] : ['-uuid', uuid]),
    '-no-user-config',
    '-nodefaults',
    '-chardev',
    'socket,id=charmonitor,fd=22,server=on,wait=off',
    '-mon',
    'chardev=charmonitor,id=monitor,mode=control',
    '-rtc',
    'base=utc',
    '-no-shutdown',
    ...(definition.onReboot === 'restart' ? [] : ['-no-reboot']),
    '-boot',
    'strict=on',
    ...(kernel === undefined ? [] : ['-kernel', kernel]),
    ...(ramdisk === undefined ? [] : ['-initrd', ramdisk]),
    ...(kernel === undefined || !cmdline ? [] : ['-append', cmdline]),
  ];
}

/** What boots first has the first number, by the letters of the boot order: c disks, d CDs, a floppy disks, n cards. */
function bootIndexes({ kernel, bootOrder, disks, cards }: Definition): Map<DefinedDisk | 'card', number> {
  const order = new Map<DefinedDisk | 'card', number>();
  if (kernel !== undefined) return order;
  for (const letter of bootOrder) {
    const kind = { c: 'disk', d: 'cdrom', a: 'floppy' }[letter];
    const found = letter === 'n' ? cards.length > 0 && ('card' as const) : disks.find(disk => disk.kind === kind);
    if (found && !order.has(found)) order.set(found, order.size + 1);
  }
  return order;
}

/** Descriptors of the first card's tap and of its vhost; those behind it have the next ones, one each without a vhost. */
const FIRST_CARD_FDS: CardFds = { tap: 24, vhost: 26 };

interface CardFds {
  tap: number;
  vhost: number;
}

/** Those of each card, and behind them one that is free. */
function descriptorsOf(cards: readonly Card[]): { fds: CardFds[]; next: number } {
  let next = FIRST_CARD_FDS.vhost + 1;
  const fds = cards.map(({ model = 'virtio' }, i) => {
    if (i === 0) return FIRST_CARD_FDS;
    const tap = next++;
    return { tap, vhost: model === 'virtio' ? next++ : -1 };
  });
  return { fds, next: next + 1 };
}

const cardWords = (
  { model = 'virtio', mac, place = 0 }: Card,
  { tap, vhost }: CardFds,
  bootIndex: number | undefined,
): string[] => [
  '-netdev',
  json({
    type: 'tap',
    fd: `${tap}`,
    ...(model === 'virtio' ? { vhost: true, vhostfd: `${vhost}` } : {}),
    id: `host${cardAlias(place)}`,
  }),
  '-device',
  json({
    driver: CARDS[model] ?? model,
    netdev: `host${cardAlias(place)}`,
    id: cardAlias(place),
    ...(mac === undefined ? {} : { mac }),
    bus: 'pci.0',
    addr: slot(slotOfCard(place)),
    ...(bootIndex === undefined ? {} : { bootindex: bootIndex }),
  }),
];

/** Ports of the one device that console and channels have: the console's is 0, and libvirt hands the channels' sockets over, from `fd` on. */
const portWords = (virtio: readonly string[], at: object, fd: number): string[] => [
  '-device',
  json({ driver: 'virtio-serial-pci', id: 'virtio-serial0', ...at }),
  ...channelsOf(virtio).flatMap(({ name, port }, i) => [
    '-chardev',
    `socket,id=charchannel${i},fd=${fd + i},server=on,wait=off`,
    '-device',
    json({
      driver: 'virtserialport',
      bus: 'virtio-serial0.0',
      nr: port,
      chardev: `charchannel${i}`,
      id: `channel${i}`,
      name,
    }),
  ]),
  ...(hasVirtio(virtio, 'console')
    ? [
        '-chardev',
        'pty,id=charconsole0',
        '-device',
        json({ driver: 'virtconsole', chardev: 'charconsole0', id: 'console0' }),
      ]
    : []),
];

/** Devices of virtio next to disks and card, in their slots. */
const virtioWordsOf = ({ virtio = [] }: Definition, channelFd: number): string[] =>
  inSlots(virtio).flatMap((item, i) => {
    const { name, options } = virtioWords(item);
    const at = { bus: 'pci.0', addr: slot(VIRTIO_SLOT + i) };
    if (name === 'console' || name === 'channel' || name === 'serial') return portWords(virtio, at, channelFd);
    const on = (option: string, word: string): Record<string, boolean> =>
      options[option] === 'on' ? { [word]: true } : {};
    if (name === 'balloon')
      return [
        '-device',
        json({
          driver: 'virtio-balloon-pci',
          id: 'balloon0',
          ...on('deflate', 'deflate-on-oom'),
          ...on('reporting', 'free-page-reporting'),
          ...at,
        }),
      ];
    if (name === '9p')
      return [
        '-fsdev',
        `local,security_model=passthrough,id=fsdev-fs${i}${options.readonly === 'on' ? ',readonly=on' : ''},path=${options.path}`,
        ...[
          '-device',
          json({ driver: 'virtio-9p-pci', id: `fs${i}`, fsdev: `fsdev-fs${i}`, mount_tag: options.tag, ...at }),
        ],
      ];
    if (name !== 'rng') return [];
    return [
      ...['-object', json({ 'qom-type': 'rng-random', id: 'objrng0', filename: '/dev/urandom' })],
      ...['-device', json({ driver: 'virtio-rng-pci', rng: 'objrng0', id: 'rng0', ...at })],
    ];
  });

/** Serial port and screen; and what QEMU itself may do. */
const otherWords = (domid: number, { vncPassword }: Definition): string[] => [
  '-chardev',
  'pty,id=charserial0',
  '-device',
  json({ driver: 'isa-serial', chardev: 'charserial0', id: 'serial0', index: 0 }),
  '-audiodev',
  json({ id: 'audio1', driver: 'none' }),
  '-vnc',
  `127.0.0.1:${Math.max(0, domid - 1)}${vncPassword === undefined ? '' : ',password=on'},audiodev=audio1`,
  '-device',
  json({ driver: 'VGA', id: 'video0', vgamem_mb: 16, bus: 'pci.0', addr: slot(2) }),
  '-sandbox',
  'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
  '-msg',
  'timestamp=on',
];

/** `domid`: it runs as that domain; else as it would be started first. */
export function qemuCommandLine(definition: Definition, domid = -1): QemuCommandLine {
  const { name, disks, cards } = definition;
  const folder = `/var/lib/libvirt/qemu/domain-${domid}-${name}`;
  const order = bootIndexes(definition);
  const { fds, next } = descriptorsOf(cards);
  const diskParts = disks.flatMap((disk, i) =>
    diskWords(disk, disks.length - i, disk.vdev.startsWith('vd') ? diskSlot(disk.vdev) : 0, order.get(disk)),
  );
  return {
    environment: [
      'LC_ALL=C',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      `HOME=${folder}`,
      `XDG_DATA_HOME=${folder}/.local/share`,
      `XDG_CACHE_HOME=${folder}/.cache`,
      `XDG_CONFIG_HOME=${folder}/.config`,
    ],
    line: [
      QEMU,
      ...machineWords(definition, folder),
      ...diskParts,
      ...cards.flatMap((card, i) => cardWords(card, fds[i]!, i === 0 ? order.get('card') : undefined)),
      ...virtioWordsOf(definition, next),
      ...otherWords(domid, definition),
    ],
  };
}

const quoted = (word: string): string => (/^[\w.,:/=@%+-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);

/** As `virsh domxml-to-native qemu-argv` prints it: an option with its value a line (virCommandToString with line breaks). */
export function writeQemuArgv(definition: Definition, domid?: number): string {
  const { environment, line } = qemuCommandLine(definition, domid);
  const lines: string[] = [];
  for (const word of line)
    if (word.startsWith('-') || lines.length === 0) lines.push(quoted(word));
    else lines[lines.length - 1] += ` ${quoted(word)}`;
  return [...environment, ...lines].join(' \\\n');
}
