/** Writes a domain away as `xl save` does (format.ts). */
import { cpuid } from '../../../../cpu/index.ts';
import { shownBy, TSC_HZ } from '../../../../cpu/architecture/index.ts';
import type { State } from '../../../../devices/index.ts';
import type { Boot } from '../../../domain/booted.ts';
import type { Domain } from '../../../domain/domain.ts';
import { saveParts } from '../../../domain/saved-parts.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import { typeOf } from '../../../kinds/index.ts';
import { SCREEN_BYTES } from '../../../layout/layout.ts';
import { XEN } from '../layout.ts';
import { joined } from '../../../../formats/bytes/index.ts';
import { crc32 } from '../../../../formats/unpack/index.ts';
import { FRAME_SHIFT } from '../../../memory/machine.ts';
import { changeOf } from './changes.ts';
import { decodePlain, encodePlain } from './plain-data.ts';
import { describeDrives, diskRecords } from '../../../disks/saved-disks.ts';
import { XEN_MAJOR, XEN_MINOR } from '../abi.ts';
import { getParam } from '../hvm/params.ts';
import type { PvImage } from '../pv/saved.ts';
import type { XenGuest } from '../guest.ts';
import { xenOf } from '../of-domain.ts';
import { saveXen } from '../saved.ts';
import {
  BODIES_MARK,
  BODIES_VERSION,
  DOMAIN_KIND,
  HVM,
  LIBXC,
  LIBXC_DOMAIN_HEADER_BYTES,
  LIBXC_ID,
  LIBXC_IMAGE_HEADER_BYTES,
  LIBXC_VERSION,
  LIBXL,
  LIBXL_HEADER_BYTES,
  LIBXL_IDENT,
  LIBXL_VERSION,
  openRecord,
  SAVED_PARAMS,
  toRecord,
  wordsRecord,
  XL_BYTE_ORDER,
  XL_JSON,
  XL_STREAM_V2,
} from './format.ts';
import { XL_HEADER_BYTES, XL_MAGIC } from './xl-header.ts';
import { encodeHvmContext, type HvmRecord, placeOf } from './hvm-context.ts';
import { ramOf } from '../../../layout/ram-layout.ts';
import { populatedMiB } from './memory.ts';
import { type Page, pageData, pagesOf } from './pages.ts';
import { leafShown, saveProcessor } from './processors.ts';
import { sinceHead } from './saved-since.ts';
import type { LongParts, SavedAbout } from './saved-state.ts';

/** For who restores no memory. */
const NOTHING: Boot = { kind: 'firmware', name: '', image: new Uint8Array() };

/** Memory that was copied while its guest ran. `image`: of a paravirtual one that has suspended itself. */
interface Ahead {
  /** The pages that are not as they were copied. */
  rest(image?: PvImage): Iterable<Page>;
}

const NO_PAGES: Ahead = { rest: () => [] };

/** Who saves, and what the toolstack wants kept. */
export type SavedBy = Pick<SavedAbout, 'name' | 'program' | 'definition'>;

/** TSC modes (xen/arch/x86/include/asm/time.h): native where that is as good, else emulated. */
const TSC_MODE_DEFAULT = 0;
/** Bytes of a word of a 32-bit guest, and levels of its page tables. */
const PV_GUEST_WIDTH = 4,
  PV_TABLE_LEVELS = 3;
/** MSR policy: guests of Xen may let CPUID fault. */
const MSR_PLATFORM_INFO = 0xce,
  CPUID_FAULTING = 0x80000000;

/**
 * The state of a domain as it is written: head, pages as they were copied while its guest ran (copied-ahead.ts), and, once it is paused, the rest. Nothing is kept
 * but the pieces' checksums.
 */
export class StateWriter {
  private readonly domain: Domain;
  private readonly by: SavedBy;
  private readonly sums: number[] = [];
  /** As the head has it, once that was written. */
  private about: SavedAbout | undefined;
  private readonly boot: Boot;
  /** By guest frame, memory of the domain that somebody has looked at (`populatedMiB`). */
  known: Int32Array | undefined;
  /** What is long of the state that was written last. */
  private long: LongParts | undefined;
  /** Of the last rehearsal, where the reader has it: what is written says what of it has changed. */
  private rehearsed: LongParts | undefined;

  constructor(domain: Domain, by: SavedBy, boot: Boot = domain.options.boot) {
    this.domain = domain;
    this.by = by;
    this.boot = boot;
  }

  /** Some pages of a guest that runs, behind the head. They need not be the last of their numbers. @throws SavedStateError */
  *ahead(pages: Iterable<Page>): Generator<Uint8Array> {
    if (!this.about) yield* this.counted(this.head(describe(this.domain, this.by, this.known)));
    yield* this.counted(pageData(pages));
  }

