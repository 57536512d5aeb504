/** Domains are defined, described, renamed, converted and forgotten. */
import {
  formatFinding,
  isError,
  judgeDefinition,
  notCarried,
  otherKeys,
  others,
  parseXlConfig,
  prepareToRead,
  writeSxp,
  writeXlConfig,
  writeXml,
} from '../../definitions/config/index.ts';
import type { CommandHost } from '../../toolstack/index.ts';
import {
  defineDomain,
  describeDomain,
  hasManagedSave,
  renameDomain,
  UNDEFINE,
  undefineDomain,
  XML_INACTIVE,
  xmlOf,
} from '../../toolstack/libvirt/index.ts';
import { writeQemuArgv } from '../../toolstack/qemu/index.ts';
import type { Surroundings } from '../program.ts';
import { definitionIn, find, needed, saying, type VirshCommand, VirshError } from './virsh-command.ts';

async function dumpxml(host: CommandHost, [word]: string[], options: ReadonlySet<string>): Promise<string> {
  return `${await xmlOf(host, await find(host, word), options.has('inactive') ? XML_INACTIVE : 0)}\n`;
}

/** Formats of domxml-to-native and domxml-from-native. */
const FORMATS = ['xen-xl', 'xen-xm', 'xen-sxpr'];
/** Of QEMU's driver, to it alone (qemuConnectDomainXMLToNative()). */
const QEMU_ARGV = 'qemu-argv';

/** A definition in another language, or all that is wrong with it. `fromXml`: it is in libvirt's, and goes to a format; else the other way. */
async function converted(words: string[], around: Surroundings, fromXml: boolean): Promise<string> {
  const [format = '', ...rest] = words;
  const isArgv = fromXml && format === QEMU_ARGV;
  if (!isArgv && !FORMATS.includes(format)) throw new VirshError(`error: unsupported config type ${format}`);
  const { path, text } = await definitionIn(rest, around);
  await prepareToRead(text);
  const refuse = (told: string[]): never => {
    throw new VirshError(told.map(each => `error: ${each}`).join('\n'));
  };
  const first = /[^\s\uFEFF]/.exec(text)?.[0];
  const [wanted, what] = fromXml
    ? ['<', 'domain XML of libvirt']
    : format === 'xen-sxpr'
      ? ['(', 'definition as xend exported it']
      : [undefined, 'configuration file of xl or xm'];
  if (wanted ? first !== wanted : first === '<' || first === '(')
    refuse([`${path}:1:1: This is no ${what}. Take another file, or another format.`]);
  // xl's grammar is narrower than xm's, which was Python's.
  const problems = !fromXml && format === 'xen-xl' ? parseXlConfig(text).problems : [];
  if (problems.length > 0)
    refuse(problems.map(({ line, column, text: sentence }) => `${path}:${line}:${column}: ${sentence}`));
  const judged = judgeDefinition(path, text);
  const wrong = judged.findings.filter(isError);
  if (wrong.length > 0) refuse(wrong.map(formatFinding));
  if (isArgv) {
    if (judged.definition.type !== 'hvm' || !judged.definition.kvm)
      refuse([
        "invalid argument: could not find capabilities for domaintype=xen: qemu-argv is for <domain type='kvm'>.",
      ]);
    return `${writeQemuArgv(judged.definition)}\n\n`;
  }
  if (fromXml && judged.definition.kvm)
    refuse([`invalid argument: could not find capabilities for domaintype=kvm: ${format} is for guests of Xen.`]);
  if (!fromXml) {
    const { settings, definition } = judged;
    const localtime = settings.get('localtime');
    const xml = writeXml(definition, { isLocal: localtime?.kind === 'number' && localtime.text === '1' });
    const lines = (await notCarried(judged, xml)).map(line => `  ${line.replaceAll('--', '- -')}\n`);
    return (lines.length > 0 ? `<!-- not carried over:\n${lines.join('')}-->\n` : '') + xml;
  }
  const lost = judged.findings
    .filter(({ verdict, key }) => verdict === 'ignored' && !judged.settings.has(key.split('.')[0]))
    .map(finding => `${finding.key}: ${formatFinding(finding)}`);
  const note = (lines: readonly string[]): string => lines.map(line => `# not carried over: ${line}\n`).join('');
  if (format === 'xen-sxpr') {
    const sxp = writeSxp(judged.definition, { others: others(judged) });
    // Behind the definition, which begins with its bracket.
    return sxp + note([...lost, ...(await notCarried(judged, sxp))]);
  }
  const xl = writeXlConfig(judged.definition) + otherKeys(judged);
  // xm has other words for what is started.
  const native =
    format === 'xen-xl'
      ? xl
      : xl
          .replace(/^type = "(.*)"$/m, (_, type: string) => `builder = "${type === 'pv' ? 'linux' : type}"`)
          .replace(/^cmdline = /m, 'extra = ');
  return note([...lost, ...(await notCarried(judged, native))]) + native;
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
        return converted(
          [format, path].filter(each => each !== undefined),
          around,
          true,
        );
      const { name } = await find(host, word);
      const text = new TextEncoder().encode(await dumpxml(host, [name], new Set(['inactive'])));
      return converted([format ?? '', name], { ...around, readFile: async () => text }, true);
    },
  },
  'domxml-from-native': {
    usage: 'domxml-from-native <format> <file>',
    about: 'convert native config to domain XML',
    run: (_host, words, _options, around) => converted(words, around, false),
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
