/** Part of npm run -s soak:amd64: Debian of 64 bits in a page of Chromium, from a click to its prompt. */
import { existsSync, readdirSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { installed, openTab, servePage } from '../support/browsers.ts';
import { PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';
import { dropServed, expectSerial, press, type } from '../support/page-script.ts';

const folder = file('.cache/guests/debian-amd64');

it.skipIf(!existsSync(folder) || !installed.chromium)(
  'Debian amd64 boots in Chromium, runs what is typed and powers off [needs npm run guests -- --amd64]',
  async () => {
    const page = await servePage();
    onTestFinished(() => page.stop());
    const tab = await openTab('chromium', page.url);
    onTestFinished(() => tab.close());
    const names = readdirSync(folder).filter(name => name !== 'initrd');
    await dropServed(
      tab,
      names.map(name => `guests/debian-amd64/${name}`),
    );
    await press(tab, /^Start debian/);
    await press(tab, /^Serial$/);
    await expectSerial(tab, PROMPT, 840);
    await type(tab, 'uname -m; grep -c " lm " /proc/cpuinfo; echo all-$((2 + 3))\r');
    await expectSerial(tab, 'all-5', 60);
    await expectSerial(tab, 'x86_64', 60);
    await type(tab, '\rpoweroff -f\r');
    await expect
      .poll(() => tab.run('return document.body.innerText'), { timeout: 120_000, interval: 500 })
      .toMatch(/ stopped: the guest powered off/);
  },
);
