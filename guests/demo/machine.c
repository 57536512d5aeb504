/*
 * The processor and the three chips that make it tick: descriptor tables, paging, exceptions, 8259 interrupt controllers, 8254 timer.
 * Sources: Intel SDM volume 3, chapters 3 to 7; 8259A and 8254 datasheets.
 */
#include "demo.h"

extern char stubs[], text_start[], text_end[], user_start[], user_code[], user_stack_top[];
void load_segments(void);

#define CODE 0x08
#define DATA 0x10
#define USER_CODE 0x1b
#define USER_DATA 0x23
#define TSS 0x28
#define STUB_BYTES 16
#define VECTORS 48
#define FIRST_IRQ 32

#define PRESENT 1
#define WRITABLE 2
#define USER 4
#define LARGE 0x80

volatile u32 ticks;
volatile u32 interrupts[16];
struct context monitor_context;

#define PAGE_ENTRIES (4096 / sizeof(word))

#ifdef __x86_64__
/* Code has L in D's place. Descriptors of a system's segments and gates have 16 bytes. */
static u64 gdt[7] = {0, 0x00af9a000000ffffull, 0x00cf92000000ffffull, 0x00affa000000ffffull, 0x00cff2000000ffffull};
static u64 idt[VECTORS][2];
/* boot.S has begun with them. */
extern word top[], pointers[], directories[];
#else
static u64 gdt[6] = {0, 0x00cf9a000000ffffull, 0x00cf92000000ffffull, 0x00cffa000000ffffull, 0x00cff2000000ffffull};
static u64 idt[VECTORS][1];
static word page_directory[PAGE_ENTRIES] __attribute__((aligned(4096)));
#endif
static u32 tss[26];
static word low_pages[PAGE_ENTRIES] __attribute__((aligned(4096)));
static u8 interrupt_stack[4096] __attribute__((aligned(16)));

static void load_tables(void) {
  struct table_register gdtr = {sizeof gdt - 1, (word)gdt};
  struct table_register idtr = {sizeof idt - 1, (word)idt};
  word base = (word)tss;

  tss[1] = (word)interrupt_stack + sizeof interrupt_stack; /* ESP0 or RSP0: where interrupts of ring 3 arrive */
#ifndef __x86_64__
  tss[2] = DATA;
#endif
  tss[25] = sizeof tss << 16; /* no I/O permission bitmap */
  gdt[5] = (sizeof tss - 1) | (u64)(base & 0xffffff) << 16 | 0x89ull << 40 | (u64)(base >> 24) << 56;
  for (u32 vector = 0; vector < VECTORS; vector++) {
    word entry = (word)stubs + vector * STUB_BYTES;
    idt[vector][0] = (entry & 0xffff) | CODE << 16 | 0x8e00ull << 32 | (u64)(entry >> 16) << 48;
  }
  __asm__ volatile("lgdt %0" ::"m"(gdtr));
  load_segments();
  __asm__ volatile("lidt %0" ::"m"(idtr));
  __asm__ volatile("ltr %w0" ::"r"(TSS));
}

/* Everything where it is physically; address 0 is nobody's, the program itself cannot be written, one page is ring 3's. */
static void start_paging(void) {
  for (u32 i = 0; i < PAGE_ENTRIES; i++) {
    word address = i << 12;
    u32 is_text = address >= (word)text_start && address < (word)text_end;
    u32 is_user = address == (word)user_start || address == (word)user_stack_top - 4096;
    low_pages[i] = address | PRESENT | (is_text ? 0 : WRITABLE) | (is_user ? USER : 0);
  }
  low_pages[0] = 0;
#ifdef __x86_64__
  top[0] |= USER;
  pointers[0] |= USER;
  directories[0] = (word)low_pages | PRESENT | WRITABLE | USER;
  __asm__ volatile(
      "mov %0, %%cr3;"
      "mov %%cr0, %%rax; or $0x10000, %%eax; mov %%rax, %%cr0;" /* WP */
      ::"r"(top)
      : "rax", "memory");
#else
  if (!cpu_has_pse()) return;
  for (u32 i = 1; i < PAGE_ENTRIES; i++) page_directory[i] = i << 22 | PRESENT | WRITABLE | LARGE;
  page_directory[0] = (word)low_pages | PRESENT | WRITABLE | USER;
  __asm__ volatile(
      "mov %%cr4, %%eax; or $0x10, %%eax; mov %%eax, %%cr4;" /* PSE */
      "mov %0, %%cr3;"
      "mov %%cr0, %%eax; or $0x80010000, %%eax; mov %%eax, %%cr0;" /* PG, WP */
      "jmp 1f; 1:" ::"r"(page_directory)
      : "eax", "memory");
#endif
}

int paging_is_on(void) {
  word cr0;
  __asm__("mov %%cr0, %0" : "=r"(cr0));
  return cr0 >> 31 & 1;
}

static void start_interrupts(void) {
  const u8 first[] = {0x11, FIRST_IRQ, 4, 1}, second[] = {0x11, FIRST_IRQ + 8, 2, 1};
  u32 divisor = 1193182 / TICKS_PER_SECOND;
  for (u32 i = 0; i < 4; i++) {
    out8(i == 0 ? 0x20 : 0x21, first[i]);
    out8(i == 0 ? 0xa0 : 0xa1, second[i]);
  }
  out8(0x21, (u8) ~(1 << 0 | 1 << 1 | 1 << 4)); /* timer, keyboard, COM1 */
  out8(0xa1, 0xff);
  out8(0x43, 0x34); /* channel 0, low then high byte, mode 2 */
  out8(0x40, divisor & 0xff);
  out8(0x40, divisor >> 8);
  console_listen();
  __asm__ volatile("sti");
}

