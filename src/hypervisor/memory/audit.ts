/**
 * Counts machine memory anew and compares: owners, references and types of frames from p2m, page tables, grants and special pages; the M2P table; ports
 * and their other ends; locks. For tests, the fuzzer and whoever examines a host after a worker's death. Nobody may change anything meanwhile.
 */
import { P2M_EXECUTE, P2M_WRITE } from '../../cpu/architecture/index.ts';
import {
  DOMAIN,
  DOMAIN_WORDS,
  FRAME,
  FRAME_COUNT_MASK,
  FRAME_FLAG,
  FRAME_OWNER_SHIFT,
  FRAME_PINNED,
  FRAME_TYPE,
  FRAME_TYPE_SHIFT,
  FRAME_VALIDATED,
  GRANT,
  INVALID_M2P,
  MAX_DOMAINS,
  PORT,
  PORTS,
  XEN,
  XENHEAP,
  XEN_TYPE,
  XEN_VCPU,
  XEN_VIRQS,
} from '../layout/layout.ts';
import { type DomainRecord, FRAME_BYTES, FRAME_SHIFT, type Machine } from './machine.ts';
import { SCHED } from '../scheduler/block.ts';
import { DOMID_XEN, EVTCHNSTAT } from '../xen/abi.ts';
import { GNTMAP, grantKey, GrantTable } from '../xen/grants/grants.ts';
import { Ports } from '../xen/events/ports.ts';
import { GUEST_GDT_FRAMES, LDT_PAGES, PV, PvBlock } from '../xen/pv/block.ts';
import { entriesOf, PTE_PRESENT, PTE_WRITE } from '../xen/pv/pte.ts';

/** References that do not lie in machine memory: those of Domain 0's programs. */
export interface Held {
  /** Machine frame to references, of foreign mappings; `readOnly`: those of them that only read. */
  frames?: ReadonlyMap<number, number>;
  readOnly?: ReadonlyMap<number, number>;
  /** `grantKey` to uses of a grant: readers in bits 0-15, writers in 16-31. */
  grants?: ReadonlyMap<number, number>;
}

/** So many sentences, and no more: one defect has many consequences. */
const MOST = 20;

export function audit(machine: Machine, held: Held = {}): string[] {
  return new Audit(machine, held).run();
}

