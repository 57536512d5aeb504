/**
 * What clients define of a host next to its domains: pools and networks. Each is an XML file where libvirt's own daemons keep it, and a link next to it has it
 * start with the host. Source: virObjectEventState and virStoragePoolObj of libvirt's src/conf for what is refused, and its sentences.
 */
import type { CommandHost, Uses } from '../toolstack/index.ts';
import { LibvirtError } from './errors.ts';

/** What there is one of, whether it is active or not. */
export interface Entry<T> {
  of: T;
  isActive: boolean;
  /** It is defined; else it is gone when it ends. */
  isPersistent: boolean;
  /** It starts with the host. */
  isAutomatic: boolean;
  /** The host's own: it was there before libvirt was, and stays. */
  isOwn?: true;
  /** libvirt's package brings it, and nobody has changed anything yet. */
  isShipped?: true;
}

interface Kind<T> {
  /** As sentences call it. */
  what: 'storage pool' | 'network';
  folder: string;
  own: readonly T[];
  /** Documents that libvirt's package puts into the folder. They are there while the folder is not: whatever is written there first comes with them. */
  shipped?: readonly string[];
  /** @throws LibvirtError */
  read(text: string): Promise<T>;
  write(of: T): string;
  /** Makes one active that starts with the host. @throws LibvirtError */
  begin?(host: CommandHost, of: T): Promise<void>;
  missing(detail: string): LibvirtError;
}

/** virNetworkEventLifecycleType, which is virStoragePoolEventLifecycleType, too. */
export const KEPT_EVENT = { DEFINED: 0, UNDEFINED: 1, STARTED: 2, STOPPED: 3, CREATED: 4, DELETED: 5 };

/** What becomes of pools and networks of a host. */
export class KeptEvents {
  private readonly listeners = new WeakMap<CommandHost['toolstack'], Set<(event: KeptEvent) => void>>();

  /** Until the result is called. */
  listen({ toolstack }: Uses<'toolstack'>, listener: (event: KeptEvent) => void): () => void {
    const all = this.listeners.get(toolstack) ?? new Set();
    this.listeners.set(toolstack, all.add(listener));
    return () => all.delete(listener);
  }

  tell({ toolstack }: CommandHost, { name, uuid }: { name: string; uuid: string }, event: number | 'refreshed'): void {
    for (const listener of this.listeners.get(toolstack) ?? []) listener({ of: { name, uuid }, event });
  }
}

export interface KeptEvent {
  of: { name: string; uuid: string };
  /** 'refreshed': what is in a pool was looked at again. */
  event: number | 'refreshed';
}

/** What is active of a host, by name. */
type Active<T> = Map<string, T>;

export class KeptObjects<T extends { name: string; uuid: string }> {
  readonly events = new KeptEvents();
  private readonly kind: Kind<T>;
  private readonly active = new WeakMap<CommandHost['toolstack'], Promise<Active<T>>>();

  constructor(kind: Kind<T>) {
    this.kind = kind;
  }