  /**
   * The rest, between two slices; the domain must not run before the last piece was taken. `ahead`: what was written already (default: nothing);
   * `toolstack`: what it knows of the domain; `verify`: memory comes again, to be compared. @throws SavedStateError where it cannot be saved now
   */
  *rest(ahead?: Ahead, toolstack?: State, verify = false): Generator<Uint8Array> {
    yield* this.counted(this.pieces(ahead, verify));
    yield* this.end(toolstack);
  }

  private *end(toolstack?: State): Generator<Uint8Array> {
    yield wordsRecord(LIBXL.RINGSIDE_CHECKSUMS, [this.sums.length, 0, ...this.sums]);
    if (toolstack) yield toolstackRecord(toolstack);
    yield toRecord(LIBXL.END);
  }

  /**
   * A state of its own, but for memory, disks and what is booted, while the guest runs: code that has run once, here and where it is read, takes a part of the time,
   * of which the guest is paused for the second. `isSent`: the reader gets it before the rest, which says what of it has changed. Undefined: a device model in
   * Domain 0 may have to be waited for.
   */
  rehearsal(isSent: boolean): Uint8Array | undefined {
    if (this.domain.remote) return undefined;
    const writer = new StateWriter(this.domain, this.by, NOTHING);
    writer.known = this.known;
    writer.rehearsed = this.rehearsed;
    const state = joined([...writer.counted(writer.state(NO_PAGES)), ...writer.end()]);
    // What it lies in goes on changing.
    if (isSent) this.rehearsed = decodePlain(encodePlain(writer.long)) as LongParts;
    return state;
  }

  private *counted(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
    for (const piece of pieces) {
      this.sums.push(crc32(piece));
      yield piece;
    }
  }

  private *head(about: SavedAbout): Generator<Uint8Array> {
    const guest = xenOf(this.domain);
    this.about = about;
    yield xlHeader(about);
    yield libxlHeader();
    // A reader that restores it as it comes gets all that builds the domain before its memory.
    yield toRecord(LIBXL.RINGSIDE_BOOT, encodePlain(this.boot));
    yield toRecord(LIBXL.LIBXC_CONTEXT);
    yield imageHeader();
    const isPv = about.kind === 'pv';
    yield domainHeader(isPv ? DOMAIN_KIND.PV : DOMAIN_KIND.HVM);
    if (isPv) yield wordsRecord(LIBXC.X86_PV_INFO, [PV_GUEST_WIDTH | (PV_TABLE_LEVELS << 8), 0]);
    yield cpuidPolicy(this.domain, about);
    yield wordsRecord(LIBXC.X86_MSR_POLICY, [MSR_PLATFORM_INFO, 0, guest ? CPUID_FAULTING : 0, 0]);
    yield toRecord(LIBXC.STATIC_DATA_END);
  }

  private *pieces(ahead: Ahead | undefined, verify: boolean): Generator<Uint8Array> {
    yield* this.state(ahead, verify);
    for (const disk of diskRecords(this.domain.options.ide ?? [], true)) yield toRecord(LIBXL.RINGSIDE_DISK, disk);
  }

  private *state(ahead: Ahead | undefined, verify = false): Generator<Uint8Array> {
    const { domain } = this;
    refuseWhileItKnows(domain);
    const { options } = domain;
    const about = describe(domain, this.by, this.known);
    const { vcpus, platform, ...parts } = saveParts(domain) as { vcpus: State & { all: State[] }; platform: State };
    // What of its half of Xen the new domain gets; read now, so that a refusal comes before the first byte.
    const guest = xenOf(domain);
    const xen = guest && saveXen(guest);
    const pv = guest?.savePv();
    const { all, ...turns } = vcpus;
    const processors = domain.vcpus.all.map(({ id, block }) => saveProcessor(block, all[id]));
    const { hvm, devices } = hvmRecords(processors, platform, guest);

    if (!this.about) yield* this.head(about);
    if (pv) yield p2mFrames(pv);
    yield* pageData(ahead ? ahead.rest(pv) : pv ? pv.pages() : pagesOf(domain));
    // A paravirtual guest's pages are not in place there before its tables are made.
    if (verify && !pv) {
      yield toRecord(LIBXC.VERIFY);
      yield* pageData(pagesOf(domain));
    }
    yield tscInfo(domain.clock.nowNs());
    const since = sinceHead(this.about as SavedAbout, about);
    const ownState = {
      ...parts,
      turns,
      ...(xen ? { xen } : about.kind === 'kvm' ? { kvm: domain.guest.saveRest() } : {}),
      ...(since ? { since } : {}),
    };
    const { machine, record } = options;
    const screen = machine.bytes.slice(record.screenOffset, record.screenOffset + SCREEN_BYTES);
    const { rehearsed } = this;
    this.long = { domain: ownState, emulator: { devices: pv ? {} : devices, screen } };
    if (pv) {
      yield toRecord(LIBXC.SHARED_INFO, pv.sharedInfo);
      for (const [vcpu, context] of pv.contexts) yield vcpuRecord(LIBXC.X86_PV_VCPU_BASIC, vcpu, context);
      // Its local APICs and the rest of its processors have no records of Xen's.
      yield ours(LIBXC.RINGSIDE_DOMAIN, { ...ownState, pv: pv.rest, processors, platform });
    } else {
      if (guest) yield hvmParams(guest);
      yield toRecord(LIBXC.HVM_CONTEXT, encodeHvmContext(hvm, cpuid(1, 0, options.apic ?? false).eax, TSC_HZ / 1000));
      if (rehearsed) yield ours(LIBXC.RINGSIDE_CHANGES, { changes: changeOf(rehearsed, this.long) });
      else yield ours(LIBXC.RINGSIDE_DOMAIN, ownState);
    }
    yield toRecord(LIBXC.END);
    if (!rehearsed) yield emulatorContext({ ...this.long.emulator });
  }
}

