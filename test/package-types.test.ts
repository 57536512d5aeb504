/** What TypeScript says of programs that use the package, with nothing but its own types. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
// @ts-expect-error: scripts have no types.
import { writeTypes } from '../scripts/package-types.mjs';

const root = join(import.meta.dirname, '..');
const project = mkdtempSync(join(tmpdir(), 'ringside-types-'));
afterAll(() => rmSync(project, { recursive: true }));

const pack = join(project, 'node_modules/ringside');
for (const folder of ['package', 'embed']) mkdirSync(join(pack, folder), { recursive: true });
writeTypes(join(pack, 'package'), join(pack, 'embed'));
const { name, version, type, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
writeFileSync(join(pack, 'package.json'), JSON.stringify({ name, version, type, exports }));

/** Its complaints; '': there are none. `lib`: the types of the platform. */
async function complaints(text: string, lib: string, ...more: string[]): Promise<string> {
  writeFileSync(join(project, 'program.ts'), text);
  const words = ['--noEmit', '--strict', '--module', 'esnext', '--moduleResolution', 'bundler', '--lib', lib, ...more];
  return promisify(execFile)(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '--types', '', ...words, 'program.ts'],
    { cwd: project },
  ).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  );
}

const PAGE = 'es2022,dom';

it('the element and its events have types by one import, as docs/package.md has it', async () => {
  const text = readFileSync(join(root, 'docs/package.md'), 'utf8');
  const [, example] = /```typescript\n(import 'ringside';[^]*?)```/.exec(text)!;
  expect(await complaints(example!, PAGE)).toBe('');
  const wrong = await complaints(
    `import 'ringside';
     document.querySelector('ringside-guest')!.addEventListener('ringside-end', ({ detail }) => detail.toFixed());
     document.createElement('ringside-guest').guest = 1;`,
    PAGE,
  );
  expect(wrong).toMatch(/'toFixed' does not exist on type 'string'[^]*'number' is not assignable to type 'Guest'/);
});

it('its scripts for pages say what they export', async () => {
  const text = `import { createHost, RingsideGuest } from 'ringside/embed/ringside.js';
    export const element: RingsideGuest = new RingsideGuest();
    void createHost().then(host => void (element.host = host));`;
  expect(await complaints(text, PAGE)).toBe('');
});

it('a program for node alone needs no types of pages', async () => {
  const text = `import { createHost } from 'ringside';
    export const started = createHost({ memoryMiB: 128 }).then(host => host.start('demo'));`;
  expect(await complaints(text, 'es2022,esnext.disposable')).toBe('');
});
