/**
 * What a saved domain keeps of its half of Xen.
 *
 * A guest that has suspended itself counts on its memory and registers alone (xen/include/public/sched.h, SHUTDOWN_suspend): ports, grants, callbacks and
 * timers are gone in the new domain, and it makes them again. One that is saved at any other moment knows nothing of it, so it finds everything as it was;
 * what had its other end in another domain has none any more, but for the ends in Domain 0 that the toolstack makes (its store and its console).
 */
import type { State } from '../../../devices/index.ts';
import {
  GRANT,
  PORT,
  PORT_OF_XEN,
  PORTS,
  PORTS_BYTES,
  PORT_WORDS,
  XEN,
  XEN_BYTES,
  XEN_MODEL,
  XEN_PARAMS,
  XEN_VCPU,
  XEN_VCPU_WORDS,
  XEN_VIRQS,
  GRANTS_AT,
} from './layout.ts';
import { DOMAIN_0, FRAME_BYTES, FRAME_SHIFT, HostError } from '../../memory/machine.ts';
import { mfnOf, type SecondStage } from '../../memory/second-stage.ts';
import { SavedStateError } from '../../domain/saved-state-error.ts';
import { EVTCHNSTAT, HVM_PARAM, RUNSTATE } from './abi.ts';
import { tableFrames } from './grants/frames.ts';
import { GrantTable, GTF } from './grants/grants.ts';
import type { XenGuest } from './guest.ts';
import { areMsrs } from './msrs.ts';
import { setParam } from './hvm/params.ts';
import { FIFO_QUEUES } from './events/ports.ts';

/** Who is asked for by an id that nobody has (xen/include/public/xen.h, DOMID_INVALID): a port that waits for one waits for ever. */
const DOMID_INVALID = 0x7ff4;
/** A place in the guest's memory: frame, and offset in it. -1: none. */
type Place = readonly [gfn: number, offset: number];
const NOWHERE: Place = [-1, 0];
const V1_BYTES = 8,
  V2_BYTES = 16;
/** Words of the XEN block that are the domain's wherever it is, first and behind the last; the others say where things lie in this machine. */
const OF_THE_DOMAIN: readonly [first: number, end: number][] = [
  [XEN.SHARED_INFO_GFN, XEN.WIDTH + 1],
  [XEN.EVENT_ABI, XEN.EVENT_ABI + 1],
  [XEN.WALLCLOCK_SECONDS, XEN.ASSISTS + 1],
  [XEN.LATCHED_SHUTDOWN, XEN.HYPERCALLS + 1],
  [XEN.PARAMS, XEN.PARAMS + XEN_PARAMS * 2],
  [XEN.CALLS, XEN.CALLS + 64],
  [XEN.VCPU, XEN_MODEL],
];

