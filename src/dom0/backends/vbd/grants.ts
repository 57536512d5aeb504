/**
 * The guest's pages that a disk's requests name. A front end that uses persistent grants names the same pages over and over: they stay mapped, the ones that
 * were used lately, up to a bound. Source: xen/include/public/io/blkif.h, feature-persistent; its default bound in Linux's xen-blkback.
 */
import type { GrantedPage } from '../access.ts';

/** xen_blkif_max_pgrants */
export const MOST_PERSISTENT = 1056;

/** A page for requests; `users` of them are under way. */
export interface UsedPage {
  readonly page: GrantedPage;
  users: number;
  /** Since the search for one to let go passed it. */
  isRecent: boolean;
}

/** A page that stayed mapped, by its reference. */
export interface SavedGrant {
  ref: number;
  isRecent: boolean;
}

export class Grants {
  private readonly map: (ref: number, readOnly: boolean) => GrantedPage;
  private readonly persistent: boolean;
  private readonly most: number;
  /** By reference; the search for one that was not used lately begins with the first. */
  private readonly kept = new Map<number, UsedPage>();
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

  save(): SavedGrant[] {
    return [...this.kept].map(([ref, { isRecent }]) => ({ ref, isRecent }));
  }

  /** Maps what another back end of the same front end had kept. @throws HostError where the guest has not granted it so */
  keep(saved: readonly SavedGrant[]): void {
    if (!this.persistent) return;
    for (const { ref, isRecent } of saved.slice(0, this.most))
      if (!this.kept.has(ref)) this.kept.set(ref, { page: this.map(ref, false), users: 0, isRecent });
  }

  /** The caller says `release` for each `use`. @throws HostError where the guest has not granted it so */
  use(ref: number, readOnly: boolean): UsedPage {
    if (!this.persistent) return { page: this.map(ref, readOnly), users: 1, isRecent: false };
    let used = this.kept.get(ref);
    if (!used) {
      // Persistent ones are granted for writing: the next request may be a read.
      used = { page: this.map(ref, false), users: 0, isRecent: false };
      this.makeRoom();
      this.kept.set(ref, used);
    }
    used.isRecent = true;
    used.users++;
    return used;
  }

  release(used: UsedPage): void {
    used.users--;
    if (used.users === 0 && (this.closed || !this.persistent)) used.page.unmap();
  }

  /** Lets one go that nobody uses, and nobody has since the last search came by: twice round finds one, if there is any. */
  private makeRoom(): void {
    const { kept } = this;
    if (kept.size < this.most) return;
    for (let looks = 2 * kept.size; looks > 0; looks--) {
      const [ref, used] = kept.entries().next().value as [number, UsedPage];
      kept.delete(ref);
      if (used.users === 0 && !used.isRecent) return used.page.unmap();
      used.isRecent = false;
      kept.set(ref, used);
    }
  }

  /** Lets go of all that no request uses; later of what the last ones use, as they release it. */
  close(): void {
    this.closed = true;
    for (const { page, users } of this.kept.values()) if (users === 0) page.unmap();
    this.kept.clear();
  }
}
