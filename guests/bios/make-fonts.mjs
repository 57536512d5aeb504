/**
 * Writes font-8x16.bin, font-8x14.bin and font-8x8.bin, code page 437 from the glyphs of src/devices/vga/font (Spleen, BSD: its LICENSE is there).
 * 14 lines leave out the first and the last of 16; 8 lines have two of 16 each.
 * Run: node guests/bios/make-fonts.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';

const here = name => new URL(name, import.meta.url);
const source = readFileSync(here('../../src/devices/vga/font/cp437-8x16.ts'), 'utf8');
const base64 = source.slice(source.indexOf('const base64')).split(';')[0].match(/'([^']*)'/g).join('').replaceAll("'", '');
const tall = Buffer.from(base64, 'base64');
if (tall.length !== 4096) throw new Error(`the font has ${tall.length} bytes`);
const glyphs = Array.from({ length: 256 }, (_, i) => tall.subarray(16 * i, 16 * i + 16));
writeFileSync(here('font-8x16.bin'), tall);
writeFileSync(here('font-8x14.bin'), Buffer.concat(glyphs.map(glyph => glyph.subarray(1, 15))));
writeFileSync(here('font-8x8.bin'), Buffer.from(glyphs.flatMap(glyph => Array.from({ length: 8 }, (_, row) => glyph[2 * row] | glyph[2 * row + 1]))));
