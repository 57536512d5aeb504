#!/bin/sh
# Builds minipv.elf, one image for PV, PVH and HVM, and minipv64.elf, which has 64 bits and is no PV guest, from its sources here: build.sh [FOLDER]. Needs gcc with -m32.
# minipv.lock says which sources and which compiler the committed files came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-.}
SOURCES="boot.S text.c xen.c blkfront.c ata.c netfront.c pcnet.c virtio.c ip.c stream.c workloads.c shell.c"
build() {
  gcc "$@" -mgeneral-regs-only -O2 -std=gnu11 -Wall -Wextra -Werror -Wno-array-bounds -ffreestanding -fno-pic -no-pie -static -nostdlib \
    -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-ident -fno-strict-aliasing \
    -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments $SOURCES
}
build -m32 -march=i686 -o "$OUT/minipv.elf"
build -m64 -march=x86-64 -mno-red-zone -o "$OUT/minipv64.elf"
[ "$OUT" != . ] || {
  gcc -dumpfullversion
  cat boot.S minipv.h text.c xen.c blkfront.c ata.c netfront.c pcnet.c virtio.c ip.c stream.c workloads.c shell.c link.ld build.sh ../xen.h ../machine.h ../long-mode.h | sha256sum | cut -d' ' -f1
} > minipv.lock
