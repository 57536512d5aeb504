/** Cards of a guest with their addresses, as its agent tells them. Source: qemuAgentGetInterfaces() of src/qemu/qemu_agent.c. */
import type { Uses } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { type Agent, malformed, withAgent } from './session.ts';
import { count, list, listIn, maybeText, part, text } from './words.ts';

/** virIPAddrType. */
const TYPES: Readonly<Record<string, number>> = { ipv4: 0, ipv6: 1 };

export interface GuestInterface {
  name: string;
  mac: string | undefined;
  addresses: { type: number; address: string; prefix: number }[];
}

/** An interface's alias (`eth0:1`) counts as the interface. @throws LibvirtError */
export function readInterfaces(said: unknown): GuestInterface[] {
  const all = new Map<string, GuestInterface>();
  for (const each of list(said, "qemu agent didn't return an array of interfaces")) {
    const full = text(each, 'name', "qemu agent didn't provide 'name' field");
    const [name = ''] = full.split(':');
    const its = all.get(name) ?? { name, mac: maybeText(each, 'hardware-address'), addresses: [] };
    all.set(name, its);
    if (part(each, 'ip-addresses') === undefined) continue;
    for (const address of listIn(each, 'ip-addresses', 'Malformed ip-addresses array')) {
      const missing = (field: string): string => `qemu agent didn't provide '${field}' field for interface '${full}'`;
      const type = text(address, 'ip-address-type', missing('ip-address-type'));
      if (!Object.hasOwn(TYPES, type)) throw malformed(`unknown ip address type '${type}'`);
      its.addresses.push({
        type: TYPES[type]!,
        address: text(address, 'ip-address', missing('ip-address')),
        prefix: count(address, 'prefix', "malformed 'prefix' field"),
      });
    }
  }
  return [...all.values()];
}

export const interfacesBy = async (agent: Agent): Promise<GuestInterface[]> =>
  readInterfaces(await agent.ask('guest-network-get-interfaces'));

/** @throws LibvirtError */
export const guestInterfaces = (host: Uses<'toolstack'>, domain: Domain): Promise<GuestInterface[]> =>
  withAgent(host, domain, 'virDomainInterfaceAddresses', interfacesBy);
