/** xentop: what domains use, again and again. Source: tools/xentop/xentop.c of Xen 4.17 for columns, letters and keys. */
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import { TSC_HZ } from '../../../hypervisor/domain/index.ts';
import { XEN_EXTRA, XEN_MAJOR, XEN_MINOR } from '../../../hypervisor/interfaces/xen/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import {
  ALTERNATE_SCREEN,
  HIDE_CURSOR,
  HOME,
  NORMAL_SCREEN,
  type Owned,
  SHOW_CURSOR,
  TO_END,
  TO_END_OF_LINE,
} from '../terminal/index.ts';
import { runNsOf } from '../run-time.ts';
import { clockOf } from '../time-words.ts';
import { command, Refusal } from './command.ts';
import { readWords } from './words.ts';

export interface Usage {
  id: number;
  name: string;
  /** As xl list has it. */
  state: string;
  /** Processor time so far, and in per cent of one processor since the last look. */
  cpuSeconds: number;
  cpuPercent: number;
  memoryKiB: number;
  /** Undefined: no limit. */
  maxMemoryKiB?: number;
  vcpus: number;
  nets: number;
  /** As the guest sees it. */
  netTxKiB: number;
  netRxKiB: number;
  vbds: number;
  /** Requests that waited for room, read and write requests, sectors. */
  vbdOutOf: number;
  vbdReads: number;
  vbdWrites: number;
  vbdReadSectors: number;
  vbdWrittenSectors: number;
}

/** Processor times at the last look, by domain. */
interface Before {
  nowNs: number;
  runNs: Map<number, number>;
}

function look(host: CommandHost, before: Before | undefined): { usages: Usage[]; now: Before } {
  const { toolstack, queue } = host;
  const nowNs = queue.nowNs();
  const runNs = new Map<number, number>();
  const timesOf = (id: number, index: number): { cpuSeconds: number; cpuPercent: number } => {
    const ns = runNsOf(toolstack, index);
    runNs.set(id, ns);
    const past = before?.runNs.get(id),
      passed = nowNs - (before?.nowNs ?? nowNs);
    return { cpuSeconds: ns / 1e9, cpuPercent: past === undefined || passed <= 0 ? 0 : (100 * (ns - past)) / passed };
  };
  const none = {
    nets: 0,
    netTxKiB: 0,
    netRxKiB: 0,
    vbds: 0,
    vbdOutOf: 0,
    vbdReads: 0,
    vbdWrites: 0,
    vbdReadSectors: 0,
    vbdWrittenSectors: 0,
  };
  const domain0: Usage = {
    id: 0,
    name: 'Domain-0',
    state: 'r',
    ...timesOf(0, DOMAIN_0),
    memoryKiB: toolstack.services.hardware.frames * 4,
    vcpus: 1,
    ...none,
  };
  const guests = host.domains.all().map((info): Usage => {
    const member = toolstack.members.get(info.id);
    const common = {
      id: info.id,
      name: info.name,
      state: info.ended === undefined ? info.state : info.state === 'c' ? 'c' : 's',
      memoryKiB: info.memoryMiB * 1024,
      vcpus: info.vcpus,
    };
    if (!member) return { ...common, cpuSeconds: 0, cpuPercent: 0, ...none };
    const cards = toolstack.services.list(info.id, 'cards'),
      disks = toolstack.services.diskCounts(info.id).map(({ counts }) => counts);
    const sum = <T>(all: readonly T[], of: (one: T) => number): number =>
      all.reduce((total, one) => total + of(one), 0);
    return {
      ...common,
      ...timesOf(info.id, member.record.index),
      maxMemoryKiB: (member.blueprint.definition.maxMemoryMiB ?? info.memoryMiB) * 1024,
      nets: cards.length,
      netTxKiB: Math.floor(sum(cards, ({ counts }) => counts.rxBytes) / 1024),
      netRxKiB: Math.floor(sum(cards, ({ counts }) => counts.txBytes) / 1024),
      vbds: disks.length,
      vbdOutOf: sum(disks, ({ full }) => full),
      vbdReads: sum(disks, ({ reads }) => reads),
      vbdWrites: sum(disks, ({ writes }) => writes),
      vbdReadSectors: sum(disks, ({ readSectors }) => readSectors),
      vbdWrittenSectors: sum(disks, ({ writtenSectors }) => writtenSectors),
    };
  });
  return { usages: [domain0, ...guests], now: { nowNs, runNs } };
}

