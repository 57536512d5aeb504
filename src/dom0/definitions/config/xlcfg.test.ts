import { describe, expect, it } from 'vitest';
import { parseXlConfig, type Value } from './xlcfg.ts';

const plain = (value: Value): unknown =>
  value.kind === 'list' ? value.items.map(plain) : value.kind === 'number' ? Number(value.text) : value.text;
const read = (text: string): Record<string, unknown> =>
  Object.fromEntries(parseXlConfig(text).settings.map(s => [s.key, plain(s.value)]));
const problems = (text: string): string[] => parseXlConfig(text).problems.map(p => `${p.line}:${p.column}: ${p.text}`);

describe('xl configuration language (libxlu_cfg_y.y)', () => {
  it('reads strings in either quote, numbers in decimal and hexadecimal, and comments', () => {
    const text = `# a guest\nname = "web1" # its name\nmemory=512\nextra = 'console=ttyS0 "x"'\nmmio_hole=0x10\n`;
    expect(read(text)).toEqual({ name: 'web1', memory: 512, extra: 'console=ttyS0 "x"', mmio_hole: 16 });
    expect(problems(text)).toEqual([]);
  });

  it('reads lists over several lines, nested, with a trailing comma', () => {
    const text = `disk = [\n  '/d.img,raw,xvda,rw', # root\n  '/x.iso,raw,hdc,cdrom',\n]\nvnuma=[ ["pnode=0","size=64"], ["pnode=1"] ]\nvif=[]`;
    expect(read(text)).toEqual({
      disk: ['/d.img,raw,xvda,rw', '/x.iso,raw,hdc,cdrom'],
      vnuma: [['pnode=0', 'size=64'], ['pnode=1']],
      vif: [],
    });
  });

  it('takes several settings on one line, += and a last line without a newline', () => {
    const { settings, problems } = parseXlConfig('vcpus=1; memory = 64;\ndisk += ["a"]');
    expect(problems).toEqual([]);
    expect(settings.map(s => [s.key, s.append, s.line, s.column])).toEqual([
      ['vcpus', false, 1, 1],
      ['memory', false, 1, 10],
      ['disk', true, 2, 1],
    ]);
  });

  it('resolves C escapes in strings', () => {
    expect(read(String.raw`a = "x\ty\\\"z"`)).toEqual({ a: 'x\ty\\"z' });
  });

  it('accepts what Windows editors write', () => {
    expect(read('\uFEFFname="a"\r\nmemory=1\r\n')).toEqual({ name: 'a', memory: 1 });
  });

  it('reports every error with line and column, and reads the good lines between', () => {
    const text = `name = web1\nmemory = 12MB\nvcpus 2\nextra = "no end\ntype = "hvm"\nacpi = True\nboot = "c" "d"`;
    expect(problems(text)).toEqual([
      '1:8: web1 is text and needs quotes: name = "web1".',
      '2:10: 12MB is no number. Write digits only, or put text in quotes: "12MB".',
      '3:7: After vcpus comes = and a value; here is "2".',
      '4:9: The string has no closing double quote on its line.',
      '6:8: True is Python; xl has numbers and strings only. Write 1.',
      `7:12: The value of boot ends before the string "d". One setting per line; several values are in brackets: [ 'a', 'b' ].`,
    ]);
    expect(read(text)).toEqual({ type: 'hvm' });
  });

  it('reports one error for a list that is broken inside or never closed', () => {
    expect(problems(`disk = [ 'a' 'b',\n  'c' ]\nname = "x"`)).toEqual([
      `1:14: A comma is missing before the string "b": xl's list goes on with "," or ends with "]".`,
    ]);
    expect(problems(`disk = [ 'a',\n  'b'\nname = "x"\nmemory = 1`)).toEqual([
      '1:8: The list of disk is never closed: "]" is missing.',
    ]);
    expect(read(`disk = [ 'a',\n  'b'\nname = "x"\nmemory = 1`)).toEqual({ name: 'x', memory: 1 });
    expect(problems(`disk = [`)).toEqual(['1:8: The list of disk is never closed: "]" is missing.']);
  });

  it('recognises old-style Python files', () => {
    expect(problems(`import os\nname = os.path.join("a")`)[0]).toMatch(/^1:8: After import comes = and a value/);
    expect(problems('memory = 2 + 3')).toEqual([
      expect.stringContaining('1:12: "+" cannot be here: this looks like an old-style Python configuration file'),
    ]);
    expect(problems('vcpus = -1')).toEqual(["1:9: -1 has a sign, and xl's numbers have none. Write digits only."]);
    expect(problems('if (x):')[0]).toContain('old-style Python');
    expect(problems(`d = """x"""`)[0]).toContain('three quotes');
  });

  it('that are no text at all are told so at once', () => {
    const bytes = Uint8Array.from({ length: 97_000 }, (_, i) => (i * 2654435761) >>> 13);
    bytes.set([0x1f, 0x8b, 8]);
    expect(parseXlConfig(new TextDecoder().decode(bytes)).problems).toEqual([
      { line: 1, column: 1, text: expect.stringContaining('This is no text') },
    ]);
    expect(parseXlConfig('name = "Gr\uFFFD\uFFFDe"').problems).toEqual([]);
  });
});
