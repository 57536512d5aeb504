/** What a page's Content-Security-Policy leaves of the compiler of guest code: new Function, scripts of blob: addresses, nothing. */
import type { Server } from 'node:http';
import { file } from '../support/needs.ts';
import { bootDemo, expect, open, serialText, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

interface Served {
  serve(options: {
    port: number;
    wasm: boolean;
    isolated: boolean;
    policy: string | undefined;
  }): Promise<{ server: Server; url: string }>;
}

const COMPILED = /[1-9]\d* % of the instructions/;
const CASES = [
  {
    what: 'new Function, in workers under the server’s own policy',
    policy: undefined,
    isolated: true,
    share: COMPILED,
    told: undefined,
  },
  { what: 'new Function, where nothing is forbidden', policy: '', isolated: true, share: COMPILED, told: undefined },
  {
    what: 'scripts, where unsafe-eval is missing',
    policy: "script-src 'self' blob:",
    isolated: true,
    share: COMPILED,
    told: /forbids new Function: guest code is compiled through scripts/,
  },
  {
    what: 'nothing, where scripts are missing too',
    policy: "script-src 'self'",
    isolated: true,
    share: /not allowed here/,
    told: /guest code is interpreted and not compiled/,
  },
  {
    what: 'scripts without isolation',
    policy: "script-src 'self' blob:",
    isolated: false,
    share: COMPILED,
    told: /forbids new Function: guest code is compiled through scripts/,
  },
];

for (const { what, policy, isolated, share, told } of CASES)
  test(`guest code is compiled by ${what}`, async ({ page }) => {
    const { serve } = (await import(file('scripts/serve.mjs'))) as Served;
    const { server, url } = await serve({ port: 0, wasm: false, isolated, policy });
    try {
      const broken: string[] = [];
      page.on('console', message => /Content.Security.Policy/i.test(message.text()) && broken.push(message.text()));
      await open(page, `${url}?jit=1`);
      await bootDemo(page);
      await expect.poll(() => serialText(page), { timeout: patient(60_000) }).toMatch(/demo> *$/);
      await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
      await useConsole(page);
      await page.keyboard.type('spin 20\n');
      const activity = page.getByRole('complementary', { name: 'Activity' });
      await expect(activity.locator('dt', { hasText: 'by compiled code' }).locator('+ dd')).toHaveText(share, {
        timeout: patient(30_000),
      });
      if (policy === undefined) {
        expect(broken).toEqual([]);
        // Text becomes no code on the page's own thread. A turn later, as what is evaluated for a test is free of the policy.
        const made = page.evaluate(
          () =>
            new Promise(resolve =>
              setTimeout(() => {
                try {
                  resolve(typeof new Function(''));
                } catch (error) {
                  resolve((error as Error).name);
                }
              }),
            ),
        );
        expect(await made).toBe('EvalError');
      }
      if (!told) return;
      await page.getByRole('button', { name: 'Tasks: show task log' }).click();
      await expect(page.getByRole('row', { name: told })).toBeVisible();
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
