/**
 * What libvirt refuses of a definition besides single values: what belongs together, what excludes each other, and how large something may be. Source:
 * src/conf/domain_conf.c, domain_validate.c and their like of libvirt 9; each was tried with `virsh -c test:///default define`.
 */
import { CGROUP } from '../../../hypervisor/scheduler/index.ts';
import { DOMAIN, type ElementRule } from './libvirt-schema.ts';
import { busOf } from './xml/bus.ts';
import { childOf, type Element, scaleOf } from './xml/tree.ts';
import { type Position, shortened } from './xlcfg.ts';

/** What is wrong; without a place at the element itself. */
interface Fault {
  at?: Position | undefined;
  text: string;
}
type Judge = (element: Element) => Fault[];

const UUID = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;
const all = (element: Element | undefined, name: string): Element[] =>
  element?.children.filter(child => child.name === name) ?? [];
const when = (isWrong: unknown, text: string, at?: Position): Fault[] => (isWrong ? [{ at, text }] : []);
const textOf = (element: Element, name: string): string => childOf(element, name)?.text ?? '';

/** An attribute's number beyond what there may be. */
const above =
  (name: string, most: number, what: string): Judge =>
  ({ attributes, places }) =>
    when(
      Number(attributes[name]) > most,
      `${what} '${shortened(attributes[name] ?? '')}' is too large: the largest is ${most}.`,
      places[name],
    );

/** Of elements of one name no two may have the same value. */
const unlike =
  (name: string, valueOf: (element: Element) => string | undefined, what: string): Judge =>
  element => {
    const seen = new Set<string>();
    return all(element, name).flatMap(each => {
      const value = valueOf(each);
      if (value === undefined) return [];
      const isSecond = seen.has(value);
      seen.add(value);
      return when(isSecond, `${what} '${shortened(value)}' is used more than once. Give each its own.`, each);
    });
  };

