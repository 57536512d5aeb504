/** Definitions as people have them, in the languages that they have them in: each starts, or says exactly why not. */
import { beforeAll, describe, expect, it } from 'vitest';
import { formatFinding, isError, judgeDefinition } from './judge-definition.ts';
import { prepareToRead } from './source.ts';
import { writeJson } from './write-json.ts';
import { writeSxp } from './write-sxp.ts';
import { writeXlConfig } from './write-xl.ts';
import { writeXml } from './write-xml.ts';

const judged = (text: string) => judgeDefinition('vm', text);
const errors = (text: string): string[] => judged(text).findings.filter(isError).map(formatFinding);
const verdictOf = (text: string, key: string): string | undefined =>
  judged(text).findings.find(f => f.key === key)?.verdict;

/** As vm-install writes /etc/xen/vm/NAME: a fully virtual guest. */
const SUSE_HVM = `name="win1"
description="None"
uuid="6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11"
memory=1024
maxmem=1024
vcpus=2
on_poweroff="destroy"
on_reboot="restart"
on_crash="destroy"
localtime=1
keymap="de"
builder="hvm"
device_model="/usr/lib/xen/bin/qemu-dm"
kernel="/usr/lib/xen/boot/hvmloader"
boot="c"
disk=[ 'file:/var/lib/xen/images/win1/disk0,hda,w', 'phy:/dev/cdrom,hdc:cdrom,r', ]
vif=[ 'mac=00:16:3e:21:43:65,bridge=br0,model=rtl8139,type=ioemu', ]
stdvga=0
vnc=1
vncunused=1
apic=1
acpi=1
pae=1
usb=1
usbdevice='tablet'
serial="pty"
`;
/** A paravirtual guest with its kernel named, put together from variables as administrators did. */
const SUSE_PV = `# web servers
import os
base = '/var/lib/xen/images'
number = 3
name = "web%d" % number
memory = 256 + 64
kernel = "/boot/vmlinuz" + "-xen"
ramdisk = "/boot/initrd-xen"
root = "/dev/xvda1 ro"
extra = 'console=hvc0 ' \\
        'quiet'
vif = [ "mac=00:16:3e:00:00:%02x,bridge=%s" % (number, 'br0') ]
disk = [ 'file:%s/%s/disk0,xvda,w' % (base, name),
         'file:' + base + '/swap,xvdb,w',   # swap
       ]
acpi = True
ramdisk_note = None
`;
/** As \`xm list --long\` printed a guest that ran. */
const SXP_HVM = `(domain
    (domid 7)
    (on_crash restart)
    (uuid 1f4d3b52-6a0c-4e0b-9e55-0c2c9d8f3a21)
    (bootloader_args )
    (vcpus 2)
    (name old1)
    (on_poweroff destroy)
    (on_reboot restart)
    (cpus (() ()))
    (bootloader )
    (maxmem 512)
    (memory 512)
    (cpu_weight 256)
    (image
        (hvm
            (kernel )
            (loader /usr/lib/xen/boot/hvmloader)
            (boot dc)
            (acpi 1)
            (serial pty)
        )
    )
    (status 2)
    (device (vif (bridge br0) (mac 00:16:3e:0a:0b:0c) (script /etc/xen/scripts/vif-bridge) (model pcnet)))
    (device (vbd (uname file:/images/old1.img) (driver paravirtualised) (mode w) (dev hda:disk)))
    (device (vbd (uname file:/iso/dvd.iso) (mode r) (dev hdc:cdrom)))
    (device (console (protocol vt100) (location 2)))
)
`;
const SXP_PV =
  "(domain (name pv1) (memory 128) (image (linux (kernel /boot/vmlinuz) (ramdisk /boot/initrd) (args 'root=/dev/xvda1 ro'))))\n";

