import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { handInCode, readLesson, seedOf } from '../../lessons/index.ts';
import { Output } from '../boot/terminal.ts';
import { grade } from './command.ts';

let folder: string, out: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-grade-'));
  out = '';
  vi.spyOn(Output.prototype, 'text').mockImplementation(text => void (out += text));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** A lesson whose guest does next to nothing. */
const OWN =
  '---\ntitle: Mine\ndraw n: 1 to 500\n---\n```guest\nname = "lab"\ntype = "pvh"\nmemory = 4\nkernel = "minipv.elf"\n```\n## Predict\n```predict\ng: h\n```\n## Do\n```do\nrun 1 ms\n```\n## Measure\n```measure\nx = {n} + lab.memory_mib | words\n```\n```check\nx = 4 + {n} | a | b\n```\n## Explain\nE\n## In reality\nR\n';

/** Of somebody with the seed s. */
function codeOf(name: string): string {
  const { lesson } = readLesson(OWN, seedOf('s', name));
  return handInCode(lesson, [['x', 4 + lesson.drawn.get('n')!]]);
}

it('grades a class’s file at once, and says what a wrong code suggests', async () => {
  const lesson = join(folder, 'mine.md'),
    file = join(folder, 'class.csv');
  writeFileSync(lesson, OWN);
  writeFileSync(file, `Ada,${codeOf('Ada')}\nBen,${codeOf('Ada')}\nCem,\n`);
  expect(await grade([lesson, '--seed', 's', '--class', file])).toBe(1);
  expect(out).toBe(
    `right  Ada  ${codeOf('Ada')}\nwrong  Ben  ${codeOf('Ada')}\n       It has the numbers of Ada.\nwrong  Cem\n       No code was handed in.\n1 of 3 codes are right.\n`,
  );
  out = '';
  expect(await grade([lesson, '--seed', 's', '--csv', `Ben=${codeOf('Ben')}`])).toBe(0);
  expect(out).toBe(`name,code,result,why\nBen,${codeOf('Ben')},right,\n`);
});

it('takes any word for a seed or a name, letters of all planes among them', async () => {
  const lesson = join(folder, 'mine.md'),
    { lesson: read } = readLesson(OWN, seedOf('🎉', 'José 👩‍🏫'));
  writeFileSync(lesson, OWN);
  const code = handInCode(read, [['x', 4 + read.drawn.get('n')!]]);
  // As another keyboard writes it: the accent by itself.
  expect(await grade([lesson, '--seed', '🎉', `JOSÉ 👩‍🏫=${code}`.normalize('NFD')])).toBe(0);
});

it('says what is wrong with what was asked', async () => {
  const garbage = join(folder, 'garbage.md');
  writeFileSync(garbage, new Uint8Array([0xff, 0xfe, 0x1b, 0x5b]));
  for (const [argv, said] of [
    [[], 'write ringside grade LESSON CODE…'],
    [['nolesson', 'A'], 'there is no lesson nolesson'],
    [['exits'], 'write either codes or --class FILE'],
    [['exits', '--class', join(folder, 'none.csv')], 'none.csv does not exist; check the path (--class).'],
    [['exits', '--class', folder], 'is a folder; name a file (--class).'],
    [['exits', '--class', garbage], 'garbage.md is no text in UTF-8; save it as one (--class).'],
    [[garbage, 'A'], 'garbage.md is no text in UTF-8; save it as one (LESSON).'],
    [[join(folder, 'none.md'), 'A'], 'none.md does not exist; check the path (LESSON).'],
    [['exits', '--colour'], "'--colour'"],
  ] as const) {
    out = '';
    expect(await grade([...argv])).toBe(2);
    expect(out).toContain(said);
  }
  const lesson = join(folder, 'bad.md');
  writeFileSync(lesson, '# nothing');
  out = '';
  expect(await grade([lesson, 'A'])).toBe(2);
  expect(out).toMatch(/the lesson has mistakes\.\nline 1: /);
});
