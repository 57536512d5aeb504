/** A domain's hardware now and from its next start, and what its changes are in each one's words. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRate } from '../host/network/index.ts';
import { stillHost, testFiles } from '../service/host.test-support.ts';
import { domainByName } from './domains.ts';
import { changeHardware, type HardwareChange, hardwareOf, type Impact, proposeChange } from './hardware.ts';

const minipv = readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url));

const NET = `name = "net"
type = "hvm"
memory = 16
disk = [ "/var/lib/xen/images/a.img,raw,hda,w" ]
vif = [ "mac=00:16:3e:00:00:01,model=e1000,script=vif-bridge,rate=1MB/s", "mac=00:16:3e:00:00:02,network=inner,rate=2MB/s" ]
`;

/** A PC that is defined in xl.cfg, and another one in XML. */
async function make() {
  const files = await testFiles();
  await files.writeFile('/boot/minipv', minipv);
  await files.writeFile('/var/lib/xen/images/a.img', new Uint8Array(4096));
  const host = stillHost({ files, readsWhole: true });
  await host.new(
    'web.cfg',
    `# The shop's.
name = "web"
type = "hvm"
memory = 16
vcpus = 1
maxvcpus = 4
boot = "cd"
disk = [ "/var/lib/xen/images/a.img,raw,hda,w" ]
`,
  );
  await host.new(
    'db.xml',
    `<domain type='xen'><name>db</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><boot dev='hd'/></os><devices><input type='tablet' bus='usb'/><disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk></devices></domain>`,
  );
  const text = async (path: string): Promise<string> => new TextDecoder().decode(await files.readFileBuffer(path));
  const change = async (name: string, what: HardwareChange, impact: Impact = 'next'): Promise<void> =>
    changeHardware(host, await domainByName(host, name), what, impact);
  const propose = async (name: string, what: HardwareChange, impact: Impact = 'next') =>
    proposeChange(host, await domainByName(host, name), what, impact);
  const hardware = async (name: string) => hardwareOf(host, await domainByName(host, name));
  return { host, text, change, propose, hardware };
}