/** @throws SavedStateError where the guest has put something where it cannot be found again. */
export function saveXen(xen: XenGuest): State {
  const { words, machine, record, ports } = xen;
  const own = {
    suspended: xen.suspended,
    maxFrames: words[xen.xenBlock + XEN.MAX_FRAMES],
    line: xen.line.save(),
    msrs: xen.msrs.save(),
  };
  if (xen.suspended) return own;
  /** Guest frames by machine frame, of those that are asked for. */
  const seen = new Map<number, number>();
  const grants = new GrantTable(ports);
  const shown = tableFrames(xen);
  shown.add(words[xen.xenBlock + XEN.SHARED_INFO]);
  const place = (offset: number): number => shown.add(offset >>> FRAME_SHIFT).size;
  const ids = Array.from({ length: ports.vcpus }, (_, id) => ports.vcpu(id));
  for (const vcpu of ids) for (const field of [XEN_VCPU.INFO, XEN_VCPU.FIFO_CONTROL]) place(words[vcpu + field]);
  for (let page = 0; page < words[xen.xenBlock + XEN.FIFO_PAGES]; page++)
    shown.add(words[xen.xenBlock + XEN.FIFO_FRAMES + page]);
  const stage = machine.secondStage(record);
  // The guest is paused for this walk over all of its memory.
  const isShown = new Uint8Array(machine.frames);
  for (const mfn of shown) isShown[mfn] = 1;
  for (let gfn = nextShown(stage, 0, isShown); gfn < stage.frames; gfn = nextShown(stage, gfn + 1, isShown))
    seen.set(mfnOf(stage.words[gfn]!), gfn);
  const gfnOf = (mfn: number): number => seen.get(mfn) ?? -1;
  const placeOf = (offset: number, what: string): Place => {
    if (offset === 0) return NOWHERE;
    const gfn = gfnOf(offset >>> FRAME_SHIFT);
    if (gfn < 0) throw new SavedStateError(`The guest cannot be saved: it has given the page of ${what} away.`);
    return [gfn, offset & (FRAME_BYTES - 1)];
  };
  const copy = (mfn: number): Uint8Array => machine.bytes.slice(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES);
  const table = (count: number, frame: (i: number) => number): { gfn: number; bytes: Uint8Array }[] =>
    Array.from({ length: count }, (_, i) => ({ gfn: gfnOf(frame(i)), bytes: copy(frame(i)) }));
  return {
    ...own,
    domid: record.id,
    block: words.slice(xen.xenBlock, xen.xenBlock + XEN_BYTES / 4),
    ports: words.slice(ports.entry(0), ports.entry(0) + PORTS_BYTES / 4),
    sharedInfo: {
      gfn: gfnOf(words[xen.xenBlock + XEN.SHARED_INFO]),
      bytes: copy(words[xen.xenBlock + XEN.SHARED_INFO]),
    },
    // A vcpu_info without a reference of its own lies in shared_info.
    vcpuInfo: ids.map(vcpu =>
      words[vcpu + XEN_VCPU.INFO_MFN] === 0 ? NOWHERE : placeOf(words[vcpu + XEN_VCPU.INFO], 'a vcpu_info'),
    ),
    fifoControl: ids.map(vcpu => placeOf(words[vcpu + XEN_VCPU.FIFO_CONTROL], 'its FIFO events')),
    fifoPages: Array.from(
      { length: words[xen.xenBlock + XEN.FIFO_PAGES] },
      (_, page) => placeOf(words[xen.xenBlock + XEN.FIFO_FRAMES + page] * FRAME_BYTES, 'its FIFO events')[0],
    ),
    grants: {
      version: grants.version,
      maxFrames: grants.maxFrames,
      maxVersion: words[((record.guestOffset + GRANTS_AT) >>> 2) + GRANT.MAX_VERSION],
      frames: table(grants.frames, i => grants.sharedFrame(i)),
      status: table(grants.statusFrames, i => grants.statusFrame(i)),
    },
    timers: xen.saveTimers(),
  };
}

/** The first guest frame from this one on where one of these machine frames lies. */
function nextShown(stage: SecondStage, first: number, isShown: Uint8Array): number {
  const { words } = stage;
  for (let gfn = first; gfn < words.length; gfn++) {
    const entry = words[gfn]!;
    if (entry === 0) gfn = stage.next(gfn) - 1;
    else if (isShown[entry >>> FRAME_SHIFT] === 1 && mfnOf(entry) >= 0) return gfn;
  }
  return words.length;
}

export interface SavedXen {
  suspended: boolean;
  maxFrames: number;
  line: State;
  /** Absent from states of versions that kept none. */
  msrs?: State[];
  domid: number;
  block: Int32Array;
  ports: Int32Array;
  sharedInfo: { gfn: number; bytes: Uint8Array };
  vcpuInfo: Place[];
  fifoControl: Place[];
  fifoPages: number[];
  grants: {
    version: number;
    maxFrames: number;
    maxVersion: number;
    frames: { gfn: number; bytes: Uint8Array }[];
    status: { gfn: number; bytes: Uint8Array }[];
  };
  timers: State;
}

/** Whether plain data has the shape that `restoreXen` counts on. */
export function isSavedXen(state: unknown, vcpus: number): boolean {
  const saved = state as Partial<SavedXen> | undefined;
  if (typeof saved?.suspended !== 'boolean' || !Number.isInteger(saved.maxFrames) || typeof saved.line !== 'object')
    return false;
  if (saved.msrs !== undefined && !areMsrs(saved.msrs, vcpus)) return false;
  if (saved.suspended) return true;
  const isPage = (page: { gfn: number; bytes: Uint8Array } | undefined): boolean =>
    Number.isInteger(page?.gfn) && page?.bytes instanceof Uint8Array && page.bytes.length === FRAME_BYTES;
  const arePlaces = (places: unknown): boolean =>
    Array.isArray(places) &&
    places.length === vcpus &&
    places.every(
      place =>
        Array.isArray(place) &&
        place.length === 2 &&
        place.every(Number.isInteger) &&
        place[1] >= 0 &&
        place[1] < FRAME_BYTES,
    );
  const { grants } = saved;
  return (
    Number.isInteger(saved.domid) &&
    saved.block instanceof Int32Array &&
    saved.block.length === XEN_BYTES / 4 &&
    saved.ports instanceof Int32Array &&
    saved.ports.length === PORTS_BYTES / 4 &&
    isPage(saved.sharedInfo) &&
    arePlaces(saved.vcpuInfo) &&
    arePlaces(saved.fifoControl) &&
    Array.isArray(saved.fifoPages) &&
    saved.fifoPages.every(Number.isInteger) &&
    (grants?.version === 1 || grants?.version === 2) &&
    Number.isInteger(grants.maxFrames) &&
    Number.isInteger(grants.maxVersion) &&
    Array.isArray(grants.frames) &&
    grants.frames.every(isPage) &&
    Array.isArray(grants.status) &&
    grants.status.every(isPage) &&
    typeof saved.timers === 'object' &&
    isSane(saved.block, saved.ports, vcpus)
  );
}

