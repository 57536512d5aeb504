/**
 * Reads a saved domain (format.ts) as its bytes come, and judges each record when it is there: kinds, order, sizes and contents. Pages are passed on at
 * once, so that little of a state lies in memory; what was made of them is worth nothing where the state is refused behind them.
 * Every complaint is a sentence that names the record and where it lies.
 */
import { type Features, featuresOf, PHYSICAL_BITS } from '../../../../cpu/architecture/index.ts';
import type { State } from '../../../../devices/index.ts';
import { isNicModel } from '../../../../devices/index.ts';
import type { Boot } from '../../../domain/booted.ts';
import { EXIT_COUNTERS, OLD_EXIT_COUNTERS } from '../../../view/exit-reasons.ts';
import { findsXen, typeOf } from '../../../kinds/index.ts';
import { layoutOf, ramEnd } from '../../../layout/ram-layout.ts';
import { MAX_MEMORY_MIB, MAX_VCPUS, SCREEN_BYTES } from '../../../layout/layout.ts';
import { crc32 } from '../../../../formats/unpack/index.ts';
import { FRAME_BYTES, FRAME_SHIFT } from '../../../memory/machine.ts';
import { readDiskRecord } from '../../../disks/saved-disks.ts';
import { areDrives } from '../../../disks/saved-drive.ts';
import { HVM_PARAM } from '../abi.ts';
import { CONTEXT_BYTES } from '../pv/context.ts';
import { BEYOND_CONTEXT_WORDS } from '../pv/saved.ts';
import { isSavedXen } from '../saved.ts';
import {
  BODIES_MARK,
  BODIES_VERSION,
  OLDEST_BODIES_VERSION,
  CPUID_LEAF_BYTES,
  DOMAIN_KIND,
  HVM,
  HVM_PARAM_BYTES,
  LIBXC,
  LIBXL,
  MSR_ENTRY_BYTES,
  OPTIONAL,
  PAGE,
  PAGES_PER_RECORD,
  SAVED_PARAMS,
} from './format.ts';
import type { Complaint, FileRecord, Heard } from './framing.ts';
import { decodeHvmContext, plainState } from './hvm-context.ts';
import { isInLongMode, isModel, isSavedTurns, leafShown, modelIn, readProcessor } from './processors.ts';
import type { LongParts, SavedAbout, SavedHead, SavedPages, SavedPv, SavedState, WrittenAbout } from './saved-state.ts';
import { readAbout } from './saved-state.ts';
import { hasBecome, areCards, type SavedSince } from './saved-since.ts';
import { changedParts } from './changes.ts';

/** Guest frames that addresses of 36 bits reach. */
const MOST_FRAMES = 2 ** (PHYSICAL_BITS - FRAME_SHIFT);
/** Of a paravirtual guest's page tables. */
const TABLE_LEVELS = 3;

export class Reader implements Heard {
  private readonly complaint: Complaint;
  private readonly sink: (pages: SavedPages) => void;
  private readonly begins: ((head: SavedHead) => void) | undefined;
  private readonly rehearsed: (() => LongParts | undefined) | undefined;
  private about: SavedAbout | undefined;
  private version = 0;
  private kind = 0;
  /** Records of libxc, but for pages. */
  private readonly ofLibxc: FileRecord[] = [];
  private readonly ofLibxl: FileRecord[] = [];
  /** Kinds of libxc's records that come once, and have come. */
  private readonly seen = new Set<number>();
  /** What follows is sent again, to compare. */
  private isSentAgain = false;

  constructor(
    complaint: Complaint,
    sink: (pages: SavedPages) => void,
    begins?: (head: SavedHead) => void,
    rehearsed?: () => LongParts | undefined,
  ) {
    this.complaint = complaint;
    this.sink = sink;
    this.begins = begins;
    this.rehearsed = rehearsed;
  }

  config(text: string): void {
    this.about = this.aboutIn(text);
  }

  image(version: number, kind: number): void {
    this.version = version;
    this.kind = kind;
    if (this.isPv !== (this.about?.kind === 'pv'))
      this.complaint.damaged("the domain header and the configuration in xl's header name guests of two types");
  }

