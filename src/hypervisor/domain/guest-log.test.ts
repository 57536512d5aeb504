import { describe, expect, it } from 'vitest';
import { GuestLog } from './guest-log.ts';

function printed(...writes: string[]): string[] {
  const lines: string[] = [];
  const log = new GuestLog(7, line => lines.push(new TextDecoder('latin1').decode(line)));
  for (const text of writes) log.write(Uint8Array.from(text, letter => letter.charCodeAt(0)));
  log.close();
  return lines;
}

describe("a guest's lines on the hypervisor's console (console.c, hvm.c)", () => {
  it('stand behind its number, one line at a time', () => {
    expect(printed('one\ntw', 'o\n\nthree')).toEqual(['(d7) one\n', '(d7) two\n', '(d7) \n', '(d7) three\n']);
  });

  it('have printable characters only, so that no guest drives the terminal', () => {
    expect(printed('a\x1b[2J\r\tb\x7f\x9b\xe4\0\n')).toEqual(['(d7) a[2J\tb\xe4\n']);
  });

  it('are cut where they fill the buffer', () => {
    expect(printed(`${'x'.repeat(200)}\n`)).toEqual([`(d7) ${'x'.repeat(198)}\n`, '(d7) xx\n']);
  });
});
