/* Frames of memory by the BIOS's map, and paging: all memory at its own address, page 0 nowhere, code not writable. */
#include "pcos.h"

enum { MOST_FRAMES = 65536, LOW = 0x100000, RAM = 1, PRESENT = 1 };
extern u8 start[], text_end[];
static u32 used[MOST_FRAMES / 32];
static u32 directory[1024] __attribute__((aligned(4096)));
static struct range ranges[32];
static u32 range_count, next;
u32 free_frames, all_frames;

u32 frame_take(void) {
  u32 flags = lock(), address = 0;
  for (u32 i = 0; i < MOST_FRAMES && free_frames; i++, next = (next + 1) % MOST_FRAMES) {
    if (used[next / 32] & 1u << next % 32) continue;
    used[next / 32] |= 1u << next % 32;
    free_frames--;
    address = next * PAGE;
    break;
  }
  unlock(flags);
  return address;
}
void frame_give(u32 address) {
  u32 flags = lock(), frame = address / PAGE;
  used[frame / 32] &= ~(1u << frame % 32);
  free_frames++;
  unlock(flags);
}

void map(u32 address, u32 frame, u32 how) {
  u32 *entry = &directory[address >> 22];
  if (!*entry) {
    /* A table is below 256 MiB, where memory has its own address. */
    u32 table = frame_take();
    fill((void *)table, 0, PAGE);
    *entry = table | PRESENT | WRITABLE;
  }
  ((u32 *)(*entry & -PAGE))[address >> 12 & 1023] = frame | PRESENT | how;
}
u32 unmap(u32 address) {
  u32 *entry = &((u32 *)(directory[address >> 22] & -PAGE))[address >> 12 & 1023], frame = *entry & -PAGE;
  *entry = 0;
  __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
  return frame;
}

void memory_start(const struct range *given, u32 count) {
  range_count = count < LENGTH(ranges) ? count : LENGTH(ranges);
  copy(ranges, given, range_count * sizeof *ranges);
  fill(used, 0xff, sizeof used);
  u32 top = LOW;
  for (u32 i = 0; i < range_count; i++) {
    struct range *r = &ranges[i];
    if (r->type != RAM || r->base + r->bytes <= LOW || r->base >= (u64)MOST_FRAMES * PAGE) continue;
    u32 from = r->base < LOW ? LOW : (u32)r->base + PAGE - 1;
    u32 end = r->base + r->bytes > (u64)MOST_FRAMES * PAGE ? MOST_FRAMES * PAGE : (u32)(r->base + r->bytes);
    for (u32 frame = from / PAGE; frame < end / PAGE; frame++) used[frame / 32] &= ~(1u << frame % 32), free_frames++;
    if (end > top) top = end & -PAGE;
  }
  all_frames = free_frames;
  next = LOW / PAGE;
  for (u32 address = PAGE; address < top; address += PAGE) map(address, address, address >= (u32)start && address < (u32)text_end ? 0 : WRITABLE);
  /* Paging, and code is protected from the kernel, too (CR0.WP). */
  __asm__ volatile("mov %0, %%cr3; mov %%cr0, %%eax; or $0x80010000, %%eax; mov %%eax, %%cr0" : : "r"(directory) : "eax", "memory");
}

void print_memory(void) {
  static const char *const kinds[] = { "", "memory", "reserved", "ACPI tables", "ACPI, kept", "bad" };
  for (u32 i = 0; i < range_count; i++) {
    struct range *r = &ranges[i];
    u64 last = r->base + r->bytes - 1;
    print("%08x%08x to %08x%08x  %s\n", (u32)(r->base >> 32), (u32)r->base, (u32)(last >> 32), (u32)last, r->type < LENGTH(kinds) ? kinds[r->type] : "?");
  }
  print("%u of %u KiB above 1 MiB are free, in frames of 4 KiB.\n", free_frames * 4, all_frames * 4);
  u32 tables = 0;
  for (u32 i = 0; i < 1024; i++) tables += directory[i] != 0;
  print("Paging: %u page tables; code %08x to %08x is not writable, page 0 is nowhere.\n", tables, (u32)start, (u32)text_end - 1);
}
