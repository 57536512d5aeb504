/** How the commands of life.ts and dmesg.ts are written: their words, options and help. They come with the shell. */
import { xenViewOf } from '../../../hypervisor/interfaces/xen/view/index.ts';
import type { DomainInfo } from '../wire.ts';
import {
  baseName,
  ERROR_FAIL,
  ERROR_INVAL,
  isDefinition,
  judgeFiles,
  type NamedFile,
  withOptions,
} from '../../definitions/index.ts';
import {
  formatFinding,
  judgeDefinition,
  MOST_BYTES,
  prepareToRead,
  writeJson,
} from '../../definitions/config/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { HEAD_BYTES } from '../../definitions/images/index.ts';
import { type Call, command, Refusal } from './command.ts';
import { openConsole } from './console.ts';
import * as deeds from './dmesg.ts';
import * as life from './life.ts';
import { atLeast, findDomain, readWords } from './words.ts';
import { viewAfter } from './vncviewer.ts';
import { xmVariables } from './xm-variables.ts';

/** The others that libxl has names for, and why they fail. */
const NOT_SENT: Record<string, string> = {
  init: 'Function not implemented',
  sleep: "the PC's power management, a PIIX4, has no sleep button",
};

const NO_TRIGGERS = 'Domain 0 is the host itself: it takes no triggers.';

export const create = command({
  ...life.create,
  summary: 'Create a domain from config file <filename>',
  usage: '<ConfigFile> [options] [vars]',
  options: [
    ['-q, --quiet', 'Quiet.'],
    ['-p', 'Leave the domain paused after it is created.'],
    ['-f FILE, --defconfig=FILE', 'Use the given configuration file.'],
    ['-n, --dryrun', 'Dry run - prints the resulting configuration'],
    ['-c', 'Connect to the console after the domain is created.'],
    ['-F', 'Run in foreground until death of the domain: Domain 0 watches over all domains here'],
    ['-e', 'Do not wait in the background for the death of the domain: as above'],
    ['-d', 'Enable debug messages: there are none here.'],
    ['-V, --vncviewer', 'Connect to the VNC display after the domain is created: to its window.'],
    ['-A, --vncviewer-autopass', 'The same: there is no password here.'],
    ['--ignore-global-affinity-masks', 'Ignore global masks in xl.conf: there are none here.'],
  ],
  dryRun: true,
  xl: async (call, run) => {
    const { given, said, options } = await toCreate(call);
    if (options.has('n')) return said + (await dryRun(call.host, given));
    const { id } = await run(given, false, options.has('p'));
    return said + (await viewAfter(call.host, id, options));
  },
  attach: words => {
    const { options: asked } = readCreate({ words });
    return asked.has('c') && !asked.has('n')
      ? async (call, terminal) => {
          const { given, said, options } = await toCreate(call);
          const { id } = await life.create.run(call.host, given, false, options.has('p'));
          terminal.write(said.replaceAll('\n', '\r\n'));
          await openConsole(call.host, id, terminal);
          return 0;
        }
      : undefined;
  },
});

interface CreateWords {
  path: string;
  /** Lines of xl.cfg that count more than the file's. */
  settings: string[];
  /** Files next to the definition, which it names by their base names. */
  files: string[];
  options: ReadonlyMap<string, string>;
}

/** A word with an equals sign is a setting: a line of the file with xl, a variable with xm. @throws Refusal */
function readCreate({ words, program }: { words: readonly string[]; program?: Call['program'] }): CreateWords {
  const { options, rest } = readWords(words, {
    flags: 'pncqFedVAi',
    values: 'f',
    long: {
      dryrun: 'n',
      quiet: 'q',
      defconfig: 'f',
      vncviewer: 'V',
      'vncviewer-autopass': 'A',
      'ignore-global-affinity-masks': 'i',
    },
  });
  const given = rest.filter(word => word.includes('='));
  const settings = program === 'xm' ? xmVariables(given) : given;
  const [path = options.get('f'), ...files] = rest.filter(word => !word.includes('='));
  if (path === undefined) throw new Refusal('Config file not specified and none in save file', ERROR_INVAL);
  return { path, settings, files, options };
}

/** What the words say: the definition with the files that it names, and what xl prints of it first. @throws Refusal */
async function toCreate(call: Call): Promise<{ given: NamedFile[]; said: string; options: CreateWords['options'] }> {
  const { path: asked, settings, files, options } = readCreate(call);
  const path = await foundBy(call, asked);
  const given = await filesFor(call, path, settings, files);
  const warnings = await warningsOf(call.host, given);
  return { given, said: options.has('q') ? '' : `Parsing config from ${path}\n${warnings}`, options };
}

