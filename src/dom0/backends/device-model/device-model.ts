/**
 * A device model in Domain 0 (device_model_stubdomain_override = 0): the same devices that the domain's worker has otherwise, over an ioreq server and the
 * guest's memory mapped from outside. It works when Domain 0 does, in its slot: on events of the guest, on its devices' deadlines, on what people type.
 */
import {
  type Clock,
  EmulatedDevices,
  setBootOrder,
  setLinux,
  TimerQueue,
  type VideoMemory,
} from '../../../devices/index.ts';
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { type IdeAttachment, putDisc, removableKind } from '../../../devices/ide/index.ts';
import { tracedDrives } from '../../../hypervisor/disks/index.ts';
import { type Boot, ScreenBlock, SerialFeed, type WiredCard } from '../../../hypervisor/domain/index.ts';
import type { IoTrace } from '../../../hypervisor/tracing/index.ts';
import type { MouseMove } from '../../../hypervisor/index.ts';
import { type Ioreq, IOREQ_TYPE, IoreqServer, SignalSender } from '../../../hypervisor/interfaces/xen/ioreq/index.ts';
import { MODEL, XEN_MODEL } from '../../../hypervisor/interfaces/xen/index.ts';
import { ramOf } from '../../../hypervisor/layout/index.ts';
import { type DomainRecord, FRAME_BYTES, VIDEO_BYTES } from '../../../hypervisor/memory/index.ts';
import { APIC_ID_STEP, type Dom0, hasHpet } from '../../../hypervisor/interfaces/xen/index.ts';
import { ForeignMemory } from './foreign-memory.ts';
import { describeModel, restoreDisks, saveModel } from './model-disks.ts';
import type { SavedModel } from './saved-model.ts';

export interface DeviceModelOptions {
  record: DomainRecord;
  boot: Boot;
  ide?: IdeAttachment[];
  /** Follows requests to its drives and frames of its card; absent: nobody does. */
  io?: IoTrace;
  nic?: (timers: TimerQueue) => WiredCard;
  /** Time that goes with the guest's. */
  clock: Clock;
  /** Calls `work()` in Domain 0's turn once the clock is there; Infinity: not before something else happens. Replaces what was asked before. */
  wakeAt(deadlineNs: number): void;
  /** Bytes of COM1, and of the debug ports. */
  serial(byte: number): void;
  debug?: (byte: number) => void;
  /** What `save` gave of it where it was before; its guest is restored, too. */
  saved?: SavedModel | undefined;
  /** It has ended with an error; the guest ends as soon as it wants something of it. */
  failed(sentence: string): void;
  /** Milliseconds on a monotonic clock, to say how long it worked; absent: it is not reported. */
  hostMs?: () => number;
}

/** Most bytes of one request: a page. */
const MOST_BYTES = FRAME_BYTES;

export class DeviceModel {
  private readonly options: DeviceModelOptions;
  private readonly dom0: Dom0;
  private readonly devices: EmulatedDevices;
  private readonly timers: TimerQueue;
  private readonly memory: ForeignMemory;
  private readonly signals: SignalSender;
  private readonly server: IoreqServer;
  private readonly card: WiredCard | undefined;
  private readonly feed: SerialFeed;
  /** What the devices' clock is ahead of `clock`: it goes on from where they were saved. */
  private readonly aheadNs: number;
  private readonly releaseVideo: () => void;
  private closed = false;
  /** Requests that media have not answered. */
  private underWay = 0;

