/*
 * The hypercall layer: pages, event channels, grants, the console, xenstore, memory and suspend, for all three modes. On a PC without Xen each hypercall
 * returns -ENOSYS, and there is no xenstore.
 */
#include "minipv.h"

enum { MEMORY_OP = 12, UPDATE_VA_MAPPING = 14, GRANT_TABLE_OP = 20, SCHED_OP = 29, EVENT_CHANNEL_OP = 32, HVM_OP = 34 };
enum { SCHEDOP_YIELD = 0, SCHEDOP_SHUTDOWN = 2, SCHEDOP_POLL = 3 };
enum { EVTCHNOP_BIND_IPI = 7, EVTCHNOP_CLOSE = 3, EVTCHNOP_SEND = 4, EVTCHNOP_ALLOC_UNBOUND = 6 };
enum { PARAM_STORE_PFN = 1, PARAM_STORE_PORT = 2, PARAM_CONSOLE_PFN = 17, PARAM_CONSOLE_PORT = 18 };
enum { SPACE_SHARED_INFO = 0, SPACE_GRANT_TABLE = 1 };
#define SELF 0x7ff0

struct start_info {
  char magic[32];
  u32 nr_pages, shared_info, flags, store_mfn, store_port, console_mfn, console_port, pt_base, nr_pt_frames, mfn_list, mod_start, mod_len;
  char cmd_line[1024];
};
struct console { char in[1024], out[2048]; u32 in_cons, in_prod, out_cons, out_prod; };
struct store { char req[1024], rsp[1024]; u32 req_cons, req_prod, rsp_cons, rsp_prod; };
struct grant_entry { unsigned short flags, domid; u32 frame; };

enum mode mode;
int has_xen = 1;
volatile struct shared_info *shared;
char command_line[1024];
static struct start_info *start;
static volatile struct console *console;
static volatile struct store *store;
static volatile struct grant_entry *grants;
static u32 console_port, store_port, next_grant;
static u32 ports[16], port_count;
/* Places in the image where shared pages are put; a paravirtual guest maps a foreign frame there, the others move one into their memory. */
static u8 places[4][PAGE] ALIGNED;

static int sched_op(u32 op, void *argument) { return hypercall(SCHED_OP, op, (word)argument, 0, 0, 0); }
static int event_op(u32 op, void *argument) { return hypercall(EVENT_CHANNEL_OP, op, (word)argument, 0, 0, 0); }
static int memory_op(u32 op, void *argument) { return hypercall(MEMORY_OP, op, (word)argument, 0, 0, 0); }

u32 mfn_of(const void *page) {
  u32 pfn = (word)page / PAGE;
  return mode == PV_MODE ? ((u32 *)(word)start->mfn_list)[pfn] : pfn;
}
/* P | RW of a PAE entry; INVLPG of one address. */
static void *map_frame(u32 place, u32 mfn) {
  if (mode != PV_MODE) return (void *)((word)mfn * PAGE);
  u64 entry = (u64)mfn << 12 | 3;
  return hypercall(UPDATE_VA_MAPPING, (word)places[place], entry, entry >> 32, 2, 0) ? 0 : places[place];
}
static void *move_in(u32 place, u32 space) {
  struct { unsigned short domid, size; u32 space; word index, gpfn; } add = { SELF, 0, space, 0, (word)places[place] / PAGE };
  return memory_op(7, &add) ? 0 : places[place];
}
static u32 hvm_param(u32 index) {
  struct { unsigned short domid, pad; u32 index; u64 value; } get = { SELF, 0, index, 0 };
  return hypercall(HVM_OP, 1, (word)&get, 0, 0, 0) ? 0 : (u32)get.value;
}

static void cpuid(u32 leaf, u32 r[4]) { __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(leaf), "2"(0)); }
static int fill_hypercall_page(void) {
  extern char hypercall_page[];
  u32 r[4];
  for (u32 base = 0x40000000; base < 0x40010000; base += 0x100) {
    cpuid(base, r);
    if (r[1] != 0x566e6558 || r[2] != 0x65584d4d || r[3] != 0x4d4d566e) continue; /* "XenVMMXenVMM" */
    cpuid(base + 2, r);
    __asm__ volatile("wrmsr" :: "a"(hypercall_page), "d"(0), "c"(r[1]) : "memory");
    return 1;
  }
  /* MOV EAX, -ENOSYS; RET in each entry. */
  static const u8 refused[] = { 0xb8, 0xda, 0xff, 0xff, 0xff, 0xc3 };
  for (u32 at = 0; at < PAGE; at += 32) copy(hypercall_page + at, refused, sizeof refused);
  return 0;
}

