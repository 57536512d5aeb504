/**
 * The shell next to bash: fixtures/one-liners.jsonl holds lines with what bash 5.2 on Debian 12 printed for them (`bash -c LINE`), most of which just-bash alone has
 * otherwise.
 */
import { readFileSync } from 'node:fs';
import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it } from 'vitest';
import { Bash } from './bash.ts';
import { type Program, succeeded } from '../toolstack/programs/index.ts';

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');

/** What a program sees of its words and its input. */
const xl: Program = {
  name: 'xl',
  summary: 'echo',
  run: async (words, { stdin }) => succeeded(`xl ${words.join(' ')}\n${stdin}`),
};
const reads: Program = {
  name: 'virsh',
  summary: 'reads a file',
  run: async ([verb, path], { readFile }) => succeeded(`${verb}: ${new TextDecoder().decode(await readFile(path))}`),
};

async function login() {
  const fs = new InMemoryFs();
  for (const folder of ['/root', '/tmp', '/etc/xen']) await fs.mkdir(folder, { recursive: true });
  let seed = 1;
  const bash = new Bash({
    fs,
    programs: [xl, reads],
    sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
    directory: '/root',
    environment: { HOME: '/root', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', USER: 'root' },
    random: below => (seed = (seed * 48271) % 0x7fffffff) % below,
  });
  /** As for `ringside sh -c`. */
  const whole = async (line: string) => (await bash.run(line, { isAll: true }))!;
  /** As at a prompt: what is written, errors behind the output. */
  const typed = async (line: string): Promise<string | undefined> => {
    const ran = await bash.run(line);
    return ran && ran.stdout + ran.stderr;
  };
  return { fs, bash, whole, typed };
}

describe('the shell', () => {
  it.each(
    fixture('one-liners.jsonl')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { line: string; stdout: string; status: number }),
  )('prints what bash prints for $line', async ({ line, stdout, status }) => {
    const { fs, whole } = await login();
    await fs.writeFile('/tmp/s3.sh', 'C="echo src"; $C v\n');
    await fs.writeFile('/tmp/st', '');
    const ran = await whole(line);
    expect([ran.stdout, ran.status]).toEqual([stdout, status]);
  });

  it('takes the first field of an expansion for the command, in scripts and line by line (POSIX, 2.9.1)', async () => {
    const { fs, whole, typed } = await login();
    const script = fixture('command-from-expansion.sh');
    await fs.writeFile('/root/script.sh', script);
    const right = '+ xl list\nxl list\nxl -v list\n/root\n/root\n/root\n/root\n/root\nall ran\n';
    expect(await whole('sh script.sh')).toEqual({ stdout: right, stderr: '', status: 0 });
    let all = '';
    for (const line of script.trim().split('\n')) all += await typed(line);
    expect(all).toBe(right);
  });

  it('has the small things that scripts take for granted', async () => {
    const { fs, whole } = await login();
    await fs.writeFile('/root/script.sh', fixture('small-tools.sh'));
    expect(await whole('sh script.sh')).toEqual({
      stdout: '1 2\n3 4\nguest1\nguest2\n1+2+3\nkept\nmade\nbye\n',
      stderr: '',
      status: 0,
    });
  });

  it.each(['/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'])('gives every program %s', async path => {
    const { whole, fs } = await login();
    await fs.writeFile('/root/f', 'text\n');
    for (const line of [
      `virsh define ${path} <<X\ntext\nX`,
      `virsh define ${path} <<< text`,
      `echo text | virsh define ${path}`,
      `virsh define ${path} < f`,
    ])
      expect((await whole(line)).stdout).toBe('define: text\n');
    for (const tool of ['cat', 'sed p -n', 'grep .', 'head -n1', 'sort'])
      expect((await whole(`${tool} ${path} < f`)).stdout).toBe('text\n');
    expect((await whole(`while read -r l; do echo "<$l>"; done < ${path} <<< text`)).stdout).toBe('<text>\n');
  });

  it('keeps functions, arrays, parameters, options, handlers and the last status from line to line', async () => {
    const { typed, bash } = await login();
    const lines: [string, string][] = [
      ['run() { "$@"; }', ''],
      ['run echo a b', 'a b\n'],
      ['set -- p "q r"', ''],
      ['echo $# "$2"', '2 q r\n'],
      ['w=(x "y z")', ''],
      [`echo "\${w[1]}"`, 'y z\n'],
      ['declare -A m=([k]="v w")', ''],
      [`echo "\${m[k]}"`, 'v w\n'],
      ['false', ''],
      ['echo $?', '1\n'],
      ['alias e="echo al"', ''],
      ['e', 'al\n'],
      ['set -u', ''],
      ['set +u', ''],
      ['trap "echo bye" EXIT', ''],
      ['echo on', 'on\n'],
      ['unset -f run', ''],
      ['run a', 'bash: run: command not found\n'],
    ];
    for (const [line, right] of lines) expect([line, await typed(line)]).toEqual([line, right]);
    expect((await bash.leave(0)).stdout).toBe('bye\n');
  });

  it('runs a job beside its lines, and tells of it', async () => {
    const { typed, bash } = await login();
    bash.jobs.isInteractive = true;
    const first = await typed('(sleep 0.05; echo late) &');
    expect(first).toMatch(/^\[1\] \d+\n$/);
    expect(await typed('jobs')).toBe('[1]+  Running                 (sleep 0.05; echo late) &\n');
    await bash.jobs.list[0].done;
    expect(bash.tellJobs()).toBe('late\n[1]+  Done                    (sleep 0.05; echo late)\n');
    await typed('sleep 100 &');
    expect(await typed('kill %1; wait $!; echo $?')).toBe('143\n');
    expect(await typed('kill -0 12')).toBe('bash: kill: (12) - No such process\n');
  });

  it('reads no line of a here-document twice, and says what is too long', async () => {
    const { bash, typed } = await login();
    expect(await typed("cat > f <<'END'")).toBeUndefined();
    expect([bash.isInDocument('one'), bash.isInDocument('END')]).toEqual([true, false]);
    expect(await typed(`echo ${'x'.repeat(2 ** 20)}`)).toContain('is too long here, where at most 990000 are read');
    expect(await typed(`echo '${'x\n'.repeat(2 ** 15)}`)).toContain('is not read here: put it into a file');
  });

  it("asks for one of several items, with bash's menu, and says what it does not offer", async () => {
    const { whole, fs } = await login();
    const names = 'alpha "two words" gamma delta epsilon zeta eta theta iota kappa lambda mu';
    // As bash 5.2 prints it on 80 columns.
    const right =
      '1) alpha        4) delta       7) eta\t     10) kappa\n2) two words    5) epsilon     8) theta\t     11) lambda\n3) gamma        6) zeta\t       9) iota\t     12) mu\n#? ';
    expect(await whole(`select x in ${names}; do echo "$x"; break; done <<< 2`)).toEqual({
      stdout: 'two words\n',
      stderr: right,
      status: 0,
    });
    expect((await whole('coproc cat; echo no')).stderr).toContain('coproc is not offered here');
    await fs.writeFile('/root/s', 'coproc X { cat; }\n');
    expect((await whole('sh s')).stderr).toContain('s: line 1: coproc is not offered here');
    expect((await whole("cat <<'E'\nselect x in a; do\ncoproc y\nE")).stdout).toBe('select x in a; do\ncoproc y\n');
  });

  it.each(['while :; do :; done', 'for ((;;)); do x=1; done', 'f() { until false; do x=1; done; }; f | wc'])(
    'ends %s at Ctrl + C',
    async line => {
      const { bash, whole } = await login();
      await whole(':');
      const ran = whole(line);
      setTimeout(() => bash.interrupt(), 10);
      expect(await ran).toEqual({ stdout: '', stderr: '', status: 130 });
    },
  );

  it('tells nothing of its own in a trace', async () => {
    const { typed } = await login();
    expect(await typed('set -x; for i in 1; do echo $i; done')).toBe('1\n+ echo 1\n');
  });

  it('traces, ends at errors and reads its input where sh is told to', async () => {
    const { whole } = await login();
    expect(await whole('bash -xc "echo a"')).toEqual({ stdout: 'a\n', stderr: '+ echo a\n', status: 0 });
    expect((await whole('sh -eu -c "false; echo no"')).status).toBe(1);
    expect((await whole('echo "echo \\$1" | bash -s word')).stdout).toBe('word\n');
    expect(await whole('bash /root')).toMatchObject({ stderr: 'bash: /root: Is a directory\n', status: 126 });
    expect(await whole('./none')).toMatchObject({ stderr: 'bash: ./none: No such file or directory\n', status: 127 });
    expect(await whole('echo echo > s; ./s')).toMatchObject({ stderr: 'bash: ./s: Permission denied\n', status: 126 });
  });
});
