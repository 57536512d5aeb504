/** Devices: drives and cards by files of their own, screens, sound and a serial port here. */
import { hasPorts, isChannelName, MOST_CHANNELS } from '../../../../devices/index.ts';
import { approximated, ignored, type Judged, used } from '../options.ts';
import { shortened, type Value } from '../xlcfg.ts';
import { childOf, type Element, tag } from './tree.ts';
import type { BootOrder } from './boot.ts';
import { cardOf } from './card.ts';
import { diskOf, drivesOf, readFloppy } from './disks.ts';
import { notHere, type XmlReading } from './reading.ts';
import { readPassword } from './passwords.ts';

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
const OF_KVM: typeof OF_DEVICES = { ...OF_DEVICES, memballoon: notHere('The guest has no balloon.') };

/** What a guest of KVM has of virtio by an element; undefined: nothing. */
export function virtioOf(element: Element): string | undefined {
  const { name, attributes, children } = element;
  if (name === 'rng' && attributes.model?.startsWith('virtio')) return 'rng';
  if (name === 'memballoon' && attributes.model?.startsWith('virtio')) {
    const period = children.find(child => child.name === 'stats')?.attributes.period;
    const said = { deflate: attributes.autodeflate, reporting: attributes.freePageReporting, period };
    return ['balloon', ...Object.entries(said).flatMap(([key, value]) => (value ? [`${key}=${value}`] : []))].join(',');
  }
  const target = children.find(child => child.name === 'target');
  if (name === 'channel') return channelIn(element);
  if (name === 'filesystem') return folderOf(children, target?.attributes.dir);
  return name === 'console' && target?.attributes.type === 'virtio' ? 'console' : undefined;
}

/** A channel by its name, with a socket of this machine: other back ends are not here. */
export function channelIn({ attributes, children }: Element): string | undefined {
  const [target = {}, source, address] = ['target', 'source', 'address'].map(
    wanted => children.find(({ name }) => name === wanted)?.attributes,
  );
  const path = source?.path;
  if (attributes.type !== 'unix' || target.type !== 'virtio' || !isChannelName(target.name)) return undefined;
  if (path !== undefined && !/^\/[^,]*$/.test(path)) return undefined;
  const port = portOf(address);
  return `channel,name=${target.name}${port === undefined ? '' : `,port=${port}`}${path === undefined ? '' : `,path=${path}`}`;
}

/** Of the one controller that is here; another address is none. */
function portOf({ type, controller = '0', port = '' }: Element['attributes'] = {}): number | undefined {
  const number = /^\d{1,2}$/.test(port) ? Number(port) : 0;
  return type === 'virtio-serial' && controller === '0' && number >= 1 && number <= MOST_CHANNELS ? number : undefined;
}

const isSerial = ({ name, attributes }: Element): boolean =>
  name === 'controller' && attributes.type === 'virtio-serial';

/** A folder of Domain 0: <source dir>, <target dir> is its tag. What leads elsewhere (file, block, ram) is none. */
function folderOf(children: Element['children'], tag: string | undefined): string | undefined {
  const path = children.find(child => child.name === 'source')?.attributes.dir;
  const readOnly = children.some(child => child.name === 'readonly') ? ',readonly=on' : '';
  return path === undefined || tag === undefined ? undefined : `9p,tag=${tag},path=${path}${readOnly}`;
}

/** Models of <video> by xl's words for them. */
const VGA: Record<string, string> = { vga: 'stdvga', bochs: 'stdvga', cirrus: 'cirrus', qxl: 'qxl', none: 'none' };

const valueOf = ({ line, column }: Element, text: string, said: string): Value => ({
  kind: 'string',
  text,
  line,
  column,
  origin: { said },
});

