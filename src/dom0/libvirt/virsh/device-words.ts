/**
 * Documents of disks and cards, made of virsh's options. Source: cmdAttachDisk() and cmdAttachInterface() of tools/virsh-domain.c of libvirt 9.0, which
 * writes values as they are given, but for a disk's source.
 */
import { escapedXml } from '../../definitions/config/index.ts';
import { VirshError } from './virsh-command.ts';

/** Values by the names of their options. */
export type Given = Readonly<Partial<Record<string, string>>>;

const wrong = (sentence: string): never => {
  throw new VirshError(`error: ${sentence}`);
};
/** ` name='value'` for each that there is. */
const attributes = (values: readonly (readonly [name: string, value: string | undefined])[]): string =>
  values.map(([name, value]) => (value === undefined ? '' : ` ${name}='${value}'`)).join('');
const hex = (text: string, digits: number): string => `0x${Number(`0x${text}`).toString(16).padStart(digits, '0')}`;

/** Which addresses a target may have, by how it begins, and what is expected of it. */
const ADDRESSES: readonly { of: RegExp; types: readonly string[]; expects: string }[] = [
  { of: /^vd/, types: ['pci', 'ccw'], expects: 'a pci:0000.00.00.00 or ccw:00.0.0000' },
  { of: /^sd/, types: ['scsi', 'usb', 'sata'], expects: 'a scsi:00.00.00 or usb:00.00 or sata:00.00.00' },
  { of: /^hd/, types: ['ide'], expects: 'an ide:00.00.00' },
];

const H = '([0-9a-f]+)',
  D = '(\\d+)';
/** How each type is written, and its attributes. */
const ADDRESS: Readonly<Record<string, { is: RegExp; attributes(fields: readonly string[]): string }>> = {
  pci: {
    is: new RegExp(`^${H}[.]${H}[.]${H}[.]${H}$`, 'i'),
    attributes: ([domain, bus, slot, fn]) =>
      `type='pci' domain='${hex(domain!, 4)}' bus='${hex(bus!, 2)}' slot='${hex(slot!, 2)}' function='${hex(fn!, 1)}'`,
  },
  ccw: {
    is: new RegExp(`^${H}[.]${H}[.]${H}$`, 'i'),
    attributes: ([cssid, ssid, devno]) =>
      `type='ccw' cssid='${hex(cssid!, 2)}' ssid='${hex(ssid!, 1)}' devno='${hex(devno!, 4)}'`,
  },
  usb: { is: new RegExp(`^${D}[.]${D}$`), attributes: ([bus, port]) => `type='usb' bus='${bus}' port='${port}'` },
};
const DRIVE: (typeof ADDRESS)[string] = {
  is: new RegExp(`^${D}[.]${D}[.]${D}$`),
  attributes: ([controller, bus, unit]) => `type='drive' controller='${controller}' bus='${bus}' unit='${unit}'`,
};

function addressLine(target: string, address: string, isMultifunction: boolean): string {
  const [, type = '', place = ''] = /^(pci|ccw|usb|scsi|ide|sata):(.*)$/s.exec(address) ?? [];
  const kind = ADDRESS[type] ?? DRIVE;
  const fields = kind.is.exec(place)?.slice(1);
  if (type === '' || !fields) return wrong('Invalid address.');
  const { types, expects } = ADDRESSES.find(({ of }) => of.test(target)) ?? {};
  if (types && !types.includes(type)) wrong(`expecting ${expects} address.`);
  return `  <address ${kind.attributes(fields)}${isMultifunction && type === 'pci' ? " multifunction='on'" : ''}/>\n`;
}

/** Each is of use next to another alone. */
const NEEDS: readonly (readonly [option: string, needed: string])[] = [
  ['source-host-name', 'source-protocol'],
  ['source-host-transport', 'source-protocol'],
  ['source-host-socket', 'source-protocol'],
  ['source-host-socket', 'source-host-transport'],
];

function networkSource(source: string, given: Given): string {
  const head = `  <source protocol='${given['source-protocol']}' name='${escapedXml(source)}'`;
  const { 'source-host-name': host, 'source-host-transport': transport, 'source-host-socket': socket } = given;
  if (host === undefined && transport === undefined && socket === undefined) return `${head}/>\n`;
  const [, name = host, port] = /^(.*):(\d+)$/.exec(host ?? '') ?? [];
  const line = attributes([
    ['transport', transport],
    ['socket', socket],
    ['name', name],
    ['port', port],
  ]);
  return `${head}>\n    <host${line}/>\n  </source>\n`;
}

