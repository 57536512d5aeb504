/**
 * A domain's grant table: which of its frames it lets other domains use, and which of those domains' frames it has mapped. Any worker may work on any table.
 * Source: xen/include/public/grant_table.h, its comments on the order in which flags are set and checked; statuses are the ABI's.
 *
 * Guests change their entries while others look at them, so the status bits are set with one compare-and-swap that also checks what was granted
 * (version 1), or set first and the grant checked afterwards (version 2). Counts of users, and the maptrack of the user's side, lie in machine memory.
 */
import {
  ENTRIES_V1,
  GRANT,
  GRANT_ACTIVE as ACTIVE,
  GRANT_MAP as MAP,
  GRANTS_AT,
  IN_FLIGHT_ENTRIES,
  IN_FLIGHT_WORDS,
  isXen,
  MAP_WORDS,
  MAPS_PER_FRAME,
} from '../layout.ts';
import { DOMAIN_0, DOMID_XEN, FRAME_BYTES, FRAME_SHIFT } from '../../../memory/machine.ts';
import type { Journal } from '../../../memory/lock.ts';
import type { SecondStage } from '../../../memory/second-stage.ts';
import { GNTMAP, GNTST, GTF } from '../abi.ts';
import { Ports } from '../events/ports.ts';
import { Pod } from '../memory/pod.ts';
import { awaitNoCode, countWriter, endWrites } from '../memory/stale.ts';
import { dropWritableType, isPv, takeWritableType } from '../memory/writable.ts';
import { GrantEntries, V2 } from './grant-entries.ts';

export { GNTMAP, GNTST, GTF } from '../abi.ts';

const MOST_PINS = 0xffff;
/** An entry of any domain's table as one number; those of a domain lie together. */
export const grantKey = (domid: number, ref: number): number => domid * 2 ** 32 + ref;

/** A frame that is in use through a grant, until `release`. */
export interface Granted {
  mfn: number;
  /** The bytes of it that were granted. */
  start: number;
  length: number;
  release(): void;
}

export interface Mapped {
  handle: number;
  flags: number;
  ref: number;
  domid: number;
  gfn: number;
}

export class GrantTable extends GrantEntries {
  private readonly stage: SecondStage;

  constructor(ports: Ports) {
    super(ports);
    this.stage = ports.machine.secondStage(ports.record);
  }

  /** The table of another domain, also of one that is dying where `dying`; undefined: there is none. */
  of(domid: number, dying = false): GrantTable | undefined {
    if (domid === this.ports.record.id) return this;
    const alive = this.ports.of(domid);
    if (alive) return new GrantTable(alive);
    const record = dying ? this.ports.machine.find(domid, true) : undefined;
    return record && isXen(record) ? new GrantTable(new Ports(this.ports.machine, record)) : undefined;
  }

  /** The holder of the lock died: what it changed is undone, and the entry whose users it changed says again who they are. */
  protected repair(): void {
    // Past the commit its last step is done for it.
    if (!this.journal.isOpen) this.drop();
    this.set(GRANT.DROP, 0);
    this.journal.undo();
    const ref = this.get(GRANT.ENTRY) - 1;
    if (ref >= 0 && ref < this.entries) this.unpinned(ref, this.words[this.activeAt(ref) + ACTIVE.PINS]);
  }

  // ---- what this domain's worker uses while no maptrack entry says so

  private inFlight(index: number): number {
    return this.block + GRANT.IN_FLIGHT + index * IN_FLIGHT_WORDS;
  }

  /** Index of the entry in this worker's list, where the whole of it is `domid`, `ref`, `use`; `domid` -1: one that is free. -1: none, or nobody keeps a list. */
  private flightOf(domid: number, ref: number, use: number): number {
    const { machine } = this.ports;
    if (machine.worker === DOMAIN_0) return -1;
    const list = ((machine.domain(machine.worker).guestOffset + GRANTS_AT) >>> 2) + GRANT.IN_FLIGHT;
    for (let at = list; at < list + IN_FLIGHT_ENTRIES * IN_FLIGHT_WORDS; at += IN_FLIGHT_WORDS) {
      if (this.words[at] === domid + 1 && (domid < 0 || (this.words[at + 1] === ref && this.words[at + 2] === use)))
        return at;
    }
    return -1;
  }

