/** virsh, brctl and tcpdump: columns and sentences. */
import { domainsOf } from '../../toolstack/domains/index.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../../formats/blocks/index.ts';
import { testFiles, testHost } from '../../service/host.test-support.ts';
import { bridgePrograms } from '../../shell/bridge.ts';
import { virshProgram } from './virsh.ts';
import type { Program } from '../../toolstack/programs/index.ts';

const demo = readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url));
const UUID = '6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11';

async function make(more: Parameters<typeof testHost>[0] = {}) {
  const files = await testFiles();
  await files.writeFile('/boot/demo.elf', demo);
  await files.writeFile(
    '/root/a.xml',
    `<domain type='xen'><name>a</name><uuid>${UUID}</uuid><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>`,
  );
  await files.writeFile(
    '/root/b.xml',
    "<domain type='xen'><name>b</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>",
  );
  await files.writeFile('/root/b.cfg', 'name = "b"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/demo.elf"\n');
  const host = testHost({ files, epochMs: () => 0, ...more });
  const around = {
    stdin: '',
    directory: '/root',
    readFile: (path: string) => files.readFileBuffer(path),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(path, bytes),
    signal: new AbortController().signal,
  };
  const line =
    (program: Program) =>
    async (words: string): Promise<string> => {
      const { stdout, stderr, status } = await program.run(words.split(' ').filter(Boolean), around);
      return status === 0 ? stdout + stderr : `${status}: ${stderr}`;
    };
  const [brctl, tcpdump] = bridgePrograms(host).map(line);
  return {
    host,
    files,
    virsh: line(virshProgram(host)),
    brctl: brctl!,
    tcpdump: tcpdump!,
    complete: virshProgram(host).complete!,
  };
}

/** Where no file is. */
const nowhere = {
  stdin: '',
  directory: '/root',
  readFile: async () => new Uint8Array(),
  writeFile: async () => {},
  signal: new AbortController().signal,
};

