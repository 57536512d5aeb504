/* The IDT, both PICs (8259A), the timer (8254), and what becomes of exceptions. */
#include "pcos.h"

enum { PIC1 = 0x20, PIC2 = 0xa0, PIT = 0x40, FIRST_IRQ = 32, YIELD = 48, VECTORS = 49 };
enum { CODE = 8, DATA = 16, STILL_TASK = 0x18, FAULT_TASK = 0x20 };
enum { HZ = 1193182, RELOAD = HZ / TICKS_PER_SECOND };
extern u8 vectors[];
extern u32 gdt[][2];
extern void on_double_fault(void);
volatile u32 ticks;
u32 irq_counts[16];
static void (*handlers[16])(u32);
static u32 idt[VECTORS][2];
/* Intel's task state segment, as far as it is used here. */
struct tss { u32 link, esp0, ss0, unused[4], cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt; u16 trap, map; };
static struct tss still, fault_task;
static u8 fault_stack[2048];

static void task_segment(u32 selector, struct tss *tss) {
  u32 base = (u32)tss;
  tss->map = sizeof *tss;
  gdt[selector / 8][0] = base << 16 | (sizeof *tss - 1);
  gdt[selector / 8][1] = (base & 0xff000000) | 0x8900 | (base >> 16 & 0xff);
}

void on_irq(u32 irq, void (*handler)(u32)) {
  handlers[irq] = handler;
  u16 port = irq < 8 ? PIC1 + 1 : PIC2 + 1;
  out8(port, in8(port) & ~(1 << (irq & 7)));
}

u32 microseconds(void) {
  u32 flags = lock();
  out8(PIT + 3, 0); /* counter 0 is held */
  u32 count = in8(PIT);
  count |= in8(PIT) << 8;
  u32 now = ticks;
  /* It may have begun again, and its interrupt waits. */
  out8(PIC1, 0x0a);
  if (in8(PIC1) & 1 && count > RELOAD / 2) now++;
  unlock(flags);
  return now * (1000000 / TICKS_PER_SECOND) + (RELOAD - count) * (1000000 / TICKS_PER_SECOND) / RELOAD;
}

void interrupts_start(void) {
  struct { u16 limit; u32 base; } PACKED idtr = { sizeof idt - 1, (u32)idt };
  for (u32 i = 0; i < VECTORS; i++) {
    u32 entry = (u32)vectors + 16 * i;
    idt[i][0] = CODE << 16 | (entry & 0xffff);
    idt[i][1] = (entry & 0xffff0000) | 0x8e00; /* an interrupt gate */
  }
  task_segment(STILL_TASK, &still);
  task_segment(FAULT_TASK, &fault_task);
  __asm__ volatile("mov %%cr3, %0" : "=r"(fault_task.cr3));
  fault_task.eip = (u32)on_double_fault;
  fault_task.esp = (u32)fault_stack + sizeof fault_stack;
  fault_task.eflags = 2;
  fault_task.cs = CODE;
  fault_task.ss = fault_task.ds = fault_task.es = fault_task.fs = fault_task.gs = DATA;
  still.cr3 = fault_task.cr3;
  idt[8][0] = FAULT_TASK << 16;
  idt[8][1] = 0x8500; /* a task gate */
  __asm__ volatile("lidt %0; ltr %w1" : : "m"(idtr), "r"(STILL_TASK));
  /* IRQ 0 to 15 at vectors 32 to 47; all but the second PIC's are masked until somebody wants them. */
  out8(PIC1, 0x11); out8(PIC1 + 1, FIRST_IRQ); out8(PIC1 + 1, 4); out8(PIC1 + 1, 1);
  out8(PIC2, 0x11); out8(PIC2 + 1, FIRST_IRQ + 8); out8(PIC2 + 1, 2); out8(PIC2 + 1, 1);
  out8(PIC1 + 1, 0xfa);
  out8(PIC2 + 1, 0xff);
  out8(PIT + 3, 0x34); /* counter 0 divides */
  out8(PIT, RELOAD & 0xff);
  out8(PIT, RELOAD >> 8);
}

static const char *const names[] = { "divide error", "debug exception", "NMI", "breakpoint", "overflow", "bound", "invalid opcode", "no coprocessor", "double fault",
  "", "invalid TSS", "segment not present", "stack fault", "general protection fault", "page fault", "", "coprocessor error", "alignment check" };

static void fault(struct frame *f) {
  u32 address;
  __asm__ volatile("mov %%cr2, %0" : "=r"(address));
  print("\n%s: %s at %08x", task_name(), f->vector < LENGTH(names) ? names[f->vector] : "exception", f->eip);
  if (f->vector == 14) print(", which %s %08x%s", f->error & 2 ? "writes to" : "reads", address, f->error & 1 ? " without leave" : ", where nothing is");
  print(". The task is ended.\n");
  task_end();
}

/* In a hardware task of its own. The one that had no stack left ends when it is gone back to. */
void double_fault(void) {
  print("\n%s: its stack is used up at %08x. The task is ended.\n", task_name(), still.eip);
  /* Of what lies on its stack nothing is wanted. */
  still.esp = task_stack();
  still.eip = (u32)task_end;
  still.eflags = 2;
}

u32 interrupt(struct frame *f) {
  if (f->vector < FIRST_IRQ) fault(f);
  if (f->vector >= YIELD) return schedule((u32)f);
  u32 irq = f->vector - FIRST_IRQ;
  u16 pic = irq < 8 ? PIC1 : PIC2;
  /* A spurious one is in no service register (OCW3). */
  if ((irq & 7) == 7) {
    out8(pic, 0x0b);
    if (!(in8(pic) & 0x80)) { if (irq == 15) out8(PIC1, 0x20); return (u32)f; }
  }
  irq_counts[irq]++;
  if (irq == 0) ticks++;
  if (handlers[irq]) handlers[irq](irq);
  if (irq >= 8) out8(PIC2, 0x20);
  out8(PIC1, 0x20);
  return schedule((u32)f);
}

void reboot(void) {
  out8(0x64, 0xfe); /* the keyboard controller pulls the reset line */
  for (;;) __asm__ volatile("cli; hlt");
}