/** As virt-install writes it for a fully virtual guest. */
const XML_HVM = `<?xml version="1.0" encoding="UTF-8"?>
<!-- made by virt-install -->
<domain type='xen'>
  <name>build1</name>
  <uuid>0f4fb3a1-8a51-4d7e-a1e4-5d7d2f3e4c55</uuid>
  <metadata><libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0"/></metadata>
  <memory unit='KiB'>1048576</memory>
  <currentMemory unit='MiB'>512</currentMemory>
  <vcpu placement='static' current='1' cpuset='0-1'>2</vcpu>
  <os>
    <type arch='x86_64' machine='xenfv'>hvm</type>
    <loader type='rom'>/usr/lib/xen/boot/hvmloader</loader>
    <boot dev='cdrom'/>
    <boot dev='hd'/>
  </os>
  <features><acpi/><apic/><pae/></features>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/lib/xen/bin/qemu-system-i386</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/images/build1, new.img'/>
      <target dev='hda' bus='ide'/>
    </disk>
    <disk type='file' device='cdrom'>
      <source file='/iso/debian.iso'/>
      <target dev='hdc' bus='ide'/>
      <readonly/>
    </disk>
    <interface type='bridge'>
      <mac address='00:16:3e:55:66:77'/>
      <source bridge='xenbr0'/>
      <model type='pcnet'/>
    </interface>
    <console type='pty'/>
    <input type='tablet' bus='usb'/>
    <graphics type='vnc' port='-1' autoport='yes'/>
    <video><model type='cirrus' vram='8192'/></video>
    <memballoon model='xen'/>
  </devices>
</domain>
`;
const XML_PV = `<domain type='xen'><name>pv2</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>
<os><type machine='xenpv'>linux</type><kernel>/boot/vmlinuz</kernel><initrd>/boot/initrd</initrd><cmdline>root=/dev/xvda1 a &amp; b</cmdline></os></domain>
`;

beforeAll(async () => {
  // One text of each language: what reads it is loaded.
  for (const text of ['<domain>', '(domain)', 'name = "a" + 1\n']) await prepareToRead(text);
});

describe('libvirt domain XML', () => {
  it('starts as libvirt would have started it', () => {
    expect(errors(XML_HVM)).toEqual([]);
    const { definition, findings } = judged(XML_HVM);
    expect(definition).toMatchObject({
      name: 'build1',
      kind: 'hvm',
      memoryMiB: 512,
      maxMemoryMiB: 1024,
      vcpus: 1,
      maxVcpus: 2,
      hardAffinity: 3,
      bootOrder: 'dc',
      cards: [{ model: 'pcnet', mac: '00:16:3e:55:66:77' }],
      uuid: '0f4fb3a1-8a51-4d7e-a1e4-5d7d2f3e4c55',
    });
    expect(definition.disks.map(({ target, vdev, kind, readOnly }) => [target, vdev, kind, readOnly])).toEqual([
      ['/images/build1, new.img', 'hda', 'disk', false],
      ['/iso/debian.iso', 'hdc', 'cdrom', true],
    ]);
    expect(findings.find(f => f.key === 'memory')).toMatchObject({ line: 8, column: 3, verdict: 'used' });
    expect(['metadata', 'emulator', 'memballoon', 'vga'].map(key => verdictOf(XML_HVM, key))).toEqual([
      'ignored',
      'ignored',
      'ignored',
      'approximated',
    ]);
    expect(errors(XML_PV)).toEqual([]);
    expect(judged(XML_PV).definition).toMatchObject({
      name: 'pv2',
      kind: 'pv',
      memoryMiB: 128,
      kernel: '/boot/vmlinuz',
      ramdisk: '/boot/initrd',
      cmdline: 'root=/dev/xvda1 a & b',
    });
  });

  it('of QEMU alone runs on Xen here, and is told so', () => {
    const text = XML_HVM.replace("type='xen'", "type='qemu'").replace("dev='hda' bus='ide'", "dev='vda' bus='virtio'");
    expect(errors(text)).toEqual([]);
    expect(judged(text).findings.find(f => f.line === 3)).toMatchObject({
      verdict: 'approximated',
      short: 'runs on Xen here',
    });
    expect(judged(text).definition.disks[0].vdev).toBe('xvda');
  });

  it('says what is wrong with it, everything at once, with its place and the nearest spelling', () => {
    expect(
      errors(
        "<domain type='xen'>\n <name>a</name>\n <memroy>1</memroy>\n <memory unit='GiX'>1</memory>\n <vcpu>x</vcpu>\n <os><type>hvm</type><boot dev='usb'/></os>\n <devices>\n  <disk type='network'><target dev='hda'/></disk>\n  <interfaces/>\n </devices>\n</domain>",
      ),
    ).toEqual([
      "vm:4:15: unit='GiX' is none of libvirt's units. Write KiB, MiB or GiB.",
      'vm:5:2: <vcpu>x</vcpu>: the maximum number of vCPUs is a whole number. Write for example <vcpu>1</vcpu>.',
      "vm:6:32: Invalid value for attribute 'dev' in element 'boot': 'usb'. The values are cdrom, fd, hd, network.",
      "vm:8:3: The disk hda has no <source protocol='…'/>. Write <source protocol='nbd' name='NAME'><host name='HOST' port='10809'/></source>.",
    ]);
    // libvirt looks over what it does not know.
    expect(
      judged("<domain type='xen'>\n <name>a</name>\n <memroy>1</memroy>\n</domain>").findings.find(
        ({ warns }) => warns,
      ),
    ).toMatchObject({
      line: 3,
      column: 2,
      verdict: 'ignored',
      text: '<memroy> is no element that libvirt has here. Did you mean <memory>? Nothing looks at it, as with libvirt.',
    });
    expect(errors('<domain><name>a</domain>')).toEqual([
      expect.stringMatching(/^vm:1:\d+: This is no XML: unexpected close tag/),
    ]);
    expect(errors('<network/>')).toEqual([
      "vm:1:1: This is no domain of libvirt's: it does not begin with <domain>, but with <network>.",
    ]);
    expect(errors('<!DOCTYPE a [<!ENTITY b "c">]><domain>&b;</domain>')).toEqual([
      expect.stringContaining('A document type and its entities are not read'),
    ]);
    expect(errors('<domain><name>&nbsp;</name></domain>')).toEqual([expect.stringContaining('undefined entity')]);
  });
});