  /** The domain is built and does not run yet. @throws HostError, SavedStateError, StateError */
  constructor(dom0: Dom0, options: DeviceModelOptions) {
    this.options = options;
    this.dom0 = dom0;
    const { record, boot } = options,
      ram = ramOf(record);
    const { clock, saved } = options;
    const aheadNs = (this.aheadNs = saved ? saved.nowNs - clock.nowNs() : 0);
    this.timers = new TimerQueue({ nowNs: () => clock.nowNs() + aheadNs });
    this.memory = new ForeignMemory(dom0, record.id);
    const signals = (this.signals = new SignalSender(dom0.portsOf(record.id)));
    const video = this.videoMemory();
    this.releaseVideo = video?.release ?? (() => {});
    const firmware = boot.kind === 'firmware' ? boot : undefined;
    this.card = options.nic?.(this.timers);
    if (this.card) this.card.ethernet.io = options.io;
    this.devices = new EmulatedDevices(
      {
        timers: this.timers,
        dma: this.memory,
        ...ram,
        serial: [options.serial, () => {}],
        debug: options.debug ?? (() => {}),
        onReset: () => signals.reset(),
        onDebugExit: value => signals.debugExit(value),
        screen: new ScreenBlock(dom0.machine, record),
        ...(video ? { videoMemory: video.memory } : {}),
        ...(firmware?.vgaBios ? { vgaBios: firmware.vgaBios } : {}),
        ...(firmware?.nicRom ? { nicRom: firmware.nicRom } : {}),
        ...(options.ide ? { ide: this.drives(options.ide) } : {}),
        ...(this.card ? { cards: [this.card] } : {}),
        onShadow: signals.shadow,
        onA20: signals.a20,
        testDevice: false,
        apic: true,
        processors: record.vcpus,
        apicIdStep: APIC_ID_STEP,
        xenPlatform: true,
        hpet: hasHpet(dom0.machine, record),
      },
      signals,
    );
    const { devices } = this;
    if (firmware?.bootOrder) setBootOrder(devices.fwCfg, firmware.bootOrder);
    if (firmware?.linux) setLinux(devices.fwCfg, firmware.linux, ram.lowMiB);
    this.feed = new SerialFeed(devices);
    devices.reset();
    // Xen's own hvmloader does by itself what other firmware finds done.
    if (options.saved) {
      restoreDisks(options.saved, options.ide ?? []);
      devices.restore(options.saved.devices);
    } else if (!firmware) devices.setFirmwareDefaults();
    else if (!firmware.loader) devices.prepareForFirmware();
    try {
      this.server = new IoreqServer(dom0, record.id, {
        request: request => this.timed(() => this.request(request)),
        served: () => this.settle(),
        failed: error => this.fail(error),
      });
    } catch (error) {
      this.releaseVideo();
      throw error;
    }
    this.settle();
  }

  /** Drives with their media: the viewer follows their requests, and the guest gets a medium's late answers at once. */
  private drives(drives: readonly IdeAttachment[]): IdeAttachment[] {
    const { io, record } = this.options;
    const answering = drives.map(drive => {
      const { disk } = drive;
      if (!disk || disk.immediate) return drive;
      const later = disk.behind((asked, done) => {
        this.underWay++;
        disk.request(asked, error => {
          this.underWay--;
          if (this.closed) return;
          done(error);
          this.settle();
        });
      });
      return { ...drive, disk: later } as IdeAttachment;
    });
    return io ? tracedDrives(answering, io, record) : answering;
  }

  /** Memory of the graphics adapter that the guest writes as RAM: frames of the guest's, held while we are there. */
  private videoMemory(): { memory: VideoMemory; release: () => void } | undefined {
    const { dom0, signals } = this;
    const { machine } = dom0;
    const { record } = this.options;
    const base = (record.guestOffset >>> 2) + XEN_MODEL;
    const first = machine.words[base + MODEL.VIDEO] - 1;
    if (first < 0) return undefined;
    const release = dom0.holdFrames(record.id, first, VIDEO_BYTES / FRAME_BYTES);
    const dirty = new Uint8Array(machine.memory, (base + MODEL.VIDEO_DIRTY) * 4, VIDEO_BYTES / FRAME_BYTES);
    const taken = new Uint8Array(dirty.length);
    const memory: VideoMemory = {
      bytes: new Uint8Array(machine.memory, first * FRAME_BYTES, VIDEO_BYTES),
      moved: address => signals.videoAt(address),
      // What was written until the look before; the next one is asked for.
      takeDirtyPages: () => {
        for (let page = 0; page < dirty.length; page++)
          taken[page] = dirty[page] === 0 ? 0 : Atomics.exchange(dirty, page, 0);
        signals.look();
        return taken;
      },
    };
    return { memory, release };
  }

