/** Domains are defined, described, renamed, converted and forgotten. */
import type { CommandHost } from '../../toolstack/index.ts';
import {
  CONFIG,
  converted,
  defineDomain,
  hasManagedSave,
  METADATA,
  metadataOf,
  NativeError,
  renameDomain,
  setMetadata,
  UNDEFINE,
  undefineDomain,
  XML_INACTIVE,
  XML_SECURE,
  shownXml,
} from '../index.ts';
import type { Surroundings } from '../../toolstack/programs/index.ts';
import {
  allNeeded,
  definitionIn,
  exclude,
  exclusive,
  find,
  flagsOf,
  impact,
  needed,
  needsTerminal,
  noMetadata,
  saying,
  type VirshCommand,
  VirshError,
} from './virsh-command.ts';

const UNDEFINE_OPTIONS = {
  'managed-save': UNDEFINE.MANAGED_SAVE,
  'snapshots-metadata': UNDEFINE.SNAPSHOTS_METADATA,
  nvram: UNDEFINE.NVRAM,
  'keep-nvram': UNDEFINE.KEEP_NVRAM,
  'checkpoints-metadata': UNDEFINE.CHECKPOINTS,
};

async function dumpxml(host: CommandHost, [word]: string[], options: ReadonlySet<string>): Promise<string> {
  const flags = flagsOf(options, { inactive: XML_INACTIVE, 'security-info': XML_SECURE });
  return `${await shownXml(host, await find(host, word), flags)}\n`;
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
  dumpxml: {
    usage: 'dumpxml <domain> [--inactive] [--security-info]',
    about: 'domain information in XML',
    run: dumpxml,
  },
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
      throw needsTerminal('edit');
    },
  },
  undefine: {
    usage:
      'undefine <domain> [--managed-save] [--remove-all-storage] [--snapshots-metadata] [--checkpoints-metadata] [--nvram] [--keep-nvram]',
    about: 'undefine a domain',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      exclude(options, 'nvram', 'keep-nvram');
      const flags = flagsOf(options, UNDEFINE_OPTIONS);
      if ((flags & UNDEFINE.MANAGED_SAVE) === 0 && (await hasManagedSave(host, domain)))
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
      const text = new TextEncoder().encode(await dumpxml(host, [name], new Set(['inactive', 'security-info'])));
      return translated([format ?? '', name], { ...around, readFile: async () => text }, true);
    },
  },
  'domxml-from-native': {
    usage: 'domxml-from-native <format> <file>',
    about: 'convert native config to domain XML',
    run: (_host, words, _options, around) => translated(words, around, false),
  },
  desc: {
    usage: 'desc <domain> [--live] [--config] [--current] [--title] [--edit] [[--new-desc] <string>]...',
    about: 'show or set domain’s description or title',
    run: async (host, [word, ...given], options) => {
      exclusive(options);
      const domain = await find(host, word);
      const text = given.length === 0 ? undefined : given.join(' ');
      const [type, what] = options.has('title') ? [METADATA.TITLE, 'title'] : [METADATA.DESCRIPTION, 'description'];
      if (options.has('edit')) throw needsTerminal('desc --edit');
      if (text === undefined) {
        const found = await metadataOf(host, domain, { type }, options.has('config') ? CONFIG : 0).catch(noMetadata);
        return `${found ?? `No ${what} for domain: ${domain.name}`}\n`;
      }
      // libvirt's own library looks at it, whatever the driver is.
      if (type === METADATA.TITLE && text.includes('\n'))
        throw new VirshError("error: Failed to set new domain title\nerror: metadata title can't contain newlines");
      await saying(`Failed to set new domain ${what}`, () =>
        setMetadata(host, domain, { type, text }, impact(options)),
      );
      return `Domain ${what} updated successfully\n`;
    },
  },
  metadata: {
    usage:
      'metadata <domain> <uri> [--live] [--config] [--current] [--edit] [--key <string>] [--set <string>] [--remove]',
    about: 'show or set domain’s custom XML metadata',
    run: async (host, words, options) => {
      allNeeded(words, ['domain', 'uri']);
      const [word, uri, key, xml] = words;
      exclusive(options);
      for (const other of ['edit', 'remove'])
        if (xml !== undefined && options.has(other))
          throw new VirshError(`error: Options --${other} and --set are mutually exclusive`);
      const domain = await find(host, word);
      const { ELEMENT: type } = METADATA;
      if (options.has('edit')) throw needsTerminal('metadata --edit');
      if (xml === undefined && !options.has('remove') && options.has('live') && options.has('config'))
        throw new VirshError(
          "error: Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive",
        );
      if (xml === undefined && !options.has('remove'))
        return `${await metadataOf(host, domain, { type, uri }, impact(options))}\n\n`;
      if (xml !== undefined && key === undefined)
        throw new VirshError('error: namespace key is required when modifying metadata');
      await setMetadata(host, domain, { type, uri, key, text: xml }, impact(options));
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
