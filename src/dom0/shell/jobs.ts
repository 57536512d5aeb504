/** Jobs of a shell: what `&` starts, and what is printed of them. Source: bash(1), "Job Control"; POSIX for wait, jobs and kill. */

/** Signals by their numbers on x86 (signal(7)). */
export const SIGNALS = [
  '',
  'HUP',
  'INT',
  'QUIT',
  'ILL',
  'TRAP',
  'ABRT',
  'BUS',
  'FPE',
  'KILL',
  'USR1',
  'SEGV',
  'USR2',
  'PIPE',
  'ALRM',
  'TERM',
  'STKFLT',
  'CHLD',
  'CONT',
  'STOP',
  'TSTP',
  'TTIN',
  'TTOU',
  'URG',
  'XCPU',
  'XFSZ',
  'VTALRM',
  'PROF',
  'WINCH',
  'POLL',
  'PWR',
  'SYS',
];

/** The list of `kill -l` and `trap -l`. */
export const signalList = (): string =>
  `${SIGNALS.slice(1)
    .map((name, i) => `${String(i + 1).padStart(2)}) SIG${name}`)
    .join('\n')}\n`;
/** A status says by which signal something ended. */
export const BY_SIGNAL = 128;
/** Of processes of this shell: above those that a Linux starts at its boot. */
const FIRST_PID = 1000;

export interface JobEnd {
  stdout: string;
  stderr: string;
  status: number;
}

export interface Job {
  number: number;
  pid: number;
  text: string;
  /** Absent: it runs. */
  end?: JobEnd;
  done: Promise<JobEnd>;
  /** It was ended by this one. */
  signal?: number;
  /** What it wrote was handed on. */
  isTold?: boolean;
  /** Somebody waited for it, or it is not the shell's any more. */
  isForgotten?: boolean;
  abort: AbortController;
}

/** A number or a name, with SIG or without; undefined: there is no such signal. */
export function signalNumber(word: string): number | undefined {
  if (/^\d+$/.test(word)) return Number(word) <= 64 ? Number(word) : undefined;
  const at = word.toUpperCase() === 'EXIT' ? 0 : SIGNALS.indexOf(word.toUpperCase().replace(/^SIG/, ''), 1);
  return at < 0 ? undefined : at;
}

export class Jobs {
  private readonly all: Job[] = [];
  private pids = FIRST_PID;
  /** At a terminal a job's number is printed when it starts, and its end at the next prompt. */
  isInteractive = false;
  /** A job has ended. */
  ended: (job: Job) => void = () => {};

  get list(): readonly Job[] {
    return this.all.filter(({ isForgotten }) => !isForgotten);
  }

  get running(): readonly Job[] {
    return this.all.filter(({ end }) => !end);
  }

  /** Of a command that is run now. */
  nextPid(): number {
    return ++this.pids;
  }

  start(text: string, run: (signal: AbortSignal) => Promise<JobEnd>): Job {
    const abort = new AbortController();
    const number = Math.max(0, ...this.list.map(each => each.number)) + 1;
    const job: Job = {
      number,
      pid: this.nextPid(),
      text,
      abort,
      done: Promise.resolve({ stdout: '', stderr: '', status: 0 }),
    };
    const killed = new Promise<JobEnd>(resolve =>
      abort.signal.addEventListener('abort', () =>
        resolve({ stdout: '', stderr: '', status: BY_SIGNAL + (job.signal ?? 0) }),
      ),
    );
    // What does not listen to the signal ends by itself; the job is over.
    const ran = run(abort.signal).catch(
      (error: Error): JobEnd => ({ stdout: '', stderr: `bash: ${error.message}\n`, status: 1 }),
    );
    job.done = Promise.race([
      killed,
      ran.then(end => (job.signal === undefined ? end : { ...end, status: BY_SIGNAL + job.signal })),
    ]).then(end => {
      job.end = end;
      this.ended(job);
      return end;
    });
    this.all.push(job);
    return job;
  }

  /** `%1`, `%+`, `%name`, or a number of a process; undefined: there is none. */
  find(word: string): Job | undefined {
    const { list } = this;
    if (!word.startsWith('%')) return this.all.find(({ pid }) => String(pid) === word);
    const name = word.slice(1);
    if (name === '' || name === '%' || name === '+') return list.at(-1);
    if (name === '-') return list.at(-2) ?? list.at(-1);
    return /^\d+$/.test(name)
      ? list.find(({ number }) => String(number) === name)
      : list.find(({ text }) => (name.startsWith('?') ? text.includes(name.slice(1)) : text.startsWith(name)));
  }

  kill(job: Job, signal: number): void {
    // To look whether it is there; to go on.
    if (job.end || signal === 0 || signal === SIGNALS.indexOf('CONT')) return;
    job.signal = signal;
    job.abort.abort();
  }

  /** What jobs that are over have written since this was asked last. */
  take(jobs: readonly Job[]): { stdout: string; stderr: string } {
    const fresh = jobs.filter(({ end, isTold }) => end && !isTold);
    for (const job of fresh) job.isTold = true;
    return {
      stdout: fresh.map(({ end }) => end?.stdout).join(''),
      stderr: fresh.map(({ end }) => end?.stderr).join(''),
    };
  }

  forget(job: Job): void {
    job.isForgotten = true;
    const at = this.all.findIndex(each => each.isForgotten && each.end && each.isTold);
    // Its status may be asked for again for a while.
    if (this.all.length > 256 && at >= 0) this.all.splice(at, 1);
  }

  /** As `jobs` prints them. */
  line(job: Job, { pids = false } = {}): string {
    const { list } = this;
    const mark = job === list.at(-1) ? '+' : job === list.at(-2) ? '-' : ' ';
    const state = !job.end
      ? 'Running'
      : job.signal !== undefined
        ? (WORDS[job.signal] ?? SIGNALS[job.signal])
        : job.end.status === 0
          ? 'Done'
          : `Exit ${job.end.status}`;
    return `[${job.number}]${mark}  ${pids ? `${job.pid} ` : ''}${state.padEnd(24)}${job.text}${job.end ? '' : ' &'}\n`;
  }
}

/** strsignal()'s. */
const WORDS: Record<number, string> = { 1: 'Hangup', 2: 'Interrupt', 3: 'Quit', 9: 'Killed', 15: 'Terminated' };
