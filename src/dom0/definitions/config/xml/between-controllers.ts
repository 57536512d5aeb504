/**
 * What libvirt's driver of QEMU refuses of controllers and of what hangs on them (between.ts). Sources, of libvirt 9.0: src/qemu/qemu_domain_address.c,
 * src/qemu/qemu_validate.c, src/conf/domain_addr.c (virDomainUSBAddressSetAddController()) and src/qemu/qemu_alias.c.
 */
import { devicesOf, fault, isQ35, type Judge, numbered } from './between-parts.ts';
import { busOf } from './bus.ts';
import { shortened } from '../xlcfg.ts';
import { childOf, type Element } from './tree.ts';

const XHCI_PORTS = 15;

/** UHCI controllers next to an EHCI one have ports of that one. */
const isCompanion = (model: string | undefined): boolean => /^ich9-uhci\d$/.test(model ?? '');

function usbOfQemu(domain: Element): ReturnType<Judge> {
  const all = numbered(domain, 'usb');
  const isOff = all.some(({ model }) => model === 'none');
  const hubs = all.filter(({ model }) => model !== 'none' && !isCompanion(model));
  return [
    fault(
      isOff && all.length > 1,
      all[1]?.controller,
      "Can't add another USB controller: USB is disabled for this domain. Take <controller type='usb' model='none'/> out.",
    ),
    fault(
      all.every(({ model }) => isCompanion(model)),
      all[0]?.controller,
      'No master USB controller specified: write an ich9-ehci1, too.',
    ),
    ...hubs.map(({ controller, index }, i) =>
      fault(
        hubs.slice(0, i).some(other => other.index === index),
        controller,
        `Duplicate USB controllers with index ${index}.`,
      ),
    ),
    ...devicesOf(domain, 'input').map(input =>
      fault(isOff && input.attributes.bus === 'usb', input, "Can't add USB input device. USB bus is disabled."),
    ),
  ];
}

/** Models of PCI controllers that hang on PCI Express, which an i440FX has not. */
const OF_EXPRESS = /^(?:pcie-root-port|pcie-to-pci-bridge|dmi-to-pci-bridge|pcie-switch-(?:up|down)stream-port)$/;
/** What a pci-bridge hangs on where the root is PCI Express. */
const FOR_BRIDGES = /^(?:dmi|pcie)-to-pci-bridge$/;

function busesOfQemu(domain: Element): ReturnType<Judge> {
  const isExpress = isQ35(domain),
    root = isExpress ? 'pcie-root' : 'pci-root';
  const all = numbered(domain, 'pci');
  return all.flatMap(({ controller, index, model = '(null)' }) => {
    return [
      fault(
        index === 0 && model !== root,
        controller,
        `The PCI controller with index='0' must be model='${root}' for this machine type, but model='${shortened(model)}' was found instead.`,
      ),
      fault(
        index !== 0 && /^pcie?-root$/.test(model),
        controller,
        'pci-root and pcie-root controllers should have index 0.',
      ),
      fault(
        index !== 0 && model === '(null)',
        controller,
        "PCI controller model was not set correctly: write model='pci-bridge'.",
      ),
      fault(
        !isExpress && OF_EXPRESS.test(model),
        controller,
        `a PCI slot is needed to connect a PCI controller model='${shortened(model)}', but none is available.`,
      ),
      fault(
        !isExpress && model === 'pcie-expander-bus',
        controller,
        'pcie-expander-bus controllers are not supported with this machine type.',
      ),
      fault(
        isExpress && model === 'pci-expander-bus',
        controller,
        'pci-expander-bus controllers are only supported on 440fx-based machinetypes.',
      ),
      fault(
        isExpress &&
          model === 'pci-bridge' &&
          !childOf(controller, 'address') &&
          all.every(other => !FOR_BRIDGES.test(other.model ?? '') || other.index > index),
        controller,
        `PCI controller at index ${index} has bus='${index}', but index must be larger than bus: write a dmi-to-pci-bridge with a lower index.`,
      ),
    ];
  });
}

/** Controllers of a PC, and devices that hang on one. */
export function controllersOfQemu(domain: Element): ReturnType<Judge> {
  const isExpress = isQ35(domain);
  const drive = devicesOf(domain, 'disk').find(disk => busOf(childOf(disk, 'target')) === 'ide');
  return [
    ...usbOfQemu(domain),
    ...busesOfQemu(domain),
    fault(
      isExpress,
      drive ?? devicesOf(domain, 'controller').find(({ attributes }) => attributes.type === 'ide'),
      "IDE controllers are unsupported for this QEMU binary or machine type: a Q35 has none. Write bus='sata' or 'virtio'.",
    ),
    ...numbered(domain, 'ide').map(({ controller, index }) =>
      fault(index > 0 && !isExpress, controller, 'Only a single IDE controller is supported for this machine type.'),
    ),
    ...devicesOf(domain, 'input').flatMap(input => {
      const { type, bus, model } = input.attributes;
      return [
        fault(bus === 'xen', input, 'unsupported input bus xen. Write ps2 or virtio.'),
        fault(
          model === 'virtio' && bus !== 'virtio',
          input,
          "only bus 'virtio' is supported for input model 'virtio'. Write bus='virtio'.",
        ),
        fault(
          model !== undefined && model !== 'virtio' && type !== 'passthrough' && type !== 'evdev',
          input,
          `virtio (non-)transitional models are not supported for input type=${shortened(type ?? '')}.`,
        ),
      ];
    }),
    ...devicesOf(domain, 'controller').flatMap(controller => {
      const { type, model, ports } = controller.attributes;
      return [
        fault(
          type === 'usb' && model === 'qemu-xhci' && Number(ports) > XHCI_PORTS,
          controller,
          `'qemu-xhci' controller only supports up to '${XHCI_PORTS}' ports.`,
        ),
        fault(
          type === 'scsi' && model === 'buslogic',
          controller,
          "Unsupported controller model: buslogic. Write model='virtio-scsi'.",
        ),
        fault(
          type === 'xenbus' || type === 'isa',
          controller,
          `Cannot automatically add a new PCI bus for a device with connect flags 00: a guest of KVM has no controller of type ${type}.`,
        ),
      ];
    }),
  ];
}
