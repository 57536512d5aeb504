/**
 * Counts machine memory again and compares: owners, references and types of frames from second stages and from all who hold frames (frame-holder.ts), the M2P table,
 * locks. For tests, the fuzzer and people who examine a host after a worker's death. Nobody may change anything meanwhile.
 */
import { P2M_EXECUTE, P2M_WRITE } from '../../cpu/architecture/index.ts';
import {
  DOMAIN,
  DOMAIN_WORDS,
  DOMID_XEN,
  FRAME,
  FRAME_COUNT_MASK,
  FRAME_FLAG,
  FRAME_OWNER_SHIFT,
  FRAME_TYPE,
  FRAME_TYPE_SHIFT,
  INVALID_M2P,
  MAX_DOMAINS,
  XENHEAP,
} from '../layout/layout.ts';
import { SCHED } from '../scheduler/block.ts';
import { type Held, holders, holdersOf, type Tally } from './frame-holder.ts';
import { type DomainRecord, FRAME_BYTES, FRAME_SHIFT, type Machine } from './machine.ts';
import { mfnOf } from './second-stage.ts';

/** This many sentences, and no more: one defect has many consequences. */
const MOST = 20;

export function audit(machine: Machine, held: Held = {}): string[] {
  return new Audit(machine, held).run();
}

class Audit implements Tally {
  readonly machine: Machine;
  readonly held: Held;
  private readonly domains: DomainRecord[] = [];
  private readonly words: Int32Array;
  private readonly problems: string[] = [];
  /** By machine frame: references, uses of its type, and that type. */
  private readonly references: Int32Array;
  private readonly uses: Int32Array;
  private readonly types: Uint8Array;
  /** By machine frame: mappings of others that may write it. */
  private readonly writers: Int32Array;
  /** By machine frame: what it is for, of the hypervisor's own. */
  private readonly purpose: Uint8Array;
  /** Ids of those whose frames have types, and of those that die, whose types count no more. */
  private readonly typed = new Set<number>();
  private readonly dying = new Set<number>();

  constructor(machine: Machine, held: Held) {
    this.machine = machine;
    this.words = machine.words;
    this.held = held;
    this.references = new Int32Array(machine.frames);
    this.uses = new Int32Array(machine.frames);
    this.types = new Uint8Array(machine.frames);
    this.writers = new Int32Array(machine.frames);
    this.purpose = new Uint8Array(machine.frames);
  }

  run(): string[] {
    const { machine, words } = this;
    const table = words[XENHEAP.DOMAIN_TABLE];
    for (let slot = 0; slot < MAX_DOMAINS; slot++)
      if (words[(table >>> 2) + slot * DOMAIN_WORDS + DOMAIN.ID] !== 0) this.domains.push(machine.domain(slot));
    for (const record of this.domains) {
      const entry = machine.domainEntry(record);
      if (words[entry + DOMAIN.DYING] !== 0) this.dying.add(record.id);
      if (words[entry + DOMAIN.TYPED] !== 0) this.typed.add(record.id);
    }
    for (const [mfn, count] of this.held.frames ?? []) {
      const readers = this.held.readOnly?.get(mfn) ?? 0;
      this.read(mfn, readers);
      for (let i = readers; i < count; i++) this.writeByOthers(mfn);
    }
    this.hypervisor();
    for (const record of this.domains) this.records(record);
    for (const { holder, domains } of holders(machine)) holder.audit?.(this, domains);
    for (const record of this.domains) this.secondStage(record);
    this.frames();
    if (words[XENHEAP.PORT_LOCK] !== 0) this.say('the lock of the port tables is held');
    if (words[(machine.schedulerOffset >>> 2) + SCHED.LOCK] !== 0) this.say('the lock of the run queue is held');
    return this.problems;
  }

  say(problem: string): void {
    if (this.problems.length < MOST) this.problems.push(problem);
  }

  own(first: number, count: number): void {
    for (let mfn = first; mfn < first + count; mfn++) {
      if (this.purpose[mfn] !== 0) this.say(`frame ${mfn} of the hypervisor has two purposes`);
      this.purpose[mfn] = 1;
      if (this.machine.ownerOf(mfn) !== DOMID_XEN)
        this.say(`frame ${mfn} is in use by the hypervisor and belongs to domain ${this.machine.ownerOf(mfn)}`);
    }
  }

  private hypervisor(): void {
    this.own(0, this.machine.firstFrames);
  }

  private records(record: DomainRecord): void {
    const entry = this.machine.domainEntry(record);
    const word = (field: number): number => this.words[entry + field];
    this.own(word(DOMAIN.RECORDS) >>> FRAME_SHIFT, word(DOMAIN.RECORD_FRAMES));
    this.own(word(DOMAIN.PIXELS), word(DOMAIN.PIXEL_FRAMES));
  }

  // ---- what holders tell

  read(mfn: number, references = 1): void {
    this.references[mfn] += references;
  }

  use(mfn: number, type: number): void {
    if (this.uses[mfn] > 0 && this.types[mfn] !== type)
      this.say(`frame ${mfn} is in use as type ${this.types[mfn]} and as ${type}`);
    this.types[mfn] = type;
    this.uses[mfn]++;
    this.references[mfn]++;
  }