/* The clock of a PC: its TSC against 10 ms of the 8254's channel 2 (1.193182 MHz), reported as Xen reports it. */
static void pc_clock(volatile struct vcpu_info *v) {
  enum { TICKS = 11932 };
  u32 begin[2], end[2];
  out8(0x61, (in8(0x61) & ~3) | 1);
  out8(0x43, 0xb0);
  out8(0x42, TICKS & 0xff);
  out8(0x42, TICKS >> 8);
  __asm__ volatile("rdtsc" : "=a"(begin[0]), "=d"(begin[1]));
  while (!(in8(0x61) & 0x20));
  __asm__ volatile("rdtsc" : "=a"(end[0]), "=d"(end[1]));
  u64 mul = divide(10000000ull << 32, end[0] - begin[0]);
  for (v->shift = 0; mul >> 32; mul >>= 1) v->shift++;
  v->mul = mul;
}
/* KVM's clock, whose record has the layout of Xen's: the host fills it in at the address that the MSR names (Linux, Documentation/virt/kvm/x86/msr.rst). */
static int kvm_clock(volatile struct vcpu_info *v) {
  enum { CLOCKSOURCE2 = 1 << 3, ENABLE = 1 };
  u32 r[4];
  cpuid(0x40000000, r);
  if (r[1] != 0x4b4d564b || r[2] != 0x564b4d56 || r[3] != 0x4d) return 0; /* "KVMKVMKVM" */
  cpuid(0x40000001, r);
  if (!(r[0] & CLOCKSOURCE2)) return 0;
  __asm__ volatile("wrmsr" :: "a"((u32)(word)&v->version | ENABLE), "d"(0), "c"(0x4b564d01) : "memory");
  return 1;
}

u32 pci_find(u32 mask, u32 wanted, u32 at) {
  /* Where there is no bus, nothing keeps the address. */
  out32(0xcf8, 0x80000000);
  if (in32(0xcf8) != 0x80000000) return 0;
  for (u32 device = 0x80000000; device < 0x80010000; device += 0x100) {
    out32(0xcf8, device);
    if (in32(0xcfc) == 0xffffffff) continue;
    out32(0xcf8, device | at);
    if ((in32(0xcfc) & mask) == wanted) return device;
  }
  return 0;
}
u32 pci_ports(u32 device, u32 bar, u32 otherwise) {
  out32(0xcf8, device | bar);
  u32 base = in32(0xcfc) & ~3u;
  if (!base || base > 0xffff) {
    base = otherwise;
    out32(0xcfc, base | 1);
  }
  out32(0xcf8, device | 4);
  out16(0xcfc, 5);
  return base;
}
int unplug(void) {
  if (mode != HVM_MODE || in16(0x10) != 0x49d2) return -1;
  out16(0x10, 7);
  return 0;
}

void xen_start(enum mode how, u32 info) {
  mode = how;
  const char *line = 0;
  if (mode == PV_MODE) {
    start = (struct start_info *)(word)info;
    line = start->cmd_line;
  } else {
    has_xen = fill_hypercall_page();
    /* hvm_start_info: cmdline_paddr at 24; Multiboot: flag 2 and the address at 16. */
    u32 *words = (u32 *)(word)info;
    if (mode == PVH_MODE) line = (const char *)(word)words[6];
    else if (words[0] & 4) {
      line = (const char *)(word)words[4];
      /* Its first word is the kernel's name: so do GRUB and QEMU. */
      while (*line && *line != ' ') line++;
    }
    /* A computer with a PCI bus is an HVM guest, whichever entry its loader took. */
    if (pci_find(0, 0, 0)) mode = HVM_MODE;
  }
  for (u32 i = 0; line && line[i] && i < sizeof command_line - 1; i++) command_line[i] = line[i];
  xen_connect();
}

