/*
 * Runs short pieces of user code of 64, 32 or 16 bits on this processor and says in which state they stopped:  runner <STARTS >ENDS
 *
 * Standard input holds, for each case, struct start, its code and its spans (struct span and bytes); standard output gets struct end, the memory that
 * changed as spans, and a span of no bytes. Words are little-endian. oracle/make/gen.py and fuzz/native/wire.ts write the one and read the other.
 *
 * The process is a 64-bit one that enters the code by IRETQ; a signal handler takes the state from its frame and goes on with the next case, without
 * sigreturn. Code pages are full of INT3 but for the case's own bytes, so that each case ends in an exception; one that does not is ended after
 * SECONDS of the processor's time and has vector 255. Once it begins, seccomp turns every system call into a signal, but for the few of this file, all at one address: what random code
 * asks of the kernel only ends its case. Nothing of the process lies below 16 TiB but the areas of a case and the frame for IRETQ.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

/* Where cases live; test/oracle/README.md says why there. 32- and 16-bit code knows the first three. */
static const struct area { uint64_t at; uint32_t size; int code; } areas[] = {
  {0x20000, 0x1000, 1},          {0x30000, 0x2000, 0},          {0x34000, 0x1000, 0},
  {0x100020000, 0x1000, 1},      {0xfffff000, 0x2000, 0},       {0x100034000, 0x1000, 0},
  {0x1fffff000, 0x2000, 1},      {0x200030000, 0x2000, 0},      {0x2fffff000, 0x2000, 0},
  {0x123400020000, 0x1000, 1},   {0x123400030000, 0x2000, 0},   {0x123400034000, 0x1000, 0},
};
#define AREAS (sizeof areas / sizeof *areas)
#define NARROW_AREAS 3u
#define LINE 4 /* the one that 32-bit addresses reach, too; nothing is there for such code */
#define MEMORY 0x12000 /* their sum */
#define CODE 0x20000u
#define DATA 0x30000u
#define STACK 0x34000u
/*
 * IRETQ's frame. Bits 16-31 of ESP stay what they were there when the stack is a 16-bit one, so this page lies in the 64 KiB of STACK. A case of 16 bits
 * that does not trap begins in 32-bit code at its beginning instead, which loads all of ESP.
 */
#define FRAME 0x3f000ul
#define SECONDS 3
/* Linux's selectors for 32-bit programs. */
#define CODE32 0x23
#define DATA32 0x2b

struct start {
  uint32_t bits, length;
  uint64_t at;            /* where the code goes */
  uint64_t rip;           /* where it begins: an offset in CS */
  uint64_t registers[16]; /* RAX RCX RDX RBX RSP RBP RSI RDI R8-15 */
  uint64_t flags, fs_base, gs_base; /* the bases are for 64-bit code */
  uint32_t selectors[6];  /* CS SS DS ES FS GS */
  uint32_t spans, reserved;
  uint8_t fx[512];
};

struct span { uint64_t at; uint32_t size, reserved; };

struct end {
  uint32_t signal, vector;
  uint64_t error, cr2, rip, flags, registers[16];
  uint32_t selectors[6];
  uint64_t fs_base, gs_base; /* of 64-bit code */
  uint8_t fx[512];
};

static struct start start;
static struct end end;
static volatile int running;
static void *resume[5];
static uint8_t before[MEMORY], blank[MEMORY], handler_stack[65536] __attribute__((aligned(64)));
static uint8_t fx[512] __attribute__((aligned(64)));
static uint64_t *frame;
#define TF 0x100
static const uint8_t load_stack[] = {
  0x2e, 0x8e, 0x15, 0x40, 0xf0, 0x03, 0, /* mov ss, [cs:FRAME+40h] */
  0x2e, 0x8b, 0x25, 0x44, 0xf0, 0x03, 0, /* mov esp, [cs:FRAME+44h] */
  0x2e, 0xff, 0x2d, 0x48, 0xf0, 0x03, 0, /* jmp far [cs:FRAME+48h] */
};
struct stack { uint32_t ss, esp, eip, cs; };

