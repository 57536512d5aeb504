/*
 * A paravirtual guest (32-bit, PAE) that tries what Xen's public headers promise to such a guest and prints a line a check: direct paging, pinning,
 * descriptor tables, traps and returns, multicalls, event channels, timers. It ends with SCHEDOP_shutdown: poweroff when all held, crash when not.
 */
#define PV
#include "../xen.h"

#define PAGE 4096u
#define BASE 0xc0000000u
#define P 1ull
#define RW 2ull
#define US 4ull
#define ACCESSED 0x20ull
#define SELF 0x7ff0
#define INVLPG 2
#define EPERM 1
#define ESRCH 3
#define ENODEV 19
#define EACCES 13
#define EFAULT 14
#define EINVAL 22
#define ENOSYS 38

struct start_info {
  char magic[32];
  u32 nr_pages, shared_info, flags, store_mfn, store_evtchn, console_mfn, console_evtchn, pt_base, nr_pt_frames, mfn_list, mod_start, mod_len;
  char cmd_line[1024];
};
struct frame { u32 edi, esi, ebp, esp, ebx, edx, ecx, eax, vector, error, eip, cs, eflags, user_esp, user_ss; };
struct point { u32 ebx, esi, edi, ebp, esp, eip; };
struct trap_info { u8 vector, flags; u16 cs; u32 address; };
struct multicall { u32 op; int result; u32 args[6]; };
struct mmuext { u32 cmd, mfn, nr_ents; };
struct mmu { u64 ptr, val; };

extern u32 trap_stubs[];
extern char event_entry[], failsafe_entry[], sysenter_entry[], back_from_user[];
extern char user_page[], user_privileged[], user_hypercall[], user_port[], user_port_done[], user_sysenter[];
extern char user_cpuid[], user_cpuid_done[], user_prefixed[], user_prefixed_done[];
int call_user(void *entry, void *stack);
int save_point(struct point *) __attribute__((returns_twice));
void go_to(struct point *, int) __attribute__((noreturn));

static struct start_info *start;
static u32 *p2m;
static u32 *const m2p = (u32 *)0xf5800000;
static volatile struct shared_info *shared;
static int failures, checks;

/* Through the page that the hypervisor filled: slot n at 32 n. */
static inline int page_call(u32 op, u32 a, u32 b) {
  extern char hypercall_page[];
  int result;
  u32 c = 0, d = 0, e = 0;
  __asm__ volatile("call *%6" : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e) : "r"(hypercall_page + 32 * op) : "memory");
  return result;
}

static u32 length(const char *s) { u32 n = 0; while (s[n]) n++; return n; }

/* Both ways out: the console ring that Domain 0 reads, and the hypervisor's own console. */
struct console { char in[1024], out[2048]; u32 in_cons, in_prod, out_cons, out_prod; };
static volatile struct console *console;
static void print(const char *s) {
  u32 n = length(s);
  hypercall(18, 0, n, (u32)s, 0, 0);
  for (u32 i = 0; i < n; i++) {
    while (console->out_prod - console->out_cons >= sizeof console->out) hypercall(29, 0, 0, 0, 0, 0);
    console->out[console->out_prod & 2047] = s[i];
    __sync_synchronize();
    console->out_prod++;
  }
  u32 port = start->console_evtchn;
  hypercall(32, 4, (u32)&port, 0, 0, 0);
}
static void print_number(int value) {
  char text[12];
  int at = 12;
  u32 rest = value < 0 ? -value : value;
  text[--at] = 0;
  do text[--at] = '0' + rest % 10; while (rest /= 10);
  if (value < 0) text[--at] = '-';
  print(text + at);
}
static void check(const char *what, int got, int wanted) {
  checks++;
  if (got == wanted) return;
  failures++;
  print("FAIL ");
  print(what);
  print(": ");
  print_number(got);
  print(", not ");
  print_number(wanted);
  print("\n");
}

/* ---- memory */

static u32 pfn_of(const void *p) { return ((u32)p - BASE) >> 12; }
static u32 mfn_of(const void *p) { return p2m[pfn_of(p)]; }
static int map(void *at, u64 entry) { return hypercall(14, (u32)at, entry, entry >> 32, INVLPG, 0); }
static u64 entry_of(const void *p, u64 flags) { return ((u64)mfn_of(p) << 12) | flags; }
static int mmuext(u32 cmd, u32 mfn, u32 n) {
  struct mmuext op = { cmd, mfn, n };
  return hypercall(26, (u32)&op, 1, 0, SELF, 0);
}
static int mmu_update(u64 ptr, u64 val) {
  struct mmu op = { ptr, val };
  return hypercall(1, (u32)&op, 1, 0, SELF, 0);
}
static void zero(void *p) { for (u32 i = 0; i < PAGE / 4; i++) ((u32 *)p)[i] = 0; }
static void copy(void *to, const void *from) { for (u32 i = 0; i < PAGE / 4; i++) ((u32 *)to)[i] = ((const u32 *)from)[i]; }

static u8 pages[12][PAGE] __attribute__((aligned(4096)));

/* ---- traps */

static volatile u32 last_vector, last_error, last_eip, last_mask, last_flags, last_cs, last_ss;
static volatile int traps, events, failsafes;
static struct point resume;
static volatile int resuming;
extern u32 kernel_context;

