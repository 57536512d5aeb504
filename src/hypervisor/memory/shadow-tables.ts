/**
 * Shadow page tables of one domain: a top table for each vCPU, the others from the domain's pool (xl's shadow_memory), in machine frames that lie with its
 * records. They represent a TLB (SDM vol. 3C, 33.3): what is in them may go at any time, and goes where the guest's own TLB would lose it. When no frame of the
 * pool is free, the table that was made first makes room, with what is below it.
 */
import { PTE_P, SHADOW_HUGE_HIGH, SHADOW_LARGE, type ShadowWalk } from '../../cpu/architecture/index.ts';
import { FRAME_BYTES, FRAME_SHIFT } from '../layout/layout.ts';
import type { DomainRecord, Machine } from './machine.ts';

/** An entry above the leaves: it denies nothing. */
const TABLE = 7;
const FRAME_WORD_SHIFT = FRAME_SHIFT - 2,
  FRAME_WORDS = FRAME_BYTES / 4;
/** Translations of one vCPU between two loads of CR3, of which the next one drops each by itself; with more all tables are dropped. */
const MOST_LEAVES = 1 << 14;
/** Level of a frame that holds no table. */
const FREE = 0;

/** What one vCPU has. */
interface Own {
  root: number;
  /** Where its leaves lie that a load of CR3 drops, in words of machine memory. */
  readonly leaves: Int32Array;
  count: number;
}

export class ShadowTables {
  private readonly machine: Machine;
  private readonly words: Int32Array;
  private readonly walk: ShadowWalk;
  private readonly first: number;
  private readonly frames: number;
  private readonly own: readonly Own[];
  /** Of each frame: the level of its table (FREE: none), the word that leads to it, its vCPU, and when it was made. */
  private readonly levels: Uint8Array;
  private readonly parents: Int32Array;
  private readonly vcpus: Uint8Array;
  private readonly made: Float64Array;
  private readonly free: number[] = [];
  private tablesMade = 0;
  /** Tables that had to go because no frame was free. */
  evictions = 0;
  private current = 0;

  constructor(machine: Machine, { shadowOffset, shadowFrames, vcpus }: DomainRecord, walk: ShadowWalk) {
    this.machine = machine;
    this.words = machine.words;
    this.walk = walk;
    this.first = shadowOffset >>> FRAME_SHIFT;
    this.frames = shadowFrames;
    this.levels = new Uint8Array(shadowFrames);
    this.parents = new Int32Array(shadowFrames);
    this.vcpus = new Uint8Array(shadowFrames);
    this.made = new Float64Array(shadowFrames);
    this.own = Array.from({ length: vcpus }, (_, id) => ({
      root: this.first + id,
      leaves: new Int32Array(MOST_LEAVES),
      count: 0,
    }));
    for (let frame = shadowFrames - 1; frame >= vcpus; frame--) this.free.push(frame);
    this.dropAll();
  }

  /** Frames that hold tables, of how many. */
  get used(): number {
    return this.frames - this.free.length;
  }

  /** The processor walks the tables of this vCPU from now on. */
  choose(vcpu: number): void {
    this.current = vcpu;
    this.walk.root = this.own[vcpu].root;
  }

  /**
   * Enters a leaf for an address of the current vCPU (shadow-walk.ts has its bits). False: it is there already. `isGlobal`: a load of CR3 leaves it.
   */
  fill(low: number, high: number, leaf: number, leafHigh: number, isGlobal: boolean): boolean {
    const { walk, words } = this,
      own = this.own[this.current];
    if (own.count === MOST_LEAVES) this.drop(this.current);
    let at = walk.find(low, high),
      level = walk.reached;
    for (; level > 1; level--) {
      words[at] = (this.take(level - 1, at) << FRAME_SHIFT) | TABLE;
      at = walk.find(low, high, level - 1);
    }
    if (words[at] === leaf && words[at + 1] === leafHigh) return false;
    words[at + 1] = leafHigh;
    words[at] = leaf;
    if ((leaf & SHADOW_LARGE) !== 0) this.markLarge(low, high, (leafHigh & SHADOW_HUGE_HIGH) !== 0);
    if (!isGlobal) own.leaves[own.count++] = at;
    return true;
  }

