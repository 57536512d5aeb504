/*
 * INT 15h, AH = C2h: the pointing device. Its packets go to the program that gave an address.
 * Sources: IBM BIOS Interface Technical Reference, INT 15h C2h; IBM PS/2 Hardware Interface Technical Reference, mouse commands.
 */
#include "bios.h"

#define ENABLE 0xf4
#define DISABLE 0xf5
#define RESET 0xff
#define ACKNOWLEDGED 0xfa

enum { MOUSE_OK = 0, BAD_FUNCTION = 1, BAD_INPUT = 2, INTERFACE_ERROR = 3, NO_HANDLER = 5 };

extern u32 mouse_handler;
extern u16 mouse_packet[4];
static u8 enabled, have, packet[4];

static int next_byte(u8 *value) {
  struct limit limit = limit_ms(600);
  while (!(in8(0x64) & 1))
    if (expired(&limit)) return 0;
  *value = in8(0x60);
  return 1;
}

static void command_byte(u8 clear, u8 set) {
  out8(0x64, 0x20);
  u8 value = 0;
  next_byte(&value);
  out8(0x64, 0x60);
  while (in8(0x64) & 2) {}
  out8(0x60, (value & ~clear) | set);
  while (in8(0x64) & 2) {}
}

/* The port is open, and its interrupts are shut out while the mouse answers. */
static void open_port(void) { command_byte(0x20 | 0x02 | 0x01, 0); }
static void close_port(void) {
  command_byte(0, 0x01 | (enabled ? 0x02 : 0x20));
  if (enabled) out8(0xa1, in8(0xa1) & ~0x10);
}

static u8 tell(u8 value) { return mouse_byte(value) == ACKNOWLEDGED ? MOUSE_OK : INTERFACE_ERROR; }
static u8 tell_two(u8 value, u8 argument) { return tell(value) ?: tell(argument); }

static u8 reset(caller r) {
  u8 test, id;
  u8 status = tell(RESET);
  if (status || !next_byte(&test) || !next_byte(&id)) return INTERFACE_ERROR;
  r->bl = test;
  r->bh = id;
  return MOUSE_OK;
}

enum outcome mouse_services(caller r) {
  static const u8 rates[7] = { 10, 20, 40, 60, 80, 100, 200 };
  u8 status = MOUSE_OK;
  if (r->al == 7) {
    mouse_handler = (u32)r->es << 16 | r->bx;
    r->ah = MOUSE_OK;
    set_carry(r, 0);
    return DONE;
  }
  if (r->al > 7) {
    r->ah = BAD_FUNCTION;
    set_carry(r, 1);
    return DONE;
  }
  open_port();
  switch (r->al) {
    case 0:
      if (r->bh > 1) status = BAD_INPUT;
      else if (r->bh && mouse_handler == 0) status = NO_HANDLER;
      else {
        status = tell(r->bh ? ENABLE : DISABLE);
        enabled = status == MOUSE_OK && r->bh;
        have = 0;
      }
      break;
    case 1: case 5:
      /* 5 names the bytes of a packet, of which a PS/2 mouse has three. */
      enabled = have = 0;
      status = r->al == 5 && (r->bh < 1 || r->bh > 8) ? BAD_INPUT : reset(r);
      break;
    case 2: status = r->bh < 7 ? tell_two(0xf3, rates[r->bh]) : BAD_INPUT; break;
    case 3: status = r->bh < 4 ? tell_two(0xe8, r->bh) : BAD_INPUT; break;
    case 4: {
      u8 id = 0;
      status = tell(0xf2) ?: next_byte(&id) ? MOUSE_OK : INTERFACE_ERROR;
      r->bh = id;
      break;
    }
    case 6:
      if (r->bh == 1) status = tell(0xe6);
      else if (r->bh == 2) status = tell(0xe7);
      else if (r->bh == 0) {
        u8 bytes[3] = { 0 };
        status = tell(0xe9);
        for (u8 i = 0; i < 3 && status == MOUSE_OK; i++) status = next_byte(&bytes[i]) ? MOUSE_OK : INTERFACE_ERROR;
        r->bl = bytes[0];
        r->cl = bytes[1];
        r->dl = bytes[2];
      } else status = BAD_INPUT;
      break;
  }
  close_port();
  r->ah = status;
  set_carry(r, status != MOUSE_OK);
  return DONE;
}

/* IRQ 12: a byte of a packet; the whole of three goes to the handler as four words. */
enum outcome mouse_interrupt(caller r) {
  (void)r;
  u8 status = in8(0x64);
  u8 value = in8(0x60);
  out8(0xa0, 0x20);
  out8(0x20, 0x20);
  if (!(status & 0x20) || !enabled) return DONE;
  /* Bit 3 of the first byte is always set: where it is not, a byte was lost. */
  if (have == 0 && !(value & 8)) return DONE;
  packet[have++] = value;
  if (have < 3) return DONE;
  have = 0;
  mouse_packet[0] = packet[0];
  mouse_packet[1] = packet[1];
  mouse_packet[2] = packet[2];
  return mouse_handler ? CALL_MOUSE : DONE;
}
