/** Keys that come before a guest of our own has set up its interrupts: no later one is lost for them. In virtual time. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assemble } from '../src/cpu/assembler/index.ts';
import { loadLevel } from '../src/cpu/index.ts';
import { loadDrives } from '../src/devices/ide/index.ts';
import { MemoryDisk } from '../src/formats/blocks/index.ts';
import type { Domain } from '../src/hypervisor/domain/index.ts';
import { assembleDomain, type PartlessOptions } from '../src/hypervisor/interfaces/assemble.ts';
import { createDomain } from '../src/hypervisor/memory/domain-table.ts';
import { Machine } from '../src/hypervisor/memory/machine.ts';
import { behind } from '../src/lessons/small-guests.ts';
import { file } from './support/needs.ts';

const bytesOf = (name: string): Uint8Array => readFileSync(file(`guests/${name}`));
type Change = Partial<PartlessOptions>;
const kernel = (bytes: Uint8Array, change: Change = {}): Change => ({
  boot: { kind: 'kernel', kernel: bytes, name: 'kernel', cmdline: '' },
  ...change,
});
const small = (name: string): Change => {
  const sources = [name, ...behind(name)].map(part => readFileSync(file(`guests/small/${part}`), 'utf8'));
  return kernel(assemble(sources.join('\n')).bytes);
};
const PCOS: Change = {
  boot: { kind: 'firmware', image: bytesOf('bios/bios.bin'), name: 'bios.bin' },
  ide: [{ place: 0, kind: 'disk', disk: new MemoryDisk(bytesOf('pcos/pcos.img')) }],
};

/** A guest on 16 MiB: what it has printed, and a run until that ends in given words. */
class Running {
  text = '';
  readonly domain: Domain;

  constructor(change: Change) {
    const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
    this.domain = assembleDomain({
      machine,
      record: createDomain(machine, 16, change.boot?.kind === 'firmware' ? 0x100000 : 0),
      memoryMiB: 16,
      startEpochMs: 0,
      onReset: 'end',
      onTripleFault: 'end',
      serial: byte => (this.text += String.fromCharCode(byte)),
      boot: { kind: 'kernel', kernel: new Uint8Array(0), name: '', cmdline: '' },
      ...change,
    });
  }

  /** `between`: what is done before each slice. */
  until(words: string, between: () => void = () => {}): void {
    for (let slices = 0; slices < 3000 && !this.text.endsWith(words); slices++) {
      between();
      this.domain.runSlice();
    }
    expect(this.text.slice(-words.length)).toBe(words);
  }

  /** The first instructions in short slices, so that what was typed comes as soon as the guest listens. */
  begin(): void {
    for (let slices = 0; slices < 100 && this.domain.serialFeed.waiting > 0; slices++) {
      this.domain.stopAtInstruction = this.domain.instructions + 500;
      this.domain.runSlice();
    }
    this.domain.stopAtInstruction = Infinity;
  }

  type(text: string): void {
    this.domain.serialInput(new TextEncoder().encode(text));
  }
}

describe.each([
  ['demo', () => kernel(bytesOf('demo/demo.elf')), 'demo> ', 'echo HELLO\n', 'HELLO\r\ndemo> '],
  [
    'demo64',
    () => kernel(bytesOf('demo/demo64.elf'), { cpuLevel: 'x86-64-v2' }),
    'demo> ',
    'echo HELLO\n',
    'HELLO\r\ndemo> ',
  ],
  ['pcos', () => PCOS, 'pcos> ', 'echo HELLO\n', 'pcos> '],
  ['toy, as all small guests', () => small('toy.asm'), '> ', 'take\r', '> '],
] as const)('%s', (_name, change, prompt, typed, answer) => {
  it('reads its line on, after a byte that came before it listened', async () => {
    await Promise.all([loadLevel('x86-64-v2'), loadDrives()]);
    const guest = new Running(change());
    guest.type('\n');
    guest.begin();
    guest.until(prompt);
    guest.type(typed);
    guest.until(answer);
  });
});
