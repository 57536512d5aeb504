/**
 * What is known of a snapshot: a small file of Domain 0, by domain and name. Its bulk lies on volumes of the host: the saved state, and a copy of each disk
 * that shares with the disk what neither has written since.
 */
import type { HostFiles } from '../../host/files/index.ts';
import { SNAPSHOTS_FOLDER } from './folder.ts';

const GOOD_NAME = /^(?!\.{1,2}$)[\w.+-]{1,64}$/;

export interface SnapshotRecord {
  domain: string;
  name: string;
  /** Milliseconds since 1970. */
  createdMs: number;
  /** The domain's, as text. */
  definition: string;
  /** The volume in vg0 that holds the saved state, and its bytes; absent: the domain did not run, or its disks alone were wanted. */
  state?: { volume: string; bytes: number };
  /** Devices that the domain may write, and the volumes that hold what they did. */
  disks: { device: string; volume: string }[];
  /** It ran, and its disks alone were wanted. */
  disksOnly?: true;
  /** It was paused, and does when it has come back. */
  paused?: true;
  /** Paths of the files in its drives then, of those that came while it ran, too; absent: those that the definition names. */
  files?: string[];
  /** What somebody wrote about it. */
  description?: string;
  /** The snapshot that the domain was at when this one was taken; absent: none. */
  parent?: string;
  /** When the domain was last here, milliseconds since 1970: it took this snapshot, or went back to it. Of all, the latest is where it is now (`currentOf`). */
  currentMs?: number;
}

/** Longest description, characters. */
export const MOST_DESCRIPTION = 1000;

/** The snapshot that a domain has come from last: what it is now was made from it. */
export function currentOf(records: readonly SnapshotRecord[]): SnapshotRecord | undefined {
  return records.reduce<SnapshotRecord | undefined>(
    (latest, each) => ((each.currentMs ?? -1) > (latest?.currentMs ?? -1) ? each : latest),
    undefined,
  );
}

/** Snapshots of these names are the page's: it saves running guests at intervals, the new one before the old one goes. */
export const CHECKPOINTS = ['checkpoint-1', 'checkpoint-2'] as const;

/** The volumes of a snapshot. */
export const volumesOf = ({ state, disks }: SnapshotRecord): string[] => [
  ...(state ? [state.volume] : []),
  ...disks.map(({ volume }) => volume),
];

export class SnapshotRecords {
  private readonly files: HostFiles;

  constructor(files: HostFiles) {
    this.files = files;
  }

  /** Any name of a domain is one name of a folder. */
  private folder(domain: string): string {
    return `${SNAPSHOTS_FOLDER}/${encodeURIComponent(domain).replace(/^\.+$/, dots => dots.replaceAll('.', '%2E'))}`;
  }

  /** Of all domains, whatever their names are now. */
  async all(): Promise<SnapshotRecord[]> {
    const folders = await this.files.readdir(SNAPSHOTS_FOLDER).catch(() => []);
    return (await Promise.all(folders.map(folder => this.list(decodeURIComponent(folder))))).flat();
  }

  /** Those of a domain that is called otherwise from now on. */
  async rename(domain: string, name: string): Promise<void> {
    for (const record of await this.list(domain)) {
      await this.write({ ...record, domain: name });
      await this.remove(domain, record.name);
    }
  }

  /** Of a domain, the oldest first. What is no record is left out. */
  async list(domain: string): Promise<SnapshotRecord[]> {
    const names = await this.files.readdir(this.folder(domain)).catch(() => []);
    const found = await Promise.all(names.map(name => this.read(domain, name).catch(() => undefined)));
    return found.filter(record => record !== undefined).sort((a, b) => a.createdMs - b.createdMs);
  }

