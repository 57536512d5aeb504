import { expect, it } from 'vitest';
import { readClass } from './class-file.ts';

it('has a name and a code a line, between commas, semicolons or tabs, in quotes or not', () => {
  const students = [
    { name: 'Ada', code: 'A-1' },
    { name: 'Lovelace, A. "L"', code: 'B-2' },
  ];
  for (const separator of [',', ';', '\t'])
    expect(readClass(`\uFEFFAda${separator} A-1\r\n\r\n"Lovelace, A. ""L"""${separator}B-2`, 'class.csv')).toEqual(
      students,
    );
});

it('may name its columns, in any order, and leave a code out', () => {
  expect(readClass('Seed,Code,Group,Student\ns1,A-1,x,Ada\n,,y,Ben\n', 'class.csv')).toEqual([
    { name: 'Ada', code: 'A-1', seed: 's1' },
    { name: 'Ben', code: '' },
  ]);
});

it('is told all that is wrong with it, with the lines', () => {
  expect(() => readClass('Ada,A-1\nBen\n,C-3\n', 'class.csv')).toThrow(
    /^class\.csv:2: “Ben” is no name and code\. Write NAME,CODE\.\nclass\.csv:3: /,
  );
  // What stands between fields is what the first line has there.
  expect(readClass('name,code\nLovelace; A.,A-1\n', 'class.csv')).toEqual([{ name: 'Lovelace; A.', code: 'A-1' }]);
  expect(() => readClass('Ada,A-1\n"Ben,B-2\nCem,C-3\n', 'class.csv')).toThrow(
    /^class\.csv:2: a quotation mark is not closed\. Write another one behind the field\.$/,
  );
  expect(() => readClass('\x1b]0;x\x07,1\n', 'class.csv')).toThrow(/^class\.csv is no table of text\./);
  expect(() => readClass(`${'z'.repeat(500)}\n`.repeat(100), 'class.csv')).toThrow(
    /^(class\.csv:\d+: “z{60}…” is no name and code.*\n){20}and 80 more of them\.$/,
  );
  expect(() => readClass(' \n', 'class.csv')).toThrow('class.csv: the file is empty');
  expect(() => readClass('code,who\nA,Ada\n', 'class.csv')).toThrow('class.csv:1: no column is called name');
});
