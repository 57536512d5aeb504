/** Who a domain is: one UUID and one station address for each card, in virsh, xl and the page, for as long as its definition is kept. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testFiles, testHost } from '../../service/host.test-support.ts';
import { COMMANDS, runXl } from '../../toolstack/commands/index.ts';
import { virshProgram } from './virsh.ts';

const demo = readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url));
const UUID = '6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11';
const xml = (name: string, more = ''): string =>
  `<domain type='xen'><name>${name}</name>${more}<memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices><interface type='bridge'><source bridge='xenbr0'/></interface></devices></domain>`;

async function make() {
  const files = await testFiles();
  await files.writeFile('/boot/demo.elf', demo);
  const cfg = 'type = "hvm"\nmemory = 8\nkernel = "/boot/demo.elf"\nvif = [""]\n';
  await files.mkdir('/etc/xen/vm', { recursive: true });
  await files.writeFile('/etc/xen/vm/kept', `name = "kept"\n${cfg}`);
  await files.writeFile('/root/once.cfg', `name = "once"\n${cfg}`);
  await files.writeFile('/root/twin.cfg', `name = "twin"\nuuid = "${UUID}"\n${cfg}`);
  await files.writeFile('/root/aa.xml', xml('aa', `<uuid>${UUID}</uuid>`));
  await files.writeFile('/root/bb.xml', xml('bb', `<uuid>${UUID}</uuid>`));
  await files.writeFile('/root/other.xml', xml('aa', '<uuid>7b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11</uuid>'));
  await files.writeFile('/root/cc.xml', xml('cc'));
  const host = testHost({ files, epochMs: () => 0 });
  const around = {
    stdin: '',
    directory: '/root',
    readFile: (path: string) => files.readFileBuffer(path),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(path, bytes),
    signal: new AbortController().signal,
  };
  const program = virshProgram(host);
  const virsh = async (words: string): Promise<string> => {
    const { stdout, stderr, status } = await program.run(words.split(' '), around);
    return status === 0 ? stdout.trim() : `${status}: ${stderr.trim()}`;
  };
  const xl = (words: string): Promise<string> =>
    runXl(COMMANDS, {
      host,
      program: 'xl',
      words: words.split(' '),
      read: async path => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
      write: async () => {},
    }).catch((error: Error) => error.message);
  /** As clients of each kind know it. */
  const known = async (name: string) => {
    const list = JSON.parse(await xl(`list -l ${name}`)) as {
      config: { c_info: { uuid: string }; nics?: { mac: string }[] };
    }[];
    const member = [...host.toolstack.members.values()].find(each => each.name === name && !each.ending);
    return {
      virsh: await virsh(`domuuid ${name}`),
      xl: list[0]?.config.c_info.uuid,
      page: member?.uuid,
      mac: list[0]?.config.nics?.[0].mac,
      xml: /<mac address='(.*?)'/.exec(await virsh(`dumpxml --inactive ${name}`))?.[1],
    };
  };
  return { files, host, virsh, xl, known };
}

