/** What a row's guest boots from: the writer itself, or Debian's kernel with the writer as its only program. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FOLDER, PROGRAM, writeCpio } from '../../formats/file-systems/index.ts';
import { repository } from '../../cli/repository.ts';
import type { Served } from './service.ts';
import { type Dial, writerKernel, writerProgram } from './writer.ts';

export interface Row {
  name: string;
  mib: number;
  dial: Dial;
  /** The writer is a program of Debian's kernel. */
  linux?: boolean;
  /** Of the guest that is pinged, where it is that one. */
  served?: Served;
}

interface Boot {
  kernel: Uint8Array;
  ramdisk?: Uint8Array;
  cmdline?: string;
}

const folder = (): string => join(repository(), '.cache', 'guests', 'debian-686');

/** `npm run guests` has fetched it. */
export const isDebianHere = (): boolean => existsSync(join(folder(), 'vmlinuz'));

function bootOf({ dial, linux }: Row): Boot {
  if (!linux) return { kernel: writerKernel(dial) };
  const init = { path: 'init', mode: PROGRAM, data: writerProgram(dial) };
  return {
    kernel: readFileSync(join(folder(), 'vmlinuz')),
    ramdisk: writeCpio([{ path: 'dev', mode: FOLDER }, init]),
    cmdline: 'console=ttyS0,115200 cryptomgr.notests',
  };
}

/** The files of a definition of Xen's guest, which has a whole PC. */
export function definitionOf(row: Row): { name: string; data: Uint8Array }[] {
  const { kernel, ramdisk, cmdline } = bootOf(row);
  const lines = ['name = "w"', 'type = "hvm"', `memory = ${row.mib}`, 'kernel = "w.kernel"'];
  if (ramdisk) lines.push('ramdisk = "w.ramdisk"', `cmdline = "${cmdline}"`, 'vif = [ "model=pcnet" ]');
  return [
    { name: 'w.cfg', data: new TextEncoder().encode(`${lines.join('\n')}\n`) },
    { name: 'w.kernel', data: kernel },
    ...(ramdisk ? [{ name: 'w.ramdisk', data: ramdisk }] : []),
  ];
}

/** The same for QEMU: a guest of ours has a display adapter, and where it is a Linux, a card. */
export function qemuWords(row: Row, write: (name: string, bytes: Uint8Array) => string): string[] {
  const { kernel, ramdisk, cmdline } = bootOf(row);
  const words = ['-m', String(row.mib), '-nodefaults', '-display', 'none', '-kernel', write('kernel', kernel)];
  if (ramdisk) words.push('-initrd', write('ramdisk', ramdisk), '-append', cmdline!);
  if (ramdisk) words.push('-vga', 'std', '-nic', 'user,model=pcnet', '-serial', 'null');
  return words;
}
