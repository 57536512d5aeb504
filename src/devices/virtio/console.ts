/**
 * A console of virtio, hvc0 of Linux, with one port. Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 5.3. Messages of the control queues are sent once the driver
 * says that it is ready, so that a guest that opens and closes its port is known to listen or not.
 */
import type { State } from '../bus.ts';
import { assignState, copyState, resetState } from '../state.ts';
import type { Chain } from './chain.ts';
import { VirtioPci, type VirtioParts } from './transport.ts';
import { BrokenRing, type VirtQueue } from './queue.ts';

const QUEUE_SIZE = 128,
  CONTROL_SIZE = 32;
const RECEIVE = 0,
  TRANSMIT = 1,
  TO_DRIVER = 2,
  FROM_DRIVER = 3;
const MULTIPORT = 1;
const CONFIG_BYTES = 12,
  MOST_PORTS_AT = 4;
/** Of the one port. */
const PORT = 0;
/** A message: port, what it is about, a value; behind it, a name. */
const MESSAGE_BYTES = 8;
const EVENT = { DEVICE_READY: 0, DEVICE_ADD: 1, PORT_READY: 3, CONSOLE_PORT: 4, PORT_OPEN: 6 } as const;
/** Most bytes of one buffer, so that a kick ends: Linux's driver writes 32 KiB at a time, and splices 16 pages (drivers/char/virtio_console.c). */
const MOST_BYTES = 65536;

const initial = () => ({
  /** The guest has opened its port. */
  isOpen: false,
  /** Messages that found no buffer yet: what each is about, and its value. */
  messages: [] as number[],
});

export class VirtioConsole extends VirtioPci {
  private readonly own = initial();
  private readonly output: (byte: number) => void;

  constructor({ irq, name, host }: VirtioParts) {
    super(
      {
        name,
        title: 'virtio console',
        type: 3,
        device: 0x1003,
        class: 0x078000,
        queues: [QUEUE_SIZE, QUEUE_SIZE, CONTROL_SIZE, CONTROL_SIZE],
        queueNames: ['rx', 'tx', 'ctrl rx', 'ctrl tx'],
        features: 1 << MULTIPORT,
        configBytes: CONFIG_BYTES,
      },
      irq,
    );
    this.output = byte => host.console(byte);
  }

  protected override config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG_BYTES);
    bytes[MOST_PORTS_AT] = 1;
    return bytes;
  }

  // ---- for people

  /** Whether the guest waits for bytes: its port is open, and there are buffers. */
  get listening(): boolean {
    const queue = this.queues[RECEIVE];
    let has = false;
    if (this.isLive(queue) && (this.own.isOpen || !this.has(MULTIPORT))) this.guard(() => (has = queue.waiting > 0));
    return has;
  }

  /** Bytes that were typed. Returns how many the guest has taken. */
  input(bytes: Uint8Array): number {
    const queue = this.queues[RECEIVE];
    let done = 0;
    if (!this.listening) return 0;
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

  // ---- for the driver

  protected notified(queue: VirtQueue): void {
    if (queue.index === TO_DRIVER) return this.sendMessages();
    if (queue.index === RECEIVE) return queue.rest();
    for (let left = queue.r.size; left > 0; left--) {
      const chain = queue.take();
      if (!chain) break;
      if (queue.index === TRANSMIT) this.print(chain);
      else this.hear(chain);
      queue.give(chain, 0);
    }
    queue.rest();
    this.tell(queue);
    if (queue.index === FROM_DRIVER) this.sendMessages();
  }

  /** @throws BrokenRing */
  private print({ readable }: Chain): void {
    if (readable.bytes > MOST_BYTES) throw new BrokenRing(`${this.name}: ${readable.bytes} bytes at once`);
    const bytes = new Uint8Array(readable.bytes);
    readable.read(0, bytes);
    bytes.forEach(byte => this.output(byte));
  }

  private hear({ readable }: Chain): void {
    const { own } = this;
    if (readable.bytes < MESSAGE_BYTES) return;
    const view = new DataView(new ArrayBuffer(MESSAGE_BYTES));
    readable.read(0, new Uint8Array(view.buffer));
    const port = view.getUint32(0, true),
      event = view.getUint16(4, true),
      value = view.getUint16(6, true);
    if (event === EVENT.DEVICE_READY) {
      if (value === 1) own.messages = [EVENT.DEVICE_ADD, 1];
    } else if (port !== PORT) return;
    else if (event === EVENT.PORT_READY) {
      // Somebody listens at the other end from the beginning.
      if (value === 1) own.messages = [EVENT.CONSOLE_PORT, 1, EVENT.PORT_OPEN, 1];
    } else if (event === EVENT.PORT_OPEN) own.isOpen = value === 1;
  }

  private sendMessages(): void {
    const queue = this.queues[TO_DRIVER],
      { messages } = this.own;
    if (!this.isLive(queue)) return;
    while (messages.length > 0) {
      const chain = queue.take();
      if (!chain) break;
      const [event, value] = messages.splice(0, 2);
      const view = new DataView(new ArrayBuffer(MESSAGE_BYTES));
      view.setUint32(0, PORT, true);
      view.setUint16(4, event, true);
      view.setUint16(6, value, true);
      chain.writable.write(0, new Uint8Array(view.buffer));
      queue.give(chain, Math.min(MESSAGE_BYTES, chain.writable.bytes));
    }
    queue.rest();
    this.tell(queue);
  }

  // ---- state

  protected forget(): void {
    resetState(this.own, initial());
  }

  protected saveOwn(): State {
    return copyState(this.own);
  }

  protected restoreOwn(state: State): void {
    assignState(this.name, this.own, state);
  }
}
