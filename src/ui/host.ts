/**
 * The page's only way to Domain 0: one worker, comlink calls (src/dom0/service/api.ts). What the host says last is in the signals here.
 */

import { type CommandValue, commandOf } from '../dom0/toolstack/hypervisors/command/index.ts';
import { computed, signal } from '@preact/signals';
import * as Comlink from 'comlink';
import type {
  DomainInfo,
  FirmwareFiles,
  HostApi,
  OfferedGuest,
  PageBoot,
  StateInfo,
  Task,
} from '../dom0/service/index.ts';
import type { PowerState } from '../dom0/shell/index.ts';
import { callsBy, type Domain0Worker, followLife, startDomain0, Unanswered } from './domain0-worker.ts';
import { chooseBoot, inVirtualTime, rememberGrub, switchedOn } from './boot.ts';
import { info } from './host-info.ts';
import { hostSystemName } from './hypervisors/of-host.ts';
import { pageWords } from './hypervisors/own.ts';
import { loadSpellers, spelled } from './hypervisors/spelled.ts';
import { keepingPresses, keepPress, notingPress } from './presses.ts';
import { sentence, usefulFirst } from './sentence.ts';
import { strings } from './strings.ts';

export { info };
export const domains = signal<DomainInfo[]>([]);
const listed = (list: DomainInfo[]): void => {
  domains.value = [...list].sort((a, b) => a.id - b.id);
};
const lives = ({ state }: DomainInfo): boolean => 'rbp'.includes(state);
/** Guests that run, wait or are paused: by the toolstack's word, and the one place that asks. */
export const living = computed(() => domains.value.filter(lives));
/** What a domain is called; one that is gone by its number. Without Xen the host's own system is none. */
export const nameOf = (id: number): string =>
  id === 0 ? hostSystemName() : (domains.value.find(domain => domain.id === id)?.name ?? `domain ${id}`);
const hostTasks = signal<Task[]>([]);
/** A task as a person reads it. */
const readable = (task: Task): Task =>
  task.message?.includes('\n') ? { ...task, message: usefulFirst(task.message) } : task;
/** The page's own, in the same log: what failed, and what it downloads. Their ids are negative. */
const pageTasks = signal<Task[]>([]);
let lastOfPage = 0;
const dismissed = signal<ReadonlySet<number>>(new Set());
/** Set once Domain 0 is beyond help. */
export const hostProblem = signal<string | undefined>(undefined);
/** What was lost when Domain 0's worker ended and was started again, until a person has read it. */
export const hostNotice = signal<string | undefined>(undefined);
/** A domain whose screen somebody at Domain 0's shell asks for (xl vncviewer). */
export const windowAsked = signal<{ id: number } | undefined>(undefined);
/** How many Domain 0s have ended: what they shared with the page is of no more use. */
export const hostsLost = signal(0);

/** Newest first. */
export const tasks = computed(() =>
  [...hostTasks.value, ...pageTasks.value]
    .filter(task => !dismissed.value.has(task.id))
    .sort((a, b) => b.startedMs - a.startedMs || b.id - a.id),
);

export function dismiss(ids: number[]): void {
  dismissed.value = new Set([...dismissed.value, ...ids]);
}

let api: Comlink.Remote<HostApi> | undefined;
/** Domain 0 can be asked, or could not be started. */
let connecting: Promise<void> = Promise.resolve();
let refresh = Promise.resolve();
let firmware: FirmwareFiles | undefined;
let besides: Pick<OfferedGuest, 'id' | 'files'>[] = [];
const unanswered = new Unanswered();
let whenLost: number[] = [];
let boot: PageBoot | undefined;
/** noreboot is on Xen's command line. */
let staysDown = false;
/** One that was brought down on purpose: its end is no loss. */
let down: Comlink.Remote<HostApi> | undefined;

/** A Domain 0 that ends this often in such a time is not started again. */
const MOST_LOSSES = 3,
  LOSSES_MS = 60_000;
/**
 * Starts Domain 0 and follows it. Problems end in `hostProblem` and the task log, never in an exception.
 * `recalled`: domains of one that ended. `again`: it was rebooted.
 */
