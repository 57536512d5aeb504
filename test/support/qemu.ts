/** Debian's QEMU, where this machine has it. */
import { spawn } from 'node:child_process';
import { Program } from './command-line.ts';
import { file, program } from './needs.ts';

const qemu = program('qemu-system-i386');
export const haveQemu = qemu !== undefined;

/** A PC of QEMU's with the BIOS of guests/bios; the console is its first serial line, or QEMU's monitor. */
export const qemuWithOurBios = (console: 'serial' | 'monitor', ...argv: string[]): Program =>
  new Program(
    spawn(
      qemu!,
      ['-bios', file('guests/bios/bios.bin'), '-display', 'none', `-${console}`, 'stdio', '-no-reboot', ...argv],
      { stdio: 'pipe' },
    ),
  );
