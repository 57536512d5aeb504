import { beforeAll, describe, expect, it } from 'vitest';
import { changeDefinition, judgeDefinition, prepareToRead, writeXlConfig, writeXml, writtenOver } from '../index.ts';

/** As virt-install 4.1 writes it for a fully virtual guest of Xen, with what virt-manager keeps in it. */
const XML = `<domain type="xen">
  <name>web</name>
  <uuid>7a85eb45-cfc8-4e08-9100-efae2d439577</uuid>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/12"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory>131072</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch="i686" machine="xenfv">hvm</type>
    <boot dev="hd"/>
    <loader>/usr/lib/xen/boot/hvmloader</loader>
  </os>
  <features><acpi/><apic/><pae/></features>
  <clock offset="utc"/>
  <devices>
    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
    <input type="tablet" bus="usb"/>
    <disk type="file" device="disk">
      <driver name="qemu" type="raw" cache="none"/>
      <source file="/var/lib/xen/images/web.img"/>
      <target dev="hda" bus="ide"/>
    </disk>
    <disk type="file" device="disk"><source file="/var/lib/xen/images/data.img"/><target dev="hdb" bus="ide"/></disk>
    <interface type="network"><source network="default"/><mac address="00:16:3e:a7:dd:8c"/><model type="e1000"/></interface>
    <console type="pty"/>
  </devices>
</domain>`;

beforeAll(() => prepareToRead(XML));
const definition = () => judgeDefinition('web.xml', XML).definition;

describe('a definition that is written as XML', () => {
  it('has what only its document says, where libvirt has it', () => {
    const written = writtenOver(XML, definition())!;
    const order = [
      "<libosinfo:os id='http://debian.org/debian/12'/>",
      "<memory unit='KiB'>131072</memory>",
      '<loader>/usr/lib/xen/boot/hvmloader</loader>',
      "<boot dev='hd'/>",
      "<driver name='qemu' type='raw' cache='none'/>",
      "<interface type='network'>",
      "<source network='default'/>",
      "<input type='tablet' bus='usb'/>",
      "<memballoon model='xen'/>",
      "<backend model='random'>/dev/urandom</backend>",
    ];
    expect(order.map(text => written.indexOf(text)).every((at, i, all) => at > (all[i - 1] ?? 0))).toBe(true);
    expect(written).not.toMatch(/<graphics|<video|<serial/);
  });

  it('means the same when it is read, and is written the same again', () => {
    const written = writtenOver(XML, definition())!;
    const again = judgeDefinition('web.xml', written);
    expect(again.findings.filter(({ verdict }) => verdict === 'error')).toEqual([]);
    expect(writeXlConfig({ ...again.definition, maxMemoryMiB: undefined })).toBe(writeXlConfig(definition()));
    expect(writtenOver(written, again.definition)).toBe(written);
  });

  it('stays XML when the domain changes, and loses what the domain has no longer', () => {
    const before = definition();
    const changed = changeDefinition(XML, before, { ...before, vcpus: 2, disks: before.disks.slice(0, 1) });
    expect(changed).toContain("<vcpu placement='static'>2</vcpu>");
    expect(changed).toContain('libosinfo:os');
    expect(changed).not.toContain('data.img');
  });

  it('becomes xl.cfg where XML has no place for what it is to say', () => {
    const before = definition();
    expect(changeDefinition(XML, before, { ...before, softAffinity: 1 })).toContain('cpus_soft = ');
  });

  it('says where a screen is while the domain runs', () => {
    const text = XML.replace('<console type="pty"/>', '<graphics type="vnc" port="-1"/>');
    const written = writtenOver(text, judgeDefinition('', text).definition, { domid: 3, vncPort: 5901 });
    expect(written).toMatch(/^<domain type='xen' id='3'>/);
    expect(written).toContain("<graphics type='vnc' port='5901' autoport='yes' listen='127.0.0.1'>");
    expect(written).toContain("<target dev='vif3.0'/>");
  });

  it('has tags in metadata, beside what other tools keep there, whatever their prefix is', () => {
    const before = definition();
    const tagged = changeDefinition(XML, before, { ...before, tags: ['web', 'größer'] });
    expect(tagged).toContain(
      "    <ringside:tags xmlns:ringside='urn:ringside:tags'>\n      <ringside:tag>web</ringside:tag>\n      <ringside:tag>größer</ringside:tag>\n",
    );
    const again = judgeDefinition('web.xml', tagged).definition;
    expect(again.tags).toEqual(['web', 'größer']);
    const fewer = changeDefinition(tagged, again, { ...again, tags: ['web'] });
    expect(judgeDefinition('', fewer).definition.tags).toEqual(['web']);
    const { tags: _tags, ...none } = again;
    const without = changeDefinition(tagged, again, none);
    expect(without).not.toContain('ringside');
    expect(without).toContain('libosinfo:os');
    const other = tagged.replace(/(<\/?|xmlns:)ringside/g, '$1t');
    expect(judgeDefinition('', other).definition.tags).toEqual(['web', 'größer']);
    expect(judgeDefinition('', other.replace('urn:ringside:tags', 'urn:else')).definition.tags).toBeUndefined();
  });

  it('leaves out what is no tag, and says so', () => {
    const tags = ['web', 'two words', 'web', 'a'.repeat(33), ''].map(tag => `<r:tag>${tag}</r:tag>`).join('');
    const text = XML.replace('</metadata>', `<r:tags xmlns:r="urn:ringside:tags">${tags}</r:tags></metadata>`);
    const { definition: read, findings } = judgeDefinition('', text);
    expect(read.tags).toEqual(['web']);
    expect(findings.filter(({ short }) => short === 'no tag')).toHaveLength(3);
    expect(findings.filter(({ verdict }) => verdict === 'error')).toEqual([]);
  });

  it('keeps what another tool has under the same prefix in a name space of its own', () => {
    const others = "<ringside:tags xmlns:ringside='urn:else'><ringside:x>1</ringside:x></ringside:tags>";
    const text = XML.replace('</metadata>', `${others}</metadata>`);
    const before = judgeDefinition('', text).definition;
    const tagged = changeDefinition(text, before, { ...before, tags: ['web'] });
    expect(judgeDefinition('', tagged).definition.tags).toEqual(['web']);
    expect(tagged).toMatch(/<ringside:tags xmlns:ringside='urn:else'>\s*<ringside:x>1</);
  });

  it('has tags in any writing, in one way of writing each, and takes no longer for many of them', () => {
    const tagged = (tags: string[]) =>
      judgeDefinition(
        '',
        XML.replace(
          '</metadata>',
          `<r:tags xmlns:r="urn:ringside:tags">${tags.map(tag => `<r:tag>${tag}</r:tag>`).join('')}</r:tags></metadata>`,
        ),
      );
    expect(tagged(['हिन्दी', '日本', 'größer', 'gro\u0308ßer']).definition.tags).toEqual(['हिन्दी', '日本', 'größer']);
    expect(tagged(['\u0308x', '\u202ex', 'x\u200by']).definition.tags).toBeUndefined();
    const many = Array.from({ length: 20 }, (_, i) => `t${i}`);
    expect(tagged(['two words', 't0', ...many]).definition.tags).toEqual(many.slice(0, 16));
    const beginMs = performance.now();
    tagged(Array.from({ length: 10_000 }, () => 'a'));
    expect(performance.now() - beginMs).toBeLessThan(3000);
  });

  it('has tags as a key of xl.cfg, and refuses what is none', () => {
    const text = "name = 'a'\ntype = 'pvh'\nmemory = 8\nkernel = '/k'\ntags = ['web', 'x']\n";
    expect(judgeDefinition('', text).definition.tags).toEqual(['web', 'x']);
    const bad = judgeDefinition('', text.replace("'x'", "'<b>'")).findings.filter(({ verdict }) => verdict === 'error');
    expect(bad.map(({ text: said }) => said)).toEqual([expect.stringContaining('‘<b>’ is no tag. Write at most 32')]);
  });
});

