/**
 * Debian's gdb, as anybody has it, at guests here: `ringside boot --gdb` and `xl gdb`. In virtual time, so that each instruction is where it was.
 * gdb's words are its own; what they say of a guest follows from the guest's file.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../src/cpu/assembler/index.ts';
import { behind } from '../src/lessons/small-guests.ts';
import { Program, Ringside, WarmRingside } from './support/command-line.ts';
import { file, program, strict } from './support/needs.ts';

const gdb = program('gdb');
const folder = mkdtempSync(join(tmpdir(), 'gdb-'));
afterAll(() => rmSync(folder, { recursive: true }));
const DEMO = file('guests/demo/demo.elf'),
  DEMO64 = file('guests/demo/demo64.elf');
/** Beside other work. */
const SECONDS = 40;

/** Waits for gdb's address among what a host prints. */
async function portOf(host: Program, stream: 'output' | 'errors'): Promise<string> {
  for (let i = 0; i < 600; i++) {
    const port = /target remote (127\.0\.0\.1:\d+)/.exec(host[stream])?.[1];
    if (port) return port;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  throw new Error(`no address for gdb:\n${host.output}\n${host.errors}`);
}

/** What gdb prints for its commands, each behind `== command`. */
async function gdbAt(port: string, symbols: string | undefined, commands: readonly string[]): Promise<string[]> {
  const all = [
    'set pagination off',
    'set confirm off',
    'set remotetimeout 60',
    'set architecture auto',
    ...(symbols ? [`file ${symbols}`] : []),
    `target remote ${port}`,
    ...[...commands, 'detach'].flatMap(each => ['echo \\n==\\n', each]),
  ];
  // It goes on after a command that fails, and what fails is among what it prints.
  const words = ['-nx', '-q', '-batch', ...all.flatMap(each => ['-ex', each])];
  const debug = new Program(spawn('sh', ['-c', 'exec "$0" "$@" 2>&1', gdb!, ...words], { stdio: 'pipe' }));
  await debug.end(SECONDS);
  const answers = debug.output.split('\n==\n').slice(1, -1);
  expect(answers, `${debug.output}\n${debug.errors}`).toHaveLength(commands.length);
  return answers.map(each => each.trim());
}

/** A guest that waits for gdb, what gdb prints, and the guest once gdb has left. */
async function debugged<T>(argv: readonly string[], then: (port: string, host: Program) => Promise<T>): Promise<T> {
  const host = new WarmRingside('boot', ...argv, '--gdb', '0', '--timeout', '120');
  try {
    return await then(await portOf(host, 'errors'), host);
  } finally {
    await host.kill();
  }
}

const script = (...lines: string[]): string => {
  const path = join(folder, `keys-${Math.random()}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

it.runIf(strict)('is there', () => {
  expect(gdb).toBeDefined();
});

describe.runIf(gdb)("Debian's gdb", () => {
  it('stops at a symbol, reads and changes registers and memory, and steps', async () => {
    await debugged(['--kernel', DEMO, '--virtual-time'], async (port, host) => {
      const [break_, go, pc, step, code, put, got, cr0, flags, threads, wrong] = await gdbAt(port, DEMO, [
        'break kernel_main',
        'continue',
        'info registers eip esp',
        'stepi',
        'x/2i $pc',
        'set var *(int*)0x200000 = 0x12345678',
        'x/2xb 0x200000',
        'print $cr0',
        'info registers eflags cs',
        'info threads',
        'print *(int*)0xf0000000',
      ]);
      expect(break_).toContain('Breakpoint 1 at 0x103920');
      expect(go).toContain('Breakpoint 1, 0x00103920 in kernel_main ()');
      expect(pc).toMatch(/^eip +0x103920 +0x103920 <kernel_main>\nesp +0x[\da-f]+ +0x[\da-f]+/);
      expect(step).toContain('0x00103921 in kernel_main ()');
      expect(code).toMatch(/^=> 0x103921 <kernel_main\+1>:/);
      expect([put, got]).toEqual(['', expect.stringMatching(/:\t0x78\t0x56$/)]);
      expect(cr0).toMatch(/^\$1 = \[.* PE \]$/);
      expect(flags).toMatch(/eflags +0x[\da-f]+ +\[ .*\]\ncs +0x8 +8/);
      expect(threads).toMatch(/\* 1 +Thread 1 \(vCPU 0 of demo \[its turn\]\)/);
      expect(wrong).toBe('Cannot access memory at address 0xf0000000');
      // gdb has left, and the guest goes on.
      await host.expect('Begin with mem, fault or spin.', 20);
    });
  });

  it('steps over a page fault into its handler, with CR2 and the way of the address', async () => {
    const keys = ['--script', script('expect demo>', 'send fault write\\r')];
    await debugged(['--kernel', DEMO, '--virtual-time', ...keys], async port => {
      const [, go, step, cr2, walk, exits, ranges, pages, dump, map] = await gdbAt(port, DEMO, [
        // movl $0, (text_start) of command_fault: the program's own pages are read-only.
        'hbreak *0x10300d',
        'continue',
        'stepi',
        'print/x $cr2',
        'monitor walk 100000',
        'monitor exits',
        // As labs of JOS and xv6 ask QEMU's monitor.
        'monitor info mem',
        'monitor info pg',
        'monitor xp/2xw 0x111000',
        'monitor info tlb',
      ]);
      expect(go).toContain('0x0010300d in command_fault ()');
      expect(step).toMatch(/^0x0010[\da-f]{4} in (interrupt|.*)/);
      expect(step).not.toContain('command_fault');
      expect(cr2).toBe('$1 = 0x100000');
      expect(walk).toMatch(/^PDE +at 0x00111000: [\da-f]{8}\n/);
      expect(walk).toMatch(/0x00100000 is guest-physical 0x00100000, machine address 0x[\da-f]+\./);
      expect(exits).toMatch(/^Exits of vCPU 0:\n +\d+ {2}IO/);
      expect(ranges).toMatch(/^[\da-f]{16}-[\da-f]{16} [\da-f]{16} [-u]r[-w]\n/);
      expect(pages).toMatch(/^VPN range +Entry +Flags +Physical page\n\[00000-003ff\] +PDE\[000\]/);
      expect(dump).toMatch(/^0000000000111000: 0x[\da-f]{8} 0x[\da-f]{8}$/);
      // More than a packet holds.
      expect(map!.split('\n').length).toBeGreaterThan(200);
    });
  });

  it('stops behind a write, and goes back to the last one, and to the beginning', async () => {
    await debugged(['--kernel', DEMO, '--virtual-time'], async port => {
      const answers = await gdbAt(port, DEMO, [
        'watch *(int*)&ticks',
        'continue',
        'continue',
        'print *(int*)&ticks',
        'reverse-continue',
        'print *(int*)&ticks',
        'x/i $pc',
        'delete',
        'reverse-stepi',
        'stepi',
        'x/i $pc',
        'reverse-continue',
        'print $pc',
        'continue',
        'print *(int*)&ticks',
      ]);
      expect(answers[1]).toMatch(/Hardware watchpoint 1.*\n\nOld value = 0\nNew value = 1\n0x001008c1/);
      expect(answers[2]).toMatch(/Old value = 1\nNew value = 2\n0x001008c1/);
      expect(answers[3]).toBe('$1 = 2');
      // Before the instruction that wrote it: its value is the one of before.
      expect(answers[4]).toMatch(/Old value = 2\nNew value = 1\n0x001008bc/);
      expect(answers[5]).toBe('$2 = 1');
      expect(answers[6]).toMatch(/^=> 0x1008bc <[\w+]+>:\tmov +%eax,0x10d060/);
      expect(answers[10]).toBe(answers[6]);
      expect(answers[11]).toContain('No more reverse-execution history.');
      expect(answers[12]).toMatch(/= \(void \(\*\)\(\)\) 0x10001\d <start>|0x10001\d/);
      // On to the present, where it was before.
      expect(answers[13]).toContain('No more reverse-execution history.');
      expect(answers[14]).toBe('$4 = 2');
    });
  });

  it('has the registers of 64-bit code', async () => {
    await debugged(['--kernel', DEMO64, '--virtual-time'], async port => {
      const [, go, registers, efer, cr3, base] = await gdbAt(port, DEMO64, [
        'hbreak kernel_main',
        'continue',
        'info registers rip r15',
        'print $efer',
        'print/x $cr3',
        'print $gs_base',
      ]);
      expect(go).toContain('in kernel_main ()');
      expect(registers).toMatch(/^rip +0x[\da-f]+ +0x[\da-f]+ <kernel_main.*>\nr15 +0x/);
      expect(efer).toMatch(/^\$1 = \[.*LMA LME.*\]$/);
      expect(cr3).toMatch(/^\$2 = 0x[\da-f]+000$/);
      expect(base).toBe('$3 = 0');
    });
  });

  it('has vCPUs as threads, each with its registers, and steps the one that is chosen', async () => {
    const kernel = join(folder, 'spinner.bin'),
      source = behind('spinner.asm').map(name => readFileSync(file(`guests/small/${name}`), 'utf8'));
    const { bytes, origin } = assemble([readFileSync(file('guests/small/spinner.asm'), 'utf8'), ...source].join('\n'));
    writeFileSync(kernel, bytes);
    // XCHG EAX, [lock_word] of take, by its encoding: whoever wants the lock comes by.
    const at = bytes.findIndex((_, i) => bytes[i] === 0x87 && bytes[i + 1] === 0x05) + origin;
    const keys = ['--script', script('expect >', 'send spin 500 10\\r')];
    const argv = ['--type', 'hvm', '--kernel', kernel, '--vcpus', '4', '--virtual-time', ...keys];
    await debugged(argv, async port => {
      const answers = await gdbAt(port, undefined, [
        `hbreak *${at}`,
        'continue',
        'info threads',
        ...Array.from({ length: 12 }, () => 'continue'),
        'delete',
        'thread 3',
        'print $pc',
        'stepi',
        'print $_thread',
        'info threads',
        'monitor past',
        'reverse-stepi',
        'print $_thread',
      ]);
      expect(answers[2]!.match(/vCPU \d of/g)).toHaveLength(4);
      const stopped = new Set(answers.slice(3, 15).flatMap(each => /Thread (\d)/.exec(each)?.[1] ?? []));
      expect(stopped.size).toBeGreaterThan(1);
      const [chosen, , stepped, thread, , past, back, still] = answers.slice(16);
      expect(chosen).toContain('Switching to thread 3');
      // One instruction of this one, whatever the others did meanwhile.
      const eip = Number(/0x[\da-f]+$/.exec(answers[17]!)![0]);
      expect(Number(/^0x[\da-f]+/.exec(stepped!)![0])).not.toBe(eip);
      expect([thread, still]).toEqual(['$2 = 3', '$3 = 3']);
      expect(past).toMatch(/^The past is kept of plain PCs: /);
      expect(back).toBe('Target remote does not support this command.');
    });
  });

  it('finds a guest of ringside sh by xl gdb, by the clock on the wall, which runs on before and behind', async () => {
    const host = new Ringside('sh', '--file', `${DEMO}:/root/demo.elf`);
    try {
      await host.expect('#', 20);
      host.send('xl create /etc/xen/vm/demo; xl gdb demo\n');
      const port = await portOf(host, 'output');
      const [halted, back, write] = await gdbAt(port, DEMO, [
        'info threads',
        'reverse-stepi',
        'watch *(int*)&ticks',
        'continue',
      ]);
      expect(halted).toContain('vCPU 0 of demo');
      expect(back).toBe('Target remote does not support this command.');
      expect(write).toContain('Hardware watchpoint 1');
      host.send('xl list demo | tail -1; xl gdb -d demo; xl break demo; expr 40 + 2\n');
      await host.expect('\n42', 20);
      expect(host.output).toMatch(/demo +1 +16 +1 +[rb-]{2}----/);
    } finally {
      await host.kill();
    }
  });
});
