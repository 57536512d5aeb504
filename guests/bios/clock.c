/*
 * Time: ticks, clock and alarm (INT 1Ah), the RTC's interrupt (INT 70h), what waits by it (INT 15h, 83h and 86h).
 * Sources: IBM BIOS Interface Technical Reference; Motorola MC146818A data sheet (registers A to D).
 */
#include "bios.h"

#define TICKS_A_DAY 0x1800b0
#define SECONDS 0x00
#define MINUTES 0x02
#define HOURS 0x04
#define DAY 0x07
#define MONTH 0x08
#define YEAR 0x09
#define REGISTER_A 0x0a
#define REGISTER_B 0x0b
#define REGISTER_C 0x0c
#define CENTURY 0x32
#define UPDATING 0x80
#define B_SET 0x80
#define B_PERIODIC 0x40
#define B_ALARM 0x20
#define TICK_US 976

/* Registers are steady for 244 µs after UIP was seen low; they change within 2 ms of its being high. */
static int steady(void) {
  struct limit limit = limit_ms(15);
  while (cmos(REGISTER_A) & UPDATING)
    if (expired(&limit)) return 0;
  return 1;
}

void set_up_clock(void) {
  set_cmos(REGISTER_A, 0x26);
  set_cmos(REGISTER_B, 0x02);
  cmos(REGISTER_C);
  steady();
  u32 seconds = bcd(cmos(HOURS)) * 3600u + bcd(cmos(MINUTES)) * 60u + bcd(cmos(SECONDS));
  /* 1193182 / 65536 ticks a second. */
  poke32(BDA, BDA_TICKS, divide((u64)seconds * 1193182, 65536, 0));
  start_timers();
}

/* Channel 0: mode 3, 65536; channel 1: refresh, mode 2, 18. */
void start_timers(void) {
  out8(0x43, 0x36);
  out8(0x40, 0);
  out8(0x40, 0);
  out8(0x43, 0x54);
  out8(0x41, 18);
}

enum outcome clock_services(caller r) {
  set_carry(r, 0);
  switch (r->ah) {
    case 0x00: {
      u32 ticks = peek32(BDA, BDA_TICKS);
      r->cx = ticks >> 16;
      r->dx = ticks;
      r->al = bda8(BDA_MIDNIGHT);
      set_bda8(BDA_MIDNIGHT, 0);
      /* Who waits for ticks asks again and again. */
      r->flags |= INTERRUPTS;
      return DONE;
    }
    case 0x01:
      poke32(BDA, BDA_TICKS, (u32)r->cx << 16 | r->dx);
      set_bda8(BDA_MIDNIGHT, 0);
      r->ah = 0;
      return DONE;
    case 0x02:
      if (!steady()) break;
      r->ch = cmos(HOURS);
      r->cl = cmos(MINUTES);
      r->dh = cmos(SECONDS);
      r->dl = cmos(REGISTER_B) & 1;
      r->ah = 0;
      r->al = r->ch;
      return DONE;
    case 0x03:
      set_cmos(REGISTER_B, cmos(REGISTER_B) | B_SET);
      set_cmos(SECONDS, r->dh);
      set_cmos(MINUTES, r->cl);
      set_cmos(HOURS, r->ch);
      set_cmos(REGISTER_B, (cmos(REGISTER_B) & ~(B_SET | 1)) | (r->dl & 1) | 2);
      r->ah = 0;
      r->al = cmos(REGISTER_B);
      return DONE;
    case 0x04:
      if (!steady()) break;
      r->ch = cmos(CENTURY);
      r->cl = cmos(YEAR);
      r->dh = cmos(MONTH);
      r->dl = cmos(DAY);
      r->ah = 0;
      r->al = r->ch;
      return DONE;
    case 0x05:
      set_cmos(REGISTER_B, cmos(REGISTER_B) | B_SET);
      set_cmos(CENTURY, r->ch);
      set_cmos(YEAR, r->cl);
      set_cmos(MONTH, r->dh);
      set_cmos(DAY, r->dl);
      set_cmos(REGISTER_B, cmos(REGISTER_B) & ~B_SET);
      r->ah = 0;
      r->al = cmos(REGISTER_B);
      return DONE;
    case 0x06:
      r->ax = 0;
      if (cmos(REGISTER_B) & B_ALARM) break;
      set_cmos(SECONDS + 1, r->dh);
      set_cmos(MINUTES + 1, r->cl);
      set_cmos(HOURS + 1, r->ch);
      out8(0xa1, in8(0xa1) & ~1);
      set_cmos(REGISTER_B, cmos(REGISTER_B) | B_ALARM);
      return DONE;
    case 0x07:
      r->ah = 0;
      set_cmos(REGISTER_B, cmos(REGISTER_B) & ~B_ALARM);
      r->al = cmos(REGISTER_B);
      return DONE;
    case 0xb1: return pci_services(r, 0);
  }
  set_carry(r, 1);
  return DONE;
}

/* Starts a wait of CX:DX µs by 1024 interrupts a second; the flag at its end is a bit 7 somewhere. */
int start_wait(u32 us, u16 segment, u16 offset) {
  if (bda8(BDA_WAIT_ACTIVE) & 1) return 0;
  set_bda8(BDA_WAIT_ACTIVE, 1);
  poke32(BDA, BDA_WAIT_FLAG_AT, (u32)segment << 16 | offset);
  poke32(BDA, BDA_WAIT_US, us);
  out8(0xa1, in8(0xa1) & ~1);
  set_cmos(REGISTER_B, cmos(REGISTER_B) | B_PERIODIC);
  return 1;
}

void stop_wait(void) {
  set_bda8(BDA_WAIT_ACTIVE, 0);
  set_cmos(REGISTER_B, cmos(REGISTER_B) & ~B_PERIODIC);
}

enum outcome clock_interrupt(caller r) {
  (void)r;
  u8 flags = cmos(REGISTER_C) & cmos(REGISTER_B);
  /* Reading leaves the index register at D, where NMI is let through again. */
  out8(0x70, 0x0d);
  in8(0x71);
  out8(0xa0, 0x20);
  out8(0x20, 0x20);
  if (flags & B_PERIODIC && bda8(BDA_WAIT_ACTIVE) & 1) {
    u32 left = peek32(BDA, BDA_WAIT_US);
    if (left > TICK_US) poke32(BDA, BDA_WAIT_US, left - TICK_US);
    else {
      u32 at = peek32(BDA, BDA_WAIT_FLAG_AT);
      stop_wait();
      poke8(at >> 16, (u16)at, peek8(at >> 16, (u16)at) | 0x80);
    }
  }
  return flags & B_ALARM ? CALL_ALARM : DONE;
}
