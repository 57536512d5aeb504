/* As much of ARP, IPv4, ICMP, DHCP and TCP as answers a ping, asks for an address and echoes what comes to TCP port 7 (bulk: stream.c). */
#include "minipv.h"

static unsigned short swap16(u32 v) { return v << 8 | (v >> 8 & 255); }
static u32 swap32(u32 v) { return __builtin_bswap32(v); }
struct ethernet { u8 to[6], from[6]; unsigned short type; } __attribute__((packed));
struct arp { unsigned short hardware, protocol; u8 sizes[2]; unsigned short op; u8 from_mac[6]; u32 from_ip; u8 to_mac[6]; u32 to_ip; } __attribute__((packed));
struct ip { u8 version, service; unsigned short bytes, id, fragment; u8 ttl, protocol; unsigned short sum; u32 from, to; } __attribute__((packed));
struct icmp { u8 type, code; unsigned short sum, id, sequence; } __attribute__((packed));
struct udp { unsigned short from, to, bytes, sum; } __attribute__((packed));
struct tcp { unsigned short from, to; u32 sequence, ack; u8 offset, flags; unsigned short window, sum, urgent; } __attribute__((packed));
enum { ICMP = 1, TCP = 6, UDP = 17 };
enum { FIN = TCP_FIN, SYN = TCP_SYN, RST = TCP_RST, PSH = TCP_PSH, ACK = TCP_ACK };
enum { SEGMENT = 1460, ECHO = 7, DISCARD = 9 };

/* Addresses as they lie in packets. */
u32 own_ip;
static u32 gateway, netmask;
u32 echoed;
static u8 in[FRAME_MOST] ALIGNED, out[1536] ALIGNED;
static struct { u32 ip; u8 mac[6]; } neighbours[8];
static u32 neighbour_count;
static u32 ping_answers;
static u32 offered_ip, dhcp_server, dhcp_kind;
static struct { u32 ip, next_in, next_out, open; unsigned short port; } peer;

u32 parse_ip(const char *s) {
  u32 ip = 0;
  for (int i = 0; i < 4; i++) {
    ip |= (number(s) & 255) << 8 * i;
    while (*s >= '0' && *s <= '9') s++;
    if (*s == '.') s++;
  }
  return ip;
}
/* Words of 32 bits are added as well as those of 16: what leaves the top comes in again below (RFC 1071). */
static u32 add_up(u32 sum, const void *data, u32 bytes) {
  const u32 *words = data;
  u64 all = sum;
  for (; bytes >= 16; words += 4, bytes -= 16) all += (u64)words[0] + words[1] + words[2] + words[3];
  for (; bytes >= 4; words++, bytes -= 4) all += *words;
  u32 rest = 0;
  copy(&rest, words, bytes);
  all += rest;
  while (all >> 32) all = (u32)all + (all >> 32);
  return (all & 0xffff) + (all >> 16);
}
static unsigned short fold(u32 sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}
static unsigned short sum_of(u32 sum) { return ~fold(sum); }
static u8 *mac_of(u32 ip) {
  for (u32 i = 0; i < 8; i++) if (neighbours[i].ip == ip) return neighbours[i].mac;
  return 0;
}
static void learn(u32 ip, const u8 *mac) {
  u8 *known = mac_of(ip);
  if (!known) {
    u32 at = neighbour_count++ % 8;
    neighbours[at].ip = ip;
    known = neighbours[at].mac;
  }
  copy(known, mac, 6);
}
static void ethernet(const u8 *to, u32 type) {
  struct ethernet *e = (void *)out;
  if (to) copy(e->to, to, 6);
  else fill(e->to, 255, 6);
  copy(e->from, nic.mac, 6);
  e->type = swap16(type);
}
static void arp(u32 op, const u8 *to_mac, u32 to_ip) {
  struct arp *a = (void *)(out + 14);
  ethernet(to_mac, 0x806);
  a->hardware = swap16(1);
  a->protocol = swap16(0x800);
  a->sizes[0] = 6;
  a->sizes[1] = 4;
  a->op = swap16(op);
  copy(a->from_mac, nic.mac, 6);
  a->from_ip = own_ip;
  if (to_mac) copy(a->to_mac, to_mac, 6);
  else fill(a->to_mac, 0, 6);
  a->to_ip = to_ip;
  nic.send(out, 42, 0, 0, 0);
}
/* Of the payload `bytes` lie at out + 34 already, and `more` follow. */
static void ip_send_with(const u8 *mac, u32 to, u32 protocol, u32 bytes, const void *data, u32 more, u32 segment) {
  static unsigned short id;
  struct ip *ip = (void *)(out + 14);
  ethernet(mac, 0x800);
  ip->version = 0x45;
  ip->service = 0;
  ip->bytes = swap16(20 + bytes + more);
  ip->id = swap16(++id);
  ip->fragment = swap16(0x4000);
  ip->ttl = 64;
  ip->protocol = protocol;
  ip->from = own_ip;
  ip->to = to;
  ip->sum = 0;
  ip->sum = sum_of(add_up(0, ip, 20));
  u32 least = more ? 0 : 60;
  nic.send(out, 34 + bytes < least ? least : 34 + bytes, data, more, segment);
}
static void ip_send(const u8 *mac, u32 to, u32 protocol, u32 bytes) { ip_send_with(mac, to, protocol, bytes, 0, 0, 0); }

