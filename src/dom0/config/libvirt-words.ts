/**
 * Attributes of libvirt's domain XML that have a closed set of words. Taken from its schema (domaincommon.rng of libvirt 9), and each tried with
 * `virsh -c test:///default define`. A line: the words, and the attributes that have them, each with its element's path in <domain>. ? before one: libvirt
 * goes on with another word, where what it is about is not looked at.
 */
const WORDS = `
bhyve hvf hyperv kqemu kvm lxc openvz phyp qemu test uml vbox vmware vz xen: @type
custom host-model host-passthrough maximum: cpu@mode
exact minimum strict: cpu@match
full none partial: cpu@check
off on: cpu@migratable memory@dumpCore features/apic@eoi features/hap@state features/hyperv/relaxed@state features/hyperv/vapic@state
off on: features/hyperv/spinlocks@state features/hyperv/vpindex@state features/hyperv/runtime@state features/hyperv/synic@state
off on: features/hyperv/stimer@state features/hyperv/stimer/direct@state features/hyperv/reset@state features/hyperv/vendor_id@state
off on: features/hyperv/frequencies@state features/hyperv/reenlightenment@state features/hyperv/tlbflush@state features/hyperv/ipi@state
off on: features/hyperv/evmcs@state features/hyperv/avic@state features/kvm/hidden@state features/kvm/hint-dedicated@state
off on: features/kvm/poll-control@state features/kvm/pv-ipi@state features/kvm/dirty-ring@state features/xen/e820_host@state
off on: features/xen/passthrough@state features/pvspinlock@state features/capabilities/audit_control@state features/capabilities/audit_write@state
off on: features/capabilities/block_suspend@state features/capabilities/chown@state features/capabilities/dac_read_search@state
off on: features/capabilities/fowner@state features/capabilities/fsetid@state features/capabilities/ipc_lock@state features/capabilities/ipc_owner@state
off on: features/capabilities/kill@state features/capabilities/lease@state features/capabilities/linux_immutable@state
off on: features/capabilities/mac_admin@state features/capabilities/mknod@state features/capabilities/net_admin@state
off on: features/capabilities/net_bind_service@state features/capabilities/net_broadcast@state features/capabilities/net_raw@state
off on: features/capabilities/setgid@state features/capabilities/setfcap@state features/capabilities/setpcap@state features/capabilities/setuid@state
off on: features/capabilities/sys_admin@state features/capabilities/sys_boot@state features/capabilities/sys_chroot@state
off on: features/capabilities/sys_module@state features/capabilities/sys_nice@state features/capabilities/sys_pacct@state
off on: features/capabilities/sys_ptrace@state features/capabilities/sys_rawio@state features/capabilities/sys_resource@state
off on: features/capabilities/sys_time@state features/capabilities/sys_tty_config@state features/capabilities/syslog@state
off on: features/capabilities/wake_alarm@state features/pmu@state features/vmport@state features/smm@state features/vmcoreinfo@state features/htm@state
off on: features/nested-hv@state features/ccf-assist@state ?devices/disk/source/address@multifunction devices/disk/driver@ioeventfd
off on: devices/disk/driver@event_idx devices/disk/driver@copy_on_read devices/disk/driver@iommu devices/disk/driver@ats devices/disk/driver@packed
off on: devices/disk/driver@page_per_vq devices/disk/target@removable devices/disk/address@multifunction devices/controller/address@multifunction
off on: ?devices/controller/target@hotplug devices/controller/driver@ioeventfd devices/controller/driver@iommu devices/controller/driver@ats
off on: devices/controller/driver@packed devices/controller/driver@page_per_vq devices/filesystem/driver@iommu devices/filesystem/driver@ats
off on: devices/filesystem/driver@packed devices/filesystem/driver@page_per_vq devices/filesystem/address@multifunction ?devices/filesystem/binary@xattr
off on: ?devices/filesystem/binary/lock@posix ?devices/filesystem/binary/lock@flock ?devices/interface/driver@ioeventfd
off on: ?devices/interface/driver@event_idx devices/interface/driver@iommu devices/interface/driver@ats devices/interface/driver@packed
off on: devices/interface/driver@page_per_vq ?devices/interface/driver/host@csum ?devices/interface/driver/host@gso ?devices/interface/driver/host@tso4
off on: ?devices/interface/driver/host@tso6 ?devices/interface/driver/host@ecn ?devices/interface/driver/host@ufo
off on: ?devices/interface/driver/host@mrg_rxbuf ?devices/interface/driver/guest@csum ?devices/interface/driver/guest@tso4
off on: ?devices/interface/driver/guest@tso6 ?devices/interface/driver/guest@ecn ?devices/interface/driver/guest@ufo ?devices/interface/driver@rss
off on: ?devices/interface/driver@rss_hash_report devices/interface/address@multifunction devices/interface/rom@bar
off on: ?devices/interface/source/address@multifunction devices/input/driver@iommu devices/input/driver@ats devices/input/driver@packed
off on: devices/input/driver@page_per_vq ?devices/input/source@repeat devices/input/address@multifunction devices/sound/address@multifunction
off on: devices/hostdev/source/address@multifunction ?devices/hostdev/source/adapter/parentaddr/address@multifunction ?devices/hostdev@ramfb
off on: ?devices/hostdev@display devices/hostdev/rom@bar devices/hostdev/address@multifunction ?devices/graphics/playback@compression
off on: devices/video/driver@iommu devices/video/driver@ats devices/video/driver@packed devices/video/driver@page_per_vq
off on: devices/video/address@multifunction ?devices/console/source@append devices/console/log@append devices/console/address@multifunction
off on: ?devices/parallel/source@append devices/parallel/log@append devices/parallel/address@multifunction ?devices/serial/source@append
off on: devices/serial/log@append devices/serial/address@multifunction ?devices/channel/source@append devices/channel/log@append
off on: devices/channel/address@multifunction ?devices/smartcard/source@append ?devices/smartcard/log@append devices/smartcard/address@multifunction
off on: devices/hub/address@multifunction devices/redirdev/source@append devices/redirdev/log@append devices/redirdev/address@multifunction
off on: ?devices/rng/backend/source@append ?devices/rng/backend/log@append devices/rng/driver@iommu devices/rng/driver@ats devices/rng/driver@packed
off on: devices/rng/driver@page_per_vq devices/rng/address@multifunction devices/tpm/address@multifunction devices/shmem/msi@ioeventfd
off on: devices/shmem/address@multifunction devices/memory/address@multifunction devices/watchdog/address@multifunction devices/memballoon@autodeflate
off on: devices/memballoon@freePageReporting devices/memballoon/address@multifunction devices/memballoon/driver@iommu devices/memballoon/driver@ats
off on: devices/memballoon/driver@packed devices/memballoon/driver@page_per_vq devices/nvram/address@multifunction devices/panic/address@multifunction
off on: devices/iommu/driver@intremap devices/iommu/driver@caching_mode devices/iommu/driver@eim devices/iommu/driver@iotlb
off on: devices/iommu/address@multifunction devices/vsock/address@multifunction devices/vsock/driver@iommu devices/vsock/driver@ats
off on: devices/vsock/driver@packed devices/vsock/driver@page_per_vq keywrap/cipher@state
allow forbid: cpu/model@fallback
disable forbid force optional require: cpu/feature@policy
private shared: cpu/numa/cell@memAccess memoryBacking/access@mode devices/memory@access
no yes: cpu/numa/cell@discard ?os/firmware/feature@enabled os/loader@readonly os/loader@secure os/loader@stateless os/nvram/source@tls
no yes: os/nvram/source@managed os/bootmenu@enable ?os/bios@useserial clock/timer@present vcpus/vcpu@enabled vcpus/vcpu@hotpluggable
no yes: pm/suspend-to-mem@enabled pm/suspend-to-disk@enabled perf/event@enabled devices/disk/source/seclabel@relabel ?devices/disk/source@tls
no yes: ?devices/disk/source/ssl@verify ?devices/disk/source@managed ?devices/disk/source/reconnect@enabled devices/disk/transient@shareBacking
no yes: devices/disk@rawio devices/interface/target@managed devices/interface/mac@check devices/interface/portForward/range@exclude
no yes: devices/interface/rom@enabled devices/interface/port@isolated ?devices/interface/source/reconnect@enabled ?devices/interface@managed
no yes: ?devices/interface/source@missing devices/interface@trustGuestRxFilters devices/audio/input@mixingEngine devices/audio/input@fixedSettings
no yes: devices/audio/output@mixingEngine devices/audio/output@fixedSettings ?devices/audio/input@exactName ?devices/audio/output@exactName
no yes: ?devices/audio@tryMMap ?devices/audio@exclusive ?devices/audio/input@tryPoll ?devices/audio/output@tryPoll ?devices/hostdev@managed
no yes: ?devices/hostdev/source@writeFiltering devices/hostdev@rawio ?devices/hostdev/source/adapter@managed devices/hostdev/rom@enabled
no yes: ?devices/graphics@fullscreen ?devices/graphics/gl@enable ?devices/graphics@autoport devices/graphics@powerControl
no yes: ?devices/graphics/clipboard@copypaste ?devices/graphics/filetransfer@enable ?devices/graphics@p2p ?devices/graphics@replaceUser
no yes: ?devices/graphics@multiUser ?devices/video/model@primary devices/video/model/acceleration@accel3d devices/video/model/acceleration@accel2d
no yes: ?devices/console/source@tls ?devices/console/source/reconnect@enabled devices/console/source/seclabel@relabel
no yes: ?devices/console/source/clipboard@copypaste ?devices/parallel/source@tls ?devices/parallel/source/reconnect@enabled
no yes: devices/parallel/source/seclabel@relabel ?devices/parallel/source/clipboard@copypaste ?devices/serial/source@tls
no yes: ?devices/serial/source/reconnect@enabled devices/serial/source/seclabel@relabel ?devices/serial/source/clipboard@copypaste
no yes: ?devices/channel/source@tls ?devices/channel/source/reconnect@enabled devices/channel/source/seclabel@relabel
no yes: ?devices/channel/source/clipboard@copypaste ?devices/smartcard/source@tls ?devices/smartcard/source/reconnect@enabled
no yes: ?devices/smartcard/source/seclabel@relabel ?devices/smartcard/source/clipboard@copypaste devices/redirdev/source@tls
no yes: devices/redirdev/source/reconnect@enabled devices/redirdev/source/seclabel@relabel devices/redirdev/source/clipboard@copypaste
no yes: devices/redirfilter/usbdev@allow ?devices/rng/backend/source@tls ?devices/rng/backend/source/reconnect@enabled
no yes: ?devices/rng/backend/source/seclabel@relabel ?devices/rng/backend/source/clipboard@copypaste ?devices/tpm/backend@persistent_state
no yes: devices/memory@discard devices/vsock/cid@auto seclabel@relabel launchSecurity@kernelHashes
direct full none: cpu/numa/cell/cache@associativity
none writeback writethrough: cpu/numa/cell/cache@policy
access read write: cpu/numa/interconnects/latency@type cpu/numa/interconnects/bandwidth@type
1 2 3: cpu/cache@level
disable emulate passthrough: cpu/cache@mode
emulate passthrough: cpu/maxphysaddr@mode
fwcfg smbios: sysinfo@type
date release vendor version: sysinfo/bios/entry@name
family manufacturer product serial sku uuid version: sysinfo/system/entry@name
asset location manufacturer product serial version: sysinfo/baseBoard/entry@name
asset manufacturer serial sku version: sysinfo/chassis/entry@name
aarch64 alpha armv6l armv7l cris i686 ia64 lm32 m68k microblaze microblazeel mips mips64 mips64el mipsel openrisc parisc parisc64 ppc ppc64 ppc64le ppcemb riscv32 riscv64 s390 s390x sh4 sh4eb sparc sparc64 unicore32 x86_64 xtensa xtensaeb: os/type@arch
bios efi: os@firmware
enrolled-keys secure-boot: ?os/firmware/feature@name
pflash rom: os/loader@type
block dir file network nvme vhostuser volume: os/nvram@type devices/disk@type
mandatory optional requisite: os/nvram/source@startupPolicy devices/disk/source@startupPolicy devices/hostdev/source@startupPolicy
ftp ftps gluster http https iscsi nbd nfs rbd sheepdog tftp vxhs: os/nvram/source@protocol ?devices/disk/source@protocol
direct host: os/nvram/source@mode ?devices/disk/source@mode
pci unix: os/nvram/source@type ?devices/disk/source@type
cdrom fd hd network: os/boot@dev
emulate host sysinfo: os/smbios@mode
slic: os/acpi/table@type
absolute localtime timezone utc variable: clock@offset
localtime utc: clock@basis
armvtimer hpet hypervclock kvmclock pit platform rtc tsc: clock/timer@name
boot guest realtime wall: clock/timer@track
catchup delay discard merge: clock/timer@tickpolicy
auto emulate native paravirt smpsafe: clock/timer@mode
anonymous file memfd: memoryBacking/source@type
immediate ondemand: memoryBacking/allocation@mode
auto static: vcpu@placement numatune/memory@placement
batch fifo idle rr: cputune/vcpusched@scheduler cputune/iothreadsched@scheduler cputune/emulatorsched@scheduler
both code data: cputune/cachetune/cache@type
interleave preferred restrictive strict: numatune/memory@mode numatune/memnode@mode
custom passthrough: features/hyperv@mode
allow default deny: features/capabilities@policy
2 3 host: features/gic@version
kvm qemu: features/ioapic@driver
disabled enabled required: features/hpt@resizing
fault ignore: features/msrs@unknown
broken fixed workaround: features/cfpc@value features/sbbc@value
broken fixed-ccd fixed-ibs fixed-na workaround: features/ibs@value
alignment_faults branch_instructions branch_misses bus_cycles cache_misses cache_references cmt context_switches cpu_clock cpu_cycles cpu_migrations emulation_faults instructions mbml mbmt page_faults page_faults_maj page_faults_min ref_cpu_cycles stalled_cycles_backend stalled_cycles_frontend task_clock: perf/event@name
cdrom disk floppy lun: devices/disk@device
storage: ?devices/disk/source/slices/slice@type
default luks luks2 qcow: devices/disk/source/encryption@format devices/disk/encryption@format
librbd qemu: devices/disk/source/encryption@engine devices/disk/encryption@engine
passphrase: devices/disk/source/encryption/secret@type devices/disk/encryption/secret@type
yes: ?devices/disk/source/seclabel@labelskip devices/interface/vlan@trunk ?devices/console/source/seclabel@labelskip
yes: ?devices/parallel/source/seclabel@labelskip ?devices/serial/source/seclabel@labelskip ?devices/channel/source/seclabel@labelskip
yes: ?devices/smartcard/source/seclabel@labelskip devices/redirdev/source/seclabel@labelskip ?devices/rng/backend/source/seclabel@labelskip
rdma tcp unix: ?devices/disk/source/host@transport
ceph iscsi: devices/disk/source/auth/secret@type devices/disk/auth/secret@type ?devices/hostdev/source/auth/secret@type
aio bochs cloop cow dir dmg fat iso luks ploop qcow qcow2 qed raw vdi vhd vmdk vpc: devices/disk/driver@type
default directsync none unsafe writeback writethrough: devices/disk/driver@cache
enospace ignore report stop: devices/disk/driver@error_policy
ignore report stop: devices/disk/driver@rerror_policy
io_uring native threads: devices/disk/driver@io
ignore unmap: devices/disk/driver@discard
off on unmap: devices/disk/driver@detect_zeroes
fdc ide sata scsi sd uml usb virtio xen: devices/disk/target@bus
closed open: devices/disk/target@tray
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/disk/address@type devices/controller/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/filesystem/address@type devices/interface/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/input/address@type devices/sound/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/hostdev/address@type devices/video/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/console/address@type devices/parallel/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/serial/address@type devices/channel/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/smartcard/address@type devices/hub/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/redirdev/address@type devices/rng/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/tpm/address@type devices/shmem/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/memory/address@type devices/watchdog/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/memballoon/address@type devices/nvram/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/panic/address@type devices/iommu/address@type
ccid ccw dimm drive isa pci spapr-vio unassigned usb virtio-mmio virtio-serial: devices/vsock/address@type
auto lba none: devices/disk/geometry@trans
filtered unfiltered: devices/disk@sgio devices/hostdev@sgio
virtio virtio-non-transitional virtio-transitional: devices/disk@model devices/filesystem@model devices/input@model devices/rng@model
virtio virtio-non-transitional virtio-transitional: devices/vsock@model
external internal manual no: devices/disk@snapshot
ccid fdc ide isa pci sata scsi usb virtio-serial xenbus: devices/controller@type
am53c974 auto buslogic dc390 dmi-to-pci-bridge ehci ibmvscsi ich6 ich9-ehci1 ich9-uhci1 ich9-uhci2 ich9-uhci3 lsilogic lsisas1068 lsisas1078 ncr53c90 nec-xhci none pci-bridge pci-expander-bus pci-ohci pci-root pcie-expander-bus pcie-root pcie-root-port pcie-switch-downstream-port pcie-switch-upstream-port pcie-to-pci-bridge piix3 piix3-uhci piix4 piix4-uhci qemu-xhci qusb1 qusb2 virtio virtio-non-transitional virtio-scsi virtio-transitional vmpvscsi vt82c686b-uhci: devices/controller@model
i82801b11-bridge ioh3420 pci-bridge pcie-pci-bridge pcie-root-port pxb pxb-pcie spapr-pci-host-bridge x3130-upstream xio3130-downstream: ?devices/controller/model@name
bind block file mount ram template: devices/filesystem@type
handle loop nbd path ploop virtiofs: devices/filesystem/driver@type
bochs cloop cow dir dmg fat iso luks ploop qcow qcow2 qed raw vdi vhd vmdk vpc: devices/filesystem/driver@format
immediate: devices/filesystem/driver@wrpolicy
mapped passthrough squash: devices/filesystem@accessmode
default forbid remap warn: devices/filesystem@multidevs
always none: ?devices/filesystem/binary/cache@mode
chroot namespace: ?devices/filesystem/binary/sandbox@mode
bridge client direct ethernet hostdev internal mcast network null server udp user vdpa vds vhostuser: devices/interface@type
kernel libvirt: ?devices/interface/source@macTableManager
802.1Qbg 802.1Qbh midonet openvswitch: devices/interface/virtualport@type
down up: devices/interface/link@state
generated static: devices/interface/mac@type
tcp udp: devices/interface/portForward@proto
passt: devices/interface/backend@type
kvm qemu vfio vhost xen: ?devices/interface/driver@name
iothread timer: ?devices/interface/driver@txmode
tagged untagged: devices/interface/vlan/tag@nativeMode
persistent transient: devices/interface/teaming@type devices/hostdev/teaming@type
unix: ?devices/interface/source@type ?devices/tpm/backend/source@type
pci usb: ?devices/interface/source/address@type
evdev keyboard mouse passthrough tablet: devices/input@type
ps2 usb virtio xen: devices/input@bus
all: ?devices/input/source@grab
alt-alt ctrl-ctrl ctrl-scrolllock meta-meta scrolllock shift-shift: ?devices/input/source@grabToggle
ac97 es1370 ich6 ich7 ich9 pcspk sb16 usb: devices/sound@model
duplex micro output: ?devices/sound/codec@type
alsa coreaudio dbus file jack none oss pulseaudio sdl spice: devices/audio@type
f32 s16 s32 s8 u16 u32 u8: devices/audio/input/settings@format devices/audio/output/settings@format
alsa arts esd pulseaudio: ?devices/audio@driver
capabilities subsystem: devices/hostdev@mode
mdev misc net pci scsi scsi_host storage usb: devices/hostdev@type
kvm vfio xen: ?devices/hostdev/driver@name
off on uninitialized: devices/hostdev/source@guestReset
adapter iscsi vhost: ?devices/hostdev/source@protocol
fc_host scsi_host: ?devices/hostdev/source/adapter@type
vfio-ap vfio-ccw vfio-pci virtio virtio-non-transitional virtio-transitional: devices/hostdev@model
dbus desktop egl-headless rdp sdl spice vnc: devices/graphics@type
allow-exclusive force-shared ignore: devices/graphics@sharePolicy
disconnect fail keep: ?devices/graphics@connected
address network none socket: devices/graphics/listen@type
any insecure secure: ?devices/graphics@defaultMode ?devices/graphics/channel@mode
cursor display inputs main playback record smartcard usbredir: ?devices/graphics/channel@name
auto_glz auto_lz glz lz off quic: ?devices/graphics/image@compression
always auto never: ?devices/graphics/jpeg@compression ?devices/graphics/zlib@compression
all filter off: ?devices/graphics/streaming@mode
client server: ?devices/graphics/mouse@mode ?devices/console/source/mouse@mode ?devices/parallel/source/mouse@mode ?devices/serial/source/mouse@mode
client server: ?devices/channel/source/mouse@mode ?devices/smartcard/source/mouse@mode devices/redirdev/source/mouse@mode
client server: ?devices/rng/backend/source/mouse@mode
qemu vhostuser: devices/video/driver@name
io off on: ?devices/video/driver@vgaconf
bochs cirrus gop none qxl ramfb vbox vga virtio vmvga xen: devices/video/model@type
dbus dev file nmdm null pipe pty qemu-vdagent spiceport spicevmc stdio tcp udp unix vc: devices/console@type devices/parallel@type devices/serial@type
dbus dev file nmdm null pipe pty qemu-vdagent spiceport spicevmc stdio tcp udp unix vc: devices/channel@type ?devices/smartcard@type
dbus dev file nmdm null pipe pty qemu-vdagent spiceport spicevmc stdio tcp udp unix vc: devices/redirdev@type ?devices/rng/backend@type
raw telnet telnets tls: ?devices/console/protocol@type ?devices/parallel/protocol@type ?devices/serial/protocol@type ?devices/channel/protocol@type
raw telnet telnets tls: ?devices/smartcard/protocol@type devices/redirdev/protocol@type ?devices/rng/backend/protocol@type
isa-debug isa-serial lxc openvz pci-serial sclp sclp-serial sclplm serial spapr-vio-serial system-serial uml usb-serial virtio xen: devices/console/target@type
isa-debug isa-serial lxc openvz pci-serial sclp sclp-serial sclplm serial spapr-vio-serial system-serial uml usb-serial virtio xen: ?devices/parallel/target@type
isa-debug isa-serial lxc openvz pci-serial sclp sclp-serial sclplm serial spapr-vio-serial system-serial uml usb-serial virtio xen: devices/serial/target@type
isa-debug isa-serial lxc openvz pci-serial sclp sclp-serial sclplm serial spapr-vio-serial system-serial uml usb-serial virtio xen: ?devices/smartcard/target@type
16550a isa-debugcon isa-serial pci-serial pl011 sclpconsole sclplmconsole spapr-vty usb-serial: ?devices/console/target/model@name
16550a isa-debugcon isa-serial pci-serial pl011 sclpconsole sclplmconsole spapr-vty usb-serial: ?devices/parallel/target/model@name
16550a isa-debugcon isa-serial pci-serial pl011 sclpconsole sclplmconsole spapr-vty usb-serial: devices/serial/target/model@name
16550a isa-debugcon isa-serial pci-serial pl011 sclpconsole sclplmconsole spapr-vty usb-serial: ?devices/smartcard/target/model@name
guestfwd virtio xen: devices/channel/target@type
connected disconnected: ?devices/channel/target@state
host host-certificates passthrough: devices/smartcard@mode
usb: devices/hub@type devices/redirdev@bus
builtin egd random: devices/rng/backend@model
spapr-tpm-proxy tpm-crb tpm-spapr tpm-tis: devices/tpm@model
emulator external passthrough: devices/tpm/backend@type
connect: ?devices/tpm/backend/source@mode
1.2 2.0: ?devices/tpm/backend@version
master peer: ?devices/shmem@role
ivshmem ivshmem-doorbell ivshmem-plain: devices/shmem/model@type
dimm nvdimm sgx-epc virtio-mem virtio-pmem: devices/memory@model
diag288 i6300esb ib700: devices/watchdog@model
dump inject-nmi none pause poweroff reset shutdown: devices/watchdog@action
none virtio virtio-non-transitional virtio-transitional xen: devices/memballoon@model
hyperv isa pseries s390: devices/panic@model
intel smmuv3 virtio: devices/iommu@model
dynamic none static: seclabel@type
aes dea: keywrap/cipher@name
s390-pv sev: launchSecurity@type
`;
/** Attributes that libvirt wants. */
const REQUIRED =
  'os/boot@dev clock/timer@name devices/graphics@type devices/graphics/listen@type devices/sound@model devices/memballoon@model devices/smartcard@mode devices/iommu@model ' +
  'devices/audio@type devices/memory@model devices/watchdog@model devices/rng@model devices/input@type devices/redirdev@type devices/hub@type devices/hostdev@type devices/shmem@name ' +
  'sysinfo@type cpu/topology@sockets cpu/topology@cores cpu/topology@threads cputune/vcpupin@vcpu cputune/vcpupin@cpuset devices/disk/boot@order devices/interface/boot@order devices/hostdev/boot@order devices/redirdev/boot@order';
