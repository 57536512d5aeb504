/**
 * Writes font-8x16.bin, font-8x14.bin and font-8x8.bin, code page 437 from the glyphs of src/devices/vga/font (Spleen, BSD: its LICENSE is there).
 * 14 lines leave out the first and the last of 16. 8 lines are those rows of 16 whose loss shows least; lines, shades and blocks are drawn for each height.
 * Run: node guests/bios/make-fonts.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { blockGlyph } from '../../src/devices/vga/font/block-glyphs.mjs';

const here = name => new URL(name, import.meta.url);
const source = readFileSync(here('../../src/devices/vga/font/cp437-8x16.ts'), 'utf8');
const base64 = source.slice(source.indexOf('const base64')).split(';')[0].match(/'([^']*)'/g).join('').replaceAll("'", '');
const tall = Buffer.from(base64, 'base64');
if (tall.length !== 4096) throw new Error(`the font has ${tall.length} bytes`);
const glyphs = Array.from({ length: 256 }, (_, i) => tall.subarray(16 * i, 16 * i + 16));

/** Capitals are rows 2 to 11, small letters begin at 5, and below 11 is what hangs down: of the ten rows these are kept, in the order in which they are tried. */
const choices = [];
for (const second of [3, 4])
  for (let a = 6; a <= 8; a++) for (let b = a + 1; b <= 9; b++) for (let c = b + 1; c <= 10; c++) choices.push([2, second, 5, a, b, c, 11]);
/** Rows that differ from the nearest ones that are kept. */
const lost = (glyph, kept) => {
  let count = 0;
  for (let row = 2; row <= 11; row++) {
    const [above, below] = [kept.findLast(k => k <= row), kept.find(k => k >= row)];
    if (glyph[row] !== glyph[above] && glyph[row] !== glyph[below]) count++;
  }
  return count;
};
const low = glyph => {
  const kept = choices.reduce((best, choice) => (lost(glyph, choice) < lost(glyph, best) ? choice : best), [2, 3, 5, 6, 7, 9, 11]);
  return Buffer.from([...kept.map(row => glyph[row]), glyph[13] || glyph[14] || glyph[12]]);
};
const font = (height, glyphOf) => Buffer.concat(glyphs.map((glyph, code) => blockGlyph(code, height) ?? glyphOf(glyph)));
writeFileSync(here('font-8x16.bin'), font(16, glyph => glyph));
writeFileSync(here('font-8x14.bin'), font(14, glyph => glyph.subarray(1, 15)));
const short = font(8, low);
// A bar of 8 lines is broken, as IBM's is: whole, it would be the line downwards.
short[8 * '|'.charCodeAt(0) + 3] = 0;
writeFileSync(here('font-8x8.bin'), short);
