/** Menus and the command palette. */
export { Menu } from '../menu-list.tsx';
export { Palette } from '../palette.tsx';
