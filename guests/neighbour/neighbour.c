/*
 * A guest that looks after itself while another one misbehaves: it keeps checksums of its memory, counts timer ticks and compares them with the clock,
 * gives memory back and looks at what it gets, prints on its console, writes and reads its store, and exchanges messages through granted pages and
 * events with its neighbours: it grants a page to one and maps that of the other. The state page says what it did and what it found wrong.
 */
#include "../xen.h"

#define PAGE 4096u
#define SELF 0x7ff0
#define CALLBACK_VECTOR 0x30
#define PERIOD_NS 100000u
#define WORK_PAGES 40
#define MESSAGE_REF 8

/* Read, and its second line written, by the host. Everything is a word. */
struct state {
  u32 magic, errors, first_error, wanted, got, iterations, ticks, sent, answered, lines, stored, ballooned;
  /* Domains: whom it grants its page to, whose page it maps; 0: nobody. strict: ticks never get lost, since time is the guest's own. */
  u32 to, from, strict;
  /* It is to listen when it is asked to suspend itself; how often it has come to another host, and how often it was not moved. */
  u32 suspends, moved, stayed;
  /* Its clock is the host's and goes on while others run: ticks that were due meanwhile come at once afterwards. */
  u32 stolen;
};
__attribute__((section(".state"), aligned(4096))) volatile struct state state = { .magic = 0x4e424f52 };

struct console { char in[1024], out[2048]; u32 in_cons, in_prod, out_cons, out_prod; };
struct store { u8 req[1024], rsp[1024]; u32 req_cons, req_prod, rsp_cons, rsp_prod; };
struct message { u32 seq, sum, text[14]; u32 reply_seq, reply_sum, reply[14]; u32 port; };

static u8 page_shared[PAGE] __attribute__((aligned(4096))), page_grants[PAGE] __attribute__((aligned(4096))), page_mine[PAGE] __attribute__((aligned(4096))),
  page_theirs[PAGE] __attribute__((aligned(4096))), page_spare[PAGE] __attribute__((aligned(4096)));
static u32 work[WORK_PAGES][PAGE / 4] __attribute__((aligned(4096)));
static u32 sums[WORK_PAGES];
static volatile struct shared_info *const shared = (void *)page_shared;
static volatile struct console *console;
static volatile struct store *store;
static u32 console_port, store_port, timer_port, mine_port, theirs_port;

static int event_op(u32 op, void *arg) { return hypercall(32, op, (u32)arg, 0, 0, 0); }
static void notify(u32 port) { event_op(4, &port); }

static void wrong(u32 what, u32 wanted, u32 got) {
  if (state.errors++ == 0) {
    state.first_error = what;
    state.wanted = wanted;
    state.got = got;
  }
}
static void expect(u32 what, u32 wanted, u32 got) { if (wanted != got) wrong(what, wanted, got); }

static u32 seed = 1;
static u32 next_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  return seed ^= seed << 5;
}

/* ---- memory */

#ifdef PV
struct start_info { char magic[32]; u32 nr_pages, shared_info, flags, store_mfn, store_evtchn, console_mfn, console_evtchn, pt_base, nr_pt_frames, mfn_list; };
#define BASE 0xc0000000u
static struct start_info *start;
static u32 *p2m;
static u32 *const m2p = (u32 *)0xf5800000;
static u32 pfn_of(const void *p) { return ((u32)p - BASE) >> 12; }
static int map(void *at, u32 mfn, u32 flags) { return hypercall(14, (u32)at, mfn << 12 | flags, mfn >> 20, 2, 0); }
static void *of_mfn(u32 mfn) { return (void *)(BASE + (m2p[mfn] << 12)); }
extern char event_entry[], failsafe_entry[];