/** `isBlock`: what a source names is a device. @throws VirshError */
export function diskDocument(given: Given, options: ReadonlySet<string>, isBlock: boolean): string {
  const { source = '', target = '', mode, sourcetype, serial, alias, wwn, address } = given;
  for (const [option, needs] of NEEDS)
    if (given[option] !== undefined && given[needs] === undefined)
      wrong(`Option --${needs} is required by option --${option}`);
  if (sourcetype !== undefined && !['file', 'block', 'network'].includes(sourcetype))
    wrong(`Unknown source type: '${sourcetype}'`);
  const isNetwork = given['source-protocol'] !== undefined;
  if (sourcetype !== undefined && (sourcetype === 'network') !== isNetwork)
    wrong('--source-protocol option requires --sourcetype network');
  if (mode !== undefined && mode !== 'readonly' && mode !== 'shareable')
    wrong(`No support for ${mode} in command 'attach-disk'`);
  const type = sourcetype ?? (isNetwork ? 'network' : isBlock ? 'block' : 'file');
  const driver = attributes([
    ['name', given.driver],
    ['type', given.subdriver],
    ['iothread', given.iothread],
    ['cache', given.cache],
    ['io', given.io],
  ]);
  return [
    `<disk type='${type}'${attributes([
      ['device', given.type],
      ['rawio', options.has('rawio') ? 'yes' : undefined],
    ])}>\n`,
    driver && `  <driver${driver}/>\n`,
    isNetwork
      ? networkSource(source, given)
      : `  <source ${type === 'block' ? 'dev' : 'file'}='${escapedXml(source)}'/>\n`,
    `  <target dev='${target}'${attributes([['bus', given.targetbus]])}/>\n`,
    mode && `  <${mode}/>\n`,
    serial !== undefined && `  <serial>${serial}</serial>\n`,
    alias !== undefined && `  <alias name='${alias}'/>\n`,
    wwn !== undefined && `  <wwn>${wwn}</wwn>\n`,
    address !== undefined && addressLine(target, address, options.has('multifunction')),
    '</disk>\n',
  ]
    .filter(line => line !== false && line !== undefined)
    .join('');
}

const RATE = ['average', 'peak', 'burst', 'floor'] as const;

/** virshParseRateStr(): kilobytes a second, and kilobytes. @throws VirshError */
function rateOf(text: string, way: 'inbound' | 'outbound'): string {
  const fields = text.split(',');
  if (fields.length > RATE.length) wrong(`Rate string '${text}' has too many fields`);
  fields.forEach((field, i) => field === '' || /^\d+$/.test(field) || wrong(`field '${RATE[i]}' is malformed`));
  const [average, , , floor] = fields.map(field => Number(field || 0));
  if (way === 'inbound' && !average && !floor) wrong('either inbound average or floor is mandatory');
  if (way === 'outbound' && !average) wrong('outbound average is mandatory');
  if (way === 'outbound' && floor) wrong('outbound floor is unsupported yet');
  return `    <${way}${attributes(RATE.map((name, i) => [name, Number(fields[i] || 0) ? String(Number(fields[i])) : undefined]))}/>\n`;
}

/** By types of cards: how their sources are written. */
const SOURCES: Readonly<Record<string, (source: string) => string>> = {
  network: source => `  <source network='${source}'/>\n`,
  bridge: source => `  <source bridge='${source}'/>\n`,
  direct: source => `  <source dev='${source}'/>\n`,
  hostdev: source => {
    const [, ...fields] = /^([0-9a-f]{1,4}):([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$/i.exec(source) ?? [];
    if (fields.length === 0) wrong(`cannot parse pci address '${source}' for network interface`);
    return `  <source>\n    <address ${ADDRESS.pci!.attributes(fields)}/>\n  </source>\n`;
  },
};
/** What virsh takes of --source-mode, and leaves out of these documents. */
const SOURCE_MODES = ['server', 'client'];

/** @throws VirshError */
export function interfaceDocument(given: Given, options: ReadonlySet<string>): string {
  const { type = '', source = '', target, mac, script, model, alias, inbound, outbound } = given;
  const mode = given['source-mode'];
  const from = Object.hasOwn(SOURCES, type) ? SOURCES[type] : undefined;
  if (!from) return wrong(`No support for ${type} in command 'attach-interface'`);
  if (mode !== undefined && !SOURCE_MODES.includes(mode)) wrong(`Invalid source mode: ${mode}`);
  for (const [name, value] of Object.entries({ inbound, outbound }))
    if (value === '') wrong(`Failed to get option '${name}': Option argument is empty`);
  const rates = [
    inbound === undefined ? '' : rateOf(inbound, 'inbound'),
    outbound === undefined ? '' : rateOf(outbound, 'outbound'),
  ].join('');
  return [
    `<interface type='${type}'${options.has('managed') ? " managed='yes'" : ''}>\n`,
    from(source),
    target !== undefined && `  <target dev='${target}'/>\n`,
    mac !== undefined && `  <mac address='${mac}'/>\n`,
    script !== undefined && `  <script path='${script}'/>\n`,
    model !== undefined && `  <model type='${model}'/>\n`,
    alias !== undefined && `  <alias name='${alias}'/>\n`,
    rates && `  <bandwidth>\n${rates}  </bandwidth>\n`,
    '</interface>\n',
  ]
    .filter(line => line !== false)
    .join('');
}
