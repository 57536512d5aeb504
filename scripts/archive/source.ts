/**
 * Where Debian packages come from: apt's own client, or a Debian archive in a folder or at an address.
 * Both end in the same: a package's bytes, checked against the SHA-256 of the archive's index.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unxz } from '../../src/formats/unpack/xz.ts';

/** Debian 12. */
export const SUITE = 'bookworm';
/** Packages are for the first; NAME:ARCHITECTURE names one for another, of which an archive may have none. */
const ARCHITECTURES = ['i386', 'amd64'];
const indexOf = (architecture: string): string => `main/binary-${architecture}/Packages`;

/** Packages are not available here; the message says why and what to do. */
export class Unavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Unavailable';
  }
}

export interface PackageInfo {
  /** As it was asked for: NAME, or NAME:ARCHITECTURE. */
  name: string;
  version: string;
  sha256: string;
  depends: string;
  /** Path within the archive. */
  file: string;
}

export interface Source {
  /** Where packages come from, in words. */
  readonly title: string;
  /** Reads the indexes of the archive. */
  open(): Promise<void>;
  find(name: string): PackageInfo | undefined;
  /** What the index says of each package for an architecture (i386). */
  all(architecture?: string): Map<string, string>[];
  download(info: PackageInfo): Promise<Uint8Array>;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Paragraphs of a Debian control file (deb822(5)); continuation lines are joined with newlines. */
export function paragraphs(text: string): Map<string, string>[] {
  return text
    .split(/\n\s*\n/)
    .filter(paragraph => paragraph.trim() !== '')
    .map(paragraph => {
      const fields = new Map<string, string>();
      let key = '';
      for (const line of paragraph.split('\n')) {
        const colon = line.indexOf(':');
        if (/^\s/.test(line)) fields.set(key, `${fields.get(key) ?? ''}\n${line.trim()}`);
        else if (colon > 0) {
          key = line.slice(0, colon);
          fields.set(key, line.slice(colon + 1).trim());
        }
      }
      return fields;
    });
}

function packageInfo(fields: Map<string, string>, name: string): PackageInfo {
  const field = (key: string) => fields.get(key) ?? '';
  return { name, version: field('Version'), sha256: field('SHA256'), depends: field('Depends'), file: field('Filename') };
}

/** As it is asked for: what is for the first architecture, or for all, goes by its name alone. */
export function fullName(fields: ReadonlyMap<string, string>): string {
  const architecture = fields.get('Architecture') ?? '',
    name = fields.get('Package') ?? '';
  return [ARCHITECTURES[0], 'all'].includes(architecture) ? name : `${name}:${architecture}`;
}

/** Of Debian's archives that apt knows, an address a line (apt-get(8), indextargets). */
const DEBIAN_ARCHIVES = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Label: Debian', 'Component: main'];

/** The machine's own apt, with lists and cache in `folder`, for i386; needs no root and changes nothing of the system. */
export class Apt implements Source {
  readonly title = "the archives that this machine's apt knows";
  private readonly folder: string;
  private readonly suite: string | undefined;
  /** What `all` has read: a look-up of apt's own takes a second. */
  private readonly described = new Map<string, Map<string, string>>();
  private readonly options: string[];

  /** `suite`: another release than that of the machine's sources, from the same archives. */
  constructor(folder: string, suite?: string) {
    this.folder = folder;
    this.suite = suite;
    const architectures = ARCHITECTURES.flatMap(architecture => ['-o', `APT::Architectures::=${architecture}`]);
    this.options = Object.entries({
      'APT::Architecture': ARCHITECTURES[0],
      'Dir::State': folder,
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::State::status': join(folder, 'status'),
      'Dir::Cache': join(folder, 'cache'),
      'Acquire::Languages': 'none',
      'APT::Sandbox::User': '',
    })
      .flatMap(([name, value]) => ['-o', `${name}=${value}`])
      .concat(architectures);
  }

  async open(): Promise<void> {
    if (spawnSync('apt-get', ['--version']).status !== 0) throw new Unavailable('there is no apt-get on this machine');
    for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(this.folder, folder), { recursive: true });
    writeFileSync(join(this.folder, 'status'), '');
    if (this.suite) this.writeSources(this.suite);
    // One list failing (a mirror in the middle of a sync) must not stop the rest: what counts is whether the packages are found.
    this.apt('apt-get', ['-q', 'update'], true);
  }

