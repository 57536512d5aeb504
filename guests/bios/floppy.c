#include "bios.h"
u8 floppy_count;
void set_up_floppies(void) {}
u8 floppy_type(u8 drive) { (void)drive; return 0; }
u8 floppy_read_first(u8 drive, u16 segment, u16 offset) { (void)drive; (void)segment; (void)offset; return 0x80; }
void floppy_services(caller r) { r->ah = 1; set_carry(r, 1); }
