/** Made up: what the parts on /components.html show. */

import { signal } from '@preact/signals';
import type { DomainInfo, Inventory, Plan, Task } from '../../dom0/service/index.ts';
import { SCREEN, SCREEN_BYTES } from '../../hypervisor/layout/index.ts';
import type { Reading } from '../readings.ts';
import { ScreenPainter } from '../screen/painter.ts';
import type { DomainSession } from '../sessions.ts';
import type { Candidate, Draft } from '../navigation.ts';
import { GuestTerminal } from '../terminal.ts';

export const ICONS = [
  'run',
  'pause',
  'step',
  'reset',
  'power',
  'drop',
  'prompt',
  'host',
  'bridge',
  'disk',
  'volume',
  'copy',
  'search',
  'plus',
  'theme',
  'picture',
  'out',
  'full',
  'move',
  'maximise',
  'close',
  'up',
  'down',
  'right',
  'menu',
];

const domain = (
  id: number,
  name: string,
  state: DomainInfo['state'],
  type: DomainInfo['type'],
  more: Partial<DomainInfo> = {},
): DomainInfo => ({ id, name, state, type, memoryMiB: 64, vcpus: 1, definition: '', ...more });

export const DOMAINS: DomainInfo[] = [
  domain(1, 'running', 'r', 'pvh'),
  domain(2, 'blocked, hover', 'b', 'pv'),
  domain(3, 'running, chosen', 'r', 'pvh'),
  domain(4, 'paused, focus', 'p', 'hvm'),
  domain(5, 'shut down', 's', 'hvm', { ended: 'powered off' }),
  domain(6, 'crashed', 'c', 'hvm', { ended: 'triple fault' }),
  domain(7, 'dying', 'd', 'pv'),
];
/** The row that is chosen. */
export const CHOSEN = 3;

/** What each of them ran in the last minute, of one processor. */
const wave = (middle: number, swing: number, length: number): number[] =>
  Array.from({ length: 60 }, (_, i) => middle + swing * Math.sin(i / length) * Math.cos(i / 7));
const RAN: Readonly<Record<number, readonly number[]>> = {
  1: wave(0.4, 0.3, 3),
  2: wave(0.06, 0.06, 2),
  3: wave(0.75, 0.2, 5),
  4: [...wave(0.5, 0.3, 4).slice(0, 30), ...Array.from({ length: 30 }, () => 0)],
};
/** As much of their sessions as their rows read. */
export const SESSIONS: ReadonlyMap<number, DomainSession> = new Map(
  DOMAINS.filter(({ id }) => id in RAN).map(info => {
    const ran = RAN[info.id]!,
      session: Pick<DomainSession, 'id' | 'sample'> & {
        info: unknown;
        gone: unknown;
        state: string;
        history: unknown;
        rates: unknown;
      } = {
        id: info.id,
        info: signal(info),
        gone: signal(false),
        sample: signal(undefined),
        state: info.state,
        history: signal(ran.map(running => ({ running, instructionsPerSecond: 0, exitsPerSecond: 0 }))),
        rates: signal({ running: ran.at(-1) }),
      };
    return [info.id, session as unknown as DomainSession];
  }),
);
/** And Domain 0. */
export const READINGS: Reading[] = wave(11, 5, 3).map((percent, i) => ({
  atMs: 1000 * (i + 1),
  overMs: 1000,
  cpuPercent: { 0: percent },
  memoryMiB: {},
  network: {},
  disks: {},
}));
/** One that is defined. */
export const INVENTORY = {
  atMs: 0,
  upSeconds: 0,
  hasVt: true,
  scheduler: 'credit',
  domain0: { memoryMiB: 1, vcpus: 1, runNs: 0 },
  runNs: {},
  disks: {},
  upSecondsOf: {},
  tags: {},
  addresses: {},
  bridge: { name: 'xenbr0', ports: [], stations: [] },
  readings: [],
  stored: { defined: [{ name: 'defined', type: 'pvh', errors: [] }] },
} as unknown as Inventory;

/** A text screen of 80 × 25 with one line; its font has a mark for each letter, as there is no adapter that would bring one. */
function textScreen(line: string): Int32Array {
  const words = new Int32Array(SCREEN_BYTES / 4);
  Object.assign(words, {
    [SCREEN.MODE]: 1,
    [SCREEN.WIDTH]: 80,
    [SCREEN.HEIGHT]: 25,
    [SCREEN.CELL_HEIGHT]: 16,
    [SCREEN.CURSOR]: line.length,
    [SCREEN.CURSOR_SHAPE]: 14 | (15 << 8),
    [SCREEN.GENERATION]: 1,
  });
  words[SCREEN.PALETTE + 7] = 0xaaaaaa;
  words.fill(0x0720_0720, SCREEN.DATA, SCREEN.DATA + 1000);
  const font = new Uint8Array(words.buffer, SCREEN.FONT * 4),
    cells = new Uint16Array(words.buffer);
  const glass = new OffscreenCanvas(8, 16).getContext('2d', { willReadFrequently: true })!;
  glass.font = '13px monospace';
  glass.fillStyle = '#fff';
  [...line].forEach((letter, i) => {
    const code = letter.charCodeAt(0);
    glass.clearRect(0, 0, 8, 16);
    glass.fillText(letter, 0, 12);
    const { data } = glass.getImageData(0, 0, 8, 16);
    for (let y = 0; y < 16; y++)
      for (let x = 0; x < 8; x++) if (data[4 * (8 * y + x) + 3]! > 100) font[code * 32 + y]! |= 0x80 >> x;
    cells[SCREEN.DATA * 2 + i] = 0x700 | code;
  });
  return words;
}