  /** @throws Error with a sentence where there is none, or it cannot be one */
  async read(domain: string, name: string): Promise<SnapshotRecord> {
    const path = `${this.folder(domain)}/${name}`;
    if (!GOOD_NAME.test(name) || !(await this.files.exists(path)))
      throw new Error(
        `Domain '${domain}' has no snapshot ${name}. xl snapshot-list ${domain} lists those that it has.`,
      );
    let record: unknown;
    try {
      record = JSON.parse(new TextDecoder().decode(await this.files.readFileBuffer(path)));
    } catch {
      // It is reported below.
    }
    if (!isRecord(record) || record.domain !== domain || record.name !== name)
      throw new Error(`${path} does not say what the snapshot holds. Delete it: xl snapshot-delete ${domain} ${name}.`);
    return record;
  }

  /** @throws Error with a sentence: it cannot be called so, or there is one */
  async refuseName(domain: string, name: string): Promise<void> {
    if (!GOOD_NAME.test(name))
      throw new Error(`${name.slice(0, 80)} is no name for a snapshot: take up to 64 letters, digits and . _ + -.`);
    if (await this.files.exists(`${this.folder(domain)}/${name}`))
      throw new Error(
        `Domain '${domain}' has a snapshot ${name} already. Take another name, or delete that one: xl snapshot-delete ${domain} ${name}.`,
      );
  }

  async write(record: SnapshotRecord): Promise<void> {
    const folder = this.folder(record.domain);
    await this.files.mkdir(folder, { recursive: true });
    await this.files.writeFile(`${folder}/${record.name}`, `${JSON.stringify(record, null, 2)}\n`);
  }

  async remove(domain: string, name: string): Promise<void> {
    await this.files.rm(`${this.folder(domain)}/${name}`);
  }

  /** The domain is at this snapshot from now on. */
  async enter(record: SnapshotRecord, nowMs: number): Promise<void> {
    await this.write({ ...record, currentMs: laterThan(await this.list(record.domain), nowMs) });
  }

  /**
   * Closes the gap that a snapshot leaves which was deleted: what came from it comes from its parent now, and so does the domain, where it was there
   * (virDomainSnapshotDiscard() of libvirt).
   */
  async close(gone: SnapshotRecord, nowMs: number): Promise<void> {
    const left = (await this.list(gone.domain)).filter(({ name }) => name !== gone.name);
    const wasHere = currentOf([...left, gone]) === gone;
    for (const { parent, currentMs, ...rest } of left) {
      const above = parent === gone.name ? gone.parent : parent;
      // Without a parent the domain is at none of them.
      const here = !wasHere
        ? currentMs
        : rest.name === gone.parent
          ? laterThan(left, nowMs)
          : gone.parent === undefined
            ? undefined
            : currentMs;
      if (above === parent && here === currentMs) continue;
      await this.write({
        ...rest,
        ...(above === undefined ? {} : { parent: above }),
        ...(here === undefined ? {} : { currentMs: here }),
      });
    }
  }
}

/** A time that is later than any snapshot's, whatever the clock says. */
export const laterThan = (records: readonly SnapshotRecord[], nowMs: number): number =>
  Math.max(nowMs, (currentOf(records)?.currentMs ?? -1) + 1);

function isRecord(value: unknown): value is SnapshotRecord {
  const {
    domain,
    name,
    createdMs,
    definition,
    state,
    disks,
    disksOnly,
    paused,
    files = [],
    description = '',
    parent = '',
    currentMs = 0,
  } = (value ?? {}) as Partial<SnapshotRecord>;
  const texts = [domain, name, definition, description, parent].every(each => typeof each === 'string');
  const goodState =
    state === undefined || (typeof state?.volume === 'string' && Number.isSafeInteger(state.bytes) && state.bytes > 0);
  const goodFiles = Array.isArray(files) && files.every(each => typeof each === 'string');
  return (
    texts &&
    goodFiles &&
    Number.isFinite(createdMs) &&
    Number.isFinite(currentMs) &&
    goodState &&
    [disksOnly, paused].every(each => each === undefined || each === true) &&
    Array.isArray(disks) &&
    disks.every(disk => typeof disk?.device === 'string' && typeof disk.volume === 'string')
  );
}
