/**
 * Runs a guest on v86 (npm), its compiler off unless "jit", and prints the guest's first serial port, line by line, until it is ended.
 *   node bench/v86.mjs '{"bios": F, "vgaBios": F, "memory": MIB, "cmdline": S, "bzimage": F, "initrd": F, "multiboot": F, "hda": F, "nic": true or its type, "jit": B}'
 */
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { bios, vgaBios, memory, cmdline, nic, jit, ...images } = JSON.parse(process.argv[2]);
const build = dirname(createRequire(import.meta.url).resolve('v86/build/libv86.js'));
const { V86 } = await import(pathToFileURL(join(build, 'libv86.mjs')));

const file = path => {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return { buffer: buffer.slice(byteOffset, byteOffset + byteLength) };
};

const emulator = new V86({
  wasm_path: join(build, 'v86.wasm'),
  bios: file(bios),
  vga_bios: file(vgaBios),
  memory_size: memory << 20,
  vga_memory_size: 8 << 20,
  autostart: true,
  disable_jit: !jit,
  ...(nic ? { net_device: { type: nic === true ? 'ne2k' : nic, relay_url: 'fetch' } } : {}),
  disable_speaker: true,
  log_level: 0,
  cmdline,
  ...Object.fromEntries(
    Object.entries(images)
      .filter(([, path]) => path)
      .map(([kind, path]) => [kind, file(path)]),
  ),
});

// What is typed here is typed there.
process.stdin.on('data', data => emulator.serial0_send(data.toString('latin1')));

let line = '';
emulator.add_listener('serial0-output-byte', byte => {
  line += String.fromCharCode(byte);
  if (byte !== 10) return;
  // Standard output may be a full pipe that does not block.
  for (let bytes = Buffer.from(line, 'latin1'); bytes.length; )
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  line = '';
});
