"""Forms that only 64-bit code has, and what is different there, for gen.py: canonical addresses, REX, RIP-relative operands, other code sizes."""
# The edges of the canonical addresses (SDM vol. 1, 3.3.7.1), and addresses that are far from them.
NOT_CANONICAL = [0x0000800000000000, 0xffff7fffffffffff, 0x8000000000000000, 0x7fffffffffffffff, 0x0001000000000000, 0xfffeffffffffffff]


def outside(g):
    """an address that is not canonical, with 16 such bytes before and behind it"""
    if g.chance(50):
        a = g.pick(NOT_CANONICAL)
        return (a + (0x10 if a & 1 == 0 else -0x20) + g.below(0x100) * (1 if a & 1 == 0 else -1)) & M64
    while True:
        a = g.bits(64)
        if 0x800000001000 <= a <= 0xffff7fffffffe000: return a


def upper(g):
    """a canonical address of the upper half; not Linux's page of vsyscall, which its kernel emulates"""
    return 0xffff800000000000 | g.bits(46) & ~0xfff | g.below(0xff0)


def mk_moves():
    for size in WIDE:
        def movsxd(t, size=size):
            o = t.rm(min(size, 32)); t.emit(o.pfx, t.osz(size), 0x63, o.modrm(t.reg()))
        form('mov', 'movsxd r%s,rm' % SZ[size], movsxd, 2)

    def c16(t):
        g = t.g; t.pins |= {EAX, EDX}; t.late |= {EAX, EDX}
        o = t.ea(16, align=16); v = g.bits(128)
        t.setmem(o.lin, imm(v, 128))
        if g.chance(60): t.r[EAX] = v & M64; t.r[EDX] = v >> 64
        elif g.chance(40): t.r[EAX] = v & M64
        if g.chance(20): t.r[EAX] ^= 1 << g.below(64)
        t.emit(b'\xf0' if g.chance(40) else b'', o.pfx, t.osz(64), 0x0f, 0xc7, o.modrm(1))
    form('mov', 'cmpxchg16b m128', c16, 5)

    def c16off(t):
        base = t.g.pick([i for i in range(16) if i & 7 not in (ESP, EBP)])
        t.r[base] = t.data + 16 * t.g.below(0x1f0) + t.g.range(1, 15)
        t.emit(t.osz(64), 0x0f, 0xc7, Coded(bytes([1 << 3 | base & 7]), base >> 3))
    form('fault', 'cmpxchg16b misaligned', c16off, 1)

    def immediates(t):
        t.emit(t.osz(64), 0xc7, t.regop(t.reg()).modrm(0), imm(ival(t.g, 32), 32))
    form('mov', 'mov rq,imm32 (signed)', immediates, 2)

    def pushs(t): t.emit(b'\x66' if t.g.chance(20) else b'', 0x0f, t.g.pick([0xa0, 0xa8]))
    form('stack', 'push fs, gs', pushs, 1)

    def sregs(t):
        t.r[EAX] = t.r[EAX] & ~0xffff | DS
        t.raw(b'\x8e', t.g.pick([b'\xd8', b'\xc0']), b'\x48' if t.g.chance(50) else b'', b'\x8c', t.g.pick([b'\xd1', b'\xd9', b'\xc1', b'\xc9']))
    form('mov', 'mov ds/es,2b; mov r,sreg', sregs, 3)
    for nm, c in (('mov rq,cs', b'\x48\x8c\xc8'), ('mov rd,ss', b'\x8c\xd0'), ('mov rw,cs', b'\x66\x8c\xc8'), ('mov r8q,ss', b'\x49\x8c\xd0')):
        def movs(t, c=c): t.raw(c)
        form('mov', nm, movs, 0.5)


