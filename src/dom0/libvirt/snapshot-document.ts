/**
 * The document that a client asks for a snapshot with. Sources: virDomainSnapshotDefParse() and virDomainSnapshotAlignDisks() of libvirt's
 * src/conf/snapshot_conf.c, qemuSnapshotCreateXML() of src/qemu/qemu_snapshot.c; the sentences are what the driver of QEMU of libvirt 9.0 answers.
 */
import { judgeDefinition, prepareToRead } from '../definitions/config/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { MOST_DESCRIPTION, type SnapshotRecord } from '../toolstack/snapshots/index.ts';
import { LibvirtError } from './errors.ts';
import { childOf, readXml, type XmlElement } from './xml.ts';

/** Where of a snapshot something lies: nowhere, on the host's own disk next to it, in a file. */
const PLACES = ['no', 'internal', 'external'] as const;
type Place = (typeof PLACES)[number];

/** What a document says of one disk. */
interface WantedDisk {
  name: string;
  place?: Place;
  /** A file or a device that is to be written from then on. */
  source?: string;
}

export interface WantedSnapshot {
  name?: string;
  description?: string;
  memory?: Place;
  disks: readonly WantedDisk[];
}

/** The elements that docs/schemas/domainsnapshot.rng has. */
const ELEMENTS = [
  'name',
  'description',
  'state',
  'memory',
  'active',
  'disks',
  'domain',
  'inactiveDomain',
  'parent',
  'creationTime',
  'cookie',
];
/** virStorageFileFormat. */
const FORMATS = 'raw dir bochs cloop dmg iso vpc vdi fat vhd ploop cow qcow qcow2 qed vmdk'.split(' ');

const xmlError = (detail: string): LibvirtError => new LibvirtError('XML_ERROR', detail, 'snapshot');
const unsupported = (detail: string): LibvirtError => new LibvirtError('CONFIG_UNSUPPORTED', detail, 'snapshot');

/** @throws LibvirtError */
function placeOf({ name, attributes: { snapshot } }: XmlElement): Place | undefined {
  if (snapshot === undefined || (snapshot === 'default' && name === 'disk')) return undefined;
  const place = PLACES.find(known => known === snapshot);
  if (!place) throw xmlError(`Invalid value for attribute 'snapshot' in element '${name}': '${snapshot}'.`);
  return place;
}

/** @throws LibvirtError */
function memoryOf(element: XmlElement | undefined): Place | undefined {
  if (!element) return undefined;
  const { file } = element.attributes;
  const place = placeOf(element) ?? (file === undefined ? undefined : 'external');
  if (file !== undefined && place !== 'external')
    throw xmlError(`memory filename '${file}' requires external snapshot`);
  if (place === 'external' && !file) throw xmlError('external memory snapshots require a filename');
  if (file && !file.startsWith('/')) throw xmlError(`memory snapshot file path (${file}) must be absolute`);
  return place;
}

/** @throws LibvirtError */
function diskOf(element: XmlElement): WantedDisk {
  const { name } = element.attributes;
  if (!name) throw new LibvirtError('INTERNAL_ERROR', 'missing name from disk snapshot element', 'snapshot');
  const { file, dev } = childOf(element, 'source')?.attributes ?? {};
  const source = file ?? dev,
    format = childOf(element, 'driver')?.attributes.type;
  if (format !== undefined && !FORMATS.includes(format)) throw unsupported(`unknown disk snapshot driver '${format}'`);
  if (source !== undefined && !source.startsWith('/'))
    throw xmlError(`disk snapshot image path '${source}' must be absolute`);
  const place = placeOf(element) ?? (source === undefined && format === undefined ? undefined : 'external');
  return { name, ...(place === undefined ? {} : { place }), ...(source === undefined ? {} : { source }) };
}

/** As it is written. `isValidated`: to its schema. @throws LibvirtError */
export async function readSnapshot(xml: string, isValidated = false): Promise<WantedSnapshot> {
  const root = await readXml(xml, 'domainsnapshot');
  const odd = isValidated ? root.children.find(({ name }) => !ELEMENTS.includes(name)) : undefined;
  if (odd)
    throw new LibvirtError(
      'XML_INVALID_SCHEMA',
      `Unable to validate doc against /usr/share/libvirt/schemas/domainsnapshot.rng\nElement domainsnapshot has extra content: ${odd.name}`,
      'xml',
    );
  const text = (name: string): string | undefined => childOf(root, name)?.text || undefined;
  const [name, description] = [text('name'), text('description')];
  const memory = memoryOf(childOf(root, 'memory'));
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(memory === undefined ? {} : { memory }),
    disks: childOf(root, 'disks')?.children.map(diskOf) ?? [],
  };
}