/** xm looks for a definition in /etc/xen, too (its --path), and here where the managed ones are. */
async function foundBy({ program, read }: Call, path: string): Promise<string> {
  if (program !== 'xm' || path.startsWith('/')) return path;
  for (const folder of ['', '/etc/xen/', '/etc/xen/vm/'])
    if (
      await read(folder + path).then(
        () => true,
        () => false,
      )
    )
      return folder + path;
  throw new Refusal(`Error: Unable to open config file: ${path}`);
}

/** What create is given: the definition with the settings behind it, the files next to it, and those that it names. */
export async function filesFor(
  call: Pick<Call, 'read' | 'absolute'> & Partial<Pick<Call, 'host'>>,
  path: string,
  settings: string[] = [],
  files: string[] = [],
): Promise<NamedFile[]> {
  const given = await Promise.all(
    [path, ...files].map(async (name): Promise<NamedFile> => {
      const data = await call.read(name).catch((error: Error) => {
        // The path is in the sentence already where the shell reads it.
        throw new Refusal(
          `Failed to read config file: ${error.message.startsWith(name) ? '' : `${name}: `}${error.message}`,
          ERROR_FAIL,
        );
      });
      return { name, data, inDomain0: true, directory: call.absolute?.('.').replace(/\/\.$/, '') ?? '' };
    }),
  );
  if (settings.length > 0) {
    const text = await given[0].data.slice(0, MOST_BYTES).text();
    await prepareToRead(text);
    given[0].data = new Blob([withOptions(path, text, `${settings.join('\n')}\n`).text]);
  }
  return [...given, ...(await namedFiles(call, given))];
}

/** Creates a domain from a definition in Domain 0's files. @throws Error with a sentence */
export async function createFrom(
  { host, read }: Pick<Call, 'host' | 'read'>,
  path: string,
  { paused = false } = {},
): Promise<DomainInfo> {
  return life.create.run(host, await filesFor({ host, read }, path), false, paused);
}

/** What a definition and its files have that looks like a mistake and stops nothing, a line each in the form of xl's warnings. */
async function warningsOf(host: Uses<'domains' | 'files'>, files: NamedFile[]): Promise<string> {
  return judgeFiles(await host.files.read(files), host.domains.facts)
    .plan.findings.filter(({ warns }) => warns)
    .map(finding => `${formatFinding({ ...finding, text: `warning: ${finding.text}` })}\n`)
    .join('');
}

/** What `create -n` prints: what would be made. @throws Error with all that is wrong */
async function dryRun(host: CommandHost, files: NamedFile[]): Promise<string> {
  const { plan, domain } = judgeFiles(await host.files.read(files), host.domains.facts);
  if (!domain) throw life.planRefusal(host, plan);
  return writeJson([{ definition: domain.definition }], true);
}

/** Files that the first one names, if it is a definition: those that can be read. The judgement reports what is missing. */
async function namedFiles(
  { read, host }: Pick<Call, 'read'> & Partial<Pick<Call, 'host'>>,
  [first, ...others]: NamedFile[],
): Promise<NamedFile[]> {
  const head = new Uint8Array(await first.data.slice(0, HEAD_BYTES).arrayBuffer());
  if (!isDefinition({ name: first.name, data: head })) return [];
  const text = await first.data.slice(0, MOST_BYTES).text();
  await prepareToRead(text);
  const { kernel, ramdisk, biosPath, disks } = judgeDefinition(first.name, text).definition;
  const given = new Set(others.map(({ name }) => baseName(name)));
  // An image of the machine beneath is opened in its place.
  const images = disks.map(({ target }) => target).filter(target => !host?.files.allowed?.has(target));
  const named = new Set(
    [kernel, ramdisk, biosPath, ...images].filter(
      path => path !== undefined && path !== '' && !given.has(baseName(path)),
    ),
  );
  const found = await Promise.all(
    [...named].map(async path =>
      read(path!).then(
        data => ({ name: path!, data }),
        () => undefined,
      ),
    ),
  );
  return found.filter(file => file !== undefined);
}

export const pause = command({
  ...life.pause,
  summary: 'Pause execution of a domain',
  usage: '<Domain>',
  xl: ({ host, words }, run) => onDomain('pause', host, words, run),
});

export const unpause = command({
  ...life.unpause,
  summary: 'Unpause a paused domain',
  usage: '<Domain>',
  xl: ({ host, words }, run) => onDomain('unpause', host, words, run),
});

const WAIT: [string, string] = ['-w, --wait', 'Wait for the domain(s) to end.'];

export const shutdown = command({
  ...life.shutdown,
  summary: 'Issue a shutdown signal to a domain',
  usage: '[options] <-a|Domain>',
  options: [
    ['-a, --all', 'Shutdown all guest domains.'],
    WAIT,
    ['-F', 'Fallback to ACPI power event for HVM guests with no PV drivers.'],
  ],
  xl: ({ host, words }, run) => onAll(host, words, run),
});

