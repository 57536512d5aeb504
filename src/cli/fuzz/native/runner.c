/*
 * Runs single instructions of 32- and 16-bit user code on this processor:  runner INPUT OUTPUT
 *
 * Both files are mapped: struct start and struct end, one for each case (cases.ts writes and reads them). The process is a 64-bit one that enters the
 * code by IRETQ to a 32-bit segment with TF set; a signal handler takes the state from its frame and goes on with the next case, without sigreturn. Once
 * it begins, seccomp turns every system call into a signal, but for exit_group at one address, which 32-bit code cannot reach: what random code asks of
 * the kernel only ends its case. Nothing of the process lies below 4 GiB but the areas of a case.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <fcntl.h>
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x20000ul
#define CODE_SIZE 0x1000ul
#define START 0x400ul
#define DATA 0x30000ul
#define DATA_SIZE 0x2000ul
#define STACK 0x34000ul
#define STACK_SIZE 0x1000ul
/* IRETQ's frame: bits 16-31 of ESP stay what they were there when the stack is a 16-bit one, so this page lies in the 64 KiB of STACK. */
#define FRAME 0x3f000ul

#define SPANS 4
#define SPAN_BYTES 64
#define CHANGES 700

struct start {
  uint32_t bits, length;
  uint8_t code[16];
  uint32_t registers[8], flags;
  uint32_t cs, ss, ds, es, fs, gs;
  struct { uint32_t address; uint8_t bytes[SPAN_BYTES]; } spans[SPANS];
  uint32_t reserved;
  uint8_t fx[512];
};

struct end {
  uint32_t done, signal, vector, error, cr2, eip, flags, registers[8];
  uint32_t cs, ss, ds, es, fs, gs;
  uint32_t changes;
  uint32_t changed[CHANGES]; /* address << 8 | byte */
  uint8_t fx[512];
};

static const struct start *start;
static struct end *end;
static volatile int running;
static volatile uint32_t current;
static void *resume[5];
static uint8_t initial[DATA_SIZE + STACK_SIZE], before[DATA_SIZE + STACK_SIZE], handler_stack[65536] __attribute__((aligned(64)));
static uint8_t fx[512] __attribute__((aligned(16)));
static uint64_t *frame;

extern char exit_call[], exit_called[];
void enter(const struct start *, uint64_t *, const uint8_t *) __attribute__((noreturn));
__asm__(
    ".text\n"
    "enter:\n"
    "  mov %rdi, %r8\n"
    "  mov %rsi, %rsp\n"
    "  pushq $2\n" /* NT and AC of the case before */
    "  popfq\n"
    "  fxrstor (%rdx)\n"
    "  mov 68(%r8), %ds\n"
    "  mov 72(%r8), %es\n"
    "  mov 76(%r8), %fs\n"
    "  mov 80(%r8), %gs\n"
    "  mov 24(%r8), %eax\n"
    "  mov 28(%r8), %ecx\n"
    "  mov 32(%r8), %edx\n"
    "  mov 36(%r8), %ebx\n"
    "  mov 44(%r8), %ebp\n"
    "  mov 48(%r8), %esi\n"
    "  mov 52(%r8), %edi\n"
    "  iretq\n"
    ".globl exit_call, exit_called\n"
    "exit_call:\n"
    "  mov $231, %eax\n"
    "  xor %edi, %edi\n"
    "  syscall\n"
    "exit_called:\n"
    "  hlt\n");
_Static_assert(offsetof(struct start, ds) == 68 && offsetof(struct start, registers) == 24, "enter() knows struct start");

/* Without a library: FS, where it keeps its own, is the case's. */
static void copy(void *to, const void *from, size_t n) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static void compare(struct end *e, uint32_t base, uint32_t size, const uint8_t *old) {
  const uint8_t *now = (const uint8_t *)(uintptr_t)base;
  for (uint32_t i = 0; i < size; i += 8) {
    if (*(const uint64_t *)(now + i) == *(const uint64_t *)(old + i)) continue;
    for (uint32_t k = i; k < i + 8; k++)
      if (now[k] != old[k]) {
        if (e->changes < CHANGES) e->changed[e->changes] = (base + k) << 8 | now[k];
        e->changes++;
      }
  }
}

