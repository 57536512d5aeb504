/** A network that comes and goes while the page is open. */
import { readFileSync } from 'node:fs';
import { bootDemo, drop, expect, open, test } from './page.ts';

test('what could not be loaded is loaded when somebody asks for it again', async ({ page }) => {
  let isThere = false;
  await page.route(/assets\/(xterm|host-pages)-[^/]*\.js/, route => (isThere ? route.continue() : route.abort()));
  await open(page, './?boot=0');
  await page.getByRole('tab', { name: 'Network' }).click();
  const refused = page.getByRole('alert').filter({ hasText: 'could not be loaded' });
  await expect(refused).toBeVisible();
  isThere = true;
  await refused.getByRole('button', { name: 'Try again' }).click();
  await expect(refused).toBeHidden();
  await expect(page.getByText('xenbr0').first()).toBeVisible();

  isThere = false;
  await page.getByRole('tab', { name: 'Desktop' }).click();
  await page.getByRole('button', { name: 'Start three side by side' }).click();
  await page.getByRole('treeitem', { name: /minipv-pvh/ }).click();
  const again = page.getByTestId('serial').locator('..').getByRole('button', { name: 'Try again' });
  await expect(again).toBeVisible();
  await expect(page.getByText('Text only')).toBeVisible();
  isThere = true;
  await again.click();
  await expect(page.locator('.serial .xterm').first()).toBeVisible();
  await expect(again).toBeHidden();
});

test('what files need that were dropped, and where it could not be loaded they are taken in the next time', async ({
  page,
}) => {
  let isThere = false;
  await page.route(/assets\/(several|several-page)-[^/]*\.js/, route => (isThere ? route.continue() : route.abort()));
  await open(page, './?boot=0');
  const files = ['one', 'two'].map(name => ({
    name: `${name}.cfg`,
    buffer: Buffer.from(`name = "${name}"\nmemory = 16\nkernel = "k"\n`),
  }));
  await drop(page, files);
  const refused = page.locator('#bench').getByRole('alert').filter({ hasText: 'was refused' });
  await expect(refused).toContainText('drop it again');
  await page.getByRole('button', { name: /^Tasks/ }).click();
  await expect(page.getByRole('region', { name: 'Tasks' }).getByText(/was refused/)).toBeVisible();
  isThere = true;
  await drop(page, files);
  await expect(page.getByRole('heading', { name: '2 guests' })).toBeVisible();
  await expect(page.getByText('one.cfg').first()).toBeVisible();
});

test('a lesson, an inspector’s code and the assembler', async ({ page }) => {
  let isThere = false;
  await page.route(/assets\/(weight-and-cap|code-lines|assembler)-[^/]*\.js/, route =>
    isThere ? route.continue() : route.abort(),
  );
  await open(page, './?boot=0');
  await bootDemo(page);
  await expect(page.getByTestId('serial-text').filter({ hasText: 'demo>' })).toBeAttached();
  await page.getByRole('tab', { name: 'Inspect' }).click();
  const code = page.getByRole('alert').filter({ hasText: 'could not be loaded' });
  await expect(code).toBeVisible();
  isThere = true;
  await code.getByRole('button', { name: 'Try again' }).click();
  await expect(page.locator('pre.dis')).toBeVisible();

  isThere = false;
  await page.goto('./?time=virtual&lesson=weight-and-cap&seed=a');
  const lesson = page.locator('#bench').getByRole('alert');
  await expect(lesson).toContainText('Failed to fetch');
  isThere = true;
  await lesson.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { name: 'Sharing a CPU by weight and cap' })).toBeVisible();
});

test('a view whose style sheet did not come is styled when it is shown, and what Domain 0 lacks has a sentence', async ({
  page,
}) => {
  let isThere = false;
  await page.route(/assets\/(inspect-[^/]*\.css|browser-state-[^/]*\.js|demo-[^/]*\.elf)/, route =>
    isThere ? route.continue() : route.abort(),
  );
  await open(page, './?boot=0');
  await bootDemo(page);
  await expect(page.getByText('demo.elf could not be fetched')).toContainText('Check the connection');
  await page.getByRole('tab', { name: 'Inspect' }).click();
  const refused = page.locator('#bench').getByRole('alert').filter({ hasText: 'could not be loaded' });
  await expect(refused).toBeVisible();
  await page.getByRole('button', { name: /^Tasks/ }).click();
  await expect(page.getByRole('region', { name: 'Tasks' }).getByText('keeps files could not be loaded')).toBeVisible();
  isThere = true;
  await refused.getByRole('button', { name: 'Try again' }).click();
  await expect(page.locator('.inspect')).toHaveCSS('display', 'flex');
});

test('a back end that could not be loaded has a sentence, and the guest is started at the next try', async ({
  page,
}) => {
  let isThere = false;
  await page.context().route(/assets\/vbd-[^/]*\.js/, route => (isThere ? route.continue() : route.abort()));
  await open(page, './?boot=0');
  const text = 'name = "writer"\ntype = "pv"\nmemory = 16\nkernel = "minipv.elf"\ndisk = [ "writer.img,raw,xvda,w" ]\n';
  await drop(page, [
    { name: 'writer.cfg', buffer: Buffer.from(text) },
    { name: 'minipv.elf', buffer: readFileSync(new URL('../../guests/minipv/minipv.elf', import.meta.url)) },
    { name: 'writer.img', buffer: Buffer.alloc(1 << 20) },
  ]);
  await page.getByRole('button', { name: 'Start writer' }).click();
  await expect(page.getByText('serves paravirtual disks could not be loaded').first()).toContainText(
    'Check the connection and try again',
  );
  isThere = true;
  await page.getByRole('button', { name: 'Start writer' }).click();
  await expect(page.getByTestId('serial-text').filter({ hasText: 'minipv>' })).toBeVisible();
});
