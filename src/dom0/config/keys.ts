/**
 * Every key of xl.cfg(5) as of Xen 4.17, those that xend read before it, and what this host does with each.
 * A definition never fails because of a key that does nothing here; the reader is told.
 */
import type { Verdict } from '../api.ts';

/** What xl accepts as the value. 'defbool' is 0 or 1; 'list or string' covers keys of which both spellings are documented. */
export type ValueType = 'string' | 'number' | 'defbool' | 'list' | 'list or string' | 'list or number' | 'action' | 'any';

export interface KeyRule {
  type: ValueType;
  verdict: Extract<Verdict, 'used' | 'approximated' | 'ignored'>;
  /** At most 48 characters. */
  short: string;
  /** A sentence: what happens and why. */
  text: string;
  /** Value for which nothing is lost: then the verdict is 'used'. */
  fits?: (value: string) => boolean;
}

const rules: Record<string, KeyRule> = {};

// biome-ignore-all format: a table, one key a line.

function keys(names: string, type: ValueType, verdict: KeyRule['verdict'], short: string, text: string, fits?: KeyRule['fits']): void {
  for (const name of names.split(' ')) rules[name] = { type, verdict, short, text, ...(fits ? { fits } : {}) };
}

const is = (number: number) => (value: string): boolean => value.trim() !== '' && Number(value) === number;
const isZero = (value: string): boolean => value === '' || is(0)(value);
const isOne = is(1);
const isEmpty = (value: string): boolean => value === '';

// What makes the guest. model.ts reads these; the sentences stand for the case in which it has nothing to add.
keys('name', 'string', 'used', 'the name of the domain', 'The domain is listed under this name.');
keys('type', 'string', 'used', 'fully virtual machine', 'The guest starts on a fully virtual PC.');
keys('builder', 'string', 'approximated', 'old spelling of type', 'builder is the spelling of Xen 4.9 and older for type.');
keys('memory', 'number', 'used', 'MiB of RAM', 'The guest gets this much RAM, in MiB.');
keys('vcpus', 'number', 'used', 'virtual processors', 'The guest gets this many virtual processors.');
keys('kernel', 'string', 'used', 'started directly', 'The kernel is loaded and started without firmware.');
keys('ramdisk', 'string', 'used', 'handed to the kernel', 'The initial RAM disk is handed to the kernel.');
keys('cmdline', 'string', 'used', 'command line of the kernel', 'This is the whole command line; root and extra do not count beside it.');
keys('root', 'string', 'used', 'root= on the command line', 'The command line starts with root= and this value.');
keys('extra', 'string', 'used', 'end of the command line', 'This text ends the command line.');
keys('on_poweroff', 'action', 'used', 'when the guest powers off', 'This is done when the guest powers off.');
keys('on_reboot', 'action', 'used', 'when the guest resets', 'This is done when the guest asks for a reset.');
keys('on_crash', 'action', 'used', 'when the guest crashes', 'This is done when the guest crashes.');