  /** The host's own, then the others by their names. */
  async list(host: CommandHost): Promise<Entry<T>[]> {
    const [active, kept] = [await this.activeOf(host), await this.keptOf(host)];
    const others = new Map([...active, ...kept.map(({ of }) => [of.name, of] as const)]);
    return [
      ...this.kind.own.map(
        (of): Entry<T> => ({ of, isActive: true, isPersistent: true, isAutomatic: true, isOwn: true }),
      ),
      ...[...others]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, of]): Entry<T> => {
          const same = kept.find(each => each.of.name === name);
          return {
            of: active.get(name) ?? of,
            isActive: active.has(name),
            isPersistent: same !== undefined,
            isAutomatic: same?.isAutomatic ?? false,
            ...(same?.isShipped && !active.has(name) ? { isShipped: true as const } : {}),
          };
        }),
    ];
  }

  /** @throws LibvirtError */
  async byName(host: CommandHost, name: string): Promise<Entry<T>> {
    const found = (await this.list(host)).find(({ of }) => of.name === name);
    if (!found) throw this.kind.missing(`no ${this.kind.what} with matching name '${name}'`);
    return found;
  }

  /** @throws LibvirtError */
  async byUuid(host: CommandHost, uuid: string): Promise<Entry<T>> {
    const found = (await this.list(host)).find(({ of }) => of.uuid === uuid);
    if (!found) throw this.kind.missing(`no ${this.kind.what} with matching uuid '${uuid}'`);
    return found;
  }

  /** Keeps one: a new one, or in the place of that with its name and UUID. @throws LibvirtError */
  async define(host: CommandHost, text: string): Promise<Entry<T>> {
    const of = await this.kind.read(text);
    await this.refuseTwin(host, of, false);
    await this.store(host, of);
    this.events.tell(host, of, KEPT_EVENT.DEFINED);
    return this.byName(host, of.name);
  }

  /** Starts one that is not kept. @throws LibvirtError, and what `begin` throws: then it is not there */
  async create(host: CommandHost, text: string, begin: (of: T) => Promise<void>): Promise<Entry<T>> {
    const of = await this.kind.read(text);
    await this.refuseTwin(host, of, true);
    await begin(of);
    (await this.activeOf(host)).set(of.name, of);
    this.events.tell(host, of, KEPT_EVENT.STARTED);
    return this.byName(host, of.name);
  }

  /** @throws LibvirtError, and what `begin` throws: then it is as it was */
  async start(host: CommandHost, { of, isActive }: Entry<T>, begin: (of: T) => Promise<void>): Promise<void> {
    if (isActive)
      throw new LibvirtError(
        'OPERATION_INVALID',
        this.kind.what === 'network' ? 'network is already active' : `storage pool '${of.name}' is already active`,
        this.from,
      );
    const defined = (await this.defined(host, of.name)) ?? of;
    await begin(defined);
    (await this.activeOf(host)).set(of.name, defined);
    this.events.tell(host, of, KEPT_EVENT.STARTED);
  }

  /** As it is kept; undefined: it is not. */
  async defined(host: Uses<'files'>, name: string): Promise<T | undefined> {
    return (await this.keptOf(host)).find(({ of }) => of.name === name)?.of;
  }

  /** One that is active is otherwise from now on. */
  async replaceActive(host: CommandHost, of: T): Promise<void> {
    (await this.activeOf(host)).set(of.name, of);
  }

  /** @throws LibvirtError */
  async stop(host: CommandHost, entry: Entry<T>): Promise<void> {
    this.refuseOwn(entry);
    this.refuseInactive(entry);
    (await this.activeOf(host)).delete(entry.of.name);
    this.events.tell(host, entry.of, KEPT_EVENT.STOPPED);
  }

  /** Forgets it; one that is active stays until it ends. @throws LibvirtError */
  async undefine(host: CommandHost, entry: Entry<T>): Promise<void> {
    this.refuseOwn(entry);
    if (!entry.isPersistent)
      throw new LibvirtError('OPERATION_INVALID', `${this.kind.what} '${entry.of.name}' is not persistent`, this.from);
    await this.setAutomatic(host, entry, false);
    await this.unpack(host);
    await host.files.own!.rm(this.path(entry.of));
    this.events.tell(host, entry.of, KEPT_EVENT.UNDEFINED);
  }

  /** @throws LibvirtError */
  async setAutomatic(host: Uses<'files'>, entry: Entry<T>, on: boolean): Promise<void> {
    this.refuseOwn(entry);
    if (!entry.isPersistent)
      // networkSetAutostart() and storagePoolSetAutostart().
      throw this.kind.what === 'network'
        ? new LibvirtError('OPERATION_INVALID', 'cannot set autostart for transient network', this.from)
        : new LibvirtError('INTERNAL_ERROR', 'pool has no config file', this.from);
    if (entry.isAutomatic === on) return;
    const { own: files } = host.files;
    if (!on) return files!.rm(this.link(entry.of));
    await this.unpack(host);
    await files!.mkdir(`${this.kind.folder}/autostart`, { recursive: true });
    await files!.symlink(this.path(entry.of), this.link(entry.of));
  }

  /** @throws LibvirtError */
  refuseInactive({ of, isActive }: Entry<T>): void {
    if (!isActive)
      throw new LibvirtError('OPERATION_INVALID', `${this.kind.what} '${of.name}' is not active`, this.from);
  }

  /** The host's own stays as it is. @throws LibvirtError */
  refuseOwn({ of, isOwn }: Entry<T>): void {
    if (isOwn)
      throw new LibvirtError(
        'OPERATION_UNSUPPORTED',
        `${this.kind.what} '${of.name}' is the host's own, and stays`,
        this.from,
      );
  }

  private get from() {
    return this.kind.what === 'network' ? ('network' as const) : ('storage' as const);
  }

  private path = ({ name }: T): string => `${this.kind.folder}/${encodeURIComponent(name)}.xml`;
  private link = ({ name }: T): string => `${this.kind.folder}/autostart/${encodeURIComponent(name)}.xml`;

  /** Two have neither a name nor a UUID in common, and nothing active is created again. */
  private async refuseTwin(host: CommandHost, { name, uuid }: T, isCreated: boolean): Promise<void> {
    const all = await this.list(host);
    const word = this.kind.what.replace('storage ', '');
    const refuse = (detail: string): never => {
      throw new LibvirtError('OPERATION_FAILED', detail, this.from);
    };
    const sameUuid = all.find(({ of }) => of.uuid === uuid),
      sameName = all.find(({ of }) => of.name === name);
    if (sameUuid && sameUuid.of.name !== name)
      refuse(`${word} '${sameUuid.of.name}' is already defined with uuid ${uuid}`);
    if (sameName && sameName.of.uuid !== uuid) refuse(`${word} '${name}' already exists with uuid ${sameName.of.uuid}`);
    if (sameUuid) this.refuseOwn(sameUuid);
    if (isCreated && sameUuid?.isActive)
      throw new LibvirtError('OPERATION_INVALID', `${word} is already active as '${name}'`, this.from);
  }

  private async store(host: Uses<'files'>, of: T): Promise<void> {
    const { own: files } = host.files;
    if (!files) throw new LibvirtError('OPERATION_INVALID', 'Domain 0 has no place for files here', this.from);
    await this.unpack(host);
    await files.writeFile(this.path(of), this.kind.write(of));
  }

  /** The folder, with what libvirt's package puts there. */
  private async unpack({ files: { own: files } }: Uses<'files'>): Promise<void> {
    if (await files!.exists(this.kind.folder)) return;
    await files!.mkdir(this.kind.folder, { recursive: true });
    for (const text of this.kind.shipped ?? []) {
      const of = await this.kind.read(text);
      await files!.writeFile(this.path(of), this.kind.write(of));
    }
  }

  /** Those that are defined; a file that is none is nobody's. */
  private async keptOf({
    files: { own: files },
  }: Uses<'files'>): Promise<{ of: T; isAutomatic: boolean; isShipped?: true }[]> {
    if (!files) return [];
    if (!(await files.exists(this.kind.folder)))
      return Promise.all(
        (this.kind.shipped ?? []).map(async text => ({
          of: await this.kind.read(text),
          isAutomatic: false,
          isShipped: true as const,
        })),
      );
    const names = await files.readdir(this.kind.folder).catch(() => []);
    const found = await Promise.all(
      names
        .filter(name => name.endsWith('.xml'))
        .map(async name => {
          try {
            const text = new TextDecoder().decode(await files.readFileBuffer(`${this.kind.folder}/${name}`));
            const of = await this.kind.read(text);
            return [{ of, isAutomatic: await files.exists(this.link(of)) }];
          } catch {
            return [];
          }
        }),
    );
    return found.flat();
  }

  /** At the first look those are active that start with the host. */
  private activeOf(host: CommandHost): Promise<Active<T>> {
    let active = this.active.get(host.toolstack);
    if (!active) {
      active = this.begun(host);
      this.active.set(host.toolstack, active);
    }
    return active;
  }

  /** Those that start with the host; what cannot is as if it did not. */
  private async begun(host: CommandHost): Promise<Active<T>> {
    const active: Active<T> = new Map();
    for (const { of, isAutomatic } of await this.keptOf(host)) {
      if (!isAutomatic) continue;
      try {
        await this.kind.begin?.(host, of);
        active.set(of.name, of);
      } catch {
        // A person who starts it by hand gets the reason.
      }
    }
    return active;
  }
}
