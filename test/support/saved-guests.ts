/**
 * A self-checking guest (guests/neighbour) among guests that only compute, on one thread and in virtual time: run to an instruction, saved, and gone on
 * with in another machine.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createDomain } from '../../src/hypervisor/memory/domain-table.ts';
import { asm } from '../../src/cpu/test-support/asm.ts';
import { Services, WHOLE_P2M } from '../../src/dom0/toolstack/services.ts';
import { assembleDomain } from '../../src/hypervisor/interfaces/assemble.ts';
import { type Domain, Machine, readState, saveDomain, type SavedState } from '../../src/hypervisor/index.ts';
import { pvhKernel } from '../../src/hypervisor/interfaces/xen/pvh-program.test-support.ts';
import { XEN_RECORDS } from '../../src/hypervisor/interfaces/xen/records.ts';

export type Kind = 'hvm' | 'pvh' | 'pv';
const neighbour = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../../guests/neighbour/neighbour-${name}.elf`, import.meta.url)));
const NEIGHBOUR: Readonly<Record<Kind, Uint8Array>> = {
  hvm: neighbour('hvm'),
  pvh: neighbour('hvm'),
  pv: neighbour('pv'),
};
const STATE_PFN = 0x100,
  MAGIC = 0x4e424f52;
/** Words of the state page (neighbour.c, struct state). */
const WORDS = {
  MAGIC: 0,
  ERRORS: 1,
  FIRST_ERROR: 2,
  WANTED: 3,
  GOT: 4,
  ITERATIONS: 5,
  TICKS: 6,
  LINES: 9,
  STORED: 10,
  BALLOONED: 11,
  STRICT: 14,
  SUSPENDS: 15,
  MOVED: 16,
  STAYED: 17,
} as const;
/** Its timer's period (neighbour.c). */
export const PERIOD_NS = 100_000;
const MEMORY_MIB = 8;
/** Counts, and writes what it counts over a page. */
const HOG = asm('mov edi, 0x200000; again: inc eax; mov [edi], eax; jmp again');

export interface Health {
  errors: string;
  iterations: number;
  ticks: number;
  stored: number;
  moved: number;
  stayed: number;
  nowNs: number;
}

export class Scene {
  readonly machine: Machine;
  readonly services: Services;
  readonly domain: Domain;
  private readonly load: Domain[];
  output = '';

  /** `load`: how many others compute meanwhile. */
  constructor(
    kind: Kind,
    {
      load = 1,
      vcpus = 1,
      saved,
      suspends = false,
    }: { load?: number; vcpus?: number; saved?: SavedState; suspends?: boolean } = {},
  ) {
    this.machine = Machine.create(new SharedArrayBuffer((28 + load * 12) * 2 ** 20 + load * WHOLE_P2M * 4));
    this.services = new Services(this.machine);
    // Another machine, other ids.
    this.load = Array.from({ length: load }, (_, i) => this.make('pvh', `hog${i}`, pvhKernel(HOG), 1));
    this.domain = this.make(kind, 'neighbour', NEIGHBOUR[kind], vcpus, saved);
    if (saved) return;
    this.put(WORDS.STRICT, 1);
    if (suspends) this.put(WORDS.SUSPENDS, 1);
  }

  private make(kind: Kind, name: string, kernel: Uint8Array, vcpus: number, saved?: SavedState): Domain {
    const { machine, services } = this;
    const record = createDomain(machine, MEMORY_MIB, kind === 'pv' ? machine.frames : WHOLE_P2M, {
      guest: XEN_RECORDS[kind],
      vcpus,
    });
    const uuid = saved?.about.uuid ?? `00000000-0000-0000-0000-00000000000${record.id}`;
    services.prepare(record, uuid);
    const domain = assembleDomain(
      {
        machine,
        record,
        memoryMiB: MEMORY_MIB,
        boot: saved?.boot ?? { kind: kind === 'pv' ? 'pv' : 'kernel', kernel, name, cmdline: '' },
        startEpochMs: saved?.about.startEpochMs ?? 1e12,
        onReset: 'end',
        onTripleFault: 'end',
        apic: true,
        serial: () => {},
      },
      saved,
    );
    const described = {
      uuid,
      name,
      type: kind,
      memoryMiB: MEMORY_MIB,
      maxMemoryMiB: MEMORY_MIB,
      vcpus,
      maxVcpus: vcpus,
      startEpochMs: 1e12,
    };
    services.attach(
      record,
      described,
      bytes => {
        if (name === 'neighbour') this.output += String.fromCharCode(...bytes);
      },
      saved?.toolstack,
    );
    return domain;
  }

  get id(): number {
    return this.domain.options.record.id;
  }

  /** Index in machine memory of a word of the state page. A paravirtual guest's frames are found by the M2P table. */
  private at(word: number): number {
    const { machine, domain } = this;
    const { record } = domain.options;
    let mfn = machine.secondStage(record).mfn(STATE_PFN);
    if (record.p2mFrames === machine.frames)
      for (mfn = 0; machine.ownerOf(mfn) !== record.id || machine.words[machine.m2p + mfn] !== STATE_PFN; ) mfn++;
    return mfn * 1024 + word;
  }

