#!/bin/sh
# Builds NAME.img from each NAME.asm: build.sh [FOLDER]. Needs nasm. test/bootsectors.test.ts compares where it is.
set -eu
cd "$(dirname "$0")"
OUT=${1:-.}
for source in *.asm; do nasm -f bin -o "$OUT/${source%.asm}.img" "$source"; done
