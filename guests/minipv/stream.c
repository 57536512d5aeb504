/*
 * TCP in bulk, to and from port 9, which discards (RFC 863): one connection at a time, slow start and congestion left out as between neighbours on one
 * bridge. What is lost is sent again from there on, after three equal acknowledgements or a fifth of a second (RFC 9293, 3.8). A card that cuts gets up to
 * 64 KB at a time; what has come is acknowledged when all of it is taken, or a quarter of the window.
 */
#include "minipv.h"

enum { SEGMENT = 1460, SCALE = 4, TRIES = 10, EQUAL_ACKS = 3 };
/* Whole parts of the largest size, within the buffer whose bytes are sent. */
enum { SPAN = 8 * 44 * SEGMENT };
_Static_assert(SPAN <= BUFFER_PAGES * PAGE, "the buffer holds what is sent");
#define AGAIN_NS 200000000ull

static const unsigned short DISCARD = 9 << 8;
static struct {
  struct segment_head head;
  u8 mac[6];
  /* How far we came, what of it the other has acknowledged, and what it takes beyond that. */
  u32 highest, acknowledged, room, peer_scale, own_scale, equal;
  /* What we acknowledge; where we said so last. */
  u32 next_in, said, received, crc;
  int opens, open, ended, refused, due, sums;
} flow;

static void say(u32 flags, const void *data, u32 bytes) {
  flow.head.flags = flags;
  flow.head.ack = flow.next_in;
  u32 window = flags & TCP_SYN ? nic.window : nic.window >> flow.own_scale;
  flow.head.window = window < 0xffff ? window : 0xffff;
  flow.said = flow.next_in;
  flow.due = 0;
  tcp_send(flow.mac, &flow.head, flags & TCP_SYN, data, bytes);
  flow.head.sequence += bytes + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
  if ((int)(flow.head.sequence - flow.highest) > 0) flow.highest = flow.head.sequence;
}
static void begin(const u8 *mac, u32 to, unsigned short own_port, unsigned short port) {
  int sums = flow.sums;
  fill(&flow, 0, sizeof flow);
  flow.sums = sums;
  copy(flow.mac, mac, 6);
  flow.head.to = to;
  flow.head.from_port = own_port;
  flow.head.to_port = port;
  flow.head.sequence = flow.highest = flow.acknowledged = now();
}
/* What a SYN says of how far windows are shifted: nobody's is, unless both say so. */
static void agree(const struct segment_head *said) {
  flow.peer_scale = said->scale < 0 ? 0 : said->scale;
  flow.own_scale = said->scale < 0 ? 0 : SCALE;
  flow.room = said->window;
  flow.next_in = said->sequence + 1;
}

void stream_in(const u8 *mac, const struct segment_head *said, const u8 *data, u32 bytes) {
  int known = flow.head.to == said->to && flow.head.to_port == said->from_port && flow.head.from_port == said->to_port;
  if (said->flags & TCP_RST) { if (known) flow.refused = 1; return; }
  if (said->flags & TCP_SYN && !(said->flags & TCP_ACK)) {
    begin(mac, said->to, said->to_port, said->from_port);
    agree(said);
    flow.open = 1;
    say(TCP_SYN | TCP_ACK, 0, 0);
    return;
  }
  if (!known) return;
  if (said->flags & TCP_SYN) {
    if (flow.opens) { agree(said); flow.acknowledged = said->ack; flow.opens = 0; flow.open = 1; }
    flow.due = 1;
    return;
  }
  if (flow.highest - said->ack <= flow.highest - flow.acknowledged) {
    flow.equal = said->ack == flow.acknowledged && !bytes ? flow.equal + 1 : 0;
    flow.acknowledged = said->ack;
    flow.room = said->window << flow.peer_scale;
    /* What was to be sent again had arrived. */
    if ((int)(flow.head.sequence - said->ack) < 0) flow.head.sequence = said->ack;
  }
  u32 fin = said->flags & TCP_FIN ? 1 : 0;
  if (!bytes && !fin) return;
  flow.due = 1;
  /* What is not next is asked for again. */
  if (said->sequence != flow.next_in) return;
  if (flow.sums) flow.crc = crc32(flow.crc, data, bytes);
  flow.received += bytes;
  flow.next_in += bytes + fin;
  if (fin) flow.ended = 1;
  if (flow.next_in - flow.said >= nic.window / 4) say(TCP_ACK, 0, 0);
}
/* All that has come is taken. */
void stream_poll(void) { if (flow.due && flow.open) say(TCP_ACK, 0, 0); }

