/**
 * Structures that a guest and the hypervisor have in memory together, for both widths. Source: xen/include/public/xen.h, arch-x86/xen.h, grant_table.h,
 * vcpu.h. Code that reads and writes them in place takes their offsets (`offsets`, `at(64).offsets`).
 */
import {
  array,
  at,
  byWidth,
  chars,
  i32,
  nested,
  octets,
  pfn,
  struct,
  u8,
  u16,
  u32,
  u64,
  ulong,
  type Width,
} from './struct.ts';

export const VcpuTimeInfo = struct({
  version: u32,
  pad0: u32,
  tsc_timestamp: u64,
  system_time: u64,
  tsc_to_system_mul: u32,
  tsc_shift: u8,
  flags: u8,
  pad1: octets(2),
});

export const VcpuInfo = struct({
  evtchn_upcall_pending: u8,
  evtchn_upcall_mask: u8,
  evtchn_pending_sel: ulong,
  cr2: ulong,
  pad: byWidth(array(u32, 5), array(u64, 1)),
  time: nested(VcpuTimeInfo),
});

/** vCPUs that have a vcpu_info in shared_info (XEN_LEGACY_MAX_VCPUS). */
export const LEGACY_VCPUS = 32;

/** A bit a port: as many unsigned longs as one of them has bits. */
const portBits = byWidth(array(u32, 32), array(u64, 64));

export const SharedInfo = struct({
  vcpu_info: octets(LEGACY_VCPUS * VcpuInfo.bytes),
  evtchn_pending: portBits,
  evtchn_mask: portBits,
  wc_version: u32,
  wc_sec: u32,
  wc_nsec: u32,
  max_pfn: ulong,
  pfn_to_mfn_frame_list_list: pfn,
  nmi_reason: ulong,
  p2m_cr3: ulong,
  p2m_vaddr: ulong,
  p2m_generation: ulong,
  /** On i386 the last word of the architecture's part, on x86-64 behind the other two. */
  wc_sec_hi: byWidth(u32, at(0xc0c, u32)),
});

export const StartInfo = struct({
  magic: chars(32),
  nr_pages: ulong,
  shared_info: ulong,
  flags: u32,
  store_mfn: pfn,
  store_evtchn: u32,
  console_mfn: pfn,
  console_evtchn: u32,
  pt_base: ulong,
  nr_pt_frames: ulong,
  mfn_list: ulong,
  mod_start: ulong,
  mod_len: ulong,
  cmd_line: octets(1024),
  first_p2m_pfn: ulong,
  nr_p2m_frames: ulong,
});

export const RunstateInfo = struct({ state: i32, state_entry_time: u64, time: array(u64, 4) });

export const GrantEntryV1 = struct({ flags: u16, domid: u16, frame: u32 });
/** full_page, sub_page and transitive lie over each other. */
export const GrantEntryV2 = struct({
  flags: u16,
  domid: u16,
  page_off: u16,
  length: u16,
  frame: at(8, u64),
  trans_domid: at(4, u16),
  gref: at(8, u32),
});

/** Binary logarithm of how many event channels a bit of a vCPU's selector represents: those of a word of the bitmaps. */
export const wordShiftOf = (width: Width): number => (width === 32 ? 5 : 6);

/** Offsets of what is read and written in place, by the width of the guest. */
export const SHARED_INFO = { 32: SharedInfo.offsets, 64: SharedInfo.at(64).offsets } as const;
export const VCPU_INFO = { 32: VcpuInfo.offsets, 64: VcpuInfo.at(64).offsets } as const;
