/** Why Ringside says something else than libvirt's QEMU driver or xl of a definition, where it means to: the first that fits counts. */

/** What fits a disagreement's kind, what was said, or a piece of the definition; and why it is so. */
export type Explained = readonly [which: RegExp, why: string];

export const EXPLAINED_XML: readonly Explained[] = [
  [
    /^verdict: refused at the start only/,
    'refused when it is to start: it may be kept, for another host (docs/libvirt.md)',
  ],
  [
    /^verdict: refused here\n.*(?:vda to vdh|no vdev|one card, and none for PV|a disk is a file here)/,
    'not built here, and refused by name: more than eight disks of virtio, a bus of Xen or UML, NVMe, <disk type=volume>, a PV card',
  ],
  [
    /^verdict: refused here\n.*(?:another channel is called|another folder has the tag)/,
    'QEMU refuses it as it starts: two ports of one name, two folders of one tag',
  ],
  [
    /domain\/devices\/controller.*only theirs/,
    'no USB, SATA, SCSI or second PCI bus is built: their controllers are not here',
  ],
  [/domain\/devices\/controller: only here/, 'the IDE controller of the PIIX3 is on each PC'],
  [
    /\/address(?:@slot|: | @)|\/address@/,
    'addresses are those of the board here, which has a fixed slot for each kind of device',
  ],
  [
    /domain\/os\/type@machine: another/,
    'a board is given back as it was asked for; of one that runs it is pc-i440fx-7.2',
  ],
  [/domain\/os\/type@(?:arch|machine): only/, 'without arch= a guest has the processor that its kernel wants'],
  [/domain\/devices\/nonsense/, 'what is no element of libvirt’s is warned of, and kept as it was written'],
  [/domain\/os\/boot: only/, 'without <boot> CDs are tried behind disks, and that is written'],
  [/domain\/devices\/console/, 'each guest has the console of its first serial line, whatever was asked for'],
  [/domain\/cpu/, 'processors have no model here: the element is given back as it was asked for'],
  [
    /domain\/(?:features|genid|iothread|iothreadids|memoryBacking|memtune|numatune|blkiotune|seclabel|sysinfo|perf|pm|resource|cputune\/vcpusched|vcpu@|vcpus)/,
    'not done here: the definition keeps it as it was written',
  ],
  [/domain\/(?:clock|os\/(?:init|initrd|loader|nvram|bootmenu|bios|smbios))/, 'given back as it was asked for'],
  [
    /domain\/devices\/(?:emulator|audio|input|sound|watchdog|video|graphics|channel|rng|panic|hub|redirdev|smartcard|filesystem|tpm|shmem|memory|iommu|vsock|crypto|parallel|hostdev|lease|serial)/,
    'given back as it was asked for: of devices that are not built here no defaults are filled in',
  ],
  [
    /domain\/devices\/disk/,
    'a disk on a bus that is not here has the name of the drive that it is here; its format is written',
  ],
  [/domain\/devices\/interface\/model/, 'without a model the card is an AMD PCNet; an RTL8139 is not built'],
  [/domain\/devices\/interface/, 'cards of other kinds are on the host’s bridge, and one card is built'],
  [/domain\/devices\/memballoon/, 'the balloon of virtio is the only one; its other models are it'],
  [
    /domain\/(?:currentMemory|memory|maxMemory|uuid|cputune)/,
    'sizes are in whole MiB; what is not read is given back as it was written',
  ],
];

const DEFAULTS = "libxl's JSON leaves out what has its default; this one names it (xl list -l)";

export const EXPLAINED_XL: readonly Explained[] = [
  [
    /^verdict: refused at the start only/,
    'refused when it is to start: it may be kept, for another host (docs/xen.md)',
  ],
  [
    /^verdict: refused here\n/,
    'xl -N reads it, and libxl refuses it as it makes the domain, or goes on without what could not be read: reported at once here',
  ],
  [
    /^verdict: taken here, and reported\n/,
    'xm, which ran files as Python, took it: it is read so, with a warning that xl refuses it',
  ],
  [
    /vcpu hard affinity map is empty/,
    'how many processors a host has is known as a domain starts: there it is refused (src/dom0/definitions/judge-files.ts), and a definition may be for another host',
  ],
  [/cpus_soft = 'node:0'/, 'the library in the place of Xen has no topology'],
  [/^document: .*: (?:only here)/, DEFAULTS],
  [
    /theirs: config\/disks\/\d\/pdev_path = (?!\/).*\nours:.*= \/dev\//,
    'phy: with a path that does not begin with / is below /dev, as xend had it',
  ],
  [/config\/nics\/\d\/model: another/, 'a card that is not built is another, with a verdict'],
  [/config\/nics\/\d\/devid: another/, 'cards have the numbers of their places, with a verdict'],
  [/config\/on_reboot: another[^]*soft/, 'there is no soft reset: the guest restarts, with a verdict'],
  [/config\/b_info\/max_memkb: another[^]*vnuma/, 'there is one node, and memory is what memory says'],
  [/config\/b_info\/bootloader: another/, 'a boot loader is called by its name here, and has no path'],
  [
    /config\/(?:c_info\/uuid|b_info\/(?:claim_mode|arch_arm|arch_x86|type\.hvm\/(?:vga|vnc|sdl|spice|rdm|bios|usb|serial|boot))|on_soft_reset|vkbs|vfbs)/,
    'what libxl needs to build a domain, and this host does not: it is not among what is printed',
  ],
  [/^document: .*: only theirs/, 'a key that means nothing here is not among what is printed; its verdict says so'],
];
