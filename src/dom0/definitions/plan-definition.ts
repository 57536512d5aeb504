/** From a definition to a domain that could be created, with a verdict on each of its settings. */
import { definedAs } from './kinds/index.ts';
import type { XenKind } from '../../hypervisor/kinds/index.ts';
import { type GuestRam, ramAround } from '../../hypervisor/layout/index.ts';
import type { Boot } from '../../hypervisor/index.ts';
import { isLongBoot } from '../../hypervisor/domain/index.ts';
import type { Finding } from './verdicts.ts';
import { cpuModelOf, type DefinedDisk } from './config/definition.ts';
import { SEABIOS } from './config/keys/boot.ts';
import { isError, judgeDefinition } from './config/judge-definition.ts';
import { xlWriter } from './config/source.ts';
import { diskVerdict } from './config/keys/disks.ts';
import { verdicts } from './config/keys/verdicts-part.ts';
import { isDevice } from '../host/storage/index.ts';
import { noImage, NOT_BUILT } from './libxl-words.ts';
import { HEAD_BYTES, imageProblem } from './images/images.ts';
import {
  type NamedBytes,
  type Given,
  type PlannedDrive,
  type Firmware,
  type Firmwares,
  type Planned,
  NO_FIRMWARE,
  isImage,
  baseName,
  finish,
  check,
} from './planned.ts';
import { OWN_BIOS, type Loaded, needsOf, type LoaderNeeds, loaderNeeds } from './named-in-files.ts';
import { loadedPlans } from './prepare-plans.ts';

const SEABIOS_NOT_HERE = "SeaBIOS is not here: Ringside's own BIOS starts. npm run guests fetches SeaBIOS.";

/** Firmware that a definition names, with what else starts a guest: the VGA BIOS that is SeaBIOS's, a card's ROM. */
const fromFile = ({ name, data }: NamedBytes, other: Firmware): Firmware => ({
  ...(typeof other === 'string' ? {} : other),
  bios: OWN_BIOS,
  image: data,
  name: baseName(name),
  forQemu: true,
});

/** A definition with lines of xl.cfg behind it, which count more, and the line that they begin on. */
export function withOptions(file: string, written: string, options: string): { text: string; optionsFrom: number } {
  if (options === '') return { text: written, optionsFrom: Infinity };
  const judged = judgeDefinition(file, written);
  const { definition, findings, isForeign } = judged;
  // What is wrong with a definition of another language is reported in place.
  if (isForeign && findings.some(isError)) return { text: written, optionsFrom: Infinity };
  const base = isForeign ? xlWriter().writeXlConfig(definition) + xlWriter().otherKeys(judged) : written;
  const head = base === '' || base.endsWith('\n') ? base : `${base}\n`;
  return { text: head + options, optionsFrom: head.split(/\r\n?|\n/).length };
}

/** How the drives of a definition find their images, and what starts them. */
interface Disks {
  image: (path: string) => Given | string;
  firmware: Firmwares;
  load?: (needs: LoaderNeeds) => Loaded;
}

/** A definition that was judged, while its files are looked for: what is wrong with them goes to its findings. */
class Judgement {
  readonly judged: ReturnType<typeof judgeDefinition>;
  private readonly resolve: (path: string) => NamedBytes | string;

  constructor(judged: ReturnType<typeof judgeDefinition>, resolve: (path: string) => NamedBytes | string) {
    this.judged = judged;
    this.resolve = resolve;
  }

  isUsed(key: string): boolean {
    return this.judged.findings.some(finding => finding.key === key && finding.verdict === 'used');
  }

  /** Another verdict on a key that was used so far. */
  replace(key: string, verdict: 'missing' | 'error', short: string, message: string, libxl?: Finding['libxl']): void {
    const { findings, valueAt } = this.judged;
    const finding = findings.find(f => f.key === key && f.verdict === 'used');
    const { said: _said, ...at } = valueAt.get(key) ?? { said: '' };
    if (finding) Object.assign(finding, { verdict, short, text: message, ...at, ...(libxl ? { libxl } : {}) });
  }

  /** The file that a key names; undefined: none, or it is not there, which is reported. */
  find(path: string | undefined, key: string): NamedBytes | undefined {
    if (!path || !this.isUsed(key)) return undefined;
    const found = this.resolve(path);
    if (typeof found !== 'string') return found;
    const said = this.judged.valueAt.get(key)?.said ?? `${key} = '${path}'`;
    this.replace(key, 'missing', 'file not found', `${said}: ${found}`, NOT_BUILT);
    return undefined;
  }

