/** VM exits: how many of each reason and what they cost, a log of them as they happen, and one of them taken apart. */

import { exitWords } from '../explained/index.ts';
import { addressText, exitTitle } from '../../../hypervisor/view/index.ts';
import { nameOf } from '../../host.ts';
import { hex8 } from '../../units.ts';
import { explainExit, explainHypercall } from '../explain.ts';
import { inspector } from '../frame.tsx';
import type { Shown, Table, Why } from '../inspector.ts';
import { Detail } from './detail.tsx';
import { choiceOf, type Data, viewOf } from './facts.ts';
import { Figure } from './figure.tsx';
import { filter, open } from './source.ts';
import { aboutOf, numberOf, words } from './words.ts';

const EVERY_MS = 500;

export const Exits = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.none,
  open,
  Figure,
  Detail,
  tables,
  why,
});

function tables(data: Data): Table[] {
  const { reasons, calls, log } = viewOf(data, filter.value),
    all = reasons.reduce((sum, { count }) => sum + count, 0);
  return [
    {
      name: words.exits,
      columns: [
        words.reason,
        words.number,
        words.exits,
        'Share, %',
        'Mean, µs',
        'Until somebody was asked, µs',
        'Its answer, µs',
        'Timed',
      ],
      rows: reasons.map(({ reason, count, ns, beforeNs, answerNs, timed }) => [
        exitTitle(reason),
        numberOf(reason),
        count,
        Number(((100 * count) / all).toFixed(2)),
        ...[ns, beforeNs, answerNs].map(each => (timed > 0 ? Number((each / timed / 1e3).toFixed(2)) : '')),
        timed,
      ]),
    },
    {
      name: words.call,
      columns: [words.call, words.number, words.calls],
      rows: calls.map(({ number, count }) => [exitWords().callName(number), number, count]),
    },
    {
      name: words.log,
      columns: [
        'Shared clock, ns',
        'Domain',
        words.vcpu,
        words.number,
        words.reason,
        words.rip,
        'Function',
        words.about,
        'Qualification',
        'Cost, µs',
      ],
      rows: log.map(exit => [
        exit.hostNs ?? '',
        nameOf(exit.domain),
        exit.vcpu,
        numberOf(exit.reason),
        exitTitle(exit.reason),
        addressText(exit.ip),
        data.symbolOf(exit),
        aboutOf(exit),
        hex8(exit.qualification),
        exit.ns === undefined ? '' : Number((exit.ns / 1e3).toFixed(1)),
      ]),
    },
  ];
}

function why(shown: Shown<Data>): Why | undefined {
  const { hypercall, reason, exit } = choiceOf(shown, filter.value);
  if (hypercall !== undefined) return explainHypercall(hypercall);
  return reason === undefined ? undefined : explainExit(exit ?? { reason, qualification: 0 }).why;
}
