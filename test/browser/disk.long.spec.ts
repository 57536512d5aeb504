import { existsSync, readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { file } from '../support/needs.ts';
import { domainRows, drop, expect, open, test, type GivenFile, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

const RESCUE_CD = '.cache/guests/cds/grub-rescue-cdrom.iso';
const own = (path: string): GivenFile => ({
  name: path.slice(path.lastIndexOf('/') + 1),
  buffer: readFileSync(file(path)),
});

/** Drops files, starts what they make, and shows its screen. */
async function boot(page: Page, files: GivenFile[]): Promise<void> {
  await drop(page, files);
  await page.getByRole('button', { name: /^Start/ }).click();
  await expect(domainRows(page)).toHaveCount(1);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Screen' }).click();
}

const screenText = (page: Page) => page.getByTestId('screen-text').innerText();

/** Saves the screen's picture; returns its width and height from the PNG's header. */
async function savePicture(page: Page): Promise<[number, number]> {
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Actions', exact: true }).click();
  await page.getByRole('button', { name: 'Save picture' }).click();
  const png = readFileSync(await (await saved).path());
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

test('a dropped CD boots, takes keys, and its screen can be read and saved', async ({ page }) => {
  test.skip(!existsSync(file(RESCUE_CD)), 'npm run guests has not fetched GRUB’s rescue CD');
  await open(page);
  await boot(page, [own(RESCUE_CD)]);
  await expect.poll(() => screenText(page), { timeout: patient(60_000) }).toContain('GNU GRUB');
  await useConsole(page, 'screen');
  await page.keyboard.press('c');
  await expect.poll(() => screenText(page), { timeout: patient(20_000) }).toMatch(/^grub> *$/m);
  await page.keyboard.type('echo drive cd0\n', { delay: 40 });
  await expect.poll(() => screenText(page), { timeout: patient(20_000) }).toMatch(/^drive cd0$/m);
  expect(await savePicture(page)).toEqual([640, 400]);
});

test('the mouse reaches the guest: movement with up positive, buttons, wheel', async ({ page }) => {
  await open(page);
  await boot(page, [own('guests/mouse/mouse.img')]);
  await expect.poll(() => screenText(page), { timeout: patient(60_000) }).toMatch(/^x=0000 y=0000 b=0000 w=0000/m);
  await useConsole(page, 'screen');
  const box = (await page.getByTestId('screen').boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, 200);
  await expect.poll(() => screenText(page)).toMatch(/w=0002/);
  const words = async (): Promise<number[]> =>
    [...(await screenText(page)).matchAll(/[xy]=([0-9A-F]{4})/g)].map(([, hex]) => (parseInt(hex!, 16) << 16) >> 16);
  const [x0, y0] = await words();
  await page.mouse.down({ button: 'right' });
  await page.mouse.move(x + 30, y - 20, { steps: 5 });
  await expect.poll(async () => (await words()).map((word, i) => word - [x0!, y0!][i]!)).toEqual([30, 20]);
  expect(await screenText(page)).toContain('b=0002');
  await page.mouse.up({ button: 'right' });
  await expect.poll(() => screenText(page)).toContain('b=0000');
});

test('a graphics mode of a disk that boots without anything fetched is shown pixel by pixel, changes, and can be saved', async ({
  page,
}) => {
  await page.route('**/guests/catalogue.json', route => route.fulfill({ status: 404 }));
  await open(page);
  await boot(page, [own('guests/frames/mode13.img')]);
  await expect(page.getByText('VGA, 320 × 200')).toBeVisible({ timeout: patient(60_000) });
  const colours = () =>
    page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('[data-testid=screen] canvas')!;
      return [...new Uint32Array(canvas.getContext('2d')!.getImageData(0, 0, canvas.width, 1).data.buffer)];
    });
  await expect.poll(async () => new Set(await colours()).size).toBeGreaterThan(50);
  const first = await colours();
  expect(first).toHaveLength(320);
  await expect.poll(async () => (await colours()).join() !== first.join()).toBe(true);
  expect(await savePicture(page)).toEqual([320, 200]);
});

/** A raw image of at most 512 MiB as qcow2 of version 3: header, L1, L2, and its bytes, in clusters of 64 KiB. */
function asQcow2(raw: Buffer): Buffer {
  const cluster = 65536;
  const clusters = Math.ceil(raw.length / cluster);
  const image = Buffer.alloc((3 + clusters) * cluster);
  const long = (value: number, at: number) => image.writeBigUInt64BE(BigInt(value), at);
  image.write('QFI\xfb', 'latin1');
  image.writeUInt32BE(3, 4);
  image.writeUInt32BE(16, 20);
  long(raw.length, 24);
  image.writeUInt32BE(1, 36);
  long(cluster, 40);
  image.writeUInt32BE(104, 100);
  long(2 * cluster, cluster);
  for (let i = 0; i < clusters; i++) long((3 + i) * cluster, 2 * cluster + 8 * i);
  raw.copy(image, 3 * cluster);
  return image;
}

test('a dropped qcow2 image boots', async ({ page }) => {
  await open(page);
  await boot(page, [{ name: 'mouse.qcow2', buffer: asQcow2(own('guests/mouse/mouse.img').buffer) }]);
  await expect.poll(() => screenText(page), { timeout: patient(60_000) }).toMatch(/^x=0000 y=0000 b=0000 w=0000/m);
});

test('a qcow2 image whose tables are damaged makes no guest, and the page says where', async ({ page }) => {
  await open(page);
  const image = asQcow2(own('guests/mouse/mouse.img').buffer);
  image.writeBigUInt64BE(65536n, 65536);
  await drop(page, [{ name: 'loop.qcow2', buffer: image }]);
  await page.getByRole('button', { name: /^Start/ }).click();
  await expect(
    page.getByText(/loop\.qcow2 is damaged: entry 0 of its L1 table names byte 65536/).first(),
  ).toBeVisible();
  await expect(domainRows(page).filter({ hasNotText: 'not started' })).toHaveCount(0);
});

test('images that cannot be booted say why and what to do', async ({ page }) => {
  await page.route('**/guests/catalogue.json', route => route.fulfill({ status: 404 }));
  await open(page);
  const refused = async (name: string, buffer: Buffer, sentence: RegExp) => {
    await drop(page, [{ name, buffer }]);
    await expect(page.locator('.verd .wh').filter({ hasText: sentence })).toBeVisible();
    await expect(page.getByRole('button', { name: /^Start/ })).toBeDisabled();
    await page.getByRole('button', { name: 'Discard' }).click();
  };
  await refused('half.img', Buffer.alloc(300), /half\.img is not bootable: .* 55 AA/);
  await refused(
    'cloud.qcow2',
    Buffer.from('QFI\xfb'.padEnd(1024, '\0'), 'latin1'),
    /cloud\.qcow2 is a qcow2 image of version 0, .* qemu-img convert/,
  );
  await refused(
    'disk.vmdk',
    Buffer.from('KDMV'.padEnd(1024, '\0'), 'latin1'),
    /disk\.vmdk is a vmdk image, .* qemu-img convert/,
  );
});

test('a guest with a disk, saved and dropped again with its image, goes on; without the image the page says which one', async ({
  page,
}) => {
  await open(page);
  const image = own('guests/mouse/mouse.img');
  await boot(page, [image]);
  await expect.poll(() => screenText(page), { timeout: patient(60_000) }).toMatch(/^x=0000/m);
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save state' }).click();
  const state: GivenFile = { name: 'mouse.save', buffer: readFileSync(await (await saved).path()) };
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Close' }).click();
  await drop(page, [state]);
  await expect(page.locator('.stop')).toContainText(
    'the guest had the disk mouse.img as primary master. Give it again.',
  );
  await drop(page, [image]);
  await expect(domainRows(page)).toHaveCount(1);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Screen' }).click();
  await expect.poll(() => screenText(page)).toMatch(/^x=0000/m);
});
