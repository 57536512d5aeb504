import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CodeSize, rows } from '../table/index.ts';
import { samples } from '../table/samples.ts';
import { haveNasm, nasm } from './beside-nasm.ts';
import { assemble } from './index.ts';
import { nasmText } from './nasm-text.ts';

const guests = new URL('../../../guests/', import.meta.url);
const files = readdirSync(guests, { recursive: true }) as string[];
/** Those of lessons (guests/small) have no committed bytes: they are assembled when their guest is made. */
const sources = files.filter(path => path.endsWith('.asm') && files.includes(path.replace(/asm$/, 'img')));
/** Of the random sources: each run has the same. */
const SEED = 20261122;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The bytes in hexadecimal, or what is wrong. */
function made(source: string): string {
  const { bytes, problems } = assemble(source);
  return problems.length > 0
    ? problems.map(({ line, column, message }) => `${line}:${column}: ${message}`).join('\n')
    : hex(bytes);
}

/** Each line in a place of 16 bytes, so that the bytes of a line are found. */
const spread = (lines: readonly string[], bits: CodeSize): string =>
  `bits ${bits}\n${lines.map(line => `${line}\nalign 16, db 0xcc\n`).join('')}`;
/** XCHG names its registers in either order; MOV of a selector and SLDT write all of a register by 32 bits, too. */
const sorted = (text: string): string =>
  text
    .replace(/^xchg (\w+), (\w+)$/, (_, a, b) => `xchg ${[a, b].sort()}`)
    .replace(/^(sldt|mov) r([a-d]x|[sd]i)($|, [c-gs]s$)/, '$1 e$2$3');
/** What nasm has no words for: an alias, and MOVSXD of no more than 32 bits. */
const UNSAID = /^fstp1|^(a32 )?movsxd (e|\w[xpi]\b|r\d+[wd])/;
const lineOf = (line: number): number => line / 2 - 1;

/** Every row in its forms, in nasm's words. */
function texts(bits: CodeSize): string[] {
  const found = rows.flatMap(row =>
    samples(row, bits).map(sample => nasmText(Uint8Array.from([...sample, ...Array(8).fill(0x90)]), bits)),
  );
  return [...new Set(found)].filter(text => text !== undefined);
}

describe('the assembler', () => {
  it.each(sources)('makes of %s the bytes that are committed', path => {
    const { bytes, problems } = assemble(readFileSync(new URL(path, guests), 'utf8'));
    expect(problems).toEqual([]);
    expect(Buffer.from(bytes).equals(readFileSync(new URL(path.replace(/asm$/, 'img'), guests)))).toBe(true);
  });

  it.each([16, 32, 64] as const)(
    'assembles what the disassembler prints of every row to what it prints again, %i-bit',
    bits => {
      const lines = texts(bits).filter(line => !UNSAID.test(line));
      expect(lines.length).toBeGreaterThan(7000);
      const { bytes, problems } = assemble(spread(lines, bits));
      expect(problems.slice(0, 3).map(({ line, message }) => `${lines[lineOf(line)]}: ${message}`)).toEqual([]);
      const differences = lines.flatMap((line, i) => {
        const again = nasmText(bytes.subarray(16 * i, 16 * i + 16), bits);
        return again !== undefined && sorted(again) === sorted(line)
          ? []
          : [`${line}: ${hex(bytes.subarray(16 * i, 16 * i + 16))} ${again}`];
      });
      expect(differences).toEqual([]);
    },
  );

  it('comes to rest where many passes are needed', () => {
    // Each name is known one pass after the next one, and each jump becomes long because the one that it jumps over has.
    expect(made(`db n0\n${Array.from({ length: 200 }, (_, i) => `n${i} equ n${i + 1}\n`).join('')}n200 equ 7`)).toBe(
      '07',
    );
    const jumps = Array.from({ length: 100 }, (_, i) => `times 125 nop\njmp l${i + 1}\nl${i}:\n`).join('');
    const { bytes, problems } = assemble(`jmp l0\n${jumps}times 128 nop\nl100:`);
    expect(problems).toEqual([]);
    expect(bytes.length).toBe(100 * 125 + 128 + 101 * 3);
  });

  it('knows where lines have gone', () => {
    const { origin, pieces } = assemble('org 100h\nmov ax, 1\n\nx: times 3 db 7\nret');
    expect(origin).toBe(0x100);
    expect(pieces).toEqual([
      { line: 2, offset: 0, length: 3 },
      { line: 4, offset: 3, length: 3 },
      { line: 5, offset: 6, length: 1 },
    ]);
  });
});

