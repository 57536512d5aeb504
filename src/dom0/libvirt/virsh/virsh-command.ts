/** What a command of virsh is, and what they share: how domains are found, how tables look, how failures are said. */
import { escapedXml } from '../../definitions/config/index.ts';
import { type CommandHost, type Domain, domainsOf, type Uses } from '../../toolstack/index.ts';
import { CONFIG, driverOf, LibvirtError, LIVE } from '../index.ts';
import type { Surroundings } from '../../toolstack/programs/index.ts';

export type Run = (
  host: CommandHost,
  words: string[],
  options: ReadonlySet<string>,
  around: Surroundings,
) => Promise<string>;

export interface VirshCommand {
  /** Its name, then what follows it, as virsh help writes it; options follow from there. */
  usage: string;
  about: string;
  run: Run;
}

/** Two sentences, as virsh says them: what failed, and why. */
export class VirshError extends Error {
  override name = 'VirshError';
  /** What was printed before that. */
  readonly printed: string;

  constructor(message: string, printed = '') {
    super(message);
    this.printed = printed;
  }
}

/** `COMMAND` becomes the command's name. */
export const COMMAND = '<command>';

/** The word at a place that a command cannot do without. @throws VirshError */
export function needed(word: string | undefined, name: string): string {
  if (word === undefined) throw new VirshError(`error: command '${COMMAND}' requires <${name}> option`);
  return word;
}

/** All of these, in their places; virsh names each that is missing, one that is a number with its dashes. @throws VirshError */
export function allNeeded(words: readonly (string | undefined)[], names: readonly string[]): void {
  const missing = names.filter((_, i) => words[i] === undefined);
  if (missing.length > 0)
    throw new VirshError(
      missing
        .map(name => `error: command '${COMMAND}' requires ${name.startsWith('--') ? name : `<${name}>`} option`)
        .join('\n'),
    );
}

/** VSH_EXCLUSIVE_OPTIONS. @throws VirshError */
export function exclude(options: ReadonlySet<string>, one: string, other: string): void {
  if (options.has(one) && options.has(other))
    throw new VirshError(`error: Options --${one} and --${other} are mutually exclusive`);
}

/** --current excludes --live and --config. @throws VirshError */
export function exclusive(options: ReadonlySet<string>): void {
  exclude(options, 'persistent', 'current');
  exclude(options, 'current', 'live');
  exclude(options, 'current', 'config');
}

/** What of a domain a device comes to or leaves; --persistent is also of what runs. */
export const impactOn = ({ id }: Pick<Domain, 'id'>, options: ReadonlySet<string>): number =>
  impact(options) | (options.has('persistent') && id !== undefined ? LIVE : 0);

/** --live, --config and --current as flags; without any, as the older function has it that virsh calls then (`none`). */
export const impact = (options: ReadonlySet<string>, none = 0): number => {
  const flags = (options.has('live') ? LIVE : 0) | (options.has('config') || options.has('persistent') ? CONFIG : 0);
  return flags === 0 && !options.has('current') ? none : flags;
};

/** Flags of libvirt's by the options that represent them. */
export const flagsOf = (options: ReadonlySet<string>, by: Readonly<Record<string, number>>): number =>
  [...options].reduce((flags, option) => flags | (by[option] ?? 0), 0);

/** An attribute of a document's element, where there is a value. */
export const attribute = (name: string, value: string | undefined): string =>
  value === undefined ? '' : ` ${name}='${escapedXml(value)}'`;

/** Whether a URI is this host's; `xen:///` is what `xen:///system` is. */
export const isHere = (host: Uses<'toolstack'>, uri: string): boolean =>
  uri === driverOf(host).uri || `${uri}system` === driverOf(host).uri;

/** @throws VirshError */
export async function find(host: Uses<'domains' | 'managed' | 'toolstack'>, word: string | undefined): Promise<Domain> {
  const found = await domainsOf(host).find(needed(word, 'domain'));
  if (!found) throw new VirshError(`error: failed to get domain '${word}'`);
  return found;
}

