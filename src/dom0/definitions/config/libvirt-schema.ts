/**
 * libvirt's domain XML: its elements, as deep as they are indented, and their attributes, from its schema (domaincommon.rng of libvirt 9). Names with | between
 * them are elements of one shape. Behind a name: ! libvirt wants it; ^ there is at most one; # it is a whole number from 0 on, + from 1 on, ~ also below 0 (of an
 * element: its text); = its closed set of words, @ and a name for one of those below; ? libvirt goes on with another word, where what it is about is not looked
 * at. What is refused was tried with `virsh -c test:///default define`.
 */
const SCHEMA = `
domain id type=bhyve,hvf,hyperv,kqemu,kvm,lxc,openvz,phyp,qemu,test,uml,vbox,vmware,vz,xen
 blkiotune
  device
   path|read_bytes_sec|read_iops_sec|weight|write_bytes_sec|write_iops_sec
  weight
 bootloader|bootloader_args|datacenterpath|description|genid|metadata|name|on_crash|on_lockfailure|on_poweroff|on_reboot|title|uuid
 iothreads#
 capabilities
  add|del capability
 clock adjustment basis=localtime,utc offset=absolute,localtime,timezone,utc,variable start timezone
  timer frequency# mode=auto,emulate,native,paravirt,smpsafe name!=armvtimer,hpet,hypervclock,kvmclock,pit,platform,rtc,tsc present=@yesno tickpolicy=catchup,delay,discard,merge track=boot,guest,realtime,wall
   catchup limit# slew# threshold#
 commandline
  arg value
  env name value
 cpu check=full,none,partial match=exact,minimum,strict migratable=@onoff mode=custom,host-model,host-passthrough,maximum
  cache level=1,2,3 mode=disable,emulate,passthrough
  feature name! policy=disable,forbid,force,optional,require
  maxphysaddr bits mode=emulate,passthrough
  model fallback=allow,forbid vendor_id
  numa
   cell cpus discard=@yesno id memAccess=private,shared memory!# unit
    cache associativity=direct,full,none level policy=none,writeback,writethrough
     line|size unit value
    distances
     sibling id value
   interconnects
    bandwidth cache initiator target type=access,read,write unit value
    latency cache initiator target type=access,read,write value
  topology cores!+ dies+ sockets!+ threads!+
  vendor
 cputune
  cachetune id vcpus
   cache id level size type=both,code,data unit
   monitor level vcpus
  iothread_quota~
  emulator_quota~
  global_quota~
  quota~
  iothread_period#
  emulator_period#
  global_period#
  period#
  shares#
  emulatorpin^ cpuset!
  emulatorsched priority scheduler=batch,fifo,idle,rr
  iothreadpin cpuset iothread
  iothreadsched iothreads priority scheduler=batch,fifo,idle,rr
  memorytune vcpus
   monitor vcpus
   node bandwidth id
  vcpupin cpuset! vcpu!#
  vcpusched priority# scheduler=batch,fifo,idle,rr vcpus
 currentMemory unit
 defaultiothread thread_pool_max# thread_pool_min#
 deprecation behavior
 devices
  audio driver?=alsa,arts,esd,pulseaudio dspPolicy exclusive?=@yesno id!+ path serverName timerPeriod tryMMap?=@yesno type!=alsa,coreaudio,dbus,file,jack,none,oss,pulseaudio,sdl,spice
   input|output bufferCount bufferLength clientName connectPorts dev exactName?=@yesno fixedSettings=@yesno latency mixingEngine=@yesno name serverName streamName tryPoll?=@yesno voices
    settings channels format=f32,s16,s32,s8,u16,u32,u8 frequency
  channel type=@backends
   &address
   alias name
   log append=@onoff file
   protocol type?=@protocols
   &backend
   target! address name port state?=connected,disconnected type!=guestfwd,virtio,xen
  console tty type=@backends
   acpi index
   &address
   alias name
   log append=@onoff file
   protocol type?=@protocols
   &backend
   target port# type=@ports
    model name?=@uarts
  controller index# maxEventChannels maxGrantFrames# model=am53c974,auto,buslogic,dc390,dmi-to-pci-bridge,ehci,ibmvscsi,ich6,ich9-ehci1,ich9-uhci1,ich9-uhci2,ich9-uhci3,lsilogic,lsisas1068,lsisas1078,ncr53c90,nec-xhci,none,pci-bridge,pci-expander-bus,pci-ohci,pci-root,pcie-expander-bus,pcie-root,pcie-root-port,pcie-switch-downstream-port,pcie-switch-upstream-port,pcie-to-pci-bridge,piix3,piix3-uhci,piix4,piix4-uhci,qemu-xhci,qusb1,qusb2,virtio,virtio-non-transitional,virtio-scsi,virtio-transitional,vmpvscsi,vt82c686b-uhci ports# type=ccid,fdc,ide,isa,pci,sata,scsi,usb,virtio-serial,xenbus vectors#
   acpi index
   &address
   alias name
   driver ats=@onoff cmd_per_lun ioeventfd=@onoff iommu=@onoff iothread max_sectors packed=@onoff page_per_vq=@onoff queues
   master startport
   model name?=i82801b11-bridge,ioh3420,pci-bridge,pcie-pci-bridge,pcie-root-port,pxb,pxb-pcie,spapr-pci-host-bridge,x3130-upstream,xio3130-downstream
   pcihole64 unit
   target busNr chassis chassisNr hotplug?=@onoff index port
    node
  disk device=cdrom,disk,floppy,lun model=@virtio rawio=@yesno sgio=filtered,unfiltered snapshot=external,internal,manual,no type=block,dir,file,network,nvme,vhostuser,volume
   acpi index+
   &address
   alias|backenddomain name
   auth username!
    secret! type=ceph,iscsi usage uuid
   backingStore index type=block,dir,file,network,nvme,vhostuser,volume
    backingStore index type
     format type
      metadata_cache
     &layer
    format type!=bochs,cloop,cow,dir,dmg,fat,iso,luks,ploop,qcow,qcow2,qed,raw,vdi,vhd,vmdk,vpc
     &metadata-cache
    &image
   blockio logical_block_size# physical_block_size
   boot loadparm order!#
   driver ats=@onoff cache=default,directsync,none,unsafe,writeback,writethrough copy_on_read=@onoff detect_zeroes=off,on,unmap discard=ignore,unmap error_policy=enospace,ignore,report,stop event_idx=@onoff io=io_uring,native,threads ioeventfd=@onoff iommu=@onoff iothread+ name packed=@onoff page_per_vq=@onoff queue_size# queues# rerror_policy=ignore,report,stop type=aio,bochs,cloop,cow,dir,dmg,fat,iso,luks,ploop,qcow,qcow2,qed,raw,vdi,vhd,vmdk,vpc
    &metadata-cache
   &encryption-known
   geometry cyls# heads# secs# trans=auto,lba,none
   iotune
    group_name|read_bytes_sec#|read_bytes_sec_max#|read_bytes_sec_max_length#|read_iops_sec#|read_iops_sec_max#|read_iops_sec_max_length#|size_iops_sec#|total_bytes_sec#|total_bytes_sec_max#|total_bytes_sec_max_length#|total_iops_sec#|total_iops_sec_max#|total_iops_sec_max_length#|write_bytes_sec#|write_bytes_sec_max#|write_bytes_sec_max_length#|write_iops_sec#|write_iops_sec_max#|write_iops_sec_max_length#
   mirror file format job ready type
    backingStore index type
     backingStore index type
      format type
      source dev dir fdgroup file index managed mode name namespace path pool protocol query startupPolicy tls tlsHostname type volume
     format type
      metadata_cache
     &layer
    format type
     &metadata-cache
    &image
   privateData|product|readonly|serial|shareable|vendor|wwn
   source dev dir fdgroup file index managed?=@yesno mode?=direct,host name namespace path pool protocol?=ftp,ftps,gluster,http,https,iscsi,nbd,nfs,rbd,sheepdog,tftp,vxhs query startupPolicy=mandatory,optional,requisite tls?=@yesno tlsHostname type?=pci,unix volume
    address bus domain function multifunction?=@onoff slot
    auth username!
     secret! type=ceph,iscsi usage uuid
    config file
    &cookies
    &encryption-known
    host name port socket transport?=rdma,tcp,unix
    identity group user
    &initiator
    privateData
    readahead size
    reconnect enabled?=@yesno timeout
    reservations managed
     source mode path type
      reconnect enabled timeout
    &label
    slices
     slice offset size type?=storage
    snapshot name
    ssl verify?=@yesno
    timeout seconds
   target bus=fdc,ide,sata,scsi,sd,uml,usb,virtio,xen dev removable=@onoff rotation_rate tray=closed,open
   transient shareBacking=@yesno
  emulator
  filesystem accessmode=mapped,passthrough,squash dmode fmode model=@virtio multidevs=default,forbid,remap,warn type=bind,block,file,mount,ram,template
   acpi index
   &address
   alias name
   binary path xattr?=@onoff
    cache mode?=always,none
    lock flock?=@onoff posix?=@onoff
    sandbox mode?=chroot,namespace
    thread_pool size
   boot loadparm order
   driver ats=@onoff format=bochs,cloop,cow,dir,dmg,fat,iso,luks,ploop,qcow,qcow2,qed,raw,vdi,vhd,vmdk,vpc iommu=@onoff packed=@onoff page_per_vq=@onoff queue type=handle,loop,nbd,path,ploop,virtiofs wrpolicy=immediate
   readonly
   source! dev dir file name socket units usage
   space_hard_limit|space_soft_limit unit
   target! dir
  graphics address autoport=@yesno connected?=disconnect,fail,keep defaultMode?=any,insecure,secure display fullscreen?=@yesno keymap listen multiUser?=@yesno p2p?=@yesno passwd passwdValidTo port~ powerControl=@yesno replaceUser?=@yesno sharePolicy=allow-exclusive,force-shared,ignore socket tlsPort~ type!=dbus,desktop,egl-headless,rdp,sdl,spice,vnc websocket~ xauth
   audio id
   channel mode?=any,insecure,secure name?=cursor,display,inputs,main,playback,record,smartcard,usbredir
   clipboard copypaste?=@yesno
   filetransfer enable?=@yesno
   gl enable?=@yesno rendernode
   image compression?=auto_glz,auto_lz,glz,lz,off,quic
   jpeg|zlib compression?=always,auto,never
   listen address network socket type!=address,network,none,socket
   mouse mode?=client,server
   playback compression?=@onoff
   streaming mode?=all,filter,off
  hostdev display?=@onoff managed?=@yesno mode=capabilities,subsystem model=vfio-ap,vfio-ccw,vfio-pci,virtio,virtio-non-transitional,virtio-transitional ramfb?=@onoff rawio=@yesno sgio=filtered,unfiltered type!=mdev,misc,net,pci,scsi,scsi_host,storage,usb
   acpi index+
   &address
   alias name
   boot loadparm order!#
   driver name?=kvm,vfio,xen
   ip address family peer prefix
   readonly|shareable
   rom bar=@onoff enabled=@yesno file
   route address family gateway metric netmask prefix
   source! guestReset=off,on,uninitialized name protocol?=adapter,iscsi,vhost startupPolicy=mandatory,optional,requisite writeFiltering?=@yesno wwpn
    adapter managed?=@yesno name parent parent_fabric_wwn parent_wwnn parent_wwpn type?=fc_host,scsi_host wwnn wwpn
     parentaddr unique_id
      address bus domain function multifunction?=@onoff slot
    address bus# device# domain# function# multifunction=@onoff slot# target# unit# uuid
    auth username
     secret type?=ceph,iscsi usage uuid
    block|char|interface
    host name port
    &initiator
    product id!#
    vendor id!#
   teaming persistent type=persistent,transient
  hub type!=usb
   &address
   alias name
  input bus=ps2,usb,virtio,xen model=@virtio type!=evdev,keyboard,mouse,passthrough,tablet
   acpi index
   &address
   alias name
   driver ats=@onoff iommu=@onoff packed=@onoff page_per_vq=@onoff
   source dev evdev grab?=all grabToggle?=alt-alt,ctrl-ctrl,ctrl-scrolllock,meta-meta,scrolllock,shift-shift repeat?=@onoff
  interface managed?=@yesno trustGuestRxFilters=@yesno type=bridge,client,direct,ethernet,hostdev,internal,mcast,network,null,server,udp,user,vdpa,vds,vhostuser
   acpi index+
   &address
   alias|backenddomain name
   backend logFile tap type=passt vhost
   bandwidth classID
    outbound^ average# burst# floor# peak#
    inbound^ average# burst# floor# peak#
   boot loadparm order!#
   coalesce
    rx
     frames max#
   downscript|script path
   driver ats=@onoff event_idx?=@onoff ioeventfd?=@onoff iommu=@onoff name?=kvm,qemu,vfio,vhost,xen packed=@onoff page_per_vq=@onoff queues rss?=@onoff rss_hash_report?=@onoff rx_queue_size tx_queue_size txmode?=iothread,timer
    guest csum?=@onoff ecn?=@onoff tso4?=@onoff tso6?=@onoff ufo?=@onoff
    host csum?=@onoff ecn?=@onoff gso?=@onoff mrg_rxbuf?=@onoff tso4?=@onoff tso6?=@onoff ufo?=@onoff
   filterref filter
    parameter name value
   guest actual dev
   ip address! family peer prefix#
   link state=down,up
   mac address check=@yesno type=generated,static
   model type
   mtu size#
   port isolated=@yesno
   portForward address dev proto=tcp,udp
    range end exclude=@yesno start to
   rom bar=@onoff enabled=@yesno file
   route address! family gateway! metric+ netmask prefix#
   source address bridge connectionid dev macTableManager?=kernel,libvirt missing?=@yesno mode name network path port~ portgroup portgroupid portid switchid type?=unix
    address bus device domain function multifunction?=@onoff slot type?=pci,usb
    ip address family peer prefix
    local address port
    product|vendor id
    reconnect enabled?=@yesno timeout
    route address family gateway metric netmask prefix
   target dev managed=@yesno
   teaming persistent type=persistent,transient
   tune
    sndbuf#
   virtualport type!=802.1Qbg,802.1Qbh,midonet,openvswitch
    parameters instanceid interfaceid managerid profileid typeid typeidversion
   vlan trunk?=yes
    tag! id!# nativeMode=tagged,untagged
  iommu^ model!=intel,smmuv3,virtio
   acpi index
   &address
   alias name
   driver aw_bits caching_mode=@onoff eim=@onoff intremap=@onoff iotlb=@onoff
  lease
   lockspace
   key!
   target! offset path
  memballoon^ autodeflate=@onoff freePageReporting=@onoff model!=none,virtio,virtio-non-transitional,virtio-transitional,xen
   acpi index
   &address
   alias name
   driver ats=@onoff iommu=@onoff packed=@onoff page_per_vq=@onoff
   stats period
  memory access=private,shared discard=@yesno model!=dimm,nvdimm,sgx-epc,virtio-mem,virtio-pmem
   acpi index
   &address
   alias name
   source
    alignsize|pagesize unit
    nodemask|path|pmem
   target!
    block|current|requested unit
    size! unit
    label
     size unit
    node|readonly
   uuid
  nvram^
   &address
  panic^ model=hyperv,isa,pseries,s390
   &address
   alias name
  parallel tty type=@backends
   acpi index
   &address
   alias name
   log append=@onoff file
   protocol type?=@protocols
   &backend
   target port type?=@ports
    model name?=@uarts
  redirdev bus=usb type!=@backends
   &address
   alias name
   boot loadparm order!#
   log append=@onoff file
   protocol type=@protocols
   source append=@onoff channel host master mode path service slave tls=@yesno
    clipboard copypaste=@yesno
    mouse mode=client,server
    reconnect enabled=@yesno timeout
    seclabel labelskip=yes model relabel=@yesno
     label
  redirfilter
   usbdev allow!=@yesno class~ product~ vendor~ version
  rng model!=@virtio
   acpi index
   &address
   alias name
   backend!^ model=builtin,egd,random type?=@backends
    log append?=@onoff file
    protocol type?=@protocols
    &backend-unread
   driver ats=@onoff iommu=@onoff packed=@onoff page_per_vq=@onoff
   rate bytes# period
  serial tty type=@backends
   acpi index
   &address
   alias name
   log append=@onoff file
   protocol type?=@protocols
   &backend
   target port# type=@ports
    model name=@uarts
  shmem name! role?=master,peer
   acpi index
   &address
   alias name
   model type=ivshmem,ivshmem-doorbell,ivshmem-plain
   msi ioeventfd=@onoff vectors
   server path
   size unit
  smartcard mode!=host,host-certificates,passthrough type?=@backends
   acpi index
   &address
   certificate|database
   log append?=@onoff file
   protocol type?=@protocols
   &backend-unread
   target port type?=@ports
    model name?=@uarts
  sound model!=ac97,es1370,ich6,ich7,ich9,pcspk,sb16,usb
   acpi index
   &address
   alias name
   audio id
   codec type=duplex,micro,output
  tpm model=spapr-tpm-proxy,tpm-crb,tpm-spapr,tpm-tis
   &address
   alias name
   backend!^ persistent_state?=@yesno type!=emulator,external,passthrough version?=1.2,2.0
    active_pcr_banks
     sha1|sha256|sha384|sha512
    device path
    encryption secret
    source mode?=connect path type?=unix
  video
   acpi index
   &address
   alias name
   driver ats=@onoff iommu=@onoff name=qemu,vhostuser packed=@onoff page_per_vq=@onoff vgaconf?=io,off,on
   model heads# primary?=@yesno ram# type=bochs,cirrus,gop,none,qxl,ramfb,vbox,vga,virtio,vmvga,xen vgamem vram# vram64
    acceleration accel2d=@yesno accel3d=@yesno rendernode
    resolution x y
  vsock^ model=@virtio
   acpi index
   &address
   alias name
   cid address# auto=@yesno
   driver ats=@onoff iommu=@onoff packed=@onoff page_per_vq=@onoff
  watchdog^ action=dump,inject-nmi,none,pause,poweroff,reset,shutdown model!=diag288,i6300esb,ib700
   acpi index
   &address
   alias name
 features
  acpi|pae|privnet|viridian
  apic eoi=@onoff
  capabilities policy=allow,default,deny
   audit_control|audit_write|block_suspend|chown|dac_read_search|fowner|fsetid|ipc_lock|ipc_owner|kill|lease|linux_immutable|mac_admin|mknod|net_admin|net_bind_service|net_broadcast|net_raw|setfcap|setgid|setpcap|setuid|sys_admin|sys_boot|sys_chroot|sys_module|sys_nice|sys_pacct|sys_ptrace|sys_rawio|sys_resource|sys_time|sys_tty_config|syslog|wake_alarm state=@onoff
   dac_override|mac_override state
  ccf-assist|hap|htm|nested-hv|pmu|pvspinlock|vmcoreinfo|vmport state=@onoff
  cfpc|sbbc value=broken,fixed,workaround
  gic version=2,3,host
  hpt resizing=disabled,enabled,required
   maxpagesize unit
  hyperv mode=custom,passthrough
   avic|evmcs|frequencies|ipi|reenlightenment|relaxed|reset|runtime|synic|tlbflush|vapic|vpindex state=@onoff
   spinlocks retries# state=@onoff
   stimer state=@onoff
    direct state=@onoff
   vendor_id state=@onoff value
  ibs value=broken,fixed-ccd,fixed-ibs,fixed-na,workaround
  ioapic driver=kvm,qemu
  kvm
   dirty-ring size state=@onoff
   pv-ipi state!=@onoff
   poll-control state!=@onoff
   hint-dedicated state!=@onoff
   hidden state!=@onoff
  msrs unknown!=fault,ignore
  smm state=@onoff
   tseg# unit
  tcg
   tb-cache unit
  xen
   e820_host state=@onoff
   passthrough mode=share_pt,sync_pt state=@onoff
 idmap
  gid count!# start!# target!#
  uid count!# start!# target!#
 iothreadids
  iothread id!+ thread_pool_max thread_pool_min
 keywrap
  cipher name=aes,dea state=@onoff
 launchSecurity kernelHashes=@yesno type!=s390-pv,sev
  cbitpos|dhCert|handle|policy|reducedPhysBits|session
 maxMemory slots# unit
 memory dumpCore=@onoff unit
 memoryBacking
  access mode=private,shared
  allocation mode=immediate,ondemand threads
  discard|locked|nosharepages
  hugepages
   page nodeset size!# unit
  source type=anonymous,file,memfd
 memtune
  min_guarantee# unit
  swap_hard_limit# unit
  soft_limit# unit
  hard_limit# unit
 namespace
  shareipc|sharenet|shareuts type value
 numatune
  memnode cellid mode=interleave,preferred,restrictive,strict nodeset
  memory mode=interleave,preferred,restrictive,strict nodeset placement=auto,static
 os firmware=bios,efi
  acpi
   table type!=slic
  bios rebootTimeout~ useserial?=@yesno
  boot dev!=cdrom,fd,hd,network
  bootmenu enable=@yesno timeout#
  cmdline|dtb|init|initarg|initdir|initgroup|initrd|inituser|kernel|root
  firmware
   feature enabled?=@yesno name?=enrolled-keys,secure-boot
  initenv name
  loader readonly=@yesno secure=@yesno stateless=@yesno type=pflash,rom
  nvram template type=block,dir,file,network,nvme,vhostuser,volume
   source dev dir fdgroup file index managed=@yesno mode=direct,host name namespace path pool protocol=ftp,ftps,gluster,http,https,iscsi,nbd,nfs,rbd,sheepdog,tftp,vxhs query startupPolicy=mandatory,optional,requisite tls=@yesno tlsHostname type=pci,unix volume
    address bus domain function multifunction slot
    &auth
    config file
    &cookies
    &encryption
    host name port socket transport
    identity group user
    &initiator
    privateData
    readahead size
    reconnect enabled timeout
    reservations managed
     source mode path type
      reconnect enabled timeout
    &label-unread
    &slices
    snapshot name
    ssl verify
    timeout seconds
  smbios mode=emulate,host,sysinfo
  type arch=aarch64,alpha,armv6l,armv7l,cris,i686,ia64,lm32,m68k,microblaze,microblazeel,mips,mips64,mips64el,mipsel,openrisc,parisc,parisc64,ppc,ppc64,ppc64le,ppcemb,riscv32,riscv64,s390,s390x,sh4,sh4eb,sparc,sparc64,unicore32,x86_64,xtensa,xtensaeb machine
 override
  device alias
   frontend
    property name type value
 perf
  event enabled!=@yesno name=alignment_faults,branch_instructions,branch_misses,bus_cycles,cache_misses,cache_references,cmt,context_switches,cpu_clock,cpu_cycles,cpu_migrations,emulation_faults,instructions,mbml,mbmt,page_faults,page_faults_maj,page_faults_min,ref_cpu_cycles,stalled_cycles_backend,stalled_cycles_frontend,task_clock
 pm
  suspend-to-disk|suspend-to-mem enabled=@yesno
 resource
  fibrechannel appid
  partition
 seclabel model relabel=@yesno type=dynamic,none,static
  baselabel|imagelabel|label
 sysinfo type!=fwcfg,smbios
  baseBoard
   entry name=asset,location,manufacturer,product,serial,version
  bios
   entry name?=date,release,vendor,version
  chassis
   entry name=asset,manufacturer,serial,sku,version
  entry file name
  oemStrings
   entry
  system
   entry name?=family,manufacturer,product,serial,sku,uuid,version
 vcpu cpuset current# placement=auto,static
 vcpus
  vcpu enabled=@yesno hotpluggable=@yesno id!# order
`;

