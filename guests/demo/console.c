/*
 * What one sees and types: VGA text, COM1, PS/2 keyboard; all output goes to both, input comes from both.
 * Sources: IBM VGA technical reference (text mode, CRTC registers 0Eh and 0Fh); PC16550D datasheet; 8042 and scan code set 1.
 */
#include <stdarg.h>
#include "demo.h"

#define COLUMNS 80
#define ROWS 25
#define COM1 0x3f8
#define KEY_DATA 0x60
#define KEY_STATUS 0x64

static volatile u16 *const screen = (u16 *)0xb8000;
static u32 row = 1, column;
static u8 attribute = TEXT;
static int serial_there, keyboard_there;

static volatile u8 input[256];
static volatile u32 input_head, input_tail;

static void move_cursor(void) {
  u32 cell = row * COLUMNS + column;
  out8(0x3d4, 0x0e);
  out8(0x3d5, cell >> 8);
  out8(0x3d4, 0x0f);
  out8(0x3d5, cell & 0xff);
}

/* The first row is the title bar's and stays. */
static void scroll(void) {
  for (u32 cell = COLUMNS; cell < (ROWS - 1) * COLUMNS; cell++) screen[cell] = screen[cell + COLUMNS];
  for (u32 cell = (ROWS - 1) * COLUMNS; cell < ROWS * COLUMNS; cell++) screen[cell] = ' ' | TEXT << 8;
  row = ROWS - 1;
}

static void put_screen(char c) {
  if (c == '\n') {
    column = 0;
    row++;
  } else if (c == '\b') {
    if (column > 0) column--;
  } else if ((u8)c >= ' ') {
    if (column == COLUMNS) {
      column = 0;
      row++;
      if (row == ROWS) scroll();
    }
    screen[row * COLUMNS + column++] = (u8)c | attribute << 8;
  }
  if (row == ROWS) scroll();
}

static void put_serial(char c) {
  if (!serial_there) return;
  if (c == '\n') put_serial('\r');
  /* A line that never becomes ready must not stop the guest. */
  for (u32 tries = 0; tries < 100000 && !(in8(COM1 + 5) & 0x20); tries++) continue;
  out8(COM1, c);
}

void put(char c) {
  put_screen(c);
  put_serial(c);
}

void colour(u8 value) { attribute = value; }

void clear_screen(void) {
  for (u32 cell = COLUMNS; cell < ROWS * COLUMNS; cell++) screen[cell] = ' ' | TEXT << 8;
  row = 1;
  column = 0;
  move_cursor();
}

/* Called by the timer interrupt: touches the first row and nothing else. */
void title_bar(void) {
  static const char title[] = " Ringside demo guest";
  char clock[] = "up 00:00:00.0   timer interrupts 0000000000 ";
  u32 tenths = ticks / (TICKS_PER_SECOND / 10), seconds = tenths / 10, count = ticks, i;
  u32 values[] = {seconds / 3600, seconds / 60 % 60, seconds % 60};
  for (i = 0; i < 3; i++) {
    clock[3 + i * 3] = '0' + values[i] / 10 % 10;
    clock[4 + i * 3] = '0' + values[i] % 10;
  }
  clock[12] = '0' + tenths % 10;
  for (i = sizeof clock - 3; i > sizeof clock - 13; i--, count /= 10) clock[i] = count || i == sizeof clock - 3 ? '0' + count % 10 : ' ';
  for (i = 0; i < COLUMNS; i++) {
    u32 from = COLUMNS - (sizeof clock - 1);
    char c = i < sizeof title - 1 ? title[i] : i >= from ? clock[i - from] : ' ';
    screen[i] = (u8)c | BAR << 8;
  }
}

/* A 64-bit number by a 32-bit one: two DIVs, so that no library is needed. */
u64 divide(u64 value, u32 by, u32 *rest) {
  u32 high = (u32)(value >> 32), low = (u32)value, quotient_high = high / by, remainder = high % by, quotient_low;
  __asm__("divl %4" : "=a"(quotient_low), "=d"(remainder) : "a"(low), "d"(remainder), "r"(by));
  if (rest) *rest = remainder;
  return (u64)quotient_high << 32 | quotient_low;
}