/* Xen's own pages, where a paravirtual guest has them. */
static void map_shared(void) {
  word frame;
  struct { unsigned short dom, pad; u32 frames; short status; unsigned short pad1; word *list; } setup = { SELF, 0, 1, 0, 0, &frame };
  shared = map_frame(0, start->shared_info / PAGE);
  hypercall(GRANT_TABLE_OP, 2, (word)&setup, 1, 0, 0);
  grants = map_frame(1, frame);
}
void xen_connect(void) {
  next_grant = 8; /* The first eight are the toolstack's. */
  port_count = 0;
  if (!has_xen) {
    shared = (void *)places[0];
    if (!kvm_clock(&shared->vcpu[0])) pc_clock(&shared->vcpu[0]);
    return;
  }
  if (mode == PV_MODE) {
    map_shared();
    console = map_frame(2, start->console_mfn);
    store = map_frame(3, start->store_mfn);
    console_port = start->console_port;
    store_port = start->store_port;
  } else {
    shared = move_in(0, SPACE_SHARED_INFO);
    grants = move_in(1, SPACE_GRANT_TABLE);
    console_port = hvm_param(PARAM_CONSOLE_PORT);
    u32 pfn = hvm_param(PARAM_CONSOLE_PFN);
    console = console_port && pfn ? map_frame(2, pfn) : 0;
    store = map_frame(3, hvm_param(PARAM_STORE_PFN));
    store_port = hvm_param(PARAM_STORE_PORT);
  }
  /* Polled, never delivered: every port stays masked. */
  for (u32 i = 0; i < 8 * sizeof(word); i++) shared->mask[i] = ~(word)0;
  listen(store_port);
  if (console) listen(console_port);
}

u64 now(void) { return system_time(&shared->vcpu[0]); }

/* ---- grants and event channels */

u32 grant(const void *page, int read_only) {
  if (next_grant == PAGE / sizeof(struct grant_entry)) return 0;
  volatile struct grant_entry *entry = &grants[next_grant];
  entry->domid = 0;
  entry->frame = mfn_of(page);
  barrier();
  entry->flags = 1 | (read_only ? 4 : 0);
  return next_grant++;
}
u32 grants_used(void) { return next_grant; }

u32 new_port(void) {
  struct { unsigned short dom, remote; u32 port; } op = { SELF, 0, 0 };
  if (event_op(EVTCHNOP_ALLOC_UNBOUND, &op)) return 0;
  listen(op.port);
  return op.port;
}
int close_port(u32 port) {
  for (u32 i = 0; i < port_count; i++) if (ports[i] == port) ports[i] = ports[--port_count];
  return event_op(EVTCHNOP_CLOSE, &port);
}
int send(u32 port) { return event_op(EVTCHNOP_SEND, &port); }
void listen(u32 port) { if (port_count < 16) ports[port_count++] = port; }
int port_taken(u32 port) { return __sync_fetch_and_and((volatile u32 *)shared->pending + port / 32, ~(1u << port % 32)) >> port % 32 & 1; }

/* ---- a PC's interrupts, taken where it waits and nowhere else: a tick each 10 ms, and those of devices that ask for it (Intel 8254 and 8259A) */

enum { TICK_NS = 10000000, TICK_COUNT = 11932, FIRST_VECTOR = 32, LINES = 16, CASCADE = 2 };
extern void tick(void);
struct interrupted;
static word gates[(FIRST_VECTOR + LINES) * 2];
static u16 open_lines = 1 << CASCADE;
static int ticks;
/* Of the devices that interrupt: what is read to take the request back, and its line. */
static struct { u16 port, line; } sources[2];
static u32 source_count;
__attribute__((interrupt)) static void first_device(struct interrupted *at) { (void)at; in8(sources[0].port); }
__attribute__((interrupt)) static void second_device(struct interrupted *at) { (void)at; in8(sources[1].port); }
__attribute__((interrupt)) static void both_devices(struct interrupted *at) { (void)at; in8(sources[0].port); in8(sources[1].port); }