class Audit {
  private readonly machine: Machine;
  private readonly words: Int32Array;
  private readonly held: Held;
  private readonly problems: string[] = [];
  /** By machine frame: references, uses of its type, and that type. */
  private readonly references: Int32Array;
  private readonly uses: Int32Array;
  private readonly types: Uint8Array;
  /** By machine frame: mappings of others that may write it. */
  private readonly writers: Int32Array;
  /** By machine frame: what it is for, of the hypervisor's own. */
  private readonly purpose: Uint8Array;
  private readonly domains: DomainRecord[] = [];
  /** Ids of those whose frames have types, and of those that die, whose types count no more. */
  private readonly paravirtual = new Set<number>();
  private readonly dying = new Set<number>();
  /** `grantKey` to uses by maptracks, as Held. */
  private readonly pins = new Map<number, number>();

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
    const { machine } = this;
    const table = machine.words[XENHEAP.DOMAIN_TABLE];
    for (let slot = 0; slot < MAX_DOMAINS; slot++)
      if (this.words[(table >>> 2) + slot * DOMAIN_WORDS + DOMAIN.ID] !== 0) this.domains.push(machine.domain(slot));
    for (const record of this.domains)
      if (this.words[machine.domainEntry(record) + DOMAIN.DYING] !== 0) this.dying.add(record.id);
    for (const { id, xenOffset } of this.domains)
      if (xenOffset !== 0 && this.words[(xenOffset >>> 2) + XEN.TYPE] === XEN_TYPE.PV) this.paravirtual.add(id);
    for (const [key, uses] of this.held.grants ?? []) this.pins.set(key, uses);
    for (const [mfn, count] of this.held.frames ?? []) {
      const readers = this.held.readOnly?.get(mfn) ?? 0;
      this.references[mfn] += readers;
      for (let i = readers; i < count; i++) {
        this.write(mfn);
        this.writers[mfn]++;
      }
    }
    this.hypervisor();
    for (const record of this.domains) this.records(record);
    for (const record of this.domains) if (record.xenOffset !== 0) this.maptrack(record);
    for (const record of this.domains) {
      if (record.xenOffset === 0) continue;
      this.specialPages(record);
      this.grants(record);
      this.ports(record);
      if (this.words[(record.xenOffset >>> 2) + XEN.TYPE] === XEN_TYPE.PV) this.pageTables(record);
    }
    for (const record of this.domains) this.secondStage(record);
    this.frames();
    if (this.words[XENHEAP.PORT_LOCK] !== 0) this.say('the lock of the port tables is held');
    if (this.words[(machine.schedulerOffset >>> 2) + SCHED.LOCK] !== 0) this.say('the lock of the run queue is held');
    return this.problems;
  }

  private say(problem: string): void {
    if (this.problems.length < MOST) this.problems.push(problem);
  }

  private own(first: number, count: number): void {
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
    const pv = new PvBlock(this.machine, record);
    if (pv.exists) this.own(word(DOMAIN.PV) >>> FRAME_SHIFT, pv.frames);
  }

  private use(mfn: number, type: number): void {
    if (this.uses[mfn] > 0 && this.types[mfn] !== type)
      this.say(`frame ${mfn} is in use as type ${this.types[mfn]} and as ${type}`);
    this.types[mfn] = type;
    this.uses[mfn]++;
    this.references[mfn]++;
  }

  /** Somebody writes it who is not its owner: of a paravirtual domain that is a use of its type. */
  private write(mfn: number): void {
    if (this.paravirtual.has(this.machine.ownerOf(mfn))) this.use(mfn, FRAME_TYPE.WRITABLE);
    else this.references[mfn]++;
  }

  // ---- what refers to frames

  private specialPages(record: DomainRecord): void {
    const ports = new Ports(this.machine, record);
    for (let id = 0; id < ports.vcpus; id++) {
      const vcpu = ports.vcpu(id);
      const info = this.words[vcpu + XEN_VCPU.INFO_MFN] - 1,
        control = this.words[vcpu + XEN_VCPU.FIFO_CONTROL];
      if (info >= 0) this.write(info);
      if (control !== 0) this.write(control >>> FRAME_SHIFT);
      if (this.words[vcpu + XEN_VCPU.FIFO_LOCK] !== 0)
        this.say(`the lock of domain ${record.id}'s FIFO queues of vCPU ${id} is held`);
    }
    for (let page = 0; page < this.words[ports.xenBlock + XEN.FIFO_PAGES]; page++)
      this.write(this.words[ports.xenBlock + XEN.FIFO_FRAMES + page]);
  }

  /** Uses of grants that a domain's mappings stand for. */
  private maptrack(record: DomainRecord): void {
    const ports = new Ports(this.machine, record),
      table = new GrantTable(ports);
    const p2m = this.machine.p2m(record);
    const translated = this.words[ports.xenBlock + XEN.TYPE] !== XEN_TYPE.PV;
    for (const map of table.mappings()) {
      const granter = this.domains.find(({ id }) => id === map.domid);
      if (!granter || granter.grantsOffset === 0) {
        this.say(`domain ${record.id} maps a grant of domain ${map.domid}, which is not there`);
        continue;
      }
      const key = grantKey(map.domid, map.ref);
      const readonly = (map.flags & GNTMAP.READONLY) !== 0;
      for (const part of [GNTMAP.HOST, GNTMAP.DEVICE])
        if (map.flags & part) this.pins.set(key, (this.pins.get(key) ?? 0) + (readonly ? 1 : 0x10000));
      const mfn = table.mfnOf(map);
      if (translated && map.flags & GNTMAP.HOST && p2m[map.gfn] >>> FRAME_SHIFT !== mfn)
        this.say(
          `domain ${record.id} has frame ${p2m[map.gfn] >>> FRAME_SHIFT} at guest frame ${map.gfn}, where a grant shows frame ${mfn}`,
        );
    }
  }

  private grants(record: DomainRecord): void {
    const table = new GrantTable(new Ports(this.machine, record));
    const block = record.grantsOffset >>> 2;
    if (this.words[block + GRANT.LOCK] !== 0) this.say(`the lock of domain ${record.id}'s grant table is held`);
    for (let i = 0; i < table.frames; i++) this.write(table.sharedFrame(i));
    for (let i = 0; i < table.statusFrames; i++) this.write(table.statusFrame(i));
    for (let i = 0; i < 2 * table.frames; i++) this.own(this.words[block + GRANT.ACTIVE + i], 1);
    for (let i = 0; i < this.words[block + GRANT.MAPTRACK_FRAMES]; i++)
      this.own(this.words[block + GRANT.MAPTRACK + i], 1);
    for (const { ref, pins, mfn } of table.uses()) {
      const key = grantKey(record.id, ref);
      const counted = this.pins.get(key) ?? 0;
      this.pins.delete(key);
      if (pins !== counted)
        this.say(
          `grant ${ref} of domain ${record.id} has uses 0x${pins.toString(16)}, counted 0x${counted.toString(16)}`,
        );
      if (mfn < 0) continue;
      this.references[mfn] += pins & 0xffff;
      for (let writer = 0; writer < pins >>> 16; writer++) {
        this.write(mfn);
        this.writers[mfn]++;
      }
    }
    for (const [key, pins] of this.pins)
      if (key >= grantKey(record.id, 0) && key < grantKey(record.id + 1, 0))
        this.say(
          `grant ${key - grantKey(record.id, 0)} of domain ${record.id} is mapped (0x${pins.toString(16)}) and has no use`,
        );
  }

  private pageTables(record: DomainRecord): void {
    const { words, machine } = this;
    const shared = words[(record.xenOffset >>> 2) + XEN.SHARED_INFO];
    const block = new PvBlock(machine, record);
    for (let id = 0; block.exists && id < block.vcpus; id++) {
      const state = block.vcpu(id);
      if (state[PV.BASE] !== 0) this.use(state[PV.BASE], FRAME_TYPE.L3);
      for (const mfn of state.subarray(PV.GDT_FRAMES, PV.GDT_FRAMES + GUEST_GDT_FRAMES))
        if (mfn !== 0) this.use(mfn, FRAME_TYPE.DESCRIPTORS);
      for (const mfn of state.subarray(PV.LDT_FRAMES, PV.LDT_FRAMES + LDT_PAGES))
        if (mfn !== 0) this.use(mfn, FRAME_TYPE.DESCRIPTORS);
    }
    for (let mfn = 0; mfn < machine.frames; mfn++) {
      if (machine.ownerOf(mfn) !== record.id) continue;
      const word = words[machine.frameEntry(mfn) + FRAME.TYPE];
      const type = word >>> FRAME_TYPE_SHIFT;
      if (word & FRAME_PINNED) this.use(mfn, type);
      if (!(word & FRAME_VALIDATED) || (word & FRAME_COUNT_MASK) === 0) continue;
      for (let slot = 0; slot < entriesOf(type); slot++) {
        const low = words[(mfn << 10) + 2 * slot],
          target = low >>> FRAME_SHIFT;
        if (!(low & PTE_PRESENT) || target === shared) continue;
        if (machine.ownerOf(target) !== record.id) {
          if (type !== FRAME_TYPE.L1)
            this.say(`table ${mfn} of domain ${record.id} has frame ${target} of another domain as a table`);
          else this.foreignEntry(record, target, (low & PTE_WRITE) !== 0);
        } else if (type === FRAME_TYPE.L1) {
          if (low & PTE_WRITE) this.use(target, FRAME_TYPE.WRITABLE);
          else this.references[target]++;
        } else
          this.use(target, type === FRAME_TYPE.L3 ? (slot === 3 ? FRAME_TYPE.L2_XEN : FRAME_TYPE.L2) : FRAME_TYPE.L1);
      }
    }
  }

  /** What shows a frame of another domain has a grant for it. */
  private foreignEntry(record: DomainRecord, mfn: number, write: boolean): void {
    const table = new GrantTable(new Ports(this.machine, record));
    for (const map of table.mappings())
      if (map.flags & GNTMAP.HOST && (!write || !(map.flags & GNTMAP.READONLY)) && table.mfnOf(map) === mfn) return;
    this.say(
      `domain ${record.id} can ${write ? 'write' : 'read'} frame ${mfn} of domain ${this.machine.ownerOf(mfn)} without a grant`,
    );
  }

  private secondStage(record: DomainRecord): void {
    const { machine, words } = this;
    const p2m = machine.p2m(record);
    const xen = record.xenOffset >>> 2;
    const shared = xen === 0 ? -1 : words[xen + XEN.SHARED_INFO];
    const pv = xen !== 0 && words[xen + XEN.TYPE] === XEN_TYPE.PV;
    const seen = new Set<number>();
    for (let gfn = 0; gfn < p2m.length; gfn++) {
      const entry = p2m[gfn],
        mfn = entry >>> FRAME_SHIFT;
      if (entry === 0 || mfn === shared) continue;
      const owner = machine.ownerOf(mfn);
      if (owner === record.id) {
        const table = this.isTableFrame(record, mfn);
        if (!pv && !(words[machine.frameEntry(mfn) + FRAME.FLAGS] & FRAME_FLAG.ALLOCATED) && entry & P2M_EXECUTE)
          this.say(`guest frame ${gfn} of domain ${record.id} shows frame ${mfn}, which it has given back`);
        if (!pv && entry & P2M_EXECUTE && !machine.isDeviceFrame(mfn) && seen.has(mfn) && !table)
          this.say(`domain ${record.id} has frame ${mfn} at two guest frames`);
        if (entry & P2M_EXECUTE) seen.add(mfn);
      } else if (pv && owner === DOMID_XEN && !(entry & P2M_WRITE)) continue;
      else this.foreignEntry(record, mfn, (entry & P2M_WRITE) !== 0);
    }
  }

  private isTableFrame(record: DomainRecord, mfn: number): boolean {
    if (record.grantsOffset === 0) return false;
    const table = new GrantTable(new Ports(this.machine, record));
    for (let i = 0; i < table.frames; i++) if (table.sharedFrame(i) === mfn) return true;
    for (let i = 0; i < table.statusFrames; i++) if (table.statusFrame(i) === mfn) return true;
    return false;
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

  // ---- event channels

  private ports(record: DomainRecord): void {
    const { words } = this;
    const ports = new Ports(this.machine, record);
    for (let port = 1; port < PORTS; port++) {
      const entry = ports.entry(port);
      const name = `port ${port} of domain ${record.id}`;
      const remote = words[entry + PORT.REMOTE];
      switch (words[entry + PORT.STATE]) {
        case EVTCHNSTAT.CLOSED:
        case EVTCHNSTAT.UNBOUND:
        case EVTCHNSTAT.IPI:
        case EVTCHNSTAT.PIRQ:
          break;
        case EVTCHNSTAT.INTERDOMAIN: {
          const other = this.domains.find(({ id }) => id === remote);
          if (!other || other.portsOffset === 0) this.say(`${name} is bound to domain ${remote}, which is not there`);
          else {
            const theirs = new Ports(this.machine, other).entry(words[entry + PORT.REMOTE_PORT]);
            if (
              words[theirs + PORT.STATE] !== EVTCHNSTAT.INTERDOMAIN ||
              words[theirs + PORT.REMOTE] !== record.id ||
              words[theirs + PORT.REMOTE_PORT] !== port
            )
              this.say(
                `${name} is bound to port ${words[entry + PORT.REMOTE_PORT]} of domain ${remote}, which is not bound to it`,
              );
          }
          break;
        }
        case EVTCHNSTAT.VIRQ: {
          const bound = Array.from({ length: ports.vcpus }, (_, id) => words[ports.vcpu(id) + XEN_VCPU.VIRQ + remote]);
          if (!bound.includes(port)) this.say(`${name} is for VIRQ ${remote}, which goes elsewhere`);
          break;
        }
        default:
          this.say(`${name} has state ${words[entry + PORT.STATE]}`);
      }
      if (ports.target(port) >= ports.vcpus)
        this.say(`${name} is delivered to vCPU ${ports.target(port)}, which is not there`);
    }
    for (let id = 0; id < ports.vcpus; id++) {
      for (let virq = 0; virq < XEN_VIRQS; virq++) {
        const port = words[ports.vcpu(id) + XEN_VCPU.VIRQ + virq];
        if (
          port !== 0 &&
          (words[ports.entry(port) + PORT.STATE] !== EVTCHNSTAT.VIRQ || words[ports.entry(port) + PORT.REMOTE] !== virq)
        )
          this.say(`VIRQ ${virq} of domain ${record.id} goes to port ${port}, which is not its`);
      }
    }
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
