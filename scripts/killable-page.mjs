/** Hosts in pages of Chromium that are closed, or killed with their browser, while they work; and the files that they leave in the browser's storage (OPFS). */
import { createReadStream, createWriteStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { launch } from 'puppeteer-core';
import { buildPage } from './build.mjs';
import { until } from './killable.mjs';
import { serve } from './serve.mjs';

/** At each multiple of this many kills the browser is killed with the page. */
const BROWSER_KILLS = 5;
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** A document of the page's origin that runs no host: a page that looks at the files is no host itself. */
const NO_HOST = 'icon.svg';
/** Where Domain 0's shell is typed at. */
const SHELL = '[data-testid=shell] textarea';

/** In the page: counts the messages that it gets, before it is shown. */
function countMessages() {
  const seen = { dots: 0, text: '' };
  globalThis.seen = seen;
  const own = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
  Object.defineProperty(MessagePort.prototype, 'onmessage', {
    ...own,
    set(listener) {
      own.set.call(this, event => {
        for (const byte of event.data?.serial ?? []) if (byte === 0x2e) seen.dots++;
        if (typeof event.data?.text === 'string') seen.text += event.data.text;
        listener?.(event);
      });
    },
  });
}

/** In a page without a host: sends the files that the browser has to a server, once no host writes them. */
async function giveFiles(server) {
  await navigator.locks.request('ringside-state', async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('ringside', { create: true });
    for await (const [name, handle] of folder.entries())
      await fetch(server + name, { method: 'PUT', body: await handle.getFile() });
  });
}

/** In a page without a host: has the browser keep these files of a server. */
async function takeFiles(server, names) {
  await navigator.locks.request('ringside-state', async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('ringside', { create: true });
    for (const name of names) {
      const to = await (await folder.getFileHandle(name, { create: true })).createWritable();
      await (await fetch(server + name)).body.pipeTo(to);
    }
  });
}

/** Serves a directory to pages, and writes what they put there. */
async function exchange(directory) {
  const server = createServer(async (request, response) => {
    const headers = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Methods': 'GET, PUT' };
    const path = join(directory, request.url.slice(1));
    if (request.method === 'PUT') await pipeline(request, createWriteStream(path));
    response.writeHead(200, headers);
    if (request.method === 'GET') await pipeline(createReadStream(path), response);
    else response.end();
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** A host in a page, with its shell open. */
class PageHost {
  constructor(page) {
    this.page = page;
  }

  /** What the page received: the shell's text, and how many full stops came from serial ports. */
  seen() {
    return this.page.evaluate(() => globalThis.seen);
  }

  /** Types a line at the shell, which is shown. */
  async type(line) {
    await this.page.focus(SHELL);
    await this.page.keyboard.sendCharacter(line);
    await this.page.keyboard.press('Enter');
  }

  /** Shows Domain 0's shell. */
  async shell() {
    const { page } = this;
    await page.waitForSelector('[data-name="Domain-0"]');
    await page.evaluate(() => document.querySelector('[data-name="Domain-0"]').click());
    await page.waitForSelector(SHELL);
  }
}

/** A browser with a profile of its own. Chromium is what RINGSIDE_CHROMIUM names, or the system's. */
export class KillablePages {
  /** Builds and serves the page. `folder`: where the browser's profile is kept. */
  static async begin(folder) {
    await buildPage();
    const pages = new KillablePages();
    pages.profile = join(folder, 'profile');
    Object.assign(pages, await serve({ port: 0 }));
    pages.browser = await pages.launch();
    return pages;
  }

  killed = 0;

  launch() {
    return launch({
      executablePath: process.env.RINGSIDE_CHROMIUM ?? '/usr/bin/chromium',
      userDataDir: this.profile,
      args: ARGS,
    });
  }

  /** A new page with a host and its shell. */
  async open() {
    const page = await this.browser.newPage();
    await page.evaluateOnNewDocument(countMessages);
    await page.goto(this.url);
    const host = new PageHost(page);
    await host.shell();
    await until(
      async () => /ringside:.* # /.test((await host.seen()).text),
      () => 'no prompt came',
    );
    return host;
  }

  /** Closes the page; the whole browser is killed each fifth time. */
  async kill({ page }) {
    if (++this.killed % BROWSER_KILLS !== 0) return page.close({ runBeforeUnload: false });
    const gone = new Promise(resolve => this.browser.process().once('close', resolve));
    this.browser.process().kill('SIGKILL');
    await gone;
    rmSync(join(this.profile, 'SingletonLock'), { force: true });
    this.browser = await this.launch();
  }

  /** Runs a function in a page without a host. */
  async withoutHost(directory, what, ...args) {
    const server = await exchange(directory);
    const page = await this.browser.newPage();
    try {
      await page.goto(`${this.url}${NO_HOST}`);
      await page.evaluate(what, server.url, ...args);
    } finally {
      await page.close();
      server.close();
    }
  }

  /** Writes what the browser has of the host's files into a directory. */
  async copyOut(directory) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    await this.withoutHost(directory, giveFiles);
  }

  /** Has the browser keep the files of a directory as the host's. */
  async copyIn(directory) {
    await this.withoutHost(directory, takeFiles, readdirSync(directory));
  }

  async close() {
    await this.browser.close().catch(() => {});
    this.server.close();
  }
}