/** Numbers of ports and processors are used as indices: none may lead out of its table. */
function isSane(block: Int32Array, ports: Int32Array, vcpus: number): boolean {
  const isPort = (port: number): boolean => port >= 0 && port < PORTS;
  for (let id = 0; id < vcpus; id++) {
    const vcpu = block.subarray(XEN.VCPU + id * XEN_VCPU_WORDS, XEN.VCPU + (id + 1) * XEN_VCPU_WORDS);
    if (!vcpu.subarray(XEN_VCPU.VIRQ, XEN_VCPU.VIRQ + XEN_VIRQS).every(isPort)) return false;
    if (!vcpu.subarray(XEN_VCPU.FIFO_TAIL, XEN_VCPU.FIFO_TAIL + FIFO_QUEUES).every(isPort)) return false;
    if (
      vcpu[XEN_VCPU.STATE] < 0 ||
      vcpu[XEN_VCPU.STATE] > RUNSTATE.OFFLINE ||
      (vcpu[XEN_VCPU.POLL] !== -1 && !isPort(vcpu[XEN_VCPU.POLL]))
    )
      return false;
  }
  for (let at = 0; at < ports.length; at += PORT_WORDS) {
    const target = ports[at + PORT.VCPU];
    if (!isPort(ports[at + PORT.REMOTE_PORT]) || (target & 0xff) >= vcpus || ((target >>> 16) & 0xff) >= vcpus)
      return false;
    if (
      ports[at + PORT.STATE] === EVTCHNSTAT.VIRQ &&
      !(ports[at + PORT.REMOTE] >= 0 && ports[at + PORT.REMOTE] < XEN_VIRQS)
    )
      return false;
  }
  return true;
}

/** RAM, processors and devices are in place; its half of Xen has just started. @throws SavedStateError, HostError */
export function restoreXen(xen: XenGuest, state: State): void {
  const saved = state as unknown as SavedXen;
  const { words } = xen;
  if (xen.isHvm) xen.line.restore(saved.line);
  if (saved.msrs) xen.msrs.restore(saved.msrs);
  words[xen.xenBlock + XEN.MAX_FRAMES] = saved.maxFrames;
  // A paravirtual guest has reported where its rings are (pv/saved.ts), and they stay as they are.
  if (!xen.isHvm) return;
  if (saved.suspended) {
    // Nobody is called back any more, and the rings are empty (xg_sr_restore_x86_hvm.c clears both pages).
    xen.line.drop();
    setParam(xen.ports, HVM_PARAM.CALLBACK_IRQ, 0);
    for (const param of [HVM_PARAM.STORE_PFN, HVM_PARAM.CONSOLE_PFN]) {
      const mfn = xen.frames.machineFrame(words[xen.xenBlock + XEN.PARAMS + 2 * param]);
      if (mfn >= 0) xen.machine.scrub(mfn);
    }
    return;
  }
  restoreBlock(xen, saved);
  restorePorts(xen, saved);
  restoreGrants(xen, saved);
  xen.restoreTimers(saved.timers);
}

const lost = (what: string): SavedStateError =>
  new SavedStateError(`Record RINGSIDE_DOMAIN names no memory of the guest for ${what}. Save the guest again.`);

/** Machine frame at a guest frame, with a reference on it. */
function referenced(xen: XenGuest, gfn: number, what: string): number {
  const mfn = xen.frames.machineFrame(gfn);
  if (mfn < 0 || !xen.machine.takeReference(mfn, xen.record.id)) throw lost(what);
  return mfn;
}

/** The same for a vcpu_info, which may lie in shared_info. */
function infoFrame(xen: XenGuest, gfn: number): number {
  const mfn = xen.frames.machineFrame(gfn);
  return xen.ports.isSharedInfo(mfn) ? mfn : referenced(xen, gfn, 'a vcpu_info');
}

