/** A domain's life: created, stopped and let go on, shut down, started again, destroyed. */
import type { DomainInfo } from '../wire.ts';
import { ERROR_FAIL, fromScript, judgeFiles, type NamedFile, NO_DISKS, type Plan } from '../../definitions/index.ts';
import { formatFinding } from '../../definitions/config/index.ts';
import { StorageError } from '../../host/storage/index.ts';
import type { CommandHost, Guest, Uses } from '../command-host.ts';
import { type CommandValue, commandOf } from '../hypervisors/command/command-value.ts';
import type { Reason } from '../domains/words.ts';
import type { ManagedDomain } from '../managed/index.ts';
import { behindLibxl } from '../behind-libxl.ts';
import { kindOfMember } from '../kinds/index.ts';
import { deed, Refusal } from './command.ts';

/** How long a guest may take to follow its power button. */
const POWER_MS = 30_000;
/** What xl trigger can send here. */
export type Trigger = 'power' | 'reset' | 'nmi' | 's3resume';

const plural = (n: number, one: string): string => `${n} ${n === 1 ? one : `${one}s`}`;

/** What a new domain is, for the task that made it. */
export function describeBuilt({ record, memoryMiB, about }: Guest): string {
  return `Domain ${record.id} got ${memoryMiB} MiB and ${plural(record.vcpus, 'vCPU')}; ${about ? `it starts with ${about}` : 'it continues where it was saved'}.`;
}

/** All that is wrong with a plan, a line each. Where its text is right libxl is heard first, and the status is that of what it says first. */
export function planRefusal({ toolstack }: Pick<CommandHost, 'toolstack'>, { errors }: Plan): Refusal {
  const told = errors.map(error => (error.source === '' ? error.text : formatFinding(error)));
  if (!errors.every(({ libxl }) => libxl)) return new Refusal(told.join('\n'));
  return new Refusal(
    errors.map(({ libxl }, i) => behindLibxl(toolstack, libxl!.said, told[i])).join('\n'),
    errors[0]?.libxl?.status,
  );
}

export const create = deed({
  modifies: true,
  /** Plans and, when there is no error, creates and starts the domain. `anotherName`: where one has the name already, this gets a number behind its own. */
  run: (
    host: CommandHost,
    files: NamedFile[],
    anotherName: boolean = false,
    paused: boolean = false,
  ): Promise<DomainInfo> => {
    const main = files.find(file => /\.(cfg|xl|conf)$/i.test(file.name)) ?? files[0];
    return host.tasks.run(commandOf('create', undefined, { file: main?.name, paused }), async (task, made) => {
      const read = await host.files.read(files);
      let kept: readonly ManagedDomain[] = [];
      const keptOwner = (uuid: string | undefined, name: string): string | undefined =>
        kept.find(({ definition }) => uuid !== undefined && definition.uuid === uuid && definition.name !== name)?.name;
      const judged = () => {
        const { facts } = host.domains;
        return judgeFiles(
          read,
          { ...facts, ownerOf: (uuid, name) => facts.ownerOf(uuid, name) ?? keptOwner(uuid, name) },
          anotherName,
        );
      };
      // Definitions that are kept have their UUIDs, whether they run or not. Without a UUID of its own the guest needs no look at the host's files.
      if (judged().domain?.definition.uuid !== undefined) kept = (await host.managed?.list()) ?? [];
      // Media are read first: what is judged is built in the same turn, or two that come at once would have one name.
      const first = judged();
      const path = main?.name.startsWith('/') ? main.name : `${main?.directory ?? ''}/${main?.name}`;
      const known =
        main?.inDomain0 && first.domain ? await host.managed?.identified(path, first.domain.definition) : undefined;
      const make = async (): Promise<Guest> => {
        const drives = await host.disk.drivesFrom(first.domain?.drives ?? [], files, first.plan.name);
        const { plan, domain } = judged();
        if (plan.creates) task.asked = commandOf('create', undefined, { ...plan.creates, paused });
        if (!domain) throw planRefusal(host, plan);
        const { uuid, cards } = known ?? domain.definition;
        const definition = { ...domain.definition, ...(uuid === undefined ? {} : { uuid }), cards };
        const blueprint = {
          ...domain,
          definition,
          drives,
          text: plan.definition,
          startEpochMs: host.clock.epochMs(),
        };
        return host.toolstack.build(blueprint, { paused, made });
      };
      const built = await host.disk.orNoTransferDisk(first.plan.name, make).catch((error: Error) => {
        throw error instanceof Refusal
          ? error
          : new Refusal(
              (error instanceof StorageError &&
                host.toolstack.hypervisor.libxlSays([fromScript(error.message), NO_DISKS]).join('\n')) ||
                error.message,
              ERROR_FAIL,
            );
      });
      task.message = describeBuilt(built);
      return host.domains.describe(built);
    });
  },
});

export const pause = deed({
  modifies: true,
  run: (host: Uses<'domains' | 'tasks' | 'toolstack'>, id: number): Promise<void> =>
    host.tasks.run(
      commandOf('pause', host.domains.standing(id).name),
      async task => {
        host.toolstack.setPaused(host.domains.standing(id), true);
        task.message = 'Its processors and its time are stopped.';
      },
      id,
    ),
});

