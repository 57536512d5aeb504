/**
 * libvirt's domain XML, as virsh dumpxml and virt-install write it, read as settings of xl.cfg. Source: libvirt's documentation, "Domain XML format", and the
 * driver of libxl. Loaded when a definition is XML.
 */
import { judgesOf } from './libvirt-rules.ts';
import { DOMAIN, type ElementRule, ruleAt, type ValueRule } from './libvirt-schema.ts';
import { nearest } from './nearest.ts';
import { approximated, ignored, type Judged } from './options.ts';
import type { Language, Source } from './source.ts';
import { isHvmloader } from './definition.ts';
import { dashed } from './values.ts';
import { childOf, type Element, parse, tag, Wrong, scaleOf } from './xml-tree.ts';
import { lengthProblem, type Position, shortened, type Value } from './xlcfg.ts';

/** Elements by the keys of xl that they are; others are called as the key. */
const ELEMENTS: Record<string, (value: string) => string> = {
  name: value => `<name>${value}</name> in <domain>`,
  kernel: value => `<kernel>${value}</kernel> in <os>`,
  bios_path_override: value => `<loader>${value}</loader> in <os>`,
  ramdisk: value => `<initrd>${value}</initrd> in <os>`,
  cmdline: value => `<cmdline>${value}</cmdline> in <os>`,
  type: value => `<type>${{ pv: 'linux', pvh: 'xenpvh' }[value] ?? value}</type> in <os>`,
  bootloader: value => `<bootloader>${value}</bootloader> in <domain>`,
  memory: value => `<memory unit='MiB'>${value}</memory> in <domain>`,
  disk: () => "<disk type='file'><source file='FILE'/><target dev='hda'/></disk> in <devices>",
  vif: () => "<interface type='bridge'><source bridge='xenbr0'/><model type='pcnet'/></interface> in <devices>",
  mac: value => `<mac address='${value}'/>`,
};
const LIBVIRT: Language = {
  reader: 'libvirt',
  noun: 'element of libvirt',
  write: (key, value) => ELEMENTS[key]?.(value) ?? `<${key}>${value}</${key}>`,
};

export function readXml(source: string): Source {
  const tooLong = lengthProblem(source.length);
  if (tooLong) return { settings: [], problems: [{ line: 1, column: 1, text: tooLong }], lines: [] };
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const read: Source = { settings: [], problems: [], lines: text.split('\n'), remarks: [], language: LIBVIRT };
  try {
    const root = parse(text);
    if (root?.name !== 'domain')
      throw new Wrong(
        root ?? { line: 1, column: 1 },
        `This is no domain of libvirt's: it does not begin with <domain>${root ? `, but with <${shortened(root.name)}>` : ''}.`,
      );
    new Mapping(read).domain(root);
    return read;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    read.problems.push({ line: error.at.line, column: error.at.column, text: error.message });
    return { ...read, unread: true };
  }
}

const INTERNET_ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i;
const BOOT: Record<string, string> = { hd: 'c', cdrom: 'd', network: 'n', fd: 'a' };
/** Keys by the name of the element that has their value as its text. */
const TEXTS: Record<string, string> = {
  name: 'name',
  uuid: 'uuid',
  description: 'description',
  bootloader: 'bootloader',
  bootloader_args: 'bootloader_args',
  on_poweroff: 'on_poweroff',
  on_reboot: 'on_reboot',
  on_crash: 'on_crash',
};
const OS_TEXTS: Record<string, string> = { kernel: 'kernel', initrd: 'ramdisk', cmdline: 'cmdline', root: 'root' };
/** virDomainLifecycleAction of src/conf/domain_conf.h, and which event has which. */
const ACTIONS = ['destroy', 'restart', 'rename-restart', 'preserve'];
const CLOSED_TEXTS: Record<string, readonly string[]> = {
  on_poweroff: ACTIONS,
  on_reboot: ACTIONS,
  on_crash: [...ACTIONS, 'coredump-destroy', 'coredump-restart'],
  on_lockfailure: ['poweroff', 'restart', 'pause', 'ignore'],
};
const MACVTAP_MODES = ['vepa', 'private', 'bridge', 'passthrough'];
const OS_TYPES = ['hvm', 'xen', 'linux', 'xenpvh', 'exe', 'uml'];
const notHere = (what: string): Judged => ignored('not here', what);
/** Elements of a domain that mean nothing here. */
const OF_DOMAIN: Record<string, Judged> = {
  title: notHere('A title for people; nothing depends on it.'),
  metadata: notHere('What tools keep in a definition for themselves; nothing depends on it.'),
  cpu: ignored(
    'one processor model for all',
    'Every guest sees the same processor; models and features are not chosen yet.',
  ),
  ...Object.fromEntries(
    'genid hwuuid maxMemory memoryBacking memtune numatune blkiotune iothreads iothreadids vcpus on_lockfailure cachetune memorytune sysinfo perf pm idmap launchSecurity resource keywrap seclabel throttlegroups defaultiothread'
      .split(' ')
      .map(name => [name, notHere('This tunes a host with other means than this one has.')]),
  ),
};
/** Devices that are not here, or are there in any case. */
const OF_DEVICES: Record<string, Judged> = {
  emulator: ignored('the device model is built in', 'The devices are part of this host; there is no QEMU to choose.'),
  console: notHere('Every guest has its console.'),
  input: ignored('keyboard and mouse are PS/2', 'The PC has a PS/2 keyboard and mouse, and no other input.'),
  memballoon: notHere('Guests of Xen have their balloon by Xen’s own interface.'),
  ...Object.fromEntries(
    'controller parallel channel hostdev redirdev redirfilter smartcard hub watchdog rng tpm filesystem panic shmem memory iommu vsock crypto audio nvram lease pstore'
      .split(' ')
      .map(name => [name, notHere('There is no such device here.')]),
  ),
};
/** Back ends of xl by libvirt's names for drivers. */
const BACKENDS: Record<string, string> = { phy: 'phy', qemu: 'qdisk', file: 'qdisk', tap: 'tap', tap2: 'tap' };
/** Elements whose own readers tell what libvirt does not have in them. */
const TOLD_BY_NAME = new Set([
  DOMAIN,
  ...['os', 'features', 'devices', 'cputune', 'clock'].map(name => ruleAt(name)),
  ruleAt('features', 'hyperv'),
]);
/** Names that are compared with all that libvirt has. */
const MOST_GUESSES = 100;
/** What <source> of a card says, by the card's type (virDomainNetDefParseXML()). */
const SOURCES: Record<string, string> = {
  bridge: 'bridge',
  network: 'network',
  direct: 'dev',
  internal: 'name',
  server: 'port',
  client: 'port',
  mcast: 'port',
  udp: 'port',
  vdpa: 'dev',
  vhostuser: 'path',
  vds: 'switchid',
};
/** Models of <video> by xl's words for them. */
const VGA: Record<string, string> = { vga: 'stdvga', bochs: 'stdvga', cirrus: 'cirrus', qxl: 'qxl', none: 'none' };
const FEATURES = ['acpi', 'apic', 'pae', 'hap', 'viridian'];
/** virDomainFeature and virDomainHyperv of src/conf/domain_conf.c: those that are not chosen for single guests here. */
const OTHER_FEATURES =
  'privnet hyperv kvm pvspinlock capabilities pmu vmport gic smm ioapic hpt vmcoreinfo htm nested-hv msrs ccf-assist xen cfpc sbbc ibs tcg async-teardown'.split(
    ' ',
  );
