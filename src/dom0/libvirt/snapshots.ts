/**
 * Snapshots of domains. Source: libvirt's documentation, "Snapshot XML format"; libvirt-domain-snapshot.h for the flags. libxl's driver has none: these are of
 * Ringside's toolstack.
 */
import { xmlLanguage } from '../definitions/config/index.ts';
import { escapedXml } from '../definitions/config/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import { COMMANDS, perform } from '../toolstack/commands/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { currentOf, recordsOf, type SnapshotRecord } from '../toolstack/snapshots/index.ts';
import { freezeFileSystems, thawFileSystems } from './agent/index.ts';
import { domainByName, uuidOfDomain } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags, matches } from './flags.ts';
import { CREATE, destroyDomain, startDomain } from './life.ts';
import { disksIn, leftOutOf, readSnapshot, redefinition, refuseSnapshotName } from './snapshot-document.ts';
import { readXml } from './xml.ts';

/** virDomainSnapshotListFlags: which of the tree are meant; the first bit is of roots alone, or, of one's children, of all below. */
export const LIST_SNAPSHOTS = {
  ROOTS: 1 << 0,
  METADATA: 1 << 1,
  LEAVES: 1 << 2,
  NO_LEAVES: 1 << 3,
  NO_METADATA: 1 << 4,
  INACTIVE: 1 << 5,
  ACTIVE: 1 << 6,
  DISK_ONLY: 1 << 7,
  INTERNAL: 1 << 8,
  EXTERNAL: 1 << 9,
  TOPOLOGICAL: 1 << 10,
};
const GROUPS = [
  LIST_SNAPSHOTS.LEAVES | LIST_SNAPSHOTS.NO_LEAVES,
  LIST_SNAPSHOTS.METADATA | LIST_SNAPSHOTS.NO_METADATA,
  LIST_SNAPSHOTS.INACTIVE | LIST_SNAPSHOTS.ACTIVE | LIST_SNAPSHOTS.DISK_ONLY,
  LIST_SNAPSHOTS.INTERNAL | LIST_SNAPSHOTS.EXTERNAL,
];
const ALL = GROUPS.reduce((all, group) => all | group, LIST_SNAPSHOTS.ROOTS | LIST_SNAPSHOTS.TOPOLOGICAL);

/** Those of a domain that `flags` name, the oldest first. `under`: children of this one alone. @throws LibvirtError */
export async function listSnapshots(
  host: CommandHost,
  { name }: Pick<Domain, 'name'>,
  flags: number,
  under?: string,
): Promise<SnapshotRecord[]> {
  checkFlags(flags, ALL, 'virDomainListAllSnapshots');
  const all = await failing(() => COMMANDS['snapshot-list'].run(host, name));
  const traits = (record: SnapshotRecord): number =>
    (all.some(({ parent }) => parent === record.name) ? LIST_SNAPSHOTS.NO_LEAVES : LIST_SNAPSHOTS.LEAVES) |
    LIST_SNAPSHOTS.METADATA |
    (record.state ? LIST_SNAPSHOTS.ACTIVE : record.disksOnly ? LIST_SNAPSHOTS.DISK_ONLY : LIST_SNAPSHOTS.INACTIVE) |
    LIST_SNAPSHOTS.INTERNAL;
  const isBelow = (record: SnapshotRecord, above: string): boolean => {
    if (record.parent === above) return true;
    const parent = all.find(each => each.name === record.parent);
    return parent !== undefined && (flags & LIST_SNAPSHOTS.ROOTS) !== 0 && isBelow(parent, above);
  };
  return all.filter(
    record =>
      (under === undefined
        ? (flags & LIST_SNAPSHOTS.ROOTS) === 0 || !all.some(each => each.name === record.parent)
        : isBelow(record, under)) && matches(traits(record), flags, GROUPS),
  );
}

/** @throws LibvirtError */
export async function snapshotByName(
  host: CommandHost,
  domain: Pick<Domain, 'name'>,
  name: string,
): Promise<SnapshotRecord> {
  const found = (await listSnapshots(host, domain, 0)).find(record => record.name === name);
  if (!found)
    throw new LibvirtError('NO_DOMAIN_SNAPSHOT', `no domain snapshot with matching name '${name}'`, 'snapshot');
  return found;
}

/** The one that the domain is at; undefined: none. */
export const currentSnapshot = async (
  host: CommandHost,
  domain: Pick<Domain, 'name'>,
): Promise<SnapshotRecord | undefined> => currentOf(await listSnapshots(host, domain, 0));

