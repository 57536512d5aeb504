/**
 * Networks: the host's own, whose bridge all cards are at that ask for nothing else, and those that clients define, each a bridge with a gateway that gives out
 * addresses. Sources: libvirt's documentation, "Network XML format"; src/conf/network_conf.c and src/network/bridge_driver.c of libvirt 9 for what is refused.
 */
import { xmlLanguage } from '../definitions/config/index.ts';
import { formatAddress, parseAddress, parseMac, type Subnet } from '../../devices/net/index.ts';
import { escapedXml } from '../definitions/config/index.ts';
import { BRIDGE } from '../host/network/index.ts';
import { type CommandHost, uuidOfName, type Uses } from '../toolstack/index.ts';
import { LibvirtError } from './errors.ts';
import { LISTED, LISTED_GROUPS, matches, meantBy } from './flags.ts';
import { type Entry, KeptObjects } from './kept.ts';
import { childOf, readXml, type XmlElement } from './xml.ts';

export interface DhcpHost {
  mac?: string;
  name?: string;
  ip?: string;
}

export interface DhcpRange {
  start: string;
  end: string;
}

export interface DnsHost {
  ip: string;
  names: string[];
}

export interface Network {
  name: string;
  uuid: string;
  /** How guests get further: not at all, as the host's own gateway lets them, or by a bridge that is there. */
  mode: 'isolated' | 'nat' | 'bridge';
  bridge: string;
  /** The gateway's station address. */
  mac?: string;
  domain?: string;
  /** A query for names of that domain is answered only from the names known here. */
  isLocalDomain?: true;
  /** Names that its gateway answers with an address. */
  dnsHosts?: DnsHost[];
  /** What tools keep in a document for themselves, as it is written. */
  metadata?: string;
  ip?: { address: string; prefix: number; dhcp?: { ranges: DhcpRange[]; hosts: DhcpHost[] } };
}
export type NetworkEntry = Entry<Network>;

const wrong = (detail: string): LibvirtError => new LibvirtError('XML_ERROR', detail, 'network');

/** Of package libvirt-daemon-config-network: defined, and not active until somebody starts it. */
const DEFAULT_NETWORK = `<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='on' delay='0'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>
`;

const NETWORKS = new KeptObjects<Network>({
  what: 'network',
  folder: '/etc/libvirt/qemu/networks',
  own: [{ name: BRIDGE, uuid: uuidOfName(`network ${BRIDGE}`), mode: 'bridge', bridge: BRIDGE }],
  shipped: [DEFAULT_NETWORK],
  read: readNetwork,
  write: networkXml,
  begin,
  missing: detail => new LibvirtError('NO_NETWORK', detail, 'network'),
});

export const networkEvents = NETWORKS.events;

/** virNetworkForwardType. */
const MODES = 'none nat route open bridge private vepa passthrough hostdev'.split(' ');
const NO_ADDRESS = 0xffffffff;

const maskOf = (prefix: number): number => (prefix === 0 ? 0 : (NO_ADDRESS << (32 - prefix)) >>> 0);

/** @throws LibvirtError */
function addressOf(text: string | undefined, what: string): number {
  const address = text === undefined ? Number.NaN : parseAddress(text);
  if (Number.isNaN(address)) throw wrong(`Invalid ${what} '${text ?? ''}' in network definition`);
  return address;
}