static void set_up(void) {
  p2m = (u32 *)start->mfn_list;
  console = of_mfn(start->console_mfn);
  store = of_mfn(start->store_mfn);
  console_port = start->console_evtchn;
  store_port = start->store_evtchn;
  expect(1, 0, map(page_shared, start->shared_info >> 12, 3));
  expect(2, 0, hypercall(4, 0xe019, (u32)event_entry, 0xe019, (u32)failsafe_entry, 0));
  u32 list = 0;
  struct { u16 domid, pad; u32 frames; short status; u16 pad1; u32 list; } setup = { SELF, 0, 1, 0, 0, (u32)&list };
  expect(3, 0, hypercall(20, 2, (u32)&setup, 1, 0, 0));
  expect(4, 0, map(page_grants, list, 3));
}
static u32 frame_of(const void *p) { return p2m[pfn_of(p)]; }
static void events_on(void) { shared->vcpu[0].upcall_mask = 0; }

/* Gives the spare page back and takes another: it must be empty. */
static int reservation(u32 op, u32 *frame) {
  struct { u32 list, count, order, flags; u16 domid, pad; } r = { (u32)frame, 1, 0, 0, SELF, 0 };
  return hypercall(12, op, (u32)&r, 0, 0, 0);
}
static void balloon(void) {
  u32 pfn = pfn_of(page_spare), frame = p2m[pfn];
  expect(40, 0, map(page_spare, 0, 0));
  expect(41, 1, reservation(1, &frame));
  frame = pfn;
  expect(42, 1, reservation(6, &frame));
  p2m[pfn] = frame;
  expect(43, pfn, m2p[frame]);
  expect(44, 0, map(page_spare, frame, 3));
}
#else
static u32 frame_of(const void *p) { return (u32)p >> 12; }
static int place(u32 space, const void *at) {
  struct { u16 domid, size; u32 space, index, gfn; } a = { SELF, 0, space, 0, frame_of(at) };
  return hypercall(12, 7, (u32)&a, 0, 0, 0);
}
static u32 param(u32 index) {
  struct { u16 domid, pad; u32 index; u64 value; } p = { SELF, 0, index, 0 };
  expect(5, 0, hypercall(34, 1, (u32)&p, 0, 0, 0));
  return p.value;
}
static u8 page_calls[PAGE] __attribute__((aligned(4096)));
static void set_up(void) {
  /* The hypercall page is not used; a guest that asks for it in 32-bit code gets the 32-bit layout of shared_info. */
  __asm__ volatile("wrmsr" ::"c"(0x40000000), "a"(page_calls), "d"(0));
  struct { u16 domid, pad; u32 index; u64 value; } via = { SELF, 0, 0, 2ull << 56 | CALLBACK_VECTOR };
  expect(1, 0, place(0, page_shared));
  expect(2, 0, hypercall(34, 0, (u32)&via, 0, 0, 0));
  expect(3, 0, place(1, page_grants));
  console = (void *)(param(17) << 12);
  store = (void *)(param(1) << 12);
  console_port = param(18);
  store_port = param(2);
}
static void out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "d"(port)); }
/* No interrupts of the PC's 8259s, where there are any. */
static void events_on(void) {
  out(0x21, 0xff);
  out(0xa1, 0xff);
  __asm__ volatile("sti" ::: "memory");
}

static int reservation(u32 op, u32 *frame) {
  struct { u32 list, count, order, flags; u16 domid, pad; } r = { (u32)frame, 1, 0, 0, SELF, 0 };
  return hypercall(12, op, (u32)&r, 0, 0, 0);
}
static void balloon(void) {
  u32 frame = frame_of(page_spare);
  expect(41, 1, reservation(1, &frame));
  expect(42, 1, reservation(6, &frame));
}
#endif