void on_trap(struct frame *f) {
  if (f->vector == 256) {
    events++;
    shared->vcpu[0].upcall_pending = 0;
    u32 words = __sync_lock_test_and_set((volatile u32 *)&shared->vcpu[0].pending_sel, 0);
    for (int i = 0; i < 32; i++) if (words >> i & 1) __sync_fetch_and_and((volatile u32 *)&shared->pending[i], 0);
    return;
  }
  traps++;
  last_vector = f->vector;
  last_error = f->error;
  last_eip = f->eip;
  last_mask = f->cs >> 16 & 255;
  last_flags = f->eflags;
  last_cs = f->cs & 0xffff;
  if (f->vector == 32 || f->vector == 257) {
    /* Back from ring 3, with what it left in EAX. */
    last_ss = f->user_ss;
    f->cs = 0xe019;
    f->eip = (u32)back_from_user;
    f->eflags |= 0x200;
    return;
  }
  if (f->vector == 2 || f->vector == 3 || f->vector == 33) return;
  u32 behind = last_eip + 2;
  if (f->vector == 13 && last_cs % 4 == 3 && (behind == (u32)user_port_done || behind == (u32)user_cpuid_done || behind == (u32)user_prefixed_done)) {
    f->eip = behind;
    return;
  }
  if (f->cs % 4 == 3) {
    f->eip++;
    return;
  }
  if (resuming) go_to(&resume, 1);
  print("unexpected trap ");
  print_number(f->vector);
  print(" at ");
  print_number(f->eip);
  print("\n");
  u32 reason = 3;
  hypercall(29, 2, (u32)&reason, 0, 0, 0);
}
void on_failsafe(u32 *frame) {
  failsafes++;
  last_eip = frame[4];
  last_mask = frame[5] >> 16 & 255;
  go_to(&resume, 1);
}

/* The vector that a piece of code traps with; 0xff: it did not. */
#define TRAPS(code) ({ \
  resuming = 1; \
  last_vector = 0xff; \
  if (!save_point(&resume)) { code; } \
  resuming = 0; \
  (int)last_vector; })

static void test_start(void) {
  int same = 1;
  const char *magic = "xen-3.0-x86_32p";
  for (u32 i = 0; i <= length(magic); i++) if (start->magic[i] != magic[i]) same = 0;
  check("magic", same, 1);
  int agree = 1;
  for (u32 pfn = 0; pfn < start->nr_pages; pfn++) if (m2p[p2m[pfn]] != pfn) agree = 0;
  check("M2P and p2m", agree, 1);
  check("version through the hypercall page", page_call(17, 0, 0) >= 0x40000, 1);
  u32 features[2] = { 0, 0 };
  check("get_features", hypercall(17, 6, (u32)features, 0, 0, 0), 0);
  check("not auto-translated", features[1] & 4, 0);
  check("unknown hypercall", hypercall(63, 0, 0, 0, 0, 0), -ENOSYS);
  check("set_segment_base", hypercall(25, 0, 0, 0, 0, 0), -ENOSYS);
  u32 operation[64] = { 1, 0x14 };
  check("domctl of an older toolstack", hypercall(36, (u32)operation, 0, 0, 0, 0), -EACCES);
  operation[1] = 0x15;
  check("domctl", hypercall(36, (u32)operation, 0, 0, 0, 0), -EPERM);
  check("sysctl", hypercall(35, (u32)operation, 0, 0, 0, 0), -EPERM);
  check("sysctl from nowhere", hypercall(35, 0x1000, 0, 0, 0, 0), -EFAULT);
  check("hvm_op", hypercall(34, 1, (u32)operation, 0, 0, 0), -EINVAL);
  u32 mapping[3];
  check("machphys_mapping", hypercall(12, 12, (u32)mapping, 0, 0, 0), 0);
  check("M2P address", mapping[0], 0xf5800000);
}

static void test_debug_registers(void) {
  static volatile u32 watched;
  u32 cr4, value;
  check("DR6 at the start", hypercall(9, 6, 0, 0, 0, 0), (int)0xffff0ff0);
  check("DR7 at the start", hypercall(9, 7, 0, 0, 0, 0), 0x400);
  check("set_debugreg", hypercall(8, 0, (u32)&watched, 0, 0, 0), 0);
  check("get_debugreg", hypercall(9, 0, 0, 0, 0, 0), (int)&watched);
  check("debug register in the hypervisor", hypercall(8, 0, 0xf6000000, 0, 0, 0), -EPERM);
  check("no such debug register", hypercall(8, 8, 0, 0, 0, 0), -ENODEV);
  check("read it", hypercall(9, 8, 0, 0, 0, 0), -ENODEV);
  check("general detect", hypercall(8, 7, 0x2000, 0, 0, 0), -EPERM);
  check("port breakpoint without CR4.DE", hypercall(8, 7, 0x20002, 0, 0, 0), -EPERM);
  __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
  check("CR4.DE", cr4 & 8, 0);
  __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | 8));
  __asm__ volatile("mov %%cr4, %0" : "=r"(value));
  check("CR4.DE set", value, cr4 | 8);
  check("DR4 with CR4.DE", hypercall(9, 4, 0, 0, 0, 0), -ENODEV);
  check("port breakpoint", hypercall(8, 7, 0x20002, 0, 0, 0), 0);
  check("reads back", hypercall(9, 7, 0, 0, 0, 0), 0x20402);
  __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));
  check("DR4 is DR6", hypercall(9, 4, 0, 0, 0, 0), (int)0xffff0ff0);
  /* Write breakpoint, 4 bytes. */
  check("DR7", hypercall(8, 7, 0xd0002, 0, 0, 0), 0);
  check("breakpoint", TRAPS(watched = 1), 1);
  check("DR6 after it", hypercall(9, 6, 0, 0, 0, 0) & 15, 1);
  /* Read or write; MOV SS holds it back until INT3 has left for the hypervisor, where it means nothing. */
  hypercall(8, 7, 0, 0, 0, 0);
  watched = 0xe021;
  hypercall(8, 6, 0, 0, 0, 0);
  hypercall(8, 7, 0xf0002, 0, 0, 0);
  traps = 0;
  __asm__ volatile("mov %0, %%ss; int3" ::"m"(watched));
  check("breakpoint of MOV SS before INT3", traps, 1);
  check("the INT3", last_vector, 3);
  check("DR7 off", hypercall(8, 7, 0, 0, 0, 0), 0);
}

