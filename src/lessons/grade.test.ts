import { describe, expect, it } from 'vitest';
import { handInCode, plainCode, readCode, seedOf } from './code.ts';
import { whyWrong } from './grade.ts';

const LESSON = { id: 'ring-request', version: 'draw n: 1 to 9', seed: seedOf('abc', 'Ada') };
const EXACT = [['rings', 50]] as const;
const code = handInCode(LESSON, EXACT);
const known = {
  lessons: [{ id: 'exits', title: 'VM exits' }],
  seeds: [{ seed: seedOf('abc', 'Ben'), who: 'Ben' }],
};
const why = (typed: string): string | undefined => whyWrong(typed, code, known);
/** With its letters changed. */
const changed = (change: (letters: string[]) => void): string => {
  const letters = [...plainCode(code)];
  change(letters);
  return letters.join('');
};

describe('a code', () => {
  it('is three groups of four letters, and right however it is typed', () => {
    expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    for (const typed of [code, code.toLowerCase(), ` ${code.replaceAll('-', ' ')} `, code.replaceAll('0', 'o')])
      expect(why(typed)).toBeUndefined();
  });

  it('is the same whatever a name’s case and spaces are, and another for another name', () => {
    expect(seedOf('abc', '  ADA ')).toBe(LESSON.seed);
    expect(seedOf('abc', 'Zoe\u0301')).toBe(seedOf('abc', 'Zo\u00e9'));
    expect(seedOf('abc', ' ')).toBe('abc');
    expect(handInCode({ ...LESSON, seed: seedOf('abc', 'Ben') }, EXACT)).not.toBe(code);
  });

  it('does not survive one letter that was typed wrong, nor two that changed places', () => {
    for (let i = 0; i < 12; i++)
      for (const other of '123456789ABCDEFGHJKMNPQRSTVWXY') {
        if (plainCode(code)[i] === other || (plainCode(code)[i] === '0' && other === 'Z')) continue;
        expect(readCode(changed(letters => void (letters[i] = other)))).toBeUndefined();
      }
    expect(readCode(changed(letters => letters.splice(4, 2, letters[5]!, letters[4]!)))).toBeUndefined();
  });
});

describe('a wrong code', () => {
  it('says which letter was typed wrong, is missing or is one too many', () => {
    const other = plainCode(code)[6] === 'W' ? 'X' : 'W';
    expect(why(changed(letters => void (letters[6] = other)))).toContain('Letter 7 was typed wrong');
    expect(why(changed(letters => letters.splice(6, 1)))).toMatch(/Letter \d+, ., is missing/);
    expect(why(changed(letters => letters.splice(6, 0, other)))).toContain(`Letter 7, ${other}, is one too many`);
    const [a, b] = [...plainCode(code)].slice(6);
    if (a !== b)
      expect(why(changed(letters => letters.splice(6, 2, b!, a!)))).toContain('Letters 7 and 8 changed places');
    expect(why('')).toBe('No code was handed in.');
    expect(why('ABC')).toContain('It has 3 letters');
    expect(why('?!')).toContain('is in no code');
  });

  it('says that it is of another lesson, version, name or measurement', () => {
    expect(why(handInCode({ ...LESSON, id: 'exits' }, EXACT))).toContain('the lesson “VM exits”');
    expect(why(handInCode({ ...LESSON, id: 'mine' }, EXACT))).toContain('another lesson');
    expect(why(handInCode({ ...LESSON, version: 'draw n: 2 to 9' }, EXACT))).toContain('another version');
    expect(why(handInCode({ ...LESSON, seed: seedOf('abc', 'Ben') }, EXACT))).toContain('the numbers of Ben');
    expect(why(handInCode({ ...LESSON, seed: 'xyz' }, EXACT))).toContain('another seed');
    expect(why(handInCode(LESSON, [['rings', 51]]))).toContain('the measured numbers are not');
  });
});
