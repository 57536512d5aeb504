/**
 * What Debian's virt-install 4.1 writes (--print-xml): of a q35 with today's defaults, of a q35 with many devices, and of a guest of Xen, against libvirt's own
 * drivers of QEMU and of Xen. All of it is read, judged and given back.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isFault, judgeDefinition, prepareToRead, writtenOver } from '../index.ts';
import { type Element, parse } from './tree.ts';

const document = (name: string): string =>
  readFileSync(new URL(`fixtures/virt-install-${name}.xml`, import.meta.url), 'utf8');

/** Each element with its attributes and text, by where it stands. */
const parts = ({ name, attributes, children, text }: Element, above = ''): string[] => {
  const path = `${above}/${name}`;
  return [
    text === '' ? path : `${path} ${text}`,
    ...Object.entries(attributes).map(([key, value]) => `${path}@${key}=${value}`),
    ...children.flatMap(child => parts(child, path)),
  ];
};

beforeAll(() => prepareToRead('<domain/>'));

describe.each(['kvm-q35', 'kvm-many', 'xen-hvm'])('%s', name => {
  it('is read without an error, and given back with nothing of it lost', () => {
    const text = document(name);
    const { definition, findings } = judgeDefinition('q.xml', text);
    expect(findings.filter(isFault)).toEqual([]);
    const back = parts(parse(writtenOver(text, definition)!)!);
    expect(parts(parse(text)!).filter(part => !back.includes(part))).toEqual([]);
    // Written again it is the same.
    const again = writtenOver(text, definition)!;
    expect(writtenOver(again, judgeDefinition('q.xml', again).definition)).toBe(again);
  });

  it('has a verdict for each of its elements', () => {
    const text = document(name);
    const told = new Set(judgeDefinition('q.xml', text).findings.map(({ line }) => line));
    // What is told of an element as a whole is told of what it has.
    let isTold = false;
    const unsaid = text.split('\n').flatMap((line, at) => {
      const [, indent] = /^( *)<[a-z]/.exec(line) ?? [];
      if (indent?.length === 2) isTold = told.has(at + 1);
      return indent?.length === 4 && !isTold && !told.has(at + 1) ? [line.trim()] : [];
    });
    expect(unsaid).toEqual([]);
  });
});

it('shows what runs as it is, not as it was asked for', () => {
  const text = document('kvm-q35');
  const { definition } = judgeDefinition('q.xml', text);
  const running = writtenOver(text, definition, { domid: 1, vncPort: 5900 })!;
  expect(running).toContain("<type arch='x86_64' machine='pc'>hvm</type>");
  expect(running).toContain("<graphics type='vnc' port='5900' autoport='yes' listen='127.0.0.1'>");
  expect(running).not.toMatch(/tlsPort|<image/);
  expect(running).toContain("<model type='vga'/>");
});
