/** Numbers, sizes and times in words. */
import type { Task } from '../dom0/service/index.ts';
import { strings } from './strings.ts';
import { bytes } from './terminal.ts';

const GIB = 2 ** 30;

/** A whole number in groups of three digits, a narrow space between them: 48 188. */
export const whole = (n: number): string => Math.round(n).toLocaleString('en').replaceAll(',', '\u202f');

/** A whole number with its sign: +5, 0, −5. */
export const signed = (n: number): string => (n > 0 ? `+${n}` : String(n).replace('-', '−'));

/** A 32-bit word in eight hexadecimal digits. */
export const hex8 = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');

/** Of a disk, as its maker counts: 500 GB. */
export const gigabytes = (n: number): string => strings.units.gigabytes(Math.round(n / 1e9));

/** Of what lies on it, as lvs counts: MiB, or GiB with a digit. */
export const size = (n: number): string =>
  n < GIB ? bytes(n) : strings.units.gib((n / GIB).toFixed(n < 100 * GIB ? 1 : 0));

/** How long a task took, or how far it is; empty while it runs and nobody knows. */
export const took = (task: Task): string =>
  task.durationMs === undefined
    ? task.progress === undefined
      ? ''
      : `${Math.floor(task.progress * 100)} %`
    : task.durationMs < 9995
      ? `${(task.durationMs / 1000).toFixed(3)} s`
      : `${(task.durationMs / 1000).toFixed(1)} s`;

/** Time of day at which a task started: hh:mm:ss, and its milliseconds, by which two of one second differ. */
export function startedAt(ms: number): [time: string, ms: string] {
  const date = new Date(ms);
  return [date.toTimeString().slice(0, 8), `.${String(date.getMilliseconds()).padStart(3, '0')}`];
}

/** How long after a task's start something was: +0.4 ms, +1.250 s. */
export const sinceStart = (ms: number): string =>
  ms < 999.95 ? `+${ms.toFixed(1)} ms` : `+${(ms / 1000).toFixed(3)} s`;

/** hh:mm:ss.mmm of virtual time. */
export function clock(ns: number): string {
  const ms = Math.floor(ns / 1e6);
  const pad = (n: number, width = 2): string => String(n).padStart(width, '0');
  return `${pad(Math.floor(ms / 3_600_000))}:${pad(Math.floor(ms / 60_000) % 60)}:${pad(Math.floor(ms / 1000) % 60)}.${pad(ms % 1000, 3)}`;
}

/** Minutes, seconds and microseconds of an hour: how a log of exits tells their times. */
export const stamp = (ns: number): string => {
  const us = Math.floor(ns / 1000);
  return `${String(Math.floor(us / 6e7) % 60).padStart(2, '0')}:${((us % 6e7) / 1e6)
    .toFixed(6)
    .padStart(9, '0')
    .replace(/(...)$/, ' $1')}`;
};

/** How long after the first of several something was: 0, +411 µs, +1.250 s. */
export const later = (ns: number): string => {
  const us = Math.round(ns / 1000);
  return us < 1e6 ? `${us > 0 ? '+' : ''}${whole(us)} µs` : `+${(us / 1e6).toFixed(3)} s`;
};
