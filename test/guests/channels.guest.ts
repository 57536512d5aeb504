/**
 * Channels of virtio between Debian's own virtio_console and programs of this machine: an agent that virsh asks, and a UNIX socket, before and after the guest was
 * saved.
 */
import { execFile } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FILE, writeCpio } from '../../src/formats/file-systems/cpio.ts';
import { Ringside } from '../support/command-line.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { file, program } from '../support/needs.ts';

const VIRSH = program('virsh');
const GUEST = file('.cache/guests/debian-686-pae');
const AGENT = 'org.qemu.guest_agent.0';
const PATIENCE_S = 500;

/** What the guest does: an agent that knows guest-sync and guest-ping, and a program that says back what it hears. */
const PROFILE = `cd /sys/class/virtio-ports
for port in *; do read name < $port/name; echo "PORT $port $name"; case $name in *agent*) agent=$port;; echo) echo=$port;; esac; done
cd /
answer() {
  while read -r line; do
    case $line in
    *guest-sync*) id=\${line##*:}; echo "{\\"return\\": \${id%%\\}*}}";;
    *guest-ping*) echo '{"return": {}}';;
    *guest-say*) echo '{"return": "'$(cat /proc/uptime | wc -l)'"}';;
    *) echo '{"error": {"class": "CommandNotFound", "desc": "The command is not known"}}';;
    esac
  done
}
(answer <> /dev/$agent >&0) &
(while :; do while read -r line; do echo "back: $line"; done <> /dev/$echo >&0; sleep 1; done) &
echo CHANNELS-READY
while :; do sleep 1000; done
`;

const xml = (folder: string): string => `<domain type='kvm'>
  <name>guest</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os>
    <type machine='pc'>hvm</type>
    <kernel>${folder}/vmlinuz</kernel>
    <initrd>${folder}/initrd</initrd>
    <cmdline>console=ttyS0,115200 cryptomgr.notests mods=virtio_pci,virtio_console</cmdline>
  </os>
  <devices>
    <channel type='unix'><target type='virtio' name='${AGENT}'/></channel>
    <channel type='unix'><source mode='bind' path='${folder}/echo.sock'/><target type='virtio' name='echo'/></channel>
  </devices>
</domain>
`;

/** Sends a line to a socket; the line that comes back. */
const said = (path: string, line: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${line}\n`));
    let text = '';
    const timer = setTimeout(() => socket.destroy(new Error(`${path} says nothing: ${text}`)), 120_000);
    socket.on('error', reject);
    socket.on('close', () => clearTimeout(timer));
    socket.on('data', bytes => {
      text += bytes;
      if (!text.includes('\n')) return;
      socket.destroy();
      resolve(text);
    });
  });

it.skipIf(!VIRSH || !existsSync(GUEST))(
  `are /dev/virtio-ports of a Debian guest, which virsh and this machine's programs speak to ${NEEDS_GUESTS}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-channels-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    copyFileSync(join(GUEST, 'vmlinuz'), join(folder, 'vmlinuz'));
    copyFileSync(join(GUEST, 'initrd-modules'), join(folder, 'initrd'));
    const pad = -readFileSync(join(folder, 'initrd')).length & 3;
    const profile = writeCpio([{ path: 'etc/profile', mode: FILE, data: new TextEncoder().encode(PROFILE) }]);
    appendFileSync(join(folder, 'initrd'), Buffer.concat([Buffer.alloc(pad), profile]));
    writeFileSync(join(folder, 'guest.xml'), xml(folder));
    const state = join(folder, 's');
    const daemon = new Ringside('libvirtd', '--hypervisor', 'kvm', '--state', state, '--allow', folder);
    onTestFinished(() => daemon.kill());
    await daemon.expect('manages this host', 120);
    const virsh = (...words: string[]): Promise<string> =>
      new Promise(resolve => {
        const uri = `qemu:///system?socket=${join(state, 'libvirt-sock')}`;
        const env = { ...process.env, LC_ALL: 'C.UTF-8' };
        execFile(VIRSH!, ['-c', uri, ...words], { env }, (error, stdout, stderr) =>
          resolve(error ? `${error.code}: ${stderr}` : stdout),
        );
      });
    expect(await virsh('define', join(folder, 'guest.xml'))).toContain('defined from');
    expect(await virsh('qemu-agent-command', 'guest', '{"execute":"guest-ping"}')).toBe(
      '1: error: Requested operation is not valid: domain is not running\n',
    );
    expect(await virsh('start', 'guest')).toContain('started');
    expect(await virsh('qemu-agent-command', 'guest', '{"execute":"guest-ping"}')).toBe(
      '1: error: Guest agent is not responding: QEMU guest agent is not connected\n',
    );
    expect(await virsh('dumpxml', 'guest')).toContain(`<target type='virtio' name='${AGENT}' state='disconnected'/>`);
    const isOpen = async (): Promise<void> => {
      for (let i = 0; i < PATIENCE_S; i++) {
        if ((await virsh('dumpxml', 'guest')).includes(`name='${AGENT}' state='connected'`)) return;
        await new Promise(resolve => setTimeout(resolve, 1000));
      }
      throw new Error('The agent never came.');
    };
    await isOpen();

    expect(await virsh('qemu-agent-command', 'guest', '{"execute":"guest-ping"}')).toBe('{"return":{}}\n\n');
    expect(await virsh('qemu-agent-command', 'guest', '{"execute":"nothing"}')).toBe(
      "1: error: internal error: unable to execute QEMU agent command 'nothing': The command is not known\n",
    );
    expect(await said(join(folder, 'echo.sock'), 'one')).toBe('back: one\n');
    // One at a time is served, and the next one behind it; the guest's shell reads a byte at a time.
    const long = 'x'.repeat(5000);
    const lines = await Promise.all([long, 'two'].map(line => said(join(folder, 'echo.sock'), line)));
    expect(lines).toEqual([`back: ${long}\n`, 'back: two\n']);

    expect(await virsh('managedsave', 'guest')).toContain('saved');
    expect(existsSync(join(folder, 'echo.sock'))).toBe(false);
    expect(await virsh('start', 'guest')).toContain('started');
    await isOpen();
    expect(await said(join(folder, 'echo.sock'), 'three')).toBe('back: three\n');
    expect(await virsh('qemu-agent-command', 'guest', '{"execute":"guest-ping"}')).toBe('{"return":{}}\n\n');
    expect(await virsh('destroy', 'guest')).toContain('destroyed');
  },
  1_500_000,
);
