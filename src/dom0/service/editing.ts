/** What the page's editor of definitions asks of Domain 0. Loaded when the first one is opened; only `setAutomatic` changes anything. */
import { type Kind, typeOf } from '../../hypervisor/kinds/index.ts';
import { definedAs } from '../definitions/kinds/index.ts';
import {
  baseName,
  type Finding,
  type HostFacts,
  isDefinition,
  judgeFiles,
  type NamedFile,
  type Plan,
} from '../definitions/index.ts';
import { quoted } from '../../formats/shell-words/index.ts';
import { NIC_MODELS, type NicModel } from '../../devices/index.ts';
import {
  changeDefinition,
  DEFAULT_NIC,
  type Definition,
  type DiskSpec,
  isError,
  isFault,
  judgeDefinition,
  newDefinition,
  prepareToRead,
  writeXlConfig,
  type Card,
} from '../definitions/config/index.ts';
import {
  type CommandHost,
  filesFor,
  findManaged,
  managedOf,
  newKindsOn,
  domainsOf,
  type Uses,
} from '../toolstack/index.ts';
import { GROUP } from '../host/storage/index.ts';
import { lookAtSnapshots } from './inventory.ts';

/** The guest of our own that a new definition starts with. */
const OWN_KERNEL = '/boot/minipv';

const CARDS = Object.entries(NIC_MODELS).map(([model, { name }]) => ({ model: model as NicModel, name }));

/** A definition as it is kept, or the beginning of a new one, and what there is to choose from. */
export interface OpenedDefinition {
  path: string;
  text: string;
  /** It is kept; a new one is not. */
  isKept: boolean;
  /** It starts with the host. */
  automatic: boolean;
  choices: {
    /** Kernels and RAM disks among Domain 0's files, by their paths. */
    kernels: string[];
    /** Disks: images and volumes, by their paths. */
    disks: string[];
    /** Those of them that another domain has; they are last. */
    taken: string[];
  };
}

/** What a text comes to. */
export interface JudgedText {
  text: string;
  /** What would be created from it now. */
  plan: Plan;
  /** What a form shows of it: whole only where the text has no errors. */
  definition: Definition;
  /** It is in another language than xl's: a form that changes it writes it again as xl.cfg. */
  isForeign: boolean;
  /** Emulated network cards that there are: what definitions call them, and what they are. */
  cards: { model: NicModel; name: string }[];
  /** Kinds of guests that this host's tools make. */
  kinds: readonly Kind[];
  /** The text itself is right, whatever keeps a domain from being created now: it can be kept. */
  canKeep: boolean;
}

/** What a form changes; undefined: as if it were not set. */
export type Changes = { [Field in keyof Omit<Definition, 'disks'>]?: Definition[Field] | undefined } & {
  disks?: readonly DiskSpec[];
};

/** A text that is being edited, its path or future path, and files that a person gave with it; other files are Domain 0's. */
export interface Edited {
  path: string;
  text: string;
  files?: readonly NamedFile[];
  /** It was dropped with its files: others are not looked at. */
  isDropped?: boolean;
}

/** Volumes of the host that may be disks: not those that hold images, or are parts of snapshots. */
async function volumesFor(host: Uses<'disk' | 'files'>): Promise<string[]> {
  const storage = await host.disk.openDevices();
  if (!storage) return [];
  const { snapshots } = await lookAtSnapshots(host.files.own);
  return storage.volumes
    .filter(({ name }) => !snapshots.has(name) && !storage.files.some(({ volume }) => volume === name))
    .map(({ name }) => `/dev/${GROUP}/${name}`);
}

/** Disks of other domains than the one called so, whether they run or not. */
async function takenBeside(host: Uses<'managed' | 'toolstack'>, name: string | undefined): Promise<Set<string>> {
  const running = [...host.toolstack.members.values()].map(member => ({
    name: member.name,
    definition: member.blueprint.definition,
  }));
  return new Set(
    [...(await managedOf(host).list()), ...running]
      .filter(each => each.name !== name)
      .flatMap(({ definition }) => definition.disks.map(({ target }) => target)),
  );
}

/** `name`: of a domain that is defined; absent: a new one. @throws Refusal where nothing is defined by that name */
export async function openDefinition(host: CommandHost, name?: string): Promise<OpenedDefinition> {
  const managed = managedOf(host);
  const [kernels, images] = await Promise.all(['/boot', '/var/lib/xen/images'].map(folder => filesIn(host, folder)));
  const all = [...(await volumesFor(host)), ...images!],
    others = await takenBeside(host, name),
    isTaken = (path: string): boolean => others.has(path);
  const choices = {
    kernels: kernels!,
    disks: [...all.filter(path => !isTaken(path)), ...all.filter(isTaken)],
    taken: all.filter(isTaken),
  };
  if (name !== undefined) {
    const domain = await findManaged(host, name);
    return {
      path: domain.path,
      text: domain.text,
      isKept: true,
      automatic: await managed.isAutomatic(domain),
      choices,
    };
  }
  const taken = new Set([...(await managed.list()), ...host.domains.all()].map(domain => domain.name));
  let n = 1;
  while (taken.has(`guest${n}`)) n++;
  const kernel = choices.kernels.find(path => path === OWN_KERNEL) ?? choices.kernels[0],
    kinds = newKindsOn(host.toolstack.hypervisor),
    usual = kernel ? 'pvh' : 'hvm';
  const text = writeXlConfig({
    ...newDefinition(),
    name: `guest${n}`,
    kind: kinds.includes(usual) ? usual : kinds[0]!,
    ...(kernel ? { kernel } : {}),
  });
  return { path: `guest${n}.cfg`, text, isKept: false, automatic: false, choices };
}