describe("a guest's architecture", () => {
  const domain = (attributes: string, kind: string) =>
    `<domain type='xen'><name>a</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type${attributes}>${kind}</type><kernel>/k</kernel></os></domain>`;

  it.each([
    ['hvm', "arch='x86_64' machine='xenfv'", 'host,lm=1'],
    ['hvm', "arch='i686' machine='xenfv'", 'host,lm=0'],
    ['xenpvh', "arch='x86_64' machine='xenpvh'", 'host,lm=1'],
    ['hvm', "machine='xenfv'", undefined],
    ['linux', "arch='i686' machine='xenpv'", undefined],
  ])('is cpuid of xl, and comes back from there: %s %s', (kind, attributes, cpuid) => {
    const { definition, findings } = judged(domain(` ${attributes}`, kind));
    expect(findings.filter(isError)).toEqual([]);
    const xl = writeXlConfig(definition);
    expect(/^cpuid = "(.*)"$/m.exec(xl)?.[1]).toBe(cpuid);
    expect(writeXml(judged(xl).definition)).toContain(`<type ${attributes}>${kind}</type>`);
  });

  it('and features of its processor are cpuid of xl, too', () => {
    const cpu = (features: string) =>
      domain(" arch='x86_64' machine='xenfv'", 'hvm').replace(
        '<os>',
        `<cpu mode='host-passthrough'>${features}</cpu><os>`,
      );
    const xml = `<feature policy='disable' name='sse4.2'/><feature policy='forbid' name='nx'/>`;
    const { definition, findings } = judged(cpu(`${xml}<feature policy='disable' name='avx512f'/>`));
    expect(findings.filter(isError)).toEqual([]);
    expect(findings.filter(({ key }) => key === 'cpu.feature').map(({ text }) => text)).toEqual([
      'avx512f: no processor here shows it.',
    ]);
    const xl = writeXlConfig(definition);
    expect(/^cpuid = "(.*)"$/m.exec(xl)?.[1]).toBe('host,lm=1,nx=0,sse4_2=0');
    expect(writeXml(judged(xl).definition).replace(/\n\s*/g, '')).toContain(
      "<cpu mode='host-passthrough'><feature policy='disable' name='nx'/><feature policy='disable' name='sse4.2'/></cpu>",
    );
    expect(judged(cpu("<feature policy='require' name='avx2'/>")).findings.map(({ text }) => text)).toContain(
      'avx2: no processor here has it.',
    );
  });

  it('is refused by its name where it is not x86, and of 64 bits where the guest is paravirtual', () => {
    expect(errors(domain(" arch='aarch64'", 'hvm'))).toEqual([
      expect.stringContaining(
        "could not find capabilities for arch=aarch64: this host has x86 processors. Write arch='x86_64'",
      ),
    ]);
    expect(errors(domain(" arch='x86-64'", 'hvm'))).toEqual([expect.stringContaining("'x86-64'")]);
    const { findings, definition } = judged(domain(" arch='x86_64'", 'linux'));
    expect(findings.find(({ key }) => key === 'type.arch')?.text).toMatch(/^Paravirtual guests have 32 bits here/);
    expect(definition.cpuLevel).toBeUndefined();
  });
});