def mk_strings():
    """67h: ESI, EDI and ECX, whose high halves are cleared or left as the processor does"""
    for size in SIZES:
        n = size // 8
        for opc, nm in ((0xa4, 'movs'), (0xa6, 'cmps'), (0xaa, 'stos'), (0xac, 'lods'), (0xae, 'scas')):
            def st(t, size=size, n=n, opc=opc):
                g = t.g; t.place('low'); t.r[ESP] = t.stack_pointer()
                rep = g.pick([b'', b'\xf3'] + ([b'\xf2'] if opc in (0xa6, 0xae) else []))
                if g.chance(30): t.fl |= DF
                count = g.pick([0, 1, 2, 5, 17])
                t.r[ECX] = count | g.bits(32) << 32
                for i in (ESI, EDI): t.r[i] = t.data + 0x400 + g.below(0x1800) | (g.bits(32) << 32 if g.chance(70) else 0)
                t.emit(rep, b'\x67', t.osz(size), opc + (size != 8))
            form('string', 'a32 %s%s' % (nm, SZ[size]), st, 2)
            def far(t, size=size, n=n, opc=opc):
                """fs: and gs: of the source; both sides of a multiple of 4 GiB"""
                g = t.g; t.place('line'); t.r[ESP] = t.stack_pointer()
                count = g.range(1, 12)
                if g.chance(30): t.fl |= DF
                for i in (ESI, EDI): t.r[i] = (t.data + 0x1000 - g.range(-2, 2) - n * g.below(count)) & M64
                over = b''
                if opc in (0xa4, 0xa6, 0xac) and g.chance(50):
                    over = g.pick([b'\x64', b'\x65'])
                    t.gs = t.fs
                    t.r[ESI] = (t.r[ESI] - t.fs) & M64
                t.r[ECX] = count
                t.emit(g.pick([b'', b'\xf3']), over, t.osz(size), opc + (size != 8))
            form('string', 'line %s%s' % (nm, SZ[size]), far, 2)


def mk_canonical():
    """an access that is not canonical: #GP(0), by RSP and RBP #SS(0) (SDM vol. 1, 3.3.7.1; vol. 3, 6.15); the upper half: a page fault"""
    codes = [(b'\x8a', 1), (b'\x8b', 4), (b'\x88', 1), (b'\x89', 4), (b'\x01', 4), (b'\x38', 1), (b'\xff', 4), (b'\x0f\x28', 16), (b'\x0f\x10', 16), (b'\x0f\x11', 16), (b'\xdd', 8), (b'\x0f\xb1', 4),
             (b'\x0f\xc1', 4), (b'\x0f\x18', 1), (b'\x0f\x1f', 4), (b'\x8d', 1), (b'\xf6', 1), (b'\x0f\xba', 4), (b'\x63', 4), (b'\x86', 1)]
    for nm, draw in (('not canonical', outside), ('upper half', upper)):
        def access(t, draw=draw):
            g = t.g; t.sse('i')
            code, _ = g.pick(codes)
            base = g.pick([i for i in range(16) if i & 7 != ESP] + [ESP, EBP, EBP])
            a = draw(g)
            if code == b'\x0f\x28': a &= ~15
            d = g.range(-128, 127) & ~15
            t.r[base] = (a - d) & M64
            reg = {b'\xff': g.pick([0, 1]), b'\xdd': g.pick([0, 3]), b'\x0f\xba': g.pick([4, 5]), b'\xf6': g.pick([2, 3]), b'\x0f\x18': g.below(4), b'\x0f\x1f': 0}.get(code, g.below(8))
            sib = b'\x24' if base & 7 == ESP else b''
            seg = g.pick([b'', b'', b'', b'\x64', b'\x65', b'\x36', b'\x3e'])
            if seg in (b'\x64', b'\x65'): t.r[base] = (t.r[base] - (t.fs if seg == b'\x64' else t.gs)) & M64
            size = t.osz(64) if g.chance(50) and code[0] not in (0xdd,) else b''
            t.emit(seg, size, code, Coded(bytes([0x40 | reg << 3 | base & 7]) + sib + bytes([d & 255]), base >> 3),
                   *([g.below(64)] if code in (b'\x0f\xba',) else []))
        form('fault', 'access ' + nm, access, 24)

        def stack(t, draw=draw):
            g = t.g; t.r[ESP] = draw(g) & ~7
            t.emit(g.pick([b'\x50', b'\x58', b'\x9c', b'\x9d', b'\xc3', b'\xe8\x10\0\0\0', b'\x6a\x01', b'\xff\xd0', b'\xc8\x10\0\0', b'\x0f\xa0']))
        form('fault', 'stack ' + nm, stack, 8)

        def leave(t, draw=draw): t.r[EBP] = draw(t.g) & ~7; t.emit(0xc9)
        form('fault', 'leave ' + nm, leave, 2)

        def string(t, draw=draw):
            g = t.g; n = g.pick([1, 4, 8])
            t.r[ESI] = draw(g) if g.chance(60) else t.data + g.below(0x1000)
            t.r[EDI] = draw(g) if g.chance(60) else t.data + g.below(0x1000)
            t.r[ECX] = g.range(0, 5)
            c = g.pick([0xa4, 0xaa, 0xac])
            t.emit(g.pick([b'', b'\xf3']), t.osz(64) if n == 8 else b'', c + (n != 1))
        form('fault', 'string ' + nm, string, 6)

        def goto(t, draw=draw):
            g = t.g; a = draw(g); k = g.below(4)
            i = g.pick([i for i in range(16) if i != ESP])
            if k == 0: t.r[i] = a; t.emit(0xff, t.regop(i).modrm(4))
            elif k == 1: t.r[i] = a; t.emit(0xff, t.regop(i).modrm(2))
            else: t.setmem(t.r[ESP], imm(a, 64)); t.emit(*((0xc3,) if k == 2 else (0xc2, 8, 0)))
        form('fault', 'branch ' + nm, goto, 8)

    def rep(t):
        """a string that walks from the last page into what is not mapped"""
        g = t.g; t.r[EDI] = t.data + DATASZ - 8 * g.range(0, 4)
        t.r[ECX] = g.range(1, 9) | (g.bits(8) << 56 if g.chance(30) else 0)
        t.emit(0xf3, t.osz(64), 0xab)
    form('fault', 'rep stosq page fault', rep, 4)


