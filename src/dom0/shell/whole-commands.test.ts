/** What of a text runs that cannot be read or rewritten as a whole. What bash prints was tried with bash 5.2. */
import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it, vi } from 'vitest';
import { Bash } from './bash.ts';
import { Rewriting } from './rewriting.ts';

const SCRIPTS = {
  'fi.sh': 'echo first\necho second; fi\necho third\n',
  'done.sh': 'echo first\nif true; then\n echo a\ndone\necho third\n',
  'open.sh': 'echo first\nif true; then\n echo a\n',
  'quote.sh': 'echo first\necho "abc\n',
  'trap.sh': 'trap "echo bye" EXIT\necho first\nf() { echo in f; }\nf\n)\necho x\n',
  'document.sh': 'cat <<END\nfi\nEND\nf() {\n  echo $1\n}\nf {a,b}\nfi\n',
  'coproc.sh': 'echo first\ncoproc cat\n',
};

async function login() {
  const fs = new InMemoryFs();
  await fs.mkdir('/root', { recursive: true });
  for (const [name, text] of Object.entries(SCRIPTS)) await fs.writeFile(`/root/${name}`, text);
  return new Bash({
    fs,
    programs: [],
    sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
    directory: '/root',
    environment: { HOME: '/root', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    random: () => 0,
  });
}

describe('a text that reads wrong', () => {
  it.each([
    [
      'bash fi.sh',
      'first\n',
      "fi.sh: line 2: syntax error near unexpected token `fi'\nfi.sh: line 2: `echo second; fi'\n",
      2,
    ],
    [
      'bash done.sh',
      'first\n',
      "done.sh: line 4: syntax error near unexpected token `done'\ndone.sh: line 4: `done'\n",
      2,
    ],
    ['bash open.sh', 'first\n', 'open.sh: line 4: syntax error: unexpected end of file\n', 2],
    ['bash quote.sh', 'first\n', 'quote.sh: line 3: unexpected EOF while looking for matching `"\'\n', 2],
    ['bash trap.sh', 'first\nin f\nbye\n', "trap.sh: syntax error near unexpected token `)'\n", 2],
    [
      'bash document.sh',
      'fi\na\n',
      "document.sh: line 8: syntax error near unexpected token `fi'\ndocument.sh: line 8: `fi'\n",
      2,
    ],
    [
      'sh < fi.sh',
      'first\n',
      "sh: line 2: syntax error near unexpected token `fi'\nsh: line 2: `echo second; fi'\n",
      2,
    ],
    [
      '. ./fi.sh; echo $?',
      'first\n2\n',
      "./fi.sh: line 2: syntax error near unexpected token `fi'\n./fi.sh: line 2: `echo second; fi'\n",
      0,
    ],
    [
      'eval "echo a\n;;"; echo $?',
      'a\n2\n',
      "bash: eval: line 2: syntax error near unexpected token `;;'\nbash: eval: line 2: `;;'\n",
      0,
    ],
    ['echo a\nfi', 'a\n', "bash: -c: line 2: syntax error near unexpected token `fi'\nbash: -c: line 2: `fi'\n", 2],
    [
      'bash -c "echo a\nfi"; echo $?',
      'a\n2\n',
      "bash: -c: line 2: syntax error near unexpected token `fi'\nbash: -c: line 2: `fi'\n",
      0,
    ],
    ['if true; then', '', 'bash: -c: line 1: syntax error: unexpected end of file\n', 2],
    [
      'bash fi.sh & wait $!; echo $?',
      'first\n2\n',
      "fi.sh: line 2: syntax error near unexpected token `fi'\nfi.sh: line 2: `echo second; fi'\n",
      0,
    ],
  ])('%s: what comes before it runs', async (line, stdout, stderr, status) => {
    expect(await (await login()).run(line, { isAll: true })).toEqual({ stdout, stderr, status });
  });

  it('says of a script’s line what is not offered, and runs those before it', async () => {
    const { stdout, stderr } = await (await login()).run('sh coproc.sh', { isAll: true });
    expect([stdout, stderr.slice(0, 45)]).toEqual(['first\n', 'coproc.sh: line 2: coproc is not offered here']);
  });

  it('has a prompt ask for more where a script’s end is what lacks, of the line alone', async () => {
    const bash = await login();
    expect(await bash.run('if true; then')).toBeUndefined();
    expect(await bash.run('f() {')).toBeUndefined();
    expect((await bash.run('bash open.sh'))?.status).toBe(2);
  });
});

describe('brace expansion', () => {
  it.each([
    [`echo {a,b} {1..3} x{a,{b,c}}y "{a,b}" {a,"\${Z-d}"}`, 'a b 1 2 3 xay xby xcy {a,b} a d\n'],
    ["f() { echo {a,b}; }; f; trap 'echo {c,d}' EXIT", 'a b\nc d\n'],
    ['cat <<E\n{a,b} $(echo {a,b})\nE', '{a,b} a b\n'],
    ['echo {a,b} & wait; eval "echo {c,d}"', 'a b\nc d\n'],
    ['for i in {a,b}{1..2}; do echo $i; done | head -3', 'a1\na2\nb1\n'],
  ])('%s', async (line, stdout) => {
    expect(await (await login()).run(line, { isAll: true })).toEqual({ stdout, stderr: '', status: 0 });
  });
});

describe('an exception in the rewriting', () => {
  it('fails one command, in a line, a function, a job, a here-document and a script', async () => {
    type Rewritten = { command(node: { args: { parts: { value?: string }[] }[] }, scope: unknown): unknown };
    const proto = Rewriting.prototype as unknown as Rewritten;
    const { command } = proto;
    const spy = vi.spyOn(proto, 'command').mockImplementation(function (this: Rewritten, node, scope) {
      if (node.args[0]?.parts[0]?.value === 'fault') throw new TypeError('undefined is not iterable');
      return command.call(this, node, scope);
    });
    try {
      const bash = await login();
      const said =
        ': this command was not run, as it could not be rewritten for just-bash: TypeError: undefined is not iterable\n';
      const run = async (line: string) => bash.run(line, { isAll: true });
      expect(await run('echo a; echo fault; echo $?')).toEqual({
        stdout: 'a\n2\n',
        stderr: `bash${said}`,
        status: 0,
      });
      expect(await run('f() { echo a; echo fault; echo b; }\nf')).toEqual({
        stdout: 'a\nb\n',
        stderr: `bash${said}`,
        status: 0,
      });
      expect((await run('echo a; echo fault & wait; echo b')).stdout).toBe('a\nb\n');
      expect(await run('cat <<E\nx $(echo fault)\nE')).toMatchObject({ stdout: 'x \n' });
      expect(await run('bash -c "echo a\necho fault\necho b"')).toEqual({
        stdout: 'a\nb\n',
        stderr: `bash${said}`,
        status: 0,
      });
      expect(await run('eval "echo a; echo fault; echo b"')).toMatchObject({ stdout: 'a\nb\n', status: 0 });
    } finally {
      spy.mockRestore();
    }
  });

  it('of a program ends its line, and no host', async () => {
    const bash = await login();
    const exec = vi.spyOn(bash, 'around').mockImplementation(() => {
      throw new RangeError('out of something');
    });
    expect(await bash.run('echo a', { isAll: true })).toMatchObject({ stdout: 'a\n' });
    exec.mockRestore();
  });
});
