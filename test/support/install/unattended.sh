#!/bin/sh
# First process of the installer: installs Debian onto /dev/sda from the archive on the CD, and turns the machine off.
# With the word `check` on the kernel's command line it looks at the installed file system instead.
# Every step is announced; what fails ends the machine with a line that says in which step.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ DEBIAN_FRONTEND=noninteractive LC_ALL=C
set -e
now=start
step() { now=$*; echo "STEP $now"; }
ended() {
  if [ "$now" != done ]; then
    tail -n 20 /target/debootstrap/debootstrap.log 2> /dev/null
    echo "FAILED in the step: $now"
  fi
  sync
  poweroff -f
}
trap ended EXIT

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec < /dev/console > /dev/console 2>&1
echo
step the kernel finds disk and CD
while read -r _ module; do
  case $module in 8390.ko | *pci*.ko | e1000.ko | pcnet32.ko | virtio*.ko | xen*.ko | 9p*.ko) continue ;; esac
  insmod "/lib/modules/$module" 2> /tmp/insmod || grep -q 'File exists' /tmp/insmod || cat /tmp/insmod
done < /lib/modules/list
until [ -b /dev/sda ]; do sleep 1; done

if grep -qw check /proc/cmdline; then
  step e2fsck looks at the file system
  e2fsck -fn /dev/sda1
  now=done
  echo CHECKED
  exit
fi

until [ -b /dev/sr0 ]; do sleep 1; done
mkdir -p /cdrom /target
mount -t iso9660 -o ro /dev/sr0 /cdrom

step sfdisk makes a partition
echo 'start=2048, type=83, bootable' | sfdisk -q --label dos /dev/sda
until [ -b /dev/sda1 ]; do sleep 1; done
step mkfs makes a file system
mkfs.ext4 -q -L debian /dev/sda1
mount /dev/sda1 /target

step debootstrap installs the base system
debootstrap --arch=i386 --variant=minbase --no-check-gpg bookworm /target file:///cdrom

step apt installs kernel, boot loader and init
for each in proc sys dev; do mount --bind /$each /target/$each; done
mkdir -p /target/cdrom
mount --bind /cdrom /target/cdrom
echo 'deb [trusted=yes] file:/cdrom bookworm main' > /target/etc/apt/sources.list
echo debian > /target/etc/hostname
echo '127.0.0.1 localhost debian' > /target/etc/hosts
printf 'auto lo\niface lo inet loopback\n' > /target/tmp/interfaces
echo "UUID=$(chroot /target blkid -s UUID -o value /dev/sda1) / ext4 errors=remount-ro 0 1" > /target/etc/fstab
# What the installer calls a targeted initrd: drivers of this machine.
mkdir -p /target/etc/initramfs-tools/conf.d
echo MODULES=dep > /target/etc/initramfs-tools/conf.d/driver-policy
echo 'grub-pc grub-pc/install_devices multiselect /dev/sda' | chroot /target debconf-set-selections
chroot /target apt-get -q update
chroot /target apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install $(cat /packages)

step settings are written
cp /target/tmp/interfaces /target/etc/network/interfaces
echo 'root:ringside' | chroot /target chpasswd
echo 'T0:23:respawn:/sbin/getty -L ttyS0 115200 vt100' >> /target/etc/inittab
cat >> /target/etc/default/grub << 'GRUB'
GRUB_TIMEOUT=2
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200 cryptomgr.notests"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB

step GRUB is installed
chroot /target grub-install /dev/sda
chroot /target update-grub

step the file system is left
rm -f /target/var/cache/apt/archives/*.deb
for each in cdrom proc sys dev; do umount /target/$each; done
umount /target
now=done
echo INSTALLED