  // ---- requests

  private request(request: Ioreq): number {
    const { type, size, count, isPointer } = request;
    if (size !== 1 && size !== 2 && size !== 4) throw new Error(`an ioreq has elements of ${size} bytes`);
    if (count < 1 || count * size > MOST_BYTES || (count > 1 && !isPointer))
      throw new Error(`an ioreq has ${count} elements of ${size} bytes`);
    switch (type) {
      case IOREQ_TYPE.PIO:
        return this.port(request);
      case IOREQ_TYPE.COPY:
        return this.copy(request);
      case IOREQ_TYPE.PCI_CONFIG:
        return this.config(request);
      case IOREQ_TYPE.TIMEOFFSET:
      case IOREQ_TYPE.INVALIDATE:
        return 0;
      default:
        throw new Error(`an ioreq has type ${type}`);
    }
  }

  private port(request: Ioreq): number {
    const { bus } = this.devices;
    const { address, size, count, read, isPointer } = request;
    if (address + size > 0x10000) throw new Error(`an ioreq has port 0x${address.toString(16)}`);
    if (isPointer) {
      this.elements(
        request,
        bytes => {
          for (let at = 0; at < bytes.length; ) {
            const rest = bytes.subarray(at);
            const moved = request.down
              ? 0
              : read
                ? bus.readPortBlock(address, size, rest)
                : bus.writePortBlock(address, size, rest);
            if (moved === 0) {
              if (read) put(rest, size, bus.readPort(address, size));
              else bus.writePort(address, get(rest, size), size);
            }
            at += moved || size;
          }
        },
        count,
      );
      return 0;
    }
    if (read) return bus.readPort(address, size);
    bus.writePort(address, request.data, size);
    return 0;
  }

  private copy(request: Ioreq): number {
    const { bus } = this.devices;
    const { address, size, read, down, isPointer } = request;
    if (isPointer) {
      this.elements(
        request,
        bytes => {
          for (let at = 0; at < bytes.length; at += size) {
            const element = bytes.subarray(at, at + size),
              place = down ? address - at : address + at;
            if (read) put(element, size, bus.readMemory(place, size));
            else bus.writeMemory(place, get(element, size), size);
          }
        },
        request.count,
      );
      return 0;
    }
    if (read) return bus.readMemory(address, size);
    bus.writeMemory(address, request.data, size);
    return 0;
  }

  /** Elements of a request by pointer, in their order; with `down` the first one lies highest. */
  private elements({ data, size, read, down }: Ioreq, work: (bytes: Uint8Array) => void, count: number): void {
    const { memory } = this;
    const first = down ? data - (count - 1) * size : data;
    const bytes = new Uint8Array(count * size);
    const turn = (): void => {
      for (let i = 0; down && i < count >> 1; i++) {
        const low = bytes.slice(i * size, (i + 1) * size);
        bytes.copyWithin(i * size, (count - 1 - i) * size, (count - i) * size);
        bytes.set(low, (count - 1 - i) * size);
      }
    };
    if (!read) {
      memory.read(first, bytes);
      turn();
    }
    work(bytes);
    if (!read) return;
    turn();
    memory.write(first, bytes);
  }

  /** Configuration space: the register in bits 0-7 of the address, device and function in `bdf`. */
  private config({ bdf, address, size, read, data }: Ioreq): number {
    const { pci } = this.devices;
    return pci.configAccess(bdf, address & 0xff, size, read, data);
  }

  // ---- Domain 0's turn

