/**
 * libvirt's domain XML, as virsh dumpxml and virt-install write it, read as settings of xl.cfg. Source: libvirt's documentation, "Domain XML format", and the
 * driver of libxl. There are no entities but XML's five, no document type, and bounds for size and depth. Loaded when a definition is XML.
 */
import { SaxesParser } from 'saxes';
import { nearest } from './nearest.ts';
import { ignored, type Judged } from './options.ts';
import type { Source } from './source.ts';
import { dashed } from './values.ts';
import { lengthProblem, MOST_NESTING, type Position, shortened, type Value } from './xlcfg.ts';

interface Element extends Position {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: Element[];
  /** Its text, without white space around. */
  text: string;
}

class Wrong extends Error {
  readonly at: Position;

  constructor(at: Position, text: string) {
    super(text);
    this.at = at;
  }
}

export function readXml(source: string): Source {
  const tooLong = lengthProblem(source.length);
  if (tooLong) return { settings: [], problems: [{ line: 1, column: 1, text: tooLong }], lines: [] };
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const read: Source = { settings: [], problems: [], lines: text.split('\n'), remarks: [] };
  try {
    const root = parse(text);
    if (root?.name !== 'domain') throw new Wrong(root ?? { line: 1, column: 1 }, `This is no domain of libvirt's: it does not begin with <domain>${root ? `, but with <${shortened(root.name)}>` : ''}.`);
    new Mapping(read).domain(root);
    return read;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    read.problems.push({ line: error.at.line, column: error.at.column, text: error.message });
    return { ...read, unread: true };
  }
}

function parse(text: string): Element | undefined {
  const parser = new SaxesParser({ position: true });
  const open: (Element & { parts: string[] })[] = [];
  let root: Element | undefined;
  const here = (): Position => ({ line: parser.line, column: Math.max(1, parser.column) });
  parser.on('error', error => {
    throw new Wrong(here(), `This is no XML: ${shortened(error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, ''))}.`);
  });
  parser.on('doctype', () => {
    throw new Wrong(here(), 'A document type and its entities are not read. Take <!DOCTYPE …> out.');
  });
  parser.on('opentagstart', ({ name }) => {
    const at = { line: parser.line, column: Math.max(1, parser.column - name.length - 1) };
    if (open.length >= MOST_NESTING) throw new Wrong(at, `Elements stand in elements here more than ${MOST_NESTING} deep, and no definition has that.`);
    open.push({ name, attributes: {}, children: [], text: '', parts: [], ...at });
  });
  parser.on('opentag', ({ attributes }) => {
    open.at(-1)!.attributes = attributes as Record<string, string>;
  });
  const take = (part: string): void => void open.at(-1)?.parts.push(part);
  parser.on('text', take);
  parser.on('cdata', take);
  parser.on('closetag', () => {
    const { parts, ...element } = open.pop()!;
    element.text = parts.join('').trim();
    const parent = open.at(-1);
    if (parent) parent.children.push(element);
    else root = element;
  });
  parser.write(text).close();
  return root;
}

const UNITS: Record<string, number> = {
  b: 1, bytes: 1, KB: 1e3, k: 2 ** 10, KiB: 2 ** 10, MB: 1e6, M: 2 ** 20, MiB: 2 ** 20, GB: 1e9, G: 2 ** 30, GiB: 2 ** 30, TB: 1e12, T: 2 ** 40, TiB: 2 ** 40,
};
const BOOT: Record<string, string> = { hd: 'c', cdrom: 'd', network: 'n', fd: 'a' };
/** Keys by the name of the element that has their value as its text. */
const TEXTS: Record<string, string> = {
  name: 'name', uuid: 'uuid', description: 'description', bootloader: 'bootloader', bootloader_args: 'bootloader_args',
  on_poweroff: 'on_poweroff', on_reboot: 'on_reboot', on_crash: 'on_crash',
};
const OS_TEXTS: Record<string, string> = { kernel: 'kernel', initrd: 'ramdisk', cmdline: 'cmdline' };
const notHere = (what: string): Judged => ignored('not here', what);
/** Elements of a domain that mean nothing here. */
const OF_DOMAIN: Record<string, Judged> = {
  title: notHere('A title for people; nothing depends on it.'),
  metadata: notHere('What tools keep in a definition for themselves; nothing depends on it.'),
  cpu: ignored('one processor model for all', 'Every guest sees the same processor; models and features are not chosen yet.'),
  ...Object.fromEntries('genid hwuuid maxMemory memoryBacking memtune numatune blkiotune iothreads iothreadids vcpus on_lockfailure cachetune memorytune sysinfo perf pm idmap launchSecurity resource keywrap seclabel throttlegroups defaultiothread'
    .split(' ').map(name => [name, notHere('This tunes a host with other means than this one has.')])),
};
/** Devices that are not here, or are there in any case. */
const OF_DEVICES: Record<string, Judged> = {
  emulator: ignored('the device model is built in', 'The devices are part of this host; there is no QEMU to choose.'),
  console: notHere('Every guest has its console.'),
  input: ignored('keyboard and mouse are PS/2', 'The PC has a PS/2 keyboard and mouse, and no other input.'),
  memballoon: notHere('Guests of Xen have their balloon by Xen’s own interface.'),
  ...Object.fromEntries('controller parallel channel hostdev redirdev redirfilter smartcard hub watchdog rng tpm filesystem panic shmem memory iommu vsock crypto audio nvram lease pstore'
    .split(' ').map(name => [name, notHere('There is no such device here.')])),
};
/** Models of <video> by xl's words for them. */
const VGA: Record<string, string> = { vga: 'stdvga', bochs: 'stdvga', cirrus: 'cirrus', qxl: 'qxl', none: 'none' };
const FEATURES = ['acpi', 'apic', 'pae', 'hap', 'viridian'];

