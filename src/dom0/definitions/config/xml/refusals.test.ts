/** What is not done here: what keeps a domain from starting, in the words of libvirt's drivers, and what the document of one that runs does not have. */
import { beforeAll, describe, expect, it } from 'vitest';
import { isError, isFault, judgeDefinition, prepareToRead, writtenOver } from '../index.ts';
import { type Support, SUPPORTED } from '../libvirt-support.ts';
import { refusedPaths } from './refusals.ts';

const document = (devices: string, rest = '', type = 'kvm', os = "<type machine='pc'>hvm</type><kernel>/k</kernel>") =>
  `<domain type='${type}'><name>a</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>${rest}<os>${os}</os><devices>${devices}</devices></domain>`;
const card = (inner: string, type = 'bridge'): string =>
  `<interface type='${type}'><mac address='52:54:00:00:00:01'/><source bridge='xenbr0'/>${inner}</interface>`;
const disk = (inner: string, source = "<source file='/a.img'/>"): string =>
  `<disk type='file' device='disk'>${source}<target dev='vda' bus='virtio'/>${inner}</disk>`;

beforeAll(() => prepareToRead('<domain/>'));

const refused = (support: Support, path = ''): string[] => [
  ...(support.mark === '!' ? [path] : []),
  ...[...support.attributes].flatMap(([name, mark]) => (mark === '!' ? [`${path}@${name}`] : [])),
  ...[...support.elements].flatMap(([name, inner]) => refused(inner, path === '' ? name : `${path}/${name}`)),
];

/** A guest of KVM has it, and of one of Xen it is refused. */
const OF_XEN = ['devices/interface/link'];
/** It is done, and refused with words that are not. */
const BY_WORD = ['devices/disk/driver@type'];

it('has words for all that the table refuses, and for nothing else', () => {
  expect(refusedPaths().sort()).toEqual([...refused(SUPPORTED), ...OF_XEN, ...BY_WORD].sort());
});

describe('a domain does not start, and may be defined, with', () => {
  it.each([
    ["<launchSecurity type='sev'><policy>1</policy></launchSecurity>", 'SEV launch security is not supported'],
    ['<memtune><hard_limit>1000</hard_limit></memtune>', 'Memory cgroup is not available on this host'],
    ['<blkiotune><weight>100</weight></blkiotune>', 'Block I/O tuning is not available on this host'],
    ["<numatune><memory mode='strict' nodeset='3'/></numatune>", 'NUMA node 3 is unavailable'],
    ["<seclabel type='dynamic' model='selinux'/>", "Security driver model 'selinux' is not available"],
    ["<cpu mode='custom'><model>Nonsense</model></cpu>", 'Unknown CPU model Nonsense'],
    ["<cputune><cachetune vcpus='0'/></cputune>", 'Resource control is not supported on this host'],
  ])('%s', (rest, why) => refuses(document('', rest), why));

  it.each([
    [
      "<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='0' function='0'/></source></hostdev>",
      'passthrough of host PCI devices',
    ],
    [
      "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xabc'/></source></hostdev>",
      'Did not find USB device 1234:0abc',
    ],
    [
      "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
      'does not support TPM backend type emulator',
    ],
    ["<lease><lockspace>s</lockspace><key>k</key><target path='/l'/></lease>", 'Lease k cannot be acquired'],
    [card("<filterref filter='clean-traffic'/>"), "no nwfilter with matching name 'clean-traffic'"],
    [
      card("<vlan><tag id='5'/></vlan>"),
      'interface 52:54:00:00:00:01 - vlan tag not supported for this connection type',
    ],
    [card("<bandwidth><inbound average='100'/></bandwidth>"), 'interface 52:54:00:00:00:01 - of bandwidth settings'],
    [card("<bandwidth><outbound average='100' peak='200'/></bandwidth>"), 'interface 52:54:00:00:00:01 - of bandwidth'],
    [card("<port isolated='yes'/>"), 'isolated ports are not supported'],
    [disk('<transient/>'), 'transient disks not supported yet'],
    [disk('<iotune><total_bytes_sec>1000</total_bytes_sec></iotune>'), "throttling is not supported for disk 'vda'"],
    [disk("<auth username='u'><secret type='iscsi' usage='x'/></auth>"), "disk 'vda' cannot log in"],
    ["<graphics type='spice' defaultMode='secure'/>", 'spice defaultMode secure requested'],
    ["<graphics type='spice' tlsPort='5901'/>", 'spice TLS port set in XML configuration'],
    ["<graphics type='spice'><channel name='main' mode='secure'/></graphics>", 'spice secure channels set'],
  ])('%s', (devices, why) => refuses(document(devices), why));

  it('a link that is down keeps a guest of Xen from starting, and is one of KVM’s from the start', () => {
    refuses(document(card("<link state='down'/>"), '', 'xen'), 'a link that is down is not supported');
    for (const state of ['up', 'down']) {
      const { definition, findings } = judgeDefinition('a.xml', document(card(`<link state='${state}'/>`)));
      expect(findings.filter(finding => isFault(finding) || finding.refusesStart)).toEqual([]);
      expect(definition.cards[0]!.options?.link).toBe(state);
      expect(writtenOver(document(card('')), definition, {})).toContain(`<link state='${state}'/>`);
    }
  });

  it("a loader's or firmware's secure boot, and a transient disk of Xen", () => {
    // As libvirt 9.0 says it where no descriptor of a firmware is installed.
    const secure = (machine: string, smm = '') =>
      document(
        '',
        smm,
        'kvm',
        `<type machine='${machine}'>hvm</type><loader secure='yes'>/x</loader><kernel>/k</kernel>`,
      );
    const smm = "<features><smm state='on'/></features>";
    refuses(secure('pc'), 'Secure boot is supported with q35 machine types only.');
    refuses(secure('q35'), 'Secure boot requires SMM feature enabled.');
    refuses(secure('q35', smm), 'Secure boot is not supported.');
    for (const asked of [
      "<loader secure='yes'/>",
      "<firmware><feature enabled='yes' name='secure-boot'/></firmware>",
    ]) {
      const text = document('', smm, 'kvm', `<type machine='q35'>hvm</type>${asked}<kernel>/k</kernel>`);
      refuses(
        text.replace('<os>', "<os firmware='efi'>"),
        "Unable to find any firmware to satisfy 'efi'.",
        'operation failed',
      );
    }
    refuses(document(disk('<transient/>'), '', 'xen'), 'libxenlight does not support transient disks');
  });

  it('an image of a format that is not read here, which would be the bytes of a raw disk', () => {
    const vmdk = "<driver name='qemu' type='vmdk'/>";
    refuses(document(disk(vmdk)), "disk 'vda' is of format 'vmdk', and raw and qcow2 images are supported");
    refuses(document(disk(vmdk), '', 'xen'), 'libxenlight does not support disk format vmdk with disk driver qemu');
    for (const type of ['raw', 'qcow2'])
      expect(
        judgeDefinition('a', document(disk(`<driver name='qemu' type='${type}'/>`))).findings.filter(isError),
      ).toEqual([]);
  });

  function refuses(text: string, why: string, error = 'unsupported configuration'): void {
    const { findings } = judgeDefinition('a', text);
    expect(findings.filter(isFault)).toEqual([]);
    const told = findings.filter(isError);
    expect(told).toHaveLength(1);
    expect(told[0].text.startsWith(`${error}: `)).toBe(true);
    expect(told[0].text).toContain(why);
    // It is said once what becomes of it.
    const here = findings.filter(({ line, column }) => line === told[0].line && column === told[0].column);
    expect(here.filter(({ verdict, key }) => verdict === 'ignored' && key !== 'bios_path_override')).toEqual([]);
  }
});

