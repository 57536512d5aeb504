/** `ping` from Domain 0, next to what iputils' ping prints on Debian 12. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testFile, testHost, until } from '../service/host.test-support.ts';
import { pingProgram } from './ping.ts';

const MINIPV = readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url));

function login(host = testHost()) {
  const program = pingProgram(host);
  const around = {
    stdin: '',
    directory: '/',
    signal: new AbortController().signal,
    readFile: () => Promise.reject(new Error()),
    writeFile: () => Promise.reject(new Error()),
  };
  return { host, ping: (line: string) => program.run(line.split(' ').filter(Boolean), around) };
}

describe('ping', () => {
  it("reaches a guest's own driver over the bridge, and counts what came back", async () => {
    const { host, ping } = login();
    const cfg =
      'name = "a"\ntype = "pv"\nmemory = 8\nkernel = "minipv.elf"\nvif = [ "mac=00:16:3e:00:00:07" ]\nextra = "dhcp"\n';
    await host.create([testFile('a.cfg', cfg), testFile('minipv.elf', MINIPV)]);
    const { network } = host.toolstack.services;
    await until(() => network.addressOf('00:16:3e:00:00:07')?.address === '10.0.2.15');
    // It answers to its address once it has read its lease.
    while ((await ping('-c1 -W1 10.0.2.15')).status !== 0);
    const { stdout, status } = await ping('-c2 -i .05 10.0.2.15');
    expect(status).toBe(0);
    const ms = '\\d+(?:\\.\\d{1,3})?';
    expect(stdout).toMatch(
      new RegExp(
        `^PING 10\\.0\\.2\\.15 \\(10\\.0\\.2\\.15\\) 56\\(84\\) bytes of data\\.\n(?:64 bytes from 10\\.0\\.2\\.15: icmp_seq=\\d ttl=64 time=${ms} ms\n){2}\n--- 10\\.0\\.2\\.15 ping statistics ---\n2 packets transmitted, 2 received, 0% packet loss, time \\d+ms\nrtt min/avg/max/mdev = ${ms}/${ms}/${ms}/${ms} ms\n$`,
      ),
    );
    // Domain 0's interface is the bridge's own, and none of those that it joins.
    const { bridge } = network;
    expect(bridge.list().map(({ name }) => name)).toEqual(['eth0', 'vif1.0']);
    expect(bridge.stations().find(({ isLocal }) => isLocal)?.mac).toBe('02:1b:21:00:00:01');
  });

  it('tells what the gateway and its own system say of what cannot be reached', async () => {
    const { ping } = login();
    expect(await ping('-c 1 -q gateway.ringside')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /^PING gateway\.ringside \(10\.0\.2\.2\) 56\(84\) bytes of data\.\n\n--- gateway\.ringside ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss/,
      ),
    });
    expect(await ping('-c 1 8.8.8.8')).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(
        /From 10\.0\.2\.2 icmp_seq=1 Destination Net Unreachable\n\n.*\n1 packets transmitted, 0 received, \+1 errors, 100% packet loss/,
      ),
    });
  });

  it.each([
    ['', 1, 'ping: usage error: Destination address required\n'],
    ['-c1 nosuch.invalid', 2, 'ping: nosuch.invalid: Name or service not known\n'],
    ['-c x 10.0.2.2', 1, "ping: invalid argument: 'x'\n"],
    ['-c 0 10.0.2.2', 1, expect.stringMatching(/^ping: invalid argument: '0': out of range: 1 <= value/)],
    ['-Z', 2, expect.stringMatching(/^ping: invalid option -- 'Z'\n\nUsage\n/)],
    ['10.0.2.2', 2, expect.stringMatching(/in a script it ends after -c packets/)],
  ])('refuses as iputils does: ping %s', async (line, status, stderr) => {
    expect(await login().ping(line)).toEqual({ stdout: '', stderr, status });
  });
});
