/** Accesses to devices' memory that are answered inside `run()`: a few instructions on the real processor and PC. */
import { describe, expect, it, vi } from 'vitest';
import { assemble } from '../../cpu/assembler/index.ts';
import { EBX, EDX, ExitReason } from '../../cpu/index.ts';
import type { Domain } from './domain.ts';
import { program, programDomain, runToEnd } from './program.test-support.ts';
import { statsOf } from './stats.test-support.ts';

/** Runs `code` (32 bits, flat) until it halts permanently. */
function run(...code: (string | number | number[])[]): Domain {
  const domain = programDomain(program(code));
  runToEnd(domain, 1);
  return domain;
}

const outb = (port: number, value: number): number[] => [0x66, 0xba, port & 255, port >> 8, 0xb0, value, 0xee];
/** VGA: memory at A0000, planes without a chain, all of them written. */
const PLANES = [
  [0x3c2, 0xe3],
  [0x3c4, 2],
  [0x3c5, 15],
  [0x3c4, 4],
  [0x3c5, 6],
  [0x3ce, 6],
  [0x3cf, 5],
  [0x3ce, 8],
  [0x3cf, 0xff],
].flatMap(([port, value]) => outb(port, value));

it('writes to the VGA window reach its planes, each counted as an EPT violation', () => {
  const domain = run(PLANES, 'mov al, 0x5a; mov edi, 0xa0010; mov ecx, 1000; rep stosb; hlt');
  expect([...domain.platform.vga.memory.subarray(16 * 4, 17 * 4)]).toEqual([0x5a, 0x5a, 0x5a, 0x5a]);
  expect([15, 1015, 1016].map(offset => domain.platform.vga.memory[4 * offset] === 0x5a)).toEqual([false, true, false]);
  expect(statsOf(domain).exitsByReason).toMatchObject({ EPT_VIOLATION: 1000 });
});

it("reads get the device's answer, and a read-modify-write both", () => {
  const domain = run(PLANES, 'mov edi, 0xa0000; mov byte [edi], 0x41; or byte [edi], 2; mov bl, [edi]; hlt');
  expect(domain.processor.regs[EBX] & 255).toBe(0x43);
  expect(statsOf(domain).exitsByReason).toMatchObject({ EPT_VIOLATION: 4 });
});

it('a timer that a device sets from there is served in time', () => {
  // The first store sets the screen's refresh timer.
  const domain = run(PLANES, 'mov edi, 0xa0000; again: mov [edi], al; jmp again');
  // Slices end without regard to that: nothing may be overdue by more than a slice's worth of what is answered in place.
  expect(domain.timers.nextDeadlineNs).toBeGreaterThanOrEqual(domain.clock.nowNs() - 1000);
  expect(statsOf(domain).exitsByReason['EPT_VIOLATION']).toBeGreaterThan(100_000);
});

it('ports of the device model likewise, each counted as the I/O exit that it is; those of the interrupt controllers exit', () => {
  const domain = run('mov ecx, 100; again: out 0x80, al; in al, 0x71; dec ecx; jne again; in al, 0x21; hlt');
  expect(statsOf(domain).exitsByReason).toMatchObject({ IO: 201 });
});

it('what is read of the timers, too: port 61H, the 8254 and the PM timer go on meanwhile; what is written exits', () => {
  const domain = programDomain(
    program([
      `
        mov ecx, 2000; mov dx, 0x608; in eax, dx; mov ebx, eax
        again: in al, 0x61; in al, 0x40; in eax, dx; dec ecx; jne again; sub eax, ebx
        mov ebx, eax; out 0x61, al; hlt
      `,
    ]),
  );
  const dispatch = vi.spyOn((domain as unknown as { exits: { dispatch(reason: number): void } }).exits, 'dispatch');
  runToEnd(domain, 1);
  expect(statsOf(domain).exitsByReason).toMatchObject({ IO: 6002 });
  expect(dispatch.mock.calls.flat().filter(reason => reason === ExitReason.IO)).toHaveLength(1);
  // 14,000 instructions of virtual time.
  expect(domain.processor.regs[EBX]).toBeGreaterThan(20);
});