static void handler(int number, siginfo_t *information, void *context) {
  (void)information;
  if (running) {
    running = 0;
    struct end *e = &end[current];
    const mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    const greg_t *g = m->gregs;
    static const int order[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};
    e->signal = number;
    e->vector = g[REG_TRAPNO];
    e->error = g[REG_ERR];
    e->cr2 = g[REG_CR2];
    e->eip = g[REG_RIP];
    e->flags = g[REG_EFL];
    for (int i = 0; i < 8; i++) e->registers[i] = g[order[i]];
    e->cs = g[REG_CSGSFS] & 0xffff;
    e->ss = (uint64_t)g[REG_CSGSFS] >> 48;
    uint16_t s;
    __asm__ volatile("mov %%ds, %0" : "=r"(s)); e->ds = s;
    __asm__ volatile("mov %%es, %0" : "=r"(s)); e->es = s;
    __asm__ volatile("mov %%fs, %0" : "=r"(s)); e->fs = s;
    __asm__ volatile("mov %%gs, %0" : "=r"(s)); e->gs = s;
    copy(e->fx, m->fpregs, 512);
    compare(e, DATA, DATA_SIZE, before);
    compare(e, STACK, STACK_SIZE, before + DATA_SIZE);
    e->done = 1;
  }
  __builtin_longjmp(resume, 1);
}

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void area(unsigned long at, unsigned long size, int rights) {
  if (mmap((void *)at, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != (void *)at) fail("mmap of a case's memory");
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

static void *file(const char *name, int writable, size_t *size) {
  int fd = open(name, writable ? O_RDWR : O_RDONLY);
  struct stat about;
  if (fd < 0 || fstat(fd, &about)) fail(name);
  *size = about.st_size;
  void *at = mmap(0, about.st_size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) fail(name);
  return at;
}

static void lock(void) {
  uint64_t at = (uintptr_t)exit_called;
  struct sock_filter rules[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 7),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 5),
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

int main(int argc, char **argv) {
  if (argc != 3) return 3;
  size_t in, out;
  start = file(argv[1], 0, &in);
  end = file(argv[2], 1, &out);
  uint32_t count = in / sizeof *start;
  if (in % sizeof *start || out != count * sizeof *end) {
    fprintf(stderr, "%zu bytes a case in, %zu out\n", sizeof *start, sizeof *end);
    return 3; /* cases.ts and this file disagree; 2 says that the host does not let it begin */
  }
  area(CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
  area(DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
  area(STACK, STACK_SIZE, PROT_READ | PROT_WRITE);
  area(FRAME, 0x1000, PROT_READ | PROT_WRITE);
  frame = (uint64_t *)(FRAME + 0x800);
  segment(0, CODE, 0xfff, 0, 1);
  segment(1, DATA, 0x1fff, 0, 0);
  segment(2, STACK, 0xfff, 0, 0);
  segment(3, DATA + 0x800, 0x7ff, 1, 0);
  segment(4, DATA + 0x1000, 0xfff, 0, 0);
  for (uint32_t i = 0; i < DATA_SIZE; i++) initial[i] = (uint32_t)(DATA + i) * 0x9E3779B1u >> 24;
  for (uint32_t i = 0; i < STACK_SIZE; i++) initial[DATA_SIZE + i] = (uint32_t)(STACK + i) * 0x9E3779B1u >> 24;
  stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  static const int signals[] = {SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGSYS};
  if (sigaltstack(&stack, 0)) fail("sigaltstack");
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
    if (sigaction(signals[i], &action, 0)) fail("sigaction");
  lock();
  current = -1;
  __builtin_setjmp(resume);
  running = 0;
  if (++current >= count) {
    __asm__ volatile("jmp exit_call");
    __builtin_unreachable();
  }
  const struct start *s = &start[current];
  uint8_t *code = (uint8_t *)CODE;
  for (unsigned i = 0; i < CODE_SIZE; i += 8) *(uint64_t *)(code + i) = 0xccccccccccccccccul;
  copy(code + START, s->code, s->length);
  copy((void *)DATA, initial, DATA_SIZE);
  copy((void *)STACK, initial + DATA_SIZE, STACK_SIZE);
  for (int i = 0; i < SPANS; i++)
    if (s->spans[i].address) copy((void *)(uintptr_t)s->spans[i].address, s->spans[i].bytes, SPAN_BYTES);
  copy(before, (void *)DATA, DATA_SIZE);
  copy(before + DATA_SIZE, (void *)STACK, STACK_SIZE);
  copy(fx, s->fx, 512);
  frame[0] = s->bits == 16 ? START : CODE + START;
  frame[1] = s->cs;
  frame[2] = s->flags;
  frame[3] = s->registers[4];
  frame[4] = s->ss;
  running = 1;
  enter(s, frame, fx);
}