void tcp_send(const u8 *mac, const struct segment_head *head, int options, const void *data, u32 bytes) {
  struct tcp *t = (void *)(out + 34);
  u32 own = 20;
  t->from = head->from_port;
  t->to = head->to_port;
  t->sequence = swap32(head->sequence);
  t->ack = swap32(head->ack);
  t->flags = head->flags;
  t->window = swap16(head->window);
  t->sum = t->urgent = 0;
  if (options) {
    /* The largest segment (kind 2), nothing (1), and the window's scale (3) of 2^4 (RFC 9293, RFC 7323). */
    static const u8 said[8] = { 2, 4, SEGMENT >> 8, SEGMENT & 255, 1, 3, 3, 4 };
    copy(out + 54, said, sizeof said);
    own += sizeof said;
  }
  t->offset = own / 4 << 4;
  u32 pseudo[3] = { own_ip, head->to, (u32)TCP << 8 | (u32)swap16(own + bytes) << 16 };
  u32 sum = add_up(0, pseudo, 12);
  /* Who cuts the data fills in each part's checksum, from the pseudo header's. */
  if (bytes > SEGMENT) t->sum = fold(sum);
  else t->sum = sum_of(add_up(add_up(sum, t, own), data, bytes));
  ip_send_with(mac, head->to, TCP, own, data, bytes, bytes > SEGMENT ? SEGMENT : 0);
}
/* An answer to a segment, for the echo. */
static void answer(const u8 *mac, const struct ip *ip, const struct tcp *t, u32 sequence, u32 ack, u32 flags, const void *data, u32 bytes) {
  struct segment_head head = { ip->from, t->to, t->from, sequence, ack, flags, SEGMENT, -1 };
  tcp_send(mac, &head, 0, data, bytes);
}