describe('the identity of a domain', () => {
  it('is drawn once for a definition without UUID and address, and stays from start to start, and over a rename', async () => {
    const { virsh, xl, known, files } = await make();
    const uuid = await virsh('domuuid kept');
    const mac = /<mac address='(.*?)'/.exec(await virsh('dumpxml kept'))?.[1];
    expect(mac).toMatch(/^00:16:3e:/);
    const right = { virsh: uuid, xl: uuid, page: uuid, mac, xml: mac };
    await virsh('start kept');
    expect(await known('kept')).toEqual(right);
    await xl('reboot -F kept');
    expect((await known('kept')).virsh).toBe(uuid);
    await virsh('destroy kept');
    await virsh('domrename kept shop');
    expect(await virsh('domuuid shop')).toBe(uuid);
    await xl('create /etc/xen/vm/kept');
    expect(await known('shop')).toEqual(right);
    expect(await virsh(`domname ${uuid}`)).toBe('shop');
    expect(new TextDecoder().decode(await files.readFileBuffer('/etc/xen/vm/kept'))).not.toMatch(/uuid|mac/);
  });

  it('is drawn for a document that is defined, and at each create of a file that is not kept', async () => {
    const { virsh, xl, known, host } = await make();
    await virsh('define /root/cc.xml');
    const mac = /<mac address='(.*?)'/.exec(await virsh('dumpxml cc'))?.[1];
    expect(mac).toBeDefined();
    await virsh('start cc');
    expect(await known('cc')).toMatchObject({ mac, xml: mac });
    await xl('create /root/once.cfg');
    const first = [...host.toolstack.members.values()].find(({ name }) => name === 'once')!.uuid;
    await xl('destroy once');
    await xl('create /root/once.cfg');
    expect([...host.toolstack.members.values()].find(({ name }) => name === 'once')!.uuid).not.toBe(first);
  });

  it('is another’s under another name: xl draws for each that is created from one definition', async () => {
    const { xl, known, host } = await make();
    await xl('create /etc/xen/vm/kept');
    expect(await xl('create /etc/xen/vm/kept name="web"')).not.toContain('already');
    expect([...host.toolstack.members.values()].map(({ name }) => name)).toEqual(['kept', 'web']);
    expect((await known('web')).mac).not.toBe((await known('kept')).mac);
  });

  it('is no other’s: who asks for the UUID of a definition is refused, whether that runs or not', async () => {
    const { virsh, xl, host } = await make();
    await virsh('define /root/aa.xml');
    expect(await virsh('create /root/bb.xml')).toContain(`domain 'aa' is already defined with uuid ${UUID}`);
    expect(await virsh('create /root/other.xml')).toContain(`domain 'aa' already exists with uuid ${UUID}`);
    expect(await xl('create /root/twin.cfg')).toContain(`aa has the UUID ${UUID} already`);
    expect(host.toolstack.members.size).toBe(0);
    expect(await virsh('create /root/aa.xml')).toContain('created');
  });

  it('is no other’s where a document is defined, whether that one is kept or only runs', async () => {
    const { virsh, host, files } = await make();
    expect(await virsh('create /root/aa.xml')).toContain('created');
    expect(await virsh('define /root/bb.xml')).toContain(`domain 'aa' is already defined with uuid ${UUID}`);
    expect(await virsh('define /root/other.xml')).toContain(`domain 'aa' already exists with uuid ${UUID}`);
    const twin = new TextDecoder().decode(await files.readFileBuffer('/root/twin.cfg'));
    await expect(host.new('twin.cfg', twin)).rejects.toThrow(`'aa' has the UUID ${UUID} already`);
    expect(await virsh('define /root/aa.xml')).toContain('defined');
    expect(await virsh('destroy aa')).toContain('destroyed');
    expect(await virsh('define /root/bb.xml')).toContain(`domain 'aa' is already defined with uuid ${UUID}`);
    expect(await virsh('define /root/aa.xml')).toContain('defined');
    expect((await files.readdir('/etc/xen/vm')).sort()).toEqual(['aa', 'kept']);
  });

  it('is drawn where a document has none, so that the name of a definition is no other’s either', async () => {
    const { virsh, host } = await make();
    await virsh('define /root/cc.xml');
    const uuid = await virsh('domuuid cc');
    expect(await virsh('create /root/cc.xml')).toContain(`domain 'cc' already exists with uuid ${uuid}`);
    expect(host.toolstack.members.size).toBe(0);
  });

  it('is no saved guest’s while a definition of another name has it', async () => {
    const { virsh, host, files } = await make();
    await virsh('create /root/aa.xml');
    await virsh('save aa /root/aa.save');
    await virsh('define /root/bb.xml');
    expect(await virsh('restore /root/aa.save')).toContain(`bb has the UUID ${UUID} already`);
    expect(host.toolstack.members.size).toBe(0);
    await virsh('undefine bb');
    expect(await virsh('restore /root/aa.save')).toContain('restored');
    expect(await files.exists('/etc/xen/vm/bb')).toBe(false);
  });
});
