/**
 * Documents in saved states: read, and changed where the guest goes on as it was. Sources: qemuDomainSaveImageGetXMLDesc() and its like of
 * src/qemu/qemu_driver.c, qemuSaveImageUpdateDef() of src/qemu/qemu_saveimage.c, virDomainDefCheckABIStability() of src/conf/domain_conf.c of libvirt 9.0.
 * The driver of libxl has none of them.
 */
import { headingsOf, type SavedHeadings, withHeadings } from '../../hypervisor/interfaces/xen/stream/index.ts';
import {
  type Definition,
  judgeDefinition,
  prepareToRead,
  withoutPasswords,
  writeXml,
  writtenOver,
} from '../definitions/config/index.ts';
import { type CommandHost, uuidOfName, type Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { XML_SECURE } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags } from './flags.ts';
import { judged } from './judged.ts';
import { type Files, filesOf, stateAfter } from './life.ts';
import { hasManagedSave, savePath } from './managed-save.ts';
import { driverOf } from './hypervisors/index.ts';

const DEFINITION = '(domain_definition)';

/** A saved state's file. @throws LibvirtError as qemuSaveImageOpen() */
async function opened(files: Files, path: string): Promise<{ file: Blob; headings: SavedHeadings }> {
  const file = await files.read(path).catch((error: Error) => {
    throw new LibvirtError(
      'SYSTEM_ERROR',
      `Failed to open file '${path}': ${error.message.replace(/^.*: (?=[^:]+$)/s, '')}`,
      'qemu',
    );
  });
  const headings = await headingsOf(file).catch((error: Error) => {
    const isForeign = /^This is no saved state/.test(error.message);
    throw new LibvirtError('OPERATION_FAILED', isForeign ? 'image magic is incorrect' : error.message, 'qemu');
  });
  return { file, headings };
}

/** Its document, and what that defines. */
async function documentIn({ about, toolstack }: SavedHeadings): Promise<{ xml: string; definition: Definition }> {
  const source = typeof toolstack.document === 'string' ? toolstack.document : about.definition;
  await prepareToRead(about.definition);
  await prepareToRead(source);
  const { definition } = judgeDefinition(about.name, about.definition);
  const name = typeof toolstack.name === 'string' ? toolstack.name : about.name;
  const is = { ...definition, name, uuid: about.uuid ?? definition.uuid ?? uuidOfName(name) };
  return { xml: writtenOver(source, is, {}) ?? writeXml(is, {}), definition: is };
}

async function shownIn(files: Files, path: string, flags: number): Promise<string> {
  const { xml } = await documentIn((await opened(files, path)).headings);
  return (flags & XML_SECURE) === 0 ? withoutPasswords(xml) : xml;
}

/** What of two definitions must be alike, where they are not, as the sentence calls it. */
function difference(before: Definition, after: Definition): string | undefined {
  const pairs: readonly (readonly [what: string, of: (one: Definition) => unknown])[] = [
    ['domain uuid', ({ uuid }) => uuid],
    ['domain name', ({ name }) => `'${name}'`],
    ['domain max memory', ({ memoryMiB, maxMemoryMiB = memoryMiB }) => Math.max(memoryMiB, maxMemoryMiB) * 1024],
    ['domain current memory', ({ memoryMiB }) => memoryMiB * 1024],
    ['domain vCPU count', ({ vcpus }) => vcpus],
    ['domain vCPU max', ({ vcpus, maxVcpus = vcpus }) => maxVcpus],
    ['domain disk count', ({ disks }) => disks.length],
    ...before.disks.map((_, i) => ['disk', ({ disks }: Definition) => disks[i]?.vdev] as const),
    ['domain net card count', ({ cards }) => cards.length],
    ...before.cards.map((_, i) => ['network card mac', ({ cards }: Definition) => cards[i]?.mac] as const),
  ];
  const [what, of] = pairs.find(([, each]) => each(before) !== each(after)) ?? [];
  return what && of && `Target ${what} ${of(after)} does not match source ${of(before)}`;
}

