/** A domain that is saved: at once, or after its memory was copied while it ran. */
import type { Domain } from '../../../domain/domain.ts';
import { xenOf } from '../of-domain.ts';
import { CopiedAhead } from './copied-ahead.ts';
import { type SavedBy, savedChunks } from './writer.ts';

export class Saver {
  private readonly domain: Domain;
  private readonly by: SavedBy;
  private ahead: CopiedAhead | undefined;

  constructor(domain: Domain, by: SavedBy) {
    this.domain = domain;
    this.by = by;
  }

  /** Copies some memory, between two slices. @returns how many frames are left before the domain should be saved */
  copyAhead(): number {
    const xen = xenOf(this.domain);
    if (xen && !xen.isHvm) return 0;
    this.ahead ??= new CopiedAhead(this.domain);
    return this.ahead.step();
  }

  /** It is not saved after all: what was copied goes. */
  forget(): void {
    this.ahead?.end();
    this.ahead = undefined;
  }

  /** The state in pieces; the domain does not run meanwhile. @throws SavedStateError */
  save(): Uint8Array[] {
    try {
      return [...savedChunks(this.domain, this.by, undefined, this.ahead)];
    } finally {
      this.forget();
    }
  }
}