let guests = 10;

/** As much of a session as its windows read. */
export function guest(
  name: string,
  state: DomainInfo['state'],
  { text, screen, isGone = false }: { text?: string; screen?: string; isGone?: boolean },
): DomainSession {
  const info = domain(++guests, name, state, screen === undefined ? 'pvh' : 'hvm');
  const terminal = new GuestTerminal(
    `Serial terminal of ${name}`,
    () => {},
    () => {},
  );
  if (text) terminal.write(new TextEncoder().encode(text));
  const session: Partial<DomainSession> & { state: string; over: boolean } = {
    id: info.id,
    info: signal(info),
    gone: signal(isGone),
    spoke: signal(text !== undefined),
    drew: signal(screen !== undefined),
    terminal,
    painter: new ScreenPainter(),
    screen: screen === undefined ? undefined : textScreen(screen),
    findPixels: () => undefined,
    send: () => {},
    state,
    over: isGone,
  };
  return session as DomainSession;
}

const AT_MS = Date.UTC(2026, 0, 1, 12);
export const TASKS: Task[] = [
  {
    id: 1,
    command: 'xl create web.cfg',
    state: 'running',
    startedMs: AT_MS,
    message: 'balloon gave back 13 of 32 MiB',
  },
  {
    id: 2,
    command: 'xl mem-set db 160',
    state: 'done',
    startedMs: AT_MS - 9000,
    durationMs: 300,
    message: 'db has 160 MiB.',
  },
  {
    id: 3,
    command: 'xl create mail.cfg',
    state: 'failed',
    startedMs: AT_MS - 12_000,
    durationMs: 10,
    message: 'mail.cfg:3:8: type = \'pwh\': the types are hvm, pvh and pv. Did you mean "pvh"?\nmail was not created.',
  },
];

const TEXT = 'name   = "web"\ntype   = "pvh"\nkernel = "vmlinuz"\nacpi   = 0\npci    = [ "03:10.1" ]\nmemory = "64M"\n';
const found = (
  line: number,
  column: number,
  key: string,
  verdict: Plan['findings'][number]['verdict'],
  text: string,
): Plan['findings'][number] => ({
  file: 'web.cfg',
  line,
  column,
  source: TEXT.split('\n')[line - 1]!,
  key,
  verdict,
  short: text.slice(0, 48),
  text,
});
const wrong = found(6, 10, 'memory', 'error', "memory = '64M': xl takes MiB as a number. Write 64.");
const plan = (name: string, errors: Plan['errors']): Plan => ({
  name,
  errors,
  creates: { file: `${name}.cfg` },
  definition: TEXT,
  summary: { memoryMiB: 64, vcpus: 1, type: 'pvh', kernel: 'vmlinuz' },
  findings: [
    found(1, 10, 'name', 'used', 'It is called web.'),
    found(2, 10, 'type', 'used', 'PVH: entered by its ELF note, no firmware.'),
    found(3, 10, 'kernel', 'missing', 'vmlinuz is not among the dropped files. Drop it together with web.cfg.'),
    found(4, 10, 'acpi', 'approximated', 'Its tables are there all the same.'),
    found(5, 10, 'pci', 'ignored', 'There is no such device. It starts without it.'),
    ...errors,
  ],
});
const named = (name: string) => ({ name, data: new Blob([TEXT]) });

export const DRAFT: Draft = {
  files: [named('web.cfg')],
  texts: new Map([['web.cfg', TEXT]]),
  judging: false,
  starting: false,
  plan: plan('web', [wrong]),
};
export const CANDIDATES: Candidate[] = [
  { file: named('db.cfg'), files: [named('vmlinuz')], isSaved: false, chosen: true, plan: plan('db', []) },
  { file: named('web.cfg'), files: [], isSaved: false, chosen: true, plan: plan('web', [wrong]) },
  { file: named('mail.save'), files: [], isSaved: true, chosen: false },
  { file: named('new.cfg'), files: [], isSaved: false, chosen: true, busy: true },
  {
    file: named('log.cfg'),
    files: [],
    isSaved: false,
    chosen: true,
    plan: plan('log', []),
    done: 'log runs as domain 7.',
  },
];

/** Of four rounds, what part of each sixty-fourth of memory was written: all of a part, some of it, and nothing. */
export const WRITTEN: number[][] = Array.from({ length: 4 }, (_, round) =>
  Array.from({ length: 64 }, (_, part) => {
    const reach = 24 >> round;
    return part >= 8 && part < 8 + reach ? (part - 7) / reach : part === 50 ? 0.05 : 0;
  }),
);
