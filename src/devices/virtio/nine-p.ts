/**
 * A folder of the host that the guest mounts: 9P over virtio (`mount -t 9p -o trans=virtio TAG /mnt`). Sources: OASIS Virtual I/O Device (VIRTIO) 1.3, 5.9 has its
 * number alone; Linux, net/9p/trans_virtio.c and include/uapi/linux/virtio_9p.h; QEMU, hw/9pfs/virtio-9p-device.c.
 */
import type { State, Timer } from '../bus.ts';
import { StateError, subState } from '../state.ts';
import type { Chain } from './chain.ts';
import { ERRNO, type FolderAnswer } from './folder-words.ts';
import { HEAD_BYTES } from './nine-p-message.ts';
import { MOST_BYTES, NinePSession } from './nine-p-session.ts';
import { BrokenRing, type VirtQueue } from './queue.ts';
import { VirtioPci, type VirtioParts } from './transport.ts';

/** As QEMU has it (MAX_REQ). */
const QUEUE_SIZE = 128;
const MOUNT_TAG = 0;
const NONE = -1;

export class VirtioNineP extends VirtioPci {
  private readonly tag: Uint8Array;
  private readonly session: NinePSession;
  /** The chain that is being answered. */
  private head = NONE;
  /** Of a saved state: it is begun again. */
  private isAgain = false;
  private takes = false;
  /** The request that waits for the folder's answer; what comes for a request from before a reset finds nobody. */
  private waiting: { number: number; done: (answer: FolderAnswer) => void } | undefined;
  private asked = 0;
  private readonly again: Timer;
  /** The chain of a saved state, until it is begun again. */
  private left = NONE;

  constructor({ irq, name, options, host, timers }: VirtioParts) {
    const tag = new TextEncoder().encode(options.tag ?? '');
    super(
      {
        name,
        title: 'virtio folder',
        type: 9,
        device: 0x1009,
        class: 0x000200,
        queues: [QUEUE_SIZE],
        features: 1 << MOUNT_TAG,
        configBytes: 2 + tag.length,
      },
      irq,
    );
    this.tag = tag;
    this.again = timers.create(`${name} again`, () => this.guard(() => this.goOn()));
    this.session = new NinePSession((request, done) => {
      const number = ++this.asked;
      this.waiting = { number, done };
      if (host.folder) host.folder(name, number, request);
      else this.folderAnswer(number, { errno: ERRNO.EIO });
    });
  }

  protected override config(): Uint8Array {
    return Uint8Array.of(this.tag.length, this.tag.length >> 8, ...this.tag);
  }

  /** What was asked of the folder was done, or was not. */
  folderAnswer(number: number, answer: FolderAnswer): void {
    const { waiting } = this;
    if (waiting?.number !== number) return;
    this.waiting = undefined;
    this.guard(() => waiting.done(answer));
  }

  protected notified(queue: VirtQueue): void {
    if (this.takes) return;
    this.takes = true;
    try {
      for (let left = queue.r.size; this.head === NONE && left > 0; left--) {
        const chain = queue.take();
        if (!chain) break;
        this.start(queue, chain);
      }
      if (this.head === NONE) queue.rest();
    } finally {
      this.takes = false;
    }
    this.tell(queue);
  }

  /** @throws BrokenRing where there is no message, or no room for an answer */
  private start(queue: VirtQueue, chain: Chain): void {
    const { readable, writable } = chain;
    const head = new Uint8Array(4);
    readable.read(0, head);
    const length = new DataView(head.buffer).getUint32(0, true);
    if (readable.bytes < HEAD_BYTES || length < HEAD_BYTES || length > Math.min(readable.bytes, MOST_BYTES))
      throw new BrokenRing(`${this.name}: a message of ${length} bytes in ${readable.bytes}`);
    if (writable.bytes < HEAD_BYTES + 4) throw new BrokenRing(`${this.name}: ${writable.bytes} bytes for an answer`);
    const message = new Uint8Array(length);
    readable.read(0, message);
    this.head = chain.head;
    const again = this.isAgain;
    this.isAgain = false;
    this.session.handle(
      message,
      writable.bytes,
      answer => {
        this.head = NONE;
        if (!this.isLive(queue)) return;
        writable.write(0, answer);
        queue.give(chain, answer.length);
        if (!this.takes) this.notified(queue);
      },
      again,
    );
  }

  protected forget(): void {
    this.head = NONE;
    this.isAgain = false;
    this.waiting = undefined;
    this.left = NONE;
    this.again.cancel();
    this.session.forget();
  }

  // ---- state: what was under way is begun again, once the machine runs

  protected saveOwn(): State {
    return { head: this.head, session: this.session.save() };
  }

  protected restoreOwn(state: State): void {
    const { head } = state;
    if (!Number.isInteger(head)) throw new StateError(this.name, 'head', 'is no descriptor');
    this.session.restore(this.name, subState(this.name, state, 'session'));
    if (head === NONE) return;
    this.isAgain = true;
    this.left = head as number;
    this.again.set(0);
  }

  /** What is behind it in the queue comes with its answer. */
  private goOn(): void {
    const [queue] = this.queues;
    const head = this.left;
    this.left = NONE;
    if (this.isLive(queue!)) this.start(queue!, queue!.chainAt(head));
  }
}
