/**
 * What a document of libvirt's says and a definition here has no place for (metadata, addresses, devices that are not here) goes on with the domain: a definition
 * written as XML takes it from the document that it came from. Source: virDomainDefFormat() of src/conf/domain_conf.c for the order of devices.
 */
import { type DomainType, inXml } from './kinds/index.ts';
import { channelsOf, virtioWords } from '../../../../devices/index.ts';
import { escapedXml, type LiveXml, writeXml } from '../write-xml.ts';
import type { Definition } from '../definition.ts';
import { isDone, type Support, SUPPORTED } from '../libvirt-support.ts';
import { channelIn, virtioOf } from './devices.ts';
import { drivesOf } from './disks.ts';
import { XmlReading } from './reading.ts';
import { TAGS_KEY } from '../tags.ts';
import { isTags } from './tags.ts';
import { childOf, type Element, parse } from './tree.ts';

/** An element that is written: its position does not matter. */
export interface Written {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: readonly Written[];
  text: string;
}

/** As libvirt lays it out. */
export function xmlText({ name, attributes, children, text }: Written, indent = '', quote: "'" | '"' = "'"): string {
  const tag = `${indent}<${name}${Object.entries(attributes)
    .map(([key, value]) => ` ${key}=${quote}${escapedXml(value)}${quote}`)
    .join('')}`;
  if (children.length > 0)
    return `${tag}>\n${children.map(child => xmlText(child, `${indent}  `, quote)).join('')}${indent}</${name}>\n`;
  return text === '' ? `${tag}/>\n` : `${tag}>${escapedXml(text)}</${name}>\n`;
}

/** Children, and attributes by @, that the definition alone decides on: where it has none there is none. */
const DECIDED: Readonly<Record<string, readonly string[]>> = {
  domain: ['@id', 'name', 'uuid', 'description', 'bootloader', 'bootloader_args'],
  vcpu: ['@current', '@cpuset'],
  cputune: ['vcpupin'],
  os: ['kernel', 'initrd', 'cmdline', 'boot'],
  disk: ['source', 'readonly', 'shareable', 'boot'],
  filesystem: ['source', 'readonly'],
  interface: ['ip', 'script', 'bandwidth', 'boot', 'target'],
  graphics: ['listen', '@passwd', '@passwdValidTo'],
};
/** These are given back as they were asked for. */
const AS_ASKED = ['features', 'cpu', 'clock'];
/** Which elements of a name are the same one in both: by what they say, and else by their order. Of another tool's prefix the name space may be another. */
const IDENTITY: Readonly<Record<string, (element: Written) => string | undefined>> = {
  disk: ({ children }) => children.find(({ name }) => name === 'target')?.attributes.dev,
  channel: ({ children }) => children.find(({ name }) => name === 'target')?.attributes.name,
  filesystem: ({ children }) => children.find(({ name }) => name === 'target')?.attributes.dir,
  interface: ({ children }) => children.find(({ name }) => name === 'mac')?.attributes.address?.toLowerCase(),
  [`${TAGS_KEY}:tags`]: ({ attributes }) => attributes[`xmlns:${TAGS_KEY}`],
};
/** virDomainDefFormat(): devices in this order. */
const DEVICES =
  'emulator disk controller lease filesystem interface smartcard serial parallel console channel input tpm graphics audio sound video hostdev redirdev redirfilter hub watchdog memballoon rng nvram panic shmem memory iommu vsock crypto pstore'.split(
    ' ',
  );
/** What a document without one of these has none of, whatever the guest's kind is. */
const IF_ASKED = ['features', 'graphics', 'video', 'serial'];
/** virDomainDefFormat(): what is in <domain>, in this order. */
const DOMAIN =
  'name uuid genid title description metadata maxMemory memory currentMemory blkiotune memtune memoryBacking vcpu vcpus iothreads iothreadids defaultiothread cputune numatune resource sysinfo bootloader bootloader_args os idmap features cpu clock on_poweroff on_reboot on_crash on_lockfailure pm perf devices'.split(
    ' ',
  );
