/* ARP, IPv4, ICMP and DHCP over the cards that the PCI bus has: answers pings, sends them, asks for an address. */
#include "pcos.h"

struct ethernet { u8 to[6], from[6]; u16 type; } PACKED;
struct arp { u16 hardware, protocol; u8 sizes[2]; u16 op; u8 from_mac[6]; u32 from_ip; u8 to_mac[6]; u32 to_ip; } PACKED;
struct ip { u8 version, service; u16 bytes, id, fragment; u8 ttl, protocol; u16 sum; u32 from, to; } PACKED;
struct icmp { u8 type, code; u16 sum, id, sequence; } PACKED;
struct udp { u16 from, to, bytes, sum; } PACKED;
enum { ETHERNET = 14, IP = ETHERNET + 20, ARP_TYPE = 0x806, IP_TYPE = 0x800, ICMP = 1, UDP = 17, ECHO_REPLY = 0, ECHO = 8, PING_BYTES = 56 };
enum { DHCP_CLIENT = 68, DHCP_SERVER = 67, DISCOVER = 1, OFFER, REQUEST, ACK = 5, DHCP_BYTES = 300 };
enum { MOST_NICS = 4, NEIGHBOURS = 8 };
static struct nic nics[MOST_NICS];
static u32 nic_count;
static volatile u32 told, arp_heard;
static struct { u32 ip; u8 mac[6]; } neighbours[NEIGHBOURS];
static struct { volatile u32 kind, ip, mask, gateway, server; } lease;
static volatile u32 answered;
static u8 out[FRAME_BYTES];