keys('maxmem', 'number', 'used', 'as far as the guest may grow', 'The guest may grow to this much RAM, in MiB, by its balloon.');
keys('maxvcpus', 'number', 'used', 'virtual processors at most', 'The guest may bring up this many virtual processors.');
keys('uuid', 'string', 'used', 'shown by Xen and the store', 'Guests of Xen see this UUID.');
keys('serial', 'list or string', 'approximated', 'COM1 is the console', 'The first serial port is the console of the domain; files, sockets and further ports are not connected.', value => value === 'pty' || value === 'stdio');
keys('acpi', 'defbool', 'approximated', 'ACPI is always there', 'The PC always has its ACPI tables: without them the guest could not power off.', isOne);
keys('apic', 'defbool', 'approximated', 'the APICs are always there', 'The PC always has its local and I/O APICs: its processors need them.', isOne);
keys('pae', 'defbool', 'approximated', 'PAE is always offered', 'The processor always offers PAE; the guest decides.', isOne);
keys('nx', 'defbool', 'approximated', 'as the processor has it', 'The NX bit is there as the processor offers it.', isOne);
keys('hap', 'defbool', 'approximated', 'always on', 'Guest memory is always translated in two dimensions.', isOne);
keys('tsc_mode', 'any', 'approximated', 'TSC at a fixed rate', 'The TSC always runs at the same nominal rate, whatever the host does.', value => ['default', 'native'].includes(value) || isZero(value) || is(2)(value));
keys('timer_mode', 'any', 'approximated', 'missed ticks follow at once', 'Timer ticks that the guest missed are delivered as soon as it takes them.', value => value === 'no_delay_for_missed_ticks' || isOne(value));
keys('hpet', 'defbool', 'ignored', 'the PC has no HPET', 'The PC has no HPET; guests use the 8254, the ACPI timer or the TSC.', isZero);
keys('localtime', 'defbool', 'ignored', 'the clock runs in UTC', 'The clock of the PC runs in UTC.', isZero);
keys('rtc_timeoffset', 'number', 'ignored', 'the clock runs in UTC', 'The clock of the PC runs in UTC without an offset.', isZero);
keys('vga', 'string', 'approximated', 'a standard VGA', 'The PC has a standard VGA with Bochs’ VBE extensions.', value => value === 'stdvga');
keys('stdvga', 'defbool', 'approximated', 'a standard VGA', 'The PC has a standard VGA with Bochs’ VBE extensions.', isOne);
keys('videoram', 'number', 'approximated', 'the VGA has 16 MiB', 'The VGA has 16 MiB of memory.', is(16));
keys('vnc sdl', 'defbool', 'approximated', 'the screen is in the page', 'The screen is shown in the page; there is no server for viewers elsewhere.', isZero);
keys('nographic', 'defbool', 'approximated', 'the screen stays', 'The screen can be ignored: the serial console works beside it.', isZero);
keys('keymap', 'string', 'ignored', 'keys are sent by place', 'Keys are sent by their place on the keyboard, so no table is needed.');
keys('usb', 'defbool', 'ignored', 'no USB; keyboard is PS/2', 'The PC has no USB controller; its keyboard is PS/2.', isZero);
keys('usbdevice usbctrl usbdev', 'list or string', 'ignored', 'no USB; keyboard is PS/2', 'The PC has no USB controller; its keyboard is PS/2.', isEmpty);
keys('usbversion', 'number', 'ignored', 'no USB; keyboard is PS/2', 'The PC has no USB controller; its keyboard is PS/2.');
keys('disk', 'list', 'used', 'no disks', 'The PC has no disks.');
keys('hdtype', 'string', 'approximated', 'disks are IDE', 'Disks are on the two IDE channels of the PC; there is no AHCI controller.', value => value === 'ide');
keys('boot', 'string', 'used', 'what firmware tries', 'The firmware tries these devices in turn.');
keys('vif', 'list', 'used', 'no network card', 'The PC has no network card.');
keys('xen_platform_pci', 'defbool', 'approximated', 'always there', 'An HVM guest always has the platform device.', isOne);
keys('viridian', 'list or string', 'used', 'no Hyper-V interface', 'An HVM guest finds the groups of the Hyper-V interface that are named here.');
keys('nestedhvm', 'defbool', 'ignored', 'no VMX inside the guest', 'The processor has neither VMX nor SVM, so no guest can run guests of its own: CPUID shows none of them, and their instructions are invalid.', isZero);
keys('bios firmware', 'string', 'approximated', 'SeaBIOS, where no kernel is named', 'A PC that boots from a disk starts with SeaBIOS; there is no other firmware. A kernel that is named starts without any.', value => value === 'seabios' || value === 'bios');
keys('firmware_override', 'string', 'used', 'started in place of hvmloader', 'This image is started by its PVH note, in place of hvmloader and a BIOS.');
keys('bios_path_override', 'string', 'ignored', 'the fetched SeaBIOS runs', 'The SeaBIOS that npm run guests fetched runs, where no kernel is named.');
keys('cpuid', 'list or string', 'ignored', 'one processor model for all', 'Every guest sees the same processor; single features are not masked yet.');
keys('device_model_version', 'string', 'ignored', 'the device model is built in', 'The devices are part of this host; there is no QEMU to choose.');

keys('cpus', 'list or string', 'used', 'where it may run', 'The guest runs on these processors only.');
keys('cpus_soft', 'list or string', 'used', 'where it should run', 'The guest runs on these processors where one of them is free.');
keys('cpu_weight', 'number', 'used', 'weight in the run queue', 'The guest gets processor time by this weight.');
keys('cap', 'number', 'used', 'cap in the run queue', 'The guest gets at most so many per cent of a processor; 0: no limit.');
keys('pool', 'string', 'ignored', 'one pool', 'There are no CPU pools.', value => value === 'Pool-0');
keys('vnuma', 'list', 'ignored', 'one NUMA node', 'The machine has one NUMA node.');

