/** VM exits: how many of each reason and what they cost, a log of them as they happen, and one of them taken apart. */

import { signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { ExitReason } from '../../cpu/architecture/index.ts';
import {
  type DomainView,
  exitTitle,
  HYPERCALL_VECTOR,
  reasonOf,
  vectorOf,
  type VcpuState,
} from '../../hypervisor/view/index.ts';
import { hypercallName, operationName } from '../../hypervisor/interfaces/xen/index.ts';
import { nameOf } from '../host.ts';
import { Chip, ownerClass } from '../parts/marks.tsx';
import { hex8, stamp, whole } from '../units.ts';
import { Code } from './code.tsx';
import { instructionAt, shortly } from './disassembly.ts';
import { ExitLog, type KindTimes, type SeenExit, subjectOf } from './exit-log.ts';
import { fold } from './fold.ts';
import { answererOf, type Deed, explainExit, explainHypercall, wayOf } from './explain.ts';
import { inspector } from './frame.tsx';
import type { Shown, Target } from './inspector.ts';
import { symbolAt } from './symbols.ts';

const words = {
  number: 'No.',
  reason: 'Reason',
  exits: 'Exits',
  share: 'Share of exits',
  time: 'Time in Xen',
  timeHint: 'The mean of those that were timed, one in 64, times all',
  log: 'Log',
  newest: 'newest first; ~: the mean of its kind',
  times: (n: number) => (n === 1 ? '' : ` × ${n}`),
  clock: 'Seconds on the clock that all guests’ workers share',
  group: 'Count by',
  byReason: 'Exit reason',
  before: 'before',
  beforeOpened: 'before this view was opened',
  at: 'Time',
  vcpu: 'vCPU',
  rip: 'Guest EIP',
  code: 'Code',
  codeHint: 'The function, where the guest’s kernel names it, else the instruction, as memory is now',
  codeNow: 'As memory is now',
  about: 'About',
  cost: 'Cost',
  costHint:
    'The browser’s clock goes in steps. ~: of an exit that took few of them, the mean of its kind: the same guest and reason, and, where enough were seen, hypercall, port or page',
  mostly: (mean: string) => `~${mean}`,
  each: 'Each',
  calls: 'Calls',
  shareOfCalls: 'Share of calls',
  call: 'Hypercall',
  none: 'No exit has been counted yet.',
  quiet: 'Nothing since this view was opened.',
  noCalls: 'No hypercall has been counted yet.',
  noMatch: 'Nothing has all of these words.',
  last: 'its last of this kind',
  noLast: 'None of its kind is among those that are kept. The next one is.',
  way: 'Handler',
  wayHint: 'with Xen’s names of its functions',
  previous: '‹ Earlier',
  next: 'Later ›',
  previousHint: 'The exit before it',
  nextHint: 'The exit after it',
  filter: 'Filter by domain and reason',
  example: 'Filter: a domain, a reason, a hypercall',
  count: (n: number, what: string) => `${whole(n)} ${what}`,
  exitsWord: 'exits since start',
  callsWord: 'hypercalls since start',
  since: (n: number) => `${whole(n)} since this view was opened`,
  qualification: (value: number) => `Qualification 0x${hex8(value)}`,
  costOf: (cost: string) => `Cost of this exit, ${cost}`,
  costOfKind: (mean: string) => `Cost, ${mean} in the mean`,
  noCost: 'Too few of its kind have been timed (one exit in 64 is).',
  meanOf: (n: number, about: string | undefined, apart: number) =>
    `Of ${whole(n)} ${about === undefined ? 'of its reason' : about ? `like it (${about})` : 'like it'}${apart > 0 ? `, without ${whole(apart)} far longer` : ''}.`,
  thisOne: (cost: string) => `This one took ${cost}.`,
  kindTakes: (mean: string, of: number) => `Its kind takes ${mean}, the mean of ${whole(of)} that were timed.`,
  parts: ['exit, decode', 'finish, entry'] as const,
  allXen: 'Xen itself',
  rare: (n: number) => `Show ${n} rarer`,
  exit: 'exits',
  bytesLong: (n: number) => `len ${n}`,
};
const LOG = 2000,
  SHOWN = 60,
  /** Kinds that are shown before the rare ones are asked for. */
  FEW = 8,
  /** Of fewer that were timed no mean is told: one that the host’s own scheduler cut in two would be all of it. */
  FEWEST = 32,
  /** An exit that took so many steps of the clock is told in parts of its own. */
  STEPS = 20,
  /** One that took fewer is told by the mean of its kind, where that is near and so many were seen. */
  FEW_STEPS = 4,
  FEW_LIKE_IT = 12,
  EVERY_MS = 500;
const ms = (ns: number): string =>
  ns >= 1e8 ? `${whole(ns / 1e6)} ms` : ns < 1e4 ? '<0.01 ms' : `${(ns / 1e6).toFixed(ns < 1e6 ? 2 : 1)} ms`;
const us = (ns: number): string => `${(ns / 1e3).toFixed(ns < 99_950 ? 1 : 0)} µs`;

/** What is counted of a reason, and the times of one in 64. */
interface Reason extends KindTimes {
  key: string;
  reason: number;
  count: number;
}
interface Calls {
  key: string;
  number: number;
  count: number;
}
interface Counted {
  domain: number;
  reasons: Reason[];
  calls: Calls[];
}
interface Data {
  counted: readonly Counted[];
  log: readonly SeenExit[];
  /** The last exit of each reason that vCPUs have kept. */
  lasts: ReadonlyMap<number, SeenExit>;
  /** Exits since this view was opened. */
  seen: number;
  /** The shortest time that was seen above 0: a step of the browser's clock. */
  stepNs: number;
  /** Of exits like it, as many as this view has seen. */
  timesOf(exit: SeenExit): KindTimes | undefined;
  isHost: boolean;
  /** `function+0xoffset`; '' where its kernel names nothing there, or it is still looked for. */
  symbolOf(exit: SeenExit): string;
}

const domainsOf = ({ session, machine }: Target): DomainView[] =>
  (machine?.domains() ?? []).filter(({ id }) => id > 0 && (!session || id === session.id));

function open(target: Target) {
  const readers = new Map<number, ReturnType<DomainView['watch']>>(),
    log = new ExitLog(LOG),
    lasts = new Map<number, SeenExit>();
  let stepNs = Number.POSITIVE_INFINITY;
  const take = (domain: DomainView): void => {
    let reader = readers.get(domain.id);
    if (!reader) {
      readers.set(domain.id, (reader = domain.watch()));
      for (const vcpu of domain.vcpus()) log.takeKept(domain.id, vcpu.id, vcpu.lastExits().exits);
    }
    const { hostUs, nowNs } = domain.counters();
    log.take(reader.take(), 1000 * hostUs - nowNs);
    for (const vcpu of domain.vcpus())
      for (const exit of vcpu.lastExits().exits)
        lasts.set(exit.reason, { key: '', domain: domain.id, vcpu: vcpu.id, ...exit });
  };
  return {
    look(): Data | undefined {
      const seen = domainsOf(target);
      if (seen.length === 0) return undefined;
      const counted = seen.map((domain): Counted => {
        take(domain);
        const { byReason, samples, sampleNs, beforeNs, answerNs, hypercalls } = domain.counters();
        return {
          domain: domain.id,
          reasons: [...byReason].flatMap((count, i) =>
            count === 0
              ? []
              : [
                  {
                    key: `r${reasonOf(i)}`,
                    reason: reasonOf(i),
                    count,
                    timed: samples[i]!,
                    ns: sampleNs[i]!,
                    beforeNs: beforeNs[i] ?? 0,
                    answerNs: answerNs[i] ?? 0,
                  },
                ],
          ),
          calls: [...hypercalls].flatMap((count, number) =>
            count === 0 ? [] : [{ key: `h${number}`, number, count }],
          ),
        };
      });
      const newest = log.newest();
      for (const { ns } of newest) if (ns !== undefined && ns > 500) stepNs = Math.min(stepNs, ns);
      return {
        counted,
        log: newest,
        lasts: new Map(lasts),
        seen: log.seen,
        stepNs,
        timesOf: exit => log.timesOf(exit),
        isHost: !target.session,
        symbolOf: exit => symbolOf(target, exit),
      };
    },
    close(): void {
      for (const reader of readers.values()) reader.close();
    },
  };
}

/** Of an exit; vectors have their number in their names. */
const numberOf = (reason: number): string => (vectorOf(reason) >= 0 ? '' : String(reason));

// ---- the filter

const filter = signal('');
const reasonWords = (reason: number): string => `${numberOf(reason)} ${exitTitle(reason)}`.toLowerCase();
const callWords = (number?: number): string =>
  number === undefined ? '' : `${number} ${hypercallName(number)}`.toLowerCase();
/** Words that name a domain choose domains; the others are looked for in the reason and the hypercall. */
function filterOf({ counted }: Data): { isDomain(id: number): boolean; isReason(text: string): boolean } {
  const terms = filter.value.toLowerCase().split(/\s+/).filter(Boolean),
    isName = (term: string) => counted.some(({ domain }) => nameOf(domain).toLowerCase().startsWith(term));
  const names = terms.filter(isName),
    rest = terms.filter(term => !isName(term));
  return {
    isDomain: id => names.length === 0 || names.some(term => nameOf(id).toLowerCase().startsWith(term)),
    isReason: text => rest.every(term => text.includes(term)),
  };
}

/** What the filter leaves: reasons and hypercalls of all chosen domains together, the most frequent first, and the log. */
function viewOf(data: Data): { reasons: Reason[]; calls: Calls[]; log: SeenExit[] } {
  const { isDomain, isReason } = filterOf(data),
    reasons = new Map<number, Reason>(),
    calls = new Map<number, Calls>();
  for (const each of data.counted.filter(({ domain }) => isDomain(domain))) {
    for (const one of each.reasons) {
      const sum = reasons.get(one.reason);
      if (!sum) reasons.set(one.reason, { ...one });
      else for (const field of ['count', 'timed', 'ns', 'beforeNs', 'answerNs'] as const) sum[field] += one[field];
    }
    for (const one of each.calls)
      calls.set(one.number, { ...one, count: one.count + (calls.get(one.number)?.count ?? 0) });
  }
  const most = <T extends { count: number }>(all: Iterable<T>): T[] => [...all].sort((a, b) => b.count - a.count);
  return {
    reasons: most(reasons.values()).filter(({ reason }) =>
      isReason(`${reasonWords(reason)} ${isCall(reason) ? [...calls.keys()].map(callWords).join(' ') : ''}`),
    ),
    calls: most(calls.values()).filter(({ number }) => isReason(callWords(number))),
    log: data.log.filter(
      exit => isDomain(exit.domain) && isReason(`${reasonWords(exit.reason)} ${callWords(callOf(exit))}`),
    ),
  };
}

/** What was chosen: an exit, with the reason that it is counted by; or a hypercall. */
function choiceOf({ data, chosen }: Shown<Data>): {
  key: string;
  hypercall?: number;
  reason?: number;
  exit?: SeenExit;
  isLast?: true;
} {
  const { reasons, log } = viewOf(data),
    exit = /^[lk]/.test(chosen) ? data.log.find(({ key }) => key === chosen) : undefined;
  if (exit) return { key: chosen, reason: exit.reason, exit };
  if (chosen.startsWith('h')) return { key: chosen, hypercall: Number(chosen.slice(1)) };
  const reason = chosen.startsWith('r') ? Number(chosen.slice(1)) : reasons[0]?.reason;
  if (reason === undefined) return { key: '' };
  const last = log.find(each => each.reason === reason) ?? data.lasts.get(reason);
  return { key: `r${reason}`, reason, ...(last ? { exit: last, isLast: true } : {}) };
}

// ---- one exit in words

/** The hypercall that an exit was for: as it came back, or as EAX had it. */
const callOf = ({ reason, detail, call }: SeenExit): number | undefined =>
  call?.number ?? (reason === ExitReason.VMCALL || reason === ExitReason.VMMCALL ? detail : undefined);
/** Hypercalls come by it. */
const isCall = (reason: number): boolean =>
  reason === ExitReason.VMCALL || reason === ExitReason.VMMCALL || vectorOf(reason) === HYPERCALL_VECTOR;

/** What an exit was about, in a few words; of most reasons the qualification says nothing (SDM vol. 3, 28.2.1). */
export function aboutOf(exit: SeenExit): string {
  const { reason, qualification, detail = 0, call } = exit,
    number = callOf(exit);
  if (number !== undefined)
    return `${(call && operationName(number, call.first)) ?? hypercallName(number)}${call && call.result !== 0 ? ` → ${call.result}` : ''}`;
  if (reason === ExitReason.IO)
    return `${qualification & 32 ? `${detail} byte${detail === 1 ? '' : 's'}, ` : qualification & 16 ? 'string, ' : qualification & 8 ? '' : `0x${(detail >>> 0).toString(16)} → `}port 0x${(qualification >>> 16).toString(16)}`;
  if (reason === ExitReason.EPT_VIOLATION)
    return `${qualification & 2 ? 'write' : qualification & 4 ? 'fetch' : 'read'} ${hex8(detail)}`;
  if (reason === ExitReason.RDMSR || reason === ExitReason.WRMSR) return `MSR 0x${(detail >>> 0).toString(16)}`;
  if (reason in SHORTLY) return SHORTLY[reason]!;
  if (vectorOf(reason) === PAGE_FAULT) return `at ${hex8(detail)}`;
  return vectorOf(reason) < 0 && explainExit({ reason, qualification }).fields.length > 0 ? hex8(qualification) : '';
}
const PAGE_FAULT = 14;
/** What a column of the log has room for; whole texts are a title away. */
const CODE_ROOM = 24,
  ABOUT_ROOM = 20;
/** Of an instruction that is too long the address goes, of an operation its family's name. */
const codeInCell = (text: string): string => {
  const short = shortly(text);
  return short.length <= CODE_ROOM ? short : short.replace(/\[[^\]]{4,}\]/, '[…]');
};
const aboutInCell = (text: string): string =>
  text.length <= ABOUT_ROOM ? text : text.replace(/^[A-Z]+OP_(?=[a-z])/, '');
