/*
 * INT 11h, 12h and 15h.
 * Sources: IBM BIOS Interface Technical Reference; ACPI specification 15.1 (E820); Ralf Brown's Interrupt List (E801, 88h, 87h, 2400h); APM 1.2.
 */
#include "bios.h"

#define SMAP 0x534d4150
#define UNSUPPORTED 0x86

void flat_copy(u32 to, u32 from, u32 words);
int start_wait(u32 us, u16 segment, u16 offset);
void stop_wait(void);

enum outcome equipment_services(caller r) {
  r->ax = bda16(BDA_EQUIPMENT);
  return DONE;
}

enum outcome memory_services(caller r) {
  r->ax = bda16(BDA_MEMORY_KIB);
  return DONE;
}

/* E820: one range a call; EBX says which is next. */
static void memory_range(caller r) {
  u8 number = r->ebx;
  if (r->edx != SMAP || r->ecx < 20 || r->ebx >= memory_ranges) {
    r->ah = UNSUPPORTED;
    set_carry(r, 1);
    return;
  }
  copy_out(r->es, r->di, &memory_map[number], 20);
  r->ebx = number + 1 < memory_ranges ? number + 1 : 0;
  r->eax = SMAP;
  r->ecx = 20;
  set_carry(r, 0);
}

/* 87h: the bases of source and target are in descriptors 2 and 3 of the caller's table. */
static u32 base_of(u16 segment, u16 at) { return (peek32(segment, at + 2) & 0xffffff) | (u32)peek8(segment, at + 7) << 24; }

static void move_block(caller r) {
  u8 gate = in8(0x92);
  out8(0x92, (gate | 2) & ~1);
  flat_copy(base_of(r->es, r->si + 0x18), base_of(r->es, r->si + 0x10), r->cx);
  out8(0x92, gate & ~1);
  r->ah = 0;
  set_carry(r, 0);
}

static void a20(caller r) {
  u8 gate = in8(0x92);
  switch (r->al) {
    case 0: out8(0x92, gate & ~3); break;
    case 1: out8(0x92, (gate | 2) & ~1); break;
    case 2: r->al = (gate >> 1) & 1; break;
    case 3: r->bx = 3; break;
    default:
      r->ah = UNSUPPORTED;
      set_carry(r, 1);
      return;
  }
  r->ah = 0;
  set_carry(r, 0);
}

/*
 * 53h, Advanced Power Management 1.2: from real mode, and who connects for protected mode gets entries for it (entry.S). Off is the PIIX4's PM1 control
 * register (SLP_EN, type 0), where POST has put it.
 */
#define PM1_CONTROL 0x604
#define POWER_SEGMENT_BYTES 0xfff0
extern const u8 power_entry_16[], power_entry_32[];
static enum outcome power_services(caller r) {
  set_carry(r, 0);
  switch (r->al) {
    case 0x00:
      r->ax = 0x0102;
      r->bx = 0x504d;
      /* Entries of 16 and 32 bits. */
      r->cx = 3;
      return DONE;
    case 0x02: case 0x03: {
      u8 wide = r->al == 3;
      r->ebx = (u16)(u32)(wide ? power_entry_32 : power_entry_16);
      r->ax = r->cx = BIOS_SEGMENT;
      if (wide) r->dx = BIOS_SEGMENT;
      r->esi = POWER_SEGMENT_BYTES << 16 | POWER_SEGMENT_BYTES;
      r->di = POWER_SEGMENT_BYTES;
      return DONE;
    }
    case 0x01: case 0x04: case 0x06: case 0x08: case 0x0d: case 0x0f: case 0x10: return DONE;
    case 0x05:
      /* Till the next interrupt. */
      halt();
      return DONE;
    case 0x07:
      if (r->bx == 1 && r->cx == 3) out16(PM1_CONTROL, 0x2000);
      return DONE;
    case 0x0a:
      /* On line, no battery. */
      r->bx = 0x01ff;
      r->cx = 0x80ff;
      r->dx = 0xffff;
      r->si = 0;
      return DONE;
    case 0x0b: r->ah = 0x80; break;
    case 0x0e: r->ax = 0x0102; return DONE;
    default: r->ah = 0x0c;
  }
  set_carry(r, 1);
  return DONE;
}

extern const u8 configuration_table[];

enum outcome system_services(caller r) {
  u32 extended = extended_kib;
  switch (r->ah) {
    case 0x24: a20(r); return DONE;
    /* The chain before the keyboard's interrupt: nobody took the key. */
    case 0x4f: set_carry(r, 1); return DONE;
    case 0x52: set_carry(r, 0); r->ah = 0; return DONE;
    case 0x53: return power_services(r);
    case 0x83:
      if (r->al == 1) {
        stop_wait();
        set_carry(r, 0);
        return DONE;
      }
      if (r->al == 0) {
        int started = start_wait((u32)r->cx << 16 | r->dx, r->es, r->bx);
        set_carry(r, !started);
        if (!started) r->ah = 0;
        return DONE;
      }
      break;
    case 0x86: {
      wait_us((u32)r->cx << 16 | r->dx);
      set_carry(r, 0);
      return DONE;
    }
    case 0x87: move_block(r); return DONE;
    case 0x88:
      /* At most 64 MiB are reported. */
      r->ax = extended > 0xfc00 ? 0xfc00 : extended;
      set_carry(r, 0);
      return DONE;
    /* A device is busy, or was: for who hooks it. */
    case 0x90: case 0x91: return DONE;
    case 0x80: case 0x81: case 0x82: case 0x85:
      r->ah = 0;
      set_carry(r, 0);
      return DONE;
    case 0xc0:
      r->es = BIOS_SEGMENT;
      r->bx = (u16)(u32)configuration_table;
      r->ah = 0;
      set_carry(r, 0);
      return DONE;
    case 0xc1:
      r->es = bda16(BDA_EBDA);
      set_carry(r, 0);
      return DONE;
    case 0xc2: return mouse_services(r);
    case 0xe8: {
      u32 up_to_16 = extended > 15 * 1024 ? 15 * 1024 : extended, above = (extended - up_to_16) / 64;
      if (r->al == 0x20) {
        memory_range(r);
        return DONE;
      }
      if (r->al == 0x01) {
        r->ax = r->cx = up_to_16;
        r->bx = r->dx = above;
        set_carry(r, 0);
        return DONE;
      }
      break;
    }
  }
  r->ah = UNSUPPORTED;
  set_carry(r, 1);
  return DONE;
}
