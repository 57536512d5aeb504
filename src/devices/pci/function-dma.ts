/**
 * A PCI function's way to memory. It belongs to the function and goes where that is plugged: on a board's bus it leads to the guest's RAM, on the host's to what
 * drivers share with the device. The owner of the function can put something else behind it, as an IOMMU does.
 */
import type { Dma } from '../bus.ts';

export class FunctionDma implements Dma {
  private readonly mayMaster: () => boolean;
  private memory: Dma | undefined;

  /** `mayMaster`: Bus Master of the command register is set. While it is not, every access is lost (PCI Local Bus Specification 2.1, 6.2.2). */
  constructor(mayMaster: () => boolean) {
    this.mayMaster = mayMaster;
  }

  /** Accesses go there from now on; undefined: they are lost. */
  lead(memory: Dma | undefined): void {
    this.memory = memory;
  }

  private get target(): Dma | undefined {
    return this.mayMaster() ? this.memory : undefined;
  }

  read(address: number, into: Uint8Array): void {
    const { target } = this;
    if (target) target.read(address, into);
    else into.fill(0xff);
  }

  write(address: number, from: Uint8Array): void {
    this.target?.write(address, from);
  }

  views(address: number, length: number, forWriting: boolean): Uint8Array[] | null {
    return this.target?.views?.(address, length, forWriting) ?? null;
  }
}
