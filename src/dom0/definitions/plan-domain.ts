/** From files to a domain that could be created: which of them is the definition, and what is wrong with them. Creates nothing. */
import { SAVED_MAGIC } from '../../hypervisor/index.ts';
import { isDevice } from '../host/storage/index.ts';
import type { Finding } from './verdicts.ts';
import { lengthProblem } from './config/xlcfg.ts';
import { HEAD_BYTES } from './images/images.ts';
import { type Loaded, isDefinition } from './named-in-files.ts';
import { loadedPlans } from './prepare-plans.ts';
import { planDefinition } from './plan-definition.ts';
import {
  type NamedBytes,
  type NamedImage,
  type Given,
  type Devices,
  type Firmware,
  type Planned,
  NO_FIRMWARE,
  isImage,
  baseName,
  fileNamed,
  decode,
  startsWith,
  refuse,
} from './planned.ts';

/** Of `short`, characters (verdicts.ts). */
const MOST_SHORT = 48;

/** What a page's files, dropped or chosen together, would make. Files are matched by their base names. */
export function planFiles(
  given: Given[],
  firmware: Firmware = NO_FIRMWARE,
  devices: Devices = new Map(),
  loaded?: Loaded,
): Planned {
  const files = given.filter((file): file is NamedBytes => !isImage(file));
  const images = given.filter(isImage);
  const saved = files.find(file => startsWith(file.data, SAVED_MAGIC));
  if (saved)
    return refuse(saved.name, 'is a saved domain', `${saved.name} is a saved domain. Drop it alone to restore it.`);
  const definitions = files.filter(isDefinition);
  if (definitions.length > 1) {
    return refuse(
      definitions[1].name,
      'one definition at a time',
      `There are ${definitions.length} definitions: ${definitions.map(f => f.name).join(', ')}. Drop one with its files at a time.`,
    );
  }
  if (definitions.length === 1) {
    const used = new Set<Given>(definitions);
    const find = <T extends Given>(among: T[], path: string): T | string => {
      const found = fileNamed(among, path);
      if (found) used.add(found);
      const base = baseName(path);
      const advice = definitions[0].inDomain0
        ? 'there is no such file. Write the path of one.'
        : `${base} is not among the dropped files. Drop it together with ${definitions[0].name}.`;
      return found ?? advice;
    };
    const tooLong = lengthProblem(definitions[0].data.length);
    if (tooLong) return refuse(definitions[0].name, 'too long', tooLong);
    const others = files.filter(file => file !== definitions[0]);
    const planned = planDefinition(definitions[0].name, decode(definitions[0].data), path => find(others, path), {
      // What is no image by its look may be an empty disk.
      image: path => {
        const device = devices.get(path);
        if (device !== undefined && (isDevice(path) || definitions[0].inDomain0)) return device;
        // A file that was dropped counts more than one of Domain 0's.
        const found = find<Given>([...images, ...others], path);
        return typeof found === 'string' ? (device ?? found) : found;
      },
      firmware: () => firmware,
      ...(loaded === undefined ? {} : { load: () => loaded }),
    });
    const unused = given.filter(file => !used.has(file));
    planned.plan.findings.push(...unused.map(file => notUsed(file, definitions[0].name)));
    return planned;
  }
  // A file system alone is a disk to a kernel that comes with it.
  const isDisk = ({ foreign }: NamedBytes): boolean => foreign?.isDisk === true && files.length > 1;
  const [other] = files.filter(file => file.foreign && !isDisk(file));
  if (other?.foreign) return refuse(other.name, other.foreign.short, other.foreign.text);
  return loadedPlans().planWithoutDefinition(
    files.filter(file => !isDisk(file)),
    [
      ...images,
      ...files
        .filter(isDisk)
        .map(({ name, data }): NamedImage => ({ name, head: data.subarray(0, HEAD_BYTES), bytes: data.length })),
    ],
    firmware,
  );
}

/** Of a file that came with a definition which does not name it. */
function notUsed(file: Given, definition: string): Finding {
  const name = baseName(file.name),
    by = baseName(definition);
  const foreign = isImage(file) ? undefined : file.foreign?.text;
  return {
    file: file.name,
    line: 1,
    column: 1,
    source: '',
    key: '',
    verdict: 'ignored',
    short: `not used by ${by}`.slice(0, MOST_SHORT),
    text: `${by} does not name ${name}: the guest does not have it. ${foreign ?? `Name it there, or take ${name} alone to boot it.`}`,
  };
}
