/** Events of domains that happen by themselves, reported in their terminals and in the task log. */
import { folders } from './parts.ts';
import { breakpoints } from '../toolstack/index.ts';
import type { Ending } from '../../hypervisor/index.ts';
import { ConsoleLog } from '../backends/console/index.ts';
import {
  actionOf,
  follows,
  type DomainService,
  type Guest,
  lastExits,
  type Task,
  type Tasks,
  timeOf,
  type ToolstackListener,
  type Uses,
  Viewers,
  commandOf,
} from '../toolstack/index.ts';

/** Where xl puts the core files of coredump-destroy and coredump-restart (XEN_DUMP_DIR). */
const DUMP_FOLDER = '/var/lib/xen/dump';

/** By itself and by mistake, not by a wish of its own. */
export const fell = ({ kind, report }: Ending): boolean => kind === 'crash' || report !== undefined;

/** What the host itself says in a guest's terminal. */
const said = (text: string): Uint8Array =>
  new TextEncoder().encode(`\r\n[ringside] ${text.trim().replace(/\n/g, '\r\n')}\r\n`);

/** As xend wrote them: time, level, who, and what. */
export function logLine({ startedMs, command, state, message }: Task): string {
  const time = timeOf(startedMs);
  return `[${time}] ${state === 'failed' ? 'ERROR' : 'INFO'} (${command}) ${state}${message ? `: ${message.replace(/\n/g, '\n    ')}` : ''}\n`;
}

/** Whose domains they are. */
interface TellingHost extends Uses<'machine' | 'files' | 'clock' | 'tasks'> {
  readonly sharesMemory: boolean;
  readonly domains: Pick<DomainService, 'dumpCore'> & { tell(): void };
}

/** What the toolstack tells a host. */
export function toldBy(host: TellingHost): ToolstackListener<Viewers> {
  const { tasks } = host;
  return {
    console: (record, name, before, shown) => {
      const viewers = new Viewers(host.machine, record, host.sharesMemory ? undefined : host.clock.hostMs);
      if (shown) viewers.print(shown);
      if (before) {
        viewers.print(before.console.shown);
        viewers.print(said(before.line + lastExits(before.report)));
      }
      if (host.files.own) viewers.log = new ConsoleLog(host.files.own, name, host.clock.later);
      return viewers;
    },
    listed: () => host.domains.tell(),
    ended: (member, ending, again) => tellEnd(tasks, member, ending, again),
    restarted: (member, line, report, next) => {
      if (!next) member.console.print(said(line + lastExits(report)));
      noteRestart(tasks, member, line, report);
      host.domains.tell();
    },
    rebuildFailed: ({ name }, { message }) => {
      tasks.note(commandOf('create', undefined, { file: name }), 'failed', message);
      host.domains.tell();
    },
    // It is seen paused at once; why is said when the words for it are there.
    broke: ({ name }, hit) => {
      host.domains.tell();
      void breakpoints.load().then(({ reasonOf }) => {
        tasks.note(`${name} stopped`, 'done', reasonOf(hit));
        host.domains.tell();
      });
    },
    folder: async (member, device, request) => (await folders.load()).folderOf(host, member, device, request),
    dumpCore: async member => {
      const path = `${DUMP_FOLDER}/${member.name}`;
      await tasks
        .run(
          commandOf('dump-core', member.name, { file: path }),
          () => host.domains.dumpCore(member, path),
          member.record.id,
        )
        .catch(() => {});
    },
    problem: (member, sentence) => {
      tasks.note(member?.name ?? 'Domain-0', 'failed', sentence);
      host.domains.tell();
    },
  };
}

function tellEnd(tasks: Tasks, member: Guest, ending: Ending, again: boolean): void {
  const { name, record, blueprint } = member;
  const kept =
    actionOf(blueprint.definition, ending) === 'preserve'
      ? `${ending.sentence} It is kept: open it to see where.`
      : ending.sentence;
  if (ending.kind === 'crash' || (fell(ending) && !again))
    tasks.note(
      `${name} ${ending.kind === 'crash' ? 'crashed' : 'stopped'}`,
      'failed',
      ending.report?.replace(ending.sentence, kept) ?? kept,
    );
  // As xend and xl log every end of a domain, whatever its cause.
  else if (!again)
    tasks.note(
      `${name} stopped`,
      'done',
      `Domain ${record.id} has shut down: ${ending.sentence} Its definition says ${follows(blueprint.definition, ending)}.`,
    );
  if (!again && ending.kind !== 'poweroff')
    member.console.print(said(`${name} stopped. ${ending.sentence}${lastExits(ending.report)}`));
}

/** A restart that nobody asked xl for is a task, too; one after a fault has failed. */
function noteRestart(tasks: Tasks, { name }: Guest, line: string, report?: string): void {
  tasks.note(
    `${name} restarted`,
    report === undefined ? 'done' : 'failed',
    report === undefined ? line : `${line}\n\n${report}`,
  );
}