describe('reads of the local APIC (SDM vol. 3, 30.4.2)', () => {
  /** A PC with local APICs runs `source`, then halts permanently. */
  function withApic(source: string, prepare: (domain: Domain) => void = () => {}): Domain {
    const { bytes, problems } = assemble(`bits 32\nAPIC equ 0xfee00000\n${source}\ncli\nhlt`);
    expect(problems).toEqual([]);
    const domain = programDomain(program([[...bytes]]), { apic: true });
    prepare(domain);
    runToEnd(domain, 1);
    return domain;
  }

  it('are answered as from the virtual-APIC page: counted, and no exits', () => {
    const domain = withApic(`
      mov dword [APIC + 0x80], 0x25
      mov ecx, 1000
      again:
      mov eax, [APIC + 0x20]
      mov ebx, [APIC + 0x80]
      movzx edx, byte [APIC + 0x32]
      dec ecx
      jnz again
    `);
    expect(domain.processor.regs[EBX]).toBe(0x25);
    // Six entries in the local vector table: bits 16-23 of the version say five.
    expect(domain.processor.regs[EDX]).toBe(5);
    expect(statsOf(domain)).toMatchObject({ apicReads: 3000, exitsByReason: { EPT_VIOLATION: 1 } });
  });

  for (const [what, access] of Object.entries({
    'the timer’s current count': 'mov eax, [APIC + 0x390]',
    'the processor’s priority, which interrupts change': 'mov eax, [APIC + 0xa0]',
    'the arbitration priority': 'mov eax, [APIC + 0x90]',
    'what is no register': 'mov eax, [APIC + 0x40]',
    'what lies beside the low four bytes of a register': 'mov eax, [APIC + 0x24]',
    'more than the low four bytes': 'mov eax, [APIC + 0x22]',
    writes: 'mov [APIC + 0x80], eax',
    'the I/O APIC': 'mov eax, [0xfec00010]',
  }))
    it(`exits for ${what}`, () => {
      const domain = withApic(access);
      expect(statsOf(domain).apicReads).toBe(0);
      expect(statsOf(domain).exitsByReason['EPT_VIOLATION']).toBeGreaterThanOrEqual(1);
    });

  // A read that is answered in place, with a write that exits and starts the instruction again, would never end.
  it.each([
    ['xchg [APIC + 0x80], eax', 0x10],
    ['and dword [APIC + 0x80], 0x30', 0x20],
    ['lock or dword [APIC + 0x80], 0x10', 0x30],
    ['add [APIC + 0x80], eax', 0x30],
    ['inc dword [APIC + 0x80]', 0x21],
    ['bts dword [APIC + 0x80], 4', 0x30],
    ['lock xadd [APIC + 0x80], eax', 0x30],
    ['mov ecx, 0x50; mov eax, 0x20; lock cmpxchg [APIC + 0x80], ecx', 0x50],
  ])('and a write by one instruction end: %s', (instruction, priority) => {
    const endsEndlessSlice = ({ platform: { ownBus } }: Domain): void => {
      const read = ownBus.readMemoryQuietly.bind(ownBus);
      let reads = 0;
      vi.spyOn(ownBus, 'readMemoryQuietly').mockImplementation((address, size) => {
        if (++reads > 100) throw new Error('The instruction starts again and again.');
        return read(address, size);
      });
    };
    const domain = withApic(
      `
      mov dword [APIC + 0x80], 0x20
      mov eax, 0x10
      ${instruction.replaceAll('; ', '\n')}
      mov ebx, [APIC + 0x80]
    `,
      endsEndlessSlice,
    );
    expect(domain.processor.regs[EBX]).toBe(priority);
    expect(statsOf(domain).exitsByReason['EPT_VIOLATION']).toBe(2);
  });

  it('tell of an error register only what software has asked for, and of no register an error', () => {
    const domain = withApic(`
      mov eax, [APIC + 0x40]
      mov ebx, [APIC + 0x280]
      mov dword [APIC + 0x280], 0
      mov edx, [APIC + 0x280]
    `);
    expect([domain.processor.regs[EBX], domain.processor.regs[EDX]]).toEqual([0, 0x80]);
    expect(statsOf(domain).apicReads).toBe(2);
  });
});
