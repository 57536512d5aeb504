/** Debian's QEMU, where this machine has it. */
import { Program } from './command-line.ts';
import { file, program } from './needs.ts';

const qemu = program('qemu-system-i386');
export const haveQemu = qemu !== undefined;

/** A PC of QEMU's with the BIOS of guests/bios, whose first serial line is the console. */
export const qemuWithOurBios = (...argv: string[]): Program =>
  new Program(qemu!, ['-bios', file('guests/bios/bios.bin'), '-display', 'none', '-serial', 'stdio', '-no-reboot', ...argv]);
