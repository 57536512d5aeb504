/**
 * One domain: its vCPUs (vcpu.ts), a PC around them, the RAM they share. It puts its parts together and keeps them: `slices` runs the guest, `state` says what
 * the domain does, `power` starts, resets and ends it, `stops` knows where it is to stop, `map` what lies at its guest frames; what happens at each VM exit is in
 * exits.ts. The same class runs in a worker of its own, next to other domains in one worker, and under the command line: it never waits and never looks at a
 * clock that was not passed in.
 */
import type { Processor } from '../../cpu/architecture/index.ts';
import { TimerQueue } from '../../devices/index.ts';
import { putDisc, removableKind } from '../../devices/ide/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { tracedDrives } from '../disks/traced-disk.ts';
import { COUNTER_WORDS } from '../layout/layout.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { IoTrace } from '../tracing/io-trace.ts';
import { Trace } from '../tracing/trace.ts';
import { answersOf } from './answers.ts';
import { boardOf, processorOf, tellFirmware } from './board.ts';
import { type DomainClock, HostClock, VirtualClock } from './clock.ts';
import type { DomainOptions } from './domain-options.ts';
import type { Ending } from './ending.ts';
import { Exits } from './exits.ts';
import type { GuestInterface, GuestTraits } from './guest-interface.ts';
import { guestParts } from './guest-parts.ts';
import type { ModelElsewhere } from './model-elsewhere.ts';
import { PhysicalMap } from './physical-map.ts';
import type { Platform } from './platform.ts';
import { Power } from './power.ts';
import { publishState } from './published.ts';
import { RunState } from './run-state.ts';
import { ScreenBlock } from './screen.ts';
import { SerialFeed } from './serial-feed.ts';
import type { ShadowPaging } from './shadow-paging.ts';
import type { SliceResult } from './slice.ts';
import { Slices } from './slices.ts';
import { Stops } from './stops.ts';
import { Vcpus } from './vcpus.ts';
import { signalsOf } from './wiring.ts';

export class Domain {
  readonly options: DomainOptions;
  readonly memory: GuestMemory;
  readonly processor: Processor;
  readonly platform: Platform;
  readonly clock: DomainClock;
  readonly timers: TimerQueue;
  readonly screen: ScreenBlock;
  readonly vcpus: Vcpus;
  readonly trace: Trace;
  readonly io: IoTrace;
  readonly map: PhysicalMap;
  readonly traits: GuestTraits;
  /** What the guest sees of its hypervisor. */
  readonly guest: GuestInterface;
  /** Its device model, where that runs elsewhere. */
  readonly remote: ModelElsewhere | undefined;
  readonly exits: Exits;
  /** Its shadow page tables; absent: the processor walks its own, and the second stage. */
  readonly shadow: ShadowPaging | undefined;
  readonly counters: Int32Array;
  readonly serialFeed: SerialFeed;
  readonly state = new RunState();
  readonly power: Power;
  readonly stops: Stops;
  readonly slices: Slices;

  /** Builds the domain and loads what it boots, or `restore` puts a saved state into it, at once or later. @throws LoadError, HostError: then the domain must not be used. */
  constructor(options: DomainOptions, restore?: ((domain: Domain) => void) | 'later') {
    this.options = options;
    const { machine, record, boot, hostMs } = options;
    this.counters = new Int32Array(machine.memory, record.countersOffset, COUNTER_WORDS);
    const stage = machine.secondStage(record);
    this.memory = new GuestMemory(machine.bytes, stage);
    const traits = (this.traits = options.guest.traits(machine, record));
    const retired = (): number => this.processor?.retired ?? 0;
    const clock = (this.clock = hostMs ? new HostClock(retired, hostMs) : new VirtualClock(retired));
    this.timers = new TimerQueue(clock);
    this.power = new Power(this);
    this.stops = new Stops(this);
    this.slices = new Slices(this);
    this.trace = new Trace(machine, record, () => clock.estimateNs(retired()));
    this.io = new IoTrace(machine, this.trace);
    const shadow = (this.shadow = options.shadow && new options.shadow(machine, record));
    const processor = (this.processor = options.createProcessor({
      ...processorOf(options, traits, { stage, clock, shadow }),
      ...answersOf(this, () => this.exits),
    }));
    if (hostMs) processor.onWork = this.slices.askForLook;
    const map = (this.map = new PhysicalMap(this, stage));
    this.memory.onWrite = mfn => {
      machine.writeLog.note(mfn);
      processor.invalidate(mfn);
      map.video?.frameWritten(mfn);
    };
    this.memory.onDemand = gfn => map.demand(gfn);
    this.screen = new ScreenBlock(machine, record, hostMs !== undefined);
    this.platform = options.createPlatform({ ...boardOf(this, this.io), ...signalsOf(this) });
    this.serialFeed = new SerialFeed(this.platform);
    this.vcpus = new Vcpus(machine, record, processor, this.platform, traits.board.apicIdStep, watch =>
      this.stops.watchSpin(watch),
    );
    if (hostMs) this.vcpus.turns.endByClock(clock);
    if (options.lastCode) this.stops.keepCode(new options.lastCode(processor.regs, () => this.vcpus.current));
    this.guest = options.guest.create(guestParts(this));
    shadow?.begin(this);
    this.exits = new Exits(this, this.counters);
    const { signals } = this.platform;
    if (traits.modelElsewhere && signals) this.remote = this.guest.modelElsewhere(signals, this);
    tellFirmware(options, this.platform);
    if (restore) {
      if (boot.kind === 'firmware') map.firmware?.load(boot.image);
      this.guest.restoring();
      if (restore !== 'later') this.restore(restore);
    } else this.power.start();
    publishState(this.counters, this);
  }

  /** Goes on from a saved state, whose pages are in place, as soon as `put` has put the rest there: once, where it was built for that. @throws what `put` throws */
  restore(put: (domain: Domain) => void): void {
    put(this);
    this.guest.restored();
  }

  /** Runs guest code for about a slice, or until there is none to run. */
  runSlice(): SliceResult {
    return this.slices.run();
  }

  /** Instructions retired since the domain was started, resets included. */
  get instructions(): number {
    return this.clock.retiredBefore + this.processor.retired;
  }

  /** How it stopped; null: it has not. */
  get ending(): Ending | null {
    return this.power.ending;
  }

  get paused(): boolean {
    return this.slices.paused;
  }

  /** One that has ended is paused once it is brought back. */
  pause(): void {
    this.slices.pause();
  }

  unpause(): void {
    this.slices.unpause();
  }

  /** What was loaded, for logs. */
  get about(): string {
    return this.power.about;
  }

  /** It stops exactly here (instructions since the start); Infinity: never. */
  get stopAtInstruction(): number {
    return this.stops.atInstruction;
  }

  set stopAtInstruction(instructions: number) {
    this.stops.atInstruction = instructions;
  }

  /** Bytes for COM1; kept until the guest waits for some, since what comes earlier is lost when it opens the port. */
  serialInput(bytes: Uint8Array): void {
    this.serialFeed.add(bytes);
  }

  /** Ends a suspend to RAM (S3), as Xen's s3resume does. */
  wake(): void {
    this.platform.wake?.();
  }

  /** Another disk in the CD-ROM or floppy drive at a place, or none: the drive tells the guest. */
  insertMedium(place: number, disc: BlockDevice | null): void {
    putDisc(this.options.ide ?? [], place, disc);
    const [{ disk }] = tracedDrives([{ place, kind: removableKind(place), disk: disc }], this.io, this.options.record);
    this.platform.insert?.(place, disk);
  }
}
