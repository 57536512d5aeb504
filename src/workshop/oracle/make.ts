/** The host's processor as a maker of fixtures: builds runner.c and has make/gen.py, which needs nothing but Python's own library, drive it. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = process.env.RINGSIDE_ROOT ?? '.';
const SOURCES = join(ROOT, 'src', 'workshop', 'oracle');
const FOLDER = join(ROOT, '.cache', 'oracle');
const FLAGS = ['-O1', '-fno-stack-protector', '-fno-tree-loop-distribute-patterns', '-mgeneral-regs-only'];

/** The host cannot be asked; the message says why. */
export class NoHost extends Error {}

/** Path of the built runner. @throws NoHost */
export function buildRunner(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new NoHost(`the host is ${process.platform} on ${process.arch}, not Linux on an x86-64 processor`);
  const source = readFileSync(join(SOURCES, 'runner.c'));
  const name = createHash('sha256').update(source).update(FLAGS.join()).digest('hex').slice(0, 16);
  const runner = join(FOLDER, `runner-${name}`);
  if (existsSync(runner)) return runner;
  mkdirSync(FOLDER, { recursive: true });
  const made = `${runner}.${process.pid}`;
  const gcc = spawnSync('gcc', [...FLAGS, '-x', 'c', '-', '-o', made], { input: source });
  if (gcc.error) throw new NoHost('gcc is not installed');
  if (gcc.status !== 0) throw new NoHost(`gcc cannot build the runner: ${gcc.stderr.toString().trim().split('\n')[0]}`);
  renameSync(made, runner);
  return runner;
}

/** Runs gen.py with these arguments, its output on this process's. Returns its status. @throws NoHost */
export function generate(argv: readonly string[]): number {
  const runner = buildRunner();
  const python = spawnSync('python3', [join(SOURCES, 'make', 'gen.py'), '--runner', runner, ...argv], {
    stdio: 'inherit',
  });
  if (python.error) throw new NoHost('python3 is not installed');
  return python.status ?? 1;
}
