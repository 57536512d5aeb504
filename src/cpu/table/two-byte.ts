/** Opcodes after 0F (and 0F 38) that are neither MMX nor SSE. Source: SDM vol. 2, appendix A, tables, and the instruction pages. */
import { conditional, hex, row } from './define.ts';
import type { Row } from './row.ts';

const ARITHMETIC = 'OSZAPC';
/** OF is undefined for a count above 1; a 16-bit count above 16 leaves all flags and the result undefined. */
const DOUBLE_SHIFT = { writes: ARITHMETIC, undefined: 'A count!=1:O count>width:OSZAPC' } as const;
const BIT_TEST = { writes: 'OSAPC', undefined: 'OSAP' } as const;
const BIT_SCAN = { writes: ARITHMETIC, undefined: 'OSAPC' } as const;
const MUL = { writes: ARITHMETIC, undefined: 'SZAP' } as const;
const PRIVILEGED = { privilege: 0 } as const;
const VMX = { feature: 'vmx', writes: ARITHMETIC, long: 'f64' } as const;
const SVM = { feature: 'svm' } as const;
/** MOV to and from CRn, DRn: always 32 bits (64 in 64-bit mode), and mod is ignored: always a register. */
const CONTROL = { privilege: 0, long: 'f64', fixedSize: true, writes: ARITHMETIC, undefined: ARITHMETIC } as const;

/** Bit tests: /4-/7 of group 8 and the register forms. Only the plain test cannot be locked. */
const bitTests = (['bt', 'bts', 'btr', 'btc'] as const).flatMap((name, i) => {
  const options = { ...BIT_TEST, lock: name !== 'bt' };
  const hot = name === 'bt' ? { wide: 'r32' } : {};
  return [
    row(`0F ${hex(0xa3 + 8 * i)}`, name, 'Ev,Gv', { ...options, ...hot }),
    row(`0F BA /${4 + i}`, name, 'Ev,Ib', { ...options, ...hot }),
  ];
});

/** Reserved hint space (SDM vol. 2, "NOP"; 0F 18-1F with a ModRM operand does nothing on processors that give it no meaning). */
const hints = [0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f].map(opcode => row(`0F ${hex(opcode)}`, 'nop', 'Ev'));

