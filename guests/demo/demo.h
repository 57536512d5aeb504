/*
 * Ringside's demo guest: a monitor that runs on the bare (virtual) machine. 32 or 64 bits, multiboot 1, no libraries.
 * boot.S enters, machine.c owns processor and interrupts, console.c screen, serial line and keyboard,
 * hardware.c looks at the rest of the PC, monitor.c is what one types at.
 */
#ifndef DEMO_H
#define DEMO_H

#include "../machine.h"

#define TICKS_PER_SECOND 100

/* As wide as a register and an address; WORD prints one. R begins its name. */
typedef unsigned long word;
#ifdef __x86_64__
#define WORD "%016lx"
#define R "R"
#else
#define WORD "%08lx"
#define R "E"
#endif

static inline u64 rdtsc(void) { u32 low, high; __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)); return (u64)high << 32 | low; }
/* Waits for an interrupt. STI takes effect after HLT has begun, so that none is lost between the two. */
static inline void wait_for_interrupt(void) { __asm__ volatile("sti; hlt" ::: "memory"); }

/* What the interrupt stubs in boot.S push. In 32-bit code user_sp and user_ss are there only when the interrupt came from ring 3. */
struct frame {
#ifdef __x86_64__
  word r15, r14, r13, r12, r11, r10, r9, r8, bp, di, si, dx, cx, bx, ax;
#else
  word di, si, bp, sp, bx, dx, cx, ax;
#endif
  word vector, error, ip, cs, flags, user_sp, user_ss;
};

/* What a function keeps for its caller, the stack pointer and where to go on. */
struct context {
#ifdef __x86_64__
  word bx, bp, r12, r13, r14, r15, sp, ip;
#else
  word bx, si, di, bp, sp, ip;
#endif
};
/* Returns 0 when called, and again with 1 when restore_context goes back to it. */
int save_context(struct context *) __attribute__((returns_twice));
void restore_context(struct context *) __attribute__((noreturn));

/* Multiboot information, section 3.3 of the specification: the fields used here. */
struct multiboot {
  u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
  u32 drives_length, drives_addr, config_table, boot_loader_name;
};
struct module { u32 start, end, string, reserved; };

/* GDTR and IDTR in memory. */
struct __attribute__((packed)) table_register { u16 limit; word base; };

/* machine.c */
extern volatile u32 ticks;
extern volatile u32 interrupts[16];
extern struct context monitor_context;
void machine_start(void);
void explain_frame(const struct frame *);
void ring3(void);
void triple_fault(void) __attribute__((noreturn));
int paging_is_on(void);

/* console.c */
void console_start(void);
void console_listen(void);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void put(char);
void colour(u8 attribute);
void clear_screen(void);
void title_bar(void);
int key_pressed(void);
int read_key(void);
void read_line(char *line, u32 size);
void keyboard_interrupt(void);
void serial_interrupt(void);
int has_serial(void);
int has_keyboard(void);

/* hardware.c */
void hardware_start(void);
void cpuid(u32 leaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
void cpu_name(char *name49);
int cpu_has_tsc(void);
int cpu_has_pse(void);
void show_cpuid(void);
void show_pci(void);
void show_acpi(void);
void show_date(void);
void power_off(void);
void reboot(void) __attribute__((noreturn));

/* small things, in console.c */
u64 divide(u64 value, u32 by, u32 *rest);
int same(const char *, const char *);
int starts(const char *text, const char *with);

#define TEXT 0x07
#define BRIGHT 0x0f
#define GREEN 0x0a
#define YELLOW 0x0e
#define RED 0x0c
#define CYAN 0x0b
#define BAR 0x1f

#endif