  private put(word: number, value: number): void {
    this.machine.words[this.at(word)] = value;
  }

  private word(word: number): number {
    return this.machine.words[this.at(word)] >>> 0;
  }

  /** Runs all of them alternately until the guest has retired `instruction` instructions, exactly, or ends. */
  runTo(instruction: number): void {
    const { domain, services, load } = this;
    domain.stopAtInstruction = instruction;
    while (domain.instructions < instruction && !domain.ending) {
      domain.runSlice();
      for (const hog of load) hog.runSlice();
      services.poll();
    }
    domain.stopAtInstruction = Infinity;
  }

  health(): Health {
    const errors = this.word(WORDS.ERRORS);
    return {
      errors:
        this.word(WORDS.MAGIC) !== MAGIC
          ? 'no state'
          : errors === 0
            ? ''
            : `${errors}, first ${this.word(WORDS.FIRST_ERROR)}: ${this.word(WORDS.WANTED)} wanted, ${this.word(WORDS.GOT)} got`,
      iterations: this.word(WORDS.ITERATIONS),
      ticks: this.word(WORDS.TICKS),
      stored: this.word(WORDS.STORED),
      moved: this.word(WORDS.MOVED),
      stayed: this.word(WORDS.STAYED),
      nowNs: this.domain.clock.nowNs(),
    };
  }

  /** Where it is, or, if it is asked to, where it has suspended itself; the file. */
  save(asked = false): Uint8Array {
    const { domain, services, load, id } = this;
    if (asked) {
      if (!services.ask(id, 'suspend')) throw new Error('it does not listen');
      while (!domain.ending) {
        domain.runSlice();
        for (const hog of load) hog.runSlice();
        services.poll();
      }
    }
    const toolstack = asked ? undefined : services.save(id);
    return new Uint8Array(
      Buffer.concat(saveDomain(domain, { name: 'neighbour', program: 'test', definition: '' }, toolstack)),
    );
  }

  static restored(kind: Kind, file: Uint8Array, load: number): Scene {
    const saved = readState(file, 'neighbour.save');
    return new Scene(kind, { load, saved, vcpus: saved.about.vcpus ?? 1 });
  }

  /** It would suspend itself if it was asked to. */
  get listens(): boolean {
    return this.services.xenstored.client().read(`/local/domain/${this.id}/control/feature-suspend`) === '1';
  }
}

/** Numbers from 0 to 1 (mulberry32). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Instructions: by then the guest has started and filled all of its memory; and long enough for it to look at all of that again. */
const FIRST = 4e6,
  THEN = 2.5e6;
/** "line 00000000\n" */
const LINE_BYTES = 14;

/**
 * Saves the guest at a moment that `seed` chooses and lets it go on in another machine, and where it is. `asked`: it suspends itself for that, as its
 * drivers were asked to. Returns what is wrong.
 */
export function saveAtRandom(kind: Kind, seed: number, asked = false): string[] {
  const random = seeded(seed);
  const wrong: string[] = [];
  const head = new Scene(kind, { load: 1 + (seed % 2), suspends: asked });
  const moment = Math.floor(random() * FIRST);
  head.runTo(moment);
  while (asked && !head.listens) head.runTo(head.domain.instructions + 100_000);
  const file = head.save(asked);
  const before = head.health(),
    said = head.output,
    at = head.domain.instructions;
  const tail = Scene.restored(kind, file, 1 + ((seed + 1) % 2));
  if (tail.domain.clock.nowNs() !== before.nowNs)
    wrong.push(`saved at ${before.nowNs} ns, it goes on at ${tail.domain.clock.nowNs()}`);
  // It was not moved anywhere, as far as it knows.
  if (asked) head.domain.power.resume();
  const both = [
    ['restored', tail],
    ['left', head],
  ] as const;
  // Who stays has a check every second time.
  for (const [name, scene] of seed % 2 === 0 ? both : both.slice(0, 1)) {
    scene.runTo(at + THEN);
    const after = scene.health();
    const say = (what: string): void => {
      wrong.push(`saved at instruction ${at}, ${name}: ${what}`);
    };
    if (after.errors !== '') say(`errors ${after.errors}`);
    if (!(after.iterations > before.iterations && after.stored > before.stored)) say('it stands still');
    if (asked && (after.moved !== (scene === tail ? 1 : 0) || after.stayed !== (scene === tail ? 0 : 1)))
      say(`it came to another host ${after.moved} times and stayed ${after.stayed} times`);
    const periods = (after.nowNs - before.nowNs) / PERIOD_NS;
    if (before.ticks > 0 && Math.abs(after.ticks - before.ticks - periods) > 1)
      say(`${after.ticks - before.ticks} ticks in ${periods} periods`);
    const text = scene === tail ? said + tail.output : head.output;
    const expected = Array.from(
      { length: Math.floor(text.length / LINE_BYTES) },
      (_, i) => `line ${i.toString(16).padStart(8, '0')}\n`,
    ).join('');
    if (expected.length === 0 || !text.startsWith(expected)) say(`it printed ${JSON.stringify(text.slice(-60))}`);
  }
  return wrong;
}
