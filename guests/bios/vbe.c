#include "bios.h"
void vbe_services(caller r) { r->ax = 0x0100; }
void leave_vbe(void) {}