const OS =
  'type firmware init initarg initenv initdir inituser initgroup loader nvram kernel initrd cmdline dtb root acpi boot bootmenu bios smbios'.split(
    ' ',
  );
const ORDER: Readonly<Record<string, readonly string[]>> = { domain: DOMAIN, os: OS, devices: DEVICES };

/** A definition as XML, with what only `source` says, the document that it came from; a text that is none adds nothing. */
export function writeXmlOver(source: string, definition: Definition, live: LiveXml = {}): string {
  const written = writeXml(definition, live);
  const kept = rootOf(source);
  const made = rootOf(written);
  if (kept?.name !== 'domain' || !made) return written;
  const isRunning = live.domid !== undefined;
  const said = withoutTags(withoutShares(withoutChannels(renamed(kept), definition), definition));
  return xmlText(merged(made, isRunning ? whatIsDone(said, inXml(definition).type) : said, isRunning));
}

/** Of what was asked for, what there is: a document of what runs has nothing else. What tools keep in it for themselves stays. */
function whatIsDone(element: Element, type: DomainType, support: Support = SUPPORTED): Element {
  if (support.isWhole) return element;
  const attributes = Object.fromEntries(
    Object.entries(element.attributes).filter(
      ([name]) => isDone(support.attributes.get(name), type.mark) || /^xmlns|:/.test(name),
    ),
  );
  const children = element.children.flatMap(child => {
    const inner = support.elements.get(child.name);
    return inner && isDone(inner.mark, type.mark) && isOfVirtio(child, type) ? [whatIsDone(child, type, inner)] : [];
  });
  return { ...element, attributes, children };
}

/** A guest that may have devices of virtio has these by virtio, or not at all. */
const isOfVirtio = (element: Element, { virtio }: DomainType): boolean =>
  !virtio || !['channel', 'filesystem', 'rng'].includes(element.name) || virtioOf(element) !== undefined;

const rootOf = (text: string): Element | undefined => {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
};

/** How it shares processors the definition alone says; a quota of a guest of KVM is not there. */
function withoutShares(domain: Element, { kind, weight }: Definition): Element {
  const isGone = ({ name, text }: Element): boolean =>
    name === 'shares'
      ? text !== `${weight}`
      : inXml({ kind }).type.capIsQuota && (name === 'period' || name === 'quota');
  const children = domain.children.map(child =>
    child.name === 'cputune' ? { ...child, children: child.children.filter(each => !isGone(each)) } : child,
  );
  return { ...domain, children: children.filter(({ name, children: rest }) => name !== 'cputune' || rest.length > 0) };
}

/** The definition alone says which tags there are. */
function withoutTags(domain: Element): Element {
  const children = domain.children.flatMap(child => {
    if (child.name !== 'metadata') return [child];
    const rest = child.children.filter(each => !isTags(each, child, domain));
    return rest.length === 0 && child.children.length > 0 ? [] : [{ ...child, children: rest }];
  });
  return { ...domain, children };
}

/** Channels of a guest of KVM that the definition has no longer; what is no channel here stays. */
function withoutChannels(domain: Element, { kind, virtio }: Definition): Element {
  if (!inXml({ kind }).type.virtio) return domain;
  const names = new Set(channelsOf(virtio).map(({ name }) => name));
  const isThere = (device: Element): boolean => {
    const item = device.name === 'channel' ? channelIn(device) : undefined;
    return item === undefined || names.has(virtioWords(item).options.name ?? '');
  };
  return {
    ...domain,
    children: domain.children.map(child =>
      child.name === 'devices' ? { ...child, children: child.children.filter(isThere) } : child,
    ),
  };
}

/** Disks have the names that the definition has for them. */
function renamed(domain: Element): Element {
  const devices = childOf(domain, 'devices');
  if (!devices) return domain;
  const reading = new XmlReading({ settings: [], problems: [], lines: [], remarks: [] });
  reading.setType(domain);
  const names = drivesOf(reading, devices);
  const children = devices.children.map(device => {
    const name = names.get(device);
    if (name === undefined) return device;
    return {
      ...device,
      children: device.children.map(child =>
        child.name === 'target' ? { ...child, attributes: { ...child.attributes, dev: name } } : child,
      ),
    };
  });
  return {
    ...domain,
    children: domain.children.map(child => (child === devices ? { ...devices, children } : child)),
  };
}

