/** The regions of a domain's compiled code that ran most, for people. */
import type { Regions, RegionView } from '../../cpu/architecture/index.ts';
import type { Disassemble } from './second-tier.ts';

/** How many regions of compiled code are reported, the hottest first. */
const HOTTEST_REGIONS = 10;

/** A region of compiled code, for people. */
export interface HotRegion {
  /** Linear address of its first instruction where it was compiled. */
  linear: number;
  /** Instructions that it ran. */
  retired: number;
  /** Its instructions by their linear addresses, in Intel's words. */
  code: { linear: number; text: string }[];
  /** Its JavaScript; each instruction's line begins with a comment that holds its offset from the start of the first one's page. */
  javascript: string;
}

/** The regions that ran most. `bytes`: machine memory. */
export const hottestRegions = (
  regions: Regions | null | undefined,
  bytes: Uint8Array,
  disassemble: Disassemble | undefined,
): HotRegion[] =>
  disassemble ? (regions?.hottest(HOTTEST_REGIONS) ?? []).map(region => hotRegion(region, bytes, disassemble)) : [];

function hotRegion(region: RegionView, bytes: Uint8Array, disassemble: Disassemble): HotRegion {
  const { linear, code32, retired, text } = region;
  const code = region.code.map(({ offset, machine, length, next }) => {
    const at = ((linear & -4096) + offset) >>> 0,
      here = Math.min(length, 4096 - (machine & 4095));
    const own = Uint8Array.of(
      ...bytes.subarray(machine, machine + here),
      ...bytes.subarray(next, next + length - here),
    );
    return { linear: at, text: disassemble(own, at, code32 ? 32 : 16).text };
  });
  return { linear: linear >>> 0, retired, code, javascript: text };
}
