/** Debian's qemu-guest-agent in a Debian guest of KVM, asked by Debian's virsh through the daemon: each verb of libvirt 9.0 that is a command of the agent's. */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type CpioEntry, FILE, PROGRAM, writeCpio } from '../../src/formats/file-systems/cpio.ts';
import { Ringside } from '../support/command-line.ts';
import { file, program } from '../support/needs.ts';

const VIRSH = program('virsh');
const GUEST = file('.cache/guests/debian-686-pae');
const AGENT = file('.cache/agent/initrd');
const CHANNEL = 'org.qemu.guest_agent.0';
const MAC = '52:54:00:aa:bb:cc';
const PATIENCE_S = 400;
const SILENT = 'Guest agent is not responding: Guest agent not available for now';

/** What of a system the agent needs that this one has not: names of ports (udev), and the programs that it starts to shut down and to set a password. */
const PROFILE = `mkdir -p /dev/virtio-ports /run
for port in /sys/class/virtio-ports/*; do read name < $port/name; ln -s ../\${port##*/} /dev/virtio-ports/$name; done
cd /
while :; do qemu-ga -t /run -p /dev/virtio-ports/${CHANNEL}; sleep 1; done
`;
const SHUTDOWN = '#!/bin/sh\nexport PATH=/bin\ncase $2 in -r) reboot -f;; *) poweroff -f;; esac\n';
const CHPASSWD =
  '#!/bin/sh\nread -r line; case $line in root:secret) exit 0;; *) echo "$line is refused" >&2; exit 1;; esac\n';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Archives one behind the other, as the kernel unpacks them. */
const joined = (archives: readonly Uint8Array[]): Buffer =>
  Buffer.concat(archives.flatMap(archive => [Buffer.from(archive), Buffer.alloc(-archive.length & 3)]));

function writeGuest(folder: string): string {
  const own: CpioEntry[] = [
    { path: 'etc/profile', mode: FILE, data: bytesOf(PROFILE) },
    { path: 'sbin/shutdown', mode: PROGRAM, data: bytesOf(SHUTDOWN) },
    { path: 'bin/chpasswd', mode: PROGRAM, data: bytesOf(CHPASSWD) },
  ];
  copyFileSync(join(GUEST, 'vmlinuz'), join(folder, 'vmlinuz'));
  copyFileSync(join(GUEST, 'ide.qcow2'), join(folder, 'disk.qcow2'));
  const initrd = [readFileSync(join(GUEST, 'initrd-modules')), readFileSync(AGENT), writeCpio(own)];
  writeFileSync(join(folder, 'initrd'), joined(initrd));
  const modules = 'virtio_pci,virtio_console,virtio_blk,virtio_net,crc32c_generic,ext4';
  const path = join(folder, 'guest.xml');
  writeFileSync(
    path,
    `<domain type='kvm'>
  <name>guest</name>
  <memory unit='MiB'>192</memory>
  <vcpu>2</vcpu>
  <os>
    <type machine='pc'>hvm</type>
    <kernel>${folder}/vmlinuz</kernel>
    <initrd>${folder}/initrd</initrd>
    <cmdline>console=ttyS0,115200 cryptomgr.notests mods=${modules} mount=vda:data dhcp=1</cmdline>
  </os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='${folder}/disk.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='bridge'><mac address='${MAC}'/><source bridge='xenbr0'/><model type='virtio'/></interface>
    <channel type='unix'><target type='virtio' name='${CHANNEL}'/></channel>
    <console type='pty'/>
  </devices>
</domain>
`,
  );
  return path;
}

