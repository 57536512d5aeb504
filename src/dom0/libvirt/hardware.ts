/**
 * A domain's hardware as managers of virtual machines show it: each device now and from the next start, and what a change of it is in xl's words, in virsh's
 * and in XML before it is made. Sources: virt-manager 4.1 (details of a machine), virsh(1), xl(1).
 */
import { xmlLanguage } from '../definitions/config/index.ts';
import type { NicModel } from '../../devices/index.ts';
import {
  type Card,
  changeDefinition,
  changedKeys,
  type DefinedDisk,
  type Definition,
  type DiskSpec,
  newDefinition,
  maskedLine,
  maskedPasswords,
  prepareToRead,
  unmaskedPasswords,
  withoutPassword,
  writeXml,
  writtenOver,
} from '../definitions/config/index.ts';
import { inXml } from '../definitions/config/xml/kinds/index.ts';
import { definedAs } from '../definitions/kinds/index.ts';
import { BRIDGE } from '../host/network/index.ts';
import type { CommandHost, Uses } from '../toolstack/index.ts';
import { COMMANDS, perform } from '../toolstack/commands/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { changeOfDefined, type DeviceChange, identityOf, judged } from './defined-devices.ts';
import { attachDevice, detachDevice, updateDevice, wordsFor } from './devices.ts';
import { osTypeOf, uuidOfDomain, XML_INACTIVE, xmlOf } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { CONFIG, impactOf, LIVE } from './flags.ts';
import { defineDomain } from './life.ts';
import { driverOf } from './hypervisors/index.ts';
import { inLibvirt, LIBVIRT_KINDS } from './kinds/index.ts';
import { MAXIMUM } from './constants.ts';
import { setMemory, setVcpus, vcpuCount } from './resources.ts';
import { childOf, readXml, type XmlElement } from './xml.ts';

/** One element of a domain's <devices>. */
export interface Device {
  /** Of the domain's devices no other is called so. */
  key: string;
  /** Its element. */
  name: string;
  /** That element, as text; absent: it is not there now, or not from the next start. */
  now?: string;
  next?: string;
  /** It can come to the domain as it runs, go, and change. */
  live: readonly DeviceChange[];
  /** The domain can do without it. */
  canGo: boolean;
  /** It is another from the next start on. */
  differs: boolean;
}

export interface Hardware {
  name: string;
  uuid: string;
  osType: string;
  /** Of one that runs. */
  id?: number;
  /** Where it is defined. */
  path?: string;
  /** What there is of it: as it runs, and as it is defined. */
  now?: Definition;
  next?: Definition;
  devices: Device[];
  xml: { now?: string; next?: string };
  /** What runs it, as people call it. */
  hypervisor: 'Xen' | 'KVM' | 'QEMU';
  /** While it runs its memory can change, processors can come and go, and disks of such names (`xvd`) and a card can come. */
  canChangeNow: { memory: boolean; vcpus: boolean; disks?: 'xvd' | 'vd'; card: boolean };
}

/** Where a change counts. */
export type Impact = 'now' | 'next' | 'both';

/** The card at a place among a domain's; the model of those behind the first is netfront, or virtio's. */
export interface AskedCard {
  mac?: string;
  model: string;
  bridge?: string;
  /** One of libvirt's. Without it and a bridge the card is where it was, or at the host's own bridge. */
  network?: string;
}

export type HardwareChange =
  | { of: 'disk'; how: DeviceChange; vdev: string; disk?: DiskSpec }
  | { of: 'card'; how: DeviceChange; place: number; card?: AskedCard }
  | { of: 'vcpus'; count: number; most: number }
  | { of: 'memory'; mib: number; mostMib: number }
  | { of: 'boot'; order: string }
  | { of: 'screen'; isThere: boolean }
  | { of: 'rng'; isThere: boolean }
  /** A device as its XML says. */
  | { of: 'device'; how: DeviceChange; xml: string }
  /** The whole domain, from its next start. */
  | { of: 'document'; text: string };

/** What a change is before it is made. */
export interface Proposal {
  /** Commands, or lines of its xl.cfg; none: the host has no xl. */
  xl: string[];
  virsh: string[];
  /** What comes to the document, and what goes. */
  xml: { before: string[]; after: string[] };
  /** Why it would be refused. */
  problem?: string;
}

// ---- what there is