/** A file that a boot loader of Domain 0 had put there when a domain was started. */
const isFound = (path: string): boolean => /^\/var\/(lib|run)\/(xen|xend)\/(tmp|boot)\//.test(path);

/** Elements as the keys that xl has for them. */
class Mapping {
  private readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  domain(domain: Element): void {
    const { type } = domain.attributes;
    if (type !== 'xen') this.remark(domain, 'type', { ...ignored('runs on Xen here', `The definition is for ${type || 'another hypervisor'}; here every guest runs on Xen.`), verdict: 'approximated' });
    const boot: { order: number; letter: string; at: Element }[] = [];
    const current = domain.children.find(({ name }) => name === 'currentMemory');
    const hasType = domain.children.some(({ name, children }) => name === 'os' && children.some(inner => inner.name === 'type'));
    // libvirt's driver of Xen takes it for a paravirtual guest.
    if (type === 'xen' && !hasType) this.set('type', domain, 'pv');
    const hasLoader = domain.children.some(({ name, text }) => name === 'bootloader' && text !== '');
    for (const element of domain.children) {
      const { name } = element;
      if (Object.hasOwn(TEXTS, name)) this.text(TEXTS[name], element);
      else if (name === 'currentMemory') this.memory('memory', element);
      else if (name === 'memory') this.memory(current ? 'maxmem' : 'memory', element);
      else if (name === 'vcpu') this.vcpus(element);
      else if (name === 'cputune') this.cputune(element, domain);
      else if (name === 'os') this.os(element, boot, hasLoader);
      else if (name === 'features') this.features(element);
      else if (name === 'clock') this.clock(element);
      else if (name === 'devices') this.devices(element, boot);
      else this.other(element, OF_DOMAIN, ['currentMemory', 'memory', 'vcpu', 'cputune', 'os', 'features', 'clock', 'devices', ...Object.keys(TEXTS)]);
    }
    if (boot.length > 0) {
      boot.sort((a, b) => a.order - b.order);
      this.set('boot', boot[0].at, [...new Set(boot.map(({ letter }) => letter))].join(''));
    }
  }

  private set(key: string, { line, column }: Position, text: string, kind: 'string' | 'number' = 'string'): void {
    this.source.settings.push({ key, append: false, value: { kind, text, line, column }, line, column });
  }

  private text(key: string, element: Element): void {
    if (element.text !== '' || key === 'name') this.set(key, element, key === 'uuid' ? dashed(element.text) : element.text);
  }

  private problem({ line, column }: Position, text: string): void {
    this.source.problems.push({ line, column, text });
  }

  private remark({ line, column }: Position, key: string, judged: Judged): void {
    this.source.remarks?.push({ line, column, key: shortened(key), ...judged });
  }

  /** An element that sets nothing: known to libvirt, or misspelled. */
  private other(element: Element, known: Record<string, Judged>, used: string[]): void {
    const { name } = element;
    if (Object.hasOwn(known, name)) return this.remark(element, name, known[name]);
    // Elements of other name spaces are their tools' own.
    if (name.includes(':')) return this.remark(element, name, ignored('of another name space', `<${shortened(name)}> is for another hypervisor or tool.`));
    // Only some are told one by one.
    const near = this.source.problems.length < 100 ? nearest(name, [...used, ...Object.keys(known)]) : undefined;
    this.problem(element, `<${shortened(name)}> is no element that libvirt has here.${near ? ` Did you mean <${near}>?` : ' Take it out.'}`);
  }