def mk_invalid():
    """what 64-bit code lacks: #UD (SDM vol. 2, "64-Bit Mode: Invalid")"""
    for nm, c in (('push es', b'\x06'), ('pop es', b'\x07'), ('push cs', b'\x0e'), ('push ss', b'\x16'), ('pop ss', b'\x17'), ('push ds', b'\x1e'), ('pop ds', b'\x1f'),
                  ('daa', b'\x27'), ('das', b'\x2f'), ('aaa', b'\x37'), ('aas', b'\x3f'), ('pusha', b'\x60'), ('popa', b'\x61'), ('82 /0', b'\x82\xc0\x01'),
                  ('call far imm', b'\x9a\0\0\0\0\x23\0'), ('into', b'\xce'), ('aam', b'\xd4\x0a'), ('aad', b'\xd5\x0a'), ('salc', b'\xd6'), ('jmp far imm', b'\xea\0\0\0\0\x23\0'),
                  ('lfence with lock', b'\xf0\x0f\xae\xe8'), ('swapgs', b'\x0f\x01\xf8'), ('mov rax,cr8', b'\x44\x0f\x20\xc0'), ('mov cr8,rax', b'\x44\x0f\x22\xc0'),
                  ('mov rax,cr9', b'\x44\x0f\x20\xc8'), ('sysret', b'\x0f\x07'), ('sysretq', b'\x48\x0f\x07'), ('sysexit', b'\x0f\x35'), ('hlt', b'\xf4'), ('iret to nothing', b'\x48\xcf'),
                  ('rex before a prefix', b'\x48\x66\x01\xc8'), ('two rex', b'\x41\x48\x01\xc8'), ('rex.w nop', b'\x48\x90'), ('rex.b nop: xchg r8', b'\x41\x90'), ('f3 rex.b nop', b'\xf3\x41\x90'),
                  ('66 rex.w add', b'\x66\x48\x01\xc8'), ('15 bytes with rex', b'\x3e' * 12 + b'\x48\x01\xc8'), ('16 bytes with rex', b'\x3e' * 13 + b'\x48\x01\xc8')):
        def f(t, c=c):
            if c == b'\x48\xcf': t.setmem(t.r[ESP], bytes(40))
            t.raw(c)
        form('fault', nm, f, 0.4)

    def misaligned(t):
        g = t.g; t.sse('i'); base = g.pick([i for i in range(16) if i & 7 not in (ESP, EBP)])
        t.r[base] = t.data + 16 * g.below(0x100) + g.range(1, 15)
        t.emit(g.pick([b'\x0f\x28', b'\x0f\x29', b'\x66\x0f\x6f', b'\x66\x0f\x7f']), Coded(bytes([g.below(8) << 3 | base & 7]), g.below(2) << 2 | base >> 3))
    form('fault', 'SSE misaligned, rex', misaligned, 2)


