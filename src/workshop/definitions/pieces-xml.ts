/**
 * What definitions in XML are drawn from: for each place alternatives, a line each. Source: "Domain XML format" of libvirt's documentation, and what the checks of
 * src/conf/domain_validate.c, domain_postparse.c and src/qemu/qemu_validate.c (libvirt 9.0) look at together.
 */
import { DEVICE_PIECES } from './pieces-devices.ts';

const PIECES = `
uuid
 -
 <uuid>nonsense</uuid>
 <uuid>4dea22b31d52d8f32516782e98ab3fa0</uuid>
memory
 <memory>65536</memory>
 <memory unit='MB'>64</memory>
 <memory unit='KiB'>65537</memory>
 <memory unit='G'>1</memory>
 <memory unit='MiB'>0</memory>
 <memory unit='parsec'>64</memory>
 <memory unit='MiB'>64.5</memory>
 -
 <currentMemory unit='MiB'>64</currentMemory>
 <memory unit='MiB'>64</memory><currentMemory unit='MiB'>32</currentMemory>
 <memory unit='MiB'>64</memory><currentMemory unit='MiB'>128</currentMemory>
 <memory unit='MiB' dumpCore='off'>64</memory>
 <maxMemory slots='4' unit='MiB'>256</maxMemory><memory unit='MiB'>64</memory>
 <maxMemory unit='MiB'>256</maxMemory><memory unit='MiB'>64</memory>
vcpu
 -
 <vcpu>2</vcpu>
 <vcpu current='1'>2</vcpu>
 <vcpu current='3'>2</vcpu>
 <vcpu placement='static' cpuset='0'>1</vcpu>
 <vcpu placement='auto'>1</vcpu>
 <vcpu cpuset='0-1,^1'>2</vcpu>
 <vcpu>0</vcpu>
 <vcpu>two</vcpu>
 <vcpu>2</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='no' hotpluggable='yes'/></vcpus>
 <vcpu>2</vcpu><vcpus><vcpu id='0' enabled='no' hotpluggable='yes'/><vcpu id='1' enabled='yes'/></vcpus>
 <vcpu>1</vcpu><vcpus><vcpu id='1' enabled='yes'/></vcpus>
 <vcpu>2</vcpu><vcpus><vcpu id='0'/></vcpus>
head
 <title>One
two</title>
 <title>A title</title><description>Words</description>
 <description>A &lt;description&gt;</description>
 <genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>
 <genid/>
 <metadata><a:b xmlns:a='urn:a'>text</a:b></metadata>
 <iothreads>2</iothreads>
 <iothreads>2</iothreads><iothreadids><iothread id='4'/></iothreadids>
 <iothreads>1</iothreads><iothreadids><iothread id='4'/><iothread id='5'/></iothreadids>
 <iothreadids><iothread id='0'/></iothreadids>
tune
 <cputune><shares>512</shares></cputune>
 <cputune><shares>1</shares></cputune>
 <cputune><period>1000</period><quota>-1</quota></cputune>
 <cputune><period>100</period></cputune>
 <cputune><vcpupin vcpu='0' cpuset='0'/></cputune>
 <cputune><vcpupin vcpu='7' cpuset='0'/></cputune>
 <cputune><vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='0' cpuset='1'/></cputune>
 <cputune><emulatorpin cpuset='0'/></cputune>
 <cputune><iothreadpin iothread='1' cpuset='0'/></cputune>
 <cputune><vcpusched vcpus='0' scheduler='fifo' priority='1'/></cputune>
 <cputune><vcpusched vcpus='0' scheduler='fifo' priority='1'/><vcpusched vcpus='0' scheduler='rr' priority='1'/></cputune>
 <cputune><vcpusched vcpus='0' scheduler='batch' priority='1'/></cputune>
 <numatune><memory mode='strict' nodeset='0'/></numatune>
 <numatune><memnode cellid='0' mode='strict' nodeset='0'/></numatune>
 <numatune><memory mode='strict'/></numatune>
 <numatune><memory mode='strict' placement='auto'/></numatune>
 <blkiotune><weight>500</weight></blkiotune>
 <blkiotune><device><path>/dev/sda</path><weight>500</weight></device><device><path>/dev/sda</path><weight>600</weight></device></blkiotune>
 <memtune><hard_limit unit='MiB'>128</hard_limit></memtune>
 <memtune><hard_limit unit='MiB'>64</hard_limit><soft_limit unit='MiB'>128</soft_limit></memtune>
 <memoryBacking><nosharepages/></memoryBacking>
 <memoryBacking><locked/></memoryBacking>
 <memoryBacking><hugepages/></memoryBacking>
 <memoryBacking><hugepages><page size='2' unit='MiB' nodeset='0'/></hugepages></memoryBacking>
 <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
 <memoryBacking><source type='anonymous'/><hugepages/></memoryBacking>
 <memoryBacking><allocation mode='immediate'/></memoryBacking>
 <resource><partition>/machine</partition></resource>
 <resource><partition>machine</partition></resource>
 <seclabel type='none'/>
 <seclabel type='dynamic' model='dac' relabel='yes'/>
 <seclabel type='static' model='dac'/>
 <seclabel type='none'/><seclabel type='none'/>
 <sysinfo type='smbios'><system><entry name='manufacturer'>Fedora</entry></system></sysinfo>
 <sysinfo type='smbios'><system><entry name='uuid'>11111111-2222-3333-4444-555555555555</entry></system></sysinfo>
 <sysinfo type='fwcfg'><entry name='opt/com.example/name'>text</entry></sysinfo>
 <sysinfo type='fwcfg'><entry name='name'>text</entry></sysinfo>
 <launchSecurity type='sev'><policy>0x0001</policy></launchSecurity>
machine
 <type>hvm</type>
 <type arch='x86_64'>hvm</type>
 <type machine='pc'>hvm</type>
 <type arch='i686' machine='pc'>hvm</type>
 <type arch='aarch64' machine='virt'>hvm</type>
 <type arch='x86_64' machine='q35'>hvm</type>
 <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
 <type arch='x86_64' machine='pc-i440fx-2.9'>hvm</type>
 <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
 <type arch='x86_64' machine='pc-q35-9.9'>hvm</type>
 <type arch='x86_64' machine='isapc'>hvm</type>
 <type arch='x86_64' machine='microvm'>hvm</type>
 <type arch='x86_64' machine='none'>hvm</type>
 <type arch='x86_64' machine='nonsense'>hvm</type>
 <type arch='x86_64' machine='xenfv'>hvm</type>
 <type arch='x86_64' machine='pc'>xen</type>
 <type arch='x86_64' machine='pc'>linux</type>
 <type arch='x86_64' machine='pc'>nonsense</type>
 -
os
 <boot dev='hd'/>
 <boot dev='cdrom'/><boot dev='hd'/>
 <boot dev='network'/>
 <boot dev='hd'/><boot dev='hd'/>
 <boot dev='floppy'/>
 <bootmenu enable='yes'/>
 <bootmenu enable='yes' timeout='3000'/>
 <bootmenu enable='yes' timeout='70000'/>
 <bootmenu enable='no'/>
 <bios useserial='yes' rebootTimeout='0'/>
 <bios rebootTimeout='-2'/>
 <smbios mode='sysinfo'/>
 <smbios mode='host'/>
 <smbios mode='emulate'/>
 <loader readonly='yes' type='rom'>/usr/share/seabios/bios.bin</loader>
 <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
 <loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
 <loader type='rom'/>
 <nvram>/var/lib/libvirt/qemu/nvram/v.fd</nvram>
 <loader readonly='yes' type='rom'>/usr/share/seabios/bios.bin</loader><nvram>/a.fd</nvram>
 <kernel>/vmlinuz</kernel><initrd>/initrd</initrd><cmdline>console=ttyS0</cmdline>
 <initrd>/initrd</initrd>
 <cmdline>console=ttyS0</cmdline>
 <kernel>/vmlinuz</kernel><boot dev='hd'/>
 <dtb>/a.dtb</dtb>
 <acpi><table type='slic'>/slic.dat</table></acpi>
 <init>/sbin/init</init>
features
 <acpi/>
 <acpi/><apic/><pae/>
 <apic eoi='on'/>
 <pae/><pae/>
 <hap/>
 <hap state='off'/>
 <viridian/>
 <privnet/>
 <hyperv><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='8191'/></hyperv>
 <hyperv><spinlocks state='on' retries='100'/></hyperv>
 <hyperv><spinlocks state='on'/></hyperv>
 <hyperv><vendor_id state='on' value='KVM Hv'/></hyperv>
 <hyperv><vendor_id state='on' value='much too long for it'/></hyperv>
 <hyperv><stimer state='on'/></hyperv>
 <hyperv><vpindex state='on'/><synic state='on'/><stimer state='on'/></hyperv>
 <hyperv mode='passthrough'/>
 <hyperv mode='passthrough'><relaxed state='on'/></hyperv>
 <hyperv/>
 <kvm><hidden state='on'/></kvm>
 <kvm><nonsense state='on'/></kvm>
 <kvm><dirty-ring state='on' size='4096'/></kvm>
 <kvm><dirty-ring state='on' size='100'/></kvm>
 <kvm><poll-control state='on'/></kvm>
 <xen><e820_host state='on'/></xen>
 <pvspinlock state='on'/>
 <pmu state='off'/>
 <vmport state='off'/>
 <smm state='on'/>
 <ioapic driver='qemu'/>
 <vmcoreinfo/>
 <gic version='3'/>
 <hpt resizing='enabled'/>
 <htm state='on'/>
 <nested-hv state='on'/>
 <ccf-assist state='on'/>
 <msrs unknown='ignore'/>
 <capabilities policy='default'/>
 <cfpc value='workaround'/>
 <ibs value='workaround'/>
 <tcg><tb-cache unit='MiB'>128</tb-cache></tcg>
 <async-teardown enabled='yes'/>
 <nonsense/>
cpu
 <cpu/>
 <cpu><feature policy='optional' name='vmx'/></cpu>
 <cpu><feature name='nonsense'/></cpu>
 <cpu><model>qemu64</model><feature name='nonsense'/></cpu>
 <cpu><model>qemu64</model><feature policy='require' name='hypervisor'/></cpu>
 <cpu><model>qemu64</model><feature policy='disable' name='svm'/><feature policy='require' name='svm'/></cpu>
 <cpu><model>Nonsense</model></cpu>
 <cpu><model>qemu64</model></cpu>
 <cpu match='strict'/>
 <cpu match='minimum'><model>qemu64</model></cpu>
 <cpu match='exact'><model fallback='forbid'>Nehalem</model></cpu>
 <cpu mode='custom' match='exact'><model>Nehalem</model><vendor>Intel</vendor></cpu>
 <cpu mode='custom'><vendor>Intel</vendor></cpu>
 <cpu mode='custom'/>
 <cpu mode='custom' match='exact'/>
 <cpu mode='custom' match='exact' check='none'><model fallback='allow' vendor_id='GenuineIntel'>qemu64</model></cpu>
 <cpu mode='custom'><model vendor_id='short'>qemu64</model></cpu>
 <cpu mode='host-passthrough'/>
 <cpu mode='host-passthrough' migratable='off'/>
 <cpu mode='host-passthrough' check='none'><feature policy='disable' name='vmx'/></cpu>
 <cpu mode='host-passthrough'><model>qemu64</model></cpu>
 <cpu mode='host-model'/>
 <cpu mode='host-model'><model fallback='forbid'/></cpu>
 <cpu mode='host-model' migratable='on'/>
 <cpu mode='host-model' check='partial'><feature policy='disable' name='x2apic'/></cpu>
 <cpu mode='maximum'/>
 <cpu mode='maximum'><feature policy='disable' name='x2apic'/></cpu>
 <cpu migratable='on'><model>qemu64</model></cpu>
 <cpu><topology sockets='1' cores='1' threads='1'/></cpu>
 <cpu><topology sockets='2' cores='2' threads='1'/></cpu>
 <cpu><topology sockets='1' cores='2'/></cpu>
 <cpu><topology sockets='1' dies='1' cores='1' threads='0'/></cpu>
 <cpu mode='host-passthrough'><topology sockets='1' dies='1' cores='1' threads='1'/></cpu>
 <cpu><numa><cell id='0' cpus='0' memory='65536'/></numa></cpu>
 <cpu><numa><cell id='0' cpus='0-3' memory='65536'/></numa></cpu>
 <cpu><numa><cell id='0' cpus='0' memory='32768'/></numa></cpu>
 <cpu><numa><cell id='1' cpus='0' memory='65536'/></numa></cpu>
 <cpu><numa><cell id='0' memory='65536'/></numa></cpu>
 <cpu mode='host-passthrough'><cache mode='passthrough'/></cpu>
 <cpu mode='host-passthrough'><cache level='3' mode='passthrough'/></cpu>
 <cpu mode='host-passthrough'><cache level='3' mode='emulate'/></cpu>
 <cpu><model>qemu64</model><cache mode='passthrough'/></cpu>
 <cpu><model>qemu64</model><cache level='3' mode='emulate'/></cpu>
 <cpu><model>qemu64</model><cache level='2' mode='emulate'/></cpu>
 <cpu mode='host-passthrough'><maxphysaddr mode='emulate' bits='42'/></cpu>
 <cpu mode='host-passthrough'><maxphysaddr mode='passthrough' bits='42'/></cpu>
 <cpu mode='host-passthrough'><maxphysaddr mode='emulate'/></cpu>
 <cpu><maxphysaddr mode='passthrough'/></cpu>
clock
 <clock offset='utc'/>
 <clock offset='localtime'/>
 <clock offset='timezone' timezone='Europe/Berlin'/>
 <clock offset='timezone'/>
 <clock offset='variable' adjustment='3600' basis='utc'/>
 <clock offset='variable' adjustment='3600' basis='localtime'/>
 <clock offset='variable'/>
 <clock offset='absolute' start='1000'/>
 <clock offset='absolute'/>
 <clock offset='utc' adjustment='reset'/>
 <clock/>
 <clock offset='utc'><timer name='hpet' present='no'/></clock>
 <clock offset='utc'><timer name='hpet' present='no'/><timer name='hpet' present='yes'/></clock>
 <clock offset='utc'><timer name='pit' tickpolicy='delay'/><timer name='rtc' tickpolicy='catchup'/></clock>
 <clock offset='utc'><timer name='pit' tickpolicy='merge'/></clock>
 <clock offset='utc'><timer name='rtc' tickpolicy='merge'/></clock>
 <clock offset='utc'><timer name='rtc' track='guest'/></clock>
 <clock offset='utc'><timer name='tsc' mode='native' frequency='1000000000'/></clock>
 <clock offset='utc'><timer name='kvmclock' present='no'/></clock>
 <clock offset='utc'><timer name='hypervclock' present='yes'/></clock>
 <clock offset='utc'><timer name='platform'/></clock>
 <clock offset='utc'><timer name='armvtimer' tickpolicy='delay'/></clock>
 <clock offset='utc'><timer name='hpet' tickpolicy='catchup'/></clock>
events
 <on_poweroff>destroy</on_poweroff>
 <on_poweroff>preserve</on_poweroff>
 <on_poweroff>restart</on_poweroff>
 <on_reboot>destroy</on_reboot>
 <on_reboot>preserve</on_reboot>
 <on_reboot>rename-restart</on_reboot>
 <on_crash>coredump-destroy</on_crash>
 <on_crash>rename-restart</on_crash>
 <on_crash>preserve</on_crash>
 <on_poweroff>restart</on_poweroff><on_reboot>destroy</on_reboot>
 <on_poweroff>coredump-destroy</on_poweroff>
 <on_lockfailure>pause</on_lockfailure>
 <pm><suspend-to-mem enabled='yes'/><suspend-to-disk enabled='no'/></pm>
 <perf><event name='cmt' enabled='yes'/></perf>
${DEVICE_PIECES}`;

/** A place in a document. */
export type Slot =
  | 'uuid'
  | 'memory'
  | 'vcpu'
  | 'head'
  | 'tune'
  | 'machine'
  | 'os'
  | 'features'
  | 'cpu'
  | 'clock'
  | 'events'
  | Device;
/** Of these a document may have several. */
type Device = 'disk' | 'card' | 'line' | 'screen' | 'device';
export const DEVICES: readonly Slot[] = ['disk', 'card', 'line', 'screen', 'device'];

export interface Piece {
  slot: Slot;
  text: string;
}

/** All alternatives. - is nothing in the place of what is there else; a line that begins with no blank belongs to the one before. */
export const XML_PIECES: readonly Piece[] = (() => {
  const pieces: Piece[] = [];
  let slot: Slot | undefined;
  for (const line of PIECES.trim().split('\n'))
    if (line.startsWith(' ')) pieces.push({ slot: slot!, text: line === ' -' ? '' : line.slice(1) });
    else if (/^[a-z]+$/.test(line)) slot = line as Slot;
    else pieces.at(-1)!.text += `\n${line}`;
  return pieces;
})();
