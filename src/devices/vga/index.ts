export type { ScreenWriter, TextFrame } from './screen.ts';
export { Vga } from './vga.ts';
