export { FONT_BYTES, GLYPH_BYTES, type ScreenWriter, type TextFrame, type VideoMemory } from './screen.ts';
export { Vga } from './vga.ts';
