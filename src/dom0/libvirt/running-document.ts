/**
 * What libvirt's driver of QEMU adds to a domain's document: addresses, devices that a PC has in any case; and of one that runs aliases, and what the host does for it.
 * Sources: qemuAssignDeviceAliases() of src/qemu/qemu_alias.c, qemuDomainAssignAddresses(), and `dumpxml` of Debian's libvirt 9.0 of a real QEMU.
 */
import { xmlLanguage } from '../definitions/config/index.ts';
import { channelsOf, inSlots, slotOfCard, VIRTIO_SLOT, virtioWords } from '../../devices/index.ts';
import type { Definition } from '../definitions/config/index.ts';
import {
  cardAlias,
  channelAlias,
  diskSlot,
  floppyAlias,
  ideAlias,
  QEMU,
  QEMU_MACHINE,
  QEMU_OWNER,
  unitOf,
  virtioDiskAlias,
} from '../toolstack/qemu/index.ts';
import { childOf, type XmlElement } from './xml.ts';

const element = (
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  children: readonly XmlElement[] = [],
  text = '',
): XmlElement => ({ name, attributes, children, text });
const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;
const pci = (slot: number, at = 0): XmlElement =>
  element('address', { type: 'pci', domain: '0x0000', bus: '0x00', slot: hex(slot, 2), function: hex(at, 1) });
const drive = (bus: number, unit: number): XmlElement =>
  element('address', { type: 'drive', controller: '0', bus: `${bus}`, target: '0', unit: `${unit}` });
const port = (number: number): XmlElement =>
  element('address', { type: 'virtio-serial', controller: '0', bus: '0', port: `${number}` });

/** With children that it does not have yet, behind those that it has. */
const withMore = (device: XmlElement, ...more: readonly (XmlElement | undefined)[]): XmlElement => ({
  ...device,
  children: [
    ...device.children,
    ...more.filter((child): child is XmlElement => child !== undefined && !childOf(device, child.name)),
  ],
});

const VIDEO_SLOT = 2,
  IDE = { slot: 1, function: 1 };
/** What <model> of a screen has without being asked (virDomainVideoDefFormat()). */
const SCREEN = { vram: '16384', heads: '1', primary: 'yes' };

class Board {
  private readonly definition: Definition;
  /** Of one that runs. */
  private readonly taps: ReadonlyMap<number, string> | undefined;
  /** Of kinds of which there may be several. */
  private readonly counts = new Map<string, number>();

  constructor(definition: Definition, taps: ReadonlyMap<number, string> | undefined) {
    this.definition = definition;
    this.taps = taps;
  }

  /** A definition has none, but where somebody has given one. */
  private alias(name: string): XmlElement | undefined {
    return this.taps && element('alias', { name });
  }

  private next(kind: string): number {
    const number = this.counts.get(kind) ?? 0;
    this.counts.set(kind, number + 1);
    return number;
  }

  /** The address of a device of virtio, of those next to disks and cards. */
  private slotOf(kinds: readonly string[], number = 0): XmlElement | undefined {
    const items = inSlots(this.definition.virtio ?? []).map(item => virtioWords(item).name as string);
    const at = items.flatMap((item, i) => (kinds.includes(item) ? [i] : []))[number];
    return at === undefined ? undefined : pci(VIRTIO_SLOT + at);
  }
  private readonly ports = (): XmlElement | undefined => this.slotOf(['console', 'channel', 'serial']);

  private disk(disk: XmlElement): XmlElement {
    const { dev = '', bus } = childOf(disk, 'target')?.attributes ?? {};
    const unit = unitOf(dev);
    const { disks } = this.definition;
    const at = disks.findIndex(({ vdev }) => vdev === dev);
    const [name, address] =
      bus === 'virtio'
        ? [virtioDiskAlias(unit), pci(diskSlot(dev))]
        : bus === 'fdc'
          ? [floppyAlias(unit), drive(0, unit)]
          : [ideAlias(unit), drive(unit >> 1, unit & 1)];
    const children = disk.children.flatMap(child =>
      child.name === 'source' && this.taps
        ? [{ ...child, attributes: { ...child.attributes, index: `${disks.length - at}` } }, element('backingStore')]
        : [child],
    );
    return at < 0 ? disk : withMore({ ...disk, children }, this.alias(name), address);
  }

  private card(card: XmlElement): XmlElement {
    const number = this.next('net'),
      mac = childOf(card, 'mac')?.attributes.address?.toLowerCase();
    const its = this.definition.cards.find(each => each.mac === mac);
    const place = its ? (its.place ?? 0) : number;
    const dev = this.taps?.get(place);
    const children = card.children.map(child =>
      child.name === 'target' && dev !== undefined ? { ...child, attributes: { ...child.attributes, dev } } : child,
    );
    return withMore({ ...card, children }, this.alias(cardAlias(place)), pci(slotOfCard(place)));
  }

  /** qemuDomainChrDefPostParse(): the one kind that there is. */
  private serial(serial: XmlElement): XmlElement {
    const number = this.next('serial');
    const { port = `${number}`, ...more } = childOf(serial, 'target')?.attributes ?? {};
    const target = element('target', { type: 'isa-serial', port, ...more }, [element('model', { name: 'isa-serial' })]);
    const asked = childOf(serial, 'target');
    const isOther = asked?.attributes.type !== undefined && asked.attributes.type !== 'isa-serial';
    const children = serial.children.map(child =>
      child === asked && !isOther && !childOf(child, 'model') ? target : child,
    );
    return withMore({ ...serial, children }, target, this.alias(`serial${number}`));
  }

