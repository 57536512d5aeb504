/**
 * Managed domains, as xend had them: definitions that are listed, started, edited and deleted whether their domains run or not. Each is a file in
 * /etc/xen/vm, in any language of definitions; what is there is all that is known of them, so that whatever edits the file edits the domain, and they
 * outlive the host with its files. Links in /etc/xen/auto name those that start with the host, in the order of the links' names (xendomains). A host
 * without Xen has them as XML where libvirt keeps them.
 */
import { xmlLanguage } from '../../definitions/config/index.ts';
import {
  changeDefinition,
  type Definition,
  formatFinding,
  isError,
  isFault,
  judgeDefinition,
  MOST_BYTES,
  prepareToRead,
} from '../../definitions/config/index.ts';
import type { HostFiles } from '../../host/files/index.ts';
import type { Drawing } from './drawing.ts';
import { type ManagedFolders, XEN_FOLDERS } from './folders.ts';
import { Identities } from './identities.ts';

/** A domain that is defined. */
export interface ManagedDomain {
  name: string;
  /** Of its definition. */
  path: string;
  text: string;
  /** Whole only where there are no errors; with a UUID and station addresses, drawn where the text has none (identities.ts). */
  definition: Definition;
  /** Its text has no UUID. */
  isUuidDrawn: boolean;
  /** FILE:LINE:COLUMN: sentence; none: it can be started. */
  errors: string[];
  /** Of these, sentences alone, of what does not keep it from being defined. */
  refusals: string[];
}

const isSameDomain = (
  { definition: { uuid }, isUuidDrawn }: Pick<ManagedDomain, 'isUuidDrawn' | 'definition'>,
  other: { definition: Definition },
): boolean => uuid === other.definition.uuid || (isUuidDrawn && other.definition.uuid === undefined);

export class ManagedDomains {
  private readonly files: HostFiles;
  private readonly drawing: Drawing;
  private readonly identities: Identities;
  /** By path, with the bytes that were judged. */
  private readonly judged = new Map<string, { bytes: Uint8Array; domain: ManagedDomain }>();

  readonly folders: ManagedFolders;

  /** `drawing`: UUIDs and station addresses for definitions that have none. */
  constructor(files: HostFiles, drawing: Drawing, folders: ManagedFolders = XEN_FOLDERS) {
    this.files = files;
    this.drawing = drawing;
    this.identities = new Identities(files, drawing);
    this.folders = folders;
  }

  /** Where the definition of a domain is kept that is new. */
  pathOf(name: string): string {
    const { definitions, isXml } = this.folders;
    return `${definitions}/${name}${isXml ? '.xml' : ''}`;
  }

  /** All, in the order of their files' names. Of two with one name the first counts. */
  async list(): Promise<ManagedDomain[]> {
    const { definitions } = this.folders;
    const names = await this.files.readdir(definitions).catch(() => []);
    await this.identities.keepOnly(definitions, new Set(names.map(name => `${definitions}/${name}`)));
    const found = new Map<string, ManagedDomain>();
    for (const name of names.sort()) {
      const domain = await this.read(`${definitions}/${name}`).catch(() => undefined);
      if (domain && domain.name !== '' && !found.has(domain.name)) found.set(domain.name, domain);
    }
    return [...found.values()];
  }

  /** By its name, or its UUID. */
  async find(word: string): Promise<ManagedDomain | undefined> {
    const all = await this.list();
    return (
      all.find(({ name }) => name === word) ?? all.find(({ definition }) => definition.uuid === word.toLowerCase())
    );
  }

  /** A file as a domain that could be managed. @throws Error with a sentence: it cannot be read, or is too long for a definition */
  private async read(path: string): Promise<ManagedDomain> {
    const { size, isFile } = await this.files.stat(path);
    if (!isFile || size > MOST_BYTES)
      throw new Error(`${path} is no definition: it is ${isFile ? 'too long' : 'no file'}.`);
    const bytes = await this.files.readFileBuffer(path);
    const known = this.judged.get(path);
    if (known && isSame(known.bytes, bytes)) return known.domain;
    const { definition: written, ...rest } = await judge(path, new TextDecoder().decode(bytes));
    const definition = rest.name === '' ? written : await this.identities.complete(path, written);
    const domain = { path, ...rest, definition, isUuidDrawn: written.uuid === undefined };
    this.judged.set(path, { bytes: bytes.slice(), domain });
    return domain;
  }

  /**
   * A definition in a file: with what is drawn for it, where it is one of those kept here. Under another name it is another domain, for which xl draws at each
   * create. `path`: the file, or a link to it.
   */
  async identified(path: string, definition: Definition): Promise<Definition> {
    const whole = await this.files.realpath(path).catch(() => path);
    if (!whole.startsWith(`${this.folders.definitions}/`)) return definition;
    const kept = await this.read(whole).catch(() => undefined);
    return kept?.name === definition.name ? this.identities.complete(whole, definition) : definition;
  }