function restoreBlock(xen: XenGuest, { block, sharedInfo, vcpuInfo, fifoControl, fifoPages }: SavedXen): void {
  const { words, machine, ports } = xen;
  const at = xen.xenBlock;
  const own = Array.from({ length: ports.vcpus }, (_, id) => words[ports.vcpu(id) + XEN_VCPU.INFO]);
  for (const [first, end] of OF_THE_DOMAIN) words.set(block.subarray(first, end), at + first);
  const mfn = words[at + XEN.SHARED_INFO];
  machine.bytes.set(sharedInfo.bytes, mfn * FRAME_BYTES);
  if (sharedInfo.gfn >= 0 && !xen.frames.place(sharedInfo.gfn, mfn)) throw lost('shared_info');
  for (let id = 0; id < ports.vcpus; id++) {
    const vcpu = ports.vcpu(id);
    const [infoGfn, infoOffset] = vcpuInfo[id],
      [controlGfn, controlOffset] = fifoControl[id];
    words[vcpu + XEN_VCPU.INFO] = own[id];
    words[vcpu + XEN_VCPU.INFO_MFN] = words[vcpu + XEN_VCPU.FIFO_CONTROL] = words[vcpu + XEN_VCPU.FIFO_LOCK] = 0;
    if (infoGfn >= 0) {
      const info = infoFrame(xen, infoGfn);
      words[vcpu + XEN_VCPU.INFO_MFN] = info + 1;
      words[vcpu + XEN_VCPU.INFO] = info * FRAME_BYTES + infoOffset;
    }
    if (controlGfn >= 0)
      words[vcpu + XEN_VCPU.FIFO_CONTROL] = referenced(xen, controlGfn, 'FIFO events') * FRAME_BYTES + controlOffset;
  }
  words[at + XEN.FIFO_PAGES] = 0;
  for (const gfn of fifoPages) {
    const page = referenced(xen, gfn, 'FIFO events');
    words[at + XEN.FIFO_FRAMES + words[at + XEN.FIFO_PAGES]++] = page;
  }
}

function restorePorts(xen: XenGuest, saved: SavedXen): void {
  const { words, ports, record } = xen;
  words.set(saved.ports, ports.entry(0));
  for (let port = 0; port < PORTS; port++) {
    const entry = ports.entry(port);
    const remote = words[entry + PORT.REMOTE];
    // Its device model has others.
    if (words[entry + PORT.VCPU] & PORT_OF_XEN) words[entry + PORT.STATE] = EVTCHNSTAT.CLOSED;
    switch (words[entry + PORT.STATE]) {
      case EVTCHNSTAT.UNBOUND:
      case EVTCHNSTAT.INTERDOMAIN:
        if (remote === saved.domid) words[entry + PORT.REMOTE] = record.id;
        else {
          // Domain 0 binds to those of its own again; any other domain with its id is another one now.
          words[entry + PORT.STATE] = EVTCHNSTAT.UNBOUND;
          words[entry + PORT.REMOTE] = remote === DOMAIN_0 ? DOMAIN_0 : DOMID_INVALID;
          words[entry + PORT.REMOTE_PORT] = 0;
        }
    }
  }
}

function restoreGrants(xen: XenGuest, { grants: saved, domid }: SavedXen): void {
  const { words, machine, record, ports } = xen;
  const block = (record.guestOffset + GRANTS_AT) >>> 2;
  const grants = new GrantTable(ports);
  grants.limit(saved.maxFrames, saved.maxVersion);
  words[block + GRANT.VERSION] = saved.version;
  if (saved.frames.length > grants.maxFrames) throw lost('its grant table');
  if (!grants.grow(saved.frames.length))
    throw new HostError("The host has too little memory for the guest's grant table.");
  const entryBytes = saved.version === 2 ? V2_BYTES : V1_BYTES;
  const show = (gfn: number, mfn: number): void => {
    if (gfn >= 0 && !xen.frames.place(gfn, mfn)) throw lost('its grant table');
  };
  saved.frames.forEach(({ gfn, bytes }, i) => {
    const mfn = grants.sharedFrame(i);
    machine.bytes.set(bytes, mfn * FRAME_BYTES);
    const view = new DataView(machine.memory, mfn * FRAME_BYTES, FRAME_BYTES);
    for (let at = 0; at < FRAME_BYTES; at += entryBytes) {
      const flags = view.getUint16(at, true),
        user = view.getUint16(at + 2, true);
      if ((flags & GTF.TYPE) === GTF.INVALID) continue;
      // Nobody uses it yet. Other domains that had such an id are others now: nothing is granted to them.
      view.setUint16(at, user === domid || user === DOMAIN_0 ? flags & ~(GTF.READING | GTF.WRITING) : 0, true);
      if (user === domid) view.setUint16(at + 2, record.id, true);
    }
    show(gfn, mfn);
  });
  saved.status.slice(0, grants.statusFrames).forEach(({ gfn }, i) => show(gfn, grants.statusFrame(i)));
}