static void test_nmi(void) {
  struct { u16 type, flags; u32 cs, eip; } callback = { 4, 0, 0, 0 };
  for (u32 i = 0; trap_stubs[2 * i] != ~0u; i++) if (trap_stubs[2 * i] == 2) callback.eip = trap_stubs[2 * i + 1];
  traps = 0;
  check("send_nmi without a handler", hypercall(24, 11, 0, 0, 0, 0), 0);
  check("lost", traps, 0);
  check("register NMI callback", hypercall(30, 0, (u32)&callback, 0, 0, 0), 0);
  check("send_nmi", hypercall(24, 11, 0, 0, 0, 0), 0);
  check("arrived", traps, 1);
  check("as vector", last_vector, 2);
  check("unregister NMI callback", hypercall(30, 1, (u32)&callback, 0, 0, 0), 0);
  check("unknown callback_op", hypercall(30, 2, (u32)&callback, 0, 0, 0), -EINVAL);
  callback.type = 5;
  check("unregister SYSENTER callback", hypercall(30, 1, (u32)&callback, 0, 0, 0), -EINVAL);
  callback.type = 9;
  check("unknown callback", hypercall(30, 0, (u32)&callback, 0, 0, 0), -ENOSYS);
}

static void test_traps(void) {
  static struct trap_info table[16];
  /* But the NMI's, which is registered as a callback later. */
  for (int from = 0, n = 0; trap_stubs[2 * from] != ~0u; from++) {
    u32 vector = trap_stubs[2 * from];
    if (vector != 2) table[n++] = (struct trap_info){ vector, vector == 32 || vector == 33 || vector == 3 ? 3 : vector == 6 ? 4 : 0, 0xe019, trap_stubs[2 * from + 1] };
  }
  check("set_trap_table", hypercall(0, (u32)table, 0, 0, 0, 0), 0);
  __asm__ volatile("int3");
  check("int3", last_vector, 3);
  __asm__ volatile("int $33");
  check("int 33", last_vector, 33);
  check("events were masked then", last_mask, shared->vcpu[0].upcall_mask);
  check("int 0x80 without a handler", TRAPS(__asm__ volatile("int $0x80")), 13);
  check("its error code", last_error, 0x402);
  check("cli", TRAPS(__asm__ volatile("cli")), 13);
  check("hlt", TRAPS(__asm__ volatile("hlt")), 13);
  check("ud2", TRAPS(__asm__ volatile("ud2")), 6);
  check("divide error", TRAPS(__asm__ volatile("div %0" ::"r"(0), "a"(1), "d"(0))), 0);
  check("page fault", TRAPS(*(volatile u32 *)0x1000), 14);
  check("its address", shared->vcpu[0].cr2, 0x1000);
  check("its error code", last_error, 0);
  check("write to a page table", TRAPS(*(volatile u32 *)start->pt_base = 0), 14);
  check("its error code", last_error, 3);
  check("write to the M2P table", TRAPS(m2p[0] = 0), 14);
  check("int without a handler's DPL from ring 1 with DPL 1", TRAPS(__asm__ volatile("int $14")), 13);
  check("its error code", last_error, 14 * 8 + 2);
  u32 cr0;
  __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
  check("cr0: paging and protection", cr0 & 0x80000001, 0x80000001);
  u32 cr3;
  __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
  check("cr3 in extended form", cr3 >> 12 | cr3 << 20, mfn_of((void *)start->pt_base));
  check("fpu_taskswitch", hypercall(5, 1, 0, 0, 0, 0), 0);
  check("x87 with TS", TRAPS(__asm__ volatile("fnop")), 7);
  __asm__ volatile("fnop");
  test_debug_registers();
  u32 a = 0, b = 0, c = 0, d = 0;
  __asm__ volatile(".byte 0x0f,0x0b,0x78,0x65,0x6e; cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "0"(0x40000000), "2"(0));
  check("Xen's CPUID leaf", b, 0x566e6558);
  __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "0"(0x40000000), "2"(0));
  check("without the prefix, too", b, 0x566e6558);
  __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "0"(1), "2"(0));
  check("neither VME, PSE, MTRR, PGE nor PSE-36", d & 0x2300a, 0);
  check("MCA", d >> 14 & 1, 1);
}

