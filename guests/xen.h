/*
 * What the guests of Xen here share: the ABI's structures at the width of the compiler's words, a hypercall, the clock. HYPERCALL_PAGE: calls go through the page that the
 * hypervisor fills, so one image may be either kind of guest; else PV: a kernel in ring 1, or one behind VM exits.
 */
#include "machine.h"

/* As wide as an address. */
typedef unsigned long word;

struct vcpu_info { u8 upcall_pending, upcall_mask; word pending_sel, cr2, arch[sizeof(word) == 4 ? 5 : 1]; u32 version, pad0; u64 tsc_timestamp, system_time; u32 mul; u8 shift, flags; u16 pad1; };
struct shared_info { struct vcpu_info vcpu[32]; word pending[8 * sizeof(word)], mask[8 * sizeof(word)]; u32 wc_version, wc_sec, wc_nsec; };

static inline int hypercall(u32 op, word a, word b, word c, word d, word e) {
#if defined __x86_64__
  word result;
  register word r10 __asm__("r10") = d, r8 __asm__("r8") = e;
#if defined HYPERCALL_PAGE
  extern char hypercall_page[];
  __asm__ volatile("call *%0" : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8) : "0"(hypercall_page + 32 * op) : "rcx", "r11", "memory");
#else
  __asm__ volatile("vmcall" : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8) : "0"(op) : "rcx", "r11", "memory");
#endif
  return result;
#else
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
#endif
}

/* System time, by a vCPU's record and its TSC. */
static __attribute__((unused)) u64 system_time(volatile struct vcpu_info *v) {
  u32 version, low, high;
  u64 system, stamp;
  do {
    version = v->version;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) :: "memory");
    stamp = ((u64)high << 32 | low) - v->tsc_timestamp;
    signed char shift = v->shift;
    stamp = shift >= 0 ? stamp << shift : stamp >> -shift;
    system = v->system_time + (((stamp & 0xffffffff) * v->mul) >> 32) + (stamp >> 32) * v->mul;
  } while (version & 1 || version != v->version);
  return system;
}
