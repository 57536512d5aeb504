/** Domains are defined, described, renamed, converted and forgotten. */
import type { CommandHost } from '../../toolstack/index.ts';
import {
  converted,
  defineDomain,
  describeDomain,
  hasManagedSave,
  metadataOf,
  NativeError,
  renameDomain,
  setMetadata,
  UNDEFINE,
  undefineDomain,
  XML_INACTIVE,
  xmlOf,
} from '../../toolstack/libvirt/index.ts';
import type { Surroundings } from '../program.ts';
import { definitionIn, find, needed, saying, type VirshCommand, VirshError } from './virsh-command.ts';

async function dumpxml(host: CommandHost, [word]: string[], options: ReadonlySet<string>): Promise<string> {
  return `${await xmlOf(host, await find(host, word), options.has('inactive') ? XML_INACTIVE : 0)}\n`;
}

/** A definition in another language, or all that is wrong with it. */
async function translated(words: string[], around: Surroundings, fromXml: boolean): Promise<string> {
  const [format = '', ...rest] = words;
  const document = await definitionIn(rest, around);
  return converted({ format, ...document }, fromXml).catch(error => {
    if (!(error instanceof NativeError)) throw error;
    throw new VirshError(error.lines.map(each => `error: ${each}`).join('\n'));
  });
}

export const DEFINITIONS: Record<string, VirshCommand> = {
  dumpxml: { usage: 'dumpxml <domain> [--inactive]', about: 'domain information in XML', run: dumpxml },
  define: {
    usage: 'define <file>',
    about: 'define a domain from an XML file',
    run: async (host, words, _options, around) => {
      const { path, text } = await definitionIn(words, around);
      const { name } = await saying(`Failed to define domain from ${path}`, () => defineDomain(host, text));
      return `Domain '${name}' defined from ${path}\n\n`;
    },
  },
  edit: {
    usage: 'edit <domain>',
    about: 'edit configuration for a domain',
    run: async () => {
      throw new VirshError('error: edit needs the terminal: give it a line of its own, without pipes.');
    },
  },
  undefine: {
    usage: 'undefine <domain> [--managed-save] [--remove-all-storage]',
    about: 'undefine a domain',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      const flags = options.has('managed-save') ? UNDEFINE.MANAGED_SAVE : 0;
      if (flags === 0 && (await hasManagedSave(host, domain)))
        throw new VirshError('error: Refusing to undefine while domain managed save image exists');
      await saying(`Failed to undefine domain '${domain.name}'`, () =>
        undefineDomain(host, domain, flags, options.has('remove-all-storage')),
      );
      return `Domain '${domain.name}' has been undefined\n\n`;
    },
  },
  'domxml-to-native': {
    usage: 'domxml-to-native <format> <file> [--domain <domain>]',
    about: 'convert domain XML to native config',
    run: async (host, [format, path, word], _options, around) => {
      if (word === undefined)
        return translated(
          [format, path].filter(each => each !== undefined),
          around,
          true,
        );
      const { name } = await find(host, word);
      const text = new TextEncoder().encode(await dumpxml(host, [name], new Set(['inactive'])));
      return translated([format ?? '', name], { ...around, readFile: async () => text }, true);
    },
  },
  'domxml-from-native': {
    usage: 'domxml-from-native <format> <file>',
    about: 'convert native config to domain XML',
    run: (_host, words, _options, around) => translated(words, around, false),
  },
  desc: {
    usage: 'desc <domain> [<new-desc>] [--live] [--config]',
    about: 'show or set domain’s description',
    run: async (host, [word, text]) => {
      const domain = await find(host, word);
      if (text === undefined)
        return `${domain.definition.description ?? `No description for domain: ${domain.name}`}\n`;
      await describeDomain(host, domain, text);
      return 'Domain description updated successfully';
    },
  },
  metadata: {
    usage: 'metadata <domain> <uri> [--key <string>] [--set <string>] [--remove]',
    about: 'show or set domain’s custom XML metadata',
    run: async (host, [word, uri, key, xml], flags) => {
      const domain = await find(host, word);
      if (xml === undefined && !flags.has('remove')) return `${metadataOf(domain, uri)}\n\n`;
      if (xml !== undefined && key === undefined)
        throw new VirshError('error: namespace key is required when modifying metadata');
      await setMetadata(host, domain, uri, xml);
      return xml === undefined ? 'Metadata removed\n\n' : 'Metadata modified\n\n';
    },
  },
  domrename: {
    usage: 'domrename <domain> <new-name>',
    about: 'rename a domain',
    run: async (host, [word, name]) => {
      const domain = await find(host, word);
      await renameDomain(host, domain, needed(name, 'new-name'));
      return 'Domain successfully renamed\n\n';
    },
  },
};
