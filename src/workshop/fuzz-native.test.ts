import { expect, it } from 'vitest';
import { Drawer } from './fuzz/native/cases.ts';
import { findHost, type Host, NoHost, runNatively } from './fuzz/native/host.ts';
import { main } from './fuzz-native.ts';
import { patient } from '../../test/support/patience.ts';

const run = async (...argv: string[]) => {
  let text = '';
  const status = await main(
    argv,
    line => void (text += line),
    () => {},
  );
  return { status, lines: text.trim().split('\n') };
};

/** The host, or why its processor cannot be asked. */
function host(): Host | string {
  try {
    return findHost();
  } catch (error) {
    if (error instanceof NoHost) return error.message;
    throw error;
  }
}

it("random instructions end as on the host's processor; where that cannot be asked, it is said", {
  timeout: patient(240_000),
}, async () => {
  const { status, lines } = await run('--cases', '3000', '--seed', '7');
  const found = host();
  if (typeof found === 'string') {
    console.log(lines[0]);
    expect([status, lines]).toEqual([0, [`fuzz:native was skipped: ${found}.`]]);
    return;
  }
  expect(lines.filter(line => line.startsWith('DIFFERS'))).toEqual([]);
  expect([status, lines.at(-1)]).toEqual([0, '3000 passed, 0 failed']);
});

it('a system call ends its case and has no effect; the next case runs', async () => {
  const found = host();
  if (typeof found === 'string') return;
  const drawer = new Drawer(1, 32);
  // INT 80h with EAX 1 and 252: exit and exit_group, which would end the runner; then a NOP.
  const cases = [
    [0xcd, 0x80, 1],
    [0xcd, 0x80, 252],
    [0x90, 0x90, 0],
  ].map(([first, second, eax]) => {
    const setting = drawer.next();
    return {
      ...setting,
      code: Uint8Array.of(first!, second!),
      flags: 0x302,
      registers: [BigInt(eax!), ...setting.registers.slice(1)],
    };
  });
  const SIGSYS = 31,
    SIGTRAP = 5;
  expect(runNatively(found, cases).map(end => end?.signal)).toEqual([SIGSYS, SIGSYS, SIGTRAP]);
});

it('a wrong command line gives status 2', async () => {
  expect((await run('--cases', 'many')).status).toBe(2);
  expect((await run('--seed')).status).toBe(2);
});