it.each([
  document(
    disk('<iotune/>') +
      card("<link state='up'/><port isolated='no'/>") +
      "<graphics type='spice' tlsPort='-1' defaultMode='any'/>",
  ),
  document('', "<seclabel type='none'/><numatune><memory mode='strict' nodeset='0'/></numatune>"),
  document(
    '',
    '',
    'kvm',
    "<type>hvm</type><firmware><feature enabled='no' name='secure-boot'/></firmware><loader secure='no'>/k</loader><kernel>/k</kernel>",
  ),
])('what asks for nothing of that starts: %s', text => {
  expect(judgeDefinition('a', text).findings.filter(isError)).toEqual([]);
});

describe.each(['kvm', 'xen'])('a document of what runs, of %s,', type => {
  // libvirt takes modules of memory with maxMemory and a NUMA cell alone.
  const REST = `<maxMemory slots='2' unit='MiB'>256</maxMemory><iothreads>2</iothreads><memoryBacking><hugepages/><locked/></memoryBacking>
    <cpu mode='custom' match='exact'><model>EPYC</model><topology sockets='1' cores='1' threads='1'/><numa><cell id='0' cpus='0' memory='64' unit='MiB'/></numa></cpu>
    <clock offset='absolute' start='0'><timer name='rtc' tickpolicy='catchup'/></clock>
    <features><acpi/><smm state='on'/><kvm><hidden state='on'/></kvm></features>
    <pm><suspend-to-mem enabled='yes'/></pm><sysinfo type='smbios'><bios><entry name='vendor'>x</entry></bios></sysinfo>
    <on_lockfailure>ignore</on_lockfailure><genid/><title>T</title><metadata><x:y xmlns:x='urn:x'>z</x:y></metadata>`;
  const DEVICES = `${disk("<serial>WD</serial><driver name='qemu' type='raw' cache='none' iothread='1'/><alias name='ua-d'/><address type='pci' slot='0x1e'/>")}
    ${card("<model type='rtl8139'/><mtu size='9000'/><driver queues='4'/><virtualport type='openvswitch'/><link state='up'/>")}
    <watchdog model='i6300esb'/><vsock><cid auto='yes'/></vsock><shmem name='s'/><iommu model='intel'/><panic model='isa'/>
    <memory model='dimm'><target><size>1</size><node>0</node></target></memory><redirdev bus='usb' type='tcp'><source mode='connect' host='h' service='1'/></redirdev>
    <parallel type='file'><source path='/p'/></parallel><serial type='file'><source path='/s'/></serial><serial type='pty'/><sound model='ich9'/>
    <input type='tablet' bus='usb'/><controller type='usb' model='nec-xhci'/><video><model type='cirrus' vram='1'/></video><graphics type='vnc' keymap='de'/>`;

  it('has nothing that is not there, and the definition has all of it', () => {
    const text = document(DEVICES, REST, type, "<type machine='q35'>hvm</type><kernel>/k</kernel>").replace(
      "machine='q35'",
      type === 'kvm' ? "machine='q35'" : "machine='xenfv'",
    );
    const { definition, findings } = judgeDefinition('a', text);
    expect(findings.filter(isError)).toEqual([]);
    const running = writtenOver(text, definition, { domid: 1 })!;
    expect(running).not.toMatch(
      /iothread|hugepages|EPYC|topology|absolute|rtc|smm|hidden|suspend|sysinfo|lockfailure|genid|WD<|cache=|slot=|rtl8139|mtu|queues|virtualport|watchdog|vsock|shmem|iommu|panic|dimm|redirdev|parallel|\/s'|sound|tablet|xhci|cirrus|keymap|q35/,
    );
    for (const part of [
      '<title>T</title>',
      '<x:y xmlns:x=',
      "<alias name='ua-d'/>",
      "<model type='pcnet'/>",
      '<acpi/>',
    ])
      expect(running).toContain(part);
    expect(running.match(/<serial/g)).toHaveLength(1);
    const kept = writtenOver(text, definition)!;
    for (const part of [
      'iothreads',
      'hugepages',
      'EPYC',
      'smm',
      'WD',
      'rtl8139',
      'watchdog',
      'vsock',
      "serial type='file'",
      'mtu',
    ])
      expect(kept).toContain(part);
  });

  it.each(['user', 'direct'])("shows a card of type='%s' where it is", of => {
    const source = of === 'direct' ? "<source dev='eth0' mode='bridge'/>" : '';
    const text = document(
      `<interface type='${of}'>${source}<mac address='52:54:00:00:00:01'/><model type='e1000'/></interface>`,
      '',
      type,
    );
    const { definition } = judgeDefinition('a', text);
    const running = writtenOver(text, definition, { domid: 1 })!;
    expect(running).toContain("<interface type='bridge'>");
    expect(running).toContain("<source bridge='xenbr0'/>");
    expect(writtenOver(text, definition)).toContain(`<interface type='${of}'>`);
  });
});