const ENLIGHTENMENTS =
  'relaxed vapic spinlocks vpindex runtime synic stimer reset vendor_id frequencies reenlightenment tlbflush ipi evmcs avic'.split(
    ' ',
  );

/** What tries to start a guest, by <boot order> at devices: its number, and the device's name as xl has it; n: the network. */
interface BootOrder {
  order: number;
  device: string;
  at: Element;
}

/** What a whole number from `least` on is missing; undefined: nothing, or none is wanted. */
function numberProblem(text: string, least: number | undefined): string | undefined {
  if (least === undefined) return undefined;
  if (!/^-?(\d{1,18}|0x[0-9a-f]{1,16})$/i.test(text)) return 'a whole number';
  return Number(text) < least ? `a whole number from ${least} on` : undefined;
}
const isNumber = (text: string): boolean => /^\d{1,15}$/.test(text);

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
    this.check(domain, DOMAIN);
    if (type !== undefined && type !== 'xen')
      this.remark(
        domain,
        'type',
        approximated(
          'runs on Xen here',
          `The definition is for ${type || 'another hypervisor'}; here every guest runs on Xen.`,
        ),
      );
    const boot: { letter: string; at: Element }[] = [];
    const orders: BootOrder[] = [];
    const memory = childOf(domain, 'memory'),
      current = childOf(domain, 'currentMemory'),
      os = childOf(domain, 'os');
    const hasLoader = domain.children.some(({ name, text }) => name === 'bootloader' && text !== '');
    // virDomainDefParseBootOptions(): what has a boot loader is paravirtual where nothing else is said.
    if (!childOf(os, 'type')?.text) {
      if (hasLoader) this.set('type', domain, 'pv');
      else
        this.problem(
          os ?? domain,
          'An os <type> must be specified: <os> says what kind of guest this is. Write <os><type>hvm</type></os> in <domain>.',
        );
    }
    if (!memory?.text || /^0+$/.test(memory.text)) this.cells(domain, memory);
    this.maximum(childOf(domain, 'maxMemory'), memory);
    for (const element of domain.children) {
      const { name } = element;
      const closed = Object.hasOwn(CLOSED_TEXTS, name) ? CLOSED_TEXTS[name] : undefined;
      if (closed && element.text !== '' && !closed.includes(element.text))
        this.word(element, `Unknown ${name} action: ${shortened(element.text)}.`, element.text, closed);
      else if (Object.hasOwn(TEXTS, name)) this.text(TEXTS[name], element);
      else if (name === 'currentMemory') this.currentMemory(element, memory);
      else if (name === 'memory') this.memory(current ? 'maxmem' : 'memory', element);
      else if (name === 'vcpu') this.vcpus(element);
      else if (name === 'cputune') this.cputune(element, domain);
      else if (name === 'os') this.os(element, boot, hasLoader);
      else if (name === 'features') this.features(element);
      else if (name === 'clock') this.clock(element);
      else if (name === 'devices') this.devices(element, orders);
      else
        this.other(element, OF_DOMAIN, [
          'currentMemory',
          'memory',
          'vcpu',
          'cputune',
          'os',
          'features',
          'clock',
          'devices',
          ...Object.keys(TEXTS),
        ]);
    }
    this.bootOrder(boot, orders);
  }

  /** Every attribute that has a closed set of words, is a number, has to be there or is nobody's: of this element and of all in it. */
  private check(element: Element, rule: ElementRule): void {
    if (rule === DOMAIN && element.attributes.type === undefined)
      this.problem(element, "The domain has no type. Write <domain type='xen'>.");
    for (const [name, { isRequired, ...of }] of rule.attributes) {
      const value = element.attributes[name];
      if (value !== undefined) this.attribute(element, name, value, of);
      else if (isRequired)
        this.problem(
          element,
          `Missing required attribute '${name}' in element '${element.name}'. Write <${element.name} ${name}='${of.words?.[0] ?? (of.from === undefined ? '…' : 1)}'>.`,
        );
    }
    for (const name of Object.keys(element.attributes))
      if (!rule.attributes.has(name) && !/^xmlns$|:/.test(name)) this.strange(element, name, rule);
    const why = element.text === '' ? undefined : numberProblem(element.text, rule.text.from);
    if (why)
      this.problem(element, `Invalid value '${shortened(element.text)}' for element <${element.name}>. Write ${why}.`);
    for (const [name, inner] of rule.elements) {
      const of = element.children.filter(child => child.name === name);
      if (of.length === 0 && inner.text.isRequired)
        this.problem(
          element,
          `<${element.name}> has no <${name}>, which libvirt wants. Write one, or take <${element.name}> out.`,
        );
      if (of.length > 1 && inner.isOnly)
        this.problem(
          of[1],
          `There is one <${name}> already, and <${element.name}> has at most one. Take this one out.`,
        );
    }
    for (const { at, text } of judgesOf(rule).flatMap(judge => judge(element))) this.problem(at ?? element, text);
    for (const child of element.children) {
      const inner = rule.elements.get(child.name);
      // What tools keep in a definition is their own.
      if (inner && child.name !== 'metadata') this.check(child, inner);
      else if (!inner && !TOLD_BY_NAME.has(rule)) this.other(child, {}, [...rule.elements.keys()]);
    }
  }

  /** An attribute that sets nothing, since libvirt has none of its name here. */
  private strange(element: Element, name: string, rule: ElementRule): void {
    const near = this.nearest(
      name,
      [...rule.attributes.keys()].filter(known => element.attributes[known] === undefined),
    );
    this.remark(element.places[name] ?? element, `${element.name}.${name}`, {
      ...ignored(
        near ? `unknown; did you mean ${near}?` : 'no attribute of libvirt',
        `<${shortened(element.name)}> has no attribute ${shortened(name)} that libvirt knows.${near ? ` Did you mean ${near}?` : ''} Nothing looks at it, as with libvirt.`,
      ),
      ...(near ? { warns: true } : {}),
    });
  }

  /** Only some of a definition's mistakes are told with what was meant. */
  private nearest(name: string, known: readonly string[]): string | undefined {
    return this.source.problems.length + (this.source.remarks?.length ?? 0) < MOST_GUESSES
      ? nearest(name, known)
      : undefined;
  }

  private attribute(element: Element, name: string, value: string, { words, isLoose, from }: ValueRule): void {
    const at = element.places[name] ?? element;
    const why = numberProblem(value, from);
    if (why)
      this.problem(
        at,
        `Invalid value for attribute '${name}' in element '${element.name}': '${shortened(value)}'. Write ${why}.`,
      );
    if (!words || words.includes(value)) return;
    const near = nearest(value, words);
    const text = `Invalid value for attribute '${name}' in element '${element.name}': '${shortened(value)}'. The values are ${words.join(', ')}.${near ? ` Did you mean "${near}"?` : ''}`;
    if (isLoose)
      this.remark(at, `${element.name}.${name}`, {
        ...ignored(near ? `did you mean ${near}?` : 'none of the values', `${text} libvirt goes on without it here.`),
        warns: true,
      });
    else this.source.problems.push({ ...at, text, ...(near ? { remedy: { write: `'${near}'` } } : {}) });
  }

  /** A text that is none of a closed set. */
  private word(element: Element, text: string, value: string, words: readonly string[]): void {
    const near = nearest(value, words);
    this.problem(element, `${text} The values are ${words.join(', ')}.${near ? ` Did you mean "${near}"?` : ''}`);
  }

  /** What firmware tries: classes of devices as <os> has them, or single devices. */
  private bootOrder(boot: { letter: string; at: Element }[], orders: BootOrder[]): void {
    if (boot.length > 0) {
      for (const { at } of orders)
        this.problem(
          at,
          "Per-device boot elements cannot be used together with os/boot elements. Take <boot dev='…'/> out of <os>, or this one.",
        );
      return this.set(
        'boot',
        boot[0].at,
        [...new Set(boot.map(({ letter }) => letter))].join(''),
        'string',
        tag(boot[0].at, 'dev'),
      );
    }
    orders.sort((a, b) => a.order - b.order);
    const twice = orders.find(({ order }, i) => i > 0 && order === orders[i - 1].order);
    if (twice)
      this.problem(
        twice.at.places.order,
        `Boot order '${twice.order}' used for more than one device. Give each a number of its own.`,
      );
    if (orders.length === 0 || twice) return;
    const items = orders.map(
      ({ device, at }): Value => ({
        kind: 'string',
        text: device,
        line: at.line,
        column: at.column,
        origin: { said: tag(at, 'order') },
      }),
    );
    this.list('boot_devices', items);
  }

  /** `said`: as its author wrote it. */
  private set(
    key: string,
    { line, column }: Position,
    text: string,
    kind: 'string' | 'number' = 'string',
    said?: string,
  ): void {
    this.source.settings.push({
      key,
      append: false,
      value: { kind, text, line, column, ...(said === undefined ? {} : { origin: { said } }) },
      line,
      column,
    });
  }

  private list(key: string, items: Value[]): void {
    if (items.length === 0) return;
    const [{ line, column }] = items;
    this.source.settings.push({ key, append: false, value: { kind: 'list', items, line, column }, line, column });
  }

  private text(key: string, element: Element): void {
    if (element.text !== '' || key === 'name')
      this.set(key, element, key === 'uuid' ? dashed(element.text) : element.text, 'string', tag(element));
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
    if (name.includes(':'))
      return this.remark(
        element,
        name,
        ignored('of another name space', `<${shortened(name)}> is for another hypervisor or tool.`),
      );
    const near = this.nearest(name, [...used, ...Object.keys(known)]);
    const text = `<${shortened(name)}> is no element that libvirt has here.${near ? ` Did you mean <${near}>?` : ''} Nothing looks at it, as with libvirt.`;
    this.remark(element, name, {
      ...ignored(near ? `unknown; did you mean <${near}>?` : 'no element of libvirt', text),
      ...(near ? { warns: true } : {}),
    });
  }

  /** A size in MiB; undefined: it is none, which was told. */
  private sizeOf(element: Element, text = element.text): number | undefined {
    const { unit = 'KiB' } = element.attributes;
    const scale = scaleOf(unit);
    if (scale === undefined)
      return void this.problem(
        element.places.unit,
        `unit='${shortened(unit)}' is none of libvirt's units. Write KiB, MiB or GiB.`,
      );
    if (!isNumber(text))
      return void this.problem(element, `<${element.name}> wants a whole number, and has ‘${shortened(text)}’.`);
    return Math.ceil((Number(text) * scale) / 2 ** 20);
  }

  /** Memory that may be added while it runs (virDomainDefParseMemory()). */
  private maximum(maximum: Element | undefined, memory: Element | undefined): void {
    const { slots = '' } = maximum?.attributes ?? {};
    if (!maximum || (slots === '' && maximum.text === '')) return;
    if (slots !== '' && !/^\d+$/.test(slots))
      return this.problem(
        maximum.places.slots,
        `slots='${shortened(slots)}' is no count of memory slots. Write a whole number.`,
      );
    const size = maximum.text === '' ? 0 : this.sizeOf(maximum);
    if (size === undefined) return;
    if (Number(slots) === 0 || maximum.text === '')
      return this.problem(
        maximum,
        "Both maximum memory size and memory slot count must be specified. Write <maxMemory slots='4' unit='MiB'>1024</maxMemory>, or take it out.",
      );
    const { unit = 'KiB' } = memory?.attributes ?? {};
    const actual =
      memory && isNumber(memory.text) ? Math.ceil((Number(memory.text) * (scaleOf(unit) ?? 0)) / 2 ** 20) : 0;
    if (size < actual)
      this.problem(
        maximum,
        `Maximum memory size must be equal or greater than the actual memory size: ${size} MiB is less than ${actual} MiB.`,
      );
  }

  private memory(key: string, element: Element): void {
    // Of none and of zero the cells were asked.
    if (element.text === '' || /^0+$/.test(element.text)) return;
    const size = this.sizeOf(element);
    if (size !== undefined) this.set(key, element, String(size), 'number', tag(element));
  }

  /** libvirt has no default: without <memory> the cells of <numa> say how much there is. */
  private cells(domain: Element, memory: Element | undefined): void {
    const cells = childOf(childOf(domain, 'cpu'), 'numa')?.children.filter(({ name }) => name === 'cell') ?? [];
    const sizes = cells.map(cell => this.sizeOf(cell, cell.attributes.memory ?? ''));
    const sum = sizes.reduce<number>((all, size) => all + (size ?? 0), 0);
    if (sum > 0) return this.set('memory', cells[0], String(sum), 'number', "<cell memory='…'>");
    this.problem(
      memory ?? domain,
      "Memory size must be specified via <memory> or in the <numa> configuration. Write for example <memory unit='MiB'>256</memory> in <domain>.",
    );
  }

  private currentMemory(element: Element, memory: Element | undefined): void {
    const size = element.text === '' || /^0+$/.test(element.text) ? undefined : this.sizeOf(element);
    const most =
      memory && isNumber(memory.text) && scaleOf(memory.attributes.unit ?? 'KiB') ? this.sizeOf(memory) : undefined;
    const least = Math.min(size ?? Infinity, most ?? Infinity);
    if (size !== undefined && most !== undefined && size > most)
      this.remark(
        element,
        'memory',
        approximated(
          'as <memory>',
          `<currentMemory> is more than <memory>, and the guest gets no more than that: ${most} MiB.`,
        ),
      );
    if (Number.isFinite(least)) this.set('memory', element, String(least), 'number', tag(element));
  }

  private vcpus(element: Element): void {
    const { current, cpuset } = element.attributes;
    if (!isNumber(element.text))
      return this.problem(
        element,
        `${tag(element)}: the maximum number of vCPUs is a whole number. Write for example <vcpu>1</vcpu>.`,
      );
    this.set(current ? 'maxvcpus' : 'vcpus', element, element.text, 'number', tag(element));
    if (cpuset) this.set('cpus', element.places.cpuset, cpuset, 'string', tag(element, 'cpuset'));
    if (!current || !isNumber(current)) return;
    if (Number(current) > Number(element.text))
      this.problem(
        element.places.current,
        `<vcpu current='${current}'>${element.text}</vcpu>: current is above the number of vCPUs that there may be. Write current='${element.text}' or less, or <vcpu>${current}</vcpu>.`,
      );
    else this.set('vcpus', element.places.current, current, 'number', tag(element, 'current'));
  }

  /** Pins of single vCPUs: xl's list of one entry for each. */
  private cputune(cputune: Element, domain: Element): void {
    const vcpu = domain.children.find(({ name }) => name === 'vcpu');
    const pins: Value[] = [];
    const pinned = new Set<number>();
    for (const element of cputune.children) {
      const { name, line, column, attributes } = element;
      if (name !== 'vcpupin') {
        this.remark(element, name, notHere('This tunes a host with other means than this one has.'));
        continue;
      }
      const number = /^\d{1,3}$/.test(attributes.vcpu ?? '') ? Number(attributes.vcpu) : undefined;
      // Told with the attributes.
      if (number === undefined || !attributes.cpuset) continue;
      if (number >= Number(vcpu?.text || 1)) {
        this.remark(element, name, ignored('no such vCPU', `The guest has no vCPU ${number}: this pin is left out.`));
        continue;
      }
      if (pinned.has(number)) {
        this.problem(element.places.vcpu, `Duplicate vcpupin for vcpu '${number}'. Give each vCPU one.`);
        continue;
      }
      pinned.add(number);
      const all: Value = { kind: 'string', text: vcpu?.attributes.cpuset ?? 'all', line, column };
      while (pins.length <= number) pins.push(all);
      pins[number] = {
        kind: 'string',
        text: attributes.cpuset,
        line,
        column,
        origin: { said: tag(element, 'cpuset') },
      };
    }
    const { line, column } = cputune;
    if (pins.length > 0)
      this.source.settings.push({
        key: 'cpus',
        append: false,
        value: { kind: 'list', items: pins, line, column, origin: { said: "<vcpupin cpuset='…'>" } },
        line,
        column,
      });
  }

  private os(os: Element, boot: { letter: string; at: Element }[], hasLoader: boolean): void {
    const hasRoot = !!childOf(os, 'root')?.text;
    for (const element of os.children) {
      const { name, text, attributes } = element;
      if (hasLoader && (name === 'kernel' || name === 'initrd') && isFound(text)) {
        this.remark(
          element,
          name,
          ignored(
            'the boot loader looks again',
            'This is what the boot loader had found when the domain was started: it looks again.',
          ),
        );
        continue;
      }
      if (name === 'type' && text !== '' && !OS_TYPES.includes(text))
        this.word(element, `Unknown OS type '${shortened(text)}'.`, text, OS_TYPES);
      else if (name === 'type' && (text === 'exe' || text === 'uml'))
        this.problem(
          element,
          `${tag(element)} is for containers and user-mode kernels, which do not run on Xen. Write hvm, linux or xenpvh.`,
        );
      else if (name === 'type') {
        if (text !== '')
          this.set(
            'type',
            element,
            text === 'xenpvh' || attributes.machine === 'xenpvh'
              ? 'pvh'
              : ['linux', 'xen'].includes(text)
                ? 'pv'
                : text,
            'string',
            tag(element),
          );
      } else if (name === 'boot') {
        // Another word was told with the attributes.
        const letter = Object.hasOwn(BOOT, attributes.dev ?? '') ? BOOT[attributes.dev] : undefined;
        if (letter) boot.push({ letter, at: element });
      } else if (Object.hasOwn(OS_TEXTS, name)) {
        // The root device stands first on the command line, and <cmdline> behind it: root and extra of xl.
        this.text(name === 'cmdline' && hasRoot ? 'extra' : OS_TEXTS[name], element);
      } else if (name === 'loader' && element.text !== '' && !isHvmloader(element.text))
        this.text('bios_path_override', element);
      else
        this.other(
          element,
          {
            loader: ignored('firmware is built in', "A PC that boots from a disk starts with Ringside's own BIOS."),
            nvram: ignored(
              'no file for variables',
              'The firmware of a guest of Xen lies in RAM: the variables that it writes there are gone with the guest.',
            ),
            ...Object.fromEntries(
              'bootmenu bios smbios firmware acpi shim dtb init initarg initenv initdir inituser initgroup'
                .split(' ')
                .map(known => [known, notHere('The firmware here has no such setting.')]),
            ),
          },
          ['type', 'boot', ...Object.keys(OS_TEXTS)],
        );
    }
  }

  /** What the clock of the PC shows, and its timers. */
  private clock(clock: Element): void {
    const { offset, basis, timezone, start } = clock.attributes;
    if (offset === 'timezone' && !timezone)
      this.problem(
        clock.places.offset,
        "A clock with offset='timezone' has its timezone='…'. Write for example timezone='Europe/Berlin'.",
      );
    if (offset === 'absolute' && !start)
      this.problem(
        clock.places.offset,
        "A clock with offset='absolute' has its start='…'. Write the seconds since 1970.",
      );
    this.set(
      'localtime',
      clock,
      offset === 'localtime' || (offset === 'variable' && basis === 'localtime') ? '1' : '0',
      'number',
    );
    for (const timer of clock.children) {
      const { name, present = 'yes', mode } = timer.attributes;
      if (name === 'hpet') this.set('hpet', timer, present === 'no' ? '0' : '1', 'number');
      else if (name === 'tsc' && mode)
        this.set(
          'tsc_mode',
          timer,
          mode === 'emulate' ? 'always_emulate' : mode === 'paravirt' ? 'native_paravirt' : 'native',
        );
      else
        this.remark(
          timer,
          `timer.${name ?? ''}`,
          notHere('How a timer makes up for lost ticks is not chosen for single guests here.'),
        );
    }
  }

  private features(features: Element): void {
    for (const element of features.children) {
      const groups = element.children.filter(({ attributes }) => attributes.state === 'on').length;
      for (const inner of element.name === 'hyperv' ? element.children : [])
        if (!ENLIGHTENMENTS.includes(inner.name))
          this.word(
            inner,
            `Unsupported Hyper-V enlightenment feature: ${shortened(inner.name)}.`,
            inner.name,
            ENLIGHTENMENTS,
          );
        else if (inner.attributes.state === undefined)
          this.problem(
            inner,
            `Missing required attribute 'state' in element '${inner.name}'. Write <${inner.name} state='on'/>.`,
          );
      if (element.name === 'hyperv' && groups > 0 && !features.children.some(({ name }) => name === 'viridian'))
        this.set('viridian', element, '1', 'number', '<hyperv>');
      else if (FEATURES.includes(element.name))
        this.set(element.name, element, element.attributes.state === 'off' ? '0' : '1', 'number', tag(element));
      else if (OTHER_FEATURES.includes(element.name))
        this.remark(element, element.name, notHere('This feature is not chosen for single guests here.'));
      else
        this.word(element, `Unexpected feature '${shortened(element.name)}'.`, element.name, [
          ...FEATURES,
          ...OTHER_FEATURES,
        ]);
    }
  }

  /** A guest without emulated devices, as far as its elements so far say. */
  private get isParavirtual(): boolean {
    return this.source.settings.some(
      ({ key, value }) => key === 'type' && value.kind !== 'list' && value.text !== 'hvm',
    );
  }

  private devices(devices: Element, orders: BootOrder[]): void {
    const disks: Value[] = [],
      cards: Value[] = [],
      screens: Value[] = [];
    const drives = this.drives(devices);
    const targets = new Set<string>();
    const told = new Set<string>();
    /** Of a kind there is one: the first counts. */
    const first = (key: string, element: Element, text: string, kind: 'string' | 'number' = 'string'): void => {
      if (told.has(key))
        return this.remark(
          element,
          element.name,
          ignored('the first one counts', `Of <${element.name}> the first one counts here; this one is left out.`),
        );
      told.add(key);
      this.set(key, element, text, kind, `<${element.name}>`);
    };
    for (const element of devices.children) {
      const { name, attributes } = element;
      const model = childOf(element, 'model')?.attributes.type;
      const order = childOf(element, 'boot');
      const target = childOf(element, 'target')?.attributes.dev;
      if (order) this.order(element, order, drives.get(element) ?? target, orders);
      if (name === 'disk') {
        if (target && targets.has(target))
          this.problem(
            childOf(element, 'target')!.places.dev,
            `Target '${shortened(target)}' is duplicated: another disk has it. Write another.`,
          );
        else if (attributes.device === 'floppy') this.floppy(element);
        else {
          const disk = this.disk(element, attributes.device === 'cdrom', drives.get(element));
          if (disk) disks.push(disk);
        }
        if (target) targets.add(target);
      } else if (name === 'interface') cards.push(this.card(element));
      else if (name === 'graphics' && this.isParavirtual && screens.length === 0)
        screens.push({
          kind: 'string',
          text: `type=${attributes.type === 'sdl' ? 'sdl' : 'vnc'}`,
          line: element.line,
          column: element.column,
          origin: { said: '<graphics>' },
        });
      else if (name === 'graphics' && this.isParavirtual)
        this.remark(element, name, ignored('one screen counts', 'A guest has one screen; this one is left out.'));
      else if (name === 'graphics')
        first(
          attributes.type === 'spice' ? 'spice' : attributes.type === 'sdl' ? 'sdl' : 'vnc',
          element,
          '1',
          'number',
        );
      else if (name === 'video' && this.isParavirtual)
        this.remark(element, name, notHere('The screen of a paravirtual guest is the one of <graphics>.'));
      else if (name === 'video') {
        if (Object.hasOwn(VGA, model ?? 'vga')) first('vga', element, VGA[model ?? 'vga']);
        else
          this.remark(
            element,
            name,
            approximated(
              'a standard VGA',
              `There is no ${shortened(model ?? '')} here: the PC has a standard VGA with Bochs’ VBE extensions.`,
            ),
          );
      } else if (name === 'serial') first('serial', element, attributes.type ?? 'pty');
      else if (name === 'sound') first('soundhw', element, attributes.model ?? '');
      else this.other(element, OF_DEVICES, ['disk', 'interface', 'graphics', 'video', 'serial', 'sound']);
    }
    this.list('disk', disks);
    this.list('vif', cards);
    this.list('vfb', screens);
  }

  /** <boot order> at a device. `drive`: the disk's name as xl has it. */
  private order(device: Element, element: Element, drive: string | undefined, orders: BootOrder[]): void {
    const order = Number(element.attributes.order);
    // What is no number was told with the attributes.
    if (!Number.isInteger(order)) return;
    if (order < 1)
      return this.problem(
        element.places.order,
        `Invalid value for attribute 'order' in element 'boot': '${order}'. The numbers begin with 1.`,
      );
    if (device.name === 'interface') orders.push({ order, device: 'n', at: element });
    else if (device.name === 'disk' && drive) orders.push({ order, device: drive, at: element });
    else
      this.remark(
        element,
        'boot.order',
        ignored('no such device', `There is no <${device.name}> here that could be tried: the next in order is.`),
      );
  }

  private card(element: Element): Value {
    const child = (name: string): Element | undefined => childOf(element, name);
    // virDomainNetDefParseXML(): without a type it is one of the emulator's own network.
    const { type = child('source')?.attributes.bridge ? 'bridge' : 'user' } = element.attributes;
    const source = child('source'),
      model = child('model');
    const outbound = childOf(child('bandwidth'), 'outbound');
    const wanted = SOURCES[type];
    if (wanted && !source)
      this.problem(
        element,
        `Interface type='${type}' requires a 'source' element. Write <source ${wanted}='${type === 'bridge' ? 'xenbr0' : '…'}'/> in <interface>.`,
      );
    else if (wanted && source!.attributes[wanted] === undefined)
      this.problem(
        source!,
        `Missing required attribute '${wanted}' in element 'source'. Write <source ${wanted}='${type === 'bridge' ? 'xenbr0' : '…'}'/>.`,
      );
    if (type !== 'bridge' && ruleAt('devices', 'interface')?.attributes.get('type')?.words?.includes(type))
      this.remark(
        element,
        'interface',
        approximated(
          'on xenbr0',
          `type='${shortened(type)}': the card is on the host's bridge, xenbr0, whose gateway has DHCP and DNS.`,
        ),
      );
    if (child('link')?.attributes.state === 'down')
      this.remark(element, 'interface.link', ignored('the link is up', "The card's link is up from the start."));
    if (outbound && outbound.attributes.average === undefined)
      this.problem(outbound, "Missing mandatory average attribute. Write <outbound average='1000'/>: KiB a second.");
    const mode = source?.attributes.mode;
    if (type === 'direct' && mode !== undefined && !MACVTAP_MODES.includes(mode))
      this.attribute(source!, 'mode', mode, { words: MACVTAP_MODES });
    if (/[^\w-]/.test(model?.attributes.type ?? ''))
      this.problem(model!.places.type, 'Model name contains invalid characters: letters, digits, - and _ are its own.');
    const ip = child('ip')?.attributes.address;
    if (ip !== undefined && !INTERNET_ADDRESS.test(ip))
      this.problem(
        child('ip')!.places.address,
        `Invalid address '${shortened(ip)}' in <ip>. Write for example 10.0.2.15.`,
      );
    const peer = child('ip')?.attributes.peer;
    if (peer !== undefined && !INTERNET_ADDRESS.test(peer))
      this.problem(child('ip')!.places.peer, `Invalid peer '${shortened(peer)}' in <ip>. Write for example 10.0.2.15.`);
    const parts: Record<string, Position & { said: string }> = {};
    const options: string[] = [];
    const option = (
      key: string,
      of: Element | undefined,
      attribute: string,
      value = of?.attributes[attribute],
    ): void => {
      if (!of || value === undefined || value === '') return;
      options.push(`${key}=${value}`);
      parts[key] = { ...(of.places[attribute] ?? of), said: tag(of, attribute) };
    };
    const mac = child('mac');
    const address = mac?.attributes.address;
    if (address === '')
      this.problem(
        mac!.places.address,
        "<mac address=''>: ‘’ is no station address. Write six pairs of hexadecimal digits with colons, as in 00:16:3e:12:34:56, or leave <mac> out.",
      );
    // libvirt reads a byte of one digit, too.
    option(
      'mac',
      mac,
      'address',
      address && /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(address)
        ? address
            .split(':')
            .map(byte => byte.padStart(2, '0'))
            .join(':')
        : address,
    );
    option('bridge', source, 'bridge');
    option('script', child('script'), 'path');
    option('vifname', child('target'), 'dev');
    option('ip', child('ip'), 'address');
    if (model?.attributes.type === 'netfront') option('type', model, 'type', 'vif');
    else option('model', model, 'type');
    if (/^[1-9]\d{0,8}$/.test(outbound?.attributes.average ?? ''))
      option('rate', outbound, 'average', `${outbound!.attributes.average}KB/s`);
    return {
      kind: 'string',
      text: options.join(','),
      line: element.line,
      column: element.column,
      origin: { said: `<interface type='${shortened(type)}'>`, parts },
    };
  }

  /** The image of a drive that needs none is ''. undefined: one is missing, which was told. */
  private sourceOf(
    element: Element,
    name: string,
    needsOne: boolean,
  ): { path: string; at: Element | undefined; attribute: string } | undefined {
    const source = childOf(element, 'source');
    const attribute = element.attributes.type === 'block' ? 'dev' : 'file';
    const path = source?.attributes[attribute] ?? '';
    if (path !== '' || !needsOne) return { path, at: source, attribute };
    const other = attribute === 'dev' ? 'file' : 'dev';
    const why = source?.attributes[other]
      ? ` A disk of type='${other === 'dev' ? 'block' : 'file'}' has ${other}='…'.`
      : '';
    return void this.problem(
      source ?? element,
      `The disk ${shortened(name)} has no <source ${attribute}='…'/>.${why} Write the path of its image.`,
    );
  }

  private floppy(element: Element): void {
    const target = childOf(element, 'target');
    const { dev, bus = 'fdc' } = target?.attributes ?? {};
    if (dev !== 'fda' && dev !== 'fdb')
      return this.problem(target ?? element, "The floppy disk has no <target dev='fda'/> or 'fdb'.");
    if (bus !== 'fdc')
      return this.problem(target!.places.bus, `Invalid bus type '${shortened(bus)}' for floppy disk. Write 'fdc'.`);
    const { path = '', at } = this.sourceOf(element, dev, false) ?? {};
    this.set(dev, at ?? element, path, 'string', at ? tag(at, 'file') : tag(target!, 'dev'));
  }

  /**
   * Names of drives as Xen has them: vda and sda are the first drives of two controllers elsewhere, and one drive here, so the second one gets the next
   * name that is free.
   */
  private drives(devices: Element): Map<Element, string> {
    const names = new Map<Element, string>();
    const taken = new Set<string>();
    const disks = devices.children.filter(
      ({ name, attributes }) => name === 'disk' && ['disk', 'cdrom', undefined].includes(attributes.device),
    );
    const devOf = ({ children }: Element): string =>
      children.find(({ name }) => name === 'target')?.attributes.dev ?? '';
    // Virtio disks are Xen's here, and keep their letters before others.
    const inOrder = [...disks].sort(
      (a, b) => Number(!/^(vd|xvd|hd)/.test(devOf(a))) - Number(!/^(vd|xvd|hd)/.test(devOf(b))),
    );
    for (const element of inOrder) {
      const [, bus, letter, partition] = /^(vd|xvd|hd|sd)([a-z])(\d*)$/.exec(devOf(element)) ?? [];
      if (bus === undefined) continue;
      const own = `${bus === 'vd' ? 'xvd' : bus}${letter}${partition}`;
      const isFree = (of: string): boolean => !taken.has(of + partition);
      const cdrom = element.attributes.device === 'cdrom' ? ['c', 'd', 'b'] : [];
      const free = isFree(letter) ? letter : [...cdrom, ...'abcdefghijklmnopqrstuvwxyz'].find(isFree);
      if (free === undefined) continue;
      taken.add(free + partition);
      const name =
        free === letter
          ? own
          : `${element.attributes.device === 'cdrom' && 'abcd'.includes(free) ? 'hd' : 'xvd'}${free}${partition}`;
      names.set(element, name);
      if (free !== letter)
        this.remark(element, 'disk', {
          ...ignored(`${name} here`, `${own} is a drive with the number of another one here: it is ${name}.`),
          verdict: 'approximated',
        });
    }
    return names;
  }

  /** As xl would have it; undefined: it cannot be said. */
  private disk(element: Element, isCdrom: boolean, name: string | undefined): Value | undefined {
    const { type = 'file', device = 'disk' } = element.attributes;
    const { line, column } = element;
    const target = childOf(element, 'target'),
      driver = childOf(element, 'driver');
    const dev = target?.attributes.dev;
    // Another word was told with the attributes.
    if (!['disk', 'cdrom', 'lun'].includes(device)) return undefined;
    if (device === 'lun' && type === 'file')
      return void this.problem(
        element.places.device,
        "Disk device='lun' is only valid for block type disk source. Write device='disk'.",
      );
    if (device === 'lun')
      return void this.remark(
        element,
        'disk',
        notHere('There is no SCSI device of the host here that a guest could talk to.'),
      );
    if (!['file', 'block'].includes(type)) {
      if (ruleAt('devices', 'disk')?.attributes.get('type')?.words?.includes(type))
        this.problem(
          element,
          `type='${shortened(type)}': a disk is a file here. Write <disk type='file'> with <source file='…'/>.`,
        );
      return undefined;
    }
    if (dev === undefined)
      return void this.problem(
        target ?? element,
        "The disk has no <target dev='…'/>. Write for example <target dev='hda' bus='ide'/>.",
      );
    if (!/^(hd|sd|vd|xvd|ubd)[a-z]+\d*$/.test(dev))
      return void this.problem(
        target!.places.dev,
        `Unknown disk name '${shortened(dev)}'. Write hda, sda, vda or xvda, or another letter at their end.`,
      );
    const source = this.sourceOf(element, dev, !isCdrom);
    if (!source) return undefined;
    const vdev = name ?? dev;
    for (const inner of element.children) {
      if (inner.name === 'encryption')
        return void this.problem(
          inner,
          'An encrypted image is not read here. Decrypt it into a file of its own first (qemu-img convert), and take <encryption> out.',
        );
      if (inner.name === 'iotune' || inner.name === 'serial' || inner.name === 'auth')
        this.remark(inner, `disk.${inner.name}`, notHere('This is not set for single disks here.'));
    }
    const readOnly = isCdrom || element.children.some(inner => inner.name === 'readonly');
    const format = driver?.attributes.type === 'qcow2' ? 'qcow2' : 'raw';
    const backend = BACKENDS[driver?.attributes.name ?? ''];
    const discard = { unmap: 'discard', ignore: 'no-discard' }[driver?.attributes.discard ?? ''];
    const rest = [
      readOnly ? 'ro' : 'rw',
      ...(isCdrom ? ['cdrom'] : []),
      // What libxl takes for such an image by itself need not be said.
      ...(backend && backend !== (type === 'block' ? 'phy' : 'qdisk') ? [`backendtype=${backend}`] : []),
      ...(discard ? [discard] : []),
    ];
    const { path, at, attribute } = source;
    const text = /[,=:]/.test(path)
      ? [`format=${format}`, `vdev=${vdev}`, `access=${rest[0]}`, ...rest.slice(1), `target=${path}`].join(',')
      : [path, format, vdev, ...rest].join(',');
    const parts = {
      vdev: { ...target!.places.dev, said: tag(target!, 'dev') },
      ...(at ? { target: { ...at.places[attribute], said: tag(at, attribute) } } : {}),
    };
    return { kind: 'string', text, line, column, origin: { said: tag(target!, 'dev'), parts } };
  }
}