/** virNetworkDefParseXML(). @throws LibvirtError */
async function readNetwork(text: string): Promise<Network> {
  const root = await readXml(text, 'network');
  const name = childOf(root, 'name')?.text;
  if (!name) throw wrong('missing name information in network');
  if (name.includes('/')) throw wrong(`name ${name} cannot contain '/'`);
  const forward = childOf(root, 'forward');
  const mode = forward ? (forward.attributes.mode ?? 'nat') : 'none';
  if (!MODES.includes(mode))
    throw new LibvirtError('CONFIG_UNSUPPORTED', `unknown forwarding type '${mode}'`, 'network');
  if (mode !== 'none' && mode !== 'nat' && mode !== 'bridge')
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      `a network here is isolated, or forwards by nat or bridge, and not by ${mode}`,
      'network',
    );
  const bridge = childOf(root, 'bridge')?.attributes.name ?? '';
  if (mode === 'bridge' && bridge !== BRIDGE)
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      `the host's one bridge is ${BRIDGE}: there is no ${bridge || 'other'}`,
      'network',
    );
  const mac = childOf(root, 'mac')?.attributes.address;
  if (mac !== undefined && !parseMac(mac)) throw wrong(`Invalid bridge mac address '${mac}' in network '${name}'`);
  refuseOthers(name, root, forward);
  const ip = root.children.filter(child => child.name === 'ip');
  if (mode === 'nat' && ip.length === 0)
    throw wrong(`nat forwarding requested, but no IP address provided for network '${name}'`);
  if (ip.length > 1) throw new LibvirtError('CONFIG_UNSUPPORTED', 'a network here has one address of IPv4', 'network');
  const { name: domain, localOnly } = childOf(root, 'domain')?.attributes ?? {};
  const dnsHosts = childOf(root, 'dns')?.children.map(host => readDnsHost(name, host)) ?? [];
  const metadata = childOf(root, 'metadata');
  const { xmlText } = await xmlLanguage.load();
  return {
    name,
    uuid: childOf(root, 'uuid')?.text.toLowerCase() || uuidOfName(`network ${name}`),
    mode: mode === 'none' ? 'isolated' : mode,
    bridge,
    ...(mode === 'bridge' ? {} : { mac: (mac ?? macOf(name)).toLowerCase() }),
    ...(domain ? { domain } : {}),
    ...(localOnly === 'yes' ? { isLocalDomain: true as const } : {}),
    ...(dnsHosts.length > 0 ? { dnsHosts } : {}),
    ...(metadata ? { metadata: xmlText(metadata, '  ').trimEnd() } : {}),
    ...(ip.length > 0 && mode !== 'bridge' ? { ip: readIp(name, ip[0]!) } : {}),
  };
}

/** What libvirt's networks have and those here do not, by its path. */
const NOT_HERE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  network: {
    mtu: 'frames have 1500 bytes',
    vlan: 'a bridge knows no VLANs',
    bandwidth: 'a network has no limit; cards have (<bandwidth> in <interface>)',
    portgroup: 'cards have no portgroups',
    virtualport: 'there are no virtual ports',
    route: 'the gateway knows no other routes',
    dnsmasqOptions: 'there is no dnsmasq',
  },
  forward: {
    interface: 'it goes the one way that the host has',
    pf: 'no function of a device is handed out',
    address: 'no function of a device is handed out',
  },
  dns: {
    forwarder: 'the gateway asks whom the host asks',
    txt: 'the gateway knows addresses alone',
    srv: 'the gateway knows addresses alone',
  },
  ip: { tftp: 'a gateway has no TFTP' },
  dhcp: { bootp: 'a gateway has no TFTP' },
};

/** @throws LibvirtError: by its name, what there is not */
function refuseOthers(network: string, root: XmlElement, forward: XmlElement | undefined): void {
  const refuse = (what: string, why: string): never => {
    throw new LibvirtError('CONFIG_UNSUPPORTED', `${what} in network '${network}': ${why}`, 'network');
  };
  const look = (element: XmlElement): void => {
    for (const child of element.children) {
      const why = NOT_HERE[element.name]?.[child.name];
      if (why !== undefined) refuse(`<${child.name}>`, why);
      if (Object.hasOwn(NOT_HERE, child.name)) look(child);
    }
  };
  look(root);
  const { family = 'ipv4' } =
    root.children.find(({ name, attributes }) => name === 'ip' && attributes.family !== undefined)?.attributes ?? {};
  if (family !== 'ipv4') refuse(`<ip family='${family}'>`, 'addresses are of IPv4');
  if (forward?.attributes.dev !== undefined)
    refuse(`<forward dev='${forward.attributes.dev}'>`, NOT_HERE.forward!.interface!);
  const { start = FIRST_PORT, end = LAST_PORT } = childOf(childOf(forward, 'nat'), 'port')?.attributes ?? {};
  if (start !== FIRST_PORT || end !== LAST_PORT)
    refuse(`<port start='${start}' end='${end}'>`, `it takes ports from ${FIRST_PORT} to ${LAST_PORT}`);
}

