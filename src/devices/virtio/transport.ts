/**
 * virtio over PCI: what all devices have in common. A device is transitional: the registers of VIRTIO 1 lie in BAR 4 and are found by capabilities, those that
 * older drivers know in BAR 0; MSI-X has BAR 1. Places and sizes are QEMU's (hw/virtio/virtio-pci.c).
 * Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 2.1 to 2.7 and 4.1.
 */
import type { Device, IrqLine, State, Timers } from '../bus.ts';
import { MsiX } from '../pci/msi-x.ts';
import { PCI, PciFunction } from '../pci/pci.ts';
import { assignState, copyState, resetState, StateError, subState } from '../state.ts';
import type { BalloonReport } from './balloon-words.ts';
import type { ChannelTold } from './channel-words.ts';
import type { FolderRequest } from './folder-words.ts';
import { BrokenRing, NO_VECTOR, type RingFeatures, VirtQueue, type VirtQueueLook } from './queue.ts';

/** What makes a device one of its kind. */
export interface VirtioIdentity {
  name: string;
  /** Of its function, for people. */
  title: string;
  /** 1 network card, 2 block device … (chapter 5). */
  type: number;
  /** Device identifier of a transitional device. */
  device: number;
  /** Class, subclass, programming interface. */
  class: number;
  /** Most descriptors of each queue, powers of two. */
  queues: readonly number[];
  /** As chapter 5 has them, in their order; absent: there is one, without a name. */
  queueNames?: readonly string[];
  /** Of interrupts; absent: one a queue, and one for changes of the configuration. */
  vectors?: number;
  /** Its own features, bits 0 to 23. */
  features: number;
  configBytes?: number;
}

/** What a device that is neither disk nor card is made of. */
export interface VirtioParts {
  irq: IrqLine;
  /** Unique in its machine. */
  name: string;
  /** Of what it draws. */
  seed: number;
  timers: Timers;
  /** What is said of it next to its name (kinds.ts). */
  options: Readonly<Record<string, string>>;
  host: VirtioHost;
  /** Of a console: the guest's list, which says whether it has one and which channels (default: a console alone). */
  ports?: readonly string[];
}

/** What is behind such devices. */
export interface VirtioHost {
  /** Where the guest's console goes. */
  console(byte: number): void;
  /** The guest does without what lies in these frames of its memory: it is gone, and what is used again is all zero. Absent: the host takes none. */
  release?(gfns: readonly number[]): void;
  /** How far the balloon is. */
  balloon?(report: BalloonReport): void;
  /** Something is asked of a device's folder, under a number; absent: there is none. */
  folder?(device: string, number: number, request: FolderRequest): void;
  /** Something has become of a channel. */
  channel?(name: string, told: ChannelTold): void;
}

const VENDOR = 0x1af4;
const VENDOR_CAPABILITY = 9;
/** Types of capabilities. */
const COMMON = 1,
  NOTIFY = 2,
  ISR = 3,
  CONFIG = 4,
  WINDOW = 5;
const LEGACY_BAR = 0,
  MESSAGES_BAR = 1,
  MODERN_BAR = 4;
/** BAR 4: a page for each. */
const COMMON_AT = 0,
  ISR_AT = 0x1000,
  CONFIG_AT = 0x2000,
  NOTIFY_AT = 0x3000,
  PAGE = 0x1000,
  MODERN_BYTES = 4 * PAGE;
const COMMON_BYTES = 0x38,
  NOTIFY_MULTIPLIER = 4;
/** In the window's capability: BAR, offset and length to be reached, and the data. */
const WINDOW_BAR = 4,
  WINDOW_OFFSET = 8,
  WINDOW_LENGTH = 12,
  WINDOW_DATA = 16;
/** Legacy registers; behind them the device's own configuration, later by four bytes where MSI-X is on. */
const LEGACY_BYTES = 0x14,
  LEGACY_VECTORS = 4;
const INTX_DISABLE = 0x400;

/** Device status. */
const FEATURES_OK = 8,
  DRIVER_OK = 4,
  NEEDS_RESET = 0x40;
/** ISR. */
const QUEUE_INTERRUPT = 1,
  CONFIG_INTERRUPT = 2;

/** Feature bits that are not a device's own. */
const ANY_LAYOUT = 27,
  INDIRECT_DESC = 28,
  EVENT_IDX = 29,
  VERSION_1 = 32;
