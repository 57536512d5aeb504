/** Asking for a name. */
export * from '../naming.ts';
export { NameDialog } from '../parts/name-dialog.tsx';
