import { describe, expect, it } from 'vitest';
import { cpuModelOf } from './definition.ts';
import { KEYS, nearest } from './keys.ts';
import { REFUSED_KEYS } from './keys/refusals.ts';
import { formatFinding, isError, judgeDefinition } from './judge-definition.ts';
import { writeXlConfig } from './write-xl.ts';

const good = 'name = "web1"\ntype = "hvm"\nkernel = "/boot/vmlinuz"\nmemory = 256\n';
const verdicts = (text: string): Record<string, string> =>
  Object.fromEntries(judgeDefinition('x.cfg', text).findings.map(f => [f.key, f.verdict]));
const errors = (text: string): string[] => judgeDefinition('x.cfg', text).findings.filter(isError).map(formatFinding);

describe('definitions (xl.cfg(5))', () => {
  it('reads what makes a guest', () => {
    const { definition, findings } = judgeDefinition(
      'web1.cfg',
      `${good}ramdisk="initrd.gz"\nroot="/dev/ram0"\nextra="console=ttyS0 quiet"\non_reboot="destroy"\n`,
    );
    expect(findings.filter(isError)).toEqual([]);
    expect(findings.every(f => f.verdict === 'used')).toBe(true);
    expect(definition).toEqual({
      name: 'web1',
      kind: 'hvm',
      memoryMiB: 256,
      vcpus: 1,
      kernel: '/boot/vmlinuz',
      ramdisk: 'initrd.gz',
      cmdline: 'root=/dev/ram0 console=ttyS0 quiet',
      disks: [],
      cards: [],
      bootOrder: 'cd',
      onPoweroff: 'destroy',
      onReboot: 'destroy',
      onCrash: 'destroy',
    });
  });

  it('puts RAM that a wide mmio_hole leaves no room for above 4 GiB, as xl does, which takes 256 to 3840 MiB', () => {
    const text = `${good.replace('256', '1536')}mmio_hole = 3072\n`;
    const { definition, findings } = judgeDefinition('x.cfg', text);
    expect(definition.mmioHoleMiB).toBe(3072);
    expect(findings.find(({ key }) => key === 'mmio_hole')).toMatchObject({
      verdict: 'used',
      text: '1024 MiB of RAM lie from 0 on, 512 MiB from 4 GiB on.',
    });
    expect(writeXlConfig(definition)).toContain('mmio_hole = 3072');
    for (const value of ['255', '3841']) expect(errors(`${good}mmio_hole = ${value}\n`)).toHaveLength(1);
    // xl reads it for HVM guests alone.
    expect(verdicts(text.replace('"hvm"', '"pvh"'))).toMatchObject({ mmio_hole: 'ignored' });
  });

  it('takes cmdline alone where root and extra stand beside it', () => {
    const text = `${good}cmdline="a"\nextra="b"\nroot="c"\n`;
    expect(judgeDefinition('x.cfg', text).definition.cmdline).toBe('a');
    expect(verdicts(text)).toMatchObject({ cmdline: 'used', extra: 'ignored', root: 'ignored' });
  });

  it('does not miss a kernel or a disk that a line names, though the line cannot be read', () => {
    const rest = good.replace('kernel = "/boot/vmlinuz"\n', '');
    expect(errors(rest)).toEqual([expect.stringContaining('neither a kernel nor a disk')]);
    for (const line of ['kernel = vmlinuz', 'Kernel = "vmlinuz"', 'kernel = "vmlinuz', "disk = [ 'a'"])
      expect(errors(`${line}\n${rest}`).join('\n'), line).not.toContain('neither');
  });

  it('says how to write a size', () => {
    expect(errors(good.replace('256', "'2G'"))).toEqual([
      "x.cfg:4:10: memory = '2G': xl takes MiB as a number. Write 2048.",
    ]);
    expect(errors(good.replace('256', '"512"'))).toEqual([]);
    expect(errors(good.replace('256', '0'))).toEqual(['x.cfg:4:10: memory = 0: a guest needs at least 1 MiB.']);
  });

  it('takes the three types, PV for none as xl does, and the old spellings', () => {
    const typeOf = (text: string): string => judgeDefinition('x.cfg', text).definition.kind;
    expect(['hvm', 'pvh', 'pv'].map(type => typeOf(good.replace('hvm', type)))).toEqual(['hvm', 'pvh', 'pv']);
    expect(['hvm', 'pvh', 'pv'].map(type => verdicts(good.replace('hvm', type)).type)).toEqual([
      'used',
      'used',
      'used',
    ]);
    expect([typeOf(good.replace('type = "hvm"\n', '')), errors(good.replace('type = "hvm"\n', ''))]).toEqual([
      'pv',
      [],
    ]);
    expect(errors(good.replace('"hvm"', '"hmv"'))[0]).toContain('Did you mean "hvm"?');
    expect(
      ['hvm', 'linux', 'generic'].map(builder => typeOf(good.replace('type = "hvm"', `builder = "${builder}"`))),
    ).toEqual(['hvm', 'pv', 'pv']);
    expect(verdicts(good.replace('type', 'builder')).builder).toBe('approximated');
    expect(errors(good.replace('type = "hvm"', 'builder = "x"'))[0]).toContain('the builders were');
  });

  it('says what PVH and PV guests have and do not have', () => {
    const text = `${good.replace('hvm', 'pvh')}disk = ['/d.img,raw,hda']\nvif = ['']\n`;
    expect(errors(text)).toEqual([]);
    expect(verdicts(text)).toMatchObject({ disk: 'approximated', vif: 'approximated', kernel: 'used' });
    expect(judgeDefinition('x.cfg', text).definition).toMatchObject({ disks: [{ vdev: 'hda', place: -1 }] });
    // Of cards it has paravirtual ones.
    expect(judgeDefinition('x.cfg', text).definition.cards).toEqual([{ pv: true }]);
    const cards = ['type=vif', ''].map(vif => judgeDefinition('x.cfg', `${good}vif = ['${vif}']\n`).definition);
    expect(cards.map(({ cards: [card] }) => [card!.model, card!.pv])).toEqual([
      [undefined, true],
      ['pcnet', true],
    ]);
    expect(errors('name = "x"\ntype = "pv"\nmemory = 64\ndisk = ["/d.img,raw,xvda"]\n')).toEqual([
      'x.cfg:2:1: A PV guest has no firmware that could boot a disk. Write kernel = "FILE", or bootloader = "pygrub" for one on its own disk; a PC that boots a disk is type = "hvm".',
    ]);
  });

  it('takes maxmem and uuid, and says what is wrong with them', () => {
    const uuid = '12345678-ABCD-ef01-2345-6789abcdef01';
    expect(judgeDefinition('x.cfg', `${good}maxmem = 512\nuuid = "${uuid}"\n`).definition).toMatchObject({
      maxMemoryMiB: 512,
      uuid: uuid.toLowerCase(),
    });
    expect(errors(`${good}maxmem = 128\n`)).toEqual([
      'x.cfg:5:10: maxmem = 128: memory is 256 MiB, and a guest cannot have more than maxmem. Write 256 or more.',
    ]);
    expect(errors(`${good}uuid = "1234"\n`)[0]).toContain('a UUID has 32 hexadecimal digits');
  });

  it('gives the processors that are asked for', () => {
    const finding = judgeDefinition('x.cfg', `${good}vcpus=4\n`).findings.find(f => f.key === 'vcpus')!;
    expect([finding.verdict, finding.short, finding.line, finding.column]).toEqual([
      'used',
      '4 take turns on the pCPUs',
      5,
      1,
    ]);
  });

  it('lists every error at once, with the nearest spelling', () => {
    expect(
      errors('nmae = "x"\ntype = "hvm"\nmemroy = 12\nkernel = ["a"]\nacpi="yes"\non_crash="destory"\nvif="x"\n'),
    ).toEqual([
      'x.cfg:1:1: The definition has no name. Write a line like name = "web1".',
      'x.cfg:4:10: kernel = […]: xl takes one string here, no list.',
      "x.cfg:5:6: acpi = 'yes': xl takes 0 or 1 here. Write 1.",
      `x.cfg:6:10: on_crash = 'destory': the actions are destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart and soft-reset. Did you mean "destroy"?`,
      "x.cfg:7:5: vif = 'x': xl takes a list here. Write [ 'x' ].",
    ]);
  });

  it('keeps the last of two settings and joins +=', () => {
    const { definition, findings } = judgeDefinition('x.cfg', `${good}memory = 64\nextra = "a"\nextra += " b"\n`);
    expect([definition.memoryMiB, definition.cmdline]).toEqual([64, 'a b']);
    expect(findings.find(f => f.line === 4)).toMatchObject({ verdict: 'ignored', short: 'set again on line 5' });
  });

  it('has a verdict and a short sentence for every key it knows', () => {
    for (const [key, rule] of Object.entries(KEYS)) {
      expect(rule.short.length, key).toBeLessThanOrEqual(48);
      expect(rule.text, key).toMatch(/[.]$/);
      const special: Record<string, string> = {
        uuid: '"12345678-abcd-ef01-2345-6789abcdef01"',
        maxmem: '256',
        cpus: '"0"',
        cpus_soft: '["0", "1"]',
        viridian: '["base"]',
        restart: '"always"',
        // Keys with a closed set of words.
        vga: '"qxl"',
        firmware: '"uefi"',
        bios: '"ovmf"',
        hdtype: '"ahci"',
        ms_vm_genid: '"none"',
        altp2m: '"mixed"',
        passthrough: '"share_pt"',
        gfx_passthru: '"igd"',
        vendor_device: '"xenserver"',
        device_model_version: '"qemu-xen"',
        tsc_mode: '"native"',
        timer_mode: '"one_missed_tick_pending"',
        vuart: '"sbsa_uart"',
        gic_version: '"v3"',
        tee: '"optee"',
        mmio_hole: '256',
        mca_caps: '["lmce"]',
        replicate: '"every=60,to=alfa"',
        spice_image_compression: '"glz"',
        spice_streaming_video: '"all"',
        vtpm: '["backend=0"]',
        vnuma: '[["pnode=0", "size=256", "vcpus=0"]]',
        p9: '["tag=a"]',
        vkb: '["backend=0"]',
        vdispl: '["backend=0"]',
        usbctrl: '["type=qusb"]',
        usbdev: '["hostbus=1"]',
        cpuid: '"host,nx=0"',
        tags: '["web"]',
        vncpasswd_until: '"2027-01-02T03:04:05"',
      };
      const value =
        special[key] ??
        (rule.type === 'list'
          ? "['/x,raw,hda']"
          : rule.type === 'action'
            ? '"destroy"'
            : rule.type === 'string' || rule.type === 'any' || rule.type === 'list or string'
              ? '"hvm"'
              : '1');
      const isRefused = REFUSED_KEYS.includes(key) && !['dm_restrict', 'device_model_user'].includes(key);
      expect(verdicts(`${good}${key} = ${value}`)[key], key).toMatch(
        isRefused ? /^error$/ : /^(used|approximated|ignored)$/,
      );
    }
  });

  it('covers the keys of the xl.cfg(5) table', () => {
    const documented =
      `name type builder uuid vcpus maxvcpus memory maxmem cpus cpus_soft cpu_weight cap pool on_poweroff on_reboot on_watchdog on_crash on_soft_reset kernel ramdisk
      cmdline root extra bootloader bootloader_args firmware bios disk vif vfb pci vtpm p9 usbctrl usbdev channel vkb vdispl vsnd virtio boot hdtype acpi apic pae nx acpi_s3 acpi_s4 hpet hap oos
      nestedhvm viridian tsc_mode timer_mode localtime rtc_timeoffset xen_platform_pci serial vga videoram vnc vnclisten vncdisplay vncunused vncpasswd sdl spice keymap nographic usb usbversion
      usbdevice soundhw device_model_version device_model_override device_model_args shadow_memory nomigrate driver_domain seclabel max_grant_frames max_maptrack_frames max_grant_version
      max_event_channels e820_host smbios_firmware acpi_firmware ms_vm_genid smbios cpuid pvshim`.split(/\s+/);
    expect(documented.filter(key => !Object.hasOwn(KEYS, key))).toEqual([]);
  });

  it('gives the processor 64-bit code by lm of cpuid, and hides what is 0, as libxl_cpuid.c names it', () => {
    const judged = (cpuid: string) => {
      const { findings, definition } = judgeDefinition('x.cfg', `name = "a"\nkernel = "/k"\ncpuid = ${cpuid}\n`);
      return [
        findings.find(({ key }) => key === 'cpuid')?.verdict,
        cpuModelOf(definition, false),
        /cpuid = "(.*)"/.exec(writeXlConfig(definition))?.[1],
      ];
    };
    expect(
      [
        '"host,lm=1"',
        '"host,lm=0"',
        '"host,nx=0,sse4.2=0x0,lm=1,nx=0"',
        '"host,avx=0,nx=x"',
        '"host,avx=1,smep=0"',
        '"host"',
        '[ "0:ecx=0" ]',
      ].map(judged),
    ).toEqual([
      ['used', 'x86-64-v2', 'host,lm=1'],
      ['used', 'max', 'host,lm=0'],
      ['used', 'x86-64-v2,-nx,-sse42', 'host,lm=1,nx=0,sse4_2=0'],
      ['used', undefined, undefined],
      ['approximated', 'max,-smep', 'host,smep=0'],
      ['used', undefined, undefined],
      ['ignored', undefined, undefined],
    ]);
    const { definition } = judgeDefinition('x.cfg', 'name = "a"\ntype = "hvm"\nkernel = "/k"\nnx = 0\n');
    expect(cpuModelOf(definition, true)).toBe('x86-64-v2,-nx');
  });

  it.each([
    ['nx=0', 'the first word must be "host"'],
    ['host,nx', '"nx" has no value. Write nx=0 or nx=1.'],
    ['host,lmm=1', '"lmm" is an unknown CPUID flag name. Did you mean "lm"?'],
    ['host,lm=yes', 'lm=yes is an illegal CPUID value'],
  ])('refuses cpuid = "%s" with what xl says', (cpuid, text) => {
    const { findings } = judgeDefinition('x.cfg', `name = "a"\nkernel = "/k"\ncpuid = "${cpuid}"\n`);
    expect(findings.filter(isError).map(finding => finding.text)).toEqual([expect.stringContaining(text)]);
  });

  it('looks over the loader of old definitions, as xl does', () => {
    const verdict = (loader: string) =>
      judgeDefinition('x.cfg', `name = "a"\nloader = "${loader}"\nmemory = 64\nkernel = "/k"\n`).findings.find(
        ({ key }) => key === 'loader',
      )?.verdict;
    expect([verdict('generic'), verdict('other')]).toEqual(['used', 'ignored']);
  });

  it('starts the image of firmware_override in an HVM guest; hvmloader itself means the firmware that is here, and others have none', () => {
    const judged = (type: string, lines: string) =>
      judgeDefinition('x.cfg', `name = "a"\ntype = "${type}"\nmemory = 64\n${lines}\n`);
    const own = judged('hvm', 'firmware_override = "/t/test-hvm32-example"\nkernel = "/k"\nramdisk = "/r"');
    expect([own.definition.kernel, own.definition.ramdisk]).toEqual(['/t/test-hvm32-example', undefined]);
    expect(own.findings.filter(f => f.line > 3).map(f => [f.key, f.verdict])).toEqual([
      ['firmware_override', 'used'],
      ['kernel', 'ignored'],
      ['ramdisk', 'ignored'],
    ]);
    expect(
      judged('hvm', 'firmware_override = "/usr/lib/xen/boot/hvmloader"\ndisk = [ "/d.img,raw,hda" ]').definition.kernel,
    ).toBeUndefined();
    const pvh = judged('pvh', 'firmware_override = "/f"\nkernel = "/k"');
    expect([pvh.definition.kernel, pvh.findings.find(f => f.key === 'firmware_override')?.verdict]).toEqual([
      '/k',
      'ignored',
    ]);
  });

  it('puts disks on the IDE channels, one verdict each, and says what becomes of writes', () => {
    const text = `name = "web1"\ntype = "hvm"\nmemory = 64\ndisk = [ 'file:/d.img,xvda,w',\n  '/x.iso,raw,hdc,cdrom', ]\nboot = "dcn"\nvif = [ 'bridge=br0,model=rtl8139' ]\n`;
    const { definition, findings } = judgeDefinition('x.cfg', text);
    expect(findings.filter(isError)).toEqual([]);
    expect(definition.disks.map(({ target, place, kind, readOnly }) => [target, place, kind, readOnly])).toEqual([
      ['/d.img', 0, 'disk', false],
      ['/x.iso', 2, 'cdrom', true],
    ]);
    expect([definition.bootOrder, definition.cards[0]!.model]).toEqual(['dcn', 'pcnet']);
    const said = findings.filter(f => f.line > 3).map(f => [f.line, f.column, f.key, f.verdict]);
    expect(said).toEqual([
      [4, 10, 'disk', 'approximated'],
      [5, 3, 'disk', 'used'],
      [5, 19, 'disk.cdrom', 'used'],
      [6, 1, 'boot', 'used'],
      [7, 9, 'vif', 'approximated'],
      [7, 10, 'vif.bridge', 'approximated'],
      [7, 21, 'vif.model', 'approximated'],
    ]);
    expect(findings.find(f => f.line === 4)!.text).toMatch(
      /kept in memory, and by a page in its storage; the file stays as it is.* xvda is an IDE disk/,
    );
    expect(findings.find(f => f.key === 'vif.model')!.text).toMatch(/rtl8139 is not built: the card is an AMD PCNet/);
    const ne2000 = judgeDefinition('x.cfg', text.replace('rtl8139', 'ne2k_pci'));
    expect([ne2000.definition.cards[0]!.model, ne2000.findings.find(f => f.key === 'vif.model')!.text]).toEqual([
      'ne2k_pci',
      'The card is a Realtek RTL8029AS (ne2k-pci).',
    ]);
  });

  it('puts floppy disks into drives A and B, boots from them, and writes them back', () => {
    const { definition, findings } = judgeDefinition(
      'x.cfg',
      `name = "dos"\ntype = "hvm"\nmemory = 16\nfda = "/dos.img"\nfdb = "file:/data.ima"\nboot = "adcn"\n`,
    );
    expect(findings.filter(isError)).toEqual([]);
    expect(definition.disks.map(({ target, vdev, place, kind }) => [target, vdev, place, kind])).toEqual([
      ['/dos.img', 'fda', 4, 'floppy'],
      ['/data.ima', 'fdb', 5, 'floppy'],
    ]);
    expect([definition.bootOrder, findings.find(({ key }) => key === 'boot')!.text]).toEqual([
      'adcn',
      'The firmware tries floppy drives, then CD-ROM drives, then disks, then the network.',
    ]);
    expect(writeXlConfig(definition)).toContain('fda = "/dos.img"\nfdb = "/data.ima"\n');
    expect(judgeDefinition('x.cfg', 'name = "p"\ntype = "pv"\nkernel = "/k"\nfda = "/f"\n').definition.disks).toEqual(
      [],
    );
  });

  it('takes a boot order that names a device again, and says that it is tried once; refuses one that names none', () => {
    const of = (order: string) =>
      judgeDefinition('x.cfg', `name = "a"\ntype = "hvm"\ndisk = [ '/a,raw,hda' ]\nboot = "${order}"\n`);
    const said = (order: string): string => of(order).findings.find(({ key }) => key === 'boot')!.text;
    expect([of('cc').definition.bootOrder, said('cc')]).toEqual([
      'c',
      'The firmware tries disks. No device is tried twice: ‘c’ counts where it comes first, as in "c".',
    ]);
    expect([of('cdcd').definition.bootOrder, of('cdcd').findings.filter(isError)]).toEqual(['cd', []]);
    expect(said('cdcd')).toContain('‘c’ and ‘d’ count where');
    expect(said('dex')).toBe(
      `boot = 'dex': the letters are c (disk), d (CD-ROM), a (floppy) and n (network). Letter 2 is ‘e’. Write for example "d".`,
    );
  });

  it('refuses disks that have no place, with the place in the text', () => {
    const of = (disk: string, more = ''): string[] => errors(`name = "a"\ntype = "hvm"\ndisk = [ ${disk} ]\n${more}`);
    expect(of(`'/a,raw,hda', '/b,raw,xvda'`)).toEqual([
      "x.cfg:3:24: disk = '/b,raw,xvda': xvda and hda of line 3 are the same drive. Write another of hda to hdd.",
    ]);
    expect(of(`'/a,raw,hdz'`)[0]).toContain('hdz has no number (xen-vbd-interface(7)).');
    expect(of(`'/a,qcow3,hda'`)[0]).toContain('‘qcow3’ is no format. Write raw.');
    expect(of(`'/a,raw,hda'`, 'boot="x"')).toEqual([
      expect.stringContaining("boot = 'x': the letters are c (disk), d (CD-ROM), a (floppy) and n (network)."),
    ]);
    expect(errors('name = "a"\ntype = "hvm"\n')).toEqual([expect.stringContaining('neither a kernel nor a disk')]);
  });

  it('takes the address of a card, and says of every option in its text what it comes to (xl-network-configuration(5))', () => {
    const of = (vif: string, type = 'hvm') =>
      judgeDefinition('x.cfg', `${good.replace('hvm', type)}vif = [ ${vif} ]\n`);
    expect(of(`'mac=00:16:3E:74:3d:76,model=pcnet'`).definition).toMatchObject({
      cards: [{ model: 'pcnet', mac: '00:16:3e:74:3d:76' }],
    });
    expect([of(`''`).definition.cards, of('').definition.cards]).toEqual([[{ model: 'pcnet', pv: true }], []]);
    const all =
      'type=ioemu,bridge=xenbr0,gatewaydev=eth0,vifname=v,script=vif-bridge,ip=10.0.0.1,backend=dom1,rate=1MB/s@20ms,devid=0,mtu=9000,vlan=10,trusted,accel=1';
    expect(
      of(`'${all}'`)
        .findings.filter(f => f.key.startsWith('vif.'))
        .map(f => [f.key.slice(4), f.verdict]),
    ).toEqual([
      ['type', 'used'],
      ['bridge', 'used'],
      ['gatewaydev', 'ignored'],
      ['vifname', 'ignored'],
      ['script', 'ignored'],
      ['ip', 'ignored'],
      ['backend', 'error'],
      ['rate', 'used'],
      ['devid', 'used'],
      ['mtu', 'ignored'],
      ['vlan', 'error'],
      ['trusted', 'used'],
      ['accel', 'ignored'],
    ]);
    const errorsOf = (vif: string, type?: string): string[] =>
      of(vif, type).findings.filter(isError).map(formatFinding);
    // xl says "unrecognized argument `brigde=xenbr0'" and goes on.
    expect(of(`'', 'model=pcnet, brigde=xenbr0'`).findings.find(f => f.warns)).toMatchObject({
      line: 5,
      column: 27,
      verdict: 'ignored',
      text: 'brigde is no option of a network card. Did you mean bridge? Nothing looks at it, as with xl.',
    });
    expect(errorsOf(`'mac=00:16:3e:1:2:3'`)[0]).toContain('x.cfg:5:10: ');
    for (const mac of [
      '00:16:3e:1:2:3',
      '00:16:3e:00:00:0g',
      '00163e000001',
      '',
      '01:16:3e:00:00:01',
      'ff:ff:ff:ff:ff:ff',
      '52:55:0a:00:02:02',
    ])
      expect(errorsOf(`'mac=${mac}'`), mac).toHaveLength(1);
    for (const text of [
      'type=e1000',
      'rate=fast',
      'mtu=big',
      'bridge',
      'trusted=1',
      'mac=00:16:3e:00:00:01,mac=00:16:3e:00:00:02',
    ])
      expect(errorsOf(`'${text}'`), text).toHaveLength(1);
    // The position of what stands behind an escape is that of the string.
    expect(errorsOf(String.raw`'vifname=\x41,type=x'`)[0]).toContain('x.cfg:5:9: ');
  });

  it('takes several cards, the later ones for PV drivers, and says which are left out', () => {
    const { definition, findings } = judgeDefinition(
      'x.cfg',
      `${good}vif = [ 'mac=00:16:3e:00:00:01', 'mac=00:16:3e:00:00:02,bridge=b', '' ]\n`,
    );
    expect(definition.cards).toEqual([
      { model: 'pcnet', pv: true, mac: '00:16:3e:00:00:01' },
      { pv: true, mac: '00:16:3e:00:00:02', options: { bridge: 'b' } },
      { pv: true },
    ]);
    expect(findings.filter(f => f.key === 'vif').map(f => [f.verdict, f.column])).toEqual([
      ['approximated', 9],
      ['approximated', 34],
      ['approximated', 68],
    ]);
    expect(findings.filter(f => f.key === 'vif')[1].text).toBe(
      'Card 2 is for PV drivers alone (xen-netfront), with the station address 00:16:3e:00:00:02, on the bridge xenbr0.',
    );
    expect(findings.filter(f => f.key.startsWith('vif.')).map(f => f.verdict)).toEqual([
      'used',
      'used',
      'approximated',
    ]);
    expect(writeXlConfig(definition)).toContain('"mac=00:16:3e:00:00:02,bridge=b,type=vif", "type=vif" ]');
    const many = judgeDefinition('x.cfg', `${good}vif = [ ${"'', ".repeat(8)}'mac=00:16:3e:00:00:09,bridge=b' ]\n`);
    expect(many.definition.cards).toHaveLength(8);
    expect(many.findings.filter(f => f.key === 'vif').at(-1)).toMatchObject({
      verdict: 'ignored',
      text: 'Card 9 (mac=00:16:3e:00:00:09,bridge=b) is left out: a guest has at most 8 cards.',
    });
    expect(many.findings.filter(f => f.key.startsWith('vif.')).map(f => f.verdict)).toEqual(['ignored', 'ignored']);
    const twins = judgeDefinition('x.cfg', `${good}vif = [ 'mac=00:16:3e:00:00:01', 'mac=00:16:3e:00:00:01' ]\n`);
    expect(twins.findings.filter(isError).map(f => f.text)).toEqual([
      "vif = 'mac=00:16:3e:00:00:01': an earlier card of the guest has the station address 00:16:3e:00:00:01.",
    ]);
  });

  it('gives each option of a disk a verdict', () => {
    const of = (disk: string) =>
      judgeDefinition('x.cfg', `name = "a"\ntype = "hvm"\ndisk = [ '${disk}' ]\n`)
        .findings.filter(f => f.key.startsWith('disk.'))
        .map(f => [f.key, f.verdict, f.column]);
    expect(of('/a,qcow2,hda,rw')).toEqual([]);
    expect(of('/a,vhd,hda,rw')).toEqual([['disk.format', 'ignored', 14]]);
    expect(
      of(
        'vdev=hda, script=iscsi,backendtype=phy,discard,no-discard,direct-io-safe,colo-host=x,specification=virtio,target=/a,b',
      ),
    ).toEqual([
      ['disk.vdev', 'used', 11],
      ['disk.script', 'ignored', 21],
      ['disk.backendtype', 'ignored', 34],
      ['disk.discard', 'used', 50],
      ['disk.no-discard', 'approximated', 58],
      ['disk.direct-io-safe', 'ignored', 69],
      ['disk.colo-host', 'error', 84],
      ['disk.specification', 'ignored', 96],
      ['disk.target', 'used', 117],
    ]);
    expect(of('/a,raw,hda,fromat=raw')).toEqual([['disk.fromat', 'error', 22]]);
    expect(of('/a,raw,hda,devtype=floppy')).toEqual([['disk.devtype', 'error', 22]]);
  });

  it("says of each limit whether it is Xen's own", () => {
    const limits = { max_grant_frames: 64, max_maptrack_frames: 1024, max_grant_version: 2, max_event_channels: 1023 };
    for (const [key, own] of Object.entries(limits))
      expect(
        [...new Set([0, ...Object.values(limits)])].filter(
          value => verdicts(`${good}${key} = ${value}\n`)[key] === 'used',
        ),
        key,
      ).toEqual([own]);
    expect(verdicts(`${good}max_grant_frames = 0x40\n`).max_grant_frames).toBe('used');
    expect(['0', '1'].map(value => verdicts(`${good}tdp = ${value}\nioapic = ${value}\n`))).toMatchObject([
      { tdp: 'approximated', ioapic: 'approximated' },
      { tdp: 'used', ioapic: 'used' },
    ]);
  });

  it('says what a guest of another type has nothing of', () => {
    const text = `${good}vga = "stdvga"\nhap = 1\nnographic = 1\ndisk = [ '/d,raw,hda',\n '/e,raw,hdb' ]\nbios = "seabios"\n`;
    const judged = judgeDefinition('x.cfg', `${text}type = "pvh"\n`, 11);
    expect(Object.fromEntries(judged.findings.filter(f => f.verdict === 'ignored').map(f => [f.key, f.short]))).toEqual(
      {
        type: 'an option counts',
        vga: 'nothing in a PVH guest',
        nographic: 'nothing in a PVH guest',
        bios: 'nothing in a PVH guest',
      },
    );
    expect(judged.findings.find(f => f.key === 'type' && f.verdict === 'ignored')!.text).toBe(
      "type = 'hvm' gives way to the option on the command line: type = 'pvh'.",
    );
    expect(verdicts(`${good.replace('hvm', 'pv')}hap = 1\n`).hap).toBe('ignored');
  });

  it('survives keys that JavaScript objects have', () => {
    const { findings } = judgeDefinition('x.cfg', `${good}constructor = 1\n`);
    expect(findings.find(({ key }) => key === 'constructor')).toMatchObject({
      verdict: 'ignored',
      text: 'constructor is no key of xl.cfg: nothing looks at it, as with xl.',
    });
  });
});