describe('a mistake in a source', () => {
  it.each([
    ['mvo ax, bx', '1:1: “mvo” is no instruction and no directive; a label ends in a colon'],
    ['mov ax, nowhere', '1:9: “nowhere” is not defined: write “nowhere:” where it should be, or “nowhere equ …”'],
    ['mov ax, bl', '1:5: mov does not take these operands: operands of different size; it takes '],
    ['mov [bx], [si]', '1:5: mov takes one operand in memory, not two: go through a register'],
    ['mov [bx], 5', '1:5: how much is meant at this address is open: write byte, word or dword before the bracket'],
    ['mov ax', '1:5: mov takes 2 operands, and here is 1'],
    ['mov al, 256', '1:9: 256 has more than 8 bits: -128 to 255 go'],
    ['mov ax, [cx]', '1:9: no address of 16 bits is made like this: it is [bx], '],
    ['mov ax, [bx+ebx]', '1:9: registers of 16 and of 32 bits cannot be added'],
    ['mov eax, [esp*2]', '1:10: no address of 32 bits is made like this'],
    ['mov ax, es:[bx]', '1:9: an override belongs inside the brackets: write [es:…]'],
    ['mov cs, ax', '1:5: mov does not take these operands'],
    ['lock mov [bx], ax', '1:10: lock goes only before an instruction that changes memory'],
    ['x: nop\nx: nop', '2:1: “x” is defined in line 1, too: give one of them another name'],
    [
      'times 510-($-$$) db 0\ntimes 500-($-$$) db 0',
      '2:1: times takes no number below 0, and this is -10: the text before it is 10 bytes too long',
    ],
    ['times end db 0\nend:', '1:1: times takes a number that is known here: it cannot use what is defined below'],
    ['times 1e9 db 0', '1:7: “1e9” has a point'],
    ['times 1000000000 db 0', '1:1: times 1000000000 is too much: at most 1048576 here'],
    [
      'jmp short away\ntimes 200 nop\naway:',
      '1:5: the target is 200 bytes away, and a short jump goes from -128 to 127: leave “short” away',
    ],
    ['a equ b\nb equ a', '1:1: “a” depends on itself: nothing can be said about its value'],
    ['a equ a+1', '1:1: “a” depends on itself'],
    ['db 1/0', '1:5: a division by 0'],
    ['x: mov ax, x*2', '1:13: a label is used with “*”: that takes plain numbers'],
    ['db "abc', '1:4: the string has no end: close it with "'],
    ['mov ax, 12z', '1:9: “12z” is no number: write 10, 0x1f or 1fh, 101b, 17o'],
    ['%define X 1', '1:1: there is no preprocessor here: write names for numbers with equ'],
    ['bits 8', '1:6: code has 16, 32 or 64 bits: bits 16, bits 32 or bits 64'],
    ['mov rax, 5', '1:5: rax is a register of 64-bit code: write bits 64 above it'],
    ['mov al, [r8]', '1:9: r8 is a register of 64-bit code: write bits 64 above it'],
    ['swapgs', '1:1: swapgs is an instruction of 64-bit code: write bits 64 above it'],
    ['iretq', '1:1: iretq is an instruction of 64-bit code: write bits 64 above it'],
    ['o64 nop', '1:5: sizes of 64 bits need 64-bit code: write bits 64 above it'],
    ['bits 64\ndaa', '2:1: 64-bit code has no daa: this is an instruction of 16- and 32-bit code'],
    ['bits 64\njcxz $', '2:1: 64-bit code has no jcxz: this is an instruction of 16- and 32-bit code'],
    ['bits 64\npush eax', '2:6: push does not take these operands'],
    ['bits 64\nmov ah, r8b', '2:5: ah cannot be used with registers of 64-bit code'],
    ['bits 64\nmov al, [bx]', '2:9: 64-bit code has no addresses of 16 bits: take registers of 64 or 32 bits'],
    ['bits 64\nmov al, [rax+ebx]', '2:9: registers of 64 and of 32 bits cannot be added in an address'],
    ['bits 64\nmov al, [rsp*2]', '2:9: no address of 64 bits is made like this'],
    ['bits 64\nmov al, [rax+0x80000000]', '2:9: 2147483648 is no displacement: in 64-bit code it has 32 bits'],
    ['bits 64\nmov al, [rel rax]', '2:9: rel counts from RIP, and no other register can be added'],
    ['bits 64\nadd rax, 0x80000000', '2:10: 2147483648 has more than 32 bits with a sign'],
    ['bits 64\nmov [rbx], 5', '2:5: how much is meant at this address is open: write byte, word, dword or qword'],
    ['bits 64\ndefault 5', '2:9: default says how addresses of 64-bit code are meant: default rel, or default abs'],
    ['section .data', '1:1: there is one section here, .text: leave the line away'],
    ['incbin "x"', '1:1: incbin: there are no other files here: list the bytes with db'],
    ['.x: nop', '1:1: “.x” belongs to the label before it, and there is none'],
    ['mov: nop', '1:1: “mov” is a word of the language and no name'],
    ['far: nop', '1:1: “far” is a word of the language and no name'],
    ['mov ax, 1 2', '1:11: “2” is too much here'],
    ['nop ü', '1:5: “ü” means nothing here'],
    ['org 1\norg 2', '2:1: a second org'],
    ['dd 1e50', '1:4: the number is too great for this width: write dq or dt'],
  ])('%j is told with its place and what to do', (source, problem) => {
    expect(made(source)).toContain(problem);
  });

  it('is told beside all others', () => {
    expect(assemble('foo bar\nmov ax, bl\nnop\nmov al, 300\nmov ax, y').problems.map(({ line }) => line)).toEqual([
      1, 2, 4, 5,
    ]);
  });

  it('of any kind throws nothing and takes a bounded time', () => {
    const words = fc.constantFrom(
      'mov',
      'ax',
      'al',
      '[',
      ']',
      ',',
      '+',
      '-',
      '(',
      ')',
      ':',
      'x',
      '.y',
      'equ',
      'times',
      'db',
      'dd',
      '1',
      '0x',
      '$',
      '$$',
      '"',
      '1.5',
      'jmp',
      'short',
      'fadd',
      'to',
      'st1',
      'rep',
      'es',
      'align',
      'org',
      'bits',
      '16',
      'resb',
      '?',
      'byte',
      'dword',
      '*',
      '<<',
      '~',
      'far',
      '99999999999',
      ';',
      '\n',
      '\n',
      '\n',
      '\\',
      '\0',
      '\u{1f600}',
      '__proto__',
      'constructor',
      'toString',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), all => {
        const { bytes, problems } = assemble(all.join(' '));
        expect(bytes.length === 0 || problems.length === 0).toBe(true);
      }),
      { numRuns: 1500, seed: SEED },
    );
    for (const source of [
      '('.repeat(100_000),
      '-'.repeat(100_000),
      `db ${'1+'.repeat(100_000)}1`,
      `x: ${'times 9 '.repeat(1000)}`,
      'mov '.repeat(100_000),
      `dd ${'9'.repeat(100_000)}`,
      'dd 1e999999999',
      `dd 1.${'9'.repeat(100_000)}`,
      `db 1${',1'.repeat(100_000)}`,
      'a equ b+1\nb equ a+1\nc equ a<<b',
      'times 32768 jmp x\nx:',
      'l: times 32768 jz l\n',
      'resq 1000000',
      'align 3',
      `${Array.from({ length: 3000 }, (_, i) => `j${i}: jmp j${(i * 7919) % 3000}`).join('\n')}`,
      'x: times 1048576 times 1048576 db 0',
      'db 1 ? '.repeat(1000),
    ]) {
      expect(() => assemble(source), source.slice(0, 40)).not.toThrow();
    }
  });
});

