/** What libvirt's driver of QEMU refuses of elements that do not go together (between.ts). Sources: src/qemu/qemu_validate.c and qemu_domain.c of libvirt 9.0. */
import { all, attribute, devicesOf, fault, ioThreadsOf, type Judge, vcpusOf } from './between-parts.ts';
import { controllersOfQemu } from './between-controllers.ts';
import { placesOfQemu } from './between-places.ts';
import { busOf } from './bus.ts';
import { shortened } from '../xlcfg.ts';
import { childOf, type Element } from './tree.ts';

/** Features that QEMU has for other machines. */
const OF_OTHER_MACHINES = ['gic', 'hpt', 'htm', 'nested-hv', 'ccf-assist', 'cfpc', 'ibs'];

const processorOfQemu: Judge = domain => {
  const cpu = childOf(domain, 'cpu');
  const hasAll = ['host-passthrough', 'maximum'].includes(cpu?.attributes.mode ?? '');
  const topology = childOf(cpu, 'topology')?.attributes;
  const count = ['sockets', 'dies', 'cores', 'threads'].reduce((all, name) => all * Number(topology?.[name] ?? 1), 1);
  const cache = childOf(cpu, 'cache'),
    width = childOf(cpu, 'maxphysaddr');
  const { mode, level } = cache?.attributes ?? {};
  return [
    fault(
      topology && Number.isInteger(count) && count > 0 && count !== vcpusOf(domain),
      cpu,
      `CPU topology doesn't match maximum vcpu count: it is of ${count}, and <vcpu> says ${vcpusOf(domain)}.`,
    ),
    fault(
      mode === 'passthrough' && !hasAll,
      cache,
      "CPU cache mode 'passthrough' can only be used with 'host-passthrough' / 'maximum' CPUs.",
    ),
    fault(mode === 'passthrough' && level !== undefined, cache, "unsupported CPU cache level for mode 'passthrough'."),
    fault(mode === 'emulate' && level !== '3', cache, "CPU cache mode 'emulate' can only be used with level='3'."),
    fault(
      width?.attributes.mode === 'passthrough' && width.attributes.bits !== undefined,
      width,
      "CPU maximum physical address bits number specification cannot be used with mode='passthrough'.",
    ),
    fault(
      width?.attributes.mode === 'emulate' && width.attributes.bits === undefined,
      width,
      "if using CPU maximum physical address mode='emulate', bits= must be specified too.",
    ),
    ...all(childOf(domain, 'vcpus'), 'vcpu').map(vcpu =>
      fault(vcpu.attributes.id === '0' && vcpu.attributes.enabled === 'no', vcpu, "vcpu 0 can't be offline."),
    ),
  ];
};

const domainOfQemu: Judge = domain => {
  const os = childOf(domain, 'os'),
    features = childOf(domain, 'features');
  const backing = childOf(domain, 'memoryBacking');
  const slots = Number(childOf(domain, 'maxMemory')?.attributes.slots ?? 0);
  const loader = childOf(os, 'loader');
  const [powerOff, reboot, crash] = ['on_poweroff', 'on_reboot', 'on_crash'].map(name => childOf(domain, name));
  const machine = attribute(os, 'type', 'machine') ?? 'pc';
  return [
    fault(
      slots > 0 && !childOf(childOf(domain, 'cpu'), 'numa'),
      childOf(domain, 'maxMemory'),
      'At least one numa node has to be configured when enabling memory hotplug.',
    ),
    fault(
      attribute(backing, 'source', 'type') === 'anonymous' && childOf(backing, 'hugepages'),
      backing,
      'hugepages are not allowed with anonymous memory source.',
    ),
    ...all(domain, 'sysinfo')
      .filter(({ attributes }) => attributes.type === 'fwcfg')
      .flatMap(each => all(each, 'entry'))
      .map(entry =>
        fault(!/^opt\/./.test(entry.attributes.name ?? 'opt/x'), entry, 'Invalid firmware name: it begins with opt/.'),
      ),
    fault(
      /^(?:isapc|microvm|none)$/.test(machine),
      childOf(os, 'type'),
      `No PCI buses available: machine='${shortened(machine)}' has none. Write machine='pc'.`,
    ),
    fault(
      attribute(os, 'bios', 'useserial') === 'yes' && devicesOf(domain, 'serial').length === 0,
      childOf(os, 'bios'),
      "need at least one serial port to use BIOS serial output: write <serial type='pty'/>.",
    ),
    fault(
      loader?.attributes.type === 'pflash' && !childOf(features, 'acpi'),
      loader,
      'UEFI requires ACPI on this architecture: write <acpi/> into <features>.',
    ),
    ...OF_OTHER_MACHINES.map(name =>
      fault(
        childOf(features, name),
        childOf(features, name),
        `The '${name}' feature is not supported for architecture 'x86_64' or machine type '${shortened(machine)}'.`,
      ),
    ),
    ...[powerOff, reboot].map(each =>
      fault(
        each?.text === 'preserve',
        each,
        "qemu driver doesn't support the 'preserve' action for 'on_reboot'/'on_poweroff'.",
      ),
    ),
    ...[powerOff, reboot, crash].map(each =>
      fault(
        each?.text === 'rename-restart',
        each,
        "qemu driver doesn't support the 'rename-restart' action for 'on_reboot'/'on_poweroff'/'on_crash'.",
      ),
    ),
    fault(
      powerOff?.text === 'restart' && reboot?.text === 'destroy',
      reboot,
      "qemu driver doesn't support 'onReboot' set to 'destroy and 'onPoweroff' set to 'reboot'.",
    ),
    ...all(childOf(domain, 'clock'), 'timer').flatMap(timer => timersOfQemu(timer)),
  ];
};