describe('a definition of any language', () => {
  const texts = [
    ['Python', SUSE_HVM],
    ['Python', SUSE_PV],
    ['SXP', SXP_HVM],
    ['SXP', SXP_PV],
    ['XML', XML_HVM],
    ['XML', XML_PV],
  ] as const;
  const writers = [
    ['xl.cfg', writeXlConfig],
    ['SXP', writeSxp],
    ['XML', writeXml],
  ] as const;
  it.each(texts.flatMap(([from, text]) => writers.map(([to, write]) => [from, to, text, write] as const)))(
    'written back makes the same domain: %s to %s',
    (_from, to, text, write) => {
      const { definition } = judged(text);
      const again = judged(write(definition));
      expect(again.findings.filter(isError)).toEqual([]);
      // What libvirt has no words for: weight and cap are tuned elsewhere. xend always says maxmem, and never long mode.
      const bare = ({ disks, maxMemoryMiB, weight, cap, cpuLevel, ...rest }: typeof definition) => ({
        ...rest,
        maxMemoryMiB: maxMemoryMiB ?? rest.memoryMiB,
        ...(to === 'XML' ? {} : { weight, cap }),
        ...(to === 'SXP' ? {} : { cpuLevel }),
        disks: disks.map(({ at: _at, ...disk }) => ({ ...disk, format: '' })),
      });
      expect(bare(again.definition)).toEqual(bare(definition));
    },
  );
});

describe('floppy disks', () => {
  const writers = [
    ['xl.cfg', writeXlConfig],
    ['SXP', writeSxp],
    ['XML', writeXml],
  ] as const;
  it.each(writers)('are the same when they were written as %s', (_to, write) => {
    const { definition } = judged(
      'name = "dos"\ntype = "hvm"\nmemory = 16\nfda = "/a b.img"\nfdb = "/b.img"\nboot = "ac"\n',
    );
    const of = ({ disks, bootOrder }: typeof definition): unknown => [
      bootOrder,
      disks.map(({ at: _at, ...disk }) => disk),
    ];
    expect(errors(write(definition))).toEqual([]);
    expect(of(judged(write(definition)).definition)).toEqual(of(definition));
    expect(JSON.parse(writeJson([{ definition }]))[0].config.disks).toBeUndefined();
  });
});

describe('a boot loader', () => {
  const options = [
    ['pygrub', ''],
    ['pygrub', 'bootloader_args = [ "--entry=2", "--args=a b=\\"c d\\" e" ]'],
    ['pygrub', `bootloader_args = [ "--kernel=/boot/it's", "--ramdisk=/r" ]`],
    ['domUloader', 'bootentry = "xvda2:/k,/r"'],
  ] as const;
  const writers = [
    ['xl.cfg', writeXlConfig],
    ['SXP', writeSxp],
    ['XML', writeXml],
  ] as const;
  it.each(writers.flatMap(([to, write]) => options.map(([program, more]) => [to, program, more, write] as const)))(
    'is the same when it was written as %s: %s %s',
    (_to, program, more, write) => {
      const { definition } = judged(
        `name = "x"\ntype = "pv"\nmemory = 64\ndisk = [ "/d.img,raw,xvda,w" ]\nbootloader = "${program}"\n${more}\n`,
      );
      expect(definition.bootloader?.program).toBe(program);
      expect(judged(write(definition)).definition.bootloader).toEqual(definition.bootloader);
    },
  );

  it('is named in the JSON of xl list -l', () => {
    const { definition } = judged(
      'name = "x"\ntype = "pv"\nmemory = 64\ndisk = [ "/d.img,raw,xvda,w" ]\nbootloader = "pygrub"\nbootloader_args = [ "--entry=2" ]\n',
    );
    expect(JSON.parse(writeJson([{ definition }]))[0].config.b_info).toMatchObject({
      bootloader: 'pygrub',
      bootloader_args: ['--entry=2'],
    });
  });
});