/** Records of HVM_CONTEXT, and the devices that have none there. */
function hvmRecords(
  processors: readonly State[],
  platform: State,
  guest: XenGuest | undefined,
): { hvm: HvmRecord[]; devices: State } {
  const hvm: HvmRecord[] = processors.map((state, instance) => ({ type: HVM.CPU, instance, state })),
    devices: State = {};
  const viridian = guest?.layer?.save();
  if (viridian) {
    hvm.push({ type: HVM.VIRIDIAN_DOMAIN, instance: 0, state: viridian.domain });
    viridian.vcpus.forEach((state, instance) => hvm.push({ type: HVM.VIRIDIAN_VCPU, instance, state }));
  }
  for (const [name, state] of Object.entries(platform)) {
    const place = placeOf(name);
    if (place) hvm.push({ ...place, state: state as State });
    else devices[name] = state;
  }
  return { hvm, devices };
}

/** What the toolstack knows of a domain. Its place is before the last piece. */
export function toolstackRecord(toolstack: State): Uint8Array {
  const plain = encodePlain(toolstack);
  const { record, body, view } = openRecord(LIBXL.RINGSIDE_TOOLSTACK, 8 + plain.length);
  view.setUint32(0, crc32(plain), true);
  body.set(plain, 8);
  return record;
}

function refuse(sentence: string): never {
  throw new SavedStateError(sentence);
}

/** @throws SavedStateError */
function refuseWhileItKnows(domain: Domain): void {
  const xen = xenOf(domain);
  if (xen && !xen.isHvm && !xen.suspended)
    refuse(
      'A paravirtual guest knows its machine frames, so it must suspend itself to be saved, and this one does not listen. Wait until its drivers have come up.',
    );
}

function describe(domain: Domain, by: SavedBy, known: Int32Array | undefined): SavedAbout {
  const { options } = domain,
    xen = xenOf(domain);
  const { record } = options;
  return {
    ...by,
    memoryMiB: options.memoryMiB,
    p2mFrames: record.p2mFrames,
    populatedMiB: populatedMiB(domain, known),
    ...(record.lowFrames < record.ramFrames ? { lowMiB: ramOf(record).lowMiB } : {}),
    startEpochMs: options.startEpochMs,
    virtualTime: domain.clock.virtual,
    instructions: domain.instructions,
    actions: { onReset: options.onReset, onTripleFault: options.onTripleFault },
    ...(options.apic ? { apic: true } : {}),
    ...(options.cpuLevel ? { cpuLevel: options.cpuLevel } : {}),
    ...(options.cards?.length ? { cards: options.cards } : {}),
    ...(record.vcpus > 1 ? { vcpus: record.vcpus } : {}),
    kind: xen ? (xen.isPvh ? 'pvh' : xen.isHvm ? 'hvm' : 'pv') : domain.guest.name === 'kvm' ? 'kvm' : 'pc',
    ...(xen ? { uuid: uuidOf(xen.words, xen.xenBlock + XEN.UUID) } : {}),
    ...(options.ide?.length ? { drives: describeDrives(options.ide, refuse) } : {}),
  };
}

