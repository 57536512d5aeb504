/** Hosts of a pool as people start them, each a process of its own: small guests on each ping each other, and one DHCP gives them their addresses. */
import { expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { HostShell } from '../support/host-shell.ts';
import { file } from '../support/needs.ts';

const DEFINITION =
  "name = 'mini'\\ntype = 'pvh'\\nmemory = 8\\nkernel = '/boot/minipv.elf'\\nextra = 'dhcp'\\nvif = [ '' ]\\n";

/** Types a line at the guest and waits for what it answers. */
async function ask(host: HostShell, line: string, answer: string): Promise<void> {
  host.send('xl console mini\r');
  await host.expect('minipv> ', 20);
  host.send(`${line}\r`);
  await host.expect(answer, 20);
  host.send('\x1d');
  await host.expect('# ', 20);
}

it('is one network for guests of its hosts', async () => {
  const hub = new Ringside('pool', '--listen', '127.0.0.1:0', '--no-page');
  onTestFinished(() => hub.kill());
  await hub.expect('(Ctrl-C ends it.)', 120);
  const [, address] = /sh --join (\S+)/.exec(hub.output)!;
  const join = async (name: string): Promise<HostShell> => {
    const minipv = `${file('guests/minipv/minipv.elf')}:/boot/minipv.elf`;
    const host = new HostShell('--join', address!, '--name', name, '--file', minipv);
    onTestFinished(() => host.kill());
    await host.expect('# ', 60);
    return host;
  };
  const alfa = await join('alfa');
  const bravo = await join('bravo');
  expect(await alfa.run('hostname; pool list', 10)).toMatch(/alfa\n(?:.*\n)*bravo /);
  for (const host of [alfa, bravo])
    await host.run(`printf "${DEFINITION}" > /tmp/mini.cfg; xl create /tmp/mini.cfg`, 60);
  // Each sees where the other's guest runs, and how busy the other is.
  await alfa.run('until pool guests | grep -q "^mini .* bravo "; do sleep 0.2; done', 20);
  await bravo.run('until pool list | grep -q "^alfa  *[0-9]"; do sleep 0.2; done', 20);
  await ask(alfa, 'dhcp', 'dhcp: 10.0.2.15');
  await ask(bravo, 'dhcp', 'dhcp: 10.0.2.16');
  await ask(bravo, 'ping 10.0.2.15 5 1400', 'ping: 5 of 5');
  await ask(alfa, 'ping 10.0.2.16 5', 'ping: 5 of 5');
  // Bravo's gateway is off the bridge: alfa's answers for it.
  await ask(bravo, 'ping 10.0.2.2 3', 'ping: 3 of 3');
  // Each Domain 0 is a station of its own: 10.0.2.1 is that of the first host.
  for (const to of ['10.0.2.15', '10.0.2.16', '10.0.2.1'])
    expect(await bravo.run(`ping -c 2 ${to}`, 20)).toContain('2 received');
  expect(await alfa.run('ping -c 2 10.0.2.4', 20)).toContain('2 received');
  expect(await bravo.run('brctl show', 10)).not.toContain('eth0');
  expect(await bravo.run('brctl showmacs xenbr0', 10)).toContain('00:16:3e');
  // A guest moves, and answers at its address there.
  expect(await alfa.run('xl migrate mini bravo 2>&1; true', 60)).toContain('There is a domain called mini');
  await alfa.run('xl rename mini moving', 10);
  expect(await alfa.run('xl migrate moving bravo 2>&1', 60)).toContain('Migration successful.');
  expect(await bravo.run('xl list', 10)).toMatch(/^moving /m);
  expect(await alfa.run('xl list', 10)).not.toMatch(/^moving /m);
  await alfa.run('until pool leases | grep -q "^moving .*bravo .* 2 "; do sleep 0.2; done', 20);
  expect(await alfa.run('ping -c 3 10.0.2.15', 20)).toMatch(/[123] received/);
  // Who loses the other is a network of its own again.
  await alfa.kill();
  await bravo.run('until brctl show | grep eth0; do sleep 0.2; done', 30);
  await ask(bravo, 'ping 10.0.2.2 3', 'ping: 3 of 3');
});
