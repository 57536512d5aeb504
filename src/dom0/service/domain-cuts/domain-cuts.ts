/** Power cuts, simulated, while domains are defined, edited, kept in snapshots, taken back, cloned and deleted: what must be there after each cut. */
import { InMemoryFs } from 'just-bash/browser';
import { KeptFiles } from '../../host/files/index.ts';
import { createHost } from '../create-host.ts';
import type { HostCore } from '../host.ts';
import { type ManagedDomain, XEN_FOLDERS } from '../../toolstack/managed/index.ts';
import { inTurns } from '../../toolstack/runners/index.ts';
import { type LoggingStore, PowerCut, type Random } from '../../host/storage/logging-store.test-support.ts';
import { cutOften, Storage } from '../../host/storage/index.ts';
import { remove } from '../../toolstack/index.ts';

import { cloneDomain, deleteSnapshot, recordsOf, revertTo, takeSnapshot } from '../../toolstack/snapshots/index.ts';

const DISK_BYTES = 384 * 2 ** 20,
  VOLUME_BYTES = 8 * 2 ** 20,
  SECTOR_BYTES = 512;
const DOMAINS = 4,
  SNAPSHOTS = 2;

/** What a volume has in its first and its last sector; undefined: a cut came into a write, and any may be there. */
type Mark = number | undefined;

/** All that there is, as far as commands were acknowledged. Nothing of it is changed: each step makes another one. */
interface Model {
  /** Memory and volume by the domain's name. */
  domains: ReadonlyMap<string, { memoryMiB: number; volume: string }>;
  /** By domain/name. */
  snapshots: ReadonlyMap<string, { volume: string; mark: Mark }>;
  marks: ReadonlyMap<string, Mark>;
}

interface Opened {
  store: LoggingStore;
  storage: Storage;
  host: HostCore;
  files: KeptFiles;
  found: Model | string;
}

/** One more, or (undefined) one less. */
function having<T>(map: ReadonlyMap<string, T>, key: string, value: T | undefined): ReadonlyMap<string, T> {
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
}

/** With a volume, whatever is in it, or without. */
const withMark = (model: Model, volume: string, mark: Mark): Model => ({
  ...model,
  marks: new Map(model.marks).set(volume, mark),
});
const withoutVolume = (model: Model, volume: string): Model => ({
  ...model,
  marks: new Map([...model.marks].filter(([name]) => name !== volume)),
});

/** All as text in which two models are the same or not; `loose`: names of volumes whose marks any may be. */
const textOf = ({ domains, snapshots, marks }: Model, loose: ReadonlySet<string>): string =>
  JSON.stringify([
    [...domains].sort(),
    [...snapshots].map(([name, { volume, mark }]) => [name, volume, loose.has(name) ? '?' : mark]).sort(),
    [...marks].map(([name, mark]) => [name, loose.has(name) ? '?' : mark]).sort(),
  ]);

const isSame = (found: Model, expected: Model): boolean => {
  const unknown = [
    ...[...expected.marks].filter(([, mark]) => mark === undefined),
    ...[...expected.snapshots].filter(([, { mark }]) => mark === undefined),
  ];
  const loose = new Set(unknown.map(([name]) => name));
  return textOf(found, loose) === textOf(expected, loose);
};

const markOf = (storage: Storage, volume: string): Mark => {
  const medium = storage.medium(`vg0/${volume}`);
  const [first, last] = [0, medium.bytes - SECTOR_BYTES].map(at => {
    const sector = new Uint8Array(SECTOR_BYTES);
    medium.read(at, sector);
    return sector.every(byte => byte === sector[0]) ? sector[0] : undefined;
  });
  return first === last ? first : undefined;
};

const definition = (name: string, memoryMiB: number, volume: string): string =>
  `name = "${name}"\ntype = "pv"\nmemory = ${memoryMiB}\nkernel = "/boot/k"\ndisk = [ 'phy:/dev/vg0/${volume},xvda,w' ]\n`;