export async function connect(recalled: DomainInfo[] = [], again = false): Promise<void> {
  let connected = (): void => {};
  connecting = new Promise(resolve => {
    connected = resolve;
  });
  try {
    const worker = startDomain0({ inTurns: inVirtualTime() }, workerFailed),
      mine = worker.api;
    follow(worker);
    // The menu is there before the page is painted, while the worker loads. One that takes the place of another starts as that did.
    const chosen = recalled.length > 0 && boot ? boot : chooseBoot(again);
    await mine.followGrub(Comlink.proxy(rememberGrub));
    boot = await chosen;
    const { problem, noReboot } = await mine.boot(boot);
    staysDown = noReboot;
    if (problem !== undefined) reportProblem('Host', problem);
    if (firmware) await mine.offerFirmware(firmware);
    if (besides.length > 0) await mine.offerGuests(besides);
    void mine.stopped().then(what => bringDown(worker, what));
    // Whether guest code is compiled: …/?jit=0
    const jit = new URLSearchParams(location.search).get('jit');
    if (jit !== null)
      await mine.setJitThreshold(Number(jit || NaN)).catch(error => reportProblem(hostSystemName(), sentence(error)));
    if (recalled.length > 0) await mine.recall(recalled);
    api = mine;
    connected();
    await mine.subscribe(
      Comlink.proxy((list: DomainInfo[], log: Task[], show?: number) => {
        // What one that ended had still to say.
        if (api !== mine) return;
        listed(list);
        hostTasks.value = log.map(readable);
        if (show !== undefined) windowAsked.value = { id: show };
        // Free memory changes with the domains; one question at a time.
        refresh = refresh
          .then(async () => {
            info.value = await ask(host => host.summary());
          })
          .catch(() => {});
      }),
    );
    info.value = await mine.summary();
    // The first Domain 0 resumes when the page knows where firmware is (main.tsx).
    if (again || hostsLost.peek() > 0) void resume();
  } catch (error) {
    fail(strings.errors.connectFailed(sentence(error)));
  } finally {
    connected();
  }
}

/** Has Domain 0 open what an earlier visit left, and start what starts with the host. */
export async function resume(): Promise<StateInfo | undefined> {
  try {
    return await host.resume();
  } catch (error) {
    reportProblem(hostSystemName(), sentence(error));
    return undefined;
  }
}

/** Notices when Domain 0's worker has ended. */
function follow(worker: Domain0Worker): void {
  void followLife(worker, () => {
    if (worker.api === down) return;
    worker.end();
    unanswered.giveUp(new Error(pageWords().errors.hostEnded));
    lost();
  });
}

/** Domain 0 has shut all guests down, and is to be started again, or when somebody switches the host on. */
async function bringDown(worker: Domain0Worker, what: PowerState): Promise<void> {
  down = worker.api;
  worker.end();
  api = hostProblem.value = undefined;
  hostsLost.value++;
  domains.value = [];
  info.value = undefined;
  keepTasks();
  if (what === 'poweroff') await switchedOn();
  void connect([], true);
}

/** Domain 0 has ended, and the domains' workers with it. What it listed is listed on; another one takes its place. */
function lost(): void {
  const now = Date.now();
  whenLost = [...whenLost.filter(ms => now - ms < LOSSES_MS), now];
  const names = living.peek().map(({ name }) => name);
  const recalled = domains
    .peek()
    .filter(({ state }) => state !== 'd')
    .map(
      (domain): DomainInfo =>
        lives(domain)
          ? {
              ...domain,
              state: 'c',
              status: { state: 'crashed', reason: 'unknown' },
              ended: pageWords().errors.endedWithHost,
              lost: true,
            }
          : { ...domain, lost: true },
    );
  api = hostProblem.value = undefined;
  hostsLost.value++;
  domains.value = recalled;
  // Its tasks are in the log on; those of the next have ids of their own.
  keepTasks();
  if (staysDown) return fail(pageWords().errors.hostStopped);
  if (whenLost.length > MOST_LOSSES) return fail(pageWords().errors.hostKeepsEnding);
  hostNotice.value = pageWords().errors.hostLost(names);
  reportProblem(hostSystemName(), hostNotice.value);
  void connect(recalled);
}

const workerFailed = (message: string): void =>
  fail(
    info.value
      ? pageWords().errors.workerFailed(message || 'no reason given')
      : strings.errors.connectFailed(message || 'its program could not be loaded'),
  );

function fail(message: string): void {
  if (hostProblem.value) return;
  hostProblem.value = message;
  reportProblem(hostSystemName(), message);
}