/** @throws LibvirtError */
export async function hardwareOf(host: CommandHost, domain: Domain): Promise<Hardware> {
  const { id, managed, name, definition } = domain;
  const next = managed && maskedPasswords(await xmlOf(host, domain, XML_INACTIVE)),
    now = id === undefined ? undefined : maskedPasswords(await xmlOf(host, domain, 0));
  const member = id === undefined ? undefined : host.toolstack.members.get(id);
  // One that does not run is like a PC, to which nothing comes.
  const { live, countsVcpus } = member ? inLibvirt(member.blueprint.definition) : LIBVIRT_KINDS.pc;
  const vcpus = countsVcpus ? await vcpuCount(host, domain, LIVE) : definition.vcpus;
  return {
    name,
    uuid: uuidOfDomain(domain),
    osType: osTypeOf(definition),
    ...(id === undefined
      ? {}
      : { id, now: { ...withoutPassword(definition), vcpus, maxVcpus: definition.maxVcpus ?? definition.vcpus } }),
    ...(managed ? { path: managed.path, next: withoutPassword(managed.definition) } : {}),
    devices: await devicesOf(now, next, { disks: live.disks, ...domain }),
    xml: { ...(now === undefined ? {} : { now }), ...(next === undefined ? {} : { next }) },
    hypervisor: driverOf(host).runs[inXml(managed?.definition ?? definition).type.name],
    canChangeNow: {
      memory: live.memory,
      vcpus: live.vcpus,
      ...(live.disks ? { disks: live.disks } : {}),
      card: definition.cards.length < live.mostCards,
    },
  };
}

async function devicesOf(
  now: string | undefined,
  next: string | undefined,
  domain: Pick<Domain, 'definition' | 'managed'> & Pick<Hardware['canChangeNow'], 'disks'>,
): Promise<Device[]> {
  const { xmlText } = await xmlLanguage.load();
  const devices = new Map<string, Device>();
  const cards: string[] = [],
    cardsNow: string[] = [];
  for (const [when, text] of [
    ['next', next],
    ['now', now],
  ] as const) {
    if (text === undefined) continue;
    const seen = new Map<string, number>();
    for (const element of childOf(await readXml(text, 'domain'), 'devices')?.children ?? []) {
      const called = [element.name, ...identityOf(element).split(' ').filter(Boolean)].join(' '),
        count = (seen.get(called) ?? 0) + 1;
      seen.set(called, count);
      const own = count === 1 ? called : `${called} ${count}`;
      if (element.name === 'interface') (when === 'next' ? cards : cardsNow).push(own);
      const key = when === 'now' && element.name === 'interface' ? nextOf(cards, own, cardsNow.length - 1) : own;
      devices.set(key, {
        ...devices.get(key),
        key,
        name: element.name,
        [when]: xmlText(element),
        live: now === undefined ? [] : liveChanges(element, domain.disks),
        canGo: canGo(element.name, domain),
        differs: differs(called, domain, key === own ? undefined : cardsNow.length - 1),
      });
    }
  }
  return [...devices.values()];
}

/** A card that runs is the one with the same index in the definition where that gives it no station address: it is drawn at each start. */
const nextOf = (cards: readonly string[], card: string, place: number): string =>
  !cards.includes(card) && /^interface(?: \d+)?$/.test(cards[place] ?? '') ? cards[place]! : card;

/** What can be done with a device of a domain that runs. `disks`: how those are called that come and go. */
function liveChanges(
  { name, attributes, children }: XmlElement,
  disks: Hardware['canChangeNow']['disks'],
): readonly DeviceChange[] {
  if (name === 'disk' && attributes.device === 'cdrom') return ['update'];
  if (!disks) return [];
  if (name === 'interface') return ['attach', 'detach'];
  // A drive on a PC's bus stays; its PV half alone cannot go.
  const bus = children.find(child => child.name === 'target')?.attributes.bus;
  return name === 'disk' && bus === (disks === 'vd' ? 'virtio' : 'xen') ? ['attach', 'detach'] : [];
}

/** A disk or card of which the definition says something else than what runs. `place`: of a card that has no address there. */
function differs(
  called: string,
  { definition, managed }: Pick<Domain, 'definition' | 'managed'>,
  place?: number,
): boolean {
  const said = (of: Definition): string | undefined => {
    const disk = of.disks.find(({ vdev }) => called === `disk ${vdev}`);
    const card = of.cards.find(({ mac }, i) => (place === undefined ? called === `interface ${mac}` : i === place));
    return disk
      ? JSON.stringify([disk.target, disk.format, disk.kind, disk.readOnly])
      : card && JSON.stringify([card.model, card.options?.bridge]);
  };
  return managed !== undefined && said(definition) !== said(managed.definition);
}

