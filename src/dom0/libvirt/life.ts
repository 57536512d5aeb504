/** Domains are defined, started, stopped, saved and forgotten. Source: src/libxl/libxl_driver.c for what is refused, libvirt-domain.h for the flags. */
import { documents } from './documents-part.ts';
import type { Definition } from '../definitions/config/index.ts';
import { isDevice } from '../host/storage/index.ts';
import { type CommandHost, filesFor, managedOf, type Uses } from '../toolstack/index.ts';
import { COMMANDS, perform, runXl } from '../toolstack/commands/index.ts';
import { type Domain, domainsOf } from '../toolstack/domains/index.ts';
import { forgetLimits } from '../toolstack/moves/index.ts';
import { hasAgent, withAgent } from './agent/index.ts';
import {
  activeId,
  domainById,
  domainByName,
  guestId,
  noteCreated,
  persistent,
  uuidOfDomain,
  xmlOf,
} from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { tellOfDomain } from './events/index.ts';
import { checkFlags } from './flags.ts';
import { DUMP, SHUTDOWN } from './constants.ts';
import { hasManagedSave, SAVES, savePath } from './managed-save.ts';
import { driverOf, functionOf } from './hypervisors/index.ts';
import { judged, refuseStart } from './judged.ts';
import { refuseNowhere } from './places-of-cards.ts';

/** What an XML text that no file brought is called in sentences, as libvirt calls it. */
const DEFINITION = '(domain_definition)';

/** virDomainCreateFlags, of which closing a connection that ends domains is not here. */
export const CREATE = { PAUSED: 1 << 0, BYPASS_CACHE: 1 << 2, FORCE_BOOT: 1 << 3, VALIDATE: 1 << 4 };
/** virDomainUndefineFlags. */
export const UNDEFINE = {
  MANAGED_SAVE: 1 << 0,
  SNAPSHOTS_METADATA: 1 << 1,
  NVRAM: 1 << 2,
  KEEP_NVRAM: 1 << 3,
  CHECKPOINTS: 1 << 4,
};
const { ACPI, AGENT, PARAVIRT } = SHUTDOWN;
/** virDomainSaveRestoreFlags. */
export const SAVE = { BYPASS_CACHE: 1 << 0, RUNNING: 1 << 1, PAUSED: 1 << 2 };
/** VIR_DOMAIN_DEFINE_VALIDATE. */
const VALIDATE = 1 << 0;

/** Files as the caller sees them; without them those of Domain 0. */
export interface Files {
  read(path: string): Promise<Blob>;
  write(path: string, data: Blob): Promise<void>;
  absolute?(path: string): string;
}

/** Domain 0's. */
export const filesOf = (host: Uses<'files'>): Files => ({
  read: async path => {
    if (host.files.own && !(await host.files.own.exists(path))) throw new Error(`${path}: No such file or directory`);
    return host.files.readFile(path);
  },
  write: async (path, data) => {
    if (!host.files.own) throw new LibvirtError('OPERATION_INVALID', 'Domain 0 has no place for files here');
    await host.files.own.writeFile(path, new Uint8Array(await data.arrayBuffer()));
  },
});

/** Keeps a definition: a new domain, or in the place of the one with its UUID. `name`: where the text comes from. @throws LibvirtError */
export async function defineDomain(host: CommandHost, text: string, flags = 0, name = DEFINITION): Promise<Domain> {
  checkFlags(flags, VALIDATE, functionOf(host, 'DomainDefineXMLFlags'));
  const definition = await judged(host, name, text);
  if (definition.uuid !== undefined) await refuseTwin(host, definition);
  const before = await domainsOf(host).find(definition.name);
  // What runs keeps what it has until it is stopped, whatever it is defined as meanwhile (virDomainObjAssignDef() of src/conf/domain_conf.c).
  const runs =
    before?.id !== undefined && before.id !== 0 ? { id: before.id, as: await xmlOf(host, before, 0) } : undefined;
  const { name: defined } = await failing(() => perform(host, 'new', COMMANDS.new, name, text));
  if (runs) noteCreated(host, runs.id, runs.as);
  return domainByName(host, defined);
}

/**
 * No other domain, defined or running, has the UUID, and none that is there the name (virDomainObjListAddLocked() of src/conf/virdomainobjlist.c). A document
 * without a UUID has one that is drawn, and nobody else's. @throws LibvirtError
 */
async function refuseTwin(host: Uses<'domains' | 'managed' | 'toolstack'>, { name, uuid }: Definition): Promise<void> {
  const all = await domainsOf(host).list();
  const twin = all.find(domain => domain.name !== name && uuid !== undefined && uuidOfDomain(domain) === uuid);
  if (twin) throw new LibvirtError('OPERATION_FAILED', `domain '${twin.name}' is already defined with uuid ${uuid}`);
  const same = all.find(domain => domain.name === name && domain.id !== 0);
  if (same && uuidOfDomain(same) !== uuid && (uuid === undefined || same.managed?.definition.uuid !== uuid))
    throw new LibvirtError('OPERATION_FAILED', `domain '${name}' already exists with uuid ${uuidOfDomain(same)}`);
}