  libxc(record: FileRecord): void {
    this.checkOrder(record);
    if (record.type === LIBXC.STATIC_DATA_END && this.begins) {
      const about = this.about as SavedAbout,
        cpuid = this.cpuid();
      this.checkLeaves(cpuid, about, featuresOf(about.cpuLevel));
      this.begins({ about, boot: this.boot(), cpuid });
    }
    const about = this.about as SavedAbout;
    if (record.type === LIBXC.PAGE_DATA) this.sink(this.pages(record, about));
    else if (record.type === LIBXC.RINGSIDE_PAGE_DELTAS) this.sink(this.deltas(record, about));
    else if (record.type === LIBXC.RINGSIDE_PAGES_AWAY) this.sink(this.away(record, about));
    else this.ofLibxc.push(record);
  }

  libxl(record: FileRecord): void {
    this.ofLibxl.push(record);
  }

  /** Once all of it was heard. */
  state(): SavedState {
    const { complaint, version } = this;
    const about = this.about as SavedAbout;
    if (this.only('RINGSIDE_CHECKSUMS').length !== 1) complaint.damaged('it has no record RINGSIDE_CHECKSUMS');
    if (version === 0) complaint.damaged('it has no record LIBXC_CONTEXT');
    if (version >= 3 && !this.seen.has(LIBXC.STATIC_DATA_END)) complaint.damaged('it has no record STATIC_DATA_END');
    const context = this.needed(this.isPv ? 'RINGSIDE_DOMAIN' : 'HVM_CONTEXT');
    const hvm = this.isPv
      ? []
      : decodeHvmContext(context.body, (what, at) => complaint.record(context, `${what} (byte ${at} of its body)`));
    const changes = this.single('RINGSIDE_CHANGES');
    const long = changes && this.changed(changes);
    const state: SavedState = {
      about,
      boot: this.boot(),
      version,
      cpuid: this.cpuid(),
      pages: [],
      params: this.params(),
      hvm,
      ...(this.isPv ? { pv: this.pv(about) } : {}),
      domain: changes ? this.domain(about, changes, long!.domain) : this.domain(about),
      emulator: changes ? this.emulator(changes, long!.emulator) : this.emulator(),
      ...(long ? { changes: long.changes } : {}),
      disks: this.only('RINGSIDE_DISK').map(
        record => readDiskRecord(record.body) ?? complaint.record(record, 'contradicts itself'),
      ),
      ...this.toolstack(),
    };
    this.checkTsc(this.single('X86_TSC_INFO'));
    this.checkProcessors(context, state);
    return state;
  }

  /** Libxc's record of a kind that comes once, and: where there must be one. */
  private single(kind: keyof typeof LIBXC): FileRecord | undefined {
    return this.ofLibxc.find(({ type }) => type === LIBXC[kind]);
  }

  private needed(kind: keyof typeof LIBXC): FileRecord {
    return this.single(kind) ?? this.complaint.damaged(`it has no record ${kind}`);
  }

  /** Libxl's records of a kind, and: the one of a kind that comes once. */
  private only(kind: keyof typeof LIBXL): FileRecord[] {
    return this.ofLibxl.filter(({ type }) => type === LIBXL[kind]);
  }

  private one(kind: keyof typeof LIBXL): FileRecord {
    const [record, second] = this.only(kind);
    if (second) this.complaint.record(second, 'is the second of its kind');
    return record ?? this.complaint.damaged(`it has no record ${kind}`);
  }

  // ---- the configuration

