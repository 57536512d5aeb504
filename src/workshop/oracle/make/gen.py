#!/usr/bin/env python3
"""Makes fixtures of the oracle: random single instructions and short blocks that ../runner.c executes on this processor.

  gen.py --runner PATH --seed TEXT --out DIR [--bits 32|64] [--states N] [--only REGEX]      (npm run -s oracle:make builds the runner)

One file of gzipped JSON lines for each group of forms (forms.py; long.py has those that only 64-bit code knows). The same seed makes the same
cases; outcomes are the processor's. Cases of 32 and 16 bits (--bits 32, the default) are described in test/oracle/README.md.

Cases of 64 bits have the same keys. Other than there:

  w    64
  by   vendor of the processor that was asked: GenuineIntel, AuthenticAMD ...
  at   linear address of the code, if it is not 20400
  fs   FS base; gs: GS base
  r    the 16 general registers, RAX RCX RDX RBX RSP RBP RSI RDI R8 to R15
  x    xm has 16 entries, XMM0 to XMM15
  o    cs: selector of the code segment at the end, if it is not 33h; e is absent where Linux does not tell the error code that the processor pushed
       (a page fault in the upper half; a system call's SIGSYS never occurs); r and x list what changed, as in cases of 32 bits

Registers, addresses (also those of m, mu, ip, cr2 and ru's masks) are hexadecimal strings: JSON's numbers are not exact beyond 2^53. EFLAGS, selectors,
vectors, error codes, lengths and what x has beside st and xm are numbers.

The machine around a case of 64 bits: CPL 3, IOPL 0, long mode; CS 33h (64-bit), SS 2Bh, DS ES FS GS null with the given bases; the GDT has 32-bit
code at 23h, too, base 0 and limit 4 GiB. FSGSBASE is on (cases that use it are made only where it is). Four places, each with code (all INT3 but for
the case's bytes), data and a stack, user pages; code is writable:

  place   code                   data                   stack
  low     20000-20FFF            30000-31FFF            34000-34FFF
  line    1_00020000-1_00020FFF  FFFFF000-1_00000FFF    1_00034000-1_00034FFF
  seam    1_FFFFF000-2_00000FFF  2_00030000-2_00031FFF  2_FFFFF000-3_00000FFF
  far     1234_00020000 and as low

Data of `line`, code and stack of `seam` lie across multiples of 4 GiB; low halves of the addresses of `low`, `seam` and `far` are alike. No other page
of the lower half is mapped for the user, and none of the upper half. Data and stacks start as (low half of the address * 9E3779B1h mod 2^32) >> 24.
"""
import argparse, gzip, hashlib, json, os, re, struct, subprocess, sys

CODE, DATA, DATASZ, STK, STKSZ = 0x20000, 0x30000, 0x2000, 0x34000, 0x1000
# name: code, first byte of the case in it, data, stack (each of the sizes above), where in the stack RSP points
PLACES = {
    'low': (0x20000, 0x400, 0x30000, 0x34000),
    'line': (0x100020000, 0x400, 0xfffff000, 0x100034000),
    'seam': (0x1fffff800, 0x800, 0x200030000, 0x2fffff800),
    'far': (0x123400020000, 0x400, 0x123400030000, 0x123400034000),
}
FS_OFF, FS_LEN = 0x800, 0x800
START = 0x400                       # code offset of the first byte
CF, PF, AF, ZF, SF, DF, OF = 1, 4, 0x10, 0x40, 0x80, 0x400, 0x800
ARITH = CF | PF | AF | ZF | SF | OF
M32 = 0xffffffff
M64 = 0xffffffffffffffff
EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI = range(8)
LEGACY_PREFIXES = b'\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3'
CS64, CS32, DS, LDT_CODE16, LDT_DATA16, LDT_STACK16, LDT_FS, LDT_ES16 = 0x33, 0x23, 0x2b, 0x07, 0x0f, 0x17, 0x1f, 0x27


