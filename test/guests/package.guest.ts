/** What `npm pack` gives installs into an empty project, with nothing else in it, and works there. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patient } from '../support/patience.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'docs/package.md'), 'utf8');
const exampleIn = (language: string): string => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(text)![1]!;
const example = exampleIn('ts');
/** What a browser gives shared memory for. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

describe('the package in an empty project', () => {
  let folder: string;
  const project = (): string => join(folder, 'project');
  // What is said to a person on standard error is not this test's.
  const run = (program: string, ...words: string[]): string =>
    execFileSync(program, words, {
      cwd: project(),
      encoding: 'utf8',
      timeout: patient(120_000),
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
    writeFileSync(
      join(project(), 'element.ts'),
      `import { createHost, type Host } from 'ringside/embed/ringside.js';
const element = document.createElement('ringside-guest');
const host: Host = await createHost({ memoryMiB: 128 });
element.host = host;
// @ts-expect-error it has no such method
element.stop();
`,
    );
    expect(run(process.execPath, compiler, ...options, '', 'example.ts', 'element.ts')).toBe('');
  });

  describe('in a page', () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: process.env.RINGSIDE_CHROMIUM ?? '/usr/bin/chromium' });
    });
    afterAll(() => browser?.close());

    /** Serves the folder, with the package's scripts in course/ringside/. */
    async function serve(folder: string, headers: Record<string, string>): Promise<{ url: string; close(): void }> {
      const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };
      const server = createServer(({ url }, answer) => {
        const path = new URL(url!, 'http://x').pathname;
        const file = path.startsWith('/course/ringside/')
          ? join(project(), 'node_modules', 'ringside', 'embed', path.slice('/course/ringside/'.length))
          : join(folder, path.replace(/^\/course/, ''));
        const bytes = statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file) : undefined;
        answer.writeHead(bytes ? 200 : 404, { 'content-type': types[extname(file)] ?? '', ...headers }).end(bytes);
      });
      await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
      return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/course/`,
        close: () => server.close(),
      };
    }

    it.each([
      ['with a worker for each', ISOLATION],
      ['without isolation', {}],
    ])('shows two guests, %s, that take keys and end with their elements', async (_what, headers) => {
      writeFileSync(join(project(), 'course.html'), exampleIn('html'));
      const { url, close } = await serve(project(), headers);
      const page = await browser.newPage();
      try {
        await page.goto(`${url}course.html`);
        const [console, screen] = [page.locator('ringside-guest').nth(0), page.locator('ringside-guest').nth(1)];
        await console.getByText('minipv>').waitFor();
        await console.locator('.console').click();
        await page.keyboard.type('help\n');
        await console.getByText('echo').first().waitFor();
        await screen.getByText('demo>').waitFor({ state: 'attached' });
        await screen.getByRole('application').click();
        await page.keyboard.type('help\n');
        await screen.getByText('fault').first().waitFor({ state: 'attached' });
        await page.evaluate(() => document.querySelectorAll('ringside-guest').forEach(each => void each.remove()));
        await expect.poll(() => page.workers().length, { timeout: patient(20_000) }).toBe(0);
        const said = await page.evaluate(async () => {
          const element = document.createElement('ringside-guest');
          element.setAttribute('definition', 'nobody');
          document.body.append(element);
          return new Promise(done =>
            element.addEventListener('ringside-error', event => done((event as CustomEvent).detail)),
          );
        });
        expect(said).toContain('nobody');
        await expect.poll(() => page.workers().length, { timeout: patient(20_000) }).toBe(0);
      } finally {
        await page.close();
        close();
      }
    });

    it('is what a bundler makes of the document’s example', async () => {
      writeFileSync(join(project(), 'index.html'), '<script type="module" src="./main.js"></script>');
      writeFileSync(join(project(), 'main.js'), exampleIn('js'));
      run(process.execPath, join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--base', '/course/');
      const { url, close } = await serve(join(project(), 'dist'), {});
      const page = await browser.newPage();
      try {
        await page.goto(`${url}index.html`);
        await page.waitForFunction(() => document.title === 'running');
      } finally {
        await page.close();
        close();
      }
    });
  });

  it('has the page', () => {
    expect(readFileSync(join(project(), 'node_modules', 'ringside', 'dist', 'index.html'), 'utf8')).toContain(
      'Ringside',
    );
  });
});
