/**
 * What a guest's agent knows of its system, as fields with types. Source: qemuDomainGetGuestInfo() of src/qemu/qemu_driver.c, and what it asks of qemu_agent.c;
 * virDomainGuestInfoTypes.
 */
import type { CommandHost, Uses } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { activeId } from '../domains.ts';
import { LibvirtError } from '../errors.ts';
import { checkFlags } from '../flags.ts';
import { driverOf } from '../hypervisors/index.ts';
import { type DiskAddress, readDiskAddress, readFileSystems, targetAt } from './filesystems.ts';
import { readInterfaces } from './interfaces.ts';
import { malformed, withAgent } from './session.ts';
import { list, maybeText, part, text, truth } from './words.ts';

/** A field, and of which type its value is. */
export type GuestFact =
  | readonly [field: string, kind: 'int' | 'unsigned' | 'unsignedHyper', value: number]
  | readonly [field: string, kind: 'text', value: string]
  | readonly [field: string, kind: 'bool', value: boolean];

type Definition = Domain['definition'];

/** No field where the text is absent. */
const textField = (field: string, value: string | undefined): GuestFact[] =>
  value === undefined ? [] : [[field, 'text', value]];
const counted = (field: string, value: number | undefined): GuestFact[] =>
  value === undefined ? [] : [[field, 'unsignedHyper', value]];

function users(said: unknown): GuestFact[] {
  const missing = (field: string): string => `'${field}' missing in reply of guest-get-users`;
  const all = list(said, 'guest-get-users reply was missing return data');
  return [
    ['user.count', 'unsigned', all.length],
    ...all.flatMap((each, i): GuestFact[] => {
      const name = text(each, 'user', missing('user'));
      const loginS = part(each, 'login-time');
      if (typeof loginS !== 'number') throw malformed(missing('login-time'));
      return [
        [`user.${i}.name`, 'text', name],
        ...textField(`user.${i}.domain`, maybeText(each, 'domain')),
        [`user.${i}.login-time`, 'unsignedHyper', Math.floor(loginS * 1000)],
      ];
    }),
  ];
}

const OS_FIELDS = [
  ...['id', 'name', 'pretty-name', 'version', 'version-id', 'machine', 'variant', 'variant-id'],
  ...['kernel-release', 'kernel-version'],
];
const os = (said: unknown): GuestFact[] => OS_FIELDS.flatMap(field => textField(`os.${field}`, maybeText(said, field)));

function timezone(said: unknown): GuestFact[] {
  const offset = part(said, 'offset');
  if (!Number.isSafeInteger(offset)) throw malformed("'offset' missing in reply of guest-get-timezone");
  return [...textField('timezone.name', maybeText(said, 'zone')), ['timezone.offset', 'int', offset as number]];
}

const readHostname = (said: unknown): string =>
  text(said, 'host-name', "'host-name' missing in guest-get-host-name reply");

function fileSystems(said: unknown, definition: Definition): GuestFact[] {
  const all = readFileSystems(said);
  if (all.length === 0) return [];
  return [
    ['fs.count', 'unsigned', all.length],
    ...all.flatMap(({ name, mountpoint, type, totalBytes, usedBytes, disks }, i): GuestFact[] => [
      [`fs.${i}.name`, 'text', name],
      [`fs.${i}.mountpoint`, 'text', mountpoint],
      [`fs.${i}.fstype`, 'text', type],
      ...counted(`fs.${i}.total-bytes`, totalBytes),
      ...counted(`fs.${i}.used-bytes`, usedBytes),
      [`fs.${i}.disk.count`, 'unsigned', disks.length],
      ...disks.flatMap((address, j): GuestFact[] => [
        ...textField(`fs.${i}.disk.${j}.alias`, targetAt(definition, address)),
        ...textField(`fs.${i}.disk.${j}.serial`, address.serial),
        ...textField(`fs.${i}.disk.${j}.device`, address.device),
      ]),
    ]),
  ];
}

function disks(said: unknown, definition: Definition): GuestFact[] {
  const all = list(said, "qemu agent didn't return an array of disks");
  if (all.length === 0) return [];
  return [
    ['disk.count', 'unsigned', all.length],
    ...all.flatMap((each, i): GuestFact[] => {
      const lies = part(each, 'dependencies');
      const on = lies === undefined ? [] : list(lies, 'Malformed dependencies array');
      const at = part(each, 'address');
      const address: DiskAddress | undefined = at === undefined ? undefined : readDiskAddress(at);
      return [
        [`disk.${i}.name`, 'text', text(each, 'name', "'name' missing in reply of guest-get-disks")],
        [`disk.${i}.partition`, 'bool', truth(each, 'partition', "'partition' missing in reply of guest-get-disks")],
        ...(on.length > 0 ? ([[`disk.${i}.dependency.count`, 'unsigned', on.length]] as const) : []),
        ...on.flatMap((name, j) =>
          textField(`disk.${i}.dependency.${j}.name`, typeof name === 'string' ? name : undefined),
        ),
        ...textField(`disk.${i}.serial`, address?.serial),
        ...textField(`disk.${i}.alias`, address && targetAt(definition, address)),
        ...textField(`disk.${i}.guest_alias`, maybeText(each, 'alias')),
      ];
    }),
  ];
}