const bootloader = 'No boot loader looks into disks of PV and PVH guests: name the kernel in kernel. An HVM guest does not need one.';
keys('bootloader', 'string', 'ignored', 'name the kernel instead', bootloader);
keys('bootloader_args', 'list or string', 'ignored', 'name the kernel instead', bootloader);
keys('loader', 'string', 'ignored', 'a kernel names it itself', 'xl looks over this key of old definitions, too: a kernel says in its notes for which loader it is.', value => value === 'generic');
const shim = 'This is for PV and PVH guests on other hosts, and is not built.';
keys('e820_host pvh pvshim', 'defbool', 'ignored', 'not built', shim, isZero);
keys('pvshim_path pvshim_cmdline pvshim_extra', 'string', 'ignored', 'not built', shim);
keys('vfb', 'list', 'ignored', 'no PV frame buffer yet', 'The back end of PV frame buffers is not built yet; the guest has its PV console.', isEmpty);

const pvDevice = 'The back end of this PV device is not built yet.';
keys('vtpm p9 pvcalls channel vkb vdispl vsnd virtio', 'list', 'ignored', 'its back end is not built yet', pvDevice, isEmpty);
keys('vkb_device vendor_device', 'any', 'ignored', 'its back end is not built yet', pvDevice);

const passthrough = 'There is no hardware that could be given to one guest.';
keys('pci irqs ioports iomem dtdev rdm', 'list or string', 'ignored', 'no hardware to pass through', passthrough, isEmpty);
keys('pci_permissive pci_msitranslate pci_seize pci_power_mgmt', 'defbool', 'ignored', 'no hardware to pass through', passthrough, isZero);
keys('gfx_passthru passthrough', 'any', 'ignored', 'no hardware to pass through', passthrough, value => isZero(value) || value === 'disabled');
keys('rdm_mem_boundary', 'number', 'ignored', 'no hardware to pass through', passthrough);

const viewers = 'The screen is shown in the page; there is no server for viewers elsewhere.';
keys('vnclisten vncpasswd', 'string', 'ignored', 'the screen is in the page', viewers);
keys('vncdisplay', 'number', 'ignored', 'the screen is in the page', viewers);
keys('vncunused opengl', 'defbool', 'ignored', 'the screen is in the page', viewers);
keys('spice spicedisable_ticketing spiceagent_mouse spicevdagent spice_clipboard_sharing', 'defbool', 'ignored', 'the screen is in the page', viewers, isZero);
keys('spicehost spicepasswd spice_image_compression spice_streaming_video', 'string', 'ignored', 'the screen is in the page', viewers);
keys('spiceport spicetls_port spiceusbredirection', 'number', 'ignored', 'the screen is in the page', viewers);
keys('display xauthority', 'string', 'ignored', 'the screen is in the page', viewers);
keys('soundhw', 'string', 'ignored', 'the PC has no sound', 'The PC has no sound card.', isEmpty);

const model = 'The devices are part of this host; there is no QEMU to configure.';
keys('device_model_override device_model_user device_model_stubdomain_seclabel device_model', 'string', 'ignored', 'the device model is built in', model);
keys('device_model_args device_model_args_pv device_model_args_hvm', 'list', 'ignored', 'the device model is built in', model);
keys('device_model_stubdomain_override', 'defbool', 'used', 'where the device model runs', 'The emulated devices of an HVM guest run beside its processor, as the stub domain NAME-dm.');
keys('dm_restrict', 'defbool', 'ignored', 'the device model is built in', model);
keys('stubdomain_kernel stubdomain_cmdline stubdomain_ramdisk', 'string', 'ignored', 'the device model is built in', model);
keys('stubdomain_memory', 'number', 'ignored', 'the device model is built in', model);

const tables = 'The ACPI and SMBIOS tables are generated by this host; nothing can be added to them yet.';
keys('acpi_firmware smbios_firmware', 'string', 'ignored', 'the tables are built in', tables);
keys('smbios', 'list', 'ignored', 'the tables are built in', tables);
keys('ms_vm_genid', 'string', 'ignored', 'the tables are built in', tables, value => value === 'none');
keys('acpi_s3 acpi_s4 acpi_laptop_slate', 'defbool', 'ignored', 'power-off is the only sleep state', 'ACPI offers power-off (S5) and no other sleep state.', isZero);
keys('mmio_hole', 'number', 'ignored', 'fixed memory map', 'The memory map of the PC is fixed.');

