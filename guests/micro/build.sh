#!/bin/sh
# Builds micro.elf from the sources beside it: build.sh [OUTPUT]. Needs gcc with -m32.
# micro.lock says which sources and which compiler the committed micro.elf came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-micro.elf}
gcc -m32 -march=i686 -mfpmath=387 -mno-sse -O2 -std=gnu11 -Wall -Wextra -fno-pic -no-pie -static -nostdlib -fcf-protection=none -fno-stack-protector \
  -ffreestanding -fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables -fno-ident -fno-strict-aliasing \
  -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -s start.S kmain.c work.c -o "$OUT"
[ "$OUT" != micro.elf ] || { gcc -dumpfullversion; cat start.S guest.h kmain.c work.c link.ld build.sh | sha256sum | cut -d' ' -f1; } > micro.lock
