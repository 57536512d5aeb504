/** Debian's virsh asks a host of KVM for what libvirt's driver of QEMU alone has. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../dom0/service/host.test-support.ts';
import { startKvm } from '../../dom0/service/index.ts';
import { domainByName, LIVE, MAXIMUM, setVcpus } from '../../dom0/libvirt/index.ts';
import { daemonWithVirsh, VIRSH } from './virsh.test-support.ts';

const MAC = '52:54:00:00:00:01';
const GUEST = `<domain type='kvm'><name>a</name><memory unit='MiB'>8</memory><vcpu current='1'>2</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices><interface type='bridge'><mac address='${MAC}'/><source bridge='xenbr0'/><model type='virtio'/></interface></devices></domain>`;

async function kvm(more: { allow?: string } = {}) {
  const here = await daemonWithVirsh({
    ...more,
    hypervisor: startKvm({ pcpus: 1, memoryMiB: 64, vt: true, diskBytes: 0 }, ''),
  });
  here.write('a.xml', GUEST);
  return here;
}

it.skipIf(!VIRSH)(
  'a processor of a guest of KVM that waits is running, and one of Xen blocked [needs libvirt-clients]',
  async () => {
    for (const [type, state] of [
      ['kvm', 'running'],
      ['xen', 'blocked'],
    ] as const) {
      const { virsh, write } = await daemonWithVirsh(
        type === 'kvm' ? { hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, '') } : {},
      );
      write(
        'w.xml',
        `<domain type='${type}'><name>w</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>`,
      );
      await virsh('create w.xml');
      await until(async () => new RegExp(`State: +${state}`).test(await virsh('vcpuinfo w')));
    }
  },
);

describe.skipIf(!VIRSH)('virsh at a host of KVM [needs libvirt-clients]', () => {
  it('asks the monitor, in both of its languages', async () => {
    const { virsh } = await kvm();
    await virsh('create a.xml --paused');
    expect(JSON.parse(await virsh('qemu-monitor-command a {"execute":"query-status"}'))).toEqual({
      return: { status: 'paused', singlestep: false, running: false },
      id: expect.stringMatching(/^libvirt-\d+$/),
    });
    expect(JSON.parse(await virsh('qemu-monitor-command a {"execute":"query-frob"}'))).toMatchObject({
      error: { class: 'CommandNotFound', desc: 'The command query-frob has not been found' },
    });
    expect(await virsh('qemu-monitor-command a --hmp info status')).toBe('VM status: paused\r\n\n\n');
    expect(await virsh('qemu-monitor-command a --hmp info cpus')).toContain('CPU #0: thread_id=');
    expect(await virsh('qemu-monitor-command a --hmp info status', '-r')).toContain(
      'operation forbidden: read only access prevents virDomainQemuMonitorCommand',
    );
  });

  it('tells what the monitor knows of disks, as QEMU 7.2 writes it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-monitor-')),
      path = join(folder, 'a.img');
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(path, new Uint8Array(2 ** 20));
    const { virsh, write } = await kvm({ allow: folder });
    const disks = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${path}'/><target dev='vda' bus='virtio'/></disk><disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>`;
    write('b.xml', GUEST.replace('>a<', '>b<').replace('<devices>', `<devices>${disks}`));
    expect(await virsh('create b.xml --paused')).toContain("Domain 'b' created");
    const asked = async (command: string): Promise<Record<string, unknown>[]> =>
      JSON.parse(await virsh(`qemu-monitor-command b {"execute":"${command}"}`)).return;
    const qdev = '/machine/peripheral/virtio-disk0/virtio-backend';
    expect(await asked('query-block')).toMatchObject([
      {
        'io-status': 'ok',
        device: '',
        removable: false,
        qdev,
        inserted: {
          'node-name': 'libvirt-2-format',
          drv: 'raw',
          ro: false,
          file: path,
          image: { 'virtual-size': 2 ** 20, format: 'raw', 'dirty-flag': false },
        },
      },
      { 'io-status': 'ok', removable: true, qdev: 'ide0-1-0', tray_open: false },
    ]);
    expect(await asked('query-blockstats')).toEqual([
      {
        device: '',
        'node-name': 'libvirt-2-format',
        qdev,
        stats: { rd_bytes: 0, wr_bytes: 0, rd_operations: 0, wr_operations: 0 },
      },
      { device: '', qdev: 'ide0-1-0', stats: { rd_bytes: 0, wr_bytes: 0, rd_operations: 0, wr_operations: 0 } },
    ]);
    expect(await virsh('qemu-monitor-command b --hmp info block')).toBe(
      `libvirt-2-format: ${path} (raw)\r\n    Attached to:      ${qdev}\r\n    Cache mode:       writeback\r\n\r\nide0-1-0: [not inserted]\r\n    Attached to:      ide0-1-0\r\n    Removable device: not locked, tray closed\r\n\n\n`,
    );
  });

  it('ends a guest gracefully, sends it an NMI, and hears how its process and disks are', async () => {
    const { virsh } = await kvm();
    await virsh('create a.xml --paused');
    expect(await virsh('domcontrol a')).toBe('ok\n\n');
    expect(await virsh('domblkerror a')).toBe('No errors found\n\n');
    expect(await virsh('inject-nmi a')).toBe('\n');
    expect(await virsh('destroy a --graceful --remove-logs')).toBe("Domain 'a' destroyed\n\n");
    for (const line of ['domcontrol a', 'inject-nmi a']) {
      await virsh('define a.xml');
      expect(await virsh(line)).toContain('domain is not running');
    }
  });

  it('counts processors of what runs and of what is defined by their own maxima', async () => {
    const { virsh, host } = await kvm();
    await virsh('define a.xml');
    await virsh('start a --paused');
    expect(await virsh('setvcpus a 4 --maximum --config')).toBe('\n');
    expect(await virsh('vcpucount a --maximum --config')).toBe('4\n\n');
    expect(await virsh('setvcpus a 4 --config')).toBe('\n');
    expect(await virsh('vcpucount a --current --config')).toBe('4\n\n');
    const refused = 'error: invalid argument: requested vcpus is greater than max allowable vcpus for the';
    expect(await virsh('setvcpus a 3 --live')).toBe(`1: ${refused} live domain: 3 > 2\n`);
    expect(await virsh('setvcpus a 5 --config')).toBe(`1: ${refused} persistent domain: 5 > 4\n`);
    const domain = await domainByName(host, 'a');
    await expect(setVcpus(host, domain, 4, LIVE | MAXIMUM)).rejects.toThrow(
      "Requested operation is not valid: maximum vcpu count of a live domain can't be modified",
    );
  });

  it('pulls the cable of a card, and finds it so after a restart and in a definition', async () => {
    const { virsh, host } = await kvm();
    await virsh('define a.xml');
    await virsh('start a --paused');
    expect(await virsh(`domif-getlink a ${MAC}`)).toBe(`${MAC} up\n`);
    expect(await virsh(`domif-setlink a ${MAC} down`)).toBe('Device updated successfully\n\n');
    expect(await virsh(`domif-getlink a ${MAC}`)).toBe(`${MAC} down\n`);
    expect(await virsh(`domif-getlink a ${MAC} --config`)).toBe(`${MAC} up\n`);
    const [member] = host.toolstack.members.values();
    expect(member!.blueprint.definition.cards[0]!.options?.link).toBe('down');
    expect(await virsh('save a state')).toContain('saved');
    await virsh('restore state');
    expect(await virsh(`domif-getlink a ${MAC}`)).toBe(`${MAC} down\n`);
    expect(await virsh(`domif-setlink a ${MAC} up`)).toBe('Device updated successfully\n\n');
    expect(await virsh(`domif-getlink a ${MAC}`)).toBe(`${MAC} up\n`);
    await virsh('destroy a');
    expect(await virsh(`domif-setlink a ${MAC} down --config`)).toBe('Device updated successfully\n\n');
    expect(await virsh('start a --paused')).toBe("Domain 'a' started\n\n");
    expect(await virsh('dumpxml a')).toContain("<link state='down'/>");
  });

  it('changes the document of a saved state', async () => {
    const { virsh, write } = await kvm();
    await virsh('create a.xml --paused');
    await virsh('save a state');
    const xml = await virsh('save-image-dumpxml state');
    expect(xml).toContain('<on_crash>destroy</on_crash>');
    write('b.xml', xml.replace('<on_crash>destroy', '<on_crash>restart'));
    expect(await virsh('save-image-define state b.xml')).toBe('State file state updated.\n\n');
    expect(await virsh('save-image-dumpxml state')).toContain('<on_crash>restart</on_crash>');
    expect(await virsh('save-image-dumpxml state', '-r')).toContain('operation forbidden');
  });
});
