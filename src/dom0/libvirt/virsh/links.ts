/** Links of cards (cmdDomIfSetLink() and cmdDomIfGetLink() of tools/virsh-domain.c and virsh-domain-monitor.c of libvirt 9.0). */
import { xmlText } from '../../definitions/config/xml/index.ts';
import type { Domain, Uses } from '../../toolstack/index.ts';
import * as libvirt from '../index.ts';
import { allNeeded, find, saying, type VirshCommand, VirshError } from './virsh-command.ts';

const STATES = ['up', 'down'];
const IS_MAC = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;

/** A card by its station address, or by what the host calls it. */
async function cardNamed(
  host: Uses<'consoles' | 'toolstack'>,
  domain: Domain,
  name: string,
  flags: number,
): Promise<libvirt.XmlElement | undefined> {
  const document = await libvirt.readXml(await libvirt.shownXml(host, domain, flags), 'domain');
  const devices = document.children.find(child => child.name === 'devices');
  return devices?.children.find(
    ({ name: kind, children }) =>
      kind === 'interface' &&
      children.some(({ name: child, attributes }) =>
        IS_MAC.test(name)
          ? child === 'mac' && attributes.address?.toLowerCase() === name.toLowerCase()
          : child === 'target' && attributes.dev === name,
      ),
  );
}

const isLink = ({ name }: libvirt.XmlElement): boolean => name === 'link';

export const LINKS: Record<string, VirshCommand> = {
  'domif-setlink': {
    usage: 'domif-setlink <domain> <interface> <state> [--config] [--print-xml]',
    about: 'set link state of a virtual interface',
    run: async (host, [word, name, state], options) => {
      allNeeded([word, name, state], ['domain', 'interface', 'state']);
      const domain = await find(host, word);
      if (!STATES.includes(state!)) throw new VirshError(`error: invalid link state '${state}'`);
      const isDefined = options.has('config') || domain.id === undefined;
      const card = await cardNamed(host, domain, name!, isDefined ? libvirt.XML_INACTIVE : 0);
      if (!card) throw new VirshError(`error: interface '${name}' not found`);
      const link = { name: 'link', attributes: { state: state! }, text: '', children: [] };
      const children = [...card.children.filter(child => !isLink(child)), link];
      const xml = xmlText({ ...card, children });
      if (options.has('print-xml')) return xml;
      await saying('Failed to update interface link state', () =>
        libvirt.updateDevice(host, domain, xml, isDefined ? libvirt.CONFIG : libvirt.LIVE),
      );
      return 'Device updated successfully\n';
    },
  },
  'domif-getlink': {
    usage: 'domif-getlink <domain> <interface> [--config]',
    about: 'get link state of a virtual interface',
    run: async (host, [word, name], options) => {
      allNeeded([word, name], ['domain', 'interface']);
      const domain = await find(host, word);
      const card = await cardNamed(host, domain, name!, options.has('config') ? libvirt.XML_INACTIVE : 0);
      if (!card) throw new VirshError(`error: Interface (${IS_MAC.test(name!) ? 'mac' : 'dev'}: ${name}) not found.`);
      return `${name} ${card.children.find(isLink)?.attributes.state ?? 'up'}\n`;
    },
  },
};
