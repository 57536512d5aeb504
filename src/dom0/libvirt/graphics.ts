/**
 * The password of a screen whose domain runs. Source: qemuDomainChangeGraphics() and qemuDomainChangeGraphicsPasswords() of src/qemu/qemu_hotplug.c,
 * libxlDomainUpdateDeviceLive() of src/libxl/libxl_driver.c of libvirt 9.0; QEMU's sentence is qmp_set_password()'s.
 */
import type { Definition } from '../definitions/config/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import { LibvirtError } from './errors.ts';
import { driverOf } from './hypervisors/index.ts';
import type { XmlElement } from './xml.ts';

/** `asked`: what the element defines. Who is looking goes on, and who comes is asked for the new one. @throws LibvirtError */
export function updateGraphics(host: CommandHost, id: number, { attributes }: XmlElement, asked: Definition): void {
  driverOf(host).needsQemu("device type 'graphics' cannot be updated", 'CONFIG_UNSUPPORTED');
  const { type, port } = attributes;
  if (type !== 'vnc')
    throw new LibvirtError('INTERNAL_ERROR', `cannot find existing graphics device to modify of type '${type}'`);
  if (port !== undefined && port !== '-1' && attributes.autoport !== 'yes')
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'cannot change port settings on vnc graphics');
  const member = host.domains.living(id);
  const { definition } = member.blueprint;
  const { vncPassword, vncPasswordUntil } = asked;
  // Without one in the document QEMU gets no command, and keeps its password.
  if (vncPassword === undefined) return;
  if (definition.vncPassword === undefined)
    throw new LibvirtError('INTERNAL_ERROR', "unable to execute QEMU command 'set_password': Could not set password");
  const { vncPasswordUntil: _before, ...rest } = definition;
  member.blueprint = {
    ...member.blueprint,
    definition: { ...rest, vncPassword, ...(vncPasswordUntil === undefined ? {} : { vncPasswordUntil }) },
  };
}
