/** What Debian's virsh is told of a domain's life (virsh event --all --loop), on a host with KVM and on one with Xen. */
import { spawn } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../dom0/service/host.test-support.ts';
import { openHostState } from '../../dom0/host/state/state.ts';
import { MemoryStore } from '../../dom0/host/storage/index.ts';
import { startKvm } from '../../dom0/service/index.ts';
import { daemonWithVirsh, VIRSH } from './virsh.test-support.ts';

const UUID = '6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11';
const demo = (type: string, more = ''): string =>
  `<domain type='${type}'><name>a</name><uuid>${UUID}</uuid><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os>${more}</domain>`;

/** A host with a demo guest `a` that is defined, and what virsh has been told since then. */
async function told(kind: 'kvm' | 'xen', more = '') {
  const hypervisor = startKvm({ pcpus: 2, memoryMiB: 64, vt: true, diskBytes: 0 }, '');
  const disk = { epochMs: Date.now, random: () => 0, later: () => () => {}, diskBytes: 64 * 2 ** 20 };
  const { storage } = await openHostState(new MemoryStore(), disk);
  const here = await daemonWithVirsh({
    storage: async () => storage,
    buriesStopped: true,
    readsWhole: true,
    ...(kind === 'kvm' ? { hypervisor } : {}),
  });
  const { host, uri, virsh, write, directory } = here;
  write('a.xml', demo(kind, more));
  const events = spawn(VIRSH!, ['-c', uri, 'event', '--all', '--loop'], { cwd: directory });
  onTestFinished(() => void events.kill());
  let text = '',
    whole = '';
  events.stdout.on('data', data => (text += data));
  // It is connected once it has asked for events; until then nothing is told.
  await until(async () => {
    await virsh('define a.xml');
    await virsh('undefine a');
    return text.includes('Undefined Removed');
  });
  await virsh('define a.xml');
  await until(() => /Defined Added\n$/.test(text));
  text = '';
  /** What it was told since the last time, once the last of it has come. */
  const heard = async (last: string): Promise<string[]> => {
    await until(() => text.trimEnd().split('\n').at(-1)!.includes(last)).catch(() => {});
    whole = text;
    const lines = [...text.matchAll(/event '(.*?)' for domain 'a':? ?(.*)/g)];
    text = '';
    return lines.map(([, kind, what]) => (kind === 'lifecycle' ? what! : `${kind} ${what}`.trim()));
  };
  /** Types a line at the guest's prompt, of one that `begin` has boot once it has come there. */
  const type = async (line: string, begin?: () => Promise<unknown>): Promise<void> => {
    const { console } = await host.consoles.view([...host.toolstack.members.keys()].at(-1)!);
    let shown = '';
    console.onmessage = ({ data }) => {
      if ('serial' in data) shown += String.fromCharCode(...data.serial);
    };
    const say = (words: string): void => console.postMessage(new TextEncoder().encode(words));
    if (begin) await begin();
    else say('\r');
    await until(() => shown.includes('demo>'));
    say(`${line}\r`);
  };
  return { ...here, heard, type, lines: () => whole };
}