  private video(video: XmlElement): XmlElement {
    const children = video.children.map(child => (child.name === 'model' ? screen(child) : child));
    return withMore({ ...video, children }, this.alias('video0'), pci(VIDEO_SLOT));
  }

  private readonly kinds: Readonly<Record<string, (device: XmlElement) => XmlElement>> = {
    disk: device => this.disk(device),
    interface: device => this.card(device),
    video: device => this.video(device),
    serial: device => this.serial(device),
    graphics: device =>
      device.attributes.type === 'vnc' ? withMore(device, element('listen', { type: 'address' })) : device,
    console: device =>
      childOf(device, 'target')?.attributes.type === 'virtio'
        ? withMore(device, this.alias('console0'), port(0))
        : withMore(device, this.alias('serial0')),
    channel: device => {
      const { name } = childOf(device, 'target')?.attributes ?? {};
      const channel = channelsOf(this.definition.virtio).find(each => each.name === name);
      return channel ? withMore(device, this.alias(channelAlias(channel.port)), port(channel.port)) : device;
    },
    filesystem: device => {
      const number = this.next('fs');
      return withMore(device, this.alias(`fs${number}`), this.slotOf(['9p'], number));
    },
    rng: device => withMore(device, this.alias('rng0'), this.slotOf(['rng'])),
    memballoon: device =>
      device.attributes.model === 'virtio'
        ? withMore(device, this.alias('balloon0'), this.slotOf(['balloon']))
        : device,
    controller: device =>
      device.attributes.type === 'virtio-serial'
        ? withMore(device, this.alias('virtio-serial0'), this.ports())
        : device,
  };

  /** Devices that the PC always has; where the document has one of the same kind, the document's stays. */
  private built(devices: readonly XmlElement[]): XmlElement[] {
    const hasOne = (name: string, type?: string): boolean =>
      devices.some(each => each.name === name && (type === undefined || each.attributes.type === type));
    const controller = (
      type: string,
      more: Readonly<Record<string, string>>,
      ...children: (XmlElement | undefined)[]
    ) =>
      hasOne('controller', type) ? [] : [withMore(element('controller', { type, index: '0', ...more }), ...children)];
    const input = (type: string): XmlElement[] =>
      devices.some(({ name, attributes }) => name === 'input' && attributes.type === type && attributes.bus === 'ps2')
        ? []
        : [withMore(element('input', { type, bus: 'ps2' }), this.alias(`input${this.next('input')}`))];
    return [
      ...(hasOne('emulator') ? [] : [element('emulator', {}, [], QEMU)]),
      ...controller('pci', { model: 'pci-root' }, this.alias('pci.0')),
      ...controller('ide', {}, this.alias('ide'), pci(IDE.slot, IDE.function)),
      ...(devices.some(({ attributes }) => attributes.device === 'floppy')
        ? controller('fdc', {}, this.alias('fdc0'))
        : []),
      ...(this.ports() ? controller('virtio-serial', {}, this.alias('virtio-serial0'), this.ports()) : []),
      ...input('mouse'),
      ...input('keyboard'),
      // virDomainDefAddImplicitVideo(): a screen that is looked at has a card.
      ...(hasOne('graphics') && !hasOne('video')
        ? [this.video(element('video', {}, [element('model', { type: 'vga' })]))]
        : []),
      ...(hasOne('audio') ? [] : [element('audio', { id: '1', type: 'none' })]),
    ];
  }

  devices(devices: XmlElement): XmlElement {
    // Another board's bus is not here, though a document asks for one.
    const here =
      this.taps === undefined
        ? devices.children
        : devices.children.filter(({ name, attributes }) => name !== 'controller' || attributes.type !== 'pci');
    const own = here.map(device => this.kinds[device.name]?.(device) ?? device);
    return { ...devices, children: [...own, ...this.built(here)] };
  }
}

/** type, vram, heads, primary, and what else there is. */
const screen = ({ attributes: { type, ...more }, ...model }: XmlElement): XmlElement => ({
  ...model,
  attributes: { ...(type === undefined ? {} : { type }), ...SCREEN, ...more },
});

const SECURITY = element('seclabel', { type: 'dynamic', model: 'dac', relabel: 'yes' }, [
  element('label', {}, [], QEMU_OWNER),
  element('imagelabel', {}, [], QEMU_OWNER),
]);

/** It asks for the board that there is. */
const isPc = (domain: XmlElement): boolean =>
  /^pc(?:-i440fx|-\d|$)/.test(childOf(childOf(domain, 'os')!, 'type')?.attributes.machine ?? 'pc');

/** A domain's document with that in it, in its place there; `taps`: of one that runs, by the places of its cards. */
export async function qemuDocument(
  text: string,
  definition: Definition,
  taps?: ReadonlyMap<number, string>,
): Promise<string> {
  const { parse } = await xmlLanguage.load();
  const { inPlace, xmlText } = await xmlLanguage.load();
  const domain = parse(text)! as XmlElement;
  // What asks for another board stays as it asks.
  if (!taps && !isPc(domain)) return text;
  const board = new Board(definition, taps);
  const devices = childOf(domain, 'devices') ?? element('devices');
  const children = [...domain.children.filter(child => child !== devices), devices].map(child => {
    if (child === devices) return inPlace(board.devices(child));
    if (child.name !== 'os' || !taps) return child;
    return {
      ...child,
      children: child.children.map(each =>
        each.name === 'type' ? { ...each, attributes: { ...each.attributes, machine: QEMU_MACHINE } } : each,
      ),
    };
  });
  if (!taps) return xmlText(inPlace({ ...domain, children }));
  const partition = element('resource', {}, [element('partition', {}, [], '/machine')]);
  return xmlText(inPlace(withMore({ ...domain, children }, partition, SECURITY)));
}