/** Lines whose meaning the NASM manual tells and a table of instructions does not; {} represents as many lines as there are alternatives. */
const LANGUAGE = `
add ax, later
later equ 5
mov ax, [bx+later]
x: add ax, x
mov ax, [bx+x]
push x
int x-$$
push word 5
push strict word 5
push dword 5
add ax, strict word 5
add ax, 0xffff
add eax, 0xffffffff
add byte [x], 5
add [x], byte 5
mov [x], word 5
mov ax, 'ab'
db "it's", "a", \`\\n\\x41\\0\`, 'a'+1
dw 'abc', 1, -1, 0xffff
dd 'abcde', 1.5, -0.1, 1e10, x
dq 1.0, 3.141592653589793, 0x123456789abcdef0
dt 1.0, -2.5, 1.0e-4000, 0.1
dd 1.17549435e-38, 1.0e-45, 3.4028235e38, 16777217.0, 0.0
dw 1.0, 0.333333
times 3 jmp $
times 3 db $-$$
times 5 dw 0x1234
resb 3
align 8
align 4, db 1
mov al, 10h
mov al, 0x10
mov al, $10
mov al, 101b
mov al, 0b101
mov al, 17o
mov al, 0o17
mov al, 1_0
mov al, 12d
mov ax, 0bh
mov al, (1+2)*3-8/3
mov ax, 1<<4|3^1&7
mov al, ~1&0xff
mov al, -7//2+8
mov al, -7 %% 2+8
mov al, 7 % 4
dw 1 ? 2 : 3
mov al, (3>2)+(3=3)+(3!=3)+(1&&0)+(1||0)+(1^^1)+!5
mov eax, [eax*2]
mov eax, [nosplit eax*2]
mov eax, [eax*3]
mov eax, [eax*4]
mov eax, [eax*5+1]
mov eax, [eax+esp]
mov eax, [esp+eax]
mov eax, [eax+eax]
mov eax, [eax*1+ebx]
mov eax, [ebp+eax]
mov eax, [eax+ebp]
mov eax, [eax*1+ebp]
mov eax, [ebx+ecx*4-4]
mov eax, [4*ecx+ebx]
mov eax, [ebx+2*(ecx+3)]
mov eax, [esp]
mov eax, [ebp]
mov eax, [byte ebp+0]
mov eax, [byte ebx]
mov eax, [dword ebx]
mov ax, [dword x]
mov ax, [word x]
mov ax, [bp]
mov ax, [si+bx]
mov ax, [word bx]
mov ax, [bx-1+65536]
mov ax, [bx+0xfffe]
mov ax, [es:di]
mov ax, [ds:bx]
mov ax, [fs:eax+4]
es mov ax, [bx]
a32 lodsb
rep es movsb
repne scasw
lock add [bx], ax
lock xchg ax, [bx]
o32 ret
o16 ret
retn 4
retf
retfd
pushad
popaw
iretd
cbw
cwde
xlat
jz short $+2
jnae x
jpo near x
jmp x
jmp near x
jmp short $
jmp dword x
call x
call dword x
jmp 8:x
jmp dword 8:x
call word 1:2
jmp far [x]
call far dword [x]
jmp [bx]
call dword [bx]
jmp ax
jmp eax
loop $
loop $, ecx
loopz $, cx
jecxz $
jmp 5
jc 5
fcom
fadd
fmul st0
fxch
faddp
faddp st1
fadd st0, st0
fadd to st2
fsub to st3
fsubr st4, st0
fcmovb st1
fucomi st1
finit
fstcw [x]
fstsw ax
fsave [es:bx]
fld st1
fld tword [x]
wait
sal ax, 1
shl ax, 1
shl word [bx], 1
shl ax, cl
shl dword [bx], 3
imul ax, 5
imul eax, [bx], 500
imul bx
test [bx], al
test al, [bx]
xchg ax, bx
xchg bx, ax
xchg bx, cx
xchg al, [bx]
xchg eax, eax
mov ds, ax
mov ds, eax
mov ax, ds
mov eax, ds
mov [bx], ds
mov ds, [bx]
mov eax, cr0
movzx eax, byte [bx]
movzx ax, [bx]
in eax, 5
out dx, ax
enter 4, 0
aam
aad 8
int3
lgdt [x]
o32 lgdt [x]
bound ax, [x]
cmpeqps xmm0, xmm1
cmpltsd xmm0, [bx]
movq xmm1, xmm2
movd eax, xmm1
mov [bx], al
mov [0x1234], al
mov eax, [fs:0x1234]
.local: jmp .local
y:
.local: jmp x.local
$mov: jmp $mov
push fs
nop
`
  .trim()
  .split('\n');

