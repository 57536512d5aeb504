import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Ringside, WarmRingside } from '../../../test/support/command-line.ts';

const place = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const demo = [
  '--file',
  `${place('guests/demo/demo.cfg')}:/etc/xen/vm/demo`,
  '--file',
  `${place('guests/demo/demo.elf')}:/root/demo.elf`,
];

async function sh(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const host = new WarmRingside('sh', ...args);
  const status = await host.end(60);
  return { status, out: host.output, err: host.errors };
}

describe('ringside sh', () => {
  it('creates, lists, pauses and destroys a domain with the files that its definition names', async () => {
    const { out, err, status } = await sh(
      ...demo,
      '-c',
      'xl create /etc/xen/vm/demo; xl list | grep demo; xl pause demo; xl list demo | tail -1; xl destroy demo; xl list | wc -l',
    );
    expect(err).toBe('');
    const lines = out.trim().split('\n');
    expect(lines[0]).toBe('Parsing config from /etc/xen/vm/demo');
    expect(lines[1]).toMatch(/^demo +1 +16 +1 +[rb-]{2}----/);
    expect(lines[2]).toMatch(/^demo +1 +16 +1 +--p---/);
    expect(lines[3]).toBe('2');
    expect(status).toBe(0);
  });

  it('has guests of its own on a new host, and answers who and what it is', async () => {
    const { out, err, status } = await sh(
      '-c',
      'help | grep -c xl; for each in minipv-pv minipv-pvh minipv-hvm demo; do xl create /etc/xen/vm/$each; done; xl list | wc -l; whoami; hostname; uname -sm; free | grep -c Mem; ip link | grep -c vif',
    );
    expect([err, out.split('\n').filter(line => !line.startsWith('Parsing')), status]).toEqual([
      expect.stringMatching(/^ringside sh: The host ends, and with it minipv-pv, minipv-pvh, minipv-hvm, demo\. .*\n$/),
      [expect.stringMatching(/^[1-9]/), '6', 'root', 'ringside', 'Ringside i686', '1', '4', ''],
      0,
    ]);
  });

  it("refuses in xl's words, with the last command's status", async () => {
    const { err, status } = await sh(
      '-c',
      'xl create missing.cfg; xl nonsense; xl console web1 | cat; xl destroy web1',
    );
    expect(err.split('\n')).toEqual([
      'Failed to read config file: missing.cfg: No such file or directory',
      'command not implemented',
      'xl: console needs the terminal: give it a line of its own, without pipes.',
      'web1 is an invalid domain identifier (rc=-6)',
      '',
    ]);
    expect(status).toBe(1);
    expect(await sh('-c', 'echo "open')).toMatchObject({ status: 2, err: expect.stringContaining('unexpected EOF') });
    expect(await sh('--file', 'x')).toMatchObject({ status: 2, err: expect.stringContaining('write SOURCE:PATH') });
    expect(await sh('--pcpus', '99', '-c', 'true')).toMatchObject({
      status: 2,
      err: expect.stringContaining('whole number from 1 to 32'),
    });
  });

  it('keeps files and volumes with --state, and shows what xenstored has', async () => {
    const state = mkdtempSync(join(tmpdir(), 'ringside-sh-'));
    try {
      expect(await sh('--state', state, '-c', 'echo memory=8 > /etc/xen/vm/a; lvcreate -L 8 -n web vg0')).toMatchObject(
        { status: 0, err: '' },
      );
      const { out, err } = await sh(
        '--state',
        state,
        '-c',
        'cat /etc/xen/vm/a; lvs | grep web; xenstore-read /local/domain/0/name; echo x > /dev/null; xenstore-read /no',
      );
      expect(out).toMatch(/^memory=8\n {2}web +vg0 .*\nDomain-0\n$/);
      expect(err).toBe("xenstore-read: couldn't read path /no\n");
    } finally {
      rmSync(state, { recursive: true });
    }
  });

  it('has from its next boot on what its settings say, unless it is asked for something else', async () => {
    const state = mkdtempSync(join(tmpdir(), 'ringside-sh-'));
    try {
      const set = await sh(
        '--state',
        state,
        '--host',
        'pcpus=1,memory=256',
        '-c',
        'xl host-set pcpus=3 memory=200; xl host-set pcpus=99; xl host-set disk=1G; xl host-set vt=off',
      );
      expect(set.out.match(/^next boot.*$/gm)).toEqual([
        'next boot              : pcpus=3 memory=200',
        'next boot              : pcpus=3 memory=200 vt=off',
      ]);
      expect(set.err).toBe(
        "pcpus=99: write a whole number from 1 to 32.\ndisk= is for a host's first boot: its disk keeps its size. Name another place for a new one (--state DIR).\n",
      );
      const { out } = await sh(
        '--state',
        state,
        '--host',
        'memory=128',
        '-c',
        'xl info nr_cpus; xl info total_memory; xl info virt_caps; echo pcpus=lots > /etc/ringside/host',
      );
      expect(out).toBe('3\n128\npv gnttab-v1 gnttab-v2\n');
      expect((await sh('--state', state, '--pcpus', '2', '-c', 'xl info nr_cpus')).out).toBe(
        '/etc/ringside/host is passed by: pcpus=lots: write a whole number from 1 to 32.\r\n2\n',
      );
    } finally {
      rmSync(state, { recursive: true });
    }
  });

  it('keeps what it manages, and starts what is to start with it', async () => {
    const state = mkdtempSync(join(tmpdir(), 'ringside-sh-'));
    try {
      const line =
        'sed -i s,demo.elf,/root/demo.elf, /etc/xen/vm/demo; xm new /etc/xen/vm/demo; ln -s /etc/xen/vm/demo /etc/xen/auto/demo; xm list | grep "demo "; xl list | wc -l';
      const first = await sh('--state', state, ...demo, '-c', line);
      expect(first).toMatchObject({ status: 0, err: '' });
      expect(first.out).toMatch(/^Using config file .*\ndemo {46}16 {5}1 {17}0\.0\n2\n$/);
      const { out, err } = await sh(
        '--state',
        state,
        '-c',
        'xm list | grep "demo "; xm delete demo; xl destroy demo; xm delete demo; ls /etc/xen/vm /etc/xen/auto | grep -v "[-]"',
      );
      expect(out).toMatch(/^demo +1 +16 +1 +[rb-]{6} +\d+\.\d\n\/etc\/xen\/auto:\n\n\/etc\/xen\/vm:\ndemo64\npcos\n$/);
      expect(err).toBe('Error: Domain is not halted.\n');
      const third = await sh(
        '--state',
        state,
        '-c',
        'xl create /etc/xen/vm/minipv-pv > /dev/null; for i in $(seq 100); do grep -q minipv /var/log/xen/console/guest-minipv-pv.log 2> /dev/null && break; sleep 0.2; done',
      );
      expect(third.err).toContain('The host ends, and with it minipv-pv.');
      const logs = await sh(
        '--state',
        state,
        '-c',
        'tail -n 1 /var/log/xen/xend.log; head -c 12 /var/log/xen/console/guest-minipv-pv.log',
      );
      expect(logs.out).toMatch(/\(minipv-pv stopped\) failed: Its host ended while domain 1 ran\.\nminipv as PV/);
    } finally {
      rmSync(state, { recursive: true });
    }
  });

  it('boots an entry of grub.cfg, with its words for Xen, and refuses one that starts nothing', async () => {
    const facts = "xl info xen_scheduler; xl info virt_caps; xl dmesg | grep 'Command line'; dmesg | grep -c sda";
    expect(await sh('--boot', 'advanced>xen-rr', '-c', facts)).toMatchObject({
      status: 0,
      err: '',
      out: 'rr\npv hvm hap shadow gnttab-v1 gnttab-v2\n(XEN) Command line: sched=rr loglvl=all guest_loglvl=all\n3\n',
    });
    expect(
      (await sh('--boot', '1', '--host', 'memory=256,pcpus=1', '-c', 'xl info virt_caps; xl info total_memory')).out,
    ).toBe('pv gnttab-v1 gnttab-v2\n256\n');
    expect(
      (await sh('--host', 'vt=off', '--xen', 'dom0_mem=64M', '-c', 'xl info xen_caps; xl list | grep Domain-0')).out,
    ).toMatch(/^xen-3.0-x86_32p \nDomain-0 +0 +64 +1 /);
    expect(await sh('--boot', 'Windows', '-c', 'true')).toMatchObject({
      status: 1,
      err: expect.stringContaining('there is no entry Windows'),
    });
    expect(await sh('--host', 'vt=perhaps', '-c', 'true')).toMatchObject({
      status: 2,
      err: expect.stringContaining('write vt=on, or vt=off'),
    });
  });

  it('shows the menu as grub.cfg has it after reboot, with guests shut down before, and ends at poweroff', async () => {
    const host = new Ringside(
      'sh',
      '--menu',
      '--pcpus',
      '2',
      ...demo,
      '--file',
      `${place('guests/minipv/minipv-pv.cfg')}:/etc/xen/vm/minipv-pv`,
      '--file',
      `${place('guests/minipv/minipv.elf')}:/boot/minipv.elf`,
    );
    await host.expect('The highlighted entry will be executed automatically', 30);
    host.send('\x1b[B\r');
    await host.expect('(XEN) HVM: VMX is hidden by cpuid=no-vmx', 30);
    await host.expect('sda: sda1 sda2 sda3 sda4', 30);
    host.send('cp demo.elf /boot; cd /boot; xl create /etc/xen/vm/minipv-pv && xl create /etc/xen/vm/demo\r');
    await host.expect('is VT/AMD-V supported by your CPU', 30);
    host.send(
      "sed -i 's/timeout=1/timeout=-1/; s/with Xen 4.17.*standard computer./as a test wrote it/' /boot/grub/grub.cfg\r",
    );
    host.send('reboot\r');
    await host.expect('Shutting down minipv-pv ...', 30);
    await host.expect('minipv-pv is down.', 30);
    await host.expect('The host is down.', 30);
    await host.expect('as a test wrote it', 30);
    host.send('e\x1b[B\x1b[F dom0_mem=64M\x18');
    await host.expect('Dom0 has 16384 pages of its own (64 MiB)', 30);
    host.send('xl list | tail -1\r');
    await host.expect('Domain-0                                     0    64     1     r-----', 30);
    host.send('poweroff\r');
    await host.expect('The host is down.', 30);
    expect(await host.end(20)).toBe(0);
  });

  it("gives the terminal to a guest's console and takes it back at Ctrl-]", async () => {
    const guest = new Ringside('sh', '--pcpus', '2', ...demo);
    await guest.expect('# ', 30);
    guest.send('xl create /etc/xen/vm/demo\r');
    await guest.expect('Parsing config', 30);
    guest.send('xl console demo\r');
    await guest.expect('demo> ', 30);
    guest.send('echo over the console\r');
    await guest.expect('over the console\r\n', 30);
    guest.send('\x1d');
    await guest.expect('# ', 30);
    guest.send('xl list | wc -l\r');
    await guest.expect('3\r\n', 30);
    // A guest that powers off is gone, and its console with it.
    guest.send('xl console demo\r');
    await guest.expect('over the console\r\n', 30);
    guest.send('poweroff\r');
    await guest.expect('# ', 30);
    guest.send('xl list | wc -l\r');
    await guest.expect('2\r\n', 30);
    guest.send('exit 7\r');
    expect(await guest.end(20)).toBe(7);
  });
});