describe('vfb', () => {
  const of = (type: string, vfb: string) =>
    judgeDefinition('x.cfg', `name='a'\ntype='${type}'\nkernel='k'\nmemory=32\nvfb=[${vfb}]\n`);

  it('gives a PV or PVH guest a screen, and judges each option', () => {
    const { definition, findings } = of('pvh', "'type=vnc,vncunused=1,vnclisten=0.0.0.0,vncpasswd=x,sdl=0', 'vnc=1'");
    expect(definition.vfb).toBe(true);
    expect(findings.filter(f => f.key.startsWith('vfb')).map(f => [f.key, f.verdict])).toEqual([
      ['vfb', 'used'],
      ['vfb.type', 'approximated'],
      ['vfb.vncunused', 'ignored'],
      ['vfb.vnclisten', 'ignored'],
      ['vfb.vncpasswd', 'used'],
      ['vfb.sdl', 'used'],
      ['vfb', 'ignored'],
      ['vfb.vnc', 'approximated'],
    ]);
    expect(of('hvm', "'vnc=1'").definition.vfb).toBeUndefined();
    expect(of('pv', '').definition.vfb).toBeUndefined();
  });

  it('refuses what is no option, and says what is near', () => {
    const errors = of('pv', "'vncdisplay=x,vncunusd=1,vnc=2,sdl'")
      .findings.filter(f => f.verdict === 'error')
      .map(f => [f.key, f.short]);
    expect(errors).toEqual([
      ['vfb.vncdisplay', 'wants a number'],
      ['vfb.vnc', 'wants 0 or 1'],
      ['vfb.sdl', 'needs a value'],
    ]);
  });
});