  /** The kernel that is started, from a file or by a boot loader; undefined: none is named. */
  kernelBoot(load: Disks['load']): Boot | undefined {
    const { definition, findings } = this.judged;
    // An image in hvmloader's place starts as a kernel does.
    const named = this.isUsed('firmware_override') ? 'firmware_override' : 'kernel';
    const needs = loaderNeeds(definition);
    const loaded = needs && (load?.(needs) ?? 'Its disk cannot be looked at here. Name the kernel in kernel.');
    const found = typeof loaded === 'object' ? loaded : undefined;
    if (typeof loaded === 'string') this.replace('bootloader', 'error', 'found no kernel', loaded);
    const loader = found && findings.find(f => f.key === 'bootloader' && f.verdict === 'used');
    if (loader) loader.text = `It found ${found.description}`;
    const kernel = found?.kernel ?? this.find(definition.kernel, named),
      ramdisk = found ? found.ramdisk : this.find(definition.ramdisk, 'ramdisk');
    if (!kernel) return undefined;
    const boot: Boot = {
      kind: definedAs(definition).entry,
      kernel: kernel.data,
      name: baseName(kernel.name),
      cmdline: found?.cmdline ?? definition.cmdline,
      ...(ramdisk ? { ramdisk: { name: baseName(ramdisk.name), data: ramdisk.data } } : {}),
    };
    const problem = this.loadProblem(boot);
    if (problem) {
      const isRamdisk = ramdisk !== undefined && problem.startsWith(baseName(ramdisk.name));
      this.replace(
        found ? 'bootloader' : isRamdisk ? 'ramdisk' : named,
        'error',
        isRamdisk ? 'cannot be loaded' : 'cannot be started',
        problem,
      );
    }
    return boot;
  }

  /** What the guest has at first; what it sees up to maxmem is populated on demand, and takes nothing from this below the hole. */
  private get ram(): GuestRam {
    const { memoryMiB, mmioHoleMiB } = this.judged.definition;
    return ramAround(memoryMiB, mmioHoleMiB);
  }

  /** Why a kernel cannot be loaded, in the words of the definition's language: the loader knows xl's alone. */
  private loadProblem(boot: Boot): string | undefined {
    const { definition, findings, language } = this.judged;
    const isUnknown = findings.some(({ key, verdict }) => key === 'memory' && verdict === 'error');
    const ram = isUnknown ? ramAround(1024) : this.ram;
    return check(boot, ram, definition.kind, cpuModelOf(definition, isLongBoot(boot)))?.replace(
      /memory = (\d+)/,
      (_, mib: string) => language.write('memory', mib),
    );
  }

  /** What firmware starts of the drives or the network. `biosFile`: firmware of a person's own, which may do something else than boot a disk. */
  firmwareBoot(drives: PlannedDrive[], firmwares: Firmwares, biosFile: NamedBytes | undefined): Boot | undefined {
    const { definition, findings, isForeign, language } = this.judged;
    const { bootProblem, firmwareBoot, networkProblem, startsWithNothing, startUnsigned } = loadedPlans();
    const firmware = biosFile
      ? fromFile(biosFile, firmwares({ ...needsOf(definition), bios: 'seabios' }))
      : firmwares(needsOf(definition));
    if (typeof firmware === 'object' && definition.bios === 'seabios' && firmware.bios !== 'seabios')
      for (const finding of findings.filter(({ short }) => short === SEABIOS))
        Object.assign(finding, { verdict: 'approximated', short: "Ringside's own BIOS", text: SEABIOS_NOT_HERE });
    const onBoot = findings.find(({ key }) => key === 'boot');
    const finding = definition.disks.length > 0 ? findingOf(definition.disks[0], findings) : onBoot;
    const noNetwork = networkProblem(definition, firmware, language.write('vif', '[ "model=pcnet" ]'));
    const isNetworkTried = definition.bootOrder.includes('n') && !noNetwork;
    if (!isNetworkTried)
      startUnsigned(
        drives,
        definition,
        firmware,
        definition.disks.map(disk => findingOf(disk, findings)),
      );
    const boot = firmwareBoot(drives, definition, firmware);
    const unfit = biosFile && boot && check(boot, this.ram, definition.kind);
    if (unfit) this.replace('bios_path_override', 'error', 'is no firmware', unfit);
    const problem =
      typeof firmware === 'string'
        ? { short: 'needs firmware', text: firmware }
        : isNetworkTried || biosFile
          ? null
          : bootProblem(drives, definition);
    if (problem && finding && !isError(finding))
      Object.assign(
        finding,
        (typeof firmware === 'object' ? startsWithNothing(drives, definition) : undefined) ?? {
          verdict: 'error',
          ...(noNetwork && drives.length === 0 ? noNetwork : problem),
        },
      );
    else if (noNetwork && onBoot && !isError(onBoot)) Object.assign(onBoot, { verdict: 'approximated', ...noNetwork });
    // Of another language's text it is no line.
    if (isForeign) for (const each of findings) if (each.remedy?.line) delete each.remedy;
    return boot;
  }
}

