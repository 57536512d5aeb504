/**
 * The domains next to the hostile one: an HVM, a PVH and a PV guest (guests/neighbour) that check themselves. They run interleaved with the hostile one, or
 * are paused, and then nothing in them may change at all.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assembleDomain } from '../../../hypervisor/interfaces/index.ts';
import type { Domain } from '../../../hypervisor/domain/index.ts';
import { FRAME } from '../../../hypervisor/layout/index.ts';
import { PORT, PORTS } from '../../../hypervisor/interfaces/xen/index.ts';
import { createDomain } from '../../../hypervisor/memory/index.ts';
import { type DomainRecord, FRAME_BYTES, type Machine } from '../../../hypervisor/memory/index.ts';
import { EVTCHNSTAT, XEN_HVM, XEN_PV, XEN_PVH } from '../../../hypervisor/interfaces/xen/index.ts';
import { GrantTable, GTF } from '../../../hypervisor/interfaces/xen/grants/index.ts';
import { Ports } from '../../../hypervisor/interfaces/xen/events/index.ts';
import type { Services } from '../../../dom0/toolstack/index.ts';
import { WHOLE_P2M } from '../../../dom0/toolstack/index.ts';

const MEMORY_MIB = 4;
/** Guest frame of the state page, and words in it (guests/neighbour/neighbour.c). */
const STATE_PFN = 0x100;
const STATE = {
  MAGIC: 0,
  ERRORS: 1,
  FIRST_ERROR: 2,
  WANTED: 3,
  GOT: 4,
  ITERATIONS: 5,
  TICKS: 6,
  SENT: 7,
  ANSWERED: 8,
  LINES: 9,
  STORED: 10,
  BALLOONED: 11,
  TO: 12,
  FROM: 13,
  STRICT: 14,
} as const;
const MAGIC = 0x4e424f52;
/** Entries of each neighbour's grant table that name the hostile domain: the first lets it write, the others do not. */
export const LENT_FIRST = 16,
  LENT_COUNT = 4;
/** Guest frames that are lent: nothing of the guest's own lies there. */
const LENT_PFN = 0x340;
/** Ports of each neighbour that wait for the hostile domain. */
const PORTS_FOR_HOSTILE = 3;
/** Instructions of a neighbour's turn. */
const TURN = 20_000;

type Kind = 'hvm' | 'pvh' | 'pv';

export interface Neighbour {
  readonly kind: Kind;
  readonly record: DomainRecord;
  readonly domain: Domain;
  readonly table: GrantTable;
  /** Machine frames that are lent to the hostile domain, by entry. */
  readonly lent: number[];
  console: string;
  lines: number;
  seen: Int32Array;
}

function kernelOf(kind: Kind): Uint8Array {
  const name = kind === 'pv' ? 'neighbour-pv' : 'neighbour-hvm';
  return new Uint8Array(readFileSync(join(process.env.RINGSIDE_ROOT ?? '.', 'guests', 'neighbour', `${name}.elf`)));
}

export class Neighbours {
  readonly all: Neighbour[];
  private readonly machine: Machine;
  private readonly services: Services;

  constructor(machine: Machine, services: Services) {
    this.machine = machine;
    this.services = services;
    const kinds: Kind[] = ['hvm', 'pvh', 'pv'];
    this.all = kinds.map(kind => this.make(kind));
    this.all.forEach((neighbour, i) => {
      const state = this.stateOf(neighbour);
      machine.words[state + STATE.TO] = this.all[(i + 1) % kinds.length].record.id;
      machine.words[state + STATE.FROM] = this.all[(i + kinds.length - 1) % kinds.length].record.id;
      machine.words[state + STATE.STRICT] = 1;
    });
  }

