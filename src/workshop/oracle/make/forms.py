"""Forms of instructions for gen.py, which runs this text with its own names.

LONG: for 64-bit code, whose forms have operands of 64 bits, too; what it lacks is left out. A draw from the generator of random numbers stays where it is
in 32- and 16-bit code, so that a seed makes the cases it always made.
"""
SIZES = (8, 16, 32, 64) if LONG else (8, 16, 32)
WIDE = SIZES[1:]
STACKED = (16, 64) if LONG else (16, 32)
SZ = {8: 'b', 16: 'w', 32: 'd', 64: 'q'}


def imm(v, n): return (v & ((1 << n) - 1)).to_bytes(n // 8, 'little')


# ---------------------------------------------------------------- ALU
def mk_alu():
    names = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp']
    for k, nm in enumerate(names):
        und = AF if nm in ('or', 'and', 'xor') else 0
        for size in SIZES:
            w = size != 8

            def f_rm_r(t, k=k, size=size, w=w, und=und, nm=nm):
                o = t.rm(size); r = t.reg()
                if t.g.chance(15): r = o.reg if o.kind == 'r' else r
                lock = b'\xf0' if o.kind == 'm' and nm != 'cmp' and t.g.chance(10) else b''
                t.u = und; t.emit(lock, o.pfx, t.osz(size), k * 8 + w, o.modrm(r))

            def f_r_rm(t, k=k, size=size, w=w, und=und):
                o = t.rm(size); t.u = und
                t.emit(o.pfx, t.osz(size), k * 8 + 2 + w, o.modrm(t.reg()))

            def f_a_i(t, k=k, size=size, w=w, und=und):
                t.u = und; t.emit(t.osz(size), k * 8 + 4 + w, t.immz(size))

            def f_rm_i(t, k=k, size=size, w=w, und=und, nm=nm):
                o = t.rm(size); t.u = und
                lock = b'\xf0' if o.kind == 'm' and nm != 'cmp' and t.g.chance(10) else b''
                t.emit(lock, o.pfx, t.osz(size), 0x80 + w, o.modrm(k), t.immz(size))

            def f_rm_i8(t, k=k, size=size, w=w, und=und):
                o = t.rm(size); t.u = und
                t.emit(o.pfx, t.osz(size), 0x83 if w else 0x82, o.modrm(k), imm(ival(t.g, 8), 8))
            z = SZ[size]
            form('alu', '%s rm%s,r' % (nm, z), f_rm_r)
            form('alu', '%s r%s,rm' % (nm, z), f_r_rm)
            form('alu', '%s a%s,imm' % (nm, z), f_a_i, 0.5)
            form('alu', '%s rm%s,imm' % (nm, z), f_rm_i)
            if w or not LONG: form('alu', '%s rm%s,imm8 (%s)' % (nm, z, '83' if w else '82 alias'), f_rm_i8, 1 if w else 0.5)
    for size in SIZES:
        w = size != 8; z = SZ[size]

        def t_rm_r(t, size=size, w=w):
            o = t.rm(size); t.u = AF; t.emit(o.pfx, t.osz(size), 0x84 + w, o.modrm(t.reg()))

        def t_a_i(t, size=size, w=w):
            t.u = AF; t.emit(t.osz(size), 0xa8 + w, t.immz(size))

        def t_rm_i(t, size=size, w=w):
            o = t.rm(size); t.u = AF; t.emit(o.pfx, t.osz(size), 0xf6 + w, o.modrm(t.g.pick([0, 0, 0, 1])), t.immz(size))
        form('alu', 'test rm%s,r' % z, t_rm_r)
        form('alu', 'test a%s,imm' % z, t_a_i, 0.5)
        form('alu', 'test rm%s,imm' % z, t_rm_i)
        for k, nm in enumerate(['inc', 'dec']):
            def incdec(t, size=size, w=w, k=k):
                o = t.rm(size); lock = b'\xf0' if o.kind == 'm' and t.g.chance(10) else b''
                t.emit(lock, o.pfx, t.osz(size), 0xfe + w, o.modrm(k))
            form('alu', '%s rm%s' % (nm, z), incdec)
            if w and not LONG:
                def incr(t, size=size, k=k): t.emit(t.osz(size), 0x40 + 8 * k + t.g.below(8))
                form('alu', '%s r%s (4x)' % (nm, z), incr)
        for k, nm in ((2, 'not'), (3, 'neg')):
            def notneg(t, size=size, w=w, k=k):
                o = t.rm(size); lock = b'\xf0' if o.kind == 'm' and t.g.chance(10) else b''
                t.emit(lock, o.pfx, t.osz(size), 0xf6 + w, o.modrm(k))
            form('alu', '%s rm%s' % (nm, z), notneg)


mk_alu()


# ---------------------------------------------------------------- mul/div
def mk_muldiv():
    for size in SIZES:
        w = size != 8; z = SZ[size]
        for k, nm in ((4, 'mul'), (5, 'imul')):
            def mul(t, size=size, w=w, k=k):
                o = t.rm(size); t.u = SF | ZF | AF | PF
                t.emit(o.pfx, t.osz(size), 0xf6 + w, o.modrm(k))
            form('muldiv', '%s rm%s' % (nm, z), mul, 2)
        for k, nm in ((6, 'div'), (7, 'idiv')):
            def div(t, size=size, w=w, k=k, nm=nm):
                g = t.g
                o = t.rm(size, pin=(EAX, EDX), exclude=(EAX, EDX) if size != 8 else (0, 4, 2, 6))
                d = ival(g, size)
                if g.chance(85):
                    d = d or 7
                    # pick quotient and remainder so that it fits
                    if nm == 'div':
                        q = ival(g, size); n = q * d + g.below(d)
                    else:
                        sd = d - (1 << size) if d >> (size - 1) else d
                        q = ival(g, size); q -= (1 << size) if q >> (size - 1) else 0
                        rem = g.below(abs(sd)); n = q * sd
                        if n < 0 or (n == 0 and g.chance(50)): n -= rem
                        else: n += rem
                        if g.chance(8): n = -(1 << (size - 1)) * sd
                else: n = g.bits(2 * size)
                n &= (1 << 2 * size) - 1
                t.rmset(o, size, d)
                if size == 8: t.setreg(EAX, 16, n)
                else: t.setreg(EAX, size, n); t.setreg(EDX, size, n >> size)
                t.u = ARITH
                t.emit(o.pfx, t.osz(size), 0xf6 + w, o.modrm(k))
            form('muldiv', '%s rm%s' % (nm, z), div, 4)
        if w:
            und = SF | ZF | AF | PF

            def i0(t, size=size):
                o = t.rm(size); t.u = und; t.emit(o.pfx, t.osz(size), 0x0f, 0xaf, o.modrm(t.reg()))

            def i1(t, size=size):
                o = t.rm(size); t.u = und; t.emit(o.pfx, t.osz(size), 0x69, o.modrm(t.reg()), t.immz(size))

            def i2(t, size=size):
                o = t.rm(size); t.u = und; t.emit(o.pfx, t.osz(size), 0x6b, o.modrm(t.reg()), imm(ival(t.g, 8), 8))
            form('muldiv', 'imul r%s,rm' % z, i0, 2)
            form('muldiv', 'imul r%s,rm,imm' % z, i1, 2)
            form('muldiv', 'imul r%s,rm,imm8' % z, i2, 2)


mk_muldiv()


# ---------------------------------------------------------------- shifts
def shift_undef(k, size, c):
    """undefined flags for D0..D3/C0/C1 group member k, raw count c"""
    c &= 63 if size == 64 else 31
    if c == 0: return 0
    if k < 4:                           # rol ror rcl rcr
        return OF if c != 1 else 0
    u = AF
    if c != 1: u |= OF
    if k in (4, 5, 6) and c >= size: u |= CF
    return u


def mk_shift():
    names = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sal(6)', 'sar']
    for size in SIZES:
        w = size != 8; z = SZ[size]
        for k, nm in enumerate(names):
            wt = 0.5 if k == 6 else 1

            def s1(t, size=size, w=w, k=k):
                o = t.rm(size); t.u = shift_undef(k, size, 1)
                t.emit(o.pfx, t.osz(size), 0xd0 + w, o.modrm(k))

            def si(t, size=size, w=w, k=k):
                o = t.rm(size); c = t.g.pick([t.g.below(size + 2), t.g.below(256), t.g.below(33), 1, 0])
                t.u = shift_undef(k, size, c)
                t.emit(o.pfx, t.osz(size), 0xc0 + w, o.modrm(k), c)

            def sc(t, size=size, w=w, k=k):
                o = t.rm(size, pin=(ECX,))
                c = t.g.pick([t.g.below(size + 2), t.g.below(256), t.g.below(33), 1, 0])
                t.setreg(ECX, 8, c); t.u = shift_undef(k, size, c)
                t.emit(o.pfx, t.osz(size), 0xd2 + w, o.modrm(k))
            form('shift', '%s rm%s,1' % (nm, z), s1, wt)
            form('shift', '%s rm%s,imm8' % (nm, z), si, 2 * wt)
            form('shift', '%s rm%s,cl' % (nm, z), sc, 2 * wt)
        if w:
            for opc, nm in ((0xa4, 'shld'), (0xac, 'shrd')):
                def und(size, c):
                    c &= 63 if size == 64 else 31
                    if c > size: raise Skip
                    if c == 0: return 0
                    return AF | (OF if c != 1 else 0)

                def di(t, size=size, opc=opc, und=und):
                    o = t.rm(size); c = t.g.pick([t.g.below(size + 1), t.g.below(256), 1])
                    t.u = und(size, c); t.emit(o.pfx, t.osz(size), 0x0f, opc, o.modrm(t.reg()), c)

                def dc(t, size=size, opc=opc, und=und):
                    o = t.rm(size, pin=(ECX,)); c = t.g.pick([t.g.below(size + 1), t.g.below(256), 1])
                    t.setreg(ECX, 8, c)
                    t.u = und(size, c); t.emit(o.pfx, t.osz(size), 0x0f, opc + 1, o.modrm(t.reg()))
                form('shift', '%s rm%s,r,imm8' % (nm, z), di, 2)
                form('shift', '%s rm%s,r,cl' % (nm, z), dc, 2)


mk_shift()


# ---------------------------------------------------------------- bits
def mk_bits():
    for size in WIDE:
        z = SZ[size]; und = OF | SF | AF | PF
        for k, nm in ((4, 'bt'), (5, 'bts'), (6, 'btr'), (7, 'btc')):
            def bi(t, size=size, k=k):
                o = t.rm(size); t.u = und
                lock = b'\xf0' if o.kind == 'm' and k != 4 and t.g.chance(10) else b''
                t.emit(lock, o.pfx, t.osz(size), 0x0f, 0xba, o.modrm(k), t.g.below(256))

            def br(t, size=size, k=k):
                g = t.g
                r = g.pick([0, 1, 2, 3, 5, 6, 7] + ([8, 11, 13] if t.long else []))
                if g.chance(60):
                    t.pins.add(r)
                    t.setreg(r, size, g.range(-512, 511))
                    o = t.rm(size, mem=True, margin=72)
                else: o = t.rm(size, mem=False)
                t.u = und
                t.emit(o.pfx, t.osz(size), 0x0f, {4: 0xa3, 5: 0xab, 6: 0xb3, 7: 0xbb}[k], o.modrm(r))
            form('bits', '%s rm%s,imm8' % (nm, z), bi, 1.5)
            form('bits', '%s rm%s,r' % (nm, z), br, 2)
        for opc, nm in ((0xbc, 'bsf'), (0xbd, 'bsr')):
            def bs(t, size=size, opc=opc):
                o = t.rm(size)
                if t.g.chance(12): t.rmset(o, size, 0)
                t.u = ARITH & ~ZF; t.emit(o.pfx, t.osz(size), 0x0f, opc, o.modrm(t.reg()))
            form('bits', '%s r%s,rm' % (nm, z), bs, 2)
    for cc in range(16):
        def setcc(t, cc=cc):
            o = t.rm(8); t.emit(o.pfx, 0x0f, 0x90 + cc, o.modrm(t.reg()))
        form('bits', 'set%x rm8' % cc, setcc)
        for size in WIDE:
            def cmov(t, cc=cc, size=size):
                o = t.rm(size); t.emit(o.pfx, t.osz(size), 0x0f, 0x40 + cc, o.modrm(t.reg()))
            form('bits', 'cmov%x r%s,rm' % (cc, SZ[size]), cmov)


mk_bits()


# ---------------------------------------------------------------- moves, misc
def simple(group, name, code, u=0, weight=1, sizes=None):
    def f(t, code=code, u=u): t.u = u; t.emit(code)
    form(group, name, f, weight)


def mk_mov():
    for size in SIZES:
        w = size != 8; z = SZ[size]

        def m0(t, size=size, w=w): o = t.rm(size); t.emit(o.pfx, t.osz(size), 0x88 + w, o.modrm(t.reg()))
        def m1(t, size=size, w=w): o = t.rm(size); t.emit(o.pfx, t.osz(size), 0x8a + w, o.modrm(t.reg()))
        def m2(t, size=size, w=w): o = t.rm(size); t.emit(o.pfx, t.osz(size), 0xc6 + w, o.modrm(0), t.immz(size))
        def m3(t, size=size, w=w): t.emit(t.osz(size), t.plus(0xb8 if w else 0xb0), imm(ival(t.g, size), size))
        def xc(t, size=size, w=w): o = t.rm(size); t.emit(o.pfx, t.osz(size), 0x86 + w, o.modrm(t.reg()))
        form('mov', 'mov rm%s,r' % z, m0); form('mov', 'mov r%s,rm' % z, m1)
        form('mov', 'mov rm%s,imm' % z, m2); form('mov', 'mov r%s,imm' % z, m3, 0.5)
        form('mov', 'xchg rm%s,r' % z, xc)
        for st in (0, 1):
            def mo(t, size=size, w=w, st=st):
                n = size // 8
                if t.long:
                    off = t.g.range(t.data, t.data + DATASZ - n); a64 = off > M32 or t.g.chance(80)
                    t.setmem(off, imm(ival(t.g, size), size))
                    t.emit(b'' if a64 else b'\x67', t.osz(size), 0xa0 + w + 2 * st, imm(off, 64 if a64 else 32))
                    return
                a32 = (t.mode == 0) != (t.g.chance(25) if t.mode else False)
                off = t.g.range(0, DATASZ - n) + (0 if t.mode else t.data)
                t.setmem(t.lin('ds', off), imm(ival(t.g, size), size))
                p = b'' if a32 == (t.mode == 0) else b'\x67'
                t.emit(p, t.osz(size), 0xa0 + w + 2 * st, imm(off, 32 if a32 else 16))
            form('mov', 'mov %s (A%d)' % ('moffs,a' + z if st else 'a%s,moffs' % z, 0 + w + 2 * st), mo, 0.7)

        if w:
            def xa(t, size=size): t.emit(t.osz(size), t.plus(0x90))
            form('mov', 'xchg a,r%s (9x)' % z, xa)

            def lea(t, size=size):
                t.mem = []
                o = t.ea(1); t.emit(o.pfx, t.osz(size), 0x8d, o.modrm(t.reg()))
            form('mov', 'lea r%s' % z, lea, 2)

            def lea64(t, size):
                g = t.g; b = [g.below(3) << 6 | g.below(64)]
                mod, rmf = b[0] >> 6, b[0] & 7; dl = [0, 1, 4][mod]
                if rmf == 4:
                    b.append(g.below(256))
                    if b[1] & 7 == 5 and mod == 0: dl = 4
                elif rmf == 5 and mod == 0: dl = 4
                t.emit(b'\x67' if g.chance(25) else b'', t.osz(size), 0x8d, Coded(bytes(b), g.below(8)), imm(ival(g, 32), 32)[:dl])

            def learand(t, size=size):
                # any address: nothing is accessed
                if t.long: return lea64(t, size)
                g = t.g; a32 = g.chance(50)
                p = b'' if a32 == (t.mode == 0) else b'\x67'
                mod = g.below(3); rmf = g.below(8); b = bytes([mod << 6 | g.below(8) << 3 | rmf]); dl = [0, 1, 4][mod]
                if a32:
                    if rmf == 4:
                        sib = g.below(256); b += bytes([sib])
                        if sib & 7 == 5 and mod == 0: dl = 4
                    elif rmf == 5 and mod == 0: dl = 4
                else:
                    dl = [0, 1, 2][mod]
                    if rmf == 6 and mod == 0: dl = 2
                t.emit(p, t.osz(size), 0x8d, b, imm(ival(g, 32), 32)[:dl])
            form('mov', 'lea r%s any' % z, learand, 3)
            for opc, s2, nm in ((0xb6, 8, 'movzx'), (0xb7, 16, 'movzx'), (0xbe, 8, 'movsx'), (0xbf, 16, 'movsx')):
                def mx(t, size=size, opc=opc, s2=s2):
                    o = t.rm(s2); t.emit(o.pfx, t.osz(size), 0x0f, opc, o.modrm(t.reg()))
                form('mov', '%s r%s,rm%s' % (nm, z, SZ[s2]), mx)

            def cw(t, size=size): t.emit(t.osz(size), 0x98)
            def cd(t, size=size): t.emit(t.osz(size), 0x99)
            form('mov', 'cbw/cwde %s' % z, cw); form('mov', 'cwd/cdq %s' % z, cd)

            def nopm(t, size=size): o = t.rm(size); t.emit(o.pfx, t.osz(size), 0x0f, 0x1f, o.modrm(0))
            form('mov', 'nop rm%s' % z, nopm, 0.5)
        for opc, nm in ((0xb0, 'cmpxchg'), (0xc0, 'xadd')):
            def cx(t, size=size, w=w, opc=opc, nm=nm):
                g = t.g
                if nm == 'cmpxchg': t.pins.add(EAX); t.late.add(EAX)
                o = t.rm(size)
                if nm == 'cmpxchg' and g.chance(50): t.setreg(EAX, size, o.val)
                lock = b'\xf0' if o.kind == 'm' and g.chance(30) else b''
                t.emit(lock, o.pfx, t.osz(size), 0x0f, opc + w, o.modrm(t.reg()))
            form('mov', '%s rm%s,r' % (nm, z), cx, 1.5)

    def c8(t):
        g = t.g; t.pins |= {EAX, EDX}; t.late |= {EAX, EDX}
        o = t.ea(8); v = g.bits(64)
        t.setmem(o.lin, imm(v, 64))
        if g.chance(50): t.setreg(EAX, 32, v & M32); t.setreg(EDX, 32, v >> 32)
        elif g.chance(40): t.setreg(EAX, 32, v & M32)
        t.emit(b'\xf0' if g.chance(40) else b'', o.pfx, 0x0f, 0xc7, o.modrm(1))
    form('mov', 'cmpxchg8b m64', c8, 3)

    for size in WIDE[1:]:
        def bsw(t, size=size): t.emit(t.osz(size), 0x0f, t.plus(0xc8))
        form('mov', 'bswap r%d' % size, bsw)

    def xlat(t):
        a32 = (t.mode == 0)
        off = t.g.range(0x100, 0x1e00) + (0 if t.mode else t.data)
        v = (off - (t.r[EAX] & 255)) & t.mask
        t.r[EBX] = v if a32 else t.r[EBX] & 0xffff0000 | v & 0xffff
        t.emit(0xd7)
    form('mov', 'xlat', xlat)
    for c, nm, u in ((0x9e, 'sahf', 0), (0x9f, 'lahf', 0), (0xf5, 'cmc', 0), (0xf8, 'clc', 0), (0xf9, 'stc', 0), (0xfc, 'cld', 0),
                     (0xfd, 'std', 0), (0xd6, 'salc', 0), (0x90, 'nop', 0)):
        simple('mov', nm, bytes([c]), u, 0.7)
    simple('mov', 'pause', b'\xf3\x90', 0, 0.3)
    # BCD
    if LONG: return
    simple('bcd', 'daa', b'\x27', OF, 6); simple('bcd', 'das', b'\x2f', OF, 6)
    simple('bcd', 'aaa', b'\x37', OF | SF | ZF | PF, 4); simple('bcd', 'aas', b'\x3f', OF | SF | ZF | PF, 4)

    def aam(t): b = t.g.pick([10, 10, t.g.below(256), 0 if t.g.chance(30) else 7]); t.u = OF | AF | CF if b else ARITH; t.emit(0xd4, b)
    def aad(t): t.u = OF | AF | CF; t.emit(0xd5, t.g.pick([10, 10, t.g.below(256)]))
    form('bcd', 'aam imm8', aam, 4); form('bcd', 'aad imm8', aad, 4)


mk_mov()


# ---------------------------------------------------------------- stack and control flow
def mk_stack():
    for size in STACKED:
        z = SZ[size]
        for opc, nm in ((0x50, 'push r'), (0x58, 'pop r')):
            def pp(t, size=size, opc=opc):
                if opc == 0x58: t.setmem((t.stk if t.mode else 0) + t.r[ESP], imm(ival(t.g, size), size))
                t.emit(t.ssz(size), t.plus(opc))
            form('stack', nm + z, pp, 2)

        def pi(t, size=size): t.emit(t.ssz(size), 0x68, t.immz(size))
        def pi8(t, size=size): t.emit(t.ssz(size), 0x6a, imm(ival(t.g, 8), 8))
        def prm(t, size=size): o = t.rm(size); t.emit(o.pfx, t.ssz(size), 0xff, o.modrm(6))
        def porm(t, size=size): o = t.rm(size); t.emit(o.pfx, t.ssz(size), 0x8f, o.modrm(0))
        def pa(t, size=size): t.emit(t.ssz(size), 0x60)
        def poa(t, size=size): t.emit(t.ssz(size), 0x61)
        def pf(t, size=size): t.emit(t.ssz(size), 0x9c)

        def pof(t, size=size):
            v = t.g.bits(size) & 0xdff & ~0x100 | (t.g.bits(1) << 12)       # no TF/NT/AC/ID
            t.setmem((t.stk if t.mode else 0) + t.r[ESP], imm(v, size)); t.emit(t.ssz(size), 0x9d)

        def ent(t, size=size):
            g = t.g; lev = g.pick([0, 0, 1, 2, 3, 5, 31, 33])
            t.r[EBP] = t.r[ESP] + 4 * g.range(20, 60) & t.mask
            if t.mode: t.r[EBP] |= 0
            t.emit(t.ssz(size), 0xc8, imm(g.pick([0, 4, 16, 100, 6]), 16), lev)

        def lv(t, size=size):
            off = (0 if t.mode else t.stk) + 0x300 + 4 * t.g.below(0x200)
            t.r[EBP] = off if not t.mode else (t.r[EBP] & 0xffff0000 | off)
            t.emit(t.ssz(size), 0xc9)
        for nm, f, wt in (('push imm', pi, 1), ('push imm8', pi8, 1), ('push rm', prm, 1.5), ('pop rm', porm, 1.5), ('pusha', pa, 1), ('popa', poa, 1),
                          ('pushf', pf, 1), ('popf', pof, 2), ('enter', ent, 2), ('leave', lv, 1)):
            if not LONG or nm not in ('pusha', 'popa'): form('stack', nm + ' ' + z, f, wt)


mk_stack()


def tgt(t):
    # anywhere in the code page but inside the case itself (it could loop for ever)
    return t.g.range(0x40, t.start - 1) if t.g.chance(35) else t.g.range(t.start + 16, 0xf00)


def r8(t): return t.g.range(0, 0xef)


def near(t, *opcode):
    """a branch with a distance of the operand size"""
    n = 2 if t.mode else 4
    t.emit(*opcode, imm(tgt(t) - (t.start + len(t.code) + t.rex8 + len(opcode) + n), 8 * n))


def mk_flow():
    for cc in range(16):
        def j8(t, cc=cc): t.emit(0x70 + cc, r8(t))

        def jn(t, cc=cc): near(t, 0x0f, 0x80 + cc)
        form('flow', 'j%x rel8' % cc, j8); form('flow', 'j%x rel16/32' % cc, jn)
    for c, nm in ((0xe0, 'loopne'), (0xe1, 'loope'), (0xe2, 'loop'), (0xe3, 'jcxz')):
        def lp(t, c=c):
            if t.g.chance(50): t.r[ECX] = t.g.pick([0, 1, 2, 0x10000, 0x10001, 0xffff0000, 0xffff0001])
            t.emit(b'\x67' if t.g.chance(40) else b'', c, r8(t))
        form('flow', nm, lp, 2)
    form('flow', 'jmp rel8', lambda t: t.emit(0xeb, r8(t)))
    for c, nm in ((0xe9, 'jmp'), (0xe8, 'call')):
        def jr(t, c=c): near(t, c)
        form('flow', nm + ' rel', jr, 2)

    def jr66(t, c=0):
        # operand size 32 in 16-bit code
        t.emit(0x66, t.g.pick([0xe9, 0xe8])); d = tgt(t) - (t.start + len(t.code) + 4); t.emit(imm(d, 32))
    form('flow', 'jmp/call rel32 in 16-bit code', jr66, 2, (1,))
    for k, nm in ((2, 'call rm'), (4, 'jmp rm')):
        def ji(t, k=k):
            size = 16 if t.mode else t.bits
            if t.mode and t.g.chance(30): size = 32
            o = t.rm(size, exclude=(ESP,)); t.rmset(o, size, (0 if t.mode else t.page) + tgt(t))
            t.emit(o.pfx, t.ssz(size), 0xff, o.modrm(k))
        form('flow', nm, ji, 2)

    def ret(t):
        size = 16 if t.mode else t.bits
        t.setmem((t.stk if t.mode else 0) + t.r[ESP], imm((0 if t.mode else t.page) + tgt(t), size))
        if t.g.chance(50): t.emit(0xc3)
        else: t.emit(0xc2, imm(t.g.pick([0, 4, 8, 0x40, 6]), 16))
    form('flow', 'ret', ret, 3)


mk_flow()


# ---------------------------------------------------------------- strings
def mk_str():
    for size in SIZES:
        w = size != 8; z = SZ[size]; n = size // 8
        for opc, nm, uses in ((0xa4, 'movs', 'sd'), (0xa6, 'cmps', 'sd'), (0xaa, 'stos', 'd'), (0xac, 'lods', 's'), (0xae, 'scas', 'd')):
            for rep in (0, 0xf3, 0xf2):
                if rep == 0xf2 and nm in ('movs', 'stos', 'lods'): continue
                def st(t, size=size, w=w, n=n, opc=opc, nm=nm, rep=rep, uses=uses):
                    g = t.g
                    df = g.chance(35)
                    if df: t.fl |= DF
                    a32 = (t.mode == 0) != (g.chance(25) if t.mode else False)
                    p = b'' if a32 == (t.mode == 0) else b'\x67'
                    cnt = g.pick([0, 1, 2, 3, 5, 8, 17, g.range(0, 64)]) if rep else 1
                    span = max(1, cnt) * n
                    so = do = 0

                    def put(i, off):
                        t.r[i] = off if a32 else t.r[i] & 0xffff0000 | off
                    def place(lo, hi):
                        b = g.range(lo, hi - span)
                        return (b + span - n) if df else b
                    ov = g.chance(25)
                    sreg = 'ds'
                    if 's' in uses:
                        if t.mode and g.chance(20): sreg = 'es'; p = b'\x26' + p
                        so = place(0, 0x1000) + (0 if t.mode else t.data)
                        put(ESI, so)
                    if 'd' in uses:
                        do = place(0, 0x1000) + (0 if t.mode else t.data + 0x1000)
                        if nm == 'movs' and ov and not t.mode:
                            do = so + g.range(-7, 7)
                            if not t.data <= do < t.data + DATASZ - 0x300: do = so
                        put(EDI, do)
                    if rep:
                        t.r[ECX] = cnt if a32 else t.r[ECX] & 0xffff0000 | cnt
                    sign = -1 if df else 1
                    if nm == 'cmps':
                        # equal (or, for repne, different) for a while
                        sl, dl = t.lin(sreg, so), t.lin('es', do)
                        for i in range(max(1, cnt)):
                            v = ival(g, size); v2 = v if (rep != 0xf2) != g.chance(8) else ival(g, size)
                            t.setmem(sl + sign * i * n, imm(v, size)); t.setmem(dl + sign * i * n, imm(v2, size))
                    if nm == 'scas':
                        dl = t.lin('es', do)
                        for i in range(max(1, cnt)):
                            if (rep == 0xf3) != g.chance(8): t.setmem(dl + sign * i * n, imm(t.r[EAX], size))
                    t.emit(bytes([rep]) if rep else b'', p, t.osz(size), opc + w)
                form('string', {0: '', 0xf3: 'rep(e) ', 0xf2: 'repne '}[rep] + nm + z, st, 2)


mk_str()


# ---------------------------------------------------------------- faults
def mk_fault():
    def one(name, code, u=0, weight=0.4, modes=(0, 1)):
        def f(t, code=code, u=u): t.u = u; t.emit(code)
        form('fault', name, f, weight, modes)
    for nm, c in (('hlt', b'\xf4'), ('cli', b'\xfa'), ('sti', b'\xfb'), ('in al,imm', b'\xe4\x80'), ('in eax,dx', b'\xed'), ('out imm,al', b'\xe6\x80'),
                  ('out dx,eax', b'\xef'), ('insb', b'\x6c'), ('rep outsd', b'\xf3\x6f'), ('clts', b'\x0f\x06'), ('invd', b'\x0f\x08'), ('wbinvd', b'\x0f\x09'),
                  ('mov eax,cr0', b'\x0f\x20\xc0'), ('mov cr3,eax', b'\x0f\x22\xd8'), ('mov eax,dr7', b'\x0f\x21\xf8'), ('mov dr0,ecx', b'\x0f\x23\xc1'),
                  ('wrmsr', b'\x0f\x30'), ('rdmsr', b'\x0f\x32'), ('int 21h', b'\xcd\x21'), ('int 0', b'\xcd\x00'), ('int 0Eh', b'\xcd\x0e'),
                  ('lgdt [fs:0]', b'\x64\x0f\x01\x15\x00\x00\x00\x00'), ('lidt [fs:0]', b'\x64\x0f\x01\x1d\x00\x00\x00\x00'),
                  ('lmsw ax', b'\x0f\x01\xf0'), ('ltr ax', b'\x0f\x00\xd8'), ('lldt ax', b'\x0f\x00\xd0'),
                  ('ud2', b'\x0f\x0b'), ('ud1', b'\x0f\xb9\xc0'), ('lock add r,r', b'\xf0\x01\xc8'), ('lock cmp m', b'\xf0\x64\x39\x05\x00\x00\x00\x00'),
                  ('lock mov', b'\xf0\x64\x89\x05\x00\x00\x00\x00'), ('lock nop', b'\xf0\x90'), ('lock bt', b'\xf0\x0f\xa3\xc8'), ('lea r,r', b'\x8d\xc1'), ('mov cs,ax', b'\x8e\xc8'), ('mov r,seg6', b'\x8c\xf0'),
                  ('cmpxchg8b r', b'\x0f\xc7\xc9'), ('les r,r', b'\xc4\xc0\x90'), ('ff /7', b'\xff\xf8'), ('fe /2', b'\xfe\xd0'), ('bound r,r', b'\x62\xc0\x90\x90\x90\x90'), ('0f 04', b'\x0f\x04'),
                  ('0f 0a', b'\x0f\x0a'), ('0f ba /0', b'\x0f\xba\xc0\x01'), ('15-byte nop', b'\x3e' * 14 + b'\x90'), ('16-byte insn', b'\x3e' * 15 + b'\x90'),
                  ('rsm', b'\x0f\xaa'), ('jmp far r', b'\xff\xe8'), ('call far r', b'\xff\xd8'),
                  ('mov ss,0', b'\x31\xc0\x8e\xd0'), ('mov ds,bad', b'\xb8\xf8\x0f\x00\x00\x8e\xd8'), ('iret nt', b'\xcc')):
        if nm == 'iret nt' or LONG and nm in ('les r,r', 'bound r,r'): continue       # VEX, EVEX
        mds = (0,) if nm in ('mov ds,bad', 'lgdt [fs:0]', 'lidt [fs:0]', 'lock cmp m', 'lock mov') else (0, 1)
        one(nm, c, AF if nm == 'mov ss,0' else 0, 0.4, mds)
    one('int3', b'\xcc', 0, 0.4); one('int 3 (CD 03)', b'\xcd\x03', 0, 0.3)

    def into(t):
        t.fl = t.fl & ~OF | t.g.pick([0, OF]); t.emit(0xce)
    form('fault', 'into', into)

    def bound(t):
        g = t.g; size = g.pick([16, 32]); o = t.ea(size // 4)
        a, b = sorted([g.range(-100, 100), g.range(-100, 100)])
        r = g.pick([i for i in range(8) if i not in t.pins] or [None])
        if r is None: raise Skip
        t.setreg(r, size, g.pick([a, b, a - 1, b + 1, g.range(-120, 120)]))
        t.setmem(o.lin, imm(a, size) + imm(b, size))
        t.emit(o.pfx, t.osz(size), 0x62, o.modrm(r))
    if not LONG: form('fault', 'bound', bound, 2)

    def arpl(t):
        g = t.g; o = t.rm(16); t.emit(o.pfx, 0x63, o.modrm(t.reg()))
    if not LONG: form('fault', 'arpl rm16,r16', arpl, 2)

    def fslim(t):
        """FS limit: byte/word/dword at and beyond the end of the segment"""
        g = t.g; n = g.pick([1, 2, 4])
        off = FS_LEN - g.range(-1, 4)
        op = g.pick([b'\x8a' if n == 1 else b'\x8b', b'\x88' if n == 1 else b'\x89', b'\x00' if n == 1 else b'\x01'])
        a32 = t.mode == 0 or g.chance(50)
        mr = (b'\x05' + imm(off, 32)) if a32 else (b'\x06' + imm(off, 16))
        t.emit(b'\x64', b'\x67' if t.mode and a32 else b'', t.osz(n * 8) if n > 1 else b'', op, bytes([mr[0] | g.below(4) << 3]), mr[1:])
    if not LONG: form('fault', 'fs limit', fslim, 4)

    def sslim(t):
        """16-bit stack segment limit (0xfff): #SS"""
        g = t.g
        t.r[ESP] = g.pick([0, 1, 2, 3, 0xffc, 0xffd, 0xffe, 0xfff, 0x1000, 0x1001, 0x1002, 0x2000])
        c = g.pick([b'\x50', b'\x58', b'\x66\x50', b'\x66\x58', b'\x60', b'\x61', b'\x9c', b'\x6a\x01'])
        if c == b'\x60': t.mu.append([t.stk, STKSZ])       # partial writes of a faulting PUSHA
        t.emit(c)
    form('fault', 'ss limit', sslim, 6, (1,))

    def ip16(t):
        t.emit(0xe9, imm(0x1000 - t.start - 3 + t.g.range(-2, 0x100), 16))
    form('fault', 'cs limit jump', ip16, 2, (1,))

    def pf(t):
        """page fault: data pages end at 0x32000; 0x32000..0x33fff is not mapped"""
        g = t.g; n = g.pick([1, 2, 4]); a = t.data + DATASZ + g.pick([0, 0, 1, 4, 0x123, 0xffc]) - (g.range(1, n - 1) if n > 1 and g.chance(40) else 0)
        k = g.below(6); z = t.osz(n * 8) if n > 1 else b''
        w = n > 1
        if k == 0: t.emit(z, 0x8a + w, t.absolute(t.reg(), a))
        elif k == 1: t.emit(z, 0x88 + w, t.absolute(t.reg(), a))
        elif k == 2: t.emit(z, g.pick([0x00, 0x08, 0x10, 0x28, 0x30]) + w, t.absolute(t.reg(), a))
        elif k == 3:
            t.r[EDI] = a; t.emit(z, 0xaa + w)
        elif k == 4:
            t.r[ESI] = a; t.emit(z, 0xac + w)
        else: t.emit(z, 0x38 + w, t.absolute(t.reg(), a))
    form('fault', 'page fault', pf, 12, (0,))

    def pfrep(t):
        """rep string running into the unmapped page: partial progress must be visible"""
        g = t.g; size = g.pick(SIZES); n = size // 8; k = g.range(0, 9)
        a = t.data + DATASZ - k * n
        t.r[ECX] = k + g.range(1, 20)
        c = g.pick(['stos', 'movs', 'lods', 'scas'])
        if c == 'movs': t.r[ESI] = t.data + g.below(0x1000); t.r[EDI] = a
        elif c == 'lods': t.r[ESI] = a
        else: t.r[EDI] = a
        if c == 'scas':
            for i in range(k): t.setmem(a + i * n, imm(t.r[EAX], size))
        if c == 'scas': t.u = 0x8d5   # a fault in mid-string: Intel restores EFLAGS (SDM, REP), AMD keeps those of the last element
        t.emit(0xf3, t.osz(size), {'stos': 0xaa, 'movs': 0xa4, 'lods': 0xac, 'scas': 0xae}[c] + (size != 8))
    form('fault', 'rep string page fault', pfrep, 8, (0,))

    def pfpush(t):
        g = t.g
        t.r[ESP] = g.pick([t.stk, t.stk + 1, t.stk + 2, t.stk + 3, t.stk + 4, t.stk + 6]); c = g.pick([b'\x50', b'\x68abcd', b'\x66\x50', b'\x60', b'\x9c', b'\xe8\x10\0\0\0', b'\xc8\x10\x00\x00'])
        if c == b'\x60': t.mu.append([t.stk, STKSZ])
        t.emit(c)
    form('fault', 'push page fault', pfpush, 6, (0,))

    def pfexec(t):
        a = t.data + DATASZ + t.g.below(0x100)
        t.r[EAX] = a; t.emit(b'\xff\xe0')
    form('fault', 'jump to unmapped', pfexec, 1, (0,))

    def gpalign(t):
        g = t.g; t.sse('i'); a = t.data + 16 * g.below(100) + g.range(1, 15)
        t.emit(g.pick([b'\x0f\x28', b'\x0f\x29', b'\x66\x0f\x6f', b'\x66\x0f\x7f', b'\x0f\x58', b'\x66\x0f\xfe', b'\x0f\x2b']), t.absolute(t.reg(), a))
    form('fault', 'SSE misaligned', gpalign, 4, (0,))

    def xm(t):
        """unmasked SIMD exceptions: #XM (19)"""
        g = t.g; k = g.pick('sd'); t.sse(k)
        t.fx['mx'] = 0x1f80 & ~(0x80 << g.below(6))
        o = t.regop(t.reg())
        t.emit({'s': b'\x0f', 'd': b'\x66\x0f'}[k], g.pick([0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f]), o.modrm(t.reg()))
    form('fault', 'SSE unmasked', xm, 16, (0,))

    def mf(t):
        """unmasked x87 exception followed by a waiting instruction: #MF (16)"""
        g = t.g; x = t.fpu(); x['cw'] = 0x37f & ~(1 << g.below(6)); x['sw'] &= ~0x3f
        t.emit(g.pick([b'\xd8\xc1', b'\xd8\xf1', b'\xd8\xc9', b'\xd9\xfa', b'\xde\xc1', b'\xd8\xd1', b'\xdd\xd8', b'\xd9\xe8']))
        after = g.pick([b'\x9b', b'\xd9\xd0', b'\xd9\xe8', b'\xdb\xe2', b'\xdf\xe0'])
        t.emit(after)
        # Whether a comparison that an unmasked exception stops sets condition codes differs by vendor; FNSTSW has them in AX.
        t.xu = 0x4500
        if after == b'\xdf\xe0': t.ru.append([EAX, t.xu])
    form('fault', 'x87 unmasked + next', mf, 16, (0,))


mk_fault()


# ---------------------------------------------------------------- x87
CND = 0x4500        # C0 C2 C3


def mk_x87():
    def mem(name, opc, k, bits, kind, xu=CND, store=False, small=False, weight=2, mu=None):
        def f(t):
            g = t.g; t.fpu(small=small, push=name[:3] == 'fld' or name[:4] in ('fild', 'fbld'))
            if store:
                # mostly make ST0 something that fits
                if kind == 'i' and g.chance(60):
                    lim = {16: 16, 32: 33, 64: 65}.get(bits, 60)
                    t.fx['st'][0] = f80(g.bits(1), 16383 + g.range(-2, lim), 1 << 63 | g.bits(63)); t.sp = 0
            o = t.ea(bits // 8)
            if not store:
                if kind == 'f32': v, s = f32v(g); t.sp |= s
                elif kind == 'f64': v, s = f64v(g); t.sp |= s
                elif kind == 'f80': v, s = f80v(g); t.sp |= s
                elif kind == 'bcd':
                    v = 0
                    for i in range(18): v |= g.below(10) << 4 * i
                    v |= g.bits(1) << 79
                    if g.chance(20): v &= (1 << 79) | 0xfff
                else: v = ival(g, bits)
                t.setmem(o.lin, imm(v, bits))
            t.xu = xu
            t.emit(o.pfx, opc, o.modrm(k))
        form('x87', name, f, weight)
    ar = ['fadd', 'fmul', 'fcom', 'fcomp', 'fsub', 'fsubr', 'fdiv', 'fdivr']
    for k, nm in enumerate(ar):
        xu = 0 if k in (2, 3) else CND
        mem(nm + ' m32', 0xd8, k, 32, 'f32', xu); mem(nm + ' m64', 0xdc, k, 64, 'f64', xu)
        mem(nm.replace('f', 'fi', 1) + ' m32', 0xda, k, 32, 'i', xu); mem(nm.replace('f', 'fi', 1) + ' m16', 0xde, k, 16, 'i', xu)
    mem('fld m32', 0xd9, 0, 32, 'f32'); mem('fld m64', 0xdd, 0, 64, 'f64'); mem('fld m80', 0xdb, 5, 80, 'f80')
    mem('fst m32', 0xd9, 2, 32, 'f32', store=True); mem('fstp m32', 0xd9, 3, 32, 'f32', store=True)
    mem('fst m64', 0xdd, 2, 64, 'f64', store=True); mem('fstp m64', 0xdd, 3, 64, 'f64', store=True); mem('fstp m80', 0xdb, 7, 80, 'f80', store=True)
    mem('fild m16', 0xdf, 0, 16, 'i'); mem('fild m32', 0xdb, 0, 32, 'i'); mem('fild m64', 0xdf, 5, 64, 'i')
    for opc, k, b, nm in ((0xdf, 2, 16, 'fist'), (0xdb, 2, 32, 'fist'), (0xdf, 3, 16, 'fistp'), (0xdb, 3, 32, 'fistp'), (0xdf, 7, 64, 'fistp')):
        mem('%s m%d' % (nm, b), opc, k, b, 'i', store=True, weight=3)
    for opc, b in ((0xdf, 16), (0xdb, 32), (0xdd, 64)):
        mem('fisttp m%d (SSE3)' % b, opc, 1, b, 'i', store=True)
    mem('fbld m80', 0xdf, 4, 80, 'bcd'); mem('fbstp m80', 0xdf, 6, 80, 'i', store=True)

    def reg(name, code, n=8, xu=CND, small=False, weight=2, tol=None, group='x87', u=0, prep=None):
        def f(t):
            t.fpu(small=small, push=name[:3] == 'fld' or name in ('fptan', 'fsincos', 'fxtract'))
            if prep: prep(t)
            t.xu = xu; t.u = u
            if tol: t.tol = tol
            t.emit(bytes(code[:-1]), code[-1] + (t.g.below(n) if n > 1 else 0))
        form(group, name, f, weight)
    for k, nm in enumerate(ar):
        xu = 0 if k in (2, 3) else CND
        reg(nm + ' st,sti', [0xd8, 0xc0 + 8 * k], xu=xu)
        if k not in (2, 3):
            k2 = k if k < 4 else k ^ 1
            reg(nm + ' sti,st', [0xdc, 0xc0 + 8 * k2]); reg(nm + 'p sti,st', [0xde, 0xc0 + 8 * k2])
    reg('fcompp', [0xde, 0xd9], 1, 0); reg('fucompp', [0xda, 0xe9], 1, 0)
    reg('fucom', [0xdd, 0xe0], 8, 0); reg('fucomp', [0xdd, 0xe8], 8, 0)
    for nm, c in (('fucomi', [0xdb, 0xe8]), ('fcomi', [0xdb, 0xf0]), ('fucomip', [0xdf, 0xe8]), ('fcomip', [0xdf, 0xf0])):
        reg(nm, c, 8, CND, weight=4)
    reg('fld sti', [0xd9, 0xc0]); reg('fxch', [0xd9, 0xc8]); reg('fnop', [0xd9, 0xd0], 1, weight=0.5)
    reg('fst sti', [0xdd, 0xd0]); reg('fstp sti', [0xdd, 0xd8]); reg('ffree', [0xdd, 0xc0], 8, 0x4700)
    for nm, c, xu in (('fchs', 0xe0, CND), ('fabs', 0xe1, CND), ('ftst', 0xe4, 0), ('fxam', 0xe5, 0), ('fld1', 0xe8, CND), ('fldl2t', 0xe9, CND), ('fldl2e', 0xea, CND),
                      ('fldpi', 0xeb, CND), ('fldlg2', 0xec, CND), ('fldln2', 0xed, CND), ('fldz', 0xee, CND), ('fdecstp', 0xf6, CND), ('fincstp', 0xf7, CND),
                      ('fsqrt', 0xfa, CND), ('frndint', 0xfc, CND), ('fxtract', 0xf4, CND), ('fscale', 0xfd, CND)):
        def p(t, nm=nm):
            if nm == 'fscale' and t.g.chance(70): t.fx['st'][1] = f80_of(t.g.range(-80, 80) / 4)
            if nm == 'fsqrt' and t.g.chance(70): t.fx['st'][0] &= ~(1 << 79)
        reg(nm, [0xd9, c], 1, xu, weight=3 if nm in ('fxam', 'fsqrt', 'frndint', 'fscale', 'fxtract') else 2, prep=p)
    for i, nm in enumerate(['fcmovb', 'fcmove', 'fcmovbe', 'fcmovu']):
        reg(nm, [0xda, 0xc0 + 8 * i]); reg(nm.replace('v', 'vn'), [0xdb, 0xc0 + 8 * i])

    def big(t):
        # fprem: exponents within 63 of each other, mostly
        g = t.g
        if g.chance(75):
            e = 16383 + g.range(-8, 40)
            t.fx['st'][0] = f80(g.bits(1), e + g.range(-3, 70), 1 << 63 | g.bits(63))
            t.fx['st'][1] = f80(g.bits(1), e, 1 << 63 | g.bits(63)); t.sp = 0
    # C0 C1 C3 = quotient bits, C2 = incomplete; with C2 set the quotient bits are undefined
    def big1(t):
        big(t); t.reject = lambda y: y['sw'] & 0x400        # how far an incomplete reduction goes is up to the processor
    reg('fprem', [0xd9, 0xf8], 1, 0, weight=5, prep=big1); reg('fprem1', [0xd9, 0xf5], 1, 0, weight=5, prep=big1)

    def trig(t):
        g = t.g
        if g.chance(85): t.fx['st'][0] = f80(g.bits(1), 16383 + g.range(-20, 1), (1 << 63 | g.bits(63)) & ~0x7ff); t.sp = 0
        elif g.chance(50): t.fx['st'][0] = f80(g.bits(1), 16383 + g.range(63, 90), 1 << 63 | g.bits(63)); t.sp = 0

    def unit(t):
        g = t.g
        # outside [-1, 1] the result is undefined
        t.fx['st'][0] = f80(g.bits(1), 16383 - g.range(1, 20), (1 << 63 | g.bits(63)) & ~0x7ff) if g.chance(90) else \
            g.pick([0, 1 << 79, f80_of(1), f80_of(-1), f80(0, 0x7fff, 3 << 62 | g.bits(62))])
        t.sp = 0

    def logp(t):
        g = t.g
        if g.chance(85):
            t.fx['st'][0] = f80(0, 16383 + g.range(-12, 12), (1 << 63 | g.bits(63)) & ~0x7ff)
            t.fx['st'][1] = f80(g.bits(1), 16383 + g.range(-8, 8), (1 << 63 | g.bits(63)) & ~0x7ff); t.sp = 0

    def lp1(t):
        g = t.g
        t.fx['st'][0] = f80(g.bits(1), 16383 - g.range(3, 24), (1 << 63 | g.bits(63)) & ~0x7ff)
        if g.chance(80): t.fx['st'][1] = f80(g.bits(1), 16383 + g.range(-8, 8), (1 << 63 | g.bits(63)) & ~0x7ff); t.sp = 0
    for nm, c, xu, pr in (('f2xm1', 0xf0, 0x4700, unit), ('fyl2x', 0xf1, 0x4700, logp), ('fptan', 0xf2, 0x4300, trig), ('fpatan', 0xf3, 0x4700, logp),
                          ('fyl2xp1', 0xf9, 0x4700, lp1), ('fsincos', 0xfb, 0x4300, trig), ('fsin', 0xfe, 0x4300, trig), ('fcos', 0xff, 0x4300, trig)):
        reg(nm, [0xd9, c], 1, xu, weight=4, tol='x87', prep=pr, group='x87trans')

    def ctl(name, opc, k, n, load=None, mu=(), weight=1, both=False, pre=b'', last=None):
        def f(t):
            g = t.g; t.fpu()
            op16 = both and g.chance(40)
            z = t.osz(16 if op16 else 32) if both else b''
            nn = n if not both else (n[1] if op16 else n[0])
            o = t.ea(nn)
            if load: t.setmem(o.lin, load(t, op16, nn))
            if both and not load:
                t.mu += [[o.lin + 6, 8]] if op16 else [[o.lin + 2, 2], [o.lin + 6, 2], [o.lin + 10, 18]]
            t.xu = 0xffff if 0 else CND
            t.emit(z, o.pfx, opc, o.modrm(k))
        form('x87', name, f, weight)
    ctl('fnstcw m16', 0xd9, 7, 2); ctl('fnstsw m16', 0xdd, 7, 2)
    # (loads keep all exceptions masked so that nothing is pending)
    ctl('fldcw m16', 0xd9, 5, 2, lambda t, o, n: imm(0x7f | t.g.bits(4) << 8 | t.g.pick([0, 0x40]), 16))

    def env(t, op16, n):
        g = t.g
        cw = 0x37f | g.below(4) << 10; sw = g.bits(16) & ~0x8080; tw = g.bits(16)
        def w(v): return imm(v, 16) if op16 else imm(v | 0xffff0000, 32)
        b = w(cw) + w(sw) + w(tw) + bytes(8 if op16 else 16)
        while len(b) < n:
            v, s = f80v(g); b += imm(v, 80)
        return b
    ctl('fnstenv', 0xd9, 6, (28, 14), both=True, weight=2); ctl('fnsave', 0xdd, 6, (108, 94), both=True, weight=2)
    ctl('fldenv', 0xd9, 4, (28, 14), env, both=True, weight=2); ctl('frstor', 0xdd, 4, (108, 94), env, both=True, weight=2)

    def nsw(t): t.fpu(); t.emit(0xdf, 0xe0)
    form('x87', 'fnstsw ax', nsw)

    def ncx(t): t.fpu(); t.xu = 0x4700; t.emit(0xdb, 0xe2)
    form('x87', 'fnclex', ncx)

    def nin(t): t.fpu(); t.emit(0xdb, 0xe3)
    form('x87', 'fninit', nin)

    def fw(t): t.fpu(); t.emit(0x9b)
    form('x87', 'fwait', fw, 0.5)
    # undocumented aliases
    for nm, c in (('fstp1 D9D8', [0xd9, 0xd8]), ('fcom2 DCD0', [0xdc, 0xd0]), ('fcomp3 DCD8', [0xdc, 0xd8]), ('fxch4 DDC8', [0xdd, 0xc8]), ('fcomp5 DED0', [0xde, 0xd0]),
                  ('ffreep DFC0', [0xdf, 0xc0]), ('fxch7 DFC8', [0xdf, 0xc8]), ('fstp8 DFD0', [0xdf, 0xd0]), ('fstp9 DFD8', [0xdf, 0xd8])):
        # Of an empty ST(0) vendors differ in what D9 D8+i leaves.
        used = (lambda t: t.fx.update(tw=t.fx['tw'] | 1 << t.fx['top'])) if 'fstp1' in nm else None
        reg(nm, c, 8, 0x4700 if 'free' in nm else (0 if 'fcom' in nm else CND), weight=0.6, group='x87undoc', prep=used)


mk_x87()


# ---------------------------------------------------------------- MMX / SSE / SSE2
def mk_simd():
    P = {'': b'', '66': b'\x66', 'F3': b'\xf3', 'F2': b'\xf2'}

    def pfx(o, p): return o.pfx + P[p]

    def memval(t, kind, bits):
        if kind == 'i': return t.vec('i', max(64, bits)) & ((1 << bits) - 1)
        if kind in 'rs':
            v = t.vec(kind, max(32, bits)); return v & ((1 << bits) - 1)
        return t.vec('d', max(64, bits)) & ((1 << bits) - 1)

    def src(t, bits, kind, align, mem=None):
        g = t.g
        if mem is None: mem = g.chance(45)
        if not mem: return t.regop(t.reg())
        o = t.ea(bits // 8, align=align)
        t.setmem(o.lin, imm(memval(t, kind, bits), bits))
        return o

    def X(name, p, opc, bits, kind, align=1, im=None, group='sse', weight=1, mem=None, tol=None, esc=b'\x0f', dst=None):
        """xmm, xmm/m<bits>"""
        def f(t):
            t.sse(kind); o = src(t, bits, kind, align, mem)
            if tol: t.tol = tol
            t.emit(pfx(o, p), esc, opc, o.modrm(t.reg()), *([im(t)] if im is not None else []))
        form(group, name, f, weight, (0, 1) if weight >= 2 else (0,))

    def S(name, p, opc, bits, kind, align=1, group='sse', reg=False, weight=1):
        """store: xmm/m, xmm"""
        def f(t):
            t.sse(kind)
            o = src(t, bits, kind, align, None if reg else True)
            t.emit(pfx(o, p), 0x0f, opc, o.modrm(t.reg()))
        form(group, name, f, weight, (0,))

    def M(name, opc, bits=64, im=None, group='mmx', weight=1, esc=b'\x0f', mem=None):
        """mm, mm/m64"""
        def f(t):
            t.mmx(); o = src(t, bits, 'i', 1, mem)
            t.emit(o.pfx, esc, opc, o.modrm(t.reg()), *([im(t)] if im is not None else []))
        form(group, name, f, weight, (0, 1))
    # packed FP arithmetic
    for opc, nm in ((0x51, 'sqrt'), (0x58, 'add'), (0x59, 'mul'), (0x5c, 'sub'), (0x5d, 'min'), (0x5e, 'div'), (0x5f, 'max')):
        X(nm + 'ps', '', opc, 128, 's', 16, weight=2); X(nm + 'pd', '66', opc, 128, 'd', 16, weight=2, group='sse2')
        X(nm + 'ss', 'F3', opc, 32, 's', weight=2); X(nm + 'sd', 'F2', opc, 64, 'd', weight=2, group='sse2')
    X('rsqrtps', '', 0x52, 128, 'r', 16, tol='rcp'); X('rsqrtss', 'F3', 0x52, 32, 'r', tol='rcp')
    X('rcpps', '', 0x53, 128, 'r', 16, tol='rcp'); X('rcpss', 'F3', 0x53, 32, 'r', tol='rcp')
    for opc, nm in ((0x54, 'and'), (0x55, 'andn'), (0x56, 'or'), (0x57, 'xor'), (0x14, 'unpckl'), (0x15, 'unpckh')):
        X(nm + 'ps', '', opc, 128, 'i', 16); X(nm + 'pd', '66', opc, 128, 'i', 16, group='sse2')
    i8 = lambda t: t.g.below(256)
    c8 = lambda t: t.g.below(8)
    X('cmpps', '', 0xc2, 128, 's', 16, c8, weight=3); X('cmppd', '66', 0xc2, 128, 'd', 16, c8, weight=3, group='sse2')
    X('cmpss', 'F3', 0xc2, 32, 's', 1, c8, weight=3); X('cmpsd', 'F2', 0xc2, 64, 'd', 1, c8, weight=3, group='sse2')
    X('shufps', '', 0xc6, 128, 'i', 16, i8); X('shufpd', '66', 0xc6, 128, 'i', 16, i8, group='sse2')
    X('ucomiss', '', 0x2e, 32, 's', weight=2); X('comiss', '', 0x2f, 32, 's', weight=2)
    X('ucomisd', '66', 0x2e, 64, 'd', weight=2, group='sse2'); X('comisd', '66', 0x2f, 64, 'd', weight=2, group='sse2')
    # moves
    for p, nm, al in (('', 'movups', 1), ('66', 'movupd', 1)):
        X(nm, p, 0x10, 128, 'i', al, group='sse' if p == '' else 'sse2'); S(nm + ' store', p, 0x11, 128, 'i', al, reg=True, group='sse' if p == '' else 'sse2')
    for p, nm in (('', 'movaps'), ('66', 'movapd')):
        X(nm, p, 0x28, 128, 'i', 16, group='sse' if p == '' else 'sse2'); S(nm + ' store', p, 0x29, 128, 'i', 16, reg=True, group='sse' if p == '' else 'sse2')
        S('movnt' + nm[-2:], p, 0x2b, 128, 'i', 16, group='sse' if p == '' else 'sse2')
    X('movss', 'F3', 0x10, 32, 'i'); S('movss store', 'F3', 0x11, 32, 'i', reg=True)
    X('movsd', 'F2', 0x10, 64, 'i', group='sse2'); S('movsd store', 'F2', 0x11, 64, 'i', reg=True, group='sse2')
    X('movlps/movhlps', '', 0x12, 64, 'i'); S('movlps store', '', 0x13, 64, 'i'); X('movhps/movlhps', '', 0x16, 64, 'i'); S('movhps store', '', 0x17, 64, 'i')
    X('movlpd', '66', 0x12, 64, 'i', mem=True, group='sse2'); S('movlpd store', '66', 0x13, 64, 'i', group='sse2')
    X('movhpd', '66', 0x16, 64, 'i', mem=True, group='sse2'); S('movhpd store', '66', 0x17, 64, 'i', group='sse2')
    X('movdqa', '66', 0x6f, 128, 'i', 16, group='sse2'); S('movdqa store', '66', 0x7f, 128, 'i', 16, reg=True, group='sse2')
    X('movdqu', 'F3', 0x6f, 128, 'i', group='sse2'); S('movdqu store', 'F3', 0x7f, 128, 'i', reg=True, group='sse2')
    X('movq x,xm64', 'F3', 0x7e, 64, 'i', group='sse2'); S('movq xm64,x', '66', 0xd6, 64, 'i', reg=True, group='sse2'); S('movntdq', '66', 0xe7, 128, 'i', 16, group='sse2')
    # conversions
    X('cvtdq2ps', '', 0x5b, 128, 'i', 16, group='sse2'); X('cvtps2dq', '66', 0x5b, 128, 's', 16, group='sse2', weight=2); X('cvttps2dq', 'F3', 0x5b, 128, 's', 16, group='sse2', weight=2)
    X('cvtps2pd', '', 0x5a, 64, 's', group='sse2', weight=2); X('cvtpd2ps', '66', 0x5a, 128, 'd', 16, group='sse2', weight=2)
    X('cvtss2sd', 'F3', 0x5a, 32, 's', group='sse2', weight=2); X('cvtsd2ss', 'F2', 0x5a, 64, 'd', group='sse2', weight=2)
    X('cvtdq2pd', 'F3', 0xe6, 64, 'i', group='sse2'); X('cvtpd2dq', 'F2', 0xe6, 128, 'd', 16, group='sse2', weight=2); X('cvttpd2dq', '66', 0xe6, 128, 'd', 16, group='sse2', weight=2)

    def si(name, p, opc, kind, bits, group):
        def f(t):
            t.sse(kind); o = src(t, bits, kind, 1)
            t.emit(pfx(o, p), 0x0f, opc, o.modrm(t.reg()))
        form(group, name, f, 2, (0, 1))
    si('cvttss2si', 'F3', 0x2c, 's', 32, 'sse'); si('cvtss2si', 'F3', 0x2d, 's', 32, 'sse')
    si('cvttsd2si', 'F2', 0x2c, 'd', 64, 'sse2'); si('cvtsd2si', 'F2', 0x2d, 'd', 64, 'sse2')

    def gi(name, p, opc, kind, group):
        def f(t):
            t.sse(kind); o = t.rm(32)
            t.emit(pfx(o, p), 0x0f, opc, o.modrm(t.reg()))
        form(group, name, f, 2, (0, 1))
    gi('cvtsi2ss', 'F3', 0x2a, 's', 'sse'); gi('cvtsi2sd', 'F2', 0x2a, 'd', 'sse2'); gi('movd x,rm32', '66', 0x6e, 'i', 'sse2'); gi('movd rm32,x', '66', 0x7e, 'i', 'sse2')

    def mixed(name, p, opc, kind, bits, align, memkind, group):
        """MMX <-> XMM conversions: both files populated"""
        def f(t):
            m = t.mmx(); st = m['st']; tw, sw, top = m['tw'], m['sw'], m['top']
            t.sse(kind)
            t.fx['st'], t.fx['tw'], t.fx['sw'], t.fx['top'] = st, tw, sw, top
            o = src(t, bits, memkind, align)
            if o.kind == 'm' and 'cvtpi' in name:
                # whether a memory source makes the x87->MMX transition is not architectural
                t.fx['tw'], t.fx['sw'], t.fx['top'] = 0xff, 0, 0
            t.emit(pfx(o, p), 0x0f, opc, o.modrm(t.reg()))
        form(group, name, f, 2, (0,))
    mixed('cvtpi2ps', '', 0x2a, 's', 64, 1, 'i', 'sse'); mixed('cvtpi2pd', '66', 0x2a, 'd', 64, 1, 'i', 'sse2')
    mixed('cvttps2pi', '', 0x2c, 's', 64, 1, 's', 'sse'); mixed('cvtps2pi', '', 0x2d, 's', 64, 1, 's', 'sse')
    mixed('cvttpd2pi', '66', 0x2c, 'd', 128, 16, 'd', 'sse2'); mixed('cvtpd2pi', '66', 0x2d, 'd', 128, 16, 'd', 'sse2')

    def rr(name, p, opc, group, mm=False, im=False):
        def f(t):
            t.mmx() if mm else t.sse('i')
            if mm == 2:
                st, tw, sw = t.fx['st'], t.fx['tw'], t.fx['sw']; t.sse('i'); t.fx.update(st=st, tw=tw, sw=sw)
            t.emit(P[p], 0x0f, opc, t.regop(t.reg()).modrm(t.reg()), *([t.g.below(256)] if im else []))
        form(group, name, f, 1, (0,))
    rr('movmskps', '', 0x50, 'sse'); rr('movmskpd', '66', 0x50, 'sse2'); rr('pmovmskb r,x', '66', 0xd7, 'sse2'); rr('pmovmskb r,mm', '', 0xd7, 'mmx', 1)
    rr('movq2dq', 'F3', 0xd6, 'sse2', 2); rr('movdq2q', 'F2', 0xd6, 'sse2', 2)
    rr('pextrw r,x,i8', '66', 0xc5, 'sse2', 0, True); rr('pextrw r,mm,i8', '', 0xc5, 'mmx', 1, True)

    def pinsr(name, p, group, mm):
        def f(t):
            t.mmx() if mm else t.sse('i')
            o = t.rm(16) if t.g.chance(50) else t.regop(t.reg())
            t.emit(pfx(o, p), 0x0f, 0xc4, o.modrm(t.reg()), t.g.below(256))
        form(group, name, f, 1, (0,))
    pinsr('pinsrw x', '66', 'sse2', 0); pinsr('pinsrw mm', '', 'mmx', 1)

    def mskmov(p, mm):
        def f(t):
            t.mmx() if mm else t.sse('i')
            t.r[EDI] = (0 if t.mode else t.data) + t.g.below(0x1f00)
            t.emit(P[p], 0x0f, 0xf7, t.regop(t.reg()).modrm(t.reg()))
        return f
    form('mmx', 'maskmovq', mskmov('', 1)); form('sse2', 'maskmovdqu', mskmov('66', 0))

    def movnti(t):
        o = t.rm(32, mem=True); t.emit(o.pfx, 0x0f, 0xc3, o.modrm(t.reg()))
    form('sse2', 'movnti', movnti)
    # packed integer: MMX and SSE2
    ops = {0x60: 'punpcklbw', 0x61: 'punpcklwd', 0x62: 'punpckldq', 0x63: 'packsswb', 0x64: 'pcmpgtb', 0x65: 'pcmpgtw', 0x66: 'pcmpgtd', 0x67: 'packuswb',
           0x68: 'punpckhbw', 0x69: 'punpckhwd', 0x6a: 'punpckhdq', 0x6b: 'packssdw', 0x74: 'pcmpeqb', 0x75: 'pcmpeqw', 0x76: 'pcmpeqd',
           0xd1: 'psrlw', 0xd2: 'psrld', 0xd3: 'psrlq', 0xd4: 'paddq', 0xd5: 'pmullw', 0xd8: 'psubusb', 0xd9: 'psubusw', 0xda: 'pminub', 0xdb: 'pand',
           0xdc: 'paddusb', 0xdd: 'paddusw', 0xde: 'pmaxub', 0xdf: 'pandn', 0xe0: 'pavgb', 0xe1: 'psraw', 0xe2: 'psrad', 0xe3: 'pavgw', 0xe4: 'pmulhuw',
           0xe5: 'pmulhw', 0xe8: 'psubsb', 0xe9: 'psubsw', 0xea: 'pminsw', 0xeb: 'por', 0xec: 'paddsb', 0xed: 'paddsw', 0xee: 'pmaxsw', 0xef: 'pxor',
           0xf1: 'psllw', 0xf2: 'pslld', 0xf3: 'psllq', 0xf4: 'pmuludq', 0xf5: 'pmaddwd', 0xf6: 'psadbw', 0xf8: 'psubb', 0xf9: 'psubw', 0xfa: 'psubd',
           0xfb: 'psubq', 0xfc: 'paddb', 0xfd: 'paddw', 0xfe: 'paddd'}
    for opc, nm in ops.items():
        if nm[:4] in ('psrl', 'psra', 'psll'):
            def shx(t, opc=opc):
                t.sse('i'); g = t.g
                o = src(t, 128, 'i', 16)
                if g.chance(75):
                    v = g.below(70) | (g.bits(64) << 64)
                    if o.kind == 'm': t.setmem(o.lin, imm(v, 128))
                    else: t.fx['xm'][o.reg] = v
                t.emit(pfx(o, '66'), 0x0f, opc, o.modrm(t.reg()))

            def shm(t, opc=opc):
                t.mmx(); g = t.g
                o = src(t, 64, 'i', 1)
                if g.chance(75):
                    v = g.below(70)
                    if o.kind == 'm': t.setmem(o.lin, imm(v, 64))
                    else: t.fx['st'][(o.reg - t.fx['top']) & 7] = v | 0xffff << 64
                t.emit(o.pfx, 0x0f, opc, o.modrm(t.reg()))
            form('sse2', nm + ' x,xm', shx, 1.5, (0,)); form('mmx', nm + ' mm,mm/m', shm, 1.5, (0,))
        else:
            M(nm, opc, 32 if opc in (0x60, 0x61, 0x62) else 64, group='sse2' if nm in ('paddq', 'psubq', 'pmuludq') else 'mmx')
            X(nm + ' x', '66', opc, 128, 'i', 16, group='sse2')
    for opc in (0x6c, 0x6d): X('punpck%sqdq' % 'lh'[opc & 1], '66', opc, 128, 'i', 16, group='sse2')
    M('pshufw', 0x70, 64, i8); X('pshufd', '66', 0x70, 128, 'i', 16, i8, group='sse2'); X('pshufhw', 'F3', 0x70, 128, 'i', 16, i8, group='sse2'); X('pshuflw', 'F2', 0x70, 128, 'i', 16, i8, group='sse2')
    for opc, k, nm in ((0x71, 2, 'psrlw'), (0x71, 4, 'psraw'), (0x71, 6, 'psllw'), (0x72, 2, 'psrld'), (0x72, 4, 'psrad'), (0x72, 6, 'pslld'), (0x73, 2, 'psrlq'), (0x73, 6, 'psllq'),
                       (0x73, 3, 'psrldq'), (0x73, 7, 'pslldq')):
        def shi(t, opc=opc, k=k): t.sse('i'); t.emit(0x66, 0x0f, opc, t.regop(t.reg()).modrm(k), t.g.pick([t.g.below(20), t.g.below(70), t.g.below(256)]))
        form('sse2', nm + ' x,imm8', shi, 1, (0,))
        if k not in (3, 7):
            def shmi(t, opc=opc, k=k): t.mmx(); t.emit(0x0f, opc, t.regop(t.reg()).modrm(k), t.g.pick([t.g.below(20), t.g.below(70), t.g.below(256)]))
            form('mmx', nm + ' mm,imm8', shmi, 1, (0,))
    M('movq mm,mm/m64', 0x6f)
    for nm, opc in (('movq mm/m64,mm', 0x7f), ('movntq', 0xe7)):
        def ms(t, opc=opc, nm=nm):
            t.mmx(); o = src(t, 64, 'i', 1, True if nm == 'movntq' else None); t.emit(o.pfx, 0x0f, opc, o.modrm(t.reg()))
        form('mmx', nm, ms, 1, (0,))
    for nm, opc in (('movd mm,rm32', 0x6e), ('movd rm32,mm', 0x7e)):
        def md(t, opc=opc):
            t.mmx(); o = t.rm(32); t.emit(o.pfx, 0x0f, opc, o.modrm(t.reg()))
        form('mmx', nm, md, 1, (0,))

    def emms(t): t.mmx(); t.emit(0x0f, 0x77)
    form('mmx', 'emms', emms, 1, (0,))

    def mixx87(t):
        """x87 after MMX and MMX after x87 (register file sharing)"""
        t.fpu(); t.xu = 0x4700
        t.emit(t.g.pick([b'\x0f\xfe\xc1\xdd\xda', b'\x0f\xef\xd2\xd9\xe8', b'\xd9\xe8\x0f\x6f\xd0', b'\xd9\xf7\x0f\xfc\xc3', b'\x0f\x6e\xc8\x0f\x77\xd9\xe8']))
    form('mmx', 'x87/MMX aliasing', mixx87, 2, (0,))
    # state
    def stmx(t): t.sse('s'); o = t.rm(32, mem=True); t.emit(o.pfx, 0x0f, 0xae, o.modrm(3))
    def ldmx(t): t.sse('i'); o = t.rm(32, mem=True); t.rmset(o, 32, 0x1f80 | t.g.bits(16) if t.g.chance(85) else 1 << t.g.range(16, 31)); t.emit(o.pfx, 0x0f, 0xae, o.modrm(2))
    form('sse', 'stmxcsr', stmx); form('sse', 'ldmxcsr', ldmx, 2)

    def fxs(t):
        t.fpu()
        for i in range(t.count): t.fx['xm'][i] = t.vec('i')
        o = t.ea(512, align=16)
        t.mu += [[o.lin + 5, 19], [o.lin + 28, 4], [o.lin + 160 + 16 * t.count, 352 - 16 * t.count]] + [[o.lin + 42 + 16 * i, 6] for i in range(8)]
        t.emit(o.pfx, 0x0f, 0xae, o.modrm(0))
    form('sse', 'fxsave', fxs, 2)

    def fxr(t):
        t.fpu(); o = t.ea(512, align=16); g = t.g
        y = {'cw': 0x37f | g.below(4) << 10, 'sw': g.bits(16) & ~0x80bf, 'tw': g.bits(8), 'mx': 0x1f80 | g.bits(6), 'st': [f80v(g)[0] for _ in range(8)], 'xm': [t.vec('i') for _ in range(t.count)]}
        t.setmem(o.lin, fximage(y)[:160 + 16 * t.count]); t.emit(o.pfx, 0x0f, 0xae, o.modrm(1))
    form('sse', 'fxrstor', fxr, 2)
    for nm, c in (('lfence', b'\x0f\xae\xe8'), ('mfence', b'\x0f\xae\xf0'), ('sfence', b'\x0f\xae\xf8')): simple('sse2', nm, c, 0, 0.3)

    def pre(t): o = t.ea(1); t.emit(o.pfx, 0x0f, 0x18, o.modrm(t.g.below(4)))
    def clf(t): o = t.ea(1); t.emit(o.pfx, 0x0f, 0xae, o.modrm(7))
    form('sse', 'prefetch', pre, 0.5, (0,)); form('sse2', 'clflush', clf, 0.5, (0,))


mk_simd()


# ---------------------------------------------------------------- blocks
CCREAD = [OF, CF, ZF, CF | ZF, SF, PF, SF | OF, ZF | SF | OF]


def dec_ebp(t): return b'\xff\xcd' if t.long else t.osz(32) + b'\x4d'


class Block:
    """random code over eax ecx edx ebx, [esi+d8], [edi+d8]; ebp counts; follows undefined flags"""
    def __init__(b, t):
        b.t, b.g = t, t.g
        b.und = 0
        t.r[ESI] = (0 if t.mode else t.data) + 0x400
        t.r[EDI] = (0 if t.mode else t.data) + 0xc00
        b.rex = 0
        if t.long: t.r[14] = t.data + 0x800; t.r[15] = t.data + 0x1400

    def mem(b, reg, al=1):
        """modrm bytes for [esi/edi+disp8]"""
        g = b.g; d = g.range(-128, 100) & ~(al - 1)
        if b.t.mode: return bytes([0x40 | reg << 3 | g.pick([4, 5]), d & 255])
        return bytes([0x40 | reg << 3 | g.pick([6, 7]), d & 255])

    def wr(b, size):
        """a register that may be written"""
        return b.g.below(8) if size == 8 and not b.rex else b.g.below(4)

    def prefix(b, size):
        """draws a REX prefix: it makes R8 to R11 of EAX to EBX, R14 and R15 of ESI and EDI; the operand size that is left"""
        g = b.g
        b.rex = 0x40 | g.below(8) | (8 if size == 32 and g.chance(70) else 0) if g.chance(60) else 0
        return 64 if b.rex & 8 else size

    def rm(b, reg, size):
        if b.g.chance(40): return b.mem(reg), True
        return bytes([0xc0 | reg << 3 | b.wr(size)]), False

    def fl(b, defined, undefined=0):
        b.und = b.und & ~defined | undefined

    def insn(b):
        """one instruction as bytes, or None if it would read an undefined flag"""
        g, t = b.g, b.t
        size = g.pick([8, 16, 32, 32])
        if t.long: size = b.prefix(size)
        w = int(size != 8); z = t.osz(size)
        ws = size if size != 8 else 16; zs = t.osz(ws)
        k = g.below(30)
        if k < 8:
            op = g.below(8)
            if op in (2, 3) and b.und & CF: return None
            m, _ = b.rm(b.wr(size), size)
            b.fl(ARITH, AF if op in (1, 4, 6) else 0)
            f = g.below(4)
            if f == 0: return z + bytes([op * 8 + w]) + m
            if f == 1: return z + bytes([op * 8 + 2 + w]) + m
            m, _ = b.rm(op, size)
            if f == 2 and w: return z + b'\x83' + m + imm(ival(g, 8), 8)
            return z + bytes([0x80 + w]) + m + t.immz(size)
        if k == 8:
            m, _ = b.rm(g.below(2), size); b.fl(ARITH & ~CF); return z + bytes([0xfe + w]) + m
        if k == 9:
            m, _ = b.rm(g.pick([2, 3]), size)
            if (m[0] >> 3 & 7) == 3: b.fl(ARITH)
            return z + bytes([0xf6 + w]) + m
        if k in (10, 11):
            op = g.pick([0, 1, 2, 3, 4, 5, 7])
            if op in (2, 3) and b.und & CF: return None
            m, _ = b.rm(op, size)
            if g.chance(50):
                b.fl(CF | OF if op < 4 else ARITH, 0 if op < 4 else AF); return z + bytes([0xd0 + w]) + m
            c = g.range(2, size - 1)
            if op in (2, 3) and c % (size + 1) == 0: return None
            b.fl(CF if op < 4 else ARITH, OF if op < 4 else AF | OF)
            return z + bytes([0xc0 + w]) + m + bytes([c | g.below(8) << 5])
        if k == 12:
            m, _ = b.rm(g.below(4), ws); b.fl(CF | OF, SF | ZF | AF | PF); return zs + b'\x0f\xaf' + m
        if k == 13:
            m, _ = b.rm(g.pick([4, 5]), size); b.fl(CF | OF, SF | ZF | AF | PF); return z + bytes([0xf6 + w]) + m
        if k in (14, 15):
            cc = g.below(16)
            if b.und & CCREAD[cc >> 1]: return None
            if g.chance(50): m, _ = b.rm(g.below(8), 8); return bytes([0x0f, 0x90 + cc]) + m
            m, _ = b.rm(g.below(4), ws); return zs + bytes([0x0f, 0x40 + cc]) + m
        if k == 16:
            if b.und & (SF | ZF | AF | PF | CF): return None
            return b'\x9f'
        if k == 17: b.fl(SF | ZF | AF | PF | CF); return b'\x9e'
        if k == 18:
            m, _ = b.rm(g.below(4), 8); return t.osz(32) + bytes([0x0f, g.pick([0xb6, 0xbe])]) + m
        if k == 19:
            m, _ = b.rm(b.wr(size), size); return z + bytes([g.pick([0x88, 0x8a, 0x86]) + w]) + m
        if k == 20: return t.osz(32) + bytes([0xb8 + g.below(4)]) + imm(ival(g, max(32, size)), max(32, size))
        if k == 21:
            n = g.range(1, 15 if ws == 16 else ws - 1); m, _ = b.rm(g.below(4), ws)
            b.fl(ARITH, AF | (OF if n != 1 else 0)); return zs + bytes([0x0f, g.pick([0xa4, 0xac])]) + m + bytes([n])
        if k == 22:
            m, _ = b.rm(g.range(4, 7), ws); b.fl(CF, OF | SF | AF | PF); return zs + b'\x0f\xba' + m + imm(g.below(256), 8)
        if k == 23:
            o = g.pick([0xb0, 0xc0]); m, _ = b.rm(b.wr(size), size); b.fl(ARITH); return z + bytes([0x0f, o + w]) + m
        if k == 24:
            c = g.pick([0xf5, 0xf8, 0xf9])
            if c == 0xf5 and b.und & CF: return None
            b.fl(CF); return bytes([c])
        if k == 25: return t.osz(32) + bytes([0x0f, 0xc8 + g.below(4)])
        if k == 26: return zs + bytes([g.pick([0x98, 0x99])])
        if k == 27:
            m, _ = b.rm(b.wr(size), size); b.fl(ARITH, AF); return z + bytes([0x84 + w]) + m
        if k == 28:
            if t.mode: return None
            return bytes([0x8d, 0x44 | g.below(4) << 3, g.below(4) << 6 | g.below(4) << 3 | g.below(4), g.below(256)])
        return t.osz(32) + bytes([0x50 + g.below(4)]) + t.osz(32) + bytes([0x58 + g.below(4)])

    def one(b):
        while True:
            save = b.und
            r = b.insn()
            if r is not None:
                n = r[0] == 0x66
                return r[:n] + bytes([b.rex]) + r[n:] if b.rex else r
            b.und = save

    def body(b, n):
        out = bytearray(); g = b.g
        for _ in range(n):
            if g.chance(12):
                cc = g.below(16)
                if not b.und & CCREAD[cc >> 1]:
                    before = b.und
                    i = b.one(); b.und |= before
                    out += bytes([0x70 + cc, len(i)]) + i
                    continue
            if g.chance(5) and not b.und:
                # flags through memory: pushf; pop r (mask the system flags)
                z = b.t.osz(32); out += z + b'\x9c' + z + b'\x58' + z + b'\x25' + imm(ARITH, 32); b.fl(ARITH, AF)
                continue
            out += b.one()
        return bytes(out)


def at_address(reg):
    """modrm (and SIB) of a 32-bit address"""
    return bytes([0x04 | reg << 3, 0x25] if LONG else [0x05 | reg << 3])


def mk_block():
    def straight(t):
        b = Block(t); t.raw(b.body(t.g.range(6, 40))); t.u = b.und
    form('block', 'straight', straight, 30)

    def loop(t, hot=False):
        b = Block(t); g = t.g
        t.r[EBP] = g.pick([1, 2, 3, 7, 20, 100]) if not hot else g.pick([1000, 3000, 10000, 20000])
        c = b.body(g.range(4, 24))
        if b.und & CF: c += b'\xf8'; b.und &= ~CF
        t.raw(c, dec_ebp(t))
        d = -(len(t.code) + (4 if t.mode else 6)); t.raw(0x0f, 0x85, imm(d, 16 if t.mode else 32))
        # on re-entry every flag but CF comes from DEC
        t.u = 0
    form('block', 'loop', loop, 20)
    form('block', 'hot loop', lambda t: loop(t, True), 8)

    def two(t):
        """calls and returns inside a loop: call rel, indirect call through a register"""
        g = t.g; b = Block(t)
        t.r[EBP] = g.pick([3, 50, 2000])
        f1 = b.body(g.range(2, 8)); b1 = b.body(g.range(2, 8))
        if b.und & CF: b1 += b'\xf8'; b.und &= ~CF
        # layout: L: call F ; body ; dec ; jnz L ; int3 ; F: body ; ret
        sz = 5
        head = len(b1) + len(dec_ebp(t)) + 6
        code = b'\xe8' + imm(head + 1, 32) + b1 + dec_ebp(t) + b'\x0f\x85' + imm(-(sz + head), 32) + b'\xcc' + f1 + b'\xc3'
        t.raw(code)
    form('block', 'call loop', two, 8, (0,))

    def smc(t):
        """a loop that patches the immediate of one of its own instructions, sometimes the very next one"""
        if t.long: t.place('low'); t.r[ESP] = t.stack_pointer()
        g = t.g; b = Block(t)
        t.r[EBP] = g.pick([1, 2, 5, 60, 1500])
        r = g.below(4); s = g.below(4)
        before = b.body(g.range(0, 5)); between = b.body(g.range(0, 4)) if g.chance(60) else b''
        if g.chance(30): between = b'\xeb\x00' + between
        after = b.body(g.range(0, 4))
        wid = g.pick([1, 4])
        patch = lambda a: bytes([0x88 if wid == 1 else 0x89]) + at_address(r) + imm(a, 32)
        op = bytes([0x81, 0xc0 | g.pick([0, 5, 6]) << 3 | s])       # add/sub/xor r32,imm32
        pos = len(before) + len(patch(0)) + len(between) + 2
        c = before + patch(t.page + t.start + pos + g.below(4 if wid == 1 else 1)) + between + op + imm(ival(g, 32), 32)
        c += after
        c += b'\xf8' + dec_ebp(t)
        c += b'\x0f\x85' + imm(-(len(c) + 6), 32)
        t.raw(c)
        # add/sub/xor define everything but AF (xor): the loop ends with DEC, so all is defined
    form('block', 'self-modifying', smc, 12, (0,))

    def smc2(t):
        """code that replaces an opcode in a subroutine between two calls of it"""
        g = t.g
        if t.long: t.place('low'); t.r[ESP] = t.stack_pointer()
        t.r[EBP] = g.pick([1, 4, 800]); dec = dec_ebp(t)
        #   L: mov byte [S], op1 ; call S ; mov byte [S], op2 ; call S ; dec ebp ; jnz L ; int3 ; S: inc eax ; ret
        ops = [0x40 + g.below(4), 0x48 + g.below(4), 0x90, 0xf9, 0x98, 0x99]
        def c(S):
            x = b'\xc6' + at_address(0) + imm(S, 32) + bytes([o1]); x += b'\xe8' + imm(S - (t.page + t.start + len(x) + 5), 32)
            x += b'\xc6' + at_address(0) + imm(S, 32) + bytes([o2]); x += b'\xe8' + imm(S - (t.page + t.start + len(x) + 5), 32)
            x += dec; x += b'\x0f\x85' + imm(-(len(x) + 6), 32) + b'\xcc'
            return x
        o1, o2 = g.pick(ops), g.pick(ops)
        far = g.chance(40)
        S = t.page + (0xc00 if far else t.start + len(c(0)))
        x = c(S)
        t.raw(x)
        while len(t.code) < S - t.page - t.start: t.raw(0xcc)
        t.raw(0x91 if t.long else 0x40, 0xc3)
    form('block', 'self-modifying subroutine', smc2, 8, (0,))

    def ssefp(t):
        g = t.g; b = Block(t); k = g.pick('sd')
        t.sse('i'); t.fx['mx'] = 0x1f80 | g.below(4) << 13
        for i in range(t.count):
            v = 0
            for j in range(4 if k == 's' else 2):
                if k == 's': v |= (g.bits(1) << 31 | g.range(123, 131) << 23 | g.bits(23)) << 32 * j
                else: v |= (g.bits(1) << 63 | g.range(1019, 1027) << 52 | g.bits(52)) << 64 * j
            t.fx['xm'][i] = v
        n = g.range(4, 30)
        for _ in range(n):
            p = g.pick([b'', b'\xf3']) if k == 's' else g.pick([b'\x66', b'\xf2'])
            t.emit(p, 0x0f, g.pick([0x58, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f] + ([0x54, 0x14, 0x28] if p in (b'', b'\x66') else [0x10])), t.regop(t.reg()).modrm(t.reg()) if t.long else 0xc0 | g.below(64))
    form('block', 'sse arithmetic', ssefp, 20, (0,))

    def x87fp(t):
        """double data through the x87 stack, balanced"""
        g = t.g; b = Block(t)
        t.fpu(); t.fx.update(tw=0, sw=0, top=0, st=[0] * 8, cw=(0x27f if g.chance(50) else 0x37f) | (g.below(4) << 10 if g.chance(40) else 0)); t.sp = 0
        base = t.data + 0x400
        for i in range(8):
            v = g.bits(1) << 63 | g.range(1015, 1031) << 52 | g.bits(52)
            t.setmem(base + 8 * i, imm(v, 64))
        d = 0
        t.r[ESI] = base
        for _ in range(g.range(6, 30)):
            if d < 1 or (d < 7 and g.chance(30)): t.emit(0xdd, 0x46, 8 * g.below(8)); d += 1
            elif d > 1 and g.chance(25): t.emit(0xde, g.pick([0xc0, 0xc8, 0xe0, 0xe8, 0xf0, 0xf8]) + g.range(1, d - 1)); d -= 1
            elif g.chance(15): t.emit(0xdd, 0x5e, 8 * g.below(8)); d -= 1
            elif g.chance(20): t.emit(0xdc, 0x46 | g.pick([0, 1, 4, 5, 6, 7]) << 3, 8 * g.below(8))
            else: t.emit(0xd8 if g.chance(50) else 0xdc, g.pick([0xc0, 0xc8, 0xe0, 0xe8, 0xf0, 0xf8]) + g.below(d))
        t.xu = 0x4500
    form('block', 'x87 arithmetic', x87fp, 20, (0,))


mk_block()