/** Ports that NAT takes (networkDefaultNatPorts). */
const FIRST_PORT = '1024',
  LAST_PORT = '65535';

/** virNetworkDNSHostDefParseXML(). @throws LibvirtError */
function readDnsHost(network: string, { attributes: { ip }, children }: XmlElement): DnsHost {
  const names = children.filter(({ name }) => name === 'hostname').map(({ text }) => text);
  if (!ip)
    throw new LibvirtError('XML_DETAIL', `Missing IP address in network '${network}' DNS HOST record`, 'network');
  if (Number.isNaN(parseAddress(ip)))
    throw new LibvirtError('XML_DETAIL', `Invalid IP address in network '${network}' DNS HOST record`, 'network');
  if (names.length === 0 || names.includes(''))
    throw new LibvirtError('XML_DETAIL', `Missing hostname in network '${network}' DNS HOST record`, 'network');
  return { ip, names };
}

/** One in QEMU's range, which libvirt draws, for each name another. */
const macOf = (name: string): string => `52:54:00:${uuidOfName(`bridge ${name}`).slice(0, 6).match(/../g)!.join(':')}`;

function readIp(name: string, element: XmlElement): NonNullable<Network['ip']> {
  const { address, netmask, prefix } = element.attributes;
  const own = addressOf(address, 'address');
  const bits = prefix === undefined ? prefixOf(netmask) : Number(prefix);
  if (bits === undefined || !Number.isInteger(bits) || bits < 1 || bits > 30)
    throw wrong(`Invalid netmask '${netmask ?? prefix ?? ''}' for address '${address}' in network '${name}'`);
  const dhcp = childOf(element, 'dhcp');
  const ip = { address: formatAddress(own), prefix: bits };
  if (!dhcp) return ip;
  const of = (kind: string): XmlElement[] => dhcp.children.filter(child => child.name === kind);
  return {
    ...ip,
    dhcp: {
      ranges: of('range').map(range => readRange(range, ip)),
      hosts: of('host').map(host => readHost(name, host, ip)),
    },
  };
}

/** Of a mask whose ones come first; undefined: it is none. Without one, as addresses were once divided (RFC 791). */
function prefixOf(netmask: string | undefined): number | undefined {
  if (netmask === undefined) return 24;
  const mask = parseAddress(netmask);
  const bits = Number.isNaN(mask) ? -1 : Math.clz32(~mask);
  return bits > 0 && maskOf(bits) === mask ? bits : undefined;
}

/** @throws LibvirtError where it does not lie within its network */
function readRange({ attributes }: XmlElement, { address, prefix }: { address: string; prefix: number }): DhcpRange {
  const [start, end] = [addressOf(attributes.start, "'start' address"), addressOf(attributes.end, "'end' address")];
  const mask = maskOf(prefix),
    network = (parseAddress(address) & mask) >>> 0;
  const said = `range ${attributes.start} - ${attributes.end}`;
  if ([start, end].some(each => (each & mask) >>> 0 !== network))
    throw new LibvirtError(
      'INTERNAL_ERROR',
      `${said} is not entirely within network ${formatAddress(network)}/${prefix}`,
      'network',
    );
  if (start > end) throw new LibvirtError('INTERNAL_ERROR', `${said} is reversed `, 'network');
  return { start: formatAddress(start), end: formatAddress(end) };
}

