/** `blkid`: what file systems, signatures and partition tables are on devices and in images. Source: blkid(8) of util-linux 2.38. */
import type { Uses } from '../toolstack/index.ts';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { type Tags, tagsOf } from '../../formats/file-systems/index.ts';
import { GROUP, type Storage } from '../host/storage/index.ts';
import { onDisk } from './disk-paths.ts';
import { failed, type Program, succeeded, type Surroundings } from '../toolstack/programs/index.ts';
import { noOption, read } from './small-tools/options.ts';

/** blkid(8): a tag, or any tag, was not found; the words are wrong. */
const NOT_FOUND = 2,
  WRONG = 4;
const OUTPUTS = ['full', 'value', 'export', 'device'];
/** libblkid tells nothing of what is shorter. */
const LEAST_BYTES = 1024;

/** Of each tag in quotation marks. */
const escaped = (value: string): string => value.replace(/["\\$`]/g, '\\$&');

function shown(path: string, tags: Tags, output: string): string {
  if (output === 'device') return `${path}\n`;
  if (output === 'value') return tags.map(([, value]) => `${value}\n`).join('');
  if (output === 'export')
    return `DEVNAME=${path}\n${tags.map(([name, value]) => `${name}=${value.replace(/[^\w.:/-]/g, '\\$&')}\n`).join('')}`;
  return `${path}: ${tags.map(([name, value]) => `${name}="${escaped(value)}"`).join(' ')}\n`;
}

/** Partitions and volumes, as blkid finds them by itself. */
const devicesOf = ({ partitions, volumes }: Storage): string[] => [
  ...partitions.map(({ number }) => `/dev/sda${number}`),
  ...volumes.map(({ name }) => `/dev/${GROUP}/${name}`).sort(),
];

/** Tags of a device or of an image; none where there is nothing. */
async function tagsAt(host: Uses<'disk' | 'files'>, path: string, around: Surroundings): Promise<Tags> {
  const device = await onDisk(host, path, around);
  if (device) {
    const medium = device.storage.medium(device.path);
    const [, partition] = /^\/dev\/sda(\d+)$/.exec(device.path) ?? [];
    const [disk] = partition === undefined ? [] : tagsOf(device.storage.disk).filter(([name]) => name === 'PTUUID');
    return [
      ...tagsOf(medium),
      // A partition of a master boot record is known by the disk's number and its own.
      ...(disk ? [['PARTUUID', `${disk[1]}-${Number(partition).toString(16).padStart(2, '0')}`] as Tags[number]] : []),
    ];
  }
  const bytes = await around.readFile(path).catch(() => undefined);
  return bytes && bytes.length >= LEAST_BYTES ? tagsOf(new MemoryDisk(bytes)) : [];
}

export const blkidProgram = (host: Uses<'disk' | 'files'>): Program => ({
  name: 'blkid',
  summary: 'file systems, LVM and partition tables on devices and in images: blkid [-s TAG] [-o value] [DEVICE|IMAGE…]',
  run: async (words, around) => {
    const { given, rest, wrong } = read(words, 'soLU', 'pcglk', {
      '--match-tag': 's',
      '--output': 'o',
      '--label': 'L',
      '--uuid': 'U',
      '--probe': 'p',
    });
    if (wrong !== undefined) return failed(`blkid: ${noOption(wrong)}\nTry 'blkid --help' for more information.`);
    const output = given.get('o') ?? 'full';
    if (!OUTPUTS.includes(output))
      return failed(`blkid: unsupported output format ${output}: there are ${OUTPUTS.join(', ')}.`, WRONG);
    const storage = await host.disk.openDevices();
    const paths = rest.length > 0 ? rest : storage ? devicesOf(storage) : [];
    const wanted = (['L', 'U'] as const).find(letter => given.has(letter));
    const only = given.get('s')?.split(',');
    const found: string[] = [];
    for (const path of paths) {
      const tags = await tagsAt(host, path, around);
      if (wanted !== undefined) {
        const name = wanted === 'L' ? 'LABEL' : 'UUID';
        if (tags.some(([tag, value]) => tag === name && value === given.get(wanted))) return succeeded(`${path}\n`);
        continue;
      }
      const kept = tags.filter(([name]) => !only || only.includes(name));
      if (kept.length > 0) found.push(shown(path, kept, output));
    }
    return found.length === 0
      ? { stdout: '', stderr: '', status: NOT_FOUND }
      : succeeded(found.join(output === 'export' ? '\n' : ''));
  },
});
