/** What of a domain can be changed while it is there: its name, its limit of memory, the definition of its next start; and a copy of its state. */
import { domainsOf } from '../domains/index.ts';
import { BAD_NAME } from '../../definitions/config/index.ts';
import { judgeFiles, type NamedFile, nameTaken } from '../../definitions/index.ts';
import { setMaxMemory } from '../requests.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { recordsOf } from '../snapshots/index.ts';
import { isTransfer, transferVolume } from '../../host/storage/index.ts';
import type { ManagedDomain } from '../managed/index.ts';
import { command, Refusal } from './command.ts';
import { filesFor } from './life-usage.ts';
import { behindLibxl } from '../behind-libxl.ts';
import { planRefusal } from './life.ts';
import { findManaged, managedOf } from './managed.ts';
import { orNoMemory } from './resources.ts';
import { atLeast, findDomain, readWords, WrongUse } from './words.ts';

export const rename = command({
  summary: 'Rename a domain',
  usage: '<Domain> <NewDomainName>',
  modifies: true,
  /** `domain`: the number of one that is there, or the name of one that is defined and does not run (xm has those). */
  run: async (host: CommandHost, domain: number | string, name: string): Promise<void> => {
    if (typeof domain === 'string') return renameDefined(host, await findManaged(host, domain), name);
    const id = domain,
      member = host.domains.living(id);
    return host.tasks.run(
      commandOf('rename', member.name, { to: name }),
      async task => {
        const { managed, files, toolstack } = host;
        const before = member.name;
        await refuseName(host, before, name);
        const records = files.own && recordsOf(host);
        // As xend does it: what is kept of the domain is called so, too.
        const defined = await managed?.find(before);
        const transfer = member.attachments.devices.find(
          ({ path }) => path === `/dev/vg0/${transferVolume(before)}`,
        )?.path;
        if (managed && defined?.definition.uuid === member.uuid)
          await managed.rename(defined, name, target =>
            transfer !== undefined && isTransfer(target) ? transfer : target,
          );
        await records?.rename(before, name);
        if (toolstack.members.get(id) !== member || member.ending) return;
        toolstack.rename(member, name);
        task.message = `${before} is called ${name}.`;
      },
      id,
    );
  },
  xl: async ({ host, words, program }, run) => {
    const { rest } = readWords(words);
    atLeast('rename', rest, 2);
    const halted =
      program === 'xm' && !host.domains.all().some(({ id, name }) => name === rest[0] || String(id) === rest[0])
        ? await host.managed?.find(rest[0])
        : undefined;
    if (halted) return run(halted.name, rest[1]).then(() => '');
    const id = findDomain(host, rest[0]);
    if (id === 0)
      throw new Refusal(`Domain 0 is the host itself, and keeps its name.\nCan't rename domain 'Domain-0'.`);
    await run(id, rest[1]);
    return '';
  },
});

/** @throws Refusal in xl's words, with the reason before them */
async function refuseName(host: Uses<'files' | 'managed' | 'toolstack'>, before: string, name: string): Promise<void> {
  const { managed, files, toolstack } = host;
  const refuse = (why: string): never => {
    throw new Refusal(`${why}\nCan't rename domain '${before}'.`);
  };
  if (toolstack.isTaken(name) || name === 'Domain-0' || (await managed?.find(name))) refuse(nameTaken(name).said[0]);
  if (name === '' || name.length > 1000 || BAD_NAME.test(name))
    refuse('A name has 1 to 1000 characters, none of them / or a control character.');
  const records = files.own && recordsOf(host);
  if ((await records?.list(name))?.length)
    refuse(`There are snapshots of a domain that was called so: xl snapshot-list ${name}.`);
}

/** Its definition and its snapshots are called otherwise. @throws Refusal */
function renameDefined(host: CommandHost, defined: ManagedDomain, name: string): Promise<void> {
  const before = defined.name;
  return host.tasks.run(commandOf('rename', before, { to: name, halted: true }), async task => {
    const running = domainsOf(host).running(defined.name);
    if (running)
      throw new Refusal(`Domain '${before}' runs: xl rename ${before} ${name} renames it with its definition.`);
    await refuseName(host, before, name);
    const transfer = defined.definition.disks.some(({ target }) => isTransfer(target))
      ? (await host.disk.openDevices())?.transferOf(before)
      : undefined;
    await managedOf(host).rename(defined, name, target =>
      transfer !== undefined && isTransfer(target) ? transfer : target,
    );
    if (host.files.own) await recordsOf(host).rename(before, name);
    task.message = `${before} is called ${name}.`;
  });
}