/** virNetworkDHCPHostDefParseXML(). @throws LibvirtError */
function readHost(
  network: string,
  { attributes }: XmlElement,
  { address, prefix }: { address: string; prefix: number },
): DhcpHost {
  const { mac, name, ip } = attributes;
  if (mac !== undefined && (!parseMac(mac) || (parseMac(mac)![0]! & 1) !== 0))
    throw wrong(
      parseMac(mac)
        ? `expected unicast mac address, found multicast '${mac}' in network '${network}'`
        : `Cannot parse MAC address '${mac}' in network '${network}'`,
    );
  if (!mac && !name) throw wrong(`Static host definition in IPv4 network '${network}' must have mac or name attribute`);
  const own = ip === undefined ? undefined : addressOf(ip, 'IP address');
  if (own !== undefined && ((own ^ parseAddress(address)) & maskOf(prefix)) !== 0)
    throw wrong(`Static host address ${ip} does not lie within network '${network}'`);
  return {
    ...(mac ? { mac: mac.toLowerCase() } : {}),
    ...(name ? { name } : {}),
    ...(own === undefined ? {} : { ip: formatAddress(own) }),
  };
}

const hostXml = ({ mac, name, ip }: DhcpHost): string =>
  `<host${mac ? ` mac='${mac}'` : ''}${name ? ` name='${escapedXml(name)}'` : ''}${ip ? ` ip='${ip}'` : ''}/>`;

const dnsXml = ({ ip, names }: DnsHost): string[] => [
  `    <host ip='${ip}'>`,
  ...names.map(name => `      <hostname>${escapedXml(name)}</hostname>`),
  '    </host>',
];

/** virNetworkDefFormatBuf(). */
export function networkXml(network: Network): string {
  const { name, uuid, mode, bridge, mac, domain, isLocalDomain, dnsHosts = [], metadata, ip } = network;
  const head = [
    `  <name>${escapedXml(name)}</name>`,
    `  <uuid>${uuid}</uuid>`,
    ...(metadata === undefined ? [] : [metadata]),
  ];
  if (mode === 'bridge')
    return `<network>\n${head.join('\n')}\n  <forward mode='bridge'/>\n  <bridge name='${escapedXml(bridge)}'/>\n</network>\n`;
  return [
    '<network>',
    ...head,
    ...(mode === 'nat'
      ? ["  <forward mode='nat'>", '    <nat>', "      <port start='1024' end='65535'/>", '    </nat>', '  </forward>']
      : []),
    `  <bridge name='${escapedXml(bridge)}' stp='on' delay='0'/>`,
    `  <mac address='${mac}'/>`,
    ...(domain ? [`  <domain name='${escapedXml(domain)}'${isLocalDomain ? " localOnly='yes'" : ''}/>`] : []),
    ...(dnsHosts.length > 0 ? ['  <dns>', ...dnsHosts.flatMap(dnsXml), '  </dns>'] : []),
    ...(ip
      ? [
          `  <ip address='${ip.address}' netmask='${formatAddress(maskOf(ip.prefix))}'>`,
          ...(ip.dhcp
            ? [
                '    <dhcp>',
                ...ip.dhcp.ranges.map(({ start, end }) => `      <range start='${start}' end='${end}'/>`),
                ...ip.dhcp.hosts.map(host => `      ${hostXml(host)}`),
                '    </dhcp>',
              ]
            : []),
          '  </ip>',
        ]
      : []),
    '</network>',
    '',
  ].join('\n');
}

