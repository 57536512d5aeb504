/**
 * What libvirt's driver of QEMU adds to the document of a domain that runs: aliases and addresses, devices that a PC has in any case, what the host does for it.
 * Sources: qemuAssignDeviceAliases() of src/qemu/qemu_alias.c, qemuDomainAssignAddresses(), and `dumpxml` of Debian's libvirt 9.0 of a real QEMU.
 */
import { channelsOf, inSlots, VIRTIO_SLOT, virtioWords } from '../../../devices/index.ts';
import type { Definition } from '../../definitions/config/index.ts';
import { channelAlias, floppyAlias, ideAlias, unitOf, virtioDiskAlias } from '../qemu/aliases.ts';
import { CARD_SLOT, diskSlot, QEMU, QEMU_MACHINE, QEMU_OWNER } from '../qemu/command-line.ts';
import { tapOf } from './cards.ts';
import { childOf, type XmlElement } from './xml.ts';

const element = (
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  children: readonly XmlElement[] = [],
  text = '',
): XmlElement => ({ name, attributes, children, text });
const alias = (name: string): XmlElement => element('alias', { name });
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
  private readonly domid: number;
  /** Of kinds of which there may be several. */
  private readonly counts = new Map<string, number>();

  constructor(definition: Definition, domid: number) {
    this.definition = definition;
    this.domid = domid;
  }

  private next(kind: string): number {
    const number = this.counts.get(kind) ?? 0;
    this.counts.set(kind, number + 1);
    return number;
  }

  /** The address of a device of virtio, of those beside disks and cards. */
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
      child.name === 'source'
        ? [{ ...child, attributes: { ...child.attributes, index: `${disks.length - at}` } }, element('backingStore')]
        : [child],
    );
    return at < 0 ? disk : withMore({ ...disk, children }, alias(name), address);
  }

  private card(card: XmlElement): XmlElement {
    const children = card.children.map(child =>
      child.name === 'target' ? { ...child, attributes: { ...child.attributes, dev: tapOf(this.domid) } } : child,
    );
    return withMore({ ...card, children }, alias(`net${this.next('net')}`), pci(CARD_SLOT));
  }

  private video(video: XmlElement): XmlElement {
    const children = video.children.map(child => (child.name === 'model' ? screen(child) : child));
    return withMore({ ...video, children }, alias('video0'), pci(VIDEO_SLOT));
  }

  private readonly kinds: Readonly<Record<string, (device: XmlElement) => XmlElement>> = {
    disk: device => this.disk(device),
    interface: device => this.card(device),
    video: device => this.video(device),
    serial: device => withMore(device, alias(`serial${this.next('serial')}`)),
    console: device =>
      childOf(device, 'target')?.attributes.type === 'virtio'
        ? withMore(device, alias('console0'), port(0))
        : withMore(device, alias('serial0')),
    channel: device => {
      const { name } = childOf(device, 'target')?.attributes ?? {};
      const channel = channelsOf(this.definition.virtio).find(each => each.name === name);
      return channel ? withMore(device, alias(channelAlias(channel.port)), port(channel.port)) : device;
    },
    filesystem: device => {
      const number = this.next('fs');
      return withMore(device, alias(`fs${number}`), this.slotOf(['9p'], number));
    },
    rng: device => withMore(device, alias('rng0'), this.slotOf(['rng'])),
    memballoon: device =>
      device.attributes.model === 'virtio' ? withMore(device, alias('balloon0'), this.slotOf(['balloon'])) : device,
    controller: device =>
      device.attributes.type === 'virtio-serial' ? withMore(device, alias('virtio-serial0'), this.ports()) : device,
  };

  /** What the PC has whoever asks for it; of what the document has of a kind, that stays. */
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
        : [element('input', { type, bus: 'ps2' }, [alias(`input${this.next('input')}`)])];
    return [
      ...(hasOne('emulator') ? [] : [element('emulator', {}, [], QEMU)]),
      ...controller('pci', { model: 'pci-root' }, alias('pci.0')),
      ...controller('ide', {}, alias('ide'), pci(IDE.slot, IDE.function)),
      ...(devices.some(({ attributes }) => attributes.device === 'floppy') ? controller('fdc', {}, alias('fdc0')) : []),
      ...(this.ports() ? controller('virtio-serial', {}, alias('virtio-serial0'), this.ports()) : []),
      ...input('mouse'),
      ...input('keyboard'),
      ...(hasOne('audio') ? [] : [element('audio', { id: '1', type: 'none' })]),
    ];
  }

  devices(devices: XmlElement): XmlElement {
    // Another board's bus is not here.
    const here = devices.children.filter(({ name, attributes }) => name !== 'controller' || attributes.type !== 'pci');
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

/** A running domain's document with that in it, in its place there. */
export async function runningDocument(text: string, definition: Definition, domid: number): Promise<string> {
  const { parse } = await import('../../definitions/config/xml/tree.ts');
  const { inPlace, xmlText } = await import('../../definitions/config/xml/index.ts');
  const domain = parse(text)! as XmlElement;
  const board = new Board(definition, domid);
  const children = domain.children.map(child => {
    if (child.name === 'devices') return inPlace(board.devices(child));
    if (child.name !== 'os') return child;
    return {
      ...child,
      children: child.children.map(each =>
        each.name === 'type' ? { ...each, attributes: { ...each.attributes, machine: QEMU_MACHINE } } : each,
      ),
    };
  });
  const partition = element('resource', {}, [element('partition', {}, [], '/machine')]);
  return xmlText(inPlace(withMore({ ...domain, children }, partition, SECURITY)));
}