export const unpause = deed({
  modifies: true,
  run: (host: Uses<'domains' | 'tasks' | 'toolstack'>, id: number): Promise<void> =>
    host.tasks.run(
      commandOf('unpause', host.domains.standing(id).name),
      async task => {
        host.toolstack.setPaused(host.domains.standing(id), false);
        task.message = 'It continues where it was.';
      },
      id,
    ),
});

export const shutdown = deed({
  modifies: true,
  /** A guest with PV drivers is asked through the store. Another has a power button: pressed unless `fallback` says that it is not to be. */
  run: async (host: CommandHost, id: number, fallback: boolean = true): Promise<void> => {
    const member = host.domains.living(id);
    const { toolstack } = host;
    if (toolstack.listens(member, 'poweroff'))
      return follow(
        host,
        member,
        {
          command: commandOf('shutdown', member.name),
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
});

export const reboot = deed({
  modifies: true,
  run: async (host: CommandHost, id: number, fallback: boolean = false): Promise<void> => {
    const member = host.domains.living(id);
    if (host.toolstack.listens(member, 'reboot'))
      return host.tasks.run(
        commandOf('reboot', member.name),
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
});

export const trigger = deed({
  modifies: true,
  /** The RESET pin, the power button as ACPI sees it, a non-maskable interrupt for a vCPU, or the end of a suspend to RAM. */
  run: async (host: CommandHost, id: number, what: Trigger, vcpu: number = 0): Promise<void> => {
    const member = host.domains.member(id);
    if (what === 'nmi') {
      if (vcpu >= host.domains.living(id).record.vcpus) throw notSent(id, what, 'No such process');
      return host.tasks.run(
        commandOf('trigger', member.name, { what, vcpu }),
        async () => {
          host.toolstack.noteCall(member.record, 'XEN_DOMCTL_sendtrigger', `nmi, vCPU ${vcpu}`);
          member.runner.ask('nmi', vcpu);
        },
        id,
      );
    }
    if (what === 'power') {
      // As in Xen: only what has a board has a button.
      if (!kindOfMember(member).hasButton) throw notSent(id, what, 'Invalid argument');
      const { runner } = host.domains.living(id);
      return follow(
        host,
        member,
        {
          command: commandOf('trigger', member.name, { what }),
          message: 'Pressed; the guest decides.',
          advice: 'It may not listen to ACPI, or ask somebody there: shut it down from inside',
        },
        () => {
          host.toolstack.noteCall(member.record, 'XEN_DOMCTL_sendtrigger', 'power');
          runner.ask('powerButton');
        },
      );
    }
    if (what === 's3resume') {
      // xc_hvm_param_set(HVM_PARAM_ACPI_S_STATE, 0): to a guest that does not sleep it does nothing.
      if (!kindOfMember(member).hasButton) throw notSent(id, what, 'Invalid argument');
      const { runner } = host.domains.living(id);
      return host.tasks.run(commandOf('trigger', member.name, { what }), async () => runner.ask('wake'), id);
    }
    await host.tasks.run(
      commandOf('trigger', member.name, { what }),
      async task => {
        task.message = await host.toolstack.reset(member);
      },
      id,
    );
  },
});

/** As libxl says it. */
export const notSent = (id: number, what: string, why: string): Refusal =>
  new Refusal(`libxl_send_trigger: Domain ${id}:Send trigger '${what}' failed: ${why}`);

export const destroy = deed({
  modifies: true,
  /** `why` is what is shown of it from then on. */
  run: async (host: CommandHost, id: number, why: Reason<'shut off'> = 'destroyed'): Promise<void> => {
    const lost = host.domains.lost.get(id);
    if (lost) return host.tasks.run(commandOf('destroy', lost.name), async () => void host.domains.lost.delete(id));
    return host.tasks.run(
      commandOf('destroy', host.domains.member(id).name),
      async task => {
        const member = host.domains.member(id);
        const { disks } = host.domains.describe(member);
        await host.toolstack.remove(member, false, why);
        task.message = `Domain ${id} is gone, its ${member.memoryMiB} MiB are free${disks ? ' and what it wrote to its disks is lost' : ''}.`;
      },
      id,
    );
  },
});

/** Asks a guest for something: a task that lasts until it has done so. */
function follow(
  host: Uses<'clock' | 'tasks'>,
  member: Guest,
  { command, message, advice }: { command: CommandValue; message: string; advice: string },
  ask: () => void,
): void {
  const { end } = host.tasks.start(command, message, member.record.id);
  const over = (how: string, byItself: boolean): void => {
    cancel();
    end(byItself ? 'done' : 'failed', how);
  };
  const cancel = host.clock.later(POWER_MS, () => {
    member.whenOver.delete(over);
    const why = member.paused ? 'It is paused: let it run' : advice;
    end('failed', `${member.name} has not shut down for ${POWER_MS / 1000} s. ${why}, or destroy it.`);
  });
  member.whenOver.add(over);
  ask();
}