static u32 sum_of(const u32 *words, u32 count) {
  u32 sum = 1;
  for (u32 i = 0; i < count; i++) sum = (sum << 5 | sum >> 27) + words[i];
  return sum;
}
static void fill(u32 page) {
  for (u32 i = 0; i < PAGE / 4; i++) work[page][i] = next_random();
  sums[page] = sum_of(work[page], PAGE / 4);
}
static void check_spare(void) {
  u32 *spare = (u32 *)page_spare, sum = 0;
  balloon();
  for (u32 i = 0; i < PAGE / 4; i++) sum |= spare[i];
  expect(45, 0, sum);
  for (u32 i = 0; i < PAGE / 4; i++) spare[i] = 0x4e424f52;
  state.ballooned++;
}

/* ---- time */

static u64 now(void) { return system_time(&shared->vcpu[0]); }

static u64 last_now, next_tick_ns;
static u32 ticks_before;
/* A window of eight periods: this many ticks came in it, give or take what lies at its ends. */
static void check_time(void) {
  u64 t = now();
  if (t < last_now) wrong(50, last_now, t);
  last_now = t;
  if (t < next_tick_ns) return;
  u32 over = (u32)(t - next_tick_ns) / PERIOD_NS, came = state.ticks - ticks_before;
  if (next_tick_ns != 0 && t - next_tick_ns < 1000000000u) {
    if (!state.stolen && came > 8 + over + 2) wrong(51, 8 + over, came);
    if (state.strict && came + 2 < 8 + over) wrong(52, 8 + over, came);
  }
  ticks_before = state.ticks;
  next_tick_ns = t + 8 * PERIOD_NS;
}

static u64 deadline;
static void arm(void) {
  deadline += PERIOD_NS;
  hypercall(15, (u32)deadline, deadline >> 32, 0, 0, 0);
}

void on_event(void) {
  volatile struct vcpu_info *v = &shared->vcpu[0];
  do {
    v->upcall_pending = 0;
    u32 words = __sync_lock_test_and_set((volatile u32 *)&v->pending_sel, 0);
    for (int i = 0; i < 32; i++) {
      if (!(words >> i & 1)) continue;
      u32 bits = __sync_lock_test_and_set((volatile u32 *)&shared->pending[i], 0);
      if (i == (int)(timer_port >> 5) && bits >> (timer_port & 31) & 1) {
        state.ticks++;
        arm();
      }
    }
  } while (v->upcall_pending);
}

/* ---- Domain 0 */

static void print_line(void) {
  char line[16] = "line 00000000\n";
  if (console->out_prod - console->out_cons > sizeof console->out - 14) return;
  for (u32 i = 0, n = state.lines; i < 8; i++, n >>= 4) line[12 - i] = "0123456789abcdef"[n & 15];
  for (u32 i = 0; i < 14; i++) console->out[(console->out_prod + i) & 2047] = line[i];
  __sync_synchronize();
  console->out_prod += 14;
  state.lines++;
  notify(console_port);
}

