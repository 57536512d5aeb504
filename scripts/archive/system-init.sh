#!/bin/sh
# First process of the initrd of a Debian system on a disk: loads the drivers of the disk, mounts it, and goes on with the system's own init.
# Words of the kernel's command line that it understands:
#   mods=a,b     insmod the groups a and b of /lib/modules/list (with what they depend on)
#   root=LABEL=x the file system with the system
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for word in $(cat /proc/cmdline); do case $word in mods=*) mods=${word#mods=};; root=*) root=${word#root=};; esac; done
for group in $(echo $mods | tr , ' '); do
  # A driver whose device is not there stays away.
  while read -r name module; do [ "$name" = "$group" ] && insmod "/lib/modules/$module" 2> /dev/null; done < /lib/modules/list
done
until device=$(findfs "$root" 2> /dev/null); do usleep 20000; done
mount -t ext4 -o noatime "$device" /mnt || { echo "ROOT-FAILED $device"; exec sh; }
# modprobe, which udev calls, reads an index that only depmod writes.
[ -e "/mnt/usr/lib/modules/$(uname -r)/modules.dep.bin" ] || chroot /mnt /sbin/depmod
umount /dev /sys /proc
exec switch_root /mnt /sbin/init