  /** Which archive is Debian's apt knows once it has read the lists of the machine's own sources; they stay next to those of the suite. */
  private writeSources(suite: string): void {
    const known = (): string[] => this.apt('apt-get', DEBIAN_ARCHIVES, true).split('\n').filter(Boolean);
    if (known().length === 0) this.apt('apt-get', ['-q', 'update'], true);
    const addresses = new Set(known());
    if (addresses.size === 0) throw new Unavailable('this machine’s apt knows no archive of Debian’s packages');
    const path = join(this.folder, `${suite}.list`);
    writeFileSync(path, [...addresses].map(address => `deb ${address} ${suite} main\n`).join(''));
    for (const option of [`Dir::Etc::sourcelist=${path}`, 'Dir::Etc::sourceparts=/dev/null', 'APT::Get::List-Cleanup=0']) this.options.push('-o', option);
  }

  find(name: string): PackageInfo | undefined {
    const known = this.described.get(name);
    if (known) return packageInfo(known, name);
    const text = this.apt('apt-cache', ['--no-all-versions', 'show', name], true);
    const [fields] = paragraphs(text);
    return fields?.get('Package') === name.replace(/:.*/, '') ? packageInfo(fields, name) : undefined;
  }

  all(architecture = ARCHITECTURES[0]): Map<string, string>[] {
    const its = paragraphs(this.apt('apt-cache', ['dumpavail'], false)).filter(fields => ['all', architecture].includes(fields.get('Architecture') ?? ''));
    for (const fields of its) this.described.set(fullName(fields), fields);
    return its;
  }

