#!/bin/sh
# Builds demo.elf from the sources beside it: build.sh [OUTPUT]. Needs gcc with -m32.
# demo.lock says which sources and which compiler the committed demo.elf came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-demo.elf}
gcc -m32 -march=i486 -mgeneral-regs-only -O2 -std=c11 -Wall -Wextra -Werror -Wno-array-bounds -ffreestanding -fno-pic -no-pie -static -nostdlib \
  -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-ident -fno-strict-aliasing -mno-red-zone \
  -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 boot.S machine.c console.c hardware.c monitor.c -o "$OUT"
[ "$OUT" != demo.elf ] || { gcc -dumpfullversion; cat boot.S demo.h machine.c console.c hardware.c monitor.c link.ld build.sh ../machine.h | sha256sum | cut -d' ' -f1; } > demo.lock