static void open_line(u32 line, word handler) {
  struct { unsigned short limit; word base; } __attribute__((packed)) table = { sizeof gates - 1, (word)gates };
  u32 *gate = (u32 *)&gates[(FIRST_VECTOR + line) * 2];
  gate[0] = (handler & 0xffff) | (sizeof(word) == 8 ? 24 : 8) << 16;
  gate[1] = (handler & 0xffff0000) | 0x8e00;
  __asm__ volatile("lidt %0" : : "m"(table));
  open_lines |= 1 << line;
  /* Each chip from its vector on, the second at the first one's line 2, and requests ended by themselves. */
  static const u8 words[2][4] = { { 0x11, FIRST_VECTOR, 1 << CASCADE, 3 }, { 0x11, FIRST_VECTOR + 8, CASCADE, 3 } };
  for (u32 chip = 0; chip < 2; chip++) {
    u16 port = chip ? 0xa0 : 0x20;
    out8(port, words[chip][0]);
    for (u32 i = 1; i < 4; i++) out8(port + 1, words[chip][i]);
    out8(port + 1, ~(open_lines >> 8 * chip));
  }
}
/* The link of pin A of a slot, and the ISA interrupt that the bridge leads it to (82371SB, PIRQRC and ELCR), which the firmware has chosen. */
void pci_interrupts(u32 device, u32 port) {
  enum { BRIDGE = 0x80000800, PIRQRC = 0x60, NOWHERE = 0x80 };
  u32 link = ((device >> 11) - 1) & 3;
  out32(0xcf8, BRIDGE | PIRQRC);
  u32 line = in8(0xcfc + link);
  if (line & NOWHERE) {
    line = link & 1 ? 11 : 10;
    out8(0xcfc + link, line);
  }
  u16 levels = 0x4d0 + line / 8;
  out8(levels, in8(levels) | 1 << line % 8);
  sources[source_count].port = port;
  sources[source_count++].line = line;
  int shared_line = source_count == 2 && sources[0].line == line;
  open_line(line, (word)(shared_line ? both_devices : source_count == 2 ? second_device : first_device));
}
static void start_ticks(void) {
  open_line(0, (word)tick);
  out8(0x43, 0x34);
  out8(0x40, TICK_COUNT & 0xff);
  out8(0x40, TICK_COUNT >> 8);
  ticks = 1;
}
/* A tick at most; it looks at its clock where it waits for less. */
static void wait_by_ticks(u64 ns) {
  if (ns && ns < TICK_NS) {
    for (u64 until = now() + ns; now() < until;);
    return;
  }
  if (!ticks) start_ticks();
  __asm__ volatile("sti; hlt; cli" : : : "memory");
}
void wait(u64 ns) {
  if (!has_xen) { wait_by_ticks(ns); return; }
  struct { u32 *ports, count; u64 until; } poll = { ports, port_count, ns ? now() + ns : 0 };
  sched_op(SCHEDOP_POLL, &poll);
  for (u32 i = 0; i < port_count; i++) port_taken(ports[i]);
}

/* An IPI port of one's own: what is sent must be pending, once however often it is sent. */
int event_test(u32 times) {
  struct { u32 vcpu, port; } op = { 0, 0 };
  if (event_op(EVTCHNOP_BIND_IPI, &op)) return -1;
  int seen = 0;
  for (u32 i = 0; i < times; i++) {
    send(op.port);
    send(op.port);
    seen += port_taken(op.port);
    seen += port_taken(op.port);
  }
  event_op(EVTCHNOP_CLOSE, &op.port);
  return seen;
}

/* ---- console: Xen's ring, or COM1 where an HVM guest has none */

static void put(const char *s, u32 bytes) {
  if (!console) {
    for (u32 i = 0; i < bytes; i++) {
      while (!(in8(0x3fd) & 0x20));
      out8(0x3f8, s[i]);
    }
    return;
  }
  for (u32 i = 0; i < bytes; i++) {
    while (console->out_prod - console->out_cons >= sizeof console->out) { send(console_port); sched_op(SCHEDOP_YIELD, 0); }
    console->out[console->out_prod % sizeof console->out] = s[i];
    barrier();
    console->out_prod++;
  }
  send(console_port);
}
void vformat(char *to, u32 room, const char *pattern, __builtin_va_list arguments);
void print(const char *pattern, ...) {
  char text[1100];
  __builtin_va_list arguments;
  __builtin_va_start(arguments, pattern);
  vformat(text, sizeof text, pattern, arguments);
  __builtin_va_end(arguments);
  char *from = text;
  for (char *at = text;; at++) {
    if (*at && *at != '\n') continue;
    put(from, at - from);
    if (!*at) break;
    put("\r\n", 2);
    from = at + 1;
  }
}
int key(void) {
  if (!console) return in8(0x3fd) & 1 ? in8(0x3f8) : -1;
  if (console->in_cons == console->in_prod) return -1;
  barrier();
  int c = console->in[console->in_cons % sizeof console->in];
  barrier();
  console->in_cons++;
  send(console_port);
  return c;
}

