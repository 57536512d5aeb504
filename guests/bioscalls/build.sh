#!/bin/sh
# Builds bioscalls.img from bioscalls.S: build.sh [OUTPUT]. Needs gcc with -m32.
# bioscalls.lock says which source and which compiler the committed image came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-bioscalls.img}
gcc -m32 -nostdlib -static -no-pie -Wl,-Ttext=0x7c00 -Wl,--build-id=none -Wl,--oformat=binary -o "$OUT" bioscalls.S
[ "$OUT" != bioscalls.img ] || { gcc -dumpfullversion; cat bioscalls.S build.sh | sha256sum | cut -d' ' -f1; } > bioscalls.lock
