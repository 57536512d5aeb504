/** What kind of guest it is, what it starts from and in which order; its clock and features. */
import type { Kind } from '../../../../hypervisor/kinds/index.ts';
import { isHvmloader } from '../definition.ts';
import { approximated, ignored } from '../options.ts';
import { isMachine } from '../known-names.ts';
import { ruleAt } from '../libvirt-schema.ts';
import { shortened, type Value } from '../xlcfg.ts';
import { childOf, type Element, tag } from './tree.ts';
import { XML_KINDS } from './kinds/index.ts';
import { notHere, type XmlReading } from './reading.ts';

const BOOT: Record<string, string> = { hd: 'c', cdrom: 'd', network: 'n', fd: 'a' };
const OS_TEXTS: Record<string, string> = { kernel: 'kernel', initrd: 'ramdisk', cmdline: 'cmdline', root: 'root' };
const OS_TYPES = ['hvm', 'xen', 'linux', 'xenpvh', 'exe', 'uml'];
const FEATURES = ['acpi', 'apic', 'pae', 'hap', 'viridian'];
/** Architectures of guests here, by what `cpuid` says of long mode for them. */
const ARCHITECTURES: Record<string, string> = { i686: 'host,lm=0', x86_64: 'host,lm=1' };
/** virDomainFeature and virDomainHyperv of src/conf/domain_conf.c: those that are not chosen for single guests here. */
const OTHER_FEATURES =
  'privnet hyperv kvm pvspinlock capabilities pmu vmport gic smm ioapic hpt vmcoreinfo htm nested-hv msrs ccf-assist xen cfpc sbbc ibs tcg async-teardown'.split(
    ' ',
  );
const ENLIGHTENMENTS =
  'relaxed vapic spinlocks vpindex runtime synic stimer reset vendor_id frequencies reenlightenment tlbflush ipi evmcs avic'.split(
    ' ',
  );

/** What tries to start a guest, by <boot order> at devices: its number, and the device's name as xl has it; n: the network. */
export interface BootOrder {
  order: number;
  device: string;
  at: Element;
}
/** A class of devices, as <os> has it. */
export interface BootClass {
  letter: string;
  at: Element;
}

/** What lies in flash is UEFI firmware as a rule. */
const IN_FLASH = approximated(
  'no UEFI yet: as a BIOS, in RAM',
  'There is no UEFI here yet. This file is started as firmware that lies in RAM: one of UEFI may not find what it needs. Without <loader> the BIOS starts, which boots disks that have a boot sector.',
);

/** A file that a boot loader of Domain 0 had put there when a domain was started. */
const isFound = (path: string): boolean => /^\/var\/(lib|run)\/(xen|xend)\/(tmp|boot)\//.test(path);

export function readOs(read: XmlReading, os: Element, boot: BootClass[], hasLoader: boolean): void {
  if (os.attributes.firmware === 'efi')
    read.set('firmware', os.places.firmware, 'uefi', 'string', "<os firmware='efi'>");
  const hasRoot = !!childOf(os, 'root')?.text;
  for (const element of os.children) {
    const { name, text, attributes } = element;
    if (hasLoader && (name === 'kernel' || name === 'initrd') && isFound(text)) {
      read.remark(
        element,
        name,
        ignored(
          'the boot loader looks again',
          'This is what the boot loader had found when the domain was started: it looks again.',
        ),
      );
      continue;
    }
    if (name === 'type' && text !== '' && !OS_TYPES.includes(text))
      read.word(element, `Unknown OS type '${shortened(text)}'.`, text, OS_TYPES);
    else if (name === 'type' && (text === 'exe' || text === 'uml'))
      read.problem(
        element,
        `${tag(element)} is for containers and user-mode kernels, which do not run on Xen. Write hvm, linux or xenpvh.`,
      );
    else if (name === 'type') {
      const type =
        text === 'xenpvh' || attributes.machine === 'xenpvh' ? 'pvh' : ['linux', 'xen'].includes(text) ? 'pv' : text;
      if (type !== '') read.set('type', element, type, 'string', tag(element));
      readArchitecture(read, element, type);
      if (read.type.machines) readMachine(read, element);
    } else if (name === 'boot') {
      // Any other word was reported with the attributes.
      const letter = Object.hasOwn(BOOT, attributes.dev ?? '') ? BOOT[attributes.dev] : undefined;
      if (letter) boot.push({ letter, at: element });
    } else if (Object.hasOwn(OS_TEXTS, name)) {
      // The root device is first on the command line, and <cmdline> follows it: root and extra of xl.
      read.text(name === 'cmdline' && hasRoot ? 'extra' : OS_TEXTS[name], element);
    } else if (name === 'loader' && element.text !== '' && !isHvmloader(element.text)) {
      read.text('bios_path_override', element);
      if (attributes.type === 'pflash') read.remark(element.places.type, 'loader.type', IN_FLASH);
    } else
      read.other(
        element,
        {
          loader: ignored('firmware is built in', "A PC that boots from a disk starts with Ringside's own BIOS."),
          nvram: ignored(
            'no file for variables',
            'The firmware of a guest of Xen lies in RAM: the variables that it writes there are gone with the guest.',
          ),
          ...Object.fromEntries(
            'bootmenu bios smbios firmware acpi shim dtb init initarg initenv initdir inituser initgroup'
              .split(' ')
              .map(known => [known, notHere('The firmware here has no such setting.')]),
          ),
        },
        ['type', 'boot', ...Object.keys(OS_TEXTS)],
      );
  }
}