const COLUMNS: readonly [title: string, columns: number][] = [
  ['NAME', 10],
  ['STATE', 6],
  ['CPU(sec)', 10],
  ['CPU(%)', 6],
  ['MEM(k)', 10],
  ['MEM(%)', 6],
  ['MAXMEM(k)', 10],
  ['MAXMEM(%)', 9],
  ['VCPUS', 5],
  ['NETS', 4],
  ['NETTX(k)', 8],
  ['NETRX(k)', 8],
  ['VBDS', 4],
  ['VBD_OO', 8],
  ['VBD_RD', 8],
  ['VBD_WR', 8],
  ['VBD_RSECT', 10],
  ['VBD_WSECT', 10],
  ['SSID', 4],
];

interface Shape {
  /** Domains in the order of their numbers; otherwise the one with most processor time first. */
  byNumber: boolean;
  fullNames: boolean;
}

function screen(host: Uses<'clock' | 'machine' | 'queue'>, usages: Usage[], { byNumber, fullNames }: Shape): string[] {
  const { machine, queue } = host;
  const totalKiB = machine.frames * 4,
    freeKiB = machine.freeFrames * 4;
  const count = (letter: string): number => usages.filter(({ state }) => state === letter).length;
  const clock = clockOf(host.clock.epochMs());
  const percent = (part: number): string => ((100 * part) / totalKiB).toFixed(1);
  const rows = [...usages].sort(
    byNumber ? (a, b) => a.id - b.id : (a, b) => b.cpuPercent - a.cpuPercent || b.cpuSeconds - a.cpuSeconds,
  );
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, i) =>
        (i === 0 && !fullNames ? String(cell).slice(0, COLUMNS[0]![1]) : String(cell)).padStart(COLUMNS[i]![1]),
      )
      .join(' ');
  return [
    `xentop - ${clock}   Xen ${XEN_MAJOR}.${XEN_MINOR}${XEN_EXTRA}`,
    `${usages.length} domains: ${count('r')} running, ${count('b')} blocked, ${count('p')} paused, ${count('c')} crashed, ${count('d')} dying, ${count('s')} shutdown`,
    `Mem: ${totalKiB}k total, ${totalKiB - freeKiB}k used, ${freeKiB}k free    CPUs: ${queue.pcpus} @ ${Math.round(TSC_HZ / 1e6)}MHz`,
    line(COLUMNS.map(([title]) => title)),
    ...rows.map(one =>
      line([
        one.name,
        'dsbcpr'.replace(/./g, letter => (letter === one.state ? letter : '-')),
        Math.floor(one.cpuSeconds),
        one.cpuPercent.toFixed(1),
        one.memoryKiB,
        percent(one.memoryKiB),
        one.maxMemoryKiB ?? 'no limit',
        one.maxMemoryKiB === undefined ? 'n/a' : percent(one.maxMemoryKiB),
        one.vcpus,
        one.nets,
        one.netTxKiB,
        one.netRxKiB,
        one.vbds,
        one.vbdOutOf,
        one.vbdReads,
        one.vbdWrites,
        one.vbdReadSectors,
        one.vbdWrittenSectors,
        0,
      ]),
    ),
  ];
}

/** More looks than anybody waits for. */
const FOREVER = 1e6;

interface TopWords extends Shape {
  batch: boolean;
  delayS: number;
  /** Looks until it ends; in batch without a number one after another until it is stopped. */
  iterations: number;
}

