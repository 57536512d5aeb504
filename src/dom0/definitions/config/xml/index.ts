/**
 * libvirt's domain XML, as virsh dumpxml and virt-install write it, read as settings of xl.cfg. Source: libvirt's documentation, "Domain XML format", and the
 * driver of libxl. Loaded when a definition is XML.
 */
import { approximated, type Judged, ignored } from '../options.ts';
import { DOMAIN } from '../libvirt-schema.ts';
import type { Language, Source } from '../source.ts';
import { lengthProblem, shortened } from '../xlcfg.ts';
import { childOf, type Element, parse, Wrong } from './tree.ts';
import { type BootClass, type BootOrder, readClock, readFeatures, readOs, setBootOrder } from './boot.ts';
import { mismatches } from './between.ts';
import { checkElement } from './check.ts';
import { readDevices } from './devices.ts';
import {
  readCells,
  readCputune,
  readCurrentMemory,
  readFeaturesOfCpu,
  readMaximum,
  readMemory,
  readVcpus,
} from './memory-and-cpus.ts';
import { notHere, XmlReading } from './reading.ts';
import { NotDone } from './refusals.ts';
import { isTags, readTags } from './tags.ts';

export { inPlace, type Written, writeXmlOver, xmlText } from './kept.ts';

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
    readDomain(new XmlReading(read), root);
    return read;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    read.problems.push({ line: error.at.line, column: error.at.column, text: error.message });
    return { ...read, unread: true };
  }
}

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
/** virDomainLifecycleAction of src/conf/domain_conf.h, and which event has which. */
const ACTIONS = ['destroy', 'restart', 'rename-restart', 'preserve'];
const CLOSED_TEXTS: Record<string, readonly string[]> = {
  on_poweroff: ACTIONS,
  on_reboot: ACTIONS,
  on_crash: [...ACTIONS, 'coredump-destroy', 'coredump-restart'],
  on_lockfailure: ['poweroff', 'restart', 'pause', 'ignore'],
};
/** Elements of a domain that mean nothing here. */
const OF_DOMAIN: Record<string, Judged> = {
  title: notHere('A title for people; nothing depends on it.'),
  metadata: notHere('What tools keep in a definition for themselves; nothing depends on it.'),
  cpu: ignored(
    'one processor model for all',
    'Every guest sees the same processor, without what <feature> takes from it; models are not chosen.',
  ),
  ...Object.fromEntries(
    'genid hwuuid maxMemory memoryBacking memtune numatune blkiotune iothreads iothreadids vcpus on_lockfailure cachetune memorytune sysinfo perf pm idmap launchSecurity resource keywrap seclabel throttlegroups defaultiothread'
      .split(' ')
      .map(name => [name, notHere('This tunes a host with other means than this one has.')]),
  ),
};

function readDomain(read: XmlReading, domain: Element): void {
  const { type } = domain.attributes;
  checkElement(read, domain, DOMAIN);
  const notDone = new NotDone(read);
  if (!read.setType(domain))
    read.remark(
      domain,
      'type',
      approximated(
        'runs on Xen here',
        `The definition is for ${type || 'another hypervisor'}; here such a guest runs on Xen.`,
      ),
    );
  notDone.refuse(domain);
  const boot: BootClass[] = [];
  const orders: BootOrder[] = [];
  const memory = childOf(domain, 'memory'),
    current = childOf(domain, 'currentMemory'),
    os = childOf(domain, 'os');
  const hasLoader = domain.children.some(({ name, text }) => name === 'bootloader' && text !== '');
  // virDomainDefParseBootOptions(): what has a boot loader is paravirtual where nothing else is said.
  if (!childOf(os, 'type')?.text) {
    if (hasLoader) read.set('type', domain, 'pv');
    else
      read.problem(
        os ?? domain,
        'An os <type> must be specified: <os> says what kind of guest this is. Write <os><type>hvm</type></os> in <domain>.',
      );
  }
  if (!memory?.text || /^0+$/.test(memory.text)) readCells(read, domain, memory);
  readMaximum(read, childOf(domain, 'maxMemory'), memory);
  for (const element of domain.children) {
    const { name } = element;
    const closed = Object.hasOwn(CLOSED_TEXTS, name) ? CLOSED_TEXTS[name] : undefined;
    if (closed && element.text !== '' && !closed.includes(element.text))
      read.word(element, `Unknown ${name} action: ${shortened(element.text)}.`, element.text, closed);
    else if (Object.hasOwn(TEXTS, name)) read.text(TEXTS[name], element);
    else if (name === 'currentMemory') readCurrentMemory(read, element, memory);
    else if (name === 'memory') readMemory(read, current ? 'maxmem' : 'memory', element);
    else if (name === 'vcpu') readVcpus(read, element);
    else if (name === 'cputune') readCputune(read, element, domain);
    else if (name === 'os') readOs(read, element, boot, hasLoader);
    else if (name === 'features') readFeatures(read, element);
    else if (name === 'clock') readClock(read, element);
    else if (name === 'metadata' && element.children.some(each => isTags(each, element, domain)))
      readTags(read, element, domain);
    else if (name === 'devices') readDevices(read, element, orders);
    else
      read.other(element, OF_DOMAIN, [
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
  readFeaturesOfCpu(read, childOf(domain, 'cpu'));
  for (const { at, text } of mismatches(domain, read.type)) read.problem(at, text);
  setBootOrder(read, boot, orders);
  notDone.tellRest(domain);
}