  private aboutIn(text: string): SavedAbout {
    const { complaint } = this;
    let config: {
      c_info?: { name?: unknown; type?: unknown };
      b_info?: { max_vcpus?: unknown; max_memkb?: unknown };
      ringside?: WrittenAbout;
    };
    try {
      config = JSON.parse(text) as typeof config;
    } catch {
      return complaint.damaged("the configuration in xl's header is no JSON");
    }
    const written = config?.ringside;
    if (!written || typeof written !== 'object')
      return complaint.say(
        "was saved by another program: the configuration in xl's header has no part of Ringside's, and its devices are others. Restore it where it was saved.",
      );
    const damaged = () => complaint.damaged("the configuration in xl's header does not say what the domain is");
    const about = readAbout(written, damaged);
    const {
      name,
      memoryMiB,
      lowMiB = memoryMiB,
      p2mFrames,
      vcpus = 1,
      kind,
      actions,
      startEpochMs,
      cards = [],
    } = about;
    if (!areCards(cards)) return damaged();
    if (!cards.every(({ model }) => isNicModel(model)))
      complaint.say(
        'was saved with a network card that this version does not have. Restore it with the version that saved it.',
      );
    const isCount = (value: unknown, most: number): boolean =>
      Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
    const ends = (value: unknown): boolean => value === 'restart' || value === 'end';
    if (
      typeof name !== 'string' ||
      typeof about.definition !== 'string' ||
      !isCount(memoryMiB, MAX_MEMORY_MIB) ||
      !isCount(about.populatedMiB, memoryMiB) ||
      !isCount(p2mFrames, MOST_FRAMES) ||
      !isCount(lowMiB, memoryMiB) ||
      (lowMiB < memoryMiB && kind === 'pv') ||
      p2mFrames < ramEnd(layoutOf({ memoryMiB, lowMiB })) ||
      !isCount(vcpus, MAX_VCPUS) ||
      !ends(actions?.onReset) ||
      !ends(actions.onTripleFault) ||
      !Number.isFinite(startEpochMs) ||
      !areDrives(about.drives) ||
      (about.cpuLevel !== undefined && !isModel(about.cpuLevel)) ||
      (about.uuid !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(about.uuid)) ||
      config.c_info?.name !== name ||
      config.c_info.type !== typeOf(kind) ||
      config.b_info?.max_vcpus !== vcpus ||
      config.b_info.max_memkb !== memoryMiB * 1024
    )
      return damaged();
    return about;
  }

  // ---- order

  /** Records that come once, and which must have come before memory. */
  private checkOrder(record: FileRecord): void {
    const { complaint, version, seen } = this,
      { type } = record;
    switch (type) {
      case LIBXC.CHECKPOINT:
      case LIBXC.CHECKPOINT_DIRTY_PFN_LIST:
        complaint.record(record, 'belongs to a stream of checkpoints, which cannot be restored from a file');
        break;
      case LIBXC.TOOLSTACK:
        complaint.record(record, 'is not used any more and cannot be read');
        break;
      case LIBXC.X86_PV_VCPU_BASIC:
      case LIBXC.X86_PV_VCPU_EXTENDED:
      case LIBXC.X86_PV_VCPU_XSAVE:
      case LIBXC.X86_PV_VCPU_MSRS:
        // One a vCPU.
        if (this.isPv) return;
        complaint.record(record, 'belongs to a paravirtual guest, and this is none');
        break;
      case LIBXC.X86_PV_INFO:
      case LIBXC.X86_PV_P2M_FRAMES:
      case LIBXC.SHARED_INFO:
        if (!this.isPv) complaint.record(record, 'belongs to a paravirtual guest, and this is none');
        break;
      case LIBXC.HVM_PARAMS:
      case LIBXC.HVM_CONTEXT:
        if (this.isPv)
          complaint.record(record, 'belongs to a guest with a virtual machine, and this one is paravirtual');
        break;
      case LIBXC.PAGE_DATA:
        if (version >= 3 && !seen.has(LIBXC.STATIC_DATA_END)) complaint.record(record, 'comes before STATIC_DATA_END');
        return;
      case LIBXC.RINGSIDE_PAGE_DELTAS:
      case LIBXC.RINGSIDE_PAGES_AWAY:
        if (this.isPv && type === LIBXC.RINGSIDE_PAGES_AWAY)
          complaint.record(record, 'belongs to a guest whose pages come while it runs');
        if (!seen.has(LIBXC.STATIC_DATA_END)) complaint.record(record, 'comes before STATIC_DATA_END');
        return;
      case LIBXC.STATIC_DATA_END:
        if (version < 3) complaint.record(record, 'does not exist in an image of version 2');
        if (record.body.length !== 0) complaint.record(record, `has ${record.body.length} bytes and should have none`);
        break;
      case LIBXC.X86_CPUID_POLICY:
      case LIBXC.X86_MSR_POLICY:
        if (seen.has(LIBXC.STATIC_DATA_END)) complaint.record(record, 'comes behind STATIC_DATA_END');
        break;
      case LIBXC.VERIFY:
        this.isSentAgain = true;
        return;
    }
    if (type >= OPTIONAL && type !== LIBXC.RINGSIDE_DOMAIN && type !== LIBXC.RINGSIDE_CHANGES) return;
    if (seen.has(type)) complaint.record(record, 'is the second of its kind');
    seen.add(type);
  }

