/** Domain 0's `virsh`, a program of its shell. */
export { virshProgram } from './virsh.ts';