/** vshTablePrint: columns as wide as their longest cell, three spaces between them, a line of dashes below the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    ` ${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('   ')}\n`;
  const dashes = '-'.repeat(widths.reduce((sum, width) => sum + width + 3, 0));
  return `${line(rows[0]!)}${dashes}\n${rows.slice(1).map(line).join('')}\n`;
}

/** Does something of libvirt's model; where that fails virsh says first what was to be done. @throws VirshError */
export const saying = async <T>(failed: string, work: () => Promise<T> | T): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw new VirshError(`error: ${failed}\nerror: ${(error as Error).message}`);
  }
};

/** @throws VirshError: what libvirt's drivers do not have; `failed`: what was to be done, where virsh says that first */
export function notSupported(name: string, failed?: string): never {
  const { message } = new LibvirtError('NO_SUPPORT', name);
  throw new VirshError(`${failed === undefined ? '' : `error: ${failed}\n`}error: ${message}`);
}

/** A number as `form` has it: without a sign, unless it says otherwise. @throws VirshError */
export function numeric(text: string, option: string, form = /^\d{1,15}$/): number {
  if (!form.test(text))
    throw new VirshError(`error: Numeric value '${text}' for <${option}> option is malformed or out of range`);
  return Number(text);
}

/** Undefined: a domain has no metadata of that kind. @throws what else it is */
export function noMetadata(error: unknown): undefined {
  if (!(error instanceof LibvirtError && error.class === 'NO_DOMAIN_METADATA')) throw error;
  return undefined;
}

/** Of what is changed in the editor. */
export const needsTerminal = (command: string): VirshError =>
  new VirshError(`error: ${command} needs the terminal: give it a line of its own, without pipes.`);

/** A command with one domain, of which virsh says what was done, or what failed, by the word that it was given. */
export const onDomain =
  (verb: string, done: string, act: (host: CommandHost, domain: Domain) => Promise<unknown>): Run =>
  async (host, [word]) => {
    const domain = await find(host, word);
    await saying(`Failed to ${verb} domain '${word}'`, () => act(host, domain));
    return `Domain '${word}' ${done}\n\n`;
  };

/** What a document's file says. @throws VirshError */
export async function textIn(path: string, { readFile }: Surroundings): Promise<string> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new VirshError(`error: Failed to open file '${path}': ${error.message.replace(`${path}: `, '')}`);
  });
  return new TextDecoder().decode(bytes);
}

/** A definition's file, and the path of it in messages. */
export async function definitionIn(words: string[], around: Surroundings): Promise<{ path: string; text: string }> {
  const path = needed(
    words.find(word => !word.startsWith('--')),
    'file',
  );
  return { path, text: await textIn(path, around) };
}

const malformed = (text: string): string =>
  `Scaled numeric value '${text}' for <size> option is malformed or out of range`;
const SCALES: Readonly<Record<string, number>> = { b: 1, bytes: 1, '': 0 };
/** vshCommandOptScaledInt: a number with a unit, or in `scale` where it has none; bytes. @throws VirshError */
export function scaled(text: string, scale: number, wrong = malformed): number {
  const [, digits, unit = ''] = /^(\d{1,15})([a-z]*)$/i.exec(text) ?? [];
  const [, letter = '', rest = ''] = /^([kmgtpe])(|b|ib)$/i.exec(unit) ?? [];
  const factor = letter
    ? (rest.toLowerCase() === 'b' ? 1000 : 1024) ** ('kmgtpe'.indexOf(letter.toLowerCase()) + 1)
    : (SCALES[unit.toLowerCase()] ?? Number.NaN) || (unit === '' ? scale : Number.NaN);
  if (digits === undefined || Number.isNaN(factor))
    throw new VirshError(`error: ${wrong(text)}\nerror: invalid argument: unknown suffix '${unit}'`);
  return Number(digits) * factor;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
/** vshPrettyCapacity(). */
export function capacityText(bytes: number, digits = 2): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Labels and values, `width` columns for the label with its colon. */
export const labelled = (width: number, rows: readonly (readonly [string, string | number])[]): string =>
  `${rows.map(([label, value]) => `${`${label}:`.padEnd(width)} ${value}\n`).join('')}\n`;