extern char only_call[];
long system_call(long number, const void *a, const void *b, long c);
void enter(const struct start *, uint64_t *, const uint8_t *) __attribute__((noreturn));
__asm__(
    ".text\n"
    "system_call:\n"
    "  mov %rdi, %rax\n"
    "  mov %rsi, %rdi\n"
    "  mov %rdx, %rsi\n"
    "  mov %rcx, %rdx\n"
    "  syscall\n"
    ".globl only_call\n"
    "only_call:\n"
    "  ret\n"
    "enter:\n"
    "  mov %rsi, %rsp\n"
    "  pushq $2\n" /* NT and AC of the case before */
    "  popfq\n"
    "  fxrstor64 (%rdx)\n"
    "  mov 184(%rdi), %ds\n"
    "  mov 188(%rdi), %es\n"
    "  mov 24(%rdi), %rax\n"
    "  mov 32(%rdi), %rcx\n"
    "  mov 40(%rdi), %rdx\n"
    "  mov 48(%rdi), %rbx\n"
    "  mov 64(%rdi), %rbp\n"
    "  mov 72(%rdi), %rsi\n"
    "  mov 88(%rdi), %r8\n"
    "  mov 96(%rdi), %r9\n"
    "  mov 104(%rdi), %r10\n"
    "  mov 112(%rdi), %r11\n"
    "  mov 120(%rdi), %r12\n"
    "  mov 128(%rdi), %r13\n"
    "  mov 136(%rdi), %r14\n"
    "  mov 144(%rdi), %r15\n"
    "  mov 80(%rdi), %rdi\n"
    "  iretq\n");
_Static_assert(offsetof(struct start, registers) == 24 && offsetof(struct start, selectors) == 176, "enter() knows struct start");

/* Without a library from here on: FS, where it keeps its own, is the case's. */
static void copy(void *to, const void *from, size_t n) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}
static void leave(int status) {
  for (;;) system_call(SYS_exit_group, (void *)(long)status, 0, 0);
}

static uint8_t input[1 << 16], output[1 << 16];
static size_t have, taken, made;

static void flush(void) {
  for (size_t done = 0; done < made;) {
    long n = system_call(SYS_write, (void *)1, output + done, made - done);
    if (n <= 0) leave(4);
    done += n;
  }
  made = 0;
}
static void put(const void *from, size_t n) {
  for (const uint8_t *p = from; n > 0;) {
    size_t part = sizeof output - made < n ? sizeof output - made : n;
    copy(output + made, p, part);
    made += part, p += part, n -= part;
    if (made == sizeof output) flush();
  }
}
static void get(void *to, size_t n) {
  for (uint8_t *p = to; n > 0;) {
    if (taken == have) {
      flush(); /* whoever asks may wait for the answer */
      long more = system_call(SYS_read, 0, input, sizeof input);
      if (more <= 0) leave(more < 0 ? 4 : 0);
      have = more, taken = 0;
    }
    size_t part = have - taken < n ? have - taken : n;
    copy(p, input + taken, part);
    taken += part, p += part, n -= part;
  }
}

/* Bytes between two that changed are sent too where they are few. */
static void put_changes(uint64_t at, uint32_t size, const uint8_t *old) {
  const uint8_t *now = (const uint8_t *)at;
  for (uint32_t i = 0; i < size;) {
    if (i % 8 == 0 && *(const uint64_t *)(now + i) == *(const uint64_t *)(old + i)) { i += 8; continue; }
    if (now[i] == old[i]) { i++; continue; }
    uint32_t first = i, last = i;
    for (; i < size && i - last < 8; i++)
      if (now[i] != old[i]) last = i;
    struct span s = {at + first, last - first + 1, 0};
    put(&s, sizeof s);
    put(now + first, s.size);
  }
}

static void handler(int number, siginfo_t *information, void *context) {
  (void)information;
  if (!running) leave(5); /* a fault of this file */
  running = 0;
  const mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
  const greg_t *g = m->gregs;
  static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  end.signal = number;
  end.vector = number == SIGVTALRM ? 255 : g[REG_TRAPNO];
  end.error = g[REG_ERR];
  end.cr2 = g[REG_CR2];
  end.rip = g[REG_RIP];
  end.flags = g[REG_EFL];
  for (int i = 0; i < 16; i++) end.registers[i] = g[order[i]];
  end.selectors[0] = g[REG_CSGSFS] & 0xffff;
  end.selectors[1] = (uint64_t)g[REG_CSGSFS] >> 48;
  uint16_t s;
  __asm__ volatile("mov %%ds, %0" : "=r"(s)); end.selectors[2] = s;
  __asm__ volatile("mov %%es, %0" : "=r"(s)); end.selectors[3] = s;
  __asm__ volatile("mov %%fs, %0" : "=r"(s)); end.selectors[4] = s;
  __asm__ volatile("mov %%gs, %0" : "=r"(s)); end.selectors[5] = s;
  copy(end.fx, m->fpregs, 512);
  __builtin_longjmp(resume, 1);
}

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void map(uint64_t at, uint32_t size, int rights) {
  if (mmap((void *)at, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)at) fail("mmap of a case's memory");
}

static void segment(unsigned index, uint32_t base, uint32_t limit, int wide, int code) {
  struct user_desc d;
  memset(&d, 0, sizeof d);
  d.entry_number = index;
  d.base_addr = base;
  d.limit = limit;
  d.seg_32bit = wide;
  d.contents = code ? 2 : 0;
  d.useable = 1;
  if (syscall(SYS_modify_ldt, 0x11, &d, sizeof d)) fail("modify_ldt");
}

