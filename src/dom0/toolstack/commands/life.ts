/** A domain's life: created, stopped and let go on, shut down, started again, destroyed. */
import type { DomainInfo, NamedFile, Plan } from '../../api.ts';
import { formatFinding, judgeDefinition } from '../../config/model.ts';
import { prepareToRead } from '../../config/source.ts';
import { MOST_BYTES } from '../../config/xlcfg.ts';
import { HEAD_BYTES } from '../../images.ts';
import { judgeFiles } from '../../judging.ts';
import { writeJson } from '../../config/write-json.ts';
import { baseName, isDefinition, withOptions } from '../../plan.ts';
import { StorageError } from '../../storage/index.ts';
import { ERROR_FAIL, ERROR_INVAL, fromScript, NO_DISKS } from '../libxl-words.ts';
import type { Guest, HostCore } from '../../host.ts';
import { type Call, command, Refusal } from './command.ts';
import { openConsole } from './console.ts';
import { atLeast, findDomain, readWords } from './words.ts';
import { xmVariables } from './xm-variables.ts';

/** How long a guest may take to follow its power button. */
const POWER_MS = 30_000;
/** What xl trigger can send here. */
export type Trigger = 'power' | 'reset' | 'nmi' | 's3resume';
/** The others that libxl has names for, and why they fail. */
const NOT_SENT: Record<string, string> = {
  init: 'Function not implemented',
  sleep: "the PC's power management, a PIIX4, has no sleep button",
};

const plural = (n: number, one: string): string => `${n} ${n === 1 ? one : `${one}s`}`;

/** What a new domain is, for the task that made it. */
export function describeBuilt({ record, memoryMiB, about }: Guest): string {
  return `Domain ${record.id} got ${memoryMiB} MiB and ${plural(record.vcpus, 'vCPU')}; ${about ? `it begins with ${about}` : 'it goes on where it was saved'}.`;
}

/** All that is wrong with a plan, a line each. Where its text is right libxl is heard first, and the status is that of what it says first. */
export function planRefusal({ errors }: Plan): Refusal {
  const told = errors.map(error => (error.source === '' ? error.text : formatFinding(error)));
  if (!errors.every(({ libxl }) => libxl)) return new Refusal(told.join('\n'));
  return new Refusal(errors.flatMap(({ libxl }, i) => [...libxl!.said, told[i]]).join('\n'), errors[0]?.libxl?.status);
}