static u32 store_phase, store_value;
static int asked_to_suspend;
static void put_request(u32 type, const char *body, u32 length) {
  u32 header[4] = { type, store_value, 0, length };
  u32 at = store->req_prod;
  for (u32 i = 0; i < 16; i++) store->req[at++ & 1023] = ((u8 *)header)[i];
  for (u32 i = 0; i < length; i++) store->req[at++ & 1023] = body[i];
  __sync_synchronize();
  store->req_prod = at;
  notify(store_port);
}
/* True: an answer has come whole. */
static int take_answer_even_empty(u32 type, char *body, u32 *length) {
  u32 header[4];
  u32 at = store->rsp_cons, there = store->rsp_prod - at;
  if (there < 16) return 0;
  for (u32 i = 0; i < 16; i++) ((u8 *)header)[i] = store->rsp[at++ & 1023];
  if (header[3] > 64) { wrong(60, 64, header[3]); return 0; }
  if (there < 16 + header[3]) return 0;
  for (u32 i = 0; i < header[3]; i++) body[i] = store->rsp[at++ & 1023];
  store->rsp_cons = at;
  notify(store_port);
  expect(61, type, header[0]);
  expect(62, store_value, header[1]);
  *length = header[3];
  return 1;
}
/* Bytes of an answer that has come whole; 0: none yet. */
static u32 take_answer(u32 type, char *body) {
  u32 length = 0;
  return take_answer_even_empty(type, body, &length) ? length : 0;
}
static int listens;
static void use_store(void) {
  static char body[64], written[16] = "data/n\0" "00000000";
  u32 length;
  if (store_phase == 0) {
    store_value++;
    for (u32 i = 0, n = store_value; i < 8; i++, n >>= 4) written[14 - i] = "0123456789abcdef"[n & 15];
    put_request(11, written, 15);
    store_phase = 1;
  } else if (store_phase == 1 && (length = take_answer(11, body)) != 0) {
    expect(63, 'O' | 'K' << 8, body[0] | body[1] << 8);
    put_request(2, written, 7);
    store_phase = 2;
  } else if (store_phase == 2 && (length = take_answer(2, body)) != 0) {
    expect(64, 8, length);
    for (u32 i = 0; i < 8; i++) expect(65, written[7 + i], body[i]);
    store_phase = state.suspends ? listens ? 4 : 3 : 0;
    state.stored++;
  } else if (store_phase == 3) {
    put_request(11, "control/feature-suspend\0" "1", 25);
    store_phase = 5;
  } else if (store_phase == 5 && (length = take_answer(11, body)) != 0) {
    listens = 1;
    store_phase = 4;
  } else if (store_phase == 4) {
    put_request(2, "control/shutdown", 17);
    store_phase = 6;
  } else if (store_phase == 6 && take_answer_even_empty(2, body, &length)) {
    store_phase = 0;
    if (length != 7) return;
    put_request(11, "control/shutdown", 17);
    store_phase = 7;
  } else if (store_phase == 7 && (length = take_answer(11, body)) != 0) {
    store_phase = 0;
    asked_to_suspend = 1;
  }
}

/* ---- neighbours */

static volatile struct message *const mine = (void *)page_mine, *const theirs = (void *)page_theirs;
static u32 answered_seq;
static int their_page_is_there;

static void grant_mine(void) {
  struct { u16 dom, remote; u32 port; } alloc = { SELF, state.to, 0 };
  expect(70, 0, event_op(6, &alloc));
  mine->port = mine_port = alloc.port;
  volatile u32 *entry = (u32 *)page_grants + 2 * MESSAGE_REF;
  entry[1] = frame_of(page_mine);
  __sync_synchronize();
  entry[0] = 1 | state.to << 16;
}
static void ask(void) {
  if (mine->reply_seq != mine->seq) return;
  if (mine->seq != 0) {
    for (u32 i = 0; i < 14; i++) expect(71, ~mine->text[i], mine->reply[i]);
    expect(72, sum_of((u32 *)mine->reply, 14), mine->reply_sum);
    state.sent++;
  }
  for (u32 i = 0; i < 14; i++) mine->text[i] = next_random();
  mine->sum = sum_of((u32 *)mine->text, 14);
  __sync_synchronize();
  mine->seq++;
  notify(mine_port);
}
static void map_theirs(void) {
  struct { u64 place; u32 flags, ref; u16 domid; short status; u32 handle; u64 bus; } m = { (u32)page_theirs, 2, MESSAGE_REF, state.from, 0, 0, 0 };
  expect(73, 0, hypercall(20, 0, (u32)&m, 1, 0, 0));
  /* It has not granted it yet. */
  if (m.status != 0) return;
  struct { u16 domid, pad; u32 theirs, mine; } bind = { state.from, 0, theirs->port, 0 };
  expect(74, 0, event_op(0, &bind));
  theirs_port = bind.mine;
  their_page_is_there = 1;
}
static void answer(void) {
  u32 seq = theirs->seq;
  if (seq == answered_seq) return;
  expect(75, answered_seq + 1, seq);
  __sync_synchronize();
  expect(76, sum_of((u32 *)theirs->text, 14), theirs->sum);
  for (u32 i = 0; i < 14; i++) theirs->reply[i] = ~theirs->text[i];
  theirs->reply_sum = sum_of((u32 *)theirs->reply, 14);
  __sync_synchronize();
  theirs->reply_seq = answered_seq = seq;
  state.answered++;
  notify(theirs_port);
}