/** The board of a guest of KVM. */
function readMachine(read: XmlReading, { attributes: { machine }, places }: Element): void {
  if (machine === undefined) return;
  if (!isMachine(machine))
    return read.problem(
      places.machine,
      `unsupported configuration: Emulator '/usr/bin/qemu-system-x86_64' does not support machine type '${shortened(machine)}'. Write machine='pc'.`,
    );
  if (/^pc(-i440fx|$)/.test(machine)) return;
  if (machine.startsWith('xen'))
    return read.problem(
      places.machine,
      `machine='${shortened(machine)}' is of Xen, and the domain is of KVM. Write machine='pc', or <domain type='xen'>.`,
    );
  read.remark(
    places.machine,
    'type.machine',
    approximated('i440FX here', `There is no ${shortened(machine)} here: the board is a pc, with an i440FX and PIIX3.`),
  );
}

/** Which processor a guest has. Without `arch` that follows its kernel. */
function readArchitecture(read: XmlReading, type: Element, kind: string): void {
  const { arch } = type.attributes,
    at = type.places.arch;
  // A word that libvirt does not have was reported with the attributes.
  if (arch === undefined || !ruleAt('os', 'type')?.attributes.get('arch')?.words?.includes(arch)) return;
  if (!Object.hasOwn(ARCHITECTURES, arch))
    return read.problem(
      at,
      `could not find capabilities for arch=${arch}: this host has x86 processors. Write arch='x86_64' or arch='i686'.`,
    );
  const only = Object.hasOwn(XML_KINDS, kind) ? XML_KINDS[kind as Kind].arch : undefined;
  if (only === undefined) return read.set('cpuid', at, ARCHITECTURES[arch], 'string', tag(type, 'arch'));
  if (arch !== only)
    read.remark(
      at,
      'type.arch',
      approximated(
        'paravirtual: 32 bits',
        'Paravirtual guests have 32 bits here. A 64-bit kernel runs as <type>xenpvh</type> or <type>hvm</type>.',
      ),
    );
}

/** What firmware tries: classes of devices as <os> has them, or single devices. */
export function setBootOrder(read: XmlReading, boot: BootClass[], orders: BootOrder[]): void {
  if (boot.length > 0) {
    for (const { at } of orders)
      read.problem(
        at,
        "Per-device boot elements cannot be used together with os/boot elements. Take <boot dev='…'/> out of <os>, or this one.",
      );
    return read.set(
      'boot',
      boot[0].at,
      [...new Set(boot.map(({ letter }) => letter))].join(''),
      'string',
      tag(boot[0].at, 'dev'),
    );
  }
  orders.sort((a, b) => a.order - b.order);
  const twice = orders.find(({ order }, i) => i > 0 && order === orders[i - 1].order);
  if (twice)
    read.problem(
      twice.at.places.order,
      `Boot order '${twice.order}' used for more than one device. Give each a number of its own.`,
    );
  if (orders.length === 0 || twice) return;
  const items = orders.map(
    ({ device, at }): Value => ({
      kind: 'string',
      text: device,
      line: at.line,
      column: at.column,
      origin: { said: tag(at, 'order') },
    }),
  );
  read.list('boot_devices', items);
}

/** What the clock of the PC shows, and its timers. */
export function readClock(read: XmlReading, clock: Element): void {
  const { offset, basis, timezone, start } = clock.attributes;
  if (offset === 'timezone' && !timezone)
    read.problem(
      clock.places.offset,
      "A clock with offset='timezone' has its timezone='…'. Write for example timezone='Europe/Berlin'.",
    );
  if (offset === 'absolute' && !start)
    read.problem(
      clock.places.offset,
      "A clock with offset='absolute' has its start='…'. Write the seconds since 1970.",
    );
  read.set(
    'localtime',
    clock,
    offset === 'localtime' || (offset === 'variable' && basis === 'localtime') ? '1' : '0',
    'number',
  );
  for (const timer of clock.children) {
    const { name, present = 'yes', mode } = timer.attributes;
    if (name === 'hpet') read.set('hpet', timer, present === 'no' ? '0' : '1', 'number');
    else if (name === 'tsc' && mode)
      read.set(
        'tsc_mode',
        timer,
        mode === 'emulate' ? 'always_emulate' : mode === 'paravirt' ? 'native_paravirt' : 'native',
      );
    else
      read.remark(
        timer,
        `timer.${name ?? ''}`,
        notHere('How a timer makes up for lost ticks is not chosen for single guests here.'),
      );
  }
}

export function readFeatures(read: XmlReading, features: Element): void {
  for (const element of features.children) {
    const groups = element.children.filter(({ attributes }) => attributes.state === 'on').length;
    for (const inner of element.name === 'hyperv' ? element.children : [])
      if (!ENLIGHTENMENTS.includes(inner.name))
        read.word(
          inner,
          `Unsupported Hyper-V enlightenment feature: ${shortened(inner.name)}.`,
          inner.name,
          ENLIGHTENMENTS,
        );
      else if (inner.attributes.state === undefined)
        read.problem(
          inner,
          `Missing required attribute 'state' in element '${inner.name}'. Write <${inner.name} state='on'/>.`,
        );
    if (element.name === 'hyperv' && groups > 0 && !features.children.some(({ name }) => name === 'viridian'))
      read.set('viridian', element, '1', 'number', '<hyperv>');
    else if (FEATURES.includes(element.name))
      read.set(element.name, element, element.attributes.state === 'off' ? '0' : '1', 'number', tag(element));
    else if (OTHER_FEATURES.includes(element.name))
      read.remark(element, element.name, notHere('This feature is not chosen for single guests here.'));
    else
      read.word(element, `Unexpected feature '${shortened(element.name)}'.`, element.name, [
        ...FEATURES,
        ...OTHER_FEATURES,
      ]);
  }
}