/** By virConnectListAllNetworksFlags. */
export const listNetworks = async (host: CommandHost, flags: number): Promise<NetworkEntry[]> =>
  (await NETWORKS.list(host)).filter(({ isActive, isPersistent, isAutomatic }) =>
    matches(
      (isActive ? LISTED.ACTIVE : LISTED.INACTIVE) |
        (isPersistent ? LISTED.PERSISTENT : LISTED.TRANSIENT) |
        (isAutomatic ? LISTED.AUTOSTART : LISTED.NO_AUTOSTART),
      flags,
      LISTED_GROUPS,
    ),
  );

export const networkByName = (host: CommandHost, name: string): Promise<NetworkEntry> => NETWORKS.byName(host, name);
export const networkByUuid = (host: CommandHost, uuid: string): Promise<NetworkEntry> => NETWORKS.byUuid(host, uuid);

/** With a bridge of its own, where it names none. */
async function withBridge(host: CommandHost, xml: string): Promise<string> {
  const network = await readNetwork(xml);
  const others = (await NETWORKS.list(host)).filter(({ of }) => of.name !== network.name);
  const isTaken = (bridge: string): boolean => others.some(({ of }) => of.bridge === bridge);
  if (network.mode !== 'bridge' && isTaken(network.bridge))
    throw new LibvirtError('INTERNAL_ERROR', `bridge name '${network.bridge}' already in use.`, 'network');
  let number = 0;
  while (isTaken(`virbr${number}`)) number++;
  return networkXml({ ...network, bridge: network.bridge || `virbr${number}` });
}

/** What a form says of a network: what it does not speak of stays as it is defined. */
export interface NetworkWish {
  name: string;
  mode: 'isolated' | 'nat';
  /** Of its gateway, with the length of its prefix: 192.168.100.1/24. Empty: it has none. */
  address: string;
  /** What DHCP gives out; absent: nothing. */
  range?: DhcpRange;
}

/** The document of a network to be. @throws LibvirtError: it can be none */
export async function wishedNetworkXml(
  host: CommandHost,
  { name, mode, address, range }: NetworkWish,
): Promise<string> {
  const known = await NETWORKS.defined(host, name);
  const [, own, prefix] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(address) ?? [];
  if (address !== '' && own === undefined) throw wrong(`Invalid address '${address}' in network definition`);
  const hosts = known?.ip?.dhcp?.hosts ?? [];
  const dhcp = range || hosts.length > 0 ? { dhcp: { ranges: range ? [range] : [], hosts } } : {};
  const ip = own === undefined ? {} : { ip: { address: own, prefix: Number(prefix), ...dhcp } };
  const { ip: _before, ...rest } = known ?? { name, uuid: uuidOfName(`network ${name}`), bridge: '', mac: macOf(name) };
  // Read as libvirt reads it: nothing is shown that would be refused.
  return withBridge(host, networkXml({ ...rest, mode, ...ip }));
}

/** @throws LibvirtError */
export const defineNetwork = async (host: CommandHost, xml: string): Promise<NetworkEntry> =>
  NETWORKS.define(host, await withBridge(host, xml));
/** @throws LibvirtError */
export const createNetwork = async (host: CommandHost, xml: string): Promise<NetworkEntry> =>
  NETWORKS.create(host, await withBridge(host, xml), of => begin(host, of));
/** @throws LibvirtError */
export const startNetwork = (host: CommandHost, entry: NetworkEntry): Promise<void> =>
  NETWORKS.start(host, entry, of => begin(host, of));
/** Cards that are on it reach nobody from then on. @throws LibvirtError */
export async function stopNetwork(host: CommandHost, entry: NetworkEntry): Promise<void> {
  await NETWORKS.stop(host, entry);
  host.toolstack.services.network.removeNetwork(entry.of.name);
}
/** @throws LibvirtError */
export const undefineNetwork = (host: CommandHost, entry: NetworkEntry): Promise<void> =>
  NETWORKS.undefine(host, entry);
/** @throws LibvirtError */
export const setNetworkAutostart = (host: CommandHost, entry: NetworkEntry, on: boolean): Promise<void> =>
  NETWORKS.setAutomatic(host, entry, on);

