/** Floppy disks and CDs that are changed while a guest runs, by the page's buttons. */
import type { Page } from '@playwright/test';
import { drop, expect, open, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

/**
 * mov ax,0e3eh; int 10h; xor ah,ah; int 16h; then, three times at most, sector 2 of the floppy disk: mov ax,0201h; mov bx,8000h; mov cx,2; xor dx,dx; int 13h.
 * Its first letter is printed, - where it cannot be read; then from the beginning.
 */
const READER =
  '31c08ed88ec08ed0bc007cb83e0ecd1030e4cd16bd0300b80102bb0080b9020031d2cd1373084d75eec60600802da00080b40ecd10ebd4';

/** A floppy disk that begins with that program, and has this letter in its second sector. */
function floppy(letter: string): Buffer {
  const image = Buffer.alloc(1_474_560);
  image.write(READER, 'hex');
  image.writeUInt16LE(0xaa55, 510);
  image.write(letter, 512);
  return image;
}

const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });
const drive = (page: Page, vdev: string) => page.getByRole('row', { name: new RegExp(`^${vdev} `) });

async function insert(page: Page, vdev: string, name: string, buffer: Buffer): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await drive(page, vdev).getByRole('button', { name: 'Insert' }).click();
  await (await chooser).setFiles([{ name, mimeType: '', buffer }]);
  await expect(drive(page, vdev)).toContainText(name);
}

/** The guest reads the disk that is there now. */
async function press(page: Page, shown: string): Promise<void> {
  await tab(page, 'Console').click();
  await useConsole(page, 'screen');
  await page.keyboard.press('x');
  await expect(page.getByTestId('screen-text')).toContainText(shown);
  await tab(page, 'Overview').click();
}

test('a floppy disk of a plain PC and of a guest of xl, and a CD, are changed while they run', async ({ page }) => {
  await open(page, './?boot=0');
  for (const [name, ...files] of [
    ['one', { name: 'one.img', buffer: floppy('A') }],
    [
      'lab',
      {
        name: 'lab.cfg',
        buffer: Buffer.from(
          'name = "lab"\ntype = "hvm"\nmemory = 16\nboot = "a"\nfda = "one.img"\ndisk = [ "vdev=hdc,devtype=cdrom,access=r,target=" ]\n',
        ),
      },
      { name: 'one.img', buffer: floppy('A') },
    ],
  ] as const) {
    await drop(page, files);
    await page.getByRole('button', { name: /^(Boot|Start) (one|lab)/ }).click();
    await expect(page.getByTestId('screen-text')).toContainText('>', { timeout: patient(30_000) });
    await press(page, '>A>');
    await insert(page, 'fda', 'two.img', floppy('B'));
    await press(page, '>A>B>');
    await drive(page, 'fda').getByRole('button', { name: 'Eject' }).click();
    await expect(drive(page, 'fda')).not.toContainText('two.img');
    await press(page, '>A>B>->');
    if (name === 'lab') {
      await insert(page, 'hdc', 'disc.iso', Buffer.alloc(40_960));
      await drive(page, 'hdc').getByRole('button', { name: 'Eject' }).click();
      await expect(drive(page, 'hdc')).not.toContainText('disc.iso');
    }
    await page.getByRole('link', { name: 'Ringside' }).click();
  }
});
