import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { BOOTED, debian, haveGuests, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-guests-'));
afterAll(() => rmSync(folder, { recursive: true }));

function start(...argv: string[]): Ringside {
  const vm = new Ringside('boot', ...argv);
  onTestFinished(() => vm.kill());
  return vm;
}

/** On a plain PC: a kernel without a definition and without a type. */
function plain(flavour: '686' | '686-pae', ...more: string[]): Ringside {
  const { kernel, initrd } = debian(flavour);
  return start(
    '--kernel',
    kernel,
    '--initrd',
    initrd,
    '--memory',
    '128',
    '--cmdline',
    'console=ttyS0,115200 cryptomgr.notests',
    ...more,
  );
}

describe.skipIf(!haveGuests)(`Debian's Linux in node ${NEEDS_GUESTS}`, () => {
  it('boots with PAE, sees the processor and its devices, and powers off', async () => {
    const vm = plain('686-pae');
    await vm.expect(BOOTED, 400);
    await vm.expect(PROMPT, 60);
    vm.send('grep -c pae /proc/cpuinfo && echo with-$((1 + 1))-words\n');
    await vm.expect('with-2-words', 60);
    vm.send('cat /proc/interrupts; dmesg | grep -i -c "kernel bug"; echo all-$((2 + 3))\n');
    await vm.expect('timer', 60);
    await vm.expect('all-5', 60);
    expect(vm.output).not.toMatch(/Kernel panic|BUG:|Oops|unstable/);
    vm.send('poweroff -f\n');
    expect(await vm.end(60)).toBe(0);
  });

  it.each(['686', '686-pae'] as const)(
    'runs on two processors with kernel %s, each with its timer, and sends messages between them',
    async flavour => {
      const vm = plain(flavour, '--vcpus', '2');
      await vm.expect(BOOTED, 400);
      await vm.expect(PROMPT, 60);
      vm.send(
        'for i in 1 2; do (dd if=/dev/zero bs=64k count=64 2>/dev/null | md5sum) & done; wait; grep -c ^processor /proc/cpuinfo; echo two-$((1 + 1))\n',
      );
      await vm.expect('two-2', 120);
      expect(vm.output).toMatch(/^2\r?$/m);
      vm.send(
        'cat /proc/interrupts /sys/devices/system/clocksource/clocksource0/current_clocksource; echo all-$((2 + 3))\n',
      );
      await vm.expect('all-5', 60);
      const counts = (line: string): number[] =>
        (new RegExp(`${line}: +(\\d+) +(\\d+)`).exec(vm.output) ?? ['0', '0', '0']).slice(1).map(Number);
      for (const count of counts('LOC')) expect(count, 'local timer').toBeGreaterThan(0);
      // Which kind of message, and to whom, is Linux's choice: a processor that idles by MWAIT is woken by a store.
      const messages = ['RES', 'CAL', 'TLB'].flatMap(counts);
      expect(
        messages.reduce((sum, count) => sum + count, 0),
        'messages between processors',
      ).toBeGreaterThan(0);
      expect(vm.output).toMatch(/^tsc\r?$/m);
      expect(vm.output).not.toMatch(/Kernel panic|BUG:|Oops|unstable|soft lockup|stall/);
      vm.send('poweroff -f\n');
      expect(await vm.end(60)).toBe(0);
    },
  );

  it('retires the same instructions and prints the same bytes twice in virtual time', async () => {
    const boot = async (stats: string): Promise<{ output: string; stats: Record<string, unknown> }> => {
      const { kernel, initrd } = debian('686');
      const vm = start(
        '--kernel',
        kernel,
        '--initrd',
        initrd,
        '--cmdline',
        'console=ttyS0',
        '--virtual-time',
        '--seed',
        '1',
        '--until',
        BOOTED,
        '--stats',
        stats,
      );
      expect(await vm.end(600)).toBe(0);
      return { output: vm.output, stats: JSON.parse(readFileSync(stats, 'utf8')) };
    };
    const one = await boot(join(folder, 'one.json'));
    const two = await boot(join(folder, 'two.json'));
    expect(two.output).toBe(one.output);
    const count = ({ stats }: { stats: Record<string, unknown> }): unknown => stats.instructions ?? stats.retired;
    expect(count(one)).toBeGreaterThan(100_000_000);
    expect(count(two)).toBe(count(one));
  });

  it('goes on in a new process from a state saved in the middle of its boot', async () => {
    const state = join(folder, 'state');
    const first = start(debian('686').definition, '--save', state, '--save-at', '600000000');
    expect(await first.end(400)).toBe(0);
    expect(first.output).not.toContain(BOOTED);
    const second = start('--restore', state);
    await second.expect(BOOTED, 400);
    await second.expect(PROMPT, 60);
    second.send('echo went-on-$((40 + 2))\n');
    await second.expect('went-on-42', 60);
    second.send('poweroff -f\n');
    expect(await second.end(60)).toBe(0);
  });
});