/* The window's scale among the options (kind 3); -1: it is not there. */
static int scale_of(const struct tcp *t, u32 head) {
  const u8 *option = (const u8 *)t + 20, *end = (const u8 *)t + head;
  while (option < end && *option) {
    if (*option == 1) { option++; continue; }
    if (option + 1 >= end || option[1] < 2 || option + option[1] > end) return -1;
    if (*option == 3 && option[1] == 3) return option[2] < 14 ? option[2] : 14;
    option += option[1];
  }
  return -1;
}
static void on_tcp(const u8 *mac, const struct ip *ip, const struct tcp *t, u32 bytes) {
  u32 head = (t->offset >> 4) * 4;
  if (bytes < 20 || head < 20 || head > bytes) return;
  u32 sequence = swap32(t->sequence), data = bytes - head;
  u32 pseudo[3] = { ip->from, ip->to, (u32)TCP << 8 | (u32)swap16(bytes) << 16 };
  if (!nic.valid && sum_of(add_up(add_up(0, pseudo, 12), t, bytes))) return;
  if (t->to == swap16(DISCARD) || t->from == swap16(DISCARD)) {
    struct segment_head said = { ip->from, t->from, t->to, sequence, swap32(t->ack), t->flags, swap16(t->window), scale_of(t, head) };
    stream_in(mac, &said, (const u8 *)t + head, data);
    return;
  }
  int known = peer.open && peer.ip == ip->from && peer.port == t->from;
  if (t->flags & RST) { if (known) peer.open = 0; return; }
  if (swap16(t->to) != ECHO || (!known && !(t->flags & SYN))) {
    answer(mac, ip, t, swap32(t->ack), sequence + data + (t->flags & SYN ? 1 : 0), RST | ACK, 0, 0);
    return;
  }
  if (t->flags & SYN) {
    peer.open = 1;
    peer.ip = ip->from;
    peer.port = t->from;
    peer.next_in = sequence + 1;
    peer.next_out = (u32)now();
    answer(mac, ip, t, peer.next_out++, peer.next_in, SYN | ACK, 0, 0);
    return;
  }
  /* What is not next is asked for again; what was lost on the way back comes again when the peer sends again. */
  if (sequence != peer.next_in || data > SEGMENT) { answer(mac, ip, t, peer.next_out, peer.next_in, ACK, 0, 0); return; }
  u32 fin = t->flags & FIN;
  if (!data && !fin) return;
  peer.next_in += data + fin;
  answer(mac, ip, t, peer.next_out, peer.next_in, ACK | (data ? PSH : 0) | fin, (const u8 *)t + head, data);
  peer.next_out += data + fin;
  echoed += data;
  if (fin) peer.open = 0;
}
static void on_icmp(const u8 *mac, const struct ip *ip, const struct icmp *i, u32 bytes) {
  if (bytes < 8 || bytes > sizeof out - 34) return;
  if (i->type == 0) { ping_answers++; return; }
  if (i->type != 8) return;
  struct icmp *o = (void *)(out + 34);
  copy(o, i, bytes);
  o->type = 0;
  o->sum = 0;
  o->sum = sum_of(add_up(0, o, bytes));
  ip_send(mac, ip->from, ICMP, bytes);
}
static void on_dhcp(const u8 *d, u32 bytes) {
  /* Answers go to everybody: ours has our transaction, which is the end of our station address. */
  if (bytes < 240 || d[0] != 2 || *(u32 *)(d + 4) != *(u32 *)(nic.mac + 2)) return;
  offered_ip = *(u32 *)(d + 16);
  for (u32 at = 240; at + 1 < bytes && d[at] != 255;) {
    if (!d[at]) { at++; continue; }
    u32 size = d[at + 1];
    if (at + 2 + size > bytes) return;
    if (d[at] == 53 && size == 1) dhcp_kind = d[at + 2];
    if (size >= 4) {
      u32 value;
      copy(&value, d + at + 2, 4);
      if (d[at] == 54) dhcp_server = value;
      if (d[at] == 3) gateway = value;
      if (d[at] == 1) netmask = value;
    }
    at += 2 + size;
  }
}

/* A sender whose card cuts sends a window at once. */
void card_up(int (*send)(const void *, u32, const void *, u32, u32), u32 (*receive)(void *), const char *name, int polled) {
  nic.send = send;
  nic.receive = receive;
  nic.up = 1;
  nic.polled = polled;
  nic.cuts = 0;
  nic.window = 32 * 1024;
  print("eth0: %x:%x:%x:%x:%x:%x, %s\n", nic.mac[0], nic.mac[1], nic.mac[2], nic.mac[3], nic.mac[4], nic.mac[5], name);
}

