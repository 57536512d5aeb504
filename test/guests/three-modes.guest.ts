/** One Linux in the modes that the page starts side by side, from the page's definitions: each comes to its shell and carries a line out, and its exits are its mode's. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FILES, guestsOf, linuxOf } from '../../src/ui/inspect/together/modes.ts';
import { Ringside } from '../support/command-line.ts';
import { haveGuests, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const guests = (): { files: { name: string; path: string }[] }[] =>
  JSON.parse(readFileSync(file('.cache/guests/catalogue.json'), 'utf8')).guests;
const pathOf = (name: string): string => {
  const { files } = linuxOf(guests())!;
  return file(`.cache/guests/${files.find(each => each.name === name)!.path}`);
};
const BOOT_SECONDS = 400;

it.skipIf(!haveGuests).each(guestsOf('linux', 'xen'))(
  `$name comes to its shell ${NEEDS_GUESTS}`,
  async ({ name, definition }) => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-modes-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, `${name}.cfg`),
      stats = join(folder, 'stats.json');
    writeFileSync(path, await definition!.data.text());
    for (const each of FILES) symlinkSync(pathOf(each), join(folder, each));
    const vm = new Ringside('boot', path, '--stats', stats);
    onTestFinished(() => vm.kill());
    await vm.expect(PROMPT, BOOT_SECONDS);
    vm.send('dmesg | grep -ci hypervisor; echo line-$((2 + 3))\n');
    await vm.expect('line-5', 60);
    expect(vm.output).not.toMatch(/Kernel panic|BUG:|Oops/);
    vm.send('poweroff -f\n');
    expect(await vm.end(60)).toBe(0);
    const { exitsByReason: exits } = JSON.parse(readFileSync(stats, 'utf8'));
    // Shadow page tables are kept by exits for the guest's page faults and its loads of CR3; nested paging needs neither.
    const kept = (exits.EXCEPTION_OR_NMI ?? 0) + (exits.CR_ACCESS ?? 0);
    if (name.endsWith('shadow')) expect(kept).toBeGreaterThan(10_000);
    else expect(kept).toBeLessThan(1000);
  },
);