static void print_number(u64 value, u32 base, u32 width, char filler, int negative) {
  char digits[24];
  u32 count = 0, digit;
  do {
    value = divide(value, base, &digit);
    digits[count++] = "0123456789abcdef"[digit];
  } while (value);
  if (negative) digits[count++] = '-';
  for (u32 i = count; i < width; i++) put(filler);
  while (count) put(digits[--count]);
}

/* %s %c %d %u %x, with a width, 0 or - before it, l for a word and ll for 64 bits. */
void print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  for (; *format; format++) {
    if (*format != '%') {
      put(*format);
      continue;
    }
    char filler = ' ';
    u32 width = 0, left = 0, wide = 0;
    format++;
    if (*format == '-') left = 1, format++;
    if (*format == '0') filler = '0', format++;
    for (; *format >= '0' && *format <= '9'; format++) width = width * 10 + *format - '0';
    for (; *format == 'l'; format++) wide++;
    switch (*format) {
      case 's': {
        const char *text = va_arg(arguments, const char *);
        u32 length = 0;
        while (text[length]) length++;
        for (u32 i = length; i < width && !left; i++) put(' ');
        for (u32 i = 0; i < length; i++) put(text[i]);
        for (u32 i = length; i < width && left; i++) put(' ');
        break;
      }
      case 'c': put((char)va_arg(arguments, int)); break;
      case 'd': {
        int value = va_arg(arguments, int);
        print_number(value < 0 ? -(u32)value : (u32)value, 10, width, filler, value < 0);
        break;
      }
      case 'u':
      case 'x': {
        u64 value = wide == 2 ? va_arg(arguments, u64) : wide ? va_arg(arguments, word) : va_arg(arguments, u32);
        print_number(value, *format == 'u' ? 10 : 16, width, filler, 0);
        break;
      }
      default: put(*format);
    }
  }
  va_end(arguments);
  move_cursor();
}

int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

int starts(const char *text, const char *with) {
  while (*with && *text == *with) text++, with++;
  return !*with;
}

/* Input */

static void add_input(u8 c) {
  u32 next = (input_head + 1) % sizeof input;
  if (next == input_tail) return;
  input[input_head] = c;
  input_head = next;
}

void serial_interrupt(void) {
  in8(COM1 + 2);
  while (in8(COM1 + 5) & 1) add_input(in8(COM1));
}

#define UP 0x80 /* beyond ASCII: the arrow key */

void keyboard_interrupt(void) {
  static const char plain[] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
  static const char shifted[] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
  static u8 shift, control, capitals, extended;
  if (!(in8(KEY_STATUS) & 1)) return;
  u8 code = in8(KEY_DATA), down = !(code & 0x80);
  if (code == 0xe0 || code == 0xe1) {
    extended = code;
    return;
  }
  u8 was_extended = extended;
  extended = 0;
  code &= 0x7f;
  if (code == 0x1d) control = down;
  else if ((code == 0x2a || code == 0x36) && !was_extended) shift = down;
  else if (!down) return;
  else if (code == 0x3a) capitals = !capitals;
  else if (was_extended && code == 0x48) add_input(UP);
  else if (was_extended && code == 0x1c) add_input('\n');
  else if (was_extended && code != 0x35) return;
  else if (code < sizeof plain - 1) {
    char c = plain[code], lower = c >= 'a' && c <= 'z';
    if (shift != (capitals && lower)) c = shifted[code];
    if (control && lower) c = plain[code] & 0x1f;
    if (c) add_input(c);
  }
}

int key_pressed(void) { return input_head != input_tail; }