/** What there is to be of a snapshot can be: which of the domain's images stay out of it. @throws LibvirtError */
export function leftOutOf(
  { id, definition: { disks } }: Domain,
  { memory, disks: wanted }: WantedSnapshot,
  isDisksOnly: boolean,
): string[] {
  const runs = id !== undefined;
  if ((memory === 'internal' || memory === 'external') && (isDisksOnly || !runs))
    throw xmlError('memory state cannot be saved with offline or disk-only snapshot');
  if (memory === 'external')
    throw unsupported(
      'mixing internal and external targets for a snapshot is not yet supported: memory is kept on the host’s own disk. Leave out the file (--memspec), or write one with virsh save.',
    );
  if (memory === 'no' && runs && !isDisksOnly)
    throw new LibvirtError(
      'OPERATION_UNSUPPORTED',
      'internal snapshot of a running VM must include the memory state',
      'snapshot',
    );
  if (wanted.length > disks.length) throw unsupported('too many disk snapshot requests for domain');
  const seen = new Set<string>();
  const leftOut: string[] = [];
  for (const { name, place: said, source } of wanted) {
    const place = said ?? 'internal';
    const disk = disks.find(({ vdev }) => vdev === name);
    if (!disk) throw unsupported(`no disk named '${name}'`);
    if (seen.has(name)) throw unsupported(`disk '${name}' specified twice`);
    seen.add(name);
    const { target, readOnly, format } = disk;
    const hasNothing = readOnly || target === '';
    if (place === 'internal' && source !== undefined)
      throw unsupported(`file '${source}' for disk '${name}' requires use of external snapshot mode`);
    // What was kept of a machine would not agree with a disk that went on; disks alone may be chosen.
    if (place === 'external' || (place === 'no' && !hasNothing && !isDisksOnly))
      throw unsupported(`disk '${name}' must use snapshot mode 'internal'`);
    if (said === 'internal' && hasNothing)
      throw unsupported(`internal snapshot for disk ${name} unsupported for storage type ${format || 'none'}`);
    if (place === 'no') leftOut.push(target);
  }
  if (isDisksOnly && disks.every(({ target, readOnly }) => readOnly || target === '' || leftOut.includes(target)))
    throw unsupported('nothing selected for snapshot');
  return leftOut;
}

/** What a snapshot may be called, as its file is called so. @throws LibvirtError */
export function refuseSnapshotName(name: string): void {
  const why = name.includes('/') ? "contain '/'" : name.startsWith('.') ? "start with '.'" : undefined;
  if (why !== undefined)
    throw new LibvirtError('XML_DETAIL', `invalid snapshot name '${name}': name can't ${why}`, 'snapshot');
}

/** What a document must have that tells of a snapshot which is there, and what of it may be otherwise: its description. @throws LibvirtError */
export async function redefinition(xml: string): Promise<{ name: string; description: string }> {
  const { name, description = '' } = await readSnapshot(xml);
  if (name === undefined) throw xmlError('a redefined snapshot must have a name');
  const root = await readXml(xml);
  if (!/^-?\d+$/.test(childOf(root, 'creationTime')?.text ?? ''))
    throw new LibvirtError('INTERNAL_ERROR', 'missing creationTime from existing snapshot', 'snapshot');
  const state = childOf(root, 'state')?.text;
  if (!state) throw xmlError('missing state from existing snapshot');
  if (description.length > MOST_DESCRIPTION) throw xmlError(`a description has at most ${MOST_DESCRIPTION} characters`);
  return { name, description };
}

/** The disks of the domain as it was, by their names, and whether the snapshot has them. */
export async function disksIn({
  domain,
  definition,
  disks,
}: SnapshotRecord): Promise<{ name: string; place: 'internal' | 'no' }[]> {
  await prepareToRead(definition);
  const defined = judgeDefinition(domain, definition).definition.disks;
  const others = disks.filter(({ device }) => !defined.some(({ target }) => target === device));
  return [
    ...defined.map(({ vdev, target }) => ({
      name: vdev,
      place: disks.some(({ device }) => device === target) ? ('internal' as const) : ('no' as const),
    })),
    // One that came while it ran.
    ...others.map(({ device }) => ({ name: device, place: 'internal' as const })),
  ];
}
