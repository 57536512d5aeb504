/** Devices of domains: what went through them, and those that come and go while a domain runs. */
import { xmlLanguage } from '../definitions/config/index.ts';
import { type ChannelPort, channelsOf } from '../../devices/index.ts';
import type { Definition } from '../definitions/config/index.ts';
import {
  type BlockCounts,
  blockCounts,
  type ChannelRefusal,
  type CommandHost,
  kindOfMember,
  type Uses,
} from '../toolstack/index.ts';
import { COMMANDS, runXl } from '../toolstack/commands/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { updateCard } from './card-link.ts';
import { runningCards } from './cards.ts';
import { changeOfDefined, DEVICE, type DeviceChange, judged } from './defined-devices.ts';
import { activeId, guestId } from './domains.ts';
import { tellOfDomain } from './events/index.ts';
import { refuseNowhere } from './places-of-cards.ts';
import { driverOf, functionOf } from './hypervisors/index.ts';
import { ideAlias, unitOf } from '../toolstack/qemu/index.ts';
import { isDevice } from '../host/storage/index.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags, CONFIG, impactOf, LIVE } from './flags.ts';
import { updateGraphics } from './graphics.ts';
import { inLibvirt, LIBVIRT_KINDS, type LibvirtKind } from './kinds/index.ts';
import { childOf, wellFormed } from './xml.ts';

const SECTOR_BYTES = 512;

/** virDomainBlockStats of one disk of a domain that runs, by its target, or '' for all. @throws LibvirtError */
export function blockStats(host: Uses<'domains' | 'toolstack'>, domain: Domain, target: string) {
  const id = activeId(domain);
  const names = domain.definition.disks.map(({ vdev }) => vdev);
  if (target !== '' && !names.includes(target)) throw new LibvirtError('INVALID_ARG', `invalid path: ${target}`);
  const counts = [...blockCounts(host.toolstack, host.domains.member(id))].filter(
    ([vdev]) => target === '' || vdev === target,
  );
  const sum = (of: (one: BlockCounts) => number): number => counts.reduce((total, [, one]) => total + of(one), 0);
  return {
    readRequests: sum(({ reads }) => reads),
    readBytes: sum(({ readSectors }) => readSectors) * SECTOR_BYTES,
    writeRequests: sum(({ writes }) => writes),
    writtenBytes: sum(({ writtenSectors }) => writtenSectors) * SECTOR_BYTES,
  };
}

/** virDomainInterfaceStats, as the guest sees it: what it sends the bridge receives. @throws LibvirtError */
export function interfaceStats(host: CommandHost, domain: Domain, device: string) {
  activeId(domain);
  const card = runningCards(host, domain).find(({ name, mac }) => device === name || device === mac);
  if (!card) throw new LibvirtError('INVALID_ARG', `'${device}' is not a known interface`);
  const { counts } = card;
  return {
    rxBytes: counts.txBytes,
    rxPackets: counts.txPackets,
    rxDropped: counts.txDropped,
    txBytes: counts.rxBytes,
    txPackets: counts.rxPackets,
    txDropped: counts.rxDropped,
  };
}

/** virDomainBlockInfo, in bytes. @throws LibvirtError */
export async function blockInfo(host: Uses<'disk' | 'files'>, { definition }: Domain, target: string) {
  const disk = definition.disks.find(({ vdev, target: path }) => vdev === target || path === target);
  if (!disk) throw new LibvirtError('INVALID_ARG', `invalid path ${target} not assigned to domain`);
  if (disk.target === '')
    throw new LibvirtError('INVALID_ARG', `disk '${target}' does not currently have a source assigned`);
  const path = disk.target;
  const { allowed } = host.files;
  return failing(async () => {
    if (allowed?.has(path)) {
      const { capacityBytes, allocationBytes, fileBytes } = allowed.measure(path);
      // What a guest writes into a raw image says nothing of it.
      const isImage = disk.format === 'qcow2';
      return { capacityBytes: isImage ? capacityBytes : fileBytes, allocationBytes, physicalBytes: fileBytes };
    }
    const storage = await host.disk.openDevices([path]);
    const volume = storage?.volumes.find(({ name }) => path === `/dev/vg0/${name}`);
    const image = isDevice(path) ? undefined : storage?.image(await host.files.realPath(path));
    if (storage && image) {
      const allocationBytes = storage.writtenBytes(image.path);
      return { capacityBytes: storage.medium(image.path).bytes, allocationBytes, physicalBytes: image.bytes };
    }
    if (volume) return { capacityBytes: volume.bytes, allocationBytes: volume.bytes, physicalBytes: volume.bytes };
    const { size } = await host.files.readFile(path);
    const { device } = await host.files.openImage(path);
    return { capacityBytes: device.bytes, allocationBytes: size, physicalBytes: size };
  });
}

