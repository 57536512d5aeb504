# The textbook's figure on this host: Domain-0, two paravirtual guests and an unmodified one with VGA, at once.
# The first guest saves a file on its disk of 20 GB. Its bytes are then read where they lie on the host's disk of 500 GB.

runs() { xl domid "$1" > /dev/null 2>&1; }

lvs | grep -q ' files ' || lvcreate -L 20G -n files vg0
runs files || xl create /etc/xen/vm/minipv-pv 'name="files"' 'disk=["phy:/dev/vg0/files,xvda,w"]' 'extra="dhcp; save xvda notes.txt ring 1000"'
runs web || xl create /etc/xen/vm/minipv-pv 'name="web"' 'extra="dhcp; ping 10.0.2.2 3"'
runs demo || xl create /etc/xen/vm/demo
xl list

# The guest has its file on the disk as tar writes one to a tape: a header, then the data from sector 1 on.
for try in $(seq 50); do
  dd if=/dev/vg0/files count=1 status=none | grep -q notes.txt && break
  sleep 0.2
done
echo
echo 'Sector 1 of the disk xvda of files:'
xl disk-path files xvda 1
sector=$(xl disk-path files xvda 1 | sed -n 's/^disk sda: sector \([0-9]*\).*/\1/p')
seen=$(dd if=/dev/vg0/files bs=512 skip=1 count=1 status=none | sha256sum | cut -c1-64)
kept=$(dd if=/dev/sda bs=512 skip=$sector count=1 status=none | sha256sum | cut -c1-64)
echo
echo "$seen sector 1 of /dev/vg0/files"
echo "$kept sector $sector of /dev/sda"
if [ "$seen" = "$kept" ]; then echo 'The bytes are the same.'; else echo 'The bytes differ.'; exit 1; fi
