/** A disk whose answers come when a test says so. */
import { BlockDevice, type BlockRequest, type Done, MemoryDisk, SECTOR_BYTES } from './index.ts';

export class SlowDisk extends BlockDevice {
  readonly data: Uint8Array;
  readonly bytes: number;
  /** Calls that answer, in the order of the requests. */
  readonly waiting: (() => void)[] = [];
  /** 'read 8', 'flush' … by sectors. */
  readonly log: string[] = [];
  private readonly disk: MemoryDisk;

  constructor(data: Uint8Array) {
    super();
    this.data = data;
    this.bytes = data.length;
    this.disk = new MemoryDisk(data);
  }

  request(request: BlockRequest, done: Done): void {
    this.log.push('at' in request ? `${request.op} ${request.at / SECTOR_BYTES}` : request.op);
    this.waiting.push(() => this.disk.request(request, done));
  }
}
