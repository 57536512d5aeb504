/** What a host has next to its running domains, as a management tool lists it: Domain 0 itself, what is defined, the bridge, the disk. */
import { snapshots } from '../toolstack/index.ts';
import { typeOf } from '../../hypervisor/kinds/index.ts';
import { SECTOR_BYTES } from '../../formats/blocks/index.ts';
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import type { StateInfo } from '../host/state/index.ts';
import type { HostFiles } from '../host/files/index.ts';
import type { Counters } from './counters.ts';
import { HostReadings, type Reading } from './readings/index.ts';
import { addressesOf, blockCounts, comparableRunNs, type CommandHost, runNsOf } from '../toolstack/index.ts';
import { GROUP, PE_BYTES } from '../host/storage/index.ts';
import { SNAPSHOTS_FOLDER } from '../toolstack/snapshots/index.ts';

export type { HostReadings } from './readings/index.ts';

/** A domain that is defined, whether it runs or not: `HostApi.subscribe` reports which domains run, as that changes. */
export interface DefinedDomain {
  name: string;
  /** Of its definition, among Domain 0's files. */
  path: string;
  type: 'hvm' | 'pv' | 'pvh';
  memoryMiB: number;
  vcpus: number;
  /** FILE:LINE:COLUMN: sentence; none: it can be started. */
  errors: string[];
  /** What its definition says about it to people. */
  description?: string;
  tags?: readonly string[];
}

export interface VolumeInfo {
  name: string;
  /** As definitions name it: /dev/vg0/NAME, or the file that it is. */
  path: string;
  bytes: number;
  /** Domains that have it open. */
  users: string[];
  /** The snapshot that it is a part of: it is no disk to attach, and goes with that snapshot. */
  snapshot?: { domain: string; name: string };
}

export interface DiskInfo {
  /** As guests and lvs name it. */
  path: string;
  bytes: number;
  /** What of it is written somewhere: bytes of its file. */
  storedBytes: number;
  /** `users`: domains that have it open, Domain-0 among them. */
  partitions: { name: string; bytes: number; type: number; users: string[] }[];
  group: string;
  groupBytes: number;
  /** Of a physical extent, in which the group gives out its space. */
  extentBytes: number;
  freeBytes: number;
  volumes: VolumeInfo[];
}

/** A guest as it was while it ran, with its disks: a snapshot that the page took by itself. */
export interface Checkpoint {
  domain: string;
  /** Of the snapshot. */
  name: string;
  /** Milliseconds since 1970. */
  savedMs: number;
  /** Of its memory and processors. */
  bytes: number;
}

/** What outlives the host. */
export interface StoredState {
  defined: DefinedDomain[];
  /** The latest first. */
  checkpoints: Checkpoint[];
  /** Absent: the host has no disk of its own. */
  disk?: DiskInfo;
  /** Where it is now; another tab may have taken it since the last look. Absent: it is this host's permanently. */
  where?: StateInfo;
}

export interface Inventory extends Counters {
  /** What other hosts call this one; absent: it has never been in a pool. */
  nameInPool?: string;
  /** Of running domains that have any, by domain id. */
  tags: Record<number, readonly string[]>;
  /** Those of the last hour that were asked for, oldest first. */
  readings: readonly Reading[];
  /** Absent: Domain 0's files and disk have not been opened. */
  stored?: StoredState;
}

/** A host, and the readings that it has kept. */
type Inventoried = CommandHost & { readings?: HostReadings | undefined };

/**
 * Processor times, the bridge, readings that ended after `afterMs` and, where `opens`, definitions and disk, which are opened for it.
 * @throws Error where they cannot be
 */
export async function takeInventory(host: Inventoried, opens: boolean, afterMs: number): Promise<Inventory> {
  host.readings ??= new HostReadings(host, takeCounters);
  const seen = takeCounters(host);
  return {
    ...seen,
    readings: host.readings.note(seen, afterMs),
    tags: Object.fromEntries(
      [...host.toolstack.members.values()].flatMap(({ record: { id }, blueprint: { definition } }) =>
        definition.tags ? [[id, definition.tags]] : [],
      ),
    ),
    // In virtual time guests move to twins of this host, which are in no pool.
    ...(host.moveTo && !host.parts.virtual ? { nameInPool: host.toolstack.identity.name } : {}),
    ...(opens ? { stored: await lookAtState(host) } : {}),
  };
}

