export type { ScreenWriter, TextFrame, VideoMemory } from './screen.ts';
export { Vga } from './vga.ts';
export { FONT_BYTES, GLYPH_BYTES } from './screen.ts';
