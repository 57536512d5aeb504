/** An image that somebody gave: what its guest writes outlives the page and is downloaded, its disks are changed, its text is copied; and a folder for a guest of KVM. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { drop, expect, open, serialText, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

/**
 * Counts the starts in the first byte of sector 2: mov ax,0201h; mov bx,7e00h; mov cx,2; xor dh,dh; int 13h; inc byte [7e00h]; mov ax,0301h; … int 13h. Then
 * prints what is behind it, and the count.
 */
const COUNTER =
  '31c08ed88ec08ed0bc007cb80102bb007eb9020030f6cd13fe06007eb80103bb007eb9020030f6cd13be497cac08c07409b40ebb0700cd10ebf2a0007e0430b40ebb0700cd10f4ebfd';
const MESSAGE = 'This disk was started: ';
/** As in media.long.spec.ts: reads sector 2 of the floppy disk at each key, and prints its first letter. */
const READER =
  '31c08ed88ec08ed0bc007cb83e0ecd1030e4cd16bd0300b80102bb0080b9020031d2cd1373084d75eec60600802da00080b40ecd10ebd4';
const MIB = 2 ** 20;

function image(bytes: number, program: string, more: string, letter = ''): Buffer {
  const made = Buffer.alloc(bytes);
  made.write(program, 'hex');
  made.write(more, program.length / 2);
  made.writeUInt16LE(0xaa55, 510);
  made.write(letter, 512);
  return made;
}
const counter = image(MIB, COUNTER, MESSAGE);
const floppy = (letter: string): Buffer => image(1440 * 1024, READER, '', letter);

/** As `drop`, of a file that was changed at this time. */
async function dropDated(page: Page, name: string, buffer: Buffer, lastModified: number): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([called, text, time]) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], called, { lastModified: time }));
      return data;
    },
    [name, buffer.toString('base64'), lastModified] as const,
  );
  for (const type of ['dragenter', 'dragover', 'drop'])
    await page.dispatchEvent('body', type, { dataTransfer: transfer });
}

const text = (page: Page) => page.getByTestId('screen-text');
const start = (page: Page) => page.getByRole('button', { name: /^(Boot|Start) / }).first();

async function destroy(page: Page): Promise<void> {
  await page.getByRole('toolbar').getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: /Destroy now/ }).click();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
}

/** A drag over a text on the screen, from its first letter to its last. */
async function mark(page: Page, what: string): Promise<void> {
  const lines = await text(page).locator('div').allInnerTexts();
  const row = lines.findIndex(line => line.includes(what)),
    column = lines[row]!.indexOf(what);
  const box = (await page.getByTestId('screen').locator('canvas').boundingBox())!;
  const at = (cell: number) =>
    [box.x + (box.width * (cell + 0.5)) / 80, box.y + (box.height * (row + 0.5)) / lines.length] as const;
  await page.mouse.move(...at(column));
  // The guest that was booted has the keyboard, and with it what is dragged without Shift.
  await page.keyboard.down('Shift');
  await page.mouse.down();
  await page.mouse.move(...at(column + what.length - 1), { steps: 4 });
  await page.mouse.up();
  await page.keyboard.up('Shift');
}

test('what a guest writes to a dropped image is there after a reload, and in its download; its screen comes first, and its text is copied', async ({
  page,
}) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page, './?boot=0');
  await dropDated(page, 'counter.img', counter, 1000);
  await start(page).click();
  await expect(text(page)).toContainText(`${MESSAGE}1`, { timeout: patient(60_000) });

  // It says nothing on its serial line: both are shown, and the screen has most of the room.
  const height = async (selector: string) => (await page.locator(selector).boundingBox())!.height;
  await expect(page.getByTestId('serial')).toBeVisible();
  await expect.poll(() => height('.desk .screen')).toBeGreaterThan(0.7 * (await height('.desk')));

  await expect(page.locator('.marks')).toBeVisible({ timeout: patient(30_000) });
  await mark(page, 'disk was started');
  await page.keyboard.press('Control+C');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('disk was started');

  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Media' }).click();
  await page.getByRole('button', { name: 'Download counter.img as it is now' }).click();
  const whole = readFileSync(await (await coming).path());
  expect([whole.length, whole[512]]).toEqual([MIB, 1]);
  expect(whole.subarray(0, 512).equals(counter.subarray(0, 512))).toBe(true);
  await destroy(page);

  await open(page, './?boot=0');
  await dropDated(page, 'counter.img', counter, 1000);
  await expect(page.getByText(/counter\.img: a guest goes on with/)).toBeVisible();
  await start(page).click();
  await expect(text(page)).toContainText(`${MESSAGE}2`, { timeout: patient(60_000) });
  await page.getByRole('tab', { name: 'Overview', exact: true }).click();
  await expect(page.getByText(/kept by this browser, for the next guest with the same file/)).toBeVisible();
  await page.getByRole('tab', { name: 'Console', exact: true }).click();
  await destroy(page);

  await dropDated(page, 'counter.img', counter, 1000);
  await page.getByRole('button', { name: 'Begin with the file' }).click();
  await expect(page.getByText(/counter\.img: a guest goes on with/)).toHaveCount(0);
  await start(page).click();
  await expect(text(page)).toContainText(`${MESSAGE}1`, { timeout: patient(60_000) });
});