describe('device_model_stubdomain_override', () => {
  it("says where an HVM guest's device model runs: 0 is Domain 0, 1 and nothing its stub domain", () => {
    const judged = (line: string, type = 'hvm') =>
      judgeDefinition('x.cfg', `name = "x"\ntype = "${type}"\nkernel = "k"\n${line}\n`);
    const where = (line: string, type?: string): boolean | undefined => judged(line, type).definition.modelInDomain0;
    expect(
      ['', 'device_model_stubdomain_override = 1', 'device_model_stubdomain_override = 0'].map(line => where(line)),
    ).toEqual([undefined, undefined, true]);
    expect(where('device_model_stubdomain_override = 0', 'pvh')).toBeUndefined();
    const verdictOf = (type: string): string | undefined =>
      judged('device_model_stubdomain_override = 0', type).findings.find(
        ({ key }) => key === 'device_model_stubdomain_override',
      )?.verdict;
    expect([verdictOf('hvm'), verdictOf('pvh')]).toEqual(['used', 'ignored']);
  });
});

describe('nearest spelling', () => {
  it('finds swaps, and nothing for a far word', () => {
    expect(nearest('memroy', ['memory', 'name'])).toBe('memory');
    expect(nearest('zzzzzz', ['memory', 'name'])).toBeUndefined();
  });
});

