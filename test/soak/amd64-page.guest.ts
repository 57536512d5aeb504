/** Part of npm run -s soak:amd64: Debian of 64 bits in a page of Chromium, from a click to its prompt. */
import { existsSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { installed, openTab, servePage } from '../support/browsers.ts';
import { debian } from '../support/guests.ts';
import { expectSerial, startDebian, type } from '../support/page-script.ts';

it.skipIf(!existsSync(debian('amd64').kernel) || !installed.chromium)(
  'Debian amd64 boots in Chromium, runs what is typed and powers off [needs npm run guests -- --amd64]',
  async () => {
    const page = await servePage();
    onTestFinished(() => page.stop());
    const tab = await openTab('chromium', page.url);
    onTestFinished(() => tab.close());
    await startDebian(tab, 'amd64');
    await type(tab, 'uname -m; grep -c " lm " /proc/cpuinfo; echo all-$((2 + 3))\r');
    await expectSerial(tab, 'all-5', 60);
    await expectSerial(tab, 'x86_64', 60);
    await type(tab, '\rpoweroff -f\r');
    await expect
      .poll(() => tab.run('return document.body.innerText'), { timeout: 120_000, interval: 500 })
      .toMatch(/ stopped: the guest powered off/);
  },
);