/** @throws LibvirtError */
async function begin(host: Uses<'toolstack'>, of: Network): Promise<void> {
  const { network } = host.toolstack.services;
  if (of.mode === 'bridge') return network.addAlias(of.name);
  const subnet = subnetOf(of);
  const other = network.subnets.find(({ mask, network: base }) => {
    const both = mask & subnet.mask;
    return of.ip !== undefined && ((base ^ subnet.network) & both) === 0;
  });
  if (other)
    throw new LibvirtError('INTERNAL_ERROR', `Network is already in use by interface ${other.bridge}`, 'network');
  await network.connect();
  await network.addNetwork(of.name, { bridge: of.bridge, subnet, goesOut: of.mode === 'nat' });
}

/** One without an address has nobody who answers. */
function subnetOf({ name, mac, domain = '', dnsHosts = [], ip }: Network): Subnet {
  const gateway = ip ? parseAddress(ip.address) : 0;
  const mask = ip ? maskOf(ip.prefix) : NO_ADDRESS;
  const station = parseMac(mac!)!;
  const hosts = ip?.dhcp?.hosts ?? [];
  const [range] = ip?.dhcp?.ranges ?? [];
  const own = (host: string): string[] => [host, ...(domain ? [`${host}.${domain}`] : [])];
  return {
    network: (gateway & mask) >>> 0,
    mask,
    gateway,
    nameServer: gateway,
    domain: domain || name,
    names: new Map([
      ...dnsHosts.flatMap(({ ip: address, names }) =>
        names.flatMap(host => own(host.toLowerCase()).map((each): [string, number] => [each, parseAddress(address)])),
      ),
      ...hosts.flatMap(({ name: host, ip: address }) =>
        host && address ? own(host.toLowerCase()).map((each): [string, number] => [each, parseAddress(address)]) : [],
      ),
    ]),
    ...(range ? { range: { first: parseAddress(range.start), last: parseAddress(range.end) } } : {}),
    hosts: hosts.flatMap(({ mac: hostMac, name: hostName, ip: address }) =>
      hostMac
        ? [
            {
              mac: hostMac,
              ...(hostName ? { name: hostName } : {}),
              ...(address ? { address: parseAddress(address) } : {}),
            },
          ]
        : [],
    ),
    stationOf: () => station,
  };
}

// ---- leases

/** virNetworkDHCPLease. */
export interface DhcpLease {
  bridge: string;
  /** Seconds since 1970. */
  expiry: number;
  mac: string;
  address: string;
  prefix: number;
  name?: string;
}

/** Of one station, or of all. */
export function networkLeases(host: Uses<'clock' | 'toolstack'>, { of }: NetworkEntry, mac?: string): DhcpLease[] {
  const { network } = host.toolstack.services;
  const nowNs = network.timers.clock.nowNs();
  return (network.networkNamed(of.name)?.leases ?? [])
    .filter(lease => mac === undefined || lease.mac === mac.toLowerCase())
    .map(({ mac: station, address, name, untilNs }) => ({
      bridge: of.bridge,
      expiry: Math.floor((host.clock.epochMs() + (untilNs - nowNs) / 1e6) / 1000),
      mac: station,
      address: formatAddress(address),
      prefix: of.ip!.prefix,
      ...(name === undefined ? {} : { name }),
    }));
}

// ---- changes

/** virNetworkUpdateCommand and virNetworkUpdateSection. */
export const UPDATE = { MODIFY: 1, DELETE: 2, ADD_LAST: 3, ADD_FIRST: 4 };
export const SECTION = { IP_DHCP_HOST: 4, IP_DHCP_RANGE: 5 };