/** What a kind of guest always has stays; what only a document says can be taken out of it. */
function canGo(name: string, { definition, managed }: Pick<Domain, 'definition' | 'managed'>): boolean {
  if (name === 'disk' || name === 'interface' || name === 'rng') return true;
  if (name === 'graphics') return definedAs(definition).vnc !== 'VGA';
  if (['console', 'serial', 'video', 'memballoon', 'emulator'].includes(name)) return false;
  return managed !== undefined && /^\s*</.test(managed.text);
}

// ---- what a change is

/** The definition with a change, where that is one of its values. @throws LibvirtError */
function changed(definition: Definition, change: HardwareChange): Definition {
  switch (change.of) {
    case 'disk':
      return { ...definition, disks: changedDisks(definition.disks, change) };
    case 'card':
      return changedCards(definition, change);
    case 'vcpus':
      return { ...definition, vcpus: change.count, maxVcpus: change.most };
    case 'memory':
      return { ...definition, memoryMiB: change.mib, maxMemoryMiB: change.mostMib };
    case 'boot': {
      const { bootDevices: _single, ...rest } = definition;
      return { ...rest, bootOrder: change.order };
    }
    case 'screen': {
      const { vfb: _before, ...rest } = definition;
      return change.isThere ? { ...rest, vfb: true } : rest;
    }
    case 'rng': {
      const others = (definition.virtio ?? []).filter(device => device !== 'rng');
      return { ...definition, virtio: change.isThere ? [...others, 'rng'] : others };
    }
    default:
      return definition;
  }
}

/** Its position is found when the text is read. */
const placed = (disk: DiskSpec): DefinedDisk => ({ ...disk, place: 0, at: { line: 1, column: 1 } });

function changedDisks(
  disks: readonly DefinedDisk[],
  { how, vdev, disk }: Extract<HardwareChange, { of: 'disk' }>,
): DefinedDisk[] {
  const at = disks.findIndex(each => each.vdev === vdev);
  if (how !== 'attach' && at < 0) throw new LibvirtError('DEVICE_MISSING', `no target device ${vdev}`);
  const others = disks.filter((_, i) => how === 'attach' || i !== at);
  if (how === 'detach') return others;
  if (others.some(each => each.vdev === disk!.vdev))
    throw new LibvirtError('INVALID_ARG', `target ${disk!.vdev} already exists.`);
  return how === 'attach' ? [...disks, placed(disk!)] : disks.map((each, i) => (i === at ? placed(disk!) : each));
}

/** A card as it is asked for, with what else was said of it before: it is at one bridge, by its name or by a network's; that of the host need not be named. */
function definedCard(
  definition: Definition,
  { mac, model, bridge, network: wanted }: AskedCard,
  before: Card = {},
): Card {
  const { bridge: _bridge, network, model: said, ...others } = before.options ?? {};
  const options = {
    ...others,
    ...(wanted ? { network: wanted } : bridge === BRIDGE ? {} : bridge ? { bridge } : network ? { network } : {}),
    ...(said && model === before.model ? { model: said } : {}),
  };
  return {
    ...(model === 'netfront' ? {} : { model: model as NicModel }),
    ...(definedAs(definition).pvCards ? { pv: true } : {}),
    ...(mac ? { mac } : {}),
    ...(before.rate ? { rate: before.rate } : {}),
    ...(Object.keys(options).length > 0 ? { options } : {}),
  };
}

function changedCards(
  definition: Definition,
  { how, place, card }: Extract<HardwareChange, { of: 'card' }>,
): Definition {
  const { cards } = definition;
  if (how !== 'attach' && !cards[place]) throw new LibvirtError('DEVICE_MISSING', 'there is no such network card');
  const after =
    how === 'attach'
      ? [...cards, definedCard(definition, card!)]
      : how === 'detach'
        ? cards.filter((_, i) => i !== place)
        : cards.map((each, i) => (i === place ? definedCard(definition, card!, each) : each));
  const emulated = after.slice(1).find(({ model }) => model !== undefined);
  if (emulated && definedAs(definition).pvCards)
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      `only the first card is emulated: give the others the model netfront, and not ${emulated.model}`,
    );
  return { ...definition, cards: after };
}

