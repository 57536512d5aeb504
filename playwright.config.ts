/** Browser tests: the built page (`npm run -s build` first) in the system's Chromium, served as `npm start` does, with WebAssembly deleted. */
import { execFileSync } from 'node:child_process';
import { defineConfig } from '@playwright/test';
import { patient } from './test/support/patience.ts';

// The first process finds two free ports; the workers that it starts inherit them.
const FREE_PORTS = `const net = require('node:net');
const servers = [0, 0].map(port => net.createServer().listen(port, '127.0.0.1'));
setTimeout(() => { console.log(servers.map(server => server.address().port).join(' ')); process.exit(); }, 50);`;
process.env.RINGSIDE_TEST_PORTS ??= execFileSync(process.execPath, ['-e', FREE_PORTS], { encoding: 'utf8' }).trim();
const [isolated, plain] = process.env.RINGSIDE_TEST_PORTS.split(' ');
const address = (port: string | undefined) => `http://127.0.0.1:${port}/`;

/** Where the same page is served without the headers that SharedArrayBuffer needs. */
process.env.RINGSIDE_TEST_PLAIN ??= address(plain);

/** The same by a name that is no secure context, as plain http from another machine is none (W3C, Secure Contexts). */
const FAR = 'ringside.example';
process.env.RINGSIDE_TEST_FAR ??= `http://${FAR}:${plain}/`;

const chromium = process.env.RINGSIDE_CHROMIUM || process.env.CHROMIUM || '/usr/bin/chromium';
/** Chromium without its window's parts: a quarter less of processor time (Debian: chromium-headless-shell). */
const shell = process.env.RINGSIDE_HEADLESS_SHELL || chromium;

const launchOptions = (executablePath: string) => ({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--host-resolver-rules=MAP ${FAR} 127.0.0.1`,
  ],
});

export default defineConfig({
  testDir: 'test/browser',
  // The long ones are with the longer boots (npm run test:guests), or asked for by RINGSIDE_LONG=1. Some hold the pointer: in the shell a key that is pressed
  // while a guest has it is never answered.
  projects:
    process.env.RINGSIDE_LONG === '1'
      ? [{ name: 'chromium', testMatch: '**/*.long.spec.ts', use: { launchOptions: launchOptions(chromium) } }]
      : [{ name: 'shell', testIgnore: '**/*.long.spec.ts', use: { launchOptions: launchOptions(shell) } }],
  outputDir: '.cache/browser-tests',
  // What a page should show has limits of its own; this one is for a slow machine.
  timeout: patient(300_000),
  expect: { timeout: patient(15_000) },
  // A page waits for its guest for half of a test's time: two at once take two thirds of it. The long ones measure guests beside each other.
  workers: process.env.RINGSIDE_LONG === '1' ? 1 : 2,
  forbidOnly: true,
  // With PLAYWRIGHT_JSON_OUTPUT_FILE (scripts/test.mjs) the results are counted from a file.
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [['list'], ['json']] : [['list']],
  use: {
    baseURL: address(isolated),
    viewport: { width: 1440, height: 900 },
    // Tests look at what the page asks its server for; one of its own is about the service worker.
    serviceWorkers: 'block',
  },
  webServer: [
    { command: `node scripts/serve.mjs ${isolated} no-wasm`, url: address(isolated) },
    { command: `node scripts/serve.mjs ${plain} no-wasm plain host=${FAR}`, url: address(plain) },
  ],
});