/** Files of a folder of Domain 0, by their paths. */
async function filesIn({ files: { own: files } }: Uses<'files'>, folder: string): Promise<string[]> {
  const paths = ((await files?.readdir(folder).catch(() => [])) ?? []).sort().map(name => `${folder}/${name}`);
  const isFile = await Promise.all(
    paths.map(path =>
      files!.stat(path).then(
        stat => stat.isFile,
        () => false,
      ),
    ),
  );
  return paths.filter((_, i) => isFile[i]);
}

/** As `xl create -n` would read it. Creates nothing. */
export async function judgeText(host: CommandHost, edited: Edited): Promise<JudgedText> {
  const { path, text } = edited;
  await prepareToRead(text);
  const { definition, findings, isForeign } = judgeDefinition(path, text);
  return {
    text,
    plan: await planOf(host, edited, definition, findings),
    definition,
    isForeign,
    cards: CARDS,
    kinds: newKindsOn(host.toolstack.hypervisor),
    canKeep: !findings.some(isFault),
  };
}

async function planOf(
  host: CommandHost,
  { path, text, files = [], isDropped }: Edited,
  definition: Definition,
  findings: Finding[],
): Promise<Plan> {
  if (isDropped) return host.files.plan([{ name: path, data: new Blob([text]) }, ...files]);
  if (isDefinition({ name: path, data: new TextEncoder().encode(text) })) {
    const read = async (wanted: string): Promise<Blob> =>
      wanted === path
        ? new Blob([text])
        : (files.find(({ name }) => baseName(name) === baseName(wanted))?.data ?? host.files.readFile(wanted));
    return judgeFiles(await host.files.read(await filesFor({ host, read }, path)), await factsFor(host, path)).plan;
  }
  // What is no definition by its look (an empty text) would be planned as something else.
  const { name, memoryMiB, vcpus, kind } = definition;
  return {
    name,
    errors: findings.filter(isError),
    findings,
    definition: text,
    summary: { memoryMiB, vcpus, type: typeOf(kind) },
  };
}

/** What a text at a path is judged by: as if the domain that it defines did not run, since it is for the next start. */
async function factsFor(host: Uses<'domains' | 'managed' | 'toolstack'>, path: string): Promise<HostFacts> {
  const { facts } = host.domains;
  const domain = (await host.managed?.list())?.find(each => each.path === path);
  const running = domain && domainsOf(host).running(domain.name);
  if (!running) return facts;
  return {
    ...facts,
    isTaken: name => name !== running.name && facts.isTaken(name),
    stationProblem: mac => host.toolstack.stations.problem(mac, [running]),
    freeMiB: facts.freeMiB + running.memoryMiB,
  };
}

/** The text with what a form changed, judged. */
export async function changeText(
  host: CommandHost,
  edited: Edited,
  { disks, ...changes }: Changes,
): Promise<JudgedText> {
  await prepareToRead(edited.text);
  const { definition } = judgeDefinition(edited.path, edited.text);
  const after: Definition = {
    ...definition,
    ...(changes as Partial<Definition>),
    ...(disks ? { disks: disks.map(disk => ({ ...disk, place: 0, at: { line: 1, column: 1 } })) } : {}),
  };
  // Only a PC has an emulated card; the card itself stays.
  const [{ model, ...first } = {} as Card, ...others] = after.cards;
  const { emulates } = definedAs(after);
  if (!emulates && model) after.cards = [first, ...others];
  else if (emulates && !definedAs(definition).emulates && first.pv && !model)
    after.cards = [{ model: DEFAULT_NIC, ...first }, ...others];
  return judgeText(host, { ...edited, text: changeDefinition(edited.text, definition, after) });
}

/** Longest note about a domain, characters. */
const MOST_DESCRIPTION = 4000;

/** What a domain's definition says about it to people, where it is kept, and of the domain that runs. '': nothing. @throws Error with a sentence */
export async function setDescription(host: CommandHost, name: string, text: string): Promise<void> {
  const defined = await host.managed?.find(name);
  const member = domainsOf(host).running(name);
  if (!defined && !member) throw new Error(`Domain not found: no domain with matching name '${name}'`);
  if (text.length > MOST_DESCRIPTION)
    throw new Error(`The note has ${text.length} characters. Write at most ${MOST_DESCRIPTION}.`);
  await host.tasks.run(`virsh desc ${quoted(name)} ${quoted(text)}`, async task => {
    if (defined) await managedOf(host).describe(defined, text);
    if (member) {
      const { description: _before, ...rest } = member.blueprint.definition;
      member.blueprint = { ...member.blueprint, definition: text === '' ? rest : { ...rest, description: text } };
    }
    task.message = defined ? `It is in ${defined.path}.` : `${name} is not defined: its note is lost when it stops.`;
  });
}

/** @throws Refusal where nothing is defined by that name */
export async function setAutomatic(host: Uses<'managed' | 'tasks'>, name: string, on: boolean): Promise<void> {
  const domain = await findManaged(host, name);
  await host.tasks.run(`virsh autostart ${name}${on ? '' : ' --disable'}`, async task => {
    await managedOf(host).setAutomatic(domain, on);
    task.message = on ? `${name} starts with the host.` : `${name} does not start with the host any more.`;
  });
}
