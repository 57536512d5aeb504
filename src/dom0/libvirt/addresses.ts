/** Addresses of a domain's cards. Source: qemuDomainInterfaceAddresses() of src/qemu/qemu_driver.c, libxlDomainInterfaceAddresses() of src/libxl/libxl_driver.c. */
import { addressesOf, type CommandHost } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { type GuestInterface, guestInterfaces } from './agent/index.ts';
import { tapOf } from './cards.ts';
import { activeId } from './domains.ts';
import { LibvirtError } from './errors.ts';
import { isQemu } from './qemu-driver.ts';

/** virDomainInterfaceAddressesSource, by virsh's words. The host's network knows of both but the agent's. */
export const ADDRESS_SOURCE = { lease: 0, agent: 1, arp: 2 };
const IPV4 = 0;
/** Of the network of the host's guests. */
const PREFIX = 24;

/** `source`: who is asked. @throws LibvirtError */
export async function domainAddresses(host: CommandHost, domain: Domain, source: number): Promise<GuestInterface[]> {
  const id = activeId(domain);
  if (source === ADDRESS_SOURCE.agent && isQemu(host)) return guestInterfaces(host, domain);
  if (source !== ADDRESS_SOURCE.lease && !(source === ADDRESS_SOURCE.arp && isQemu(host)))
    throw new LibvirtError(
      'ARGUMENT_UNSUPPORTED',
      `${isQemu(host) ? 'Unknown' : 'Unsupported'} IP address data source ${source}`,
      isQemu(host) ? 'qemu' : 'libxl',
    );
  return addressesOf(host, id).map(({ port, mac, address }) => ({
    name: isQemu(host) ? tapOf(id) : port,
    mac,
    addresses: [{ type: IPV4, address, prefix: PREFIX }],
  }));
}
