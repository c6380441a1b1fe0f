#!/bin/bash
# Boots DISK under UEFI Secure Boot, in software emulation: a /dev/kvm that opens need not be one that boots a kernel.
# usage: boot.sh DISK CODE VARS LOG     VARS is written to
set -euo pipefail
disk=$1 code=$2 vars=$3 log=$4
timeout --foreground "${BOOT_TIMEOUT:-300}" qemu-system-x86_64 -accel tcg,tb-size=256 -machine q35,smm=off -cpu max \
  -m 768 -smp 1 -nodefaults -no-user-config -display none -no-reboot -monitor none -net none -serial "file:$log" \
  -drive "if=pflash,unit=0,format=raw,readonly=on,file=$code" -drive "if=pflash,unit=1,format=raw,file=$vars" \
  -drive "if=none,id=disk,format=raw,readonly=on,file=$disk" -device virtio-blk-pci,drive=disk,bootindex=0 </dev/null