/** Where the reason alone says what it was about. */
const SHORTLY: Readonly<Record<number, string>> = {
  [ExitReason.PREEMPTION_TIMER]: 'timer is due',
  [ExitReason.EXTERNAL_INTERRUPT]: 'doorbell rang',
  [ExitReason.INTERRUPT_WINDOW]: 'interrupt waits',
  [ExitReason.HLT]: 'nothing to do',
};
/** Of one exit: the browser's clock goes in steps. */
const wholeUs = (ns: number): string => (ns < 999_500 ? `${whole(ns / 1e3)} µs` : `${(ns / 1e6).toFixed(1)} ms`);
const costText = (ns: number | undefined, stepNs: number): string =>
  ns === undefined ? '–' : ns < 500 ? (Number.isFinite(stepNs) ? `< ${wholeUs(stepNs)}` : '–') : wholeUs(ns);
const enough = (of: KindTimes | undefined, fewest: number): KindTimes | undefined =>
  of && of.timed >= fewest ? of : undefined;
/** Of the exit's own kind, where enough of them were seen; of its reason, likewise. */
const likeIt = (data: Data, exit: SeenExit | undefined): KindTimes | undefined =>
  enough(exit && data.timesOf(exit), FEW_LIKE_IT);
/** The mean that is told of an exit: of its kind. Where the reason alone is its kind, that is what the table of reasons says: one number, not two of the same. */
export const meanOf = (
  exit: SeenExit | undefined,
  kind: KindTimes | undefined,
  reason: KindTimes | undefined,
): KindTimes | undefined => (exit && subjectOf(exit) === undefined ? (reason ?? kind) : (kind ?? reason));
const ofReason = (reasons: readonly Reason[] | undefined, reason: number): KindTimes | undefined =>
  enough(
    reasons?.find(each => each.reason === reason),
    FEWEST,
  );