/** Screens by type: a screen of another type takes no attributes from the one that the document asked for. */
const KIND: Readonly<Record<string, (element: Written) => string | undefined>> = {
  graphics: ({ attributes }) => attributes.type,
  video: ({ children }) => children.find(({ name }) => name === 'model')?.attributes.type,
};

function merged(made: Written, kept: Written, isRunning: boolean): Written {
  const { name } = made;
  const decided = DECIDED[name] ?? [];
  const attributes = {
    ...Object.fromEntries(Object.entries(kept.attributes).filter(([key]) => !decided.includes(`@${key}`))),
    ...made.attributes,
    ...(isRunning ? {} : askedFor(made, kept)),
  };
  const rest = [...kept.children];
  const take = (child: Written): Written | undefined => {
    const identity = IDENTITY[child.name];
    const at = rest.findIndex(other => other.name === child.name && (!identity || identity(other) === identity(child)));
    return at < 0 ? undefined : rest.splice(at, 1)[0];
  };
  const children = made.children.flatMap((child): Written[] => {
    const same = take(child);
    if (!same) return IF_ASKED.includes(child.name) ? [] : [child];
    const kind = KIND[child.name];
    if (AS_ASKED.includes(child.name) && !(isRunning && child.name === 'clock')) return [same];
    if (kind && kind(same) !== kind(child)) return [isRunning ? child : same];
    return [child.name === 'interface' ? card(child, same, isRunning) : merged(child, same, isRunning)];
  });
  const more = rest.filter(
    child => !decided.includes(child.name) && !isGone(name, child) && !(isRunning && isOneTooMany(name, child)),
  );
  return inPlace({
    name,
    attributes,
    children: [...children, ...more],
    text: made.children.length > 0 ? '' : made.text || kept.text,
  });
}

/** With its children in the order that libvirt writes them in. */
export function inPlace<T extends Written>(element: T): T {
  const order = ORDER[element.name];
  if (!order) return element;
  return { ...element, children: element.children.toSorted((a, b) => placeIn(order, a.name) - placeIn(order, b.name)) };
}

/** What a definition asks for by other words than those that say what it gets. */
function askedFor(
  { name, attributes: made }: Written,
  { attributes: { machine, accessmode, type } }: Written,
): Readonly<Record<string, string>> {
  // readMachine() has taken it for the board that is here.
  if (name === 'type' && made.machine === 'pc' && /^(pc|q35)/.test(machine ?? '')) return { machine: machine! };
  if (name === 'serial' && type !== undefined) return { type };
  return name === 'filesystem' && accessmode !== undefined ? { accessmode } : {};
}

/** Disks and cards that the definition has no longer. */
const isGone = (parent: string, { name, attributes }: Written): boolean =>
  parent === 'devices' &&
  ((name === 'disk' && attributes.device !== 'floppy' && attributes.device !== 'lun') || name === 'interface');

/** What was asked for next to the one that there is, or in place of a disk. */
const isOneTooMany = (parent: string, { name, attributes }: Written): boolean =>
  parent === 'devices' && (['serial', 'graphics', 'video'].includes(name) || attributes.device === 'lun');

const placeIn = (order: readonly string[], name: string): number => {
  const at = order.indexOf(name);
  return at < 0 ? order.length : at;
};

/** A card's network is written as it was asked for. */
function card(made: Written, kept: Written, isRunning: boolean): Written {
  const both = merged(made, kept, isRunning);
  const { type } = kept.attributes;
  const source = kept.children.find(({ name }) => name === 'source');
  if (type === undefined || type === 'bridge' || (isRunning && type !== 'network')) return both;
  return {
    ...both,
    attributes: { ...both.attributes, type },
    children: both.children.flatMap(child => (child.name === 'source' ? (source ? [source] : []) : [child])),
  };
}