/** @throws LibvirtError where it is at none */
export async function snapshotItIsAt(host: CommandHost, domain: Pick<Domain, 'name'>): Promise<SnapshotRecord> {
  const here = await currentSnapshot(host, domain);
  if (here) return here;
  throw new LibvirtError('NO_DOMAIN_SNAPSHOT', 'the domain does not have a current snapshot', 'snapshot');
}

/** virDomainSnapshotCreateFlags: all of a snapshot is taken at once here, while the domain runs. */
export const CREATE_SNAPSHOT = {
  REDEFINE: 1 << 0,
  CURRENT: 1 << 1,
  NO_METADATA: 1 << 2,
  HALT: 1 << 3,
  DISK_ONLY: 1 << 4,
  REUSE_EXT: 1 << 5,
  QUIESCE: 1 << 6,
  ATOMIC: 1 << 7,
  LIVE: 1 << 8,
  VALIDATE: 1 << 9,
};
/** No snapshot is without a record, and none writes into files of others. */
const { NO_METADATA: _none, REUSE_EXT: _others, ...CREATED } = CREATE_SNAPSHOT;
const ALL_OF_CREATE = Object.values(CREATED).reduce((all, flag) => all | flag);

/** VIR_REQUIRE_FLAG_RET() and VIR_EXCLUSIVE_FLAGS_RET() of virDomainSnapshotCreateXML() and qemuSnapshotCreateXML(). @throws LibvirtError */
function refuseFlagsOfCreate(flags: number): void {
  const called = (flag: keyof typeof CREATE_SNAPSHOT): string => `'VIR_DOMAIN_SNAPSHOT_CREATE_${flag}'`;
  const refuse = (sentence: string): never => {
    throw new LibvirtError('INVALID_FLAGS', sentence, 'qemu');
  };
  const has = (flag: keyof typeof CREATE_SNAPSHOT): boolean => (flags & CREATE_SNAPSHOT[flag]) !== 0;
  for (const [flag, needed] of [
    ['CURRENT', 'REDEFINE'],
    ['QUIESCE', 'DISK_ONLY'],
  ] as const)
    if (has(flag) && !has(needed)) refuse(`Flag ${called(needed)} is required by flag ${called(flag)}`);
  for (const [one, other] of [
    ['REDEFINE', 'NO_METADATA'],
    ['LIVE', 'REDEFINE'],
  ] as const)
    if (has(one) && has(other)) refuse(`Flags ${called(one)} and ${called(other)} are mutually exclusive`);
}

/** By a document; without a name it is called by the time, as virDomainSnapshotDefParse() has it. @throws LibvirtError, and nothing has changed */
export async function createSnapshot(
  host: CommandHost,
  domain: Domain,
  xml: string,
  flags = 0,
): Promise<SnapshotRecord> {
  refuseFlagsOfCreate(flags);
  checkFlags(flags, ALL_OF_CREATE, 'virDomainSnapshotCreateXML');
  const { REDEFINE, CURRENT, DISK_ONLY, QUIESCE, HALT, LIVE, VALIDATE } = CREATE_SNAPSHOT;
  const [isDisksOnly, halts] = [DISK_ONLY, HALT].map(flag => (flags & flag) !== 0);
  if (flags & REDEFINE) {
    const { name } = await redefinition(xml);
    const record = await redefineSnapshot(host, domain, name, xml);
    if (flags & CURRENT) await failing(() => recordsOf(host).enter(record, host.clock.epochMs()));
    return record;
  }
  if (halts && !domain.managed)
    throw new LibvirtError('OPERATION_INVALID', 'cannot halt after transient domain snapshot', 'qemu');
  const wanted = await readSnapshot(xml, (flags & VALIDATE) !== 0);
  const name = wanted.name ?? String(Math.floor(host.clock.epochMs() / 1000));
  refuseSnapshotName(name);
  if (flags & LIVE && (isDisksOnly || domain.id === undefined))
    throw new LibvirtError(
      'OPERATION_UNSUPPORTED',
      'live snapshot creation is supported only during full system snapshots',
      'qemu',
    );
  const leftOut = leftOutOf(domain, wanted, isDisksOnly!);
  if ((await listSnapshots(host, domain, 0)).some(record => record.name === name))
    throw new LibvirtError('OPERATION_FAILED', `domain moment ${name} already exists`, 'snapshot');
  const take = (): Promise<SnapshotRecord> =>
    failing(() =>
      perform(host, 'snapshot', COMMANDS.snapshot, domain.name, name, wanted.description, isDisksOnly, leftOut),
    );
  const record = await (flags & QUIESCE ? quiesced(host, domain, take) : take());
  if (halts && domain.id !== undefined) await destroyDomain(host, domain);
  return record;
}

