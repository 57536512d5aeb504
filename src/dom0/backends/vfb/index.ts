/** A paravirtual screen, keyboard and pointer: their back ends, and the layout of the pages that they share with a front end. */
export { FB_DIRECTORY, FB_OUT_EVENTS, FB_OUT_OFFSET, FB_PAGE } from './protocol.ts';
export { Vfb } from './vfb.ts';
export { Vkbd } from './vkbd.ts';
