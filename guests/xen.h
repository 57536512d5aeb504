/*
 * What the guests of Xen here share: the ABI's structures of 32-bit guests, a hypercall, the clock. HYPERCALL_PAGE: calls go through the page that the
 * hypervisor fills, so one image may be either kind of guest; else PV: a kernel in ring 1, or one behind VM exits.
 */
#include "machine.h"

struct vcpu_info { u8 upcall_pending, upcall_mask; u16 pad; u32 pending_sel; u32 cr2, arch[5]; u32 version, pad0; u64 tsc_timestamp, system_time; u32 mul; u8 shift, flags; u16 pad1; };
struct shared_info { struct vcpu_info vcpu[32]; u32 pending[32], mask[32]; u32 wc_version, wc_sec, wc_nsec; };

static inline int hypercall(u32 op, u32 a, u32 b, u32 c, u32 d, u32 e) {
  int result;
#if defined HYPERCALL_PAGE
  extern char hypercall_page[];
  __asm__ volatile("call *%0" : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e) : "0"(hypercall_page + 32 * op) : "memory");
#elif defined PV
  __asm__ volatile("int $0x82" : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e) : "0"(op) : "memory");
#else
  __asm__ volatile("vmcall" : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e) : "0"(op) : "memory");
#endif
  return result;
}

/* System time, by a vCPU's record and its TSC. */
static __attribute__((unused)) u64 system_time(volatile struct vcpu_info *v) {
  u32 version;
  u64 system, stamp, tsc;
  do {
    version = v->version;
    __asm__ volatile("rdtsc" : "=A"(tsc) :: "memory");
    stamp = tsc - v->tsc_timestamp;
    signed char shift = v->shift;
    stamp = shift >= 0 ? stamp << shift : stamp >> -shift;
    system = v->system_time + (((stamp & 0xffffffff) * v->mul) >> 32) + (stamp >> 32) * v->mul;
  } while (version & 1 || version != v->version);
  return system;
}