static u32 idle_ns;
int ip_poll(void) {
  u32 bytes;
  int came = 0;
  for (; nic.up && (bytes = nic.receive(in)); came = 1) {
    const struct ethernet *e = (void *)in;
    if (bytes >= 42 && e->type == swap16(0x806)) {
      const struct arp *a = (void *)(in + 14);
      if (!own_ip || a->to_ip != own_ip) continue;
      learn(a->from_ip, a->from_mac);
      if (a->op == swap16(1)) arp(2, a->from_mac, a->from_ip);
      continue;
    }
    const struct ip *ip = (void *)(in + 14);
    if (bytes < 34 || e->type != swap16(0x800) || ip->version != 0x45) continue;
    u32 whole = swap16(ip->bytes);
    if (whole < 20 || whole > bytes - 14) continue;
    u32 payload = whole - 20;
    const u8 *data = in + 34;
    if (ip->protocol == UDP && payload >= 8 && ((struct udp *)data)->to == swap16(68)) { on_dhcp(data + 8, payload - 8); continue; }
    if (!own_ip || ip->to != own_ip) continue;
    learn(ip->from, e->from);
    if (ip->protocol == ICMP) on_icmp(e->from, ip, (void *)data, payload);
    if (ip->protocol == TCP) on_tcp(e->from, ip, (void *)data, payload);
  }
  stream_poll();
  if (came) idle_ns = 0;
  return came;
}
/* A polled card is looked at the less often, in nanoseconds, the longer nothing comes: each look is a hypercall and a wake. */
enum { POLL_NS = 100000, LONGEST_NS = 1600000 };
void ip_wait(u64 ns) {
  if (idle_ns < POLL_NS) idle_ns = POLL_NS;
  wait(nic.polled && (!ns || ns > idle_ns) ? idle_ns : ns);
  if (idle_ns < LONGEST_NS) idle_ns *= 2;
}
/* Polls until `what` differs from `was`, or `ns` have passed. */
static int changed(volatile u32 *what, u32 was, u64 ns) {
  u64 until = now() + ns;
  for (;;) {
    ip_poll();
    if (*what != was) return 1;
    u64 at = now();
    if (at >= until) return 0;
    ip_wait(until - at);
  }
}
static void dhcp_send(u8 kind) {
  u8 *d = out + 42;
  fill(d, 0, 300);
  d[0] = d[1] = 1;
  d[2] = 6;
  *(u32 *)(d + 4) = *(u32 *)(nic.mac + 2);
  d[10] = 0x80; /* answer by broadcast */
  copy(d + 28, nic.mac, 6);
  *(u32 *)(d + 236) = 0x63538263;
  u8 *o = d + 240;
  *o++ = 53; *o++ = 1; *o++ = kind;
  if (kind == 3) {
    *o++ = 50; *o++ = 4; copy(o, &offered_ip, 4); o += 4;
    *o++ = 54; *o++ = 4; copy(o, &dhcp_server, 4); o += 4;
  }
  *o++ = 55; *o++ = 2; *o++ = 1; *o++ = 3;
  *o = 255;
  struct udp *u = (void *)(out + 34);
  u->from = swap16(68);
  u->to = swap16(67);
  u->bytes = swap16(308);
  u->sum = 0;
  ip_send(0, 0xffffffff, UDP, 308);
}
int dhcp(void) {
  if (!nic.up) return -1;
  own_ip = 0;
  for (int attempt = 0; attempt < 4; attempt++) {
    dhcp_kind = 0;
    dhcp_send(1);
    if (!changed(&dhcp_kind, 0, 1000000000) || dhcp_kind != 2) continue;
    dhcp_kind = 0;
    dhcp_send(3);
    if (!changed(&dhcp_kind, 0, 1000000000) || dhcp_kind != 5) continue;
    own_ip = offered_ip;
    return 0;
  }
  return -1;
}
u8 *next_hop(u32 to) {
  u32 hop = netmask && (to & netmask) != (own_ip & netmask) ? gateway : to;
  for (int attempt = 0; attempt < 3 && !mac_of(hop); attempt++) {
    u32 had = neighbour_count;
    arp(1, 0, hop);
    changed(&neighbour_count, had, 1000000000);
  }
  return mac_of(hop);
}
/* How many answers came. */
int ping(u32 to, u32 count, u32 bytes) {
  u8 *mac = nic.up ? next_hop(to) : 0;
  if (!mac) return 0;
  u32 first = ping_answers;
  if (bytes > 1400) bytes = 1400;
  for (u32 i = 0; i < count; i++) {
    struct icmp *o = (void *)(out + 34);
    u32 had = ping_answers;
    fill(o, i, 8 + bytes);
    o->type = 8;
    o->code = 0;
    o->id = swap16(1);
    o->sequence = swap16(i);
    o->sum = 0;
    o->sum = sum_of(add_up(0, o, 8 + bytes));
    ip_send(mac, to, ICMP, 8 + bytes);
    changed(&ping_answers, had, 1000000000);
    control();
  }
  return ping_answers - first;
}