/** What took few steps: the mean of its kind, which is known closer than the clock goes. */
function Took({ exit, data }: { exit: SeenExit; data: Data }) {
  if (exit.ns === undefined) return null;
  const of = meanOf(
      exit,
      likeIt(data, exit),
      ofReason(data.counted.find(({ domain }) => domain === exit.domain)?.reasons, exit.reason),
    ),
    mean = of && of.ns / of.timed,
    isMean = mean !== undefined && exit.ns < FEW_STEPS * data.stepNs && Math.abs(mean - exit.ns) < 2 * data.stepNs;
  return isMean ? (
    <span class="dim" title={words.thisOne(costText(exit.ns, data.stepNs))}>
      {words.mostly(us(mean))}
    </span>
  ) : (
    costText(exit.ns, data.stepNs)
  );
}
const shareText = (count: number, all: number): string =>
  count < 0.0005 * all ? '<0.1 %' : `${((100 * count) / all).toFixed(1)} %`;

/** A vCPU as it was to the exit: in that address space. */
function stateOf({ machine }: Target, { domain, vcpu, cr3 }: SeenExit): VcpuState | undefined {
  const state = machine?.domain(domain)?.vcpus()[vcpu]?.look();
  if (cr3 !== undefined) state?.enter(cr3);
  return state;
}
/** Instructions of the rows that stand there: decoded once, when the row comes. */
const decoded = new WeakMap<SeenExit, { text: string; length: number }>();
const symbolOf = (target: Target, exit: SeenExit): string =>
  target.machine ? symbolAt(target.machine, exit.domain, exit.eip, () => stateOf(target, exit)) : '';
