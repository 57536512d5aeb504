/*
 * Block front ends: one page of ring each, and one granted transfer buffer that the disks share. Its pages stay granted, so a back end may keep them mapped
 * (feature-persistent); a request of more pages than a slot names has them in a list of its own (indirect).
 */
#include "minipv.h"

enum { RING = 32, SEGMENTS = 11, SECTORS_A_PAGE = 8, MAX_DISKS = 4, LISTS = 16 };
enum { READ = 0, WRITE = 1, FLUSH = 3, INDIRECT = 6 };
struct segment { u32 gref; u8 first, last; unsigned short pad; } __attribute__((packed, aligned(1)));
struct blk_request { u8 operation, segments; unsigned short handle; u64 id, sector; struct segment segment[SEGMENTS]; };
struct blk_indirect { u8 operation, stands_for; unsigned short segments; u64 id, sector; unsigned short handle, pad; u32 list[8]; };
struct blk_response { u64 id; u8 operation, pad; short status; };
struct ring {
  u32 req_prod, req_event, rsp_prod, rsp_event, pad[12];
  union { struct blk_request request; struct blk_indirect indirect; struct blk_response response; u8 bytes[sizeof(word) == 4 ? 108 : 112]; } slot[RING];
};
_Static_assert(sizeof(struct blk_request) == (sizeof(word) == 4 ? 108 : 112), "the request of the x86_32 and x86_64 ABI");
_Static_assert(BUFFER_PAGES / (SEGMENTS + 1) <= LISTS, "a list for each indirect request that the buffer has room for");

u8 buffer[BUFFER_PAGES * PAGE] ALIGNED;
u32 request_sectors = MOST_SECTORS;
struct disk disks[8];
int disk_count;
static u8 pages[MAX_DISKS][PAGE] ALIGNED, lists[LISTS][PAGE] ALIGNED;
static struct { u32 port, handle, most_pages; } state[MAX_DISKS];
static volatile struct front_ring fronts[MAX_DISKS];
static u32 refs[BUFFER_PAGES], list_refs[LISTS], used;

static volatile struct ring *ring_of(struct disk *disk) { return (volatile struct ring *)pages[disk->unit]; }

static void push(struct disk *disk, u32 made) {
  volatile struct ring *ring = ring_of(disk);
  u32 old = ring->req_prod;
  barrier();
  ring->req_prod = made;
  barrier();
  if (made - ring->req_event < made - old)
    send(state[disk->unit].port);
}
/* Until all that was asked is answered; the worst status. */
static int answers(struct disk *disk) {
  volatile struct ring *ring = ring_of(disk);
  volatile struct front_ring *front = &fronts[disk->unit];
  int status = 0;
  while (front->rsp_cons != front->req_prod_pvt) {
    if (ring->rsp_prod == front->rsp_cons) {
      /* One wake for all of them. */
      ring->rsp_event = front->req_prod_pvt;
      barrier();
      if (ring->rsp_prod != front->req_prod_pvt) wait(0);
      continue;
    }
    barrier();
    int s = ring->slot[front->rsp_cons % RING].response.status;
    if (s) status = s;
    front->rsp_cons++;
  }
  return status;
}

/* What the pages of the buffer from `page` on have of `count` sectors; how many pages. */
static u32 fill_segments(volatile struct segment *to, u32 page, u32 count) {
  u32 n = 0;
  for (; count; n++) {
    u32 take = count < SECTORS_A_PAGE ? count : SECTORS_A_PAGE;
    to[n].gref = refs[page + n];
    to[n].first = 0;
    to[n].last = take - 1;
    count -= take;
  }
  return n;
}
/* Each request's pages begin where the last one's end. */
static int move(struct disk *disk, u32 sector, u32 count, int writing) {
  volatile struct ring *ring = ring_of(disk);
  volatile struct front_ring *front = &fronts[disk->unit];
  u32 unit = disk->unit, asked = 0, indirect = 0, most = state[unit].most_pages * SECTORS_A_PAGE;
  int status = 0;
  if (most > request_sectors) most = request_sectors;
  for (u32 page = 0; count; asked++) {
    if (asked == RING) {
      push(disk, front->req_prod_pvt);
      int s = answers(disk);
      if (s) status = s;
      asked = indirect = 0;
    }
    u32 part = count < most ? count : most, n = (part + SECTORS_A_PAGE - 1) / SECTORS_A_PAGE;
    volatile struct blk_request *r = &ring->slot[front->req_prod_pvt++ % RING].request;
    if (n <= SEGMENTS) {
      r->operation = writing ? WRITE : READ;
      r->segments = n;
      r->handle = state[unit].handle;
      fill_segments(r->segment, page, part);
    } else {
      volatile struct blk_indirect *i = (volatile void *)r;
      i->operation = INDIRECT;
      i->stands_for = writing ? WRITE : READ;
      i->segments = n;
      i->handle = state[unit].handle;
      i->list[0] = list_refs[indirect];
      fill_segments((struct segment *)lists[indirect++], page, part);
    }
    r->id = page;
    r->sector = sector;
    page += n;
    sector += part;
    count -= part;
  }
  push(disk, front->req_prod_pvt);
  int s = answers(disk);
  return s ? s : status;
}
static int flush(struct disk *disk) {
  volatile struct front_ring *front = &fronts[disk->unit];
  volatile struct blk_request *r = &ring_of(disk)->slot[front->req_prod_pvt++ % RING].request;
  r->operation = FLUSH;
  r->segments = 0;
  r->handle = state[disk->unit].handle;
  r->id = 0;
  r->sector = 0;
  push(disk, front->req_prod_pvt);
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
  if (!refs[0]) {
    for (u32 i = 0; i < BUFFER_PAGES; i++) refs[i] = grant(buffer + i * PAGE, 0);
    for (u32 i = 0; i < LISTS; i++) list_refs[i] = grant(lists[i], 0);
  }
  for (char *id = list; id < list + bytes && used < MAX_DISKS; id += length(id) + 1) {
    char path[64], backend[96], node[128];
    format(path, sizeof path, "device/vbd/%s", id);
    format(node, sizeof node, "%s/backend", path);
    if (xs_read(node, backend, sizeof backend)) continue;
    struct disk *disk = &disks[disk_count];
    disk->unit = used;
    state[used].handle = number(id);
    volatile struct ring *ring = ring_of(disk);
    fronts[used] = FRONT_RING_INIT(ring, RING);
    fill((void *)ring, 0, PAGE);
    ring->req_event = ring->rsp_event = 1;
    if (xenbus_wait(backend, 2)) { print("vbd %s: the back end does not wait for us\n", id); continue; }
    format(node, sizeof node, "%s/feature-max-indirect-segments", backend);
    u32 most = xs_number(node, 0);
    if (most > BUFFER_PAGES) most = BUFFER_PAGES;
    state[used].most_pages = most > SEGMENTS ? most : SEGMENTS;
    state[used].port = new_port();
    write_number(path, "ring-ref", grant((void *)ring, 0));
    write_number(path, "event-channel", state[used].port);
    write_number(path, "feature-persistent", 1);
    format(node, sizeof node, "%s/protocol", path);
    xs_write(node, sizeof(word) == 4 ? "x86_32-abi" : "x86_64-abi");
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
