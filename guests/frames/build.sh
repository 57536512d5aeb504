#!/bin/sh
# Builds mode13.img, modex.img and vbe.img from frames.S: build.sh [FOLDER]. Needs gcc with -m32.
# frames.lock says which source and which compiler the committed images came from; test/committed-guests.test.ts holds them together.
set -eu
cd "$(dirname "$0")"
OUT=${1:-.}
for name in mode13 modex vbe; do
  define=$(echo "$name" | tr a-z0-9 A-Z0-9)
  gcc -m32 -D"$define" -nostdlib -static -no-pie -Wl,-Ttext=0x7c00 -Wl,--build-id=none -Wl,--oformat=binary -o "$OUT/$name.img" frames.S
done
[ "$OUT" != . ] || { gcc -dumpfullversion; cat frames.S build.sh | sha256sum | cut -d' ' -f1; } > frames.lock
