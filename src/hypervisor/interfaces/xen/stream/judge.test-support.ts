/**
 * A reader of saved domains that shares nothing with the one that restores them: it knows the tables of Xen's documents alone
 * (libxl-migration-stream.pandoc, libxc-migration-stream.pandoc, public/arch-x86/hvm/save.h, public/arch-x86/xen.h).
 */
const LIBXC_NAMES = [
  'END',
  'PAGE_DATA',
  'X86_PV_INFO',
  'X86_PV_P2M_FRAMES',
  'X86_PV_VCPU_BASIC',
  'X86_PV_VCPU_EXTENDED',
  'X86_PV_VCPU_XSAVE',
  'SHARED_INFO',
  'X86_TSC_INFO',
  'HVM_CONTEXT',
  'HVM_PARAMS',
  'TOOLSTACK',
  'X86_PV_VCPU_MSRS',
  'VERIFY',
  'CHECKPOINT',
  'CHECKPOINT_DIRTY_PFN_LIST',
  'STATIC_DATA_END',
  'X86_CPUID_POLICY',
  'X86_MSR_POLICY',
];
const LIBXL_NAMES = [
  'END',
  'LIBXC_CONTEXT',
  'EMULATOR_XENSTORE_DATA',
  'EMULATOR_CONTEXT',
  'CHECKPOINT_END',
  'CHECKPOINT_STATE',
];

export interface Judged {
  config: { c_info: { type: string; name: string }; b_info: { max_memkb: number; max_vcpus: number } };
  version: number;
  records: { name: string; at: number; end: number; body: Buffer }[];
  /** Contents by frame; null: allocated without any. */
  pages: Map<number, Buffer | null>;
  invalid: Set<number>;
  params: Map<number, bigint>;
  hvm: { type: number; instance: number; length: number }[];
  tsc: { mode: number; khz: number; ns: bigint };
  /** Of a paravirtual guest: types of its page tables by frame, the frames of its list, its vCPUs' contexts. */
  tables: Map<number, number>;
  p2mFrames: number[];
  contexts: Map<number, Buffer>;
}