/** The same of 64-bit code. */
const LANGUAGE_64 = `
x: mov rax, 5
mov rax, -1
mov rax, 0xffffffff
mov rax, 0x123456789
mov rax, later
later equ 5
mov rax, x
mov rax, strict dword 5
mov rax, strict qword 5
mov rax, dword 5
mov r8, qword 5
mov qword [rbx], 5
add rax, 0xffffffffffffffff
add rax, qword 5
add r9, x
push 5
push qword 500
push strict dword 5
push x
push r12
push word 5
pop qword [r13]
mov eax, [5]
mov eax, [qword 5]
mov rbx, [qword x]
a32 mov eax, [5]
mov eax, [rel x]
mov dword [rel x], 5
mov eax, [rel 5]
mov eax, [abs x]
mov eax, [fs:rel x]
mov eax, [x]
default rel
mov eax, [x]
mov eax, [fs:x]
mov eax, [qword x]
mov byte [x], 7
lea rsi, [x+rax]
default abs
lea rsi, [x]
mov eax, [r12]
mov eax, [r13]
mov eax, [r12*2]
mov eax, [rax+r12]
mov eax, [rsp+r12*8-4]
mov eax, [r8d+ecx*4]
mov eax, [byte rax]
mov al, spl
mov r8b, al
mov ah, bl
movzx r8, al
movsx rax, word [rbx]
movsxd rax, ecx
movsxd r8, [rbx]
xchg eax, eax
xchg rax, r8
nop
mov rax, ds
mov ds, rax
mov ds, eax
lar rax, bx
sldt rax
str rax
mov cr8, rax
mov rax, cr0
movq xmm0, rax
movq rax, xmm9
movq xmm9, [rbx]
movd xmm0, eax
cvtsi2sd xmm0, rax
cvtsi2sd xmm0, [rbx]
movmskps rax, xmm0
crc32 rax, bl
cmpxchg16b [rbx]
fxsave64 [rbx]
fxsave [rbx]
o64 fxsave [rbx]
swapgs
syscall
o64 sysret
iretq
retf
retfq
ret
pushf
pushfq
popfq
cqo
cdqe
movsq
rep stosq
a32 lodsb
jrcxz $
jecxz $
loop $
loop $, ecx
call rax
jmp [rbx]
jmp far [rbx]
call far dword [rbx]
call x
jmp x
jmp near x
enter 8, 0
leave
lss rax, [rbx]
rdfsbase rax
bswap r11
imul rax, [rbx], 500
test rax, -1
shl r8b, cl
dq x
`
  .trim()
  .split('\n');

