#!/bin/sh
# Builds demo.elf and demo64.elf, which has 64 bits, from its sources here: build.sh [FOLDER]. Needs gcc with -m32.
# demo.lock says which sources and which compiler the committed files came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-.}
build() {
  gcc "$@" -mgeneral-regs-only -O2 -std=c11 -Wall -Wextra -Werror -Wno-array-bounds -ffreestanding -fno-pic -no-pie -static -nostdlib \
    -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-ident -fno-strict-aliasing -mno-red-zone \
    -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 boot.S machine.c console.c hardware.c monitor.c
}
build -m32 -march=i486 -o "$OUT/demo.elf"
build -m64 -march=x86-64 -o "$OUT/demo64.elf"
[ "$OUT" != . ] || {
  gcc -dumpfullversion
  cat boot.S demo.h machine.c console.c hardware.c monitor.c link.ld build.sh ../machine.h ../long-mode.h | sha256sum | cut -d' ' -f1
} > demo.lock
