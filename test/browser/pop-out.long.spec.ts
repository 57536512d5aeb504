/** A guest's window as a window of the browser: the same terminal, the same screen. */
import { bootDemo, domainRows, expect, open, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

test('a guest’s terminal and screen go into windows of their own and come back', async ({ page, context }) => {
  await open(page);
  await bootDemo(page);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('demo>', { timeout: patient(30_000) });
  let opening = context.waitForEvent('page');
  await page.getByRole('button', { name: 'Serial terminal of demo in a window of its own' }).click();
  const terminal = await opening;
  await expect(terminal.getByTestId('serial-text')).toContainText('demo>');
  await expect(page.getByTestId('serial')).toHaveCount(0);
  await useConsole(terminal);
  await terminal.keyboard.type('echo from afar\n');
  await expect(terminal.getByTestId('serial-text')).toContainText('from afardemo>');
  opening = context.waitForEvent('page');
  await page.getByRole('button', { name: 'Screen of demo in a window of its own' }).click();
  const screen = await opening;
  await expect(screen.getByTestId('screen-text')).not.toBeEmpty();
  expect(
    await screen
      .locator('canvas')
      .evaluate((canvas: HTMLCanvasElement) =>
        [...canvas.getContext('2d')!.getImageData(0, 0, 640, 400).data].some(value => value > 0 && value < 255),
      ),
  ).toBe(true);
  // The same window over the whole screen; Escape is the browser's way out.
  await terminal.getByRole('button', { name: /on the full screen/ }).click();
  await expect.poll(() => terminal.evaluate(() => document.fullscreenElement?.className)).toMatch(/\bwin serial\b/);
  await terminal.getByRole('button', { name: /on the full screen/ }).click();
  await expect.poll(() => terminal.evaluate(() => document.fullscreenElement)).toBeNull();
  // Closed by its own cross, and called back.
  await terminal.close({ runBeforeUnload: true });
  await expect(page.getByTestId('serial-text')).toContainText('from afardemo>');
  await useConsole(page);
  await page.keyboard.type('echo back again\n');
  await expect(page.getByTestId('serial-text')).toContainText('back againdemo>');
  // Made smaller while somebody reads what was said before, it keeps their place, and one step of the wheel reaches its end.
  const serial = page.getByTestId('serial'),
    ends = async () => (await serial.locator('.xterm-rows').innerText()).trimEnd().endsWith('back again\ndemo>');
  await expect.poll(ends).toBe(true);
  await serial.hover();
  await page.mouse.wheel(0, -150);
  await expect.poll(ends).toBe(false);
  await page.setViewportSize({ width: 1440, height: 700 });
  await page.waitForTimeout(500);
  expect(await ends()).toBe(false);
  await serial.hover();
  await page.mouse.wheel(0, 150);
  await expect.poll(ends).toBe(true);
  await page.getByRole('button', { name: 'Bring it back' }).click();
  await expect(page.getByTestId('screen-text')).not.toBeEmpty();
  await expect.poll(() => context.pages().length).toBe(1);
  await expect(domainRows(page)).toHaveCount(1);
});

test('a terminal that was opened in a window of its own goes on in the page when that window has gone', async ({
  page,
  context,
}) => {
  let release = () => {};
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  await context.route(/\/xterm-[^/]*\.js$/, async route => {
    await held;
    await route.continue();
  });
  await open(page);
  await bootDemo(page);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  const opening = context.waitForEvent('page');
  await page.getByRole('button', { name: 'Serial terminal of demo in a window of its own' }).click();
  const terminal = await opening;
  await expect(terminal.getByTestId('serial-text')).toContainText('demo>', { timeout: patient(30_000) });
  await expect(terminal.locator('.xterm')).toHaveCount(0);
  release();
  await expect(terminal.locator('.xterm')).toBeVisible();
  await expect(terminal.getByTestId('serial-text')).toContainText('demo>');
  await terminal.close({ runBeforeUnload: true });
  await expect(page.getByTestId('serial-text')).toContainText('demo>');
  await expect(page.getByTestId('serial').locator('.xterm-rows')).toContainText('demo>');
});

test('a terminal is drawn in the window that it goes to, whatever frames the one that it left still owes it', async ({
  page,
  context,
}) => {
  await open(page);
  await bootDemo(page);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await expect(page.getByTestId('serial').locator('.xterm-rows')).toContainText('demo>', { timeout: patient(30_000) });
  await useConsole(page);
  // As a page that is hidden from here on.
  await page.evaluate(() => {
    window.requestAnimationFrame = () => 1;
  });
  await page.keyboard.type('echo from');
  await expect(page.getByTestId('serial-text')).toContainText('echo from');
  const opening = context.waitForEvent('page');
  await page.getByRole('button', { name: 'Serial terminal of demo in a window of its own' }).click();
  const terminal = await opening;
  await useConsole(terminal);
  await terminal.keyboard.type(' afar\n');
  await expect(terminal.locator('.xterm-rows')).toContainText('from afardemo>');
});
