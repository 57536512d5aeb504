#!/bin/sh
# Builds neighbour-hvm.elf (HVM and PVH) and neighbour-pv.elf from its sources here: build.sh [FOLDER]. Needs gcc with -m32.
# neighbour.lock says which sources and which compiler the committed files came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-.}
build() {
  gcc -m32 -march=i686 -mgeneral-regs-only -O1 -std=gnu11 -Wall -Wextra -Werror -Wno-array-bounds -ffreestanding -fno-pic -no-pie -static -nostdlib \
    -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-ident -fno-strict-aliasing "$@"
}
link="-Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 boot.S neighbour.c"
build -Wl,--defsym=VIRTUAL=0 $link -o "$OUT/neighbour-hvm.elf"
build -DPV -Wl,--defsym=VIRTUAL=0xc0000000 $link -o "$OUT/neighbour-pv.elf"
[ "$OUT" != . ] || { gcc -dumpfullversion; cat boot.S neighbour.c link.ld build.sh ../xen.h ../machine.h | sha256sum | cut -d' ' -f1; } > neighbour.lock
