/**
 * What Xen's command line says (docs/misc/xen-command-line.pandoc). As Xen does, words that mean nothing here are passed over, and named in the log, and a
 * value that is none leaves the default.
 */
import { parameterProblem, POLICIES, type SchedulerOptions } from '../../../hypervisor/scheduler/index.ts';
import { LOG_LEVELS, type Threshold } from './hypervisor-log.ts';

/** What `sched=` may name. */
export const XEN_SCHEDULERS = POLICIES.filter(({ ofXen }) => ofXen).map(({ name }) => name);

export interface XenOptions {
  scheduler: Omit<SchedulerOptions, 'pcpus'>;
  /** HVM guests have the forced emulation prefix (Machine.hvmFep). */
  hvmFep?: boolean;
  /** Memory that Domain 0 has for itself (dom0_mem). */
  dom0MemoryMiB?: number;
  /** Most vCPUs of Domain 0 (dom0_max_vcpus). */
  dom0MaxVcpus?: number;
  /** VT-x is not used though it is there (cpuid=no-vmx). */
  noVmx?: boolean;
  /** The host does not start again after a fault (noreboot). */
  noReboot?: boolean;
  loglvl?: Threshold;
  guestLoglvl?: Threshold;
  /** Words that were passed over. */
  unknown: string[];
}

/** A word whose value is none: what Xen prints, and a sentence with what to write. */
export interface XenOptionProblem {
  xen: string;
  sentence: string;
}

export interface ReadXenOptions extends XenOptions {
  problems: XenOptionProblem[];
}

class Invalid extends Error {}

/** Reads what there is; what is wrong is returned next to it. */
export function readXenOptions(commandLine: string): ReadXenOptions {
  const options: ReadXenOptions = { scheduler: {}, unknown: [], problems: [] };
  for (const word of commandLine.split(/\s+/).filter(text => text !== '')) {
    const equals = word.indexOf('=');
    const [key, value] = equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    const read = READERS[key.replace(/^no-(?=hvm_fep$|noreboot$)/, '')];
    if (!read) options.unknown.push(word);
    else
      try {
        read(options, value, word);
      } catch (error) {
        if (!(error instanceof Invalid)) throw error;
        const xen =
          key === 'sched'
            ? `Could not find scheduler: ${value}`
            : `parameter "${key}" has invalid value "${value}", rc=-22!`;
        options.problems.push({ xen, sentence: error.message });
      }
  }
  const problem = parameterProblem(options.scheduler);
  if (problem) {
    const { policy } = options.scheduler;
    options.scheduler = policy === undefined ? {} : { policy };
    options.problems.push({ xen: problem, sentence: problem });
  }
  return options;
}

/** For a command line that somebody gives on purpose: nothing is passed over that is wrong. @throws RangeError with a sentence. */
export function parseXenOptions(commandLine: string): XenOptions {
  const { problems, ...options } = readXenOptions(commandLine);
  if (problems[0]) throw new RangeError(problems[0].sentence);
  return options;
}

type Reader = (options: XenOptions, value: string, word: string) => void;

const READERS: Record<string, Reader> = {
  sched: ({ scheduler }, value) => {
    if (!XEN_SCHEDULERS.includes(value))
      throw new Invalid(
        `There is no scheduler ${value || 'without a name'}: write sched= and one of ${XEN_SCHEDULERS.join(', ')}.`,
      );
    scheduler.policy = value;
  },
  sched_credit_tslice_ms: ({ scheduler }, value) => {
    scheduler.tsliceUs = number('sched_credit_tslice_ms', value) * 1000;
  },
  sched_ratelimit_us: ({ scheduler }, value) => {
    scheduler.ratelimitUs = number('sched_ratelimit_us', value);
  },
  hvm_fep: (options, _value, word) => {
    options.hvmFep = boolean(word);
  },
  noreboot: (options, _value, word) => {
    options.noReboot = boolean(word);
  },
  cpuid: (options, value, word) => {
    if (value !== 'no-vmx') throw new Invalid(`${word}: of cpuid= only no-vmx counts here: VT-x is not used then.`);
    options.noVmx = true;
  },
  dom0_mem: (options, value, word) => {
    // min:, max: and what it starts with: Domain 0 has no balloon here, so that the last size that is not a bound counts, else the largest bound.
    const sizes = value.split(',').map(part => /^(?:(min|max):)?(.+)$/.exec(part) ?? []);
    const [, , size] = sizes.findLast(([, bound]) => bound === undefined) ?? sizes.at(-1) ?? [];
    if (sizes.some(([, , text]) => mebibytes(text ?? '') === undefined))
      throw new Invalid(`${word}: write a size with K, M or G, as in dom0_mem=256M; without a letter it is in KiB.`);
    options.dom0MemoryMiB = mebibytes(size!)!;
  },
  dom0_max_vcpus: (options, value, word) => {
    const [, least, most = least] = /^(\d+)?(?:-(\d+)?)?$/.exec(value) ?? [];
    if (!(Number(most) >= 1)) throw new Invalid(`${word}: write a whole number, 1 or more.`);
    options.dom0MaxVcpus = Number(most);
  },
  loglvl: (options, value, word) => {
    options.loglvl = threshold(value, word);
  },
  guest_loglvl: (options, value, word) => {
    options.guestLoglvl = threshold(value, word);
  },
};

/** MiB, at least 1, of a size as Xen reads it; undefined: it is none. */
function mebibytes(text: string): number | undefined {
  const [, digits, unit = 'K'] = /^(\d+)([BKMGT])?$/i.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0) return undefined;
  return Math.max(1, Math.floor((Number(digits) * 1024 ** 'BKMGT'.indexOf(unit.toUpperCase())) / 2 ** 20));
}

/** `<level>[/<rate-limited level>]`: what is printed at all; nothing is limited in rate here. */
function threshold(value: string, word: string): Threshold {
  const [low, high = low] = value.split('/');
  const levels = ['none', ...LOG_LEVELS];
  const index = (name: string | undefined): number => (name === 'all' ? LOG_LEVELS.length : levels.indexOf(name ?? ''));
  if (index(low) < 0 || index(high) < index(low))
    throw new Invalid(`${word}: write one of none, ${LOG_LEVELS.join(', ')} and all, or two with / between them.`);
  return index(high) as Threshold;
}

/** A boolean as Xen reads it: NAME, no-NAME, or NAME= and one of yes, on, true, enable, 1 and their contraries. */
function boolean(word: string): boolean {
  const [, no, name, , value] = /^(no-)?([^=]*)(=(.*))?$/.exec(word) ?? [];
  if (value === undefined) return no === undefined;
  if (no === undefined && /^(yes|on|true|enable|1)$/.test(value)) return true;
  if (no === undefined && /^(no|off|false|disable|0)$/.test(value)) return false;
  throw new Invalid(`${name} is on or off, and ${word} is neither. Write ${name}, or ${name}=0.`);
}

function number(key: string, value: string): number {
  if (!/^\d+$/.test(value)) throw new Invalid(`${key} takes a whole number, not "${value}".`);
  return Number(value);
}