describe('virsh', () => {
  it('presses keys by their numbers, and by the names that Linux has for them', async () => {
    const { host, virsh } = await make();
    expect(await virsh('create /root/a.xml')).toContain('created');
    const pressed: string[] = [];
    const { inputs } = host.toolstack;
    inputs.key = (_member, key, isDown) => void pressed.push(`${isDown ? 'down' : 'up'} ${key}`);
    expect(await virsh('send-key a KEY_LEFTCTRL 0x2e')).toBe('\n');
    expect(pressed).toEqual(['down ControlLeft', 'down KeyC', 'up KeyC', 'up ControlLeft']);
    expect(await virsh('send-key a KEY_FOO')).toBe("1: error: invalid keycode: 'KEY_FOO'\n");
    expect(await virsh('send-key a KEY_A --codeset xt')).toBe("1: error: invalid keycode: 'KEY_A'\n");
  });

  it('keeps tags as metadata in the words of libvirt, whether the domain runs or not', async () => {
    const { host, files, virsh } = await make();
    await virsh('define /root/a.xml');
    const uri = 'urn:ringside:tags',
      none = '1: error: metadata not found: Requested metadata element is not present\n';
    expect(await virsh(`metadata a ${uri}`)).toBe(none);
    expect(await virsh(`metadata a ${uri} --key r --set <tags><tag>web</tag><tag>x</tag></tags>`)).toBe(
      'Metadata modified\n\n',
    );
    const element = '<tags>\n  <tag>web</tag>\n  <tag>x</tag>\n</tags>\n\n';
    expect(await virsh(`metadata a ${uri}`)).toBe(element);
    await virsh('start a');
    expect(await virsh(`metadata a ${uri}`)).toBe(element);
    expect((await host.inventory(false)).tags).toEqual({ 1: ['web', 'x'] });
    await host.manage('tags', 'a', ['only', 'only']);
    expect(await virsh('dumpxml a')).toContain('<ringside:tag>only</ringside:tag>');
    await expect(host.manage('tags', 'a', ['two words'])).rejects.toThrow('‘two words’ is no tag.');
    expect(new TextDecoder().decode(await files.readFileBuffer('/etc/xen/vm/a'))).toContain('only');
    expect(await virsh(`metadata a ${uri} --remove`)).toBe('Metadata removed\n\n');
    expect([await virsh(`metadata a ${uri}`), await virsh('metadata a urn:else')]).toEqual([none, none]);
    expect(await virsh(`metadata a ${uri} --key r --set <tags><b/></tags>`)).toContain('unexpected element <b>');
    expect(await virsh('metadata a urn:else --key r --set <tags/>')).toBe('Metadata modified\n\n');
    expect([await virsh('metadata a urn:else'), await virsh(`metadata a ${uri}`)]).toEqual([
      '<tags/>\n\n',
      expect.stringContaining('not found'),
    ]);
  });

  it('keeps what somebody writes about a domain in its definition, and renames one that does not run', async () => {
    const { host, files, virsh } = await make();
    await virsh('define /root/a.xml');
    expect(await virsh('desc a')).toBe('No description for domain: a\n');
    await host.definitions.setDescription('a', "the shop's\ndatabase");
    expect(await virsh('desc a')).toBe("the shop's\ndatabase\n");
    expect(await virsh('dumpxml a')).toContain('<description>the shop&apos;s\ndatabase</description>');
    // What was written in XML stays so.
    expect(new TextDecoder().decode(await files.readFileBuffer('/etc/xen/vm/a'))).toContain(
      '<description>the shop&apos;s\ndatabase</description>',
    );
    await virsh('start a');
    expect(await virsh('desc a')).toBe("the shop's\ndatabase\n");
    await host.definitions.setDescription('a', '');
    expect([await virsh('desc a'), await virsh('desc a --config')]).toEqual([
      'No description for domain: a\n',
      'No description for domain: a\n',
    ]);
    expect([await virsh('domrename a shop'), await virsh('desc c x')]).toEqual([
      '1: error: Requested operation is not valid: cannot rename active domain\n',
      expect.stringMatching(/^1: error: failed to get domain 'c'/),
    ]);
    await virsh('destroy a');
    expect(await virsh('domrename a shop')).toBe('Domain successfully renamed\n\n');
    expect(await virsh('list --all --name')).toBe('Domain-0\nshop\n\n');
  });

  it('has a domain of KVM as one, defined and running, and for Xen alone no words for it', async () => {
    const image = new Uint8Array(1 << 20);
    const { host, files, virsh } = await make({ openMedium: () => new MemoryDisk(image) });
    const disk = "<disk type='file'><source file='/root/d.img'/><target dev='vda' bus='virtio'/></disk>";
    await files.writeFile('/root/d.img', image);
    await files.writeFile(
      '/root/k.xml',
      `<domain type='kvm'><name>k</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices>${disk}<interface type='bridge'><source bridge='xenbr0'/><model type='virtio'/></interface></devices></domain>`,
    );
    expect(await virsh('define /root/k.xml')).toBe("Domain 'k' defined from /root/k.xml\n\n");
    expect(await virsh('start k')).toBe("Domain 'k' started\n\n");
    const [member] = host.toolstack.members.values();
    expect(member?.blueprint.definition.kind).toBe('kvm');
    for (const [words, first] of [
      ['dumpxml k', "<domain type='kvm' id='1'>"],
      ['dumpxml k --inactive', "<domain type='kvm'>"],
    ] as const) {
      const xml = await virsh(words);
      expect(xml.split('\n')[0]).toBe(first);
      expect(xml).toContain("<target dev='vda' bus='virtio'/>");
      expect(xml).toContain("<model type='virtio'/>");
    }
    expect(await virsh('domblklist k')).toMatch(/ vda {6}\/root\/d\.img/);
    expect(await virsh('domxml-to-native xen-xl /root/k.xml')).toBe(
      '1: error: invalid argument: could not find capabilities for domaintype=kvm: xen-xl is for guests of Xen.\n',
    );
    await virsh('destroy k');
  });

  it('prints snapshots as a tree, and where the domain is', async () => {
    const { files, virsh } = await make();
    await virsh('define /root/a.xml');
    expect(await virsh('snapshot-current a')).toBe("1: error: domain 'a' has no current snapshot\n");
    const record = (name: string, createdMs: number, more = {}) =>
      files.writeFile(
        `/var/lib/xen/snapshots/a/${name}`,
        JSON.stringify({ domain: 'a', name, createdMs, definition: '', disks: [], ...more }),
      );
    await files.mkdir('/var/lib/xen/snapshots/a', { recursive: true });
    await record('one', 1);
    await record('two', 2, { parent: 'one', currentMs: 9 });
    await record('three', 3, { parent: 'two' });
    await record('four', 4, { parent: 'one' });
    // vshTreePrintInternal() of tools/vsh.c.
    expect(await virsh('snapshot-list a --tree')).toBe(
      ['one', '  |', '  +- four', '  +- two', '      |', '      +- three', '        ', ''].join('\n'),
    );
    expect(await virsh('snapshot-current a --name')).toBe('two\n\n');
    expect((await virsh('snapshot-list a --parent')).split('\n')[5]).toMatch(/^ two .* shutoff {3}one$/);
  });

  it('tells which guests the host runs: of 32 and of 64 bits, paravirtual ones of 32 alone', async () => {
    const { host, virsh } = await make();
    const kinds = async () =>
      [
        ...(await virsh('capabilities')).matchAll(
          /<os_type>(.*)<\/os_type>\s*<arch name='(.*)'>\s*<wordsize>(.*)<\/wordsize>/g,
        ),
      ].map(([, ...facts]) => facts.join(' '));
    expect(await kinds()).toEqual([
      'xen i686 32',
      'hvm i686 32',
      'hvm x86_64 64',
      'xenpvh i686 32',
      'xenpvh x86_64 64',
    ]);
    // virArchFromHost() is what uname(2) says of Domain 0, which is paravirtual.
    expect(await virsh('capabilities')).toMatch(/^<capabilities>\n\n {2}<host>\n {4}<cpu>\n {6}<arch>i686<\/arch>/);
    const facts = async (words: string) =>
      /<machine>(.*)<\/machine>\n {2}<arch>(.*)<\/arch>/.exec(await virsh(`domcapabilities ${words}`))?.slice(1);
    expect(await facts('')).toEqual(['xenfv', 'x86_64']);
    expect(await facts('--machine xenpvh --arch=i686')).toEqual(['xenpvh', 'i686']);
    expect(await virsh('domcapabilities --arch x86_64 --machine xenpv')).toBe(
      '1: error: failed to get emulator capabilities\nerror: invalid argument: could not find capabilities for domaintype=xen arch=x86_64 machine=xenpv\n',
    );
    host.toolstack.hypervisor.hasVt = false;
    expect(await kinds()).toEqual(['xen i686 32']);
  });

  it('says why a domain is in its state, in the words of virDomainState and its reasons', async () => {
    const { host, virsh } = await make();
    await virsh('define /root/a.xml');
    const why = async () => (await virsh('domstate a --reason')).trim();
    const said = [await why(), await virsh('domstate Domain-0 --reason')];
    await virsh('start a --paused');
    said.push(await why());
    await virsh('resume a');
    said.push(await why());
    host.toolstack.setPaused(domainsOf(host).running('a')!, true, 'unknown');
    said.push(await why());
    await virsh('save a /root/a.save');
    said.push(await why());
    await virsh('restore /root/a.save --paused');
    await virsh('resume a');
    await virsh('destroy a');
    said.push(await why(), (await virsh('list --all')).split('\n')[3]!);
    expect(said).toEqual([
      'shut off (unknown)',
      'running (booted)\n\n',
      'paused (user)',
      'running (unpaused)',
      'paused (unknown)',
      'shut off (saved)',
      'shut off (destroyed)',
      ' -    a          shut off',
    ]);
  });

  it('shows the job of a domain that is saved, and ends it', async () => {
    const { host, files, virsh } = await make();
    await virsh('create /root/b.xml');
    expect(await virsh('domjobinfo b')).toBe('Job type:         None        \n\n');
    expect(await virsh('domjobabort b')).toBe(
      '1: error: Requested operation is not valid: no job is active on the domain\n',
    );
    // As if it had a driver that listens; it never does what it is asked.
    const shutdown = '/local/domain/1/control/shutdown';
    const { client } = host.toolstack.services;
    client.write('/local/domain/1/control/feature-suspend', '1');
    const saved = virsh('save b /root/b.save');
    for (let i = 0; i < 20 && client.read(shutdown) !== 'suspend'; i++)
      await new Promise(resolve => setTimeout(resolve));
    expect([client.read(shutdown), await virsh('domjobinfo b')]).toEqual([
      'suspend',
      'Job type:         Unbounded   \nOperation:        Save        \nTime elapsed:     0            ms\n\n',
    ]);
    // As the page has it.
    expect(host.domains.all()[0]).toMatchObject({ name: 'b', job: { operation: 'Save' } });
    expect(await host.inspect('job', 1)).toMatchObject({ operation: 'Save' });
    await expect(host.domains.abortJob(0)).rejects.toThrow(/0/);
    expect(await virsh('domjobabort b')).toBe('\n');
    expect(await saved).toBe(
      "1: error: Failed to save domain 'b' to /root/b.save\nerror: operation aborted: domain save job: canceled by client\n",
    );
    expect([client.read(shutdown), (await files.readdir('/root')).includes('b.save')]).toEqual(['', false]);
    expect(await virsh('domjobinfo b --completed')).toMatch(/^Job type: {9}Cancelled {3}\nOperation: {8}Save/);
    // One that does not listen is held still, and is gone when its state is written.
    client.write('/local/domain/1/control/feature-suspend', '0');
    expect(await virsh('save b /root/b.save')).toBe("\nDomain 'b' saved to /root/b.save\n\n");
    expect(await virsh('restore /root/b.save')).toBe('Domain restored from /root/b.save\n\n');
    expect(await virsh('domjobinfo b --completed')).toMatch(/^Job type: {9}Completed {3}\nOperation: {8}Restore/);
  });

  it('says which half of a network an update has changed: what runs, what is defined, both', async () => {
    const { files, virsh } = await make();
    await files.writeFile(
      '/root/n.xml',
      "<network><name>n</name><ip address='192.168.77.1' prefix='24'><dhcp/></ip></network>",
    );
    await files.writeFile('/root/h.xml', "<host mac='00:16:3e:00:00:07' ip='192.168.77.7'/>");
    const update = (command: string): Promise<string> => virsh(`net-update n ${command} ip-dhcp-host /root/h.xml`);
    await virsh('net-define /root/n.xml');
    expect(await update('add')).toBe('Updated network n persistent config\n');
    expect(await update('delete --live')).toBe(
      '1: error: Failed to update network n\nerror: Requested operation is not valid: network is not running\n',
    );
    await virsh('net-start n');
    expect(await update('delete')).toBe('Updated network n live state\n');
    expect(await update('delete --config')).toBe('Updated network n persistent config\n');
    expect(await update('add --live --config')).toBe('Updated network n persistent config and live state\n');
    expect((await virsh('net-dumpxml n')).match(/<host /g)).toHaveLength(1);
  });

  it('defines, lists, starts, stops and undefines domains', async () => {
    const { host, virsh, complete } = await make();
    expect(await virsh('define /root/a.xml')).toBe("Domain 'a' defined from /root/a.xml\n\n");
    expect(await virsh('create --paused /root/b.xml')).toBe("Domain 'b' created from /root/b.xml\n\n");
    expect(await virsh('list --all')).toBe(
      [
        ' Id   Name       State',
        '---------------------------',
        ' 0    Domain-0   running',
        ' 1    b          paused',
        ' -    a          shut off',
        '',
        '',
      ].join('\n'),
    );
    expect(await virsh('list --inactive --name')).toBe('a\n\n');
    expect((await virsh('domblklist a')).split('\n').slice(0, 2)).toEqual([
      ' Target   Source',
      expect.stringMatching(/^-+$/),
    ]);
    expect((await virsh('domiflist b')).split('\n')[0]).toMatch(/^ Interface {3}Type( +)Source( +)Model( +)MAC$/);
    expect(await virsh('net-list')).toMatch(
      /^ Name {5}State {4}Autostart {3}Persistent\n-+\n xenbr0 {3}active {3}yes {9}yes\n\n$/,
    );
    expect((await virsh('pool-list')).split('\n').slice(2, 4)).toEqual([
      ' images   active   yes',
      ' vg0      active   yes',
    ]);
    expect(await virsh('vol-list none')).toBe(
      "1: error: failed to get pool 'none'\nerror: Storage pool not found: no storage pool with matching name 'none'\n",
    );
    expect(await virsh('vol-list vg0')).toMatch(/^ Name {3}Path\n-+\n\n$/);
    expect(await virsh('nodeinfo')).toMatch(
      /^CPU model: {11}i686\nCPU\(s\): {14}1\n[\s\S]*Memory size: {9}\d+ KiB\n\n$/,
    );
    expect((await virsh('dumpxml b')).split('\n')[0]).toBe("<domain type='xen' id='1'>");
    expect(await virsh('start a')).toBe("Domain 'a' started\n\n");
    expect([
      await virsh('suspend a'),
      await virsh('domstate a'),
      await virsh('resume 2'),
      await virsh(`domid ${UUID}`),
    ]).toEqual(["Domain 'a' suspended\n\n", 'paused\n\n', "Domain '2' resumed\n\n", '2\n\n']);
    expect([await virsh('start a'), await virsh('start c'), await virsh('undefine b'), await virsh('frob')]).toEqual([
      '1: error: Domain is already active\n',
      "1: error: failed to get domain 'c'\n",
      "1: error: Failed to undefine domain 'b'\nerror: Requested operation is not valid: cannot undefine transient domain\n",
      "1: error: unknown command: 'frob'\n",
    ]);
    expect([
      await virsh('destroy a'),
      await virsh('destroy a'),
      await virsh('undefine a'),
      await virsh('destroy Domain-0'),
    ]).toEqual([
      "Domain 'a' destroyed\n\n",
      "1: error: Failed to destroy domain 'a'\nerror: Requested operation is not valid: domain is not running\n",
      "Domain 'a' has been undefined\n\n",
      "1: error: Failed to destroy domain 'Domain-0'\nerror: Requested operation is not valid: this is the host’s own domain\n",
    ]);
    expect(host.domains.all().map(({ name }) => name)).toEqual(['b']);
    expect(await complete(['dom'])).toEqual(expect.arrayContaining(['dominfo', 'domxml-to-native']));
    expect(await complete(['destroy', ''])).toEqual(['Domain-0', 'b']);
  });

  it('tells what is known of a domain, and marks it to start with the host', async () => {
    const { files, virsh } = await make();
    await virsh('define /root/a.xml');
    expect(await virsh('autostart a')).toBe("Domain 'a' marked as autostarted\n\n");
    expect(await files.readdir('/etc/xen/auto')).toEqual(['a']);
    expect(await virsh('dominfo a')).toBe(
      [
        'Id:             -',
        'Name:           a',
        `UUID:           ${UUID}`,
        'OS Type:        hvm',
        'State:          shut off',
        'CPU(s):         1',
        'Max memory:     8192 KiB',
        'Used memory:    8192 KiB',
        'Persistent:     yes',
        'Autostart:      enable',
        'Managed save:   no',
        'Security model: none',
        'Security DOI:   0',
        '',
        '',
      ].join('\n'),
    );
    expect(await virsh('autostart --disable a')).toBe("Domain 'a' unmarked as autostarted\n\n");
    expect(await virsh('dumpxml a')).toContain(`<uuid>${UUID}</uuid>`);
    expect(await virsh('domxml-to-native xen-xl /root/a.xml')).toContain('kernel = "/boot/demo.elf"\n');
    expect(await virsh('domxml-from-native xen-xm /root/b.cfg')).toContain('<name>b</name>');
    expect(await virsh('define /root/none.xml')).toMatch(/^1: error: Failed to open file '\/root\/none\.xml': ENOENT/);
    expect(await virsh('list --frob')).toBe("1: error: command 'list' doesn't support option --frob\n");
  });
});