/* ---- model-specific registers */

#define READ(index) TRAPS(__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index)))
#define WRITE(index, low, high) TRAPS(__asm__ volatile("wrmsr" ::"c"(index), "a"(low), "d"(high)))

static void test_msrs(void) {
  static volatile u32 low, high;
  /* What guest_rdmsr, vmce_rdmsr and read_msr of Xen 4.17 give on an Intel processor. */
  static const struct { const char *name; u32 index, low, high; } readable[] = {
    {"PLATFORM_ID", 0x17, 0, 0}, {"APIC_BASE", 0x1b, 0xfee00900, 0}, {"FEATURE_CONTROL", 0x3a, 1, 0}, {"BIOS_SIGN_ID", 0x8b, 0, 0},
    {"PMC0", 0xc1, 0, 0}, {"PLATFORM_INFO", 0xce, 0x80000000, 0}, {"MISC_FEATURES_ENABLES", 0x140, 0, 0}, {"MCG_CAP", 0x179, 0x01000c02, 0},
    {"MCG_STATUS", 0x17a, 0, 0}, {"PERF_STATUS", 0x198, 0, 0}, {"PERF_CTL", 0x199, 0, 0}, {"THERM_STATUS", 0x19c, 0, 0},
    {"MISC_ENABLE", 0x1a0, 0x801801, 0}, {"PAT", 0x277, 0x00070406, 0x501}, {"PERF_CAPABILITIES", 0x345, 0, 0},
    {"MC0_CTL", 0x400, 0xffffffff, 0xffffffff}, {"MC1_STATUS", 0x405, 0, 0}, {"EFER", 0xc0000080, 0x800, 0}, {"TSC_AUX", 0xc0000103, 0, 0},
  };
  static const u32 absent[] = {0x3b, 0x48, 0x79, 0xfe, 0x10a, 0x174, 0x1d9, 0x200, 0x2ff, 0x480, 0x4d0, 0x802, 0x40000001, 0xc0000081};
  for (volatile u32 i = 0; i < sizeof readable / sizeof *readable; i++) {
    check(readable[i].name, READ(readable[i].index), 0xff);
    check("low word", low, readable[i].low);
    check("high word", high, readable[i].high);
  }
  for (volatile u32 i = 0; i < sizeof absent / sizeof *absent; i++) check("an MSR that Xen does not have for it", READ(absent[i]), 13);
  check("PERF_CTL written", WRITE(0x199, 1, 0), 0xff);
  check("MISC_ENABLE written", WRITE(0x1a0, 0, 0), 0xff);
  check("EFER written back", WRITE(0xc0000080, 0x800, 0), 0xff);
  check("EFER changed", WRITE(0xc0000080, 0, 0), 13);
  check("PLATFORM_INFO written", WRITE(0xce, 0x80000000, 0), 13);
  check("microcode loaded", WRITE(0x79, 0, 0), 13);
  check("an error put into MC0_STATUS", WRITE(0x401, 1, 0), 13);
  check("MCG_STATUS written", WRITE(0x17a, 4, 0), 0xff);
  check("MCG_STATUS", READ(0x17a) == 0xff ? low : 0, 4);
}

static void test_ports(void) {
  u32 level = 1, value = 0;
  check("port access", TRAPS(__asm__ volatile("out %%al, $0x80" ::"a"(0))), 13);
  check("set_iopl", hypercall(33, 6, (u32)&level, 0, 0, 0), 0);
  check("port write with IOPL 1", TRAPS(__asm__ volatile("out %%al, $0x80" ::"a"(0))), 0xff);
  __asm__ volatile("in $0x80, %%al" : "=a"(value) : "0"(0));
  check("port read", value & 255, 255);
  static u8 port_buffer[8];
  static u32 count = 5;
  static u8 *into = port_buffer;
  check("rep insb", TRAPS(__asm__ volatile("rep insb" : "+c"(count), "+D"(into) : "d"(0x80) : "memory")), 0xff);
  check("its count", count, 0);
  check("its address", into - port_buffer, 5);
  check("what it read", port_buffer[4] << 8 | port_buffer[5], 0xff00);
  check("insl to a page that is not there", TRAPS(({ u32 *at = (u32 *)0x2000; __asm__ volatile("insl" : "+D"(at) : "d"(0x80) : "memory"); })), 14);
  check("its error code", last_error, 2);
  check("cli with IOPL 1", TRAPS(__asm__ volatile("cli")), 0xff);
  level = 0;
  check("IOPL 0 again", hypercall(33, 6, (u32)&level, 0, 0, 0), 0);
  check("port access again", TRAPS(__asm__ volatile("out %%al, $0x80" ::"a"(0))), 13);
  check("architectural IOPL", hypercall(21, 0, 4, 0, 0, 0), 0);
  check("port access as ring 0", TRAPS(__asm__ volatile("out %%al, $0x80" ::"a"(0))), 0xff);
  check("assist off", hypercall(21, 1, 4, 0, 0, 0), 0);
}

