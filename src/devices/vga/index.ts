export type { ScreenWriter, TextFrame, VideoMemory } from './screen.ts';
export { Vga } from './vga.ts';
