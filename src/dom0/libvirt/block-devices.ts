/**
 * Bytes of a running domain's disks, and how many there are. Source: qemuDomainBlockPeek() and qemuDomainBlockResize() of src/qemu/qemu_driver.c of libvirt 9.0,
 * QEMU's block_resize. The driver of libxl has none of both.
 */
import { SECTOR_BYTES } from '../../formats/blocks/index.ts';
import { type DefinedDisk, placeUnderKvm } from '../definitions/config/index.ts';
import type { CommandHost, Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { guestId } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags } from './flags.ts';
import { driverOf } from './hypervisors/index.ts';
import { openBytes } from './volume-bytes.ts';

/** REMOTE_DOMAIN_BLOCK_PEEK_BUFFER_MAX. */
export const MOST_PEEKED = 4_194_304;
/** VIR_DOMAIN_BLOCK_RESIZE_BYTES: else a size is in KiB. */
export const IN_BYTES = 1 << 0;

/** By its target, or by where its image is. */
const named = ({ definition }: Domain, name: string): DefinedDisk | undefined =>
  definition.disks.find(({ vdev, target }) => target !== '' && (vdev === name || target === name));

/** What of a raw disk is at a place, as the host has it. @throws LibvirtError */
export async function blockPeek(
  host: CommandHost,
  domain: Domain,
  name: string,
  { at, bytes }: { at: number; bytes: number },
  flags = 0,
): Promise<Uint8Array> {
  driverOf(host).needsQemu('virDomainBlockPeek');
  checkFlags(flags, 0, 'qemuDomainBlockPeek');
  const disk = named(domain, name);
  if (!disk) throw new LibvirtError('INVALID_ARG', `No device found for specified path '${name}'`, 'qemu');
  if (disk.format !== 'raw')
    throw new LibvirtError(
      'ARGUMENT_UNSUPPORTED',
      `peeking is only supported for disk with 'raw' format not '${disk.format}'`,
      'qemu',
    );
  const image = await openBytes(host, disk.target, false);
  try {
    const there = Math.max(0, image.length - at);
    if (there < bytes)
      throw new LibvirtError(
        'INVALID_ARG',
        `'${disk.target}' starting from ${at} has only ${there} bytes available`,
        'qemu',
      );
    return image.read(at, bytes);
  } finally {
    await image.close();
  }
}

/** A disk of a domain that runs has another size, which one of virtio tells the guest. @throws LibvirtError */
export async function blockResize(
  host: Uses<'domains' | 'toolstack'>,
  domain: Domain,
  name: string,
  size: number,
  flags = 0,
): Promise<void> {
  driverOf(host).needsQemu('virDomainBlockResize');
  checkFlags(flags, IN_BYTES, 'qemuDomainBlockResize');
  const id = guestId(domain);
  const bytes = (flags & IN_BYTES) === 0 ? size * 1024 : size;
  const disk = named(domain, name);
  if (!disk) throw new LibvirtError('INVALID_ARG', `invalid path: ${name}`, 'qemu');
  const refuse = (why: string): never => {
    throw new LibvirtError('INTERNAL_ERROR', `unable to execute QEMU command 'block_resize': ${why}`, 'qemu');
  };
  if (disk.readOnly) refuse('Block node is read-only');
  // qcow2 has whole sectors; a raw file of another length would not be read to its end.
  const whole = Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
  const member = host.domains.living(id);
  const place = placeUnderKvm(disk);
  const open = place === undefined ? undefined : member.attachments.at(place)?.opened?.medium.disk;
  if (!open?.resize || place === undefined)
    refuse(`${disk.vdev} stays as large as it is while the guest runs. Shut it down, and use vol-resize`);
  await failing(async () => {
    try {
      open!.resize!(whole);
    } catch (error) {
      refuse((error as Error).message);
    }
    await member.runner.ask('resizeDisk', place!, open!.bytes);
  });
}