describe('cpus and cpus_soft', () => {
  it('say where the guest may run, and where it should', () => {
    const { definition, findings } = judgeDefinition('x.cfg', `${good}cpus = "0-2,^1"\ncpus_soft = 2\n`);
    expect(definition).toMatchObject({ hardAffinity: 0b101, softAffinity: 0b100 });
    expect(findings.filter(f => f.key.startsWith('cpus')).map(f => [f.verdict, f.short])).toEqual([
      ['used', 'runs on 0,2'],
      ['used', 'prefers 2'],
    ]);
  });

  it('take a list a vCPU; those without one run anywhere', () => {
    const of = (text: string): object => {
      const { definition, findings } = judgeDefinition('x.cfg', `${good}vcpus = 2\ncpus = ${text}\n`);
      const { verdict, short } = findings.find(f => f.key === 'cpus')!;
      return [definition.hardAffinity, verdict, short];
    };
    expect(of('["0-1", "1-2"]')).toEqual([[3, 6], 'used', 'runs on a list for each vCPU']);
    expect(of('["1"]')).toEqual([[2], 'used', 'runs on a list for each vCPU']);
    expect(of('[3, 3]')).toEqual([[8, 8], 'used', 'runs on 3']);
  });

  it('say where they are wrong', () => {
    const errors = (text: string): string[] =>
      judgeDefinition('x.cfg', `${good}${text}`).findings.filter(isError).map(formatFinding);
    expect(errors('cpus = "0,x"\n')).toEqual([
      `x.cfg:5:8: cpus = '0,x': ‘x’ is no processor. Write numbers and ranges, all, and ^ before what is excluded, as in "0-3,^1".`,
    ]);
    expect(errors('cpus = []\n')[0]).toContain('it names no processor');
  });
});