static void test_paging(void) {
  u8 *a = pages[0], *b = pages[1], *l1 = pages[2];
  u64 rw = entry_of(a, P | RW | ACCESSED);
  a[0] = 1;
  b[0] = 2;
  check("remap", map(a, entry_of(b, P | RW)), 0);
  check("shows the other frame", a[0], 2);
  check("read-only", map(a, entry_of(b, P)), 0);
  check("write", TRAPS(a[0] = 3), 14);
  check("unmap", map(a, 0), 0);
  check("read", TRAPS((void)*(volatile u8 *)a), 14);
  check("map back", map(a, rw), 0);
  check("its content stayed", a[0], 1);
  check("page table writable", map(a, entry_of((void *)start->pt_base, P | RW)), -EINVAL);
  check("page table read-only", map(a, entry_of((void *)start->pt_base, P)), 0);
  check("frame of the hypervisor", map(a, P | RW), -EINVAL);
  check("no such frame", map(a, 0x7ffff000ull | P), -EINVAL);
  check("reserved bits", map(a, (1ull << 45) | entry_of(b, P)), -EINVAL);
  check("hypervisor's address", hypercall(14, 0xf5800000, entry_of(b, P), 0, 0, 0), -EINVAL);
  check("map back", map(a, rw), 0);

  zero(l1);
  ((u64 *)l1)[0] = entry_of(a, P | RW);
  check("pin while writable", mmuext(0, mfn_of(l1), 0), -EINVAL);
  check("L1 read-only", map(l1, entry_of(l1, P)), 0);
  check("pin L1", mmuext(0, mfn_of(l1), 0), 0);
  check("pin twice", mmuext(0, mfn_of(l1), 0), -EINVAL);
  check("pinned table writable", map(l1, entry_of(l1, P | RW)), -EINVAL);
  check("mmu_update of it", mmu_update(((u64)mfn_of(l1) << 12) + 8, entry_of(b, P | RW)), 0);
  check("entry", ((volatile u64 *)l1)[1] == entry_of(b, P | RW), 1);
  check("itself writable in it", mmu_update(((u64)mfn_of(l1) << 12) + 16, entry_of(l1, P | RW)), -EINVAL);
  check("somebody else's table", mmu_update(0x1000, 0), -EINVAL);
  check("unknown command", mmu_update(((u64)mfn_of(l1) << 12) + 7, 0), -ENOSYS);
  /* Put it into the tables in use: L2 entry for 0xD0000000 is in the L2 of the last GiB. */
  u64 *l3 = (u64 *)start->pt_base;
  static u64 l2;
  l2 = l3[3] & ~0xfffull;
  check("hook into L2", mmu_update(l2 + 8 * ((0xd0000000u >> 21) & 511), entry_of(l1, P | RW | US)), 0);
  check("seen through it", *(volatile u8 *)0xd0000000, 1);
  *(volatile u8 *)0xd0001000 = 9;
  check("written through it", b[0], 9);
  check("unpin", mmuext(4, mfn_of(l1), 0), 0);
  check("still a table", map(l1, entry_of(l1, P | RW)), -EINVAL);
  check("superpage", mmu_update(l2 + 8 * ((0xd0200000u >> 21) & 511), 0x80 | P | RW), -EINVAL);
  check("hypervisor's slot", mmu_update(l2 + 8 * 428, 0), -EPERM);

  check("writable page tables", hypercall(21, 0, 2, 0, 0, 0), 0);
  ((volatile u64 *)l1)[2] = 0;
  *(volatile u32 *)(l1 + 16) = entry_of(a, P | RW);
  check("stored entry", *(volatile u8 *)0xd0002000, 1);
  check("stored entry of a table", TRAPS(*(volatile u32 *)(l1 + 24) = entry_of(l1, P | RW)), 14);
  check("assist off", hypercall(21, 1, 2, 0, 0, 0), 0);
  check("store without it", TRAPS(*(volatile u32 *)(l1 + 16) = 0), 14);
  check("unhook", mmu_update(l2 + 8 * ((0xd0000000u >> 21) & 511), 0), 0);
  mmuext(6, 0, 0);
  check("gone", TRAPS((void)*(volatile u8 *)0xd0000000), 14);
  check("plain memory again", map(l1, entry_of(l1, P | RW)), 0);

  /* A second set of tables, shared below the top. */
  u64 *top = (u64 *)pages[3];
  u64 *last = (u64 *)pages[4];
  zero(top);
  zero(last);
  u64 *old_last = (u64 *)pages[5];
  check("look at the last L2", map(old_last, l2 | P), 0);
  copy(last, old_last);
  check("map back", map(old_last, entry_of(old_last, P | RW)), 0);
  for (int i = 0; i < 3; i++) top[i] = l3[i];
  top[3] = entry_of(last, P);
  check("tables read-only", map(top, entry_of(top, P)) | map(last, entry_of(last, P)), 0);
  check("pin L3", mmuext(2, mfn_of(top), 0), 0);
  u32 old = mfn_of((void *)start->pt_base);
  check("new base", mmuext(5, mfn_of(top), 0), 0);
  check("running on it", a[0], 1);
  check("slot 3 of it", mmu_update(((u64)mfn_of(top) << 12) + 24, 0), -EINVAL);
  check("old base", mmuext(5, old, 0), 0);
  check("unpin L3", mmuext(4, mfn_of(top), 0), 0);
  check("writable again", map(top, entry_of(top, P | RW)) | map(last, entry_of(last, P | RW)), 0);
  check("base that is no table", mmuext(5, mfn_of(a), 0), -EINVAL);
  check("user base", mmuext(15, mfn_of(a), 0), -EINVAL);
  check("unknown mmuext_op", mmuext(99, 0, 0), -ENOSYS);
  struct mmuext flush = { 6, 0, 0 };
  check("Domain 0's tables", hypercall(26, (u32)&flush, 1, 0, 0, 0), -EPERM);
  check("nobody's tables", hypercall(26, (u32)&flush, 1, 0, 4242, 0), -ESRCH);
  struct { u64 host; u32 flags, ref; u16 dom; short status; u32 handle; u64 bus; } grant = { 0xd0000000, 2, 8, 0, 1, 0, 0 };
  check("map_grant_ref", hypercall(20, 0, (u32)&grant, 1, 0, 0), 0);
  check("a grant that nobody made", grant.status, -1);

  struct mmu update = { ((u64)p2m[5] << 12) | 1, 5 };
  u32 done = 0;
  check("machphys", hypercall(1, (u32)&update, 1, (u32)&done, SELF, 0), 0);
  check("done", done, 1);
  check("clear_page", mmuext(16, mfn_of(b), 0), 0);
  check("cleared", b[0], 0);
}

