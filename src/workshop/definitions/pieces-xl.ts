/** What definitions in xl's language are drawn from: lines of a key, alternatives each. Source: xl.cfg(5), xl-disk-configuration(5), xl-network-configuration(5) of Xen 4.17. */
const PIECES = `
name = ''
name = 'two words'
name = "a"; memory = 32
uuid = '4dea22b3-1d52-d8f3-2516-782e98ab3fa0'
uuid = 'nonsense'
builder = 'hvm'
builder = 'linux'
builder = 'nonsense'
type = 'hvm'
type = 'pvh'
type = 'pv'
type = 'nonsense'
type = 'hvm'\\nbuilder = 'linux'
memory = '64'
memory = '64M'
memory = "128"\\nmaxmem = 64
memory = 32\\nmaxmem = 64
memory = 0
memory = -1
memory = 0x40
memory = 64.5
memory = [ 64 ]
vcpus = 2
vcpus = 0
vcpus = '2'
vcpus = 2\\nmaxvcpus = 1
vcpus = 1\\nmaxvcpus = 2
vcpus = 'two'
vcpu_avail = 1
cpus = '0'
cpus = 'all'
cpus = '0-1,^0'
cpus = [ '0', '1' ]
cpus = [ 0, 1 ]
cpus = '9'
cpus = 'nonsense'
cpus_soft = 'node:0'
cpu_weight = 512
cpu_weight = 0
cap = 50
cap = 150
on_poweroff = 'restart'
on_reboot = 'preserve'
on_crash = 'coredump-destroy'
on_poweroff = 'nonsense'
on_reboot = 'soft-reset'
on_watchdog = 'preserve'
on_crash = 'rename-restart'
pae = 0
acpi = 1
apic = 0
hap = 0
hap = 2
nestedhvm = 1
viridian = 1
viridian = [ 'base', 'freq' ]
viridian = [ 'all', '!hcall_ipi' ]
viridian = [ 'nonsense' ]
viridian = 'base'
localtime = 1
rtc_timeoffset = 3600
hpet = 0
tsc_mode = 'native'
tsc_mode = 'nonsense'
tsc_mode = 2
timer_mode = 'one_missed_tick_pending'
timer_mode = 'nonsense'
boot = 'dc'
boot = 'xyz'
boot = ''
boot = 'c'\\nbootloader = 'pygrub'
kernel = '/boot/vmlinuz'\\nramdisk = '/boot/initrd'\\nextra = 'quiet'
kernel = '/boot/vmlinuz'\\ncmdline = 'a'\\nextra = 'b'
kernel = '/boot/vmlinuz'\\nroot = '/dev/xvda1 ro'\\nextra = 'b'
kernel = '/boot/vmlinuz'\\ncmdline = 'a'\\nroot = '/dev/xvda1'
kernel = '/usr/lib/xen/boot/hvmloader'
bootloader = 'pygrub'
bootloader = '/usr/lib/xen-4.17/bin/pygrub'\\nbootloader_args = [ '-q' ]
bootloader = 'pygrub'\\nbootloader_args = '-q'
firmware = 'uefi'
firmware = 'nonsense'
bios = 'seabios'
bios = 'ovmf'
bios = 'nonsense'
device_model_version = 'qemu-xen'
device_model_version = 'qemu-xen-traditional'
device_model_version = 'nonsense'
device_model_override = '/usr/bin/qemu-system-i386'
device_model = '/usr/lib/xen/bin/qemu-dm'
device_model_args = [ '-usb' ]
device_model_args = '-usb'
device_model_stubdomain_override = 1
vnc = 1
vnc = 'yes'
vnclisten = '0.0.0.0:3'
vncdisplay = 4
vncunused = 0
vncpasswd = 's3cret'
sdl = 1
spice = 1\\nspicehost = '0.0.0.0'\\nspiceport = 6000\\nspicedisable_ticketing = 1
spice = 1
vga = 'stdvga'
vga = 'cirrus'
vga = 'qxl'
vga = 'none'
vga = 'nonsense'
stdvga = 1
stdvga = 1\\nvga = 'cirrus'
videoram = 16
videoram = 1
keymap = 'de'
usb = 1\\nusbdevice = 'tablet'
usb = 1\\nusbdevice = [ 'tablet', 'mouse' ]
usbctrl = [ 'type=auto,version=2,ports=4' ]
usbctrl = [ 'type=nonsense' ]
usbdev = [ 'type=hostdev,hostbus=1,hostaddr=3' ]
serial = 'pty'
serial = [ 'pty', 'null' ]
soundhw = 'ac97'
soundhw = 'nonsense'
vfb = [ 'type=vnc' ]
vfb = [ 'vnc=1,vnclisten=0.0.0.0,vncdisplay=2' ]
vfb = [ 'type=nonsense' ]
vfb = [ 'vnc=1, vncunused=1' ]
pci = [ '01:00.0' ]
pci = [ '0000:01:00.0,permissive=1' ]
pci = [ 'nonsense' ]
pci = '01:00.0'
ioports = [ '2f8-2ff' ]
iomem = [ 'nonsense' ]
irqs = [ 7 ]
e820_host = 1
xen_platform_pci = 0
nomigrate = 1
pool = 'Pool-0'
seclabel = 'nonsense'
cpuid = 'host,sse3=0'
cpuid = 'nonsense'
cpuid = [ '0x1:ecx=x00xxxxxxxxxxxxxxxxxxxxxxxxxxxxx' ]
altp2m = 'mixed'
altp2m = 'nonsense'
vnuma = [ [ 'pnode=0', 'size=64', 'vcpus=0', 'vdistances=10' ] ]
vnuma = [ [ 'pnode=0', 'size=32', 'vcpus=0', 'vdistances=10' ] ]
channel = [ 'name=a,connection=socket,path=/tmp/a' ]
channel = [ 'connection=socket' ]
channel = [ 'name=a,connection=nonsense' ]
p9 = [ 'tag=a,path=/srv,security_model=none' ]
p9 = [ 'tag=a' ]
vkb = [ 'type=linux,feature-raw-pointer=1' ]
vdispl = [ 'backend=0,connectors=id0:800x600' ]
vsnd = [ [ 'card, short-name=Main' ] ]
vtpm = [ 'backend=domTpm' ]
vtpm = [ 'nonsense=1' ]
shadow_memory = 16
max_grant_frames = 64
max_event_channels = 128
event_channels = 128
passthrough = 'enabled'
passthrough = 'nonsense'
mmio_hole = 512
mmio_hole = 5000
gic_version = 'v3'
memory = 64\\nmemory = 128
memory = 64; vcpus = 2
memory = 64 vcpus = 2
unknown_key = 1
Name = 'a'
# a comment only
memory = 64 # a comment
extra = "a" "b"
extra = 'a' + 'b'
extra = "it's"
extra = 'a\\tb'
extra = 'a
vcpus = True
import os
vif = [ 'bridge=xenbr0', ]
vif = [ 'bridge=xenbr0' 'mac=00:16:3e:00:00:01' ]
vif = [ 'bridge=xenbr0',\\\\\\n        'bridge=xenbr0' ]
vif = [\\n  'bridge=xenbr0',\\n  'bridge=xenbr0'\\n]
vif = [ '' ]
vif = [ ]
vif = ''
vif = 'bridge=xenbr0'
vif = [ 'mac=00:16:3e:00:00:01,bridge=xenbr0,model=e1000' ]
vif = [ 'mac=00:16:3e:00:00' ]
vif = [ 'mac=00-16-3e-00-00-01' ]
vif = [ 'mac=01:00:5e:00:00:01' ]
vif = [ 'mac=00:16:3e:00:00:01', 'mac=00:16:3e:00:00:01' ]
vif = [ 'model=nonsense' ]
vif = [ 'type=ioemu, bridge=xenbr0' ]
vif = [ 'type=nonsense' ]
vif = [ 'rate=1MB/s' ]
vif = [ 'rate=nonsense' ]
vif = [ 'rate=10Mb/s@50ms' ]
vif = [ 'ip=10.0.0.2,script=vif-route,vifname=web.0' ]
vif = [ 'bridge = xenbr0 , mac = 00:16:3e:00:00:01' ]
vif = [ 'nonsense=1' ]
vif = [ 'nonsense' ]
vif = [ 'backend=dom1' ]
vif = [ 'gatewaydev=eth0' ]
vif = [ 'devid=3' ]
vif = [ 'mtu=1400' ]
disk = [ '/b.img,raw,xvda,rw' ]
disk = [ '/b.img,raw,xvda' ]
disk = [ '/b.img,,xvda' ]
disk = [ '/b.img,,,' ]
disk = [ '/b.img' ]
disk = [ '/b.qcow2,qcow2,xvda,w' ]
disk = [ '/b.img,nonsense,xvda,rw' ]
disk = [ '/b.img,raw,xvda,nonsense' ]
disk = [ '/b.img,raw,nonsense,rw' ]
disk = [ 'file:/b.img,xvda,w' ]
disk = [ 'file:/b.img,hda,w' ]
disk = [ 'file: /b.img,hda,w' ]
disk = [ ' /b.img,raw,hda,w' ]
disk = [ '/b.img ,raw,hda,w' ]
disk = [ '/b.img, raw, hda, w' ]
disk = [ '/b.img,raw,hda ,w' ]
disk = [ '/b.img,raw,hda,w ' ]
disk = [ 'tap:aio:/b.img,xvda,w' ]
disk = [ 'tap:qcow2:/b.img,xvda,w' ]
disk = [ 'tap2:vhd:/b.img,xvda,w' ]
disk = [ 'phy:/dev/vg0/v,xvda,w' ]
disk = [ 'phy:vg0/v,xvda,w' ]
disk = [ 'file:/b.img,ioemu:hda,w' ]
disk = [ '/c.iso,raw,hdc,cdrom' ]
disk = [ '/c.iso,hdc:cdrom,r' ]
disk = [ 'file:/c.iso,hdc:cdrom,r' ]
disk = [ ',raw,hdc,cdrom' ]
disk = [ ',hdc:cdrom,r' ]
disk = [ 'format=raw,vdev=xvda,access=rw,target=/b.img' ]
disk = [ 'vdev=xvda,format=qcow2,target=/b,c.img' ]
disk = [ 'vdev=xvda, format=raw, access=rw, target=/b.img' ]
disk = [ 'vdev=xvda,target=/b.img', 'vdev=xvda,target=/c.img' ]
disk = [ 'vdev=xvda,vdev=xvdb,target=/b.img' ]
disk = [ 'format=raw,vdev=xvda,devtype=cdrom,target=/c.iso' ]
disk = [ 'format=raw,vdev=xvda,devtype=nonsense,target=/c.iso' ]
disk = [ '/b.img,raw,xvda,rw,backendtype=qdisk' ]
disk = [ '/b.img,raw,xvda,rw,backendtype=nonsense' ]
disk = [ '/b.img,raw,xvda,rw,backend=dom1' ]
disk = [ '/b.img,raw,xvda,rw,script=block-nbd' ]
disk = [ '/b.img,raw,xvda,rw,discard' ]
disk = [ '/b.img,raw,xvda,rw,no-discard,direct-io-safe' ]
disk = [ '/b.img,raw,xvda,rw,nonsense' ]
disk = [ '/b.img,raw,xvda,rw,nonsense=1' ]
disk = [ '/b.img,raw,xvda,rw,specification=virtio' ]
disk = [ '/b.vhd,vhd,xvda,rw' ]
disk = [ '/b.qed,qed,xvda,rw' ]
disk = [ '/b.img,raw,sda,rw' ]
disk = [ '/b.img,raw,vda,rw' ]
disk = [ '/b.img,raw,xvda1,rw', '/c.img,raw,xvda2,rw' ]
disk = [ '/b.img,raw,d0,rw' ]
disk = [ '/b.img,raw,0x301,rw' ]
disk = [ '/b.img,raw,51712,rw' ]
disk = [ '/b.img,raw,hde,rw' ]
disk = [ 'nbd:localhost:10809,xvda,w' ]
disk = [ 'iscsi:iqn.2001-05.com,xvda,w' ]
disk = [ 'drbd:res,xvda,w' ]
disk = [ 'nonsense:/b.img,xvda,w' ]
disk = [ '/b.img,raw,xvda,rw',\\\\\\n         '/c.img,raw,xvdb,rw' ]
disk = [ "/b.img,raw,xvda,rw"\\n         "/c.img,raw,xvdb,rw" ]
disk = [ '/b.img,raw,xvda,rw' ]\\ndisk += [ '/c.img,raw,xvdb,rw' ]
disk = [ '/b.img,raw,xvda,rw'\\n
disk = '/b.img,raw,xvda,rw'
disk = [ ]
disk = [ 'file:/b.img,xvda,w', ]
disk = [ ['file:/b.img', 'xvda', 'w'] ]
`;

/** Each is some lines; the key of the first is what it is about. */
export const XL_PIECES: readonly string[] = PIECES.trim()
  .split('\n')
  .map(line => line.replaceAll(/\\([\\n])/g, (_, of: string) => (of === 'n' ? '\n' : '\\')));