function instructionOf(target: Target, exit: SeenExit): { text: string; length: number } {
  const known = decoded.get(exit),
    state = known ? undefined : stateOf(target, exit),
    found = known ?? (state && instructionAt(state, exit.eip)) ?? { text: '', length: 0 };
  decoded.set(exit, found);
  return found;
}

// ---- counts and log

const Bar = ({ part, isOpen = false }: { part: number; isOpen?: boolean }) =>
  part === 0 ? null : <i class={`hb${isOpen ? ' open' : ''}`} style={`width:${100 * part}%`} />;
const Columns = () => (
  <colgroup>
    <col class="w-no" />
    <col />
    <col class="w-n" />
    <col class="w-bar" />
    <col class="w-pc" />
    <col class="w-time" />
    <col class="w-ms" />
    <col class="w-mean" />
  </colgroup>
);

function Figure(shown: Shown<Data>) {
  const more = useSignal(false),
    calls = useSignal(false),
    view = viewOf(shown.data);
  const kinds = calls.value ? view.calls : view.reasons,
    rare = Math.max(0, kinds.length - FEW),
    few = more.value ? undefined : FEW,
    all = kinds.reduce((sum, { count }) => sum + count, 0);
  return (
    <div class="col exi fit">
      <div class="row exh">
        <label class="in grow">
          <input
            aria-label={words.filter}
            placeholder={words.example}
            value={filter.value}
            spellcheck={false}
            autocomplete="off"
            onInput={event => {
              filter.value = event.currentTarget.value;
            }}
          />
          <span class="u">{words.count(all, calls.value ? words.callsWord : words.exitsWord)}</span>
        </label>
        <div class="seg" role="group" aria-label={words.group}>
          <button
            aria-pressed={!calls.value}
            onClick={() => {
              calls.value = false;
            }}
          >
            {words.byReason}
          </button>
          <button
            aria-pressed={calls.value}
            onClick={() => {
              calls.value = true;
            }}
          >
            {words.call}
          </button>
        </div>
        {rare > 0 && (
          <button
            class="btn quiet sm"
            aria-pressed={more.value}
            onClick={() => {
              more.value = !more.value;
            }}
          >
            {words.rare(rare)}
          </button>
        )}
      </div>
      {kinds.length === 0 ? (
        <p class="hint">{filter.value ? words.noMatch : calls.value ? words.noCalls : words.none}</p>
      ) : calls.value ? (
        <Hypercalls shown={shown} calls={view.calls} few={few} />
      ) : (
        <Reasons shown={shown} reasons={view.reasons} few={few} />
      )}
      <Log shown={shown} log={view.log} />
    </div>
  );
}

