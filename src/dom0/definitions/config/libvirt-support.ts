/**
 * What becomes of each element and attribute of libvirt's domain XML here. Nested as the schema is; a mark is before each name, and a test goes through the
 * whole schema, so that none is forgotten:
 *   +  it is done, or says what there is in any case: the document of what runs has it
 *   k  the same of a guest of KVM alone, x of a guest of Xen alone; of the other it is as -
 *   -  it is not done, and its finding says so: the document of what runs does not have it
 *   .  as -, without a finding: where a device lies, say, is the host's choice
 *   !  it is about secrecy, isolation or what lies on disks, and not done: such a domain does not start (xml/refusals.ts has the words)
 * With * behind it a name represents all that is in it. Names of one mark are joined by |; attributes follow their element.
 */
const SUPPORT = `
+domain +id|type
 !blkiotune*|launchSecurity*|memtune*|numatune*|seclabel*
 +bootloader|bootloader_args|description|metadata*|name|on_crash|on_poweroff|on_reboot|title|uuid
 -capabilities*|commandline*|datacenterpath|defaultiothread*|deprecation*|genid|idmap*|iothreadids*|iothreads|keywrap*|maxMemory*|memoryBacking*|namespace*|on_lockfailure
 -override*|perf*|pm*|resource*|sysinfo*|vcpus*
 +clock +offset .adjustment|basis|start|timezone
  .timer*
 .cpu .check|match|migratable|mode
  .cache*|feature*|maxphysaddr*|numa*|topology*|vendor*
  !model*
 +cputune
  !cachetune*|memorytune*
  +shares
  xperiod|quota
  -emulator_period|emulator_quota|emulatorpin*|emulatorsched*|global_period|global_quota|iothread_period|iothread_quota|iothreadpin*|iothreadsched*|vcpusched*
  +vcpupin +cpuset|vcpu
 +currentMemory|memory +unit -dumpCore
 +vcpu +cpuset|current|placement
 +features
  +acpi|pae|viridian
  +apic -eoi
  +hap +state
  -privnet|capabilities*|ccf-assist*|htm*|nested-hv*|pmu*|pvspinlock*|vmcoreinfo*|vmport*|cfpc*|sbbc*|gic*|hpt*|hyperv*|ibs*|ioapic*|kvm*|msrs*|smm*|tcg*|xen*
 +os -firmware
  +boot +dev
  +cmdline|initrd|kernel
  +type +arch|machine
  !firmware*
  !loader*
  -acpi*|bios*|bootmenu*|dtb|init|initarg|initdir|initenv*|initgroup|inituser|nvram*|root|smbios*
 +devices
  !hostdev*|lease*|tpm*
  .controller*|emulator|input*
  -audio*|hub*|iommu*|memory*|nvram*|panic*|parallel*|redirdev*|redirfilter*|shmem*|smartcard*|sound*|vsock*|watchdog*
  kchannel +type -tty
   .address*
   +alias +name
   -log*|protocol*
   +source +mode|path -append|channel|host|master|service|slave|tls
    -clipboard*|mouse*|reconnect*|seclabel*
   +target +name|port|state|type -address
  +console +type .tty
   .acpi*|address*
   +alias +name
   -log*|protocol*|source*
   +target +port|type
    -model*
  +disk +device|type -model|rawio|sgio .snapshot
   .acpi*|address*|backingStore*|mirror*|privateData
   !auth*|encryption*|iotune*|transient*
   +alias +name
   -backenddomain*|blockio*|geometry*|product|serial|vendor|wwn
   +boot +order -loadparm
   +driver +discard|name|type -ats|cache|copy_on_read|detect_zeroes|error_policy|event_idx|io|ioeventfd|iommu|iothread|packed|page_per_vq|queue_size|queues|rerror_policy
    -metadata_cache*
   +readonly|shareable
   +source +dev|file|name|protocol !tls -dir|fdgroup|managed|mode|namespace|path|pool|query|startupPolicy|tlsHostname|type|volume .index
    !auth*|encryption*|reservations*|slices*
    -address*|config*|cookies*|identity*|initiator*|readahead*|reconnect*|seclabel*|snapshot*|ssl*|timeout*
    .privateData
    +host +name|port|transport -socket
   +target +bus|dev .tray -removable|rotation_rate
  kfilesystem +accessmode|type -dmode|fmode|model|multidevs
   .acpi*|address*
   +alias +name
   -binary*|boot*|space_hard_limit*|space_soft_limit*
   +driver +type -ats|format|iommu|packed|page_per_vq|queue|wrpolicy
   +readonly
   +source +dir -dev|file|name|socket|units|usage
   +target +dir
  +graphics +autoport|connected|listen|passwd|passwdValidTo|port|type !defaultMode|tlsPort -display|fullscreen|keymap|multiUser|p2p|powerControl|replaceUser|sharePolicy|socket|websocket|xauth .address
   !channel*
   -audio*|clipboard*|filetransfer*|gl*|image*|jpeg*|zlib*|mouse*|playback*|streaming*
   +listen +address|network|type -socket
  +interface +type -managed|trustGuestRxFilters
   .acpi*|address*|guest*|rom*
   +alias +name
   !filterref*|port*|vlan*
   klink +state
   -backenddomain*|backend*|coalesce*|downscript*|script*|driver*|ip*|mtu*|portForward*|route*|teaming*|tune*|virtualport*
   +bandwidth .classID
    !inbound*
    +outbound +average !burst|floor|peak
   +boot +order -loadparm
   +mac +address .check|type
   +model +type
   +source +bridge|network -address|connectionid|dev|macTableManager|missing|mode|name|path|port|portgroup|portid|switchid|type .portgroupid
    -address*|ip*|local*|product*|vendor*|reconnect*|route*
   +target +dev .managed
  kmemballoon +autodeflate|freePageReporting|model
   .acpi*|address*
   +alias +name
   -driver*
   +stats +period
  krng +model
   .acpi*|address*
   +alias +name
   -driver*|rate*
   +backend +model -type
    -log*|protocol*|source*
  +serial +type .tty
   .acpi*|address*
   +alias +name
   -log*|protocol*|source*
   +target +port|type
    -model*
  +video
   .acpi*|address*
   +alias +name
   -driver*
   +model +type .heads|primary|ram|vgamem|vram|vram64
    -acceleration*|resolution*
`;