  private memory(key: string, element: Element): void {
    const { unit = 'KiB' } = element.attributes;
    const scale = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (scale === undefined) return this.problem(element, `unit='${shortened(unit)}' is none of libvirt's units. Write KiB, MiB or GiB.`);
    if (!/^\d{1,15}$/.test(element.text)) return this.problem(element, `<${element.name}> wants a number, and has ‘${shortened(element.text)}’.`);
    this.set(key, element, String(Math.ceil((Number(element.text) * scale) / 2 ** 20)), 'number');
  }

  private vcpus(element: Element): void {
    const { current, cpuset } = element.attributes;
    if (element.text) this.set(current ? 'maxvcpus' : 'vcpus', element, element.text, 'number');
    if (current) this.set('vcpus', element, current, 'number');
    if (cpuset) this.set('cpus', element, cpuset);
  }

  /** Pins of single vCPUs: xl's list of one entry for each. */
  private cputune(cputune: Element, domain: Element): void {
    const vcpu = domain.children.find(({ name }) => name === 'vcpu');
    const pins: Value[] = [];
    for (const element of cputune.children) {
      const { name, line, column, attributes } = element;
      if (name !== 'vcpupin') {
        this.remark(element, name, notHere('This tunes a host with other means than this one has.'));
        continue;
      }
      const number = /^\d{1,3}$/.test(attributes.vcpu ?? '') ? Number(attributes.vcpu) : undefined;
      if (number === undefined || !attributes.cpuset) {
        this.problem(element, "<vcpupin> wants a vCPU and its processors. Write <vcpupin vcpu='0' cpuset='0-1'/>.");
        continue;
      }
      const all: Value = { kind: 'string', text: vcpu?.attributes.cpuset ?? 'all', line, column };
      while (pins.length <= number) pins.push(all);
      pins[number] = { kind: 'string', text: attributes.cpuset, line, column };
    }
    if (pins.length > 0) this.source.settings.push({ key: 'cpus', append: false, value: { kind: 'list', items: pins, line: cputune.line, column: cputune.column }, line: cputune.line, column: cputune.column });
  }

  private os(os: Element, boot: { order: number; letter: string; at: Element }[], hasLoader: boolean): void {
    for (const element of os.children) {
      const { name, text, attributes } = element;
      if (hasLoader && (name === 'kernel' || name === 'initrd') && isFound(text)) {
        this.remark(element, name, ignored('the boot loader looks again', 'This is what the boot loader had found when the domain was started: it looks again.'));
        continue;
      }
      if (name === 'type') this.set('type', element, text === 'xenpvh' || attributes.machine === 'xenpvh' ? 'pvh' : ['linux', 'xen'].includes(text) ? 'pv' : text);
      else if (name === 'boot') {
        const letter = Object.hasOwn(BOOT, attributes.dev ?? '') ? BOOT[attributes.dev] : undefined;
        // Behind what devices say themselves.
        if (letter) boot.push({ order: 1000 + boot.length, letter, at: element });
        else this.problem(element, `dev='${shortened(attributes.dev ?? '')}' is none of hd, cdrom, network and fd.`);
      } else if (Object.hasOwn(OS_TEXTS, name)) this.text(OS_TEXTS[name], element);
      else
        this.other(element, {
          loader: ignored('firmware is built in', "A PC that boots from a disk starts with Ringside's own BIOS."),
          ...Object.fromEntries('bootmenu bios nvram smbios firmware acpi shim dtb init initarg initenv initdir inituser initgroup root'.split(' ').map(known => [known, notHere('The firmware here has no such setting.')])),
        }, ['type', 'boot', ...Object.keys(OS_TEXTS)]);
    }
  }

  /** What the clock of the PC shows, and its timers. */
  private clock(clock: Element): void {
    const { offset, basis } = clock.attributes;
    this.set('localtime', clock, offset === 'localtime' || (offset === 'variable' && basis === 'localtime') ? '1' : '0', 'number');
    for (const timer of clock.children) {
      const { name, present = 'yes', mode } = timer.attributes;
      if (name === 'hpet') this.set('hpet', timer, present === 'no' ? '0' : '1', 'number');
      else if (name === 'tsc' && mode) this.set('tsc_mode', timer, mode === 'emulate' ? 'always_emulate' : mode === 'paravirt' ? 'native_paravirt' : 'native');
      else this.remark(timer, `timer.${name ?? ''}`, notHere('How a timer makes up for lost ticks is not chosen for single guests here.'));
    }
  }