describe('a board', () => {
  const errors = (machine: string): string[] =>
    judgeDefinition('a', document('', '', 'kvm', `<type machine='${machine}'>hvm</type><kernel>/k</kernel>`))
      .findings.filter(isError)
      .map(({ text }) => text);

  it.each(['pc', 'q35', 'pc-q35-7.2', 'pc-i440fx-2.12', 'pc-i440fx-4.0.1', 'pc-q35-rhel8.6.0', 'pc-i440fx-jammy'])(
    'that QEMU knows is taken: %s',
    machine => expect(errors(machine)).toEqual([]),
  );

  it('that has no PCI is refused, as everything here is on one', () =>
    expect(errors('isapc')).toEqual([expect.stringContaining('No PCI buses available')]));

  it.each(['pc-q35-9.9', 'pc-i440fx-7.3', 'pc-q36-7.2', 'nonsense'])('that it does not know is refused: %s', machine =>
    expect(errors(machine).join()).toContain(`does not support machine type '${machine}'`),
  );
});

it.each(['EPYC', 'Skylake-Server-noTSX-IBRS', 'qemu64', 'Westmere-IBRS', 'EPYC-v4'])(
  'a processor of libvirt is another here, and starts: %s',
  name => {
    const text = document('', `<cpu mode='custom'><model>${name}</model></cpu>`);
    expect(judgeDefinition('a', text).findings.filter(isError)).toEqual([]);
  },
);

it('a card that QEMU does not have is defined, and does not start; one that it has is another here', () => {
  const findings = (model: string) => judgeDefinition('a', document(card(`<model type='${model}'/>`))).findings;
  expect(findings('nonsense').filter(isFault)).toEqual([]);
  expect(
    findings('nonsense')
      .filter(isError)
      .map(({ text }) => text),
  ).toEqual([
    "<model type='nonsense'>: ‘nonsense’ is not a valid device model name: QEMU has no such card. Write pcnet.",
  ]);
  for (const model of ['rtl8139', 'e1000e', 'vmxnet3', 'virtio']) expect(findings(model).filter(isError)).toEqual([]);
});