int read_key(void) {
  for (;;) {
    __asm__ volatile("cli");
    if (key_pressed()) break;
    wait_for_interrupt();
  }
  __asm__ volatile("sti");
  u8 c = input[input_tail];
  input_tail = (input_tail + 1) % sizeof input;
  return c;
}

static void erase(u32 count) {
  while (count--) print("\b \b");
}

/* Backspace, Ctrl-U (whole line), Ctrl-C (give up), arrow up (the line before). */
void read_line(char *line, u32 size) {
  static char before[128];
  u32 length = 0, i;
  for (;;) {
    int c = read_key();
    if (c == 27 && key_pressed()) { /* a terminal's arrow key: ESC [ A */
      if (read_key() == '[' && read_key() == 'A') c = UP;
      else continue;
    }
    if (c == '\r' || c == '\n') break;
    if (c == '\b' || c == 127) {
      if (length) erase(1), length--;
    } else if (c == 'U' - 64) {
      erase(length);
      length = 0;
    } else if (c == 'C' - 64) {
      print("^C");
      length = 0;
      break;
    } else if (c == UP) {
      erase(length);
      for (length = 0; before[length] && length < size - 1; length++) line[length] = before[length];
      line[length] = 0;
      print("%s", line);
    } else if (c >= ' ' && c < 127 && length < size - 1) {
      line[length++] = c;
      print("%c", c);
    }
  }
  line[length] = 0;
  print("\n");
  if (length) for (i = 0; i <= length && i < sizeof before; i++) before[i] = line[i];
}

static void start_serial(void) {
  out8(COM1 + 7, 0xa5); /* the scratch register tells whether there is a chip */
  if (in8(COM1 + 7) != 0xa5) return;
  out8(COM1 + 1, 0);
  out8(COM1 + 3, 0x80);
  out8(COM1, 1); /* 115200 */
  out8(COM1 + 1, 0);
  out8(COM1 + 3, 3); /* 8N1 */
  out8(COM1 + 2, 7);
  out8(COM1 + 4, 0x0b); /* DTR, RTS, OUT2: lets the interrupt through */
  serial_there = 1;
}

static int keyboard_ready(u8 bit, u8 wanted) {
  for (u32 tries = 0; tries < 20000; tries++)
    if ((in8(KEY_STATUS) & bit) == wanted) return 1;
  return 0;
}

static void start_keyboard(void) {
  if (in8(KEY_STATUS) == 0xff) return;
  for (u32 tries = 0; tries < 32 && in8(KEY_STATUS) & 1; tries++) in8(KEY_DATA);
  if (!keyboard_ready(2, 0)) return;
  out8(KEY_STATUS, 0x60); /* command byte: no interrupt yet, translation to set 1, port enabled */
  if (!keyboard_ready(2, 0)) return;
  out8(KEY_DATA, 0x40);
  if (!keyboard_ready(2, 0)) return;
  out8(KEY_STATUS, 0xae);
  if (!keyboard_ready(2, 0)) return;
  out8(KEY_DATA, 0xf4); /* the keyboard itself: send what is typed */
  if (keyboard_ready(1, 1)) in8(KEY_DATA);
  keyboard_there = 1;
}

/*
 * From here on each byte and each key interrupts. The interrupt controllers are to be set up before: ICW1 makes them forget an edge (8259A data sheet), and
 * a line that stays high until somebody reads has no other.
 */
void console_listen(void) {
  if (serial_there) out8(COM1 + 1, 1);
  if (!keyboard_there || !keyboard_ready(2, 0)) return;
  out8(KEY_STATUS, 0x60);
  if (keyboard_ready(2, 0)) out8(KEY_DATA, 0x41);
}

int has_serial(void) { return serial_there; }
int has_keyboard(void) { return keyboard_there; }

void console_start(void) {
  start_serial();
  start_keyboard();
  out8(0x3d4, 0x0a); /* cursor: the two lines at the bottom of the cell */
  out8(0x3d5, 14);
  out8(0x3d4, 0x0b);
  out8(0x3d5, 15);
  clear_screen();
  title_bar();
}
