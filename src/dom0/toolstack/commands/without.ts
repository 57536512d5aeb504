/**
 * What Xen 4.17's xl has commands for and this host has none of: what they say in their place. Names, usage, options and what is printed of a domain
 * that has no such device: cmd_table[] in tools/xl/xl_cmdtable.c, and main_NAME() next to it.
 */
import type { OptionRules } from './command.ts';

export interface Without {
  summary: string;
  usage: string;
  /** Options that xl takes (none); since nothing is done with them, a long one has the letter of another. */
  takes?: OptionRules;
  /** This many words it wants at least (none). */
  least?: number;
  /** What it prints: of an empty list, its head. */
  prints?: string;
  /** Why it does nothing; absent: it has done all that there is to do. */
  why?: string;
  /** With `why` (1). */
  status?: number;
}

const BY_POOL =
  'Hosts of a pool hand domains to each other by their own connections: xl migrate <Domain> <host> on the other one.';
const NO_PASSTHROUGH = 'Nothing is passed through: this host has no device that a guest may have for itself.';
const ONE_POOL = 'There is one pool, Pool-0, which has all processors: others cannot be made.';
const NO_PSR =
  "This host's processors monitor and share out no cache and no memory bandwidth (CPUID has no leaves 0xF and 0x10).";
const NO_VTPM = 'There is no virtual TPM here.';
const NO_DISPLAY = 'There is no back end of Xen’s display protocol here; vfb = [ … ] of a definition is a screen.';
const NO_SOUND = 'There is no back end of Xen’s sound protocol here.';
const NO_USB = 'There is no back end of Xen’s USB protocol here.';
const KEYBOARD = 'A paravirtual keyboard comes with vfb = [ … ] of a definition, and stays as long as the domain.';
const NO_FLASK = 'Flask XSM disabled';
const otherScheduler = (name: string): string =>
  `Xen runs without the scheduler ${name} here: xl info xen_scheduler names the one it has.`;

/** xc_flask_op() fails with -1. */
const FLASK_STATUS = 255;

const columns = (...given: [name: string, width: number][]): string =>
  `${given.map(([name, width]) => (width < 0 ? name.padStart(-width) : name.padEnd(width))).join(' ')}\n`;

const SCHED_LONG = { domain: 'd', weight: 'w', cap: 'c', schedparam: 's', ratelimit_us: 'r', cpupool: 'p' };

