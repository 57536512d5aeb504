import { describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { BOOTED, debian, haveGuests, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';

describe.skipIf(!haveGuests)(`Debian's Linux, unmodified ${NEEDS_GUESTS}`, () => {
  it('boots to a shell, runs what is typed and powers off', async () => {
    const vm = new Ringside('boot', debian('686').definition);
    onTestFinished(() => vm.kill());
    await vm.expect('Linux version 6.1', 60);
    await vm.expect(BOOTED, 200);
    await vm.expect(PROMPT, 30);
    vm.send('echo $((6 * 7)) is typed; uname -m\n');
    await vm.expect('42 is typed', 30);
    await vm.expect('i686', 30);
    vm.send('poweroff -f\n');
    expect(await vm.end(60)).toBe(0);
  });
});
