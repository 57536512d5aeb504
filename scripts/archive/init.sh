#!/bin/sh
# First process of Ringside's Linux guests.
# Words of the kernel's command line that it understands:
#   mods=a,b   insmod the groups a and b of /lib/modules/list (with what they depend on); mods=all for all
#   mount=sda:ide,xvde:pv   mounts the disk sda at /ide and xvde at /pv, once their modules are there
#   dhcp=1     asks for an address for each network card
#   bench=dd,sha,gzip,shloop,fork   benchmarks, each between BENCH-BEGIN and BENCH-END with the guest's own seconds
#   scale=N    multiplies the benchmarks' work (default 1)
#   off=1      power off at the end instead of a shell
export PATH=/bin HOME=/ ENV=/etc/profile
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts 2>/dev/null
hostname -F /etc/hostname
read up idle < /proc/uptime
echo "BOOT-OK $up"
mods= mounts= dhcp= bench= scale=1 off= screen=
for w in $(cat /proc/cmdline); do case $w in
  mods=*) mods=${w#mods=};; mount=*) mounts=${w#mount=};; dhcp=1) dhcp=1;; bench=*) bench=${w#bench=};; scale=*) scale=${w#scale=};; off=*) off=1;; console=tty0) screen=1;;
esac; done
loadmods() {
  [ -f /lib/modules/list ] || { echo "MOD-FAIL $1 this initrd has no modules (use initrd-modules)"; return; }
  while read group ko; do
    [ "$1" = all -o "$1" = "$group" ] || continue
    if insmod /lib/modules/$ko 2>/tmp/err; then echo "MOD-OK $ko"
    else grep -q "File exists" /tmp/err || echo "MOD-FAIL $ko $(cat /tmp/err)"; fi
  done < /lib/modules/list
}
for m in $(echo $mods | tr , ' '); do loadmods $m; done
for m in $(echo $mounts | tr , ' '); do
  # A module has its disk some time after it was loaded.
  i=0; while [ ! -b /dev/${m%:*} -a $i -lt 100 ]; do usleep 20000; i=$((i+1)); done
  mkdir -p /${m#*:} && mount -t ext4 /dev/${m%:*} /${m#*:} || echo "MOUNT-FAIL $m"
done
# A card that has another one's station address is the same card by another way: one of the two is enough.
seen=
[ -n "$dhcp" ] && for c in /sys/class/net/*; do
  [ -e $c/device ] || continue
  read address < $c/address
  case " $seen " in *" $address "*) continue;; esac
  seen="$seen $address"
  udhcpc -q -n -i ${c##*/} >/dev/null 2>&1 &
done
b_dd()     { dd if=/dev/zero of=/dev/null bs=65536 count=$((3000*scale)) 2>/dev/null; echo done; }
b_sha()    { dd if=/dev/zero bs=65536 count=$((128*scale)) 2>/dev/null | sha256sum; }
b_gzip()   { i=0; while [ $i -lt $scale ]; do gzip -c /bin/busybox; i=$((i+1)); done | md5sum; }
b_shloop() { i=0; while [ $i -lt $((50000*scale)) ]; do i=$((i+1)); done; echo $i; }
b_fork()   { i=0; while [ $i -lt $((200*scale)) ]; do /bin/busybox true; i=$((i+1)); done; echo $i; }
for b in $(echo $bench | tr , ' '); do
  read a x < /proc/uptime; echo "BENCH-BEGIN $b $a"
  out=$(b_$b)
  read z x < /proc/uptime; echo "BENCH-END $b $z $scale $out"
done
echo "INIT-DONE"
[ -n "$off" ] && poweroff -f
# A shell on the console, with job control; and one on the screen, where the keyboard is, unless the screen is the console.
read active < /sys/class/tty/console/active
case $active in
  *tty0) ;;
  *) [ -n "$screen" -a -c /dev/tty1 ] && openvt -c 1 -- sh -c 'while :; do sh -l; done';;
esac
while :; do setsid cttyhack sh -l; done
