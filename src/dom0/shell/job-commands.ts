/** Commands about what a shell has started: wait, jobs, ps, fg, bg, disown, kill. Source: bash(1), "JOB CONTROL"; ps(1). */
import { BY_SIGNAL, type Job, type Jobs, signalList, signalNumber, SIGNALS } from './jobs.ts';
import { failed, NOT_FOUND, ran, SHELL_PID, type ShellCommand, WRONG_USE } from './shell-command.ts';

const waitFor =
  (jobs: Jobs, ends: readonly Job[]): ShellCommand =>
  async words => {
    const next = words.includes('-n');
    const named = words.filter(word => !word.startsWith('-'));
    const wanted: Job[] = [];
    let status = 0,
      stderr = '';
    for (const word of named) {
      const job = jobs.find(word);
      if (job) wanted.push(job);
      else {
        status = NOT_FOUND;
        stderr += `bash: wait: ${/^%|^\d+$/.test(word) ? (word.startsWith('%') ? `${word}: no such job` : `pid ${word} is not a child of this shell`) : `\`${word}': not a pid or valid job spec`}\n`;
      }
    }
    const all = named.length > 0 ? wanted : [...jobs.list];
    if (next && all.length > 0) await Promise.race(all.map(({ done }) => done));
    else await Promise.all(all.map(({ done }) => done));
    const over = next ? all.filter(({ end }) => end).slice(0, 1) : all;
    for (const job of over) jobs.forget(job);
    const last = over.at(-1);
    if ((named.length > 0 || next) && last?.end && status === 0) status = last.end.status;
    if (next && all.length === 0) status = NOT_FOUND;
    const written = jobs.take(next ? over : [...over].sort((a, b) => ends.indexOf(a) - ends.indexOf(b)));
    return ran(written.stdout, status, written.stderr + stderr);
  };

const listed =
  (jobs: Jobs): ShellCommand =>
  async words => {
    const pids = words.includes('-l'),
      only = words.includes('-p');
    const list = words.includes('-r') ? jobs.list.filter(({ end }) => !end) : jobs.list;
    const text = list.map(job => (only ? `${job.pid}\n` : jobs.line(job, { pids }))).join('');
    const written = jobs.take(list);
    for (const job of list) if (job.end) jobs.forget(job);
    return ran(text + written.stdout, 0, written.stderr);
  };

/** Processes of this shell: those of Domain 0 itself, which has none, are xl's to list. Nobody counts their time. */
const processes =
  (jobs: Jobs): ShellCommand =>
  async words => {
    const letters = words.join('').replace(/-/g, '');
    const row = (pid: number, name: string): string =>
      /f/.test(letters)
        ? `root     ${String(pid).padStart(7)} ${String(pid === SHELL_PID ? 1 : SHELL_PID).padStart(7)}  - -     ?              - ${name}\n`
        : /u/.test(letters)
          ? `root     ${String(pid).padStart(7)}    -    -      -     - ?        ${pid === SHELL_PID ? 'S   ' : 'R   '}     -      - ${name}\n`
          : `${String(pid).padStart(7)} ?               - ${name.split(' ')[0]}\n`;
    const head = /f/.test(letters)
      ? 'UID          PID    PPID  C STIME TTY          TIME CMD\n'
      : /u/.test(letters)
        ? 'USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n'
        : '    PID TTY          TIME CMD\n';
    return ran(
      head +
        row(SHELL_PID, 'bash') +
        jobs.running.map(({ pid, text }) => row(pid, text)).join('') +
        row(jobs.nextPid(), `ps${words.length > 0 ? ` ${words.join(' ')}` : ''}`),
    );
  };

const foreground =
  (jobs: Jobs, wait: ShellCommand): ShellCommand =>
  async ([word = '%+'], context) => {
    const job = jobs.find(word);
    if (!job || job.isForgotten) return failed(`bash: fg: ${word === '%+' ? 'current' : word}: no such job`);
    const { text } = job;
    const { stdout, stderr, exitCode } = await wait([String(job.pid)], context);
    return ran(`${text}\n${stdout}`, exitCode, stderr);
  };

const background =
  (jobs: Jobs): ShellCommand =>
  async ([word = '%+']) => {
    const job = jobs.find(word);
    return job && !job.isForgotten
      ? failed(`bash: bg: job ${job.number} already in background`, 0)
      : failed(`bash: bg: ${word === '%+' ? 'current' : word}: no such job`);
  };

const disowned =
  (jobs: Jobs): ShellCommand =>
  async words => {
    for (const job of words.filter(word => !word.startsWith('-')).length > 0
      ? words.flatMap(word => jobs.find(word) ?? [])
      : jobs.list.slice(-1))
      jobs.forget(job);
    return ran();
  };

const killed =
  (jobs: Jobs, signals: number[]): ShellCommand =>
  async (words, { env }) => {
    const rest = [...words];
    let signal = SIGNALS.indexOf('TERM');
    const [first = ''] = rest;
    if (first === '-l' || first === '-L') {
      if (rest.length === 1) return ran(signalList());
      return ran(
        rest
          .slice(1)
          .map(word => (/^\d+$/.test(word) ? SIGNALS[Number(word) % BY_SIGNAL] : signalNumber(word)) ?? '')
          .map(each => `${each}\n`)
          .join(''),
      );
    }
    if (/^-(?!-)/.test(first)) {
      rest.shift();
      const word = first === '-s' || first === '-n' ? (rest.shift() ?? '') : first.replace(/^-[sn]?(?=.)/, '');
      const number = signalNumber(word);
      if (number === undefined) return failed(`bash: kill: ${word}: invalid signal specification`);
      signal = number;
    }
    if (rest[0] === '--') rest.shift();
    if (rest.length === 0)
      return failed(
        'kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]',
        WRONG_USE,
      );
    let stderr = '';
    for (const word of rest) {
      const job = jobs.find(word);
      if (word === String(SHELL_PID) || (word !== '' && word === env.get('RINGSIDE_SHELL'))) {
        if (signal > 0) signals.push(signal);
      } else if (!job || (job.end && job.isForgotten))
        stderr += word.startsWith('%')
          ? `bash: kill: ${word}: no such job\n`
          : /^-?\d+$/.test(word)
            ? `bash: kill: (${word}) - No such process\n`
            : `bash: kill: ${word}: arguments must be process or job IDs\n`;
      else if (job.end) stderr += `bash: kill: (${job.pid}) - No such process\n`;
      else jobs.kill(job, signal);
    }
    return ran('', stderr === '' ? 0 : 1, stderr);
  };

/** `signals` gets what the shell sends itself. */
export function jobCommands(jobs: Jobs, signals: number[]): Record<string, ShellCommand> {
  const ends: Job[] = [];
  const told = jobs.ended;
  jobs.ended = job => {
    ends.push(job);
    if (ends.length > 256) ends.shift();
    told(job);
  };
  const wait = waitFor(jobs, ends);
  return {
    wait,
    jobs: listed(jobs),
    ps: processes(jobs),
    fg: foreground(jobs, wait),
    bg: background(jobs),
    disown: disowned(jobs),
    kill: killed(jobs, signals),
  };
}