const TICKS: Readonly<Record<string, readonly string[]>> = {
  pit: ['delay', 'catchup', 'discard'],
  rtc: ['delay', 'catchup'],
};
function timersOfQemu(timer: Element): ReturnType<Judge> {
  const { name = '', tickpolicy, present } = timer.attributes;
  return [
    fault(name === 'platform', timer, "unsupported timer type (name) 'platform'."),
    fault(name === 'armvtimer', timer, "Configuring the 'armvtimer' timer is not supported for x86_64 guests."),
    fault(
      tickpolicy !== undefined && Object.hasOwn(TICKS, name) && !TICKS[name].includes(tickpolicy) && present !== 'no',
      timer,
      `unsupported ${name === 'pit' ? 'pit' : 'rtc timer'} tickpolicy '${shortened(tickpolicy ?? '')}'.`,
    ),
  ];
}

/** qemuValidateDomainDeviceDefDiskFrontend() and _Blkdeviotune(). */
const disksOfQemu: Judge = domain => {
  const threads = ioThreadsOf(domain);
  return devicesOf(domain, 'disk').flatMap(disk => {
    const { device = 'disk', type = 'file' } = disk.attributes;
    const target = childOf(disk, 'target'),
      driver = childOf(disk, 'driver');
    const dev = shortened(target?.attributes.dev ?? ''),
      bus = busOf(target);
    const { name, cache, io, copy_on_read: copies, iothread, type: format = 'raw' } = driver?.attributes ?? {};
    const has = (child: string): boolean => childOf(disk, child) !== undefined;
    return [
      fault(
        bus === 'ide' && /^hd[e-z]/.test(dev) && !has('address'),
        disk,
        'Only 1 IDE controller is supported: its drives are hda to hdd.',
      ),
      fault(bus === 'ide' && device === 'disk' && has('readonly'), disk, 'readonly ide disks are not supported.'),
      fault(
        device === 'lun' && bus !== 'scsi' && bus !== 'virtio',
        disk,
        `disk device='lun' is not supported for bus='${shortened(bus)}'.`,
      ),
      fault(type === 'dir' && format !== 'fat', disk, "storage type 'dir' requires use of storage format 'fat'."),
      fault(
        name !== undefined && name !== 'qemu',
        disk,
        `unsupported driver name '${shortened(name ?? '')}' for disk '${dev}'. Write name='qemu'.`,
      ),
      fault(
        io === 'native' && cache !== 'none' && cache !== 'directsync',
        disk,
        "io='native' needs either no disk cache or directsync cache mode.",
      ),
      fault(copies === 'on' && has('readonly'), disk, `copy_on_read is not compatible with read-only disk '${dev}'.`),
      fault(iothread && bus !== 'virtio', disk, `IOThreads not available for bus ${shortened(bus)} target ${dev}.`),
      fault(
        iothread && bus === 'virtio' && !threads.has(iothread),
        disk,
        `Disk iothread '${shortened(iothread ?? '')}' not defined in iothreadid.`,
      ),
      fault(
        /[^A-Za-z0-9\-_ .+]/.test(childOf(disk, 'serial')?.text ?? ''),
        disk,
        `driver serial '${shortened(childOf(disk, 'serial')?.text ?? '')}' contains unsafe characters.`,
      ),
      fault(has('wwn') && !/^(?:ide|scsi|sata)$/.test(bus), disk, 'Only ide and scsi disk support wwn.'),
      fault((has('vendor') || has('product')) && bus !== 'scsi', disk, 'Only scsi disk supports vendor and product.'),
      fault(
        has('shareable') && format !== 'raw',
        disk,
        `shared access for disk '${dev}' requires use of supported storage format.`,
      ),
      fault(
        bus === 'virtio' && attribute(disk, 'address', 'type') === 'drive',
        disk,
        "virtio disk cannot have an address of type 'drive'.",
      ),
    ];
  });
};

