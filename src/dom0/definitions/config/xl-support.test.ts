/**
 * Each key of xl.cfg, and each option of a card and a disk, is done, told to be other or nothing here, or keeps a domain from starting: the table says which.
 * What promises secrecy, isolation or durability is never told alone. Source: xl.cfg(5), xl-disk-configuration(5), xl-network-configuration(5) of Xen 4.17.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { KEYS } from './keys.ts';
import { verdicts } from './keys/verdicts-part.ts';
import { isError, isFault, judgeDefinition } from './judge-definition.ts';
import { parseVif } from './vif.ts';
import { parseDisk } from './disk.ts';
import type { OptionRemark } from './options.ts';

const SUPPORT = {
  done: `
    tags name type uuid kvm memory maxmem vcpus maxvcpus vcpu_avail cpus cpus_soft cpu_weight cap disk fda fdb cdrom firmware_override kernel ramdisk
    cmdline root extra boot boot_devices bios_path_override bootloader bootloader_args bootargs bootentry vif restart on_poweroff on_reboot on_crash
    replicate ha nx hap hpet mmio_hole vncpasswd vncpasswd_until spicepasswd viridian device_model_stubdomain_override vfb vmtrace_buf_kb`,
  told: `
    builder nomigrate virtio oos altp2mhvm suppress_spurious_page_faults altp2m shadow_memory tdp period budget extratime latency slice vnuma hdtype
    firmware bios loader on_watchdog on_soft_reset acpi apic ioapic serial parallel snapshot vga stdvga videoram sdl nographic keymap usb usbdevice
    usbversion opengl soundhw xen_platform_pci acpi_firmware smbios_firmware smbios ms_vm_genid acpi_s3 acpi_s4 acpi_laptop_slate vnc vnclisten vncdisplay
    vncunused usbctrl pae tsc_mode timer_mode localtime rtc_timeoffset cpuid spice spicedisable_ticketing spiceagent_mouse spicevdagent
    spice_clipboard_sharing spicehost spice_image_compression spice_streaming_video spiceport spiceusbredirection display xauthority nestedhvm
    device_model_version device_model_override device_model device_model_args device_model_args_hvm device_model_args_pv stubdomain_kernel
    stubdomain_cmdline stubdomain_ramdisk stubdomain_memory max_grant_frames max_maptrack_frames max_grant_version event_channels max_event_channels p9
    channel vkb vdispl pvcalls vsnd vkb_device vendor_device driver_domain xend_suspend_evtchn_compat rdm pci_permissive pci_msitranslate pci_seize
    pci_power_mgmt rdm_mem_boundary e820_host pvh pvshim_path pvshim_cmdline pvshim_extra vpmu msr_relaxed xenstore_quota assisted_xapic assisted_x2apic
    vuart gic_version tee llc_colors sve device_tree arm_sci nr_spis force_assign_without_iommu mca_caps description monitor vhpt on_xend_start
    on_xend_stop features guest_os_type cpu vncconsole vncviewer access_control irq blkif netif tpmif change_home_server superpages vpt_align isa
    s3_integrity vscsi vusb dhcp netmask gateway hostname ip nfs_server nfs_root interface`,
};
/** Keys with a value that asks for something, and what libxl says of it: none where it says nothing of its own. */
const REFUSED: Record<string, [value: string, said?: string]> = {
  seclabel: ['"user_1:vm_r:domU_t"', 'XSM Disabled: init_seclabel not supported'],
  init_seclabel: ['"user_1:vm_r:domU_t"', 'XSM Disabled: init_seclabel not supported'],
  device_model_stubdomain_seclabel: ['"user_1:vm_r:dm_t"', 'XSM Disabled: init_seclabel not supported'],
  pool: ['"Pool-1"', 'Illegal pool specified: Pool-1'],
  usbdev: ['[ "hostbus=1,hostaddr=2" ]', "USB device doesn't exist in sysfs"],
  spicetls_port: ['5901'],
  device_model_user: ['"nobody"\ndevice_model_stubdomain_override = 0'],
  dm_restrict: ['1\ndevice_model_stubdomain_override = 0'],
  vtpm: ['[ "backend=domTpm" ]', 'unable to add vtpm devices'],
  pci: ['[ "03:00.0" ]', 'passthrough not supported on this platform'],
  dtdev: ['[ "/soc/rng@7e104000" ]', 'passthrough not supported on this platform'],
  gfx_passthru: ['1', 'passthrough not supported on this platform'],
  passthrough: ['"enabled"', 'passthrough not supported on this platform'],
  irqs: ['[ 7 ]', 'failed give domain access to irq'],
  ioports: ['[ "2f8-2ff" ]', 'failed give domain access to ioports'],
  iomem: ['[ "0xfebf0,1" ]', 'failed give domain access to iomem range'],
  pvshim: ['1'],
};
/** Of these, values with which nothing is asked for. */
const NOTHING: Record<string, string> = {
  seclabel: '""',
  pool: '"Pool-0"',
  pci: '[ ]',
  passthrough: '"disabled"',
  gfx_passthru: '0',
  vtpm: '[ ]',
  pvshim: '0',
  dm_restrict: '1',
  spicetls_port: '0',
};
const words = (text: string): string[] => text.trim().split(/\s+/);

