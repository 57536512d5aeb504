/** A host full of small guests, from Domain 0's shell: started, listed, pinging each other through the bridge, idle, stopped. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { HostShell } from '../support/host-shell.ts';
import { file } from '../support/needs.ts';

const GUESTS = 24;
const DEFINITION =
  "name = 'mini$i'\\ntype = 'pvh'\\nmemory = 8\\nkernel = '/boot/minipv.elf'\\nextra = 'dhcp'\\nvif = [ '' ]\\n";
/** Seconds that a domain has run, as `xl list` says. */
const seconds = (list: string, name: string): number =>
  Number(new RegExp(`^${name} .*? ([\\d.]+)\\s*$`, 'm').exec(list)?.[1] ?? NaN);

describe(`a host of ${GUESTS} guests`, () => {
  it('starts them, lets them ping through the bridge, is idle when they are, and stops them', async () => {
    const host = new HostShell('--file', `${file('guests/minipv/minipv.elf')}:/boot/minipv.elf`);
    onTestFinished(() => host.kill());
    await host.expect('# ', 30);
    await host.run(
      `for i in $(seq ${GUESTS}); do printf "${DEFINITION}" > /tmp/$i.cfg; xl create /tmp/$i.cfg > /dev/null || echo failed $i; done`,
      60,
    );
    expect(host.output).not.toMatch(/failed \d/);
    await host.run(`until [ $(xl list | grep -c -- -b----) = ${GUESTS} ]; do sleep 0.5; done`, 60);
    // A guest far from the first asks the first, whose address is the first that DHCP gives.
    host.send('xl console mini24\r');
    await host.expect('minipv> ', 20);
    host.send('ping 10.0.2.15 3\r');
    await host.expect('ping: 3 of 3', 20);
    host.send('\x1d');
    await host.expect('# ', 20);
    const before = await host.run('xl list', 10);
    expect(before.match(/^mini\d+ /gm)).toHaveLength(GUESTS);
    const idleSeconds = 5;
    await host.run(`sleep ${idleSeconds}`, 30);
    const after = await host.run('xl list', 10);
    // Time that it worked, not time that passed: nothing to speak of, also on a machine with much else to do.
    expect(seconds(after, 'Domain-0') - seconds(before, 'Domain-0')).toBeLessThan(idleSeconds / 10);
    // As xentop has it, between two looks: CPU(%) is the fourth column.
    const looks = (await host.run(`xentop -b -i 2 -d ${idleSeconds}`, 60)).match(/^ *Domain-0 .*$/gm)!;
    expect(looks).toHaveLength(2);
    expect(Number(looks[1].trim().split(/\s+/)[3])).toBeLessThan(10);
    await host.run(`for i in $(seq ${GUESTS}); do xl shutdown mini$i > /dev/null; done`, 30);
    // Each shuts itself down, and is gone then, as its definition says.
    await host.run(`until ! xl list | grep -q mini; do sleep 0.5; done`, 60);
    expect((await host.run('xl list', 10)).match(/^mini\d+ /gm)).toBeNull();
    host.send('exit 3\r');
    expect(await host.end(20)).toBe(3);
  });
});

describe('minipv', () => {
  it('suspends itself to be saved, and has its network again where it is restored', async () => {
    const host = new Ringside('sh', '--file', `${file('guests/minipv/minipv.elf')}:/boot/minipv.elf`);
    onTestFinished(() => host.kill());
    await host.expect('# ', 30);
    host.send(
      `i=1; printf "${DEFINITION}" > /tmp/1.cfg; xl create /tmp/1.cfg; sleep 1; xl save mini1 /tmp/1.save; xl restore /tmp/1.save; echo sta''tus $?\r`,
    );
    await host.expect('status 0', 40);
    host.send('xl console mini1\r');
    // What the guest says after the resume: its card is connected again.
    await host.expect('eth0: ', 20);
    await host.expect('resumed', 20);
    host.send('dhcp\r');
    await host.expect('dhcp: 10.0.2.', 20);
    host.send('ping 10.0.2.2 3\r');
    await host.expect('ping: 3 of 3', 20);
  });
});