/* ---- xenstore */

enum { XS_DIRECTORY = 1, XS_READ = 2, XS_WATCH = 4, XS_WRITE = 11, XS_RM = 13, XS_WATCH_EVENT = 15, XS_ERROR = 16 };
static int fired;
int watch_fired(void) { int was = fired; fired = 0; return was; }

static void store_put(const void *data, u32 bytes) {
  for (const char *s = data; bytes--; s++) {
    while (store->req_prod - store->req_cons >= 1024) { send(store_port); wait(0); }
    store->req[store->req_prod % 1024] = *s;
    barrier();
    store->req_prod++;
  }
}
static void store_get(void *data, u32 bytes) {
  for (char *s = data; bytes--;) {
    while (store->rsp_prod == store->rsp_cons) wait(0);
    barrier();
    char c = store->rsp[store->rsp_cons % 1024];
    if (s) *s++ = c;
    barrier();
    store->rsp_cons++;
  }
  send(store_port);
}
/* One message of what xenstored has said; what does not fit into the room is dropped. */
static u32 store_message(char *to, u32 room, u32 *type) {
  u32 header[4];
  store_get(header, sizeof header);
  u32 keep = header[3] < room - 1 ? header[3] : room - 1;
  store_get(to, keep);
  to[keep] = 0;
  if (header[3] > keep) store_get(0, header[3] - keep);
  *type = header[0];
  return keep;
}
static const char *request(u32 type, const char *a, u32 a_bytes, const char *b, u32 b_bytes, char *to, u32 room, u32 *bytes) {
  static char error[32];
  char none[32];
  if (!store) return "ENOENT";
  u32 header[4] = { type, 1, 0, a_bytes + b_bytes };
  store_put(header, sizeof header);
  store_put(a, a_bytes);
  store_put(b, b_bytes);
  send(store_port);
  if (!to) to = none, room = sizeof none;
  for (;;) {
    u32 kind, got = store_message(to, room, &kind);
    if (kind == XS_WATCH_EVENT) { fired = 1; continue; }
    if (bytes) *bytes = got;
    if (kind != XS_ERROR) return 0;
    format(error, sizeof error, "%s", to);
    to[0] = 0;
    return error;
  }
}
static void watch_events(void) {
  char text[512];
  u32 kind;
  while (store && store->rsp_prod != store->rsp_cons) { store_message(text, sizeof text, &kind); fired |= kind == XS_WATCH_EVENT; }
}
const char *xs_read(const char *path, char *to, u32 room) { return request(XS_READ, path, length(path) + 1, "", 0, to, room, 0); }
const char *xs_list(const char *path, char *to, u32 room, u32 *bytes) { return request(XS_DIRECTORY, path, length(path) + 1, "", 0, to, room, bytes); }
const char *xs_write(const char *path, const char *value) { return request(XS_WRITE, path, length(path) + 1, value, length(value), 0, 0, 0); }
const char *xs_remove(const char *path) { return request(XS_RM, path, length(path) + 1, "", 0, 0, 0, 0); }
const char *xs_watch(const char *path, const char *token) { return request(XS_WATCH, path, length(path) + 1, token, length(token) + 1, 0, 0, 0); }
u32 xs_number(const char *path, u32 otherwise) {
  char text[32];
  return xs_read(path, text, sizeof text) ? otherwise : number(text);
}

int xenbus_state(const char *path, u32 state) {
  char node[128], value[4];
  format(node, sizeof node, "%s/state", path);
  format(value, sizeof value, "%u", state);
  return xs_write(node, value) != 0;
}
/* Within five seconds; the back end writes, so the watch on its state wakes the wait. */
int xenbus_wait(const char *backend, u32 state) {
  char node[128];
  format(node, sizeof node, "%s/state", backend);
  xs_watch(node, "state");
  u64 until = now() + 5000000000ull;
  for (;;) {
    u32 is = xs_number(node, 0);
    if (is == state) return 0;
    if (is == 5 || is == 6 || now() > until) return 1;
    wait(100000000);
    watch_events();
  }
}

