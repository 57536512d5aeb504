#!/bin/sh
# Builds pcos.img, a disk of 64 KiB, from its sources here: build.sh [OUTPUT]. Needs gcc with -m32, and node.
# pcos.lock says which sources and which compiler the committed file came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-pcos.img}
PARTS="entry.S main.c text.c console.c interrupts.c memory.c tasks.c input.c draw.c pci.c ata.c fat.c pcnet.c ne2000.c net.c power.c shell.c"
TO=$(mktemp -d)
trap 'rm -rf "$TO"' EXIT
gcc -m32 -nostdlib -static -no-pie -Wl,-Ttext=0x7c00 -Wl,--build-id=none -Wl,--oformat=binary -o "$TO/boot" boot.S
gcc -m32 -march=i486 -mgeneral-regs-only -Os -std=gnu11 -Wall -Wextra -Werror -Wno-array-bounds -ffreestanding -fno-pic -no-pie -static -nostdlib \
  -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-ident -fno-strict-aliasing \
  -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments $PARTS -o "$TO/kernel.elf"
objcopy -O binary "$TO/kernel.elf" "$TO/kernel"
node make-image.mjs "$TO/boot" "$TO/kernel" disk "$OUT"
[ "$OUT" != pcos.img ] || { gcc -dumpfullversion; cat boot.S pcos.h $PARTS link.ld disk/* make-image.mjs build.sh ../machine.h | sha256sum | cut -d' ' -f1; } > pcos.lock