describe('the hardware of a domain', () => {
  it('is a device each, by what it is known by; what only a document says is one, too', async () => {
    const { hardware } = await make();
    const { devices, path, id } = await hardware('db');
    expect([path, id]).toEqual(['/etc/xen/vm/db', undefined]);
    expect(devices.map(({ key, canGo }) => [key, canGo])).toEqual([
      ['disk hdc', true],
      ['console pty', false],
      ['input tablet', true],
      ['memballoon xen', false],
    ]);
    expect(devices.find(({ name }) => name === 'input')!.next).toBe("<input type='tablet' bus='usb'/>\n");
  });

  it('changes from the next start in the language of its definition, which keeps what else it says', async () => {
    const { change, text, hardware } = await make();
    await change('web', { of: 'vcpus', count: 2, most: 2 });
    await change('web', { of: 'boot', order: 'dc' });
    await change('web', {
      of: 'disk',
      how: 'attach',
      vdev: 'hdc',
      disk: { target: '', format: 'raw', vdev: 'hdc', kind: 'cdrom', readOnly: true },
    });
    await change('web', { of: 'card', how: 'attach', place: 0, card: { model: 'e1000', mac: '00:16:3e:00:00:01' } });
    const kept = await text('/etc/xen/vm/web');
    expect(kept).toContain("# The shop's.\n");
    expect(kept).toContain('boot = "dc"');
    expect(kept).toContain('vcpus = 2');
    const { next, devices } = await hardware('web');
    expect(next!.maxVcpus).toBe(2);
    expect(next!.cards).toMatchObject([{ model: 'e1000', mac: '00:16:3e:00:00:01' }]);
    expect(devices.map(({ key }) => key).slice(0, 3)).toEqual(['disk hda', 'disk hdc', 'interface 00:16:3e:00:00:01']);
    await change('db', { of: 'boot', order: 'dc' });
    const xml = await text('/etc/xen/vm/db');
    expect(xml).toContain("<input type='tablet' bus='usb'/>");
    expect(xml.indexOf("<boot dev='cdrom'/>")).toBeLessThan(xml.indexOf("<boot dev='hd'/>"));
  });

  it('leaves cards on their networks as another device comes', async () => {
    const { host, change, hardware } = await make();
    await host.new('net.cfg', NET);
    expect((await hardware('net')).xml.next).toMatch(
      /<interface type='network'>\s*<mac [^>]*>\s*<source network='inner'\/>/,
    );
    const xml = "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>";
    await change('net', { of: 'device', how: 'attach', xml });
    const { disks, cards } = (await hardware('net')).next!;
    expect(disks.map(({ vdev }) => vdev)).toEqual(['hda', 'hdc']);
    expect(cards[1]).toMatchObject({ mac: '00:16:3e:00:00:02', options: { network: 'inner' } });
  });

  it('keeps what else is said of a card that changes, and of the others', async () => {
    const { host, change, hardware } = await make();
    await host.new('net.cfg', NET);
    const cards = async () => (await hardware('net')).next!.cards;
    const second = {
      pv: true,
      mac: '00:16:3e:00:00:09',
      rate: parseRate('2MB/s'),
      options: { network: 'inner' },
    };
    await change('net', { of: 'card', how: 'update', place: 1, card: { model: 'netfront', mac: second.mac } });
    expect(await cards()).toEqual([
      {
        model: 'e1000',
        pv: true,
        mac: '00:16:3e:00:00:01',
        rate: parseRate('1MB/s'),
        options: { script: 'vif-bridge' },
      },
      second,
    ]);
    await change('net', { of: 'card', how: 'detach', place: 0 });
    expect(await cards()).toEqual([second]);
    await change('net', {
      of: 'card',
      how: 'update',
      place: 0,
      card: { mac: second.mac, model: 'netfront', bridge: 'br7' },
    });
    expect((await cards())[0]!.options).toEqual({ bridge: 'br7' });
  });

  it('says what a change is for xl, for virsh and in XML, and changes nothing', async () => {
    const { propose, text } = await make();
    const before = await text('/etc/xen/vm/web');
    expect(await propose('web', { of: 'boot', order: 'd' })).toEqual({
      xl: ['# /etc/xen/vm/web', 'boot = "d"'],
      virsh: ['virsh edit web'],
      xml: { before: ["    <boot dev='hd'/>"], after: [] },
    });
    const cd: HardwareChange = {
      of: 'disk',
      how: 'attach',
      vdev: 'xvdb',
      disk: { target: '/dev/vg0/x', format: 'raw', vdev: 'xvdb', kind: 'disk', readOnly: false },
    };
    const { virsh, xl, xml } = await propose('web', cd);
    expect(virsh).toEqual(['virsh attach-device web device.xml --config']);
    expect(xl.at(-1)).toContain('xvdb');
    expect(xml.after.join('\n')).toContain("<target dev='xvdb' bus='xen'/>");
    expect(await text('/etc/xen/vm/web')).toBe(before);
  });

  it('is refused in libvirt’s words, and then nothing has changed', async () => {
    const { propose, change, text } = await make();
    const taken: HardwareChange = {
      of: 'disk',
      how: 'attach',
      vdev: 'hda',
      disk: { target: '', format: 'raw', vdev: 'hda', kind: 'cdrom', readOnly: true },
    };
    const before = await text('/etc/xen/vm/web');
    expect((await propose('web', taken)).problem).toBe('invalid argument: target hda already exists.');
    await expect(change('web', taken)).rejects.toThrow('target hda already exists.');
    expect((await propose('web', { of: 'boot', order: 'd' }, 'now')).problem).toBe(
      'Requested operation is not valid: domain is not running',
    );
    expect((await propose('web', { of: 'document', text: '<domain>' })).problem).toMatch(/^XML error: /);
    const second: HardwareChange = { of: 'card', how: 'attach', place: 1, card: { model: 'pcnet' } };
    await change('web', { of: 'card', how: 'attach', place: 0, card: { model: 'e1000' } });
    expect((await propose('web', second)).problem).toMatch(/only the first card is emulated/);
    expect(before).not.toBe(await text('/etc/xen/vm/web'));
  });

  it('of one that runs comes and goes at once, at the next start, or both', async () => {
    const { host, change, propose, hardware } = await make();
    await host.new('pv.cfg', 'name = "pv"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/minipv"\n');
    await host.start('pv');
    const card: HardwareChange = {
      of: 'card',
      how: 'attach',
      place: 0,
      card: { model: 'netfront', mac: '00:16:3e:00:00:02' },
    };
    expect(await propose('pv', card, 'both')).toMatchObject({
      xl: ['xl network-attach pv mac=00:16:3e:00:00:02', '# /etc/xen/vm/pv', expect.stringContaining('vif = [')],
      virsh: ['virsh attach-device pv device.xml --live --config'],
    });
    await change('pv', card, 'now');
    const at = async () => (await hardware('pv')).devices.find(({ name }) => name === 'interface');
    expect(await at()).toMatchObject({ live: ['attach', 'detach'], now: expect.stringContaining('<interface') });
    expect((await at())!.next).toBeUndefined();
    await change('pv', { of: 'memory', mib: 6, mostMib: 8 }, 'both');
    const { now, next } = await hardware('pv');
    expect(now!.vcpus).toBe(1);
    expect([now!.memoryMiB, next!.memoryMiB, next!.maxMemoryMiB]).toEqual([6, 6, 8]);
    expect((await propose('pv', { of: 'boot', order: 'd' }, 'both')).problem).toMatch(/from its next start/);
  });

  it('is one card, whether it runs or not, where its station address is drawn for its definition', async () => {
    const { host, hardware } = await make();
    const CARD =
      'name = "drawn"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/minipv"\nvif = [ "", "mac=00:16:3e:00:00:09", "" ]\n';
    await host.new('drawn.cfg', CARD);
    await host.start('drawn');
    const cards = (await hardware('drawn')).devices.filter(({ name }) => name === 'interface');
    expect(cards.map(({ key }) => key)).toEqual([
      expect.stringMatching(/^interface 00:16:3e:/),
      'interface 00:16:3e:00:00:09',
      expect.stringMatching(/^interface 00:16:3e:/),
    ]);
    for (const { now, next, live, differs } of cards) {
      expect(differs).toBe(false);
      expect([now, next]).toEqual([expect.stringContaining('<mac address='), expect.stringContaining('<interface')]);
      expect(live).toEqual(['attach', 'detach']);
    }
  });

  it('of a guest of KVM comes and goes as virtio has it, and a second card may come', async () => {
    const { host, change, propose, hardware } = await make();
    await host.new('kvm.cfg', 'name = "kvm"\ntype = "hvm"\nkvm = 1\nmemory = 16\nkernel = "/boot/minipv"\n');
    await host.start('kvm');
    expect((await hardware('kvm')).canChangeNow).toEqual({ memory: false, vcpus: false, disks: 'vd', card: true });
    const disk = {
      target: '/var/lib/xen/images/a.img',
      format: 'raw',
      vdev: 'vda',
      kind: 'disk',
      readOnly: false,
    } as const;
    const come: HardwareChange = { of: 'disk', how: 'attach', vdev: 'vda', disk };
    expect(await propose('kvm', come, 'both')).toMatchObject({
      virsh: ['virsh attach-device kvm device.xml --live --config'],
      xml: { after: expect.arrayContaining([expect.stringContaining("<target dev='vda' bus='virtio'/>")]) },
    });
    await change('kvm', come, 'now');
    await change('kvm', { of: 'card', how: 'attach', place: 0, card: { model: 'virtio' } }, 'both');
    const { devices, canChangeNow } = await hardware('kvm');
    expect(canChangeNow.card).toBe(true);
    await change('kvm', { of: 'card', how: 'attach', place: 1, card: { model: 'e1000' } }, 'now');
    const live = (await hardware('kvm')).devices.filter(({ name, now }) => name === 'interface' && now !== undefined);
    expect(live).toHaveLength(2);
    expect(
      devices
        .filter(({ name }) => /^(?:disk|interface)$/.test(name))
        .map(({ name, live, next }) => [name, live, !!next]),
    ).toEqual([
      ['interface', ['attach', 'detach'], true],
      ['disk', ['attach', 'detach'], false],
    ]);
  });
});