describe('conversions between libvirt and Xen', () => {
  const fixture = (name: string): string =>
    readFileSync(new URL(`../../definitions/config/fixtures/${name}`, import.meta.url), 'utf8');

  it('fail with what cannot be read, as create does, and print no definition', async () => {
    const { files, virsh } = await make();
    await files.writeFile('/root/vm16', `${fixture('xm-loops')}while vnc: vif = []\ndisk = [ random_disk() ]\n`);
    const said = await virsh('domxml-from-native xen-xm /root/vm16');
    expect(said).toMatch(
      /^1: error: \/root\/vm16:19:1: "while" is a statement of Python.*\nerror: \/root\/vm16:20:10: random_disk\(/,
    );
    expect(said).not.toContain('<domain');
    await files.writeFile('/root/python', 'name = "a" + "b"\nbuilder = "hvm"\nmemory = 8\nkernel = "/k"\n');
    expect(await virsh('domxml-from-native xen-xl /root/python')).toMatch(/^1: error: \/root\/python:1:12: /);
    expect(await virsh('domxml-from-native xen-xm /root/python')).toContain('<name>ab</name>');
    await files.writeFile('/root/bad.xml', fixture('xml-without-memory.xml'));
    for (const format of ['xen-xl', 'xen-xm', 'xen-sxpr'])
      expect(await virsh(`domxml-to-native ${format} /root/bad.xml`)).toMatch(
        /^1: error: \/root\/bad\.xml:1:1: Memory size must be specified/,
      );
    expect(await virsh('domxml-to-native xen-xl /root/vm16')).toBe(
      '1: error: /root/vm16:1:1: This is no domain XML of libvirt. Take another file, or another format.\n',
    );
  });

  it('carry over disks, cards with bridge and script, and the root device, and say what they leave out', async () => {
    const { files, virsh } = await make();
    await files.writeFile('/root/old.xml', fixture('xml-root-element.xml'));
    const card = 'mac=aa:00:00:00:00:11,script=/etc/xen/scripts/vif-bridge,type=vif';
    for (const format of ['xen-xl', 'xen-xm', 'xen-sxpr']) {
      const native = await virsh(`domxml-to-native ${format} /root/old.xml`);
      expect(native).toContain('root=/dev/sda1 ro console=hvc0');
      await files.writeFile('/root/old', native);
      const xml = await virsh(`domxml-from-native ${format} /root/old`);
      expect(xml).toMatch(
        /<source file='\/data\/boot\.img'\/>[\s\S]*<target dev='sda1'[\s\S]*<mac address='aa:00:00:00:00:11'\/>[\s\S]*<script path='\/etc\/xen\/scripts\/vif-bridge'\/>/,
      );
      if (format === 'xen-xl') expect(native).toContain(card);
    }
    await files.writeFile('/root/vm16', fixture('xm-loops'));
    const loops = await virsh('domxml-from-native xen-xm /root/vm16');
    expect(
      [...loops.matchAll(/<source file='(.*)'\/>|<mac address='(.*)'\/>/g)].map(each => each[1] ?? each[2]),
    ).toEqual(['/data/boot.img', '/data/two.img', '/data/three.img', '00:16:3e:00:16:00', '00:16:3e:00:16:01']);
    await files.writeFile('/root/suse', fixture('suse-hvm'));
    const xml = await virsh('domxml-from-native xen-xm /root/suse');
    expect(xml).toMatch(/^<!-- not carried over:\n {2}keymap = "en-us"\n/);
    expect(xml).toMatch(/<clock offset='localtime'\/>[\s\S]*<source bridge='br0'\/>[\s\S]*<model type='rtl8139'\/>/);
  });

  it("carry over a disk's script, back end and discard, or say what the target cannot hold", async () => {
    const { files, virsh } = await make();
    const base =
      'name = "x"\ntype = "hvm"\nmemory = 64\ncpu_weight = 512\nusbdevice = "tablet"\nhap = 0\nvga = "stdvga"\n';
    const disks = ['vdev=hda,script=block-drbd,target=web', '/d.img,raw,hdb,backendtype=tap,discard'];
    await files.writeFile('/root/a.cfg', `${base}disk = [ ${disks.map(disk => `"${disk}"`).join(', ')} ]\n`);
    const xml = await virsh('domxml-from-native xen-xl /root/a.cfg');
    expect(xml).toMatch(/^<!-- not carried over:\n {2}disk 1: script=block-drbd\n[\s\S]* {2}usbdevice = "tablet"\n/);
    expect(xml).toContain("<driver name='tap' type='raw' discard='unmap'/>");
    await files.writeFile('/root/a.xml', xml);
    const back = await virsh('domxml-to-native xen-xl /root/a.xml');
    expect(back).toContain('"/d.img,raw,hdb,backendtype=tap,discard"');
    await files.writeFile(
      '/root/b.xml',
      back && xml.replace('</features>', '<hap/></features><iothreads>2</iothreads>'),
    );
    const sxp = await virsh('domxml-to-native xen-sxpr /root/b.xml');
    expect(sxp).toMatch(
      /\(uname tap:aio:\/d\.img\)[\s\S]*\n\)\n# not carried over: iothreads: .*\n[\s\S]*# not carried over: disk 2: discard\n/,
    );
    // xend's word for the card (XendConfig.py).
    expect(sxp).toContain('(stdvga 1)');
    expect(sxp).not.toMatch(/not carried over: vga/);
    for (const format of ['xen-xl', 'xen-xm'])
      expect((await virsh(`domxml-to-native ${format} /root/b.xml`)).match(/^# not carried over: \w+/gm)).toEqual([
        '# not carried over: iothreads',
        '# not carried over: console',
        '# not carried over: memballoon',
      ]);
  });
});

