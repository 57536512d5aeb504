/** The one table of `npm run -s bench:io`: a row for each way to a disk or a network, whatever machine it is of. */
import { median, short } from './lib.mjs';

const COLUMNS = [
  'MiB/s by the clock',
  'MiB/s of CPU time',
  'requests/s of CPU time',
  'CPU ms/MiB',
  'of it Domain 0',
  'exits/MiB',
  'notifications/MiB',
  'interrupts/MiB',
];

/**
 * Prints rows of { title, amount (MiB), requests, rounds: { wallMs, cpuMs, domain0Ms, interrupts }, exits, notifications (a MiB) }; what a row does not have is shown as -.
 * The median of each figure's rounds is shown.
 */
export function printTable(rows) {
  console.log(`\n| | ${COLUMNS.join(' | ')} |\n| --- |${' ---: |'.repeat(COLUMNS.length)}`);
  for (const { title, rounds, amount, requests, exits, notifications } of rows) {
    const of = what => (rounds.length > 0 ? median(rounds.map(what)) : Number.NaN);
    const ms = of(({ cpuMs }) => cpuMs);
    const values = [
      (amount * 1000) / of(({ wallMs }) => wallMs),
      (amount * 1000) / ms,
      (requests * 1000) / ms,
      ms / amount,
      of(({ domain0Ms }) => domain0Ms) / amount,
      exits,
      notifications,
      of(({ interrupts }) => interrupts) / amount,
    ];
    console.log(`| ${[title, ...values.map(short)].join(' | ')} |`);
  }
}
