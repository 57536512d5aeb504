import { describe, expect, it } from 'vitest';
import { KEYS, nearest } from './keys.ts';
import { formatFinding, isError, judgeDefinition } from './model.ts';

const good = 'name = "web1"\ntype = "hvm"\nkernel = "/boot/vmlinuz"\nmemory = 256\n';
const verdicts = (text: string): Record<string, string> => Object.fromEntries(judgeDefinition('x.cfg', text).findings.map(f => [f.key, f.verdict]));
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
      type: 'hvm',
      memoryMiB: 256,
      vcpus: 1,
      kernel: '/boot/vmlinuz',
      ramdisk: 'initrd.gz',
      cmdline: 'root=/dev/ram0 console=ttyS0 quiet',
      disks: [],
      bootOrder: 'cd',
      onPoweroff: 'destroy',
      onReboot: 'destroy',
      onCrash: 'destroy',
    });
  });

  it('takes cmdline alone where root and extra stand beside it', () => {
    const text = `${good}cmdline="a"\nextra="b"\nroot="c"\n`;
    expect(judgeDefinition('x.cfg', text).definition.cmdline).toBe('a');
    expect(verdicts(text)).toMatchObject({ cmdline: 'used', extra: 'ignored', root: 'ignored' });
  });

  it('does not miss a kernel or a disk that a line names, though the line cannot be read', () => {
    const rest = good.replace('kernel = "/boot/vmlinuz"\n', '');
    expect(errors(rest)).toEqual([expect.stringContaining('neither a kernel nor a disk')]);
    for (const line of ['kernel = vmlinuz', 'Kernel = "vmlinuz"', 'kernel = "vmlinuz', 'disk = [ \'a\''])
      expect(errors(`${line}\n${rest}`).join('\n'), line).not.toContain('neither');
  });

  it('says how to write a size', () => {
    expect(errors(good.replace('256', "'2G'"))).toEqual(["x.cfg:4:10: memory = '2G': xl takes MiB as a number. Write 2048."]);
    expect(errors(good.replace('256', '"512"'))).toEqual([]);
    expect(errors(good.replace('256', '0'))).toEqual(['x.cfg:4:10: memory = 0: a guest needs at least 1 MiB.']);
  });

  it('takes the three types, PV for none as xl does, and the old spellings', () => {
    const typeOf = (text: string): string => judgeDefinition('x.cfg', text).definition.type;
    expect(['hvm', 'pvh', 'pv'].map(type => typeOf(good.replace('hvm', type)))).toEqual(['hvm', 'pvh', 'pv']);
    expect(['hvm', 'pvh', 'pv'].map(type => verdicts(good.replace('hvm', type)).type)).toEqual(['used', 'used', 'used']);
    expect([typeOf(good.replace('type = "hvm"\n', '')), errors(good.replace('type = "hvm"\n', ''))]).toEqual(['pv', []]);
    expect(errors(good.replace('"hvm"', '"hmv"'))[0]).toContain('Did you mean "hvm"?');
    expect(['hvm', 'linux', 'generic'].map(builder => typeOf(good.replace('type = "hvm"', `builder = "${builder}"`)))).toEqual(['hvm', 'pv', 'pv']);
    expect(verdicts(good.replace('type', 'builder')).builder).toBe('approximated');
    expect(errors(good.replace('type = "hvm"', 'builder = "x"'))[0]).toContain('the builders were');
  });

  it('says what PVH and PV guests do not have', () => {
    const text = `${good.replace('hvm', 'pvh')}disk = ['/d.img,raw,hda']\nvif = ['']\n`;
    expect(errors(text)).toEqual([]);
    expect(verdicts(text)).toMatchObject({ disk: 'ignored', vif: 'ignored', kernel: 'used' });
    expect(judgeDefinition('x.cfg', text).definition).toMatchObject({ disks: [] });
    expect(judgeDefinition('x.cfg', text).definition.nic).toBeUndefined();
    expect(errors('name = "x"\ntype = "pv"\nmemory = 64\ndisk = ["/d.img,raw,xvda"]\n')).toEqual([
      'x.cfg:2:1: A PV guest has no firmware that could boot a disk. Write kernel = "FILE".',
    ]);
  });

  it('takes maxmem and uuid, and says what is wrong with them', () => {
    const uuid = '12345678-ABCD-ef01-2345-6789abcdef01';
    expect(judgeDefinition('x.cfg', `${good}maxmem = 512\nuuid = "${uuid}"\n`).definition).toMatchObject({ maxMemoryMiB: 512, uuid: uuid.toLowerCase() });
    expect(errors(`${good}maxmem = 128\n`)).toEqual(['x.cfg:5:10: maxmem = 128: memory is 256 MiB, and a guest cannot have more than maxmem. Write 256 or more.']);
    expect(errors(`${good}uuid = "1234"\n`)[0]).toContain('a UUID has 32 hexadecimal digits');
  });

  it('gives the processors that are asked for', () => {
    const finding = judgeDefinition('x.cfg', `${good}vcpus=4\n`).findings.find(f => f.key === 'vcpus')!;
    expect([finding.verdict, finding.short, finding.line, finding.column]).toEqual(['used', '4 processors', 5, 1]);
  });

  it('lists every error at once, with the nearest spelling', () => {
    expect(errors('nmae = "x"\ntype = "hvm"\nmemroy = 12\nkernel = ["a"]\nacpi="yes"\non_crash="destory"\nvif="x"\n')).toEqual([
      'x.cfg:1:1: nmae is no key of xl.cfg. Did you mean name?',
      'x.cfg:1:1: The definition has no name. Write a line like name = "web1".',
      'x.cfg:3:1: memroy is no key of xl.cfg. Did you mean memory?',
      'x.cfg:4:10: kernel = […]: xl takes one string here, no list.',
      "x.cfg:5:6: acpi = 'yes': xl takes 0 or 1 here. Write 1.",
      `x.cfg:6:10: on_crash = 'destory': the actions are destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart, soft-reset. Did you mean "destroy"?`,
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
      const special: Record<string, string> = { uuid: '"12345678-abcd-ef01-2345-6789abcdef01"', maxmem: '256', cpus: '"0"', cpus_soft: '["0", "1"]' };
      const value =
        special[key] ??
        (rule.type === 'list'
          ? "['/x,raw,hda']"
          : rule.type === 'action'
            ? '"destroy"'
            : rule.type === 'string' || rule.type === 'any' || rule.type === 'list or string'
              ? '"hvm"'
              : '1');
      expect(verdicts(`${good}${key} = ${value}`)[key], key).toMatch(/^(used|approximated|ignored)$/);
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

  it('looks over the loader of old definitions, as xl does', () => {
    const verdict = (loader: string) => judgeDefinition('x.cfg', `name = "a"\nloader = "${loader}"\nmemory = 64\nkernel = "/k"\n`).findings.find(({ key }) => key === 'loader')?.verdict;
    expect([verdict('generic'), verdict('other')]).toEqual(['used', 'ignored']);
  });

  it('starts the image of firmware_override in an HVM guest; hvmloader itself means the firmware that is here, and others have none', () => {
    const judged = (type: string, lines: string) => judgeDefinition('x.cfg', `name = "a"\ntype = "${type}"\nmemory = 64\n${lines}\n`);
    const own = judged('hvm', 'firmware_override = "/t/test-hvm32-example"\nkernel = "/k"\nramdisk = "/r"');
    expect([own.definition.kernel, own.definition.ramdisk]).toEqual(['/t/test-hvm32-example', undefined]);
    expect(own.findings.filter(f => f.line > 3).map(f => [f.key, f.verdict])).toEqual([['firmware_override', 'used'], ['kernel', 'ignored'], ['ramdisk', 'ignored']]);
    expect(judged('hvm', 'firmware_override = "/usr/lib/xen/boot/hvmloader"\ndisk = [ "/d.img,raw,hda" ]').definition.kernel).toBeUndefined();
    const pvh = judged('pvh', 'firmware_override = "/f"\nkernel = "/k"');
    expect([pvh.definition.kernel, pvh.findings.find(f => f.key === 'firmware_override')?.verdict]).toEqual(['/k', 'ignored']);
  });

  it('puts disks on the IDE channels, one verdict each, and says what becomes of writes', () => {
    const text = `name = "web1"\ntype = "hvm"\nmemory = 64\ndisk = [ 'file:/d.img,xvda,w',\n  '/x.iso,raw,hdc,cdrom', ]\nboot = "dcn"\nvif = [ 'bridge=br0,model=e1000' ]\n`;
    const { definition, findings } = judgeDefinition('x.cfg', text);
    expect(findings.filter(isError)).toEqual([]);
    expect(definition.disks.map(({ target, place, kind, readOnly }) => [target, place, kind, readOnly])).toEqual([
      ['/d.img', 0, 'disk', false],
      ['/x.iso', 2, 'cdrom', true],
    ]);
    expect([definition.bootOrder, definition.nic]).toEqual(['dc', 'pcnet']);
    const said = findings.filter(f => f.line > 3).map(f => [f.line, f.column, f.key, f.verdict]);
    expect(said).toEqual([
      [4, 10, 'disk', 'approximated'],
      [5, 3, 'disk', 'used'],
      [6, 1, 'boot', 'approximated'],
      [7, 1, 'vif', 'approximated'],
    ]);
    expect(findings.find(f => f.line === 4)!.text).toMatch(/kept in memory; the file stays as it is.* xvda is an IDE disk/);
    expect(findings.find(f => f.key === 'vif')!.text).toMatch(/AMD PCNet card .* e1000 is not built/);
  });

  it('refuses disks that have no place, with the place in the text', () => {
    const of = (disk: string, more = ''): string[] => errors(`name = "a"\ntype = "hvm"\ndisk = [ ${disk} ]\n${more}`);
    expect(of(`'/a,raw,hda', '/b,raw,xvda'`)).toEqual(["x.cfg:3:24: disk = '/b,raw,xvda': xvda and hda of line 3 are the same drive. Write another of hda to hdd."]);
    expect(of(`'/a,raw,xvdq'`)[0]).toContain('the PC has four drives, hda to hdd, and xvdq is none of them.');
    expect(of(`'/a,qcow3,hda'`)[0]).toContain('‘qcow3’ is no format. Write raw.');
    expect(of(`'/a,raw,hda'`, 'boot="n"')).toEqual([expect.stringContaining("boot = 'n': floppy and network are not built.")]);
    expect(errors('name = "a"\ntype = "hvm"\n')).toEqual([expect.stringContaining('neither a kernel nor a disk')]);
  });

  it('survives keys that JavaScript objects have', () => {
    expect(errors(`${good}constructor = 1\n`)).toEqual([expect.stringContaining('constructor is no key of xl.cfg')]);
  });
});

describe('device_model_stubdomain_override', () => {
  it('says where an HVM guest\'s device model runs: 0 is Domain 0, 1 and nothing its stub domain', () => {
    const judged = (line: string, type = 'hvm') => judgeDefinition('x.cfg', `name = "x"\ntype = "${type}"\nkernel = "k"\n${line}\n`);
    const where = (line: string, type?: string): boolean | undefined => judged(line, type).definition.modelInDomain0;
    expect(['', 'device_model_stubdomain_override = 1', 'device_model_stubdomain_override = 0'].map(line => where(line))).toEqual([undefined, undefined, true]);
    expect(where('device_model_stubdomain_override = 0', 'pvh')).toBeUndefined();
    const verdictOf = (type: string): string | undefined =>
      judged('device_model_stubdomain_override = 0', type).findings.find(({ key }) => key === 'device_model_stubdomain_override')?.verdict;
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

  it('take a list a vCPU; what all of them name is where the guest runs, or what any names', () => {
    const of = (text: string): object => {
      const { definition, findings } = judgeDefinition('x.cfg', `${good}vcpus = 2\ncpus = ${text}\n`);
      const { verdict, short } = findings.find(f => f.key === 'cpus')!;
      return [definition.hardAffinity, verdict, short];
    };
    expect(of('["0-1", "1-2"]')).toEqual([2, 'approximated', 'runs on 1, all vCPUs']);
    expect(of('["0", "1"]')).toEqual([3, 'approximated', 'runs on 0-1, all vCPUs']);
    expect(of('[3, 3]')).toEqual([8, 'used', 'runs on 3']);
  });

  it('say where they are wrong', () => {
    const errors = (text: string): string[] => judgeDefinition('x.cfg', `${good}${text}`).findings.filter(isError).map(formatFinding);
    expect(errors('cpus = "0,x"\n')).toEqual([`x.cfg:5:8: cpus = '0,x': ‘x’ is no processor. Write numbers and ranges, all, and ^ before what is excluded, as in "0-3,^1".`]);
    expect(errors('cpus = []\n')[0]).toContain('it names no processor');
  });
});

describe('maxvcpus', () => {
  it('is how many processors the guest may bring up, and not fewer than vcpus', () => {
    const { definition, findings } = judgeDefinition('x.cfg', `${good}vcpus = 2\nmaxvcpus = 4\n`);
    expect([definition.vcpus, definition.maxVcpus, findings.find(f => f.key === 'maxvcpus')!.short]).toEqual([2, 4, '2 offline']);
    const errors = judgeDefinition('x.cfg', `${good}vcpus = 4\nmaxvcpus = 2\n`).findings.filter(isError).map(formatFinding);
    expect(errors).toEqual(['x.cfg:6:12: maxvcpus = 2: vcpus is 4, and a guest cannot have more than maxvcpus. Write 4 or more.']);
    expect(judgeDefinition('x.cfg', `${good}maxvcpus = 9\n`).findings.filter(isError)).toHaveLength(1);
  });
});