describe.skipIf(!haveNasm && process.env.RINGSIDE_STRICT !== '1')('the assembler beside nasm', () => {
  it.each([
    [16, LANGUAGE],
    [32, LANGUAGE],
    [64, LANGUAGE_64],
  ])('makes the same of what the manual tells, %i-bit', (bits, language) => {
    const source = `bits ${bits}\norg 7c00h\n${language.map(line => `${line}\n`).join('')}`;
    const theirs = nasm(source);
    expect([...theirs.refused].map(([line, why]) => `${language[line - 3]}: ${why}`)).toEqual([]);
    const { bytes, problems, pieces } = assemble(source);
    expect(problems.map(({ line, message }) => `${language[line - 3]}: ${message}`)).toEqual([]);
    const other = pieces.find(
      ({ offset, length }) =>
        hex(bytes.subarray(offset, offset + length)) !== hex(theirs.bytes.subarray(offset, offset + length)),
    );
    expect(
      other &&
        `${language[other.line - 3]}: ${hex(bytes.subarray(other.offset, other.offset + 16))}, nasm: ${hex(theirs.bytes.subarray(other.offset, other.offset + 16))}`,
    ).toBeUndefined();
    expect(hex(bytes)).toBe(hex(theirs.bytes));
  });

  /** Encodings that the processor has and nasm has no words for: the 16-bit forms whose result says nothing, an alias; and FWAIT is a prefix to nasm. */
  const REFUSED =
    /\b(mov[sz]x (\w\w|r\d+w), (\w[xpi]$|r\d+w$|word)|bswap (\w\w|r\d+w)$|fstp1|skinit|pmovmskb r(\w\w|\d+),|movsxd (e|\w[xpi]\b|r\d+[wd]))|. fwait/;
  const byte = fc.integer({ min: 0, max: 255 });
  const rowBytes = fc
    .record({
      row: fc.constantFrom(...rows),
      rex: fc.option(fc.integer({ min: 0x40, max: 0x4f })),
      size: fc.boolean(),
      address: fc.boolean(),
      segment: fc.option(fc.constantFrom(0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65)),
      first: byte,
      step: fc.integer({ min: 0, max: 7 }),
      near: fc.boolean(),
      rest: fc.array(byte, { minLength: 12, maxLength: 12 }),
    })
    .map(({ row, rex, size, address, segment, first, step, near, rest }) => {
      const modrm =
        ((row.mod === 'r' ? 0xc0 : row.mod === 'm' ? (first % 0xc0) & 0xc0 : first & 0xc0) |
          ((row.reg ?? (first >> 3) & 7) << 3) |
          (row.rm ?? first & 7)) &
        255;
      return (bits: CodeSize) => [
        ...(segment === null ? [] : [segment]),
        ...(size ? [0x66] : []),
        ...(address ? [0x67] : []),
        ...(row.prefix ? [row.prefix] : []),
        ...(bits === 64 && rex !== null ? [rex] : []),
        ...(row.map > 0 ? [0x0f] : []),
        ...(row.map > 1 ? [row.map === 2 ? 0x38 : 0x3a] : []),
        row.opcode + (row.operands.some(code => code[0] === 'Z') ? step : 0),
        ...(row.modrm ? [modrm] : []),
        // Numbers near 0, which have short forms, as often as others.
        ...(near ? rest.map((value, i) => (i === 0 ? value : rest[0]! & 0x80 ? 0xff : 0)) : rest),
      ];
    });

  it('makes the same of random instructions of the table', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(16 as const, 32 as const, 64 as const),
        fc.array(rowBytes, { minLength: 1500, maxLength: 1500, size: 'max' }),
        (bits, all) => {
          let lines = [...new Set(all.map(bytesFor => nasmText(Uint8Array.from(bytesFor(bits)), bits)))].filter(
            text => text !== undefined && !REFUSED.test(text),
          ) as string[];
          const ours = assemble(spread(lines, bits));
          const theirs = nasm(spread(lines, bits));
          expect([...theirs.refused].map(([line, why]) => `${lines[lineOf(line)]}: ${why}`)).toEqual([]);
          expect(ours.problems.slice(0, 3).map(({ line, message }) => `${lines[lineOf(line)]}: ${message}`)).toEqual(
            [],
          );
          lines = lines.filter(
            (_, i) => hex(ours.bytes.subarray(16 * i, 16 * i + 16)) !== hex(theirs.bytes.subarray(16 * i, 16 * i + 16)),
          );
          expect(lines).toEqual([]);
        },
      ),
      { numRuns: 12, endOnFailure: true, seed: SEED },
    );
  });

  it('makes the same of random programs of jumps, whose lengths depend on one another', () => {
    const line = fc.oneof(
      fc
        .record({ name: fc.constantFrom('jmp', 'jz', 'call', 'jnc'), to: fc.nat(59) })
        .map(({ name, to }) => `${name} l${to}`),
      fc.integer({ min: 1, max: 40 }).map(count => `times ${count} db 1`),
      fc.record({ a: fc.nat(59), b: fc.nat(59) }).map(({ a, b }) => `add ax, l${a}-l${b}`),
      // A displacement may be part of the distance that it names.
      fc.record({ a: fc.nat(59), b: fc.nat(59) }).map(({ a, b }) => `mov al, [bx+l${a}-l${b}]`),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(16, 32),
        fc.array(line, { minLength: 60, maxLength: 60, size: 'max' }),
        (bits, lines) => {
          const source = `bits ${bits}\norg 100h\n${lines
            .map((line, i) => {
              return `l${i}: ${bits === 32 ? line.replace('bx', 'ebx') : line}\n`;
            })
            .join('')}`;
          expect(made(source)).toBe(hex(nasm(source).bytes));
        },
      ),
      { numRuns: 60, endOnFailure: true, seed: SEED },
    );
  });

  it('makes the same of random expressions', () => {
    const { tree } = fc.letrec<{ tree: string }>(tie => ({
      tree: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.nat(70_000).map(String),
        fc.nat(70_000).map(value => `0x${value.toString(16)}`),
        fc
          .tuple(
            tie('tree'),
            fc.constantFrom('+', '-', '*', '&', '|', '^', '<', '>=', '==', '!=', '&&', '||', '^^'),
            tie('tree'),
          )
          .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
        fc
          .tuple(tie('tree'), fc.constantFrom('/', '%', '//', '%%'), fc.integer({ min: 1, max: 40 }))
          .map(([a, sign, b]) => `${a} ${sign} ${b}`),
        fc.tuple(tie('tree'), fc.constantFrom('<<', '>>'), fc.nat(63)).map(([a, sign, b]) => `(${a} ${sign} ${b})`),
        fc.tuple(fc.constantFrom('-', '~', '!', '+'), tie('tree')).map(([sign, a]) => `${sign}${a}`),
      ),
    }));
    fc.assert(
      fc.property(fc.array(tree, { minLength: 150, maxLength: 150, size: 'max' }), trees => {
        const source = trees.map(text => `dq ${text}\n`).join('');
        const { bytes } = nasm(source);
        const ours = assemble(source);
        expect(ours.problems).toEqual([]);
        expect(
          trees.filter((_, i) => hex(ours.bytes.subarray(8 * i, 8 * i + 8)) !== hex(bytes.subarray(8 * i, 8 * i + 8))),
        ).toEqual([]);
      }),
      { numRuns: 6, endOnFailure: true, seed: SEED },
    );
  });
});
if (!haveNasm) console.warn('nasm is not installed: the assembler is not compared with it.');
