/**
 * A memory balloon: pages that its driver puts into it the guest does without, and the host has them. Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 5.5.
 * A page that the driver takes out again, or that it uses without having asked (VIRTIO_BALLOON_F_MUST_TELL_HOST is not offered), gets memory with its first use.
 * With reporting the driver also tells of pages that are free for now.
 */
import type { State, Timer, Timers } from '../bus.ts';
import { assignState, copyState, resetState } from '../state.ts';
import type { Chain, Pieces } from './chain.ts';
import { BrokenRing, type VirtQueue } from './queue.ts';
import { type BalloonReport, type BalloonWish, STAT_TAGS } from './balloon-words.ts';
import { VirtioPci, type VirtioHost, type VirtioParts } from './transport.ts';

const QUEUE_SIZE = 128;
const INFLATE = 0,
  STATS = 2,
  REPORTING = 3;
/** Features. */
const STATS_VQ = 1,
  DEFLATE_ON_OOM = 2,
  PAGE_REPORTING = 5;
/** Pages wanted, pages that are there. */
const CONFIG_BYTES = 8,
  ACTUAL_AT = 4;
const PAGE_BYTES = 4096,
  NUMBER_BYTES = 4;
/** Linux's driver sends 256 at a time (VIRTIO_BALLOON_ARRAY_PFNS_MAX), and tells of 32 blocks of free memory of at most 4 MiB (page_reporting.h). */
const MOST_NUMBERS = 4096,
  MOST_REPORTED = 32 * 1024;
/** A statistic: what it is, and its value. */
const STAT_BYTES = 10,
  MOST_STATS = 64;
const SECOND_NS = 1e9;

const initial = () => ({
  actual: 0,
  /** The driver's buffer of statistics, which it gets back when others are wanted; -1: it has it. */
  statsHead: -1,
});

export class VirtioBalloon extends VirtioPci {
  private readonly own = initial();
  /** What people want stays over a reset. */
  private readonly wanted = { pages: 0, periodS: 0 };
  private readonly host: VirtioHost;
  private readonly timers: Timers;
  private readonly again: Timer;

  constructor({ irq, name, host, timers, options }: VirtioParts) {
    super(
      {
        name,
        title: 'virtio memory balloon',
        type: 5,
        device: 0x1002,
        class: 0x00ff00,
        queues: [QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE, ...(options.reporting === 'on' ? [QUEUE_SIZE] : [])],
        queueNames: ['inflate', 'deflate', 'stats', 'reporting'],
        features:
          (1 << STATS_VQ) |
          (options.deflate === 'on' ? 1 << DEFLATE_ON_OOM : 0) |
          (options.reporting === 'on' ? 1 << PAGE_REPORTING : 0),
        configBytes: CONFIG_BYTES,
      },
      irq,
    );
    this.host = host;
    this.timers = timers;
    this.again = timers.create(`${name} statistics`, () => this.poll());
    this.wanted.periodS = Number(options.period ?? 0);
  }

  protected override config(): Uint8Array {
    const view = new DataView(new ArrayBuffer(CONFIG_BYTES));
    view.setUint32(0, this.wanted.pages, true);
    view.setUint32(ACTUAL_AT, this.own.actual, true);
    return new Uint8Array(view.buffer);
  }

  protected override writeConfig(offset: number, value: number, size: number): void {
    if (offset !== ACTUAL_AT || size !== NUMBER_BYTES) return;
    this.own.actual = value;
    this.report();
  }

  /** What people want from now on. */
  balloon({ pages = this.wanted.pages, periodS = this.wanted.periodS }: BalloonWish): void {
    const isNews = pages !== this.wanted.pages;
    this.wanted.pages = pages;
    this.wanted.periodS = periodS;
    this.schedule();
    if (isNews) this.configChanged();
  }

  private report(stats?: BalloonReport['stats']): void {
    this.host.balloon?.({ isDriven: this.isDriven, pages: this.own.actual, ...(stats ? { stats } : {}) });
  }

  protected override driven(): void {
    this.report();
  }

  protected notified(queue: VirtQueue): void {
    for (let left = queue.r.size; left > 0; left--) {
      if (queue.index === STATS && this.own.statsHead >= 0) break;
      const chain = queue.take();
      if (!chain) break;
      if (queue.index === STATS) this.hear(chain);
      else {
        if (queue.index === INFLATE) this.inflate(chain.readable);
        // What is taken out gets memory with its first use.
        else if (queue.index === REPORTING) this.takeFree(chain.writable);
        queue.give(chain, 0);
      }
    }
    queue.rest();
    this.tell(queue);
  }

  /** @throws BrokenRing */
  private inflate(readable: Pieces): void {
    const count = Math.floor(readable.bytes / NUMBER_BYTES);
    if (count > MOST_NUMBERS) throw new BrokenRing(`${this.name}: ${count} pages at once`);
    const numbers = new DataView(new ArrayBuffer(count * NUMBER_BYTES));
    readable.read(0, new Uint8Array(numbers.buffer));
    this.host.release?.(Array.from({ length: count }, (_, i) => numbers.getUint32(NUMBER_BYTES * i, true)));
  }

  /** Whole pages of what the driver tells of. @throws BrokenRing */
  private takeFree(writable: Pieces): void {
    if (writable.bytes > MOST_REPORTED * PAGE_BYTES)
      throw new BrokenRing(`${this.name}: ${writable.bytes} free bytes at once`);
    const pages: number[] = [];
    for (const { address, length } of writable.places)
      for (let page = Math.ceil(address / PAGE_BYTES); (page + 1) * PAGE_BYTES <= address + length; page++)
        pages.push(page);
    this.host.release?.(pages);
  }

  /** The driver's statistics; the first ones come before they are asked for. */
  private hear({ head, readable }: Chain): void {
    this.own.statsHead = head;
    const count = Math.min(MOST_STATS, Math.floor(readable.bytes / STAT_BYTES));
    const view = new DataView(new ArrayBuffer(count * STAT_BYTES));
    readable.read(0, new Uint8Array(view.buffer));
    const values = Array.from<bigint | undefined>({ length: STAT_TAGS });
    for (let i = 0; i < count; i++) {
      const tag = view.getUint16(STAT_BYTES * i, true);
      if (tag < STAT_TAGS) values[tag] = view.getBigUint64(STAT_BYTES * i + 2, true);
    }
    this.report({ nowNs: this.timers.clock.nowNs(), values });
    this.schedule();
  }

  private schedule(): void {
    const { periodS } = this.wanted;
    if (periodS > 0 && this.own.statsHead >= 0) this.again.set(this.timers.clock.nowNs() + periodS * SECOND_NS);
    else this.again.cancel();
  }

  /** Gives the driver its buffer back: it fills it again. */
  private poll(): void {
    const queue = this.queues[STATS],
      { statsHead } = this.own;
    if (!this.isLive(queue) || statsHead < 0) return;
    this.guard(() => {
      this.own.statsHead = -1;
      queue.give({ head: statsHead }, 0);
      this.tell(queue);
      // One that has offered it already.
      this.notified(queue);
    });
  }

  // ---- state

  protected forget(): void {
    resetState(this.own, initial());
    this.again.cancel();
    this.report();
  }

  protected saveOwn(): State {
    return { ...copyState(this.own), ...copyState(this.wanted), againNs: this.again.deadlineNs };
  }

  protected restoreOwn(state: State): void {
    assignState(this.name, this.own, state);
    assignState(this.name, this.wanted, state);
    if (typeof state.againNs === 'number' && state.againNs !== Infinity) this.again.set(state.againNs);
    this.report();
  }
}