/* Until all that was said is acknowledged; `again` says it again. */
static int until_acknowledged(u32 flags) {
  u32 first = flow.head.sequence;
  for (int tries = 0; tries < TRIES && !flow.refused; tries++) {
    flow.head.sequence = first;
    say(flags, 0, 0);
    for (u64 until = now() + AGAIN_NS; now() < until && !flow.refused;) {
      if (!ip_poll()) ip_wait(AGAIN_NS);
      if (flow.acknowledged == flow.head.sequence) return 1;
    }
  }
  return 0;
}

void stream(u32 to, u32 kib, int sums) {
  static unsigned short ports;
  u32 total = kib << 10, again = 0, crc = 0, sent = 0, most = nic.cuts ? nic.cuts : SEGMENT;
  u8 *mac = nic.up ? next_hop(to) : 0;
  if (!mac) { print("stream: nobody answers\n"); return; }
  for (u32 i = 0; i < SPAN / 4; i++) ((u32 *)buffer)[i] = i * 2654435761u;
  begin(mac, to, 0x80 | ++ports << 8, DISCARD);
  flow.opens = 1;
  if (!until_acknowledged(TCP_SYN)) { print("stream: refused\n"); return; }
  u32 base = flow.head.sequence;
  u64 begun = now(), moved = begun;
  for (u32 quiet = 0; flow.acknowledged - base < total && quiet < TRIES && !flow.refused; control()) {
    for (u32 at; (at = flow.head.sequence - base) < total;) {
      u32 n = total - at, from = at % SPAN, left = flow.room - (flow.head.sequence - flow.acknowledged);
      if (n > most) n = most;
      if (n > SPAN - from) n = SPAN - from;
      /* No crumbs, but where the window never has room for more. */
      if (n > flow.room) n = flow.room;
      if (!n || (int)left < (int)n) break;
      if (sums && at + n > sent) crc = crc32(crc, buffer + from + (sent - at), at + n - sent), sent = at + n;
      say(TCP_ACK | TCP_PSH, buffer + from, n);
    }
    u32 before = flow.acknowledged;
    if (!ip_poll()) ip_wait(AGAIN_NS);
    if (flow.acknowledged != before) { quiet = 0; moved = now(); continue; }
    int lost = flow.equal >= EQUAL_ACKS;
    if (!lost && now() - moved < AGAIN_NS) continue;
    if (!lost) quiet++;
    flow.equal = 0;
    flow.head.sequence = flow.acknowledged;
    moved = now();
    again++;
  }
  u32 us = divide(now() - begun, 1000);
  int whole = flow.acknowledged - base == total && until_acknowledged(TCP_FIN | TCP_ACK);
  if (!whole) { print("stream: broken off\n"); return; }
  print("stream: %u KiB in %u us, sent again %u times", total / 1024, us, again);
  if (sums) print(", crc %x", crc);
  print("\n");
}

/* Takes one stream, with nothing else to do. */
void serve(int sums) {
  flow.sums = sums;
  for (flow.ended = 0; !flow.ended && nic.up; control()) if (!ip_poll()) ip_wait(0);
  flow.ended = 0;
  print("serve: %u KiB", flow.received / 1024);
  if (sums) print(", crc %x", flow.crc);
  print("\n");
  flow.sums = 0;
}
