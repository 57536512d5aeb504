/* Block front ends: one page of ring each, eight pages a request, all requests in one granted transfer buffer that the disks share. */
#include "minipv.h"

enum { RING = 32, PAGES_A_REQUEST = 8, SECTORS_A_PAGE = 8, MAX_DISKS = 4 };
enum { READ = 0, WRITE = 1, FLUSH = 3 };
struct segment { u32 gref; u8 first, last; unsigned short pad; };
struct blk_request { u8 operation, segments; unsigned short handle; u64 id, sector; struct segment segment[11]; } __attribute__((packed));
struct blk_response { u64 id; u8 operation, pad; short status; };
struct ring {
  u32 req_prod, req_event, rsp_prod, rsp_event, pad[12];
  union { struct blk_request request; struct blk_response response; } slot[RING];
} __attribute__((packed));
_Static_assert(sizeof(struct blk_request) == 108, "the request of the 32-bit ABI");

u8 buffer[BUFFER_PAGES * PAGE] ALIGNED;
struct disk disks[8];
int disk_count;
static u8 pages[MAX_DISKS][PAGE] ALIGNED;
static struct { u32 port, next, answered, handle; } state[MAX_DISKS];
static u32 refs[BUFFER_PAGES], used;

static volatile struct ring *ring_of(struct disk *disk) { return (volatile struct ring *)pages[disk->unit]; }

static void push(struct disk *disk, u32 made) {
  volatile struct ring *ring = ring_of(disk);
  u32 old = ring->req_prod;
  barrier();
  ring->req_prod = made;
  barrier();
  if (made - ring->req_event < made - old) send(state[disk->unit].port);
}
/* Until all that was asked is answered; the worst status. */
static int answers(struct disk *disk) {
  volatile struct ring *ring = ring_of(disk);
  u32 unit = disk->unit;
  int status = 0;
  while (state[unit].answered != state[unit].next) {
    if (ring->rsp_prod == state[unit].answered) {
      /* One wake for all of them. */
      ring->rsp_event = state[unit].next;
      barrier();
      if (ring->rsp_prod != state[unit].next) wait(0);
      continue;
    }
    barrier();
    int s = ring->slot[state[unit].answered % RING].response.status;
    if (s) status = s;
    state[unit].answered++;
  }
  return status;
}

static int move(struct disk *disk, u32 sector, u32 count, int writing) {
  volatile struct ring *ring = ring_of(disk);
  for (u32 page = 0; count; page += PAGES_A_REQUEST) {
    volatile struct blk_request *r = &ring->slot[state[disk->unit].next++ % RING].request;
    r->operation = writing ? WRITE : READ;
    r->handle = state[disk->unit].handle;
    r->id = page;
    r->sector = sector;
    u32 n = 0;
    for (; n < PAGES_A_REQUEST && count; n++) {
      u32 take = count < SECTORS_A_PAGE ? count : SECTORS_A_PAGE;
      r->segment[n].gref = refs[page + n];
      r->segment[n].first = 0;
      r->segment[n].last = take - 1;
      sector += take;
      count -= take;
    }
    r->segments = n;
  }
  push(disk, state[disk->unit].next);
  return answers(disk);
}
static int flush(struct disk *disk) {
  volatile struct blk_request *r = &ring_of(disk)->slot[state[disk->unit].next++ % RING].request;
  r->operation = FLUSH;
  r->segments = 0;
  r->handle = state[disk->unit].handle;
  r->id = 0;
  r->sector = 0;
  push(disk, state[disk->unit].next);
  int status = answers(disk);
  return status == -2 ? 0 : status;
}

static void name_of(u32 handle, char *to) {
  /* xvd: major 202, 16 partitions a disk, or the extended number with bit 28. */
  u32 n = handle >> 28 ? (handle & 0xfffffff) >> 8 : (handle & 0xff) >> 4;
  if (handle >> 28 || handle >> 8 == 202) format(to, 8, "xvd%c", 'a' + n);
  else if (handle >> 8 == 3) format(to, 8, "hd%c", 'a' + ((handle & 0xff) >> 6));
  else format(to, 8, "vbd%u", used);
}
static void write_number(const char *path, const char *key, u32 value) {
  char node[128], text[16];
  format(node, sizeof node, "%s/%s", path, key);
  format(text, sizeof text, "%u", value);
  xs_write(node, text);
}

void blkfront_start(void) {
  static char list[512];
  u32 bytes;
  if (xs_list("device/vbd", list, sizeof list, &bytes)) return;
  if (!refs[0]) for (u32 i = 0; i < BUFFER_PAGES; i++) refs[i] = grant(buffer + i * PAGE, 0);
  for (char *id = list; id < list + bytes && used < MAX_DISKS; id += length(id) + 1) {
    char path[64], backend[96], node[128];
    format(path, sizeof path, "device/vbd/%s", id);
    format(node, sizeof node, "%s/backend", path);
    if (xs_read(node, backend, sizeof backend)) continue;
    struct disk *disk = &disks[disk_count];
    disk->unit = used;
    state[used].handle = number(id);
    state[used].next = state[used].answered = 0;
    volatile struct ring *ring = ring_of(disk);
    fill((void *)ring, 0, PAGE);
    ring->req_event = ring->rsp_event = 1;
    if (xenbus_wait(backend, 2)) { print("vbd %s: the back end does not wait for us\n", id); continue; }
    state[used].port = new_port();
    write_number(path, "ring-ref", grant((void *)ring, 0));
    write_number(path, "event-channel", state[used].port);
    format(node, sizeof node, "%s/protocol", path);
    xs_write(node, "x86_32-abi");
    xenbus_state(path, 3);
    if (xenbus_wait(backend, 4)) { print("vbd %s: the back end did not connect\n", id); continue; }
    format(node, sizeof node, "%s/sectors", backend);
    disk->sectors = xs_number(node, 0);
    name_of(number(id), disk->name);
    disk->move = move;
    disk->flush = flush;
    xenbus_state(path, 4);
    used++;
    disk_count++;
    print("%s: %u sectors\n", disk->name, disk->sectors);
  }
}
/* After a resume: rings, grants and ports are those of another domain. */
void blkfront_forget(void) { used = 0; refs[0] = 0; }