  write(mfn: number): void {
    if (this.typed.has(this.machine.ownerOf(mfn))) this.use(mfn, FRAME_TYPE.WRITABLE);
    else this.references[mfn]++;
  }

  writeByOthers(mfn: number): void {
    this.write(mfn);
    this.writers[mfn]++;
  }

  sees(record: DomainRecord, mfn: number, write: boolean): void {
    for (const holder of holdersOf(this.machine, record)) if (holder.shows?.(this.machine, record, mfn, write)) return;
    this.say(
      `domain ${record.id} can ${write ? 'write' : 'read'} frame ${mfn} of domain ${this.machine.ownerOf(mfn)} without a grant`,
    );
  }

  private secondStage(record: DomainRecord): void {
    const { machine, words } = this;
    const typed = this.typed.has(record.id);
    const seen = new Set<number>();
    for (const [gfn, entry] of machine.secondStage(record).entries()) {
      const mfn = mfnOf(entry),
        owner = machine.ownerOf(mfn);
      // No memory yet: it is populated on demand.
      if (mfn < 0) continue;
      if (owner === record.id) {
        if (!typed && !(words[machine.frameEntry(mfn) + FRAME.FLAGS] & FRAME_FLAG.ALLOCATED) && entry & P2M_EXECUTE)
          this.say(`guest frame ${gfn} of domain ${record.id} shows frame ${mfn}, which it has given back`);
        if (!typed && entry & P2M_EXECUTE && !machine.isDeviceFrame(mfn) && !machine.isXenFrame(mfn) && seen.has(mfn))
          this.say(`domain ${record.id} has frame ${mfn} at two guest frames`);
        if (entry & P2M_EXECUTE) seen.add(mfn);
        // Of what the hypervisor has, a guest whose own tables name frames may read some.
      } else if (!(typed && owner === DOMID_XEN && !(entry & P2M_WRITE)))
        this.sees(record, mfn, (entry & P2M_WRITE) !== 0);
    }
  }

  // ---- frames

  private frames(): void {
    const { machine, words } = this;
    let free = 0;
    const known = new Set(this.domains.map(({ id }) => id));
    for (let mfn = 0; mfn < machine.frames; mfn++) {
      const entry = machine.frameEntry(mfn);
      const count = words[entry + FRAME.COUNT];
      const owner = (count >>> FRAME_OWNER_SHIFT) - 1;
      const references = count & FRAME_COUNT_MASK;
      if (count === 0) {
        free++;
        if (words[entry + FRAME.TYPE] !== 0) this.say(`frame ${mfn} is free and has a type`);
        if (words[machine.m2p + mfn] !== INVALID_M2P) this.say(`frame ${mfn} is free and in the M2P table`);
        if (this.references[mfn] !== 0) this.say(`frame ${mfn} is free and has ${this.references[mfn]} references`);
        continue;
      }
      if (owner === DOMID_XEN) {
        if (this.purpose[mfn] === 0) this.say(`frame ${mfn} of the hypervisor is lost: nothing uses it`);
        continue;
      }
      if (!known.has(owner)) this.say(`frame ${mfn} belongs to domain ${owner}, which is not there`);
      const counted = this.references[mfn] + (words[entry + FRAME.FLAGS] & FRAME_FLAG.ALLOCATED ? 1 : 0);
      if (counted !== references)
        this.say(`frame ${mfn} of domain ${owner} has ${references} references, counted ${counted}`);
      if (this.dying.has(owner)) continue;
      // In a populate-on-demand cache the word is a link.
      if (words[entry + FRAME.SHARED] !== this.writers[mfn] && this.references[mfn] > 0)
        this.say(
          `frame ${mfn} of domain ${owner} is written by ${words[entry + FRAME.SHARED]}, counted ${this.writers[mfn]}`,
        );
      const type = words[entry + FRAME.TYPE];
      if ((type & FRAME_COUNT_MASK) !== this.uses[mfn])
        this.say(
          `frame ${mfn} of domain ${owner} has ${type & FRAME_COUNT_MASK} uses of type ${type >>> FRAME_TYPE_SHIFT}, counted ${this.uses[mfn]}`,
        );
      else if (this.uses[mfn] > 0 && type >>> FRAME_TYPE_SHIFT !== this.types[mfn])
        this.say(`frame ${mfn} of domain ${owner} has type ${type >>> FRAME_TYPE_SHIFT}, counted ${this.types[mfn]}`);
    }
    if (free !== machine.freeFrames) this.say(`${machine.freeFrames} frames are said to be free, and ${free} are`);
  }
}

/** The first of these frames that is free and not empty; -1: all of the free ones are. */
export function dirtyFreeFrame(machine: Machine, frames: Iterable<number>): number {
  for (const mfn of frames) {
    if (machine.ownerOf(mfn) >= 0) continue;
    for (let at = (mfn * FRAME_BYTES) / 4; at < ((mfn + 1) * FRAME_BYTES) / 4; at++)
      if (machine.words[at] !== 0) return mfn;
  }
  return -1;
}