void machine_start(void) {
  load_tables();
  start_paging();
  start_interrupts();
}

static const char *const names[32] = {
    "#DE divide error", "#DB debug exception", "NMI", "#BP breakpoint", "#OF overflow", "#BR bound range exceeded", "#UD invalid opcode",
    "#NM no coprocessor", "#DF double fault", "coprocessor segment overrun", "#TS invalid TSS", "#NP segment not present", "#SS stack fault",
    "#GP general protection", "#PF page fault", "vector 15", "#MF x87 error", "#AC alignment check", "#MC machine check", "#XM SIMD error",
};

static void explain_page_fault(const struct frame *frame) {
  word address;
  __asm__ volatile("mov %%cr2, %0" : "=r"(address));
  print("  CR2 = " WORD ": the address that could not be %s.\n", address, frame->error & 2 ? "written" : frame->error & 16 ? "executed" : "read");
  print("  Error code %lx: %s, access from ring %d.\n", frame->error,
        frame->error & 1 ? "the page is there but does not allow it" : "no page table entry is present", frame->error & 4 ? 3 : 0);
}

static void explain_selector(const struct frame *frame) {
  if (frame->error == 0) {
    print("  Error code 0: not about a selector; the instruction is not allowed here.\n");
    return;
  }
  print("  Error code %lx: entry %lu of the %s.\n", frame->error, frame->error >> 3, frame->error & 2 ? "IDT" : frame->error & 4 ? "LDT" : "GDT");
}

void explain_frame(const struct frame *frame) {
  colour(YELLOW);
  print("Exception %lu, %s\n", frame->vector, frame->vector < 32 && names[frame->vector] ? names[frame->vector] : "reserved");
  colour(TEXT);
  print("  at " R "IP = " WORD " in ring %lu (CS = %04lx), " R "FLAGS = " WORD "\n", frame->ip, frame->cs & 3, frame->cs & 0xffff, frame->flags);
  if (frame->vector == 14) explain_page_fault(frame);
  else if (frame->vector >= 10 && frame->vector <= 13) explain_selector(frame);
  else if (frame->vector == 0) print("  DIV or IDIV by zero, or with a quotient that does not fit.\n");
  else if (frame->vector == 6) print("  The bytes at " R "IP are no instruction: %02x %02x.\n", ((u8 *)frame->ip)[0], ((u8 *)frame->ip)[1]);
  else if (frame->vector == 3) print("  INT3 is a trap: " R "IP already points behind it, and the program goes on there.\n");
#ifdef __x86_64__
  print("  rax " WORD "  rbx " WORD "  rcx " WORD "\n", frame->ax, frame->bx, frame->cx);
  print("  rdx " WORD "  rsi " WORD "  rdi " WORD "\n", frame->dx, frame->si, frame->di);
  print("  rbp " WORD "  rsp " WORD "  r8  " WORD "\n", frame->bp, frame->user_sp, frame->r8);
  print("  r9  " WORD "  r10 " WORD "  r11 " WORD "\n", frame->r9, frame->r10, frame->r11);
  print("  r12 " WORD "  r13 " WORD "  r14 " WORD "\n", frame->r12, frame->r13, frame->r14);
  print("  r15 " WORD "\n", frame->r15);
#else
  print("  eax " WORD "  ebx " WORD "  ecx " WORD "  edx " WORD "\n", frame->ax, frame->bx, frame->cx, frame->dx);
  print("  esi " WORD "  edi " WORD "  ebp " WORD "  esp " WORD "\n", frame->si, frame->di, frame->bp, frame->cs & 3 ? frame->user_sp : frame->sp + 20);
#endif
}

void handle_interrupt(struct frame *frame) {
  if (frame->vector < FIRST_IRQ) {
    explain_frame(frame);
    if (frame->vector == 3) return;
    colour(GREEN);
    print("Caught: the handler in the IDT wrote this. The monitor goes on.\n");
    colour(TEXT);
    restore_context(&monitor_context);
  }
  u32 irq = frame->vector - FIRST_IRQ;
  interrupts[irq]++;
  if (irq == 0) {
    ticks++;
    if (ticks % (TICKS_PER_SECOND / 10) == 0) title_bar();
  } else if (irq == 1) keyboard_interrupt();
  else if (irq == 4) serial_interrupt();
  if (irq >= 8) out8(0xa0, 0x20);
  out8(0x20, 0x20);
}

/* Leaves ring 0 as a return from an interrupt would; the code there does CLI, which ends in #GP. */
void ring3(void) {
  __asm__ volatile(
#ifdef __x86_64__
      "push %0; push %1; pushf; push %2; push %3; iretq"
#else
      "push %0; push %1; pushf; push %2; push %3; iret"
#endif
      ::"i"(USER_DATA), "r"(user_stack_top), "i"(USER_CODE), "r"(user_code)
      : "memory");
}

/* An exception without an IDT ends in a second and a third one: the processor shuts down, and a PC resets. */
void triple_fault(void) {
  static struct table_register none;
  __asm__ volatile("cli; lidt %0; int3" ::"m"(none));
  for (;;) __asm__ volatile("hlt");
}
