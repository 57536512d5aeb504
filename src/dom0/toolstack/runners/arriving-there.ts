/** A domain in a worker whose saved state comes: it gets the pieces as messages, not more of them at once than keep it busy. */
import type { Arriving as Piece } from '../../../hypervisor/index.ts';
import type { ArrivalInWorker, ArrivalTaker } from './runner.ts';

/** Pieces that are on their way. */
const MOST_ON_WAY = 2;

export class ArrivingThere implements ArrivalInWorker {
  readonly to: ArrivalTaker;
  private onWay = 0;
  private hasEnded = false;
  private whenPlaced = (): void => {};

  /** `post`: resolves once the worker will get the piece, or is gone. */
  constructor(post: (piece: Piece, transfer?: Transferable[]) => Promise<void>) {
    this.to = {
      pages: async (pages, isIts) => {
        const bytes = isIts ? pages.bytes : pages.bytes.slice();
        this.onWay++;
        await post({ pages: { ...pages, bytes } }, [bytes.buffer as ArrayBuffer]);
        await this.fewerOnWay(MOST_ON_WAY);
      },
      placed: () => this.fewerOnWay(1),
      rehearse: state => {
        this.onWay++;
        void post({ rehearse: state });
      },
      rest: state => void post({ rest: state }),
      refused: why => void post({ refused: why }),
    };
  }

  /** Fewer pieces than these are on their way. */
  private async fewerOnWay(than: number): Promise<void> {
    while (this.onWay >= than && !this.hasEnded) await new Promise<void>(resolve => (this.whenPlaced = resolve));
  }

  placed(): void {
    this.onWay--;
    this.whenPlaced();
  }

  end(): void {
    this.hasEnded = true;
    this.whenPlaced();
  }
}
