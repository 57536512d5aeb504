/** Passwords of screens, in each language of definitions: they are read, written back, and shown to nobody who did not ask. */
import { beforeAll, describe, expect, it } from 'vitest';
import { judgeDefinition, prepareToRead, writeSxp, writeXlConfig, writeXml, writtenOver } from './index.ts';
import { maskedPasswords, unmaskedPasswords, withoutPasswords } from './shown-passwords.ts';

const xml = (graphics: string, type = 'xen', os = '<type>hvm</type>'): string =>
  `<domain type='${type}'><name>a</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os>${os}<kernel>/k</kernel></os><devices>${graphics}</devices></domain>`;
const judged = (text: string) => judgeDefinition('a', text);
const passwordIn = (text: string) => {
  const { vncPassword, vncPasswordUntil } = judged(text).definition;
  return [vncPassword, vncPasswordUntil];
};
const errors = (text: string): string[] =>
  judged(text).findings.flatMap(({ verdict, text: why }) => (verdict === 'error' ? [why] : []));

const PYTHON = "name='a'\nmemory=8\nkernel='k'\nvfb=['type=vnc,' +\n  'vncpasswd=s3cret']\n";
const XM = "name='a'\nbuilder='hvm'\nmemory=8\nkernel='k'\nvnc=1\nvncpasswd='s3cret'\n";
const SXP = '(domain (name a) (memory 8) (image (linux (kernel k))) (device (vfb (type vnc) (vncpasswd s3cret))))';
const SXP_HVM = '(domain (name a) (memory 8) (image (hvm (kernel k) (vnc 1) (vncpasswd s3cret))))';
const PV = '<type>linux</type>';

beforeAll(async () => {
  for (const text of [xml(''), PYTHON, SXP, "vfb = ['']"]) await prepareToRead(text);
});

describe('a password', () => {
  it.each([
    ['xl', "name='a'\ntype='hvm'\nmemory=8\nkernel='k'\nvncpasswd='s3cret'\n"],
    [
      'xl, of a PV screen',
      "name='a'\ntype='pvh'\nmemory=8\nkernel='k'\nvfb=['vnc=1, vncpasswd=s3cret ,vncunused=1']\n",
    ],
    ['xl, of spice', "name='a'\ntype='hvm'\nmemory=8\nkernel='k'\nspice=1\nspicepasswd='s3cret'\n"],
    ['xm', XM],
    ['Python', PYTHON],
    ['SXP', SXP],
    ['SXP of a PC', SXP_HVM],
    ['XML', xml("<graphics type='vnc' passwd='s3cret'/>")],
    ['XML of KVM', xml("<graphics type='vnc' passwd='s3cret'/>", 'kvm')],
    ['XML of spice', xml("<graphics type='spice' passwd='s3cret'/>", 'kvm')],
    ['XML of a PV screen', xml("<graphics type='vnc' passwd='s3cret'/>", 'xen', PV)],
  ])('is read from %s, and stays in whatever it is written as', (_language, text) => {
    expect(errors(text)).toEqual([]);
    expect(passwordIn(text)).toEqual(['s3cret', undefined]);
    const { definition } = judged(text);
    for (const written of [writeXlConfig(definition), writeXml(definition)])
      expect(passwordIn(written)).toEqual(['s3cret', undefined]);
    if (definition.kind !== 'kvm') expect(passwordIn(writeSxp(definition))).toEqual(['s3cret', undefined]);
    if (text.startsWith('<')) expect(passwordIn(writtenOver(text, definition)!)).toEqual(['s3cret', undefined]);
  });

  it('is over at a moment', () => {
    const text = xml("<graphics type='vnc' passwd='a' passwdValidTo='2027-01-02T03:04:05'/>");
    expect(passwordIn(text)).toEqual(['a', '2027-01-02T03:04:05']);
    const { definition } = judged(text);
    for (const written of [writeXlConfig(definition), writeXml(definition), writtenOver(text, definition)!])
      expect(passwordIn(written)).toEqual(['a', '2027-01-02T03:04:05']);
  });

  it('that is empty lets nobody in with libvirt, and is none with xl', () => {
    const text = xml("<graphics type='vnc' passwd=''/>");
    const { definition } = judged(text);
    for (const written of [text, writeXlConfig(definition), writeXml(definition), writtenOver(text, definition)!])
      expect(passwordIn(written)[0]).toBe('');
    expect(writeXml(definition)).toContain("passwd=''/>");
    expect(passwordIn("name='a'\ntype='hvm'\nmemory=8\nkernel='k'\nvncpasswd=''\n")).toEqual([undefined, undefined]);
  });

  it('is refused where libvirt refuses it', () => {
    const said = (attributes: string, type = 'kvm') => errors(xml(`<graphics type='vnc' ${attributes}/>`, type)).join();
    expect(said("passwd='123456789'")).toContain('VNC password is 9 characters long, only 8 permitted');
    expect(said("passwd='123456789'", 'xen')).toBe('');
    expect(said("passwd='a' passwdValidTo='tomorrow'")).toContain(
      "cannot parse password validity time 'tomorrow', expect YYYY-MM-DDTHH:MM:SS",
    );
    expect(said("passwdValidTo='tomorrow'")).toBe('');
    expect(said("passwd='a' connected='fail'")).toContain("VNC supports connected='keep' only");
  });
});

it('is left out of a document, or masked, and put back', () => {
  const { definition } = judged(xml(`<graphics type='vnc' passwd="it's &lt;&amp;"/>`));
  const text = writeXml(definition);
  expect(withoutPasswords(text)).toContain("<graphics type='vnc' port='-1' autoport='yes'/>");
  const masked = maskedPasswords(text);
  expect(masked).toContain("<graphics type='vnc' port='-1' autoport='yes' passwd='*****'/>");
  expect(unmaskedPasswords(masked, definition)).toBe(text);
});
