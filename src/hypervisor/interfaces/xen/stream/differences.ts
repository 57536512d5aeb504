/**
 * Where two saved states of a guest differ, of which one was saved and restored on its way and the other was not (npm run -s soak:amd64). Everything is
 * compared but what a restored domain has again:
 *
 *   vcpu_time_info   written at the restore (time.ts, `restored`), as the wall clock's version is. The line through each record must be the same.
 *   runstate         a vCPU enters its state at the restore. The times up to now must be the same; the guest's own copy of them is left out.
 *   preemption timer exits at the end of a slice, which begins with the restore (domain.ts), each counted for the vCPU that had it
 *   ports            Domain 0 binds its own again, in the order in which its back ends come back: to which of them one of the guest's leads
 *   screen           the counts of changes: a restored adapter draws it again
 *
 * RINGSIDE_CHECKSUMS follow from all that; the reader has judged them.
 */
import { ExitReason } from '../../../../cpu/architecture/index.ts';
import type { State } from '../../../../devices/index.ts';
import { SCREEN } from '../../../layout/layout.ts';
import { FRAME_BYTES } from '../../../memory/machine.ts';
import { get64, put64 } from '../../../memory/words.ts';
import { exitCounter } from '../../../view/exit-reasons.ts';
import { EVTCHNSTAT } from '../abi.ts';
import { type AreaField, areaEnds } from '../areas.ts';
import { PORT, PORT_WORDS, XEN, XEN_VCPU, XEN_VCPU_WORDS } from '../layout.ts';
import type { SavedXen } from '../saved.ts';
import { LEGACY_VCPUS, RunstateInfo, SHARED_INFO, VCPU_INFO, VcpuInfo, VcpuTimeInfo } from '../shared.ts';
import { HVM, PAGE } from './format.ts';
import type { SavedState } from './saved-state.ts';

const TIMER = exitCounter(ExitReason.PREEMPTION_TIMER);

/** A line for each place, by its path in the state. The states are changed: what is left out is the same afterwards. */
export function differences(one: SavedState, other: SavedState): string[] {
  return compare(comparable(one), comparable(other), '');
}

/** A state without what a restored domain has again, its pages by their numbers. */
function comparable(state: SavedState): unknown {
  const pages = pagesOf(state);
  for (const { type, state: cpu } of state.hvm) if (type === HVM.CPU) (cpu.exitCounts as Int32Array)[TIMER] = 0;
  const exits = state.domain.exits as Int32Array;
  state.domain.exitsTotal = (state.domain.exitsTotal as number) - exits[TIMER]!;
  exits[TIMER] = 0;
  const { screen } = state.emulator,
    words = new DataView(screen.buffer, screen.byteOffset, screen.byteLength);
  for (const count of [SCREEN.SEQUENCE, SCREEN.GENERATION]) words.setInt32(4 * count, 0, true);
  const xen = state.domain.xen as unknown as SavedXen | undefined;
  // One that has suspended itself has given all of it up.
  if (xen && !xen.suspended) settle(xen, pages, state.domain.nowNs as number);
  return { ...state, pages };
}

type Pages = Record<string, Uint8Array | number>;
const nameOf = (gfn: number): string => gfn.toString(16);

/** Contents of each page by its number in hexadecimal, or its type. */
function pagesOf({ pages: batches }: SavedState): Pages {
  const pages: Pages = {};
  for (const { pfns, types, bytes } of batches) {
    let at = 0;
    pfns.forEach((pfn, i) => {
      const type = types[i]!;
      pages[nameOf(pfn)] = type > PAGE.LAST_DATA ? type : bytes.slice(at, (at += FRAME_BYTES));
    });
  }
  return pages;
}

/** What Xen writes into guest memory and counts for its vCPUs. */
function settle({ block, ports, sharedInfo, vcpuInfo }: SavedXen, pages: Pages, nowNs: number): void {
  for (let at = 0; at < ports.length; at += PORT_WORDS)
    if (ports[at + PORT.STATE] === EVTCHNSTAT.INTERDOMAIN) ports[at + PORT.REMOTE_PORT] = 0;
  const layout = block[XEN.WIDTH] === 64 ? 64 : 32,
    shared = sharedInfo.bytes;
  const pageOf = (gfn: number): Uint8Array | undefined => {
    const page = pages[nameOf(gfn)];
    return typeof page === 'object' ? page : undefined;
  };
  for (let id = 0; id < LEGACY_VCPUS; id++) settleTime(shared, id * VcpuInfo.bytes + VCPU_INFO[layout].time);
  shared.fill(0, SHARED_INFO[layout].wc_version, SHARED_INFO[layout].wc_version + 4);
  vcpuInfo.forEach(([gfn, offset], id) => {
    const vcpu = XEN.VCPU + id * XEN_VCPU_WORDS,
      info = gfn < 0 ? undefined : pageOf(gfn);
    if (info) settleTime(info, offset + VCPU_INFO[layout].time);
    const area = (field: AreaField): [page: Uint8Array, offset: number] | undefined => {
      const [first, last] = areaEnds(block, vcpu, field) ?? [],
        page = first === undefined ? undefined : pageOf(Math.floor(first / FRAME_BYTES));
      // Over two pages it would be compared unchanged; no known guest has one so.
      return page && last! % FRAME_BYTES > first! % FRAME_BYTES ? [page, first! % FRAME_BYTES] : undefined;
    };
    const time = area(XEN_VCPU.TIME_AREA),
      runstate = area(XEN_VCPU.RUNSTATE_AREA);
    if (time) settleTime(...time);
    if (runstate) {
      const [page, at] = runstate;
      page.fill(0, at, at + RunstateInfo.at(layout).bytes);
    }
    const total = vcpu + XEN_VCPU.TIMES + 2 * block[vcpu + XEN_VCPU.STATE]!;
    put64(block, total, get64(block, total) + Math.floor(nowNs) - get64(block, vcpu + XEN_VCPU.STATE_ENTRY));
    put64(block, vcpu + XEN_VCPU.STATE_ENTRY, 0);
  });
}

/** Of a time record what its line through the TSC has at 0. */
function settleTime(page: Uint8Array, at: number): void {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength),
    { version, tsc_timestamp: tsc, system_time: system } = VcpuTimeInfo.offsets;
  view.setUint32(at + version, 0, true);
  view.setBigUint64(at + system, view.getBigUint64(at + system, true) - view.getBigUint64(at + tsc, true), true);
  view.setBigUint64(at + tsc, 0n, true);
}

function compare(one: unknown, other: unknown, path: string): string[] {
  if (Object.is(one, other)) return [];
  if (ArrayBuffer.isView(one) && ArrayBuffer.isView(other))
    return compareArrays(one as Uint8Array, other as Uint8Array, path);
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return [`${path}: ${String(one)}, ${String(other)}`];
  const [a, b] = [one as State, other as State];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap(key =>
    compare(a[key], b[key], path === '' ? key : `${path}.${key}`),
  );
}

function compareArrays(one: Uint8Array, other: Uint8Array, path: string): string[] {
  if (one.length !== other.length) return [`${path}: ${one.length} and ${other.length} long`];
  let at = 0;
  while (at < one.length && Object.is(one[at], other[at])) at++;
  return at === one.length
    ? []
    : [`${path}[0x${at.toString(16)}]: 0x${one[at]!.toString(16)}, 0x${other[at]!.toString(16)}`];
}