describe('the bridge', () => {
  it('is shown with its ports and stations', async () => {
    const { host, brctl } = await make();
    expect(await brctl('show')).toBe(
      'bridge name\tbridge id\t\tSTP enabled\tinterfaces\nxenbr0\t\t8000.001b21000001\tno\t\teth0\n',
    );
    expect(await brctl('showmacs xenbr0')).toBe('port no\tmac addr\t\tis local?\tageing timer\n');
    expect([await brctl('showmacs br9'), await brctl('show br9')]).toEqual([
      '1: read of forward table failed: No such device\n',
      '1: bridge br9 does not exist!\n',
    ]);
    host.toolstack.services.network.bridge.addPort('vif7.0', { deliver: () => {} });
    expect(await brctl('show xenbr0')).toMatch(/eth0\n\t{7}vif7\.0\n$/);
  });

  it('is captured into a file that others read', async () => {
    const { host, files, tcpdump } = await make();
    const { bridge } = host.toolstack.services.network;
    const port = bridge.addPort('vif7.0', { deliver: () => {} });
    const frame = Uint8Array.from({ length: 60 }, (_, i) => (i < 6 ? 0xff : i));
    frame.set([0x00, 0x16, 0x3e, 0, 0, 7], 6);
    const done = tcpdump('-i xenbr0 -c 2 -w /tmp/x.pcap');
    for (let i = 0; i < 3; i++) port.input({ bytes: frame.slice() });
    expect(await done).toBe('2 packets captured\n');
    const pcap = await files.readFileBuffer('/tmp/x.pcap');
    const view = new DataView(pcap.buffer, pcap.byteOffset);
    expect([view.getUint32(0, true), pcap.length, view.getUint32(24 + 8, true)]).toEqual([
      0xa1b23c4d,
      24 + 2 * (16 + 60),
      60,
    ]);
    expect(pcap.subarray(40, 100)).toEqual(frame);
    expect([await tcpdump('-w /tmp/y'), await tcpdump('-c 1'), await tcpdump('-i eth9 -c 1 -w /tmp/y')]).toEqual([
      '1: tcpdump: in a script it ends after -c packets or -G seconds: write how many.\n',
      '1: tcpdump: packets are written to a file, and not printed: write -w FILE.\nUsage: tcpdump -w FILE [-i INTERFACE] [-c COUNT] [-G SECONDS]\n',
      '1: tcpdump: eth9: No such device exists\n',
    ]);
    expect(await tcpdump('-G 1 -i vif7.0 -w /tmp/z')).toBe('0 packets captured\n');
  });
});

