/** Which drive a definition boots, through the plan, the BIOS and the guest's first instructions. */
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { asm16 } from '../../cpu/test-support/asm.ts';
import type { ConsoleOutput } from '../toolstack/wire.ts';
import { testFile, testHost, until } from './host.test-support.ts';

const BIOS = readFileSync(new URL('../../../guests/bios/bios.bin', import.meta.url));
const TWO_DISKS = readFileSync(
  new URL('../definitions/config/fixtures/boot-order-two-disks.xml', import.meta.url),
  'utf8',
).replace("'MiB'>64", "'MiB'>16");

/** A disk of 64 KiB whose boot sector writes a letter to COM1 and halts. */
function disk(letter: string): Uint8Array {
  const image = new Uint8Array(64 * 1024);
  image.set(asm16(`mov dx, 0x3f8; mov al, '${letter}'; out dx, al; again: cli; hlt; jmp again`));
  image.set([0x55, 0xaa], 510);
  return image;
}

/** What the guest of a definition writes first, whose disks other.img and boot.img write O and B. */
async function firstLetter(name: string, definition: string): Promise<string> {
  const images: Record<string, Uint8Array> = { 'other.img': disk('O'), 'boot.img': disk('B') };
  const host = testHost({
    fetchBytes: async () => BIOS,
    openMedium: ({ name }) => new MemoryDisk(images[name], { readOnly: true }),
  });
  await host.files.offerFirmware({ own: { name: 'bios.bin', url: 'bios.bin' } });
  const { id } = await host.create([
    testFile(name, definition),
    ...Object.entries(images).map(([file, bytes]) => testFile(file, bytes)),
  ]);
  const { console } = await host.consoles.view(id);
  let seen = '';
  console.onmessage = ({ data }) => {
    const message = data as ConsoleOutput;
    if ('serial' in message) seen += new TextDecoder().decode(message.serial);
  };
  const letter = await until(() => /[OB]$/.exec(seen)?.[0]);
  await host.destroy(id);
  return letter;
}

const swapped = TWO_DISKS.replace("order='2'", "order='0'")
  .replace("order='1'", "order='2'")
  .replace("order='0'", "order='1'");
const classes = TWO_DISKS.replace(/ *<boot order='.'\/>\n/g, '').replace('</type>', "</type><boot dev='hd'/>");
/** The drives of a class are tried by their places, whichever a definition names first. */
const behind = (first: string, second: string): string =>
  `name = "a"\ntype = "hvm"\nmemory = 16\nboot = "c"\ndisk = [ "/data/${first},raw,hdb,w", "/data/${second},raw,hda,w" ]\n`;

describe('the drive that is booted', () => {
  it.each([
    ['has the lowest <boot order>', 'a.xml', TWO_DISKS, 'B'],
    ['has the lowest <boot order>, the other way round', 'a.xml', swapped, 'O'],
    ['is the first of its class', 'a.xml', classes, 'O'],
    ['is the first of its controller, wherever the definition names it', 'a.cfg', behind('other.img', 'boot.img'), 'B'],
  ])('%s', async (_what, name, definition, letter) => {
    expect(await firstLetter(name, definition)).toBe(letter);
  });
});
