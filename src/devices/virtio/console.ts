/**
 * A console of virtio: hvc0 of Linux at port 0, and behind it channels by name (/dev/virtio-ports/NAME), as QEMU's virtconsole and virtserialport.
 * Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 5.3; QEMU's hw/char/virtio-serial-bus.c and virtio-console.c for what the specification leaves open.
 * Messages of the control queues are sent once the driver says that it is ready, so that a guest that opens and closes its port is known to listen or not.
 */
import type { State } from '../bus.ts';
import { assignState, copyState, resetState, StateError } from '../state.ts';
import type { Chain } from './chain.ts';
import { type ChannelWish, isChannelName, MOST_CHANNEL_BYTES, MOST_CHANNELS } from './channel-words.ts';
import { hasVirtio } from './kinds.ts';
import { channelsOf } from './ports.ts';
import { VirtioPci, type VirtioHost, type VirtioParts } from './transport.ts';
import { BrokenRing, type VirtQueue, type VirtQueueLook } from './queue.ts';

const QUEUE_SIZE = 128,
  CONTROL_SIZE = 32;
/** Ports and vectors of QEMU's virtio-serial-pci (max_ports; one vector a port, and one for the configuration). */
const MOST_PORTS = MOST_CHANNELS + 1,
  VECTORS = MOST_PORTS + 1;
const RECEIVE = 0,
  TO_DRIVER = 2,
  FROM_DRIVER = 3;
const MULTIPORT = 1;
const CONFIG_BYTES = 12,
  MOST_PORTS_AT = 4;
/** The port that people type at. */
const PORT = 0;
/** A message: port, what it is about, a value; behind it, a name. */
const MESSAGE_BYTES = 8;
const EVENT = {
  DEVICE_READY: 0,
  DEVICE_ADD: 1,
  DEVICE_REMOVE: 2,
  PORT_READY: 3,
  CONSOLE_PORT: 4,
  PORT_OPEN: 6,
  PORT_NAME: 7,
} as const;
/** Most bytes of one buffer, so that a kick ends: Linux's driver writes 32 KiB at a time, and splices 16 pages (drivers/char/virtio_console.c). */
const MOST_BYTES = 65536;

/** Messages that a port is to be sent, each a bit: in this order, but that of one that went comes before those of one that came in its place. */
const DUE = [EVENT.DEVICE_ADD, EVENT.CONSOLE_PORT, EVENT.PORT_NAME, EVENT.PORT_OPEN, EVENT.DEVICE_REMOVE] as const;
const dueOf = (...events: (typeof DUE)[number][]): number =>
  events.reduce<number>((bits, event) => bits | (1 << DUE.indexOf(event)), 0);

/** Queues of a port: those of the control messages lie behind the first one's (5.3.2). */
const receiveOf = (port: number): number => (port === PORT ? RECEIVE : 2 * port + 2);
const portOf = (queue: number): number => (queue < 2 ? PORT : (queue >> 1) - 1);

const initial = () => ({
  /** By port: the guest has opened it. */
  isOpen: new Uint8Array(MOST_PORTS),
  /** Messages that found no buffer yet. */
  due: new Uint8Array(MOST_PORTS),
  /** The driver has asked which ports there are: it is notified of those that come later. */
  isReady: false,
});

export class VirtioConsole extends VirtioPci {
  private readonly own = initial();
  private readonly host: VirtioHost;
  private readonly hasConsole: boolean;
  /** By port; that of the console has none, and where there is none there is no port. */
  private readonly names: string[];
  /** As the driver has found it: ports of a saved state may be fewer. */
  private mostPorts = MOST_PORTS;
  /** By port: somebody is at the other end. A reset of the device is not heard there. */
  private readonly isConnected = new Uint8Array(MOST_PORTS);
  /** By port: bytes for the guest that found no buffer yet. */
  private readonly waiting = Array.from({ length: MOST_PORTS }, () => new Uint8Array());
  /** By port: bytes that the other end has been given, and has not read yet. */
  private readonly unread = new Uint32Array(MOST_PORTS);

