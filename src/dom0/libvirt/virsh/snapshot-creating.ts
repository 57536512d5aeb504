/** Snapshots are taken: by a document, or by the words that virsh makes one of. Source: tools/virsh-snapshot.c of libvirt 9. */
import { escapedXml } from '../../definitions/config/index.ts';
import type { CommandHost, Domain } from '../../toolstack/index.ts';
import { CREATE_SNAPSHOT, createSnapshot } from '../index.ts';
import { attribute, find, flagsOf, textIn, type VirshCommand, VirshError } from './virsh-command.ts';

const BY_OPTION = {
  redefine: CREATE_SNAPSHOT.REDEFINE,
  current: CREATE_SNAPSHOT.CURRENT,
  'no-metadata': CREATE_SNAPSHOT.NO_METADATA,
  halt: CREATE_SNAPSHOT.HALT,
  'disk-only': CREATE_SNAPSHOT.DISK_ONLY,
  'reuse-external': CREATE_SNAPSHOT.REUSE_EXT,
  quiesce: CREATE_SNAPSHOT.QUIESCE,
  atomic: CREATE_SNAPSHOT.ATOMIC,
  live: CREATE_SNAPSHOT.LIVE,
  validate: CREATE_SNAPSHOT.VALIDATE,
};
const HOW = '[--no-metadata] [--halt] [--disk-only] [--reuse-external] [--quiesce] [--atomic] [--live] [--validate]';

/** vshStringToArray(): what is between commas, of which two are one within a word. */
const wordsOf = (spec: string): string[] =>
  spec
    .replaceAll(',,', '\0')
    .split(',')
    .map(word => word.replaceAll('\0', ','));

/** Values by the words before their `=`; a path may be alone where `isPath`. @throws VirshError where there is another word */
function specOf(
  words: readonly string[],
  known: readonly string[],
  wrong: () => VirshError,
  isPath = false,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const word of words) {
    const name = known.find(each => word.startsWith(`${each}=`)) ?? (isPath && word.startsWith('/') ? 'file' : '');
    if (name === '' || Object.hasOwn(found, name)) throw wrong();
    found[name] = word.startsWith('/') ? word : word.slice(name.length + 1);
  }
  return found;
}

/** virshParseSnapshotMemspec(). @throws VirshError */
function memoryXml(spec: string): string {
  const wrong = (): VirshError => new VirshError(`error: unable to parse memspec: ${spec}`);
  const { snapshot, file } = specOf(wordsOf(spec), ['snapshot', 'file'], wrong, true);
  return `  <memory${attribute('snapshot', snapshot)}${attribute('file', file)}/>\n`;
}

const KINDS = ['none', 'file', 'block', 'dir', 'network', 'volume', 'nvme', 'vhostuser'];

/** virshParseSnapshotDiskspec(). @throws VirshError */
function diskXml(spec: string): string {
  const [name = '', ...words] = wordsOf(spec);
  const wrong = (first = ''): VirshError => new VirshError(`${first}error: unable to parse diskspec: ${spec}`);
  const { snapshot, driver, stype, file } = specOf(words, ['snapshot', 'driver', 'stype', 'file'], wrong);
  if (stype !== undefined && !KINDS.includes(stype)) throw wrong(`error: Unknown storage type: '${stype}'\n`);
  const head = `    <disk${attribute('name', name)}${attribute('snapshot', snapshot)}${attribute('type', stype)}`;
  if (driver === undefined && file === undefined) return `${head}/>\n`;
  const more = [
    ...(driver === undefined ? [] : [`      <driver${attribute('type', driver)}/>\n`]),
    ...(file === undefined ? [] : [`      <source${attribute(stype === 'block' ? 'dev' : 'file', file)}/>\n`]),
  ];
  return `${head}>\n${more.join('')}    </disk>\n`;
}

/** The document that virsh makes of its words. @throws VirshError */
function documentOf([name, description, memory, ...disks]: readonly (string | undefined)[]): string {
  const element = (called: string, text: string | undefined): string =>
    text === undefined ? '' : `  <${called}>${escapedXml(text)}</${called}>\n`;
  for (const [option, value] of Object.entries({ name, description, memspec: memory }))
    if (value === '') throw new VirshError(`error: Failed to get option '${option}': Option argument is empty`);
  return `<domainsnapshot>\n${element('name', name)}${element('description', description)}${memory === undefined ? '' : memoryXml(memory)}${disks.length === 0 ? '' : `  <disks>\n${disks.map(disk => diskXml(disk!)).join('')}  </disks>\n`}</domainsnapshot>\n`;
}

/** What virsh says of one that is taken. `file`: that of its document. */
async function taken(
  host: CommandHost,
  domain: Domain,
  xml: string,
  options: ReadonlySet<string>,
  file?: string,
): Promise<string> {
  const { name } = await createSnapshot(host, domain, xml, flagsOf(options, BY_OPTION));
  return `Domain snapshot ${name} created${file === undefined ? '' : ` from '${file}'`}\n`;
}

export const SNAPSHOT_CREATING: Record<string, VirshCommand> = {
  'snapshot-create': {
    usage: `snapshot-create <domain> [--xmlfile <xmlfile>] [--redefine] [--current] ${HOW}`,
    about: 'Create a snapshot from XML',
    run: async (host, [word, file], options, around) => {
      const domain = await find(host, word);
      const xml = file === undefined ? '<domainsnapshot/>' : await textIn(file, around);
      return taken(host, domain, xml, options, file);
    },
  },
  'snapshot-create-as': {
    usage: `snapshot-create-as <domain> [--name <name>] [--description <description>] [--print-xml] ${HOW} [--memspec=<memspec>] [[--diskspec] <diskspec>]...`,
    about: 'Create a snapshot from a set of args',
    run: async (host, [word, ...words], options) => {
      const domain = await find(host, word);
      const xml = documentOf(words);
      return options.has('print-xml') ? `${xml}\n\n` : taken(host, domain, xml, options);
    },
  },
};
