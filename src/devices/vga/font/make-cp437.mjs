/**
 * Builds cp437-8x16.ts from Spleen 8x16 (Debian's fonts-spleen, PSF 1 with a Unicode table), extra-glyphs.txt and block-glyphs.mjs.
 * Run: node src/devices/vga/font/make-cp437.mjs /usr/share/consolefonts/spleen-8x16.psfu.gz
 * Source: the PSF format is described in the kbd package (psf.h): magic 36 04, mode (bit 0: 512 glyphs), bytes a glyph, glyphs, then for each its
 * code points as 16-bit words up to FFFF; FFFE starts sequences.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { blockGlyph } from './block-glyphs.mjs';

const HEIGHT = 16;
const low = '\0☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼';
const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
const high =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';
const cp437 = `${low}${ascii}⌂${high}`;

const psf = gunzipSync(readFileSync(process.argv[2]));
if (psf.readUInt16LE(0) !== 0x0436 || psf[3] !== HEIGHT) throw new Error('not a PSF 1 font of 16 lines');
const glyphs = psf[2] & 1 ? 512 : 256;
const byCharacter = new Map();
for (let at = 4 + glyphs * HEIGHT, glyph = 0, inSequence = false; glyph < glyphs && at + 1 < psf.length; at += 2) {
  const code = psf.readUInt16LE(at);
  if (code === 0xffff) {
    glyph++;
    inSequence = false;
  } else if (code === 0xfffe) inSequence = true;
  else if (!inSequence && !byCharacter.has(String.fromCharCode(code)))
    byCharacter.set(String.fromCharCode(code), psf.subarray(4 + glyph * HEIGHT, 4 + (glyph + 1) * HEIGHT));
}
for (const block of readFileSync(new URL('extra-glyphs.txt', import.meta.url), 'utf8')
  .split('\n\n')
  .slice(1)) {
  const [head, ...rows] = block.trimEnd().split('\n');
  const bitmap = Buffer.alloc(HEIGHT);
  rows.forEach((row, i) => {
    bitmap[Number(head.slice(2)) + i] = parseInt(row.replace(/#/g, '1').replace(/\./g, '0'), 2);
  });
  byCharacter.set(head[0], bitmap);
}
byCharacter.set('\0', Buffer.alloc(HEIGHT)).set('\u00a0', Buffer.alloc(HEIGHT));

const font = Buffer.alloc(256 * HEIGHT);
[...cp437].forEach((character, code) => {
  const bitmap = blockGlyph(code, HEIGHT) ?? byCharacter.get(character);
  if (!bitmap) throw new Error(`no glyph for ${character}`);
  bitmap.copy(font, code * HEIGHT);
});
const text = font
  .toString('base64')
  .match(/.{1,140}/g)
  .map(line => `  '${line}'`)
  .join(' +\n');
writeFileSync(
  new URL('cp437-8x16.ts', import.meta.url),
  `/**
 * Code page 437 in 8 x 16 pixels: 256 glyphs of 16 bytes, a byte a scan line, bit 7 leftmost.
 * Glyphs are those of Spleen 8x16, (c) 2018-2020 Frederic Cambus, BSD-2-Clause (LICENSE beside this file), and those of extra-glyphs.txt and block-glyphs.mjs.
 * Written by make-cp437.mjs.
 */
const base64 =
${text};

export const CP437_8X16 = Uint8Array.from(atob(base64), c => c.charCodeAt(0));

/** The character of each code, for text copies of a screen (code 0 reads as a space). */
export const CP437_TEXT = ${JSON.stringify(cp437.replace('\0', ' '))};
`,
);