beforeAll(verdicts.load);

it('has a row for each key, and none for another', () => {
  const rows = [...words(SUPPORT.done), ...words(SUPPORT.told), ...Object.keys(REFUSED)];
  // What replication brings is there where it was loaded.
  expect([...new Set([...rows, ...Object.keys(KEYS)])].filter(key => !rows.includes(key))).toEqual([]);
  expect(rows.filter(key => !Object.hasOwn(KEYS, key))).toEqual([]);
  expect(rows.length).toBe(new Set(rows).size);
  expect(words(SUPPORT.done).filter(key => KEYS[key].verdict !== 'used')).toEqual([]);
  expect(words(SUPPORT.told).filter(key => KEYS[key].verdict === 'used')).toEqual([]);
});

describe('no domain starts, and one may be defined, with', () => {
  const judge = (key: string, value: string) =>
    judgeDefinition('a.cfg', `name = "a"\ntype = "hvm"\nmemory = 8\nkernel = "/k"\n${key} = ${value}\n`).findings;

  it.each(Object.entries(REFUSED))('%s', (key, [value, said]) => {
    const findings = judge(key, value);
    expect(findings.filter(isFault)).toEqual([]);
    const wrong = findings.filter(isError);
    expect(wrong.map(each => [each.key, each.line])).toEqual([[key, 5]]);
    expect(wrong[0].text).toContain(`Take ${key} out.`);
    expect(wrong[0].libxl?.said.join() ?? '').toContain(said ?? '');
    expect(wrong[0].libxl === undefined).toBe(said === undefined);
  });

  it.each(Object.entries(NOTHING))('%s = %s: it does', (key, value) => {
    expect(judge(key, value).filter(isError)).toEqual([]);
  });
});

describe('each option of', () => {
  const groups = (remarks: readonly OptionRemark[]): Record<string, string> =>
    Object.fromEntries(remarks.map(({ name, verdict, refusesStart }) => [name, refusesStart ? 'refused' : verdict]));

  it('a card', () => {
    const { remarks } = parseVif(
      'mac=00:16:3e:00:00:01,model=e1000,type=ioemu,bridge=br7,network=n,gatewaydev=eth0,netdev=eth0,vifname=v,script=vif-nat,' +
        'ip=10.0.2.9,backend=net,rate=1MB/s,devid=1,mtu=9000,vlan=7,trusted,untrusted,accel=1,forwarddev=f,colo_sock_id=1',
    );
    expect(groups(remarks)).toEqual({
      mac: 'used',
      model: 'used',
      type: 'used',
      bridge: 'approximated',
      network: 'approximated',
      gatewaydev: 'ignored',
      netdev: 'ignored',
      vifname: 'ignored',
      script: 'refused',
      ip: 'ignored',
      backend: 'refused',
      rate: 'used',
      devid: 'ignored',
      mtu: 'ignored',
      vlan: 'refused',
      trusted: 'used',
      untrusted: 'refused',
      accel: 'ignored',
      forwarddev: 'refused',
      colo_sock_id: 'refused',
    });
  });

  it('a disk', () => {
    const remarks: OptionRemark[] = [];
    parseDisk(
      'vdev=hda,format=raw,access=ro,devtype=disk,backend=store,backendtype=qdisk,script=block-own,specification=xen,discard,no-discard,direct-io-safe,' +
        'colo,colo-host=h,active-disk=a,hidden-disk=h,target=/d.img',
      remarks,
    );
    expect(groups(remarks)).toEqual({
      vdev: 'used',
      format: 'used',
      access: 'used',
      devtype: 'used',
      backend: 'refused',
      backendtype: 'ignored',
      // Its target is no file, and that is refused.
      script: 'ignored',
      specification: 'ignored',
      discard: 'used',
      'no-discard': 'approximated',
      'direct-io-safe': 'ignored',
      colo: 'refused',
      'colo-host': 'refused',
      'active-disk': 'refused',
      'hidden-disk': 'refused',
      target: 'used',
    });
  });
});
