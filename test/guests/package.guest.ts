/** What `npm pack` gives installs into an empty project, with nothing beside it, and works there. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const example = /```ts\n([^]*?)```/.exec(readFileSync(join(root, 'docs/package.md'), 'utf8'))![1]!;

describe('the package in an empty project', () => {
  let folder: string;
  const project = (): string => join(folder, 'project');
  // What is said to a person on standard error is not this test's.
  const run = (program: string, ...words: string[]): string =>
    execFileSync(program, words, {
      cwd: project(),
      encoding: 'utf8',
      timeout: 120_000,
      env: { ...process.env, RINGSIDE_ROOT: undefined, npm_config_offline: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringside-package-'));
    mkdirSync(project());
    execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: root, stdio: 'pipe' });
    const packed = readdirSync(folder).find(name => name.endsWith('.tgz'))!;
    writeFileSync(join(project(), 'package.json'), '{ "type": "module", "private": true }');
    run('npm', 'install', '--no-audit', '--no-fund', join(folder, packed));
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('brings nothing beside it', () => {
    expect(readdirSync(join(project(), 'node_modules')).filter(name => !name.startsWith('.'))).toEqual(['ringside']);
  });

  it('has the command line', () => {
    expect(run('npx', 'ringside', 'sh', '-c', 'xl create /etc/xen/vm/minipv-pvh && xl list')).toContain('minipv-pvh');
  });

  it('has the module, whose guests have threads of their own', () => {
    writeFileSync(join(project(), 'example.mjs'), example.replace('memoryMiB: 128', 'memoryMiB: 128, pcpus: 2'));
    expect(run(process.execPath, 'example.mjs')).toContain('echo');
  });

  it("has types that a user's compiler accepts, and with which it refuses what is wrong", () => {
    const wrong =
      '\n// @ts-expect-error there is no such option\nawait createHost({ memory: 1 });\nconst id: number = (await guest.info()).id;\nvoid id;\n';
    writeFileSync(join(project(), 'example.ts'), example + wrong);
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = '--noEmit --strict --module nodenext --target es2023 --lib es2023,dom --types'.split(' ');
    expect(run(process.execPath, compiler, ...options, '', 'example.ts')).toBe('');
  });

  it('has the page', () => {
    expect(readFileSync(join(project(), 'node_modules', 'ringside', 'dist', 'index.html'), 'utf8')).toContain(
      'Ringside',
    );
  });
});