  /**
   * Keeps a definition: a new domain, or, where it has the UUID of one that there is, in its place. One without a UUID gets one. `path`: the file that it
   * comes from; `running`: the name of the domain that runs with a UUID. @throws Error with all that is wrong with it; then nothing has changed
   */
  async define(
    path: string,
    source: string,
    running: (uuid: string) => string | undefined = () => undefined,
  ): Promise<ManagedDomain> {
    const first = await judge(path, source);
    if (first.faults.length > 0) throw new Error(first.faults.join('\n'));
    const { name } = first;
    if (name === '.' || name === '..')
      throw new Error(`${path}: a managed domain cannot be called ${name}: its definition is a file with its name.`);
    const all = await this.list();
    const same = all.find(domain => domain.name === name && domain.path !== path);
    if (same && !isSameDomain(same, first)) throw new Error(`VM name '${name}' already exists`);
    const { uuid } = first.definition;
    if (uuid !== undefined) {
      const owners = [
        ...all.filter(({ definition }) => definition.uuid === uuid).map(each => each.name),
        running(uuid),
      ];
      const owner = owners.find(each => each !== undefined && each !== name);
      if (owner !== undefined)
        throw new Error(
          `Domain '${owner}' has the UUID ${uuid} already. Write another in ${path}, or leave uuid out: then one is drawn.`,
        );
    }
    const before = all.find(domain => domain.path === path) ?? same;
    const text = await this.textOf(first, source, before?.definition.uuid);
    const kept = all.some(domain => domain.path === path) ? path : (same?.path ?? this.pathOf(name));
    await this.files.mkdir(this.folders.definitions, { recursive: true });
    const bytes = await this.files.readFileBuffer(kept).catch(() => undefined);
    try {
      await this.files.writeFile(kept, text);
    } catch (error) {
      // What could not be kept is in the tree until the host ends.
      await (bytes ? this.files.writeFile(kept, bytes) : this.files.rm(kept)).catch(() => {});
      throw error;
    }
    return this.read(kept);
  }

  /** As it is kept: with a UUID, and where files are XML, in that. `known`: of the domain in whose place it comes. */
  private async textOf(
    { definition, isForeign }: { definition: Definition; isForeign: boolean },
    source: string,
    known: string | undefined,
  ): Promise<string> {
    const whole = { ...definition, uuid: definition.uuid ?? known ?? this.drawing.uuid() };
    if (this.folders.isXml && !source.trimStart().startsWith('<')) {
      const { writeXml } = await xmlLanguage.load();
      return writeXml(whole);
    }
    if (definition.uuid !== undefined) return source;
    // Lines of xl.cfg can be put behind what is xl.cfg.
    return isForeign
      ? changeDefinition(source, definition, whole)
      : `${source.replace(/\n?$/, '\n')}uuid = "${whole.uuid}"\n`;
  }

  /** The domain has another name in the file where it is kept. `target`: what it has for a disk's target then. */
  async rename(
    { definition, text, path }: ManagedDomain,
    name: string,
    target: (before: string) => string,
  ): Promise<void> {
    const disks = definition.disks.map(disk => ({ ...disk, target: target(disk.target) }));
    await this.files.writeFile(path, changeDefinition(text, definition, { ...definition, name, disks }));
  }

  /** What is written about the domain, in the file where it is kept; '': nothing. */
  describe(domain: ManagedDomain, description: string): Promise<void> {
    return this.change(domain, ({ description: _before, ...rest }) =>
      description === '' ? rest : { ...rest, description },
    );
  }

  /** Something else in its definition, in the file where it is kept. */
  async change(
    { definition, text, path }: ManagedDomain,
    after: (definition: Definition) => Definition,
  ): Promise<void> {
    await this.files.writeFile(path, changeDefinition(text, definition, after(definition)));
  }

  /** Forgets a domain, and that it starts with the host. Its disks stay. */
  async remove({ name, path }: ManagedDomain): Promise<void> {
    await this.setAutomatic({ name, path }, false);
    await this.files.rm(path);
    this.judged.delete(path);
  }

  /** Whether it starts with the host. */
  async isAutomatic({ path }: Pick<ManagedDomain, 'path'>): Promise<boolean> {
    return (await this.links(path)).length > 0;
  }

  async setAutomatic({ name, path }: Pick<ManagedDomain, 'name' | 'path'>, on: boolean): Promise<void> {
    const links = await this.links(path);
    if (!on) for (const link of links) await this.files.rm(link);
    else if (links.length === 0) {
      const { automatic, isXml } = this.folders;
      await this.files.mkdir(automatic, { recursive: true });
      await this.files.symlink(path, `${automatic}/${name}${isXml ? '.xml' : ''}`);
    }
  }

  /** Links that represent a definition. */
  private async links(path: string): Promise<string[]> {
    const found: string[] = [];
    for (const link of await this.automaticPaths())
      if ((await this.files.realpath(link).catch(() => '')) === path) found.push(link);
    return found;
  }

  /** What starts with the host, in its order: links, or definitions that are there themselves. */
  async automaticPaths(): Promise<string[]> {
    const { automatic } = this.folders;
    return (await this.files.readdir(automatic).catch(() => [])).sort().map(name => `${automatic}/${name}`);
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

async function judge(
  path: string,
  text: string,
): Promise<Omit<ManagedDomain, 'path' | 'isUuidDrawn'> & { isForeign: boolean; faults: string[] }> {
  await prepareToRead(text);
  const { definition, findings, isForeign } = judgeDefinition(path, text);
  return {
    name: definition.name,
    text,
    definition,
    errors: findings.filter(isError).map(formatFinding),
    refusals: findings.filter(({ refusesStart }) => refusesStart).map(finding => finding.text),
    faults: findings.filter(isFault).map(formatFinding),
    isForeign,
  };
}
