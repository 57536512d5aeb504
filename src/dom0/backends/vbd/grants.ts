/**
 * The guest's pages that a disk's requests name. A front end that uses persistent grants names the same pages over and over: they stay mapped, the ones that
 * were used last, up to a bound. Source: xen/include/public/io/blkif.h, feature-persistent; its default bound in Linux's xen-blkback.
 */
import type { GrantedPage } from '../../access.ts';

/** xen_blkif_max_pgrants */
export const MOST_PERSISTENT = 1056;

interface Kept {
  page: GrantedPage;
  /** Requests under way that use it. */
  users: number;
}

/** A page for one request. */
export interface UsedPage {
  readonly page: GrantedPage;
  release(): void;
}

export class Grants {
  private readonly map: (ref: number, readOnly: boolean) => GrantedPage;
  private readonly persistent: boolean;
  private readonly most: number;
  /** By reference, what was used longest ago first. */
  private readonly kept = new Map<number, Kept>();
  private closed = false;

  constructor(map: (ref: number, readOnly: boolean) => GrantedPage, persistent: boolean, most = MOST_PERSISTENT) {
    this.map = map;
    this.persistent = persistent;
    this.most = most;
  }

  /** Pages that stay mapped. */
  get size(): number {
    return this.kept.size;
  }

  /** @throws HostError where the guest has not granted it so */
  use(ref: number, readOnly: boolean): UsedPage {
    if (!this.persistent) {
      const page = this.map(ref, readOnly);
      return { page, release: () => page.unmap() };
    }
    let kept = this.kept.get(ref);
    if (kept) this.kept.delete(ref);
    else {
      // Persistent ones are granted for writing: the next request may be a read.
      kept = { page: this.map(ref, false), users: 0 };
      this.makeRoom();
    }
    const { page } = kept;
    this.kept.set(ref, kept);
    kept.users++;
    return {
      page,
      release: () => {
        (kept as Kept).users--;
        if (this.closed && (kept as Kept).users === 0) page.unmap();
      },
    };
  }

  private makeRoom(): void {
    if (this.kept.size < this.most) return;
    for (const [ref, { page, users }] of this.kept) {
      if (users > 0) continue;
      this.kept.delete(ref);
      page.unmap();
      return;
    }
  }

  /** Lets go of all that no request uses; later of what the last ones use, as they release it. */
  close(): void {
    this.closed = true;
    for (const { page, users } of this.kept.values()) if (users === 0) page.unmap();
    this.kept.clear();
  }
}