/** Starts a domain that is not kept. @throws LibvirtError */
export async function createDomain(
  host: CommandHost,
  text: string,
  flags = 0,
  { name = DEFINITION, files = filesOf(host) }: { name?: string; files?: Files } = {},
): Promise<Domain> {
  checkFlags(flags, CREATE.PAUSED | CREATE.VALIDATE, functionOf(host, 'DomainCreateXML'));
  const definition = await judged(host, name, text, { starts: true });
  await refuseTwin(host, definition);
  return failing(async () => {
    await refuseNowhere(host, definition);
    await refuseMissing(host, definition);
    const read = async (path: string): Promise<Blob> => (path === name ? new Blob([text]) : files.read(path));
    const given = await filesFor({ host, read }, name);
    const { id } = await COMMANDS.create.run(host, given, false, (flags & CREATE.PAUSED) !== 0);
    noteCreated(host, id, text);
    return domainById(host, id);
  });
}

/** Starts one that is defined; one that was saved (`managedSave`) goes on. @throws LibvirtError */
export async function startDomain(host: CommandHost, domain: Domain, flags = 0): Promise<Domain> {
  checkFlags(flags, CREATE.PAUSED | CREATE.FORCE_BOOT, functionOf(host, 'DomainCreateWithFlags'));
  if (domain.id !== undefined) throw new LibvirtError('OPERATION_INVALID', 'Domain is already running');
  const { name } = domain;
  const paused = (flags & CREATE.PAUSED) !== 0;
  await failing(async () => {
    if ((await hasManagedSave(host, domain)) && (flags & CREATE.FORCE_BOOT) === 0) {
      await restoreFrom(host, savePath(domain), paused || 'as saved', filesOf(host));
      await removeManagedSave(host, domain);
    } else {
      refuseStart(domain.managed?.refusals ?? []);
      if (domain.managed) await refuseNowhere(host, domain.managed.definition);
      if (domain.managed) await refuseMissing(host, domain.managed.definition);
      await perform(host, 'start', COMMANDS.start, name, paused);
      // What was saved is of a past that this one does not have.
      await removeManagedSave(host, domain);
    }
  });
  return domainByName(host, name);
}

/** Images that are not Domain 0's are there, and may be used as they are to be. @throws LibvirtError */
async function refuseMissing({ files: { allowed, own: files } }: Uses<'files'>, { disks }: Definition): Promise<void> {
  if (!allowed) return;
  for (const { target, readOnly } of disks) {
    if (!target.startsWith('/') || isDevice(target)) continue;
    const isOwn = !allowed.has(target) && (await files?.exists(target));
    const problem = isOwn ? undefined : allowed.problem(target, !readOnly);
    if (problem !== undefined)
      throw new LibvirtError('SYSTEM_ERROR', `Cannot access storage file '${target}': ${problem}`, 'storage');
  }
}

/** Ends it at once: QEMU ends by SIGTERM, which is all that GRACEFUL lets libvirt send, and there are no logs to remove. @throws LibvirtError */
export async function destroyDomain(host: CommandHost, domain: Domain, flags = 0): Promise<void> {
  checkFlags(flags, driverOf(host).destroyFlags, functionOf(host, 'DomainDestroyFlags'));
  const id = guestId(domain);
  await failing(() => perform(host, 'destroy', COMMANDS.destroy, id));
}

/**
 * QEMU's driver prefers the agent where there is one and nothing else is said, and ACPI does where it fails, unless the agent alone was asked for
 * (qemuDomainShutdownFlags()). Whether it is done. @throws LibvirtError
 */
async function doneByAgent(
  host: Uses<'toolstack'>,
  domain: Domain,
  mode: 'powerdown' | 'reboot',
  flags: number,
): Promise<boolean> {
  if (!driverOf(host).prefersAgent || !(flags === 0 ? hasAgent(host, domain) : flags & AGENT)) return false;
  const what = mode === 'reboot' ? 'virDomainReboot' : 'virDomainShutdownFlags';
  try {
    await withAgent(host, domain, what, agent => agent.askToEnd('guest-shutdown', { mode }));
    return true;
  } catch (error) {
    if (flags === AGENT) throw error;
    const member = host.toolstack.members.get(domain.id!);
    return !member || member.ending !== null;
  }
}

