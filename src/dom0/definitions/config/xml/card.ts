/** Network cards. */
import { approximated } from '../options.ts';
import { ruleAt } from '../libvirt-schema.ts';
import { type Position, shortened, type Value } from '../xlcfg.ts';
import { childOf, type Element, tag } from './tree.ts';
import type { XmlReading } from './reading.ts';

const INTERNET_ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i;
/** What <source> of a card says, by the card's type (virDomainNetDefParseXML()). */
const SOURCES: Record<string, string> = {
  bridge: 'bridge',
  network: 'network',
  direct: 'dev',
  internal: 'name',
  server: 'port',
  client: 'port',
  mcast: 'port',
  udp: 'port',
  vdpa: 'dev',
  vhostuser: 'path',
  vds: 'switchid',
};
const MACVTAP_MODES = ['vepa', 'private', 'bridge', 'passthrough'];

/** libvirt's type of a card (virDomainNetDefParseXML()): without one it is of the emulator's own network. */
const typeOf = (element: Element): string =>
  element.attributes.type ?? (childOf(element, 'source')?.attributes.bridge ? 'bridge' : 'user');

export function cardOf(read: XmlReading, element: Element): Value {
  const child = (name: string): Element | undefined => childOf(element, name);
  checkCard(read, element);
  const source = child('source'),
    model = child('model'),
    outbound = childOf(child('bandwidth'), 'outbound');
  const parts: Record<string, Position & { said: string }> = {};
  const options: string[] = [];
  const option = (key: string, of: Element | undefined, attribute: string, value = of?.attributes[attribute]): void => {
    if (!of || value === undefined || value === '') return;
    options.push(`${key}=${value}`);
    parts[key] = { ...(of.places[attribute] ?? of), said: tag(of, attribute) };
  };
  const mac = child('mac');
  const address = mac?.attributes.address;
  if (address === '')
    read.problem(
      mac!.places.address,
      "<mac address=''>: ‘’ is no station address. Write six pairs of hexadecimal digits with colons, as in 00:16:3e:12:34:56, or leave <mac> out.",
    );
  // libvirt reads a byte of one digit, too.
  option(
    'mac',
    mac,
    'address',
    address && /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(address)
      ? address
          .split(':')
          .map(byte => byte.padStart(2, '0'))
          .join(':')
      : address,
  );
  option('bridge', source, 'bridge');
  if (typeOf(element) === 'network') option('network', source, 'network');
  option('script', child('script'), 'path');
  option('vifname', child('target'), 'dev');
  option('ip', child('ip'), 'address');
  if (model?.attributes.type === 'netfront') option('type', model, 'type', 'vif');
  else option('model', model, 'type');
  if (read.type.links) option('link', child('link'), 'state');
  if (/^[1-9]\d{0,8}$/.test(outbound?.attributes.average ?? ''))
    option('rate', outbound, 'average', `${outbound!.attributes.average}KB/s`);
  return {
    kind: 'string',
    text: options.join(','),
    line: element.line,
    column: element.column,
    origin: { said: `<interface type='${shortened(typeOf(element))}'>`, parts },
  };
}

/** What libvirt refuses of a card, and what is other here. */
function checkCard(read: XmlReading, element: Element): void {
  const child = (name: string): Element | undefined => childOf(element, name);
  const type = typeOf(element);
  const source = child('source'),
    model = child('model');
  const outbound = childOf(child('bandwidth'), 'outbound');
  const wanted = SOURCES[type];
  if (wanted && !source)
    read.problem(
      element,
      `Interface type='${type}' requires a 'source' element. Write <source ${wanted}='${type === 'bridge' ? 'xenbr0' : '…'}'/> in <interface>.`,
    );
  else if (wanted && source!.attributes[wanted] === undefined)
    read.problem(
      source!,
      `Missing required attribute '${wanted}' in element 'source'. Write <source ${wanted}='${type === 'bridge' ? 'xenbr0' : '…'}'/>.`,
    );
  if (
    type !== 'bridge' &&
    type !== 'network' &&
    ruleAt('devices', 'interface')?.attributes.get('type')?.words?.includes(type)
  )
    read.remark(
      element,
      'interface',
      approximated(
        'on xenbr0',
        `type='${shortened(type)}': the card is on the host's bridge, xenbr0, whose gateway has DHCP and DNS.`,
      ),
    );
  if (outbound && outbound.attributes.average === undefined)
    read.problem(outbound, "Missing mandatory average attribute. Write <outbound average='1000'/>: KiB a second.");
  const mode = source?.attributes.mode;
  if (type === 'direct' && mode !== undefined && !MACVTAP_MODES.includes(mode))
    read.attribute(source!, 'mode', mode, { words: MACVTAP_MODES });
  if (/[^\w-]/.test(model?.attributes.type ?? ''))
    read.problem(model!.places.type, 'Model name contains invalid characters: letters, digits, - and _ are its own.');
  const ip = child('ip')?.attributes.address;
  if (ip !== undefined && !INTERNET_ADDRESS.test(ip))
    read.problem(
      child('ip')!.places.address,
      `Invalid address '${shortened(ip)}' in <ip>. Write for example 10.0.2.15.`,
    );
  const peer = child('ip')?.attributes.peer;
  if (peer !== undefined && !INTERNET_ADDRESS.test(peer))
    read.problem(child('ip')!.places.peer, `Invalid peer '${shortened(peer)}' in <ip>. Write for example 10.0.2.15.`);
}
