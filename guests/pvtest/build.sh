#!/bin/sh
# Builds pvtest.elf from its sources here: build.sh [OUTPUT]. Needs gcc with -m32.
# pvtest.lock says which sources and which compiler the committed pvtest.elf came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-pvtest.elf}
gcc -m32 -march=i686 -mgeneral-regs-only -O1 -std=gnu11 -Wall -Wextra -Werror -Wno-array-bounds -ffreestanding -fno-pic -no-pie -static -nostdlib \
  -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-ident -fno-strict-aliasing \
  -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -s boot.S pvtest.c -o "$OUT"
[ "$OUT" != pvtest.elf ] || { gcc -dumpfullversion; cat boot.S pvtest.c link.ld build.sh ../xen.h ../machine.h | sha256sum | cut -d' ' -f1; } > pvtest.lock