/** What a device's XML defines, as a domain has it: one that has what it needs without the device, for a kernel. @throws LibvirtError with all that is wrong */
async function deviceOf(xml: string, { type }: LibvirtKind): Promise<Definition> {
  await wellFormed(xml, DEVICE);
  const text = `<domain type='${type}'><name>d</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/none</kernel></os><devices>${xml}</devices></domain>`;
  return judged(DEVICE, text, true);
}

/** A card that comes to both has one station address in both (qemuDomainAttachDeviceLiveAndConfigHomogenize()). */
async function withAddress(host: Uses<'toolstack'>, xml: string): Promise<string> {
  const element = await wellFormed(xml, DEVICE);
  if (element.name !== 'interface' || childOf(element, 'mac')) return xml;
  const { xmlText } = await xmlLanguage.load();
  const mac = { name: 'mac', attributes: { address: host.toolstack.stations.draw() }, text: '', children: [] };
  return xmlText({ ...element, children: [mac, ...element.children] });
}

/** Words of xl for a device: what attaches and what detaches it. @throws LibvirtError where it can do neither */
export const wordsFor = async (
  xml: string,
  kind: LibvirtKind = LIBVIRT_KINDS.hvm,
): Promise<Readonly<Record<DeviceChange, string[]>>> => xlWordsOf(await deviceOf(xml, kind), kind);

function xlWordsOf({ disks, cards }: Definition, { cardWords }: LibvirtKind): Readonly<Record<DeviceChange, string[]>> {
  const [disk] = disks;
  const [card] = cards;
  if (disk)
    return {
      attach: [
        'block-attach',
        `format=${disk.format},vdev=${disk.vdev},access=${disk.readOnly ? 'ro' : 'rw'}${disk.kind === 'cdrom' ? ',devtype=cdrom' : ''},target=${disk.target}`,
      ],
      detach: ['block-detach', disk.vdev],
      update:
        disk.kind === 'cdrom'
          ? [disk.target ? 'cd-insert' : 'cd-eject', disk.vdev, ...(disk.target ? [disk.target] : [])]
          : [],
    };
  if (card) {
    const { model, mac, options } = card;
    return {
      attach: [
        'network-attach',
        ...(mac ? [`mac=${mac}`] : []),
        ...cardWords.model(model),
        ...(options?.bridge ? [`bridge=${options.bridge}`] : []),
        ...(options?.network ? [`network=${options.network}`] : []),
      ],
      detach: ['network-detach', mac ?? cardWords.withoutAddress],
      update: [],
    };
  }
  throw new LibvirtError(
    'CONFIG_UNSUPPORTED',
    'only disks, network cards and channels come to a domain that runs, and go',
  );
}

const FUNCTION: Readonly<Record<DeviceChange, string>> = {
  attach: 'DomainAttachDeviceFlags',
  detach: 'DomainDetachDeviceFlags',
  update: 'DomainUpdateDeviceFlags',
};
/** virConnectDomainEventTrayChangeReason. */
const TRAY = { OPEN: 0, CLOSE: 1 };
/** VIR_DOMAIN_DEVICE_MODIFY_FORCE. */
const FORCE = 1 << 2;

async function change(host: CommandHost, domain: Domain, xml: string, flags: number, how: DeviceChange): Promise<void> {
  checkFlags(flags, LIVE | CONFIG | (how === 'update' ? FORCE : 0), functionOf(host, FUNCTION[how]));
  const { live, config } = impactOf(domain, flags);
  const id = live ? guestId(domain) : 0;
  const whole = how === 'attach' && live && config ? await withAddress(host, xml) : xml;
  const next = config ? await changeOfDefined(host, domain, whole, how) : undefined;
  if (live) await changeRunning(host, id, whole, how);
  if (live && how === 'update' && driverOf(host).reports.has('tray-change')) await tellOfTray(host, domain, xml);
  await next?.commit();
}

/** What the drivers refuse of one that runs before they ask for it (libxlDomainAttachDeviceDiskLive() of src/libxl/libxl_driver.c). @throws LibvirtError */
function refuseRunning(has: Definition, device: Definition, how: DeviceChange): void {
  inLibvirt(has).refuse(has, device, how);
  const [disk] = device.disks;
  if (how === 'attach' && disk?.kind === 'disk' && has.disks.some(({ vdev }) => vdev === disk.vdev))
    throw new LibvirtError('OPERATION_FAILED', `target ${disk.vdev} already exists`);
}

/** What xl's command says, without the line of libxl's below it. */
function inItsWords(said: string): Error {
  const why = said.replace(/\nlibxl_device_\w+ failed\.$/, '');
  const [, path, problem] = /^(.*): (No such file or directory|Permission denied)$/.exec(why) ?? [];
  return path === undefined
    ? new Error(why)
    : new LibvirtError('SYSTEM_ERROR', `Cannot access storage file '${path}': ${problem}`, 'storage');
}

