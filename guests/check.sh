#!/bin/sh
# Proves that the committed guest programs are what their sources build: rebuilds each in a scratch copy and compares byte
# for byte. Exit 0: the same; 1: different, or the build failed. `check.sh NAME...` checks those only.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- $(ls -d */Makefile | sed 's,/Makefile,,')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
# At the same depth, with the one header that guests take from elsewhere, and beside the guests that others take sources from.
mkdir -p "$scratch/packages/backend-vmi" "$scratch/guests"
cp -R ../packages/backend-vmi/abi "$scratch/packages/backend-vmi/"
tar cf - --exclude=build --exclude='*.elf' --exclude=node_modules . | tar xf - -C "$scratch/guests"
for name; do
  [ ! -f "$name/toolchain.txt" ] || {
    want=$(cat "$name/toolchain.txt")
    have=$(gcc --version | sed -n 1p; ld --version | sed -n 1p)
    [ "$want" = "$have" ] || printf 'check.sh: %s was built with\n%s\nand this machine has\n%s\n' "$name" "$want" "$have" >&2
  }
  make -s -C "$scratch/guests/$name" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; status=1; continue; }
  for elf in "$name"/*.elf; do
    if cmp "$elf" "$scratch/guests/$elf"; then
      echo "check.sh: $elf is what its source builds"
    else
      status=1
    fi
  done
done
exit $status
