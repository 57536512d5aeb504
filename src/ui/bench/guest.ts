/** Runs a guest of the measurements on this host, or on another emulator whose module the address names. */
import type { ConsoleOutput } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { type Line, linesOf } from './rows.ts';

export interface Guest {
  name: string;
  kernel: Blob;
  /** The kernel is an ELF file with a multiboot header; else a Linux bzImage. */
  multiboot: boolean;
  initrd?: Blob;
  cmdline: string;
  memoryMib: number;
}

/** Runs a guest until a line of its first serial port holds `until`; `line` hears the lines before, each with the time of its arrival. */
export type Run = (guest: Guest, until: string, line: (line: Line) => void) => Promise<void>;

export const runHere: Run = async ({ name, kernel, initrd, cmdline, memoryMib }, until, line) => {
  const text = `name = "${name}"\ntype = "hvm"\nkernel = "kernel"\n${initrd ? 'ramdisk = "initrd"\n' : ''}memory = ${memoryMib}\ncmdline = "${cmdline}"\nserial = "pty"\n`;
  const files = [
    { name: `${name}.cfg`, data: new Blob([text]) },
    { name: 'kernel', data: kernel },
    ...(initrd ? [{ name: 'initrd', data: initrd }] : []),
  ];
  const { id } = await host.create(files);
  try {
    const { console } = await host.view(id);
    await new Promise<void>(resolve => {
      const lines = linesOf(each => (each.text.includes(until) ? resolve() : line(each)));
      console.onmessage = ({ data }: MessageEvent<Uint8Array | ConsoleOutput>) => {
        const bytes = data instanceof Uint8Array ? data : 'serial' in data ? data.serial : undefined;
        if (bytes) lines(bytes, performance.now());
      };
    });
    console.close();
  } finally {
    // It ends by itself, and may be gone by now.
    await host.destroy(id).catch(() => {});
  }
};

/** v86 as its npm package has it: libv86.mjs. */
interface V86Module {
  V86: new (
    options: object,
  ) => { add_listener(event: 'serial0-output-byte', listener: (byte: number) => void): void; destroy(): Promise<void> };
}

/** v86, whose module is at `peer`, with v86.wasm, bios.bin and vgabios.bin next to it: bench/browser.mjs serves them. */
export const runOnV86 =
  (peer: URL): Run =>
  async ({ kernel, multiboot, initrd, cmdline, memoryMib }, until, line) => {
    const { V86 } = (await import(/* @vite-ignore */ peer.href)) as V86Module;
    const file = async (blob: Blob) => ({ buffer: await blob.arrayBuffer() });
    const emulator = new V86({
      wasm_path: new URL('v86.wasm', peer).href,
      bios: { url: new URL('bios.bin', peer).href },
      vga_bios: { url: new URL('vgabios.bin', peer).href },
      memory_size: memoryMib << 20,
      vga_memory_size: 8 << 20,
      autostart: true,
      disable_speaker: true,
      log_level: 0,
      cmdline,
      [multiboot ? 'multiboot' : 'bzimage']: await file(kernel),
      ...(initrd ? { initrd: await file(initrd) } : {}),
    });
    await new Promise<void>(resolve => {
      const lines = linesOf(each => (each.text.includes(until) ? resolve() : line(each)));
      emulator.add_listener('serial0-output-byte', byte => lines(Uint8Array.of(byte), performance.now()));
    });
    await emulator.destroy();
  };
