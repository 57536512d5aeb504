/** Guests of KVM: libvirt's <domain type='kvm'>, and as Domain 0's files keep them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { planDefinition } from '../plan-definition.ts';
import type { Firmware } from '../planned.ts';
import { formatFinding, isError, judgeDefinition } from './judge-definition.ts';
import { prepareToRead } from './source.ts';
import { writeXlConfig } from './write-xl.ts';
import { writeXml } from './write-xml.ts';

const DISK = "<disk type='file'><source file='/a.img'/><target dev='vda' bus='virtio'/></disk>";
const CARD =
  "<interface type='bridge'><source bridge='xenbr0'/><mac address='52:54:00:aa:bb:cc'/><model type='virtio'/></interface>";
/** Without the balloon that a domain has by itself. */
const NO_BALLOON = "<memballoon model='none'/>";
const xml = ({
  type = 'kvm',
  os = "<type arch='x86_64' machine='pc'>hvm</type>",
  more = '',
  devices = DISK,
  balloon = devices.includes('<memballoon') ? '' : NO_BALLOON,
} = {}) =>
  `<domain type='${type}'>\n<name>k</name>\n<memory unit='MiB'>64</memory>\n<os>${os}</os>\n${more}<devices>\n${devices}${balloon}\n</devices>\n</domain>`;
const judged = (text: string) => judgeDefinition('k', text);
const errors = (text: string): string[] => judged(text).findings.filter(isError).map(formatFinding);
const told = (text: string, key: string): string | undefined =>
  judged(text).findings.find(finding => finding.key === key)?.text;
const drive = (device: string, dev: string, bus?: string): string =>
  `<disk type='file' device='${device}'><source file='/${dev}'/><target dev='${dev}'${bus ? ` bus='${bus}'` : ''}/></disk>`;
const namesOf = (text: string) => judged(text).definition.disks.map(({ target, vdev, place }) => [target, vdev, place]);

beforeAll(() => prepareToRead('<domain/>'));