/** Elements that occur in several places, as the schema has them by names (<define>): below, & and the name represent one. */
const PATTERNS = `
&address
 address base bus# controller# cssid devno domain# function# iobase irq multifunction=@onoff port reg# slot# ssid target# type!=@addresses unit#
  zpci fid uid
&auth
 auth username
  secret type usage uuid
&backend
 source append?=@onoff channel host master mode=bind,client,connect,server path service slave tls?=@yesno
  clipboard copypaste?=@yesno
  mouse mode?=client,server
  reconnect enabled?=@yesno timeout
  &label
&backend-unread
 source append?=@onoff channel host master mode path service slave tls?=@yesno
  clipboard copypaste?=@yesno
  mouse mode?=client,server
  reconnect enabled?=@yesno timeout
  seclabel labelskip?=yes model relabel?=@yesno
   label
&cookies
 cookies
  cookie name
&encryption
 encryption engine format
  cipher hash mode name size
  ivgen hash name
  secret type usage uuid
&encryption-known
 encryption engine=librbd,qemu format=default,luks,luks2,qcow
  cipher hash mode name size
  ivgen hash name
  secret type=passphrase usage uuid
&image
 source dev dir fdgroup file index managed mode name namespace path pool protocol query startupPolicy tls tlsHostname type volume
  address bus domain function multifunction slot
  &auth
  config file
  &cookies
  &encryption
  host name port socket transport
  identity group user
  &initiator
  privateData
  readahead size
  reconnect enabled timeout
  reservations managed
   source mode path type
  &label-unread
  &slices
  snapshot name
  ssl verify
  timeout seconds
&initiator
 initiator
  iqn name
&label
 seclabel labelskip?=yes model relabel=@yesno
  label
&label-unread
 seclabel labelskip model relabel
  label
&layer
 source dev dir fdgroup file index managed mode name namespace path pool protocol query startupPolicy tls tlsHostname type volume
  address bus domain function multifunction slot
  auth username
  config file
  cookies|initiator|privateData|slices
  encryption engine format
  host name port socket transport
  identity group user
  readahead size
  reconnect enabled timeout
  reservations managed
  seclabel labelskip model relabel
  snapshot name
  ssl verify
  timeout seconds
&metadata-cache
 metadata_cache
  max_size unit
&slices
 slices
  slice offset size type
`;