const PORTS = 31;
const devicesOfQemu: Judge = domain => {
  const serials = devicesOf(domain, 'serial');
  const hasSpice = devicesOf(domain, 'graphics').some(({ attributes }) => attributes.type === 'spice');
  return [
    ...devicesOf(domain, 'interface').flatMap(card => {
      const ring = ['rx_queue_size', 'tx_queue_size'].find(name => attribute(card, 'driver', name) !== undefined);
      const size = Number(ring && attribute(card, 'driver', ring));
      return [
        fault(
          childOf(card, 'mtu') && card.attributes.type === 'user',
          card,
          'setting MTU on interface type user is not supported yet.',
        ),
        fault(ring && !Number.isInteger(Math.log2(size)), card, `${ring} has to be a power of two.`),
        fault(
          (childOf(card, 'ip') || childOf(card, 'route')) && card.attributes.type !== 'user',
          card,
          'Invalid attempt to set network interface guest-side IP route and/or address info, not supported by QEMU.',
        ),
      ];
    }),
    ...serials.flatMap(serial => {
      const target = childOf(serial, 'target');
      const type = target?.attributes.type,
        model = attribute(target, 'model', 'name');
      return [
        fault(
          type === 'sclp-serial',
          serial,
          "Serial device with target type 'sclp-serial' and target model 'sclpconsole' not compatible with guest architecture or machine type.",
        ),
        fault(
          model !== undefined && type !== undefined && model !== type && !model.startsWith('sclp'),
          serial,
          `Target model '${shortened(model ?? '')}' requires target type '${shortened(model ?? '')}'.`,
        ),
      ];
    }),
    ...devicesOf(domain, 'console').map(console =>
      fault(
        attribute(console, 'target', 'type') === 'xen',
        console,
        'unsupported console target type xen. Write serial or virtio.',
      ),
    ),
    ...devicesOf(domain, 'channel').flatMap(channel => {
      const port = attribute(channel, 'address', 'port');
      return [
        fault(
          attribute(channel, 'address', 'type') === 'virtio-serial' && Number(port) > PORTS,
          channel,
          `virtio serial controller 0 does not have port ${shortened(port ?? '')}.`,
        ),
        fault(
          channel.attributes.type === 'spicevmc' && !hasSpice,
          channel,
          "chardev 'spicevmc' not supported without spice graphics.",
        ),
      ];
    }),
    ...devicesOf(domain, 'graphics').map(graphics =>
      fault(
        /^(?:rdp|desktop)$/.test(graphics.attributes.type ?? ''),
        graphics,
        `${graphics.attributes.type} graphics are not supported with this QEMU. Write type='vnc'.`,
      ),
    ),
    ...screensOfQemu(domain),
    ...[...devicesOf(domain, 'redirdev'), ...devicesOf(domain, 'smartcard')].map(device =>
      fault(
        device.attributes.type === 'spicevmc' && !hasSpice,
        device,
        "chardev 'spicevmc' not supported without spice graphics.",
      ),
    ),
    ...othersOfQemu(domain),
  ];
};

