/** Keys that say what starts. Source: xl.cfg(5), "Direct Kernel Boot", "Booting from a disk" and "Boot Device"; parse_cmdline() of tools/xl/xl_parse.c. */
import { definedAs } from '../../kinds/index.ts';
import { BOOT_DEVICES, BOOT_LETTERS, bootOrder, bootOrderProblem, repeatedLetters } from '../boot-order.ts';
import type { BootLoader } from '../../../host/index.ts';
import { type Definition, isHvmloader, loaderWords } from '../definition.ts';
import { approximated, ignored, type Judged, used, wrong } from '../options.ts';
import { alike, type Asked, type Context, type Family, type KeyRule, oneOf, only, rule, TOLD } from '../rule.ts';
import { shortened } from '../xlcfg.ts';

const PROGRAMS: Record<string, BootLoader['program']> = {
  pygrub: 'pygrub',
  domuloader: 'domUloader',
  'domuloader.py': 'domUloader',
};

/** The boot loader that a path names; undefined: none that is known here. */
const programOf = (path: string): BootLoader['program'] | undefined =>
  PROGRAMS[path.slice(path.lastIndexOf('/') + 1).toLowerCase()];

/** Options of pygrub and domUloader among words; those that only say how they are to talk are left out. */
function optionsIn(words: readonly string[]): Omit<BootLoader, 'program'> {
  const found: Omit<BootLoader, 'program'> = {};
  for (let i = 0; i < words.length; i++) {
    const [, name, value] = /^--(entry|kernel|ramdisk|args)(?:=(.*))?$/s.exec(words[i]) ?? [];
    if (name !== undefined)
      found[name as keyof typeof found] = (value ?? words[++i] ?? '').replace(/^(["'])(.*)\1$/s, '$2');
  }
  return found;
}

/** Words of a list, or of a text with quotes. */
const wordsOf = (asked: Asked): string[] =>
  asked.value.kind === 'list'
    ? asked.value.items.map(item => (item.kind === 'list' ? '' : item.text))
    : (asked.text.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? []);

/** Mini-OS with GRUB in it, as the kernel of a PV guest: it reads the menu of the guest's disk, as pygrub does. */
const isPvGrub = (context: Context): boolean =>
  !definedAs(context.definition).firmware &&
  (/(^|\/)pv-?grub[^/]*$/.test(context.textOf('kernel') ?? '') ||
    (/^pvgrub(32|64)$/.test(context.textOf('firmware') ?? '') && !context.textOf('kernel')));
const loads = (context: Context): boolean =>
  isPvGrub(context) || programOf(context.textOf('bootloader') ?? '') !== undefined;
/** Whether the boot loader has anything to do. */
const looksOnDisk = (context: Context): boolean =>
  loads(context) && !definedAs(context.definition).firmware && !namesKernel(context);
const noLoader = (context: Context): Judged =>
  ignored(
    'no boot loader asks for it',
    `No boot loader is named that would read it. Write ${context.write('bootloader', 'pygrub')}, or domUloader.`,
  );
const forLoader = (
  key: string,
  type: 'string' | 'list or string',
  take: (loader: BootLoader, asked: Asked) => void,
  from?: KeyRule['from'],
): Family => ({
  [key]: rule(type, used('for the boot loader', 'The boot loader gets this.'), {
    into: (definition, asked) => {
      if (definition.bootloader) take(definition.bootloader, asked);
    },
    judge: asked => (looksOnDisk(asked) ? undefined : noLoader(asked)),
    ...(from ? { from } : {}),
  }),
});
const onFirmware = approximated(
  'firmware boots the disks',
  'hvmloader is a part of Xen: here the PC starts with its firmware.',
);
const pvGrub = approximated(
  'pygrub looks in its place',
  "PV-GRUB would read the menu of the guest's disk inside the guest: here pygrub reads it, in Domain 0.",
);
const replaced = ignored(
  'firmware_override is started',
  'What firmware_override names is started, and this host hands it no kernel.',
);
const beside = (key: string): Judged =>
  ignored('cmdline counts', `cmdline is set too and counts alone; ${key} is ignored, as in xl.`);

/** An ELF image that xl starts in hvmloader's place, by its PVH note: an HVM guest without a BIOS. */
const startsOwnFirmware = (context: Context): boolean => {
  const image = context.textOf('firmware_override');
  return definedAs(context.definition).firmware && !!image && !isHvmloader(image);
};
const namesKernel = (context: Context): boolean => {
  const kernel = context.textOf('kernel');
  return !!kernel && !isHvmloader(kernel) && !isPvGrub(context);
};

/** Something has to start: a kernel, or what firmware finds on a disk. */
function needStart(context: Context): void {
  const { kind, disks } = context.definition;
  const { firmware, startsEmpty } = definedAs(context.definition);
  if (startsOwnFirmware(context) || (looksOnDisk(context) && disks.length > 0)) return;
  // QEMU starts without anything, and its BIOS says so.
  if (startsEmpty) return;
  // The network: whether there is a card to boot by is judged with the card.
  if (firmware && (context.textOf('boot')?.includes('n') || context.textOf('bios_path_override'))) return;
  // A line that could not be read names one, too; what is wrong with it is said there.
  if (disks.length === 0 && !context.mentions('kernel') && !context.mentions('disk')) {
    const text = `The definition has neither a kernel nor a disk. Write ${context.write('kernel', 'FILE')} or ${context.write('disk', '[ "FILE,raw,hda" ]')}, and drop that file too.`;
    context.tell({ line: 1, column: 1 }, 'kernel', wrong('missing', text));
  } else if (!firmware && !(context.mentions('kernel') && !context.has('kernel'))) {
    const named = context.textOf('bootloader');
    const [kernel, bootloader] = [context.write('kernel', 'FILE'), context.write('bootloader', 'pygrub')];
    const why = named
      ? `${named} is no boot loader that is known here. Write ${bootloader}, or ${kernel}.`
      : `Write ${kernel}, or ${bootloader} for one on its own disk; a PC that boots a disk is ${context.write('type', 'hvm')}.`;
    const text = `A ${kind.toUpperCase()} guest has no firmware that could boot a disk. ${why}`;
    context.tell(context.placeOf('kernel', 'type'), 'kernel', wrong('needs a kernel', text));
  }
}

/** What is said of a setting that wants it. */
export const SEABIOS = 'SeaBIOS';
const noUefi = approximated(
  'a BIOS: no UEFI yet',
  "There is no UEFI here yet, and Ringside's own BIOS starts. Take a disk that a BIOS boots, or name its kernel.",
);
/**
 * Firmware by the names of xl's `bios` and `firmware` (xl.cfg(5): seabios, rombios and ovmf; bios and uefi), and Ringside's own. A BIOS that is not here has
 * another's services: what a disk's boot sector asks of it.
 */
const FIRMWARE: Record<string, Judged> = {
  ringside: used("Ringside's own BIOS", "The PC starts with Ringside's own BIOS."),
  seabios: used(SEABIOS, 'The PC starts with SeaBIOS, as npm run guests fetched it.'),
  bios: used("Ringside's own BIOS", "The PC starts with Ringside's own BIOS."),
  rombios: approximated(
    "Ringside's own BIOS",
    "ROMBIOS is Xen's BIOS for old device models: Ringside's own starts in its place, with the same services.",
  ),
  ovmf: noUefi,
  uefi: noUefi,
};
const PV_FIRMWARE = ['pvgrub32', 'pvgrub64'];
const anyFirmware = approximated(
  "Ringside's own BIOS",
  "This is for guests of other types. A PC that boots from a disk starts with Ringside's own BIOS; write ringside or seabios.",
);
const isFirmware = oneOf([...Object.keys(FIRMWARE), ...PV_FIRMWARE]),
  isPvFirmware = oneOf(PV_FIRMWARE),
  isBios = oneOf(['ringside', 'seabios', 'rombios', 'ovmf']);
const judgeFirmware = (asked: Asked): Judged | undefined =>
  namesKernel(asked)
    ? ignored('the kernel is started directly', 'A kernel that is named starts without firmware.')
    : FIRMWARE[asked.text];
const takeFirmware = (definition: Definition, { text }: Asked): void => {
  if (text === 'seabios') definition.bios = text;
  else delete definition.bios;
};

export const boot: Family = {
  firmware_override: rule(
    'string',
    used('started in place of hvmloader', 'This image is started by its PVH note, in place of hvmloader and a BIOS.'),
    {
      into: (definition, asked) => {
        if (startsOwnFirmware(asked)) definition.kernel = asked.text;
      },
      judge: ({ text, definition }) =>
        !definedAs(definition).firmware
          ? ignored('no firmware to replace', `A ${definition.kind.toUpperCase()} guest has no firmware.`)
          : isHvmloader(text)
            ? onFirmware
            : undefined,
    },
  ),
  kernel: rule(
    'string',
    used('entered at once, without firmware', 'The kernel is loaded and started without firmware.'),
    {
      into: (definition, asked) => {
        if (startsOwnFirmware(asked)) return;
        if (isPvGrub(asked) && definition.disks.length > 0) definition.bootloader = { program: 'pygrub' };
        else if (namesKernel(asked)) definition.kernel = asked.text;
        else needStart(asked);
      },
      judge: asked =>
        startsOwnFirmware(asked) ? replaced : isPvGrub(asked) ? pvGrub : namesKernel(asked) ? undefined : onFirmware,
      absent: needStart,
      from: ({ kernel }) => kernel,
    },
  ),
  ramdisk: rule('string', used('handed to the kernel', 'The initial RAM disk is handed to the kernel.'), {
    into: (definition, asked) => {
      if (namesKernel(asked) && !startsOwnFirmware(asked) && asked.text) definition.ramdisk = asked.text;
    },
    judge: asked =>
      startsOwnFirmware(asked)
        ? replaced
        : namesKernel(asked)
          ? undefined
          : ignored('no kernel to hand it to', 'A RAM disk needs a kernel.'),
    from: ({ ramdisk }) => ramdisk,
  }),
  cmdline: rule(
    'string',
    used('command line of the kernel', 'This is the whole command line; root and extra do not count with it.'),
    {
      into: (definition, { text }) => {
        definition.cmdline = text;
      },
      judge: () => used('command line of the kernel', 'This is the whole command line of the kernel.'),
      from: ({ cmdline }) => cmdline || undefined,
    },
  ),
  root: rule('string', used('root= on the command line', 'The command line starts with root= and this value.'), {
    into: (definition, asked) => {
      if (!asked.has('cmdline')) definition.cmdline = `root=${asked.text}`;
    },
    judge: asked =>
      asked.has('cmdline')
        ? beside('root')
        : used('root= on the command line', `The command line starts with root=${asked.text}.`),
  }),
  extra: rule('string', used('end of the command line', 'This text ends the command line.'), {
    into: (definition, asked) => {
      if (!asked.has('cmdline') && !isPvGrub(asked))
        definition.cmdline = [definition.cmdline, asked.text].filter(Boolean).join(' ');
    },
    judge: asked =>
      isPvGrub(asked)
        ? ignored(
            'pygrub finds the menu',
            'This tells PV-GRUB where the menu is: pygrub looks for it on all partitions.',
          )
        : asked.has('cmdline')
          ? beside('extra')
          : used('end of the command line', 'This text ends the command line of the kernel.'),
  }),
  // libxl's default is cda.
  boot: rule('string', used('what firmware tries', 'The firmware tries these devices in this order.'), {
    range: asked => {
      if (namesKernel(asked)) return undefined;
      const problem = bootOrderProblem(asked.text);
      return problem === undefined ? undefined : wrong('names no device', problem);
    },
    into: (definition, { text }) => {
      if (text !== '') definition.bootOrder = bootOrder(text);
    },
    judge: asked => {
      if (asked.text === '') return undefined;
      if (namesKernel(asked))
        return ignored(
          'the kernel is started directly',
          'There is nothing to choose from: the kernel is started directly.',
        );
      const names = [...bootOrder(asked.text)].map(letter => BOOT_DEVICES[letter]).join(', then ');
      return used(names, `The firmware tries ${names}.${repeatedLetters(asked.text)}`);
    },
    from: ({ kernel, bootOrder }) => (kernel ? undefined : bootOrder),
  }),
  // Ringside's own: libvirt's <boot order> decides among drives of one class, and xl has no word for that. (A real xl does not look at it.)
  boot_devices: rule('list', used('what firmware tries', 'The firmware tries these devices in this order.'), {
    guests: ['hvm'],
    judge: asked => {
      const { definition } = asked;
      const items = asked.value.kind === 'list' ? asked.value.items : [];
      const tried: string[] = [];
      for (const item of items) {
        const name = item.kind === 'list' ? '' : item.text;
        const disk = definition.disks.find(({ vdev }) => vdev === name);
        if (namesKernel(asked))
          asked.tell(
            item,
            'boot_devices',
            ignored(
              'the kernel is started directly',
              'There is nothing to choose from: the kernel is started directly.',
            ),
          );
        else if (!disk && name !== 'n')
          asked.tell(
            item,
            'boot_devices',
            ignored('no such drive', `There is no drive ${shortened(name)} here: the next one is tried.`),
          );
        else if (disk && disk.place < 0)
          asked.tell(
            item,
            'boot_devices',
            ignored(
              'not seen by firmware',
              `${name} is for PV drivers alone, so the firmware does not see it: the next one is tried.`,
            ),
          );
        else {
          tried.push(name);
          asked.tell(
            item,
            'boot_devices',
            used(
              `tried as number ${tried.length}`,
              `The firmware tries ${disk ? name : 'the network'} ${tried.length === 1 ? 'first' : `as number ${tried.length}`}.`,
            ),
          );
        }
      }
      if (tried.length > 0) {
        definition.bootDevices = tried;
        definition.bootOrder = bootOrder(
          tried
            .map(name => BOOT_LETTERS[definition.disks.find(({ vdev }) => vdev === name)?.kind ?? 'network'])
            .join(''),
        );
      }
      return TOLD;
    },
    from: ({ kernel, bootDevices }) => (kernel || !bootDevices ? undefined : [...bootDevices]),
  }),
  firmware: rule('string', anyFirmware, {
    range: asked => {
      if (definedAs(asked.definition).firmware) return isFirmware(asked);
      return asked.textOf('kernel')
        ? wrong(
            'kernel is named, too',
            'a guest without a PC starts either a kernel or a firmware, and kernel is set. Take one of them out.',
          )
        : isPvFirmware(asked);
    },
    into: (definition, asked) => {
      if (isPvGrub(asked) && definition.disks.length > 0) definition.bootloader ??= { program: 'pygrub' };
      if (definedAs(definition).firmware) takeFirmware(definition, asked);
    },
    judge: asked => (isPvGrub(asked) ? pvGrub : judgeFirmware(asked)),
  }),
  // Behind firmware: the newer of the two keys, and the one that xl writes.
  ...only(['hvm'], {
    bios: rule('string', anyFirmware, {
      range: isBios,
      into: takeFirmware,
      judge: judgeFirmware,
      from: ({ kernel, bios }) => (kernel ? undefined : bios),
    }),
  }),
  ...only(['hvm'], {
    bios_path_override: rule(
      'string',
      used(
        'firmware from this file',
        'This file is the firmware. It lies in RAM, as hvmloader has it, so that what it writes to itself is gone with the guest.',
      ),
      {
        into: (definition, { text }) => {
          if (text) definition.biosPath = text;
        },
        judge: asked =>
          asked.text && namesKernel(asked)
            ? ignored('kernel counts', 'A kernel is named, which starts without firmware.')
            : undefined,
        from: ({ biosPath }) => biosPath,
      },
    ),
  }),
  bootloader: rule('string', used("looks on the guest's disk", "It looks for the kernel on the guest's own disk."), {
    into: (definition, asked) => {
      const program = programOf(asked.text);
      if (program && looksOnDisk(asked)) definition.bootloader = { program };
    },
    judge: asked => {
      if (asked.text === '') return undefined;
      if (definedAs(asked.definition).firmware)
        return ignored('firmware boots the disks', 'An HVM guest does not need one: its firmware looks at its disks.');
      if (namesKernel(asked)) return ignored('kernel counts', 'kernel is set too and counts alone, as in xl.');
      return programOf(asked.text)
        ? undefined
        : ignored(
            'not known here',
            `pygrub and domUloader look on a guest's disk here; ${asked.text.slice(0, 60)} is neither.`,
          );
    },
    from: ({ bootloader }) => bootloader?.program,
  }),
  ...forLoader(
    'bootloader_args',
    'list or string',
    (loader, asked) => void Object.assign(loader, optionsIn(wordsOf(asked))),
    ({ bootloader }) => {
      const words = bootloader ? loaderWords(bootloader) : [];
      return words.length > 0 ? words : undefined;
    },
  ),
  ...forLoader('bootargs', 'list or string', (loader, asked) => void Object.assign(loader, optionsIn(wordsOf(asked)))),
  ...forLoader('bootentry', 'string', (loader, asked) => {
    loader.entry = asked.text;
  }),
  ...alike(
    'loader',
    'string',
    ignored(
      'a kernel names it itself',
      'xl looks over this key of old definitions, too: a kernel says in its notes for which loader it is.',
    ),
    value => value === 'generic',
  ),
};
