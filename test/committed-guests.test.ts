import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kernelKind, loadKernel } from '../src/hypervisor/loader/index.ts';

/** Guests whose built bytes are committed: folder, the sources in the order in which its build.sh hashes them, and what it makes (default: NAME.elf). */
const GUESTS: readonly [name: string, sources: string[], built?: string[]][] = [
  ['mouse', ['mouse.S', 'build.sh'], ['mouse.img']],
  ['frames', ['frames.S', 'build.sh'], ['mode13.img', 'modex.img', 'vbe.img']],
  [
    'demo',
    [
      'boot.S',
      'demo.h',
      'machine.c',
      'console.c',
      'hardware.c',
      'monitor.c',
      'link.ld',
      'build.sh',
      '../machine.h',
      '../long-mode.h',
    ],
    ['demo.elf', 'demo64.elf'],
  ],
  ['micro', ['start.S', 'guest.h', 'kmain.c', 'work.c', 'link.ld', 'build.sh']],
  ['pvtest', ['boot.S', 'pvtest.c', 'link.ld', 'build.sh', '../xen.h', '../machine.h']],
  [
    'minipv',
    [
      'boot.S',
      'minipv.h',
      'text.c',
      'xen.c',
      'blkfront.c',
      'ata.c',
      'netfront.c',
      'pcnet.c',
      'virtio.c',
      'ip.c',
      'stream.c',
      'workloads.c',
      'shell.c',
      'link.ld',
      'build.sh',
      '../xen.h',
      '../machine.h',
      '../long-mode.h',
    ],
    ['minipv.elf', 'minipv64.elf'],
  ],
  [
    'bios',
    [
      'bios.h',
      'pci.h',
      'video.h',
      'entry.S',
      'fonts.S',
      'post.c',
      'boot.c',
      'firmware-tables.c',
      'util.c',
      'pci.c',
      'pci-services.c',
      'processors.c',
      'ata.c',
      'virtio.c',
      'disk.c',
      'cdrom.c',
      'floppy.c',
      'video.c',
      'vga-modes.c',
      'video-state.c',
      'vbe.c',
      'keyboard.c',
      'mouse.c',
      'clock.c',
      'ports.c',
      'system.c',
      'font-8x8.bin',
      'font-8x14.bin',
      'font-8x16.bin',
      'link.ld',
      'build.sh',
      '../machine.h',
    ],
    ['bios.bin'],
  ],
  ['bioscalls', ['bioscalls.S', 'build.sh'], ['bioscalls.img']],
  [
    'pcos',
    [
      'boot.S',
      'pcos.h',
      'entry.S',
      'main.c',
      'text.c',
      'console.c',
      'interrupts.c',
      'memory.c',
      'tasks.c',
      'input.c',
      'draw.c',
      'pci.c',
      'ata.c',
      'fat.c',
      'pcnet.c',
      'ne2000.c',
      'net.c',
      'power.c',
      'shell.c',
      'link.ld',
      'disk/readme.txt',
      'disk/tour.txt',
      'make-image.mjs',
      'build.sh',
      '../machine.h',
    ],
    ['pcos.img'],
  ],
  [
    'neighbour',
    ['boot.S', 'neighbour.c', 'link.ld', 'build.sh', '../xen.h', '../machine.h'],
    ['neighbour-hvm.elf', 'neighbour-pv.elf'],
  ],
];
const folderOf = (name: string) => fileURLToPath(new URL(`../guests/${name}/`, import.meta.url));

describe.each(GUESTS)('the guest %s', (name, files, built = [`${name}.elf`]) => {
  const folder = folderOf(name);
  const read = (file: string) => readFileSync(join(folder, file));
  const [compiler, sources] = read(`${name}.lock`).toString().trim().split('\n');

  it('was built from the sources beside it', () => {
    const hash = createHash('sha256');
    for (const file of files) hash.update(read(file));
    expect(hash.digest('hex'), `run guests/${name}/build.sh and commit ${built.join(', ')}`).toBe(sources);
  });

  // Another compiler makes other bytes: only the one that made the committed file can be compared with.
  const gcc = spawnSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' });
  const canBuild = gcc.status === 0 && gcc.stdout.trim() === compiler && builds32Bit();
  if (canBuild) {
    it('comes out the same when it is built again', () => {
      const out = mkdtempSync(join(tmpdir(), `ringside-${name}-`));
      try {
        // A guest of several files is built into a folder.
        execFileSync('sh', [join(folder, 'build.sh'), built.length > 1 ? out : join(out, built[0])]);
        for (const file of built) expect(Buffer.compare(readFileSync(join(out, file)), read(file)), file).toBe(0);
      } finally {
        rmSync(out, { recursive: true });
      }
    });
  }
});

describe.each([
  ['demo', []],
  ['demo64', ['lm', 'fpu', 'msr', 'cx8', 'pge', 'cmov']],
])('the guest %s', (name, features) => {
  const read = (file: string) => readFileSync(join(folderOf('demo'), file));
  const kernel = new Uint8Array(read(`${name}.elf`));

  it('loads as multiboot into the memory that its definition gives it', () => {
    const memoryMiB = Number(/^memory = (\d+)$/m.exec(read(`${name}.cfg`).toString())![1]);
    expect(kernelKind(kernel)).toBe('multiboot');
    const memory = new Uint8Array(memoryMiB << 20);
    const entry = loadKernel(
      {
        write: (gpa, bytes) => memory.set(bytes, gpa),
        fill: (gpa, length, value) => memory.fill(value, gpa, gpa + length),
      },
      {
        kernel,
        name,
        cmdline: '',
        memoryMiB,
        features: new Set(features),
        e820: [
          { base: 0, length: 0x9fc00, type: 1 },
          { base: 0x100000, length: (memoryMiB - 1) << 20, type: 1 },
        ],
      },
    );
    // CLI, the first instruction
    expect(memory[entry.eip]).toBe(0xfa);
  });
});

function builds32Bit(): boolean {
  const { status } = spawnSync('gcc', ['-m32', '-xc', '-c', '-o', '/dev/null', '-'], { input: 'int x;' });
  return status === 0;
}