  constructor({ irq, name, host, ports = ['console'] }: VirtioParts) {
    const more = Array.from({ length: MOST_CHANNELS }, (_, i) => i + 1);
    super(
      {
        name,
        title: 'virtio console',
        type: 3,
        device: 0x1003,
        class: 0x078000,
        queues: [QUEUE_SIZE, QUEUE_SIZE, CONTROL_SIZE, CONTROL_SIZE, ...more.flatMap(() => [QUEUE_SIZE, QUEUE_SIZE])],
        queueNames: ['rx', 'tx', 'ctrl rx', 'ctrl tx', ...more.flatMap(port => [`rx ${port}`, `tx ${port}`])],
        vectors: VECTORS,
        features: 1 << MULTIPORT,
        configBytes: CONFIG_BYTES,
      },
      irq,
    );
    this.host = host;
    this.hasConsole = hasVirtio(ports, 'console');
    this.names = Array.from({ length: MOST_PORTS }, () => '');
    for (const channel of channelsOf(ports)) this.names[channel.port] = channel.name;
    // Somebody is at the console from the beginning.
    if (this.hasConsole) this.isConnected[PORT] = 1;
  }

  protected override config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG_BYTES);
    bytes[MOST_PORTS_AT] = this.mostPorts;
    return bytes;
  }

  /** Drivers set up queues for all ports that could be: people see those of ports that are. */
  override looks(): VirtQueueLook[] {
    return super
      .looks()
      .filter(({ index }) => index === TO_DRIVER || index === FROM_DRIVER || this.isPort(portOf(index)));
  }

  private isPort(port: number): boolean {
    return port === PORT ? this.hasConsole : port < this.mostPorts && this.names[port] !== '';
  }

  // ---- for people

  /** Whether the guest waits for bytes: its port is open, and there are buffers. */
  get listening(): boolean {
    return this.hasConsole && this.takes(PORT);
  }

  private takes(port: number): boolean {
    const queue = this.queues[receiveOf(port)];
    let has = false;
    if (this.isLive(queue) && (this.own.isOpen[port] === 1 || !this.has(MULTIPORT)))
      this.guard(() => (has = queue.waiting > 0));
    return has;
  }

  /** Bytes that were typed. Returns how many the guest has taken. */
  input(bytes: Uint8Array): number {
    return this.hasConsole ? this.give(PORT, bytes) : 0;
  }

  /** Gives them to the guest as far as it waits for them; returns how many. */
  private give(port: number, bytes: Uint8Array): number {
    if (!this.takes(port)) return 0;
    const queue = this.queues[receiveOf(port)]!;
    let done = 0;
    this.guard(() => {
      for (let left = queue.r.size; done < bytes.length && left > 0; left--) {
        const chain = queue.take();
        if (!chain) break;
        const count = Math.min(bytes.length - done, chain.writable.bytes);
        chain.writable.write(0, bytes.subarray(done, done + count));
        queue.give(chain, count);
        done += count;
      }
      this.tell(queue);
    });
    return done;
  }

  // ---- for the other end of a channel

  channel(name: string, wish: ChannelWish): void {
    if ('port' in wish) return this.add(name, wish.port);
    const port = name === '' ? -1 : this.names.indexOf(name, PORT + 1);
    if (port < 0) return;
    if ('isGone' in wish) this.remove(port);
    else if ('isConnected' in wish) {
      const is = wish.isConnected ? 1 : 0;
      this.unread[port] = 0;
      // What nobody waits for any more is gone, as what lies in a socket that is closed.
      if (!wish.isConnected) this.waiting[port] = new Uint8Array();
      if (this.isConnected[port] !== is) {
        this.isConnected[port] = is;
        this.owe(port, EVENT.PORT_OPEN);
      }
      this.say(port);
    } else if ('bytes' in wish) {
      const before = this.waiting[port]!;
      const room = MOST_CHANNEL_BYTES - before.length;
      const all = new Uint8Array(before.length + Math.min(room, wish.bytes.length));
      all.set(before);
      all.set(wish.bytes.subarray(0, room), before.length);
      this.waiting[port] = all;
      this.feed(port);
    } else {
      this.unread[port] = Math.max(0, this.unread[port]! - wish.read);
      const queue = this.queues[receiveOf(port) + 1]!;
      if (this.isLive(queue)) this.guard(() => this.notified(queue));
    }
  }

  /** As virtserialport comes to QEMU's device: a port that is taken, or that the driver does not know of, does nothing. */
  private add(name: string, port: number): void {
    if (port <= PORT || port >= this.mostPorts || this.isPort(port) || this.names.includes(name)) return;
    this.names[port] = name;
    if (this.own.isReady) this.owe(port, EVENT.DEVICE_ADD);
    this.say(port);
  }

  /** As it goes again (remove_port() of QEMU's virtio-serial-bus.c): what the guest has sent there is lost. */
  private remove(port: number): void {
    const { own } = this;
    this.names[port] = '';
    own.isOpen[port] = 0;
    own.due[port] = 0;
    this.isConnected[port] = 0;
    this.waiting[port] = new Uint8Array();
    this.unread[port] = 0;
    const queue = this.queues[receiveOf(port) + 1]!;
    if (this.isLive(queue)) this.guard(() => this.notified(queue));
    if (own.isReady) this.owe(port, EVENT.DEVICE_REMOVE);
  }

  private say(port: number, more: { bytes?: Uint8Array; taken?: number } = {}): void {
    if (port !== PORT)
      this.host.channel?.(this.names[port]!, {
        isOpen: this.own.isOpen[port] === 1,
        isConnected: this.isConnected[port] === 1,
        ...more,
      });
  }

  private feed(port: number): void {
    const bytes = this.waiting[port]!;
    if (bytes.length === 0) return;
    const taken = this.give(port, bytes);
    if (taken === 0) return;
    this.waiting[port] = bytes.slice(taken);
    this.say(port, { taken });
  }

  // ---- for the driver

  protected notified(queue: VirtQueue): void {
    const { index } = queue;
    if (index === TO_DRIVER) return this.sendMessages();
    if (index === FROM_DRIVER) return this.hear(queue);
    const port = portOf(index);
    if (index % 2 === 0) {
      queue.rest();
      return this.feed(port);
    }
    for (let left = queue.r.size; left > 0 && this.unread[port]! < MOST_CHANNEL_BYTES; left--) {
      const chain = queue.take();
      if (!chain) break;
      this.print(port, chain);
      queue.give(chain, 0);
    }
    queue.rest();
    this.tell(queue);
  }

  /** What nobody is there for is lost, as with a socket of QEMU's. @throws BrokenRing */
  private print(port: number, { readable }: Chain): void {
    if (readable.bytes > MOST_BYTES) throw new BrokenRing(`${this.name}: ${readable.bytes} bytes at once`);
    if (!this.isPort(port) || this.isConnected[port] === 0) return;
    const bytes = new Uint8Array(readable.bytes);
    readable.read(0, bytes);
    if (port === PORT) return bytes.forEach(byte => this.host.console(byte));
    this.unread[port]! += bytes.length;
    this.say(port, { bytes });
  }

  private hear(queue: VirtQueue): void {
    for (let left = queue.r.size; left > 0; left--) {
      const chain = queue.take();
      if (!chain) break;
      this.take(chain);
      queue.give(chain, 0);
    }
    queue.rest();
    this.tell(queue);
    this.sendMessages();
  }

  /** A message of a port that is none, or of something else, does nothing. */
  private take({ readable }: Chain): void {
    const { own } = this;
    if (readable.bytes < MESSAGE_BYTES) return;
    const view = new DataView(new ArrayBuffer(MESSAGE_BYTES));
    readable.read(0, new Uint8Array(view.buffer));
    const port = view.getUint32(0, true),
      event = view.getUint16(4, true),
      value = view.getUint16(6, true);
    if (event === EVENT.DEVICE_READY) {
      own.isReady = value === 1;
      if (value === 1) own.due.forEach((_, each) => (own.due[each] = this.isPort(each) ? dueOf(EVENT.DEVICE_ADD) : 0));
    } else if (!this.isPort(port)) return;
    else if (event === EVENT.PORT_READY) {
      if (value !== 1) return;
      own.due[port] = dueOf(port === PORT ? EVENT.CONSOLE_PORT : EVENT.PORT_NAME);
      if (this.isConnected[port] === 1) this.owe(port, EVENT.PORT_OPEN);
    } else if (event === EVENT.PORT_OPEN) {
      own.isOpen[port] = value === 1 ? 1 : 0;
      this.say(port);
      this.feed(port);
    }
  }

  private owe(port: number, event: (typeof DUE)[number]): void {
    this.own.due[port]! |= dueOf(event);
    if (this.has(MULTIPORT)) this.guard(() => this.sendMessages());
  }

  private sendMessages(): void {
    const queue = this.queues[TO_DRIVER]!;
    if (!this.isLive(queue)) return;
    const { due } = this.own;
    for (let port = due.findIndex(bits => bits !== 0); port >= 0; port = due.findIndex(bits => bits !== 0)) {
      const chain = queue.take();
      if (!chain) break;
      const isGone = due[port]! & dueOf(EVENT.DEVICE_REMOVE);
      const event = isGone ? EVENT.DEVICE_REMOVE : DUE.find(each => due[port]! & dueOf(each))!;
      due[port]! &= ~dueOf(event);
      const message = this.message(port, event);
      chain.writable.write(0, message);
      queue.give(chain, Math.min(message.length, chain.writable.bytes));
    }
    queue.rest();
    this.tell(queue);
  }

  private message(port: number, event: (typeof DUE)[number]): Uint8Array {
    const name = event === EVENT.PORT_NAME ? new TextEncoder().encode(this.names[port]) : new Uint8Array();
    const bytes = new Uint8Array(MESSAGE_BYTES + name.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, port, true);
    view.setUint16(4, event, true);
    view.setUint16(6, event === EVENT.PORT_OPEN ? this.isConnected[port]! : 1, true);
    bytes.set(name, MESSAGE_BYTES);
    return bytes;
  }

  // ---- state

  protected forget(): void {
    const was = this.own.isOpen.slice();
    resetState(this.own, initial());
    this.unread.fill(0);
    was.forEach((isOpen, port) => isOpen && this.isPort(port) && this.say(port));
  }

  /** Of fewer ports than there could be, as older states have it. */
  protected override hasQueues(count: number): boolean {
    return count >= 4 && count % 2 === 0 && count <= this.queues.length;
  }

  protected saveOwn(): State {
    const { isOpen, due, isReady } = copyState(this.own) as ReturnType<typeof initial>;
    const { mostPorts } = this;
    return {
      isOpen: isOpen.slice(0, mostPorts),
      due: due.slice(0, mostPorts),
      isReady,
      names: this.names.slice(0, mostPorts),
      isConnected: this.isConnected.slice(0, mostPorts),
      waiting: this.waiting.slice(0, mostPorts).map(bytes => bytes.slice()),
    };
  }

  protected restoreOwn(state: State): void {
    // Older states are of a console without channels.
    if (typeof state.isOpen === 'boolean') {
      this.own.isOpen[PORT] = state.isOpen ? 1 : 0;
      this.mostPorts = 1;
      return;
    }
    const { isOpen, due, isReady, isConnected, waiting } = state;
    const ports = isConnected instanceof Uint8Array ? isConnected.length : 0;
    if (!(isConnected instanceof Uint8Array) || ports < 1 || ports > MOST_PORTS)
      throw new StateError(this.name, 'isConnected', `is not 1 to ${MOST_PORTS} numbers`);
    if (
      !Array.isArray(waiting) ||
      waiting.length !== ports ||
      !waiting.every(each => each instanceof Uint8Array && each.length <= MOST_CHANNEL_BYTES)
    )
      throw new StateError(this.name, 'waiting', `is not bytes of ${ports} ports`);
    // Older states have the ports of the definition, and ask no more.
    const { names = this.names.slice(0, ports) } = state;
    if (!Array.isArray(names) || names.length !== ports || !names.every(each => each === '' || isChannelName(each)))
      throw new StateError(this.name, 'names', `is not names of ${ports} ports`);
    const own = initial();
    const fill = (to: Uint8Array, from: unknown): unknown =>
      from instanceof Uint8Array && from.length === ports ? (to.set(from), to) : from;
    assignState(this.name, this.own, {
      isOpen: fill(own.isOpen, isOpen),
      due: fill(own.due, due),
      isReady: isReady ?? true,
    } as State);
    this.mostPorts = ports;
    this.isConnected.fill(0).set(isConnected);
    for (let port = 0; port < MOST_PORTS; port++) {
      this.waiting[port] = (waiting[port] as Uint8Array<ArrayBuffer> | undefined)?.slice() ?? new Uint8Array();
      this.names[port] = (names[port] as string | undefined) ?? '';
      if (this.isPort(port)) this.say(port);
    }
  }
}