  private takeOff(journal: Journal, domid: number, ref: number, user: number, readonly: boolean): void {
    const at = this.flightOf(-1, 0, 0);
    if (at < 0) return;
    journal.set(at + 1, ref);
    journal.set(at + 2, user * 2 + (readonly ? 1 : 0));
    journal.set(at, domid + 1);
  }

  private land(journal: Journal, domid: number, ref: number, user: number, readonly: boolean): void {
    const at = this.flightOf(domid, ref, user * 2 + (readonly ? 1 : 0));
    if (at >= 0) journal.set(at, 0);
  }

  /** Says in the entry that it is used, if it allows that. `pinned`: it is in use by `user` already, so only writing is asked again. */
  private setStatus(ref: number, user: number, readonly: boolean, forMap: boolean, pinned: boolean): number {
    const wanted = GTF.READING | (readonly ? 0 : GTF.WRITING);
    const mask = GTF.TYPE | (forMap ? GTF.SUB_PAGE : 0);
    const at = this.entryAt(ref);
    const permitted = (entry: number): boolean => {
      if (!readonly && entry & GTF.READONLY) return false;
      if (pinned) return true;
      const type = entry & mask;
      const kind = type === GTF.PERMIT_ACCESS || (!forMap && this.version === 2 && type === GTF.TRANSITIVE);
      return kind && entry >>> 16 === user;
    };
    let entry = Atomics.load(this.words, at);
    if (this.version === 1) {
      // A guest that changes its entry all the time does not keep us here.
      for (let tries = 0; tries < 5; tries++) {
        if (!permitted(entry)) return GNTST.GENERAL_ERROR;
        const was = Atomics.compareExchange(this.words, at, entry, entry | wanted);
        if (was === entry) return GNTST.OKAY;
        entry = was;
      }
      return GNTST.GENERAL_ERROR;
    }
    if (!permitted(entry)) return GNTST.GENERAL_ERROR;
    this.setFlags(ref, wanted);
    // A guest that revokes clears the flags and then looks at the status: one of us sees the other.
    entry = Atomics.load(this.words, at);
    if (permitted(entry)) return GNTST.OKAY;
    this.clearFlags(ref, pinned ? GTF.WRITING : wanted);
    return GNTST.GENERAL_ERROR;
  }

  // ---- use

  /**
   * Uses entry `ref` for domain `user`: the frame stays as it is until `release`. `forMap`: whole pages only; else parts and transitive grants too.
   * A number is a GNTST status.
   */
  acquire(ref: number, user: number, readonly: boolean, forMap: boolean, transitive = !forMap): Granted | number {
    this.populate(ref);
    const result = this.locked((): Granted | number | { domid: number; ref: number } => {
      // Xen gives each domain its first frame with the domain, here it comes with the first use: until then its entries grant nothing.
      if (ref >= Math.max(this.entries, ENTRIES_V1)) return GNTST.BAD_GNTREF;
      if (ref >= this.entries) return GNTST.GENERAL_ERROR;
      const active = this.activeAt(ref);
      this.set(GRANT.ENTRY, ref + 1);
      const pins = this.words[active + ACTIVE.PINS];
      const count = readonly ? pins & MOST_PINS : pins >>> 16;
      if (pins !== 0 && (this.words[active + ACTIVE.DOMID] !== user || count === MOST_PINS)) return GNTST.GENERAL_ERROR;
      if (pins === 0 || (!readonly && pins >>> 16 === 0)) {
        const status = this.setStatus(ref, user, readonly, forMap, pins !== 0);
        if (status !== GNTST.OKAY) return status;
      }
      const frame = pins === 0 ? this.look(ref, user, active) : this.words[active + ACTIVE.MFN];
      const held = frame === TRANSITIVE ? GNTST.OKAY : frame < 0 ? frame : this.hold(frame, readonly, this.journal);
      if (held !== GNTST.OKAY || (frame === TRANSITIVE && !transitive)) {
        this.unpinned(ref, pins);
        return held !== GNTST.OKAY ? held : GNTST.GENERAL_ERROR;
      }
      this.journal.set(active + ACTIVE.PINS, pins + (readonly ? 1 : 0x10000));
      this.takeOff(this.journal, this.domid, ref, user, readonly);
      if (frame === TRANSITIVE) {
        // The grant behind it, as the entry says now: the domain in the high half of word 1, the reference in word 2.
        const at = this.entryAt(ref);
        return { domid: this.words[at + V2.trans_domid] & 0xffff, ref: this.words[at + V2.gref] >>> 0 };
      }
      const span = this.words[active + ACTIVE.SPAN];
      return {
        mfn: frame,
        start: span & 0xffff,
        length: span >>> 16,
        release: () => this.release(ref, user, readonly, frame),
      };
    });
    if (typeof result === 'number') return result;
    if (!('mfn' in result)) return this.acquireBehind(ref, user, readonly, result);
    if (!readonly) awaitNoCode(this.ports, result.mfn);
    return result;
  }

