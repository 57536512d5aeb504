/**
 * The page's only way to Domain 0: one worker, comlink calls (src/dom0/api.ts). What the host says last is in the signals here.
 */

import { computed, signal } from '@preact/signals';
import * as Comlink from 'comlink';
import type { DomainInfo, DomainView, FirmwareFiles, HostApi, HostInfo, NamedFile, Plan, Task } from '../dom0/api.ts';
import { strings } from './strings.ts';

export const info = signal<HostInfo | undefined>(undefined);
export const domains = signal<DomainInfo[]>([]);
const hostTasks = signal<Task[]>([]);
/** The page's own failures, in the same log. Their ids are negative. */
const pageTasks = signal<Task[]>([]);
const dismissed = signal<ReadonlySet<number>>(new Set());
/** Set once Domain 0 is beyond help. */
export const hostProblem = signal<string | undefined>(undefined);

/** Newest first. */
export const tasks = computed(() =>
  [...hostTasks.value, ...pageTasks.value].filter(task => !dismissed.value.has(task.id)).sort((a, b) => b.startedMs - a.startedMs || b.id - a.id));

export function dismiss(ids: number[]): void {
  dismissed.value = new Set([...dismissed.value, ...ids]);
}

let api: Comlink.Remote<HostApi> | undefined;
let refresh = Promise.resolve();

/** Starts Domain 0 and follows it. Problems end in `hostProblem` and the task log, never in an exception. */
export async function connect(): Promise<void> {
  try {
    api = start();
    // Xen's command line: …/?xen=sched%3Drr
    const commandLine = new URLSearchParams(location.search).get('xen');
    if (commandLine) await api.bootXen(commandLine).catch(error => reportProblem('Xen', sentence(error)));
    await api.subscribe(Comlink.proxy((list: DomainInfo[], log: Task[]) => {
      domains.value = [...list].sort((a, b) => a.id - b.id);
      hostTasks.value = log;
      // Free memory changes with the domains; one question at a time.
      refresh = refresh.then(async () => { info.value = await api!.info(); }).catch(() => {});
    }));
    domains.value = [...await api.list()].sort((a, b) => a.id - b.id);
    info.value = await api.info();
  } catch (error) {
    fail(strings.errors.connectFailed(sentence(error)));
  }
}

function start(): Comlink.Remote<HostApi> {
  const worker = new Worker(new URL('../dom0/worker.ts', import.meta.url), { type: 'module', name: 'Domain-0' });
  worker.addEventListener('error', event => {
    event.preventDefault();
    fail(info.value ? strings.errors.workerFailed(event.message || 'no reason given') : strings.errors.connectFailed(event.message || 'its program could not be loaded'));
  });
  return Comlink.wrap<HostApi>(worker);
}

function fail(message: string): void {
  if (hostProblem.value) return;
  hostProblem.value = message;
  reportProblem('Domain-0', message);
}

/** Puts a failure of the page itself into the task log; the same sentence once. */
export function reportProblem(command: string, message: string): void {
  if (pageTasks.value.some(task => task.message === message && !dismissed.value.has(task.id))) return;
  pageTasks.value = [...pageTasks.value, { id: -1 - pageTasks.value.length, command, state: 'failed', startedMs: Date.now(), message }];
}

/** The sentence of whatever was thrown. */
export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function remote(): HostApi {
  if (!api) throw new Error(hostProblem.value ?? `${strings.starting}.`);
  return api as HostApi;
}

export const host = {
  offerFirmware: async (files: FirmwareFiles): Promise<void> => remote().offerFirmware(files),
  plan: async (files: NamedFile[]): Promise<Plan> => remote().plan(files),
  cancelPlan: async (): Promise<void> => remote().cancelPlan(),
  create: async (files: NamedFile[], anotherName = false): Promise<DomainInfo> => remote().create(files, anotherName),
  restore: async (state: NamedFile, images: NamedFile[]): Promise<DomainInfo> => remote().restore(state, images),
  save: async (id: number): Promise<Blob> => remote().save(id),
  view: async (id: number): Promise<DomainView> => remote().view(id),
};

export type Command = 'pause' | 'unpause' | 'reset' | 'shutdown' | 'destroy';

/** A command that changes a domain. The host logs it; a refusal that the host did not log is logged here. */
export async function command(name: Command, domain: DomainInfo): Promise<void> {
  try {
    await remote()[name](domain.id);
  } catch (error) {
    const message = sentence(error);
    setTimeout(() => {
      if (!hostTasks.value.some(task => task.state === 'failed' && task.message === message)) reportProblem(`xl ${name} ${domain.name}`, message);
    }, 300);
  }
}