  private features(features: Element): void {
    for (const element of features.children) {
      const groups = element.children.filter(({ attributes }) => attributes.state === 'on').length;
      if (element.name === 'hyperv' && groups > 0 && !features.children.some(({ name }) => name === 'viridian')) this.set('viridian', element, '1', 'number');
      else if (FEATURES.includes(element.name)) this.set(element.name, element, element.attributes.state === 'off' ? '0' : '1', 'number');
      else this.remark(element, element.name, notHere('This feature is not chosen for single guests here.'));
    }
  }

  /** A guest without emulated devices, as far as its elements so far say. */
  private get isParavirtual(): boolean {
    return this.source.settings.some(({ key, value }) => key === 'type' && value.kind !== 'list' && value.text !== 'hvm');
  }

  private devices(devices: Element, boot: { order: number; letter: string; at: Element }[]): void {
    const disks: Value[] = [], cards: Value[] = [], screens: Value[] = [];
    const drives = this.drives(devices);
    const told = new Set<string>();
    /** Of a kind there is one: the first counts. */
    const first = (key: string, element: Element, text: string, kind: 'string' | 'number' = 'string'): void => {
      if (told.has(key)) return this.remark(element, element.name, ignored('the first one counts', `Of <${element.name}> the first one counts here; this one is left out.`));
      told.add(key);
      this.set(key, element, text, kind);
    };
    for (const element of devices.children) {
      const { name, attributes } = element;
      const child = (of: string): Readonly<Record<string, string>> => element.children.find(inner => inner.name === of)?.attributes ?? {};
      const isCdrom = attributes.device === 'cdrom';
      const order = Number(child('boot').order);
      if (order > 0 && (name === 'disk' || name === 'interface')) boot.push({ order, letter: name === 'interface' ? 'n' : isCdrom ? 'd' : attributes.device === 'floppy' ? 'a' : 'c', at: element });
      if (name === 'disk' && attributes.device === 'floppy') this.floppy(element, child);
      else if (name === 'disk') {
        const text = this.disk(element, isCdrom, child, drives.get(element));
        if (text !== undefined) disks.push({ kind: 'string', text, line: element.line, column: element.column });
      } else if (name === 'interface') {
        const options = [['mac', child('mac').address], ['bridge', child('source').bridge], ['script', child('script').path], ['vifname', child('target').dev], child('model').type === 'netfront' ? ['type', 'vif'] : ['model', child('model').type]];
        const average = element.children.find(inner => inner.name === 'bandwidth')?.children.find(inner => inner.name === 'outbound')?.attributes.average;
        if (/^[1-9]\d{0,8}$/.test(average ?? '')) options.push(['rate', `${average}KB/s`]);
        const { type = 'bridge' } = attributes;
        if (type !== 'bridge') this.remark(element, 'interface', { ...notHere(`type='${shortened(type)}': the card is on the host's bridge, xenbr0, whose gateway has DHCP and DNS.`), verdict: 'approximated', short: 'on xenbr0' });
        if (child('link').state === 'down') this.remark(element, 'interface.link', ignored('the link is up', "The card's link is up from the start."));
        cards.push({ kind: 'string', text: options.flatMap(([key, value]) => (value ? [`${key}=${value}`] : [])).join(','), line: element.line, column: element.column });
      } else if (name === 'graphics' && this.isParavirtual && screens.length === 0) screens.push({ kind: 'string', text: `type=${attributes.type === 'sdl' ? 'sdl' : 'vnc'}`, line: element.line, column: element.column });
      else if (name === 'graphics' && this.isParavirtual) this.remark(element, name, ignored('one screen counts', 'A guest has one screen; this one is left out.'));
      else if (name === 'graphics') first(attributes.type === 'spice' ? 'spice' : attributes.type === 'sdl' ? 'sdl' : 'vnc', element, '1', 'number');
      else if (name === 'video' && this.isParavirtual) this.remark(element, name, notHere('The screen of a paravirtual guest is the one of <graphics>.'));
      else if (name === 'video') {
        const { type = 'vga' } = child('model');
        if (Object.hasOwn(VGA, type)) first('vga', element, VGA[type]);
        else this.remark(element, name, { ...ignored('a standard VGA', `There is no ${shortened(type)} here: the PC has a standard VGA with Bochs’ VBE extensions.`), verdict: 'approximated' });
      }
      else if (name === 'serial') first('serial', element, attributes.type ?? 'pty');
      else if (name === 'sound') first('soundhw', element, attributes.model ?? '');
      else this.other(element, OF_DEVICES, ['disk', 'interface', 'graphics', 'video', 'serial', 'sound']);
    }
    for (const [key, items] of [['disk', disks], ['vif', cards], ['vfb', screens]] as const)
      if (items.length > 0) this.source.settings.push({ key, append: false, value: { kind: 'list', items, line: items[0].line, column: items[0].column }, line: items[0].line, column: items[0].column });
  }

