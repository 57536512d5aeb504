/**
 * What Xen's command line says: sched=, sched_credit_tslice_ms=, sched_ratelimit_us= of the scheduler, and hvm_fep (docs/misc/xen-command-line.pandoc).
 * As Xen does, words that mean nothing here are passed over, and named.
 */
import { parameterProblem, POLICIES, type SchedulerOptions } from '../hypervisor/scheduler/index.ts';

export interface XenOptions {
  scheduler: Omit<SchedulerOptions, 'pcpus'>;
  /** HVM guests have the forced emulation prefix (Machine.hvmFep). */
  hvmFep?: boolean;
  /** Words that were passed over. */
  unknown: string[];
}

/** @throws RangeError with a sentence. */
export function parseXenOptions(commandLine: string): XenOptions {
  const options: XenOptions = { scheduler: {}, unknown: [] };
  const { scheduler } = options;
  for (const word of commandLine.split(/\s+/).filter(text => text !== '')) {
    const equals = word.indexOf('=');
    const [key, value] = equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    if (key === 'sched') {
      if (!POLICIES.some(({ name }) => name === value))
        throw new RangeError(`There is no scheduler ${value || 'without a name'}: write sched= and one of ${POLICIES.map(({ name }) => name).join(', ')}.`);
      scheduler.policy = value;
    } else if (key === 'sched_credit_tslice_ms') scheduler.tsliceUs = number(key, value) * 1000;
    else if (key === 'sched_ratelimit_us') scheduler.ratelimitUs = number(key, value);
    else if (/^(no-)?hvm_fep$/.test(key)) options.hvmFep = boolean(word);
    else options.unknown.push(word);
  }
  const problem = parameterProblem(scheduler);
  if (problem) throw new RangeError(problem);
  return options;
}

/** A boolean as Xen reads it: NAME, no-NAME, or NAME= and one of yes, on, true, enable, 1 and their contraries. */
function boolean(word: string): boolean {
  const [, no, name, , value] = /^(no-)?([^=]*)(=(.*))?$/.exec(word) ?? [];
  if (value === undefined) return no === undefined;
  if (no === undefined && /^(yes|on|true|enable|1)$/.test(value)) return true;
  if (no === undefined && /^(no|off|false|disable|0)$/.test(value)) return false;
  throw new RangeError(`${name} is on or off, and ${word} is neither. Write ${name}, or ${name}=0.`);
}

function number(key: string, value: string): number {
  if (!/^\d+$/.test(value)) throw new RangeError(`${key} takes a whole number, not "${value}".`);
  return Number(value);
}