export function readDevices(read: XmlReading, devices: Element, orders: BootOrder[]): void {
  const disks: Value[] = [],
    cards: Value[] = [],
    screens: Value[] = [],
    virtio: Value[] = [];
  const drives = drivesOf(read, devices);
  let serial: Element | undefined;
  const targets = new Set<string>();
  const firstKeys = new Set<string>();
  /** Of a kind there is one: the first counts. */
  const first = (key: string, element: Element, text: string, kind: 'string' | 'number' = 'string'): void => {
    if (firstKeys.has(key))
      return read.remark(
        element,
        element.name,
        ignored('the first one counts', `Of <${element.name}> the first one counts here; this one is left out.`),
      );
    firstKeys.add(key);
    read.set(key, element, text, kind, `<${element.name}>`);
  };
  for (const element of devices.children) {
    const { name, attributes } = element;
    const model = childOf(element, 'model')?.attributes.type;
    const order = childOf(element, 'boot');
    const ofVirtio = read.type.virtio ? virtioOf(element) : undefined;
    if (isSerial(element) && read.type.virtio) serial ??= element;
    const target = childOf(element, 'target')?.attributes.dev;
    if (name === 'graphics') readPassword(read, element);
    if (order) deviceOrder(read, element, order, drives.get(element) ?? target, orders);
    if (name === 'disk') {
      if (target && targets.has(target))
        read.problem(
          childOf(element, 'target')!.places.dev,
          `Target '${shortened(target)}' is duplicated: another disk has it. Write another.`,
        );
      else if (attributes.device === 'floppy') readFloppy(read, element);
      else {
        const disk = diskOf(read, element, attributes.device === 'cdrom', drives.get(element));
        if (disk) disks.push(disk);
      }
      if (target) targets.add(target);
    } else if (name === 'interface') cards.push(cardOf(read, element));
    else if (name === 'graphics' && isParavirtual(read) && screens.length === 0)
      screens.push(valueOf(element, `type=${attributes.type === 'sdl' ? 'sdl' : 'vnc'}`, '<graphics>'));
    else if (name === 'graphics' && isParavirtual(read))
      read.remark(element, name, ignored('one screen counts', 'A guest has one screen; this one is left out.'));
    else if (name === 'graphics')
      first(attributes.type === 'spice' ? 'spice' : attributes.type === 'sdl' ? 'sdl' : 'vnc', element, '1', 'number');
    else if (name === 'video' && isParavirtual(read))
      read.remark(element, name, notHere('The screen of a paravirtual guest is the one of <graphics>.'));
    else if (name === 'video') {
      if (Object.hasOwn(VGA, model ?? 'vga')) first('vga', element, VGA[model ?? 'vga']);
      else
        read.remark(
          element,
          name,
          approximated(
            'a standard VGA',
            `There is no ${shortened(model ?? '')} here: the PC has a standard VGA with Bochs’ VBE extensions.`,
          ),
        );
    } else if (ofVirtio) virtio.push(valueOf(element, ofVirtio, tag(element)));
    else if (name === 'serial') first('serial', element, attributes.type ?? 'pty');
    else if (name === 'sound') first('soundhw', element, attributes.model ?? '');
    else if (serial !== element)
      read.other(element, read.type.virtio ? OF_KVM : OF_DEVICES, [
        'disk',
        'interface',
        'graphics',
        'video',
        'serial',
        'sound',
      ]);
  }
  readDefaults(read, devices, serial, virtio);
  read.list('disk', disks);
  read.list('vif', cards);
  read.list('vfb', screens);
  read.list('virtio', virtio);
}

/** What belongs to others, and what a guest of KVM has without being asked. */
function readDefaults(read: XmlReading, devices: Element, serial: Element | undefined, virtio: Value[]): void {
  if (serial) readSerial(read, serial, virtio);
  // qemuDomainDefAddDefaultDevices(): where nothing is said of a balloon there is one.
  if (read.type.virtio && !devices.children.some(({ name }) => name === 'memballoon'))
    virtio.push(valueOf(devices, 'balloon', '<devices>'));
}

/** The controller of channels comes with them; without any it waits for those that come while the guest runs. */
function readSerial(read: XmlReading, controller: Element, virtio: Value[]): void {
  const items = virtio.flatMap(value => (value.kind === 'list' ? [] : value.text));
  if (!hasPorts(items)) virtio.push(valueOf(controller, 'serial', tag(controller)));
  else read.remark(controller, 'controller', used('of its channels', 'The guest’s channels are ports of it.'));
}

/** <boot order> at a device. `drive`: the disk's name as xl has it. */
function deviceOrder(
  read: XmlReading,
  device: Element,
  element: Element,
  drive: string | undefined,
  orders: BootOrder[],
): void {
  const order = Number(element.attributes.order);
  // What is no number was reported with the attributes.
  if (!Number.isInteger(order)) return;
  if (order < 1)
    return read.problem(
      element.places.order,
      `Invalid value for attribute 'order' in element 'boot': '${order}'. The numbers begin with 1.`,
    );
  if (device.name === 'interface') orders.push({ order, device: 'n', at: element });
  else if (device.name === 'disk' && drive) orders.push({ order, device: drive, at: element });
  else
    read.remark(
      element,
      'boot.order',
      ignored('no such device', `There is no <${device.name}> here that could be tried: the next in order is.`),
    );
}

/** A guest without emulated devices, as far as its elements so far say. */
function isParavirtual(read: XmlReading): boolean {
  return read.source.settings.some(({ key, value }) => key === 'type' && value.kind !== 'list' && value.text !== 'hvm');
}