describe('shares of processor time', () => {
  const guest = (tune: string, type = 'xen'): string =>
    `<domain type='${type}'><name>a</name><memory unit='MiB'>8</memory><vcpu>1</vcpu>${tune}<os><type>hvm</type><kernel>/k</kernel></os></domain>`;
  const read = (text: string) => judgeDefinition('a.xml', text);

  it('are a weight, and a quota in each period is a cap', () => {
    const text = guest('<cputune><shares>512</shares><period>50000</period><quota>25000</quota></cputune>');
    const { definition, findings } = read(text);
    expect(findings.filter(({ verdict }) => verdict === 'error')).toEqual([]);
    expect(definition).toMatchObject({ weight: 512, cap: 50 });
    const written = writtenOver(text, definition)!;
    expect(written).toContain(
      '<cputune>\n    <shares>512</shares>\n    <period>100000</period>\n    <quota>50000</quota>\n  </cputune>',
    );
    expect(read(written).definition).toMatchObject({ weight: 512, cap: 50 });
    // What nobody asks for any more is not there any more.
    const { weight: _weight, cap: _cap, ...plain } = definition;
    expect(writtenOver(text, plain)).not.toContain('cputune');
    expect(read(guest('<cputune><quota>-1</quota></cputune>')).definition.cap).toBeUndefined();
  });

  it('are those of cgroups in a guest of KVM, whose quota stays where it is', () => {
    const text = guest('<cputune><shares>2048</shares><quota>25000</quota></cputune>', 'kvm');
    const { definition } = read(text);
    expect(definition.weight).toBe(2048);
    expect(definition.cap).toBeUndefined();
    expect(writtenOver(text, definition)).toContain('<shares>2048</shares>\n    <quota>25000</quota>');
  });

  it('come from xl’s words, and viridian with them', () => {
    const xl = 'name = "w"\ntype = "hvm"\nmemory = 8\nkernel = "/k"\ncpu_weight = 512\ncap = 50\nviridian = 1\n';
    const { definition } = judgeDefinition('w.cfg', xl);
    const again = judgeDefinition('w.xml', writeXml(definition)).definition;
    expect(again).toMatchObject({ weight: 512, cap: 50, viridian: definition.viridian });
  });
});