describe.skipIf(!VIRSH)('virsh event [needs libvirt-clients]', () => {
  it('is told the life of a guest of KVM as QEMU’s driver tells it', async () => {
    const { virsh, heard, type } = await told('kvm');
    const why = async (): Promise<string> => (await virsh('domstate a --reason')).trim();
    await virsh('start a');
    expect(await heard('Booted')).toEqual(['Resumed Unpaused', 'Started Booted']);
    // A guest of KVM that waits for an interrupt runs.
    expect(await why()).toBe('running (booted)');
    await virsh('suspend a');
    await virsh('resume a');
    expect(await heard('Resumed Unpaused')).toEqual(['Suspended Paused', 'Resumed Unpaused']);
    expect(await why()).toBe('running (unpaused)');
    await virsh('snapshot-create-as a s');
    expect(await heard('Resumed Unpaused')).toEqual(['Suspended Paused', 'Resumed Unpaused']);
    await virsh('dump a /a.core');
    expect(await heard('Resumed Unpaused')).toEqual(['Suspended Paused', 'job-completed', 'Resumed Unpaused']);
    await virsh('reset a');
    expect(await heard('reboot')).toEqual(['reboot']);
    await virsh('managedsave a');
    expect(await heard('Saved')).toEqual(['Suspended Paused', 'job-completed', 'Stopped Saved']);
    expect(await why()).toBe('shut off (saved)');
    await virsh('start a');
    expect(await heard('Resumed Snapshot')).toEqual(['Started Restored', 'Resumed Snapshot']);
    expect(await why()).toBe('running (restored)');
    await virsh('snapshot-revert a s');
    expect(await heard('Defined Snapshot')).toEqual([
      'Stopped Snapshot',
      'Started Snapshot',
      'Resumed Snapshot',
      'Defined Snapshot',
    ]);
    expect(await why()).toBe('running (from snapshot)');
    await virsh('snapshot-revert a s --paused');
    expect(await heard('Defined Snapshot')).toEqual([
      'Stopped Snapshot',
      'Started Snapshot',
      'Suspended Snapshot',
      'Defined Snapshot',
    ]);
    expect(await why()).toBe('paused (from snapshot)');
    // Who is paused already is not stopped again for that.
    await virsh('save a /a.save');
    expect(await heard('Saved')).toEqual(['job-completed', 'Stopped Saved']);
    await virsh('restore /a.save --paused');
    expect(await heard('Suspended Restored')).toEqual(['Started Restored', 'Suspended Restored']);
    await virsh('resume a');
    await heard('Resumed');
    await type('reboot');
    expect(await heard('reboot')).toEqual(['reboot']);
    await virsh('destroy a');
    await virsh('start a --paused');
    expect(await heard('Paused')).toEqual([
      'Shutdown Finished after host request',
      'Stopped Destroyed',
      'Started Booted',
      'Suspended Paused',
    ]);
    await type('poweroff', () => virsh('resume a'));
    expect(await heard('Stopped Shutdown')).toEqual([
      'Resumed Unpaused',
      'Shutdown Finished after guest request',
      'Stopped Shutdown',
    ]);
    expect(await why()).toBe('shut off (shutdown)');
    await virsh('start a');
    await heard('Booted');
    await virsh('dump a /a.core --crash');
    expect(await heard('Crashed')).toEqual(['Suspended Paused', 'job-completed', 'Stopped Crashed']);
    expect(await why()).toBe('shut off (crashed)');
    await virsh('start a');
    await virsh('destroy a');
    expect(await heard('Destroyed')).toEqual([
      'Resumed Unpaused',
      'Started Booted',
      'Shutdown Finished after host request',
      'Stopped Destroyed',
    ]);
    await virsh('domrename a b');
    await virsh('domrename b a');
    await virsh('undefine a --snapshots-metadata');
    expect(await heard('Removed')).toEqual(['Undefined Renamed', 'Defined Renamed', 'Undefined Removed']);
  });

  it('is told that a guest of KVM begins anew that was asked to, and shuts down where it was asked for that since', async () => {
    const { virsh, heard, type } = await told('kvm');
    await virsh('start a --paused');
    expect(await virsh('reboot a')).toBe("Domain 'a' is being rebooted\n\n");
    await heard('Paused');
    // Its own way of following the power button.
    await type('poweroff', () => virsh('resume a'));
    expect(await heard('reboot')).toEqual(['Resumed Unpaused', 'reboot']);
    expect(await virsh('dumpxml a')).toContain('<on_poweroff>destroy</on_poweroff>');
    await virsh('destroy a');
    await virsh('start a --paused');
    await virsh('reboot a');
    await virsh('shutdown a');
    await heard('Suspended Paused');
    await type('poweroff', () => virsh('resume a'));
    expect(await heard('Stopped')).toEqual([
      'Resumed Unpaused',
      'Shutdown Finished after guest request',
      'Stopped Shutdown',
    ]);
  });

  it('is told what is changed of a guest of KVM that runs', async () => {
    const drive = "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>";
    const { virsh, heard, lines, write, files } = await told('kvm', `<devices>${drive}</devices>`);
    const image = new Uint8Array(20 * 2048);
    image.set([1, ...Buffer.from('CD001'), 1], 16 * 2048);
    image[16 * 2048 + 80] = 20;
    await files.writeFile('/cd.iso', image);
    await virsh('start a');
    await heard('Booted');
    write('cd.xml', drive.replace('<target', "<source file='/cd.iso'/><target"));
    expect(await virsh('update-device a cd.xml --live')).toContain('updated successfully');
    await virsh('desc a --title --live word');
    await virsh('metadata a urn:x --key k --live --set <b/>');
    await virsh('vcpupin a 0 0-1 --live');
    await virsh('schedinfo a --set cpu_shares=512');
    await heard('cpu_shares');
    expect(lines()).toBe(`event 'tray-change' for domain 'a' disk ide0-1-0: opened
event 'tray-change' for domain 'a' disk ide0-1-0: closed
event 'metadata-change' for domain 'a': type title, uri <null>
event 'metadata-change' for domain 'a': type element, uri urn:x
event 'tunable' for domain 'a':
\tcputune.vcpupin0: 0-1
event 'tunable' for domain 'a':
\tcputune.cpu_shares: 512
`);
  });

  it('is told the life of a guest of Xen as libxl’s driver tells it', async () => {
    const { virsh, heard, type } = await told('xen');
    await virsh('start a --paused');
    await virsh('resume a');
    expect(await heard('Unpaused')).toEqual(['Started Booted', 'Resumed Unpaused']);
    await virsh('managedsave a');
    expect(await heard('Saved')).toEqual(['Stopped Saved']);
    await virsh('start a');
    expect(await heard('Restored')).toEqual(['Started Restored']);
    await virsh('snapshot-create-as a s');
    await virsh('snapshot-revert a s');
    expect(await heard('Started Snapshot')).toEqual(['Stopped Snapshot', 'Started Snapshot']);
    await type('reboot');
    expect(await heard('Booted')).toEqual(['Stopped Shutdown', 'Started Booted']);
    await virsh('destroy a');
    await virsh('start a --paused');
    expect(await heard('Booted')).toEqual(['Stopped Destroyed', 'Started Booted']);
    await type('poweroff', () => virsh('resume a'));
    expect(await heard('Shutdown')).toEqual(['Resumed Unpaused', 'Stopped Shutdown']);
    expect((await virsh('domstate a --reason')).trim()).toBe('shut off (shutdown)');
    await virsh('start a');
    await virsh('dump a /a.core --crash');
    expect(await heard('Crashed')).toEqual(['Started Booted', 'Stopped Crashed']);
  });
});
