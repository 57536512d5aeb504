/**
 * libvirt's domains: which there are, and what is known of one. Source: include/libvirt/libvirt-domain.h (states, flags), src/libxl/libxl_driver.c for what
 * Xen's driver answers.
 */
import { inXml } from '../definitions/config/xml/kinds/index.ts';
import { xmlLanguage } from '../definitions/config/index.ts';
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import {
  type Definition,
  type LiveXml,
  memoryKiB,
  prepareToRead,
  withoutPasswords,
  writeXml,
  writtenOver,
} from '../definitions/config/index.ts';
import { balloonedKiB, type CommandHost, hasScreen, runNsOf, uuidOfName, type Uses } from '../toolstack/index.ts';
import { askedPort, screenPort } from '../toolstack/commands/index.ts';
import { type Domain, domainsOf, REASONS, type Status } from '../toolstack/domains/index.ts';
import type { ManagedDomain } from '../toolstack/managed/index.ts';
import { recordsOf } from '../toolstack/snapshots/index.ts';
import { LibvirtError } from './errors.ts';
import { matches } from './flags.ts';
import { childOf } from './xml.ts';
import { hasManagedSave } from './managed-save.ts';
import { driverOf } from './hypervisors/index.ts';

/** virDomainState; VIR_DOMAIN_BLOCKED (2) is used by no driver that Ringside emulates. */
const STATES: Readonly<Record<Status['state'], number>> = {
  running: 1,
  paused: 3,
  'in shutdown': 4,
  'shut off': 5,
  crashed: 6,
};

/** virConnectListAllDomainsFlags: of each group a domain is in one or the other. */
export const LIST = {
  ACTIVE: 1 << 0,
  INACTIVE: 1 << 1,
  PERSISTENT: 1 << 2,
  TRANSIENT: 1 << 3,
  RUNNING: 1 << 4,
  PAUSED: 1 << 5,
  SHUTOFF: 1 << 6,
  OTHER: 1 << 7,
  MANAGEDSAVE: 1 << 8,
  NO_MANAGEDSAVE: 1 << 9,
  AUTOSTART: 1 << 10,
  NO_AUTOSTART: 1 << 11,
  HAS_SNAPSHOT: 1 << 12,
  NO_SNAPSHOT: 1 << 13,
  HAS_CHECKPOINT: 1 << 14,
  NO_CHECKPOINT: 1 << 15,
};

/** A state and its reason by their numbers. */
export function stateOf({ status: { state, reason } }: Pick<Domain, 'status'>): { state: number; reason: number } {
  return { state: STATES[state], reason: (REASONS[state] as readonly string[]).indexOf(reason) };
}

/** Clients name a domain by it, whether it runs or not: one of a Domain 0 that is gone is known by a UUID of its name. */
export const uuidOfDomain = ({ name, definition, managed }: Pick<Domain, 'name' | 'definition' | 'managed'>): string =>
  definition.uuid ?? managed?.definition.uuid ?? uuidOfName(name);

/** As libvirt names a domain to others; `id`: -1 where it does not run. */
export interface DomainRef {
  name: string;
  uuid: string;
  id: number;
}
export const refOf = (domain: Domain): DomainRef => ({
  name: domain.name,
  uuid: uuidOfDomain(domain),
  id: domain.id ?? -1,
});

/** Those of which each group of `flags` has what they are. */
export async function listDomains(host: CommandHost, flags: number): Promise<Domain[]> {
  const all = await domainsOf(host).list();
  const kept = await Promise.all(all.map(async domain => matches(await traits(host, domain), flags, GROUPS)));
  return all.filter((_, i) => kept[i]);
}

const GROUPS = [
  LIST.ACTIVE | LIST.INACTIVE,
  LIST.PERSISTENT | LIST.TRANSIENT,
  LIST.RUNNING | LIST.PAUSED | LIST.SHUTOFF | LIST.OTHER,
  LIST.MANAGEDSAVE | LIST.NO_MANAGEDSAVE,
  LIST.AUTOSTART | LIST.NO_AUTOSTART,
  LIST.HAS_SNAPSHOT | LIST.NO_SNAPSHOT,
  LIST.HAS_CHECKPOINT | LIST.NO_CHECKPOINT,
];