/** With its file systems as they are on its disks. @throws LibvirtError */
async function quiesced<T>(host: CommandHost, domain: Domain, take: () => Promise<T>): Promise<T> {
  await freezeFileSystems(host, domain, []);
  try {
    return await take();
  } finally {
    // Where it cannot any more, the agent itself has ended or will be asked again: what was taken is whole.
    await thawFileSystems(host, domain, []).catch(() => {});
  }
}

/** Another document for one that was taken, in which its description may differ and nothing else. @throws LibvirtError, and nothing has changed */
export async function redefineSnapshot(
  host: CommandHost,
  domain: Domain,
  name: string,
  xml: string,
): Promise<SnapshotRecord> {
  const { xmlText } = await xmlLanguage.load();
  const record = await snapshotByName(host, domain, name);
  const { description } = await redefinition(xml);
  const { description: _before, ...rest } = record;
  const is = description === '' ? rest : { ...rest, description };
  const wanted = xmlText(await readXml(await snapshotXml(domain, is)));
  if (xmlText(await readXml(xml)) !== wanted)
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'only the description of a snapshot can be changed', 'snapshot');
  await failing(() => recordsOf(host).write(is));
  return is;
}

/** virDomainSnapshotDeleteFlags. */
export const DELETE_SNAPSHOT = { CHILDREN: 1 << 0, METADATA_ONLY: 1 << 1, CHILDREN_ONLY: 1 << 2 };

/** @throws LibvirtError */
export async function deleteSnapshot(
  host: CommandHost,
  domain: Pick<Domain, 'name'>,
  name: string,
  flags = 0,
): Promise<void> {
  checkFlags(flags, DELETE_SNAPSHOT.CHILDREN | DELETE_SNAPSHOT.CHILDREN_ONLY, 'virDomainSnapshotDelete');
  await snapshotByName(host, domain, name);
  const below = flags === 0 ? [] : await listSnapshots(host, domain, LIST_SNAPSHOTS.ROOTS, name);
  const gone = [
    ...below.map(record => record.name).reverse(),
    ...(flags & DELETE_SNAPSHOT.CHILDREN_ONLY ? [] : [name]),
  ];
  for (const each of gone) await failing(() => COMMANDS['snapshot-delete'].run(host, domain.name, each));
}

/** virDomainSnapshotRevertFlags. */
export const REVERT_SNAPSHOT = { RUNNING: 1 << 0, PAUSED: 1 << 1, FORCE: 1 << 2 };

/** @throws LibvirtError */
export async function revertToSnapshot(
  host: CommandHost,
  domain: Pick<Domain, 'name'>,
  name: string,
  flags = 0,
): Promise<void> {
  const { RUNNING, PAUSED, FORCE } = REVERT_SNAPSHOT;
  checkFlags(flags, RUNNING | PAUSED | FORCE, 'virDomainRevertToSnapshot');
  const { state } = await snapshotByName(host, domain, name);
  const isPaused = flags & PAUSED ? true : flags & RUNNING ? false : undefined;
  await failing(() => perform(host, 'revert', COMMANDS.revert, domain.name, name, [], isPaused));
  if (!state && isPaused !== undefined)
    await startDomain(host, await domainByName(host, domain.name), isPaused ? CREATE.PAUSED : 0);
}

/** virDomainSnapshotState. */
export const snapshotState = ({
  state,
  disksOnly,
  paused,
}: Pick<SnapshotRecord, 'state' | 'disksOnly' | 'paused'>): string =>
  state ? (paused ? 'paused' : 'running') : disksOnly ? 'disk-snapshot' : 'shutoff';

/** What it is, as virDomainSnapshotDefFormat() orders it. */
export async function snapshotXml(domain: Domain, record: SnapshotRecord): Promise<string> {
  const { name, description, state, parent, createdMs } = record;
  const disks = await disksIn(record);
  const lines = [
    `<name>${escapedXml(name)}</name>`,
    ...(description ? [`<description>${escapedXml(description)}</description>`] : []),
    `<state>${snapshotState(record)}</state>`,
    ...(parent === undefined ? [] : ['<parent>', `  <name>${escapedXml(parent)}</name>`, '</parent>']),
    `<creationTime>${Math.floor(createdMs / 1000)}</creationTime>`,
    `<memory snapshot='${state ? 'internal' : 'no'}'/>`,
    ...(disks.length === 0
      ? []
      : [
          '<disks>',
          ...disks.map(disk => `  <disk name='${escapedXml(disk.name)}' snapshot='${disk.place}'/>`),
          '</disks>',
        ]),
    '<domain>',
    `  <uuid>${uuidOfDomain(domain)}</uuid>`,
    '</domain>',
  ];
  return `<domainsnapshot>\n${lines.map(line => `  ${line}\n`).join('')}</domainsnapshot>\n`;
}
