/**
 * Commands as they are typed on a host with KVM: libvirt's. They are the same on a host with Xen, where libvirt's clients find another driver.
 * Source: virsh(1) of libvirt 9.0 and `virsh help`, virt-clone(1).
 */
import type { Spellings } from './spelling.ts';

/** Virtual machines of libvirt have nothing like it, or virsh gives no access to it. */
const lacks = (): undefined => undefined;

/** Microseconds of one per cent of 100 000 µs, the period of cgroups' cpu.max. */
const QUOTA_US_PER_CENT = 1000;

/** The bridge of the host on which guests are. */
const BRIDGE = 'xenbr0';
/** What attach-interface has an option for. */
const CARD_OPTIONS = ['mac', 'model', 'script'];

const COMMON: Omit<Spellings, 'migrate' | 'sched-credit' | 'dump-core'> = {
  // Settings behind a file are xl's alone.
  create: (_, { file = null, settings = [], paused }) =>
    settings.length > 0 ? undefined : ['virsh create', file, paused && '--paused'],
  pause: domain => ['virsh suspend', domain],
  unpause: domain => ['virsh resume', domain],
  destroy: domain => ['virsh destroy', domain],
  shutdown: (domain, { all }) => (all ? undefined : ['virsh shutdown', domain]),
  reboot: domain => ['virsh reboot', domain],
  trigger: (domain, { what }) => {
    if (what === 'power') return ['virsh shutdown', domain, '--mode', 'acpi'];
    const name = { reset: 'reset', nmi: 'inject-nmi', s3resume: 'dompmwakeup' }[what];
    return name === undefined ? undefined : [`virsh ${name}`, domain];
  },
  // virsh save ends the domain; --paused is how it begins when it is restored.
  save: (domain, { file = null, leaves }) => (leaves ? undefined : ['virsh save', domain, file]),
  restore: (_, { file = null, paused }) => ['virsh restore', file, paused && '--paused'],
  'migrate-receive': lacks,
  remus: lacks,
  snapshot: (domain, { name, description }) => [
    'virsh snapshot-create-as',
    domain,
    name,
    // By their places the name is the first.
    ...(description ? (name === undefined ? ['--description', description] : [description]) : []),
  ],
  revert: (domain, { snapshot }) => ['virsh snapshot-revert', domain, snapshot],
  'snapshot-delete': (domain, { snapshot }) => ['virsh snapshot-delete', domain, snapshot],
  clone: (domain, { to = null }) => ['virt-clone', '--original', domain, '--name', to, '--auto-clone'],
  rename: (domain, { to = null }) => ['virsh domrename', domain, to],
  new: (_, { file }) => ['virsh define', file],
  start: (domain, { paused }) => ['virsh start', domain, paused && '--paused'],
  delete: (domain, { storage, snapshots }) => [
    'virsh undefine',
    domain,
    storage && '--remove-all-storage',
    snapshots && '--snapshots-metadata',
  ],
  'cd-insert': (domain, { drive, media = [] }) =>
    // virsh takes one image, and makes none of files.
    media.length > 1
      ? undefined
      : ['virsh change-media', domain, ...(drive === undefined ? [null] : [drive, media[0] ?? null, '--update'])],
  'cd-eject': (domain, { drive }) => ['virsh change-media', domain, drive, '--eject'],
  'block-attach': (domain, { disk }) =>
    typeof disk === 'string'
      ? undefined
      : [
          'virsh attach-disk',
          domain,
          disk.source,
          disk.target,
          ...(disk.format === 'raw' ? [] : ['--subdriver', disk.format]),
          ...(disk.cdrom ? ['--type', 'cdrom'] : []),
          ...(disk.readOnly ? ['--mode', 'readonly'] : []),
        ],
  'block-detach': (domain, { device }) => ['virsh detach-disk', domain, device],
  'network-attach': (domain, { card: { bridge = BRIDGE, ...card } = {} }) =>
    Object.keys(card).every(key => CARD_OPTIONS.includes(key))
      ? [
          'virsh attach-interface',
          domain,
          'bridge',
          bridge,
          ...Object.entries(card).flatMap(([key, value]) => [`--${key}`, value]),
        ]
      : undefined,
  'network-detach': (domain, { mac }) => ['virsh detach-interface', domain, 'bridge', ...(mac ? ['--mac', mac] : [])],
  'mem-set': (domain, { memoryMiB }) => ['virsh setmem', domain, `${memoryMiB}M`],
  'mem-max': (domain, { memoryMiB }) => ['virsh setmaxmem', domain, `${memoryMiB}M`],
  'vcpu-set': (domain, { vcpus }) => ['virsh setvcpus', domain, vcpus],
  // One vCPU at a time, and no soft affinity.
  'vcpu-pin': (domain, { vcpu, cpus, cpusSoft }) =>
    vcpu === undefined || cpus === undefined || cpusSoft !== undefined
      ? undefined
      : ['virsh vcpupin', domain, vcpu, cpus === 'all' ? 'r' : cpus],
  'config-update': lacks,
  sysrq: lacks,
  'send-key': (domain, { keys, holdMs }) => [
    'virsh send-key',
    domain,
    ...(holdMs === undefined ? [] : ['--holdtime', holdMs]),
    ...keys,
  ],
  'host-set': lacks,
  'store-write': lacks,
  step: lacks,
  back: lacks,
  break: lacks,
  'exit-controls': lacks,
  console: domain => ['virsh console', domain],
  list: () => ['virsh list', '--all'],
};

/** What depends on libvirt's driver: its addresses of hosts begin with that, and it has parameters and flags of its own. */
const ofDriver = (driver: 'qemu' | 'xen'): Spellings => ({
  ...COMMON,
  // Within a host there is no migration of libvirt's.
  migrate: (domain, { to = null, autoConverge, copyStorage, postcopy, paused }) =>
    to === 'localhost'
      ? undefined
      : [
          'virsh migrate',
          '--live',
          paused && '--suspend',
          copyStorage && `--copy-storage-${copyStorage}`,
          autoConverge && '--auto-converge',
          // xl's post-copy begins by itself.
          ...(postcopy ? ['--postcopy', '--postcopy-after-precopy'] : []),
          domain,
          to && `${driver}+pool://${to}/system`,
        ],
  // An ELF file, as QEMU makes it of memory alone; libxl's driver has no other kind, and refuses the flag.
  'dump-core': (domain, { file }) => ['virsh dump', domain, file, driver === 'qemu' && '--memory-only', '--live'],
  'sched-credit': (domain, { weight, cap }) =>
    domain === undefined
      ? undefined
      : [
          'virsh schedinfo',
          domain,
          ...(weight === undefined && cap === undefined ? [] : ['--set', ...sharesOf(driver, weight, cap)]),
        ],
});

/** Each parameter is a word. */
const sharesOf = (driver: 'qemu' | 'xen', weight: number | undefined, cap: number | undefined): string[] => [
  ...(weight === undefined ? [] : [`${driver === 'qemu' ? 'cpu_shares' : 'weight'}=${weight}`]),
  ...(cap === undefined
    ? []
    : [driver === 'qemu' ? `vcpu_quota=${cap === 0 ? -1 : cap * QUOTA_US_PER_CENT}` : `cap=${cap}`]),
];

export const kvm: Spellings = ofDriver('qemu');
/** As libvirt's clients have it on a host with Xen. */
export const libvirtOfXen: Spellings = ofDriver('xen');