/** virNetworkObjUpdate(). @throws LibvirtError */
export async function updateNetwork(
  host: CommandHost,
  entry: NetworkEntry,
  { command, section, xml, flags }: { command: number; section: number; xml: string; flags: number },
): Promise<void> {
  const { live, config } = meantBy(flags, entry.isActive);
  NETWORKS.refuseOwn(entry);
  if (live && !entry.isActive) throw new LibvirtError('OPERATION_INVALID', 'network is not running', 'network');
  if (config && !entry.isPersistent)
    throw new LibvirtError('OPERATION_INVALID', 'cannot change persistent config of a transient network', 'network');
  const change = (of: Network): Promise<Network> => changed(of, { command, section, xml });
  const next = live ? await change(entry.of) : undefined;
  const defined = config ? await change((await NETWORKS.defined(host, entry.of.name)) ?? entry.of) : undefined;
  if (next) {
    await NETWORKS.replaceActive(host, next);
    host.toolstack.services.network.networkNamed(next.name)?.change(subnetOf(next));
  }
  if (defined) await NETWORKS.define(host, networkXml(defined));
}

/** @throws LibvirtError */
async function changed(
  of: Network,
  { command, section, xml }: { command: number; section: number; xml: string },
): Promise<Network> {
  const { ip } = of;
  if (section !== SECTION.IP_DHCP_HOST && section !== SECTION.IP_DHCP_RANGE)
    throw new LibvirtError('NO_SUPPORT', "can't update this section of a network here", 'network');
  if (!ip)
    throw new LibvirtError(
      'OPERATION_INVALID',
      `couldn't find a network with an address in network '${of.name}'`,
      'network',
    );
  const { ranges = [], hosts = [] } = ip.dhcp ?? {};
  const to = (dhcp: { ranges: DhcpRange[]; hosts: DhcpHost[] }): Network => ({ ...of, ip: { ...ip, dhcp } });
  if (section === SECTION.IP_DHCP_RANGE) {
    const range = readRange(await readXml(xml, 'range'), ip);
    const at = ranges.findIndex(({ start, end }) => start === range.start && end === range.end);
    if (command === UPDATE.MODIFY)
      throw new LibvirtError(
        'OPERATION_UNSUPPORTED',
        'dhcp ranges cannot be modified, only added or deleted',
        'network',
      );
    return to({
      ranges: edited(ranges, range, {
        command,
        at,
        of: of.name,
        what: 'dhcp range',
        text: `<range start='${range.start}' end='${range.end}'/>`,
      }),
      hosts,
    });
  }
  const given = readHost(of.name, await readXml(xml, 'host'), ip);
  // One that is changed is known by its station address or its name; one that is added by any of what it has.
  const at = hosts.findIndex(({ mac, name, ip: address }) =>
    command === UPDATE.MODIFY
      ? (given.mac !== undefined && mac === given.mac) || (given.mac === undefined && name === given.name)
      : (given.mac !== undefined && mac === given.mac) ||
        (given.name !== undefined && name === given.name) ||
        (given.ip !== undefined && address === given.ip),
  );
  return to({
    ranges,
    hosts: edited(hosts, given, { command, at, of: of.name, what: 'dhcp host', text: hostXml(given) }),
  });
}

/** @throws LibvirtError */
function edited<T>(
  all: readonly T[],
  item: T,
  { command, at, of, what, text }: { command: number; at: number; of: string; what: string; text: string },
): T[] {
  const refuse = (detail: string): never => {
    throw new LibvirtError('OPERATION_INVALID', detail, 'network');
  };
  if (command === UPDATE.ADD_FIRST || command === UPDATE.ADD_LAST) {
    if (at >= 0) refuse(`there is an existing ${what} entry in network '${of}' that matches "${text}"`);
    return command === UPDATE.ADD_FIRST ? [item, ...all] : [...all, item];
  }
  if (at < 0) refuse(`couldn't locate a matching ${what} entry in network '${of}'`);
  if (command === UPDATE.DELETE) return all.filter((_, index) => index !== at);
  return all.map((each, index) => (index === at ? item : each));
}