  /**
   * A frame that is populated on demand is there before its entry is looked at: to find memory may take the granter's own worker, which may wait for
   * our lock.
   */
  private populate(ref: number): void {
    if (ref >= this.entries) return;
    const gfn = this.words[this.entryAt(ref) + (this.version === 2 ? 2 : 1)] >>> 0;
    new Pod(this.ports.machine, this.ports.record).demand(gfn);
  }

  /** A transitive grant: what another domain granted to this one, handed on. */
  private acquireBehind(
    ref: number,
    user: number,
    readonly: boolean,
    to: { domid: number; ref: number },
  ): Granted | number {
    const other = to.domid === this.domid ? undefined : this.of(to.domid);
    const granted = other ? other.acquire(to.ref, this.domid, readonly, false, false) : GNTST.GENERAL_ERROR;
    if (typeof granted === 'number') {
      this.release(ref, user, readonly, TRANSITIVE);
      return granted;
    }
    return {
      ...granted,
      release: () => {
        granted.release();
        this.release(ref, user, readonly, TRANSITIVE);
      },
    };
  }

  /** Reads the entry of a first user into the active entry; the frame, TRANSITIVE, or a status. */
  private look(ref: number, user: number, active: number): number {
    const { words } = this;
    const at = this.entryAt(ref);
    const flags = words[at] & 0xffff;
    words[active + ACTIVE.DOMID] = user;
    words[active + ACTIVE.SPAN] = FRAME_BYTES << 16;
    words[active + ACTIVE.MFN] = TRANSITIVE;
    if (this.version === 2) {
      if ((flags & GTF.TYPE) === GTF.TRANSITIVE) return TRANSITIVE;
      // Frames past 2^32 bytes are nobody's.
      if (words[at + V2.frame + 1] !== 0) return GNTST.BAD_PAGE;
      if (flags & GTF.SUB_PAGE) {
        const part = words[at + V2.page_off];
        if ((part & 0xffff) + (part >>> 16) > FRAME_BYTES) return GNTST.BAD_PAGE;
        words[active + ACTIVE.SPAN] = part;
      }
    }
    const mfn = this.frameOf(words[at + this.frameWord] >>> 0);
    if (mfn >= 0) words[active + ACTIVE.MFN] = mfn;
    return mfn;
  }

  private frameOf(gfn: number): number {
    const { machine } = this.ports,
      drop = (mfn: number): boolean => machine.dropReference(mfn);
    const mfn = this.stage.hold(gfn, mfn => machine.takeReference(mfn, this.domid), drop);
    return mfn >= 0 ? (drop(mfn), mfn) : GNTST.BAD_PAGE;
  }

  /** One more user of a frame: a reference, and for writers of a PV domain's memory its type. */
  private hold(mfn: number, readonly: boolean, journal?: Journal): number {
    const { machine } = this.ports;
    if (!(journal ?? machine).takeReference(mfn, this.domid)) return GNTST.BAD_PAGE;
    if (readonly) return GNTST.OKAY;
    if (this.isPv && !takeWritableType(machine, mfn)) {
      if (journal) journal.giveBack(mfn);
      else machine.dropReference(mfn);
      return GNTST.GENERAL_ERROR;
    }
    countWriter(machine, mfn);
    journal?.tookWriter(mfn);
    return GNTST.OKAY;
  }

  /** A frame of the domain's own, for a copy; a number is a GNTST status. */
  ownFrame(gfn: number, readonly: boolean): Granted | number {
    new Pod(this.ports.machine, this.ports.record).demand(gfn);
    const mfn = this.frameOf(gfn);
    const held = mfn < 0 ? mfn : this.hold(mfn, readonly);
    if (held !== GNTST.OKAY) return held;
    if (!readonly) awaitNoCode(this.ports, mfn);
    return { mfn, start: 0, length: FRAME_BYTES, release: () => this.letGo(mfn, readonly) };
  }