it.skipIf(!VIRSH || !existsSync(GUEST) || !existsSync(AGENT))(
  'is Debian’s own agent, which answers all that libvirt asks of it [needs npm run guests -- --agent]',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-agent-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const xml = writeGuest(folder);
    const state = join(folder, 's');
    const daemon = new Ringside('libvirtd', '--hypervisor', 'kvm', '--state', state, '--allow', folder);
    onTestFinished(() => daemon.kill());
    await daemon.expect('manages this host', 120);
    const once = (...words: string[]): Promise<string> =>
      new Promise(resolve => {
        const uri = `qemu:///system?socket=${join(state, 'libvirt-sock')}`;
        const env = { ...process.env, LC_ALL: 'C.UTF-8' };
        execFile(VIRSH!, ['-c', uri, ...words], { env }, (error, stdout, stderr) =>
          resolve(error ? `${error.code}: ${stderr}` : stdout),
        );
      });
    /** libvirt waits five seconds for an agent, and a guest on a busy machine may take longer. */
    const virsh = async (...words: string[]): Promise<string> => {
      let said = await once(...words);
      for (let left = 10; said.includes(SILENT) && left > 0; left--) said = await once(...words);
      return said;
    };
    const ask = (execute: string, given?: unknown): Promise<string> =>
      virsh('qemu-agent-command', 'guest', JSON.stringify({ execute, ...(given ? { arguments: given } : {}) }));
    const until = async (is: () => Promise<boolean>): Promise<void> => {
      for (let i = 0; i < PATIENCE_S; i++) {
        if (await is()) return;
        await new Promise(resolve => setTimeout(resolve, 1000));
      }
      throw new Error('It never came to that.');
    };
    const isThere = async (): Promise<boolean> => (await ask('guest-ping')) === '{"return":{}}\n\n';
    const table = (text: string): string[][] =>
      text
        .trim()
        .split('\n')
        .slice(2)
        .map(line => line.trim().split(/\s{2,}/));

    expect(await virsh('define', xml)).toContain('defined from');
    expect(await virsh('domfsinfo', 'guest')).toBe(
      '1: error: Unable to get filesystem information\nerror: Requested operation is not valid: domain is not running\n',
    );
    expect(await virsh('start', 'guest')).toContain('started');
    expect(await virsh('shutdown', 'guest', '--mode', 'agent')).toBe(
      "1: error: Failed to shutdown domain 'guest'\nerror: Guest agent is not responding: QEMU guest agent is not connected\n",
    );
    await until(isThere);

    expect(await ask('guest-info')).toContain('"version":"7.2');
    expect(await ask('guest-get-osinfo')).toContain('"machine":"i686"');
    expect(await ask('guest-network-get-interfaces')).toContain(MAC);
    expect(await ask('guest-nothing')).toBe(
      "1: error: internal error: unable to execute QEMU agent command 'guest-nothing': The command guest-nothing has not been found\n",
    );

    await until(async () => (await virsh('domifaddr', 'guest', '--source', 'agent')).includes('10.0.2.15'));
    const addresses = table(await virsh('domifaddr', 'guest', '--source', 'agent'));
    expect(addresses).toContainEqual(['eth0', MAC, 'ipv4', '10.0.2.15/24']);
    expect(table(await virsh('domfsinfo', 'guest'))).toContainEqual(['/data', 'vda', 'ext4', 'vda']);
    expect(await virsh('domhostname', 'guest')).toBe('debian-686-pae\n\n');
    const info = await virsh('guestinfo', 'guest');
    for (const row of [
      'user.count          : 0',
      'os.machine          : i686',
      'timezone.offset     : 0',
      'hostname            : debian-686-pae',
      'fs.0.mountpoint     : /data',
      'fs.0.disk.0.alias   : vda',
      'if.1.hwaddr         : ',
    ])
      expect(info).toContain(row);
    expect(info).toMatch(/^disk\.\d+\.alias {8}: vda$/m);

    expect(await virsh('domtime', 'guest', '--time', '1900000000')).toBe('\n');
    const [, seconds] = /^Time: (\d+)/.exec(await virsh('domtime', 'guest')) ?? [];
    expect(Number(seconds)).toBeGreaterThanOrEqual(1_900_000_000);
    expect(Number(seconds)).toBeLessThan(1_900_001_000);
    expect(await virsh('domtime', 'guest', '--sync')).toBe('\n');

    const vcpus = (online: string): string =>
      `vcpus          : 0-1\nonline         : ${online}\nofflinable     : 1\n\n`;
    expect(await virsh('guestvcpus', 'guest')).toBe(vcpus('0-1'));
    expect(await virsh('guestvcpus', 'guest', '--cpulist', '1', '--disable')).toBe('\n');
    expect(await virsh('guestvcpus', 'guest')).toBe(vcpus('0'));
    expect(await virsh('vcpucount', 'guest', '--guest')).toBe('1\n\n');
    expect(await virsh('setvcpus', 'guest', '2', '--guest')).toBe('\n');
    expect(await virsh('vcpucount', 'guest', '--guest')).toBe('2\n\n');
    expect(await virsh('guestvcpus', 'guest', '--cpulist', '0', '--disable')).toBe(
      "1: error: Operation not supported: vCPU '0' is not offlinable\n",
    );
    expect(await virsh('guestvcpus', 'guest', '--cpulist', '1-3', '--enable')).toBe(
      "1: error: invalid argument: guest is missing vCPUs '2-3'\n",
    );

    expect(await virsh('domfsfreeze', 'guest')).toBe('Froze 1 filesystem(s)\n\n');
    // It writes no files meanwhile, and so does no more than it must.
    expect(await virsh('domfstrim', 'guest')).toMatch(/^1: error: Unable to invoke fstrim\nerror: .*guest-fstrim/);
    expect(await virsh('domfsthaw', 'guest')).toBe('Thawed 1 filesystem(s)\n\n');
    expect(await virsh('domfstrim', 'guest')).toBe('\n');
    expect(await virsh('set-user-password', 'guest', 'root', 'secret')).toBe(
      'Password set successfully for root in guest\n',
    );
    expect(await virsh('set-user-password', 'guest', 'root', 'other')).toBe(
      "1: error: internal error: unable to execute QEMU agent command 'guest-set-user-password': child process has failed to set user password\n",
    );
    expect(await virsh('-r', 'domfsinfo', 'guest')).toContain('read only access prevents virDomainGetFSInfo');

    // One that is there and does not answer.
    const stop = 'kill -STOP $(pidof qemu-ga); sleep 20; kill -CONT $(pidof qemu-ga)';
    await ask('guest-exec', { path: '/bin/sh', arg: ['-c', `(sleep 1; ${stop}) &`] });
    const ping = ['qemu-agent-command', 'guest', '{"execute":"guest-ping"}'];
    await until(async () => (await once(...ping)) === `1: error: ${SILENT}\n`);
    await until(isThere);

    expect(await virsh('managedsave', 'guest')).toContain('saved');
    expect(await virsh('start', 'guest')).toContain('started');
    await until(isThere);
    expect(table(await virsh('domfsinfo', 'guest'))).toContainEqual(['/data', 'vda', 'ext4', 'vda']);

    expect(await virsh('reboot', 'guest', '--mode', 'agent')).toBe("Domain 'guest' is being rebooted\n\n");
    await until(isThere);
    expect(await virsh('domstate', 'guest')).toMatch(/^running\n/);
    expect(await virsh('shutdown', 'guest', '--mode', 'agent')).toBe("Domain 'guest' is being shutdown\n\n");
    await until(async () => (await virsh('domstate', 'guest')) === 'shut off\n\n');
  },
  3_000_000,
);
