/** ps and top of a host whose guests are processes (toolstack/qemu). Sources: ps(1) and top(1) of procps-ng 4.0 for columns and options. */
import { clockOf, type CommandHost, type Uses } from '../toolstack/index.ts';
import { type Process, processesOf, type Thread } from '../toolstack/qemu/index.ts';
import { failed, type Program, succeeded } from '../toolstack/programs/index.ts';
import { two, upTime } from './up-time.ts';

/** A row of either program: a process, or one of its threads. */
interface Row {
  process: Process;
  thread?: Thread;
}

/** [DD-]HH:MM:SS. */
function cumulative(seconds: number): string {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86_400);
  return `${days > 0 ? `${days}-` : ''}${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}
const clock = (epochMs: number): string => clockOf(epochMs).slice(0, 5);
/** Eight columns; what is longer is cut with a +. */
const userColumn = (user: string): string => (user.length > 8 ? `${user.slice(0, 7)}+` : user.padEnd(8));

const rowsOf = (processes: readonly Process[], threads: boolean): Row[] =>
  processes.flatMap(process => (threads ? process.threads.map(thread => ({ process, thread })) : [{ process }]));
const secondsOf = ({ process, thread }: Row): number => (thread ?? process).seconds;
const runs = ({ process, thread }: Row): boolean => (thread ? thread.runs : process.threads.some(each => each.runs));
/** Processor time for the time that it has been there, per cent. */
const share = (row: Row, nowMs: number): number =>
  (100 * secondsOf(row) * 1000) / Math.max(1, nowMs - row.process.startedEpochMs);
const parent = ({ pid }: Process): number => (pid === 1 ? 0 : 1);

type Format = 'short' | 'full' | 'user';

interface PsWords {
  all: boolean;
  threads: boolean;
  /** -T: threads by SPID. */
  spid: boolean;
  format: Format;
  pids: number[];
}

/** undefined: an option that is none here. */
function readPs(words: readonly string[]): PsWords | string {
  const read: PsWords = { all: false, threads: false, spid: false, format: 'short', pids: [] };
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (/^-?p$|^--pid$/.test(word)) {
      const list = words[++i] ?? '';
      if (!/^\d+(,\d+)*$/.test(list)) return 'error: process ID list syntax error';
      read.pids.push(...list.split(',').map(Number));
    } else if (word.startsWith('-'))
      for (const letter of word.slice(1)) {
        if (letter === 'e' || letter === 'A') read.all = true;
        else if (letter === 'f' || letter === 'F') read.format = 'full';
        else if (letter === 'L') read.threads = true;
        else if (letter === 'T') read.threads = read.spid = true;
        else if (letter !== 'w') return 'error: unsupported SysV option';
      }
    else
      for (const letter of word) {
        if (letter === 'a' || letter === 'x') read.all = true;
        else if (letter === 'u') read.format = 'user';
        else if (letter === 'H' || letter === 'm') read.threads = true;
        else if (letter !== 'w') return 'error: unsupported option (BSD syntax)';
      }
  }
  return read;
}

function psLine(row: Row, { format, threads }: PsWords, nowMs: number, memoryKiB: number): string {
  const { process, thread } = row;
  const { pid, user, name, command, startedEpochMs, rssKiB, vszKiB, threads: all } = process;
  const number = (value: number, width = 7): string => String(value).padStart(width);
  const lwp = thread ? ` ${number(thread.tid)}` : '';
  const time = cumulative(secondsOf(row));
  if (format === 'full')
    return `${userColumn(user)} ${number(pid)} ${number(parent(process))}${lwp} ${String(Math.min(99, Math.round(share(row, nowMs)))).padStart(2)}${thread ? ` ${number(all.length, 4)}` : ''} ${clock(startedEpochMs)} ?        ${time} ${command}`;
  if (format === 'user')
    return `${userColumn(user)} ${number(pid)}${lwp} ${share(row, nowMs).toFixed(1).padStart(4)} ${((100 * rssKiB) / memoryKiB).toFixed(1).padStart(4)} ${number(vszKiB, 6)} ${number(rssKiB, 5)} ?        ${runs(row) ? 'R' : 'S'}${all.length > 1 ? 'l' : ' '}   ${clock(startedEpochMs)} ${`${Math.floor(secondsOf(row) / 60)}:${two(Math.floor(secondsOf(row)) % 60)}`.padStart(6)} ${command}`;
  return `${number(pid)}${threads ? ` ${number(thread!.tid)}` : ''} ?        ${time} ${thread?.name ?? name}`;
}

function psHead({ format, threads, spid }: PsWords): string {
  const lwp = threads ? (spid ? '    SPID' : '     LWP') : '';
  if (format === 'full')
    return `UID          PID    PPID${lwp}  C${threads ? ' NLWP' : ''} STIME TTY          TIME CMD`;
  if (format === 'user') return `USER         PID${lwp} %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND`;
  return `    PID${lwp} TTY          TIME CMD`;
}

const ps = (host: CommandHost): Program => ({
  name: 'ps',
  summary: 'processes, a guest each: ps -ef, ps aux, ps -eL with their threads',
  run: async words => {
    const asked = readPs(words);
    if (typeof asked === 'string') return failed(`${asked}\n\nUsage:\n ps [options]`);
    const all = await processesOf(host);
    // Without a selection those of the terminal: the shell alone, which has no times of its own.
    const shown = asked.pids.length > 0 ? all.filter(({ pid }) => asked.pids.includes(pid)) : asked.all ? all : [];
    const nowMs = host.clock.epochMs();
    const lines = rowsOf(shown, asked.threads).map(row => psLine(row, asked, nowMs, host.machine.frames * 4));
    const text = `${[psHead(asked), ...lines].join('\n')}\n`;
    return asked.pids.length > 0 && shown.length === 0 ? { ...failed(''), stdout: text, stderr: '' } : succeeded(text);
  },
});

interface TopWords {
  threads: boolean;
  iterations: number;
  delayS: number;
  pids: number[];
}

function readTop(words: readonly string[]): (TopWords & { batch: boolean }) | string {
  const read = { batch: false, threads: false, iterations: Infinity, delayS: 3, pids: [] as number[] };
  for (let i = 0; i < words.length; i++) {
    const [, letters = '', value] = /^-?([bHcindp]+?)(\d[\d.,]*)?$/.exec(words[i]!) ?? [];
    if (letters === '') return `top: unknown option '${words[i]!.replace(/^-/, '').slice(0, 1)}'`;
    for (const letter of letters) {
      if (letter === 'b') read.batch = true;
      else if (letter === 'H') read.threads = true;
      else if ('ndp'.includes(letter)) {
        const given = value ?? words[++i] ?? '';
        if (!/^\d[\d.,]*$/.test(given)) return `top: -${letter} argument missing`;
        if (letter === 'n') read.iterations = Number(given);
        else if (letter === 'd') read.delayS = Number(given);
        else read.pids.push(...given.split(',').map(Number));
      }
    }
  }
  return read;
}

/** What there was at a look, so that the next one knows what each had since. */
interface Look {
  atMs: number;
  seconds: Map<number, number>;
}

function screen(
  host: Uses<'clock' | 'machine'>,
  rows: readonly Row[],
  before: Look | undefined,
  { threads }: TopWords,
): { lines: string[]; now: Look } {
  const atMs = host.clock.epochMs();
  const idOf = ({ process, thread }: Row): number => thread?.tid ?? process.pid;
  const now: Look = { atMs, seconds: new Map(rows.map(row => [idOf(row), secondsOf(row)])) };
  const percent = (row: Row): number => {
    const past = before?.seconds.get(idOf(row));
    return past === undefined || !before || atMs <= before.atMs
      ? share(row, atMs)
      : (100_000 * (secondsOf(row) - past)) / (atMs - before.atMs);
  };
  const { frames, freeFrames } = host.machine;
  const mib = (count: number): string => (count / 256).toFixed(1).padStart(8);
  const running = rows.filter(runs).length;
  const head = [
    `top - ${upTime(host)},  1 user`,
    `${threads ? 'Threads' : 'Tasks'}: ${String(rows.length).padStart(3)} total, ${String(running).padStart(3)} running, ${String(rows.length - running).padStart(3)} sleeping,   0 stopped,   0 zombie`,
    `MiB Mem : ${mib(frames)} total, ${mib(freeFrames)} free, ${mib(frames - freeFrames)} used`,
    '',
    `    PID USER      PR  NI    VIRT    RES S  %CPU  %MEM     TIME+ COMMAND`,
  ];
  const line = (row: Row): string => {
    const { process, thread } = row;
    const seconds = secondsOf(row);
    const time = `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, '0')}`;
    return `${String(idOf(row)).padStart(7)} ${userColumn(process.user)}  20   0 ${String(process.vszKiB).padStart(7)} ${String(process.rssKiB).padStart(6)} ${runs(row) ? 'R' : 'S'} ${percent(row).toFixed(1).padStart(5)} ${((100 * process.rssKiB) / (frames * 4)).toFixed(1).padStart(5)} ${time.padStart(9)} ${thread?.name ?? process.name}`;
  };
  return { lines: [...head, ...[...rows].sort((a, b) => percent(b) - percent(a)).map(line)], now };
}

async function lookAgain(
  host: CommandHost,
  asked: TopWords,
  show: (lines: string[]) => void,
  wait: () => Promise<boolean>,
): Promise<void> {
  let before: Look | undefined;
  for (let i = 0; i < asked.iterations; i++) {
    if (i > 0 && !(await wait())) return;
    const all = await processesOf(host);
    const shown = asked.pids.length > 0 ? all.filter(({ pid }) => asked.pids.includes(pid)) : all;
    const { lines, now } = screen(host, rowsOf(shown, asked.threads), before, asked);
    before = now;
    show(lines);
  }
}

const HOME = '\x1b[H',
  TO_END = '\x1b[J',
  TO_END_OF_LINE = '\x1b[K';

const top = (host: CommandHost): Program => ({
  name: 'top',
  summary: 'processes by their processor time, again and again: -H threads; -b for a script; q leaves',
  run: async words => {
    const asked = readTop(words);
    if (typeof asked === 'string') return failed(`${asked}\nUsage:\n  top -b -H -d SECONDS -n NUMBER -p PIDS`);
    if (!asked.batch) return failed('top: failed tty get');
    if (asked.iterations === Infinity) return failed('top: -b ends after -n looks: write how many.');
    let text = '';
    await lookAgain(
      host,
      asked,
      lines => void (text += `${text === '' ? '' : '\n'}${lines.join('\n')}\n`),
      async () => (await new Promise<void>(resolve => void host.clock.later(asked.delayS * 1000, resolve)), true),
    );
    return succeeded(text);
  },
  own: words => {
    const asked = readTop(words);
    if (typeof asked === 'string' || asked.batch) return undefined;
    return async terminal => {
      let over = false,
        wake = (): void => {};
      terminal.signal.addEventListener('abort', () => ((over = true), wake()), { once: true });
      terminal.listen(typed => {
        if (/[qQ\x03\x04]/.test(typed)) over = true;
        if (/H/.test(typed)) asked.threads = !asked.threads;
        wake();
      });
      await lookAgain(
        host,
        asked,
        lines =>
          terminal.write(
            `${HOME}${lines
              .slice(0, Math.max(1, terminal.rows - 1))
              .map(line => line.slice(0, terminal.columns) + TO_END_OF_LINE)
              .join('\r\n')}${TO_END}`,
          ),
        async () => {
          await new Promise<void>(resolve => {
            const cancel = host.clock.later(Math.max(0.1, asked.delayS) * 1000, resolve);
            wake = () => (cancel(), resolve());
          });
          return !over;
        },
      );
      terminal.write('\r\n');
      return 0;
    };
  },
});

export const processPrograms = (host: CommandHost): Program[] => [ps(host), top(host)];