const COMMON_FEATURES = (1 << ANY_LAYOUT) | (1 << INDIRECT_DESC) | (1 << EVENT_IDX);
const FEATURES_HIGH = 1 << (VERSION_1 - 32);

const initial = () => ({
  status: 0,
  isr: 0,
  deviceFeatureSelect: 0,
  driverFeatureSelect: 0,
  featuresLow: 0,
  featuresHigh: 0,
  queueSelect: 0,
  configVector: NO_VECTOR,
  generation: 0,
});

/** This many bytes of a number in little-endian order. */
function bytesOf(value: number, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => value >>> (8 * i));
}

/** The number that lies at a place; what lies behind the end is 0. */
function numberAt(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value |= (bytes[at + i] ?? 0) << (8 * i);
  return value >>> 0;
}

export abstract class VirtioPci implements Device {
  readonly name: string;
  readonly fn: PciFunction;
  /** Notifications by the driver and interrupts for it, for statistics; those of each queue are the queue's (`looks`). */
  readonly counts = { kicks: 0, interrupts: 0 };
  protected readonly queues: readonly VirtQueue[];
  private readonly r = initial();
  private readonly identity: VirtioIdentity;
  private readonly irq: IrqLine;
  private readonly messages: MsiX;
  private readonly window: number;

  constructor(identity: VirtioIdentity, irq: IrqLine) {
    this.identity = identity;
    this.name = identity.name;
    this.irq = irq;
    const fn = new PciFunction(identity.title, {
      vendor: VENDOR,
      device: identity.device,
      class: identity.class,
      status: 0,
      interruptPin: 1,
      subsystem: identity.type,
    });
    this.fn = fn;
    const features = (): RingFeatures => ({ indirect: this.has(INDIRECT_DESC), eventIndex: this.has(EVENT_IDX) });
    this.queues = identity.queues.map((most, index) => new VirtQueue(index, most, fn.dma, features));
    fn.addBar(LEGACY_BAR, {
      kind: 'io',
      size: 2 ** Math.ceil(Math.log2(LEGACY_BYTES + LEGACY_VECTORS + (identity.configBytes ?? 0))),
      width: 4,
      read: (offset, size) => this.readLegacy(offset, size),
      write: (offset, value, size) => this.writeLegacy(offset, value, size),
    });
    this.messages = new MsiX(fn, identity.vectors ?? identity.queues.length + 1, MESSAGES_BAR);
    fn.addBar(MODERN_BAR, {
      kind: 'memory',
      size: MODERN_BYTES,
      read: (offset, size) => this.readModern(offset, size),
      write: (offset, value, size) => this.writeModern(offset, value, size),
    });
    this.window = this.addCapabilities();
    fn.allow(PCI.COMMAND, 2, fn.writable[PCI.COMMAND] | INTX_DISABLE);
    fn.onConfigRead = (offset, size) => this.throughWindow(offset, size, false);
    fn.onConfigWrite = (offset, size) => {
      this.throughWindow(offset, size, true);
      this.drivePin();
    };
  }

  // ---- what a device of a kind has

  /** Its configuration as the driver reads it, little-endian. */
  protected config(): Uint8Array {
    return new Uint8Array(0);
  }
  /** The driver writes there. */
  protected writeConfig(_offset: number, _value: number, _size: number): void {}
  /** The driver says that a queue has something, or has begun to drive the device. @throws BrokenRing */
  protected abstract notified(queue: VirtQueue): void;
  /** The driver has begun to drive the device. */
  protected driven(): void {}
  /** The driver, or RESET, lets go of all that is under way. */
  protected abstract forget(): void;
  /** Whether a saved state may have this many queues. */
  protected hasQueues(count: number): boolean {
    return count === this.queues.length;
  }
  protected abstract saveOwn(): State;
  /** Queues and features are there. @throws StateError */
  protected abstract restoreOwn(state: State): void;

  // ---- for people

  /** Its queues that are in use, by what the specification calls them. */
  looks(): VirtQueueLook[] {
    const { queueNames = [] } = this.identity;
    return this.queues.flatMap((queue, i) => {
      const look = queue.look();
      return look ? [{ ...look, name: queueNames[i] ?? '' }] : [];
    });
  }

  // ---- what it can ask

