/** What a kernel finds that is started without firmware: on a PC what GRUB or QEMU -kernel would leave it of a BIOS, under Xen what Xen's builder leaves. */
import { describe, expect, it } from 'vitest';
import { asm, type Code } from '../../cpu/test-support/asm.ts';
import type { Domain } from './domain.ts';
import { XEN_TYPE } from '../interfaces/xen/layout.ts';
import { runToEnd } from './program.test-support.ts';
import { end, realModeDomain, WORDS } from './real-mode.test-support.ts';
import { testGuest } from '../interfaces/xen/pvh-program.test-support.ts';

const TICKS = 0x46c;

function peek(domain: Domain, address: number, bytes = 2): number {
  const into = new Uint8Array(4);
  domain.memory.read(address, into.subarray(0, bytes));
  return new DataView(into.buffer).getUint32(0, true);
}
/** The value that a program ended with. */
function ended(domain: Domain): number | undefined {
  const result = runToEnd(domain, 2000);
  expect(result).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit' } });
  return result.state === 'ended' ? result.ending.value : undefined;
}
const keep = (port: number, address: number): string => `in al, ${port}; mov [${address}], al`;

describe('real mode on a PC without firmware', () => {
  it('has interrupts: STI does not hang, and the timer’s are counted at 40:6C from the time of day', () => {
    const code: Code = [
      `
        mov eax, [${TICKS}]; mov [${WORDS}], eax; sti
        again: hlt; mov ecx, [${TICKS}]; sub ecx, eax; cmp ecx, 3; jb again; cli
      `,
      keep(0x21, WORDS + 4),
      ...end(7),
    ];
    // Noon.
    const domain = realModeDomain(code, {}, { startEpochMs: 12 * 3600 * 1000 });
    expect(ended(domain)).toBe(7);
    expect(peek(domain, WORDS, 4)).toBe(0x1800b0 / 2);
    // The first has waited since the timer was set up.
    expect(domain.clock.nowNs() / 1e6).toBeCloseTo((2 * 65536) / 1193.182, 0);
    // Timer, keyboard, cascade and floppy are unmasked, as before: nothing was taken for unexpected.
    expect(peek(domain, WORDS + 4, 1)).toBe(0xb8);
  });

  it('starts the count anew at midnight and says so once (INT 1Ah, function 0)', () => {
    const code: Code = [
      `
        sti
        again: hlt; cmp dword [${TICKS}], 2; jae again; mov ah, 0; int 0x1a; mov [${WORDS}], al
        mov [${WORDS + 2}], dx; mov ah, 0; int 0x1a; mov [${WORDS + 1}], al
      `,
      ...end(7),
    ];
    const domain = realModeDomain(code, {}, { startEpochMs: 24 * 3600 * 1000 - 100 });
    expect(ended(domain)).toBe(7);
    expect([peek(domain, WORDS, 1), peek(domain, WORDS + 1, 1), peek(domain, WORDS + 2)]).toEqual([
      1,
      0,
      peek(domain, TICKS),
    ]);
  });

  it('returns from every vector, with the stack as it was', () => {
    // Bootstrap (18h, 19h) starts the machine again.
    const vectors = Array.from({ length: 256 }, (_, vector) => vector).filter(
      vector => vector !== 0x18 && vector !== 0x19,
    );
    const code: Code = [
      'sti',
      ...vectors.map(vector => `int ${vector}`),
      'cmp sp, 0x7000; jne wrong',
      ...end(7),
      'wrong:',
      ...end(1),
    ];
    const domain = realModeDomain(code);
    expect(ended(domain)).toBe(7);
  });

  it('says what there is: 639 KiB (INT 12h), equipment (INT 11h); and that there is no disk, no key, no other service', () => {
    const asks = (vector: number, ah: number, at: number): string =>
      `mov ah, ${ah}; int ${vector}; pushf; pop word [${at + 2}]; mov [${at}], ax`;
    const domain = realModeDomain([
      asks(0x12, 0, WORDS),
      asks(0x11, 0, WORDS + 4),
      asks(0x13, 2, WORDS + 8),
      asks(0x15, 0x88, WORDS + 12),
      asks(0x16, 1, WORDS + 16),
      ...end(7),
    ]);
    expect(ended(domain)).toBe(7);
    expect([peek(domain, WORDS), peek(domain, WORDS + 4)]).toEqual([639, 0x0426]);
    expect([peek(domain, WORDS + 9, 1), peek(domain, WORDS + 10) & 1]).toEqual([1, 1]);
    expect([peek(domain, WORDS + 13, 1), peek(domain, WORDS + 14) & 1]).toEqual([0x86, 1]);
    expect(peek(domain, WORDS + 18) & 0x40).toBe(0x40);
  });

  it('takes keys out of the controller, so that more can come', () => {
    const domain = realModeDomain(['sti; jmp $']);
    domain.runSlice();
    const pressed = (code: string): number => {
      domain.platform.keyboard.key(code, true);
      // Some 0.7 ms on the wire.
      for (let i = 0; i < 3; i++) domain.runSlice();
      const { output, from } = (domain.platform.save() as { i8042: { output: number; from: number } }).i8042;
      expect(from).toBe(0);
      return output;
    };
    expect([pressed('KeyA'), pressed('KeyB')]).toEqual([0x1e, 0x30]);
  });

  it('masks and ends an interrupt that nobody expects, of either controller', () => {
    // QEMU's test device drives IRQ 5 and 10. Both controllers open; then what is masked, and what is in service.
    const code: Code = [
      `
        mov al, 0; out 0x21, al; out 0xa1, al; sti; mov al, 1; mov dx, 0x2005; out dx, al; nop
        mov dx, 0x200a; out dx, al; nop; cli
      `,
      keep(0x21, WORDS),
      keep(0xa1, WORDS + 1),
      'mov al, 0xb; out 0x20, al; out 0xa0, al',
      keep(0x20, WORDS + 2),
      keep(0xa0, WORDS + 3),
      ...end(7),
    ];
    const domain = realModeDomain(code);
    expect(ended(domain)).toBe(7);
    expect([0, 1, 2, 3].map(i => peek(domain, WORDS + i, 1))).toEqual([1 << 5, 1 << 2, 0, 0]);
  });

  it('starts the machine again where firmware would: at FFFF:0000 and for INT 19h', () => {
    for (const code of ['jmp word 0xffff:0', 'int 0x19'])
      expect(runToEnd(realModeDomain([code]))).toMatchObject({ state: 'ended', ending: { kind: 'reset' } });
  });
});

describe('a guest of Xen that has the place of firmware', () => {
  it('finds the board as after RESET: no tick comes, whatever its interrupt flag says (pit_reset, vpic_reset of Xen 4.17)', () => {
    for (const type of [XEN_TYPE.HVM, XEN_TYPE.PVH]) {
      // An interrupt would end in a triple fault, since there is no IDT.
      const { domain } = testGuest({ code: asm('sti; again: hlt; jmp again'), type });
      expect(runToEnd(domain)).toEqual({ state: 'parked', untilNs: Infinity, latestNs: Infinity });
    }
    const { pic } = testGuest({ type: XEN_TYPE.HVM }).domain.platform.save() as {
      pic: { master: { imr: number; ready: boolean } };
    };
    expect(pic.master).toMatchObject({ imr: 0, ready: false });
  });
});