/** Attributes that are whole numbers. */
const NUMBERS =
  'vcpu@current cputune/vcpupin@vcpu os/bootmenu@timeout os/bios@rebootTimeout devices/controller@index devices/controller@maxGrantFrames devices/controller@ports devices/video/model@vram ' +
  'devices/video/model@heads devices/video/model@ram devices/graphics@port devices/graphics@tlsPort devices/interface/mtu@size devices/serial/target@port devices/console/target@port ' +
  'devices/interface/bandwidth/outbound@average devices/interface/bandwidth/inbound@average devices/disk/blockio@logical_block_size devices/disk/geometry@cyls devices/disk/geometry@heads devices/disk/geometry@secs ' +
  'devices/disk/boot@order devices/interface/boot@order devices/hostdev/boot@order devices/redirdev/boot@order cpu/topology@sockets cpu/topology@cores cpu/topology@threads cpu/numa/cell@memory';

/** What libvirt asks of an attribute. */
export interface AttributeRule {
  words?: readonly string[];
  /** Another word is let pass. */
  isLoose?: true;
  isRequired?: true;
  isNumber?: true;
}

/** By path of the element (devices/disk/target), and by name there. */
export const ATTRIBUTES: ReadonlyMap<string, ReadonlyMap<string, AttributeRule>> = (() => {
  const rules = new Map<string, Map<string, AttributeRule>>();
  const add = (key: string, rule: AttributeRule): void => {
    const [path, name] = key.split('@');
    const of = rules.get(path) ?? new Map<string, AttributeRule>();
    rules.set(path, of.set(name, { ...of.get(name), ...rule }));
  };
  for (const line of WORDS.trim().split('\n')) {
    const [words, keys] = line.split(': ');
    for (const key of keys.split(' '))
      add(key.replace('?', ''), { words: words.split(' '), ...(key.startsWith('?') ? { isLoose: true } : {}) });
  }
  for (const key of REQUIRED.split(' ')) add(key, { isRequired: true });
  for (const key of NUMBERS.split(' ')) add(key, { isNumber: true });
  return rules;
})();