  private make(kind: Kind): Neighbour {
    const { machine, services } = this;
    const record = createDomain(machine, MEMORY_MIB, kind === 'pv' ? machine.frames : WHOLE_P2M, {
      guest: { hvm: XEN_HVM, pvh: XEN_PVH, pv: XEN_PV }[kind],
    });
    const uuid = `00000000-0000-0000-0000-00000000000${record.id}`;
    services.prepare(record, uuid);
    const boot = { kind: kind === 'hvm' ? ('kernel' as const) : kind, kernel: kernelOf(kind), name: kind, cmdline: '' };
    const domain = assembleDomain({
      machine,
      record,
      memoryMiB: MEMORY_MIB,
      boot,
      startEpochMs: 0,
      onReset: 'end',
      onTripleFault: 'end',
      serial: () => {},
    });
    const neighbour: Neighbour = {
      kind,
      record,
      domain,
      table: new GrantTable(new Ports(machine, record)),
      lent: [],
      console: '',
      lines: 0,
      seen: new Int32Array(16),
    };
    const described = {
      uuid,
      name: kind,
      type: kind,
      memoryMiB: MEMORY_MIB,
      maxMemoryMiB: MEMORY_MIB,
      vcpus: 1,
      maxVcpus: 1,
      startEpochMs: 0,
    };
    services.attach(record, described, bytes => {
      neighbour.console += String.fromCharCode(...bytes);
    });
    for (let i = 0; i < LENT_COUNT; i++) neighbour.lent.push(this.frameOf(neighbour, LENT_PFN + i));
    return neighbour;
  }

  /** Machine frame of a guest frame of RAM. */
  frameOf({ kind, record }: Pick<Neighbour, 'kind' | 'record'>, pfn: number): number {
    const { machine } = this;
    if (kind !== 'pv') return machine.secondStage(record).mfn(pfn);
    for (let mfn = 0; mfn < machine.frames; mfn++)
      if (machine.words[machine.m2p + mfn] === pfn && machine.ownerOf(mfn) === record.id) return mfn;
    throw new Error(`domain ${record.id} has no frame ${pfn}`);
  }

  private stateOf(neighbour: Neighbour): number {
    return this.frameOf(neighbour, STATE_PFN) << 10;
  }

  /** They run interleaved, and Domain 0 serves them. What went wrong, or undefined. */
  run(turns = 1): string | undefined {
    for (let turn = 0; turn < turns; turn++) {
      for (const { domain, kind } of this.all) {
        domain.stopAtInstruction = domain.instructions + TURN;
        // A slice may end within it.
        while (domain.instructions < domain.stopAtInstruction) {
          const result = domain.runSlice();
          if (result.state === 'ended') return `the ${kind} neighbour ended: ${result.ending.sentence}`;
          if (result.state === 'parked') break;
          this.services.poll();
        }
      }
      this.services.poll();
    }
    return undefined;
  }

  /** Lends each neighbour's frames to a (new) hostile domain, and opens ports for it. */
  lend(hostile: number): void {
    for (const { table, kind, lent, record } of this.all) {
      for (let i = 0; i < LENT_COUNT; i++) {
        this.revoke(table, LENT_FIRST + i);
        table.grant(LENT_FIRST + i, hostile, kind === 'pv' ? lent[i] : LENT_PFN + i);
        if (i > 0) Atomics.or(this.machine.words, table.entryAt(LENT_FIRST + i), GTF.READONLY);
      }
      const ports = new Ports(this.machine, record);
      for (let i = 0; i < PORTS_FOR_HOSTILE; i++) ports.locked(() => ports.allocate(EVTCHNSTAT.UNBOUND, hostile, 0, 0));
    }
  }

  /** As a guest ends a grant: its flags go, unless somebody uses it. */
  private revoke(table: GrantTable, ref: number): void {
    const at = table.entryAt(ref);
    const flags = Atomics.load(this.machine.words, at);
    if (!(flags & (GTF.READING | GTF.WRITING))) Atomics.compareExchange(this.machine.words, at, flags, 0);
  }

  /** One entry of one neighbour is revoked, or granted again. */
  toggle(which: number, hostile: number): void {
    const { table, kind, lent } = this.all[which % this.all.length];
    const i = Math.floor(which / this.all.length) % LENT_COUNT;
    const ref = LENT_FIRST + i;
    if ((this.machine.words[table.entryAt(ref)] & GTF.TYPE) !== 0) this.revoke(table, ref);
    else {
      table.grant(ref, hostile, kind === 'pv' ? lent[i] : LENT_PFN + i);
      if (i > 0) Atomics.or(this.machine.words, table.entryAt(ref), GTF.READONLY);
    }
  }