  /** A frame for a table that the word `parent` will lead to, empty. */
  private take(level: number, parent: number): number {
    if (this.free.length === 0) this.evict(parent);
    const frame = this.free.pop()!;
    this.levels[frame] = level;
    this.parents[frame] = parent;
    this.vcpus[frame] = this.current;
    this.made[frame] = this.tablesMade++;
    return this.first + frame;
  }

  /** The oldest goes that is not on the way to the word `at`. */
  private evict(at: number): void {
    const way: number[] = [];
    for (let frame = this.frameOf(at); frame >= this.own.length; frame = this.frameOf(this.parents[frame]))
      way.push(frame);
    let oldest = -1;
    for (let frame = this.own.length; frame < this.frames; frame++) {
      if (this.levels[frame] === FREE || way.includes(frame)) continue;
      if (oldest < 0 || this.made[frame] < this.made[oldest]) oldest = frame;
    }
    this.evictions++;
    this.release(oldest);
  }

  /** The frame of the pool that a word of machine memory lies in. */
  private frameOf(at: number): number {
    return (at >>> FRAME_WORD_SHIFT) - this.first;
  }

  /** Gives a table's frame back, and those below it. */
  private release(frame: number): void {
    const { words } = this,
      from = (this.first + frame) << FRAME_WORD_SHIFT,
      level = this.levels[frame];
    this.levels[frame] = FREE;
    const parent = this.parents[frame];
    if (words[parent] >>> FRAME_SHIFT === this.first + frame) words[parent] = 0;
    if (level > 1)
      for (let at = from; at < from + FRAME_WORDS; at += 2) {
        const below = (words[at] >>> FRAME_SHIFT) - this.first;
        if ((words[at] & PTE_P) !== 0 && this.levels[below] !== FREE) this.release(below);
      }
    this.machine.scrub(this.first + frame);
    this.free.push(frame);
  }

  /** The entries above a leaf of a large page: INVLPG in it drops the page's other leaves, too. */
  private markLarge(low: number, high: number, isHuge: boolean): void {
    this.words[this.walk.find(low, high, 2)] |= SHADOW_LARGE;
    if (isHuge) this.words[this.walk.find(low, high, 3)] |= SHADOW_LARGE;
  }

  /** INVLPG at an address of the current vCPU. */
  dropPage(low: number, high: number): void {
    const { words } = this,
      upper = this.entryAt(low, high, 3);
    if (upper < 0) return;
    if ((words[upper] & SHADOW_LARGE) !== 0) return this.releaseAt(upper);
    const directory = this.entryAt(low, high, 2);
    if (directory < 0) return;
    // A page of 4 MiB takes two tables; one too many is only missed once.
    if (((words[directory] | words[directory ^ 2]) & SHADOW_LARGE) !== 0) {
      this.releaseAt(directory);
      this.releaseAt(directory ^ 2);
      return;
    }
    const leaf = this.entryAt(low, high, 1);
    if (leaf >= 0) words[leaf] = words[leaf + 1] = 0;
  }

  /** Where the entry of `level` lies; -1: there is no table for it. */
  private entryAt(low: number, high: number, level: number): number {
    const at = this.walk.find(low, high, level);
    return this.walk.reached === level ? at : -1;
  }

  /** The table that an entry leads to. */
  private releaseAt(at: number): void {
    const entry = this.words[at];
    if ((entry & PTE_P) !== 0) this.release((entry >>> FRAME_SHIFT) - this.first);
  }

  /** A load of CR3: all but global leaves of the current vCPU. */
  dropNonGlobal(): void {
    const { words, levels } = this,
      own = this.own[this.current];
    const { leaves, count } = own;
    for (let i = 0; i < count; i++) {
      const at = leaves[i];
      // A table above leaves may lie there by now.
      if (levels[this.frameOf(at)] === 1) words[at] = words[at + 1] = 0;
    }
    own.count = 0;
  }

  /** All of a vCPU. */
  drop(vcpu: number): void {
    const own = this.own[vcpu],
      from = own.root << FRAME_WORD_SHIFT;
    own.count = 0;
    for (let at = from; at < from + FRAME_WORDS; at += 2) this.releaseAt(at);
  }

  /** All of all vCPUs. */
  dropAll(): void {
    for (let vcpu = 0; vcpu < this.own.length; vcpu++) this.drop(vcpu);
  }
}
