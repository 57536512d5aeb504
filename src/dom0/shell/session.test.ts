import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it } from 'vitest';
import { type Program, succeeded } from '../toolstack/programs/index.ts';
import { Session } from './session.ts';

const tick = (ms = 0): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

let echoed = 0;
const echo: Program = {
  name: 'xl',
  summary: 'the toolstack',
  run: async (words, { stdin, directory }) => {
    echoed++;
    return words[0] === 'fail'
      ? { stdout: '', stderr: 'no such domain\n', status: 5 }
      : succeeded(`${words.join(',')} in ${directory}${stdin && ` of ${stdin.trim()}`}\n`);
  },
  own: words =>
    words[0] === 'console'
      ? terminal =>
          new Promise(resolve => {
            terminal.write(`connected to ${words[1]}\r\n`);
            terminal.listen(typed => (typed === '\x1d' ? resolve(0) : terminal.write(`<${typed}>`)));
          })
      : undefined,
  complete: words => (words.length === 1 ? ['console', 'create', 'list'] : ['web1', 'web2']),
};
const throws: Program = { name: 'broken', summary: 'throws', run: () => Promise.reject(new Error('what, where')) };

async function session(history: string[] = []) {
  let shown = '';
  const it = new Session({
    fs: new InMemoryFs({ '/etc/xen/vm/web1': 'name = "web1"\n' }),
    programs: [echo, throws],
    sleep: ms => tick(ms),
    environment: { HOME: '/root', PATH: '/usr/bin:/bin' },
    directory: '/',
    random: () => 0,
    hostName: 'ringside',
    history,
    terminal: {
      write: text => {
        shown += text;
      },
      columns: 80,
      rows: 24,
    },
  });
  /** Types, and waits until the next prompt stands there. */
  const type = async (text: string, until = /# $/): Promise<string> => {
    shown = '';
    it.input(text);
    const plain = (): string => shown.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '').replace(/(# |> )\r$/, '$1');
    for (let tries = 0; tries < 2000; tries++) {
      await tick(1);
      if (until.test(plain()) && (until.source.startsWith('^') || /\n/.test(plain()))) return plain();
    }
    throw new Error(`nothing came: ${JSON.stringify(shown)}`);
  };
  /** What a line prints. */
  const run = async (line: string): Promise<string> => (await type(`${line}\r`)).split('\r\n').slice(1, -1).join('\n');
  return { it, type, run, history };
}

describe('a login at Domain 0', () => {
  it('lets others have their turns while a script loops, and ends it at Ctrl + C', async () => {
    const { it, type } = await session();
    await type('true\r');
    const seen = new Set<number>(),
      other = setInterval(() => seen.add(echoed), 0),
      before = echoed;
    it.input('while true; do cat /etc/xen/vm/web1 > /dev/null; xl list > /dev/null; done\r');
    for (let tries = 0; tries < 5000 && echoed - before < 300; tries++) await tick();
    clearInterval(other);
    // Without turns of their own they would see the loop begin and end.
    expect(seen.size).toBeGreaterThan(10);
    expect(await type('\x03')).toMatch(/# $/);
  });

  it('carries directory and variables from line to line', async () => {
    const { run } = await session();
    await run('cd /etc/xen; X=7');
    expect(await run('pwd; echo $X')).toBe('/etc/xen\n7');
    expect(await run('cat vm/web1 | tr a-z A-Z')).toBe('NAME = "WEB1"');
  });

  it("runs the toolstack's commands in pipes, with their status", async () => {
    const { run } = await session();
    expect(await run('xl list -l | sed s/list/LIST/')).toBe('LIST,-l in /');
    expect(await run('cd /etc; echo config | xl create')).toBe('create in /etc of config');
    expect(await run('xl fail; echo $?')).toContain('no such domain');
    expect(await run('xl fail; echo $?')).toContain('5');
    expect(await run('broken; echo still here')).toBe('still here\nbroken: what, where');
  });

  it('asks for more where a line is not whole', async () => {
    const { type, run } = await session();
    expect(await type('for i in a b\r', /> $/)).toContain('> ');
    await type('do echo $i\r', /> $/);
    expect(await run('done')).toBe('a\nb');
    await type('echo one \\\r', /> $/);
    expect(await run('two')).toBe('one two');
    expect(await run("echo 'three\\\\'")).toBe('three\\\\');
  });

  it('leaves the quotes and brackets of a here-document as they are, also inside a loop and a substitution', async () => {
    const { type } = await session();
    const lines = async (...all: string[]): Promise<string> => {
      for (const line of all.slice(0, -1)) await type(`${line}\r`, /> $/);
      return (await type(`${all.at(-1)}\r`)).split('\r\n').slice(1, -1).join('\n');
    };
    expect(await lines('X=web; cat << END', `disk = ['phy:/dev/vg0/$X,xvda,w'] # [a-z] * "q"`, 'END')).toBe(
      `disk = ['phy:/dev/vg0/web,xvda,w'] # [a-z] * "q"`,
    );
    expect(await lines('for i in 1 2; do cat << END', `$(cat << E`, `['$i']`, 'E', ')', 'END', 'done')).toBe(
      "['1']\n['2']",
    );
    expect(await lines("cat << 'END'", "['$X']", 'END')).toBe("['$X']");
  });

  it('gives the terminal to a command that owns it, and takes it back', async () => {
    const { type, run } = await session();
    expect(await type('xl console web1\r', /web1\r\n$/)).toContain('connected to web1');
    expect(await type('\x03ls\r\n', /<.*>/s)).toContain('<\x03ls\r\n>');
    await type('\x1d', /^\r.*# $/);
    expect(await run('xl console web1 | cat')).toContain('needs the terminal');
  });

  it('ends a command with Ctrl-C', async () => {
    const { it: one, type, run } = await session();
    const waiting = type('sleep 1000\r');
    await tick(100);
    one.input('\x03');
    expect(await waiting).toContain('^C');
    expect(await run('echo $?; echo on')).toContain('on');
  });

  it('completes commands, their words and paths', async () => {
    const { run } = await session();
    expect(await run('xl li\tX')).toBe('list,X in /');
    expect(await run('xl list web1\t')).toBe('list,web1 in /');
    expect(await run('cat /etc/xe\tvm/we\t')).toBe('name = "web1"');
  });

  it('remembers lines, but not those that begin with a space or repeat the last', async () => {
    const history: string[] = [];
    const { run } = await session(history);
    await run('pwd');
    await run('pwd');
    await run(' secret');
    expect(history).toEqual(['pwd']);
  });

  it('ends with the status that exit names, or with the last', async () => {
    const { it: one, run } = await session();
    await run('xl fail');
    one.input('exit\r');
    expect(await one.over).toBe(5);
  });
});
