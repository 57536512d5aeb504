/** Debian packages by name, fetched once. */

import { type PackageCache, type PackageInfo, type Source, Unavailable } from './source.ts';

/** Packages from the cache where they are whole, else from the source, which is opened when it is first needed. */
export class Packages {
  readonly versions: { [name: string]: string } = {};
  private readonly source: Source;
  private readonly cache: PackageCache;
  private readonly fresh: boolean;
  private readonly say: (text: string) => void;
  private opened = false;

  /** `fresh`: ask the source which version there is even where one is in the cache. */
  constructor(source: Source, cache: PackageCache, fresh: boolean, say: (text: string) => void) {
    this.say = say;
    this.source = source;
    this.cache = cache;
    this.fresh = fresh;
  }

  async get(name: string): Promise<Uint8Array> {
    let wanted: PackageInfo | undefined;
    if (this.fresh) wanted = await this.look(name);
    const cached = this.cache.get(name);
    if (cached?.bytes && (!wanted || cached.info.sha256 === wanted.sha256)) {
      this.versions[name] = cached.info.version;
      return cached.bytes;
    }
    wanted ??= await this.look(name);
    this.say(`fetching ${name} ${wanted.version}`);
    const bytes = await this.source.download(wanted);
    this.cache.put(wanted, bytes);
    this.versions[name] = wanted.version;
    return bytes;
  }

  /** The kernel that a meta package depends on. */
  async kernelOf(meta: string): Promise<string> {
    const cached = this.cache.get(meta);
    const info = cached && !this.fresh ? cached.info : await this.look(meta);
    const name = /linux-image-[^\s,|()]+/.exec(info.depends)?.[0];
    if (!name) throw new Unavailable(`${meta} ${info.version} does not say which kernel it stands for`);
    this.cache.put(info);
    return name;
  }

  /** Every package that there is for an architecture (i386), as the archive's index describes it. */
  async all(architecture?: string): Promise<Map<string, string>[]> {
    await this.open();
    return this.source.all(architecture);
  }

  private async open(): Promise<void> {
    if (this.opened) return;
    this.say(`reading the package lists of ${this.source.title}`);
    await this.source.open();
    this.opened = true;
  }

  private async look(name: string): Promise<PackageInfo> {
    await this.open();
    const info = this.source.find(name);
    if (!info) throw new Unavailable(`${this.source.title} have no package ${name}${name.includes(':') ? '' : ' for i386'}`.replace(/^(\S+) have/, '$1 has'));
    return info;
  }
}
