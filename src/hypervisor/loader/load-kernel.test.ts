import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { featuresOf } from '../../cpu/architecture/index.ts';
import { isLongKernel, kernelKind, loadKernel } from './index.ts';
import type { LoadOptions } from './entry.ts';
import { LoadError } from './plan.ts';

const MIB = 1 << 20;

/** Guest memory that remembers whether anybody wrote to it. */
class Memory {
  readonly bytes: Uint8Array;
  written = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size).fill(0xcc);
  }

  write(gpa: number, bytes: Uint8Array): void {
    if (gpa + bytes.length > this.bytes.length) throw new Error(`write beyond memory at ${gpa}`);
    this.bytes.set(bytes, gpa);
    this.written++;
  }

  fill(gpa: number, length: number, value: number): void {
    if (gpa + length > this.bytes.length) throw new Error(`fill beyond memory at ${gpa}`);
    this.bytes.fill(value, gpa, gpa + length);
    this.written++;
  }

  get view(): DataView {
    return new DataView(this.bytes.buffer);
  }

  string(address: number): string {
    return new TextDecoder().decode(this.bytes.subarray(address, this.bytes.indexOf(0, address)));
  }
}

const e820 = (memoryMiB: number) => [
  { base: 0, length: 0x9fc00, type: 1 },
  { base: 0x9fc00, length: 0x400, type: 2 },
  { base: 0xf0000, length: 0x10000, type: 2 },
  { base: MIB, length: (memoryMiB - 1) * MIB, type: 1 },
];

function load(kernel: Uint8Array, options: Partial<LoadOptions> = {}) {
  const memoryMiB = options.memoryMiB ?? 32;
  const memory = new Memory(memoryMiB * MIB);
  const entry = loadKernel(memory, {
    kernel,
    name: 'kernel',
    cmdline: '',
    memoryMiB,
    e820: e820(memoryMiB),
    ...options,
  });
  return { memory, entry };
}

/** The message that a load ends with; checks that nothing was written. */
function refusal(kernel: Uint8Array, options: Partial<LoadOptions> = {}): string {
  const memoryMiB = options.memoryMiB ?? 32;
  const memory = new Memory(memoryMiB * MIB);
  try {
    loadKernel(memory, { kernel, name: 'kernel', cmdline: '', memoryMiB, e820: e820(memoryMiB), ...options });
  } catch (error) {
    expect(error).toBeInstanceOf(LoadError);
    expect(memory.written).toBe(0);
    return (error as LoadError).message;
  }
  throw new Error('it was loaded');
}

/** A bzImage as Linux's boot.rst describes it, with 64 KiB of code that counts up. */
function bzImage(change: (header: DataView) => void = () => {}): Uint8Array {
  const image = new Uint8Array(5 * 512 + 0x10000);
  const header = new DataView(image.buffer);
  header.setUint8(0x1f1, 4);
  header.setUint32(0x1f4, 0x1000, true);
  header.setUint16(0x1fe, 0xaa55, true);
  header.setUint16(0x200, 0x66eb, true); // header ends at 0x268
  header.setUint32(0x202, 0x53726448, true);
  header.setUint16(0x206, 0x20f, true);
  header.setUint16(0x20e, 0x100, true);
  image.set(new TextEncoder().encode('6.1.0-test (somebody)\0'), 0x300);
  header.setUint8(0x211, 1);
  header.setUint32(0x214, 0x100000, true);
  header.setUint32(0x22c, 0x37ffffff, true);
  header.setUint32(0x230, 0x200000, true);
  header.setUint8(0x234, 1);
  header.setUint32(0x238, 2047, true);
  header.setUint32(0x258, 0x1000000, true);
  header.setUint32(0x260, 0x200000, true);
  for (let i = 5 * 512; i < image.length; i++) image[i] = i;
  change(header);
  return image;
}

interface Part {
  type?: number;
  physical: number;
  virtual?: number;
  bytes: Uint8Array;
  memoryBytes?: number;
}

