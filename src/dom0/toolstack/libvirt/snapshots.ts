/**
 * Snapshots of domains. Source: libvirt's documentation, "Snapshot XML format"; libvirt-domain-snapshot.h for the flags. libxl's driver has none: these are of
 * Ringside's toolstack.
 */
import { escapedXml } from '../../definitions/config/index.ts';
import type { CommandHost } from '../command-host.ts';
import { COMMANDS, perform } from '../commands/index.ts';
import type { Domain } from '../domains/index.ts';
import { currentOf, MOST_DESCRIPTION, recordsOf, type SnapshotRecord } from '../snapshots/index.ts';
import { freezeFileSystems, thawFileSystems } from './agent/index.ts';
import { domainByName, uuidOfDomain } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags, matches } from './flags.ts';
import { CREATE, startDomain } from './life.ts';
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
export const CREATE_SNAPSHOT = { DISK_ONLY: 1 << 4, QUIESCE: 1 << 6, ATOMIC: 1 << 7, LIVE: 1 << 8, VALIDATE: 1 << 9 };
const ALL_OF_CREATE = Object.values(CREATE_SNAPSHOT).reduce((all, flag) => all | flag);

/** Without a name it is called by the time, as virDomainSnapshotDefParse() has it. @throws LibvirtError */
export async function takeNamedSnapshot(
  host: CommandHost,
  domain: Domain,
  name = String(Math.floor(host.parts.epochMs() / 1000)),
  description?: string,
  flags = 0,
): Promise<SnapshotRecord> {
  checkFlags(flags, ALL_OF_CREATE, 'virDomainSnapshotCreateXML');
  const { DISK_ONLY, QUIESCE } = CREATE_SNAPSHOT;
  // VIR_REQUIRE_FLAG_RET() of qemuSnapshotCreateXML().
  if (flags & QUIESCE && !(flags & DISK_ONLY))
    throw new LibvirtError(
      'INVALID_ARG',
      "Flag 'VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY' is required by flag 'VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE'",
      'qemu',
    );
  const take = (): Promise<SnapshotRecord> =>
    failing(() =>
      perform(host, 'snapshot', COMMANDS.snapshot, domain.name, name, description, (flags & DISK_ONLY) !== 0),
    );
  if (!(flags & QUIESCE)) return take();
  await freezeFileSystems(host, domain, []);
  try {
    return await take();
  } finally {
    // Where it cannot any more, the agent itself has ended or will be asked again: what was taken is whole.
    await thawFileSystems(host, domain, []).catch(() => {});
  }
}

/** By a document of which name and description count. @throws LibvirtError */
export async function createSnapshot(
  host: CommandHost,
  domain: Domain,
  xml: string,
  flags = 0,
): Promise<SnapshotRecord> {
  const { children } = await readXml(xml, 'domainsnapshot');
  const text = (wanted: string): string | undefined => children.find(({ name }) => name === wanted)?.text || undefined;
  return takeNamedSnapshot(host, domain, text('name'), text('description'), flags);
}

/** Another document for one that was taken, in which its description may differ and nothing else. @throws LibvirtError, and nothing has changed */
export async function redefineSnapshot(host: CommandHost, domain: Domain, name: string, xml: string): Promise<void> {
  const { xmlText } = await import('../../definitions/config/xml/index.ts');
  const record = await snapshotByName(host, domain, name);
  const { children } = await readXml(xml, 'domainsnapshot');
  const description = children.find(child => child.name === 'description')?.text ?? '';
  if (description.length > MOST_DESCRIPTION)
    throw new LibvirtError('XML_ERROR', `a description has at most ${MOST_DESCRIPTION} characters`, 'snapshot');
  const { description: _before, ...rest } = record;
  const is = description === '' ? rest : { ...rest, description };
  const wanted = xmlText(await readXml(snapshotXml(domain, is)));
  if (xmlText(await readXml(xml)) !== wanted)
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'only the description of a snapshot can be changed', 'snapshot');
  await failing(() => recordsOf(host).write(is));
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
  const isPaused = (flags & PAUSED) !== 0;
  await failing(() => perform(host, 'revert', COMMANDS.revert, domain.name, name, [], isPaused));
  if (!state && flags & (RUNNING | PAUSED))
    await startDomain(host, await domainByName(host, domain.name), isPaused ? CREATE.PAUSED : 0);
}

/** virDomainSnapshotState. */
export const snapshotState = ({ state, disksOnly }: Pick<SnapshotRecord, 'state' | 'disksOnly'>): string =>
  state ? 'running' : disksOnly ? 'disk-snapshot' : 'shutoff';

/** What it is, as virDomainSnapshotDefFormat() orders it. */
export function snapshotXml(domain: Domain, record: SnapshotRecord): string {
  const { name, description, state, parent, createdMs, disks } = record;
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
          ...disks.map(({ device }) => `  <disk name='${escapedXml(device)}' snapshot='internal'/>`),
          '</disks>',
        ]),
    '<domain>',
    `  <uuid>${uuidOfDomain(domain)}</uuid>`,
    '</domain>',
  ];
  return `<domainsnapshot>\n${lines.map(line => `  ${line}\n`).join('')}</domainsnapshot>\n`;
}