function Reasons({ shown, reasons, few }: { shown: Shown<Data>; reasons: readonly Reason[]; few: number | undefined }) {
  const { choose } = shown,
    { reason: chosen } = choiceOf(shown),
    all = reasons.reduce((sum, { count }) => sum + count, 0),
    spent = ({ count, ns, timed }: Reason): number => (timed >= FEWEST ? (count * ns) / timed : 0);
  const most = Math.max(1, ...reasons.map(({ count }) => count)),
    longest = Math.max(1, ...reasons.map(spent));
  return (
    <table class="pad picks counted">
      <Columns />
      <thead>
        <tr>
          <th class="num">{words.number}</th>
          <th>{words.reason}</th>
          <th class="num">{words.exits}</th>
          <th>{words.share}</th>
          <th />
          <th title={words.timeHint}>{words.time}</th>
          <th />
          <th class="num">{words.each}</th>
        </tr>
      </thead>
      <tbody>
        {reasons.slice(0, few).map(each => {
          const { key, reason, count } = each,
            isOn = reason === chosen;
          return (
            <tr key={key} class={isOn ? 'sel' : ''} onClick={() => choose(key)}>
              <td class="m num w36">{numberOf(reason) || '–'}</td>
              <td class="nw">
                <button class="pickrow" aria-pressed={isOn} onClick={() => choose(key)}>
                  {exitTitle(reason)}
                </button>
              </td>
              <td class="m num nw">{whole(count)}</td>
              <td class="wbar">
                <Bar part={count / most} />
              </td>
              <td class="m num nw">{shareText(count, all)}</td>
              <td class="wbar narrow">
                <Bar part={spent(each) / longest} isOpen />
              </td>
              <td class="m num nw">{each.timed >= FEWEST ? ms(spent(each)) : '–'}</td>
              <td class="m num nw sec">{each.timed >= FEWEST ? us(each.ns / each.timed) : ''}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Hypercalls({ shown, calls, few }: { shown: Shown<Data>; calls: readonly Calls[]; few: number | undefined }) {
  const { choose, chosen } = shown,
    most = Math.max(1, ...calls.map(({ count }) => count)),
    all = calls.reduce((sum, { count }) => sum + count, 0);
  return (
    <table class="pad picks counted">
      <Columns />
      <thead>
        <tr>
          <th class="num">{words.number}</th>
          <th>{words.call}</th>
          <th class="num">{words.calls}</th>
          <th>{words.shareOfCalls}</th>
          <th />
          <th />
          <th />
          <th />
        </tr>
      </thead>
      <tbody>
        {calls.slice(0, few).map(({ key, number, count }) => (
          <tr key={key} class={key === chosen ? 'sel' : ''} onClick={() => choose(key)}>
            <td class="m num w36">{number}</td>
            <td class="nw">
              <button class="pickrow" aria-pressed={key === chosen} onClick={() => choose(key)}>
                {hypercallName(number)}
              </button>
            </td>
            <td class="m num">{count}</td>
            <td class="wbar">
              <Bar part={count / most} />
            </td>
            <td class="m num nw">{shareText(count, all)}</td>
            <td />
            <td />
            <td />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Scrolls a table so far that the chosen row stands below its head; the page stays where it is. */
function keepInSight(box: HTMLElement): void {
  const row = box.querySelector('tr.sel')?.getBoundingClientRect(),
    head = box.querySelector('thead')?.getBoundingClientRect().height ?? 0,
    { top, bottom } = box.getBoundingClientRect();
  if (row) box.scrollTop += Math.min(0, row.top - top - head) + Math.max(0, row.bottom - bottom);
}

const LOG_COLUMNS = ['w-at', 'w-who', 'w-what', 'w-eip', 'w-code', '', 'w-cost'];

/** What happened, newest first. The one that is explained is marked. */
function Log({ shown, log }: { shown: Shown<Data>; log: readonly SeenExit[] }) {
  const { data, choose, target } = shown,
    { exit: picked } = choiceOf(shown),
    at = Math.max(
      0,
      log.findIndex(({ key }) => key === picked?.key),
    );
  // The one that is explained stays in sight.
  const first = at < SHOWN / 2 ? 0 : at - SHOWN / 4,
    rows = fold(log.slice(first, first + 4 * SHOWN), reason => reason in SHORTLY, picked?.key).slice(0, SHOWN);
  const table = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (table.current) keepInSight(table.current);
  }, [picked?.key, at]);
  return (
    <section class="logged rest">
      <div class="ph">
        <h3>{words.log}</h3>
        <span class="sec cut" title={words.clock}>
          {words.newest}
        </span>
        <span class="sec num grow">{words.since(data.seen)}</span>
      </div>
      {log.length === 0 ? (
        <p class="hint">{filter.value ? words.noMatch : words.quiet}</p>
      ) : (
        <div class="rest">
          <div class="rows" ref={table}>
            <table class={`pad picks elog${data.isHost ? '' : ' one'}`}>
              <colgroup>
                {LOG_COLUMNS.map((name, i) => (
                  <col key={i} class={name} />
                ))}
              </colgroup>
              <thead>
                <tr>
                  <th>{words.at}</th>
                  <th>{words.vcpu}</th>
                  <th>{words.reason}</th>
                  <th>{words.rip}</th>
                  <th title={words.codeHint}>{words.code}</th>
                  <th>{words.about}</th>
                  <th class="num" title={words.costHint}>
                    {words.cost}
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ exit, times }) => {
                  const isOn = exit.key === picked?.key,
                    { text } = instructionOf(target, exit),
                    symbol = data.symbolOf(exit),
                    about = `${aboutOf(exit)}${words.times(times)}`;
                  return (
                    <tr key={exit.key} class={isOn ? 'sel' : ''} onClick={() => choose(exit.key)}>
                      <td class="m dim nw">{exit.hostNs === undefined ? words.before : stamp(exit.hostNs)}</td>
                      <td class="nw cut">
                        <Chip id={exit.domain} /> {data.isHost ? `${nameOf(exit.domain)} ` : ''}v{exit.vcpu}
                      </td>
                      <td class="nw cut">
                        <button class="pickrow" aria-pressed={isOn} onClick={() => choose(exit.key)}>
                          {exitTitle(exit.reason)}
                        </button>
                      </td>
                      <td class="m">{hex8(exit.eip)}</td>
                      <td class={`m cut${symbol ? '' : ' sec'}`} title={[symbol, text].filter(Boolean).join(': ')}>
                        {symbol.replace('+0x', '+') || codeInCell(text)}
                      </td>
                      <td class="cut sec" title={about}>
                        {aboutInCell(about)}
                      </td>
                      <td class="m num nw">
                        <Took exit={exit} data={data} />
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </section>
  );
}

// ---- one exit taken apart

function Detail(shown: Shown<Data>) {
  const { hypercall, reason, exit, isLast } = choiceOf(shown),
    { target, data, choose } = shown;
  if (hypercall !== undefined)
    return (
      <div>
        <h3>{hypercallName(hypercall)}</h3>
        <p class="sec">
          {words.call} {hypercall}
        </p>
      </div>
    );
  if (reason === undefined) return null;
  const { log, reasons } = viewOf(data),
    at = log.findIndex(({ key }) => key === exit?.key),
    own = likeIt(data, exit),
    of = meanOf(exit, own, ofReason(reasons, reason)),
    earlier = at < 0 ? undefined : log[at + 1],
    later = at < 0 ? undefined : log[at - 1];
  const step = (to: SeenExit | undefined, says: string, hint: string) => (
    <button class="btn sm" disabled={!to} title={hint} onClick={() => to && choose(to.key)}>
      {says}
    </button>
  );
  return (
    <>
      <ExitCard
        reason={reason}
        exit={exit}
        target={target}
        name={exit ? nameOf(exit.domain) : ''}
        isLast={isLast ?? false}
        withWay
        steps={
          <span class="row">
            {step(earlier, words.previous, words.previousHint)}
            {step(later, words.next, words.nextHint)}
          </span>
        }
      />
      <Cost
        of={of}
        about={of === own && exit && subjectOf(exit) !== undefined ? aboutOf(exit) : undefined}
        exit={exit}
        stepNs={data.stepNs}
        model={exit && target.machine?.domain(exit.domain)?.model().where}
      />
    </>
  );
}

/** `of`: what those like it took; `about`: what they are alike in, undefined: in their reason alone. What it cost, in parts that add up, where it took steps enough of the clock; else what those of its kind cost in the mean. */
function Cost({
  of,
  about,
  exit,
  stepNs,
  model,
}: {
  of: KindTimes | undefined;
  about: string | undefined;
  exit: SeenExit | undefined;
  stepNs: number;
  model: Parameters<typeof answererOf>[1];
}) {
  const mean = of ? of.ns / of.timed : 0,
    answerer = exit && answererOf(exit, model);
  const partsOf = (ns: number, beforeNs: number, answerNs: number): [name: string, ns: number, kind: string][] => [
    [words.parts[0], beforeNs, 'cb-way'],
    [answerer?.name ?? '', answerNs, `cb-${answerer?.by}`],
    [words.parts[1], Math.max(0, ns - beforeNs - answerNs), 'cb-way'],
  ];
  const Parts = ({ of: parts, text }: { of: ReturnType<typeof partsOf>; text: (ns: number) => string }) => (
    <>
      <div class="cbar">
        {parts.map(([name, ns, kind]) => (
          <i key={name} class={kind} style={`flex:${ns} 1 0`} />
        ))}
      </div>
      <dl class="cparts">
        {parts.map(([name, ns, kind]) => (
          <div key={name}>
            <dt>
              <i class={kind} />
              {name}
            </dt>
            <dd class="m">{text(ns)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
  const isTimed = exit?.ns !== undefined && exit.ns >= 500,
    owner = exit ? ownerClass(exit.domain) : '';
  // The clock goes in steps. What took few of them the mean of many tells, and parts that one exit cannot.
  if (isTimed && exit.parts && exit.ns! >= STEPS * stepNs) {
    return (
      <section class={owner}>
        <h4>{words.costOf(wholeUs(exit.ns!))}</h4>
        <Parts of={partsOf(exit.ns!, exit.parts.beforeNs, exit.parts.answerNs)} text={ns => costText(ns, stepNs)} />
        {of && <p class="cap-t">{words.kindTakes(us(mean), of.timed)}</p>}
      </section>
    );
  }
  if (of) {
    return (
      <section class={owner}>
        <h4>{words.costOfKind(us(mean))}</h4>
        <Parts
          of={
            of.answerNs > 0
              ? partsOf(mean, of.beforeNs / of.timed, of.answerNs / of.timed)
              : [[words.allXen, mean, 'cb-way']]
          }
          text={us}
        />
        <p class="cap-t">
          {words.meanOf(of.timed, about, of.apart ?? 0)}
          {exit?.ns !== undefined && exit.ns >= FEW_STEPS * stepNs && ` ${words.thisOne(costText(exit.ns, stepNs))}`}
        </p>
      </section>
    );
  }
  if (!isTimed)
    return (
      <section>
        <h4>{words.cost}</h4>
        <p class="cap-t">{words.noCost}</p>
      </section>
    );
  return (
    <section class={owner}>
      <h4>{words.costOf(wholeUs(exit.ns!))}</h4>
      <Parts of={[[words.allXen, exit.ns!, 'cb-way']]} text={wholeUs} />
    </section>
  );
}

export const HandledBy = ({ deeds }: { deeds: readonly Deed[] }) => (
  <ol class="hway">
    {deeds.map(([who, does, code]) => (
      <li key={does}>
        <b>{who}</b> {does}
        {code && (
          <>
            {' '}
            <code>{code}</code>
          </>
        )}
      </li>
    ))}
  </ol>
);

/** What registers held, as far as the record of an exit tells: a hypercall's number and first argument, the port and what is written there, an MSR's number. */
function keptOf({ reason, qualification: q, detail = 0, call, cr3 }: SeenExit): string[] {
  const of = (name: string, value: number, digits = 8): string =>
    `${name} ${(value >>> 0).toString(16).padStart(digits, '0')}`;
  return [
    ...(call ? [`${of('EAX', call.number)} → ${call.result}`, of('EBX', call.first)] : []),
    ...(reason === ExitReason.IO
      ? [
          ...(q & 64 ? [] : [of('DX', q >>> 16, 4)]),
          ...(q & 24 ? [] : [of(['AL', 'AX', '', 'EAX'][q & 3]!, detail, 2 * ((q & 3) + 1))]),
        ]
      : []),
    ...(reason === ExitReason.RDMSR || reason === ExitReason.WRMSR ? [of('ECX', detail)] : []),
    ...(cr3 ? [of('CR3', cr3)] : []),
  ];
}

/** An exit: whose it was, its code, its qualification bit by bit; `withWay`: who handles it, one after the other. */
export function ExitCard({
  reason,
  exit,
  target,
  name,
  isLast = true,
  withWay = false,
  withCode = true,
  steps,
}: {
  reason: number;
  exit: SeenExit | undefined;
  target: Target;
  name: string;
  isLast?: boolean;
  withWay?: boolean;
  withCode?: boolean;
  steps?: ComponentChildren;
}) {
  const state = exit && stateOf(target, exit),
    { fields } = explainExit(exit ?? { reason, qualification: 0 }),
    length = withWay && exit ? instructionOf(target, exit).length : 0;
  const facts = exit
      ? [
          ...(exit.call ? [operationName(exit.call.number, exit.call.first) ?? hypercallName(exit.call.number)] : []),
          ...keptOf(exit),
          ...(length > 0 ? [words.bytesLong(length)] : []),
        ]
      : [],
    after = fields.length > 0 ? 1 : 2;
  return (
    <>
      <div>
        <div class="row exn">
          <h3 class="grow">
            {numberOf(reason)} {exitTitle(reason)}
          </h3>
          {steps}
        </div>
        {exit ? (
          <p class={`sec ${ownerClass(exit.domain)}`}>
            <b class="dom">
              {name} v{exit.vcpu}
            </b>{' '}
            {isLast ? words.last : exit.hostNs === undefined ? words.beforeOpened : ''}
            {exit.hostNs === undefined ? '' : `${isLast ? ',' : ''} at ${stamp(exit.hostNs)}`}
          </p>
        ) : (
          <p class="sec">{words.noLast}</p>
        )}
      </div>
      {withCode && exit && state && (
        <div class={withWay ? 'exc' : ''} title={words.codeNow}>
          <Code
            state={state}
            eip={exit.eip}
            name={address => symbolOf(target, { ...exit, eip: address })}
            says={words.exit}
            before={withWay ? 2 : 3}
            after={withWay ? after : 3}
          />
          {withWay && facts.length > 0 && (
            <p class="m sec facts">
              {facts.map(each => (
                <span key={each}>{each}</span>
              ))}
            </p>
          )}
          {!withWay && <p class="cap-t under">{words.codeNow}</p>}
        </div>
      )}
      {exit && fields.length > 0 && (
        <section>
          <h4>{words.qualification(exit.qualification)}</h4>
          <table class="bitst">
            <tbody>
              {fields.map(([bits, value, meaning]) => (
                <tr key={bits}>
                  <td class="m">{bits}</td>
                  <td class="m b">{value}</td>
                  <td class="sec">{meaning}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {withWay && exit && (
        <section>
          <h4>
            {words.way} <span class="sec">{words.wayHint}</span>
          </h4>
          <HandledBy deeds={wayOf(exit, target.machine?.domain(exit.domain)?.model().where)} />
        </section>
      )}
    </>
  );
}

export const Exits = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.none,
  open,
  Figure,
  Detail,
  tables(data) {
    const { reasons, calls, log } = viewOf(data),
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
        rows: calls.map(({ number, count }) => [hypercallName(number), number, count]),
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
          hex8(exit.eip),
          data.symbolOf(exit),
          aboutOf(exit),
          hex8(exit.qualification),
          exit.ns === undefined ? '' : Number((exit.ns / 1e3).toFixed(1)),
        ]),
      },
    ];
  },
  why(shown) {
    const { hypercall, reason, exit } = choiceOf(shown);
    if (hypercall !== undefined) return explainHypercall(hypercallName(hypercall));
    return reason === undefined ? undefined : explainExit(exit ?? { reason, qualification: 0 }).why;
  },
});
