/** Keys that say what starts. Source: xl.cfg(5), "Direct Kernel Boot", "Booting from a disk" and "Boot Device"; parse_cmdline() of tools/xl/xl_parse.c. */
import { isHvmloader } from '../definition.ts';
import { approximated, ignored, type Judged, used, wrong } from '../options.ts';
import { alike, type Context, type Family, only, rule } from '../rule.ts';

const bootloader = 'No boot loader looks into disks of PV and PVH guests: name the kernel in kernel. An HVM guest does not need one.';
const onFirmware = approximated('firmware boots the disks', 'hvmloader is a part of Xen: here the PC starts with its firmware.');
const replaced = ignored('firmware_override is started', 'What firmware_override names is started, and this host hands it no kernel.');
const beside = (key: string): Judged => ignored('cmdline counts', `cmdline is set too and counts alone; ${key} is ignored, as in xl.`);

/** An ELF image that xl starts in hvmloader's place, by its PVH note: an HVM guest without a BIOS. */
const startsOwnFirmware = (context: Context): boolean => {
  const image = context.textOf('firmware_override');
  return context.definition.type === 'hvm' && !!image && !isHvmloader(image);
};
const namesKernel = (context: Context): boolean => {
  const kernel = context.textOf('kernel');
  return !!kernel && !isHvmloader(kernel);
};

/** Something has to start: a kernel, or what firmware finds on a disk. */
function needStart(context: Context): void {
  const { type, disks } = context.definition;
  if (startsOwnFirmware(context)) return;
  // A line that could not be read names one, too; what is wrong with it is said there.
  if (disks.length === 0 && !context.mentions('kernel') && !context.mentions('disk')) {
    const text = 'The definition has neither a kernel nor a disk. Write kernel = "FILE" or disk = [ "FILE,raw,hda" ], and drop that file too.';
    context.tell({ line: 1, column: 1 }, 'kernel', wrong('missing', text));
  } else if (type !== 'hvm' && !(context.mentions('kernel') && !context.has('kernel'))) {
    const text = `A ${type.toUpperCase()} guest has no firmware that could boot a disk. Write kernel = "FILE".`;
    context.tell(context.placeOf('kernel', 'type'), 'kernel', wrong('needs a kernel', text));
  }
}

/** Letters of `boot` that mean something here: disks and CD-ROM drives. */
const bootable = (text: string): string => [...new Set(text)].filter(letter => letter === 'c' || letter === 'd').join('');

export const boot: Family = {
  firmware_override: rule('string', used('started in place of hvmloader', 'This image is started by its PVH note, in place of hvmloader and a BIOS.'), {
    into: (definition, asked) => {
      if (startsOwnFirmware(asked)) definition.kernel = asked.text;
    },
    judge: ({ text, definition: { type } }) =>
      type !== 'hvm' ? ignored('no firmware to replace', `A ${type.toUpperCase()} guest has no firmware.`) : isHvmloader(text) ? onFirmware : undefined,
  }),
  kernel: rule('string', used('started directly', 'The kernel is loaded and started without firmware.'), {
    into: (definition, asked) => {
      if (startsOwnFirmware(asked)) return;
      if (namesKernel(asked)) definition.kernel = asked.text;
      else needStart(asked);
    },
    judge: asked => (startsOwnFirmware(asked) ? replaced : namesKernel(asked) ? undefined : onFirmware),
    absent: needStart,
    from: ({ kernel }) => kernel,
  }),
  ramdisk: rule('string', used('handed to the kernel', 'The initial RAM disk is handed to the kernel.'), {
    into: (definition, asked) => {
      if (namesKernel(asked) && !startsOwnFirmware(asked) && asked.text) definition.ramdisk = asked.text;
    },
    judge: asked => (startsOwnFirmware(asked) ? replaced : namesKernel(asked) ? undefined : ignored('no kernel to hand it to', 'A RAM disk needs a kernel.')),
    from: ({ ramdisk }) => ramdisk,
  }),
  cmdline: rule('string', used('command line of the kernel', 'This is the whole command line; root and extra do not count beside it.'), {
    into: (definition, { text }) => { definition.cmdline = text; },
    judge: () => used('command line of the kernel', 'This is the whole command line of the kernel.'),
    from: ({ cmdline }) => cmdline || undefined,
  }),
  root: rule('string', used('root= on the command line', 'The command line starts with root= and this value.'), {
    into: (definition, asked) => {
      if (!asked.has('cmdline')) definition.cmdline = `root=${asked.text}`;
    },
    judge: asked => (asked.has('cmdline') ? beside('root') : used('root= on the command line', `The command line starts with root=${asked.text}.`)),
  }),
  extra: rule('string', used('end of the command line', 'This text ends the command line.'), {
    into: (definition, asked) => {
      if (!asked.has('cmdline')) definition.cmdline = [definition.cmdline, asked.text].filter(Boolean).join(' ');
    },
    judge: asked => (asked.has('cmdline') ? beside('extra') : used('end of the command line', 'This text ends the command line of the kernel.')),
  }),
  // libxl's default is cda.
  boot: rule('string', used('what firmware tries', 'The firmware tries these devices in turn.'), {
    range: asked => {
      if (namesKernel(asked)) return undefined;
      const unknown = /[^acdn]/.exec(asked.text)?.[0];
      if (unknown) return wrong(`no device ‘${unknown}’`, 'the letters are c (disk), d (CD-ROM), a (floppy) and n (network). Write for example "dc".');
      if (asked.text === '' || bootable(asked.text) !== '') return undefined;
      return wrong('nothing to boot from', 'floppy and network are not built. Write "c" for a disk or "d" for a CD-ROM.');
    },
    into: (definition, { text }) => {
      if (text !== '') definition.bootOrder = bootable(text);
    },
    judge: asked => {
      if (asked.text === '') return undefined;
      if (namesKernel(asked)) return ignored('the kernel is started directly', 'There is nothing to choose from: the kernel is started directly.');
      const order = bootable(asked.text);
      const names = [...order].map(letter => (letter === 'c' ? 'disks' : 'CD-ROM drives')).join(', then ');
      return order === asked.text ? used(names, `The firmware tries ${names}.`) : approximated(names, `The firmware tries ${names}; floppy and network are not built.`);
    },
    from: ({ kernel, bootOrder }) => (kernel ? undefined : bootOrder),
  }),
  ...only(
    ['hvm'],
    alike(
      'bios firmware',
      'string',
      approximated('SeaBIOS, where no kernel is named', 'A PC that boots from a disk starts with SeaBIOS; there is no other firmware. A kernel that is named starts without any.'),
      value => value === 'seabios' || value === 'bios',
    ),
  ),
  ...alike('bios_path_override', 'string', ignored('the fetched SeaBIOS runs', 'The SeaBIOS that npm run guests fetched runs, where no kernel is named.')),
  ...alike('bootloader', 'string', ignored('name the kernel instead', bootloader)),
  ...alike('bootloader_args', 'list or string', ignored('name the kernel instead', bootloader)),
  ...alike(
    'loader',
    'string',
    ignored('a kernel names it itself', 'xl looks over this key of old definitions, too: a kernel says in its notes for which loader it is.'),
    value => value === 'generic',
  ),
};
