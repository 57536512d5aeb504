/** What Domain 0's programs need of the hypervisor: pages of other domains, and event channels to them (src/hypervisor/xen/dom0-access.ts). */

/** A frame of another domain, held with a reference until it is unmapped. */
export interface Mapping {
  bytes: Uint8Array;
  words: Int32Array;
  unmap(): void;
}

/** All methods throw HostError with a sentence. */
export interface Access {
  /** Binds an end in Domain 0 to a port that `domid` left unbound for it; returns the local port. */
  bindInterdomain(domid: number, remotePort: number, onEvent: () => void): number;
  send(port: number): void;
  close(port: number): void;
  mapForeign(domid: number, gfn: number): Mapping;
}
