import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type BrowserName, installed, openTab, servePage } from '../support/browsers.ts';
import { type Flavour, haveGuests, NEEDS_GUESTS } from '../support/guests.ts';
import { expectSerial, press, startDebian, type } from '../support/page-script.ts';
import { patient } from '../support/patience.ts';

describe.skipIf(!haveGuests)(
  `Debian's Linux, dropped onto the page as definition, kernel and initrd ${NEEDS_GUESTS}`,
  () => {
    let page: { url: string; stop: () => void };
    beforeAll(async () => {
      page = await servePage();
    });
    afterAll(() => page?.stop());

    /** WebKitGTK has no SharedArrayBuffer: the page then keeps everything in one worker. */
    const cases: [BrowserName, Flavour, 'shared' | 'single'][] = [
      ['chromium', '686-pae', 'shared'],
      ['firefox', '686', 'shared'],
      ['webkit', '686', 'single'],
    ];
    for (const [browser, flavour, mode] of cases)
      it.skipIf(!installed[browser])(
        `boots (${flavour}) in ${browser}, mode ${mode}, runs what is typed and powers off`,
        async () => {
          const tab = await openTab(browser, page.url);
          onTestFinished(() => tab.close());
          expect(await tab.run(`return typeof SharedArrayBuffer === 'function' && crossOriginIsolated`)).toBe(
            mode === 'shared',
          );
          await startDebian(tab, flavour);
          await type(tab, 'echo $((6 * 7)) is typed; uname -m\r');
          await expectSerial(tab, '42 is typed', 60);
          await expectSerial(tab, 'i686', 60);
          await type(tab, 'while :; do echo $((n++)) words to draw; done\r');
          await expectSerial(tab, '99 words to draw', 60);
          await type(tab, '\x03');
          await type(tab, '\rpoweroff -f\r');
          await expect
            .poll(() => tab.run('return document.body.innerText'), { timeout: patient(60_000), interval: 500 })
            .toMatch(/ stopped: the guest powered off/);
          // What it wrote last stays readable as long as somebody looks, though the host has buried it, as xl does.
          await expectSerial(tab, 'reboot: Power down', 10);
          await press(tab, /^Close$/);
          await expect
            .poll(
              () =>
                tab.run(
                  `return document.querySelectorAll('[role=tree] [role=treeitem]:is([data-domain],[data-draft])').length`,
                ),
              {
                timeout: patient(15_000),
              },
            )
            .toBe(0);
        },
      );
  },
);
