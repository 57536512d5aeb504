/** What a form changes in a definition's text: that, and nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Definition, newDefinition } from './definition.ts';
import { changeDefinition } from './edit-xl.ts';
import { isError, judgeDefinition } from './judge-definition.ts';
import { prepareToRead } from './source.ts';
import { writeXlConfig } from './write-xl.ts';

const read = (text: string): Definition => judgeDefinition('vm', text).definition;
const change = (text: string, changes: Partial<Definition>): string =>
  changeDefinition(text, read(text), { ...read(text), ...changes });

const TEXT = `# a web server
name = "web"   # as DNS has it
type = 'pvh'
memory=256; vcpus = 2
kernel = "/boot/vmlinuz"
disk = [ 'phy:/dev/vg0/web,xvda,w',
         # data
         '/srv/data.img,raw,xvdb,ro' ]
vif = []
`;

describe('a definition that a form changes', () => {
  it('keeps its comments, its order and its spaces', () => {
    expect(change(TEXT, { memoryMiB: 512, name: 'web "2"' })).toBe(
      TEXT.replace('memory=256', 'memory=512').replace('"web"', String.raw`"web \"2\""`),
    );
  });

  it('gets what it had not at its end, and loses what is not needed any more', () => {
    const more = change(TEXT, { weight: 512, cmdline: 'quiet' });
    expect(more).toBe(`${TEXT}cpu_weight = 512\ncmdline = "quiet"\n`);
    expect(change(more, { weight: undefined, cmdline: '' })).toBe(TEXT);
    expect(change(TEXT, { vcpus: 1 })).toBe(TEXT.replace('vcpus = 2', ''));
    expect(change(TEXT, { disks: [] })).toBe(TEXT.replace(/disk[^\]]*\]\n/, ''));
  });

  it('counts more than an older spelling of the same', () => {
    const old = 'name = "a"\nbuilder = "hvm"\nkernel = "/k"\nextra = "quiet"\nroot = "/dev/hda"\n';
    expect(read(change(old, { cmdline: 'debug', kind: 'pv' }))).toMatchObject({ cmdline: 'debug', kind: 'pv' });
    expect(read(change(old, { cmdline: '' })).cmdline).toBe('');
  });

  it('has a list anew where one of its items changes', () => {
    const [first] = read(TEXT).disks;
    expect(change(TEXT, { disks: [first!] })).toBe(TEXT.replace(/\[ 'phy[^\]]*\]/, `[ "/dev/vg0/web,raw,xvda" ]`));
  });

  it('is set once where it was added to', () => {
    const text = 'name = "a"\ntype = "pvh"\ndisk = [ "a.img,raw,xvda" ]\nmemory = 8\ndisk += [ "b.img,raw,xvdb" ]\n';
    expect(change(text, { disks: read(text).disks.slice(1) })).toBe(
      'name = "a"\ntype = "pvh"\ndisk = [ "b.img,raw,xvdb" ]\nmemory = 8\n',
    );
  });

  it('is mended where its value was wrong, with lines that end as on Windows', () => {
    const text = 'name = "a"\r\ntype = "pvh"\r\nmemory = "lots"\r\nvcpus = 1\r\n';
    expect(change(text, { memoryMiB: 64 })).toBe(text.replace('"lots"', '64'));
  });

  it('of Python gets lines behind it; of another language is written anew', async () => {
    const python = 'import os\nname = "a%d" % 3\nmemory = 8 * 2\nbuilder = "hvm"\n';
    await prepareToRead(python);
    expect(change(python, { memoryMiB: 32 })).toBe(`${python}memory = 32\n`);
    const xml = '<domain type="xen"><name>x</name><memory unit="MiB">64</memory><os><type>hvm</type></os></domain>';
    await prepareToRead(xml);
    expect(change(xml, { memoryMiB: 32 })).toBe(writeXlConfig({ ...read(xml), memoryMiB: 32 }));
  });

  it('whatever it was, comes to what the form says', () => {
    const definitions = fc
      .record({
        name: fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
        type: fc.constantFrom('hvm' as const, 'pv' as const, 'pvh' as const),
        memoryMiB: fc.integer({ min: 4, max: 2000 }),
        vcpus: fc.integer({ min: 1, max: 4 }),
        weight: fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined }),
        kernel: fc.constantFrom('/boot/a', '/boot/b # c', 'x"y'),
        cmdline: fc.constantFrom('', 'quiet', 'a="b c"'),
        onReboot: fc.constantFrom('restart' as const, 'destroy' as const),
        disks: fc.subarray(['xvda', 'xvdb', 'xvdc']).map(names =>
          names.map((vdev, place) => ({
            target: `/srv/${vdev}`,
            format: 'raw',
            vdev,
            kind: 'disk' as const,
            readOnly: false,
            place,
            at: { line: 1, column: 1 },
          })),
        ),
      })
      .map(fields => ({ ...newDefinition(), ...fields }));
    fc.assert(
      fc.property(definitions, definitions, fc.array(fc.nat(20), { maxLength: 3 }), (before, after, comments) => {
        const lines = writeXlConfig(before).split('\n');
        for (const at of comments) lines.splice(at % lines.length, 0, '# "a = [" comment');
        const changed = changeDefinition(lines.join('\n'), read(lines.join('\n')), after);
        expect(judgeDefinition('vm', changed).findings.filter(isError)).toEqual([]);
        expect(writeXlConfig(read(changed))).toBe(writeXlConfig(after));
        expect(changed.split('\n').filter(line => line.startsWith('#')).length).toBe(comments.length);
      }),
      { numRuns: 200 },
    );
  });
});
