/** What Domain 0's programs need of the hypervisor: pages of other domains, and event channels to them (src/hypervisor/interfaces/xen/dom0-access.ts). */

/** A frame of another domain, held with a reference until it is unmapped. */
export interface Mapping {
  bytes: Uint8Array;
  words: Int32Array;
  unmap(): void;
}

/** A frame that a domain granted, for a device's data too. */
export interface GrantedPage extends Mapping {
  /** Call after writing data that the guest may run as code (a disk's block): its processor forgets what it knew of the frame. */
  written(): void;
}

/** All methods throw HostError with a sentence. */
export interface Access {
  /** Binds an end in Domain 0 to a port that `domid` left unbound for it; returns the local port. */
  bindInterdomain(domid: number, remotePort: number, onEvent: () => void): number;
  send(port: number): void;
  close(port: number): void;
  /** `readOnly`: the caller stores nothing there, and the guest's processor is not waited for. */
  mapForeign(domid: number, gfn: number, readOnly?: boolean): Mapping;
}

/** What back ends need besides. */
export interface GrantAccess extends Access {
  /** Maps what `domid` granted to Domain 0 under the reference `ref`. */
  mapGrant(domid: number, ref: number, readOnly: boolean): GrantedPage;
}
