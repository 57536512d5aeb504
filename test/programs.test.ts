/** Every program that package.json and the README name: what it says of itself, what it says to wrong options, and that it starts with what it loads itself. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
// @ts-expect-error: scripts have no types.
import { programSource } from '../scripts/build.mjs';
// @ts-expect-error: scripts have no types.
import { commandsOf, headOf } from '../scripts/usage.mjs';

const root = join(import.meta.dirname, '..');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** The file in which a script of package.json begins; undefined: it is a tool's own. */
function fileOf(command: string): string | undefined {
  const [, program] = /^node scripts\/program\.mjs (\S+)/.exec(command) ?? [];
  if (program) return programSource(program);
  const [, file] = /^node ((?:scripts|bench)\/\S+\.mjs)/.exec(command) ?? [];
  return file && join(root, file);
}

const named = Object.entries(scripts).flatMap(([name, command]) => {
  const file = fileOf(command);
  // npm's own step before it packs.
  return file === undefined || name === 'prepack' ? [] : [[name, file] as const];
});

it.each(named)('the usage of %s, the head of its file, says how it is called', (name, file) => {
  expect(commandsOf(headOf(file)).join('\n') + headOf(file)).toMatch(new RegExp(`\\b(npm( run)?( -s)? |, )${name}\\b`));
  // What `--help` writes it by.
  if (!file.endsWith('.mjs')) return;
  const source = readFileSync(file, 'utf8');
  expect(source, 'asks for its usage').toMatch(/\bexplain\(import\.meta\.url\)|\boptions\(|\bisMain\(|runProgram\(/);
});

it('the README and CONTRIBUTING name only programs that there are', () => {
  for (const page of ['README.md', 'CONTRIBUTING.md'])
    for (const [, name] of readFileSync(join(root, page), 'utf8').matchAll(/npm run (?:-s )?([\w:-]+)/g))
      expect(Object.keys(scripts), `${page}: ${name}`).toContain(name);
});

const run = (args: string[]): Promise<{ status: number; stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, args, { cwd: root }).then(
    said => ({ status: 0, ...said }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      status: error.code,
      stdout: error.stdout,
      stderr: error.stderr,
    }),
  );

it.each([
  [0, /npm start/, ['scripts/start.mjs', '--help']],
  [0, /npm run -s bench:io/, ['bench/io.mjs', '--help']],
  [0, /npm run -s fuzz:gdb/, ['scripts/program.mjs', 'fuzz-gdb', '--help']],
  [2, /thread: Unknown option '--nonsense'/, ['bench/thread.mjs', '--nonsense']],
])('ends with status %i and %s: %j', async (status, text, args) => {
  const said = await run(args);
  expect(said).toMatchObject({ status });
  expect(said.stdout + said.stderr).toMatch(text);
  expect(said.stderr).not.toContain('    at ');
});

/** As little as each does: what loads too little of itself ends with an exception at its first guest, message or case. */
it.each([
  ['fuzz-hypercalls', '--calls', '3', '--seed', '1', '--type', 'pvh', '--others', 'paused'],
  ['fuzz-backends', '--messages', '5', '--seed', '1', '--what', 'vif', '--alone'],
  ['fuzz-devices', '--accesses', '10', '--seed', '1', '--what', 'pci'],
  ['fuzz-storage', '--cuts', '1', '--seed', '1', '--what', 'journal'],
  ['fuzz-leases', '--runs', '1'],
  ['sim-pool', '--hosts', '2', '--minutes', '1'],
  ['bench-hypervisor', '--only', 'ioreq', '--runs', '1'],
  ['soak-back', '--nonsense'],
])('%s starts as a process and ends in words', async (...args) => {
  const { status, stderr } = await run(['scripts/program.mjs', ...args]);
  expect(stderr).not.toMatch(/^ {4}at |^Node\.js v/m);
  expect(status).toBe(args[1] === '--nonsense' ? 2 : 0);
});
