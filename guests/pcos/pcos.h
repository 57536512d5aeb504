/* pcos, a small system for a PC in protected mode. What its files offer each other. */
#include "../machine.h"

#define PAGE 4096u
#define PACKED __attribute__((packed))
#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Interrupts off, and as they were. What tasks and interrupts share is touched between the two. */
static inline u32 lock(void) { u32 flags; __asm__ volatile("pushf; pop %0; cli" : "=r"(flags) : : "memory"); return flags; }
static inline void unlock(u32 flags) { __asm__ volatile("push %0; popf" : : "r"(flags) : "memory", "cc"); }

/* text.c */
u32 length(const char *s);
int same(const char *a, const char *b);
void copy(void *to, const void *from, u32 bytes);
void fill(void *to, u8 value, u32 bytes);
/* %s %c %u %d %x, with a width, 0 or - before it. */
void format(char *to, u32 room, const char *pattern, ...);
void print(const char *pattern, ...);
/* Decimal, or hexadecimal with 0x; `end`: what follows it. */
u32 number(const char *s, const char **end);

/* console.c: 24 lines of text below a status line; what is printed goes to COM1, too. */
enum { PLAIN = 0x07, GREEN = 0x0a, WHITE = 0x0f };
void console_start(void);
void set_ink(u8 colour);
void put(char c);
void status(const char *text);
void clear_screen(void);
/* While graphics are shown the text is only remembered. */
void show_text(int on);
void cursor_on(void);
void serial_put(char c);

/* interrupts.c */
#define TICKS_PER_SECOND 100
struct frame { u32 edi, esi, ebp, esp, ebx, edx, ecx, eax, vector, error, eip, cs, eflags; };
extern volatile u32 ticks;
extern u32 irq_counts[16];
void interrupts_start(void);
void on_irq(u32 irq, void (*handler)(u32 irq));
/* Microseconds since the start, by the timer's counter. */
u32 microseconds(void);
void reboot(void);

/* memory.c */
struct range { u64 base, bytes; u32 type; } PACKED;
extern u32 free_frames, all_frames;
void memory_start(const struct range *ranges, u32 count);
void print_memory(void);
u32 frame_take(void);
void frame_give(u32 address);
enum { WRITABLE = 2 };
void map(u32 address, u32 frame, u32 flags);
u32 unmap(u32 address);

/* tasks.c: threads, a tick each. */
struct task;
extern struct task *current;
void tasks_start(void);
int task_new(const char *name, void (*run)(u32), u32 value);
void task_end(void);
int task_kill(u32 id);
const char *task_name(void);
/* Where the stack of the task that runs begins. */
u32 task_stack(void);
/* Sleeps until somebody wakes what it waits for, or this many ticks have passed; 0: no limit. Interrupts are off before and after. */
void wait_for(volatile void *what, u32 most_ticks);
void wake(volatile void *what);
void sleep(u32 how_many_ticks);
void print_tasks(void);
u32 task_count(void);
u32 schedule(u32 frame);

/* input.c: keyboard, mouse and COM1. */
enum { UP_KEY = 0x80, DOWN_KEY, LEFT_KEY, RIGHT_KEY };
struct mouse { int x, y; u8 buttons; };
extern volatile struct mouse mouse;
extern volatile u32 input_events;
void input_start(void);
/* The next key, or -1 where `wait` is 0 and there is none. */
int key(int wait);

/* draw.c */
void draw(void);

/* pci.c: a function by its place in configuration space; 0: there is none. */
u32 pci_read(u32 function, u32 at);
void pci_write(u32 function, u32 at, u32 value);
u32 pci_next(u32 after);
void print_pci(void);

/* ata.c */
extern u32 disk_sectors;
void ata_start(void);
int disk_read(u32 sector, void *to);
int disk_write(u32 sector, const void *from);

/* fat.c: the files of a FAT12 partition's root. Each returns a sentence that says what is wrong, or 0. */
const char *fat_start(void);
const char *fat_list(void);
const char *fat_read(const char *name, void (*give)(const u8 *bytes, u32 count));
const char *fat_write(const char *name, const u8 *bytes, u32 count);
const char *fat_remove(const char *name);

/* net.c, and a driver a file: a card is a `nic` with three functions. */
enum { FRAME_BYTES = 1514 };
struct nic {
  const char *name, *model;
  u8 mac[6], irq;
  u16 io;
  u32 ip, mask, gateway, received, sent;
  void (*send)(struct nic *, const void *frame, u32 bytes);
  /* 0: nothing has come. */
  u32 (*receive)(struct nic *, void *frame);
  /* Says the card that its interrupt was seen; true if it was its own. */
  int (*acknowledge)(struct nic *);
};
void net_start(void);
struct nic *nic_named(const char *name);
void print_nics(void);
const char *dhcp(struct nic *);
u32 parse_ip(const char *s, const char **end);
/* `by`: the card; 0: the one that leads there. */
const char *ping(struct nic *by, u32 to, u32 count);
void pcnet_start(struct nic *, u32 function);
void ne2000_start(struct nic *, u32 function);

/* power.c */
void power_start(void);
/* Switches off once the button was pressed: called from a task. */
void power_look(void);
/* Returns where the machine has no switch that is known. */
void off(void);

/* shell.c */
void shell(u32 unused);