describe('maxvcpus', () => {
  it('is how many processors the guest may bring up, and not fewer than vcpus', () => {
    const { definition, findings } = judgeDefinition('x.cfg', `${good}vcpus = 2\nmaxvcpus = 4\n`);
    expect([definition.vcpus, definition.maxVcpus, findings.find(f => f.key === 'maxvcpus')!.short]).toEqual([
      2,
      4,
      '2 offline',
    ]);
    const errors = judgeDefinition('x.cfg', `${good}vcpus = 4\nmaxvcpus = 2\n`)
      .findings.filter(isError)
      .map(formatFinding);
    expect(errors).toEqual([
      'x.cfg:6:12: maxvcpus = 2: vcpus is 4, and a guest cannot have more than maxvcpus. Write 4 or more.',
    ]);
    expect(judgeDefinition('x.cfg', `${good}maxvcpus = 9\n`).findings.filter(isError)).toHaveLength(1);
  });
});

it('vmtrace_buf_kb keeps the last instructions, and 0 does not', () => {
  const judged = (value: string) => {
    const { definition, findings } = judgeDefinition(
      'x.cfg',
      `name = "a"\ntype = "hvm"\nmemory = 16\nvmtrace_buf_kb = ${value}\n`,
    );
    return [definition.vmtraceKib, findings.find(({ key }) => key === 'vmtrace_buf_kb')?.verdict];
  };
  expect([judged('64'), judged('0')]).toEqual([
    [64, 'approximated'],
    [undefined, 'used'],
  ]);
});

