/*
 * INT 14h and 17h: serial ports and printers.
 * Sources: IBM BIOS Interface Technical Reference; National Semiconductor PC16550D data sheet; IBM's parallel port (status bits as INT 17h has them).
 */
#include "bios.h"

#define SPIN_MS 100

static u16 wait_for(u16 port, u8 bits, u32 ms) {
  struct limit limit = limit_ms(ms);
  while ((in8(port) & bits) != bits) {
    if (expired(&limit)) return 0;
    breathe();
  }
  return 1;
}

enum outcome serial_services(caller r) {
  u16 base = r->dx < 4 ? bda16(BDA_COM + 2 * r->dx) : 0;
  set_carry(r, base == 0);
  if (base == 0) return DONE;
  static const u16 divisors[8] = { 1047, 768, 384, 192, 96, 48, 24, 12 };
  switch (r->ah) {
    case 0x00: {
      u16 divisor = divisors[r->al >> 5];
      out8(base + 3, 0x80 | (r->al & 0x1f));
      out8(base, divisor);
      out8(base + 1, divisor >> 8);
      out8(base + 3, r->al & 0x1f);
      out8(base + 1, 0);
      break;
    }
    case 0x01:
      out8(base + 4, 3);
      if (!wait_for(base + 5, 0x20, 1000u * (bda8(BDA_COM_TIMEOUT + r->dx) & 15))) {
        r->ah = in8(base + 5) | 0x80;
        return DONE;
      }
      out8(base, r->al);
      r->ah = in8(base + 5) & 0x7f;
      return DONE;
    case 0x02:
      out8(base + 4, 1);
      if (!wait_for(base + 5, 0x01, 1000u * (bda8(BDA_COM_TIMEOUT + r->dx) & 15))) {
        r->ah = in8(base + 5) | 0x80;
        return DONE;
      }
      r->ah = in8(base + 5) & 0x1e;
      r->al = in8(base);
      return DONE;
    case 0x03: break;
    default: return DONE;
  }
  r->ah = in8(base + 5);
  r->al = in8(base + 6);
  return DONE;
}

/* Acknowledge and busy are low-active, as INT 17h has them high. */
static u8 printer_status(u16 base) { return (in8(base + 1) ^ 0x48) & 0xf8; }

enum outcome printer_services(caller r) {
  u16 base = r->dx < 3 ? bda16(BDA_LPT + 2 * r->dx) : 0;
  set_carry(r, base == 0);
  if (base == 0) return DONE;
  switch (r->ah) {
    case 0x00: {
      out8(base, r->al);
      u8 control = in8(base + 2);
      out8(base + 2, control | 1);
      wait_us(5);
      out8(base + 2, control & ~1);
      if (!wait_for(base + 1, 0x80, SPIN_MS)) {
        r->ah = printer_status(base) | 1;
        return DONE;
      }
      break;
    }
    case 0x01:
      out8(base + 2, 8);
      wait_us(50);
      out8(base + 2, 0x0c);
      break;
    case 0x02: break;
    default: return DONE;
  }
  r->ah = printer_status(base);
  return DONE;
}

/* A UART keeps what is written to its interrupt enable register and has an identification; a printer port keeps its data. */
void set_up_ports(void) {
  static const u16 serial[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 }, parallel[3] = { 0x378, 0x278, 0x3bc };
  u8 com = 0, lpt = 0;
  for (u8 i = 0; i < 4; i++) {
    out8(serial[i] + 1, 2);
    if (in8(serial[i] + 1) != 2 || (in8(serial[i] + 2) & 0x3f) != 2) continue;
    out8(serial[i] + 1, 0);
    set_bda16(BDA_COM + 2 * com, serial[i]);
    set_bda8(BDA_COM_TIMEOUT + com++, 1);
  }
  for (u8 i = 0; i < 3; i++) {
    out8(parallel[i] + 2, 4);
    out8(parallel[i], 0xaa);
    if (in8(parallel[i]) != 0xaa) continue;
    out8(parallel[i] + 2, 0x0c);
    set_bda16(BDA_LPT + 2 * lpt, parallel[i]);
    set_bda8(BDA_LPT_TIMEOUT + lpt++, 20);
  }
  set_bda16(BDA_EQUIPMENT, (bda16(BDA_EQUIPMENT) & 0x31ff) | com << 9 | lpt << 14);
}