/** The element of a disk or card alone. */
async function elementOf(definition: Definition, name: string): Promise<string> {
  const { xmlText } = await xmlLanguage.load();
  const devices = childOf(await readXml(writeXml(definition), 'domain'), 'devices')?.children ?? [];
  return xmlText(devices.find(each => each.name === name)!);
}

/** A device as the XML that attaches it to a domain that runs, or takes it from there. */
async function deviceXml({ definition }: Domain, change: HardwareChange): Promise<string | undefined> {
  if (change.of === 'device') return change.xml;
  if (change.of === 'disk') {
    const disk = change.disk ?? definition.disks.find(({ vdev }) => vdev === change.vdev);
    return disk && elementOf({ ...newDefinition(), disks: [placed(disk)] }, 'disk');
  }
  if (change.of !== 'card') return undefined;
  const card = change.card ? definedCard(definition, change.card) : definition.cards[change.place];
  return card && elementOf({ ...newDefinition(), cards: [card] }, 'interface');
}

/** Its text from the next start on, and what makes it so. @throws LibvirtError */
async function fromNextStart(
  host: CommandHost,
  domain: Domain,
  change: HardwareChange,
): Promise<{ after: Definition; commit(): Promise<void> }> {
  const managed = domain.managed!;
  if (change.of === 'device') return changeOfDefined(host, domain, change.xml, change.how);
  if (change.of === 'document') {
    return {
      after: await judged('(domain_definition)', change.text),
      commit: async () => void (await defineDomain(host, change.text)),
    };
  }
  await prepareToRead(managed.text);
  const text = changeDefinition(managed.text, managed.definition, changed(managed.definition, change));
  return {
    after: await judged(managed.path, text),
    commit: async () => void (await failing(() => perform(host, 'new', COMMANDS.new, managed.path, text))),
  };
}

/** A text that was shown without its passwords has them again. */
function unmasked({ definition, managed }: Domain, change: HardwareChange): HardwareChange {
  const has = managed?.definition ?? definition;
  if (change.of === 'document') return { ...change, text: unmaskedPasswords(change.text, has) };
  return change.of === 'device' ? { ...change, xml: unmaskedPasswords(change.xml, has) } : change;
}

// ---- said, and made

const flagsOf = (impact: Impact): number => (impact === 'next' ? 0 : LIVE) | (impact === 'now' ? 0 : CONFIG);
const optionsOf = (impact: Impact): string =>
  `${impact === 'next' ? '' : ' --live'}${impact === 'now' ? '' : ' --config'}`;

/** What a change is in the words of each, and whether it would be refused. Changes nothing. */
export async function proposeChange(
  host: CommandHost,
  domain: Domain,
  wanted: HardwareChange,
  impact: Impact,
): Promise<Proposal> {
  const none: Proposal = { xl: [], virsh: [], xml: { before: [], after: [] } };
  try {
    const change = unmasked(domain, wanted);
    const { live, config } = impactOf(domain, flagsOf(impact));
    const xml = await deviceXml(domain, change);
    const next = config ? await fromNextStart(host, domain, change) : undefined;
    const now = live ? await liveWords(domain, change, xml) : [];
    const lines = next ? changedKeys(domain.managed!.definition, next.after) : [];
    const shown = lines.map(({ key, value }) =>
      value === undefined ? `# ${key} goes` : `${key} = ${maskedLine(key, value)}`,
    );
    return {
      xl: !driverOf(host).hasXl ? [] : [...now, ...(shown.length > 0 ? [`# ${domain.managed!.path}`, ...shown] : [])],
      virsh: virshWords(domain.name, change, impact),
      xml: next
        ? difference(await xmlOf(host, domain, XML_INACTIVE), await documentOf(domain, next.after, change))
        : difference('', xml ?? ''),
    };
  } catch (error) {
    return { ...none, problem: (error as Error).message };
  }
}

/** The whole document after a change. */
async function documentOf(domain: Domain, after: Definition, change: HardwareChange): Promise<string> {
  if (change.of === 'document') return change.text;
  const is = { ...after, uuid: uuidOfDomain(domain) };
  return writtenOver(domain.managed!.text, is) ?? writeXml(is);
}

