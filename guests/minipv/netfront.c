/* The first network front end: one page of ring each way, a packet a slot, copied by the back end. */
#include "minipv.h"

enum { RING = 256, RX = 32, TX = 16 };
struct ring_head { u32 req_prod, req_event, rsp_prod, rsp_event, pad[12]; };
struct tx_request { u32 gref; unsigned short offset, flags, id, size; };
struct tx_response { unsigned short id; short status; };
struct rx_request { unsigned short id, pad; u32 gref; };
struct rx_response { unsigned short id, offset, flags; short status; };
struct tx_ring { struct ring_head head; union { struct tx_request request; struct tx_response response; u8 bytes[12]; } slot[RING]; };
struct rx_ring { struct ring_head head; union { struct rx_request request; struct rx_response response; } slot[RING]; };
_Static_assert(sizeof(struct tx_ring) <= PAGE && sizeof(struct rx_ring) <= PAGE, "a ring is a page");

struct nic nic;
static u8 tx_page[PAGE] ALIGNED, rx_page[PAGE] ALIGNED, tx_data[TX][PAGE] ALIGNED, rx_data[RX][PAGE] ALIGNED;
static volatile struct tx_ring *const tx = (volatile struct tx_ring *)tx_page;
static volatile struct rx_ring *const rx = (volatile struct rx_ring *)rx_page;
static u32 tx_ref[TX], rx_ref[RX], port, tx_next, tx_answered, rx_next, rx_answered;

static void push(volatile struct ring_head *head, u32 made) {
  u32 old = head->req_prod;
  barrier();
  head->req_prod = made;
  barrier();
  if (made - head->req_event < made - old) send(port);
}
static void offer(u32 id) {
  volatile struct rx_request *r = &rx->slot[rx_next++ % RING].request;
  r->id = id;
  r->pad = 0;
  r->gref = rx_ref[id];
}

static int net_send(const void *frame, u32 bytes) {
  if (bytes > PAGE) return -1;
  while (tx_next - tx_answered == TX) {
    if (tx->head.rsp_prod != tx_answered) { barrier(); tx_answered++; continue; }
    tx->head.rsp_event = tx_answered + 1;
    barrier();
    if (tx->head.rsp_prod == tx_answered) wait(1000000000);
  }
  u32 id = tx_next % TX;
  copy(tx_data[id], frame, bytes);
  volatile struct tx_request *r = &tx->slot[tx_next % RING].request;
  r->gref = tx_ref[id];
  r->offset = 0;
  r->flags = 0;
  r->id = id;
  r->size = bytes;
  push(&tx->head, ++tx_next);
  return 0;
}

static u32 net_receive(void *frame) {
  if (rx->head.rsp_prod == rx_answered) {
    rx->head.rsp_event = rx_answered + 1;
    barrier();
    if (rx->head.rsp_prod == rx_answered) return 0;
  }
  barrier();
  struct rx_response r = *(struct rx_response *)&rx->slot[rx_answered++ % RING].response;
  u32 bytes = 0;
  if (r.status > 0 && r.status <= 1514 && r.id < RX && !(r.flags & 4)) copy(frame, rx_data[r.id] + r.offset, bytes = r.status);
  offer(r.id % RX);
  push(&rx->head, rx_next);
  return bytes;
}

static u8 hex(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

void netfront_start(void) {
  static const char path[] = "device/vif/0";
  char backend[96], text[32];
  nic.up = 0;
  if (xs_read("device/vif/0/backend", backend, sizeof backend)) return;
  if (xs_read("device/vif/0/mac", text, sizeof text)) return;
  for (int i = 0; i < 6; i++) nic.mac[i] = hex(text[3 * i]) << 4 | hex(text[3 * i + 1]);
  if (xenbus_wait(backend, 2)) { print("vif 0: the back end does not wait for us\n"); return; }
  fill(tx_page, 0, PAGE);
  fill(rx_page, 0, PAGE);
  tx->head.req_event = tx->head.rsp_event = rx->head.req_event = rx->head.rsp_event = 1;
  tx_next = tx_answered = rx_next = rx_answered = 0;
  port = new_port();
  for (u32 i = 0; i < TX; i++) tx_ref[i] = grant(tx_data[i], 1);
  for (u32 i = 0; i < RX; i++) rx_ref[i] = grant(rx_data[i], 0);
  for (u32 i = 0; i < RX; i++) offer(i);
  rx->head.req_prod = rx_next;
  const struct { const char *key; u32 value; } nodes[] = {
    { "tx-ring-ref", grant(tx_page, 0) }, { "rx-ring-ref", grant(rx_page, 0) }, { "event-channel", port },
    { "request-rx-copy", 1 }, { "feature-rx-notify", 1 }, { "feature-no-csum-offload", 1 },
  };
  for (u32 i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
    char node[64];
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
  send(port);
  print("eth0: %x:%x:%x:%x:%x:%x\n", nic.mac[0], nic.mac[1], nic.mac[2], nic.mac[3], nic.mac[4], nic.mac[5]);
}