export const twoByte: Row[] = [
  row('0F 00 /0m', 'sldt', 'Mw'),
  row('0F 00 /0r', 'sldt', 'Rv'),
  row('0F 00 /1m', 'str', 'Mw'),
  row('0F 00 /1r', 'str', 'Rv'),
  row('0F 00 /2', 'lldt', 'Ew', { privilege: 0, ownCheck: true }),
  row('0F 00 /3', 'ltr', 'Ew', { privilege: 0, ownCheck: true }),
  row('0F 00 /4', 'verr', 'Ew', { writes: 'Z' }),
  row('0F 00 /5', 'verw', 'Ew', { writes: 'Z' }),
  row('0F 01 /0m', 'sgdt', 'Ms', { long: 'f64' }),
  row('0F 01 /1m', 'sidt', 'Ms', { long: 'f64' }),
  row('0F 01 /2m', 'lgdt', 'Ms', { privilege: 0, long: 'f64' }),
  row('0F 01 /3m', 'lidt', 'Ms', { privilege: 0, long: 'f64' }),
  row('0F 01 /4m', 'smsw', 'Mw'),
  row('0F 01 /4r', 'smsw', 'Rv'),
  row('0F 01 /6', 'lmsw', 'Ew', PRIVILEGED),
  row('0F 01 /7m', 'invlpg', 'Mb', { privilege: 0, ownCheck: true }),
  row('0F 01 C1', 'vmcall', '', { feature: 'vmcall' }),
  row('0F 01 C2', 'vmlaunch', '', VMX),
  row('0F 01 C3', 'vmresume', '', VMX),
  row('0F 01 C4', 'vmxoff', '', VMX),
  row('0F 01 C8', 'monitor', '', { privilege: 0, feature: 'monitor', ownCheck: true }),
  row('0F 01 C9', 'mwait', '', { privilege: 0, feature: 'monitor', ownCheck: true }),
  row('NP 0F 01 CA', 'clac', '', { privilege: 0, feature: 'smap', ownCheck: true }),
  row('NP 0F 01 CB', 'stac', '', { privilege: 0, feature: 'smap', ownCheck: true }),
  row('NP 0F 01 D0', 'xgetbv', '', { feature: 'xsave' }),
  row('NP 0F 01 D1', 'xsetbv', '', { privilege: 0, feature: 'xsave' }),
  row('NP 0F 01 D4', 'vmfunc', '', VMX),
  row('NP 0F 01 D5', 'xend', '', { feature: 'rtm' }),
  row('NP 0F 01 D6', 'xtest', '', { feature: 'rtm' }),
  row('0F 01 D8', 'vmrun', '', SVM),
  row('0F 01 D9', 'vmmcall', '', { feature: 'vmcall' }),
  row('0F 01 DA', 'vmload', '', SVM),
  row('0F 01 DB', 'vmsave', '', SVM),
  row('0F 01 DC', 'stgi', '', SVM),
  row('0F 01 DD', 'clgi', '', SVM),
  row('0F 01 DE', 'skinit', '', SVM),
  row('0F 01 DF', 'invlpga', '', SVM),
  row('0F 01 F8', 'swapgs', '', { privilege: 0, long: 'only' }),
  row('0F 01 F9', 'rdtscp', '', { feature: 'rdtscp' }),
  row('0F 02', 'lar', 'Gv,Ew', { writes: 'Z' }),
  row('0F 03', 'lsl', 'Gv,Ew', { writes: 'Z' }),
  row('0F 05', 'syscall', '', { feature: 'syscall' }),
  row('0F 06', 'clts', '', PRIVILEGED),
  row('0F 07', 'sysret', '', { feature: 'syscall', privilege: 0 }),
  row('0F 08', 'invd', '', PRIVILEGED),
  row('0F 09', 'wbinvd', '', PRIVILEGED),
  row('0F 0B', 'ud2', '', { ends: true }),
  row('0F 0D m', 'prefetch', 'Mb', { op: 'nop' }),
  row('0F 0D r', 'nop', 'Ev'),
  row('0F 0D /1m', 'prefetchw', 'Mb', { op: 'nop' }),
  ...hints,
  row('0F 18 /0m', 'prefetchnta', 'Mb', { op: 'nop' }),
  row('0F 18 /1m', 'prefetcht0', 'Mb', { op: 'nop' }),
  row('0F 18 /2m', 'prefetcht1', 'Mb', { op: 'nop' }),
  row('0F 18 /3m', 'prefetcht2', 'Mb', { op: 'nop' }),
  row('0F 20', 'mov', 'Ry,Cd', { op: 'movcr', ownCheck: true, ...CONTROL }),
  row('0F 21', 'mov', 'Ry,Dd', { op: 'movdr', ...CONTROL }),
  row('0F 22', 'mov', 'Cd,Ry', { op: 'movtocr', ownCheck: true, ...CONTROL }),
  row('0F 23', 'mov', 'Dd,Ry', { op: 'movtodr', ...CONTROL }),
  row('0F 30', 'wrmsr', '', { privilege: 0, feature: 'msr' }),
  row('0F 31', 'rdtsc', '', { feature: 'tsc' }),
  row('0F 32', 'rdmsr', '', { privilege: 0, feature: 'msr' }),
  row('0F 33', 'rdpmc'),
  row('0F 34', 'sysenter', '', { feature: 'sep', writes: 'I', ends: true }),
  row('0F 35', 'sysexit', '', { privilege: 0, feature: 'sep', ends: true, ownCheck: true }),
  row('0F 37', 'getsec', '', { feature: 'smx' }),
  ...conditional('0F ', 0x40, 'cmov', 'cmovcc', 'Gv,Ev', { feature: 'cmov', wide: 'r32 m32' }),
  row('NP 0F 78', 'vmread', 'Ey,Gy', { ...VMX, privilege: 0 }),
  row('NP 0F 79', 'vmwrite', 'Gy,Ey', { ...VMX, privilege: 0 }),
  ...conditional('0F ', 0x80, 'j', 'jcc', 'Jz', { long: 'f64', branch: true }),
  ...conditional('0F ', 0x90, 'set', 'setcc', 'Eb', { wide: 'r8', narrow: 'r8' }),
  row('0F A0', 'push', 'FS', { op: 'pushsreg', long: 'd64', narrow: 'r16' }),
  row('0F A1', 'pop', 'FS', { op: 'popsreg', long: 'd64' }),
  row('0F A2', 'cpuid'),
  row('0F A4', 'shld', 'Ev,Gv,Ib', DOUBLE_SHIFT),
  row('0F A5', 'shld', 'Ev,Gv,CL', DOUBLE_SHIFT),
  row('0F A8', 'push', 'GS', { op: 'pushsreg', long: 'd64', narrow: 'r16' }),
  row('0F A9', 'pop', 'GS', { op: 'popsreg', long: 'd64' }),
  row('0F AA', 'rsm', '', { writes: 'OSZAPCDIT' }),
  row('0F AC', 'shrd', 'Ev,Gv,Ib', DOUBLE_SHIFT),
  row('0F AD', 'shrd', 'Ev,Gv,CL', DOUBLE_SHIFT),
  ...bitTests,
  row('NP 0F AE /4m', 'xsave', 'M', { feature: 'xsave' }),
  row('NP 0F AE /5m', 'xrstor', 'M', { feature: 'xsave' }),
  row('NP 0F AE /6m', 'xsaveopt', 'M', { feature: 'xsaveopt' }),
  row('NP 0F AE /7m', 'clflush', 'Mb', { feature: 'clfsh' }),
  row('66 0F AE /7m', 'clflushopt', 'Mb', { feature: 'clflushopt' }),
  row('F3 0F AE /0r', 'rdfsbase', 'Ry', { feature: 'fsgsbase', long: 'only' }),
  row('F3 0F AE /1r', 'rdgsbase', 'Ry', { feature: 'fsgsbase', long: 'only' }),
  row('F3 0F AE /2r', 'wrfsbase', 'Ry', { feature: 'fsgsbase', long: 'only' }),
  row('F3 0F AE /3r', 'wrgsbase', 'Ry', { feature: 'fsgsbase', long: 'only' }),
  row('0F AF', 'imul', 'Gv,Ev', { ...MUL, wide: 'r32 m32', narrow: 'r16 m16 r32 m32' }),
  row('0F B0', 'cmpxchg', 'Eb,Gb', { writes: ARITHMETIC, lock: true }),
  row('0F B1', 'cmpxchg', 'Ev,Gv', { writes: ARITHMETIC, lock: true }),
  row('0F B2 m', 'lss', 'Gv,Mp', { op: 'lseg' }),
  row('0F B4 m', 'lfs', 'Gv,Mp', { op: 'lseg' }),
  row('0F B5 m', 'lgs', 'Gv,Mp', { op: 'lseg' }),
  row('0F B6', 'movzx', 'Gv,Eb', { wide: 'r32 m32', narrow: 'r16 m16 r32 m32' }),
  row('0F B7', 'movzx', 'Gv,Ew', { wide: 'r32 m32', narrow: 'r32 m32' }),
  row('F3 0F B8', 'popcnt', 'Gv,Ev', { writes: ARITHMETIC, feature: 'popcnt' }),
  row('0F B9', 'ud1', 'Gv,Ev', { ends: true }),
  row('0F BC', 'bsf', 'Gv,Ev', { ...BIT_SCAN, wide: 'r32' }),
  row('0F BD', 'bsr', 'Gv,Ev', { ...BIT_SCAN, wide: 'r32' }),
  row('0F BE', 'movsx', 'Gv,Eb', { wide: 'r32 m32', narrow: 'r16 m16 r32 m32' }),
  row('0F BF', 'movsx', 'Gv,Ew', { wide: 'r32 m32', narrow: 'r32 m32' }),
  row('0F C0', 'xadd', 'Eb,Gb', { writes: ARITHMETIC, lock: true }),
  row('0F C1', 'xadd', 'Ev,Gv', { writes: ARITHMETIC, lock: true }),
  row('0F C7 /1m', 'cmpxchg8b', 'Mq', { writes: 'Z', lock: true, feature: 'cx8' }),
  row('NP 0F C7 /6m', 'vmptrld', 'Mq', { ...VMX, privilege: 0 }),
  row('66 0F C7 /6m', 'vmclear', 'Mq', { ...VMX, privilege: 0 }),
  row('F3 0F C7 /6m', 'vmxon', 'Mq', { ...VMX, privilege: 0 }),
  row('NP 0F C7 /7m', 'vmptrst', 'Mq', { ...VMX, privilege: 0 }),
  row('0F C7 /6r', 'rdrand', 'Rv', { writes: ARITHMETIC, feature: 'rdrand' }),
  row('0F C7 /7r', 'rdseed', 'Rv', { writes: ARITHMETIC, feature: 'rdseed' }),
  row('F3 0F C7 /7r', 'rdpid', 'Ry', { feature: 'rdpid', fixedSize: true, long: 'f64' }),
  // The result of a 16-bit BSWAP is undefined (SDM); processors since the P6 clear the register.
  row('0F C8+r', 'bswap', 'Zv', { wide: 'r32' }),
  row('0F FF', 'ud0', 'Gv,Ev', { ends: true }),
  row('66 0F 38 80 m', 'invept', 'Gy,Mdq', { ...VMX, privilege: 0 }),
  row('66 0F 38 81 m', 'invvpid', 'Gy,Mdq', { ...VMX, privilege: 0 }),
  row('66 0F 38 82 m', 'invpcid', 'Gy,Mdq', { feature: 'invpcid', privilege: 0, long: 'f64' }),
  row('0F 38 F0 m', 'movbe', 'Gv,Mv', { feature: 'movbe' }),
  row('0F 38 F1 m', 'movbe', 'Mv,Gv', { feature: 'movbe' }),
];
