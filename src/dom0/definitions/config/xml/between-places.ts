/**
 * What libvirt's driver of QEMU refuses of places on PCI buses (between.ts). Sources, of libvirt 9.0: src/conf/domain_addr.c (virDomainPCIAddressReserveAddr(),
 * virDomainPCIAddressValidate()) and src/qemu/qemu_domain_address.c (qemuDomainValidateDevicePCISlotsPIIX3(), …Q35()).
 */
import { attribute, devicesOf, fault, isQ35, type Judge, numbered, twice } from './between-parts.ts';
import { busOf } from './bus.ts';
import { childOf, type Element } from './tree.ts';

interface Place {
  device: Element;
  bus: number;
  slot: number;
  /** As libvirt writes it: 0000:00:01.2. */
  text: string;
}

const padded = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');

function placesOf(domain: Element): Place[] {
  return (childOf(domain, 'devices')?.children ?? []).flatMap(device => {
    const address = childOf(device, 'address')?.attributes;
    if (address?.type !== 'pci' || address.slot === undefined) return [];
    const [segment, bus, slot, fn] = [address.domain, address.bus, address.slot, address.function].map(text =>
      Number(text ?? 0),
    ) as [number, number, number, number];
    return [{ device, bus, slot, text: `${padded(segment, 4)}:${padded(bus, 2)}:${padded(slot, 2)}.${fn}` }];
  });
}

/** What is soldered to a board: its ISA bridge, its drives, its USB, its power management. */
function onBoard(domain: Element): { place: string; owns: (device: Element) => boolean }[] {
  const is =
    (type: string) =>
    ({ name, attributes }: Element): boolean =>
      name === 'controller' && attributes.type === type;
  const nothing = (): boolean => false;
  if (isQ35(domain))
    return [
      { place: '0000:00:1f.0', owns: nothing },
      { place: '0000:00:1f.2', owns: is('sata') },
      { place: '0000:00:1f.3', owns: nothing },
    ];
  const hasDrives =
    numbered(domain, 'ide').length > 0 ||
    devicesOf(domain, 'disk').some(disk => busOf(childOf(disk, 'target')) === 'ide');
  const usb = numbered(domain, 'usb');
  const isPiix3 =
    usb.length === 0 || usb.some(({ index, model }) => index === 0 && (model ?? 'piix3-uhci') === 'piix3-uhci');
  return [
    { place: '0000:00:01.0', owns: nothing },
    ...(hasDrives ? [{ place: '0000:00:01.1', owns: is('ide') }] : []),
    ...(isPiix3 ? [{ place: '0000:00:01.2', owns: is('usb') }] : []),
    { place: '0000:00:01.3', owns: nothing },
  ];
}

const ONE_SLOT = /^pcie-(?:root-port|switch-downstream-port)$/;
const FROM_SLOT_1 = /^(?:pci-bridge|pcie-to-pci-bridge)$/;
/** The first and the last slot of a bus; undefined: libvirt has to say. Where nothing names a bus's controller, it adds the one that the device needs. */
function slotsOf(domain: Element, { device, bus }: Place): readonly [number, number] | undefined {
  if (bus === 0) return undefined;
  const named = numbered(domain, 'pci').find(({ index }) => index === bus)?.model;
  if (named !== undefined) return ONE_SLOT.test(named) ? [0, 0] : FROM_SLOT_1.test(named) ? [1, 31] : undefined;
  if (!isQ35(domain)) return [1, 31];
  if (device.name === 'disk') return [0, 0];
  if (device.name !== 'interface') return undefined;
  const model = attribute(device, 'model', 'type') ?? '';
  return model === 'virtio' ? [0, 0] : /^(?:e1000|rtl8139|pcnet|ne2k_pci)$/.test(model) ? [1, 31] : undefined;
}

export const placesOfQemu: Judge = domain => {
  const places = placesOf(domain),
    board = onBoard(domain);
  const of = new Map(places.map(place => [place.device, place]));
  const isElsewhere = (type: string, at: string) =>
    numbered(domain, type).find(
      ({ controller, index, model }) =>
        index === 0 && (type === 'ide' || model === 'piix3-uhci') && (of.get(controller)?.text ?? at) !== at,
    )?.controller;
  return [
    ...twice(
      places.map(({ device }) => device),
      device => of.get(device)?.text,
      text => `Attempted double use of PCI Address ${text}.`,
    ),
    ...places.map(({ device, text }) =>
      fault(
        board.some(({ place, owns }) => place === text && !owns(device)),
        device,
        `Attempted double use of PCI Address ${text}: the board has something of its own there.`,
      ),
    ),
    ...places.map(place => {
      const [first, last] = slotsOf(domain, place) ?? [place.slot, place.slot];
      return fault(
        place.slot < first || place.slot > last,
        place.device,
        `Invalid PCI address ${place.text}. slot must be ${place.slot < first ? `>= ${first}` : `<= ${last}`}.`,
      );
    }),
    ...(isQ35(domain)
      ? []
      : [
          fault(
            isElsewhere('ide', '0000:00:01.1'),
            isElsewhere('ide', '0000:00:01.1'),
            'Primary IDE controller must have PCI address 0:0:1.1.',
          ),
          fault(
            isElsewhere('usb', '0000:00:01.2'),
            isElsewhere('usb', '0000:00:01.2'),
            'PIIX3 USB controller at index 0 must have PCI address 0:0:1.2.',
          ),
        ]),
  ];
};
