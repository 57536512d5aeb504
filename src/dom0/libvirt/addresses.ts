/** Addresses of a domain's cards. Source: qemuDomainInterfaceAddresses() of src/qemu/qemu_driver.c, libxlDomainInterfaceAddresses() of src/libxl/libxl_driver.c. */
import { addressesOf, type CommandHost } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { type GuestInterface, guestInterfaces } from './agent/index.ts';
import { ADDRESS_SOURCE } from './constants.ts';
import { activeId } from './domains.ts';
import { LibvirtError } from './errors.ts';
import { driverOf } from './hypervisors/index.ts';

const IPV4 = 0;
/** Of the network of the host's guests. */
const PREFIX = 24;

/** `source`: who is asked. @throws LibvirtError */
export async function domainAddresses(host: CommandHost, domain: Domain, source: number): Promise<GuestInterface[]> {
  const id = activeId(domain);
  const { addresses, cardName, name } = driverOf(host);
  if (!addresses.sources.includes(source))
    throw new LibvirtError('ARGUMENT_UNSUPPORTED', `${addresses.others} IP address data source ${source}`, name);
  if (source === ADDRESS_SOURCE.agent) return guestInterfaces(host, domain);
  return addressesOf(host, id).map(({ port, mac, address }) => ({
    name: cardName(host, id, port),
    mac,
    addresses: [{ type: IPV4, address, prefix: PREFIX }],
  }));
}
