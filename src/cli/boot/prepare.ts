/** What a `ringside boot` is to start: from its words and files to what the toolstack builds from. */
import { DEFINITION_KINDS, definedAs } from '../../dom0/definitions/kinds/index.ts';
import { closeSync, openSync, readSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { hasLongMode } from '../../cpu/architecture/index.ts';
import type { LinuxForFirmware } from '../../devices/index.ts';
import {
  type Action,
  type Bios,
  type Definition,
  newDefinition,
  NO_BOOT_CHECK,
  type Card,
} from '../../dom0/definitions/config/index.ts';
import { formatFinding } from '../../dom0/definitions/config/index.ts';
import { MOST_BYTES, prepareToRead } from '../../dom0/definitions/config/index.ts';
import { lengthProblem } from '../../dom0/definitions/config/index.ts';
import { disksNamed, judgePlaces, mayBeForeign, OWN_PLACES } from '../../dom0/definitions/index.ts';
import { recognise } from '../../dom0/definitions/recognise/index.ts';
import {
  baseName,
  decode,
  type Firmware,
  type FirmwareNeeds,
  isDefinition,
  type NamedBytes,
  planDefinition,
  type PlannedDrive,
  planKernel,
  type Planned,
  startsWith,
  VIRTUAL_EPOCH_MS,
  withOptions,
} from '../../dom0/service/index.ts';
import { fileSharing, namesFiles, pathsIn, spellFiles } from '../../dom0/host/files/index.ts';
import { type Blueprint, blueprintOf } from '../../dom0/toolstack/index.ts';
import { type Boot, checkBoot, type DriveImage, readState, SAVED_MAGIC } from '../../hypervisor/index.ts';
import { isLongBoot } from '../../hypervisor/domain/index.ts';
import { ramAround } from '../../hypervisor/layout/index.ts';
import { kernelKind } from '../../hypervisor/loader/index.ts';
import { cannotRead, fileBytes, fileBytesLater } from '../file-bytes.ts';
import {
  bootDevices,
  fetchedFirmware,
  fetchedRom,
  type HostDevices,
  imageKind,
  isSeaBiosHere,
  loadFromDisks,
  lookAtImage,
  type MadeCds,
  openDrives,
  openFloppies,
  openPlanned,
  ownFirmware,
  restoredDrives,
} from './disks.ts';
import { open } from './image-file.ts';
import { type BootOptions, UsageError } from './options.ts';
import type { Output } from './terminal.ts';

const DEFAULT_MEMORY_MIB = 256;
/** Console of a Linux that was given without a command line: standard output. */
const LINUX_CMDLINE = 'console=ttyS0';

/** A definition that is not in xl's language has a reader of its own, which is loaded for it. A file that fails is reported later. */
export async function loadReaders(files: string[]): Promise<void> {
  for (const file of files) {
    let head = new Uint8Array(MOST_BYTES);
    try {
      const fd = openSync(file, 'r');
      head = head.subarray(0, readSync(fd, head));
      closeSync(fd);
    } catch {
      continue;
    }
    await prepareToRead(decode(head));
  }
}

/** CDs that definitions want of files, whose paths begin where the definition lies. */
export async function makeCds(files: string[]): Promise<MadeCds> {
  const cds = new Map<string, Uint8Array | string>();
  for (const name of files) {
    const data = await fileBytesLater(name).catch(() => undefined);
    for (const target of data ? disksNamed([{ name, data }]) : []) {
      if (!namesFiles(target)) continue;
      const placed = filesBeside(name, target);
      cds.set(
        placed,
        await (await fileSharing.load()).cdOfFiles(FILES, placed).then(
          async cd => new Uint8Array(await cd.arrayBuffer()),
          (error: Error) => error.message,
        ),
      );
    }
  }
  return cds;
}
const FILES = {
  stat: async (path: string) => {
    const found = await stat(path);
    return { isDirectory: found.isDirectory(), mtime: found.mtime, size: found.size };
  },
  readFileBuffer: fileBytesLater,
  readdir,
  realpath,
};

/** Where a path of a definition leads. */
const beside = (definition: string, path: string): string =>
  isAbsolute(path) ? path : join(dirname(definition), path);
const filesBeside = (definition: string, target: string): string =>
  spellFiles(pathsIn(target).map(path => beside(definition, path)));

/** What will be started, checked as far as it can be without starting it. */
export function prepareAll(
  options: BootOptions,
  stderr: Output,
  devices?: HostDevices,
  cds: MadeCds = new Map(),
): Blueprint[] {
  const one = (of: BootOptions): Blueprint => {
    const guest = asAsked(modelOf(refuseWithoutVt(prepare(of, stderr, devices, cds), options), options), options);
    if (options.cpu && !hasLongMode(options.cpu) && isLongBoot(guest.boot))
      throw new UsageError(
        `${guest.boot.name} is a 64-bit kernel, and a processor of level ${options.cpu} has 32-bit modes only. Write --cpu x86-64-v2, or leave --cpu out.`,
      );
    return options.cpu ? { ...guest, cpuLevel: options.cpu } : guest;
  };
  const several =
    options.files.length > 1 ? options.files.map(file => ({ file })) : options.restores.map(restore => ({ restore }));
  const guests = several.length > 1 ? several.map(source => one({ ...options, ...source })) : [one(options)];
  for (const { definition } of guests) {
    const same = guests.filter(guest => guest.definition.name === definition.name);
    if (same.length > 1) same.forEach((guest, i) => (guest.definition.name += `-${i + 1}`));
  }
  return withCards(guests, options, stderr);
}

/** Network cards as the definitions and --nic have them. Who is given no station address gets one when it is built. @throws UsageError where two have the same */
function withCards(guests: Blueprint[], options: BootOptions, stderr: Output): Blueprint[] {
  const owners = new Map<string, string>();
  return guests.map((guest): Blueprint => {
    const { definition } = guest;
    const { kind } = definition;
    const [{ model: given, pv, ...card } = {} as Card, ...others] = definition.cards;
    const { emulates, pvCards } = definedAs(definition);
    if (options.nic && !emulates)
      stderr.text(
        `ringside: ${definition.name} gets a PV network card: a ${kind.toUpperCase()} guest has PV devices only.\n`,
      );
    const model = emulates ? (given ?? options.nic) : undefined;
    for (const { mac } of definition.cards) {
      const owner = mac && owners.get(mac);
      if (owner && owner !== definition.name)
        throw new UsageError(
          `${owner} and ${definition.name} have the same station address, ${mac}. Give one of them another, or leave mac out: then one is drawn.`,
        );
      if (mac) owners.set(mac, definition.name);
    }
    const wantsPv = pvCards && (options.nic !== undefined || pv === true);
    const first: Card = { ...card, ...(model ? { model } : {}), ...(wantsPv ? { pv: true } : {}) };
    return {
      ...guest,
      definition: { ...definition, cards: [...(model || wantsPv ? [first] : []), ...(pvCards ? others : [])] },
    };
  });
}

/** Where the device model is to run, as the command line has it: what a definition says else stays. */
function modelOf(guest: Blueprint, { deviceModel }: BootOptions): Blueprint {
  if (deviceModel === undefined) return guest;
  if (!definedAs(guest.definition).modelInDomain0 && deviceModel === 'dom0')
    throw new UsageError(
      `${guest.definition.name} has no device model that Domain 0 could run: --device-model dom0 is for HVM guests of Xen (--type hvm).`,
    );
  return { ...guest, definition: { ...guest.definition, modelInDomain0: deviceModel === 'dom0' } };
}

/** The kind that the command line asks for in place of a plain PC. */
function asAsked(guest: Blueprint, { becomes }: BootOptions): Blueprint {
  if (becomes === undefined) return guest;
  if (definedAs(guest.definition).needsXen)
    throw new UsageError(
      `${guest.definition.name} is a guest of Xen, as its definition has it. Leave --type ${becomes} out, or name a kernel or disks.`,
    );
  return { ...guest, definition: { ...guest.definition, kind: becomes } };
}

/** A standard computer: only paravirtual guests can be built. The reason is the one that Xen's domain creation and xend's messages give. */
function refuseWithoutVt(guest: Blueprint, { noVt }: BootOptions): Blueprint {
  const { needsXen, needsVt, type } = definedAs(guest.definition);
  if (noVt && needsXen && needsVt)
    throw new UsageError(
      `${guest.definition.name} was not created: ${type.toUpperCase()} requested but HVM is not available: is VT/AMD-V supported by your CPU and enabled in your BIOS? ` +
        'Take a PV guest (--type pv), or leave out --no-vt.',
    );
  return guest;
}

/** The file of a saved state, for its next owner: a guest's worker reads it again, and on this thread the pages that were read are taken. */
const fileOf = (data: Uint8Array, { virtualTime, pcpus, restores }: BootOptions): Blob => {
  const isElsewhere = !virtualTime && (pcpus ?? restores.length) > 1;
  return new Blob(isElsewhere ? [data as BlobPart] : []);
};

function prepare(options: BootOptions, stderr: Output, devices: HostDevices | undefined, cds: MadeCds): Blueprint {
  const startEpochMs = options.virtualTime ? VIRTUAL_EPOCH_MS : Date.now();
  if (options.restore !== undefined) {
    const { data } = read(options.restore, '--restore');
    const saved = readState(data, options.restore);
    const { about } = saved;
    if (about.virtualTime !== options.virtualTime) {
      throw new UsageError(
        `${options.restore} was saved in ${about.virtualTime ? 'virtual' : 'real'} time. ${about.virtualTime ? 'Add' : 'Leave out'} --virtual-time.`,
      );
    }
    const drives = restoredDrives(saved, options, devices);
    const blueprint = blueprintOf(saved, { file: fileOf(data, options) }, drives, options.restore);
    // What its definition says of its end still holds.
    return { ...blueprint, definition: withEndings(blueprint.definition, options) };
  }
  const kind =
    options.file === undefined
      ? undefined
      : (imageKind(options.file) ?? (options.noSignatureCheck && isNothingElse(options.file) ? 'disk' : undefined));
  if (kind === 'disk') options.disks.unshift(options.file ?? '');
  if (kind === 'cdrom') {
    if (options.cdrom !== undefined)
      throw new UsageError(`${options.file} and ${options.cdrom} are both CDs, and there is one drive. Leave one out.`);
    options.cdrom = options.file;
  }
  if (kind === 'floppy') {
    if (options.fda !== undefined)
      throw new UsageError(`${options.file} and ${options.fda} are both for drive A. Give one as --fdb.`);
    options.fda = options.file ?? '';
  }
  const drives = [...openDrives(options.disks, options.cdrom, options.type, devices), ...openFloppies(options)];
  if (
    options.firmware !== undefined ||
    kind !== undefined ||
    (options.file === undefined && options.kernel === undefined)
  ) {
    const image: Boot =
      options.firmware === undefined
        ? standardFirmware(options.bios)
        : {
            kind: 'firmware',
            image: read(options.firmware, '--bios').data,
            name: baseName(options.firmware),
            forQemu: true,
            ...(options.writesFirmware ? { flash: flashOf(options.firmware, options.type) } : {}),
            ...(options.vgabios === undefined ? {} : { vgaBios: read(options.vgabios, '--vgabios').data }),
            ...(options.kernel === undefined ? {} : { linux: linuxForFirmware(options.kernel, options) }),
          };
    if (options.hvmloader !== undefined) image.loader = read(options.hvmloader, '--hvmloader');
    const order =
      options.boot ?? (drives.length === 0 ? 'n' : kind === 'cdrom' ? 'dc' : options.fda !== undefined ? 'acd' : 'cd');
    if (drives.length > 0 || options.nic) Object.assign(image, bootDevices(drives, order, options, stderr));
    if (order.includes('n') && options.nic) {
      const rom = fetchedRom(options.nic);
      if (typeof rom === 'string') throw new UsageError(rom);
      image.nicRom = rom;
    }
    const guest = { name: image.name, kind: options.type ?? 'pc' } as const;
    const definition: Definition = { ...newDefinition(), ...guest, ...sizesOf(options) };
    checkBoot(image, ramAround(definition.memoryMiB, definition.mmioHoleMiB), definition.kind);
    if (options.type && !DEFINITION_KINDS[options.type].firmware)
      throw new UsageError(
        `A ${options.type.toUpperCase()} guest has no firmware and no disk controller. Name a kernel with --kernel, or write --type hvm.`,
      );
    return {
      definition: withEndings(definition, options),
      boot: image,
      drives,
      text: '',
      startEpochMs,
    };
  }
  const {
    planned: { plan, domain },
    fromDefinition,
  } = planFrom(options, devices, cds);
  if (!domain) {
    for (const finding of plan.errors)
      stderr.text(fromDefinition ? `${formatFinding(finding)}\n` : `ringside: ${inOptions(finding.text)}\n`);
    if (fromDefinition) {
      const ignored = plan.findings.filter(finding => finding.verdict === 'ignored').length;
      stderr.text(
        `${plan.name || 'The domain'} was not created; ${count(plan.errors.length, 'error')}${ignored ? `, ${count(ignored, 'key')} ignored` : ''}.\n`,
      );
    }
    throw new UsageError('');
  }
  for (const finding of plan.findings) {
    const { key, verdict, text } = finding;
    if (verdict === 'approximated' || verdict === 'ignored')
      stderr.text(`${formatFinding({ ...finding, text: `${key} (${verdict}): ${text}` })}\n`);
  }
  const { definition } = domain;
  return {
    ...domain,
    definition: withEndings(definition, options),
    drives: drivesOf(domain.drives, drives, definition.name, devices, cds),
    text: plan.definition,
    startEpochMs,
  };
}

/** Neither a kernel nor a definition: with --no-signature-check it is a disk. */
function isNothingElse(path: string): boolean {
  const file = read(path, 'FILE');
  return kernelKind(file.data) === undefined && !isDefinition(file) && !startsWith(file.data, SAVED_MAGIC);
}

/** With --no-reboot nobody is started again. */
function withEndings(definition: Definition, { noReboot }: BootOptions): Definition {
  const INSTEAD: Partial<Record<Action, Action>> = {
    restart: 'destroy',
    'rename-restart': 'preserve',
    'coredump-restart': 'coredump-destroy',
  };
  const then = (action: Action): Action => (noReboot && INSTEAD[action]) || action;
  return {
    ...definition,
    onPoweroff: then(definition.onPoweroff),
    onReboot: then(definition.onReboot),
    onCrash: then(definition.onCrash),
  };
}

/** Flash that a file keeps. @throws UsageError */
function flashOf(path: string, type: BootOptions['type']): { keep: { name: string; path: string; writes: true } } {
  if (type)
    throw new UsageError(
      `Firmware of a guest of Xen lies in RAM, which is gone when it ends, and --bios ${path},rw keeps what it writes. Leave rw out, or leave --type out.`,
    );
  closeSync(open(path, '--bios', 'r+').fd);
  return { keep: { name: path, path, writes: true } };
}

const standardFirmware = (wanted: Bios = 'ringside'): Extract<Boot, { kind: 'firmware' }> =>
  wanted === 'seabios' ? fetchedFirmware() : ownFirmware();

function firmwareOrWhy({ bios: wanted, card }: FirmwareNeeds): Firmware {
  const bios = wanted === 'seabios' && isSeaBiosHere() ? wanted : 'ringside';
  try {
    return { bios, ...standardFirmware(bios), ...(card ? { nicRom: fetchedRom(card) } : {}) };
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/** A definition's drives, or those of --disk and --cdrom next to a kernel. */
function drivesOf(
  planned: readonly PlannedDrive[],
  given: DriveImage[],
  name: string,
  devices: HostDevices | undefined,
  cds: MadeCds,
): DriveImage[] {
  if (planned.length > 0 && given.length > 0)
    throw new UsageError('The definition names disks itself: leave out --disk and --cdrom, or add them there.');
  return planned.length > 0 ? openPlanned(planned, name, devices, cds) : given;
}

/** Advice for a definition, to someone who wrote none. */
const inOptions = (sentence: string): string =>
  sentence.replace(/Write memory = (\d+) or more\./, 'Write --memory $1 or more.');

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

function linuxForFirmware(path: string, { initrd, cmdline }: BootOptions): LinuxForFirmware {
  return {
    kernel: read(path, '--kernel').data,
    cmdline: cmdline ?? LINUX_CMDLINE,
    ...(initrd === undefined ? {} : { initrd: read(initrd, '--initrd').data }),
  };
}

/** What options say of a guest that has no definition. */
const sizesOf = ({
  memory,
  mmioHole,
  vcpus,
}: BootOptions): Pick<Definition, 'memoryMiB' | 'mmioHoleMiB' | 'vcpus'> => ({
  memoryMiB: memory ?? DEFAULT_MEMORY_MIB,
  ...(mmioHole === undefined ? {} : { mmioHoleMiB: mmioHole }),
  vcpus: vcpus ?? 1,
});

function planFrom(
  options: BootOptions,
  devices: HostDevices | undefined,
  cds: MadeCds,
): { planned: Planned; fromDefinition: boolean } {
  const file = read(options.kernel ?? options.file ?? '', options.kernel === undefined ? 'FILE' : '--kernel');
  const foreign = mayBeForeign(file.data) ? recognise(baseName(file.name), file.data) : undefined;
  if (foreign) throw new UsageError(foreign.text);
  if (options.kernel === undefined && isDefinition(file)) {
    const placeOf = (path: string): string =>
      namesFiles(path) ? filesBeside(file.name, path) : beside(file.name, path);
    const tooLong = lengthProblem(file.data.length);
    if (tooLong) throw new UsageError(`${file.name}: ${tooLong}`);
    const written = decode(file.data);
    // Options on the command line count after the file, as `xl create file key=value` has it.
    const extra = [
      options.memory === undefined ? '' : `memory = ${options.memory}\n`,
      options.mmioHole === undefined ? '' : `mmio_hole = ${options.mmioHole}\n`,
      options.vcpus === undefined ? '' : `vcpus = ${options.vcpus}\n`,
      options.type === undefined ? '' : `type = ${quote(options.type)}\n`,
      options.bios === undefined ? '' : `bios = ${quote(options.bios)}\n`,
      options.cmdline === undefined ? '' : `cmdline = ${quote(options.cmdline)}\n`,
      options.initrd === undefined ? '' : `ramdisk = ${quote(options.initrd)}\n`,
      options.noSignatureCheck ? `device_model_args_hvm = [ ${quote(NO_BOOT_CHECK)} ]\n` : '',
    ].join('');
    const { text, optionsFrom } = withOptions(file.name, written, extra);
    const planned = planDefinition(
      file.name,
      text,
      path => {
        const place = path === options.initrd ? path : placeOf(path);
        try {
          return { name: path, data: fileBytes(place) };
        } catch (error) {
          return `${place} ${cannotRead(error)}.`;
        }
      },
      {
        image: path => lookAtImage(placeOf(path), devices, cds),
        firmware: firmwareOrWhy,
        load: needs => loadFromDisks(needs, placeOf, devices),
      },
      optionsFrom,
    );
    return { planned: onOwnBridge(planned), fromDefinition: true };
  }
  if (startsWith(file.data, SAVED_MAGIC))
    throw new UsageError(`${file.name} is a saved domain. Write --restore ${file.name}.`);
  const cmdline = options.cmdline ?? (kernelKind(file.data) === 'linux' ? linuxCmdline(options) : '');
  const ramdisk = options.initrd === undefined ? {} : { ramdisk: read(options.initrd, '--initrd') };
  const plan = {
    kernel: file,
    cmdline,
    ...sizesOf(options),
    ...ramdisk,
  };
  return { planned: planKernel({ ...plan, ...(options.type ? { type: options.type } : {}) }), fromDefinition: false };
}

/** Its host has no networks but its own: a card that is to be on another stops the guest. */
function onOwnBridge({ domain, ...planned }: Planned): Planned {
  const { errors, findings } = planned.plan;
  errors.push(...judgePlaces(findings, OWN_PLACES));
  return domain && errors.length === 0 ? { ...planned, domain } : planned;
}

/** Where a Linux without a command line shows itself: the first serial port, or the PV console of those that have no such port. */
const linuxCmdline = ({ type }: BootOptions): string =>
  DEFINITION_KINDS[type ?? 'pc'].emulates ? LINUX_CMDLINE : 'console=hvc0';

const quote = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

export function read(path: string, option: string): NamedBytes {
  try {
    return { name: path, data: fileBytes(path) };
  } catch (error) {
    throw new UsageError(`${path || '""'} ${cannotRead(error)} (${option}).`);
  }
}