  /** Lets go what GRANT.DROP says, and that it is no more. */
  private drop(): void {
    const drop = this.get(GRANT.DROP);
    this.set(GRANT.DROP, 0);
    if (drop !== 0) this.letGo((drop >>> 1) - 1, (drop & 1) === 0);
  }

  private letGo(mfn: number, readonly: boolean): void {
    const { machine } = this.ports;
    if (!readonly) this.endWrites(mfn);
    machine.dropReference(mfn);
  }

  protected endWrites(mfn: number): void {
    const { machine } = this.ports;
    endWrites(machine, mfn);
    if (this.isPv) dropWritableType(machine, mfn);
  }

  private get isPv(): boolean {
    return isPv(this.ports.machine, this.ports.record);
  }

  private release(ref: number, user: number, readonly: boolean, mfn: number): void {
    this.locked(
      () => {
        this.set(GRANT.ENTRY, ref + 1);
        const at = this.activeAt(ref) + ACTIVE.PINS;
        const pins = this.words[at] - (readonly ? 1 : 0x10000);
        this.journal.set(at, pins);
        this.land(this.journal, this.domid, ref, user, readonly);
        if (mfn !== TRANSITIVE) this.set(GRANT.DROP, 2 * (mfn + 1) + (readonly ? 0 : 1));
        return pins;
      },
      pins => {
        this.unpinned(ref, pins);
        this.drop();
      },
    );
  }

  /** Takes back from the entry what the remaining users do not need. */
  private unpinned(ref: number, pins: number): void {
    if (pins === 0) this.clearFlags(ref, GTF.READING | GTF.WRITING);
    else if (pins >>> 16 === 0) this.clearFlags(ref, GTF.WRITING);
  }

  // ---- maptrack: what this domain has mapped of others

  private mapAt(handle: number): number {
    return (
      (this.get(GRANT.MAPTRACK + Math.floor(handle / MAPS_PER_FRAME)) << (FRAME_SHIFT - 2)) +
      (handle % MAPS_PER_FRAME) * MAP_WORDS
    );
  }

  /** Remembers a mapping; -1: no room. */
  track(flags: number, ref: number, domid: number, gfn: number): number {
    return this.locked(() => {
      if (this.get(GRANT.MAPTRACK_FREE) === 0 && !this.addMaptrackFrame()) return -1;
      const handle = this.get(GRANT.MAPTRACK_FREE) - 1,
        at = this.mapAt(handle);
      const { journal } = this;
      this.change(GRANT.MAPTRACK_FREE, this.words[at + MAP.REF]);
      journal.set(at + MAP.REF, ref);
      journal.set(at + MAP.DOMID, domid);
      journal.set(at + MAP.GFN, gfn);
      journal.set(at + MAP.FLAGS, flags);
      const readonly = (flags & GNTMAP.READONLY) !== 0;
      for (const part of [GNTMAP.HOST, GNTMAP.DEVICE])
        if (flags & part) this.land(journal, domid, ref, this.domid, readonly);
      return handle;
    });
  }

  private addMaptrackFrame(): boolean {
    const frames = this.get(GRANT.MAPTRACK_FRAMES);
    const taken = frames < GRANT.MAPTRACK_LIMIT ? this.ports.machine.allocate(1, DOMID_XEN) : null;
    if (!taken) return false;
    // There was none free: the list is that of the new frame, which no domain sees yet.
    const first = frames * MAPS_PER_FRAME + 1;
    for (let i = 0; i < MAPS_PER_FRAME; i++)
      this.words[(taken[0] << (FRAME_SHIFT - 2)) + i * MAP_WORDS + MAP.REF] =
        i === MAPS_PER_FRAME - 1 ? 0 : first + i + 1;
    this.change(GRANT.MAPTRACK + frames, taken[0]);
    this.change(GRANT.MAPTRACK_FRAMES, frames + 1);
    this.change(GRANT.MAPTRACK_FREE, first);
    return true;
  }