/** qemuValidateDomainDeviceDefVideo(); virDomainDefValidate() counts primary ones. */
function screensOfQemu(domain: Element): ReturnType<Judge> {
  const videos = devicesOf(domain, 'video');
  const isPrimary = (video: Element): boolean => attribute(video, 'model', 'primary') === 'yes';
  return [
    fault(
      videos.filter(isPrimary).length > 1,
      videos.findLast(isPrimary),
      'Only one primary video device is supported.',
    ),
    ...videos.flatMap((video, i) => {
      const model = childOf(video, 'model');
      const { type = '', heads } = model?.attributes ?? {};
      const isFirst = videos.some(isPrimary) ? isPrimary(video) : i === 0;
      return [
        fault(
          /^(?:xen|vbox|parallels)$/.test(type),
          video,
          `domain configuration does not support video model '${type}'. Write type='vga'.`,
        ),
        fault(
          !isFirst && !/^(?:qxl|virtio)$/.test(type),
          video,
          `video type '${shortened(type)}' is only valid as primary video device.`,
        ),
        fault(
          Number(heads ?? 1) > 1 && !/^(?:qxl|virtio)$/.test(type),
          video,
          `video type '${shortened(type)}' doesn't support multiple 'heads'.`,
        ),
        fault(
          attribute(model, 'acceleration', 'accel3d') === 'yes' && type !== 'virtio',
          video,
          "3d acceleration is supported only with 'virtio' video device.",
        ),
      ];
    }),
  ];
}

function othersOfQemu(domain: Element): ReturnType<Judge> {
  const audios = devicesOf(domain, 'audio');
  const hasSpice = devicesOf(domain, 'graphics').some(({ attributes }) => attributes.type === 'spice');
  const emulator = childOf(childOf(domain, 'devices'), 'emulator');
  const isQ35 = attribute(childOf(domain, 'os'), 'type', 'machine')?.includes('q35');
  const isShared = attribute(childOf(domain, 'memoryBacking'), 'access', 'mode') === 'shared';
  return [
    ...controllersOfQemu(domain),
    fault(
      emulator &&
        emulator.text !== '' &&
        !/^\/usr\/(?:bin|libexec|local\/bin)\/(?:qemu(?:-system-x86_64|-system-i386|-kvm)|kvm)$/.test(emulator.text),
      emulator,
      `Cannot check QEMU binary ${shortened(emulator?.text ?? '')}: No such file or directory. Write /usr/bin/qemu-system-x86_64, or take <emulator> out.`,
    ),
    ...devicesOf(domain, 'memballoon').map(balloon =>
      fault(
        balloon.attributes.model === 'xen',
        balloon,
        "a guest of KVM has no balloon of Xen's. Write model='virtio' or 'none'.",
      ),
    ),
    ...audios.map(audio =>
      fault(
        audio.attributes.type === 'spice' && !hasSpice,
        audio,
        'Spice audio is not supported without spice graphics.',
      ),
    ),
    ...devicesOf(domain, 'sound').map(sound => {
      const id = attribute(sound, 'audio', 'id');
      return fault(
        id !== undefined && audios.every(({ attributes }) => attributes.id !== id),
        sound,
        `no audio device with ID ${shortened(id ?? '')}.`,
      );
    }),
    ...devicesOf(domain, 'watchdog').map(watchdog =>
      fault(
        watchdog.attributes.model === 'diag288',
        watchdog,
        'diag288 model of watchdog is allowed for s390 and s390x only.',
      ),
    ),
    fault(
      devicesOf(domain, 'memory').length > 0 && !childOf(domain, 'maxMemory'),
      devicesOf(domain, 'memory')[0],
      'Total size of memory devices exceeds the total memory size: write <maxMemory>.',
    ),
    ...devicesOf(domain, 'iommu').map(iommu =>
      fault(
        iommu.attributes.model === 'intel' && !isQ35,
        iommu,
        "IOMMU device: 'intel' is only supported with Q35 machines.",
      ),
    ),
    ...devicesOf(domain, 'filesystem').flatMap(folder => {
      const { type = 'mount', accessmode, fmode, dmode } = folder.attributes;
      return [
        fault(
          attribute(folder, 'driver', 'type') === 'virtiofs' && !isShared,
          folder,
          "'virtiofs' requires shared memory: write <memoryBacking><access mode='shared'/></memoryBacking>.",
        ),
        fault(
          (fmode ?? dmode) !== undefined && accessmode !== 'mapped',
          folder,
          'fmode and dmode must be used with accessmode=mapped.',
        ),
        fault(type !== 'mount', folder, 'only supports mount filesystem type.'),
      ];
    }),
  ];
}

const consolesOfQemu: Judge = domain =>
  devicesOf(domain, 'console').map((console, i) =>
    fault(
      i > 0 && ['serial', undefined].includes(attribute(console, 'target', 'type')),
      console,
      'Only the first console can be a serial port.',
    ),
  );

export const OF_QEMU: readonly Judge[] = [
  consolesOfQemu,
  processorOfQemu,
  domainOfQemu,
  disksOfQemu,
  devicesOfQemu,
  placesOfQemu,
];
