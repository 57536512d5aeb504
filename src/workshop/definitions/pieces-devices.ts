/** Devices, as pieces-xml.ts has them. */
export const DEVICE_PIECES = `disk
 <disk type='file'><source file='/b.img'/><target dev='vda'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/><source file='/b.qcow2'/><target dev='vdb' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='hda'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='hda' bus='ide'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='hde' bus='ide'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='hda' bus='ide'/><readonly/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vdc' bus='virtio'/><readonly/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vdi' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vdaa' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda1' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='xvda' bus='xen'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='xvda'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='ide'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='hda' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='sda' bus='sata'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='sda' bus='scsi'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='sda' bus='usb'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='sda' bus='usb' removable='on'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio' removable='on'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='sda' bus='sd'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='sda'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='ubda' bus='uml'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='nonsense' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/></disk>
 <disk type='file' device='disk'><target dev='vdd' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/></disk><disk type='file' device='disk'><source file='/c.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/></disk><disk type='file' device='disk'><source file='/c.img'/><target dev='hda' bus='ide'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='hda' bus='ide'/><address type='drive' controller='0' bus='0' target='0' unit='0'/></disk><disk type='file' device='disk'><source file='/c.img'/><target dev='hdb' bus='ide'/><address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>
 <disk type='file' device='cdrom'><source file='/c.iso'/><target dev='hdc' bus='ide'/></disk>
 <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
 <disk type='file' device='cdrom'><target dev='hdc'/></disk>
 <disk type='file' device='cdrom'><source file='/c.iso'/><target dev='sda' bus='sata'/></disk>
 <disk type='file' device='cdrom'><source file='/c.iso'/><target dev='vdc' bus='virtio'/></disk>
 <disk type='file' device='cdrom'><source file='/c.iso'/><target dev='hdc' bus='ide' tray='open'/></disk>
 <disk type='file' device='disk'><source file='/c.iso'/><target dev='hdc' bus='ide' tray='open'/></disk>
 <disk type='file' device='cdrom'><source file='/c.iso' startupPolicy='optional'/><target dev='hdc' bus='ide'/></disk>
 <disk type='file' device='disk'><source file='/b.img' startupPolicy='optional'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='floppy'><source file='/f.img'/><target dev='fda' bus='fdc'/></disk>
 <disk type='file' device='floppy'><source file='/f.img'/><target dev='fda'/></disk>
 <disk type='file' device='floppy'><source file='/f.img'/><target dev='fda' bus='ide'/></disk>
 <disk type='file' device='floppy'><source file='/f.img'/><target dev='fdc' bus='fdc'/></disk>
 <disk type='file' device='lun'><source file='/b.img'/><target dev='sda' bus='scsi'/></disk>
 <disk type='block' device='lun'><source dev='/dev/sdx'/><target dev='sda' bus='scsi'/></disk>
 <disk type='block' device='lun'><source dev='/dev/sdx'/><target dev='hda' bus='ide'/></disk>
 <disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/vg0/v'/><target dev='vda' bus='virtio'/></disk>
 <disk type='block' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='dir' device='floppy'><source dir='/d'/><target dev='fda' bus='fdc'/></disk>
 <disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='v'><host name='server' port='10809'/></source><target dev='vda' bus='virtio'/></disk>
 <disk type='network' device='disk'><source protocol='nbd'><host name='server' port='10809'/><host name='two'/></source><target dev='vda' bus='virtio'/></disk>
 <disk type='network' device='disk'><source protocol='nonsense' name='v'><host name='server'/></source><target dev='vda' bus='virtio'/></disk>
 <disk type='nvme' device='disk'><source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='vmdk'/><source file='/b.vmdk'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='nonsense'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='phy' type='raw'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver type='raw'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' io='native'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' cache='writeback' io='threads'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' error_policy='enospace' rerror_policy='report'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' rerror_policy='enospace'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' copy_on_read='on'/><source file='/b.img'/><target dev='vda' bus='virtio'/><readonly/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' detect_zeroes='unmap'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' iothread='1'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' iothread='1'/><source file='/b.img'/><target dev='hda' bus='ide'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' queues='2'/><source file='/b.img'/><target dev='hda' bus='ide'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' queues='2'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' event_idx='on'/><source file='/b.img'/><target dev='hda' bus='ide'/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='raw' discard='nonsense'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk' snapshot='external'><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk' snapshot='no'><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk' sgio='unfiltered'><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk' model='virtio-transitional'><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk' model='virtio-non-transitional'><source file='/b.img'/><target dev='hda' bus='ide'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><serial>WD-1234</serial></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><serial>bad;serial</serial></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><wwn>5000c50015ea71ad</wwn></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='hda' bus='ide'/><wwn>5000c50015ea71ad</wwn></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><vendor>SEAGATE</vendor></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><geometry cyls='16' heads='4' secs='63'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><blockio logical_block_size='512' physical_block_size='4096'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><shareable/></disk>
 <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/b.img'/><target dev='vda' bus='virtio'/><shareable/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><transient/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><readonly/><transient/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><iotune><total_bytes_sec>1000</total_bytes_sec></iotune></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><iotune><total_bytes_sec>1000</total_bytes_sec><read_bytes_sec>10</read_bytes_sec></iotune></disk>
 <disk type='file' device='disk'><source file='/b.img'/><backingStore type='file'><format type='raw'/><source file='/base.img'/></backingStore><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><backingStore/><target dev='vda' bus='virtio'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><boot order='1'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><boot order='0'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><boot order='1'/></disk><disk type='file' device='cdrom'><source file='/c.iso'/><target dev='hdc' bus='ide'/><boot order='1'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><address type='pci' domain='0x0000' bus='0x00' slot='0x07' function='0x0'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x1'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><address type='pci' domain='0x0000' bus='0x03' slot='0x01' function='0x0'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><alias name='ua-my'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><alias name='ua-my'/></disk><disk type='file' device='disk'><source file='/c.img'/><target dev='vdb' bus='virtio'/><alias name='ua-my'/></disk>
 <disk type='file' device='disk'><source file='/b.img'/><target dev='vda' bus='virtio'/><alias name='nonsense'/></disk>
 <disk type='volume' device='disk'><source pool='images' volume='b.img'/><target dev='vda' bus='virtio'/></disk>
card
 <interface type='bridge'><source bridge='virbr0'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='virtio'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='e1000'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='e1000e'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='rtl8139'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='pcnet'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='ne2k_pci'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='virtio-transitional'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='virtio-non-transitional'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='nonsense'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='netfront'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='bad model'/></interface>
 <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface>
 <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default' portgroup='a'/><model type='virtio'/></interface>
 <interface type='network'><mac address='52:54:00:00:00:01'/><source network='nope'/></interface>
 <interface type='network'><mac address='52:54:00:00:00:01'/></interface>
 <interface type='user'><mac address='52:54:00:00:00:01'/></interface>
 <interface type='user'/>
 <interface/>
 <interface type='nonsense'/>
 <interface type='direct'><mac address='52:54:00:00:00:01'/><source dev='eth0' mode='bridge'/></interface>
 <interface type='direct'><source dev='eth0' mode='nonsense'/></interface>
 <interface type='ethernet'><mac address='52:54:00:00:00:01'/><target dev='tap7'/></interface>
 <interface type='bridge'><mac address='01:00:5e:00:00:01'/><source bridge='virbr0'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:01'/><source bridge='virbr0'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01' type='static'/><source bridge='virbr0'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/></interface><interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><target dev='vnet0'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><target dev='mytap'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><boot order='2'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><link state='up'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><link state='nonsense'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><bandwidth><outbound average='1000'/></bandwidth></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><bandwidth><inbound floor='100'/></bandwidth></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><vlan><tag id='42'/></vlan></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='virtio'/><driver name='vhost' queues='2'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='virtio'/><driver queues='0'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><model type='virtio'/><driver rx_queue_size='100'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><rom bar='off'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><mtu size='1400'/></interface>
 <interface type='user'><mac address='52:54:00:00:00:01'/><mtu size='1400'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><ip address='10.0.0.1' prefix='24'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><script path='/etc/qemu-ifup'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><filterref filter='clean-traffic'/></interface>
 <interface type='bridge' trustGuestRxFilters='yes'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><coalesce><rx><frames max='7'/></rx></coalesce></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='virbr0'/><port isolated='yes'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:01'/><source/></interface>
line
 <serial type='pty'/>
 <serial type='pty'><target port='0'/></serial>
 <serial type='pty'><target type='isa-serial' port='0'/></serial>
 <serial type='pty'><target port='1'/></serial>
 <serial type='pty'><target port='0'/></serial><serial type='pty'><target port='0'/></serial>
 <serial type='pty'/><serial type='pty'/>
 <serial type='pty'/><serial type='pty'/><serial type='pty'/><serial type='pty'/><serial type='pty'/>
 <serial type='pty'><target type='usb-serial'/></serial>
 <serial type='pty'><target type='pci-serial'/></serial>
 <serial type='pty'><target type='sclp-serial'/></serial>
 <serial type='pty'><target type='isa-serial'><model name='pci-serial'/></target></serial>
 <serial type='null'/>
 <serial type='file'><source path='/tmp/serial.log'/></serial>
 <serial type='file'/>
 <serial type='tcp'><source mode='connect' host='localhost' service='2445'/></serial>
 <serial type='tcp'><source mode='bind' host='localhost'/></serial>
 <serial type='unix'><source mode='bind' path='/tmp/s'/></serial>
 <serial type='nonsense'/>
 <serial type='pty'><log file='/tmp/log' append='off'/></serial>
 <console type='pty'/>
 <console type='pty'><target type='serial' port='0'/></console>
 <console type='pty'><target type='virtio' port='0'/></console>
 <console type='pty'><target type='xen' port='0'/></console>
 <console type='pty'><target type='nonsense'/></console>
 <console type='pty'/><console type='pty'/>
 <serial type='pty'/><console type='pty'><target type='serial' port='0'/></console>
 <serial type='file'><source path='/tmp/l'/></serial><console type='pty'/>
 <parallel type='pty'/>
 <parallel type='pty'><target port='0'/></parallel>
 <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
 <channel type='unix'><source mode='bind' path='/tmp/agent'/><target type='virtio' name='a'/></channel>
 <channel type='unix'><target type='virtio'/></channel>
 <channel type='unix'><target type='virtio' name='a'/></channel><channel type='unix'><target type='virtio' name='a'/></channel>
 <channel type='unix'><target type='virtio' name='a'/><address type='virtio-serial' controller='0' bus='0' port='1'/></channel><channel type='unix'><target type='virtio' name='b'/><address type='virtio-serial' controller='0' bus='0' port='1'/></channel>
 <channel type='unix'><target type='virtio' name='a'/><address type='virtio-serial' controller='0' bus='0' port='99'/></channel>
 <channel type='unix'/>
 <channel type='pty'><target type='virtio' name='p'/></channel>
 <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
 <channel type='unix'><source mode='bind' path='/tmp/g'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>
 <channel type='unix'><target type='xen' name='a'/></channel>
screen
 <graphics type='vnc'/>
 <graphics type='vnc' port='-1'/>
 <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>
 <graphics type='vnc' port='5977' autoport='no' listen='0.0.0.0'/>
 <graphics type='vnc' port='5977'/>
 <graphics type='vnc' port='5800' autoport='no'/>
 <graphics type='vnc' port='nonsense'/>
 <graphics type='vnc' passwd='s3cret'/>
 <graphics type='vnc' passwd='much too long'/>
 <graphics type='vnc' passwd='s3cret' passwdValidTo='2030-01-01T00:00:00'/>
 <graphics type='vnc' passwdValidTo='nonsense' passwd='s'/>
 <graphics type='vnc' socket='/tmp/vnc'/>
 <graphics type='vnc'><listen type='none'/></graphics>
 <graphics type='vnc'><listen type='socket'/></graphics>
 <graphics type='vnc'><listen type='network' network='default'/></graphics>
 <graphics type='vnc'><listen type='address' address='127.0.0.1'/></graphics>
 <graphics type='vnc' listen='1.2.3.4'><listen type='address' address='127.0.0.1'/></graphics>
 <graphics type='vnc' keymap='de'/>
 <graphics type='vnc' sharePolicy='force-shared' powerControl='yes'/>
 <graphics type='vnc'/><graphics type='vnc'/>
 <graphics type='vnc'/><graphics type='spice' autoport='yes'/>
 <graphics type='spice' autoport='yes'/>
 <graphics type='spice'><listen type='none'/><gl enable='yes'/></graphics>
 <graphics type='spice' autoport='yes'/><graphics type='spice' autoport='yes'/>
 <graphics type='sdl' display=':0'/>
 <graphics type='egl-headless'/>
 <graphics type='rdp'/>
 <graphics type='nonsense'/>
 <video><model type='vga'/></video>
 <video><model type='vga' vram='16384' heads='1' primary='yes'/></video>
 <video><model type='cirrus'/></video>
 <video><model type='qxl'/></video>
 <video><model type='qxl' ram='65536' vram='65536' vgamem='16384'/></video>
 <video><model type='virtio'/></video>
 <video><model type='virtio'><acceleration accel3d='yes'/></model></video>
 <video><model type='vga'><acceleration accel3d='yes'/></model></video>
 <video><model type='bochs'/></video>
 <video><model type='ramfb'/></video>
 <video><model type='none'/></video>
 <video><model type='xen'/></video>
 <video><model type='vbox'/></video>
 <video><model type='vmvga'/></video>
 <video><model type='nonsense'/></video>
 <video><model type='none'/></video><video><model type='vga'/></video>
 <video><model type='vga' primary='yes'/></video><video><model type='qxl' primary='yes'/></video>
 <video><model type='qxl' heads='2'/></video><video><model type='vga'/></video>
 <video><model type='vga' heads='2'/></video>
 <video/>
 <graphics type='vnc'/><video><model type='vga'/></video>
device
 <emulator>/usr/bin/qemu-system-x86_64</emulator>
 <emulator>/usr/bin/nonsense</emulator>
 <input type='tablet' bus='usb'/>
 <input type='tablet'/>
 <input type='mouse' bus='ps2'/>
 <input type='keyboard' bus='ps2'/>
 <input type='mouse' bus='xen'/>
 <input type='tablet' bus='ps2'/>
 <input type='keyboard' bus='virtio'/>
 <input type='mouse' bus='virtio' model='virtio-transitional'/>
 <input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>
 <input type='passthrough' bus='virtio'/>
 <input type='nonsense'/>
 <memballoon model='none'/>
 <memballoon model='virtio'/>
 <memballoon model='virtio' autodeflate='on' freePageReporting='on'/>
 <memballoon model='virtio'><stats period='5'/></memballoon>
 <memballoon model='virtio-transitional'/>
 <memballoon model='virtio-non-transitional'/>
 <memballoon model='xen'/>
 <memballoon model='none'/><memballoon model='virtio'/>
 <memballoon model='virtio'><address type='pci' domain='0x0000' bus='0x00' slot='0x09' function='0x0'/></memballoon>
 <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
 <rng model='virtio'><backend model='random'/></rng>
 <rng model='virtio'><backend model='random'>/dev/nonsense</backend></rng>
 <rng model='virtio'><backend model='builtin'/></rng>
 <rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='h' service='1'/></backend></rng>
 <rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>
 <rng model='virtio-non-transitional'><backend model='random'>/dev/urandom</backend></rng>
 <rng model='virtio'/>
 <rng model='nonsense'><backend model='random'>/dev/urandom</backend></rng>
 <sound model='ich6'/>
 <sound model='ac97'/>
 <sound model='es1370'/>
 <sound model='sb16'/>
 <sound model='pcspk'/>
 <sound model='usb'/>
 <sound model='ich9'><codec type='micro'/></sound>
 <sound model='nonsense'/>
 <audio id='1' type='none'/>
 <audio id='1' type='spice'/>
 <audio id='1' type='none'/><audio id='1' type='none'/>
 <audio id='2' type='none'/><sound model='ich6'><audio id='1'/></sound>
 <watchdog model='i6300esb' action='poweroff'/>
 <watchdog model='i6300esb'/>
 <watchdog model='ib700'/>
 <watchdog model='itco'/>
 <watchdog model='diag288'/>
 <watchdog model='i6300esb'/><watchdog model='ib700'/>
 <controller type='usb' index='0'/>
 <controller type='usb' index='0' model='none'/>
 <controller type='usb' index='0' model='none'/><input type='tablet' bus='usb'/>
 <controller type='usb' index='0' model='piix3-uhci'/>
 <controller type='usb' index='0' model='ehci'/>
 <controller type='usb' index='0' model='ich9-ehci1'/>
 <controller type='usb' index='0' model='qemu-xhci' ports='8'/>
 <controller type='usb' index='0' model='qemu-xhci' ports='99'/>
 <controller type='usb' index='0' model='nonsense'/>
 <controller type='pci' index='0' model='pci-root'/>
 <controller type='pci' index='0' model='pcie-root'/>
 <controller type='pci' index='1' model='pci-root'/>
 <controller type='pci' index='1' model='pci-bridge'/>
 <controller type='pci' index='3' model='pci-bridge'/>
 <controller type='pci' index='1' model='pcie-root-port'/>
 <controller type='pci' index='0'/>
 <controller type='ide' index='0'/>
 <controller type='ide' index='1'/>
 <controller type='sata' index='0'/>
 <controller type='scsi' index='0'/>
 <controller type='scsi' index='0' model='virtio-scsi'/>
 <controller type='scsi' index='0' model='lsilogic'/>
 <controller type='scsi' index='0' model='nonsense'/>
 <controller type='virtio-serial' index='0'/>
 <controller type='virtio-serial' index='0' ports='4' vectors='2'/>
 <controller type='fdc' index='0'/>
 <controller type='fdc' index='1'/>
 <controller type='ccid' index='0'/>
 <controller type='xenbus' index='0'/>
 <controller type='nonsense' index='0'/>
 <controller type='ide' index='0'/><controller type='ide' index='0'/>
 <controller type='isa' index='0'/>
 <controller type='usb' index='0' model='ich9-ehci1'/><controller type='usb' index='0' model='ich9-uhci1'/>
 <controller type='usb' index='0' model='ich9-uhci1'/>
 <controller type='usb' index='0' model='ehci'/><controller type='usb' index='0' model='qemu-xhci'/>
 <controller type='usb'/><controller type='usb'/>
 <controller type='usb' index='0' model='none'/><controller type='usb' index='1' model='ehci'/>
 <controller type='pci' index='1'/>
 <controller type='pci' model='pci-bridge'/>
 <controller type='pci' index='0' model='pci-root'/><controller type='pci' model='pci-bridge'/>
 <controller type='pci' index='0' model='pcie-root'/><controller type='pci' model='pcie-root-port'/>
 <controller type='pci' index='1' model='dmi-to-pci-bridge'/>
 <controller type='pci' index='1' model='dmi-to-pci-bridge'/><controller type='pci' index='2' model='pci-bridge'/>
 <controller type='pci' index='1' model='pci-bridge'/><controller type='pci' index='2' model='dmi-to-pci-bridge'/>
 <controller type='pci' index='1' model='pci-expander-bus'/>
 <controller type='pci' index='1' model='pcie-expander-bus'/>
 <controller type='ide'/><controller type='ide'/>
 <controller type='scsi' index='0' model='buslogic'/>
 <hub type='usb'/>
 <redirdev bus='usb' type='spicevmc'/>
 <smartcard mode='host'/>
 <filesystem type='mount' accessmode='mapped'><source dir='/srv'/><target dir='share'/></filesystem>
 <filesystem type='mount'><source dir='/srv'/><target dir='share'/><readonly/></filesystem>
 <filesystem type='mount'><driver type='virtiofs'/><source dir='/srv'/><target dir='share'/></filesystem>
 <filesystem type='mount' fmode='644'><source dir='/srv'/><target dir='share'/></filesystem>
 <filesystem type='file'><source file='/srv.img'/><target dir='share'/></filesystem>
 <filesystem type='mount'><source dir='/srv'/></filesystem>
 <filesystem type='mount'><source dir='/srv'/><target dir='share'/></filesystem><filesystem type='mount'><source dir='/two'/><target dir='share'/></filesystem>
 <tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>
 <tpm model='tpm-crb'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>
 <panic model='isa'/>
 <panic/>
 <panic model='hyperv'/>
 <panic model='isa'/><panic model='isa'/>
 <shmem name='s'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>
 <shmem name='s'><model type='ivshmem-plain'/><size unit='M'>3</size></shmem>
 <memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>
 <iommu model='intel'/>
 <vsock model='virtio'><cid auto='yes'/></vsock>
 <vsock model='virtio'><cid auto='no'/></vsock>
 <vsock model='virtio'><cid auto='no' address='4'/></vsock>
 <hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>
 <hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x06' slot='0x02' function='0x0'/></source></hostdev>
 <lease><lockspace>somearea</lockspace><key>somekey</key><target path='/some/lease'/></lease>
 <crypto model='virtio' type='qemu'><backend model='builtin' queues='1'/></crypto>
 <nonsense/>
`;