/** A saved state with another document. @throws LibvirtError where the guest would be another with it */
export async function redefinedState(
  host: Uses<'toolstack'>,
  { file, headings }: { file: Blob; headings: SavedHeadings },
  xml: string,
  paused: boolean | 'as saved' = 'as saved',
): Promise<Blob> {
  const { definition } = await documentIn(headings);
  const asked = await judged(host, DEFINITION, xml);
  const wrong = difference(definition, {
    ...asked,
    uuid: asked.uuid ?? definition.uuid!,
    cards: asked.cards.map((card, i) => ({ ...definition.cards[i], ...card })),
  });
  if (wrong !== undefined) throw new LibvirtError('CONFIG_UNSUPPORTED', wrong, 'domain');
  const { paused: before, ...rest } = headings.toolstack;
  const isPaused = paused === 'as saved' ? before === true : paused;
  return withHeadings(file, {
    about: { ...headings.about, definition: xml },
    toolstack: { ...rest, document: xml, ...(isPaused ? { paused: true } : {}) },
  });
}

/** The files that a save or restore uses, with another document in the states that go through them. */
export function withDocument(host: Uses<'toolstack'>, files: Files, xml: string): Files {
  driverOf(host).needsQemu('xml modification unsupported', 'ARGUMENT_UNSUPPORTED');
  return {
    ...files,
    read: async path => redefinedState(host, await opened(files, path), xml),
    write: async (path, file) =>
      files.write(path, await redefinedState(host, { file, headings: await headingsOf(file) }, xml)),
  };
}

async function defineIn(
  host: Uses<'toolstack'>,
  files: Files,
  path: string,
  { xml, paused }: { xml: string; paused: boolean | 'as saved' },
): Promise<void> {
  const saved = await opened(files, path);
  const changed = await redefinedState(host, saved, xml, paused);
  await failing(() => files.write(path, changed));
}

/** @throws LibvirtError */
export function saveImageXml(
  host: CommandHost,
  path: string,
  flags = 0,
  files: Files = filesOf(host),
): Promise<string> {
  driverOf(host).needsQemu('virDomainSaveImageGetXMLDesc');
  checkFlags(flags, XML_SECURE, 'qemuDomainSaveImageGetXMLDesc');
  return shownIn(files, path, flags);
}

/** `flags`: whether it runs once it is restored (SAVE). @throws LibvirtError */
export async function defineSaveImage(
  host: CommandHost,
  path: string,
  xml: string,
  flags = 0,
  files: Files = filesOf(host),
): Promise<void> {
  driverOf(host).needsQemu('virDomainSaveImageDefineXML');
  const paused = stateAfter(flags, 'qemuDomainSaveImageDefineXML');
  await defineIn(host, files, path, { xml, paused });
}

/** Where the state is that a domain's next start goes on from. @throws LibvirtError: there is none */
async function managedPath(host: Uses<'files'>, domain: Domain): Promise<string> {
  if (!(await hasManagedSave(host, domain)))
    throw new LibvirtError('OPERATION_INVALID', 'domain does not have managed save image', 'qemu');
  return savePath(domain);
}

/** @throws LibvirtError */
export async function managedSaveXml(host: CommandHost, domain: Domain, flags = 0): Promise<string> {
  driverOf(host).needsQemu('virDomainManagedSaveGetXMLDesc');
  checkFlags(flags, XML_SECURE, 'qemuDomainManagedSaveGetXMLDesc');
  return shownIn(filesOf(host), await managedPath(host, domain), flags);
}

/** @throws LibvirtError */
export async function defineManagedSave(host: CommandHost, domain: Domain, xml: string, flags = 0): Promise<void> {
  driverOf(host).needsQemu('virDomainManagedSaveDefineXML');
  const paused = stateAfter(flags, 'qemuDomainManagedSaveDefineXML');
  await defineIn(host, filesOf(host), await managedPath(host, domain), { xml, paused });
}