describe('files of /etc/xen/vm (Python)', () => {
  it('start as xm would have started them', () => {
    expect(errors(SUSE_HVM)).toEqual([]);
    const { definition, findings } = judged(SUSE_HVM);
    expect(definition).toMatchObject({
      name: 'win1',
      kind: 'hvm',
      memoryMiB: 1024,
      vcpus: 2,
      bootOrder: 'c',
      cards: [{ model: 'pcnet', mac: '00:16:3e:21:43:65' }],
    });
    expect(definition.disks.map(({ target, vdev, kind, readOnly }) => [target, vdev, kind, readOnly])).toEqual([
      ['/var/lib/xen/images/win1/disk0', 'hda', 'disk', false],
      ['/dev/cdrom', 'hdc', 'cdrom', true],
    ]);
    expect(findings.filter(f => f.verdict === 'used').map(f => f.key)).toEqual(
      expect.arrayContaining(['name', 'memory', 'vcpus', 'boot', 'on_crash']),
    );
    expect(['localtime', 'usb', 'description', 'builder'].map(key => verdictOf(SUSE_HVM, key))).toEqual([
      'ignored',
      'ignored',
      'ignored',
      'approximated',
    ]);
  });

  it('are made of strings, numbers, lists and names, and nothing is executed', () => {
    expect(errors(SUSE_PV)).toEqual([]);
    const { definition, findings } = judged(SUSE_PV);
    expect(definition).toMatchObject({
      name: 'web3',
      kind: 'pv',
      memoryMiB: 320,
      kernel: '/boot/vmlinuz-xen',
      ramdisk: '/boot/initrd-xen',
      cmdline: 'root=/dev/xvda1 ro console=hvc0 quiet',
    });
    expect(findings.filter(f => f.line === 2).map(f => [f.verdict, f.short])).toEqual([
      ['ignored', 'nothing is imported'],
      ['approximated', 'xl refuses this line'],
    ]);
    expect(findings.filter(f => f.key === 'disk').map(f => [f.line, f.column])).toEqual([
      [13, 10],
      [14, 10],
    ]);
  });

  it('say what is wrong with them, everything at once, with its place', () => {
    expect(
      errors(
        `base = '/img'\nname = base % 1\nfor a in [1]:\n    memory = 64\nwhile 0:\n    memory = 128\nmemory = 64\nmemroy = 2 + 3\nkernel = nowhere\nboot = open(1)\nvif = [ 'a' 'b', \nextra = 'x'\n`,
      ),
    ).toEqual([
      'vm:2:13: More values follow % than the format takes.',
      'vm:5:1: "while" is a statement of Python, and nothing is executed here. Write the assignments that are meant, without it.',
      'vm:9:10: nowhere was assigned nothing before. Text needs quotes: "nowhere".',
      'vm:10:8: open( …: nothing is executed here. Write the value that is meant.',
      'vm:11:7: "[" is never closed: "]" is missing.',
    ]);
  });
});