  /** Whether both sides have agreed to a feature. */
  protected has(feature: number): boolean {
    const { featuresLow, featuresHigh } = this.r;
    return (((feature < 32 ? featuresLow : featuresHigh) >>> (feature & 31)) & 1) === 1;
  }

  /** The driver knows VIRTIO 1. */
  protected get isModern(): boolean {
    return this.has(VERSION_1);
  }

  protected get isDriven(): boolean {
    return (this.r.status & DRIVER_OK) !== 0;
  }

  /** Its configuration is another now, and the driver did not write it (2.5, 4.1.4.3.1). */
  protected configChanged(): void {
    this.r.generation = (this.r.generation + 1) & 0xff;
    if (this.isDriven) this.interrupt(CONFIG_INTERRUPT, this.r.configVector);
  }

  /** Whether buffers of a queue may be used. Older drivers use some before they say that they drive the device (3.1.2). */
  protected isLive(queue: VirtQueue): boolean {
    const { status } = this.r;
    return (
      queue.r.enabled &&
      (status & NEEDS_RESET) === 0 &&
      ((status & DRIVER_OK) !== 0 || !this.isModern) &&
      this.fn.busMaster
    );
  }

  /** Does something with queues: where their rings are broken the device needs a reset, and nothing else changes. */
  protected guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof BrokenRing)) throw error;
      this.r.status |= NEEDS_RESET;
      this.forget();
      this.interrupt(CONFIG_INTERRUPT, this.r.configVector);
    }
  }

  /** Tells the driver of what was given back, unless it wants to hear nothing of it. */
  protected tell(queue: VirtQueue): void {
    if (!queue.tells()) return;
    queue.counts.interrupts++;
    this.interrupt(QUEUE_INTERRUPT, queue.r.vector);
  }

  private interrupt(bit: number, vector: number): void {
    this.counts.interrupts++;
    if (this.messages.enabled) return this.messages.signal(vector === NO_VECTOR ? -1 : vector);
    this.r.isr |= bit;
    this.drivePin();
  }

  private drivePin(): void {
    const disabled = (this.fn.get(PCI.COMMAND, 2) & INTX_DISABLE) !== 0;
    this.irq.set(this.r.isr !== 0 && !this.messages.enabled && !disabled);
  }

  // ---- configuration space

  /** Where each part of BAR 4 is; returns where the window's capability lies. */
  private addCapabilities(): number {
    const add = (
      type: number,
      bar: number,
      offset: number,
      length: number,
      more: Uint8Array<ArrayBuffer> = new Uint8Array(0),
    ): number => {
      const body = new Uint8Array(14 + more.length);
      body.set([body.length + 2, type, bar]);
      body.set(bytesOf(offset, 4), 6);
      body.set(bytesOf(length, 4), 10);
      body.set(more, 14);
      return this.fn.addCapability(VENDOR_CAPABILITY, body);
    };
    add(COMMON, MODERN_BAR, COMMON_AT, PAGE);
    add(ISR, MODERN_BAR, ISR_AT, PAGE);
    add(CONFIG, MODERN_BAR, CONFIG_AT, PAGE);
    add(NOTIFY, MODERN_BAR, NOTIFY_AT, PAGE, bytesOf(NOTIFY_MULTIPLIER, 4));
    const window = add(WINDOW, 0, 0, 0, new Uint8Array(4));
    this.fn.writable[window + WINDOW_BAR] = 0xff;
    for (const field of [WINDOW_OFFSET, WINDOW_LENGTH, WINDOW_DATA]) this.fn.allow(window + field, 4);
    return window;
  }

  /** An access to the window's data reaches into a BAR (4.1.4.9), for who cannot reach memory. */
  private throughWindow(offset: number, size: number, isWrite: boolean): void {
    const { fn, window } = this;
    const data = window + WINDOW_DATA;
    // More than a doubleword at once is RESET or a saved state.
    if (size > 4 || offset >= data + 4 || offset + size <= data) return;
    const bar = fn.get(window + WINDOW_BAR, 1),
      at = fn.get(window + WINDOW_OFFSET, 4),
      length = fn.get(window + WINDOW_LENGTH, 4);
    if (bar !== MODERN_BAR || ![1, 2, 4].includes(length) || at % length !== 0 || at >= MODERN_BYTES) return;
    if (isWrite) this.writeModern(at, fn.get(data, length), length);
    else fn.put(data, this.readModern(at, length), length);
  }

  // ---- registers of VIRTIO 1

  private readModern(offset: number, size: number): number {
    const at = offset & (PAGE - 1);
    switch (offset - at) {
      case COMMON_AT:
        return numberAt(this.common(), at, size);
      case ISR_AT:
        return at === 0 ? this.takeIsr() : 0;
      case CONFIG_AT:
        return numberAt(this.config(), at, size);
      default:
        return 0;
    }
  }

  private writeModern(offset: number, value: number, size: number): void {
    const at = offset & (PAGE - 1);
    if (offset - at === COMMON_AT) this.writeCommon(at, value, size);
    else if (offset - at === CONFIG_AT) this.writeConfig(at, value, size);
    else if (offset - at === NOTIFY_AT) this.kick(at / NOTIFY_MULTIPLIER);
  }

  private takeIsr(): number {
    const { isr } = this.r;
    this.r.isr = 0;
    this.drivePin();
    return isr;
  }

  /** Features that are offered, by their word. */
  private offered(word: number): number {
    return word === 0 ? this.identity.features | COMMON_FEATURES : word === 1 ? FEATURES_HIGH : 0;
  }

  private common(): Uint8Array {
    const { r, queues } = this;
    const view = new DataView(new ArrayBuffer(COMMON_BYTES));
    view.setUint32(0, r.deviceFeatureSelect, true);
    view.setUint32(4, this.offered(r.deviceFeatureSelect), true);
    view.setUint32(8, r.driverFeatureSelect, true);
    view.setUint32(0xc, [r.featuresLow, r.featuresHigh][r.driverFeatureSelect] ?? 0, true);
    view.setUint16(0x10, r.configVector, true);
    view.setUint16(0x12, queues.length, true);
    view.setUint8(0x14, r.status);
    view.setUint8(0x15, r.generation);
    view.setUint16(0x16, r.queueSelect, true);
    const queue = queues[r.queueSelect]?.r;
    if (!queue) return new Uint8Array(view.buffer);
    view.setUint16(0x18, queue.size, true);
    view.setUint16(0x1a, queue.vector, true);
    view.setUint16(0x1c, queue.enabled ? 1 : 0, true);
    view.setUint16(0x1e, r.queueSelect, true);
    [queue.descriptors, queue.driver, queue.device].forEach((address, i) => {
      view.setUint32(0x20 + 8 * i, address % 2 ** 32, true);
      view.setUint32(0x24 + 8 * i, Math.floor(address / 2 ** 32), true);
    });
    return new Uint8Array(view.buffer);
  }

  /** Fields are written in their own widths, addresses by halves (4.1.3.1); other writes are none. */
  private writeCommon(at: number, value: number, size: number): void {
    const { r } = this;
    const field = `${at}/${size}`;
    switch (field) {
      case '0/4':
        r.deviceFeatureSelect = value;
        return;
      case '8/4':
        r.driverFeatureSelect = value;
        return;
      case '12/4':
        // What was agreed to stays.
        if (r.status & FEATURES_OK) return;
        if (r.driverFeatureSelect === 0) r.featuresLow = value;
        else if (r.driverFeatureSelect === 1) r.featuresHigh = value;
        return;
      case '16/2':
        r.configVector = this.vector(value);
        return;
      case '20/1':
        return this.setStatus(value);
      case '22/2':
        r.queueSelect = value;
        return;
      default:
        this.writeQueue(field, value);
    }
  }

  private writeQueue(field: string, value: number): void {
    const { r, queues } = this;
    const selected = queues[r.queueSelect];
    if (!selected) return;
    const queue = selected.r;
    if (field === '26/2') queue.vector = this.vector(value);
    // All else stays while the queue is in use.
    else if (queue.enabled) return;
    else if (field === '24/2') {
      if (selected.canHave(value)) queue.size = value;
    } else if (field === '28/2') queue.enabled = value === 1;
    else {
      const address = (['descriptors', 'driver', 'device'] as const).find(
        (_, i) => field === `${0x20 + 8 * i}/4` || field === `${0x24 + 8 * i}/4`,
      );
      if (!address) return;
      const isLow = Number.parseInt(field, 10) % 8 === 0;
      const [low, high] = [queue[address] % 2 ** 32, Math.floor(queue[address] / 2 ** 32)];
      queue[address] = isLow ? high * 2 ** 32 + value : value * 2 ** 32 + low;
    }
  }

  private vector(value: number): number {
    return value < this.messages.vectors ? value : NO_VECTOR;
  }

  private setStatus(value: number): void {
    const { r } = this;
    if (value === 0) return this.resetDevice();
    const before = r.status;
    if (value & FEATURES_OK && !(before & FEATURES_OK) && !this.isAcceptable) value &= ~FEATURES_OK;
    r.status = value | (before & NEEDS_RESET);
    if ((r.status & ~before & DRIVER_OK) === 0) return;
    this.driven();
    for (const queue of this.queues) this.look(queue);
  }

  /** Features that the driver wants: a part of those that are offered, and VIRTIO 1 (2.2, 6.1). */
  private get isAcceptable(): boolean {
    const { featuresLow, featuresHigh } = this.r;
    return this.isModern && (featuresLow & ~this.offered(0)) === 0 && (featuresHigh & ~this.offered(1)) === 0;
  }

  private kick(index: number): void {
    const queue = this.queues[index];
    if (!queue) return;
    this.counts.kicks++;
    queue.kicked();
    this.look(queue);
  }

  private look(queue: VirtQueue): void {
    if (this.isLive(queue)) this.guard(() => this.notified(queue));
  }

  // ---- registers that older drivers know (4.1.4.10)

  private get legacyConfigAt(): number {
    return LEGACY_BYTES + (this.messages.enabled ? LEGACY_VECTORS : 0);
  }

  private readLegacy(offset: number, size: number): number {
    const at = this.legacyConfigAt;
    if (offset >= at) return numberAt(this.config(), offset - at, size);
    const { r, queues } = this;
    const queue = queues[r.queueSelect]?.r;
    const view = new DataView(new ArrayBuffer(LEGACY_BYTES + LEGACY_VECTORS));
    view.setUint32(0, this.offered(0), true);
    view.setUint32(4, r.featuresLow, true);
    view.setUint32(8, queue?.enabled ? queue.descriptors / PAGE : 0, true);
    view.setUint16(0xc, queue?.size ?? 0, true);
    view.setUint16(0xe, r.queueSelect, true);
    view.setUint8(0x12, r.status);
    if (offset <= 0x13 && offset + size > 0x13) view.setUint8(0x13, this.takeIsr());
    view.setUint16(0x14, r.configVector, true);
    view.setUint16(0x16, queue?.vector ?? NO_VECTOR, true);
    return numberAt(new Uint8Array(view.buffer), offset, size);
  }

  private writeLegacy(offset: number, value: number, size: number): void {
    const { r } = this;
    const queue = this.queues[r.queueSelect];
    const at = this.legacyConfigAt;
    if (offset >= at) return this.writeConfig(offset - at, value, size);
    switch (offset) {
      case 4:
        // There is no word by which it could be refused.
        r.featuresLow = value & this.offered(0);
        r.featuresHigh = 0;
        return;
      case 8:
        return queue?.placeLegacy(value);
      case 0xe:
        r.queueSelect = value;
        return;
      case 0x10:
        return this.kick(value);
      case 0x12:
        return this.setStatus(value);
      case 0x14:
        r.configVector = this.vector(value);
        return;
      case 0x16:
        if (queue) queue.r.vector = this.vector(value);
        return;
      default:
    }
  }

  // ---- the whole

  /** The driver's reset: a status of 0. */
  private resetDevice(): void {
    resetState(this.r, initial());
    for (const queue of this.queues) queue.reset();
    this.forget();
    this.drivePin();
  }

  reset(): void {
    this.resetDevice();
  }

  save(): State {
    return { ...copyState(this.r), queues: this.queues.map(queue => queue.save()), own: this.saveOwn() };
  }

  /** @throws StateError */
  restore(state: State): void {
    const { queues } = state;
    if (!Array.isArray(queues) || !this.hasQueues(queues.length))
      throw new StateError(this.name, 'queues', `are not ${this.queues.length}`);
    this.forget();
    // Older states have no generation.
    assignState(this.name, this.r, { generation: 0, ...state });
    this.queues.forEach((queue, i) =>
      i < queues.length ? queue.restore(this.name, queues[i] as State) : queue.reset(),
    );
    this.restoreOwn(subState(this.name, state, 'own'));
  }

  peek(): State {
    return { ...this.save(), ...this.counts };
  }
}
