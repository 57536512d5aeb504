/**
 * Commands of the disk's adapter on their way to the storage worker: a queue in the window's memory, as deep as the adapter's. The storage worker moves data
 * straight between files and the frames of machine memory that a command names, and rings Domain 0's doorbell; the adapter interrupts then. Commands begin in
 * the order in which they were asked, and before whatever is asked through the window later.
 */
import type { BlockDevice, BlockRequest, Done } from '../../../formats/blocks/index.ts';
import {
  askedNow,
  QueueClient,
  queueBytes,
  QueueServer,
  type QueueShape,
  type Taken,
} from '../../../hypervisor/disks/index.ts';
import { StoredDrive } from './stored-drive.ts';

const SHAPE: QueueShape = { slots: 32, pieces: 176, hops: 64, sentenceBytes: 512 };
export const COMMANDS_BYTES = queueBytes(SHAPE);
/** A flush of a slow disk takes seconds, and so does a server that takes the place of another; one that takes longer is gone. */
export const ANSWER_MS = 30_000;

/** The storage worker's side. `rung`: some have ended. */
export class CommandServer extends QueueServer {
  private readonly disk: BlockDevice;
  private readonly machine: ArrayBufferLike;
  private readonly rung: () => void;

  constructor(words: Int32Array, disk: BlockDevice, machine: ArrayBufferLike, rung: () => void) {
    super(words, SHAPE);
    this.disk = disk;
    this.machine = machine;
    this.rung = rung;
  }

  protected start({ slot, op, at, length }: Taken, done: Done): void {
    if (op) this.disk.request({ op, at, bytes: length, pieces: this.pieces(slot, this.machine) }, done);
    else throw new Error('That is no command.');
  }

  protected ring(): void {
    this.rung();
  }
}

export interface CommandWindow {
  /** The block of commands. */
  words: Int32Array;
  /** Machine memory, once the storage worker knows it. */
  readonly machine: ArrayBufferLike | undefined;
  ring(): void;
  /** The storage worker does not answer. */
  lose(): Error;
  /** It has ended, and no other takes its place. */
  hasEnded(): boolean;
}

/** The drive behind Domain 0's adapter, where the disk is in the storage worker. */
export class WindowDrive extends StoredDrive {
  private readonly window: CommandWindow;
  private readonly queue: QueueClient;

  constructor(disk: BlockDevice, window: CommandWindow) {
    super(disk);
    this.window = window;
    this.queue = new QueueClient(window.words, SHAPE);
  }

  /** What cannot be asked here is asked through the window: its data lie in no frame, or nobody serves commands. */
  protected override ask(request: BlockRequest, done: Done): void {
    const { queue } = this;
    const { machine } = this.window;
    const pieces = 'pieces' in request ? request.pieces : [];
    const slot = queue.free;
    if (!machine || slot < 0 || pieces.length > SHAPE.pieces || pieces.some(({ buffer }) => buffer !== machine))
      return super.ask(request, done);
    queue.put(slot, askedNow(0, request, done), pieces);
    this.window.ring();
  }

  override get pending(): boolean {
    return this.queue.pending;
  }

  /** Tells of commands that have ended. */
  override poll(): void {
    this.queue.poll();
  }

  /** Waits until a command ends, as far as one is under way, and tells of it. */
  override settle(): void {
    if (!this.queue.isBusy) return;
    if (!this.queue.wait(() => this.window.hasEnded(), ANSWER_MS)) return void this.window.lose();
    this.poll();
  }

  /** Waits until no frame is reached any more. */
  override rest(): void {
    while (this.queue.isBusy && this.window.machine) this.settle();
  }

  /** The storage worker has ended: nothing comes from there any more. */
  lost(): void {
    this.queue.giveUp(new Error('The worker that has the disk has ended.'));
  }
}
