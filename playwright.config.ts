/** Browser tests: the built page (`npm run build` first), served by vite with the headers of vite.config.ts, in the system's Chromium. */

import { execFileSync } from 'node:child_process';
import { defineConfig } from '@playwright/test';

// The first process finds a free port; its workers inherit it.
process.env.RINGSIDE_TEST_PORT ??= execFileSync(process.execPath, ['-e', 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'], { encoding: 'utf8' }).trim();
const port = Number(process.env.RINGSIDE_TEST_PORT);
const address = `http://127.0.0.1:${port}`;

export default defineConfig({
  testDir: 'test/browser',
  outputDir: '.cache/browser-tests',
  timeout: 120_000,
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  reporter: [['list']],
  use: {
    baseURL: `${address}/`,
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
  },
  webServer: { command: `npx vite preview --host 127.0.0.1 --port ${port} --strictPort`, url: `${address}/`, reuseExistingServer: false },
});
