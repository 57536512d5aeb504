/**
 * What xl's own parser reads: read-by-libxlutil.jsonl holds texts and disks with what xlu_cfg_readdata(), xlu_cfg_get_*() and xlu_disk_parse() of Debian
 * 12's libxlutil (4.17.7) made of them, called by ctypes.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type DiskSpec, otherOption, parseDisk } from './disk.ts';
import type { OptionRemark } from './options.ts';
import { parseXlConfig, type Value } from './xlcfg.ts';

interface Text {
  text: string;
  values?: Record<string, unknown>;
}
interface Disk {
  disk: string;
  target?: string;
  vdev?: string;
  format?: string;
  writes?: boolean;
  cdrom?: boolean;
  script?: string;
}
const rows = readFileSync(new URL('read-by-libxlutil.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Text | Disk);

/** Where this reader says something else, and means to. */
const OTHERWISE: [RegExp, string][] = [
  [/\r/, 'Windows editors write it'],
  [/=(?:0x|1e3|12ab|0b1)\n/, 'xl reads it, and says later that it is no number'],
  [/\\[0-7]{3}/, 'xl ends the text there'],
  [/phy:[^/]/, 'phy: without a slash is below /dev, as xend had it'],
  [/zzz|fda|,,w$|,,,|hda , w/, 'libxl refuses the device when it makes it'],
];
const means = (text: string): boolean => OTHERWISE.some(([which]) => which.test(text));

const plain = (value: Value): unknown =>
  value.kind === 'list' ? value.items.map(item => (item.kind === 'list' ? null : item.text)) : value.text;
/** The settings, `+=` carried out; undefined: refused. */
function read(text: string): Record<string, unknown> | undefined {
  const { settings, problems } = parseXlConfig(text);
  const all: Record<string, unknown> = {};
  for (const { key, append, value } of settings) {
    const now = plain(value),
      before = append ? all[key] : undefined;
    if (before !== undefined && Array.isArray(before) !== Array.isArray(now)) return undefined;
    all[key] =
      before === undefined ? now : Array.isArray(before) ? [...before, ...(now as unknown[])] : `${before}${now}`;
  }
  return problems.length > 0 ? undefined : all;
}

it('texts are read, or refused, as libxlutil does', () => {
  const texts = rows.filter((row): row is Text => 'text' in row && !means(row.text));
  for (const { text, values } of texts) expect([text, read(text)]).toEqual([text, values]);
  expect(texts.length).toBeGreaterThan(100);
});

it('disks are read, or refused, as libxlutil does', () => {
  const disks = rows.filter((row): row is Disk => 'disk' in row && !means(row.disk));
  const told = (spec: DiskSpec | string, remarks: OptionRemark[]) =>
    typeof spec === 'string' || remarks.some(({ verdict, refusesStart }) => verdict === 'error' && !refusesStart)
      ? {}
      : {
          target: spec.target,
          vdev: spec.vdev,
          format: spec.target === '' ? 'empty' : spec.format,
          writes: !spec.readOnly,
          cdrom: spec.kind === 'cdrom',
          ...(otherOption(spec, 'script') === undefined ? {} : { script: otherOption(spec, 'script') }),
        };
  for (const { disk, refused: _why, ...right } of disks as (Disk & { refused?: string })[]) {
    const remarks: OptionRemark[] = [];
    // A blank behind a device's name is a part of it, and libxl refuses the device when it makes it.
    const made = right.vdev === right.vdev?.trim() ? right : {};
    expect([disk, told(parseDisk(disk, remarks), remarks)]).toEqual([disk, made]);
  }
  expect(disks.length).toBeGreaterThan(100);
});