  /** Deadlines that have come, and frames for its card. Call in Domain 0's turn. */
  work(): void {
    if (this.closed) return;
    try {
      this.timed(() => {
        this.timers.run();
        this.card?.ethernet.poll();
      });
      this.settle();
    } catch (error) {
      this.server.close();
      this.fail(error as Error);
    }
  }

  /** Whether `work` has something to do. */
  get isDue(): boolean {
    return (
      !this.closed && (this.timers.nextDeadlineNs <= this.timers.clock.nowNs() || this.card?.ethernet.arrived === true)
    );
  }

  /** After everything that may have changed something: what was typed finds room, what did not fit goes out, and the next deadline is known. */
  private settle(): void {
    this.feed.feed();
    this.signals.flush();
    this.options.wakeAt(this.timers.nextDeadlineNs - this.aheadNs);
  }

  private timed<T>(work: () => T): T {
    const { hostMs, record } = this.options;
    if (!hostMs) return work();
    const startMs = hostMs();
    const result = work();
    const { words } = this.dom0.machine;
    const at = (record.guestOffset >>> 2) + XEN_MODEL + MODEL.SPENT_NS;
    const ns = (words[at] >>> 0) + words[at + 1] * 2 ** 32 + Math.round((hostMs() - startMs) * 1e6);
    words[at] = ns | 0;
    words[at + 1] = Math.floor(ns / 2 ** 32);
    return result;
  }

  // ---- people

  serialInput(bytes: Uint8Array): void {
    if (this.closed) return;
    this.feed.add(bytes);
    this.settle();
  }

  /** Serial bytes that wait for the guest to read. */
  get serialWaiting(): number {
    return this.feed.waiting;
  }

  key(code: string, down: boolean): void {
    if (this.closed) return;
    this.devices.keyboard.key(code, down);
    this.settle();
  }

  mouse({ dx, dy, dz, buttons }: MouseMove): void {
    if (this.closed) return;
    this.devices.mouse.move(dx, dy, dz, buttons);
    this.settle();
  }

  /** Its guest has ended: what it printed last is to be seen. */
  showLast(): void {
    if (!this.closed) this.devices.vga.refresh();
  }

  /** Another disk in the CD-ROM or floppy drive at a place, or none: the drive tells the guest. */
  insertMedium(place: number, disc: BlockDevice | null): void {
    if (this.closed) return;
    putDisc(this.options.ide ?? [], place, disc);
    const [{ disk }] = this.drives([{ place, kind: removableKind(place), disk: disc }]);
    this.devices.insert(place, disk);
    this.settle();
  }

  // ---- saved states

  /** Media have yet to answer its drives. */
  get isBusy(): boolean {
    return this.underWay > 0;
  }

  /** Does what the guest has asked for already; it must not run. False: it waits for something that takes time. */
  quiesce(): boolean {
    return this.closed || this.server.quiesce();
  }

  /** After `quiesce`. @throws SavedStateError where a disk cannot be saved */
  save(): SavedModel {
    const { devices } = this.devices;
    return saveModel(
      this.describe(),
      Object.fromEntries(devices.map(device => [device.name, device.save()])),
      this.options.ide ?? [],
    );
  }

  /** What of `save` it is built from: not what its devices hold. @throws SavedStateError */
  describe(): SavedModel {
    return describeModel(this.timers.clock.nowNs(), this.options.ide ?? []);
  }

  // ---- the end

  private fail(error: Error): void {
    this.end();
    this.options.failed(`The device model of domain ${this.options.record.id} ended with an error: ${error.message}.`);
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    this.options.wakeAt(Infinity);
    this.releaseVideo();
  }

  /** Nothing of the guest is mapped any more, and no port is open. */
  close(): void {
    this.server.close();
    this.end();
  }
}

function put(into: Uint8Array, size: number, value: number): void {
  for (let i = 0; i < size; i++) into[i] = value >>> (8 * i);
}

function get(from: Uint8Array, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value |= from[i] << (8 * i);
  return value >>> 0;
}