/** A definition, and the files that `resolve` finds; a string from it says why there is none. `optionsFrom`: see judgeDefinition. */
export function planDefinition(
  file: string,
  text: string,
  resolve: (path: string) => NamedBytes | string,
  disks: Disks = { image: resolve, firmware: () => NO_FIRMWARE },
  optionsFrom = Infinity,
): Planned {
  const judged = judgeDefinition(file, text, optionsFrom),
    { definition, findings, isForeign, language } = judged,
    judgement = new Judgement(judged, resolve);
  let boot = judgement.kernelBoot(disks.load);
  const biosFile = boot ? undefined : judgement.find(definition.biosPath, 'bios_path_override');
  const { type, firmware, startsEmpty } = definedAs(definition);
  const drives = definition.disks.map((disk, i) => planDrive(disk, i, type, findings, disks.image));
  if (
    !definition.kernel &&
    firmware &&
    (definition.disks.length > 0 || definition.bootOrder.includes('n') || startsEmpty || biosFile)
  )
    boot = judgement.firmwareBoot(drives, disks.firmware, biosFile);
  return {
    ...finish(findings, definition, boot, isForeign ? xlWriter().writeXlConfig(definition) : text, { file }, drives),
    write: language.write,
  };
}

const keyOf = ({ kind, vdev }: DefinedDisk): string => (kind === 'floppy' ? vdev : 'disk');

const findingOf = (disk: DefinedDisk, findings: Finding[]): Finding | undefined =>
  findings.find(({ key, line, column }) => key === keyOf(disk) && line === disk.at.line && column === disk.at.column);

/** A disk of a definition, with the image that it names; what is wrong goes to its finding. */
function planDrive(
  disk: DefinedDisk,
  index: number,
  type: XenKind,
  findings: Finding[],
  resolve: (path: string) => Given | string,
): PlannedDrive {
  const drive: PlannedDrive = { place: disk.place, vdev: disk.vdev, kind: disk.kind, readOnly: disk.readOnly };
  if (disk.target === '') return drive;
  const finding = findingOf(disk, findings);
  const found = resolve(disk.target);
  if (typeof found === 'string') {
    const { isThere, ...libxl } = noImage(disk, index, found);
    if (finding)
      Object.assign(finding, {
        verdict: 'missing',
        short: isThere ? 'file not accessible' : 'file not found',
        text: `${disk.at.image?.said ?? `${keyOf(disk)} = '${disk.target}'`}: ${found}`,
        libxl,
        ...(disk.at.image ? { line: disk.at.image.line, column: disk.at.image.column } : {}),
      });
    return drive;
  }
  drive.image = isImage(found)
    ? found
    : { name: found.name, head: found.data.subarray(0, HEAD_BYTES), bytes: found.data.length };
  const { head, bytes, device, packing } = drive.image;
  // A device is opened by the format that the definition says, and this is what is in it then; of a file's that is found out.
  const isRaw = device === true && ['raw', 'qcow2'].includes(disk.format);
  const problem = imageProblem(baseName(found.name), disk.kind, head, bytes, packing, isRaw);
  const otherFormat = disk.kind === 'disk' && !device && verdicts.loaded?.formats.otherFormat(disk, drive.image);
  if (problem && finding) Object.assign(finding, { verdict: 'error', ...problem });
  else if (otherFormat && finding) Object.assign(finding, otherFormat);
  else if (drive.image.device) {
    // However it was written: who looks at the domain later knows no other folder.
    if (!isDevice(disk.target)) disk.target = drive.image.name;
    if (finding) Object.assign(finding, diskVerdict(disk, disk.place, type, true));
  }
  return drive;
}