describe('a domain of KVM', () => {
  it('has a balloon of virtio unless it says that it has none, as QEMU’s driver adds one', () => {
    expect(judged(xml({ balloon: '' })).definition.virtio).toEqual(['balloon']);
    expect(judged(xml()).definition.virtio).toBeUndefined();
    expect(judged(xml({ devices: `${DISK}<memballoon model='virtio'/>` })).definition.virtio).toEqual(['balloon']);
    expect(judged(xml({ type: 'xen', balloon: '' })).definition.virtio).toBeUndefined();
  });

  it.each([
    ['virtio-non-transitional', 'virtio'],
    ['virtio-transitional', 'virtio'],
    ['virtio-net-pci', 'virtio'],
    ['e1000e', 'e1000'],
    ['e1000-82545em', 'e1000'],
    ['rtl8139', 'pcnet'],
  ])('has for the card %s one that its driver drives, and its document keeps the name', (model, nic) => {
    const { definition } = judged(xml({ devices: DISK + CARD.replace("'virtio'", `'${model}'`) }));
    expect(definition.cards[0]!.model).toBe(nic);
    expect(writeXml(definition)).toContain(`<model type='${model}'/>`);
    expect(judged(writeXlConfig(definition)).definition.cards[0]!.model).toBe(nic);
  });

  it('has the disks and the card that libvirt names, those of virtio too, and nothing of Xen', () => {
    const text = xml({ devices: DISK + drive('disk', 'vdc') + drive('disk', 'hda', 'ide') + CARD });
    expect(errors(text)).toEqual([]);
    const { definition, findings } = judged(text);
    expect(definition).toMatchObject({ kind: 'kvm' });
    expect(definition.cards).toEqual([{ model: 'virtio', mac: '52:54:00:aa:bb:cc' }]);
    expect(namesOf(text)).toEqual([
      ['/a.img', 'vda', 6],
      ['/vdc', 'vdc', 8],
      ['/hda', 'hda', 0],
    ]);
    expect(findings.find(({ key }) => key === 'kvm')).toMatchObject({ line: 1, column: 14, verdict: 'used' });
    expect(findings.find(({ key }) => key === 'vif')?.text).toMatch(
      /^The guest gets a virtio-net card \(virtio_net\) with the station address 52:54:00:aa:bb:cc, on/,
    );
  });

  it.each([
    ['xl.cfg', writeXlConfig],
    ['XML', writeXml],
  ])('is the same when it was written as %s', (_to, write) => {
    const devices = `${DISK}${drive('cdrom', 'hdc', 'ide')}<disk type='block'><source dev='/dev/vg0/b'/><target dev='vdb'/><readonly/></disk>${CARD}`;
    const { definition } = judged(xml({ devices, more: '<on_crash>preserve</on_crash>\n' }));
    const written = write(definition);
    expect(errors(written)).toEqual([]);
    const bare = ({ disks, ...rest }: typeof definition) => ({
      ...rest,
      maxMemoryMiB: rest.memoryMiB,
      disks: disks.map(({ at: _at, ...disk }) => disk),
    });
    expect(bare(judged(written).definition)).toEqual(bare(definition));
  });

  it('has channels of virtio by name, with the socket that libvirt names, and passes by those of other kinds', () => {
    const channel = (type: string, target: string, source = ''): string =>
      `<channel type='${type}'>${source}<target type='virtio' name='${target}'/></channel>`;
    const devices = `${DISK}${channel('unix', 'org.qemu.guest_agent.0')}${channel('unix', 'two', "<source mode='bind' path='/run/two'/>")}${channel('spicevmc', 'com.redhat.spice.0')}<graphics type='spice'/>`;
    const text = xml({ devices });
    const virtio = ['channel,name=org.qemu.guest_agent.0', 'channel,name=two,path=/run/two'];
    expect([errors(text), judged(text).definition.virtio]).toEqual([[], virtio]);
    expect(judged(writeXml(judged(text).definition)).definition.virtio).toEqual(virtio);
    expect(errors(xml({ devices: `${DISK}${channel('unix', 'two')}${channel('unix', 'two')}` }))).toEqual([
      expect.stringContaining('another channel is called two.'),
    ]);
  });

  it('has channels at the ports that their addresses name, and a controller without any for those that come', () => {
    const channel = (name: string, port: number): string =>
      `<channel type='unix'><target type='virtio' name='${name}'/><address type='virtio-serial' controller='0' bus='0' port='${port}'/></channel>`;
    const controller = "<controller type='virtio-serial' index='0'/>";
    const virtioOf = (devices: string) => judged(xml({ devices: `${DISK}${devices}` })).definition.virtio;
    expect(virtioOf(controller)).toEqual(['serial']);
    const two = ['channel,name=a,port=5', 'channel,name=b'];
    // Port 0 is a console's: libvirt has the first free one instead.
    const text = xml({ devices: `${DISK}${controller}${channel('a', 5)}${channel('b', 0)}` });
    expect([errors(text), judged(text).definition.virtio, told(text, 'controller')]).toEqual([
      [],
      two,
      'The guest’s channels are ports of it.',
    ]);
    expect(judged(writeXml(judged(text).definition)).definition.virtio).toEqual(two);
    expect(errors(xml({ devices: `${DISK}${channel('a', 5)}${channel('b', 5)}` }))).toEqual([
      expect.stringContaining('another channel is port 5.'),
    ]);
  });

  it('has a console and random numbers of virtio where libvirt names them, also when it was written again', () => {
    const devices = `${DISK}<console type='pty'><target type='virtio' port='0'/></console><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>`;
    const text = xml({ devices });
    expect([errors(text), judged(text).definition.virtio]).toEqual([[], ['console', 'rng']]);
    for (const write of [writeXlConfig, writeXml]) {
      const written = write(judged(text).definition);
      expect([errors(written), judged(written).definition.virtio]).toEqual([[], ['console', 'rng']]);
    }
    // One of Xen has none, and no guest has two, or what there is not.
    expect(judged(xml({ type: 'xen', devices })).definition.virtio).toBeUndefined();
    const named = 'name = "a"\ntype = "hvm"\nmemory = 64\nkvm = 1\nvirtio = [ "rng", "rng", "gpu" ]\n';
    expect([judged(named).definition.virtio, told(named, 'virtio')]).toEqual([
      ['rng'],
      'The guest has random numbers (/dev/hwrng) of virtio.',
    ]);
    expect(errors(named)).toContainEqual(
      expect.stringContaining("virtio = 'gpu': the devices are rng, console, balloon, 9p, channel and serial."),
    );
  });

  it('has a balloon of virtio, with what libvirt says of it, also when it was written again', () => {
    const devices = `${DISK}<memballoon model='virtio' autodeflate='on' freePageReporting='on'><stats period='5'/></memballoon>`;
    const text = xml({ devices });
    const balloon = ['balloon,deflate=on,reporting=on,period=5'];
    expect([errors(text), judged(text).definition.virtio]).toEqual([[], balloon]);
    for (const write of [writeXlConfig, writeXml]) {
      const written = write(judged(text).definition);
      expect([errors(written), judged(written).definition.virtio]).toEqual([[], balloon]);
    }
    expect(writeXml(judged(text).definition)).toContain(
      "<memballoon model='virtio' autodeflate='on' freePageReporting='on'>\n      <stats period='5'/>",
    );
    const wrong = (item: string): string[] =>
      errors(`name = "a"\ntype = "hvm"\nmemory = 64\nkernel = "/k"\nkvm = 1\nvirtio = [ "${item}" ]\n`);
    expect(wrong('balloon,deflate=perhaps')).toEqual([
      "k:6:12: virtio = 'balloon,deflate=perhaps': deflate is on or off.",
    ]);
    expect(wrong('balloon,colour=red')).toEqual([
      "k:6:12: virtio = 'balloon,colour=red': balloon has no option colour. Its options are deflate, reporting, period.",
    ]);
    expect(wrong('rng,speed=1')).toEqual(["k:6:12: virtio = 'rng,speed=1': rng has no option speed. It has none."]);
  });

  it('has folders of Domain 0, each by a tag of its own, also when it was written again', () => {
    const folder = (tag: string, readOnly = ''): string =>
      `<filesystem type='mount'><source dir='/srv/${tag}'/><target dir='${tag}'/>${readOnly}</filesystem>`;
    const text = xml({ devices: DISK + folder('a') + folder('b', '<readonly/>') });
    const folders = ['9p,tag=a,path=/srv/a', '9p,tag=b,path=/srv/b,readonly=on'];
    expect([errors(text), judged(text).definition.virtio]).toEqual([[], folders]);
    for (const write of [writeXlConfig, writeXml]) {
      const written = write(judged(text).definition);
      expect([errors(written), judged(written).definition.virtio]).toEqual([[], folders]);
    }
    // Of Xen's guests, and of what is no folder, it is kept and does nothing.
    expect(judged(xml({ type: 'xen', devices: folder('a') })).definition.virtio).toBeUndefined();
    const wrong = (...items: string[]): string[] =>
      errors(
        `name = "a"\ntype = "hvm"\nmemory = 64\nkernel = "/k"\nkvm = 1\nvirtio = [ ${items.map(item => `"${item}"`).join(', ')} ]\n`,
      );
    expect(wrong('9p,tag=a')).toEqual([
      "k:6:12: virtio = '9p,tag=a': 9p has to have path=, which is a folder of Domain 0, from / on.",
    ]);
    expect(wrong('9p,tag=a,path=srv')).toEqual([
      "k:6:12: virtio = '9p,tag=a,path=srv': path is a folder of Domain 0, from / on.",
    ]);
    expect(wrong('9p,tag=a,path=/', '9p,tag=a,path=/srv')).toEqual([
      "k:6:31: virtio = '9p,tag=a,path=/srv': another folder has the tag a.",
    ]);
    expect(wrong(...Array.from({ length: 17 }, (_, i) => `9p,tag=t${i},path=/`))).toHaveLength(1);
  });

  it('is libvirt’s again in XML: type, board, buses, model', () => {
    const written = writeXml(judged(xml({ devices: DISK + CARD })).definition);
    expect(written).toMatch(/^<domain type='kvm'>\n/);
    expect(written).toContain("<type arch='x86_64' machine='pc'>hvm</type>");
    expect(written).toContain("<target dev='vda' bus='virtio'/>");
    expect(written).toContain("<model type='virtio'/>");
    expect(written).not.toMatch(/xen(?!br0)/);
  });

  it('has drives of other controllers on IDE, under names that are free', () => {
    const text = xml({
      devices: DISK + drive('disk', 'sda', 'sata') + drive('cdrom', 'sdb', 'sata') + drive('disk', 'hda', 'ide'),
    });
    expect(errors(text)).toEqual([]);
    expect(namesOf(text)).toEqual([
      ['/a.img', 'vda', 6],
      ['/sda', 'hdb', 1],
      ['/sdb', 'hdc', 2],
      ['/hda', 'hda', 0],
    ]);
    expect(judged(text).findings.map(finding => finding.text)).toContain(
      'There is no sata controller here: it is the IDE drive hdb.',
    );
  });

  it.each([
    [
      'a paravirtual guest',
      { os: '<type>linux</type><kernel>/k</kernel>' },
      /^k:1:14: <domain type='kvm'>: a guest of KVM is a whole PC\. Write <type>hvm<\/type> in <os>\./,
    ],
    ['a board of Xen', { os: "<type machine='xenfv'>hvm</type>" }, /^k:4:19: machine='xenfv' is of Xen/],
    [
      'a disk of Xen',
      { devices: drive('disk', 'xvda', 'xen') },
      /<target dev='xvda'>: a guest of KVM has vda to vdh \(virtio\) and hda to hdd \(IDE, and CDs\), and no xvda\./,
    ],
    ['a CD of virtio', { devices: drive('cdrom', 'vda', 'virtio') }, /and no CD in vda\./],
    ['a ninth disk of virtio', { devices: drive('disk', 'vdi') }, /and no vdi\./],
    [
      'a fifth drive of IDE',
      { devices: [...'abcde'].map(of => drive('disk', `sd${of}`, 'sata')).join('') },
      /and no sde\./,
    ],
    [
      'a card of Xen',
      { devices: `${DISK}<interface type='bridge'><source bridge='xenbr0'/><model type='netfront'/></interface>` },
      /a guest of KVM has no card for PV drivers\. Write a model/,
    ],
  ])('is told what does not fit it: %s', (_what, parts, wanted) => {
    expect(errors(xml(parts))).toEqual([expect.stringMatching(wanted)]);
  });

  it('has eight cards at most, one at an address, and one on the ISA bus', () => {
    const card = (model: string, mac: string): string =>
      `<interface type='bridge'><mac address='52:54:00:00:00:${mac}'/><source bridge='xenbr0'/><model type='${model}'/></interface>`;
    const several = (...cards: string[]): string => xml({ devices: DISK + cards.join('') });
    const nine = several(...[...'123456789'].map(digit => card('virtio', `0${digit}`)));
    expect(judged(nine).definition.cards).toHaveLength(8);
    expect(judged(nine).findings.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/a guest has at most 8 cards/),
    );
    expect(errors(several(card('virtio', '01'), card('e1000', '01')))).toEqual([
      expect.stringMatching(/has the station address/),
    ]);
    expect(errors(several(card('ne2k_isa', '01'), card('ne2k_isa', '02')))).toEqual([
      expect.stringMatching(/an earlier card of the guest has the ports of ne2k_isa/),
    ]);
    const { definition } = judged(several(card('virtio', '01'), card('e1000', '02')));
    expect(judged(writeXlConfig(definition)).definition.cards).toEqual(definition.cards);
  });

  it('is told what of it is other here, and what is of Xen alone', () => {
    const text = xml({
      os: "<type machine='q35'>hvm</type>",
      more: "<currentMemory unit='MiB'>32</currentMemory>\n<features><hap state='off'/><viridian/></features>\n<clock><timer name='hpet' present='yes'/></clock>\n",
      devices: `${DISK}${CARD}${CARD.replace('aa:bb:cc', 'aa:bb:cd')}<memballoon model='virtio'/>`,
    });
    expect(errors(text)).toEqual([]);
    const { definition } = judged(text);
    expect(definition.cards.map(({ place }) => place)).toEqual([undefined, 1]);
    expect(told(text, 'type.machine')).toBe('There is no q35 here: the board is a pc, with an i440FX and PIIX3.');
    expect(told(text, 'hap')).toBe('hap is for guests of Xen: one of KVM has nothing that it could change.');
    expect(told(text, 'viridian')).toMatch(/^viridian is for guests of Xen/);
    expect(told(text, 'hpet')).toMatch(/no High Precision Event Timer here/);
    expect(told(text, 'maxmem')).toBe('The guest sees 64 MiB, and the balloon takes from it what is more than 32 MiB.');
    const without = text.replace("model='virtio'", "model='none'");
    expect(told(without, 'maxmem')).toMatch(/^The guest has no balloon of virtio: it has 32 MiB, and stays at that\./);
    expect(told(without, 'memballoon')).toBe('The guest has no balloon.');
  });

  it('is planned as one: it finds KVM, and firmware finds the disk', () => {
    const head = new Uint8Array(36864);
    head.set([0x55, 0xaa], 510);
    const firmware: Firmware = { bios: 'ringside', image: new Uint8Array(65536), name: 'bios.bin' };
    const wanted: string[] = [];
    const planned = (here: Firmware) =>
      planDefinition('k', xml(), () => 'none', {
        image: name => ({ name, head, bytes: 1 << 20 }),
        firmware: ({ bios }) => {
          wanted.push(bios);
          return here;
        },
      });
    const { domain } = planned(firmware);
    expect(domain).toMatchObject({ definition: { kind: 'kvm' }, boot: { bootOrder: ['/pci@i0cf8/scsi@5/disk@0,0'] } });
    expect(domain?.drives).toMatchObject([{ place: 6, vdev: 'vda', kind: 'disk' }]);
    expect(wanted).toEqual(['ringside']);
  });
});

describe('a domain of Xen', () => {
  it('has xvda for vda, and is told so', () => {
    const text = xml({ type: 'xen', os: '<type>linux</type><kernel>/k</kernel>' });
    expect(errors(text)).toEqual([]);
    expect(namesOf(text)).toEqual([['/a.img', 'xvda', -1]]);
    expect(judged(text).definition.kind).not.toBe('kvm');
    expect(judged(text).findings.map(finding => finding.text)).toContain(
      "A guest of Xen has no disks of virtio: it is xvda, by Xen's own back end.",
    );
  });

  it('in xl.cfg has no vda', () => {
    const disks = 'name = "a"\ntype = "hvm"\nmemory = 64\ndisk = [ "/a,raw,vda" ]\n';
    expect(errors(disks)).toEqual([
      "k:4:10: disk = '/a,raw,vda': vda has no number (xen-vbd-interface(7)). Write for example xvdb.",
    ]);
    expect(errors(`${disks}kvm = 1\n`)).toEqual([]);
    expect(errors('name = "a"\ntype = "pv"\nmemory = 64\nkernel = "/k"\nkvm = 1\n')).toEqual([
      'k:5:1: kvm = 1: a guest of KVM is a whole PC. Write type = "hvm".',
    ]);
  });
});