/* ---- the life of the domain */

static void bind_timer(void) {
  struct { u32 virq, vcpu, port; } virq = { 0, 0, 0 };
  expect(80, 0, event_op(1, &virq));
  timer_port = virq.port;
}

#ifdef PV
static u32 p2m_list[PAGE / 4] __attribute__((aligned(4096))), p2m_list_list[PAGE / 4] __attribute__((aligned(4096)));
/* No machine frame number is left but those in page tables and in the list of frames, which the hypervisor finds by three levels of lists. */
static void get_ready(void) {
  volatile u32 *arch = (u32 *)(page_shared + 0x90c);
  shared->vcpu[0].upcall_mask = 1;
  for (u32 i = 0; i * PAGE < start->nr_pages * 4; i++) p2m_list[i] = frame_of((u8 *)p2m + i * PAGE);
  p2m_list_list[0] = frame_of(p2m_list);
  arch[0] = start->nr_pages;
  arch[1] = frame_of(p2m_list_list);
  start->store_mfn = m2p[start->store_mfn];
  start->console_mfn = m2p[start->console_mfn];
  expect(82, 0, map(page_shared, 0, 0));
  expect(83, 0, map(page_grants, 0, 0));
}
/* It is where it was: what it gave up comes back. (In another domain the hypervisor has converted the numbers.) */
static void stay(void) {
  start->store_mfn = p2m[start->store_mfn];
  start->console_mfn = p2m[start->console_mfn];
  set_up();
}
#else
static void get_ready(void) { __asm__ volatile("cli" ::: "memory"); }
static void stay(void) { }
#endif

/* In another domain, with the same memory and the same time, nothing is left of what was shared with the hypervisor and with Domain 0. */
static void suspend(void) {
  u32 reason = 2;
  asked_to_suspend = 0;
  get_ready();
#ifdef PV
  int cancelled = hypercall(29, 2, (u32)&reason, frame_of(start), 0, 0);
#else
  int cancelled = hypercall(29, 2, (u32)&reason, 0, 0, 0);
#endif
  if (cancelled) {
    expect(81, 1, cancelled);
    stay();
    state.stayed++;
  } else {
    set_up();
    bind_timer();
    /* A paravirtual guest finds all its ports masked. */
    expect(84, 0, event_op(9, &timer_port));
    listens = 0;
    store_phase = 0;
    state.moved++;
    /* The next tick is due when it was. */
    hypercall(15, (u32)deadline, deadline >> 32, 0, 0, 0);
  }
  events_on();
}

void main(void *info) {
#ifdef PV
  start = info;
#endif
  (void)info;
  set_up();
  for (u32 i = 0; i < WORK_PAGES; i++) fill(i);
  for (u32 i = 0; i < PAGE / 4; i++) ((u32 *)page_spare)[i] = 0x4e424f52;
  bind_timer();
  deadline = now();
  arm();
  if (state.to != 0) grant_mine();
  events_on();
  for (;;) {
    u32 page = next_random() % WORK_PAGES;
    u32 sum = sum_of(work[page], PAGE / 4);
    if (sum != sums[page]) wrong(90 + page, sums[page], sum);
    if (next_random() % 4 == 0) fill(page);
    check_time();
    if (state.to != 0) ask();
    if (state.from != 0) {
      if (!their_page_is_there) map_theirs();
      else answer();
    }
    use_store();
    if (asked_to_suspend) suspend();
    if (state.iterations % 32 == 0) print_line();
    if (state.iterations % 64 == 1) check_spare();
    state.iterations++;
  }
}