describe('definitions that xend exported (SXP)', () => {
  it('start as they ran', () => {
    expect(errors(SXP_HVM)).toEqual([]);
    const { definition, findings } = judged(SXP_HVM);
    expect(definition).toMatchObject({
      name: 'old1',
      kind: 'hvm',
      memoryMiB: 512,
      vcpus: 2,
      bootOrder: 'dc',
      onCrash: 'restart',
      weight: 256,
      cards: [{ model: 'pcnet', mac: '00:16:3e:0a:0b:0c' }],
    });
    expect(definition.disks.map(({ target, vdev, kind, readOnly }) => [target, vdev, kind, readOnly])).toEqual([
      ['/images/old1.img', 'hda', 'disk', false],
      ['/iso/dvd.iso', 'hdc', 'cdrom', true],
    ]);
    expect(findings.find(f => f.key === 'domid')).toMatchObject({ line: 2, column: 5, verdict: 'ignored' });
    expect(findings.find(f => f.key === 'memory')).toMatchObject({ line: 13, column: 5, verdict: 'used' });
    expect(errors(SXP_PV)).toEqual([]);
    expect(judged(SXP_PV).definition).toMatchObject({
      name: 'pv1',
      kind: 'pv',
      kernel: '/boot/vmlinuz',
      ramdisk: '/boot/initrd',
      cmdline: 'root=/dev/xvda1 ro',
    });
  });

  it('say what is wrong with them, with its place and the nearest spelling', () => {
    expect(errors('(domain (name a)\n (memroy 64) (vcpus x)\n (image (linux (kernel /k))))')).toEqual([
      'vm:2:21: (vcpus x): xend takes a number here.',
    ]);
    // In its author's words, at the field.
    expect(
      errors(
        '(domain (name a) (image (hvm (boot zz)))\n (device (vif (mac zz)))\n (device (vbd (uname file:/a) (dev foo:disk) (mode w))))',
      ),
    ).toEqual([
      expect.stringMatching(/^vm:1:36: \(boot zz\): the letters are/),
      expect.stringMatching(/^vm:2:20: \(mac zz\): ‘zz’ is no station address/),
      'vm:3:10: (vbd (dev foo:disk)): ‘foo’ is no vdev. Write hda, hdb, hdc or hdd.',
    ]);
    expect(judged('(domain (name a) (memroy 64))').findings.find(({ warns }) => warns)?.text).toBe(
      'memroy is no field of xend. Did you mean memory? Nothing looks at it, as with xend.',
    );
    expect(errors('(domain (name a)')[0]).toContain('vm:1:1: "(" is never closed');
    expect(errors("(domain (name 'a))")[0]).toContain('has no closing quote');
    expect(errors('(network (name a))')[0]).toContain('does not begin with (domain');
  });
});

describe('hostile definitions', () => {
  it.each([
    ['lists in lists', `name = ${'['.repeat(100_000)}`],
    ['lists in lists that are closed', `name = "%s" % ${'('.repeat(50_000)}1${')'.repeat(50_000)}`],
    ['SXP in SXP', '('.repeat(200_000)],
    ['SXP in SXP that is closed', `${'(domain '.repeat(20_000)}${')'.repeat(20_000)}`],
    ['a value that doubles', `a = "0123456789"\n${'a = a + a\n'.repeat(200)}name = a\n`],
    ['a list that doubles', `a = ['x']\n${'a = a + a\n'.repeat(200)}disk = a\n`],
    ['a string that is not closed', `name = "${'\\"'.repeat(100_000)}`],
    ['triple quotes', `a = 1 % 1\nname = ${"'''".repeat(80_001)}`],
    ['one long number', `name = True\nmemory = ${'1'.repeat(200_000)}x`],
    ['NUL bytes', '\0'.repeat(200_000)],
    ['wide formats', `a = 1\nname = "${'%999999999d'.repeat(20_000)}" % (${'1,'.repeat(20_000)})\nb = True\n`],
    ['signs', `name = ${'%+'.repeat(120_000)}`],
    ['SXP strings', `(domain ${"'".repeat(200_001)}`],
    ['XML in XML', '<domain>'.repeat(30_000)],
    [
      'entities that double',
      `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">${Array.from({ length: 30 }, (_, i) => `<!ENTITY a${i + 1} "&a${i};&a${i};">`).join('')}]><domain>&a30;</domain>`,
    ],
    ['attributes', `<domain ${Array.from({ length: 20_000 }, (_, i) => `a${i}='1'`).join(' ')}/>`],
    ['elements that nobody knows', `<domain type='xen'>${'<ab/>'.repeat(40_000)}</domain>`],
    ['NUL bytes in XML', `<domain>${'\0'.repeat(100_000)}</domain>`],
    ['300 KiB', `(domain ${'(name a) '.repeat(34_000)})`],
  ])('are refused with a few sentences, in time that grows with their length: %s', (_what, text) => {
    const { findings } = judged(text);
    expect(findings.some(isError)).toBe(true);
    expect(findings.length).toBeLessThan(250);
    expect(findings.reduce((sum, { text: sentence }) => sum + sentence.length, 0)).toBeLessThan(60_000);
  });
});