/** Asks it to shut down. @throws LibvirtError */
export async function shutDownDomain(host: CommandHost, domain: Domain, flags = 0): Promise<void> {
  const { shutDown } = driverOf(host);
  checkFlags(flags, shutDown.flags, shutDown.name);
  const id = guestId(domain);
  // One that is to shut down stays so.
  delete host.toolstack.members.get(id)?.endsAs;
  if (await doneByAgent(host, domain, 'powerdown', flags)) return;
  await failing(() =>
    (flags & ACPI) !== 0
      ? perform(host, 'trigger', COMMANDS.trigger, id, 'power')
      : perform(host, 'shutdown', COMMANDS.shutdown, id, flags !== PARAVIRT),
  );
}

/** Asks it to start again. @throws LibvirtError */
export async function rebootDomain(host: CommandHost, domain: Domain, flags = 0): Promise<void> {
  const { reboot, rebootGuest } = driverOf(host);
  checkFlags(flags, reboot.flags, reboot.name);
  const id = guestId(domain);
  if (await doneByAgent(host, domain, 'reboot', flags)) return;
  await failing(async () => rebootGuest(host, id));
}

/** The RESET pin. @throws LibvirtError */
export async function resetDomain(host: CommandHost, domain: Domain, flags = 0): Promise<void> {
  checkFlags(flags, 0, 'virDomainReset');
  const id = guestId(domain);
  await failing(() => perform(host, 'trigger', COMMANDS.trigger, id, 'reset'));
  // Nobody else tells that it was: a guest of Xen is another domain then.
  tellOfDomain(host, domain, { kind: 'reboot' });
}

/** @throws LibvirtError */
export async function suspendDomain(host: CommandHost, domain: Domain): Promise<void> {
  const id = guestId(domain);
  await failing(() => perform(host, 'pause', COMMANDS.pause, id));
}

/** @throws LibvirtError */
export async function resumeDomain(host: CommandHost, domain: Domain): Promise<void> {
  const id = guestId(domain);
  await failing(() => perform(host, 'unpause', COMMANDS.unpause, id));
}

/** Forgets a definition: one that runs goes on, and is transient then. @throws LibvirtError */
export async function undefineDomain(
  host: CommandHost,
  domain: Domain,
  flags = 0,
  removesStorage = false,
): Promise<void> {
  const { MANAGED_SAVE, SNAPSHOTS_METADATA, NVRAM, KEEP_NVRAM, CHECKPOINTS } = UNDEFINE;
  checkFlags(
    flags,
    MANAGED_SAVE | SNAPSHOTS_METADATA | NVRAM | KEEP_NVRAM | CHECKPOINTS,
    functionOf(host, 'DomainUndefineFlags'),
  );
  if (!domain.managed) throw new LibvirtError('OPERATION_INVALID', 'cannot undefine transient domain');
  if ((flags & MANAGED_SAVE) === 0 && (await hasManagedSave(host, domain)))
    throw new LibvirtError('OPERATION_INVALID', 'Refusing to undefine while domain managed save image exists');
  // Those of one that runs stay its own, until it is gone (qemuDomainUndefineFlags()).
  const snapshots =
    domain.id === undefined ? await failing(() => COMMANDS['snapshot-list'].run(host, domain.name)) : [];
  if (snapshots.length > 0 && (flags & SNAPSHOTS_METADATA) === 0)
    throw new LibvirtError('OPERATION_INVALID', `cannot delete inactive domain with ${snapshots.length} snapshots`);
  await failing(async () => {
    await removeManagedSave(host, domain);
    for (const { name } of snapshots.toReversed()) await COMMANDS['snapshot-delete'].run(host, domain.name, name);
    if (domain.id === undefined) {
      await perform(host, 'delete', COMMANDS.delete, domain.name, removesStorage);
      forgetLimits(host.toolstack, domain.name);
    } else await managedOf(host).remove(persistent(domain));
  });
}

// ---- saved states

/** Files in which a saved state has the document of a client, where that gave one. @throws LibvirtError */
const filesWith = async (host: Uses<'toolstack'>, files: Files, xml: string | undefined): Promise<Files> =>
  xml === undefined ? files : (await documents.load()).withDocument(host, files, xml);

/** Writes its state to a file, and ends it. `xml`: what it is to be once it is restored. @throws LibvirtError */
export async function saveDomain(
  host: CommandHost,
  domain: Domain,
  path: string,
  flags = 0,
  { files: own = filesOf(host), xml }: { files?: Files; xml?: string | undefined } = {},
): Promise<void> {
  const after = stateAfter(flags, functionOf(host, 'DomainSaveFlags'));
  const files = await filesWith(host, own, xml);
  const id = guestId(domain);
  const member = host.toolstack.members.get(id);
  try {
    if (member && after !== 'as saved') member.restoresPaused = after;
    await failing(() => runXl(COMMANDS, { host, program: 'xl', words: ['save', String(id), path], ...files }));
  } finally {
    delete member?.restoresPaused;
  }
}