describe('viridian and nestedhvm', () => {
  const judged = (text: string, key: string) => {
    const { definition, findings } = judgeDefinition('x.cfg', `${good}${text}\n`);
    const { verdict, short } = findings.find(f => f.key === key)!;
    return [definition.viridian, verdict, short];
  };
  const hvm = (value: string) => judged(`type = "hvm"\nviridian = ${value}`, 'viridian');

  it('give an HVM guest the groups of the Hyper-V interface: a switch, or a list with negations', () => {
    expect(hvm('1')).toEqual([0x1865, 'used', 'Hyper-V interface']);
    expect(hvm('0')).toEqual([undefined, 'used', 'no Hyper-V interface']);
    expect(hvm('[ "defaults", "reference_tsc", "!crash_ctl" ]')).toEqual([0x182d, 'used', 'Hyper-V interface']);
    expect(hvm('[]')).toEqual([undefined, 'used', 'no Hyper-V interface']);
  });

  it('are not for guests of other types', () => {
    expect(judged('type = "pvh"\nviridian = 1', 'viridian')).toEqual([undefined, 'ignored', 'for HVM guests']);
  });

  it('say what is wrong with a group, and where', () => {
    const errors = (value: string): string[] =>
      judgeDefinition('x.cfg', `${good}viridian = ${value}\n`).findings.filter(isError).map(formatFinding);
    expect(errors('[ "base", "tsc" ]')[0]).toMatch(
      /^x\.cfg:5:12: viridian = .*there is no group tsc\. The groups are base, freq, /,
    );
    expect(errors('[ "freq" ]')[0]).toContain('the group base is not among them, and the others need it. Add "base".');
    expect(errors('"yes"')[0]).toContain('xl takes 0, 1 or a list of groups here. Write viridian = 1.');
  });

  it('says that there is no nested virtualization, and why', () => {
    const { findings } = judgeDefinition('x.cfg', `${good}nestedhvm = 1\n`);
    expect(findings.find(f => f.key === 'nestedhvm')).toMatchObject({
      verdict: 'ignored',
      short: 'no VMX inside the guest',
    });
    expect(findings.find(f => f.key === 'nestedhvm')!.text).toMatch(/neither VMX nor SVM/);
    expect(judgeDefinition('x.cfg', `${good}nestedhvm = 0\n`).findings.find(f => f.key === 'nestedhvm')!.verdict).toBe(
      'used',
    );
  });
});