static u16 swap16(u32 v) { return v << 8 | (v >> 8 & 255); }
static u16 checksum(const void *data, u32 bytes) {
  const u8 *at = data;
  u32 sum = 0;
  for (; bytes > 1; bytes -= 2, at += 2) sum += at[0] | at[1] << 8;
  if (bytes) sum += *at;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

/* Frames are made in `out` with interrupts off: two tasks send. */
static void ethernet(struct nic *nic, const u8 *to, u32 type, u32 bytes) {
  struct ethernet *e = (void *)out;
  if (to) copy(e->to, to, 6);
  else fill(e->to, 255, 6);
  copy(e->from, nic->mac, 6);
  e->type = swap16(type);
  if (bytes < 60) fill(out + bytes, 0, 60 - bytes), bytes = 60;
  nic->send(nic, out, bytes);
}
static void send_arp(struct nic *nic, u32 op, const u8 *to_mac, u32 to_ip) {
  u32 flags = lock();
  struct arp *a = (void *)(out + ETHERNET);
  a->hardware = swap16(1);
  a->protocol = swap16(IP_TYPE);
  a->sizes[0] = 6;
  a->sizes[1] = 4;
  a->op = swap16(op);
  copy(a->from_mac, nic->mac, 6);
  a->from_ip = nic->ip;
  if (to_mac) copy(a->to_mac, to_mac, 6);
  else fill(a->to_mac, 0, 6);
  a->to_ip = to_ip;
  ethernet(nic, to_mac, ARP_TYPE, ETHERNET + sizeof *a);
  unlock(flags);
}
static void send_ip(struct nic *nic, const u8 *mac, u32 to, u8 protocol, u32 bytes) {
  static u16 id;
  struct ip *ip = (void *)(out + ETHERNET);
  *ip = (struct ip){ .version = 0x45, .bytes = swap16(20 + bytes), .id = swap16(++id), .ttl = 64, .protocol = protocol, .from = nic->ip, .to = to };
  ip->sum = checksum(ip, 20);
  ethernet(nic, mac, IP_TYPE, IP + bytes);
}

static u8 *mac_of(u32 ip) {
  for (u32 i = 0; i < NEIGHBOURS; i++) if (neighbours[i].ip == ip) return neighbours[i].mac;
  return 0;
}
static void learn(u32 ip, const u8 *mac) {
  static u32 oldest;
  u8 *known = mac_of(ip);
  if (!known) {
    neighbours[oldest].ip = ip;
    known = neighbours[oldest].mac;
    oldest = (oldest + 1) % NEIGHBOURS;
  }
  copy(known, mac, 6);
  arp_heard++;
  wake(&arp_heard);
}

static void on_arp(struct nic *nic, const struct arp *a) {
  if (!nic->ip || a->to_ip != nic->ip) return;
  learn(a->from_ip, a->from_mac);
  if (a->op == swap16(1)) send_arp(nic, 2, a->from_mac, a->from_ip);
}
static void on_icmp(struct nic *nic, const u8 *mac, const struct ip *ip, const struct icmp *asked, u32 bytes) {
  if (bytes < sizeof *asked || bytes > FRAME_BYTES - IP || checksum(asked, bytes)) return;
  if (asked->type == ECHO_REPLY) { answered = swap16(asked->sequence); wake(&answered); return; }
  if (asked->type != ECHO) return;
  u32 flags = lock();
  struct icmp *answer = (void *)(out + IP);
  copy(answer, asked, bytes);
  answer->type = ECHO_REPLY;
  answer->sum = 0;
  answer->sum = checksum(answer, bytes);
  send_ip(nic, mac, ip->from, ICMP, bytes);
  unlock(flags);
}
static void on_dhcp(struct nic *nic, const u8 *d, u32 bytes) {
  /* Answers may go to everybody: the end of our station address is the number of what we asked. */
  if (bytes < 240 || d[0] != 2 || *(u32 *)(d + 4) != *(u32 *)(nic->mac + 2)) return;
  u32 kind = 0;
  for (u32 at = 240; at + 1 < bytes && d[at] != 255; at += d[at] ? 2 + d[at + 1] : 1) {
    u32 size = d[at] ? d[at + 1] : 0, value;
    if (at + 2 + size > bytes) return;
    if (d[at] == 53 && size == 1) kind = d[at + 2];
    if (size < 4) continue;
    copy(&value, d + at + 2, 4);
    if (d[at] == 54) lease.server = value;
    if (d[at] == 3) lease.gateway = value;
    if (d[at] == 1) lease.mask = value;
  }
  lease.ip = *(u32 *)(d + 16);
  lease.kind = kind;
  wake(&lease);
}

static void on_frame(struct nic *nic, const u8 *frame, u32 bytes) {
  const struct ethernet *e = (void *)frame;
  if (bytes >= ETHERNET + sizeof(struct arp) && e->type == swap16(ARP_TYPE)) return on_arp(nic, (void *)(frame + ETHERNET));
  const struct ip *ip = (void *)(frame + ETHERNET);
  if (bytes < IP || e->type != swap16(IP_TYPE) || ip->version != 0x45 || ip->fragment & swap16(0x3fff)) return;
  u32 whole = swap16(ip->bytes), payload = whole - 20;
  if (whole < 20 || whole > bytes - ETHERNET || checksum(ip, 20)) return;
  if (ip->protocol == UDP && payload >= 8 && ((struct udp *)(frame + IP))->to == swap16(DHCP_CLIENT)) return on_dhcp(nic, frame + IP + 8, payload - 8);
  if (!nic->ip || ip->to != nic->ip) return;
  if (!((ip->from ^ nic->ip) & nic->mask)) learn(ip->from, e->from);
  if (ip->protocol == ICMP) on_icmp(nic, e->from, ip, (void *)(frame + IP), payload);
}

/* The task that takes what the cards have received. */
static void receiver(u32 unused) {
  static u8 in[FRAME_BYTES + 64];
  (void)unused;
  for (;;) {
    u32 flags = lock(), bytes;
    while (!told) wait_for(&told, 0);
    told = 0;
    unlock(flags);
    for (u32 i = 0; i < nic_count; i++) while ((bytes = nics[i].receive(&nics[i], in))) on_frame(&nics[i], in, bytes);
  }
}
static void on_card(u32 irq) {
  for (u32 i = 0; i < nic_count; i++) if (nics[i].irq == irq && nics[i].acknowledge(&nics[i])) told = 1;
  if (told) wake(&told);
}

void net_start(void) {
  static const struct { u32 id; void (*start)(struct nic *, u32); } models[] = { { 0x20001022, pcnet_start }, { 0x802910ec, ne2000_start } };
  static const char *const names[MOST_NICS] = { "eth0", "eth1", "eth2", "eth3" };
  task_new("net", receiver, 0);
  for (u32 function = pci_next(0); function && nic_count < MOST_NICS; function = pci_next(function))
    for (u32 i = 0; i < LENGTH(models); i++) {
      if (pci_read(function, 0) != models[i].id) continue;
      struct nic *nic = &nics[nic_count];
      nic->name = names[nic_count];
      nic->io = pci_read(function, 0x10) & ~3;
      nic->irq = pci_read(function, 0x3c);
      /* Ports, and memory as the card's own master. */
      pci_write(function, 4, pci_read(function, 4) | 5);
      models[i].start(nic, function);
      if (!nic->model || nic->irq > 15) continue;
      nic_count++;
      on_irq(nic->irq, on_card);
    }
}

struct nic *nic_named(const char *name) {
  for (u32 i = 0; i < nic_count; i++) if (!name || same(nics[i].name, name)) return &nics[i];
  return 0;
}

static void print_ip(u32 ip) { print("%u.%u.%u.%u", ip & 255, ip >> 8 & 255, ip >> 16 & 255, ip >> 24); }
void print_nics(void) {
  if (!nic_count) print("There is no PCnet and no NE2000 on the PCI bus.\n");
  for (struct nic *n = nics; n < nics + nic_count; n++) {
    print("%s  %-6s  %02x:%02x:%02x:%02x:%02x:%02x  ports %04x, IRQ %u, %u received, %u sent\n", n->name, n->model, n->mac[0], n->mac[1], n->mac[2], n->mac[3], n->mac[4], n->mac[5], n->io, n->irq, n->received, n->sent);
    if (!n->ip) { print("      no address: dhcp %s, or ip %s ADDRESS MASK GATEWAY\n", n->name, n->name); continue; }
    print("      address ");
    print_ip(n->ip);
    print(", mask ");
    print_ip(n->mask);
    print(", gateway ");
    print_ip(n->gateway);
    print("\n");
  }
}

u32 parse_ip(const char *s, const char **end) {
  u32 ip = 0;
  for (int i = 0; i < 4; i++) {
    ip |= (number(s, &s) & 255) << 8 * i;
    if (*s == '.' && i < 3) s++;
  }
  *end = s;
  return ip;
}

static void send_dhcp(struct nic *nic, u8 kind) {
  u32 flags = lock();
  struct udp *u = (void *)(out + IP);
  u8 *d = out + IP + sizeof *u, *o = d + 240;
  u32 server = lease.server, ip = lease.ip;
  fill(d, 0, DHCP_BYTES);
  d[0] = d[1] = 1;
  d[2] = 6;
  copy(d + 4, nic->mac + 2, 4);
  d[10] = 0x80; /* answer to everybody */
  copy(d + 28, nic->mac, 6);
  *(u32 *)(d + 236) = 0x63538263;
  *o++ = 53; *o++ = 1; *o++ = kind;
  if (kind == REQUEST) {
    *o++ = 50; *o++ = 4; copy(o, &ip, 4); o += 4;
    *o++ = 54; *o++ = 4; copy(o, &server, 4); o += 4;
  }
  *o++ = 55; *o++ = 2; *o++ = 1; *o++ = 3;
  *o = 255;
  *u = (struct udp){ swap16(DHCP_CLIENT), swap16(DHCP_SERVER), swap16(sizeof *u + DHCP_BYTES), 0 };
  send_ip(nic, 0, 0xffffffff, UDP, sizeof *u + DHCP_BYTES);
  unlock(flags);
}
static int dhcp_answer(struct nic *nic, u8 asked, u32 wanted) {
  u32 flags = lock();
  lease.kind = 0;
  send_dhcp(nic, asked);
  if (!lease.kind) wait_for(&lease, TICKS_PER_SECOND);
  int came = lease.kind == wanted;
  unlock(flags);
  return came;
}
const char *dhcp(struct nic *nic) {
  nic->ip = 0;
  for (u32 attempt = 0; attempt < 4; attempt++) {
    lease.mask = 0xffffff;
    lease.gateway = 0;
    if (!dhcp_answer(nic, DISCOVER, OFFER) || !dhcp_answer(nic, REQUEST, ACK)) continue;
    nic->mask = lease.mask;
    nic->gateway = lease.gateway;
    nic->ip = lease.ip;
    return 0;
  }
  return "No DHCP server has answered. Give the card an address: ip CARD ADDRESS MASK GATEWAY.";
}

const char *ping(struct nic *nic, u32 to, u32 count) {
  for (u32 i = 0; i < nic_count && !nic; i++) if (nics[i].ip && !((nics[i].ip ^ to) & nics[i].mask)) nic = &nics[i];
  for (u32 i = 0; i < nic_count && !nic; i++) if (nics[i].ip && nics[i].gateway) nic = &nics[i];
  if (!nic || !nic->ip) return "No card has an address that leads there: dhcp asks for one.";
  u32 hop = (nic->ip ^ to) & nic->mask ? nic->gateway : to, lost = 0;
  u8 mac[6];
  for (u32 attempt = 0; attempt < 3 && !mac_of(hop); attempt++) {
    u32 flags = lock(), heard = arp_heard;
    send_arp(nic, 1, 0, hop);
    if (heard == arp_heard) wait_for(&arp_heard, TICKS_PER_SECOND);
    unlock(flags);
  }
  if (!mac_of(hop)) return "Nobody there answers to this address (ARP).";
  copy(mac, mac_of(hop), 6);
  static u16 sequence;
  for (u32 i = 0; i < count; i++) {
    if (i) sleep(TICKS_PER_SECOND / 2);
    u32 flags = lock();
    struct icmp *o = (void *)(out + IP);
    fill(o, 'p', sizeof *o + PING_BYTES);
    *o = (struct icmp){ ECHO, 0, 0, swap16(1), swap16(++sequence) };
    o->sum = checksum(o, sizeof *o + PING_BYTES);
    u32 begin = microseconds(), until = ticks + TICKS_PER_SECOND;
    send_ip(nic, mac, to, ICMP, sizeof *o + PING_BYTES);
    while (answered != sequence && (int)(until - ticks) > 0) wait_for(&answered, until - ticks);
    int came = answered == sequence;
    u32 took = microseconds() - begin;
    unlock(flags);
    lost += !came;
    print_ip(to);
    if (came) print(" answered %s in %u.%02u ms\n", nic->name, took / 1000, took / 10 % 100);
    else print(" has not answered %s within a second\n", nic->name);
  }
  print("%u sent, %u lost\n", count, lost);
  return 0;
}