/** Whether it is to be paused. @throws LibvirtError, as VIR_EXCLUSIVE_FLAGS_GOTO() of virDomainSaveFlags() has it */
export function stateAfter(flags: number, name: string): boolean | 'as saved' {
  const { BYPASS_CACHE, PAUSED, RUNNING } = SAVE;
  if ((flags & PAUSED) !== 0 && (flags & RUNNING) !== 0)
    throw new LibvirtError(
      'INVALID_FLAGS',
      "Flags 'VIR_DOMAIN_SAVE_RUNNING' and 'VIR_DOMAIN_SAVE_PAUSED' are mutually exclusive",
      'domain',
    );
  checkFlags(flags, BYPASS_CACHE | PAUSED | RUNNING, name);
  return flags & PAUSED ? true : flags & RUNNING ? false : 'as saved';
}

/** `xml`: what it is to be from now on. @throws LibvirtError */
export async function restoreDomain(
  host: CommandHost,
  path: string,
  flags = 0,
  { files: own = filesOf(host), xml }: { files?: Files; xml?: string | undefined } = {},
): Promise<void> {
  const after = stateAfter(flags, functionOf(host, 'DomainRestoreFlags'));
  const files = await filesWith(host, own, xml);
  await failing(() => restoreFrom(host, path, after, files));
}

/** As xl does it, but for who says whether it runs then: its state may. */
const restoreFrom = async (
  host: CommandHost,
  path: string,
  paused: boolean | 'as saved',
  files: Files,
): Promise<unknown> => {
  const { restore } = COMMANDS;
  return restore.xl!({ host, program: 'xl', words: [path], ...files }, (state, images) =>
    perform(host, 'restore', restore, state, images, paused),
  );
};

/** Writes its core file; it goes on, or, with CRASH, ends. @throws LibvirtError */
export async function dumpCore(host: CommandHost, domain: Domain, path: string, flags = 0): Promise<void> {
  const { dumpFlags, pausesCrashed } = driverOf(host);
  checkFlags(flags, dumpFlags, functionOf(host, 'DomainCoreDump'));
  const id = guestId(domain);
  // Nobody is to run from the moment that is kept.
  if ((flags & DUMP.CRASH) !== 0 && pausesCrashed) host.toolstack.setPaused(host.domains.living(id), true);
  await failing(async () => {
    await runXl(COMMANDS, { host, program: 'xl', words: ['dump-core', String(id), path], ...filesOf(host) });
    if ((flags & DUMP.CRASH) !== 0) await perform(host, 'destroy', COMMANDS.destroy, id, 'crashed');
  });
}

/** Saves it where its next start finds it. @throws LibvirtError */
export async function managedSave(host: CommandHost, domain: Domain, flags = 0): Promise<void> {
  stateAfter(flags, functionOf(host, 'DomainManagedSave'));
  activeId(domain);
  if (!domain.managed) throw new LibvirtError('OPERATION_INVALID', 'cannot do managed save for transient domain');
  await failing(() => host.files.own!.mkdir(SAVES, { recursive: true }));
  await saveDomain(host, domain, savePath(domain), flags);
}

/** Its next start is a boot. */
export async function removeManagedSave(host: Uses<'files'>, domain: Pick<Domain, 'name'>): Promise<void> {
  if (await hasManagedSave(host, domain)) await failing(() => host.files.own!.rm(savePath(domain)));
}

/** @throws LibvirtError */
export async function setAutostart(host: Uses<'managed'>, domain: Domain, on: boolean): Promise<void> {
  if (!domain.managed) throw new LibvirtError('OPERATION_INVALID', 'cannot set autostart for transient domain');
  await failing(() => managedOf(host).setAutomatic(persistent(domain), on));
}

/** Another name, for one that does not run. @throws LibvirtError */
export async function renameDomain(host: CommandHost, domain: Domain, name: string): Promise<void> {
  if (domain.id !== undefined) throw new LibvirtError('OPERATION_INVALID', 'cannot rename active domain');
  if (name === domain.name) throw new LibvirtError('INVALID_ARG', 'Can’t rename domain to itself');
  if ((await domainsOf(host).list()).some(other => other.name === name))
    throw new LibvirtError('OPERATION_INVALID', `domain with name '${name}' already exists`);
  await failing(() => perform(host, 'rename', COMMANDS.rename, domain.name, name));
}

/** What is known about it to people. @throws LibvirtError */
export async function describeDomain(host: Uses<'definitions'>, domain: Domain, text: string): Promise<void> {
  if (domain.id !== undefined) guestId(domain);
  await failing(() => host.definitions.setDescription(domain.name, text));
}