/** The log goes on with the page when its Domain 0 is gone; what ran there ends. */
function keepTasks(): void {
  const kept = hostTasks.peek().filter(task => !dismissed.peek().has(task.id));
  pageTasks.value = [
    ...pageTasks.peek(),
    // What they caused is gone with the Domain 0 that recorded it.
    ...kept.map(
      ({ caused: _, progress: _at, ...task }): Task => ({
        ...task,
        id: --lastOfPage,
        ...(task.state === 'running' ? { state: 'failed', message: pageWords().errors.hostEnded } : {}),
      }),
    ),
  ];
  hostTasks.value = [];
  // The next one's ids begin again.
  dismissed.value = new Set([...dismissed.peek()].filter(id => id < 0));
}

/** Puts a failure of the page itself into the task log; the same sentence once. */
export function reportProblem(command: CommandValue | string, message: string): void {
  if (pageTasks.value.some(task => task.message === message && !dismissed.value.has(task.id))) return;
  loadSpellers();
  pageTasks.value = [
    ...pageTasks.value,
    {
      id: --lastOfPage,
      // How it is spelled may be loaded only then.
      get command() {
        return spelled(command);
      },
      state: 'failed',
      startedMs: Date.now(),
      message,
    },
  ];
}

/** Something that the page itself does and that takes its time. `end` without a message: nothing came of it, and nothing is said. */
export function startPageTask(command: string): {
  say(message: string, progress: number): void;
  end(state: 'done' | 'failed', message: string | undefined): void;
} {
  const id = --lastOfPage,
    startedMs = Date.now(),
    since = performance.now();
  const put = (task: Partial<Task> | undefined) => {
    pageTasks.value = [
      ...pageTasks.value.filter(each => each.id !== id),
      ...(task ? [{ id, command, startedMs, state: 'running' as const, ...task }] : []),
    ];
  };
  put({});
  return {
    say: (message, progress) => put({ message, progress }),
    end: (state, message) =>
      put(message === undefined ? undefined : { state, message, durationMs: performance.now() - since }),
  };
}

/** Asks Domain 0; rejects with a sentence when it is not there, or ends before it has answered. */
async function ask<T>(question: (api: HostApi) => Promise<T>): Promise<T> {
  await unanswered.wait(connecting);
  if (!api) throw new Error(hostProblem.value ?? `${strings.starting}.`);
  return unanswered.wait(question(api as unknown as HostApi));
}

/** What may be asked of Domain 0, each by its name. */
export const host = callsBy(ask);

/** Guests that are next to the page, listed likewise. */
export function offerGuests(guests: OfferedGuest[]): Promise<void> {
  besides = guests.map(({ id, files }) => ({ id, files }));
  return host.offerGuests(besides);
}

/** Where firmware can be fetched, sent to this Domain 0 and to each that takes its place. */
export function offerFirmware(files: FirmwareFiles): Promise<void> {
  firmware = files;
  return host.offerFirmware(files);
}

export type Command = 'pause' | 'unpause' | 'reset' | 'shutdown' | 'reboot' | 'destroy';

/** A command that changes a domain. Pause and Run of one that is being made again are for the one that takes its place. */
export async function command(name: Command, domain: Pick<DomainInfo, 'id' | 'name'>): Promise<void> {
  const isPress = name === 'pause' || name === 'unpause';
  if (isPress && keepPress(domain.name, name)) return;
  const asked = asTask(
    name === 'reset' ? commandOf('trigger', domain.name, { what: name }) : commandOf(name, domain.name),
    () =>
      name === 'reset'
        ? host.trigger(domain.id, 'reset')
        : name === 'reboot'
          ? host.reboot(domain.id, true)
          : host[name](domain.id),
  );
  return isPress ? notingPress(domain.id, asked) : asked;
}

/** The list as it is now, ahead of what Domain 0 tells of itself. Without Domain 0 it stays as it is. */
const listAgain = (): Promise<void> => host.list().then(listed, () => {});

/** Makes guests again, or drives them: if a person pauses one of them or lets it run meanwhile, that is done afterwards. `idOf`: the domain of a name then. @throws what `work` throws */
export const makingAnew = <T>(
  names: readonly string[],
  work: () => Promise<T>,
  idOf: (name: string) => number | undefined,
): Promise<T> =>
  keepingPresses(names, work, listAgain, async (name, press) => {
    const id = idOf(name);
    // The code that was to make it has reported why there is none.
    if (id !== undefined) await command(press, { id, name });
  });

/** Does something that the host logs; a refusal that the host did not log is logged here, as this command. */
export async function asTask(command: CommandValue | string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = sentence(error);
    setTimeout(() => {
      if (!hostTasks.value.some(task => task.state === 'failed' && task.message === message))
        reportProblem(command, message);
    }, 300);
  }
}
