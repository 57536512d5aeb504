/* minipv: a guest of Xen's public interface, or a PC without Xen, with a shell. What its files offer each other. */
#define HYPERCALL_PAGE
#include "../xen.h"

#define PAGE 4096u
#define ALIGNED __attribute__((aligned(4096)))
#define barrier() __sync_synchronize()

/*
 * A front end's half of a ring, as RING_FRONT_INIT of Xen's io/ring.h makes it (struct __name##_front_ring): by these four words a reader of this guest's
 * memory finds it. Volatile: what is being made is seen there, too.
 */
struct front_ring { u32 req_prod_pvt, rsp_cons, nr_ents; volatile void *sring; };
#define FRONT_RING_INIT(page, slots) ((struct front_ring){ 0, 0, slots, page })

/* text.c */
u32 length(const char *s);
int same(const char *a, const char *b);
void copy(void *to, const void *from, u32 bytes);
void fill(void *to, u8 value, u32 bytes);
/* %s %d %u %x %c, and %U for a u64; into `to`, which holds `room` bytes with the final NUL. */
void format(char *to, u32 room, const char *pattern, ...);
u32 number(const char *s);
u32 crc32(u32 crc, const void *data, u32 bytes);
u64 divide(u64 value, u32 by);

/* xen.c */
enum mode { PV_MODE, PVH_MODE, HVM_MODE };
extern enum mode mode;
/* 0: a PC without Xen, which is HVM_MODE for the rest. */
extern int has_xen;
extern volatile struct shared_info *shared;
extern char command_line[1024];
void xen_start(enum mode how, u32 info);
/* Connects shared_info, grants, console and xenstore: at the start and after a resume. */
void xen_connect(void);
u64 now(void);
u32 mfn_of(const void *page);
u32 grant(const void *page, int read_only);
u32 grants_used(void);
u32 new_port(void);
int close_port(u32 port);
int send(u32 port);
int port_taken(u32 port);
/* Sleeps until one of the ports known to `listen` has an event, or `ns` have passed; 0: no limit. */
void wait(u64 ns);
void listen(u32 port);
void print(const char *pattern, ...);
int key(void);
/* Error names of xenstored or NULL; the answer ends with a NUL and lies in the caller's room. */
const char *xs_read(const char *path, char *to, u32 room);
const char *xs_list(const char *path, char *to, u32 room, u32 *bytes);
const char *xs_write(const char *path, const char *value);
const char *xs_remove(const char *path);
const char *xs_watch(const char *path, const char *token);
u32 xs_number(const char *path, u32 otherwise);
/* True once after a watch has fired. */
int watch_fired(void);
int xenbus_state(const char *path, u32 state);
int xenbus_wait(const char *backend, u32 state);
void end(u32 reason);
/* 1: resumed elsewhere, 0: cancelled, < 0: refused. */
int suspend(void);
int balloon(int pages);
int held_pages(void);
int event_test(u32 times);
/* The PCI device whose register `at` has `wanted` under the mask, as its address in port 0xCF8; 0: none. */
u32 pci_find(u32 mask, u32 wanted, u32 at);
/* The ports of a base address register, which are given to it where no firmware has done so; and bus mastering. */
u32 pci_ports(u32 device, u32 bar, u32 otherwise);
/* From now on the interrupt of this PCI device ends a `wait` of a PC, two devices at most; `port`: reading it takes the request back. */
void pci_interrupts(u32 device, u32 port);
/* Emulated disks and NICs away (Xen's platform device, port 0x10); < 0: there is none. */
int unplug(void);

/*
 * blkfront.c, ata.c, virtio.c: a transfer of whole sectors between `sector` of the disk and the transfer buffer. 0 or an error.
 * A request moves `request_sectors` at most; a disk that takes several requests at once gets all of a transfer's together.
 */
#define BUFFER_PAGES 128u
#define MOST_SECTORS (BUFFER_PAGES * 8)
extern u8 buffer[BUFFER_PAGES * PAGE];
extern u32 request_sectors;
struct disk { char name[8]; u32 sectors; int (*move)(struct disk *, u32 sector, u32 count, int writing); int (*flush)(struct disk *); u32 unit; };
extern struct disk disks[8];
extern int disk_count;
void blkfront_start(void);
void blkfront_forget(void);
void ata_start(void);

/*
 * netfront.c, pcnet.c, virtio.c: frames without the frame check sequence. A frame is sent as its head and its data. `cuts`: TCP data that one frame may have beyond
 * what fits on a wire, for others to cut into parts of `segment` bytes, with their checksums; 0: 1514 bytes are the most. `receive` gives 0 when there is
 * no frame, which has FRAME_MOST bytes at most; `valid`: of the last one nobody need look at TCP's checksum. `window`: bytes of TCP data that the card's
 * buffers hold. `polled`: no event tells of a frame.
 */
#define FRAME_MOST 65550u
struct nic {
  u8 mac[6];
  int up, polled, valid;
  u32 cuts, window;
  int (*send)(const void *head, u32 head_bytes, const void *data, u32 data_bytes, u32 segment);
  u32 (*receive)(void *frame);
};
extern struct nic nic;
void netfront_start(void);
void pcnet_start(void);

/* virtio.c: disk and card of a PC without Xen. */
void virtio_start(void);

/* ip.c */
extern u32 own_ip;
/* A card whose buffers hold three windows of 32 KiB is up; `name` is printed behind its address. */
void card_up(int (*send)(const void *, u32, const void *, u32, u32), u32 (*receive)(void *), const char *name, int polled);
/* Takes what has come; true if anything has. */
int ip_poll(void);
/* Sleeps until something may have come, or `ns` have passed. */
void ip_wait(u64 ns);
int dhcp(void);
int ping(u32 to, u32 count, u32 bytes);
u32 parse_ip(const char *s);
extern u32 echoed;
/* The station address of who takes packets for `to`, or NULL. */
u8 *next_hop(u32 to);
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };
/* A TCP segment between two of our connections, in this machine's byte order; ports as they lie in packets. */
struct segment_head { u32 to; unsigned short from_port, to_port; u32 sequence, ack, flags, window; int scale; };
/* `scale`: of one that came, what it says of its windows; < 0: nothing. `options`: say so too. `bytes` > 1460 where the card cuts. */
void tcp_send(const u8 *mac, const struct segment_head *head, int options, const void *data, u32 bytes);

/* stream.c: TCP in bulk, to and from port 9, which discards. */
void stream_in(const u8 *mac, const struct segment_head *head, const u8 *data, u32 bytes);
void stream_poll(void);
void stream(u32 to, u32 kib, int sums);
void serve(int sums);

/* workloads.c, shell.c */
int workload(int count, char **words);
/* Does what the toolstack asks. What takes long does so between two rounds, as a kernel would in its interrupt: a guest at work can be saved. */
void control(void);