export const create = command({
  summary: 'Create a domain from config file <filename>',
  usage: '<ConfigFile> [options] [vars]',
  options: [
    ['-q, --quiet', 'Quiet.'],
    ['-p', 'Leave the domain paused after it is created.'],
    ['-f FILE, --defconfig=FILE', 'Use the given configuration file.'],
    ['-n, --dryrun', 'Dry run - prints the resulting configuration'],
    ['-c', 'Connect to the console after the domain is created.'],
    ['-F', 'Run in foreground until death of the domain: Domain 0 watches over all domains here'],
    ['-e', 'Do not wait in the background for the death of the domain: as above'],
  ],
  modifies: true,
  dryRun: true,
  /** Plans and, when there is no error, creates and starts the domain. `anotherName`: where one has the name already, this gets a number behind its own. */
  run: (
    host: HostCore,
    files: NamedFile[],
    anotherName: boolean = false,
    paused: boolean = false,
  ): Promise<DomainInfo> => {
    const main = files.find(file => /\.(cfg|xl|conf)$/i.test(file.name)) ?? files[0];
    return host.tasks.run(`xl create ${main?.name ?? ''}`.trim(), async (task, made) => {
      const read = await host.read(files);
      const judged = () => judgeFiles(read, host.facts, anotherName);
      // Media are read first: what is judged is built in the same turn, or two that come at once would have one name.
      const first = judged();
      const make = async (): Promise<Guest> => {
        const drives = await host.drivesFrom(first.domain?.drives ?? [], files, first.plan.name);
        const { plan, domain } = judged();
        if (plan.command !== '') task.command = plan.command;
        if (!domain) throw planRefusal(plan);
        const { definition, boot, xen } = domain;
        const blueprint = {
          definition,
          boot,
          drives,
          text: plan.definition,
          startEpochMs: host.parts.epochMs(),
          ...(xen ? { xen } : {}),
        };
        return host.toolstack.build(blueprint, { paused, made });
      };
      const built = await host.orNoTransferDisk(first.plan.name, make).catch((error: Error) => {
        throw error instanceof Refusal
          ? error
          : new Refusal(
              error instanceof StorageError ? `${fromScript(error.message)}\n${NO_DISKS}` : error.message,
              ERROR_FAIL,
            );
      });
      task.message = describeBuilt(built);
      return host.describe(built);
    });
  },
  xl: async (call, run) => {
    const { path: asked, settings, files, options } = readCreate(call);
    const path = await foundBy(call, asked);
    const given = await filesFor(call, path, settings, files);
    const warnings = await warningsOf(given[0]);
    if (!options.has('n')) await run(given, false, options.has('p'));
    return `${options.has('q') ? '' : `Parsing config from ${path}\n${warnings}`}${options.has('n') ? await dryRun(call.host, given) : ''}`;
  },
  attach: words =>
    wantsConsole(words)
      ? async (call, terminal) => {
          const { path: asked, settings, files, options } = readCreate(call);
          const path = await foundBy(call, asked);
          const given = await filesFor(call, path, settings, files);
          const { id } = await create.run(call.host, given, false, options.has('p'));
          if (!options.has('q'))
            terminal.write(`Parsing config from ${path}\n${await warningsOf(given[0])}`.replaceAll('\n', '\r\n'));
          await openConsole(call.host, id, terminal);
          return 0;
        }
      : undefined,
});

interface CreateWords {
  path: string;
  /** Lines of xl.cfg that count more than the file's. */
  settings: string[];
  /** Files beside the definition, which it names by their base names. */
  files: string[];
  options: ReadonlyMap<string, string>;
}

/** A word with an equals sign is a setting: a line of the file with xl, a variable with xm. @throws Refusal */
function readCreate({ words, program }: { words: readonly string[]; program?: Call['program'] }): CreateWords {
  const { options, rest } = readWords(words, {
    flags: 'pncqFeV',
    values: 'f',
    long: { dryrun: 'n', quiet: 'q', defconfig: 'f', vncviewer: 'V' },
  });
  const given = rest.filter(word => word.includes('='));
  const settings = program === 'xm' ? xmVariables(given) : given;
  const [path = options.get('f'), ...files] = rest.filter(word => !word.includes('='));
  if (path === undefined) throw new Refusal('Config file not specified and none in save file', ERROR_INVAL);
  return { path, settings, files, options };
}

