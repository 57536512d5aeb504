/** Six guests, each booted and destroyed: what of them can still be reached. */
import { domainRows, expect, open, test } from './page.ts';

test('a guest that was destroyed leaves nothing in the page', async ({ page, context }) => {
  await open(page, './?boot=0');
  const cdp = await context.newCDPSession(page);
  /** Those that are reachable: the debugger collects garbage first. Each guest's console has one. */
  const ports = async (): Promise<number> => {
    const { result } = await cdp.send('Runtime.evaluate', { expression: 'MessagePort.prototype', objectGroup: 'look' });
    const { objects } = await cdp.send('Runtime.queryObjects', {
      prototypeObjectId: result.objectId!,
      objectGroup: 'look',
    });
    const { result: found } = await cdp.send('Runtime.callFunctionOn', {
      objectId: objects.objectId!,
      functionDeclaration: 'function () { return this.length; }',
      returnByValue: true,
    });
    await cdp.send('Runtime.releaseObjectGroup', { objectGroup: 'look' });
    return found.value as number;
  };
  const cycle = async (): Promise<void> => {
    await page.getByRole('link', { name: 'Ringside' }).click();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Search and commands' }).fill('Boot demo');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('serial-text').filter({ hasText: 'demo>' })).toBeAttached();
    await page.getByRole('button', { name: 'Destroy' }).click();
    await page.getByRole('button', { name: 'Destroy now' }).click();
    await page.getByRole('link', { name: 'Ringside' }).click();
    await expect(domainRows(page)).toHaveCount(0);
  };
  await cycle();
  const before = await ports();
  for (let i = 0; i < 5; i++) await cycle();
  // The browser's history keeps a form as it was left, and so the guest that it was of.
  await expect.poll(ports).toBeLessThanOrEqual(before + 2);
});