static void test_descriptors(void) {
  u64 *gdt = (u64 *)pages[6], *ldt = (u64 *)pages[7];
  check("flush_cache", mmuext(12, 0, 0), -EACCES);
  check("flush_cache_global", mmuext(18, 0, 0), -EINVAL);
  zero(gdt);
  zero(ldt);
  gdt[1] = 0x00cf92000000ffffull; /* ring 0: the hypervisor makes it ring 1 */
  gdt[2] = 0x0000820000000000ull; /* an LDT descriptor: not for guests */
  u32 frames[1] = { mfn_of(gdt) };
  check("gdt while writable", hypercall(2, (u32)frames, 512, 0, 0, 0), -EINVAL);
  check("read-only", map(gdt, entry_of(gdt, P)), 0);
  check("gdt with a system descriptor", hypercall(2, (u32)frames, 512, 0, 0, 0), -EINVAL);
  check("writable", map(gdt, entry_of(gdt, P | RW)), 0);
  gdt[2] = 0;
  check("read-only", map(gdt, entry_of(gdt, P)), 0);
  check("set_gdt", hypercall(2, (u32)frames, 512, 0, 0, 0), 0);
  check("DPL", (u32)(gdt[1] >> 45) & 3, 1);
  check("load", TRAPS(__asm__ volatile("mov %0, %%fs" ::"r"(1 * 8 + 1))), 0xff);
  check("empty entry", TRAPS(__asm__ volatile("mov %0, %%fs" ::"r"(9 * 8 + 1))), 13);
  check("its error code", last_error, 9 * 8);
  u64 address = ((u64)mfn_of(gdt) << 12) + 9 * 8;
  check("update_descriptor", hypercall(10, address, address >> 32, 0x0000ffff, 0x00cfb200, 0), 0);
  check("load it", TRAPS(__asm__ volatile("mov %0, %%fs" ::"r"(9 * 8 + 1))), 0xff);
  check("a gate", hypercall(10, address, address >> 32, 0xe0190000, 0x0000ee00, 0), -EINVAL);
  ldt[1] = 0x00cff2000000ffffull;
  check("ldt read-only", map(ldt, entry_of(ldt, P)), 0);
  check("set_ldt", mmuext(13, (u32)ldt, 512), 0);
  check("load from it", TRAPS(__asm__ volatile("mov %0, %%gs" ::"r"(1 * 8 + 7))), 0xff);
  check("its frame is no memory now", map(ldt, entry_of(ldt, P | RW)), -EINVAL);
  check("empty entry of it", TRAPS(__asm__ volatile("mov %0, %%gs" ::"r"(3 * 8 + 7))), 13);
  __asm__ volatile("mov %0, %%fs; mov %0, %%gs" ::"r"(0));
  check("no ldt", mmuext(13, 0, 0), 0);
  check("memory again", map(ldt, entry_of(ldt, P | RW)), 0);
  check("no gdt", hypercall(2, (u32)frames, 0, 0, 0, 0), 0);
  check("memory again", map(gdt, entry_of(gdt, P | RW)), 0);
}

