/** Disks and cards come and go by what they are called. Source: tools/virsh-domain.c of libvirt 9.0. */
import type { Domain, Uses } from '../../toolstack/index.ts';
import * as libvirt from '../index.ts';
import { diskDocument, type Given, interfaceDocument } from './device-words.ts';
import { allNeeded, exclusive, find, impactOn, saying, type VirshCommand, VirshError } from './virsh-command.ts';

const WHERE = '[--persistent] [--config] [--live] [--current]';
const DISK = ['domain', 'source', 'target'];
const DISK_OPTIONS =
  'targetbus driver subdriver iothread cache io type mode sourcetype serial wwn alias address source-protocol source-host-name source-host-transport source-host-socket'.split(
    ' ',
  );
const CARD = ['domain', 'type', 'source'];
const CARD_OPTIONS = 'target mac script model alias inbound outbound source-mode'.split(' ');

const usage = (name: string, needs: readonly string[], options: readonly string[], flags: string): string =>
  `${name} ${needs.map(need => `<${need}>`).join(' ')} ${options.map(option => `[--${option} <string>]`).join(' ')} ${flags} ${WHERE}`;
const given = (names: readonly string[], words: readonly (string | undefined)[]): Given =>
  Object.fromEntries(names.map((name, i) => [name, words[i]]));

/** A device that a document has, as it is written there and as it is read. */
interface Found {
  text: string;
  element: libvirt.XmlElement;
}

/** What of a kind the domain has: as it is from its next start where `flags` mean that. */
async function devicesOf(
  host: Uses<'consoles' | 'toolstack'>,
  domain: Domain,
  kind: 'disk' | 'interface',
  flags: number,
): Promise<Found[]> {
  const document = await libvirt.xmlOf(host, domain, flags & libvirt.CONFIG ? libvirt.XML_INACTIVE : 0);
  const texts = [...document.matchAll(new RegExp(`^ *(<${kind}[ >].*?</${kind}>)$`, 'gms'))].map(([, text]) => text!);
  return Promise.all(texts.map(async text => ({ text, element: await libvirt.readXml(text, kind) })));
}

/** As xmlNodeDump() of libxml2 writes it. */
const dumped = (text: string): string =>
  text.replace(/<[^>]*>/g, tag =>
    tag.replace(/='([^']*)'/g, (_, value: string) => `="${value.replaceAll('&apos;', "'")}"`),
  );

/** virshFindDisk(). @throws VirshError */
function diskNamed(disks: readonly Found[], name: string): Found {
  if (disks.length === 0) throw new VirshError('error: Failed to get disk information');
  const isMeant = ({ element }: Found): boolean =>
    element.children.some(
      ({ name: child, attributes }) =>
        (child === 'target' && attributes.dev === name) ||
        (child === 'source' && Object.values(attributes).includes(name)),
    );
  const found = disks.find(isMeant);
  if (!found) throw new VirshError(`error: No disk found whose source path or target is ${name}`);
  return found;
}

/** virshDomainDetachInterface(). @throws VirshError */
function cardNamed(cards: readonly Found[], type: string, mac: string | undefined): Found {
  const fail = (why: string): never => {
    throw new VirshError(`error: ${why}\nerror: Failed to detach interface`);
  };
  const ofType = cards.filter(({ element }) => element.attributes.type === type);
  if (ofType.length === 0) fail(`No interface found whose type is ${type}`);
  if (mac === undefined && ofType.length > 1)
    fail(`Domain has ${ofType.length} interfaces. Please specify which one to detach using --mac`);
  const macOf = ({ element }: Found): string | undefined =>
    element.children.find(({ name }) => name === 'mac')?.attributes.address?.toLowerCase();
  const found = mac === undefined ? ofType[0] : ofType.find(card => macOf(card) === mac.toLowerCase());
  return found ?? fail(`No interface with MAC address ${mac} was found`);
}

/** Whether what a path of Domain 0 names is a device. */
async function isBlock(host: Uses<'disk'>, path: string | undefined): Promise<boolean> {
  if (!path?.startsWith('/dev/')) return false;
  return (await host.disk.openDevices())?.isThere(path) === true;
}

export const ATTACHING: Record<string, VirshCommand> = {
  'attach-disk': {
    usage: usage('attach-disk', DISK, DISK_OPTIONS, '[--rawio] [--multifunction] [--print-xml]'),
    about: 'attach disk device',
    run: async (host, words, options) => {
      allNeeded(words, DISK);
      exclusive(options);
      const values = given([...DISK, ...DISK_OPTIONS], words);
      const xml = diskDocument(values, options, await isBlock(host, values.source));
      if (options.has('print-xml')) return `${xml}\n`;
      const domain = await find(host, words[0]);
      await saying('Failed to attach disk', () => libvirt.attachDevice(host, domain, xml, impactOn(domain, options)));
      return 'Disk attached successfully\n\n';
    },
  },
  'detach-disk': {
    usage: `detach-disk <domain> <target> ${WHERE} [--print-xml]`,
    about: 'detach disk device',
    run: async (host, words, options) => {
      allNeeded(words, ['domain', 'target']);
      exclusive(options);
      const domain = await find(host, words[0]);
      const flags = impactOn(domain, options);
      const { text } = diskNamed(await devicesOf(host, domain, 'disk', flags), words[1]!);
      if (options.has('print-xml')) return dumped(text);
      await saying('Failed to detach disk', () => libvirt.detachDevice(host, domain, text, flags));
      return 'Disk detached successfully\n\n';
    },
  },
  'attach-interface': {
    usage: usage('attach-interface', CARD, CARD_OPTIONS, '[--managed] [--print-xml]'),
    about: 'attach network interface',
    run: async (host, words, options) => {
      allNeeded(words, CARD);
      exclusive(options);
      const xml = interfaceDocument(given([...CARD, ...CARD_OPTIONS], words), options);
      if (options.has('print-xml')) return `${xml}\n`;
      const domain = await find(host, words[0]);
      await saying('Failed to attach interface', () =>
        libvirt.attachDevice(host, domain, xml, impactOn(domain, options)),
      );
      return 'Interface attached successfully\n\n';
    },
  },
  'detach-interface': {
    usage: `detach-interface <domain> <type> [--mac <string>] ${WHERE} [--print-xml]`,
    about: 'detach network interface',
    run: async (host, words, options) => {
      allNeeded(words, ['domain', 'type']);
      exclusive(options);
      const [, type, mac] = words;
      const domain = await find(host, words[0]);
      const flags = impactOn(domain, options);
      const { text } = cardNamed(await devicesOf(host, domain, 'interface', flags), type!, mac);
      if (options.has('print-xml')) return dumped(text);
      await saying('Failed to detach interface', () => libvirt.detachDevice(host, domain, text, flags));
      return 'Interface detached successfully\n\n';
    },
  },
};