export const WITHOUT: Readonly<Record<string, Without>> = {
  'pci-attach': {
    summary: 'Insert a new pass-through pci device',
    usage: '<Domain> <PCI_SPEC_STRING>',
    least: 2,
    why: NO_PASSTHROUGH,
  },
  'pci-detach': {
    summary: "Remove a domain's pass-through pci device",
    usage: '<Domain> <PCI_SPEC_STRING>',
    takes: { flags: 'f' },
    least: 2,
    why: NO_PASSTHROUGH,
  },
  'pci-list': { summary: 'List pass-through pci devices for a domain', usage: '<Domain>', least: 1 },
  'pci-assignable-add': {
    summary: 'Make a device assignable for pci-passthru',
    usage: '[options] <BDF>',
    takes: { values: 'n', long: { name: 'n' } },
    least: 1,
    why: NO_PASSTHROUGH,
  },
  'pci-assignable-remove': {
    summary: 'Remove a device from being assignable',
    usage: '[options] <BDF>|NAME',
    takes: { flags: 'r' },
    least: 1,
    why: NO_PASSTHROUGH,
  },
  'pci-assignable-list': {
    summary: 'List all the assignable pci devices',
    usage: '[options]',
    takes: { flags: 'n', long: { 'show-names': 'n' } },
  },
  'migrate-receive': {
    summary: 'Restore a domain from a saved state',
    usage: '- for internal use only',
    takes: { flags: 'Fedrp' },
    why: BY_POOL,
  },
  'sched-credit2': {
    summary: 'Get/set credit2 scheduler parameters',
    usage: '[-d <Domain> [-w[=WEIGHT]]] [-p CPUPOOL]',
    takes: { flags: 's', values: 'dwcpr', long: SCHED_LONG },
    why: otherScheduler('credit2'),
  },
  'sched-rtds': {
    summary: 'Get/set rtds scheduler parameters',
    usage: '[-d <Domain> [-v[=VCPUID/all]] [-p[=PERIOD]] [-b[=BUDGET]] [-e[=Extratime]]]',
    takes: {
      flags: 'c',
      values: 'dpbev',
      long: { domain: 'd', period: 'p', budget: 'b', extratime: 'e', vcpuid: 'v', cpupool: 'p' },
    },
    why: otherScheduler('rtds'),
  },
  'set-parameters': {
    summary: 'Set hypervisor parameters',
    usage: '<Params>',
    least: 1,
    why: 'cannot set parameters: Xen takes its options when it boots. They are in /boot/grub/grub.cfg, and xl info xen_commandline prints them.',
  },
  'channel-list': {
    summary: 'List virtual channel devices for a domain',
    usage: '<Domain(s)>',
    least: 1,
    prints: columns(['Idx', 3], ['BE', 2], ['state', 5], ['evt-ch', 6], ['ring-ref', -8], ['connection', 10], ['', 30]),
  },
  'vtpm-attach': {
    summary: 'Create a new virtual TPM device',
    usage: '<Domain> [uuid=<uuid>] [backend=<BackDomain>]',
    least: 1,
    why: NO_VTPM,
  },
  'vtpm-list': {
    summary: 'List virtual TPM devices for a domain',
    usage: '<Domain(s)>',
    least: 1,
    prints: columns(
      ['Idx', 3],
      ['BE', 2],
      ['Uuid', 36],
      ['handle', 6],
      ['state', 5],
      ['evt-ch', 6],
      ['ring-ref', 5],
      ['BE-path', 10],
    ),
  },
  'vtpm-detach': {
    summary: "Destroy a domain's virtual TPM device",
    usage: '<Domain> <DevId|uuid>',
    least: 2,
    why: NO_VTPM,
  },
  'vkb-attach': {
    summary: 'Create a new virtual keyboard device',
    usage: '<Domain> <vkb-spec-component(s)>...',
    least: 2,
    why: KEYBOARD,
  },
  'vkb-list': {
    summary: 'List virtual keyboard devices for a domain',
    usage: '<Domain(s)>',
    least: 1,
    why: `${KEYBOARD} xenstore-ls /local/domain/ID/device/vkbd shows it.`,
  },
  'vkb-detach': {
    summary: "Destroy a domain's virtual keyboard device",
    usage: '<Domain> <DevId>',
    least: 2,
    why: KEYBOARD,
  },
  'vdispl-attach': {
    summary: 'Create a new virtual display device',
    usage: "<Domain> [backend=<BackDomain>] [be-alloc=<BackAlloc>] [connectors='<Connectors>']",
    least: 1,
    why: NO_DISPLAY,
  },
  'vdispl-list': { summary: 'List virtual display devices for a domain', usage: '<Domain(s)>', least: 1 },
  'vdispl-detach': {
    summary: "Destroy a domain's virtual display device",
    usage: '<Domain> <DevId>',
    least: 2,
    why: NO_DISPLAY,
  },
  'vsnd-attach': {
    summary: 'Create a new virtual sound device',
    usage: '<Domain> <vsnd-spec-component(s)>...',
    least: 2,
    why: NO_SOUND,
  },
  'vsnd-list': { summary: 'List virtual display devices for a domain', usage: '<Domain(s)>', least: 1 },
  'vsnd-detach': {
    summary: "Destroy a domain's virtual sound device",
    usage: '<Domain> <DevId>',
    least: 2,
    why: NO_SOUND,
  },
  'cpupool-create': {
    summary: 'Create a new CPU pool',
    usage: '[options] [<ConfigFile>] [Variable=value ...]',
    takes: { flags: 'n', values: 'f', long: { defconfig: 'f', dryrun: 'n' } },
    why: ONE_POOL,
  },
  'cpupool-destroy': { summary: 'Deactivates a CPU pool', usage: '<CPU Pool>', least: 1, why: ONE_POOL },
  'cpupool-rename': { summary: 'Renames a CPU pool', usage: '<CPU Pool> <new name>', least: 2, why: ONE_POOL },
  'cpupool-cpu-add': {
    summary: 'Adds a CPU to a CPU pool',
    usage: '<CPU Pool> <CPU nr>|node:<node nr>',
    least: 2,
    why: ONE_POOL,
  },
  'cpupool-cpu-remove': {
    summary: 'Removes a CPU from a CPU pool',
    usage: '<CPU Pool> <CPU nr>|node:<node nr>',
    least: 2,
    why: ONE_POOL,
  },
  'cpupool-migrate': {
    summary: 'Moves a domain into a CPU pool',
    usage: '<Domain> <CPU Pool>',
    least: 2,
    why: ONE_POOL,
  },
  'cpupool-numa-split': {
    summary: 'Splits up the machine into one CPU pool per NUMA node',
    usage: '',
    why: ONE_POOL,
  },
  getenforce: {
    summary: 'Returns the current enforcing mode of the Flask Xen security module',
    usage: '',
    prints: 'Flask XSM Disabled\n',
    why: '',
    status: FLASK_STATUS,
  },
  setenforce: {
    summary: 'Sets the current enforcing mode of the Flask Xen security module',
    usage: '<1|0|Enforcing|Permissive>',
    least: 1,
    why: NO_FLASK,
    status: FLASK_STATUS,
  },
  loadpolicy: {
    summary: 'Loads a new policy into the Flask Xen security module',
    usage: '<policy file>',
    least: 1,
    why: NO_FLASK,
    status: FLASK_STATUS,
  },
  devd: {
    summary: 'Daemon that listens for devices and launches backends',
    usage: '[options]',
    takes: { flags: 'F', values: 'p', long: { pidfile: 'p' } },
    why: "The back ends are Domain 0's, which starts them itself: there are no driver domains.",
  },
  'psr-hwinfo': {
    summary: 'Show hardware information for Platform Shared Resource',
    usage: '[options]',
    takes: { flags: 'mab', long: { cmt: 'm', cat: 'a', mba: 'b' } },
    why: NO_PSR,
  },
  'psr-cmt-attach': {
    summary: 'Attach Cache Monitoring Technology service to a domain',
    usage: '<Domain>',
    least: 1,
    why: NO_PSR,
  },
  'psr-cmt-detach': {
    summary: 'Detach Cache Monitoring Technology service from a domain',
    usage: '<Domain>',
    least: 1,
    why: NO_PSR,
  },
  'psr-cmt-show': {
    summary: 'Show Cache Monitoring Technology information',
    usage: '<PSR-CMT-Type> <Domain>',
    least: 1,
    why: NO_PSR,
  },
  'psr-cat-set': {
    summary: 'Set cache capacity bitmasks(CBM) for a domain',
    usage: '[options] <Domain> <CBM>',
    takes: { flags: 'cd', values: 'sl', long: { socket: 's', level: 'l', code: 'c', data: 'd' } },
    least: 2,
    why: NO_PSR,
  },
  'psr-cat-show': {
    summary: 'Show Cache Allocation Technology information',
    usage: '[options] <Domain>',
    takes: { values: 'l', long: { level: 'l' } },
    why: NO_PSR,
  },
  'psr-mba-set': {
    summary: 'Set throttling value (THRTL) for a domain',
    usage: '[options] <Domain> <THRTL>',
    takes: { values: 's', long: { socket: 's' } },
    why: NO_PSR,
  },
  'psr-mba-show': { summary: 'Show Memory Bandwidth Allocation information', usage: '<Domain>', why: NO_PSR },
  'usbctrl-attach': {
    summary: 'Create a virtual USB controller for a domain',
    usage: '<Domain> [type=pv] [version=<version>] [ports=<number>]',
    least: 1,
    why: NO_USB,
  },
  'usbctrl-detach': {
    summary: 'Remove the virtual USB controller specified by <DevId> for a domain',
    usage: '<Domain> <DevId>',
    least: 2,
    why: NO_USB,
  },
  'usbdev-attach': {
    summary: 'Attach a USB device to a domain',
    usage: '<Domain> hostbus=<busnum> hostaddr=<devnum> [controller=<DevId> [port=<port>]]',
    least: 2,
    why: NO_USB,
  },
  'usbdev-detach': {
    summary: 'Detach a USB device from a domain',
    usage: '<Domain> <controller> <port>',
    least: 3,
    why: NO_USB,
  },
  'usb-list': {
    summary: 'List information about all USB controllers and devices for a domain',
    usage: '<Domain>',
    least: 1,
  },
  'qemu-monitor-command': {
    summary: 'Issue a qemu monitor command to the device model of a domain',
    usage: '<Domain> <Command>',
    least: 2,
    why: "A guest's device model is Ringside's own, which has no monitor of QEMU's.",
  },
};