  /** What a handle represents; undefined: nothing. */
  mapped(handle: number): Mapped | undefined {
    if (handle >= this.get(GRANT.MAPTRACK_FRAMES) * MAPS_PER_FRAME) return undefined;
    const at = this.mapAt(handle);
    const flags = this.words[at + MAP.FLAGS];
    if (flags === 0) return undefined;
    return {
      handle,
      flags,
      ref: this.words[at + MAP.REF],
      domid: this.words[at + MAP.DOMID],
      gfn: this.words[at + MAP.GFN],
    };
  }

  /** The frame behind a mapping. */
  mfnOf(map: Mapped): number {
    const granter = this.of(map.domid, true)!;
    return this.words[granter.activeAt(map.ref) + ACTIVE.MFN];
  }

  /**
   * Ends the host's or the device's part of a mapping (GNTMAP.HOST, GNTMAP.DEVICE), which it has; with its last part the handle is free. The caller has
   * taken the host's part out of the domain's address space, and what the processor knew of it is forgotten.
   */
  untrack(map: Mapped, part: number): void {
    const mfn = this.mfnOf(map),
      readonly = (map.flags & GNTMAP.READONLY) !== 0;
    this.locked(() => {
      const { journal } = this;
      const at = this.mapAt(map.handle);
      const left = this.words[at + MAP.FLAGS] & ~part;
      this.takeOff(journal, map.domid, map.ref, this.domid, readonly);
      if (left & (GNTMAP.HOST | GNTMAP.DEVICE)) return journal.set(at + MAP.FLAGS, left);
      journal.set(at + MAP.FLAGS, 0);
      journal.set(at + MAP.REF, this.get(GRANT.MAPTRACK_FREE));
      this.change(GRANT.MAPTRACK_FREE, map.handle + 1);
    });
    this.of(map.domid, true)!.release(map.ref, this.domid, readonly, mfn);
  }

  /** What this domain has mapped of others. */
  *mappings(): Generator<Mapped> {
    for (let handle = 0; handle < this.get(GRANT.MAPTRACK_FRAMES) * MAPS_PER_FRAME; handle++) {
      const map = this.mapped(handle);
      if (map) yield map;
    }
  }

  /** Entries of this table that are in use: readers in bits 0-15 of `pins`, writers in 16-31; `mfn` is negative for a grant that was handed on. */
  *uses(): Generator<{ ref: number; user: number; pins: number; mfn: number }> {
    for (let ref = 0; ref < this.frames * ENTRIES_V1; ref++) {
      const at = this.activeAt(ref);
      if (this.words[at + ACTIVE.PINS] !== 0)
        yield {
          ref,
          user: this.words[at + ACTIVE.DOMID],
          pins: this.words[at + ACTIVE.PINS],
          mfn: this.words[at + ACTIVE.MFN],
        };
    }
  }

  /** The domain dies: it uses nobody's frames any more. */
  dropMappings(): void {
    for (const map of this.mappings())
      for (const part of [GNTMAP.HOST, GNTMAP.DEVICE]) if (map.flags & part) this.untrack(map, part);
    // What its worker used when it died.
    for (let i = 0; i < IN_FLIGHT_ENTRIES; i++) {
      const at = this.inFlight(i);
      const granter = this.words[at] === 0 ? undefined : this.of(this.words[at] - 1, true);
      const ref = this.words[at + 1],
        use = this.words[at + 2];
      this.words[at] = 0;
      if (granter) granter.release(ref, use >>> 1, (use & 1) !== 0, granter.words[granter.activeAt(ref) + ACTIVE.MFN]);
    }
  }

  /** Gives the table's own frames back, once nobody uses what it grants; false: somebody does. */
  free(): boolean {
    const { machine } = this.ports;
    for (let ref = 0; ref < this.frames * ENTRIES_V1; ref++) if (this.isPinned(ref)) return false;
    for (let i = 0; i < 2 * this.frames; i++) machine.release(this.get(GRANT.ACTIVE + i));
    this.give(GRANT.FRAMES, GRANT.SHARED);
    this.give(GRANT.STATUS_FRAMES, GRANT.STATUS);
    for (let i = 0; i < this.get(GRANT.MAPTRACK_FRAMES); i++) machine.release(this.get(GRANT.MAPTRACK + i));
    this.set(GRANT.MAPTRACK_FRAMES, 0);
    this.set(GRANT.MAPTRACK_FREE, 0);
    return true;
  }
}

/** In place of a frame: the entry hands on what another domain granted. */
const TRANSITIVE = -0x100;