describe('a text that was meant to be something else', () => {
  const errorsIn = (text: string): string[] =>
    judgeDefinition('x.cfg', text)
      .findings.filter(isError)
      .map(f => f.text);

  it('is not read where it is longer than 256 KiB', () => {
    expect(errorsIn(`${good}#${'x'.repeat(256 * 1024 - good.length - 1)}`)).toEqual([]);
    const tooLong = errorsIn(`${good}#${'x'.repeat(256 * 1024 - good.length)}`);
    expect(tooLong).toHaveLength(1);
    expect(tooLong[0]).toMatch(/^A definition has at most 256 KiB, and this file is longer/);
  });

  it('is read 32 lists deep, and no deeper', () => {
    const nested = (depth: number): string => `${good}vnuma = ${'['.repeat(depth)}${']'.repeat(depth)}\n`;
    expect(errorsIn(nested(32))).toEqual([]);
    expect(errorsIn(nested(33))).toEqual([expect.stringContaining('more than 32 deep')]);
    expect(errorsIn(nested(100_000))).toEqual([expect.stringContaining('more than 32 deep')]);
    expect(errorsIn(`${good}vnuma = ${'['.repeat(100_000)}\n`)).toHaveLength(1);
  });

  it.each([
    ['unknown keys', 'a=1\n'.repeat(60_000)],
    ['unknown keys on one line', 'ab=1;'.repeat(50_000)],
    ['lines that make no sense', '$\n'.repeat(120_000)],
    ['one key again and again', 'vcpus=1\n'.repeat(30_000)],
    ['disks', `disk=[${"'',".repeat(60_000)}]\n`],
    ['additions to a list', "disk+=['']\n".repeat(22_000)],
    ['cards', `vif=[${"'',".repeat(60_000)}]\n`],
    ['options of a card', `vif=['${'ab=1,'.repeat(50_000)}']\n`],
    ['options of a disk', `disk=['${'ab=1,'.repeat(50_000)}']\n`],
    ['lists of rounds in each other', `a=${'[x for x in '.repeat(20_000)}`],
    ['a list in Python that grows', `a=[]\n${'a.append(1)\n'.repeat(15_000)}`],
    ['a string in Python that grows', `a='${'x'.repeat(100_000)}'.replace('x','${'y'.repeat(100_000)}')\n`],
    ['prefixes of a disk', `disk=['${'phy:'.repeat(60_000)}/x,hda,w']\n`],
  ])('is judged in time that grows with its length: %s', (_what, text) => {
    const { findings } = judgeDefinition('x.cfg', good + text);
    expect(findings.length).toBeLessThan(150);
    expect(findings.reduce((sum, { text, source }) => sum + text.length + source.length, 0)).toBeLessThan(100_000);
  });

  it('counts what it does not list, and stays an error', () => {
    const { findings } = judgeDefinition('x.cfg', `${good}${'vcpus="x"\n'.repeat(250)}`);
    expect(findings.filter(isError)).toHaveLength(101);
    expect(findings.at(-1)).toMatchObject({
      line: 105,
      verdict: 'error',
      text: '150 more errors from here on are not listed one by one.',
    });
  });
});