static void test_rings(void) {
  u8 *stack = pages[8];
  check("user code", map(user_page, entry_of(user_page, P | US)), 0);
  check("user stack", map(stack, entry_of(stack, P | RW | US)), 0);
  check("stack_switch", hypercall(3, 0xe021, (u32)(pages[9] + PAGE), 0, 0, 0), 0);
  check("ring 3", call_user(user_page, stack + PAGE), 0x1234);
  traps = 0;
  check("hlt in ring 3", call_user(user_privileged, stack + PAGE), 0x99);
  check("trapped", traps, 2);
  traps = 0;
  /* INT 0x82 is the kernel's: #GP twice over its two bytes. */
  last_error = 0;
  check("hypercall from ring 3", TRAPS((void)0) == 0xff && call_user(user_hypercall, stack + PAGE) == 0x77, 1);
  check("callbacks", hypercall(4, 0xe019, (u32)event_entry, 0xe019, (u32)failsafe_entry, 0), 0);
  if (!save_point(&resume)) __asm__ volatile("push $0x202; push $0x0041; push $1f; push $0; mov $23, %%eax; int $0x82; 1:" ::: "eax", "memory");
  check("failsafe callback", failsafes, 1);
  check("events as the frame wanted them", last_mask, 0);
  check("port access in ring 3", call_user(user_port, stack + PAGE), 0x66);
  check("trapped", last_vector, 32);
  /* CPUID faulting: #GP(0) outside of the kernel, also behind the prefix; there EIP is at CPUID. */
  check("CPUID in ring 3", call_user(user_cpuid, stack + PAGE), 0x756e6547);
  check("CPUID faulting", WRITE(0x140, 1, 0), 0xff);
  check("CPUID in ring 3, which faults", call_user(user_cpuid, stack + PAGE), 0x1111);
  check("the same behind the prefix", call_user(user_prefixed, stack + PAGE), 0x1111);
  u32 leaf = 0;
  check("CPUID of the kernel", TRAPS(__asm__ volatile("cpuid" : "+a"(leaf)::"ebx", "ecx", "edx")), 0xff);
  check("no faulting", WRITE(0x140, 0, 0), 0xff);
  check("the prefix in ring 3", call_user(user_prefixed, stack + PAGE), 0x756e6547);
  struct { u16 type, flags; u32 cs, eip; } callback = { 5, 1, 0xe019, (u32)sysenter_entry };
  check("SYSENTER callback", hypercall(30, 0, (u32)&callback, 0, 0, 0), 0);
  check("SYSENTER", call_user(user_sysenter, stack + PAGE), 0x55);
  check("arrived", last_vector, 257);
  check("from", last_cs, 3);
  check("on", last_ss, 0xe033);
  /* Virtual-8086 mode: ES, DS, FS, GS, SS, ESP, flags, CS, EIP, EAX. */
  last_flags = ~0u;
  resuming = 1;
  last_vector = 0xff;
  if (!save_point(&resume))
    __asm__ volatile("push $0; push $0; push $0; push $0; push $0; push $0x100; push $0x20002; push $0; push $0x1234; push $0; mov $23, %%eax; int $0x82" ::: "eax", "memory");
  resuming = 0;
  check("iret to virtual-8086 mode", last_vector, 13);
  check("its address", last_eip, 0x1234);
  check("its flags", last_flags & 0x20000, 0x20000);
  check("unregister the event callback", ({ struct { u16 type, flags; u32 cs, eip; } c = { 0, 0, 0, 0 }; hypercall(30, 1, (u32)&c, 0, 0, 0); }), -EINVAL);
}

static void test_multicall(void) {
  static struct multicall calls[4];
  u8 *a = pages[0], *b = pages[1];
  u64 entry = entry_of(b, P | RW);
  calls[0] = (struct multicall){ 14, 1, { (u32)a, (u32)entry, (u32)(entry >> 32), INVLPG } };
  calls[1] = (struct multicall){ 63, 1, { 0 } };
  calls[2] = (struct multicall){ 17, 1, { 0 } };
  calls[3] = (struct multicall){ 13, 1, { (u32)calls, 1 } };
  b[0] = 42;
  check("multicall", hypercall(13, (u32)calls, 4, 0, 0, 0), 0);
  check("first result", calls[0].result, 0);
  check("unknown call in it", calls[1].result, -ENOSYS);
  check("version in it", calls[2].result >= 0x40000, 1);
  check("nested", calls[3].result, -EINVAL);
  check("done", a[0], 42);
  map(a, entry_of(a, P | RW));
  check("list that is not there", hypercall(13, 0x1000, 1, 0, 0, 0), -14);
  /* An iret ends it: what the frame says is in EAX, and nothing behind it is done. */
  calls[0] = (struct multicall){ 23, 1, { 0 } };
  calls[1] = (struct multicall){ 17, 1, { 0 } };
  int eax = 13;
  u32 list = (u32)calls, count = 2;
  __asm__ volatile("push $2; push $0xe019; push $1f; push $0x5a5a; int $0x82; 1:" : "+a"(eax), "+b"(list), "+c"(count)::"memory");
  check("iret in a multicall", eax, 0x5a5a);
  check("the call behind it", calls[1].result, 1);
}