  private floppy(element: Element, child: (of: string) => Readonly<Record<string, string>>): void {
    const { dev } = child('target');
    if (dev !== 'fda' && dev !== 'fdb') return void this.problem(element, "The floppy disk has no <target dev='fda'/> or 'fdb'.");
    this.set(dev, element, child('source').file ?? child('source').dev ?? '');
  }

  /**
   * Names of drives as Xen has them: vda and sda are the first drives of two controllers elsewhere, and one drive here, so the second one gets the next
   * name that is free.
   */
  private drives(devices: Element): Map<Element, string> {
    const names = new Map<Element, string>();
    const taken = new Set<string>();
    const disks = devices.children.filter(({ name, attributes }) => name === 'disk' && ['disk', 'cdrom', undefined].includes(attributes.device));
    const devOf = ({ children }: Element): string => children.find(({ name }) => name === 'target')?.attributes.dev ?? '';
    // Virtio disks are Xen's here, and keep their letters before others.
    const inOrder = [...disks].sort((a, b) => Number(!/^(vd|xvd|hd)/.test(devOf(a))) - Number(!/^(vd|xvd|hd)/.test(devOf(b))));
    for (const element of inOrder) {
      const [, bus, letter, partition] = /^(vd|xvd|hd|sd)([a-z])(\d*)$/.exec(devOf(element)) ?? [];
      if (bus === undefined) continue;
      const own = `${bus === 'vd' ? 'xvd' : bus}${letter}${partition}`;
      const isFree = (of: string): boolean => !taken.has(of + partition);
      const cdrom = element.attributes.device === 'cdrom' ? ['c', 'd', 'b'] : [];
      const free = isFree(letter) ? letter : [...cdrom, ...'abcdefghijklmnopqrstuvwxyz'].find(isFree);
      if (free === undefined) continue;
      taken.add(free + partition);
      const name = free === letter ? own : `${element.attributes.device === 'cdrom' && 'abcd'.includes(free) ? 'hd' : 'xvd'}${free}${partition}`;
      names.set(element, name);
      if (free !== letter) this.remark(element, 'disk', { ...ignored(`${name} here`, `${own} is a drive with the number of another one here: it is ${name}.`), verdict: 'approximated' });
    }
    return names;
  }

  /** As xl would have it; undefined: it cannot be said. */
  private disk(element: Element, isCdrom: boolean, child: (of: string) => Readonly<Record<string, string>>, name: string | undefined): string | undefined {
    const { type = 'file', device = 'disk' } = element.attributes;
    const source = child('source').file ?? child('source').dev ?? '';
    if (!['disk', 'cdrom'].includes(device)) return void this.remark(element, 'disk', notHere(`There is no drive for a ${shortened(device)} here.`));
    if (!['file', 'block'].includes(type)) return void this.problem(element, `type='${shortened(type)}': a disk is a file here. Write <disk type='file'> with <source file='…'/>.`);
    if (!child('target').dev) return void this.problem(element, "The disk has no <target dev='…'/>.");
    const vdev = name ?? child('target').dev;
    for (const inner of element.children) {
      if (inner.name === 'encryption') return void this.problem(inner, 'An encrypted image is not read here. Decrypt it into a file of its own first (qemu-img convert), and take <encryption> out.');
      if (inner.name === 'iotune' || inner.name === 'serial' || inner.name === 'auth') this.remark(inner, `disk.${inner.name}`, notHere('This is not set for single disks here.'));
    }
    const readOnly = isCdrom || element.children.some(({ name }) => name === 'readonly');
    const format = child('driver').type === 'qcow2' ? 'qcow2' : 'raw';
    const rest = [readOnly ? 'ro' : 'rw', ...(isCdrom ? ['cdrom'] : [])];
    if (!/[,=:]/.test(source)) return [source, format, vdev, ...rest].join(',');
    return [`format=${format}`, `vdev=${vdev}`, `access=${rest[0]}`, ...rest.slice(1), `target=${source}`].join(',');
  }
}