HIGH_HALF = M64 ^ M32


def mk_transfers():
    """far transfers: to compatibility code by 23h and back by 33h"""
    def snippet(g):
        """32-bit code: 40h to 4Fh are INC and DEC, an address has 32 bits, what it writes clears the high half; CMP before PUSHF, since AAA and AAM leave flags undefined"""
        parts = [bytes([0x40 + g.pick([0, 1, 2, 3, 8, 9, 10, 11])]), bytes([0x01, 0xc0 | g.below(4) << 3 | g.below(4)]), b'\x50\x59', bytes([0xb8 + g.below(4)]) + imm(ival(g, 32), 32),
                 b'\x37', b'\xd4\x0a', b'\x06\x07', bytes([0x89, 0x06 | g.below(4) << 3]), bytes([0x8b, 0x46 | g.below(4) << 3, g.below(128)]), b'\x60\x61', bytes([0x39, 0xc0 | g.below(4) << 3 | g.below(4)]) + b'\x9c\x5a', b'\xce', b'\x99']
        return b''.join(g.pick(parts) for _ in range(g.range(1, 6)))

    def far(t, back=False):
        g = t.g; t.place('low'); t.r[ESP] = t.stack_pointer(); t.rex8 = False
        t.r[ESI] = t.data + 0x400 + g.below(0x800)
        t.fl &= ~OF
        o = t.ea(6)
        t.emit(o.pfx, 0xff, o.modrm(5))
        for at, a in t.rip: t.code[at:at + 4] = imm(a - (t.page + t.start + len(t.code)), 32)
        t.rip = []
        t.setmem(o.lin, imm(t.page + t.start + len(t.code), 32) + imm(CS32, 16))
        t.raw(snippet(g))
        if back:
            t.raw(0xea, imm(t.page + t.start + len(t.code) + 7, 32), imm(CS64, 16))
            last = g.pick([b'\x48\x01\xc8', b'\x49\x89\xc0', b'\x48\x0f\xc8', b'\x4c\x01\xc1', b'\x48\x89\x06', b''])
            # Through what is left of RSI it may go anywhere, also where ours has tables that no program of the host has.
            if last == b'\x48\x89\x06' and not t.data <= t.r[ESI] < t.data + DATASZ - 8: last = b''
            t.raw(last)
            if last == b'\x49\x89\xc0': t.ru.append([8, HIGH_HALF])
            if last == b'\x48\x0f\xc8': t.ru.append([EAX, M32])
            if last == b'\x48\x89\x06': t.mu.append([t.r[ESI] + 4, 4])
        t.u = ARITH
        # Undefined behind compatibility code (SDM vol. 1, 3.4.1.1): a Xeon of GenuineIntel clears those that were written there, ours those that changed.
        t.ru += [[n, HIGH_HALF] for n in range(8)]
    form('far', 'jmp far 23h', far, 40)
    form('far', 'jmp far 23h, jmp far 33h', lambda t: far(t, True), 40)

    def retf(t):
        g = t.g; t.place('low'); t.r[ESP] = t.stack_pointer()
        sel = g.pick([CS32, CS64, CS64, 0, 0x2b, 0x23 - 3, 0xfff8 | 3]); wide = g.chance(50); n = 8 if wide else 4
        t.setmem(t.r[ESP], imm(t.page + tgt(t), 8 * n) + imm(sel, 8 * n))
        t.emit(t.osz(64) if wide else b'', *((0xcb,) if g.chance(60) else (0xca, 8 * g.below(4), 0)))
    form('far', 'retf', retf, 12)

    def iret(t):
        g = t.g; t.place('low' if g.chance(50) else None); t.r[ESP] = t.stack_pointer() - 0x40
        sel = g.pick([CS64, CS64, CS32] if t.where == 'low' else [CS64])
        rsp = t.stk + 0x200 + 8 * g.below(8)
        t.setmem(t.r[ESP], b''.join(imm(v, 64) for v in (t.page + tgt(t), sel, 0x202 | g.bits(12) & (ARITH | DF), rsp, DS)))
        t.emit(t.osz(64), 0xcf)
    form('far', 'iretq', iret, 12)

    def iretd(t):
        g = t.g; t.place('low'); t.r[ESP] = t.stack_pointer() - 0x40
        t.setmem(t.r[ESP], b''.join(imm(v, 32) for v in (t.page + tgt(t), g.pick([CS64, CS32]), 0x202 | g.bits(12) & (ARITH | DF), t.stk + 0x200 + 4 * g.below(8), DS)))
        t.emit(0xcf)
    form('far', 'iretd', iretd, 8)

    def callf(t):
        g = t.g; t.place('low'); t.r[ESP] = t.stack_pointer(); o = t.ea(6)
        t.setmem(o.lin, imm(t.page + tgt(t), 32) + imm(g.pick([CS32, CS64]), 16))
        t.emit(o.pfx, 0xff, o.modrm(3))
    form('far', 'call far m16:32', callf, 8)

    for c, nm in ((0xe0, 'loopne'), (0xe1, 'loope'), (0xe2, 'loop'), (0xe3, 'jrcxz')):
        def lp(t, c=c):
            t.r[ECX] = t.g.pick([0, 1, 2, 1 << 32, (1 << 32) + 1, M64, M32, 0x100000000 * t.g.below(4)])
            t.emit(b'\x67' if t.g.chance(50) else b'', c, r8(t))
        form('flow', nm + ' of 64 bits', lp, 3)

    def lea(t):
        """RIP-relative, by 32 and 64 bits, from each side of a line"""
        g = t.g; t.emit(b'\x67' if g.chance(25) else b'', t.osz(g.pick([16, 32, 64, 64])), 0x8d, Coded(bytes([g.below(8) << 3 | 5]), g.below(2) << 2 | g.below(2)), imm(ival(g, 32), 32))
    form('mov', 'lea r,[rip]', lea, 4)


