/** What the two tiers of the processor did, to read: shares, and the hottest regions with guest code and JavaScript side by side. */
import type { HotRegion } from '../../hypervisor/domain/index.ts';
import type { TierCounters } from '../../hypervisor/view/index.ts';

/** Columns of the guest's code, and of the JavaScript next to it. */
const CODE_COLUMNS = 52,
  SCRIPT_COLUMNS = 110;

/** A region's lines: its JavaScript, with the guest's instruction next to the line that runs it. */
export function sideBySide({ linear, code, javascript }: Pick<HotRegion, 'linear' | 'code' | 'javascript'>): string[] {
  const page = (linear & -4096) >>> 0;
  const instructions = new Map(
    code.map(({ linear: at, text }) => [(at - page) | 0, `${at.toString(16).padStart(8, '0')}  ${text}`]),
  );
  return javascript.split('\n').flatMap(line => {
    const [, offset, rest] = /^\/\*(-?\d+)\*\/ (.*)$/.exec(line) ?? [undefined, undefined, line];
    const left = (offset !== undefined && instructions.get(Number(offset))) || '';
    const parts = rest!.match(
      new RegExp(`.{1,${SCRIPT_COLUMNS}}(?=[\\s;{}]|$)[\\s;{}]?|.{1,${SCRIPT_COLUMNS}}`, 'g'),
    ) ?? [''];
    return parts.map((part, i) => `${(i === 0 ? left : '').padEnd(CODE_COLUMNS)}| ${part}`.trimEnd());
  });
}

const percent = (part: number, whole: number): string => `${(whole > 0 ? (100 * part) / whole : 0).toFixed(1)} %`;
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** `instructions`: all that the guest retired. */
export function tierText(tier: TierCounters, instructions: number, hottest: readonly HotRegion[]): string {
  const { retired, samples, regionSamples, regions, compiled, evicted, dropped, givenUp, textBytes, recordBytes } =
    tier;
  if (tier.state === 'none') return 'Guest code was interpreted: the compiler was off.\n';
  const head = [
    `Compiled code ran ${percent(retired, instructions)} of ${instructions} instructions, the interpreter ${percent(instructions - retired, instructions)};`,
    `${percent(regionSamples, samples)} of ${samples} looks found the guest there.`,
    `${regions} regions live: ${compiled} compiled, ${evicted} made room, ${dropped} changed by the guest, ${givenUp} given up.`,
    `Memory: ${mib(textBytes)} of JavaScript, ${mib(recordBytes)} of records and their tables.`,
    ...(tier.state === 'refused'
      ? ['Nothing is compiled any more: it is not allowed here, or the compiler could not be loaded.']
      : []),
  ];
  const each = hottest.map((region, i) =>
    [
      `\n${i + 1}. at ${region.linear.toString(16).padStart(8, '0')}: ${region.retired} instructions, ${percent(region.retired, instructions)}\n`,
      ...sideBySide(region),
    ].join('\n'),
  );
  return `${[...head, ...each].join('\n')}\n`;
}