  async download(info: PackageInfo): Promise<Uint8Array> {
    const folder = join(this.folder, `download-${process.pid}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    try {
      this.apt('apt-get', ['-q', 'download', `${info.name}=${info.version}`], false, folder);
      const file = readdirSync(folder).find(entry => entry.endsWith('.deb'));
      if (!file) throw new Unavailable(`apt-get downloaded nothing for ${info.name}`);
      return check(readFileSync(join(folder, file)), info);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private apt(program: string, words: string[], mayFail: boolean, cwd = this.folder): string {
    const { status, stdout, stderr } = spawnSync(program, [...this.options, ...words], { cwd, encoding: 'utf8', maxBuffer: 512 << 20 });
    if (status !== 0 && !mayFail) {
      const reason = stderr.split('\n').find(line => line.startsWith('E:')) ?? `status ${status}`;
      throw new Unavailable(`${program} ${words.slice(1).join(' ')} failed (${reason.trim()})`);
    }
    return stdout ?? '';
  }
}

/** A Debian archive (the folder that holds dists/ and pool/), checked from its Release file on. */
export class Archive implements Source {
  readonly title: string;
  private readonly from: string;
  private readonly suite: string;
  private readonly packages = new Map<string, PackageInfo>();
  private readonly described = new Map<string, Map<string, string>>();

  constructor(from: string, suite = SUITE) {
    this.suite = suite;
    this.from = /^https?:/.test(from) ? from.replace(/\/*$/, '') : resolve(from);
    this.title = this.from;
  }

  async open(): Promise<void> {
    const releasePath = `dists/${this.suite}/Release`;
    const release = (await this.read(releasePath)) ?? (await this.read(`dists/${this.suite}/InRelease`));
    if (!release) throw new Unavailable(`${this.from} has no Debian ${this.suite}: there is no ${releasePath}`);
    const sums = new Map<string, string>();
    // InRelease begins with a signature's armour; the fields are the same.
    const text = new TextDecoder().decode(release).replace(/^-----BEGIN[^\n]*\n(.*\n)*?\n/, '');
    for (const line of paragraphs(text)[0]?.get('SHA256')?.split('\n') ?? []) {
      const [sum, , path] = line.trim().split(/\s+/);
      if (path) sums.set(path, sum);
    }
    for (const architecture of ARCHITECTURES) await this.readIndex(architecture, sums);
    if (this.packages.size === 0) throw new Unavailable(`${this.from} has no ${indexOf(ARCHITECTURES[0])} for i386`);
  }

  /** Packages of an architecture, from the smallest form of its index that is there. */
  private async readIndex(architecture: string, sums: Map<string, string>): Promise<void> {
    const index = indexOf(architecture);
    for (const [ending, unpack] of [
      ['.xz', unxz],
      ['.gz', gunzipSync],
      ['', (bytes: Uint8Array) => bytes],
    ] as const) {
      const sum = sums.get(`${index}${ending}`);
      const packed = sum && (await this.read(`dists/${this.suite}/${index}${ending}`));
      if (!packed) continue;
      if (sha256(packed) !== sum) {
        throw new Unavailable(
          `${this.from}: ${index}${ending} does not match its SHA-256 in Release (a copy cut short, or a mirror in the middle of a sync)`,
        );
      }
      for (const fields of paragraphs(new TextDecoder().decode(unpack(packed)))) {
        const info = packageInfo(fields, fullName(fields));
        // An archive may hold two versions; the later paragraph is the newer one in practice, and either is consistent.
        this.packages.set(info.name, info);
        this.described.set(info.name, fields);
      }
      return;
    }
  }

  find(name: string): PackageInfo | undefined {
    return this.packages.get(name);
  }

  all(architecture = ARCHITECTURES[0]): Map<string, string>[] {
    return [...this.described.values()].filter(fields => ['all', architecture].includes(fields.get('Architecture') ?? ''));
  }

  async download(info: PackageInfo): Promise<Uint8Array> {
    const bytes = await this.read(info.file);
    if (!bytes) throw new Unavailable(`${this.from} has no ${info.file}`);
    return check(bytes, info);
  }

  private async read(path: string): Promise<Uint8Array | undefined> {
    if (!/^https?:/.test(this.from)) {
      const file = join(this.from, path);
      return existsSync(file) ? readFileSync(file) : undefined;
    }
    let response: Response;
    try {
      response = await fetch(`${this.from}/${path.split('/').map(encodeURIComponent).join('/')}`);
    } catch (error) {
      const { message, cause } = error as Error & { cause?: Error };
      throw new Unavailable(`${this.from} cannot be reached (${cause?.message ?? message})`);
    }
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Unavailable(`${this.from}/${path}: the server answered ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  }
}

function check(bytes: Uint8Array, info: PackageInfo): Uint8Array {
  if (sha256(bytes) !== info.sha256) throw new Unavailable(`${info.file} does not match its SHA-256 (${bytes.length} bytes came)`);
  return bytes;
}

/** Packages that were fetched before, in a folder with an index of their sums. */
export class PackageCache {
  private readonly folder: string;
  private index: { [name: string]: PackageInfo & { cached: string } } = {};

  constructor(folder: string) {
    this.folder = folder;
    const path = join(folder, 'index.json');
    if (existsSync(path)) {
      try {
        this.index = JSON.parse(readFileSync(path, 'utf8'));
      } catch {
        // A damaged index means that everything is fetched again.
      }
    }
  }

  /** A package's entry and bytes, if they are there and whole. */
  get(name: string): { info: PackageInfo; bytes?: Uint8Array } | undefined {
    const info = this.index[name];
    if (!info) return undefined;
    if (!info.cached) return { info };
    const path = join(this.folder, info.cached);
    if (!existsSync(path)) return undefined;
    const bytes = readFileSync(path);
    return sha256(bytes) === info.sha256 ? { info, bytes } : undefined;
  }

  /** Keeps an entry, and the bytes where they matter (of a meta package only the entry does). */
  put(info: PackageInfo, bytes?: Uint8Array): void {
    mkdirSync(this.folder, { recursive: true });
    const before = this.index[info.name]?.cached;
    const cached = bytes ? `${info.name}_${info.version}.deb`.replace(/[^\w.+~-]/g, '-') : '';
    if (bytes) writeFileSync(join(this.folder, cached), bytes);
    if (before && before !== cached) rmSync(join(this.folder, before), { force: true });
    this.index[info.name] = { ...info, cached };
    writeFileSync(join(this.folder, 'index.json'), `${JSON.stringify(this.index, null, 1)}\n`);
  }
}
