/** What lies behind the connector of the host's disk: extents of the store. */
import { BlockDevice, type BlockRequest, type Done } from '../../../formats/blocks/index.ts';

export class StoredDrive extends BlockDevice {
  readonly bytes: number;
  /** Why it could not do something last, for people: on the wire there is a number for it alone. */
  problem: string | undefined;
  private readonly extents: BlockDevice;

  constructor(extents: BlockDevice) {
    super();
    this.extents = extents;
    this.bytes = extents.bytes;
  }

  request(request: BlockRequest, done: Done): void {
    this.ask(request, error => {
      if (error) this.problem = error.message;
      done(error);
    });
  }

  protected ask(request: BlockRequest, done: Done): void {
    this.extents.request(request, done);
  }

  /** Commands have ended, or may still end, without a report: here each ends at once. */
  get pending(): boolean {
    return false;
  }

  poll(): void {}

  /** Waits until nothing is under way any more. */
  rest(): void {}
}
