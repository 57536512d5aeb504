/** `lsblk`: the host's disk, its partitions and its volumes as a tree, with the guests that have them. Source: lsblk(8) of util-linux 2.38. */
import type { Uses } from '../toolstack/index.ts';
import { GROUP } from '../host/storage/index.ts';
import { failed, type Program, succeeded } from '../toolstack/programs/index.ts';
import { sizeText } from './sfdisk.ts';

const SECTOR_BYTES = 512;
/** Numbers of Linux's sd and device mapper (devices.txt). */
const SD = 8,
  DEVICE_MAPPER = 254;

export const lsblk = (host: Uses<'disk'>): Program => ({
  name: 'lsblk',
  summary: "the host's disk, its partitions and volumes (-b: sizes in bytes, -n: without heads)",
  run: async words => {
    const wrong = words.find(word => !/^-[bn]+$/.test(word));
    if (wrong !== undefined)
      return failed(
        wrong.startsWith('-')
          ? `lsblk: invalid option -- '${wrong.slice(1, 2)}'\nTry 'lsblk --help' for more information.`
          : `lsblk: ${wrong}: not a block device`,
        wrong.startsWith('-') ? 1 : 32,
      );
    const storage = await host.disk.openDevices();
    if (!storage) return failed('lsblk: this host has no disk of its own.');
    const has = (letter: string): boolean => words.some(word => word.includes(letter));
    const size = (bytes: number): string => (has('b') ? String(bytes) : sizeText(bytes));
    const row = (name: string, number: string, bytes: number, type: string, mount = ''): string[] => [
      name,
      number,
      '0',
      size(bytes),
      '0',
      type,
      mount,
    ];
    const { partitions } = storage,
      volumes = storage.volumes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const rows = [row('sda', `${SD}:0`, storage.disk.bytes, 'disk')];
    partitions.forEach(({ number, sectors }, i) => {
      const last = i === partitions.length - 1;
      rows.push(row(`${last ? '└─' : '├─'}sda${number}`, `${SD}:${number}`, sectors * SECTOR_BYTES, 'part'));
      if (!last) return;
      volumes.forEach(({ name, bytes }, volume) => {
        const branch = volume === volumes.length - 1 ? '└─' : '├─';
        rows.push(row(`  ${branch}${GROUP}-${name.replaceAll('-', '--')}`, `${DEVICE_MAPPER}:${volume}`, bytes, 'lvm'));
      });
    });
    const heads = ['NAME', 'MAJ:MIN', 'RM', 'SIZE', 'RO', 'TYPE', 'MOUNTPOINTS'];
    const all = has('n') ? rows : [heads, ...rows];
    const widths = heads.map((_, i) => Math.max(...all.map(each => each[i]!.length)));
    return succeeded(
      all
        .map(each =>
          each
            .map((cell, i) => (i === 0 || i > 4 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
            .join(' ')
            .trimEnd(),
        )
        .map(line => `${line}\n`)
        .join(''),
    );
  },
  complete: () => [],
});