async function traits(host: Uses<'files' | 'managed'>, domain: Domain): Promise<number> {
  const { id, managed, status } = domain;
  // As virDomainObjMatchFilter() sees it, one that waits for an event is none of these.
  const byState = { running: LIST.RUNNING, paused: LIST.PAUSED, 'shut off': LIST.SHUTOFF };
  return (
    (id === undefined ? LIST.INACTIVE : LIST.ACTIVE) |
    (managed || id === 0 ? LIST.PERSISTENT : LIST.TRANSIENT) |
    (byState[status.state as keyof typeof byState] ?? LIST.OTHER) |
    ((await hasManagedSave(host, domain)) ? LIST.MANAGEDSAVE : LIST.NO_MANAGEDSAVE) |
    ((await isAutomatic(host, domain)) ? LIST.AUTOSTART : LIST.NO_AUTOSTART) |
    ((await hasSnapshot(host, domain)) ? LIST.HAS_SNAPSHOT : LIST.NO_SNAPSHOT) |
    LIST.NO_CHECKPOINT
  );
}

const hasSnapshot = async (host: Uses<'files'>, { name }: Domain): Promise<boolean> =>
  host.files.own !== undefined && (await recordsOf(host).list(name)).length > 0;

export const isAutomatic = async (host: Uses<'managed'>, { managed }: Domain): Promise<boolean> =>
  managed !== undefined && host.managed !== undefined && (await host.managed.isAutomatic(managed));

export async function domainByName(host: Uses<'domains' | 'managed' | 'toolstack'>, name: string): Promise<Domain> {
  const found = (await domainsOf(host).list()).find(domain => domain.name === name);
  if (!found) throw new LibvirtError('NO_DOMAIN', `no domain with matching name '${name}'`);
  return found;
}

export async function domainById(host: Uses<'domains' | 'managed' | 'toolstack'>, id: number): Promise<Domain> {
  const found = (await domainsOf(host).list()).find(domain => domain.id === id);
  if (!found) throw new LibvirtError('NO_DOMAIN', `no domain with matching id '${id}'`);
  return found;
}

/** `uuid`: in its text form. */
export async function domainByUuid(host: Uses<'domains' | 'managed' | 'toolstack'>, uuid: string): Promise<Domain> {
  const found = (await domainsOf(host).list()).find(domain => uuidOfDomain(domain) === uuid);
  if (!found) throw new LibvirtError('NO_DOMAIN', `no domain with matching uuid '${uuid}'`);
  return found;
}

/** @throws LibvirtError where it does not run */
export function activeId({ id }: Pick<Domain, 'id'>): number {
  if (id === undefined) throw new LibvirtError('OPERATION_INVALID', 'domain is not running');
  return id;
}

/** A domain that is no guest cannot be changed as one. @throws LibvirtError */
export function guestId(domain: Pick<Domain, 'id'>): number {
  const id = activeId(domain);
  if (id === 0) throw new LibvirtError('OPERATION_INVALID', 'this is the host’s own domain');
  return id;
}

/** @throws LibvirtError where it was created, and not defined */
export function persistent({ managed }: Pick<Domain, 'managed'>): ManagedDomain {
  if (!managed)
    throw new LibvirtError('OPERATION_INVALID', 'cannot act on a transient domain: it was created, and not defined');
  return managed;
}

/** What it calls its kind (libxl's os.type). */
export const osTypeOf = (definition: Pick<Definition, 'kind'>): string => inXml(definition).os;

/** virDomainInfo. */
export interface Info {
  state: number;
  maxMemoryKiB: number;
  memoryKiB: number;
  vcpus: number;
  cpuTimeNs: number;
}