/** Throws where the file is not what the documents say. */
export function judge(file: Buffer): Judged {
  const must = (what: boolean, why: string): void => {
    if (!what) throw new Error(why);
  };
  must(file.subarray(0, 32).equals(Buffer.from('Xen saved domain, xl format\n \0 \r', 'latin1')), 'xl magic');
  must(file.readUInt32LE(32) === 0x01020304, 'byte order');
  must(file.readUInt32LE(36) === 3 && file.readUInt32LE(40) === 0, 'flags');
  let at = 48 + file.readUInt32LE(44);
  must(file[at - 1] === 0, 'the configuration ends with NUL');
  const judged: Judged = {
    config: JSON.parse(file.toString('utf8', 48, at - 1)) as Judged['config'],
    version: 0,
    records: [],
    pages: new Map(),
    invalid: new Set(),
    params: new Map(),
    hvm: [],
    tsc: { mode: -1, khz: 0, ns: 0n },
    tables: new Map(),
    p2mFrames: [],
    contexts: new Map(),
  };
  must(
    file.toString('latin1', at, at + 8) === 'LibxlFmt' &&
      file.readUInt32BE(at + 8) === 2 &&
      file.readUInt32BE(at + 12) === 0,
    'libxl header',
  );
  at += 16;
  const record = (names: string[]): { name: string; at: number; end: number; body: Buffer } => {
    const type = file.readUInt32LE(at),
      length = file.readUInt32LE(at + 4);
    const end = at + 8 + Math.ceil(length / 8) * 8;
    must(type < names.length || type >= 0x80000000, `mandatory record 0x${type.toString(16)} at ${at} is not known`);
    must(
      file.subarray(at + 8 + length, end).every(byte => byte === 0),
      `padding of the record at ${at}`,
    );
    const found = { name: names[type] ?? 'optional', at, end, body: file.subarray(at + 8, at + 8 + length) };
    must(end <= file.length, 'length');
    at = end;
    judged.records.push(found);
    return found;
  };
  const libxc = (): void => {
    must(file.readBigUInt64BE(at) === 0xffffffffffffffffn && file.readUInt32BE(at + 8) === 0x58454e46, 'image header');
    judged.version = file.readUInt32BE(at + 12);
    must(
      file.subarray(at + 16, at + 24).every(byte => byte === 0),
      'options',
    );
    const kind = file.readUInt32LE(at + 24);
    must(
      (kind === 1 || kind === 2) && file.readUInt32LE(at + 28) === 12,
      'domain header: PV or HVM, pages of 4096 bytes',
    );
    must(file.readUInt32LE(at + 32) === 4 && file.readUInt32LE(at + 36) === 17, 'Xen 4.17');
    at += 40;
    for (;;) {
      const { name, body } = record(LIBXC_NAMES);
      if (name === 'END') return;
      if (name === 'PAGE_DATA') {
        const count = body.readUInt32LE(0);
        must(count >= 1 && count <= 1024 && body.readUInt32LE(4) === 0, 'count of pages');
        let data = 8 + 8 * count;
        for (let i = 0; i < count; i++) {
          const word = body.readBigUInt64LE(8 + 8 * i);
          const pfn = Number(word & 0xfffffffffffffn),
            type = Number(word >> 60n);
          must(((word >> 52n) & 0xffn) === 0n, 'bits 52-59');
          must(
            type === 0 || type >= 13 || (kind === 1 && type !== 8),
            'an HVM guest has no page tables that are known',
          );
          if (type > 0 && type < 13) judged.tables.set(pfn, type);
          must(!judged.pages.has(pfn) && !judged.invalid.has(pfn), 'each page once');
          if (type < 13) {
            judged.pages.set(pfn, body.subarray(data, data + 4096));
            data += 4096;
          } else if (type === 14) judged.pages.set(pfn, null);
          else judged.invalid.add(pfn);
        }
        must(data === body.length, 'length of PAGE_DATA');
      } else if (name === 'HVM_PARAMS') {
        must(body.length === 8 + 16 * body.readUInt32LE(0), 'length of HVM_PARAMS');
        for (let i = 8; i < body.length; i += 16)
          judged.params.set(Number(body.readBigUInt64LE(i)), body.readBigUInt64LE(i + 8));
      } else if (name === 'X86_PV_INFO')
        must(body.length === 8 && body[0] === 4 && body[1] === 3, 'a guest of 32 bits with three levels of tables');
      else if (name === 'X86_PV_P2M_FRAMES') {
        const frames = Math.floor(body.readUInt32LE(4) / 1024) - Math.floor(body.readUInt32LE(0) / 1024) + 1;
        must(body.length === 8 + 8 * frames, 'length of X86_PV_P2M_FRAMES');
        for (let i = 0; i < frames; i++) judged.p2mFrames.push(Number(body.readBigUInt64LE(8 + 8 * i)));
      } else if (name === 'SHARED_INFO') must(body.length === 4096, 'length of SHARED_INFO');
      else if (name === 'X86_PV_VCPU_BASIC') {
        // vcpu_guest_context of 32 bits.
        must(body.length === 8 + 2800 && body.readUInt32LE(4) === 0, 'length of X86_PV_VCPU_BASIC');
        judged.contexts.set(body.readUInt32LE(0), body.subarray(8));
      } else if (name === 'X86_TSC_INFO') {
        must(body.length === 24, 'length of X86_TSC_INFO');
        judged.tsc = { mode: body.readUInt32LE(0), khz: body.readUInt32LE(4), ns: body.readBigUInt64LE(8) };
      } else if (name === 'X86_CPUID_POLICY')
        must(body.length > 0 && body.length % 24 === 0, 'length of X86_CPUID_POLICY');
      else if (name === 'X86_MSR_POLICY') must(body.length > 0 && body.length % 16 === 0, 'length of X86_MSR_POLICY');
      else if (name === 'HVM_CONTEXT') {
        let here = 0;
        do {
          judged.hvm.push({
            type: body.readUInt16LE(here),
            instance: body.readUInt16LE(here + 2),
            length: body.readUInt32LE(here + 4),
          });
          here += 8 + body.readUInt32LE(here + 4);
        } while (judged.hvm.at(-1)!.type !== 0);
        must(here === body.length, 'length of HVM_CONTEXT');
        must(
          judged.hvm[0].type === 1 && body.readUInt32LE(8) === 0x54381286 && body.readUInt32LE(12) === 1,
          'HEADER of HVM_CONTEXT',
        );
      }
    }
  };
  for (;;) {
    const { name } = record(LIBXL_NAMES);
    if (name === 'LIBXC_CONTEXT') libxc();
    if (name === 'END') break;
  }
  must(at === file.length, 'nothing follows');
  return judged;
}
