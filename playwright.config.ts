/** Browser tests of the built page, in the system's Chromium, with WebAssembly deleted in the page and its workers. */
import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

const chromium = process.env.RINGSIDE_CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(path => existsSync(path));
const port = 5199;

export default defineConfig({
  testDir: 'test/browser',
  outputDir: '.cache/playwright',
  workers: 1,
  timeout: 240_000,
  forbidOnly: process.env.CI === 'true',
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [['list'], ['json']] : 'list',
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    launchOptions: { executablePath: chromium },
  },
  webServer: { command: `node scripts/serve.mjs ${port} no-wasm`, url: `http://127.0.0.1:${port}/`, reuseExistingServer: false },
});