/** Sets of words that several attributes have. */
const SETS: Readonly<Record<string, string>> = {
  addresses: 'ccid,ccw,dimm,drive,isa,pci,spapr-vio,unassigned,usb,virtio-mmio,virtio-serial',
  backends: 'dbus,dev,file,nmdm,null,pipe,pty,qemu-vdagent,spiceport,spicevmc,stdio,tcp,udp,unix,vc',
  onoff: 'off,on',
  ports:
    'isa-debug,isa-serial,lxc,openvz,pci-serial,sclp,sclp-serial,sclplm,serial,spapr-vio-serial,system-serial,uml,usb-serial,virtio,xen',
  protocols: 'raw,telnet,telnets,tls',
  uarts: '16550a,isa-debugcon,isa-serial,pci-serial,pl011,sclpconsole,sclplmconsole,spapr-vty,usb-serial',
  virtio: 'virtio,virtio-non-transitional,virtio-transitional',
  yesno: 'no,yes',
};

/** What libvirt asks of an attribute, or of an element's text. */
export interface ValueRule {
  words?: readonly string[];
  /** Another word is let pass. */
  isLoose?: true;
  isRequired?: true;
  /** A whole number, from this one on. */
  from?: number;
}

/** An element of the schema. */
export interface ElementRule {
  attributes: ReadonlyMap<string, ValueRule>;
  elements: ReadonlyMap<string, ElementRule>;
  text: ValueRule;
  /** Of its parent. */
  isOnly: boolean;
}