/** As it is written: the handle's sixteen bytes in hexadecimal. */
function uuidOf(words: Int32Array, at: number): string {
  const hex = Array.from(new Uint8Array(words.slice(at, at + 4).buffer), byte =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

// ---- headers

/** xl's own keys (libxl_types.idl) for what they have a name for; the rest is ours. */
function configuration(about: SavedAbout): string {
  const { name, memoryMiB, vcpus = 1 } = about;
  const type = typeOf(about.kind);
  return JSON.stringify({
    c_info: { type, name, ...(about.uuid === undefined ? {} : { uuid: about.uuid }) },
    b_info: { max_vcpus: vcpus, max_memkb: memoryMiB * 1024, target_memkb: about.populatedMiB * 1024, type },
    ringside: about,
  });
}

/** What the file begins with. */
export function xlHeader(about: SavedAbout): Uint8Array {
  const config = new TextEncoder().encode(`${configuration(about)}\0`);
  const bytes = new Uint8Array(XL_HEADER_BYTES + config.length);
  for (let i = 0; i < XL_MAGIC.length; i++) bytes[i] = XL_MAGIC.charCodeAt(i);
  [XL_BYTE_ORDER, XL_JSON | XL_STREAM_V2, 0, config.length].forEach((word, i) =>
    new DataView(bytes.buffer).setUint32(XL_MAGIC.length + i * 4, word, true),
  );
  bytes.set(config, XL_HEADER_BYTES);
  return bytes;
}

function libxlHeader(): Uint8Array {
  const bytes = new Uint8Array(LIBXL_HEADER_BYTES);
  [...LIBXL_IDENT, LIBXL_VERSION, 0].forEach((word, i) => new DataView(bytes.buffer).setUint32(i * 4, word));
  return bytes;
}

function imageHeader(): Uint8Array {
  const bytes = new Uint8Array(LIBXC_IMAGE_HEADER_BYTES);
  [0xffffffff, 0xffffffff, LIBXC_ID, LIBXC_VERSION].forEach((word, i) =>
    new DataView(bytes.buffer).setUint32(i * 4, word),
  );
  return bytes;
}

function domainHeader(kind: number): Uint8Array {
  const bytes = new Uint8Array(LIBXC_DOMAIN_HEADER_BYTES);
  [kind, FRAME_SHIFT, XEN_MAJOR, XEN_MINOR].forEach((word, i) =>
    new DataView(bytes.buffer).setUint32(i * 4, word, true),
  );
  return bytes;
}

// ---- libxc's records

/** Leaves as the guest's first processor sees them, without its hypervisor's own. */
function cpuidPolicy(domain: Domain, about: SavedAbout): Uint8Array {
  const regs = domain.vcpus.registersOf(domain.vcpus.all[0]);
  const answer = (leaf: number, subleaf: number): number[] => {
    const { eax, ebx, ecx, edx } = leafShown(about, shownBy(regs), leaf, subleaf);
    return [leaf, subleaf, eax, ebx, ecx, edx];
  };
  const leaves: number[][] = [];
  for (const first of [0, 0x80000000]) {
    const last = answer(first, 0)[2] >>> 0;
    for (let leaf = first; leaf <= last; leaf++) leaves.push(answer(leaf, 0));
  }
  return wordsRecord(LIBXC.X86_CPUID_POLICY, leaves.flat());
}

function p2mFrames({ p2mFrames: frames, rest }: PvImage): Uint8Array {
  return wordsRecord(LIBXC.X86_PV_P2M_FRAMES, [0, (rest.covers as number) - 1, ...frames.flatMap(pfn => [pfn, 0])]);
}

function vcpuRecord(type: number, vcpu: number, bytes: Uint8Array): Uint8Array {
  const { record, body, view } = openRecord(type, 8 + bytes.length);
  view.setUint32(0, vcpu, true);
  body.set(bytes, 8);
  return record;
}

function tscInfo(nowNs: number): Uint8Array {
  const ns = Math.floor(nowNs);
  return wordsRecord(LIBXC.X86_TSC_INFO, [
    TSC_MODE_DEFAULT,
    TSC_HZ / 1000,
    ns % 2 ** 32,
    Math.floor(ns / 2 ** 32),
    0,
    0,
  ]);
}

/** Those that Xen saves and that are set. */
function hvmParams({ ports }: XenGuest): Uint8Array {
  const set = SAVED_PARAMS.map(index => [index, ...getParam(ports, index)]).filter(
    ([, low, high]) => low !== 0 || high !== 0,
  );
  return wordsRecord(LIBXC.HVM_PARAMS, [set.length, 0, ...set.flatMap(([index, low, high]) => [index, 0, low, high])]);
}

/** A record of ours: version and mark of the bodies, then plain data. */
function ours(type: number, state: State): Uint8Array {
  const plain = encodePlain(state);
  const { record, body, view } = openRecord(type, 8 + plain.length);
  view.setUint32(0, BODIES_VERSION, true);
  view.setUint32(4, BODIES_MARK, true);
  body.set(plain, 8);
  return record;
}

/** Emulator 0 (neither of QEMU's), instance 0, then as `ours`. */
function emulatorContext(state: State): Uint8Array {
  const plain = encodePlain(state);
  const { record, body, view } = openRecord(LIBXL.EMULATOR_CONTEXT, 16 + plain.length);
  view.setUint32(8, BODIES_VERSION, true);
  view.setUint32(12, BODIES_MARK, true);
  body.set(plain, 16);
  return record;
}
