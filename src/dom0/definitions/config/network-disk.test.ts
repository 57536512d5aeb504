/** Disks that other machines serve, in each language of definitions. */
import { beforeAll, describe, expect, it } from 'vitest';
import { isError, judgeDefinition } from './judge-definition.ts';
import { prepareToRead } from './source.ts';
import { writeXlConfig } from './write-xl.ts';
import { writeXml } from './write-xml.ts';

const XML = (source: string): string => `<domain type='xen'>
  <name>n</name><memory unit='MiB'>128</memory><os><type>hvm</type></os>
  <devices>
    <disk type='network' device='disk'><driver name='qemu' type='raw'/>${source}<target dev='hda' bus='ide'/></disk>
  </devices>
</domain>`;
const xl = (disk: string): string => `name = "n"\nmemory = 128\ntype = "hvm"\ndisk = [ "${disk}" ]\n`;
const errorsOf = (text: string): string[] =>
  judgeDefinition('n', text)
    .findings.filter(isError)
    .map(finding => finding.text);

describe('a disk of another machine', () => {
  beforeAll(() => prepareToRead(XML('')));

  it.each(['nbd://10.0.0.2:10810/web,raw,hda,rw', 'format=raw,vdev=hda,target=nbd://10.0.0.2:10810/web'])(
    'is read as xl has it: %s',
    text => {
      const { definition, findings } = judgeDefinition('n', xl(text));
      expect(findings.filter(isError)).toEqual([]);
      expect(definition.disks).toMatchObject([{ target: 'nbd://10.0.0.2:10810/web', vdev: 'hda', readOnly: false }]);
      expect(findings.find(({ key }) => key === 'disk')).toMatchObject({
        verdict: 'used',
        text: 'The disk is the IDE primary master. What the guest writes is on nbd://10.0.0.2:10810/web.',
      });
    },
  );

  it('is the same in xl and in libvirt’s XML, there and back', () => {
    const source = "<source protocol='nbd' name='a/b c'><host name='::1' port='10810'/></source>";
    const { definition } = judgeDefinition('n', XML(source));
    expect(definition.disks).toMatchObject([{ target: 'nbd://[::1]:10810/a/b%20c' }]);
    const again = judgeDefinition('n', writeXlConfig(definition)).definition;
    expect(again.disks).toMatchObject([{ target: 'nbd://[::1]:10810/a/b%20c', vdev: 'hda' }]);
    const written = writeXml(again);
    expect(written).toContain("<source protocol='nbd' name='a/b c'>\n        <host name='::1' port='10810'/>");
    expect(judgeDefinition('n', written).definition.disks).toMatchObject([{ target: 'nbd://[::1]:10810/a/b%20c' }]);
  });

  it('is at NBD’s own port, where none is written', () => {
    const source = "<source protocol='nbd'><host name='store'/></source>";
    expect(judgeDefinition('n', XML(source)).definition.disks).toMatchObject([{ target: 'nbd://store/' }]);
  });

  it('is refused where it cannot be one', () => {
    expect(errorsOf(xl('nbd://store:99999/web,raw,hda'))).toEqual([
      "disk = 'nbd://store:99999/web,raw,hda': nbd://store:99999/web is no address of an NBD server. Write nbd://HOST:PORT/NAME.",
    ]);
    expect(errorsOf(xl('nbd://st ore/web,raw,hda'))).toHaveLength(1);
    expect(errorsOf(XML("<source protocol='rbd' name='pool/web'><host name='store'/></source>"))[0]).toContain(
      "protocol='rbd': disks of other machines are reached by NBD here.",
    );
    expect(errorsOf(XML("<source protocol='nbd' name='web'/>"))[0]).toContain('does not say which machine has it.');
    expect(
      errorsOf(XML("<source protocol='nbd' tls='yes'><host name='store'/></source>")).some(text =>
        text.includes('there is no TLS here'),
      ),
    ).toBe(true);
    expect(errorsOf(XML("<source protocol='nbd'><host transport='unix' socket='/a'/></source>"))[0]).toContain(
      "transport='unix': NBD goes by TCP here.",
    );
  });
});
