/** What a domain is made from. */
import type { CpuModel, Processor, ProcessorOptions } from '../../cpu/architecture/index.ts';
import type { IdeAttachment } from '../../devices/ide/index.ts';
import type { BoardCard, VirtioHost, VirtioWish } from '../../devices/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { DriveQueue } from '../disks/drive-queue.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import type { Boot } from './booted.ts';
import type { CardWire } from './card-wire.ts';
import type { InterfaceKind } from './guest-interface.ts';
import type { LastCode } from './last-code.ts';
import type { Platform, PlatformOptions } from './platform.ts';
import type { Disassemble, JitOptions } from './second-tier.ts';
import type { ShadowPaging } from './shadow-paging.ts';

export interface DomainOptions extends JitOptions {
  machine: Machine;
  record: DomainRecord;
  memoryMiB: number;
  boot: Boot;
  /** Monotonic host milliseconds; absent: virtual time. */
  hostMs?: () => number;
  /** What the clock of the PC shows at guest time 0. */
  startEpochMs: number;
  /** What a RESET does: start again, or end the domain. */
  onReset: 'restart' | 'end';
  onTripleFault: 'restart' | 'end';
  /** Local APICs, one a vCPU, and an I/O APIC (default: none). Several vCPUs need them. */
  apic?: boolean;
  /** Disks and CD-ROM drives. */
  ide?: IdeAttachment[];
  /** Where what the firmware writes to its flash is kept. */
  flashFile?: BlockDevice;
  /** What goes wrong with it, for people. */
  problem?: (sentence: string) => void;
  /** The way to media of drives among these that another worker has open. */
  driveQueue?: DriveQueue;
  /** Types of floppy drives that a device model elsewhere has, as CMOS has them. */
  floppyDrives?: number;
  /** Network cards; their other ends are at Domain 0's bridges (default: none). */
  cards?: readonly BoardCard[];
  /** Their wires, by their places, also of those that are gone. */
  wires?: Map<number, CardWire>;
  /** Devices of virtio next to disks and cards (default: none). */
  virtio?: VirtioWish;
  /** Who is asked for what lies in folders that it mounts; absent: nobody. */
  folder?: NonNullable<VirtioHost['folder']>;
  /** Who hears of its channels; absent: nobody is at their other ends. */
  channel?: NonNullable<VirtioHost['channel']>;
  /** What CPUID shows (default: every feature that is built). A saved state brings its own. */
  cpuLevel?: CpuModel;
  /** Bytes of COM1, and of the debug port 0xE9. */
  serial: (byte: number) => void;
  debug?: (byte: number) => void;
  /** It was started again; with a crash report where a triple fault was the reason. */
  onRestart?: (report?: string) => void;
  /**
   * Others share this thread, and virtual time with it. `wanted`: Domain 0 has something to do, so that a guest that waits must not let its time go on
   * before that is done; `horizonNs`: nor past this point of its time, where the others have yet to come.
   */
  company?: { wanted(): boolean; horizonNs(): number };
  /** The two rooms below; tests pass others. */
  createProcessor: (options: ProcessorOptions) => Processor;
  createPlatform: (options: PlatformOptions) => Platform;
  /** What the guest sees of its hypervisor. */
  guest: InterfaceKind;
  /** What keeps shadow page tables, of a domain that is translated by such (hap = 0). */
  shadow?: typeof ShadowPaging;
  /** What keeps its vCPUs' last instructions. */
  lastCode?: typeof LastCode;
  disassemble?: Disassemble;
  /** Bytes that the guest writes to the hypervisor's console (default: to `debug`). */
  xenConsole?: (bytes: Uint8Array) => void;
  /** What the hypervisor says of the domain there: lines without their ends (default: to `xenConsole`, marked as Xen's). */
  xenLog?: (line: string) => void;
}
