/*
 * The first network front end: one page of ring each way, copied by the back end. A frame takes as many pages as it needs, and one of TCP that is longer than
 * a wire takes goes as it is, with word of how it may be cut (feature-gso-tcpv4); so does one that comes.
 */
#include "minipv.h"

enum { RING = 256, RX = 192, TX = 64 };
enum { TX_BLANK = 1, TX_VALID = 2, TX_MORE = 4, TX_EXTRA = 8, RX_VALID = 1, RX_BLANK = 2, RX_MORE = 4, RX_EXTRA = 8 };
enum { EXTRA_GSO = 1, GSO_TCPV4 = 1, RESPONSE_NULL = 1, RESPONSES_A_WAKE = 16 };
struct ring_head { u32 req_prod, req_event, rsp_prod, rsp_event, pad[12]; };
struct tx_request { u32 gref; unsigned short offset, flags, id, size; };
struct tx_response { unsigned short id; short status; };
struct extra { u8 type, flags; unsigned short size; u8 gso_type, pad; unsigned short features; };
struct rx_request { unsigned short id, pad; u32 gref; };
struct rx_response { unsigned short id, offset, flags; short status; };
struct tx_ring { struct ring_head head; union { struct tx_request request; struct tx_response response; struct extra extra; u8 bytes[12]; } slot[RING]; };
struct rx_ring { struct ring_head head; union { struct rx_request request; struct rx_response response; } slot[RING]; };
_Static_assert(sizeof(struct tx_ring) <= PAGE && sizeof(struct rx_ring) <= PAGE, "a ring is a page");

struct nic nic;
static u8 tx_page[PAGE] ALIGNED, rx_page[PAGE] ALIGNED, tx_data[TX][PAGE] ALIGNED, rx_data[RX][PAGE] ALIGNED;
static volatile struct tx_ring *const tx = (volatile struct tx_ring *)tx_page;
static volatile struct rx_ring *const rx = (volatile struct rx_ring *)rx_page;
static u32 tx_ref[TX], rx_ref[RX], port;
static volatile struct front_ring tx_front, rx_front;
/* Pages that no packet under way uses. */
static u8 tx_free[TX];
static u32 tx_free_count;
/* Buffers by their slots: a back end answers in the order of the requests. */
static u8 rx_id[RING];

static void push(volatile struct ring_head *head, u32 made) {
  u32 old = head->req_prod;
  barrier();
  head->req_prod = made;
  barrier();
  if (made - head->req_event < made - old) send(port);
}
static void offer(u32 id) {
  rx_id[rx_front.req_prod_pvt % RING] = id;
  volatile struct rx_request *r = &rx->slot[rx_front.req_prod_pvt++ % RING].request;
  r->id = id;
  r->pad = 0;
  r->gref = rx_ref[id];
}

static void take_tx_responses(void) {
  for (u32 end = tx->head.rsp_prod; tx_front.rsp_cons != end; tx_front.rsp_cons++) {
    barrier();
    struct tx_response r = *(struct tx_response *)&tx->slot[tx_front.rsp_cons % RING].response;
    if (r.status != RESPONSE_NULL && r.id < TX && tx_free_count < TX) tx_free[tx_free_count++] = r.id;
  }
}
static int net_send(const void *head, u32 head_bytes, const void *data, u32 data_bytes, u32 segment) {
  u32 bytes = head_bytes + data_bytes, wanted = (bytes + PAGE - 1) / PAGE;
  if (head_bytes > PAGE || wanted > 17) return -1;
  for (take_tx_responses(); tx_free_count < wanted; take_tx_responses()) {
    u32 under_way = tx_front.req_prod_pvt - tx_front.rsp_cons;
    tx->head.rsp_event = tx_front.rsp_cons + (under_way < RESPONSES_A_WAKE ? under_way : RESPONSES_A_WAKE);
    barrier();
    if (tx->head.rsp_prod == tx_front.rsp_cons) wait(1000000000);
  }
  const u8 *from = data;
  for (u32 left = bytes, first = 1; left; first = 0) {
    u32 id = tx_free[--tx_free_count], size = left < PAGE ? left : PAGE, at = first ? head_bytes : 0;
    if (first) copy(tx_data[id], head, head_bytes);
    copy(tx_data[id] + at, from, size - at);
    from += size - at;
    left -= size;
    volatile struct tx_request *r = &tx->slot[tx_front.req_prod_pvt++ % RING].request;
    r->gref = tx_ref[id];
    r->offset = 0;
    r->flags = (left ? TX_MORE : 0) | (first && segment ? TX_BLANK | TX_VALID | TX_EXTRA : 0);
    r->id = id;
    /* The first slot says how long the whole packet is. */
    r->size = first ? bytes : size;
    if (!first || !segment) continue;
    volatile struct extra *e = &tx->slot[tx_front.req_prod_pvt++ % RING].extra;
    e->type = EXTRA_GSO;
    e->flags = 0;
    e->size = segment;
    e->gso_type = GSO_TCPV4;
    e->pad = 0;
    e->features = 0;
  }
  push(&tx->head, tx_front.req_prod_pvt);
  return 0;
}