function takeCounters(host: CommandHost): Counters {
  const { toolstack, queue, parts, clock } = host;
  const nowNs = queue.nowNs();
  const { bridge } = toolstack.services.network;
  const ports = bridge.list();
  return {
    atMs: nowNs / 1e6,
    upSeconds: Math.max(0, (clock.epochMs() - clock.startedEpochMs) / 1000),
    hasVt: toolstack.hypervisor.hasVt,
    scheduler: queue.policy.name,
    domain0: {
      memoryMiB: Math.round(toolstack.services.hardware.frames / 256),
      vcpus: 1,
      runNs: runNsOf(toolstack, DOMAIN_0),
    },
    runNs: Object.fromEntries(
      [...toolstack.members.values()].flatMap(({ record }) => {
        const ns = comparableRunNs(toolstack, record.index);
        return ns === undefined ? [] : [[record.id, ns]];
      }),
    ),
    ...(parts.virtual
      ? {
          ownNs: Object.fromEntries(
            [...toolstack.members.values()].map(({ record, runner }) => [record.id, runner.nowNs]),
          ),
        }
      : {}),
    disks: Object.fromEntries(
      [...toolstack.members.values()].flatMap(member => {
        const counts = [...blockCounts(toolstack, member).values()];
        const bytes = (of: 'readSectors' | 'writtenSectors'): number =>
          512 * counts.reduce((sum, each) => sum + each[of], 0);
        return counts.length > 0
          ? [[member.record.id, { read: bytes('readSectors'), written: bytes('writtenSectors') }]]
          : [];
      }),
    ),
    upSecondsOf: Object.fromEntries(
      [...toolstack.members.values()].map(({ record, builtEpochMs }) => [
        record.id,
        Math.max(0, (clock.epochMs() - builtEpochMs) / 1000),
      ]),
    ),
    addresses: Object.fromEntries(
      [...toolstack.members.values()].flatMap(({ record: { id } }) => {
        const known = addressesOf(host, id).map(({ address }) => address);
        return known.length > 0 ? [[id, known]] : [];
      }),
    ),
    bridge: {
      name: bridge.name,
      ports: ports.map(({ name, counts }) => ({
        name,
        rxPackets: counts.rxPackets,
        rxBytes: counts.rxBytes,
        txPackets: counts.txPackets,
        txBytes: counts.txBytes,
        dropped: counts.rxDropped + counts.txDropped,
      })),
      stations: bridge.stations().map(({ mac, port, ageNs }) => ({
        mac,
        port: ports.find(({ number }) => number === port)?.name ?? String(port),
        ageSeconds: ageNs / 1e9,
      })),
    },
  };
}

async function lookAtState(host: CommandHost): Promise<StoredState> {
  const storage = await host.disk.openDevices();
  const where = await host.parts.stateInfo?.();
  const defined = ((await host.managed?.list()) ?? []).map(
    ({ name, path, errors, definition }): DefinedDomain => ({
      name,
      path,
      errors,
      ...(definition.description ? { description: definition.description } : {}),
      ...(definition.tags ? { tags: definition.tags } : {}),
      type: typeOf(definition.kind),
      memoryMiB: definition.memoryMiB,
      vcpus: definition.vcpus,
    }),
  );
  // As the page calls the host's own system, which without Xen is no domain.
  const nameOfSystem = host.toolstack.hypervisor.systemName;
  const { snapshots, checkpoints } = await lookAtSnapshots(host.files.own);
  const found = { defined, checkpoints, ...(where ? { where } : {}) };
  if (!storage) return found;
  return {
    ...found,
    disk: {
      path: '/dev/sda',
      bytes: storage.disk.bytes,
      storedBytes: storage.disk.stored.bytes,
      partitions: storage.partitions.map(({ number, sectors, type }) => ({
        name: `sda${number}`,
        bytes: sectors * SECTOR_BYTES,
        type,
        users: [...(storage.isDomain0s(number) ? [nameOfSystem] : []), ...storage.namesOfUsers(`/dev/sda${number}`)],
      })),
      group: GROUP,
      groupBytes: storage.extents * PE_BYTES,
      extentBytes: PE_BYTES,
      freeBytes: storage.freeExtents * PE_BYTES,
      volumes: storage.volumes.map(({ name, bytes }) => {
        const snapshot = snapshots.get(name);
        return {
          name,
          bytes,
          path: storage.files.find(({ volume }) => volume === name)?.path ?? `/dev/${GROUP}/${name}`,
          users: storage.namesOfUsers(`/dev/${GROUP}/${name}`),
          ...(snapshot ? { snapshot } : {}),
        };
      }),
    },
  };
}

/** What is kept of snapshots: of which one a volume is a part, and those that the page took by itself, the latest first. Most hosts have none. */
export async function lookAtSnapshots(
  files: HostFiles | undefined,
): Promise<{ snapshots: Map<string, VolumeInfo['snapshot']>; checkpoints: Checkpoint[] }> {
  const folders = (await files?.readdir(SNAPSHOTS_FOLDER).catch(() => [])) ?? [];
  if (!files || folders.length === 0) return { snapshots: new Map(), checkpoints: [] };
  const { CHECKPOINTS, SnapshotRecords, volumesOf } = await snapshots.load();
  const records = await new SnapshotRecords(files).all();
  return {
    snapshots: new Map(
      records.flatMap(record =>
        volumesOf(record).map(volume => [volume, { domain: record.domain, name: record.name }]),
      ),
    ),
    checkpoints: records
      .flatMap(({ domain, name, createdMs, state }) =>
        state && (CHECKPOINTS as readonly string[]).includes(name)
          ? [{ domain, name, savedMs: createdMs, bytes: state.bytes }]
          : [],
      )
      .sort((a, b) => b.savedMs - a.savedMs),
  };
}