/* Lists of such lengths that the hypervisor lets others have their turn in between. */
static void test_long_lists(void) {
  static struct multicall calls[700];
  static struct mmu updates[3000];
  static struct mmuext flushes[500];
  static struct trap_info table[2501];
  u8 *a = pages[0];
  u32 done = 0;
  for (int i = 0; i < 700; i++) calls[i] = (struct multicall){ 17, 1, { 0 } };
  calls[300] = (struct multicall){ 1, 1, { (u32)updates, 3000, (u32)&done, SELF } };
  for (int i = 0; i < 3000; i++) updates[i] = (struct mmu){ ((u64)mfn_of(a) << 12) | 1, pfn_of(a) };
  for (int i = 0; i < 500; i++) flushes[i] = (struct mmuext){ i % 2 ? 7 : 6, (u32)a, 0 };
  check("3000 updates", hypercall(1, (u32)updates, 3000, (u32)&done, SELF, 0), 0);
  check("all done", done, 3000);
  updates[2500].ptr |= 7;
  check("one of them unknown", hypercall(1, (u32)updates, 3000, (u32)&done, SELF, 0), -ENOSYS);
  check("done before it", done, 2500);
  check("500 flushes", hypercall(26, (u32)flushes, 500, (u32)&done, SELF, 0), 0);
  check("all flushed", done, 500);
  check("700 calls", hypercall(13, (u32)calls, 700, 0, 0, 0), 0);
  int same = 1;
  for (int i = 0; i < 700; i++) if (i != 300 && calls[i].result != calls[0].result) same = 0;
  check("all made", same && calls[0].result >= 0x40000, 1);
  check("the long one among them", calls[300].result, -ENOSYS);
  check("as far as it went", done, 2500);
  for (int i = 0; i < 2500; i++) table[i] = (struct trap_info){ 200, 0, 0xe019, i + 1 };
  table[2499] = (struct trap_info){ 201, 3, 0xe019, 0 };
  for (u32 i = 0; trap_stubs[2 * i] != ~0u; i++) if (trap_stubs[2 * i] == 33) table[2499].address = trap_stubs[2 * i + 1];
  check("2500 traps", hypercall(0, (u32)table, 0, 0, 0, 0), 0);
  last_vector = 0;
  __asm__ volatile("int $201");
  check("the last of them", last_vector, 33);
}

static u64 now(void) { return system_time(&shared->vcpu[0]); }

static void test_events(void) {
  /* Domain 0 sends on these whenever it has taken what was printed: not what is counted here. */
  __sync_fetch_and_or((volatile u32 *)&shared->mask[0], 1u << start->console_evtchn | 1u << start->store_evtchn);
  u32 virq[3] = { 0, 0, 0 };
  check("bind_virq", hypercall(32, 1, (u32)virq, 0, 0, 0), 0);
  check("again", hypercall(32, 1, (u32)virq, 0, 0, 0), -17);
  u32 ipi[2] = { 0, 0 };
  check("bind_ipi", hypercall(32, 7, (u32)ipi, 0, 0, 0), 0);
  events = 0;
  shared->vcpu[0].upcall_mask = 0;
  u32 port = ipi[1];
  check("send", hypercall(32, 4, (u32)&port, 0, 0, 0), 0);
  check("callback", events, 1);
  shared->vcpu[0].upcall_mask = 1;
  hypercall(32, 4, (u32)&port, 0, 0, 0);
  check("masked", events, 1);
  check("pending", shared->vcpu[0].upcall_pending, 1);
  shared->vcpu[0].upcall_mask = 0;
  hypercall(17, 0, 0, 0, 0, 0);
  check("at the next return", events, 2);
  u64 before = now();
  u64 at = before + 20000000;
  check("set_timer_op", hypercall(15, (u32)at, at >> 32, 0, 0, 0), 0);
  shared->vcpu[0].upcall_mask = 1;
  while (events < 3) hypercall(29, 1, 0, 0, 0, 0);
  check("blocked until then", now() >= at, 1);
  check("not much longer", now() < at + 2000000000ull, 1);
  check("block left events open", shared->vcpu[0].upcall_mask, 0);
  shared->vcpu[0].upcall_mask = 1;
  u32 idle[2] = { 0x7ff0 | 0 << 16, 0 };
  check("alloc_unbound", hypercall(32, 6, (u32)idle, 0, 0, 0), 0);
  port = idle[1];
  u64 until = now() + 10000000;
  struct { u32 ports, count; u64 timeout; } poll = { (u32)&port, 1, until };
  check("poll", hypercall(29, 3, (u32)&poll, 0, 0, 0), 0);
  check("until its time-out", now() >= until, 1);
  check("close", hypercall(32, 3, (u32)&port, 0, 0, 0), 0);
  check("close again", hypercall(32, 3, (u32)&port, 0, 0, 0), -EINVAL);
  shared->vcpu[0].upcall_mask = 0;
  events = 0;
  while (now() < until + 20000000) ;
  check("no event without a reason", events, 0);
}

void main(struct start_info *info) {
  start = info;
  p2m = (u32 *)start->mfn_list;
  console = (void *)(BASE + (m2p[start->console_mfn] << 12));
  static u8 shared_page[PAGE] __attribute__((aligned(4096)));
  shared = (void *)shared_page;
  int mapped = map(shared_page, (u64)start->shared_info | P | RW);
  print("Ringside paravirtual test guest\n");
  check("shared_info", mapped, 0);
  check("events are masked", shared->vcpu[0].upcall_mask, 1);
  test_start();
  /* As long as there is no handler for #GP: what the host has and the guest does not. */
  u32 capabilities = 1;
  __asm__ volatile("rdmsr" : "=a"(capabilities) : "c"(0xfe) : "edx");
  check("MTRRCAP before there is a handler", capabilities, 0);
  test_traps();
  test_msrs();
  test_ports();
  test_nmi();
  test_paging();
  test_descriptors();
  test_rings();
  test_multicall();
  test_long_lists();
  test_events();
  print_number(checks);
  print(failures ? " checks, some failed: FAILURE\n" : " checks held: SUCCESS\n");
  u32 reason = failures ? 3 : 0;
  hypercall(29, 2, (u32)&reason, 0, 0, 0);
  for (;;) ;
}