/** An address of the Internet as a number, and whether it is one of version 6; undefined: it is none. */
function internetAddress(text: string): { bits: bigint; isV6: boolean } | undefined {
  const joined = (parts: readonly number[], bits: number, isV6: boolean) => ({
    bits: parts.reduce((sum, part) => (sum << BigInt(bits)) | BigInt(part), 0n),
    isV6,
  });
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const bytes = text.split('.').map(Number);
    return bytes.every(byte => byte < 256) ? joined(bytes, 8, false) : undefined;
  }
  const last = /[^:]*\.[^:]*$/.exec(text)?.[0];
  if (last !== undefined) {
    // ::ffff:10.0.0.1
    const inner = internetAddress(last);
    if (!inner || inner.isV6) return undefined;
    const pair = [inner.bits >> 16n, inner.bits & 0xffffn].map(word => word.toString(16)).join(':');
    return text === last ? undefined : internetAddress(text.slice(0, -last.length) + pair);
  }
  const halves = text.split('::').map(half => (half === '' ? [] : half.split(':')));
  const words = halves.flat();
  if (halves.length > 2 || !words.every(word => /^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  if (halves.length === 1 ? words.length !== 8 : words.length > 7) return undefined;
  const [head, tail = []] = halves;
  const all = [...head, ...Array<string>(8 - words.length).fill('0'), ...tail];
  return joined(
    all.map(word => Number.parseInt(word, 16)),
    16,
    true,
  );
}

/** virNetDevIPRouteCreate(): a network of the family that is written, or of version 4, and a gateway of the same. */
const route: Judge = ({ attributes, places }) => {
  const { family, address = '', netmask, prefix, gateway = '' } = attributes;
  const isV6 = family === 'ipv6';
  const fault = (name: string, text: string): Fault[] => [{ at: places[name], text: `${text} in route definition.` }];
  if (family !== undefined && !/^ipv[46]$/.test(family))
    return fault('family', `Unrecognized family '${shortened(family)}'`);
  // The schema reports what is missing.
  if (attributes.address === undefined || attributes.gateway === undefined) return [];
  const [network, via, mask] = [address, gateway, netmask].map(text =>
    text === undefined ? undefined : internetAddress(text),
  );
  if (!network) return fault('address', `Bad network address '${shortened(address)}'`);
  if (!via) return fault('gateway', `Bad gateway address '${shortened(gateway)}'`);
  for (const [name, { isV6: is }] of [
    ['address', network],
    ['gateway', via],
  ] as const)
    if (is !== isV6)
      return fault(
        name,
        `${family === undefined ? 'No family specified' : `${family} is specified`} for '${shortened(attributes[name]!)}'`,
      );
  if (netmask !== undefined && isV6) return fault('netmask', 'Specifying netmask is invalid for an IPv6 address');
  if (netmask !== undefined && prefix !== undefined) return fault('netmask', 'Both a prefix and a netmask are given');
  if (netmask !== undefined && !mask) return fault('netmask', `Bad netmask address '${shortened(netmask)}'`);
  if (prefix !== undefined && !/^\d+$/.test(prefix)) return [];
  const width = isV6 ? 128 : 32;
  if (Number(prefix) > width) return fault('prefix', `Invalid prefix ${shortened(prefix!)}, must be 0 - ${width},`);
  // Without a length it is the route to everywhere that is asked for.
  const host = mask ? ~mask.bits & 0xffff_ffffn : (1n << BigInt(width - Number(prefix ?? 0))) - 1n;
  return (network.bits & host) === 0n ? [] : fault('address', `Address '${address}' is not a network address`);
};

/** A character device has what its back end is made from (virDomainChrSourceDefValidate()). */
const characterDevice: Judge = element => {
  const { type = 'pty' } = element.attributes;
  const sources = all(element, 'source');
  const has = (name: string): boolean => sources.some(source => !!source.attributes[name]);
  const wanted =
    { file: ['path'], dev: ['path'], pipe: ['path'], unix: ['path'], tcp: ['host', 'service'], udp: ['service'] }[
      type
    ] ?? (type === 'spiceport' ? ['channel'] : []);
  const isPathless =
    type === 'unix' && element.name === 'channel' && childOf(element, 'target')?.attributes.type !== 'guestfwd';
  return [
    ...(isPathless ? [] : wanted.filter(name => !has(name))).map(name => ({
      text: `Missing source ${name} attribute for char device. Write <source ${name}='…'/> in <${element.name} type='${type}'>.`,
    })),
    ...when(
      type === 'spicevmc' && /^(?:serial|parallel|console)$/.test(element.name),
      "type='spicevmc' is for channels to virtio ports. Write type='pty'.",
      element.places.type,
    ),
  ];
};

/** Slots, buses and functions of PCI (virPCIDeviceAddressIsValid()). */
const pciAddress: Judge = ({ attributes, places }) =>
  attributes.type !== undefined && attributes.type !== 'pci'
    ? []
    : Object.entries({ domain: 0xffff, bus: 0xff, slot: 0x1f, function: 7 }).flatMap(([name, most]) =>
        when(
          Number(attributes[name]) > most,
          `Invalid PCI address ${name}='${shortened(attributes[name] ?? '')}', must be <= 0x${most.toString(16)}.`,
          places[name],
        ),
      );

/** What a device of the host is known by. */
const hostDevice: Judge = element => {
  const { mode = 'subsystem', type, model } = element.attributes;
  const source = childOf(element, 'source');
  if (!source) return [];
  const has = (name: string): boolean => childOf(source, name) !== undefined;
  if (mode === 'capabilities') {
    const [wanted] = { misc: ['char'], storage: ['block'], net: ['interface'] }[type ?? ''] ?? [];
    return when(
      wanted && textOf(source, wanted) === '',
      `Missing <${wanted}> element in hostdev device. Write <${wanted}>…</${wanted}> in <source>.`,
      source,
    );
  }
  const address = childOf(source, 'address');
  return [
    ...when(
      type === 'usb' && has('vendor') !== has('product'),
      'A USB device is known by its vendor and its product: write <vendor id=…/> and <product id=…/>.',
      source,
    ),
    ...when(
      type === 'usb' && address && (!address.attributes.bus || !address.attributes.device),
      "Missing required attribute 'bus' or 'device' in element 'address'.",
      address,
    ),
    ...when(
      (type === 'scsi' || type === 'mdev') && !has('address') && !source.attributes.protocol,
      `Missing <address> element in the source of a ${type} device.`,
      source,
    ),
    ...when(
      type === 'scsi_host' && !source.attributes.protocol,
      "Missing scsi_host subsystem protocol. Write <source protocol='vhost' wwpn='…'/>.",
      source,
    ),
    ...when(
      type === 'mdev' && !model,
      "Missing required attribute 'model' in element 'hostdev'. Write model='vfio-pci'.",
    ),
  ];
};

/** Bytes and requests a second: of both directions, or of each. */
const throttle: Judge = iotune =>
  ['bytes_sec', 'iops_sec', 'bytes_sec_max', 'iops_sec_max'].flatMap(unit =>
    when(
      childOf(iotune, `total_${unit}`) && (childOf(iotune, `read_${unit}`) || childOf(iotune, `write_${unit}`)),
      `total and read/write ${unit} cannot be set at the same time.`,
    ),
  );

/** What only some disks have (virDomainDiskDefValidate()). */
const disk: Judge = element => {
  const { device = 'disk', model } = element.attributes;
  const target = childOf(element, 'target'),
    driver = childOf(element, 'driver'),
    address = childOf(element, 'address');
  const dev = target?.attributes.dev ?? '',
    bus = busOf(target);
  const kind = address?.attributes.type;
  return [
    ...when(
      target?.attributes.removable !== undefined && bus !== 'usb',
      'removable is only valid for usb disks.',
      target?.places.removable,
    ),
    ...when(
      target?.attributes.tray !== undefined && !/^(?:cdrom|floppy)$/.test(device),
      'tray is only valid for cdrom and floppy.',
      target?.places.tray,
    ),
    ...['sgio', 'rawio'].flatMap(name =>
      when(
        element.attributes[name] !== undefined && device !== 'lun',
        `${name} can be used only with device='lun'.`,
        element.places[name],
      ),
    ),
    ...when(
      model !== undefined && bus !== 'virtio',
      `disk model '${shortened(model ?? '')}' not supported for bus '${bus}'.`,
      element.places.model,
    ),
    ...['ioeventfd', 'event_idx'].flatMap(name =>
      when(
        driver?.attributes[name] !== undefined && bus !== 'virtio',
        `disk ${name} mode supported only for virtio bus.`,
        driver?.places[name],
      ),
    ),
    ...when(
      (kind === 'pci' || kind === 'usb') && /^(?:ide|fdc|scsi|sata|sd)$/.test(bus),
      `Invalid address type '${kind}' for the disk '${dev}' with the bus type '${bus}'.`,
      address?.places.type,
    ),
    ...when(
      !/^(?:|(?:0x)?[0-9a-f]{16})$/i.test(textOf(element, 'wwn')),
      'Malformed wwn: it has 16 hexadecimal digits.',
      childOf(element, 'wwn'),
    ),
    ...when(textOf(element, 'vendor').length > 8, 'disk vendor is more than 8 characters.', childOf(element, 'vendor')),
    ...when(
      textOf(element, 'product').length > 16,
      'disk product is more than 16 characters.',
      childOf(element, 'product'),
    ),
  ];
};

const card: Judge = element => {
  const { type } = element.attributes;
  const source = childOf(element, 'source'),
    rom = childOf(element, 'rom'),
    ip = childOf(element, 'ip'),
    teaming = childOf(element, 'teaming');
  const isV6 = ip?.attributes.address?.includes(':');
  return [
    ...when(
      type === 'hostdev' && !childOf(source, 'address'),
      "missing source address type: write <source><address type='pci' …/></source>.",
      source,
    ),
    ...when(
      type === 'udp' && source && !childOf(source, 'local'),
      "'<local>' element missing for 'udp' socket interface.",
      source,
    ),
    ...when(
      type === 'client' && source && !source.attributes.address,
      "Missing required attribute 'address' in element 'source'.",
      source,
    ),
    ...when(
      type === 'vhostuser' && !/^virtio/.test(childOf(element, 'model')?.attributes.type ?? ''),
      "vhostuser requires the virtio-net* frontend: write <model type='virtio'/>.",
    ),
    ...when(
      type === 'vhostuser' && source?.attributes.type && source.attributes.type !== 'unix',
      `Type='${shortened(source?.attributes.type ?? '')}' unsupported for <interface type='vhostuser'>. Write 'unix'.`,
      source?.places.type,
    ),
    ...when(
      rom?.attributes.enabled === 'no' && (rom.attributes.file || rom.attributes.bar),
      'ROM tuning is not supported when ROM is disabled.',
      rom,
    ),
    ...when(
      teaming?.attributes.type === 'transient' && !teaming.attributes.persistent,
      "teaming persistent attribute must be set if teaming type is 'transient'.",
      teaming,
    ),
    ...when(
      ip && (Number(ip.attributes.prefix) > (isV6 ? 128 : 32) || ip.attributes.family === (isV6 ? 'ipv4' : 'ipv6')),
      'The prefix or the family of <ip> does not fit its address.',
      ip,
    ),
  ];
};

/** A number among the domain's, and no second time. */
const cells: Judge = numa => {
  const owner = new Map<number, string>();
  return all(numa, 'cell').flatMap((cell, i) => {
    const { id = String(i), cpus = '' } = cell.attributes;
    if (!/^[\d,^ -]*$/.test(cpus))
      return [{ at: cell.places.cpus, text: `Failed to parse bitmap '${shortened(cpus)}'. Write for example 0-1.` }];
    const numbers = cpus.split(',').flatMap(part => {
      const [first, last = first] = part.split('-').map(Number);
      return part === '' || last - first > 4096 ? [] : Array.from({ length: last - first + 1 }, (_, n) => first + n);
    });
    const other = numbers.map(cpu => owner.get(cpu)).find(each => each !== undefined);
    for (const cpu of numbers) owner.set(cpu, id);
    return when(
      other !== undefined,
      `NUMA cells ${shortened(id)} and ${shortened(other ?? '')} have overlapping vCPU ids.`,
      cell.places.cpus,
    );
  });
};

const domain: Judge = element => {
  const vcpus = Number(textOf(element, 'vcpu') || 1);
  const uuid = textOf(element, 'uuid').replaceAll('-', '').toLowerCase();
  const system = childOf(childOf(element, 'sysinfo'), 'system');
  const uuidEntry = all(system, 'entry').find(({ attributes }) => attributes.name === 'uuid');
  const nodes = childOf(element, 'numatune');
  return [
    ...when(textOf(element, 'title').includes('\n'), "Domain title can't contain newlines.", childOf(element, 'title')),
    ...when(
      !new RegExp(`^$|${UUID.source}`, 'i').test(textOf(element, 'genid')),
      'malformed genid element: it is a UUID.',
      childOf(element, 'genid'),
    ),
    ...when(
      uuid !== '' && uuidEntry && uuidEntry.text.replaceAll('-', '').toLowerCase() !== uuid,
      'UUID mismatch between <uuid> and <sysinfo>.',
      uuidEntry,
    ),
    ...when(
      childOf(nodes, 'memnode') && all(childOf(childOf(element, 'cpu'), 'numa'), 'cell').length === 0,
      "Element 'memnode' is invalid without any guest NUMA cells.",
      childOf(nodes, 'memnode'),
    ),
    ...all(childOf(element, 'vcpus'), 'vcpu').flatMap(each =>
      when(
        Number(each.attributes.id) >= vcpus,
        `vcpu id '${each.attributes.id}' is out of range of maximum vcpu count.`,
        each.places.id,
      ),
    ),
  ];
};

const os: Judge = element => {
  const loader = childOf(element, 'loader'),
    nvram = childOf(element, 'nvram');
  const timeout = childOf(element, 'bootmenu'),
    bios = childOf(element, 'bios');
  const reboot = Number(bios?.attributes.rebootTimeout ?? 0);
  return [
    ...when(
      ((loader && loader.text === '') || (nvram && !loader)) && !element.attributes.firmware,
      'no loader path specified and firmware auto selection disabled: write <loader>PATH</loader>, or take this out.',
      loader ?? nvram,
    ),
    ...when(nvram && loader?.attributes.stateless === 'yes', 'NVRAM is not permitted when loader is stateless.', nvram),
    ...when(
      Number(timeout?.attributes.timeout) > 0xffff,
      'invalid value for boot menu timeout, must be in range [0,65535].',
      timeout?.places.timeout,
    ),
    ...when(
      reboot < -1 || reboot > 0xffff,
      'invalid value for rebootTimeout, must be in range [-1,65535].',
      bios?.places.rebootTimeout,
    ),
  ];
};

/** Periods and quotas that Linux's scheduler takes, in microseconds. */
const cputune: Judge = element =>
  element.children.flatMap(each => {
    const value = Number(each.text);
    const isPeriod = /period$/.test(each.name);
    const [least, most] = isPeriod ? CGROUP.periodUs : CGROUP.quotaUs;
    return when(
      (isPeriod || (/quota$/.test(each.name) && value >= 0)) && (value < least || value > most),
      `Value of cputune '${each.name}' must be in range [${least}, ${most}].`,
      each,
    );
  });

const cpu: Judge = element => {
  const model = childOf(element, 'model'),
    vendor = childOf(element, 'vendor');
  return [
    ...when(vendor && !model?.text, 'CPU vendor specified without CPU model.', vendor),
    ...when(
      model?.attributes.vendor_id !== undefined && model.attributes.vendor_id.length !== 12,
      'vendor_id must be exactly 12 characters long.',
      model?.places.vendor_id,
    ),
  ];
};

const devices: Judge = element => {
  const off = all(element, 'controller').find(
    ({ attributes }) => attributes.type === 'usb' && attributes.model === 'none',
  );
  const videos = all(element, 'video');
  const none = videos.find(each => childOf(each, 'model')?.attributes.type === 'none');
  const other = off && all(element, 'controller').find(each => each !== off && each.attributes.type === 'usb');
  return [
    ...when(other, "Can't add another USB controller: USB is disabled for this domain.", other),
    ...when(
      videos.length > 1 && none,
      "a 'none' video type must be the only video device defined for the domain.",
      none,
    ),
  ];
};

const graphics: Judge = ({ attributes, places, children }) => {
  const first = children.find(({ name }) => name === 'listen')?.attributes.address;
  return when(
    attributes.listen !== undefined && first !== undefined && first !== attributes.listen,
    `graphics 'listen' attribute '${shortened(attributes.listen ?? '')}' must match 'address' attribute of first listen element.`,
    places.listen,
  );
};

const smartcard: Judge = element => [
  ...when(
    element.attributes.mode === 'host-certificates' && all(element, 'certificate').length !== 3,
    'host-certificates mode needs exactly three certificates.',
  ),
  ...when(
    element.attributes.mode === 'passthrough' && !element.attributes.type,
    'passthrough mode requires a character device type attribute.',
  ),
];

const tpmBackend: Judge = element => {
  const { type, version } = element.attributes;
  const source = childOf(element, 'source');
  return [
    ...when(
      type === 'external' && !source?.attributes.type,
      "missing external TPM backend type: write <source type='unix' mode='connect' path='…'/>.",
    ),
    ...when(
      type === 'external' && source?.attributes.mode === 'bind',
      "only 'client' mode is supported for external TPM device: write mode='connect'.",
      source?.places.mode,
    ),
    ...when(
      childOf(element, 'active_pcr_banks') && version !== '2.0',
      "<active_pcr_banks/> requires TPM version '2.0'.",
      childOf(element, 'active_pcr_banks'),
    ),
  ];
};

const hyperv: Judge = element =>
  element.children.flatMap(({ name, attributes, places, ...at }) => {
    if (attributes.state !== 'on') return [];
    if (name === 'spinlocks')
      return when(
        !(Number(attributes.retries) >= 4095),
        "HyperV spinlock retry count must be at least 4095: write retries='8191'.",
        places.retries ?? at,
      );
    if (name !== 'vendor_id') return [];
    return when(
      !attributes.value || attributes.value.length > 12,
      "HyperV vendor_id has a value='…' of at most 12 characters.",
      places.value ?? at,
    );
  });

const clock: Judge = ({ attributes, places }) => [
  ...when(
    attributes.offset !== 'variable' &&
      attributes.adjustment !== undefined &&
      !/^(?:reset|-?\d+)$/.test(attributes.adjustment),
    `unknown clock adjustment '${shortened(attributes.adjustment ?? '')}'. Write seconds, or reset.`,
    places.adjustment,
  ),
  ...when(
    attributes.start !== undefined && !/^\d+$/.test(attributes.start),
    'start= of a clock are seconds since 1970.',
    places.start,
  ),
];

/** A bitmap of processors or nodes. */
const bitmap =
  (name: string): Judge =>
  ({ attributes, places }) =>
    when(
      attributes[name] !== undefined && !/^\^?\d/.test(attributes[name]),
      `Failed to parse bitmap '${shortened(attributes[name] ?? '')}'. Write for example 0-1.`,
      places[name],
    );

const onlyKnown =
  (...names: string[]): Judge =>
  element =>
    element.children.flatMap(each =>
      when(
        !names.includes(each.name),
        `unsupported <${element.name}> feature: ${shortened(each.name)}. Those are ${names.join(', ')}.`,
        each,
      ),
    );

/** By paths of elements in <domain>, with | between names that are judged alike. */
const JUDGES: [path: string, ...judges: Judge[]][] = [
  ['', domain],
  ['os', os],
  ['clock', clock],
  ['vcpu', bitmap('cpuset')],
  ['cpu', cpu],
  ['cpu/numa', cells, unlike('cell', ({ attributes }) => attributes.id, 'NUMA cell')],
  ['cpu', unlike('feature', ({ attributes }) => attributes.name, 'CPU feature')],
  ['cputune', cputune],
  ['cputune/vcpupin', bitmap('cpuset')],
  [
    'cputune/vcpusched',
    ({ attributes }) =>
      when(
        /^(?:fifo|rr)$/.test(attributes.scheduler ?? '') && !attributes.priority,
        "Missing required attribute 'priority' in element 'vcpusched'.",
      ),
  ],
  [
    'numatune/memory',
    bitmap('nodeset'),
    ({ attributes }) =>
      when(
        !attributes.nodeset && attributes.placement !== 'auto',
        "nodeset for NUMA memory tuning must be set if 'placement' is 'static'.",
      ),
  ],
  [
    'blkiotune/device',
    element => when(textOf(element, 'path') === '', 'missing per-device path: write <path>…</path>.'),
  ],
  ['iothreadids', unlike('iothread', ({ attributes }) => attributes.id, 'iothread id')],
  ['features/hyperv', hyperv],
  ['features/kvm', onlyKnown('hidden', 'hint-dedicated', 'poll-control', 'pv-ipi', 'dirty-ring')],
  ['features/xen', onlyKnown('e820_host', 'passthrough')],
  [
    'sysinfo',
    element =>
      all(element, 'entry').flatMap(each =>
        when(
          element.attributes.type === 'fwcfg' && !each.attributes.name,
          "Firmware entry is missing 'name' attribute.",
          each,
        ),
      ),
  ],
  [
    'sysinfo/bios',
    element =>
      all(element, 'entry').flatMap(each =>
        when(
          each.attributes.name === 'date' && !/^\d{2}\/\d{2}\/(\d{2}|\d{4})$/.test(each.text),
          "Invalid BIOS 'date' format: write MM/DD/YYYY.",
          each,
        ),
      ),
  ],
  [
    'seclabel',
    element =>
      when(
        element.attributes.type === 'static' && textOf(element, 'label') === '',
        'security label is missing: write <label>…</label>.',
      ),
  ],
  [
    'launchSecurity',
    element =>
      when(
        element.attributes.type === 'sev' && textOf(element, 'policy') === '',
        'failed to get launch security policy: write <policy>0x1</policy>.',
      ),
  ],
  ['devices', devices],
  [
    'devices',
    unlike(
      'controller',
      ({ attributes: { type, index } }) => (index === undefined || type === 'usb' ? undefined : `${type} ${index}`),
      'Controller',
    ),
    unlike('audio', ({ attributes }) => attributes.id, 'audio ID'),
  ],
  ['devices/disk', disk],
  ['devices/disk/iotune', throttle],
  [
    'devices/disk/backingStore',
    element =>
      when(
        (element.attributes.type || element.children.length > 0) && !childOf(element, 'format'),
        "missing disk backing store format: write <format type='raw'/>.",
      ),
  ],
  ['devices/interface', card],
  ['devices/interface/vlan/tag', above('id', 4095, 'vlan tag id')],
  [
    'devices/interface/bandwidth/inbound',
    ({ attributes }) =>
      when(
        !attributes.average && !attributes.floor,
        "Missing mandatory average or floor attributes. Write <inbound average='1000'/>: KiB a second.",
      ),
  ],
  [
    'devices/interface/bandwidth/outbound',
    ({ attributes, places }) =>
      when(attributes.floor !== undefined, "'floor' attribute allowed only in <inbound> element.", places.floor),
  ],
  [
    'devices/interface/virtualport',
    element => {
      const { interfaceid, profileid } = childOf(element, 'parameters')?.attributes ?? {};
      return [
        ...when(
          element.attributes.type === '802.1Qbh' && !profileid,
          "missing profileid in <virtualport type='802.1Qbh'>.",
        ),
        ...when(
          interfaceid !== undefined && !UUID.test(interfaceid),
          'cannot parse interfaceid parameter as a uuid.',
          childOf(element, 'parameters'),
        ),
      ];
    },
  ],
  ['devices/hostdev', hostDevice],
  ['devices/hostdev/source/address', pciAddress],
  [
    'devices/disk|interface|controller|hostdev|sound|video|memballoon|rng|watchdog|input|filesystem/address',
    pciAddress,
  ],
  ['devices/console|serial|parallel|channel', characterDevice],
  [
    'devices/input',
    ({ attributes: { type, bus }, places }) =>
      when(
        bus === 'ps2' && !/^(?:keyboard|mouse)$/.test(type ?? ''),
        `ps2 bus does not support ${shortened(type ?? '')} input device.`,
        places.bus,
      ),
  ],
  [
    'devices/rng/backend',
    ({ attributes }) =>
      when(attributes.model === 'egd' && !attributes.type, "missing EGD backend type: write type='udp' or 'tcp'."),
  ],
  [
    'devices/filesystem',
    element =>
      when(
        element.attributes.type === 'ram' && !childOf(element, 'source')?.attributes.usage,
        "missing 'usage' attribute for RAM filesystem.",
        childOf(element, 'source'),
      ),
  ],
  ['devices/graphics', graphics],
  ['devices/smartcard', smartcard],
  [
    'devices/shmem',
    element => {
      const { attributes, places } = element;
      const size = childOf(element, 'size'),
        unit = size?.attributes.unit ?? '';
      return [
        ...when(attributes.name?.includes('/'), "shmem name cannot include '/' character.", places.name),
        ...when(
          /^\.\.?$/.test(attributes.name ?? ''),
          `shmem name cannot be equal to '${attributes.name}'.`,
          places.name,
        ),
        ...when(
          size && size.text !== '' && scaleOf(unit) === undefined,
          `unknown suffix '${shortened(unit)}'. Write KiB, MiB or GiB.`,
          size?.places.unit,
        ),
        ...when(
          size && size.text !== '' && !/^\d+$/.test(size.text.trim()),
          `Invalid value '${shortened(size?.text ?? '')}' for <size>: it is a whole number.`,
          size,
        ),
        ...when(
          childOf(element, 'msi') && !childOf(element, 'server'),
          "msi option is only supported with a server. Write <server path='…'/>, or take <msi> out.",
          childOf(element, 'msi'),
        ),
      ];
    },
  ],
  ['devices/interface/route', route],
  [
    'devices/vsock/cid',
    ({ attributes, places }) => when(Number(attributes.address) < 3, 'guest CIDs must be >= 3.', places.address),
  ],
  ['devices/tpm/backend', tpmBackend],
  [
    'devices/tpm/backend/active_pcr_banks',
    element =>
      element.children.flatMap(each =>
        when(!/^sha(?:1|256|384|512)$/.test(each.name), `Unsupported PCR banks '${shortened(each.name)}'.`, each),
      ),
  ],
];

const BY_RULE = new Map<ElementRule, Judge[]>();
for (const [path, ...judges] of JUDGES) {
  let rules = [DOMAIN];
  for (const names of path === '' ? [] : path.split('/'))
    rules = rules.flatMap(rule => names.split('|').flatMap(name => rule.elements.get(name) ?? []));
  for (const rule of rules) BY_RULE.set(rule, [...(BY_RULE.get(rule) ?? []), ...judges]);
}

/** What is asked of an element of the schema besides its attributes. */
export const judgesOf = (rule: ElementRule): readonly Judge[] => BY_RULE.get(rule) ?? [];