function interfaces(said: unknown): GuestFact[] {
  const all = readInterfaces(said);
  if (all.length === 0) return [];
  return [
    ['if.count', 'unsigned', all.length],
    ...all.flatMap(({ name, mac, addresses }, i): GuestFact[] => [
      [`if.${i}.name`, 'text', name],
      ...textField(`if.${i}.hwaddr`, mac),
      [`if.${i}.addr.count`, 'unsigned', addresses.length],
      ...addresses.flatMap(({ type, address, prefix }, j): GuestFact[] => [
        [`if.${i}.addr.${j}.type`, 'text', type === 0 ? 'ipv4' : 'ipv6'],
        [`if.${i}.addr.${j}.addr`, 'text', address],
        [`if.${i}.addr.${j}.prefix`, 'unsigned', prefix],
      ]),
    ]),
  ];
}

/** virDomainGuestInfoTypes in the order of their bits: virsh's word for each, the command, and what fields its answer makes. */
export const GUEST_INFO: readonly {
  word: string;
  command: string;
  facts: (said: unknown, definition: Definition) => GuestFact[];
}[] = [
  { word: 'user', command: 'guest-get-users', facts: users },
  { word: 'os', command: 'guest-get-osinfo', facts: os },
  { word: 'timezone', command: 'guest-get-timezone', facts: timezone },
  {
    word: 'hostname',
    command: 'guest-get-host-name',
    facts: said => [['hostname', 'text', readHostname(said)]],
  },
  { word: 'filesystem', command: 'guest-get-fsinfo', facts: fileSystems },
  { word: 'disk', command: 'guest-get-disks', facts: disks },
  { word: 'interface', command: 'guest-network-get-interfaces', facts: interfaces },
];

/** Bits of `types` say what is wanted; 0: all that this agent knows. @throws LibvirtError */
export async function guestInfo(host: CommandHost, domain: Domain, types: number, flags = 0): Promise<GuestFact[]> {
  checkFlags(flags, 0, 'qemuDomainGetGuestInfo');
  const unknown = types >>> GUEST_INFO.length;
  if (unknown !== 0)
    throw new LibvirtError(
      'INVALID_ARG',
      `unsupported guest information types '0x${(unknown << GUEST_INFO.length).toString(16)}'`,
      'qemu',
    );
  return withAgent(host, domain, 'virDomainGetGuestInfo', async agent => {
    const all: GuestFact[] = [];
    for (const [bit, { command, facts }] of GUEST_INFO.entries()) {
      if (types !== 0 && (types & (1 << bit)) === 0) continue;
      const said = await (types === 0 ? agent.askIfKnown(command) : agent.ask(command));
      if (said !== undefined) all.push(...facts(said, domain.definition));
    }
    return all;
  });
}

/** virDomainGetHostnameFlags. */
export const HOSTNAME = { LEASE: 1 << 0, AGENT: 1 << 1 };

/** What the guest calls itself: to its agent, or where it asked for an address on one of libvirt's networks. @throws LibvirtError */
export async function guestHostname(host: Uses<'toolstack'>, domain: Domain, flags = 0): Promise<string> {
  checkFlags(flags, HOSTNAME.LEASE | HOSTNAME.AGENT, 'qemuDomainGetHostname');
  if (flags !== HOSTNAME.LEASE)
    return withAgent(host, domain, 'virDomainGetHostname', async agent =>
      readHostname(await agent.ask('guest-get-host-name')),
    );
  driverOf(host).needsQemu('virDomainGetHostname');
  activeId(domain);
  const name = nameByLease(host, domain.definition);
  if (name === undefined) throw new LibvirtError('NO_HOSTNAME', `no hostname found for domain ${domain.name}`, 'qemu');
  return name;
}

function nameByLease(host: Uses<'toolstack'>, { cards }: Definition): string | undefined {
  const { network } = host.toolstack.services;
  return cards
    .flatMap(card => {
      const of = card.options?.network;
      const leases = of === undefined ? [] : (network.networkNamed(of)?.leases ?? []);
      return leases.filter(lease => lease.mac === card.mac?.toLowerCase());
    })
    .find(({ name }) => name !== undefined)?.name;
}
