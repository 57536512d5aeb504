/** Why a unit has as much of the processors as it has, and why a decision fell as it did. */

import { signed } from '../../units.ts';
import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import type { Shown, Why } from '../inspector.ts';
import { PRIORITIES } from '../runs.ts';
import { type Data, pickedOf, type Share } from './facts.ts';
import { inMs, lengthText, schedulerWords, words } from './words.ts';

const SOURCE = 'xen/common/sched/credit.c',
  FAIR_SOURCE = 'kernel/sched/fair.c of Linux 6.1; Documentation/scheduler/sched-design-CFS.rst, sched-bwc.rst';

/** Where Linux's scheduler decides: by virtual runtimes. */
function fairWhy(shown: Shown<Data>): Why {
  const { data, chosen } = shown,
    picked = chosen ? pickedOf(shown) : undefined;
  if (!picked || picked.to < 0)
    return {
      question: 'Who is next?',
      answer:
        'The thread with the least virtual runtime: the time it has run, which counts more slowly the more cpu_shares its guest has. So threads that always have work get time in proportion to their shares. A guest that has used up its quota waits for its next period.',
      source: FAIR_SOURCE,
    };
  const name = data.units.find(({ unit }) => unit === picked.to)?.name ?? '?';
  return {
    question: `Why ${name}?`,
    answer: `Linux’s scheduler chose its thread: ${schedulerWords().whys[picked.why]}. ${picked.waiting} other${picked.waiting === 1 ? '' : 's'} waited, and it had waited ${(picked.waitedNs / 1e6).toFixed(2)} ms. A thread that wakes preempts one whose virtual runtime is ahead of it by more than a sixth of the scheduling latency.`,
    source: FAIR_SOURCE,
  };
}

const list = (items: readonly (string | number)[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

/** The measured shares by weights and caps, in numbers. */
function sharesWhy({ units, shares, pcpus, fromNs, toNs }: Data): Why {
  const of = (unit: number): Share => shares.get(unit)!,
    span = toNs - fromNs,
    hungry = units.filter(({ unit }) => of(unit).isHungry),
    others = units.filter(({ unit }) => !of(unit).isHungry && of(unit).ran > 0),
    theirs = others.reduce((sum, { unit }) => sum + of(unit).ran, 0);
  const [first] = [...hungry].sort((a, b) => b.weight - a.weight);
  const took =
    others.length === 0
      ? ''
      : `${list(others.map(({ name }) => name))} woke with BOOST and took ${lengthText(theirs)} first.`;
  if (!first)
    return {
      question: 'Why no marks?',
      answer:
        `No domain had work all the time in the last second, so none was short of a processor, and weights decided little. ${took}`.trim(),
      source: SOURCE,
    };
  const capped = hungry.filter(({ cap }) => cap > 0),
    by = hungry.map(({ unit }) => of(unit).byWeight ?? 0),
    names = list(hungry.map(({ name }) => name)),
    question = `Why has ${first.name} ${lengthText(of(first.unit).ran)} of ${lengthText(span)}?`;
  if (hungry.length <= pcpus && capped.length === 0)
    return {
      question,
      answer: `Only ${names} always ${hungry.length > 1 ? 'have' : 'has'} work, and there are ${pcpus} processors: each can have a whole one, whatever the weights. ${took}`,
      source: SOURCE,
    };
  const limit =
    capped.length > 0
      ? ` (the cap of ${list(capped.map(({ name, cap }) => `${name} is ${cap} %`))})`
      : by.some(share => share === span)
        ? ' (none can have more than one processor)'
        : '';
  return {
    question,
    source: SOURCE,
    answer:
      `${took} The other ${lengthText(pcpus * span - theirs)} of ${pcpus === 1 ? 'the processor' : `${pcpus} processors`} go by weight to those that always have work: ${list(by.map(inMs))} ms to ${names}${limit}. Measured: ${list(hungry.map(({ unit }) => inMs(of(unit).ran)))} ms.`.trim(),
  };
}

const WHY: OfEach<(shown: Shown<Data>) => Why> = { xen: creditWhy, kvm: fairWhy };
export const why = (shown: Shown<Data>): Why => ofHost(WHY)(shown);

/** Where the credit scheduler decides. */
function creditWhy(shown: Shown<Data>): Why {
  const { data, chosen } = shown,
    picked = chosen ? pickedOf(shown) : undefined;
  if (!picked) return sharesWhy(data);
  const name = picked.to >= 0 ? (data.units.find(({ unit }) => unit === picked.to)?.name ?? '?') : words.idle;
  if (picked.to < 0)
    return {
      question: 'Why idle?',
      answer: 'When the slot was asked for, no domain that may use it was runnable.',
      source: SOURCE,
    };
  // It had nobody to go before.
  if (picked.priority === 0 && picked.why === 'WOKEN')
    return {
      question: 'Why BOOST?',
      answer: `${name} woke with ${signed(picked.credit)} credits while ${words.pcpu(picked.pcpu)} was idle, and got it after ${(picked.waitedNs / 1e6).toFixed(2)} ms. Who is UNDER when it wakes is BOOSTed whether anybody else waits or not; here it had nobody to go before. It is UNDER again when a tick, each 10 ms, finds it running, or the accounting comes.`,
      source: SOURCE,
    };
  if (picked.priority === 0)
    return {
      question: 'Why BOOST?',
      answer: `${name} woke with ${signed(picked.credit)} credits and waited ${(picked.waitedNs / 1e6).toFixed(2)} ms. Who is UNDER when it wakes goes before all others until a tick, each 10 ms, finds it running, or the accounting comes. So interrupts are answered fast.`,
      source: SOURCE,
    };
  return {
    question: `Why ${name}?`,
    answer: `It was ${PRIORITIES[picked.priority]} with ${signed(picked.credit)} credits, and ${schedulerWords().whys[picked.why]}; ${picked.waiting} other${picked.waiting === 1 ? '' : 's'} waited in this queue. It had waited ${(picked.waitedNs / 1e6).toFixed(2)} ms.`,
    source: SOURCE,
  };
}
