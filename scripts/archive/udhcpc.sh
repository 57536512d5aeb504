#!/bin/sh
# What busybox's DHCP client does with a lease.
case $1 in
  deconfig) ifconfig $interface 0.0.0.0 up;;
  bound|renew)
    ifconfig $interface $ip netmask $subnet
    for r in $router; do route add default gw $r dev $interface; done
    for d in $dns; do echo "nameserver $d"; done > /etc/resolv.conf;;
esac