function readTop(words: readonly string[]): TopWords {
  const { options } = readWords(words, {
    flags: 'bnxrvfc',
    values: 'di',
    long: {
      batch: 'b',
      delay: 'd',
      iterations: 'i',
      'full-name': 'f',
      networks: 'n',
      vbds: 'x',
      'repeat-header': 'r',
      vcpus: 'v',
    },
  });
  const number = (letter: string, otherwise: number): number => {
    const value = Number(options.get(letter) ?? otherwise);
    if (!(value >= 0 && value <= FOREVER))
      throw new Refusal(`xentop: -${letter} ${options.get(letter)}: write a number.`, 2);
    return value;
  };
  return {
    batch: options.has('b'),
    delayS: number('d', 3),
    iterations: number('i', FOREVER),
    byNumber: true,
    fullNames: options.has('f'),
  };
}

export const top = command({
  summary: 'Monitor a host and the domains in real time',
  usage: '[-b] [-d seconds] [-i number] [-f]',
  options: [
    ['-b, --batch', 'Output in batch mode, no user input accepted'],
    ['-d, --delay=SECONDS', 'Seconds between updates (default 3)'],
    ['-i, --iterations=NUM', 'Number of iterations before exiting'],
    ['-f, --full-name', 'Output the full domain name (not truncated)'],
  ],
  /** What each domain uses now; per cent is of the time since the host began. */
  run: async (host: CommandHost): Promise<Usage[]> =>
    look(host, {
      nowNs: 0,
      runNs: new Map(
        host.domains
          .all()
          .map(({ id }) => [id, 0])
          .concat([[0, 0]]) as [number, number][],
      ),
    }).usages,
  xl: async ({ host, words }) => {
    const { batch, delayS, iterations, ...shape } = readTop(words);
    if (!batch) throw new Refusal('xentop needs the terminal: write -b for a script.');
    if (iterations === FOREVER) throw new Refusal('xentop -b ends after -i looks: write how many.', 2);
    let text = '';
    let before: Before | undefined;
    for (let i = 0; i < iterations; i++) {
      if (i > 0) await new Promise<void>(resolve => void host.clock.later(delayS * 1000, resolve));
      const { usages, now } = look(host, before);
      text += `${screen(host, usages, shape).join('\n')}\n`;
      before = now;
    }
    return text;
  },
  attach: words =>
    readTop(words).batch ? undefined : async ({ host }, terminal) => (await watch(host, terminal, readTop(words)), 0),
});

const HINT = ' S order by processor time   N order by number   Q quit';

/** Looks again and again until Q is pressed. */
async function watch(host: CommandHost, terminal: Owned, { delayS, iterations, ...shape }: TopWords): Promise<void> {
  let before: Before | undefined,
    over = false,
    wake = (): void => {};
  terminal.signal.addEventListener('abort', () => ((over = true), wake()), { once: true });
  terminal.listen(typed => {
    if (/[qQ\x03\x04]/.test(typed)) over = true;
    if (/[sS]/.test(typed)) shape.byNumber = false;
    if (/[nN]/.test(typed)) shape.byNumber = true;
    wake();
  });
  terminal.write(ALTERNATE_SCREEN + HIDE_CURSOR);
  for (let i = 0; i < iterations && !over; i++) {
    const { usages, now } = look(host, before);
    const lines = screen(host, usages, shape).slice(0, Math.max(1, terminal.rows - 1));
    terminal.write(
      `${HOME}${[...lines, HINT].map(line => line.slice(0, terminal.columns) + TO_END_OF_LINE).join('\r\n')}${TO_END}`,
    );
    before = now;
    await new Promise<void>(resolve => {
      const cancel = host.clock.later(Math.max(0.1, delayS) * 1000, resolve);
      wake = () => (cancel(), resolve());
    });
  }
  terminal.write(SHOW_CURSOR + NORMAL_SCREEN);
}