/** Lines of two texts between those that both begin and end with. */
function difference(before: string, after: string): Proposal['xml'] {
  const [a, b] = [before, after].map(text => text.split('\n').filter(line => line.trim() !== ''));
  let start = 0,
    end = 0;
  while (start < Math.min(a!.length, b!.length) && a![start] === b![start]) start++;
  while (end < Math.min(a!.length, b!.length) - start && a!.at(-1 - end) === b!.at(-1 - end)) end++;
  const shown = (lines: string[]): string[] => maskedPasswords(lines.join('\n')).split('\n').filter(Boolean);
  return { before: shown(a!.slice(start, a!.length - end)), after: shown(b!.slice(start, b!.length - end)) };
}

/** What is done with a domain that runs, in xl's words. @throws LibvirtError where it can have that only from its next start */
async function liveWords(domain: Domain, change: HardwareChange, xml: string | undefined): Promise<string[]> {
  const { name } = domain;
  if (change.of === 'vcpus') return [`xl vcpu-set ${name} ${change.count}`];
  if (change.of === 'memory')
    return [
      ...(change.mostMib === (domain.definition.maxMemoryMiB ?? domain.definition.memoryMiB)
        ? []
        : [`xl mem-max ${name} ${change.mostMib}`]),
      `xl mem-set ${name} ${change.mib}`,
    ];
  if (xml === undefined || !('how' in change))
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'a domain that runs cannot have that: it counts from its next start');
  const [command, ...rest] = (await wordsFor(xml))[change.how];
  if (command === undefined)
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'only what lies in a CD drive changes while a domain runs');
  return [`xl ${command} ${name} ${rest.join(' ')}`.trim()];
}

const VIRSH_DEVICE: Readonly<Record<DeviceChange, string>> = {
  attach: 'attach-device',
  detach: 'detach-device',
  update: 'update-device',
};

function virshWords(name: string, change: HardwareChange, impact: Impact): string[] {
  const options = optionsOf(impact);
  switch (change.of) {
    case 'vcpus':
      return [
        ...(impact === 'now' ? [] : [`virsh setvcpus ${name} ${change.most} --maximum --config`]),
        `virsh setvcpus ${name} ${change.count}${options}`,
      ];
    case 'memory':
      return [`virsh setmaxmem ${name} ${change.mostMib}M${options}`, `virsh setmem ${name} ${change.mib}M${options}`];
    case 'disk':
    case 'card':
    case 'device':
      return [`virsh ${VIRSH_DEVICE[change.how]} ${name} device.xml${options}`];
    case 'document':
      return [`virsh define ${name}.xml`];
    default:
      return [`virsh edit ${name}`];
  }
}

/** @throws LibvirtError: then nothing of what it names from the next start has changed */
export async function changeHardware(
  host: CommandHost,
  domain: Domain,
  wanted: HardwareChange,
  impact: Impact,
): Promise<void> {
  const flags = flagsOf(impact);
  const { live, config } = impactOf(domain, flags);
  const change = live && config ? addressed(host, unmasked(domain, wanted)) : unmasked(domain, wanted);
  const next = config ? await fromNextStart(host, domain, change) : undefined;
  if (live) await changeNow(host, domain, change);
  await next?.commit();
}

/** A card that comes to both has one station address in both (qemuDomainAttachDeviceLiveAndConfigHomogenize()). */
const addressed = (host: Uses<'toolstack'>, change: HardwareChange): HardwareChange =>
  change.of === 'card' && change.how === 'attach' && change.card && !change.card.mac
    ? { ...change, card: { ...change.card, mac: host.toolstack.stations.draw() } }
    : change;

async function changeNow(host: CommandHost, domain: Domain, change: HardwareChange): Promise<void> {
  if (change.of === 'vcpus') return setVcpus(host, domain, change.count, LIVE);
  if (change.of === 'memory') {
    const { memoryMiB, maxMemoryMiB = memoryMiB } = domain.definition;
    if (change.mostMib !== maxMemoryMiB) await setMemory(host, domain, change.mostMib * 1024, LIVE | MAXIMUM);
    const most = { ...domain, definition: { ...domain.definition, maxMemoryMiB: change.mostMib } };
    return setMemory(host, most, change.mib * 1024, LIVE);
  }
  const xml = await deviceXml(domain, change);
  if (xml === undefined || !('how' in change))
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'a domain that runs cannot have that: it counts from its next start');
  const make = { attach: attachDevice, detach: detachDevice, update: updateDevice }[change.how];
  await make(host, domain, xml, LIVE);
}