  /** Ports that wait for a domain that is no more. */
  closePortsFor(domid: number): void {
    for (const { record } of this.all) {
      const ports = new Ports(this.machine, record);
      for (let port = 1; port < PORTS; port++) {
        const entry = ports.entry(port);
        if (
          this.machine.words[entry + PORT.STATE] === EVTCHNSTAT.UNBOUND &&
          this.machine.words[entry + PORT.REMOTE] === domid
        )
          ports.close(port);
      }
    }
  }

  // ---- what they say of themselves

  /** `moved`: since the last call each has got on. */
  problem(moved: boolean): string | undefined {
    const { words } = this.machine;
    for (const neighbour of this.all) {
      const { kind } = neighbour;
      const at = this.stateOf(neighbour);
      const now = words.slice(at, at + 16);
      const say = (what: string): string => `the ${kind} neighbour ${what}`;
      if (now[STATE.MAGIC] !== MAGIC) return say('has lost its state page');
      if (now[STATE.ERRORS] !== 0)
        return say(
          `found ${now[STATE.ERRORS]} errors, the first of kind ${now[STATE.FIRST_ERROR]}: wanted 0x${(now[STATE.WANTED] >>> 0).toString(16)}, got 0x${(now[STATE.GOT] >>> 0).toString(16)}`,
        );
      for (const [name, field] of Object.entries(STATE)) {
        if (field < STATE.ITERATIONS || field > STATE.BALLOONED || !moved) continue;
        if (now[field] <= neighbour.seen[field]) return say(`does not get on: ${name} stays ${now[field]}`);
      }
      neighbour.seen = now;
      const printed = this.readConsole(neighbour);
      if (printed) return say(printed);
    }
    return undefined;
  }

  /** What is in use of their grants is what their entries allow, which they change as the ABI says. */
  grantsProblem(): string | undefined {
    for (const { kind, table } of this.all) {
      for (const { ref, user, pins } of table.uses()) {
        const entry = this.machine.words[table.entryAt(ref)];
        const wrong =
          (entry & GTF.TYPE) !== GTF.PERMIT_ACCESS ||
          entry >>> 16 !== user ||
          (pins >>> 16 !== 0 && entry & GTF.READONLY);
        if (wrong)
          return `grant ${ref} of the ${kind} neighbour is 0x${(entry >>> 0).toString(16)} and domain ${user} uses it (0x${pins.toString(16)})`;
      }
    }
    return undefined;
  }

  private readConsole(neighbour: Neighbour): string | undefined {
    for (let end = neighbour.console.indexOf('\n'); end >= 0; end = neighbour.console.indexOf('\n')) {
      const line = neighbour.console.slice(0, end);
      const wanted = `line ${neighbour.lines.toString(16).padStart(8, '0')}`;
      if (line !== wanted) return `printed "${line}" instead of "${wanted}"`;
      neighbour.lines++;
      neighbour.console = neighbour.console.slice(end + 1);
    }
    return undefined;
  }

  // ---- what may not change while they are paused

  /** Of everything that is theirs: memory, but for what they lend for writing and their grant tables, whose entries say who uses them; registers; second stage; M2P. */
  checksum(): number {
    const { machine } = this;
    const { words } = machine;
    let sum = 0;
    const add = (from: number, to: number): void => {
      for (let at = from; at < to; at++) sum = (Math.imul(sum, 31) + words[at]) | 0;
    };
    for (const { record, table, lent } of this.all) {
      const grants = table.sharedFrame(0);
      for (let mfn = 0; mfn < machine.frames; mfn++) {
        if (machine.ownerOf(mfn) !== record.id) continue;
        sum = (Math.imul(sum, 31) + mfn) | 0;
        sum = (Math.imul(sum, 31) + words[machine.m2p + mfn]) | 0;
        sum = (Math.imul(sum, 31) + words[machine.frameEntry(mfn) + FRAME.FLAGS]) | 0;
        if (mfn !== lent[0] && mfn !== grants) add((mfn * FRAME_BYTES) >>> 2, ((mfn + 1) * FRAME_BYTES) >>> 2);
      }
      add(record.liveOffset >>> 2, (record.liveOffset >>> 2) + 1024);
      if (record.p2mFrames < WHOLE_P2M) continue;
      // Where memory is: most of it is empty.
      const stage = record.p2mOffset >>> 2;
      add(stage, stage + MEMORY_MIB * 256);
      add(stage + 0xfe000, stage + 0xff000);
    }
    return sum;
  }
}