const volumeOf = ({ definition: { disks } }: ManagedDomain): string =>
  disks[0].target.replace(/^(?:phy:)?\/dev\/vg0\//, '');

/** What a host finds when it starts; a sentence: what contradicts itself. */
async function find({ host, storage }: Omit<Opened, 'found'>): Promise<Model | string> {
  await host.disk.openDevices();
  if (storage.unfinished.length > 0) return `${storage.unfinished.join(', ')} belong to nothing`;
  const domains = new Map<string, { memoryMiB: number; volume: string }>();
  for (const domain of await host.managed!.list()) {
    if (domain.errors.length > 0) return domain.errors.join('; ');
    domains.set(domain.name, { memoryMiB: domain.definition.memoryMiB, volume: volumeOf(domain) });
  }
  const records = await recordsOf(host).all();
  const marks = new Map(storage.volumes.map(({ name }) => [name, markOf(storage, name)]));
  const snapshots = new Map<string, { volume: string; mark: Mark }>();
  for (const { domain, name, disks } of records) {
    const [{ device, volume }] = disks;
    if (!marks.has(volume)) return `the snapshot ${name} of ${domain} has no volume ${volume}`;
    snapshots.set(`${domain}/${name}`, { volume: device.replace('/dev/vg0/', ''), mark: marks.get(volume) });
    marks.delete(volume);
  }
  return { domains, snapshots, marks };
}

async function open(store: LoggingStore): Promise<Opened> {
  const storage = await Storage.open({ store, epochMs: () => 0, random: below => below >>> 1, diskBytes: DISK_BYTES });
  const files = await KeptFiles.open(store, new InMemoryFs());
  let drawn = 0;
  const soon = (callback: () => void): void => void Promise.resolve().then(callback);
  const parts = { soon, later: () => () => {}, hostMs: () => 0, epochMs: () => ++drawn };
  const host = createHost({
    version: 'cuts',
    memory: new ArrayBuffer(8 * 2 ** 20),
    runners: inTurns({ ...parts }),
    files,
    storage: async () => storage,
    readsWhole: true,
    ...parts,
  });
  const opened = { store, storage, host, files };
  const found = await find(opened);
  if (store.stepsLeft < 0) throw new PowerCut();
  return { ...opened, found };
}

/** A command, and what there may be while it runs: as before it, between its steps, and at last as after it. */
interface Step {
  models: Model[];
  run(): Promise<unknown>;
}

/** Any that can be done with what there is. */
function draw({ host, storage, files }: Opened, model: Model, random: Random): Step | undefined {
  const name = `d${random(DOMAINS)}`,
    other = `d${random(DOMAINS)}`;
  const domain = model.domains.get(name);
  const { domains, snapshots, marks } = model;
  if (!domain) {
    const volume = `v-${name}`;
    if (!marks.has(volume))
      return { models: [withMark(model, volume, 0)], run: async () => storage.createVolume(volume, VOLUME_BYTES) };
    const memoryMiB = 4 + random(60);
    return {
      models: [{ ...model, domains: having(domains, name, { memoryMiB, volume }) }],
      run: () => host.managed!.define(`/root/${name}`, definition(name, memoryMiB, volume)),
    };
  }
  const { volume } = domain;
  const snapshot = `${name}/s${random(SNAPSHOTS)}`;
  const [, snapshotName] = snapshot.split('/');
  const kept = snapshots.get(snapshot);
  switch (random(8)) {
    case 0:
    case 1: {
      const mark = 1 + random(255);
      return {
        models: [withMark(model, volume, undefined), withMark(model, volume, mark)],
        run: async () => {
          const medium = storage.medium(`vg0/${volume}`);
          for (const at of [medium.bytes - SECTOR_BYTES, 0]) medium.write(at, new Uint8Array(SECTOR_BYTES).fill(mark));
          medium.flush();
        },
      };
    }
    case 2: {
      const memoryMiB = 4 + random(60);
      return {
        models: [{ ...model, domains: having(domains, name, { ...domain, memoryMiB }) }],
        run: () => files.writeFile(`${XEN_FOLDERS.definitions}/${name}`, definition(name, memoryMiB, volume)),
      };
    }
    case 3:
    case 4:
      if (kept)
        return {
          models: [{ ...model, snapshots: having(snapshots, snapshot, undefined) }],
          run: () => deleteSnapshot(host, name, snapshotName),
        };
      return {
        models: [{ ...model, snapshots: having(snapshots, snapshot, { volume, mark: marks.get(volume) }) }],
        run: () => takeSnapshot(host, name, snapshotName),
      };
    case 5:
      return (
        kept && { models: [withMark(model, kept.volume, kept.mark)], run: () => revertTo(host, name, snapshotName) }
      );
    case 6: {
      const twin = `${other}-xvda`;
      if (domains.has(other) || marks.has(twin)) return undefined;
      const cloned = withMark(model, twin, marks.get(volume));
      return {
        models: [{ ...cloned, domains: having(domains, other, { ...domain, volume: twin }) }],
        run: () => cloneDomain(host, name, other, path => path),
      };
    }
    default: {
      // Its snapshots go one after the other. The clock begins again behind each cut, so that which is first is not known here.
      const left = [snapshots];
      for (const each of snapshots.keys())
        if (each.startsWith(`${name}/`)) left.push(...left.map(some => having(some, each, undefined)));
      const fewer = left.map(some => ({ ...model, snapshots: some }));
      const undefinedOne = { ...fewer.at(-1)!, domains: having(domains, name, undefined) };
      return {
        models: [...fewer, undefinedOne, withoutVolume(undefinedOne, volume)],
        run: () => remove.run(host, name, true, true),
      };
    }
  }
}

/** Domains defined, edited, kept, taken back, cloned and deleted through Domain 0's own commands. @returns what went wrong */
export async function cutDomains(seed: number, cuts: number): Promise<string | undefined> {
  let possible: Model[] = [{ domains: new Map(), snapshots: new Map(), marks: new Map() }];
  return cutOften(
    seed,
    cuts,
    open,
    async (opened, random) => {
      const [model] = possible;
      const step = draw(opened, model, random);
      if (!step) return;
      possible = [model, ...step.models];
      await step.run().catch((error: Error) => {
        if (!/insufficient free space/.test(error.message)) throw error;
        possible = [model];
      });
      // A command may tell of it in words.
      if (opened.store.stepsLeft < 0) throw new PowerCut();
      possible = possible.slice(-1);
    },
    ({ found }) => {
      if (typeof found === 'string') return found;
      if (!possible.some(model => isSame(found, model)))
        return `there is ${textOf(found, new Set())}, and there may be ${possible.map(model => textOf(model, new Set())).join(' or ')}`;
      possible = [found];
      return undefined;
    },
  );
}
