#!/bin/sh
# Builds bios.bin from its sources here: build.sh [OUTPUT]. Needs gcc with -m32.
# bios.lock says which sources and which compiler the committed bios.bin came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-bios.bin}
PARTS="entry.S fonts.S post.c boot.c firmware-tables.c util.c pci.c pci-services.c processors.c ata.c virtio.c disk.c cdrom.c floppy.c video.c vga-modes.c video-state.c vbe.c keyboard.c mouse.c clock.c ports.c system.c"
ELF=$(mktemp)
trap 'rm -f "$ELF" "$ELF.code" "$ELF.pci32"' EXIT
COMMON="-march=i386 -mregparm=3 -mgeneral-regs-only -Os -std=gnu11 -Wall -Wextra -Werror -Wno-array-bounds -ffreestanding -fno-pic -no-pie -static -nostdlib
  -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-ident -fno-strict-aliasing -fno-tree-loop-distribute-patterns -fno-jump-tables
  -mpreferred-stack-boundary=2 -fomit-frame-pointer -fno-caller-saves"
gcc -m32 $COMMON -DPCI_32 -Dpci_services=pci_services_32 -c pci-services.c -o "$ELF.pci32"
objcopy --keep-global-symbol=pci_services_32 --rename-section .text=.code_32 "$ELF.pci32"
gcc -m16 $COMMON -flto \
  -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments $PARTS "$ELF.pci32" -o "$ELF"
objcopy -O binary -j .fonts --gap-fill 0 --pad-to 0x20000 "$ELF" "$OUT"
objcopy -O binary -j .text -j .fixed -j .gap -j .fixed_late --gap-fill 0 --pad-to 0x10000 "$ELF" "$ELF.code"
cat "$ELF.code" >> "$OUT"
[ "$OUT" != bios.bin ] || { gcc -dumpfullversion; cat bios.h pci.h video.h $PARTS font-8x8.bin font-8x14.bin font-8x16.bin link.ld build.sh ../machine.h | sha256sum | cut -d' ' -f1; } > bios.lock