export function infoOf(host: Uses<'machine' | 'toolstack'>, domain: Domain): Info {
  const { definition, id } = domain;
  const member = id === undefined ? undefined : host.toolstack.members.get(id);
  const index = id === 0 ? DOMAIN_0 : member?.record.index;
  return {
    state: stateOf(domain).state,
    // What runs has whole MiB at most (qemuDomainAlignMemorySizes()).
    maxMemoryKiB: member ? (definition.maxMemoryMiB ?? definition.memoryMiB) * 1024 : memoryKiB(definition).maximum,
    memoryKiB: (member && balloonedKiB(host.machine, member)) ?? memoryKiB(definition).memory,
    vcpus: definition.vcpus,
    cpuTimeNs: index === undefined ? 0 : runNsOf(host.toolstack, index),
  };
}

/** VIR_DOMAIN_XML_INACTIVE. */
export const XML_INACTIVE = 1 << 1;

/** What it is, or, with VIR_DOMAIN_XML_INACTIVE, what it is defined as. */
export async function xmlOf(host: Uses<'consoles' | 'toolstack'>, domain: Domain, flags: number): Promise<string> {
  const { definition, id, managed } = domain;
  const inactive = (flags & XML_INACTIVE) !== 0 && managed;
  const is = { ...(inactive ? inactive.definition : definition), uuid: uuidOfDomain(domain) };
  const running = inactive || id === undefined ? undefined : createdFrom(host, id);
  const source = running ?? managed?.text;
  const live = inactive || id === undefined ? {} : await liveOf(host, id, !source || (await listens(source)));
  if (source === undefined) return writeXml(is, live);
  await prepareToRead(source);
  return writtenOver(source, is, live) ?? writeXml(is, live);
}

/** VIR_DOMAIN_XML_SECURE. */
export const XML_SECURE = 1 << 0;
/** VIR_DOMAIN_XML_MIGRATABLE, for another host: who may not ask for secrets may not ask for this. */
export const XML_MIGRATABLE = 1 << 3;

/** The same as clients are shown it: with what is secret for clients that ask for that, and of a guest of KVM that runs with what the driver of QEMU gives it there. */
export async function shownXml(host: Uses<'consoles' | 'toolstack'>, domain: Domain, flags: number): Promise<string> {
  const text = await xmlOf(host, domain, flags);
  const isDefinition = domain.id === undefined || ((flags & XML_INACTIVE) !== 0 && domain.managed !== undefined);
  const whole = await driverOf(host).document(host, text, domain, isDefinition);
  return (flags & XML_SECURE) !== 0 ? whole : withoutPasswords(whole);
}

/** Whether a document has its screen listen for clients: one without <graphics>, or with <listen type='none'/>, asked for no port. */
async function listens(source: string): Promise<boolean> {
  if (!/^\s*</.test(source)) return true;
  const { parse } = await xmlLanguage.load();
  const devices = childOf(parse(source), 'devices');
  return (
    devices?.children.some(
      ({ name, attributes, children }) =>
        name === 'graphics' &&
        (attributes.type === 'vnc' || attributes.type === 'spice') &&
        attributes.socket === undefined &&
        !children.some(child => child.name === 'listen' && /^(?:none|socket)$/.test(child.attributes.type ?? '')),
    ) ?? false
  );
}

/** What is known of one that runs. A caller without a path to its screen gets no port. */
async function liveOf(host: Uses<'consoles' | 'toolstack'>, id: number, hasPort: boolean): Promise<LiveXml> {
  const member = host.toolstack.members.get(id);
  const vncPort =
    hasPort && member && !member.ending && hasScreen(member.blueprint)
      ? await screenPort(host, member).catch(() => undefined)
      : undefined;
  const isAskedPort = vncPort !== undefined && member !== undefined && (await askedPort(member.blueprint))?.isFixed;
  const { channels } = member ?? {};
  return {
    domid: id,
    ...(vncPort === undefined ? {} : { vncPort }),
    ...(isAskedPort ? { isAskedPort } : {}),
    ...(channels ? { channels } : {}),
  };
}

/** A domain that runs has a document of its own from now on: it goes on with it, through restarts and saved states, until it is stopped. */
export function noteCreated(host: Uses<'toolstack'>, id: number, document: string): void {
  const member = host.toolstack.members.get(id);
  if (member) member.blueprint = { ...member.blueprint, document };
}
const createdFrom = (host: Uses<'toolstack'>, id: number): string | undefined =>
  host.toolstack.members.get(id)?.blueprint.document;
