/** What src/devices/vga/font offers to other rooms. */
export { CP437_TEXT } from './cp437-8x16.ts';
