/** What keeps the page quick on any machine; `npm run -s bench:page` measures how quick it is. */
import { readFileSync } from 'node:fs';
import { domainWorkers, holdStill } from './workers.ts';
import { bootDemo, domainRows, drop, expect, open, serialText, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

test('every guest has a worker of its own, and the page and Domain 0 wait for none: they answer while all guests stand still', async ({
  browser,
  page,
}) => {
  await open(page);
  const cdp = await browser.newBrowserCDPSession();
  expect(await domainWorkers(cdp)).toHaveLength(0);
  await bootDemo(page);
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(/demo> *$/);
  await useConsole(page);
  await page.keyboard.type('spin 600\n');
  await expect.poll(() => serialText(page)).toMatch(/instructions a second/);
  const workers = await domainWorkers(cdp);
  expect(workers).toHaveLength(1);

  const letGo = await holdStill(cdp, workers);
  // What is typed waits for the guest; nobody waits with it.
  await page.keyboard.type('x');
  await page.keyboard.press('Shift+Tab');
  await page.getByRole('button', { name: 'Show task log' }).click();
  await expect(page.getByRole('row', { name: /xl create/ })).toBeVisible();
  await drop(page, [{ name: 'broken.cfg', buffer: Buffer.from('name = "broken"\nmemory = "many"\n') }]);
  await expect(page.getByText(/broken\.cfg/).first()).toBeVisible();
  await expect(
    page
      .getByText(/xl takes MiB as a number/)
      .filter({ visible: true })
      .first(),
  ).toBeVisible();
  await letGo();

  await domainRows(page).filter({ hasText: 'demo' }).click();
  const clock = page.locator('.clock').first();
  const before = await clock.textContent();
  await expect.poll(() => clock.textContent()).not.toBe(before);
});

test('a phone shows all 80 columns of a text screen and of a serial line, and a wide window keeps the letters together', async ({
  page,
}) => {
  await open(page, './?boot=0');
  await bootDemo(page);
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(/demo> *$/);
  await expect(page.getByTestId('screen-text')).toContainText('demo>');
  const shape = () =>
    page.locator('.vga').evaluate(area => {
      const canvas = area.querySelector('canvas')!.getBoundingClientRect(),
        room = area.getBoundingClientRect();
      return {
        isWhole: area.scrollWidth <= area.clientWidth && canvas.left >= room.left && canvas.right <= room.right + 1,
        ratio: canvas.width / canvas.height,
      };
    });
  const columns = async () => Number(/^(\d+) ×/.exec(await page.locator('.serial .ws .end').innerText())?.[1]);
  for (const [width, height] of [
    [1440, 900],
    [1900, 820],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    if (width === 390) await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
    // A tube's 4:3, somewhat higher, or the dots' own 16:10.
    await expect
      .poll(
        async () => {
          const { isWhole, ratio } = await shape();
          return isWhole && ratio > 1.2 && ratio < 1.65;
        },
        { message: `${width} × ${height}` },
      )
      .toBe(true);
    await expect.poll(columns).toBeGreaterThanOrEqual(80);
  }
  // Of its time hours, minutes and seconds are there whole, next to all that the header has.
  for (const width of [390, 360]) {
    await page.setViewportSize({ width, height: 844 });
    const clock = await page.locator('.top .clock[title]').evaluate(part => {
      const text = document.createRange();
      text.selectNodeContents(part.lastChild!);
      text.setEnd(part.lastChild!, '00:00:00'.length);
      return { end: text.getBoundingClientRect().right, edge: part.getBoundingClientRect().right };
    });
    expect(clock.end, `${width}`).toBeLessThanOrEqual(clock.edge + 0.5);
    const shown = page.locator('.top').evaluate(top => top.scrollWidth <= top.clientWidth);
    expect(await shown, `${width}`).toBe(true);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  // The guest's facts are below its windows, and not under them.
  const windowsEnd = () => page.locator('.desk').evaluate(desk => desk.getBoundingClientRect().bottom);
  const factsBegin = () =>
    page.getByRole('complementary', { name: 'Activity' }).evaluate(facts => facts.getBoundingClientRect().top);
  expect(await factsBegin()).toBeGreaterThanOrEqual(await windowsEnd());
});

test('at 320 pixels no view of a guest is wider than the window, and the log’s last line can be read', async ({
  page,
}) => {
  await open(page, './?boot=0');
  await page.setViewportSize({ width: 320, height: 640 });
  const text =
    'name = "writer"\ntype = "pv"\nmemory = 16\nkernel = "minipv.elf"\ndisk = [ "writer.img,raw,xvda,w" ]\nvif = [ "" ]\n';
  await drop(page, [
    { name: 'writer.cfg', buffer: Buffer.from(text) },
    { name: 'minipv.elf', buffer: readFileSync(new URL('../../guests/minipv/minipv.elf', import.meta.url)) },
    { name: 'writer.img', buffer: Buffer.alloc(1 << 20) },
  ]);
  await page.getByRole('button', { name: 'Start writer' }).click();
  await expect(page.getByTestId('serial-text').filter({ hasText: 'minipv>' })).toBeVisible();
  const widths = () => page.evaluate(() => document.documentElement.scrollWidth);
  await page.getByRole('tab', { name: 'Inspect', exact: true }).click();
  for (const [name, shown] of [
    ['Rings', '.rngv table'],
    ['I/O path', '.makers form'],
    ['Grants', 'table'],
  ] as const) {
    await page.getByRole('tab', { name, exact: true }).click();
    await expect(page.locator(shown).first()).toBeVisible();
    expect(await widths(), name).toBe(320);
  }
  // Less room than its lines want.
  await page.setViewportSize({ width: 320, height: 300 });
  await page.getByRole('button', { name: 'Show task log' }).click();
  const log = page.getByRole('region', { name: 'Tasks' });
  await expect(log.getByRole('row').last()).toBeVisible();
  // It grows while tasks go on: scrolled and measured at one time, until it was so.
  const belowFoot = () =>
    log.evaluate(element => {
      element.scrollTo(0, element.scrollHeight);
      const rows = element.querySelectorAll('tr, [role=row]');
      return rows[rows.length - 1]!.getBoundingClientRect().bottom - element.getBoundingClientRect().bottom;
    });
  await expect.poll(belowFoot).toBeLessThanOrEqual(1);
  const box = await log.boundingBox();
  expect(box!.y + box!.height).toBeLessThanOrEqual(300);
});