/* ---- memory, suspend, the end */

static int held;
static u32 taken[4096];
int held_pages(void) { return held; }
/* The first frame above what it was started with: its image, and behind a paravirtual one what the domain builder made for it, last of all page tables and a stack (Xen's public xen.h). */
static u32 first_spare(void) {
  extern char image_end[];
  return mode == PV_MODE ? start->pt_base / PAGE + start->nr_pt_frames + 1 : (word)image_end / PAGE + 1;
}
/* > 0: gives pages back to the hypervisor, from the top of memory, which minipv does not use; < 0: asks for them again. What changed, in pages. */
int balloon(int pages) {
  static u32 top;
  if (!top) top = mode == PV_MODE ? start->nr_pages : xs_number("memory/static-max", 0) / 4 - 64;
  int done = 0;
  for (; pages > 0 && held < 4096; pages--, done++) {
    u32 pfn = top - 1 - held;
    if (pfn < first_spare()) break;
    u32 *p2m = mode == PV_MODE ? (u32 *)(word)start->mfn_list : 0;
    word frame = p2m ? p2m[pfn] : pfn;
    struct { word *list, count; u32 order, flags; unsigned short domid; } give = { &frame, 1, 0, 0, SELF };
    if (memory_op(1, &give) != 1) break;
    if (p2m) p2m[pfn] = ~0u;
    taken[held++] = pfn;
  }
  for (; pages < 0 && held; pages++, done--) {
    u32 pfn = taken[held - 1];
    word frame = pfn;
    struct { word *list, count; u32 order, flags; unsigned short domid; } get = { &frame, 1, 0, 0, SELF };
    if (memory_op(6, &get) != 1) break;
    if (mode == PV_MODE) ((u32 *)(word)start->mfn_list)[pfn] = frame;
    held--;
  }
  return done;
}

/* A PC halts, with interrupts off. */
void end(u32 reason) {
  for (;;) {
    sched_op(SCHEDOP_SHUTDOWN, &reason);
    if (!has_xen) __asm__ volatile("hlt");
  }
}
/* Words of shared_info (struct arch_shared_info): the frames of the P2M for the toolstack that saves the guest. */
enum { MAX_PFN = 0x90c / 4, FRAME_LIST_LIST };
static u32 frame_list[PAGE / 4] ALIGNED, frame_list_list[PAGE / 4] ALIGNED;
static u32 pfn_of(u32 mfn) {
  u32 *p2m = (u32 *)(word)start->mfn_list, pfn = 0;
  while (pfn < start->nr_pages && p2m[pfn] != mfn) pfn++;
  return pfn;
}
/* A paravirtual guest is saved by its frames: it says where its P2M is, has its pages named by their numbers, and maps nobody else's. */
static int suspend_pv(void) {
  u32 reason = 2, saved_store = start->store_mfn, saved_console = start->console_mfn;
  u32 pages = (start->nr_pages + PAGE / 4 - 1) / (PAGE / 4);
  if (pages > PAGE / 4) return 0;
  for (u32 i = 0; i < pages; i++) frame_list[i] = mfn_of((char *)(word)start->mfn_list + i * PAGE);
  frame_list_list[0] = mfn_of(frame_list);
  ((volatile u32 *)shared)[MAX_PFN] = start->nr_pages;
  ((volatile u32 *)shared)[FRAME_LIST_LIST] = mfn_of(frame_list_list);
  start->store_mfn = pfn_of(saved_store);
  start->console_mfn = pfn_of(saved_console);
  for (u32 place = 0; place < 2; place++) hypercall(UPDATE_VA_MAPPING, (word)places[place], 0, 0, 2, 0);
  if (!hypercall(SCHED_OP, SCHEDOP_SHUTDOWN, (word)&reason, mfn_of(start), 0, 0)) return 1;
  /* It was only saved: it is where it was. */
  start->store_mfn = saved_store;
  start->console_mfn = saved_console;
  map_shared();
  return 0;
}
int suspend(void) {
  u32 reason = 2;
  if (!(mode == PV_MODE ? suspend_pv() : !sched_op(SCHEDOP_SHUTDOWN, &reason))) return 0;
  xen_connect();
  return 1;
}
void xen_poll(void) { watch_events(); }