  // ---- records of libxc

  /** Leaves of CPUID; those of ours must have what the guest counts on. */
  private cpuid(): Uint32Array[] {
    const record = this.single('X86_CPUID_POLICY'),
      msrs = this.single('X86_MSR_POLICY');
    if (msrs && (msrs.body.length === 0 || msrs.body.length % MSR_ENTRY_BYTES !== 0))
      this.complaint.record(msrs, `has ${msrs.body.length} bytes, which are no whole entries`);
    if (!record) return [];
    const { body, view } = record;
    if (body.length === 0 || body.length % CPUID_LEAF_BYTES !== 0)
      this.complaint.record(record, `has ${body.length} bytes, which are no whole leaves`);
    return Array.from({ length: body.length / CPUID_LEAF_BYTES }, (_, i) =>
      Uint32Array.from({ length: 6 }, (_word, j) => view.getUint32(i * CPUID_LEAF_BYTES + j * 4, true)),
    );
  }

  /** Pages that come once the guest runs. */
  private away(record: FileRecord, { p2mFrames }: SavedAbout): SavedPages {
    const { body, view } = record;
    const count = body.length >= 8 ? view.getUint32(0, true) : 0;
    if (body.length !== 8 + 4 * count)
      this.complaint.record(record, `has ${body.length} bytes and its guest frames need ${8 + 4 * count}`);
    const pfns = Uint32Array.from({ length: count }, (_, i) => view.getUint32(8 + 4 * i, true));
    const beyond = pfns.find(pfn => pfn >= p2mFrames);
    if (beyond !== undefined)
      this.complaint.record(record, `names guest frame 0x${beyond.toString(16)}, which the guest does not reach`);
    return { pfns, types: new Uint8Array(count), bytes: new Uint8Array(), away: true };
  }