export type Mark = '+' | '-' | '.' | '!' | 'k' | 'x';

export interface Support {
  mark: Mark;
  /** What is said of it is said of all that is in it. */
  isWhole: boolean;
  attributes: ReadonlyMap<string, Mark>;
  elements: ReadonlyMap<string, Support>;
}

type Growing = Support & { elements: Map<string, Support> };

const marked = (word: string): { mark: Mark; names: string[] } => ({
  mark: word[0] as Mark,
  names: word.slice(1).split('|'),
});

/** <domain> and all in it. */
export const SUPPORTED: Support = (() => {
  const root: Growing = { mark: '+', isWhole: false, attributes: new Map(), elements: new Map() };
  const open: Growing[][] = [[root]];
  for (const line of SUPPORT.trim().split('\n')) {
    const depth = line.length - line.trimStart().length;
    const [element, ...attributes] = line.trim().split(' ').map(marked);
    const its = new Map(attributes.flatMap(({ mark, names }) => names.map(name => [name, mark] as const)));
    const made = element.names.map((name): Growing => {
      const of: Growing = { mark: element.mark, isWhole: name.endsWith('*'), attributes: its, elements: new Map() };
      for (const parent of open[depth]) parent.elements.set(name.replace('*', ''), of);
      return of;
    });
    open.length = depth + 1;
    open.push(made);
  }
  return root.elements.get('domain')!;
})();

/** Whether a mark says that it is done for such a guest. */
export const isDone = (mark: Mark | undefined, own: 'k' | 'x'): boolean => mark === '+' || mark === own;
