import { expect, open, test } from './page.ts';

test('the line between tree and workbench moves by pointer and keys, is remembered, and a double click puts it back', async ({
  page,
}) => {
  await open(page);
  const line = page.getByRole('separator', { name: 'Width of the tree' });
  const tree = page.getByRole('navigation');
  const width = async () => Math.round((await tree.boundingBox())!.width);
  const before = await width();
  const box = (await line.boundingBox())!;
  await page.mouse.move(box.x + 4, box.y + 200);
  await page.mouse.down();
  await page.mouse.move(box.x + 64, box.y + 200, { steps: 4 });
  await page.mouse.up();
  expect(await width()).toBe(before + 60);
  await line.focus();
  await page.keyboard.press('ArrowLeft');
  await expect.poll(width).toBe(before + 44);
  await page.reload();
  await expect.poll(width).toBe(before + 44);
  // The tabs of the strip are clear of the line above it.
  const tab = page.getByRole('button', { name: /^Tasks:/ });
  await tab.click();
  await expect(page.getByRole('separator', { name: 'Height of the task log' })).toBeVisible();
  expect(
    await tab.evaluate(button => {
      const { x, y, width: wide } = button.getBoundingClientRect();
      return button.contains(document.elementFromPoint(x + wide / 2, y + 1));
    }),
  ).toBe(true);
  await tab.click();
  // A narrower window keeps what was chosen; only a tree of no chosen width gets narrower.
  await page.setViewportSize({ width: 1200, height: 800 });
  await expect.poll(width).toBe(before + 44);
  await page.setViewportSize({ width: 1280, height: 800 });
  await line.dblclick();
  await expect.poll(width).toBe(before);
});
