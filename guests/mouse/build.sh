#!/bin/sh
# Builds mouse.img from mouse.S: build.sh [OUTPUT]. Needs gcc with -m32.
# mouse.lock says which source and which compiler the committed image came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-mouse.img}
gcc -m32 -nostdlib -static -no-pie -Wl,-Ttext=0x7c00 -Wl,--build-id=none -Wl,--oformat=binary -o "$OUT" mouse.S
[ "$OUT" != mouse.img ] || { gcc -dumpfullversion; cat mouse.S build.sh | sha256sum | cut -d' ' -f1; } > mouse.lock
