/* As much of ARP, IPv4, ICMP, DHCP and TCP as answers a ping, asks for an address and echoes what comes to TCP port 7. */
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
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* Addresses as they lie in packets. */
u32 own_ip;
static u32 gateway, netmask;
u32 echoed;
static u8 in[1536], out[1536] __attribute__((aligned(4)));
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
static u32 add_up(u32 sum, const void *data, u32 bytes) {
  const u8 *p = data;
  for (; bytes > 1; p += 2, bytes -= 2) sum += p[0] | p[1] << 8;
  return bytes ? sum + p[0] : sum;
}
static unsigned short sum_of(u32 sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}
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
  nic.send(out, 42);
}
/* The payload lies at out + 34 already. */
static void ip_send(const u8 *mac, u32 to, u32 protocol, u32 bytes) {
  static unsigned short id;
  struct ip *ip = (void *)(out + 14);
  ethernet(mac, 0x800);
  ip->version = 0x45;
  ip->service = 0;
  ip->bytes = swap16(20 + bytes);
  ip->id = swap16(++id);
  ip->fragment = swap16(0x4000);
  ip->ttl = 64;
  ip->protocol = protocol;
  ip->from = own_ip;
  ip->to = to;
  ip->sum = 0;
  ip->sum = sum_of(add_up(0, ip, 20));
  nic.send(out, 34 + bytes < 60 ? 60 : 34 + bytes);
}
static void tcp_send(const u8 *mac, u32 to, unsigned short from_port, unsigned short to_port, u32 sequence, u32 ack, u32 flags, u32 bytes) {
  struct tcp *t = (void *)(out + 34);
  t->from = from_port;
  t->to = to_port;
  t->sequence = swap32(sequence);
  t->ack = swap32(ack);
  t->offset = 5 << 4;
  t->flags = flags;
  t->window = swap16(1460);
  t->sum = t->urgent = 0;
  u32 pseudo[3] = { own_ip, to, (u32)TCP << 8 | (u32)swap16(20 + bytes) << 16 };
  t->sum = sum_of(add_up(add_up(0, pseudo, 12), t, 20 + bytes));
  ip_send(mac, to, TCP, 20 + bytes);
}

static void on_tcp(const u8 *mac, const struct ip *ip, const struct tcp *t, u32 bytes) {
  u32 head = (t->offset >> 4) * 4;
  if (bytes < 20 || head < 20 || head > bytes) return;
  u32 sequence = swap32(t->sequence), data = bytes - head;
  int known = peer.open && peer.ip == ip->from && peer.port == t->from;
  if (t->flags & RST) { if (known) peer.open = 0; return; }
  if (swap16(t->to) != 7 || (!known && !(t->flags & SYN))) {
    tcp_send(mac, ip->from, t->to, t->from, swap32(t->ack), sequence + data + (t->flags & SYN ? 1 : 0), RST | ACK, 0);
    return;
  }
  if (t->flags & SYN) {
    peer.open = 1;
    peer.ip = ip->from;
    peer.port = t->from;
    peer.next_in = sequence + 1;
    peer.next_out = (u32)now();
    tcp_send(mac, ip->from, t->to, t->from, peer.next_out++, peer.next_in, SYN | ACK, 0);
    return;
  }
  /* What is not next is asked for again; what was lost on the way back comes again when the peer sends again. */
  if (sequence != peer.next_in) { tcp_send(mac, ip->from, t->to, t->from, peer.next_out, peer.next_in, ACK, 0); return; }
  u32 fin = t->flags & FIN;
  if (!data && !fin) return;
  peer.next_in += data + fin;
  copy(out + 54, (const u8 *)t + head, data);
  tcp_send(mac, ip->from, t->to, t->from, peer.next_out, peer.next_in, ACK | (data ? PSH : 0) | fin, data);
  peer.next_out += data + fin;
  echoed += data;
  if (fin) peer.open = 0;
}
static void on_icmp(const u8 *mac, const struct ip *ip, const struct icmp *i, u32 bytes) {
  if (bytes < 8) return;
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

void ip_poll(void) {
  u32 bytes;
  while (nic.up && (bytes = nic.receive(in))) {
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
}
/* Polls until `what` differs from `was`, or `ns` have passed. */
static int changed(volatile u32 *what, u32 was, u64 ns) {
  u64 until = now() + ns;
  for (;;) {
    ip_poll();
    if (*what != was) return 1;
    u64 at = now();
    if (at >= until) return 0;
    u64 rest = until - at;
    wait(nic.polled && rest > 100000 ? 100000 : rest);
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
/* How many answers came. */
int ping(u32 to, u32 count, u32 bytes) {
  if (!nic.up) return 0;
  u32 hop = netmask && (to & netmask) != (own_ip & netmask) ? gateway : to;
  for (int attempt = 0; attempt < 3 && !mac_of(hop); attempt++) {
    u32 had = neighbour_count;
    arp(1, 0, hop);
    changed(&neighbour_count, had, 1000000000);
  }
  u8 *mac = mac_of(hop);
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
  }
  return ping_answers - first;
}