class Rng:
    """splitmix64"""
    def __init__(s, text):
        s.x = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'little')

    def u64(s):
        s.x = (s.x + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = s.x
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return z ^ (z >> 31)

    def bits(s, n):
        v, got = 0, 0
        while got < n:
            v |= s.u64() << got
            got += 64
        return v & ((1 << n) - 1)

    def below(s, n): return s.u64() % n
    def range(s, a, b): return a + s.below(b - a + 1)
    def pick(s, seq): return seq[s.below(len(seq))]
    def chance(s, pct): return s.below(100) < pct


def fillb(a): return ((a * 0x9E3779B1) & M32) >> 24


def ival(g, size):
    """an interesting integer of size bits"""
    k = g.below(10)
    top = 1 << (size - 1)
    if k < 5:
        return g.bits(size)
    if k < 7:
        return g.pick([0, 1, 2, top, top - 1, top + 1, 2 * top - 1, 2 * top - 2, 0x7f, 0x80, 0x0f, 0x10]) & (2 * top - 1)
    if k == 7:
        return g.bits(g.range(1, size)) & (2 * top - 1)
    if k == 8:
        return (-g.bits(g.range(1, size - 1))) & (2 * top - 1)
    return (1 << g.below(size))


# ---------------------------------------------------------------- FP values
def f32v(g):
    k = g.below(20)
    if k < 6: return (g.bits(1) << 31 | g.range(119, 135) << 23 | g.bits(23)), 0
    if k < 10: return struct.unpack('<I', struct.pack('<f', g.range(-1000, 1000)))[0], 0
    if k < 12: return struct.unpack('<I', struct.pack('<f', g.range(-64, 64) / 8))[0], 0
    if k < 14: return (g.bits(1) << 31 | g.range(1, 254) << 23 | g.bits(23)), 0
    return g.pick([0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000 | g.bits(22), 0xffc00000,
                   0x7f800000 | g.range(1, 0x3fffff), g.bits(23), 0x80000000 | g.bits(23), 0x7f7fffff,
                   0x00800000, 0x4f000000, 0xcf000000, 0x3f800000]), 1


def f64v(g):
    k = g.below(20)
    if k < 6: return (g.bits(1) << 63 | g.range(1015, 1031) << 52 | g.bits(52)), 0
    if k < 10: return struct.unpack('<Q', struct.pack('<d', g.range(-100000, 100000)))[0], 0
    if k < 12: return struct.unpack('<Q', struct.pack('<d', g.range(-64, 64) / 8))[0], 0
    if k < 14: return (g.bits(1) << 63 | g.range(850, 1200) << 52 | g.bits(52)), 0
    return g.pick([0, 1 << 63, 0x7ff << 52, 0xfff << 52, 0x7ff8 << 48 | g.bits(51), 0xfff8 << 48,
                   0x7ff << 52 | g.range(1, 2**51 - 1), g.bits(52), 1 << 63 | g.bits(52), 0x7fefffffffffffff,
                   0x0010000000000000, 0x41e0000000000000, 0xc1e0000000000000, 0x43e0000000000000,
                   0x3ff0000000000000]), 1


def f80(sign, exp, mant): return mant | (exp << 64) | (sign << 79)


def f80_of(x):
    if x == 0: return 0
    s, x = (1, -x) if x < 0 else (0, x)
    e = 0
    from fractions import Fraction
    f = Fraction(x)
    while f >= 2: f /= 2; e += 1
    while f < 1: f *= 2; e -= 1
    return f80(s, 16383 + e, int(f * (1 << 63)))


def f80v(g, small=False):
    k = g.below(24)
    lim = 4 if small else 16
    if k < 8: return f80(g.bits(1), g.range(16383 - lim, 16383 + (1 if small else lim)), (1 << 63 | g.bits(63)) & ~0x7ff), 0   # double-exact
    if k < 11: return f80(g.bits(1), g.range(16383 - lim, 16383 + (1 if small else lim)), 1 << 63 | g.bits(63)), 0
    if k < 14: return f80_of(g.range(-1000, 1000)), 0
    if k < 16: return f80_of(g.range(-64, 64) / 8), 0
    if k < 17: return f80(g.bits(1), g.range(16383 - 900, 16383 + 900), (1 << 63 | g.bits(63)) & ~0x7ff), 0
    if k < 18: return f80(g.bits(1), g.range(1, 0x7ffe), 1 << 63 | g.bits(63)), 1
    return g.pick([0, 1 << 79, f80(0, 0x7fff, 1 << 63), f80(1, 0x7fff, 1 << 63),
                   f80(g.bits(1), 0x7fff, 3 << 62 | g.bits(62)), f80(1, 0x7fff, 3 << 62),
                   f80(g.bits(1), 0x7fff, 1 << 63 | g.range(1, 2**62 - 1)),
                   f80(g.bits(1), 0, g.range(1, 2**63 - 1)), f80_of(1), f80_of(-1), f80_of(1),
                   f80(0, 16383 + 62, 1 << 63 | g.bits(63)), f80(1, 16383 + 63, 1 << 63)]), 1


# ---------------------------------------------------------------- a test
class Skip(Exception): pass


class Op:
    """an r/m operand"""
    pass


class Coded(bytes):
    """bytes of an instruction that want a REX prefix with these bits (W 8, R 4, X 2, B 1)"""
    def __new__(cls, data, rex):
        c = super().__new__(cls, data); c.rex = rex
        return c


class Test:
    def __init__(t, g, mode, name, long=False):
        t.g, t.mode, t.name, t.long = g, mode, name, long
        t.bits = 64 if long else 32     # of a register
        t.mask = (1 << t.bits) - 1
        t.count = 16 if long else 8     # registers, general and XMM
        t.page, t.start, t.data, t.stk = CODE, START, DATA, STK
        t.fs = t.gs = 0
        t.rex8 = False                  # every instruction has a REX: bytes 4 to 7 are SPL to DIL
        t.rip = []                      # (offset of a displacement in the code, address it names)
        if long: t.place()
        t.r = [ival(g, t.bits) for _ in range(t.count)]
        t.r[ESP] = (0 if mode else t.stk) + 0x400 + 4 * g.below(0x80) + (g.below(4) if g.chance(10) else 0)
        if long: t.r[ESP] = t.stack_pointer()
        t.fl = 0x202 | (g.bits(12) & ARITH)
        t.code = bytearray()
        t.mem = []
        t.fx = None
        t.u = 0            # undefined EFLAGS bits
        t.xu = 0           # undefined FSW bits
        t.mu = []          # memory ranges not to compare
        t.ru = []          # registers not to compare [idx, mask]
        t.tol = None
        t.reject = None    # drop the case if this is true of the final FPU state
        t.sp = 0
        t.pins = {ESP}
        t.late = set()     # registers whose value is set after the address is chosen

    # --- 64-bit code
    def place(t, which=None):
        g = t.g
        t.where = which or g.pick(['low', 'low', 'line', 'line', 'seam', 'far'])
        t.page, t.start, t.data, t.stk = PLACES[t.where]
        if t.where == 'seam': t.start -= g.below(12)
        t.fs = t.data + FS_OFF
        t.gs = PLACES[g.pick(list(PLACES))][2] + FS_OFF
        t.rex8 = g.chance(50)

    def stack_pointer(t):
        g = t.g
        if t.where == 'seam': return t.stk + 0x800 + 8 * g.range(-6, 6)
        return t.stk + 0x400 + 8 * g.below(0x40) + (g.below(8) if g.chance(10) else 0)

    # --- state helpers
    def reg(t):
        """number of a register"""
        return t.g.below(t.count)

    def lin(t, seg, off):
        if seg == 'fs': return (t.data + FS_OFF + off) & t.mask
        if seg == 'gs': return (t.gs + off) & t.mask
        if not t.mode: return off
        return {'ds': DATA, 'ss': STK, 'es': DATA + 0x1000}[seg] + off

    def setmem(t, a, b):
        b = bytes(b)
        if not any(data <= a and a + len(b) <= data + DATASZ or stk <= a and a + len(b) <= stk + STKSZ
                   for _, _, data, stk in (PLACES.values() if t.long else [PLACES['low']])):
            raise RuntimeError('%s: bad memory %x+%d' % (t.name, a, len(b)))
        t.mem.append((a, b))

    def byte_shift(t, i):
        """of byte register i: its register and bit"""
        if t.long and (t.rex8 or i >= 8): return i, 0
        return i & 3, (8 if i & 4 else 0)

    def getreg(t, i, size):
        if size == 8:
            i, sh = t.byte_shift(i)
            return (t.r[i] >> sh) & 0xff
        return t.r[i] & ((1 << size) - 1)

    def setreg(t, i, size, v):
        if size == 8:
            i, sh = t.byte_shift(i)
            t.r[i] = t.r[i] & ~(0xff << sh) & t.mask | (v & 0xff) << sh
        else:
            m = (1 << size) - 1
            t.r[i] = t.r[i] & ~m & t.mask | v & m

    def osz(t, size):
        """operand-size prefix"""
        if size == 16: return b'' if t.mode else b'\x66'
        if size == 32: return b'\x66' if t.mode else b''
        if size == 64: return Coded(b'', 8)
        return b''

    def ssz(t, size):
        """the same of an instruction whose operands have 64 bits without a prefix"""
        return b'' if size == 64 and not t.g.chance(15) else t.osz(size)

    def plus(t, opcode):
        """an opcode with a register in its low bits"""
        r = t.reg()
        return Coded(bytes([opcode + (r & 7)]), r >> 3) if t.long else bytes([opcode + r])

    def immz(t, size):
        """an immediate of the operand size, at most 32 bits"""
        return imm(ival(t.g, min(size, 32)), min(size, 32))

    def absolute(t, reg, a):
        """modrm and what follows for memory at linear address a, in 32-bit code by displacement"""
        if not t.long: return bytes([0x05 | reg << 3]) + imm(a, 32)
        base = t.g.pick([i for i in range(16) if i not in t.pins and i & 7 != ESP])
        t.pins.add(base)
        if base & 7 == EBP or t.g.chance(50):
            d = t.g.range(-128, 127)
            t.r[base] = (a - d) & M64
            return Coded(bytes([0x40 | (reg & 7) << 3 | base & 7, d & 255]), reg >> 3 << 2 | base >> 3)
        t.r[base] = a
        return Coded(bytes([(reg & 7) << 3 | base & 7]), reg >> 3 << 2 | base >> 3)

    # --- effective address
    def ea(t, n, align=1, margin=0, a=None):
        if t.long: return t.ea64(n, align, margin)
        g = t.g
        if a is None:
            a = (16 if not g.chance(30) else 32) if t.mode else (16 if g.chance(6) else 32)
        pfx = b''
        if a != (16 if t.mode else 32): pfx += b'\x67'
        o = Op(); o.kind = 'm'; o.n = n
        base = idx = None; scale = 1; dk = 0
        if a == 32:
            form = g.below(8)
            if form == 0: dk = 32                                   # disp32
            elif form <= 3: base = g.pick([0, 1, 2, 3, 5, 6, 7]); dk = g.pick([0, 8, 32])
            elif form == 4: base = ESP; dk = g.pick([0, 8, 32])
            else:
                base = g.pick([0, 1, 2, 3, 4, 5, 6, 7, None]); idx = g.pick([0, 1, 2, 3, 5, 6, 7])
                scale = g.pick([1, 2, 4, 8]); dk = g.pick([0, 8, 32]) if base is not None else 32
            if base == EBP and dk == 0: dk = 8
            if base in t.late or idx in t.late: raise Skip
        else:
            rm = g.below(8); dk = g.pick([0, 8, 16])
            if rm == 6 and dk == 0: dk = 16
            base, idx = [(EBX, ESI), (EBX, EDI), (EBP, ESI), (EBP, EDI), (ESI, None), (EDI, None), (EBP, None), (EBX, None)][rm]
            if rm == 6 and g.chance(30): base = None; dk = 16
            if base in t.late or idx in t.late: raise Skip
        seg = 'ss' if base in (ESP, EBP) else 'ds'
        ov = g.below(100)
        if not t.mode:
            if a == 16 or ov < 6: seg = 'fs'
            elif ov < 12: seg = g.pick(['es', 'ss', 'ds']); pfx += {'es': b'\x26', 'ss': b'\x36', 'ds': b'\x3e'}[seg]
        elif ov < 8: seg = 'fs'
        elif ov < 20: seg = g.pick(['es', 'ss', 'ds']); pfx += {'es': b'\x26', 'ss': b'\x36', 'ds': b'\x3e'}[seg]
        if seg == 'fs': pfx += b'\x64'
        # window of offsets
        if seg == 'fs': lo, hi = 0, FS_LEN
        elif not t.mode:
            lo, hi = DATA, DATA + DATASZ
            if base == ESP and dk != 32: lo, hi = STK, STK + STKSZ
        else: lo, hi = 0, {'ds': 0x2000, 'ss': 0x1000, 'es': 0x1000}[seg]
        lo += margin; hi -= margin + n
        mask = (1 << a) - 1
        off = lo + g.below(max(1, hi - lo + 1))
        if align > 1: off = off // align * align
        elif g.chance(50): off = off // 4 * 4
        off = max(off, (lo + align - 1) // align * align)
        if base == ESP and dk != 32:
            # ESP is fixed: take what the address gives
            if seg == 'fs' or (t.mode and seg != 'ss') or align > 1: raise Skip
            if idx is not None:
                if idx in t.pins: raise Skip
                t.r[idx] = g.below(8)
            d8 = 0 if dk == 0 else g.range(0, 127) - 40
            off = (t.r[ESP] + (t.r[idx] * scale if idx is not None else 0) + d8) & M32
            disp = d8
            if not (lo <= off <= hi): raise Skip
        else:
            def total():
                v = 0
                if base is not None: v += t.r[base]
                if idx is not None: v += t.r[idx] * scale
                return v
            full = 32 if a == 32 else 16
            if dk == full:
                disp = (off - total()) & mask
            else:
                disp = 0 if dk == 0 else g.range(-128, 127)
                if base is None: raise Skip
                if base in t.pins or base == idx:
                    raise Skip
                v = (off - disp - (t.r[idx] * scale if idx is not None else 0)) & mask
                t.r[base] = v if a == 32 else (t.r[base] & 0xffff0000 | v)
        if base is not None: t.pins.add(base)
        if idx is not None: t.pins.add(idx)
        # encode
        if a == 32:
            mod = {0: 0, 8: 1, 32: 2}[dk]
            tail = b''
            if base is None and idx is None: mod = 0; rmf = 5
            elif idx is None and base != ESP: rmf = base
            else:
                rmf = 4
                tail = bytes([{1: 0, 2: 1, 4: 2, 8: 3}[scale] << 6 | (4 if idx is None else idx) << 3 | (5 if base is None else base)])
                if base is None: mod = 0
            dl = 4 if (dk == 32) else (1 if dk == 8 else 0)
        else:
            mod = {0: 0, 8: 1, 16: 2}[dk]; rmf = rm; tail = b''
            if base is None: mod = 0; rmf = 6
            dl = 2 if dk == 16 else (1 if dk == 8 else 0)
        db = (disp & M32).to_bytes(4, 'little')[:dl]
        o.pfx = pfx
        o.off = off
        o.lin = t.lin(seg, off)
        o.modrm = lambda reg: bytes([mod << 6 | reg << 3 | rmf]) + tail + db
        return o

    def ea64(t, n, align, margin):
        g = t.g
        o = Op(); o.kind = 'm'; o.n = n; o.pfx = b''
        narrow = g.chance(8)            # 67h: 32 bits of the sum
        seg = g.pick(['ds'] * 9 + ['fs', 'gs'])
        if narrow and t.where != 'low' and seg == 'ds': seg = 'fs'
        if narrow: o.pfx += b'\x67'
        if seg == 'fs': o.pfx += b'\x64'
        elif seg == 'gs': o.pfx += b'\x65'
        elif g.chance(6): o.pfx += g.pick([b'\x26', b'\x2e', b'\x36', b'\x3e'])      # ignored
        size = FS_LEN if seg in ('fs', 'gs') else DATASZ
        first = 0 if seg in ('fs', 'gs') else t.data
        lo, hi = first + margin, first + size - margin - n
        off = g.range(lo, hi)
        if t.where == 'line' and seg == 'ds' and not margin and g.chance(60): off = first + 0x1000 - g.range(-2, n)      # across 4 GiB
        if align > 1: off = max(off // align * align, (lo + align - 1) // align * align)
        elif g.chance(40): off = off // 8 * 8
        off = max(off, lo)
        mask = M32 if narrow else M64
        kind = g.below(12)
        base = idx = None; scale = 1; dk = g.pick([0, 8, 32]); disp = 0
        def signed(v, bits=32): return (v & ((1 << bits) - 1)) - ((v >> (bits - 1) & 1) << bits)
        def free(ok=lambda i: True):
            L = [i for i in range(16) if i not in t.pins and i not in t.late and ok(i)]
            if not L: raise Skip
            return g.pick(L)
        def high(v): return v | g.bits(32) << 32 if narrow and g.chance(70) else v
        if kind == 0 and not narrow and seg == 'ds':                                    # RIP-relative
            o.lin = o.off = off
            o.modrm = lambda reg: t.relative(reg, off)
            return o
        if kind == 1 and (off < 1 << 31):                                               # disp32 alone, by SIB
            disp = off; dk = 32
        elif kind == 2 and seg == 'ds' and align == 1 and not narrow:                   # the stack
            base = ESP
            d = g.range(-0x40, 0x60 - n)
            dk = 0 if d == 0 else g.pick([8, 32]); disp = d
            if g.chance(40): idx = free(); scale = g.pick([1, 2, 4, 8]); t.r[idx] = g.below(4)
            off = (t.r[ESP] + disp + (t.r[idx] * scale if idx is not None else 0)) & M64
            if not t.stk <= off <= t.stk + STKSZ - n: raise Skip
        elif kind < 8:                                                                  # base
            base = free()
            if base & 7 == EBP and dk == 0: dk = 8
            disp = 0 if dk == 0 else g.range(-128, 127) if dk == 8 else signed(ival(g, 32))
            t.r[base] = high((off - disp) & mask)
        elif kind < 11:                                                                 # base and index
            idx = free(lambda i: i != ESP); scale = g.pick([1, 2, 4, 8])
            base = free(lambda i: i != idx)
            if base & 7 == EBP and dk == 0: dk = 8
            disp = 0 if dk == 0 else g.range(-128, 127) if dk == 8 else signed(ival(g, 32))
            t.r[base] = high((off - disp - t.r[idx] * scale) & mask)
        else:                                                                           # index and disp32
            idx = free(lambda i: i != ESP); scale = g.pick([1, 2, 4, 8]); dk = 32
            disp = signed(ival(g, 32)) & ~(scale - 1) | off & (scale - 1)
            t.r[idx] = high(((off - disp) & mask) // scale)
        if base is not None: t.pins.add(base)
        if idx is not None: t.pins.add(idx)
        mod = {0: 0, 8: 1, 32: 2}[dk]
        tail = b''
        if idx is not None or base is None or base & 7 == ESP:
            rmf = 4
            tail = bytes([{1: 0, 2: 1, 4: 2, 8: 3}[scale] << 6 | (4 if idx is None else idx & 7) << 3 | (5 if base is None else base & 7)])
            if base is None: mod = 0
        else: rmf = base & 7
        rex = (idx or 0) >> 3 << 1 | (base or 0) >> 3
        db = (disp & M32).to_bytes(4, 'little')[:{0: 0, 8: 1, 32: 4}[dk]]
        o.off = off; o.lin = t.lin(seg, off)
        o.modrm = lambda reg: Coded(bytes([mod << 6 | (reg & 7) << 3 | rmf]) + tail + db, reg >> 3 << 2 | rex)
        return o

    def relative(t, reg, a):
        c = Coded(bytes([(reg & 7) << 3 | 5]) + bytes(4), reg >> 3 << 2)
        c.names = a
        return c

    def regop(t, i):
        o = Op(); o.kind = 'r'; o.reg = i; o.pfx = b''
        if t.long: o.modrm = lambda reg: Coded(bytes([0xc0 | (reg & 7) << 3 | i & 7]), reg >> 3 << 2 | i >> 3)
        else: o.modrm = lambda reg: bytes([0xc0 | reg << 3 | i])
        return o

    def rm(t, size, mem=None, pin=(), exclude=(), **kw):
        """random r/m operand of size bits with interesting contents"""
        g = t.g
        for p in pin: t.pins.add(p); t.late.add(p)
        if mem is None: mem = g.chance(55)
        if mem:
            o = t.ea(size // 8, **kw)
            v = ival(g, size)
            t.setmem(o.lin, v.to_bytes(size // 8, 'little'))
            o.val = v
            return o
        while True:
            i = t.reg()
            if i == ESP and size != 8 and not g.chance(15): continue
            if i not in exclude: break
        o = t.regop(i)
        o.val = t.getreg(i, size)
        return o

    def rmset(t, o, size, v):
        """change the contents of an operand from rm()"""
        if o.kind == 'm': t.setmem(o.lin, (v & ((1 << size) - 1)).to_bytes(size // 8, 'little'))
        else:
            if (t.byte_shift(o.reg)[0] if size == 8 else o.reg) in t.pins: raise Skip
            t.setreg(o.reg, size, v)
        o.val = v & ((1 << size) - 1)

    def emit(t, *parts):
        """one instruction, all of it; in 64-bit code its REX prefix is put where it belongs"""
        parts = [p if isinstance(p, (bytes, bytearray)) else bytes([p]) for p in parts]
        if not t.long: t.raw(*parts); return
        rex = 0x40 if t.rex8 else 0
        for p in parts:
            if isinstance(p, Coded) and p.rex: rex |= 0x40 | p.rex
        code = b''.join(parts)
        n = len(code) - len(code.lstrip(LEGACY_PREFIXES))
        at = len(t.code) + bool(rex)
        for p in parts:
            if hasattr(p, 'names'): t.rip.append((at + 1, p.names))
            at += len(p)
        t.raw(code[:n], bytes([rex] if rex else []), code[n:])

    def raw(t, *parts):
        """bytes as they are"""
        for p in parts: t.code += p if isinstance(p, (bytes, bytearray)) else bytes([p])

    def finish(t):
        """displacements from the end of the code, which is that of the instruction"""
        end = t.page + t.start + len(t.code)
        for at, a in t.rip:
            if not -1 << 31 <= a - end < 1 << 31: raise Skip
            t.code[at:at + 4] = imm(a - end, 32)

    # --- FPU/SSE state
    def fpu(t, small=False, push=False):
        g = t.g
        x = t.fx = {}
        x['cw'] = 0x37f if g.chance(50) else (g.pick([0x27f, 0x27f, 0x07f, 0x37f]) | g.below(4) << 10)
        x['top'] = g.below(8)
        x['sw'] = x['top'] << 11 | (g.bits(3) << 8 | g.bits(1) << 14)
        if g.chance(10): x['sw'] |= g.bits(6)
        k = g.below(20)
        x['tw'] = 0xff
        if k < 2: x['tw'] = g.bits(8)                                        # anything
        elif k < (18 if push else 9): x['tw'] = 0xff & ~(1 << ((x['top'] + 7) & 7))   # room for one push
        x['st'] = []
        for i in range(8):
            v, s = f80v(g, small)
            x['st'].append(v)
            if i < 2 and s: t.sp = 1
        x['mx'] = 0x1f80
        x['xm'] = [0] * t.count
        return x

    def sse(t, kind):
        """kind: i (integer), s (single), d (double)"""
        g = t.g
        x = t.fx = {'cw': 0x37f, 'top': 0, 'sw': 0, 'tw': 0, 'st': [0] * 8, 'mx': 0x1f80, 'xm': []}
        if kind != 'i' and g.chance(30):
            x['mx'] = 0x1f80 | g.below(4) << 13 | (g.below(2) << 15 if g.chance(30) else 0) | (0x40 if g.chance(10) else 0) | (g.bits(6) if g.chance(20) else 0)
        for i in range(t.count):
            x['xm'].append(t.vec(kind))
        return x

    def vec(t, kind, bits=128):
        g = t.g
        v = 0
        if kind == 'i':
            w = g.pick([8, 16, 32, 64])
            for i in range(bits // w): v |= ival(g, w) << i * w
        elif kind == 'r':
            # for RCPPS/RSQRTPS: results that are not tiny
            for i in range(bits // 32):
                a, sp = f32v(g)
                if (a >> 23 & 255) > 250 and a & 0x7fffffff < 0x7f800000 or 0 < (a >> 23 & 255) < 4: a = 0x3f800000
                v |= a << i * 32; t.sp |= sp
        elif kind == 's':
            for i in range(bits // 32):
                a, s = f32v(g); v |= a << i * 32; t.sp |= s
        elif kind == 'd':
            for i in range(bits // 64):
                a, s = f64v(g); v |= a << i * 64; t.sp |= s
        return v

    def mmx(t):
        x = t.sse('i')
        x['tw'] = 0xff if t.g.chance(70) else t.g.bits(8)
        x['top'] = t.g.below(8) if t.g.chance(40) else 0
        x['sw'] = x['top'] << 11
        # ST order in the image; MMn is physical register n
        x['st'] = [t.vec('i', 64) | 0xffff << 64 for _ in range(8)]
        return x


def fximage(x):
    b = bytearray(512)
    if x is None: x = {'cw': 0x37f, 'sw': 0, 'tw': 0, 'st': [0] * 8, 'mx': 0x1f80, 'xm': [0] * 8}
    struct.pack_into('<HHB', b, 0, x['cw'], x['sw'], x['tw'])
    struct.pack_into('<I', b, 24, x['mx'])
    for i, v in enumerate(x['st']): b[32 + 16 * i:42 + 16 * i] = v.to_bytes(10, 'little')
    for i, v in enumerate(x['xm']): b[160 + 16 * i:176 + 16 * i] = v.to_bytes(16, 'little')
    return bytes(b)


FORMS = []      # (group, name, weight, modes, fn)


def form(group, name, fn, weight=1, modes=(0, 1)):
    FORMS.append((group, name, weight, modes, fn))


def load(long, only=''):
    """The forms, all of them for 32- and 16-bit code; for 64-bit code those that it has, with operands of 64 bits, and its own. Sets of 32 bits are older
    than SSE4's forms: those are made where `only` begins with sse4."""
    here = os.path.dirname(os.path.abspath(__file__))
    def take(name): exec(compile(open(os.path.join(here, name)).read(), name, 'exec'), globals())
    globals()['LONG'] = long
    take('forms.py')
    if long or re.match(r'\^?sse4', only): take('sse4.py')
    if not long: return
    take('long.py')
    FORMS[:] = [(group, name, weight, (0,), fn) for group, name, weight, modes, fn in FORMS if 0 in modes]




# ---------------------------------------------------------------- running
class Runner:
    def __init__(s, path):
        s.p = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(s, n):
        b = s.p.stdout.read(n)
        if len(b) < n: raise RuntimeError('the runner ended with status %s' % s.p.wait())
        return b

    def run(s, t):
        """vector, error code, cr2, rip, flags, registers, CS; FXSAVE image; changed memory"""
        if t.long: rip, sel = t.page + t.start, (CS64, DS, 0, 0, 0, 0)
        elif t.mode: rip, sel = START, (LDT_CODE16, LDT_STACK16, LDT_DATA16, LDT_ES16, LDT_FS, 0)
        else: rip, sel = CODE + START, (CS32, DS, DS, DS, LDT_FS, 0)
        b = struct.pack('<2I21Q8I', t.long and 64 or t.mode and 16 or 32, len(t.code), t.page + t.start, rip,
                        *(t.r + [0] * (16 - len(t.r))), t.fl, t.fs, t.gs, *sel, len(t.mem), 0)
        b += fximage(t.fx) + bytes(t.code)
        for a, d in t.mem: b += struct.pack('<QII', a, len(d), 0) + d
        s.p.stdin.write(b); s.p.stdin.flush()
        v = struct.unpack('<2I20Q6I2Q', s.read(208))
        fx = s.read(512)
        spans = []
        while True:
            a, n, _ = struct.unpack('<QII', s.read(16))
            if not n: break
            spans.append((a, s.read(n)))
        return (v[1], *v[2:6], v[6:6 + t.count], v[22]), fx, spans


def fxdict(f, xmms=8):
    cw, sw, tw = struct.unpack_from('<HHB', f, 0)
    mx, = struct.unpack_from('<I', f, 24)
    return {'cw': cw, 'sw': sw, 'tw': tw, 'mx': mx,
            'st': [int.from_bytes(f[32 + 16 * i:42 + 16 * i], 'little') for i in range(8)],
            'xm': [int.from_bytes(f[160 + 16 * i:176 + 16 * i], 'little') for i in range(xmms)]}


def vendor():
    for line in open('/proc/cpuinfo'):
        if line.startswith('vendor_id'): return line.split(':')[1].strip()


def record(t, res, by):
    (trap, err, cr2, eip, efl, gpr, cs), f, spans = res
    wide = (lambda v: '%x' % v) if t.long else (lambda v: v)
    if trap == 3: eip -= 1
    o = {'v': trap, 'ip': wide(eip & (0xffff if t.mode else t.mask)), 'f': efl & (ARITH | DF),
         'r': [[i, wide(gpr[i])] for i in range(t.count) if gpr[i] != t.r[i]]}
    if trap in (13, 14, 10, 11, 12, 17) and not (trap == 14 and cr2 >> 47): o['e'] = err
    if trap == 14: o['cr2'] = wide(cr2)
    if t.long and cs != CS64: o['cs'] = cs
    if spans: o['m'] = [[wide(a), d.hex()] for a, d in spans]
    d = {'n': t.name, 'w': 64 if t.long else 16 if t.mode else 32, 'c': t.code.hex(), 'r': [wide(v) for v in t.r], 'f': t.fl}
    if t.long:
        d['by'] = by; d['fs'] = wide(t.fs); d['gs'] = wide(t.gs)
        if t.page + t.start != CODE + START: d['at'] = wide(t.page + t.start)
    if t.mem: d['m'] = [[wide(a), b.hex()] for a, b in t.mem]
    if t.u: d['u'] = t.u
    if t.ru: d['ru'] = [[i, wide(m)] for i, m in t.ru]
    if t.mu: d['mu'] = [[wide(a), n] for a, n in t.mu]
    if t.fx is not None:
        x = t.fx
        d['x'] = {'cw': x['cw'], 'sw': x['sw'], 'tw': x['tw'], 'mx': x['mx']}
        if x['tw'] or any(x['st']): d['x']['st'] = ['%020x' % a for a in x['st']]
        if any(x['xm']): d['x']['xm'] = ['%032x' % a for a in x['xm']]
        y = fxdict(f, t.count)
        ox = {k: y[k] for k in ('cw', 'sw', 'tw', 'mx') if y[k] != x[k]}
        # x87: report every ST(i) that is not empty and differs from the input list
        top = y['sw'] >> 11 & 7
        st = [[i, '%020x' % y['st'][i]] for i in range(8)
              if y['tw'] >> ((top + i) & 7) & 1 and y['st'][i] != x['st'][i]]
        if st: ox['st'] = st
        xm = [[i, '%032x' % y['xm'][i]] for i in range(t.count) if y['xm'][i] != x['xm'][i]]
        if xm: ox['xm'] = xm
        if ox: o['x'] = ox
        if t.xu: d['xu'] = t.xu
    if t.tol: d['tol'] = t.tol
    if t.sp: d['sp'] = 1
    if t.fx is not None and y['sw'] & ~t.fx['sw'] & 0x40: d['sf'] = 1
    d['o'] = o
    return d


def cases(run, seed, states, long, only, by):
    """records of each group"""
    groups = {}
    skipped = 0
    for group, name, weight, modes, fn in FORMS:
        if only and not re.search(only, group + ':' + name): continue
        for mode in modes:
            n = max(1, int(states * weight * (1 if mode == 0 else 0.5)))
            g = Rng('%s/%s/%s/%s' % (seed, group, name, 64 if long else mode))
            done = tries = 0
            while done < n and tries < n * 40:
                tries += 1
                t = Test(g, mode, name, long)
                try:
                    fn(t)
                    t.finish()
                except Skip:
                    skipped += 1
                    continue
                res = run.run(t)
                if res[0][0] == 0xff:
                    sys.stderr.write('endless: %s %s\n' % (name, t.code.hex()))
                    continue
                if t.reject and t.reject(fxdict(res[1])): continue
                groups.setdefault(group, []).append(record(t, res, by))
                done += 1
            if not done: sys.stderr.write('no case for %s mode %d\n' % (name, mode))
    return groups, skipped


def main():
    ap = argparse.ArgumentParser(prog='oracle:make')
    ap.add_argument('--runner', required=True); ap.add_argument('--seed', required=True)
    ap.add_argument('--out', required=True); ap.add_argument('--states', type=int, default=12)
    ap.add_argument('--only', default=''); ap.add_argument('--bits', type=int, choices=(32, 64), default=32)
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    load(a.bits == 64, a.only)
    groups, skipped = cases(Runner(a.runner), a.seed, a.states, a.bits == 64, a.only, vendor())
    tot = 0
    for gname, L in sorted(groups.items()):
        p = os.path.join(a.out, gname + '.jsonl.gz')
        with open(p, 'wb') as raw, gzip.GzipFile('', 'wb', 9, raw, mtime=0) as z:
            for d in L: z.write((json.dumps(d, separators=(',', ':')) + '\n').encode())
        vs = {}
        for d in L: vs[d['o']['v']] = vs.get(d['o']['v'], 0) + 1
        print('%-10s %6d tests %4d forms %9d bytes  vectors %s' % (gname, len(L), len({d['n'] for d in L}), os.path.getsize(p), vs))
        tot += len(L)
    print('total', tot, 'skipped', skipped)


if __name__ == '__main__':
    main()