/* True when there is a response behind the last one; else an event tells of it. */
static int has_come(void) {
  if (rx->head.rsp_prod == rx_front.rsp_cons) {
    rx->head.rsp_event = rx_front.rsp_cons + 1;
    barrier();
    if (rx->head.rsp_prod == rx_front.rsp_cons) return 0;
  }
  barrier();
  return 1;
}
static u32 net_receive(void *frame) {
  if (!has_come()) return 0;
  u32 bytes = 0, more, first = 1;
  /* The back end shows a frame's responses together. */
  do {
    u32 at = rx_front.rsp_cons++ % RING, id = rx_id[at];
    struct rx_response r = *(struct rx_response *)&rx->slot[at].response;
    u32 size = r.status > 0 && r.status + r.offset <= (int)PAGE && bytes + r.status <= FRAME_MOST ? r.status : 0;
    more = r.flags & RX_MORE;
    if (first) nic.valid = (r.flags & (RX_VALID | RX_BLANK)) != 0;
    copy((u8 *)frame + bytes, rx_data[id] + r.offset, size);
    bytes += size;
    offer(id);
    /* Extra information (how the frame may be cut, which is not asked for here) has a slot of its own, and with it a buffer that is free again. */
    for (u32 extra = r.flags & RX_EXTRA; extra; offer(rx_id[at])) {
      at = rx_front.rsp_cons++ % RING;
      extra = ((struct extra *)&rx->slot[at])->flags & 1;
    }
    first = 0;
  } while (more);
  push(&rx->head, rx_front.req_prod_pvt);
  return bytes;
}

static u8 hex(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

void netfront_start(void) {
  static const char path[] = "device/vif/0";
  char backend[96], text[32], node[128];
  nic.up = 0;
  if (xs_read("device/vif/0/backend", backend, sizeof backend)) return;
  if (xs_read("device/vif/0/mac", text, sizeof text)) return;
  for (int i = 0; i < 6; i++) nic.mac[i] = hex(text[3 * i]) << 4 | hex(text[3 * i + 1]);
  if (xenbus_wait(backend, 2)) { print("vif 0: the back end does not wait for us\n"); return; }
  format(node, sizeof node, "%s/feature-sg", backend);
  u32 gathers = xs_number(node, 0);
  format(node, sizeof node, "%s/feature-gso-tcpv4", backend);
  u32 cuts = gathers && xs_number(node, 0);
  fill(tx_page, 0, PAGE);
  fill(rx_page, 0, PAGE);
  tx->head.req_event = tx->head.rsp_event = rx->head.req_event = rx->head.rsp_event = 1;
  tx_front = FRONT_RING_INIT(tx, RING);
  rx_front = FRONT_RING_INIT(rx, RING);
  port = new_port();
  tx_free_count = 0;
  for (u32 i = 0; i < TX; i++) tx_ref[i] = grant(tx_data[i], 1), tx_free[tx_free_count++] = i;
  for (u32 i = 0; i < RX; i++) rx_ref[i] = grant(rx_data[i], 0);
  for (u32 i = 0; i < RX; i++) offer(i);
  rx->head.req_prod = rx_front.req_prod_pvt;
  const struct { const char *key; u32 value; } nodes[] = {
    { "tx-ring-ref", grant(tx_page, 0) }, { "rx-ring-ref", grant(rx_page, 0) }, { "event-channel", port },
    { "request-rx-copy", 1 }, { "feature-rx-notify", 1 }, { "feature-sg", 1 }, { "feature-gso-tcpv4", 1 },
  };
  for (u32 i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
    format(node, sizeof node, "%s/%s", path, nodes[i].key);
    format(text, sizeof text, "%u", nodes[i].value);
    xs_write(node, text);
  }
  xenbus_state(path, 4);
  if (xenbus_wait(backend, 4)) { print("vif 0: the back end did not connect\n"); return; }
  nic.send = net_send;
  nic.receive = net_receive;
  nic.up = 1;
  nic.polled = 0;
  /* 44 segments of 1460 bytes: what IPv4's length leaves room for. */
  nic.cuts = cuts ? 44 * 1460 : 0;
  nic.window = 512 * 1024;
  send(port);
  print("eth0: %x:%x:%x:%x:%x:%x\n", nic.mac[0], nic.mac[1], nic.mac[2], nic.mac[3], nic.mac[4], nic.mac[5]);
}