describe('virsh, called as a program is', () => {
  it('does several commands of one word, and none where one is unknown', async () => {
    const program = virshProgram((await make()).host);
    const said = async (...words: string[]) => program.run(words, nowhere);
    expect(await said('hostname; uri')).toEqual({ stdout: 'ringside\n\nxen:///system\n\n', stderr: '', status: 0 });
    expect(await said('hostname; frobnicate')).toEqual({
      stdout: '',
      stderr: "error: unknown command: 'frobnicate'\n",
      status: 1,
    });
  });

  it('connects to this host, and says of others that there is no way', async () => {
    const { virsh } = await make();
    expect(await virsh('-c xen:///system hostname')).toBe('ringside\n\n');
    expect(await virsh('-c esx://somewhere list')).toBe(
      '1: error: failed to connect to the hypervisor\nerror: no connection driver available for esx://somewhere\n',
    );
  });

  it('tells and changes shares of processor time by their names', async () => {
    const { virsh } = await make();
    await virsh('define /root/a.xml');
    expect(await virsh('schedinfo a')).toBe('1: error: Requested operation is not valid: domain is not running\n');
    await virsh('start a --paused');
    expect(await virsh('schedinfo a')).toBe('Scheduler      : credit\nweight         : 256\ncap            : 0\n\n');
    expect(await virsh('schedinfo a --set weight=512 --cap 50')).toBe(
      'Scheduler      : credit\nweight         : 512\ncap            : 50\n\n',
    );
    expect(await virsh('schedinfo a --set speed=1')).toBe('1: error: invalid scheduler option: speed\n');
  });

  it('leaves the most memory that a domain may have where it was when it has less', async () => {
    const { virsh } = await make();
    await virsh('define /root/a.xml');
    await virsh('setmem a 4MiB --config');
    expect(await virsh('dominfo a')).toMatch(/Max memory: +8192 KiB\nUsed memory: +4096 KiB/);
    await virsh('setmem a 8MiB --config');
    await virsh('start a --paused');
    await virsh('setmem a 4MiB');
    expect(await virsh('dominfo a')).toMatch(/Max memory: +8192 KiB/);
  });
});