static void lock(void) {
  uint64_t at = (uintptr_t)only_call;
  struct sock_filter rules[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)at, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(at >> 32), 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  };
  struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) fail("seccomp");
}

static void prepare(void) {
  size_t total = 0;
  for (unsigned i = 0; i < AREAS; total += areas[i++].size) {
    map(areas[i].at, areas[i].size, PROT_READ | PROT_WRITE | (areas[i].code ? PROT_EXEC : 0));
    for (uint32_t k = 0; k < areas[i].size; k++)
      blank[total + k] = areas[i].code ? 0xcc : (uint32_t)(areas[i].at + k) * 0x9E3779B1u >> 24;
    copy((void *)areas[i].at, blank + total, areas[i].size);
  }
  map(FRAME, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
  copy((void *)FRAME, load_stack, sizeof load_stack);
  frame = (uint64_t *)(FRAME + 0x800);
  segment(0, CODE, 0xfff, 0, 1);
  segment(1, DATA, 0x1fff, 0, 0);
  segment(2, STACK, 0xfff, 0, 0);
  segment(3, DATA + 0x800, 0x7ff, 1, 0);
  segment(4, DATA + 0x1000, 0xfff, 0, 0);
  stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  static const int signals[] = {SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGSYS, SIGVTALRM};
  if (sigaltstack(&stack, 0)) fail("sigaltstack");
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
    if (sigaction(signals[i], &action, 0)) fail("sigaction");
}

/* How many areas the case knows. */
static unsigned known(void) { return start.bits == 64 ? AREAS : NARROW_AREAS; }

/* What the last case left is put back; the next one's code and spans come. */
static void next(void) {
  static int shown = 1;
  get(&start, sizeof start);
  if (shown != (start.bits == 64)) {
    shown = !shown;
    if (system_call(SYS_mprotect, (void *)areas[LINE].at, (void *)(uintptr_t)areas[LINE].size, shown ? PROT_READ | PROT_WRITE : PROT_NONE)) leave(4);
  }
  for (unsigned i = 0, at = 0; i < known(); at += areas[i++].size) copy((void *)areas[i].at, blank + at, areas[i].size);
  get((void *)start.at, start.length);
  for (uint32_t i = 0; i < start.spans; i++) {
    struct span s;
    get(&s, sizeof s);
    get((void *)s.at, s.size);
  }
  for (unsigned i = 0, at = 0; i < known(); at += areas[i++].size) copy(before + at, (void *)areas[i].at, areas[i].size);
}

static void answer(void) {
  if (start.bits == 64) {
    system_call(SYS_arch_prctl, (void *)ARCH_GET_FS, &end.fs_base, 0);
    system_call(SYS_arch_prctl, (void *)ARCH_GET_GS, &end.gs_base, 0);
  }
  put(&end, sizeof end);
  for (unsigned i = 0, at = 0; i < known(); at += areas[i++].size)
    if (!areas[i].code) put_changes(areas[i].at, areas[i].size, before + at);
  static const struct span none;
  put(&none, sizeof none);
}

int main(void) {
  prepare();
  lock();
  volatile int answered = 1;
  static const struct itimerval limit = {.it_value = {SECONDS, 0}}, never;
  __builtin_setjmp(resume);
  system_call(SYS_setitimer, (void *)ITIMER_VIRTUAL, &never, 0);
  if (!answered) answer();
  next();
  answered = 0;
  copy(fx, start.fx, 512);
  frame[0] = start.rip;
  frame[1] = start.selectors[0];
  frame[2] = start.flags;
  frame[3] = start.registers[4];
  frame[4] = start.selectors[1];
  if (start.bits == 16 && !(start.flags & TF)) {
    *(struct stack *)(FRAME + 0x40) = (struct stack){start.selectors[1], start.registers[4], start.rip, start.selectors[0]};
    frame[0] = FRAME;
    frame[1] = CODE32;
    frame[4] = DATA32;
  }
  __asm__ volatile("mov %0, %%fs\n mov %1, %%gs" : : "r"(start.selectors[4]), "r"(start.selectors[5]));
  if (start.bits == 64) {
    system_call(SYS_arch_prctl, (void *)ARCH_SET_FS, (void *)start.fs_base, 0);
    system_call(SYS_arch_prctl, (void *)ARCH_SET_GS, (void *)start.gs_base, 0);
  }
  system_call(SYS_setitimer, (void *)ITIMER_VIRTUAL, &limit, 0);
  running = 1;
  enter(&start, frame, fx);
}
