/**
 * Commands as they are typed on a host with Xen: xl's, xm's where xend kept something that xl does not, and Ringside's own words of xl (snapshot, break, …).
 * Source: xl(1) of Xen 4.17, xm(1) of Xen 4.1; ours: src/dom0/toolstack/commands.
 */
import type { BreakWords } from './command/command-value.ts';
import type { Between, Spellings } from './spelling.ts';
import { xenLife } from './xen-life.ts';

/** What `break` and `back` call the kinds of places: those of breaks/commands.ts. */
const BREAK_LETTERS: Readonly<Record<string, string>> = {
  write: '-w',
  access: '-a',
  exit: '-x',
  hypercall: '-c',
  port: '-p',
  event: '-e',
};
const BACK_LETTERS: Readonly<Record<string, string>> = { write: '-w', access: '-a', execute: '-x' };

/** Words with a space between them are several. */
const apart = (text: string | undefined): string[] => text?.split(' ') ?? [];

const pointsOf = (domain: string | undefined, points: readonly BreakWords[]): (string | undefined | Between)[] =>
  points.flatMap(({ kind, place, off }, i) => [
    ...(i > 0 ? [{ between: ';' } as const, 'xl', 'break'] : []),
    ...(off ? ['-d'] : []),
    ...(BREAK_LETTERS[kind] ? [BREAK_LETTERS[kind]] : []),
    domain,
    ...apart(place),
  ]);

export const xen: Spellings = {
  ...xenLife,
  save: (domain, { file = null, leaves }) => ['xl save', leaves && (leaves === 'running' ? '-c' : '-p'), domain, file],
  restore: (_, { file = null, paused }) => ['xl restore', paused && '-p', file],
  migrate: (domain, { to = null, autoConverge, copyStorage, postcopy, paused }) => [
    'xl migrate',
    paused && '-p',
    autoConverge && '--auto-converge',
    copyStorage && `--copy-storage-${copyStorage}`,
    postcopy && '--postcopy',
    domain,
    to,
  ],
  'migrate-receive': (domain, { from }) => ['xl migrate-receive', domain, from],
  remus: (domain, { to }) => ['xl remus', domain, to],
  snapshot: (domain, { name, description }) => ['xl snapshot', domain, name, description || undefined],
  revert: (domain, { snapshot }) => ['xl revert', domain, snapshot],
  'snapshot-delete': (domain, { snapshot }) => ['xl snapshot-delete', domain, snapshot],
  clone: (domain, { to = null }) => ['xl clone', domain, to],
  rename: (domain, { to = null, halted }) => [halted ? 'xm rename' : 'xl rename', domain, to],
  new: (_, { file }) => ['xm new', file],
  start: (domain, { paused }) => ['xm start', paused && '-p', domain],
  delete: (domain, { storage, snapshots }) => ['xm delete', storage && '--storage', snapshots && '--snapshots', domain],
  'cd-insert': (domain, { drive = null, media = [null] }) => ['xl cd-insert', domain, drive, ...media],
  'cd-eject': (domain, { drive }) => ['xl cd-eject', domain, drive],
  'block-attach': (domain, { disk }) => [
    'xl block-attach',
    domain,
    typeof disk === 'string'
      ? disk
      : `${disk.source},${disk.format},${disk.target},${disk.readOnly ? 'r' : 'w'}${disk.cdrom ? ',cdrom' : ''}`,
  ],
  'block-detach': (domain, { device }) => ['xl block-detach', domain, device],
  'network-attach': (domain, { card = {} }) => [
    'xl network-attach',
    domain,
    ...Object.entries(card).map(([key, value]) => `${key}=${value}`),
  ],
  'network-detach': (domain, { device }) => ['xl network-detach', domain, device],
  'mem-set': (domain, { memoryMiB }) => ['xl mem-set', domain, memoryMiB],
  'mem-max': (domain, { memoryMiB }) => ['xl mem-max', domain, memoryMiB],
  'vcpu-set': (domain, { vcpus }) => ['xl vcpu-set', domain, vcpus],
  'vcpu-pin': (domain, { vcpu = 'all', cpus = '-', cpusSoft = '-' }) => ['xl vcpu-pin', domain, vcpu, cpus, cpusSoft],
  'sched-credit': (domain, { weight, cap, tsliceMs, ratelimitUs }) => [
    'xl sched-credit',
    ...(domain === undefined ? ['-s'] : ['-d', domain]),
    ...option('-w', weight),
    ...option('-c', cap),
    ...option('-t', tsliceMs),
    ...option('-r', ratelimitUs),
  ],
  'dump-core': (domain, { file }) => ['xl dump-core', domain, file],
  'config-update': (domain, { file }) => ['xl config-update', domain, file],
  sysrq: (domain, { letter }) => ['xl sysrq', domain, letter],
  'send-key': (domain, { keys, holdMs }) => ['xl send-key', ...option('--holdtime', holdMs), domain, ...keys],
  'host-set': (_, { words }) => ['xl host-set', ...words],
  'store-write': (_, { path, value }) => ['xenstore-write', path, value],
  step: (domain, { exits }) => ['xl step', exits && '-e', domain],
  back: (domain, { to, last }) => ['xl back', last && BACK_LETTERS[last], domain, ...apart(to)],
  break: (domain, { points, none }) => ['xl break', ...(points ? pointsOf(domain, points) : [none && '-d', domain])],
  'exit-controls': (domain, { controls = [] }) => ['xl exit-controls', domain, ...controls],
  console: domain => ['xl console', domain],
  list: () => ['xl list'],
};

const option = (letter: string, value: number | undefined): [string, number] | [] =>
  value === undefined ? [] : [letter, value];
