/* The start: memory, interrupts, devices, then tasks. */
#include "pcos.h"

/* The status line and the power button: what runs next to the shell, a tick after the other. */
static void clock(u32 unused) {
  (void)unused;
  for (;;) {
    char text[81];
    u32 seconds = ticks / TICKS_PER_SECOND;
    format(text, sizeof text, " pcos    up %02u:%02u:%02u.%u    %u tasks    %u KiB free    %u interrupts", seconds / 3600, seconds / 60 % 60, seconds % 60, ticks / (TICKS_PER_SECOND / 10) % 10,
      task_count(), free_frames * 4, irq_counts[0] + irq_counts[1] + irq_counts[4] + irq_counts[12]);
    status(text);
    power_look();
    sleep(TICKS_PER_SECOND / 10);
  }
}

void main(const struct range *ranges, u32 count) {
  console_start();
  memory_start(ranges, count & 0xffff);
  interrupts_start();
  tasks_start();
  print("pcos: %u KiB of memory above 1 MiB\n", all_frames * 4);
  input_start();
  ata_start();
  const char *problem = fat_start();
  if (problem) print("Files: %s\n", problem);
  else print("Files: a FAT12 partition of a disk of %u KiB\n", disk_sectors / 2);
  task_new("clock", clock, 0);
  power_start();
  net_start();
  if (nic_named(0)) print_nics();
  task_new("shell", shell, 0);
  print("help lists the commands.\n");
  for (;;) __asm__ volatile("sti; hlt");
}