def mk_bases():
    """RDFSBASE and its like, where the kernel lets programs use them (AT_HWCAP2 bit 1)"""
    for k, nm in ((0, 'rdfsbase'), (1, 'rdgsbase')):
        for size in (32, 64):
            def rd(t, k=k, size=size): t.emit(0xf3, t.osz(size), 0x0f, 0xae, t.regop(t.reg()).modrm(k))
            form('bases', '%s r%d' % (nm, size), rd, 2)
    for k, nm in ((2, 'wrfsbase'), (3, 'wrgsbase')):
        for size in (32, 64):
            def wr(t, k=k, size=size):
                g = t.g; i = t.reg()
                if size == 64: t.r[i] = g.pick([t.data + g.below(0x1000), upper(g), outside(g), t.stk])
                t.emit(0xf3, t.osz(size), 0x0f, 0xae, t.regop(i).modrm(k))
                t.emit(0xf3, t.osz(64), 0x0f, 0xae, t.regop(g.below(4)).modrm(k & 1))
            form('bases', '%s r%d' % (nm, size), wr, 4)


def mk_simd64():
    """general registers of 64 bits beside XMM and MM"""
    for nm, p, opc, mm in (('movq x,rm64', 0x66, 0x6e, 0), ('movq rm64,x', 0x66, 0x7e, 0), ('movq mm,rm64', b'', 0x6e, 1), ('movq rm64,mm', b'', 0x7e, 1)):
        def mv(t, p=p, opc=opc, mm=mm):
            t.mmx() if mm else t.sse('i')
            o = t.rm(64); t.emit(o.pfx, p, t.osz(64), 0x0f, opc, o.modrm(t.reg()))
        form('mmx' if mm else 'sse2', nm, mv, 3)
    for nm, p, kind in (('ss', 0xf3, 's'), ('sd', 0xf2, 'd')):
        def to(t, p=p, kind=kind): t.sse(kind); o = t.rm(64); t.emit(o.pfx, p, t.osz(64), 0x0f, 0x2a, o.modrm(t.reg()))
        form('sse2', 'cvtsi2%s x,rm64' % nm, to, 4)
        for opc, tr in ((0x2c, 't'), (0x2d, '')):
            def of(t, p=p, kind=kind, opc=opc):
                g = t.g; t.sse(kind); i = t.reg()
                if g.chance(60):
                    e = (1023 if kind == 'd' else 127) + g.range(28, 66)
                    t.fx['xm'][i] = t.fx['xm'][i] >> 64 << 64 | (g.bits(1) << 63 | e << 52 | g.bits(52) if kind == 'd' else g.bits(1) << 31 | e << 23 | g.bits(23))
                t.emit(p, t.osz(64), 0x0f, opc, t.regop(i).modrm(t.reg()))
            form('sse2', 'cvt%s%s2si r64,x' % (tr, nm), of, 4)
    for nm, op, in (('pextrq', 0x16), ('pinsrq', 0x22)):
        def px(t, op=op):
            t.sse('i'); o = t.rm(64); t.emit(o.pfx, 0x66, t.osz(64), 0x0f, 0x3a, op, o.modrm(t.reg()), t.g.below(256))
        form('sse4', nm, px, 3)
    for nm, op, bits in (('pextrb', 0x14, 8), ('pextrw', 0x15, 16), ('extractps', 0x17, 32)):
        def px(t, op=op, bits=bits):
            t.sse('i'); o = t.rm(bits, mem=True) if t.g.chance(30) else t.regop(t.reg())
            t.emit(o.pfx, 0x66, t.osz(64), 0x0f, 0x3a, op, o.modrm(t.reg()), t.g.below(256))
        form('sse4', nm + ' rex.w', px, 1)

    def nti(t): o = t.rm(64, mem=True); t.emit(o.pfx, t.osz(64), 0x0f, 0xc3, o.modrm(t.reg()))
    form('sse2', 'movnti m64,r', nti)
    for nm, p, opc in (('movmskps', b'', 0x50), ('movmskpd', 0x66, 0x50), ('pmovmskb', 0x66, 0xd7)):
        def mk(t, p=p, opc=opc): t.sse('i'); t.emit(p, t.osz(64), 0x0f, opc, t.regop(t.reg()).modrm(t.reg()))
        form('sse2', nm + ' r64', mk)

    def crc(t): o = t.rm(8); t.emit(o.pfx, 0xf2, t.osz(64), 0x0f, 0x38, 0xf0, o.modrm(t.reg()))
    form('sse4', 'crc32 r64,rm8', crc, 2)
    for op, nm in ((0x60, 'pcmpestrm'), (0x61, 'pcmpestri')):
        def strs(t, op=op):
            g = t.g; t.sse('i')
            for i in range(16): t.fx['xm'][i] = int.from_bytes(bytes([g.pick([0, 97, 98, 99]) for _ in range(16)]), 'little')
            for r in (EAX, EDX): t.r[r] = g.pick([g.below(20), -g.below(20) & M64, g.bits(64), 1 << 63, g.below(20) | 1 << 32])
            t.emit(0x66, t.osz(64), 0x0f, 0x3a, op, t.regop(t.reg()).modrm(t.reg()), g.below(128))
        form('sse4', nm + ' rex.w', strs, 6)


mk_moves()
mk_strings()
mk_canonical()
mk_invalid()
mk_transfers()
mk_bases()
mk_simd64()