function elf(entry: number, parts: Part[], machine = 3): Uint8Array {
  const dataStart = 52 + parts.length * 32;
  const image = new Uint8Array(dataStart + parts.reduce((sum, part) => sum + part.bytes.length, 0));
  const data = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  data.setUint16(16, 2, true);
  data.setUint16(18, machine, true);
  data.setUint32(24, entry, true);
  data.setUint32(28, 52, true);
  data.setUint16(42, 32, true);
  data.setUint16(44, parts.length, true);
  let at = dataStart;
  parts.forEach((part, i) => {
    const fields = [
      part.type ?? 1,
      at,
      part.virtual ?? part.physical,
      part.physical,
      part.bytes.length,
      part.memoryBytes ?? part.bytes.length,
    ];
    fields.forEach((field, n) => {
      data.setUint32(52 + i * 32 + n * 4, field, true);
    });
    image.set(part.bytes, at);
    at += part.bytes.length;
  });
  return image;
}

/** The same of 64 bits: segments are linked high, as Linux's are. */
function longElf(entry: number, parts: Part[]): Uint8Array {
  const dataStart = 64 + parts.length * 56;
  const image = new Uint8Array(dataStart + parts.reduce((sum, part) => sum + part.bytes.length, 0));
  const data = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  data.setUint16(16, 2, true);
  data.setUint16(18, 62, true);
  data.setBigUint64(24, BigInt(entry), true);
  data.setBigUint64(32, 64n, true);
  data.setUint16(54, 56, true);
  data.setUint16(56, parts.length, true);
  let at = dataStart;
  parts.forEach((part, i) => {
    const header = 64 + i * 56;
    data.setUint32(header, part.type ?? 1, true);
    [
      at,
      part.virtual ?? part.physical,
      part.physical,
      part.bytes.length,
      part.memoryBytes ?? part.bytes.length,
    ].forEach((field, n) => data.setBigInt64(header + 8 + n * 8, BigInt(field), true));
    image.set(part.bytes, at);
    at += part.bytes.length;
  });
  return image;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

const multibootWords = (flags: number, ...rest: number[]) =>
  words(0x1badb002, flags, -(0x1badb002 + flags) >>> 0, ...rest);
const pvhNote = (entry: number) => words(4, 4, 18, 0x006e6558, entry);

describe('a Linux bzImage', () => {
  it('is entered at its preferred address with the zero page in ESI', () => {
    const { memory, entry } = load(bzImage(), { cmdline: 'console=ttyS0' });
    expect(entry.kind).toBe('linux');
    expect(entry.eip).toBe(0x1000000);
    expect(entry.about).toContain('Linux 6.1.0-test at 0x1000000');
    expect([...memory.bytes.subarray(0x1000000, 0x1000004)]).toEqual([0x00, 0x01, 0x02, 0x03]);
    // init_size is the kernel's own, behind the code zeros
    expect(memory.bytes[0x1000000 + 0x1fffff]).toBe(0);
    const { ebp, edi, ebx, esi } = entry.registers;
    expect([ebp, edi, ebx]).toEqual([0, 0, 0]);
    expect(memory.view.getUint32(esi + 0x202, true)).toBe(0x53726448);
    expect(memory.string(memory.view.getUint32(esi + 0x228, true))).toBe('console=ttyS0');
    expect(memory.view.getUint32(esi + 0x214, true)).toBe(0x1000000);
    expect(memory.view.getUint8(esi + 0x210)).toBe(0xff);
    // Nothing but the header is copied; boot.rst wants the rest zero (sentinel at 0x1ef).
    expect(memory.bytes[esi + 0x1ef]).toBe(0);
    expect(memory.bytes[esi + 0x300 - 0x10]).not.toBe(0xcc);
  });

  // boot.rst: below 0x90000 is the kernel's. Linux 2.4 unpacks itself over what lies there, then loads CS.
  it('finds zero page, GDT and command line at 0x90000 and above, below the BIOS’s own memory', () => {
    for (const version of [0x203, 0x20f]) {
      const { memory, entry } = load(
        bzImage(header => header.setUint16(0x206, version, true)),
        { cmdline: 'x'.repeat(200) },
      );
      const { esi } = entry.registers;
      expect(esi).toBe(0x90000);
      for (const [at, bytes] of [
        [entry.gdt.base, 32],
        [memory.view.getUint32(esi + 0x228, true), 201],
      ]) {
        expect(at).toBeGreaterThanOrEqual(0x91000);
        expect(at + bytes).toBeLessThanOrEqual(0x9fc00);
      }
      expect(memory.bytes.subarray(0, 0x90000).every(byte => byte === 0xcc)).toBe(true);
    }
  });

  it('finds flat descriptors at 0x10 and 0x18 of its GDT', () => {
    const { memory, entry } = load(bzImage());
    expect([entry.cs, entry.ds]).toEqual([0x10, 0x18]);
    expect(entry.gdt.limit).toBeGreaterThanOrEqual(0x1f);
    const descriptor = (selector: number) => memory.view.getBigUint64(entry.gdt.base + selector, true) & ~(1n << 40n);
    expect(descriptor(0x10)).toBe(0x00cf9a000000ffffn);
    expect(descriptor(0x18)).toBe(0x00cf92000000ffffn);
  });

  it('sees the memory map and a VGA text screen', () => {
    const { memory, entry } = load(bzImage(), { acpiRsdp: 0xf1230 });
    const page = new DataView(memory.bytes.buffer, entry.registers.esi);
    expect(page.getUint8(0x1e8)).toBe(4);
    e820(32).forEach((region, i) => {
      expect(Number(page.getBigUint64(0x2d0 + i * 20, true))).toBe(region.base);
      expect(Number(page.getBigUint64(0x2d8 + i * 20, true))).toBe(region.length);
      expect(page.getUint32(0x2e0 + i * 20, true)).toBe(region.type);
    });
    expect([
      page.getUint8(6),
      page.getUint8(7),
      page.getUint8(0xe),
      page.getUint8(0xf),
      page.getUint16(0x10, true),
    ]).toEqual([3, 80, 25, 1, 16]);
    expect(Number(page.getBigUint64(0x70, true))).toBe(0xf1230);
  });

  it('gets its initrd at the top of memory, page-aligned, below initrd_addr_max', () => {
    const data = new Uint8Array(5000).fill(7);
    const { memory, entry } = load(bzImage(), { initrd: { name: 'initrd', data } });
    const page = new DataView(memory.bytes.buffer, entry.registers.esi);
    const address = page.getUint32(0x218, true);
    expect(page.getUint32(0x21c, true)).toBe(5000);
    expect(address).toBe(32 * MIB - 0x2000);
    expect(memory.bytes[address + 4999]).toBe(7);
    const low = load(
      bzImage(header => header.setUint32(0x22c, 0x1400000 - 1, true)),
      { initrd: { name: 'initrd', data } },
    );
    expect(new DataView(low.memory.bytes.buffer, low.entry.registers.esi).getUint32(0x218, true)).toBe(
      0x1400000 - 0x2000,
    );
  });

  it('is loaded at 1 MiB when it cannot move or is older than protocol 2.10', () => {
    expect(load(bzImage(header => header.setUint8(0x234, 0))).entry.eip).toBe(0x100000);
    expect(load(bzImage(header => header.setUint16(0x206, 0x204, true))).entry.eip).toBe(0x100000);
  });

  it('is refused with numbers when something does not fit', () => {
    expect(refusal(bzImage(), { memoryMiB: 16 })).toBe(
      'kernel does not fit: it needs 2.0 MiB of memory at 0x1000000, the guest has 16 MiB. Write memory = 19 or more.',
    );
    expect(refusal(bzImage(), { initrd: { name: 'initrd.gz', data: new Uint8Array(20 * MIB) } })).toBe(
      "initrd.gz (20 MiB) does not fit: of the guest's 32 MiB of memory 14 MiB are free above the kernel. Write memory = 38 or more.",
    );
    expect(
      load(bzImage(), { memoryMiB: 38, initrd: { name: 'initrd.gz', data: new Uint8Array(20 * MIB) } }).entry.kind,
    ).toBe('linux');
    const lowOnly = bzImage(header => header.setUint32(0x22c, 0x1400000 - 1, true));
    expect(refusal(lowOnly, { memoryMiB: 64, initrd: { name: 'initrd.gz', data: new Uint8Array(3 * MIB) } })).toBe(
      'initrd.gz (3.0 MiB) does not fit: kernel takes an initrd below 0x1400000 only, which leaves 2.0 MiB. Use a smaller one.',
    );
    expect(refusal(bzImage(), { cmdline: 'x'.repeat(2048) })).toBe(
      'The command line for kernel is too long: 2048 bytes, and this kernel takes 2047. Shorten cmdline.',
    );
    expect(load(bzImage(), { cmdline: 'x'.repeat(2047) }).entry.kind).toBe('linux');
  });

  it('is refused when it is truncated, 64-bit without such a processor, a zImage or ancient', () => {
    const whole = bzImage();
    expect(refusal(whole.subarray(0, 40000))).toBe(
      'kernel is truncated: its header says 68096 bytes, the file has 40000. Copy or fetch it again.',
    );
    expect(refusal(bzImage(header => header.setUint16(0x236, 1, true)))).toContain('is a 64-bit Linux kernel');
    expect(
      load(
        bzImage(header => header.setUint16(0x236, 1, true)),
        { features: featuresOf('x86-64-v2') },
      ).entry.kind,
    ).toBe('linux');
    // xl's cpuid = "host,sse2=0": long mode goes with it (xen/tools/gen-cpuid.py).
    expect(
      refusal(
        bzImage(header => header.setUint16(0x236, 1, true)),
        { features: featuresOf('x86-64-v2,-sse2') },
      ),
    ).toBe(
      "kernel is a 64-bit Linux kernel, and the guest's processor has 32-bit modes only: it does not show sse2. Give it x86-64-v2 (--cpu x86-64-v2, or sse2=1,lm=1 in cpuid), or use a kernel built for i386 (686 or 686-pae).",
    );
    // Before protocol 2.12 it is said by code alone: of head_64.S (2.6.22 to 3.7), or by what setup.S prints (before).
    const old = (at: number, bytes: Iterable<number>): Uint8Array =>
      bzImage(header => {
        header.setUint16(0x206, 0x20b, true);
        [...bytes].forEach((byte, i) => header.setUint8(at + i, byte));
      });
    const head = old(5 * 512 + 0x123, []);
    head.set([0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0x0f, 0xba, 0xe8, 8, 0x0f, 0x30], 5 * 512 + 0x123);
    expect(refusal(head)).toContain('is a 64-bit Linux kernel');
    expect(
      refusal(old(0x480, new TextEncoder().encode('Your CPU does not support long mode. Use a 32bit distribution.'))),
    ).toContain('is a 64-bit Linux kernel');
    expect(load(old(0x480, [])).entry.kind).toBe('linux');
    expect(refusal(bzImage(header => header.setUint8(0x211, 0)))).toContain('zImage');
    expect(refusal(bzImage(header => header.setUint16(0x206, 0x200, true)))).toContain('boot protocol 2.00');
  });
});

describe('a multiboot kernel', () => {
  const code = new Uint8Array([...multibootWords(3), ...new Uint8Array(84).fill(0x90)]);
  const kernel = elf(0x100010, [{ physical: 0x100000, bytes: code, memoryBytes: 0x3000 }]);

  it('is entered with the magic in EAX and the information in EBX', () => {
    const initrd = { name: 'first.mod', data: new Uint8Array(100).fill(1) };
    const { memory, entry } = load(kernel, {
      cmdline: 'fast',
      initrd,
      modules: [{ name: 'second.mod', data: new Uint8Array(5000).fill(2) }],
    });
    expect(entry.kind).toBe('multiboot');
    expect(entry.eip).toBe(0x100010);
    expect(entry.registers.eax).toBe(0x2badb002);
    expect(memory.bytes[0x100000 + 0x2fff]).toBe(0);
    const info = new DataView(memory.bytes.buffer, entry.registers.ebx);
    expect(info.getUint32(0, true) & 0x24d).toBe(0x24d);
    expect(info.getUint32(4, true)).toBe(639);
    expect(info.getUint32(8, true)).toBe(31 * 1024);
    expect(memory.string(info.getUint32(16, true))).toBe('kernel fast');
    expect(info.getUint32(20, true)).toBe(2);
    const list = new DataView(memory.bytes.buffer, info.getUint32(24, true));
    expect([list.getUint32(0, true), list.getUint32(4, true)]).toEqual([0x103000, 0x103064]);
    expect([list.getUint32(16, true), list.getUint32(20, true)]).toEqual([0x104000, 0x104000 + 5000]);
    expect(memory.string(list.getUint32(8, true))).toBe('first.mod');
    expect(memory.bytes[0x104000 + 4999]).toBe(2);
    expect(memory.string(info.getUint32(64, true))).toBe('Ringside');
  });

  it('gets command lines whose first word is the file’s name, as from GRUB and QEMU: its own and those of modules', () => {
    const strings = (cmdline: string): string[] => {
      const modules = [
        { name: 'one.mod', data: new Uint8Array(1) },
        { name: 'two.mod', data: new Uint8Array(1), cmdline: 'a b' },
      ];
      const { memory, entry } = load(kernel, { name: 'test.elf', cmdline, modules });
      const info = new DataView(memory.bytes.buffer, entry.registers.ebx);
      const list = new DataView(memory.bytes.buffer, info.getUint32(24, true));
      return [info.getUint32(16, true), list.getUint32(8, true), list.getUint32(24, true)].map(at => memory.string(at));
    };
    expect(strings('vmexit ipi')).toEqual(['test.elf vmexit ipi', 'one.mod', 'two.mod a b']);
    expect(strings('')[0]).toBe('test.elf');
  });

  it('gets the picture that it wishes for, or is told of the text screen (3.1.4, 3.3)', () => {
    const video = (depth: number) =>
      elf(0x100010, [
        {
          physical: 0x100000,
          bytes: new Uint8Array([...multibootWords(7, 0, 0, 0, 0, 0, 0, 800, 600, depth), ...new Uint8Array(84)]),
        },
      ]);
    const frameBuffer = (kernel: Uint8Array, options: Partial<LoadOptions>) => {
      const { memory, entry } = load(kernel, options);
      const info = new DataView(memory.bytes.buffer, entry.registers.ebx);
      expect(info.getUint32(0, true) & (1 << 12)).not.toBe(0);
      const words = [88, 92, 96, 100, 104].map(at => info.getUint32(at, true));
      return [...words, ...[108, 109, 110, 111, 112, 113, 114, 115].map(at => info.getUint8(at))];
    };
    const setVideo = (width: number, height: number, depth: number) => ({
      address: 0xf0000000,
      pitch: width * 4,
      width,
      height,
      depth,
    });
    expect(frameBuffer(video(32), { setVideo })).toEqual([0xf0000000, 0, 3200, 800, 600, 32, 1, 16, 8, 8, 8, 0, 8]);
    expect(frameBuffer(video(16), { setVideo }).slice(5)).toEqual([16, 1, 11, 5, 5, 6, 0, 5]);
    const text = [0xb8000, 0, 160, 80, 25, 16, 2];
    expect(frameBuffer(video(32), {}).slice(0, 7)).toEqual(text);
    expect(frameBuffer(kernel, { setVideo }).slice(0, 7)).toEqual(text);
  });

  it('sees the memory map as entries that begin with their size', () => {
    const { memory, entry } = load(kernel);
    const info = new DataView(memory.bytes.buffer, entry.registers.ebx);
    const end = info.getUint32(48, true) + info.getUint32(44, true);
    const seen = [];
    for (let at = info.getUint32(48, true); at < end; at += memory.view.getUint32(at, true) + 4) {
      seen.push({
        base: Number(memory.view.getBigUint64(at + 4, true)),
        length: Number(memory.view.getBigUint64(at + 12, true)),
        type: memory.view.getUint32(at + 20, true),
      });
    }
    expect(seen).toEqual(e820(32));
  });

  it('is entered physically when it is linked for a high address', () => {
    const high = elf(0xc0100010, [{ physical: 0x100000, virtual: 0xc0100000, bytes: code }]);
    expect(load(high).entry.eip).toBe(0x100010);
  });

  it('is loaded by the addresses in its header when flag 16 is set', () => {
    const header = multibootWords(0x10003, 0x200010, 0x200000, 0x200040, 0x201000, 0x200030);
    const flat = new Uint8Array(0x10 + 0x40 + 100);
    flat.set(header, 0x10);
    flat.fill(0x55, 0x30, 0x40);
    const { memory, entry } = load(flat);
    expect(entry.eip).toBe(0x200030);
    expect(memory.bytes[0x200030]).toBe(0x55);
    expect(memory.bytes[0x200040]).toBe(0);
    expect(memory.bytes[0x200fff]).toBe(0);
    expect(refusal(flat.subarray(0, 0x38))).toContain('truncated');
  });

  it('is refused when its demands or places cannot be met', () => {
    const demands = elf(0x100010, [
      { physical: 0x100000, bytes: new Uint8Array([...multibootWords(0x8), ...new Uint8Array(84)]) },
    ]);
    expect(refusal(demands)).toContain('demands multiboot features');
    const far = elf(0x4000010, [{ physical: 0x4000000, bytes: code }]);
    expect(refusal(far)).toBe(
      'kernel does not fit: it wants 1 KiB at 0x4000000, which is not all memory in a guest of 32 MiB. Write memory = 66 or more.',
    );
    // What is advised is enough for all of them.
    const several = elf(
      0x100010,
      [0x100000, 0x2800000, 0x5000000].map(physical => ({ physical, bytes: code })),
    );
    expect(refusal(several)).toBe(
      'kernel does not fit: 2 of its 3 segments, the first with 1 KiB at 0x2800000, are not all memory in a guest of 32 MiB. Write memory = 82 or more.',
    );
    // More than any guest has.
    expect(refusal(elf(0x80000010, [{ physical: 0x80000000, bytes: code }]))).toContain('Link it for another address.');
    expect(refusal(elf(0x50, [{ physical: 0x100000, bytes: code }]))).toContain('outside what it loads');
    expect(refusal(kernel, { initrd: { name: 'big.mod', data: new Uint8Array(40 * MIB) } })).toBe(
      "big.mod (40 MiB) does not fit: of the guest's 32 MiB of memory 31 MiB are free above the kernel. Write memory = 42 or more.",
    );
    expect(refusal(kernel.subarray(0, 120))).toContain('truncated');
  });
});

describe('a PVH kernel', () => {
  const code = new Uint8Array(64).fill(0x90);
  const kernel = elf(0x100000, [
    { physical: 0x100000, bytes: code, memoryBytes: 0x2000 },
    { type: 4, physical: 0, bytes: pvhNote(0x100020) },
  ]);

  it('is entered at its note with hvm_start_info in EBX', () => {
    const data = new Uint8Array(6000).fill(3);
    const { memory, entry } = load(kernel, {
      cmdline: 'quiet',
      initrd: { name: 'initrd', data },
      acpiRsdp: 0xfc008000,
    });
    expect(entry.kind).toBe('pvh');
    expect(entry.eip).toBe(0x100020);
    const start = new DataView(memory.bytes.buffer, entry.registers.ebx);
    const quad = (at: number) => Number(start.getBigUint64(at, true));
    expect(start.getUint32(0, true)).toBe(0x336ec578);
    expect(start.getUint32(4, true)).toBe(1);
    expect(start.getUint32(12, true)).toBe(1);
    expect(Number(memory.view.getBigUint64(quad(16), true))).toBe(0x102000);
    expect(Number(memory.view.getBigUint64(quad(16) + 8, true))).toBe(6000);
    expect(memory.string(quad(24))).toBe('quiet');
    expect(quad(32)).toBe(0xfc008000);
    expect(start.getUint32(48, true)).toBe(4);
    expect(Number(memory.view.getBigUint64(quad(40) + 72, true))).toBe(MIB);
    expect(entry.registers.ebx).toBeGreaterThan(0x102000 + 6000);
  });

  it('hands modules their command lines, by which hvmloader knows the firmware', () => {
    const modules = [{ name: 'bios.bin', data: new Uint8Array(300), cmdline: 'firmware' }];
    const { memory, entry } = load(kernel, { modules });
    const start = new DataView(memory.bytes.buffer, entry.registers.ebx);
    const list = Number(start.getBigUint64(16, true));
    expect(Number(memory.view.getBigUint64(list + 8, true))).toBe(300);
    expect(memory.string(Number(memory.view.getBigUint64(list + 16, true)))).toBe('firmware');
  });

  it('without note and header is entered where its file says, but only as an HVM guest’s firmware', () => {
    const bare = elf(0x100010, [{ physical: 0x100000, bytes: new Uint8Array(64) }]);
    expect(load(bare, { prefer: 'note' }).entry.eip).toBe(0x100010);
    expect(kernelKind(bare)).toBeUndefined();
    expect(kernelKind(bare, 'pvh')).toBeUndefined();
  });

  it('with notes for PV guests alone is named as such, in an HVM guest, too', () => {
    // XEN_ELFNOTE_ENTRY in the place of XEN_ELFNOTE_PHYS32_ENTRY.
    const pv = elf(0xc0100000, [
      { physical: 0x100000, bytes: new Uint8Array(64) },
      { type: 4, physical: 0, bytes: words(4, 4, 1, 0x006e6558, 0xc0100000) },
    ]);
    for (const prefer of ['note', 'pvh', 'multiboot'] as const)
      expect(refusal(pv, { prefer })).toContain('is a kernel for Xen paravirtual (PV) guests only');
  });

  it('that is multiboot too is entered as the caller prefers', () => {
    const both = elf(0x100010, [
      { physical: 0x100000, bytes: new Uint8Array([...multibootWords(0), ...new Uint8Array(84)]) },
      { type: 4, physical: 0, bytes: pvhNote(0x100020) },
    ]);
    expect(kernelKind(both)).toBe('multiboot');
    expect(kernelKind(both, 'pvh')).toBe('pvh');
    expect(kernelKind(both, 'note')).toBe('pvh');
  });

  it('may be of 64 bits where the processor is: it starts in 32-bit code all the same', () => {
    const kernel = longElf(0x100000, [
      { virtual: -0x7ff0_0000, physical: 0x100000, bytes: new Uint8Array(64).fill(0x90) },
      { type: 4, physical: 0, bytes: pvhNote(0x100010) },
    ]);
    expect(refusal(kernel, { prefer: 'pvh' })).toContain(
      "is a 64-bit kernel, and the guest's processor has 32-bit modes",
    );
    expect(isLongKernel(kernel, 'kernel')).toBe(true);
    const { entry, memory } = load(kernel, { prefer: 'pvh', features: featuresOf('x86-64-v2') });
    expect([entry.kind, entry.eip, memory.bytes[0x100000]]).toEqual(['pvh', 0x100010, 0x90]);
  });

  it('is not started as PVH without the note', () => {
    const multiboot = elf(0x100010, [
      { physical: 0x100000, bytes: new Uint8Array([...multibootWords(0), ...new Uint8Array(84)]) },
    ]);
    expect(refusal(multiboot, { prefer: 'pvh' })).toContain('XEN_ELFNOTE_PHYS32_ENTRY');
    expect(kernelKind(multiboot, 'note')).toBe('multiboot');
  });
});

describe('what is no kernel', () => {
  const withMagic = (at: number, magic: string, size = 0x9000) => {
    const bytes = new Uint8Array(size).fill(0xfe);
    for (let i = 0; i < magic.length; i++) bytes[at + i] = magic.charCodeAt(i);
    return bytes;
  };

  it('is named by what it looks like', () => {
    expect(refusal(new Uint8Array(0))).toBe('kernel is empty. Copy or fetch it again.');
    expect(refusal(withMagic(0x8001, 'CD001'))).toContain('it looks like an ISO image');
    expect(refusal(withMagic(0x20000 - 16, '\xea', 0x20000))).toContain('it looks like a BIOS image');
    expect(refusal(withMagic(510, '\x55\xaa'))).toContain('it looks like a disk image with a boot sector');
    expect(refusal(withMagic(0, '\x1f\x8b'))).toContain('it is a gzip file that cannot be unpacked');
    expect(refusal(new Uint8Array(gzipSync(withMagic(0, '070701'))))).toContain('Name it in ramdisk');
    expect(refusal(withMagic(0, '070701'))).toContain('Name it in ramdisk');
    expect(refusal(new TextEncoder().encode('#!/bin/sh\necho\n'))).toContain('looks like a script');
    expect(refusal(new TextEncoder().encode(`<!DOCTYPE html>${' '.repeat(2000)}`))).toContain(
      'a web page: the download may have failed',
    );
  });

  it('is an ELF file of the wrong kind', () => {
    const code = [{ physical: 0x100000, bytes: new Uint8Array(64) }];
    expect(refusal(elf(0x100000, code, 62), { prefer: 'note' })).toContain('is a 64-bit kernel');
    expect(refusal(elf(0x100000, code, 40))).toContain('an ELF file for ARM, not for x86');
    expect(refusal(elf(0x100000, code))).toContain('without a multiboot header or a PVH note');
    const multiboot2 = new Uint8Array(64);
    new DataView(multiboot2.buffer).setUint32(12, 0xe85250d6, true); // file offset 96
    expect(refusal(elf(0x100000, [{ physical: 0x100000, bytes: multiboot2 }]))).toContain('multiboot 2 kernel');
  });
});