/** What is wrong with the words is told where they are run. */
function wantsConsole(words: readonly string[]): boolean {
  try {
    return readCreate({ words }).options.has('c');
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** xm looks for a definition in /etc/xen, too (its --path), and here where the managed ones are. */
async function foundBy({ program, read }: Call, path: string): Promise<string> {
  if (program !== 'xm' || path.startsWith('/')) return path;
  for (const folder of ['', '/etc/xen/', '/etc/xen/vm/'])
    if (
      await read(folder + path).then(
        () => true,
        () => false,
      )
    )
      return folder + path;
  throw new Refusal(`Error: Unable to open config file: ${path}`);
}

/** What create is given: the definition with the settings behind it, the files beside it, and those that it names. */
export async function filesFor(
  call: Pick<Call, 'read' | 'absolute'>,
  path: string,
  settings: string[] = [],
  files: string[] = [],
): Promise<NamedFile[]> {
  const given = await Promise.all(
    [path, ...files].map(async (name): Promise<NamedFile> => {
      const data = await call.read(name).catch((error: Error) => {
        // The path is in the sentence already where the shell reads it.
        throw new Refusal(
          `Failed to read config file: ${error.message.startsWith(name) ? '' : `${name}: `}${error.message}`,
          ERROR_FAIL,
        );
      });
      return { name, data, inDomain0: true, directory: call.absolute?.('.').replace(/\/\.$/, '') ?? '' };
    }),
  );
  if (settings.length > 0) {
    const text = await given[0].data.slice(0, MOST_BYTES).text();
    await prepareToRead(text);
    given[0].data = new Blob([withOptions(path, text, `${settings.join('\n')}\n`).text]);
  }
  return [...given, ...(await namedFiles(call, given))];
}

/** Creates a domain from a definition in Domain 0's files. @throws Error with a sentence */
export async function createFrom(
  { host, read }: Pick<Call, 'host' | 'read'>,
  path: string,
  { paused = false } = {},
): Promise<DomainInfo> {
  return create.run(host, await filesFor({ read }, path), false, paused);
}

/** What a definition has that looks like a mistake and stops nothing, a line each in the form of xl's warnings. */
async function warningsOf({ name, data }: NamedFile): Promise<string> {
  const text = await data.slice(0, MOST_BYTES).text();
  await prepareToRead(text);
  const { findings } = judgeDefinition(name, text);
  return findings
    .filter(({ warns }) => warns)
    .map(finding => `${formatFinding({ ...finding, text: `warning: ${finding.text}` })}\n`)
    .join('');
}

/** What `create -n` prints: what would be made. @throws Error with all that is wrong */
async function dryRun(host: HostCore, files: NamedFile[]): Promise<string> {
  const { plan, domain } = judgeFiles(await host.read(files), host.facts);
  if (!domain) throw planRefusal(plan);
  return writeJson([{ definition: domain.definition }], true);
}

/** Files that the first one names, if it is a definition: those that can be read. What is missing is told by the judgement. */
async function namedFiles({ read }: Pick<Call, 'read'>, [first, ...others]: NamedFile[]): Promise<NamedFile[]> {
  const head = new Uint8Array(await first.data.slice(0, HEAD_BYTES).arrayBuffer());
  if (!isDefinition({ name: first.name, data: head })) return [];
  const text = await first.data.slice(0, MOST_BYTES).text();
  await prepareToRead(text);
  const { kernel, ramdisk, disks } = judgeDefinition(first.name, text).definition;
  const given = new Set(others.map(({ name }) => baseName(name)));
  const named = new Set(
    [kernel, ramdisk, ...disks.map(({ target }) => target)].filter(
      path => path !== undefined && path !== '' && !given.has(baseName(path)),
    ),
  );
  const found = await Promise.all(
    [...named].map(async path =>
      read(path!).then(
        data => ({ name: path!, data }),
        () => undefined,
      ),
    ),
  );
  return found.filter(file => file !== undefined);
}

export const pause = command({
  summary: 'Pause execution of a domain',
  usage: '<Domain>',
  modifies: true,
  run: (host: HostCore, id: number): Promise<void> =>
    host.tasks.run(
      `xl pause ${host.standing(id).name}`,
      async task => {
        host.toolstack.setPaused(host.standing(id), true);
        task.message = 'Its processors and its time stand still.';
      },
      id,
    ),
  xl: ({ host, words }, run) => onDomain('pause', host, words, run),
});

export const unpause = command({
  summary: 'Unpause a paused domain',
  usage: '<Domain>',
  modifies: true,
  run: (host: HostCore, id: number): Promise<void> =>
    host.tasks.run(
      `xl unpause ${host.standing(id).name}`,
      async task => {
        host.toolstack.setPaused(host.standing(id), false);
        task.message = 'It goes on where it was.';
      },
      id,
    ),
  xl: ({ host, words }, run) => onDomain('unpause', host, words, run),
});

export const shutdown = command({
  summary: 'Issue a shutdown signal to a domain',
  usage: '[options] <-a|Domain>',
  options: [
    ['-a, --all', 'Shutdown all guest domains.'],
    ['-F', 'Fallback to ACPI power event for HVM guests with no PV drivers.'],
  ],
  modifies: true,
  /** A guest with PV drivers is asked through the store. Another has a power button: pressed unless `fallback` says that it is not to be. */
  run: async (host: HostCore, id: number, fallback: boolean = true): Promise<void> => {
    const member = host.living(id);
    const { toolstack } = host;
    if (toolstack.listens(member, 'poweroff'))
      return follow(
        host,
        member,
        {
          spelled: `xl shutdown ${member.name}`,
          message: 'Asked through the store; the guest decides.',
          advice: 'It may be busy: wait',
        },
        () => void toolstack.ask(member, 'poweroff'),
      );
    if (!fallback)
      throw new Refusal(
        `PV control interface not available: external graceful shutdown not possible.\nUse "-F" to fallback to ACPI power event.\nshutdown failed (rc=-10)`,
      );
    await trigger.run(host, id, 'power');
  },
  xl: ({ host, words }, run) => onAll(host, words, run),
});

export const reboot = command({
  summary: 'Issue a reboot signal to a domain',
  usage: '[options] <-a|Domain>',
  options: [
    ['-a, --all', 'Reboot all guest domains.'],
    ['-F', 'Fallback to ACPI reset event for HVM guests with no PV drivers.'],
  ],
  modifies: true,
  run: async (host: HostCore, id: number, fallback: boolean = false): Promise<void> => {
    const member = host.living(id);
    if (host.toolstack.listens(member, 'reboot'))
      return host.tasks.run(
        `xl reboot ${member.name}`,
        async task => {
          host.toolstack.ask(member, 'reboot');
          task.message = 'Asked through the store; the guest decides.';
        },
        id,
      );
    if (!fallback)
      throw new Refusal(
        `PV control interface not available: external graceful reboot not possible.\nUse "-F" to fallback to ACPI reset event.\nreboot failed (rc=-10)`,
      );
    await trigger.run(host, id, 'reset');
  },
  xl: ({ host, words }, run) => onAll(host, words, run),
});

export const trigger = command({
  summary: 'Send a trigger to a domain',
  usage: '<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]',
  modifies: true,
  /** The RESET pin, the power button as ACPI sees it, a non-maskable interrupt for a vCPU, or the end of a suspend to RAM. */
  run: async (host: HostCore, id: number, what: Trigger, vcpu: number = 0): Promise<void> => {
    const member = host.member(id);
    if (what === 'nmi') {
      if (vcpu >= host.living(id).record.vcpus) throw notSent(id, what, 'No such process');
      return host.tasks.run(
        `xl trigger ${member.name} nmi ${vcpu}`,
        async () => {
          host.toolstack.noteCall(member.record, 'XEN_DOMCTL_sendtrigger', `nmi, vCPU ${vcpu}`);
          member.runner.nmi(vcpu);
        },
        id,
      );
    }
    if (what === 'power') {
      // As in Xen: only what has a board has a button.
      if (member.blueprint.xen === 'pv' || member.blueprint.xen === 'pvh') throw notSent(id, what, 'Invalid argument');
      const { runner } = host.living(id);
      return follow(
        host,
        member,
        {
          spelled: `xl trigger ${member.name} power`,
          message: 'Pressed; the guest decides.',
          advice: 'It may not listen to ACPI, or ask somebody there: shut it down from inside',
        },
        () => {
          host.toolstack.noteCall(member.record, 'XEN_DOMCTL_sendtrigger', 'power');
          runner.pressPowerButton();
        },
      );
    }
    if (what === 's3resume') {
      // xc_hvm_param_set(HVM_PARAM_ACPI_S_STATE, 0): to a guest that does not sleep it does nothing.
      if (member.blueprint.xen === 'pv' || member.blueprint.xen === 'pvh') throw notSent(id, what, 'Invalid argument');
      const { runner } = host.living(id);
      return host.tasks.run(`xl trigger ${member.name} s3resume`, async () => runner.wake(), id);
    }
    await host.tasks.run(
      `xl trigger ${member.name} reset`,
      async task => {
        task.message = await host.toolstack.reset(member);
      },
      id,
    );
  },
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('trigger', rest, 2);
    const id = findDomain(host, rest[0]);
    const [, what, vcpu = '0'] = rest;
    if (Object.hasOwn(NOT_SENT, what)) throw notSent(id, what, NOT_SENT[what]);
    if (what !== 'power' && what !== 'reset' && what !== 'nmi' && what !== 's3resume')
      throw new Refusal(`Invalid trigger "${what}"`);
    if (!/^\d+$/.test(vcpu)) throw new Refusal(`Invalid VCPU parameter: "${vcpu}"`);
    if (id === 0) throw new Refusal('Domain 0 is the host itself: it takes no triggers.');
    await run(id, what, Number(vcpu));
    return '';
  },
});

/** As libxl says it. */
const notSent = (id: number, what: string, why: string): Refusal =>
  new Refusal(`libxl_send_trigger: Domain ${id}:Send trigger '${what}' failed: ${why}`);

export const destroy = command({
  summary: 'Terminate a domain immediately',
  usage: '[options] <Domain>',
  modifies: true,
  run: async (host: HostCore, id: number): Promise<void> => {
    const lost = host.lost.get(id);
    if (lost) return host.tasks.run(`xl destroy ${lost.name}`, async () => void host.lost.delete(id));
    return host.tasks.run(
      `xl destroy ${host.member(id).name}`,
      async task => {
        const member = host.member(id);
        const { disks } = host.describe(member);
        await host.toolstack.remove(member);
        task.message = `Domain ${id} is gone, its ${member.memoryMiB} MiB are free${disks ? ' and what it wrote to its disks is lost' : ''}.`;
      },
      id,
    );
  },
  xl: ({ host, words }, run) =>
    onDomain('destroy', host, words, async id => {
      if (id === 0) throw new Refusal('Cannot destroy privileged domain 0.');
      await run(id);
    }),
});

/** Asks a guest for something: a task that lasts until it has done so. */
function follow(
  host: HostCore,
  member: Guest,
  { spelled, message, advice }: { spelled: string; message: string; advice: string },
  ask: () => void,
): void {
  const { end } = host.tasks.start(spelled, message, member.record.id);
  const over = (how: string, byItself: boolean): void => {
    cancel();
    end(byItself ? 'done' : 'failed', how);
  };
  const cancel = host.parts.later(POWER_MS, () => {
    member.whenOver.delete(over);
    const why = member.paused ? 'It is paused: let it run' : advice;
    end('failed', `${member.name} has not shut down for ${POWER_MS / 1000} s. ${why}, or destroy it.`);
  });
  member.whenOver.add(over);
  ask();
}

/** A command with one domain. */
async function onDomain(
  name: string,
  host: HostCore,
  words: string[],
  run: (id: number) => Promise<void>,
): Promise<string> {
  const { rest } = readWords(words);
  atLeast(name, rest, 1);
  await run(findDomain(host, rest[0]));
  return '';
}

/** A command with one domain, or with -a all that run. */
async function onAll(
  host: HostCore,
  words: string[],
  run: (id: number, fallback: boolean) => Promise<void>,
): Promise<string> {
  const { options, rest } = readWords(words, { flags: 'aF', long: { all: 'a' } });
  if (!options.has('a') && rest.length === 0) throw new Refusal('You must specify -a or a domain id.');
  const ids = options.has('a')
    ? host.all().flatMap(({ id, ended }) => (ended ? [] : [id]))
    : [findDomain(host, rest[0])];
  for (const id of ids) await run(id, options.has('F'));
  return '';
}