const translation = 'Memory is always translated in two dimensions; there are no shadow page tables to tune.';
keys('oos altp2m altp2mhvm suppress_spurious_page_faults', 'any', 'ignored', 'no shadow page tables', translation, value => isZero(value) || value === 'disabled');
keys('shadow_memory', 'number', 'ignored', 'no shadow page tables', translation, isZero);
keys('tdp', 'defbool', 'approximated', 'always on', translation, isOne);

keys('max_grant_frames', 'number', 'approximated', "Xen's default: 64", "A guest has 64 grant frames, Xen's default.", is(64));
keys('max_maptrack_frames', 'number', 'approximated', "Xen's default: 1024", "A guest has 1024 maptrack frames, Xen's default.", is(1024));
keys('max_grant_version', 'number', 'approximated', "Xen's default: 2", 'A guest may use grants of version 1 and 2.', is(2));
keys('event_channels max_event_channels', 'number', 'approximated', "Xen's default: 1023", "A guest has 1023 event channels, Xen's default.", is(1023));
keys('driver_domain xend_suspend_evtchn_compat', 'defbool', 'ignored', 'back ends are in Domain 0', 'Back ends are in Domain 0 only.', isZero);

keys('on_watchdog', 'action', 'approximated', 'counts as a crash', "When Xen's watchdog ends the guest, that counts as a crash: on_crash says what is done.");
keys('on_soft_reset', 'action', 'approximated', 'counts as a reboot', 'A soft reset counts as a reboot: on_reboot says what is done.');
keys('seclabel init_seclabel', 'string', 'ignored', 'no XSM labels', 'There is no security module to check labels.');
keys('nomigrate', 'defbool', 'ignored', 'one host, no migration', 'There is one host, so the guest cannot migrate.');
keys('vpmu msr_relaxed xenstore_quota vmtrace_buf_kb', 'any', 'ignored', 'not built', 'This is not built.', isZero);
keys('ioapic', 'defbool', 'approximated', 'the APICs are always there', 'The PC always has its local and I/O APICs: its processors need them.', isOne);
keys('assisted_xapic assisted_x2apic vuart', 'any', 'ignored', 'not built', 'This is not built.', isZero);
keys('llc_colors gic_version tee sve device_tree arm_sci nr_spis force_assign_without_iommu', 'any', 'ignored', 'for ARM hosts', 'This is for ARM hosts; here is an x86 PC.');

// xend's own keys, found in /etc/xen/vm of older SUSE hosts.
const xend = 'xend read this key; xl and this host do not.';
keys('description', 'string', 'ignored', 'a remark', 'A remark by xend-era tools; nothing depends on it.');
keys('bootargs bootentry monitor vhpt on_xend_start on_xend_stop features guest_os_type', 'any', 'ignored', 'read by xend only', xend);
keys('dhcp netmask gateway hostname ip nfs_server nfs_root interface', 'any', 'ignored', 'read by xend only', 'xend put this on the command line of PV guests; write it in extra.');

export const KEYS: Readonly<Record<string, KeyRule>> = rules;

/** Keys of which other types of guests have nothing: xl.cfg(5), "Fully-virtualised (HVM) Guest Specific Options". The boards of PVH and PV guests have none of these. */
const HVM_ONLY = new Set(
  ('stdvga vga videoram vnc vnclisten vncpasswd vncdisplay vncunused opengl sdl nographic keymap usb usbdevice usbversion hdtype boot xen_platform_pci bios firmware ' +
    'hpet serial soundhw smbios smbios_firmware acpi_firmware ms_vm_genid mmio_hole acpi_s3 acpi_s4 acpi_laptop_slate').split(' '),
);
/** Keys of which a PV guest has nothing. */
const NOT_PV = new Set(['hap', 'apic', 'acpi', 'nx', 'ioapic']);

/** Whether a guest of this type has anything that the key could change. */
export function concerns(key: string, type: 'hvm' | 'pvh' | 'pv'): boolean {
  return type === 'hvm' || !(HVM_ONLY.has(key) || (type === 'pv' && NOT_PV.has(key)));
}

/** Longest word that is looked up: the longest key has 31 letters. */
const MOST_LETTERS = 40;

/** The known key that is nearest to a misspelled one, or undefined where none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MOST_LETTERS) return undefined;
  let best: string | undefined, bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(word.length - candidate.length) >= bestDistance) continue;
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours (Damerau-Levenshtein, optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => {
    const row = new Array<number>(b.length + 1).fill(0);
    row[0] = i;
    return row;
  });
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      let cost = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = cost;
    }
  }
  return rows[a.length]![b.length]!;
}
