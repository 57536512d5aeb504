/** What is secret in a definition: whom a screen asks for its password, and who is told which it is. */
import { expect, it, describe } from 'vitest';
import { startKvm } from '../../dom0/service/index.ts';
import { DOMAINS } from './procedures/domains.ts';
import { daemonWithVirsh, VIRSH } from './virsh.test-support.ts';

const GRAPHICS = "<graphics type='vnc' port='-1' passwd='s3cret' passwdValidTo='2999-01-02T03:04:05'/>";
const domain = (type: string, graphics = GRAPHICS): string =>
  `<domain type='${type}'><name>v</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices>${graphics}</devices></domain>`;

async function served(type: 'xen' | 'kvm') {
  const ports: string[] = [];
  const here = await daemonWithVirsh({
    ...(type === 'kvm' ? { hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, '') } : {}),
    serveScreen: async (_toolstack, { name }) => (ports.push(name), { port: 5901, close: () => {} }),
  });
  here.write('v.xml', domain(type));
  return { ...here, ports };
}

describe.skipIf(!VIRSH)('the port of a screen [needs libvirt-clients]', () => {
  it.each([
    ["port='5977' autoport='no'", { port: 5977, isFixed: true }, 'no'],
    ["port='5977'", { port: 5977, isFixed: true }, 'no'],
    ["port='5977' autoport='yes'", undefined, 'yes'],
    ["port='-1'", undefined, 'yes'],
  ])('is the one that %s asks for', async (words, asked, autoport) => {
    const here = await daemonWithVirsh({
      hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, ''),
      serveScreen: async (_toolstack, _member, at) => {
        expect(at).toEqual(asked);
        return { port: at?.port ?? 5900, close: () => {} };
      },
    });
    here.write('v.xml', domain('kvm', `<graphics type='vnc' ${words} listen='0.0.0.0'/>`));
    await here.virsh('create v.xml');
    const graphics = /<graphics.*?>/.exec(await here.virsh('dumpxml v'))?.[0];
    for (const word of [`port='${asked?.port ?? 5900}'`, `autoport='${autoport}'`, "listen='127.0.0.1'"])
      expect(graphics).toContain(` ${word}`);
    expect(await here.virsh('vncdisplay v')).toBe(`127.0.0.1:${(asked?.port ?? 5900) - 5900}\n\n`);
  });
});

describe.skipIf(!VIRSH)('a password [needs libvirt-clients]', () => {
  it.each(['xen', 'kvm'] as const)('is shown to who asks for it and may, on a host of %s', async type => {
    const { virsh, host } = await served(type);
    expect(await virsh('define v.xml')).toContain('defined');
    expect(await virsh('start v')).toContain('started');
    for (const line of ['dumpxml v', 'dumpxml v --inactive']) {
      for (const text of [await virsh(line), await virsh(line, '-r')]) {
        expect(text).toContain("<graphics type='vnc'");
        expect(text).not.toMatch(/s3cret|\spasswd=/);
      }
      expect(await virsh(`${line} --security-info`)).toContain("passwd='s3cret' passwdValidTo='2999-01-02T03:04:05'");
    }
    expect(await virsh('dumpxml v --security-info', '-r')).toContain('operation forbidden');
    for (const line of ['snapshot-create-as v s', 'snapshot-dumpxml v s', 'domdisplay v', 'domstats v'])
      expect(await virsh(line)).not.toContain('s3cret');
    expect(await host.readLog()).not.toContain('s3cret');
  });

  it('changes while a guest of KVM runs, and the next client is asked for the new one', async () => {
    const { virsh, write, host } = await served('kvm');
    await virsh('create v.xml');
    const [{ id }] = host.domains.all().filter(({ name }) => name === 'v');
    write('g.xml', "<graphics type='vnc' port='-1' passwd='another'/>");
    expect(await virsh('update-device v g.xml')).toContain('updated successfully');
    expect(await virsh('dumpxml v --security-info')).toMatch(/ passwd='another'(?! passwdValidTo)/);
    expect(host.domains.living(id).blueprint.definition).toMatchObject({ vncPassword: 'another' });
    write('g.xml', "<graphics type='spice' passwd='another'/>");
    expect(await virsh('update-device v g.xml')).toContain(
      "cannot find existing graphics device to modify of type 'spice'",
    );
    await virsh('destroy v');
    write('v.xml', domain('kvm', "<graphics type='vnc'/>"));
    await virsh('create v.xml');
    write('g.xml', "<graphics type='vnc' passwd='late'/>");
    expect(await virsh('update-device v g.xml')).toContain('Could not set password');
  });

  it('cannot change while a guest of Xen runs, as with libxl', async () => {
    const { virsh, write } = await served('xen');
    await virsh('create v.xml');
    write('g.xml', "<graphics type='vnc' passwd='another'/>");
    expect(await virsh('update-device v g.xml')).toContain("device type 'graphics' cannot be updated");
  });

  it('needs no port where the document asks for no screen, or for one that nobody connects to', async () => {
    const { virsh, write, ports } = await served('kvm');
    for (const graphics of ['', "<graphics type='vnc'><listen type='none'/></graphics>"]) {
      write('v.xml', domain('kvm', graphics));
      await virsh('create v.xml');
      expect(await virsh('dumpxml v')).not.toContain('5901');
      await virsh('destroy v');
    }
    expect(ports).toEqual([]);
  });
});

it('a client that only reads may not ask for it', () => {
  const { changes } = DOMAINS.domain_get_xml_desc!;
  expect([0, 1, 2, 3, 8].map(flags => changes({ domain: {}, flags }))).toEqual([false, true, false, true, true]);
});