test('floppy disks are changed in the bar of the screen; a PC without KVM is told why it gets no folder', async ({
  page,
}, info) => {
  await open(page, './?boot=0');
  await drop(page, [{ name: 'one.img', buffer: floppy('A') }]);
  await start(page).click();
  await expect(text(page)).toContainText('>', { timeout: patient(60_000) });
  const read = async (shown: string): Promise<void> => {
    await useConsole(page, 'screen');
    await page.keyboard.press('x');
    await expect(text(page)).toContainText(shown);
    // Both at once give the keyboard back.
    await page.keyboard.down('ControlLeft');
    await page.keyboard.down('AltLeft');
    await page.keyboard.up('AltLeft');
    await page.keyboard.up('ControlLeft');
  };
  await read('>A>');
  const media = page.getByRole('button', { name: 'Media' });
  await media.click();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Insert a file…' }).first().click();
  await (await chooser).setFiles([{ name: 'two.img', mimeType: '', buffer: floppy('B') }]);
  await media.click();
  await expect(page.getByText('Floppy fda: two.img')).toBeVisible({ timeout: patient(10_000) });
  await page.keyboard.press('Escape');
  await read('>A>B>');
  // The one that the page was given first is among what it offers.
  await media.click();
  await page.getByRole('button', { name: 'Insert one.img' }).click();
  await media.click();
  await expect(page.getByText('Floppy fda: one.img')).toBeVisible();
  await page.keyboard.press('Escape');
  await read('>A>B>A>');
  await media.click();
  await page.getByRole('button', { name: 'Eject' }).click();
  await media.click();
  await expect(page.getByText('Floppy fda: empty')).toBeVisible();
  await page.keyboard.press('Escape');

  const folder = info.outputPath('drivers');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'a.txt'), 'text');
  await dropFolder(page, folder, '[data-testid=screen]');
  await expect(page.locator('.note')).toContainText('is a PC that finds no KVM');
});

/** As the browser does it with what a person drags: paths of this machine. */
async function dropFolder(page: Page, path: string, onto: string): Promise<void> {
  const box = (await page.locator(onto).boundingBox())!;
  const session = await page.context().newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', {
      type,
      x: box.x + box.width / 2,
      y: box.y + box.height / 2,
      data: { items: [], files: [path], dragOperationsMask: 1 },
    });
}

const GUEST = '.cache/guests/debian-686-pae';
const DEFINITION = `name = "deb"
type = "hvm"
kvm = 1
memory = 160
kernel = "vmlinuz"
ramdisk = "initrd-modules"
extra = "console=ttyS0,115200 cryptomgr.notests mods=virtio_pci,9pnet_virtio,9p"
serial = "pty"
`;

test('a folder that is dropped on a running guest of KVM is mounted there by the command that is shown', async ({
  page,
}, info) => {
  test.skip(!existsSync(GUEST), 'needs npm run guests');
  await open(page, './?boot=kvm');
  await drop(page, [
    { name: 'deb.cfg', buffer: Buffer.from(DEFINITION) },
    ...['vmlinuz', 'initrd-modules'].map(name => ({ name, buffer: readFileSync(join(GUEST, name)) })),
  ]);
  await start(page).click();
  await expect.poll(() => serialText(page), { timeout: patient(240_000) }).toContain('/ #');
  const folder = info.outputPath('my files');
  mkdirSync(join(folder, 'deep'), { recursive: true });
  writeFileSync(join(folder, 'deep', 'a.txt'), 'from the desktop\n');
  await dropFolder(page, folder, '[data-testid=serial]');
  const note = page.locator('.note').filter({ hasText: 'mount -t 9p' });
  await expect(note.locator('code')).toHaveText('mount -t 9p -o trans=virtio my_files /mnt', {
    timeout: patient(30_000),
  });
  await page.getByTestId('serial').click();
  await page.keyboard.type(`mkdir -p /mnt; ${await note.locator('code').innerText()}; cat /mnt/deep/a.txt\n`);
  await expect.poll(() => serialText(page), { timeout: patient(60_000) }).toContain('\nfrom the desktop');
});