export const memMax = command({
  summary: 'Set the maximum amount reservation for a domain',
  usage: "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
  modifies: true,
  /** As far as the hypervisor lets it grow; not less than its balloon was asked to come to. */
  run: (host: Uses<'domains' | 'tasks' | 'toolstack'>, id: number, memoryMiB: number): Promise<void> => {
    const member = host.domains.living(id);
    return host.tasks.run(
      commandOf('mem-max', member.name, { memoryMiB }),
      async () => setMaxMemory(host.toolstack, member, memoryMiB),
      id,
    );
  },
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('mem-max', rest, 2);
    await orNoMemory(findDomain(host, rest[0]), rest[1], 'static', run);
    return '';
  },
});

export const configUpdate = command({
  summary: "Update a running domain's saved configuration, used when rebuilding the domain after reboot.",
  usage: '<Domain> <ConfigFile> [options] [vars]',
  options: [
    ['-f FILE, --defconfig=FILE', 'Use the given configuration file.'],
    ['-d', 'Enable debug messages: there are none here.'],
  ],
  modifies: true,
  /** The domain keeps its name and its number; what the definition says counts from its next start on. */
  run: (host: CommandHost, id: number, files: NamedFile[]): Promise<void> => {
    const member = host.domains.living(id);
    return host.tasks.run(
      commandOf('config-update', member.name, { file: files[0].name }),
      async task => {
        const own = new Set(member.blueprint.definition.cards.map(({ mac }) => mac));
        const facts = {
          ...host.domains.facts,
          isTaken: (name: string) => name !== member.name && host.domains.facts.isTaken(name),
          // It keeps its own.
          ownerOf: () => undefined,
          stationProblem: (address: string | undefined) =>
            own.has(address) ? undefined : host.domains.facts.stationProblem(address),
          // What it has now is free by then.
          freeMiB: host.domains.facts.freeMiB + member.memoryMiB,
        };
        const { plan, domain } = judgeFiles(await host.files.read(files), facts);
        if (!domain) throw planRefusal(host, plan);
        const drives = await host.disk.drivesFrom(domain.drives, files, domain.definition.name);
        const { diskChanges: _changes, saved: _once, ...kept } = member.blueprint;
        member.blueprint = {
          ...kept,
          ...domain,
          definition: { ...domain.definition, name: member.name, uuid: member.uuid },
          drives,
          text: plan.definition,
        };
        task.message = 'It counts when the domain starts again.';
      },
      id,
    );
  },
  xl: async (call, run) => {
    const { options, rest } = readWords(call.words, { flags: 'dq', values: 'f', long: { defconfig: 'f' } });
    const [domain, ...given] = rest;
    if (domain === undefined) throw new WrongUse('xl config-update requires a domain argument');
    const id = findDomain(call.host, domain);
    const settings = given.filter(word => word.includes('=')),
      paths = given.filter(word => !word.includes('='));
    if (paths.length > 1) throw new WrongUse('', 2);
    const path = options.get('f') ?? paths[0];
    if (path === undefined) throw new Refusal('Config file not specified');
    if (id === 0) throw new Refusal('Domain 0 has no definition.');
    await run(id, await filesFor(call, path, settings));
    return `Parsing config from ${path}\nsetting dom${id} configuration\n`;
  },
});

export const dumpCore = command({
  summary: 'Core dump a domain',
  usage: '<Domain> <filename>',
  modifies: true,
  /** Its processors and its memory, as an ELF core file of Domain 0's; it goes on. */
  run: (host: Uses<'domains' | 'tasks'>, id: number, path: string): Promise<void> => {
    const member = host.domains.member(id);
    return host.tasks.run(
      commandOf('dump-core', member.name, { file: path }),
      () => host.domains.dumpCore(member, path),
      id,
    );
  },
  xl: async ({ host, words, absolute = path => path }, run) => {
    const { rest } = readWords(words);
    atLeast('dump-core', rest, 2);
    const id = findDomain(host, rest[0]);
    if (id === 0) throw new Refusal('Domain 0 cannot be dumped.');
    const path = absolute(rest[1]);
    const folder = path.slice(0, path.lastIndexOf('/')) || '/';
    const isThere = await host.files.own?.stat(folder).then(
      ({ isDirectory }) => isDirectory,
      () => false,
    );
    if (!isThere)
      throw new Refusal(
        behindLibxl(
          host.toolstack,
          [`libxl: error: libxl_domain_core_dump: core dumping domain to ${path}: No such file or directory`],
          'core dump failed (rc=-3)',
        ),
      );
    await run(id, path);
    return '';
  },
});