export const reboot = command({
  ...life.reboot,
  summary: 'Issue a reboot signal to a domain',
  usage: '[options] <-a|Domain>',
  options: [
    ['-a, --all', 'Reboot all guest domains.'],
    WAIT,
    ['-F', 'Fallback to ACPI reset event for HVM guests with no PV drivers.'],
  ],
  xl: ({ host, words }, run) => onAll(host, words, run),
});

export const trigger = command({
  ...life.trigger,
  summary: 'Send a trigger to a domain',
  usage: '<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]',
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('trigger', rest, 2);
    const id = findDomain(host, rest[0]);
    const [, what, vcpu = '0'] = rest;
    if (Object.hasOwn(NOT_SENT, what)) throw life.notSent(id, what, NOT_SENT[what]);
    if (what !== 'power' && what !== 'reset' && what !== 'nmi' && what !== 's3resume')
      throw new Refusal(`Invalid trigger "${what}"`);
    if (!/^\d+$/.test(vcpu)) throw new Refusal(`Invalid VCPU parameter: "${vcpu}"`);
    if (id === 0) throw new Refusal(NO_TRIGGERS);
    await run(id, what, Number(vcpu));
    return '';
  },
});

export const buttonPress = command({
  ...life.trigger,
  summary: 'Indicate an ACPI button press to the domain',
  usage: '<Domain> <Button>',
  options: [['<Button>', "may be 'power' or 'sleep': xl trigger does the same"]],
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('button-press', rest, 2);
    const id = findDomain(host, rest[0]);
    if (rest[1] !== 'power' && rest[1] !== 'sleep') throw new Refusal(`${rest[1]} is an invalid button identifier`);
    if (rest[1] === 'sleep') throw life.notSent(id, 'sleep', NOT_SENT.sleep);
    if (id === 0) throw new Refusal(NO_TRIGGERS);
    await run(id, 'power', 0);
    return '';
  },
});

export const destroy = command({
  ...life.destroy,
  summary: 'Terminate a domain immediately',
  usage: '[options] <Domain>',
  options: [
    ['-f', 'Permit destroying domain 0, which will only succeed when done from disaggregated toolstack domain'],
  ],
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 'f' });
    atLeast('destroy', rest, 1);
    const id = findDomain(host, rest[0]);
    if (id === 0)
      throw new Refusal(
        options.has('f')
          ? 'destroy failed (rc=-3)\nDomain 0 runs this command, and cannot destroy itself.'
          : 'Cannot destroy privileged domain 0.',
      );
    await run(id);
    return '';
  },
});

export const dmesg = command({
  ...deeds.dmesg,
  summary: 'Read and/or clear dmesg buffer',
  usage: '[-c]',
  options: [['-c', 'Clear dmesg buffer as well as printing it']],
  xl: async ({ words }, run) => run(readWords(words, { flags: 'c', long: { clear: 'c' } }).options.has('c')),
});

/** A command with one domain. */
async function onDomain(
  name: string,
  host: Uses<'domains'>,
  words: string[],
  run: (id: number) => Promise<void>,
): Promise<string> {
  const { rest } = readWords(words);
  atLeast(name, rest, 1);
  await run(findDomain(host, rest[0]));
  return '';
}

/** A command with one domain, or with -a all that run; -w: once it has happened to all, in the words of wait_for_domain_deaths() of xl_vmcontrol.c. */
async function onAll(
  host: Uses<'domains' | 'toolstack'>,
  words: string[],
  run: (id: number, fallback: boolean) => Promise<void>,
): Promise<string> {
  const { options, rest } = readWords(words, { flags: 'aFw', long: { all: 'a', wait: 'w' } });
  if (!options.has('a') && rest.length === 0) throw new Refusal('You must specify -a or a domain id.');
  const ids = options.has('a')
    ? host.domains.all().flatMap(({ id, ended }) => (ended ? [] : [id]))
    : [findDomain(host, rest[0])];
  // Heard from the beginning: who is asked may have ended before the next one is.
  const ends = options.has('w') ? ids.filter(id => id > 0).map(id => whenOver(host, id)) : [];
  for (const id of ids) await run(id, options.has('F'));
  const told = await Promise.all(ends);
  return options.has('w') ? `Waiting for ${ids.length} domains\n${told.join('')}` : '';
}

function whenOver(host: Uses<'domains' | 'toolstack'>, id: number): Promise<string> {
  const { whenOver, record } = host.domains.living(id);
  const reason = (): string => {
    const code = xenViewOf(host.toolstack.view.at(record.index))?.shutdown ?? -1;
    return code < 0 ? '' : `, reason code ${code}`;
  };
  return new Promise(resolve =>
    whenOver.add((_, byItself) =>
      resolve(`Domain ${id} has been ${byItself ? `shut down${reason()}` : 'destroyed'}\n`),
    ),
  );
}
