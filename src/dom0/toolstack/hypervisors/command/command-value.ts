/**
 * A command as a value: what is to be done, to which domain, and how. The task log keeps it, and the tools of a hypervisor spell it (xen.ts, kvm.ts).
 * A new verb is a line in `Verbs` and a line in each of the two tables: the types ask for all three.
 */

type None = Record<never, never>;

/** A disk as a command names it. */
export interface DiskWords {
  source: string;
  /** How the guest's definition calls it (xvda, vdb). */
  target: string;
  format: string;
  cdrom?: boolean;
  readOnly?: boolean;
}

/** A point at which a domain stops, as `break` takes it: what the place is (write, exit, …), and the place. */
export interface BreakWords {
  kind: string;
  place: string;
  /** It stops there no more. */
  off?: boolean;
}

/** What can be asked of a domain or of the host, and what is said with it. */
export interface Verbs {
  /** `settings`: lines of xl.cfg that count more than the file's. */
  create: { file?: string; settings?: readonly string[]; paused?: boolean };
  pause: None;
  unpause: None;
  destroy: None;
  /** `fallback`: the power button of a guest that has no driver for the request. `all`: every domain. */
  shutdown: { fallback?: boolean; all?: boolean };
  reboot: { fallback?: boolean };
  trigger: { what: string; vcpu?: number };
  /** `leaves`: how the domain goes on (it is gone). */
  save: { file?: string; leaves?: 'running' | 'paused' };
  restore: { file?: string; paused?: boolean };
  migrate: {
    to?: string;
    autoConverge?: boolean;
    copyStorage?: 'all' | 'inc';
    postcopy?: boolean;
    paused?: boolean;
  };
  'migrate-receive': { from: string };
  remus: { to: string };
  snapshot: { name?: string; description?: string };
  revert: { snapshot: string };
  'snapshot-delete': { snapshot: string };
  clone: { to?: string };
  /** `halted`: a definition's that does not run. */
  rename: { to?: string; halted?: boolean };
  /** A definition that is kept: from a file, started, deleted. */
  new: { file: string };
  start: { paused?: boolean };
  delete: { snapshots?: boolean; storage?: boolean };
  'cd-insert': { drive?: string; media?: readonly string[] };
  'cd-eject': { drive: string };
  /** Text: as it was written, where it could not be read. */
  'block-attach': { disk: DiskWords | string };
  'block-detach': { device: string };
  /** `card`: settings as in xl.cfg's vif. */
  'network-attach': { card?: Readonly<Record<string, string>> };
  'network-detach': { device: string; mac?: string };
  'mem-set': { memoryMiB: number };
  'mem-max': { memoryMiB: number };
  'vcpu-set': { vcpus: number };
  'vcpu-pin': { vcpu?: number; cpus?: string; cpusSoft?: string };
  /** Of a domain its weight and its cap (per cent of a processor, 0: none); else the scheduler's own. */
  'sched-credit': { weight?: number; cap?: number; tsliceMs?: number; ratelimitUs?: number };
  'dump-core': { file: string };
  'config-update': { file: string };
  sysrq: { letter: string };
  /** Keys by Linux's names (KEY_A), pressed together. */
  'send-key': { keys: readonly string[]; holdMs?: number };
  'host-set': { words: readonly string[] };
  'store-write': { path: string; value: string };
  step: { exits?: boolean };
  /** `last`: the place is bytes of memory, and the last access of this kind to them is meant. */
  back: { to?: string; last?: string };
  /** `none`: it stops nowhere any more. */
  break: { points?: readonly BreakWords[]; none?: boolean };
  'exit-controls': { controls?: readonly string[] };
  console: None;
  list: None;
}

export type Verb = keyof Verbs;

/** A command. Without a domain it is about the host, or about several domains. */
export type CommandValue<V extends Verb = Verb> = {
  [Each in V]: { verb: Each; domain?: string; options: Verbs[Each] };
}[V];

export const commandOf = <V extends Verb>(
  verb: V,
  domain?: string,
  ...[options = {} as Verbs[V]]: None extends Verbs[V] ? [options?: Verbs[V]] : [options: Verbs[V]]
): CommandValue<V> => ({ verb, domain, options }) as CommandValue<V>;

/** A line that is the same on every hypervisor: of libvirt's client, of Ringside's own programs, of the host's. */
export type Line =
  `${'virsh' | 'ringside' | 'pool' | 'lvcreate' | 'lvremove' | 'lvextend' | 'qemu-img' | 'ha-start' | 'replicate' | 'time'} ${string}`;