/**
 * A channel is the one of its name whose socket is where a client says. Source: qemuDomainAttachChrDevice() and qemuDomainDetachDeviceChr() of
 * src/qemu/qemu_hotplug.c, virDomainVirtioSerialAddrNext() of src/conf/domain_addr.c; the sentence of QEMU's is of hw/char/virtio-serial-bus.c.
 * @throws LibvirtError
 */
async function changeChannel(host: CommandHost, id: number, { name, path }: ChannelPort, how: DeviceChange) {
  const member = host.domains.member(id);
  const { plugChannel, unplugChannel } = (await kindOfMember(member).running()).plugging;
  if (how === 'update')
    throw new LibvirtError('OPERATION_UNSUPPORTED', "live update of device 'chr' is not supported", 'qemu');
  const its = member.channels?.get(name);
  const isElsewhere = path !== undefined && path !== its?.path;
  if (how === 'detach') {
    // virDomainChrEquals(): the path that its socket has by itself is asked for, too.
    if (!its || path !== its.path)
      throw new LibvirtError('DEVICE_MISSING', "chr type 'channel' device not present in domain configuration", 'qemu');
    return unplugChannel?.(host.toolstack, member, name);
  }
  if (!plugChannel) throw noController();
  await plugChannel(host.toolstack, member, { name, ...(path === undefined ? {} : { path }) }).catch((error: Error) => {
    throw refusedBy(error, name, isElsewhere);
  });
}

const noController = (): Error =>
  new LibvirtError('INTERNAL_ERROR', 'no virtio-serial controllers are available', 'domain');

/** What the driver says where the toolstack refuses a channel. */
function refusedBy(error: Error, name: string, isElsewhere: boolean): Error {
  switch ((error as Partial<ChannelRefusal>).why) {
    case 'no controller':
      return noController();
    case 'no port':
      return new LibvirtError('XML_ERROR', 'Unable to find a free virtio-serial port', 'domain');
    case 'name':
      return isElsewhere
        ? new LibvirtError(
            'INTERNAL_ERROR',
            `unable to execute QEMU command 'device_add': virtio-serial-bus: A port already exists by name ${name}`,
            'qemu',
          )
        : new LibvirtError('OPERATION_INVALID', 'chardev already exists', 'qemu');
    default:
      return error;
  }
}

/** Changing the medium of a drive opens its tray and closes it. */
async function tellOfTray(host: CommandHost, domain: Domain, xml: string): Promise<void> {
  const [disk] = (await deviceOf(xml, LIBVIRT_KINDS.kvm)).disks;
  if (disk?.kind !== 'cdrom') return;
  const device = ideAlias(unitOf(disk.vdev));
  for (const reason of [TRAY.OPEN, TRAY.CLOSE]) tellOfDomain(host, domain, { kind: 'tray-change', device, reason });
}

async function changeRunning(host: CommandHost, id: number, xml: string, how: DeviceChange): Promise<void> {
  const kind = inLibvirt(host.toolstack.living(id).blueprint.definition);
  await failing(async () => {
    const device = await deviceOf(xml, kind);
    const element = await wellFormed(xml, DEVICE);
    if (how === 'update' && element.name === 'graphics') return updateGraphics(host, id, element, device);
    if (how === 'update' && element.name === 'interface') return updateCard(host, id, device.cards[0]!);
    const [channel] = channelsOf(device.virtio);
    if (channel) return changeChannel(host, id, channel, how);
    if (how === 'attach') await refuseNowhere(host, device);
    refuseRunning(host.domains.member(id).blueprint.definition, device, how);
    const [command, ...rest] = xlWordsOf(device, kind)[how];
    if (command === undefined)
      throw new LibvirtError('CONFIG_UNSUPPORTED', 'only what lies in a CD drive changes while a domain runs');
    const read = (path: string): Promise<Blob> => host.files.readFile(path);
    await runXl(COMMANDS, {
      host,
      program: 'xl',
      words: [command, String(id), ...rest],
      read,
      write: () => Promise.reject(new Error('Nothing is written.')),
    }).catch((error: Error) => {
      throw inItsWords(error.message);
    });
  });
}

/** @throws LibvirtError */
export const attachDevice = (host: CommandHost, domain: Domain, xml: string, flags = 0): Promise<void> =>
  change(host, domain, xml, flags, 'attach');
/** @throws LibvirtError */
export const detachDevice = (host: CommandHost, domain: Domain, xml: string, flags = 0): Promise<void> =>
  change(host, domain, xml, flags, 'detach');
/** Of one that runs, what lies in its drives. @throws LibvirtError */
export const updateDevice = (host: CommandHost, domain: Domain, xml: string, flags = 0): Promise<void> =>
  change(host, domain, xml, flags, 'update');