type Growing = ElementRule & { elements: Map<string, ElementRule> };

const LEAST: Record<string, number> = { '#': 0, '+': 1, '~': -Infinity };

/** One name of the schema, with what it represents. */
function named(text: string): [name: string, rule: ValueRule, flags: string] {
  const [, name, flags, set] = /^([^!^#+~?=]+)([!^#+~?]*)(?:=(.*))?$/.exec(text)!;
  const words = set?.startsWith('@') ? SETS[set.slice(1)] : set;
  const kind = /[#+~]/.exec(flags)?.[0];
  const rule: ValueRule = {
    ...(words === undefined ? {} : { words: words.split(',') }),
    ...(flags.includes('?') ? { isLoose: true } : {}),
    ...(flags.includes('!') ? { isRequired: true } : {}),
    ...(kind === undefined ? {} : { from: LEAST[kind] }),
  };
  return [name, rule, flags];
}

/** Lines with each & replaced by what it represents. */
function expanded(lines: readonly string[], patterns: ReadonlyMap<string, readonly string[]>): string[] {
  return lines.flatMap(line => {
    const [, indent, name] = /^( *)&(.+)$/.exec(line) ?? [];
    return name === undefined ? [line] : expanded(patterns.get(name)!, patterns).map(each => indent + each);
  });
}

/** <domain> and all in it. */
export const DOMAIN: ElementRule = (() => {
  const make = (text: ValueRule, isOnly: boolean, attributes: readonly string[]): Growing => ({
    attributes: new Map(attributes.map(each => named(each).slice(0, 2) as [string, ValueRule])),
    elements: new Map(),
    text,
    isOnly,
  });
  const root = make({}, true, []);
  /** The elements of the lines above, by their depths. */
  const open = [[root]];
  const patterns = new Map(
    PATTERNS.trim()
      .slice(1)
      .split('\n&')
      .map(pattern => {
        const [name, ...lines] = pattern.split('\n');
        return [name, lines.map(line => line.slice(1))] as const;
      }),
  );
  for (const line of expanded(SCHEMA.trim().split('\n'), patterns)) {
    const [names, ...attributes] = line.trim().split(' ');
    const depth = line.length - line.trimStart().length;
    const rules = names.split('|').map(each => {
      const [name, text, flags] = named(each);
      const rule = make(text, flags.includes('^'), attributes);
      for (const parent of open[depth]) parent.elements.set(name, rule);
      return rule;
    });
    open.length = depth + 1;
    open.push(rules);
  }
  return root.elements.get('domain')!;
})();

/** The element at a path of names from <domain>; undefined: libvirt has none. */
export const ruleAt = (...path: string[]): ElementRule | undefined =>
  path.reduce<ElementRule | undefined>((rule, name) => rule?.elements.get(name), DOMAIN);
