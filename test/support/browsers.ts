/**
 * Three browsers behind one small interface, for tests that ask the same of each. What a test does in the page is a script, so that nothing depends on
 * what one browser's driver can do.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { launch } from 'puppeteer-core';
import { file } from './needs.ts';

export interface Tab {
  /** Runs the body of an async function in the page; the value that it returns must be JSON. */
  run(body: string): Promise<unknown>;
  /** Loads another address. */
  go(address: string): Promise<void>;
  close(): Promise<void>;
}

export type BrowserName = 'chromium' | 'firefox' | 'webkit';

const first = (...paths: string[]): string | undefined => paths.find(path => existsSync(path));
const chromium =
  process.env.RINGSIDE_CHROMIUM ?? first('/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome');
const firefox = first('/usr/bin/firefox-esr', '/usr/bin/firefox');
const webDriver = first('/usr/bin/WebKitWebDriver');
const xvfb = first('/usr/bin/xvfb-run');
/** WebKit's own small browser: part of the driver's package, in a folder that carries the architecture and API version. */
const miniBrowser = ['/usr/lib', '/usr/libexec']
  .filter(folder => existsSync(folder))
  .flatMap(folder => readdirSync(folder).map(name => join(folder, name)))
  .flatMap(folder => [folder, ...['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0'].map(name => join(folder, name))])
  .map(folder => join(folder, 'MiniBrowser'))
  .find(path => existsSync(path));

export const installed: Record<BrowserName, boolean> = {
  chromium: chromium !== undefined,
  firefox: firefox !== undefined,
  webkit: webDriver !== undefined && xvfb !== undefined && miniBrowser !== undefined,
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Serves dist/ as `npm start` does; the page's tests have WebAssembly deleted. */
export async function servePage(asStarted = false): Promise<{ url: string; stop: () => void }> {
  const child = spawn(process.execPath, [file('scripts/serve.mjs'), '0', ...(asStarted ? [] : ['no-wasm'])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { url: line.toString().trim(), stop: () => child.kill() };
}

const asFunction = (body: string): string => `(async () => { ${body} })()`;

async function openPuppeteer(
  url: string,
  browser: 'chrome' | 'firefox',
  executablePath: string,
  args: string[],
): Promise<Tab> {
  // A script presses buttons, and Firefox would open no window for that.
  const extraPrefsFirefox = { 'dom.disable_open_during_load': false };
  const instance = await launch({
    browser,
    executablePath,
    args,
    headless: true,
    protocolTimeout: 600_000,
    extraPrefsFirefox,
    defaultViewport: { width: 1440, height: 900 },
  });
  const page = await instance.newPage();
  await page.goto(url);
  return {
    run: body => page.evaluate(asFunction(body)),
    go: async address => void (await page.goto(address)),
    close: () => instance.close(),
  };
}

/** WebDriver's plain protocol (W3C WebDriver, 5 and 8): enough for two commands. */
async function openWebKit(url: string): Promise<Tab> {
  const port = await freePort();
  // Without a graphics card, layers put together by OpenGL take all of the processors: a page that changes ten times a second would get no message.
  const env = { ...process.env, WEBKIT_DISABLE_COMPOSITING_MODE: '1' };
  const driver: ChildProcess = spawn(xvfb!, ['-a', webDriver!, `--port=${port}`], {
    stdio: 'ignore',
    detached: true,
    env,
  });
  const command = async (method: string, path: string, body?: object): Promise<unknown> => {
    // Not fetch(), which gives up after 300 seconds without an answer: a script may wait longer for its guest.
    const asked = request({ host: '127.0.0.1', port, path, method }).end(body && JSON.stringify(body));
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const { value } = (await json(answer)) as { value: unknown };
    if (answer.statusCode !== 200)
      throw new Error(`WebKitWebDriver ${path}: ${(value as { message?: string }).message}`);
    return value;
  };
  const stop = (): void => {
    // xvfb-run has children of its own: the whole group goes.
    if (driver.exitCode === null && driver.pid) process.kill(-driver.pid, 'SIGTERM');
  };
  try {
    for (let attempt = 0; ; attempt++)
      try {
        await command('GET', '/status');
        break;
      } catch (error) {
        if (attempt > 100) throw error;
        await new Promise(resolve => setTimeout(resolve, 100));
      }
    const options = { 'webkitgtk:browserOptions': { binary: miniBrowser, args: ['--automation'] } };
    const { sessionId } = (await command('POST', '/session', { capabilities: { alwaysMatch: options } })) as {
      sessionId: string;
    };
    const session = `/session/${sessionId}`;
    await command('POST', `${session}/timeouts`, { script: 900_000 });
    await command('POST', `${session}/url`, { url });
    return {
      go: async address => void (await command('POST', `${session}/url`, { url: address })),
      run: async body => {
        const script = `const done = arguments[0]; ${asFunction(body)}.then(value => done({ value }), error => done({ error: String(error) }));`;
        const { value, error } = (await command('POST', `${session}/execute/async`, { script, args: [] })) as {
          value?: unknown;
          error?: string;
        };
        if (error !== undefined) throw new Error(error);
        return value;
      },
      close: async () => {
        await command('DELETE', session).catch(() => {});
        stop();
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

/** Opens a page in a browser that is `installed`. */
export function openTab(name: BrowserName, url: string): Promise<Tab> {
  if (name === 'firefox') return openPuppeteer(url, 'firefox', firefox!, []);
  if (name === 'webkit') return openWebKit(url);
  // As root there is no sandbox.
  return openPuppeteer(url, 'chrome', chromium!, ['--no-sandbox']);
}