  /** Pages that have come, each with what is no longer as it was; the owner of the page applies that. */
  private deltas(record: FileRecord, about: SavedAbout): SavedPages {
    const { complaint } = this,
      { body, view } = record;
    const count = this.countOf(record);
    const pfns = new Uint32Array(count),
      deltas = new Uint32Array(count);
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      pfns[i] = view.getUint32(8 + i * 8, true);
      deltas[i] = view.getUint32(12 + i * 8, true);
      bytes += deltas[i]!;
      if (pfns[i]! >= this.reachOf(about))
        complaint.record(
          record,
          `has a delta for guest frame 0x${pfns[i]!.toString(16)}, which the guest does not reach`,
        );
    }
    const wanted = 8 + count * 8 + bytes;
    if (body.length !== wanted) complaint.record(record, `has ${body.length} bytes and its deltas need ${wanted}`);
    return { pfns, types: new Uint8Array(count), bytes: body.subarray(8 + count * 8), deltas };
  }

  /** Guest frames that the guest could have. */
  private reachOf({ memoryMiB, p2mFrames }: SavedAbout): number {
    return this.isPv ? memoryMiB * 256 : p2mFrames;
  }

  /** Pages that a record tells of. */
  private countOf(record: FileRecord): number {
    const { body, view } = record;
    const count = body.length >= 8 ? view.getUint32(0, true) : 0;
    if (count < 1 || count > PAGES_PER_RECORD || view.getUint32(4, true) !== 0 || body.length < 8 + count * 8)
      this.complaint.record(record, `has ${body.length} bytes for ${count} pages`);
    return count;
  }

  private pages(record: FileRecord, about: SavedAbout): SavedPages {
    const { complaint } = this,
      { body, view } = record;
    const count = this.countOf(record);
    const pfns = new Uint32Array(count),
      types = new Uint8Array(count);
    let full = 0;
    for (let i = 0; i < count; i++) {
      const high = view.getUint32(12 + i * 8, true),
        pfn = view.getUint32(8 + i * 8, true),
        type = high >>> 28;
      // Frames of an HVM guest are of no type; a PV guest here has three levels of tables.
      const isTable = type !== PAGE.NORMAL && type < PAGE.BROKEN;
      if (isTable && !this.isPv)
        complaint.record(record, `has a page of type ${type}, which a guest with its own page tables does not have`);
      if (isTable && ((type & 7) === 0 || (type & 7) > TABLE_LEVELS))
        complaint.record(record, `has a page table of level ${type & 7}, and the guest has three`);
      if (type === PAGE.BROKEN) complaint.record(record, `has the broken page 0x${pfn.toString(16)}`);
      if (high & 0x0fffffff || pfn >= this.reachOf(about))
        complaint.record(
          record,
          `has a page for guest frame 0x${((high & 0xfffff) * 2 ** 32 + pfn).toString(16)}, which the guest does not reach`,
        );
      pfns[i] = pfn;
      types[i] = type;
      if (type <= PAGE.LAST_DATA) full++;
    }
    const wanted = 8 + count * 8 + full * FRAME_BYTES;
    if (body.length !== wanted) complaint.record(record, `has ${body.length} bytes and its pages need ${wanted}`);
    const verify = this.isSentAgain ? { verify: record.at } : {};
    return { pfns, types, bytes: body.subarray(8 + count * 8), ...verify };
  }

  private params(): SavedState['params'] {
    const { complaint } = this;
    const record = this.single('HVM_PARAMS');
    if (!record) return [];
    const { body, view } = record;
    const count = body.length >= 8 ? view.getUint32(0, true) : -1;
    if (body.length !== 8 + count * HVM_PARAM_BYTES)
      complaint.record(record, `has ${body.length} bytes for ${count} parameters`);
    return Array.from({ length: count }, (_, i): [number, number, number] => {
      const word = (j: number): number => view.getUint32(8 + i * HVM_PARAM_BYTES + j * 4, true);
      if (word(0) >= HVM_PARAM.COUNT || word(1) !== 0)
        complaint.record(record, `names parameter ${word(0)}, which does not exist`);
      return [word(0), word(2), word(3)];
    }).filter(([index]) => SAVED_PARAMS.includes(index));
  }

  private get isPv(): boolean {
    return this.kind === DOMAIN_KIND.PV;
  }

  private pv({ memoryMiB, vcpus = 1 }: SavedAbout): SavedPv {
    const { complaint } = this;
    const info = this.needed('X86_PV_INFO');
    if (info.body.length !== 8) complaint.record(info, `has ${info.body.length} bytes instead of 8`);
    if (info.body[0] !== 4 || info.body[1] !== TABLE_LEVELS)
      complaint.say(
        `is of a guest with words of ${info.body[0]} bytes and page tables of ${info.body[1]} levels (record X86_PV_INFO at byte ${info.at}); paravirtual guests here have 4 and ${TABLE_LEVELS}.`,
      );
    const list = this.needed('X86_PV_P2M_FRAMES');
    const start = list.body.length >= 8 ? list.view.getUint32(0, true) : 0,
      end = list.body.length >= 8 ? list.view.getUint32(4, true) : 0;
    const count = Math.floor(end / (FRAME_BYTES / 4)) + 1;
    if (start !== 0 || end >= memoryMiB * 256 || list.body.length !== 8 + count * 8)
      complaint.record(list, `has ${list.body.length} bytes for guest frames ${start} to ${end}`);
    const shared = this.needed('SHARED_INFO');
    if (shared.body.length !== FRAME_BYTES)
      complaint.record(shared, `has ${shared.body.length} bytes instead of ${FRAME_BYTES}`);
    const contexts = new Map<number, Uint8Array>();
    for (const record of this.ofLibxc) {
      if (record.type !== LIBXC.X86_PV_VCPU_BASIC) continue;
      const vcpu = record.body.length >= 8 ? record.view.getUint32(0, true) : vcpus;
      if (vcpu >= vcpus || contexts.has(vcpu))
        complaint.record(record, `is of vCPU ${vcpu}, which the guest does not have, or twice`);
      if (record.body.length !== 8 + CONTEXT_BYTES)
        complaint.record(record, `has ${record.body.length} bytes instead of ${8 + CONTEXT_BYTES}`);
      contexts.set(vcpu, record.body.slice(8));
    }
    if (!contexts.has(0)) complaint.damaged('it has no record X86_PV_VCPU_BASIC of vCPU 0');
    return {
      p2mFrames: Array.from({ length: count }, (_, i) => list.view.getUint32(8 + 8 * i, true)),
      sharedInfo: shared.body,
      contexts,
    };
  }

  private checkTsc(record: FileRecord | undefined): void {
    if (record && record.body.length !== 24)
      this.complaint.record(record, `has ${record.body.length} bytes instead of 24`);
  }

  /** A record of ours behind `skip` bytes. */
  private ours(record: FileRecord, skip = 0): State {
    const { body, view } = record;
    if (body.length < skip + 8 || view.getUint32(skip + 4, true) !== BODIES_MARK)
      return this.complaint.record(record, 'is not of Ringside');
    const version = view.getUint32(skip, true);
    if (version < OLDEST_BODIES_VERSION || version > BODIES_VERSION)
      this.complaint.say(
        `was saved by another version of Ringside: record ${record.name} at byte ${record.at} has version ${version}, and this one reads ${OLDEST_BODIES_VERSION} to ${BODIES_VERSION}. Restore it with the version that saved it.`,
      );
    return plainState(body.subarray(skip + 8), (what, at) =>
      this.complaint.record(record, `cannot be read at byte ${skip + 8 + at} of its body: ${what}`),
    );
  }

  /** What a rehearsal had, and what of it is no longer so. */
  private changed(record: FileRecord): LongParts & { changes: unknown } {
    const { complaint } = this;
    const before = this.rehearsed?.();
    if (!before || this.isPv) return complaint.record(record, 'says what has changed in a state that has not come');
    const { changes } = this.ours(record);
    return { ...changedParts(before, changes, what => complaint.record(record, what)), changes };
  }

  private domain(about: SavedAbout, record = this.needed('RINGSIDE_DOMAIN'), state = this.ours(record)): State {
    const { complaint } = this,
      { kind, vcpus = 1 } = about;
    const numbers = ['nowNs', 'retiredBefore', 'runNs', 'idleNs', 'exitsTotal'].every(key =>
      Number.isFinite(state[key]),
    );
    const areTurns = isSavedTurns(state.turns as State | undefined, vcpus);
    if (
      !numbers ||
      !(state.exits instanceof Int32Array) ||
      ![EXIT_COUNTERS, OLD_EXIT_COUNTERS].includes(state.exits.length) ||
      !areTurns
    )
      complaint.record(record, 'does not say what the domain was doing');
    if (this.isPv) {
      const { pv, platform, processors } = state as {
        pv?: { covers?: unknown; assists?: unknown; beyond?: unknown };
        platform?: unknown;
        processors?: unknown;
      };
      if (
        !Number.isInteger(pv?.covers) ||
        !Number.isInteger(pv?.assists) ||
        !(pv?.beyond instanceof Int32Array) ||
        pv.beyond.length !== BEYOND_CONTEXT_WORDS ||
        typeof platform !== 'object' ||
        !Array.isArray(processors)
      )
        complaint.record(record, 'does not say what the paravirtual guest had');
    }
    if (findsXen(kind) ? !isSavedXen(state.xen, vcpus) : state.xen !== undefined)
      complaint.record(record, "does not say what the guest had of Xen's");
    if (kind === 'kvm' ? typeof state.kvm !== 'object' || state.kvm === null : state.kvm !== undefined)
      complaint.record(record, "does not say what the guest had of KVM's");
    const { since, ...rest } = state as { since?: SavedSince } & State;
    if (!since) return rest;
    if (!hasBecome(about, since)) complaint.record(record, 'does not say what the guest had become');
    return rest;
  }

  /** A processor's record for each, of the right size, that this version's processor can go on from. */
  private checkProcessors(context: FileRecord, { about, hvm, domain, cpuid: leaves }: SavedState): void {
    const { vcpus = 1 } = about;
    const { complaint } = this;
    const ofPv = (): { instance: number; state: State }[] =>
      (domain.processors as State[]).map((state, instance) => ({ instance, state }));
    const processors = this.isPv ? ofPv() : hvm.filter(({ type }) => type === HVM.CPU);
    if (processors.length !== vcpus)
      complaint.record(context, `has ${processors.length} processors and the configuration names ${vcpus}`);
    for (let id = 0; id < vcpus; id++) {
      const record =
        processors.find(({ instance }) => instance === id) ?? complaint.record(context, `has no processor ${id}`);
      const processor = readProcessor(record.state) ?? complaint.record(context, `has a processor ${id} that is none`);
      record.state = processor;
      if (this.isPv) (domain.processors as State[])[id] = processor;
      const model =
        modelIn(processor) ??
        complaint.say(
          'cannot be restored here: its processor is of a level that this version does not have. Restore it with the version that saved it.',
        );
      const shown = featuresOf(model);
      if (isInLongMode(processor) && !shown.has('lm'))
        complaint.say(
          `cannot be restored: its processor ${id} is in long mode, and one of level ${model} has none. Save the domain again, or take another file.`,
        );
      if (id > 0) continue;
      about.cpuLevel = model;
      this.checkLeaves(leaves, about, shown);
    }
  }

  /** What the guest was shown must be here. */
  private checkLeaves(leaves: readonly Uint32Array[], about: SavedAbout, shown: Features): void {
    for (const [leaf, subleaf, , ebx, ecx, edx] of leaves) {
      const now = leafShown(about, shown, leaf, subleaf);
      // Leaves of features: what was shown must still be there.
      const lost =
        leaf === 1 || leaf === 0x80000001
          ? (ecx & ~now.ecx) | (edx & ~now.edx)
          : leaf === 7
            ? (ebx & ~now.ebx) | (ecx & ~now.ecx) | (edx & ~now.edx)
            : 0;
      if (lost !== 0)
        this.complaint.say(
          `cannot be restored here: record X86_CPUID_POLICY says that the guest was shown features in leaf 0x${leaf.toString(16)} that this version does not have (0x${(lost >>> 0).toString(16)}). Restore it with the version that saved it.`,
        );
    }
  }

  // ---- records of libxl

  private emulator(
    record = this.one('EMULATOR_CONTEXT'),
    state: Partial<SavedState['emulator']> = this.ours(record, 8),
  ): SavedState['emulator'] {
    const { devices, screen } = state;
    if (
      typeof devices !== 'object' ||
      devices === null ||
      !(screen instanceof Uint8Array) ||
      screen.length !== SCREEN_BYTES
    )
      this.complaint.record(record, 'has no devices, or no screen');
    return { devices: devices as State, screen: screen as Uint8Array };
  }

  /** A kernel of some MiB, which the head of a stream that comes has shown before: it is copied once, and not while the guest is paused. */
  private boot(): Boot {
    const record = this.one('RINGSIDE_BOOT');
    return (this.booted ??= this.bootIn(record));
  }
  private booted: Boot | undefined;

  private bootIn(record: FileRecord): Boot {
    const boot = plainState(record.body, (what, at) =>
      this.complaint.record(record, `cannot be read at byte ${at} of its body: ${what}`),
    );
    const known = ['kernel', 'pvh', 'pv', 'firmware'].includes(boot.kind as string) && typeof boot.name === 'string';
    if (!known || !((boot.kind === 'firmware' ? boot.image : boot.kernel) instanceof Uint8Array))
      this.complaint.record(record, 'names nothing to start');
    return boot as unknown as Boot;
  }

  private toolstack(): Pick<SavedState, 'toolstack'> {
    const [record, second] = this.only('RINGSIDE_TOOLSTACK');
    if (!record) return {};
    if (second) this.complaint.record(second, 'is the second of its kind');
    const { body, view } = record;
    const plain = body.subarray(8);
    if (body.length < 8 || crc32(plain) !== view.getUint32(0, true) || view.getUint32(4, true) !== 0)
      this.complaint.damaged(`the checksum of record ${record.name} at byte ${record.at} is wrong`);
    return {
      toolstack: plainState(plain, (what, at) =>
        this.complaint.record(record, `cannot be read at byte ${8 + at} of its body: ${what}`),
      ),
    };
  }
}
