/** What a definition among files names, before anything is planned: firmware, disks, a boot loader. */
import { kernelKind } from '../../hypervisor/loader/index.ts';
import type { Found } from '../host/boot-loader/index.ts';
import { type DefinedDisk, type Definition, emulatedCard } from './config/definition.ts';
import type { BootLoader } from '../host/index.ts';
import { judgeDefinition } from './config/judge-definition.ts';
import { lengthProblem } from './config/xlcfg.ts';
import { type NamedBytes, type Given, type FirmwareNeeds, isImage, decode } from './planned.ts';

export const OWN_BIOS = 'ringside';

/** What a boot loader found on the guest's disk; a sentence: why it found nothing. */
export type Loaded = Found | string;

/** What of firmware a definition needs. */
export function needsOf(definition: Definition): FirmwareNeeds {
  const nic = emulatedCard(definition)?.model;
  return {
    bios: definition.bios ?? OWN_BIOS,
    ...(definition.bootOrder.includes('n') && nic ? { card: nic } : {}),
  };
}

/** The definition among these files; undefined: there is none, or none that is judged. */
export function definitionNamed(files: Given[]): Definition | undefined {
  const file = files.find((file): file is NamedBytes => !isImage(file) && isDefinition(file));
  if (!file || lengthProblem(file.data.length)) return undefined;
  return judgeDefinition(file.name, decode(file.data)).definition;
}

/** The firmware that starts what these files describe; undefined: they need none. */
export function firmwareNamed(files: Given[]): FirmwareNeeds | undefined {
  if (!files.some(file => !isImage(file) && isDefinition(file)))
    return files.some(isImage) ? { bios: OWN_BIOS } : undefined;
  const definition = definitionNamed(files);
  if (!definition || definition.kernel !== undefined) return undefined;
  return definition.biosPath === undefined ? needsOf(definition) : { ...needsOf(definition), bios: 'seabios' };
}

/** What a definition among these files names as disks, as it is written there: devices of the host, files. */
export const disksNamed = (files: Given[]): string[] => definitionNamed(files)?.disks.map(({ target }) => target) ?? [];

/** What a boot loader works on. */
export interface LoaderNeeds {
  loader: BootLoader;
  cmdline: string;
  disks: DefinedDisk[];
}

/** What a definition among these files wants of a boot loader; undefined: nothing. */
export function loaderNamed(files: Given[]): LoaderNeeds | undefined {
  const definition = definitionNamed(files);
  return definition && loaderNeeds(definition);
}

export const loaderNeeds = ({ bootloader, kernel, cmdline, disks }: Definition): LoaderNeeds | undefined =>
  bootloader && kernel === undefined ? { loader: bootloader, cmdline, disks } : undefined;

/** Whether a file is a definition: called .cfg, or text that sets something and is no kernel. What other products have is none, whatever it is called. */
export function isDefinition(file: NamedBytes): boolean {
  if (file.foreign) return false;
  if (/\.(cfg|xl|conf|sxp|xml)$/i.test(file.name)) return true;
  const start = file.data.subarray(0, 4096);
  if (start.length === 0 || start.includes(0) || kernelKind(file.data) !== undefined) return false;
  const text = decode(start);
  return /^\s*(\((domain|vm)\b|<(\?xml|!--|domain)\b)/.test(text) || /^[ \t]*[a-z][._0-9a-z]*[ \t]*\+?=/m.test(text);
}
