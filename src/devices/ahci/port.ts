/**
 * A port of the adapter: its registers, its list of commands, what it receives of its disk.
 * Source: AHCI 1.3.1, clauses 3.3 (registers), 5.3 (states of a port), 6.2 (errors).
 */
import type { State } from '../bus.ts';
import type { PciFunction } from '../pci/pci.ts';
import { assignState, copyState, resetState, subState } from '../state.ts';
import { ATA, isQueued, readRequest, STATUS } from './commands.ts';
import { Regions } from './regions.ts';
import {
  CMD,
  DISK_SIGNATURE,
  FIS,
  FIS_BYTES,
  HEADER,
  HEADER_BYTES,
  IS,
  LIST_BYTES,
  NO_DEVICE,
  PORT,
  RECEIVED,
  RECEIVED_BYTES,
  REGIONS,
  SCTL_RESET,
  SERR,
  SSTS_UP,
} from './registers.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { type Ended, SataDisk } from './sata-disk.ts';

const initial = () => ({
  list: 0,
  received: 0,
  is: 0,
  ie: 0,
  cmd: CMD.SPIN_UP | CMD.POWER,
  taskFile: NO_DEVICE,
  signature: 0xffffffff,
  status: 0,
  control: 0,
  error: 0,
  /** PxSACT and PxCI; of these the slots whose commands the disk has. */
  active: 0,
  issued: 0,
  taken: 0,
  /** A command failed: nothing goes on before the driver stops the port. */
  halted: false,
});

export class AhciPort {
  private readonly r = initial();
  private readonly fn: PciFunction;
  private readonly changed: () => void;
  private disk: SataDisk | undefined;
  /** Counts stops and resets: what the disk answers to a command from before is dropped. */
  private generation = 0;

  /** `fn`: the adapter's. `changed`: PxIS or PxIE has changed. */
  constructor(fn: PciFunction, changed: () => void) {
    this.fn = fn;
    this.changed = changed;
  }

  /** Something that interrupts. */
  get interrupts(): boolean {
    return (this.r.is & this.r.ie) !== 0;
  }

  /** Another disk is on the cable, or none. */
  connect(medium: BlockDevice | undefined, serial = ''): void {
    const { r } = this;
    this.stop();
    this.disk = medium && new SataDisk(medium, serial);
    r.error |= SERR.PHY;
    r.is |= IS.PHY;
    this.link();
  }

  /** The link comes up as far as a disk is there, which says what it is. */
  private link(): void {
    const { r } = this;
    this.generation++;
    r.taken = 0;
    this.disk?.reset();
    if (this.disk) {
      r.status = SSTS_UP;
      r.signature = DISK_SIGNATURE;
      r.taskFile = STATUS.READY | (1 << 8);
      r.error |= SERR.EXCHANGED;
      r.is |= IS.CONNECT;
      this.receive(RECEIVED.D2H, [FIS.D2H, 0, STATUS.READY, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    } else {
      r.status = 0;
      r.taskFile = NO_DEVICE;
      r.signature = 0xffffffff;
    }
    this.changed();
  }

  read(register: number): number {
    const { r } = this;
    switch (register) {
      case PORT.CLB:
        return r.list;
      case PORT.FB:
        return r.received;
      case PORT.IS:
        return r.is >>> 0;
      case PORT.IE:
        return r.ie >>> 0;
      case PORT.CMD:
        return r.cmd >>> 0;
      case PORT.TFD:
        return r.taskFile;
      case PORT.SIG:
        return r.signature >>> 0;
      case PORT.SSTS:
        return r.status;
      case PORT.SCTL:
        return r.control;
      case PORT.SERR:
        return r.error >>> 0;
      case PORT.SACT:
        return r.active >>> 0;
      case PORT.CI:
        return r.issued >>> 0;
      default:
        return 0;
    }
  }

  write(register: number, value: number): void {
    const { r } = this;
    switch (register) {
      case PORT.CLB:
        r.list = (value & ~(LIST_BYTES - 1)) >>> 0;
        return;
      case PORT.FB:
        r.received = (value & ~(RECEIVED_BYTES - 1)) >>> 0;
        return;
      case PORT.IS:
        // What the phy says goes with its bits in PxSERR.
        r.is &= ~(value & ~(IS.CONNECT | IS.PHY));
        return this.changed();
      case PORT.IE:
        r.ie = value & (IS.D2H | IS.PIO | IS.SDB | IS.CONNECT | IS.PHY | IS.TASK_FILE);
        return this.changed();
      case PORT.CMD:
        return this.command(value);
      case PORT.SCTL: {
        const wasReset = (r.control & 15) === SCTL_RESET;
        r.control = value & 0xfff;
        const isReset = (value & 15) === SCTL_RESET;
        if (isReset && !wasReset) {
          this.generation++;
          r.status = 0;
          r.taskFile = NO_DEVICE;
        } else if (wasReset && !isReset) this.link();
        return;
      }
      case PORT.SERR:
        r.error &= ~value;
        if (!(r.error & SERR.EXCHANGED)) r.is &= ~IS.CONNECT;
        if (!(r.error & SERR.PHY)) r.is &= ~IS.PHY;
        return this.changed();
      case PORT.SACT:
        if (r.cmd & CMD.START) r.active |= value;
        return;
      case PORT.CI:
        if (!(r.cmd & CMD.START)) return;
        r.issued |= value;
        return this.pump();
      default:
    }
  }

  private command(value: number): void {
    const { r } = this;
    if (value & CMD.OVERRIDE) r.taskFile &= ~(STATUS.BUSY | 0x08);
    const kept = value & (CMD.START | CMD.SPIN_UP | CMD.POWER | CMD.FIS);
    const starts = (kept & ~r.cmd & CMD.START) !== 0;
    if (r.cmd & ~kept & CMD.START) this.stop();
    r.cmd = kept | (kept & CMD.FIS ? CMD.FIS_RUNS : 0) | (kept & CMD.START ? CMD.RUNS : 0);
    if (starts) this.pump();
  }

  /** PxCMD.ST goes to 0: all that was issued is forgotten. */
  private stop(): void {
    const { r } = this;
    this.generation++;
    r.active = r.issued = r.taken = 0;
    r.halted = false;
  }

  /** Gives the disk what it can take: queued commands together, of the others one alone. */
  private pump(): void {
    const { r, disk } = this;
    if (!disk || !this.fn.busMaster) return;
    for (let slot = 0; slot < 32; slot++) {
      const bit = 1 << slot;
      if (r.issued & ~r.taken & bit) this.start(slot, bit, disk);
      // What is behind waits for the one that has the disk alone.
      if (r.halted || r.taskFile & STATUS.BUSY) return;
    }
  }

  private start(slot: number, bit: number, disk: SataDisk): void {
    const { r, generation } = this;
    const { dma } = this.fn;
    const header = new Uint8Array(HEADER_BYTES),
      fis = new Uint8Array(FIS_BYTES);
    dma.read(r.list + slot * HEADER_BYTES, header);
    const view = new DataView(header.buffer);
    const first = view.getUint32(0, true),
      table = (view.getUint32(8, true) & ~0x7f) >>> 0;
    dma.read(table, fis);
    const request = (first & HEADER.FIS_LENGTH) * 4 >= FIS_BYTES ? readRequest(fis) : undefined;
    // A FIS of the control register alone (software reset) is answered by nothing.
    if (!request) {
      r.issued &= ~bit;
      return;
    }
    const queued = isQueued(request.command);
    // Others wait until the queue is empty; a driver that mixes them waits for ever, and one that does not never sees it.
    if (!queued && r.taken !== 0) return;
    r.taken |= bit;
    if (queued) r.issued &= ~bit;
    else r.taskFile |= STATUS.BUSY;
    let returned = false;
    disk.run(request, slot, new Regions(dma, table + REGIONS, first >>> 16), ended => {
      if (generation !== this.generation) return;
      this.end(slot, request.command, ended);
      if (returned) this.pump();
    });
    returned = true;
  }

  private end(slot: number, command: number, { status, error, bytes, lba }: Ended): void {
    const { r } = this;
    const bit = 1 << slot,
      failed = (status & STATUS.ERROR) !== 0;
    const queued = isQueued(command);
    r.taken &= ~bit;
    r.taskFile = status | (error << 8);
    if (queued) {
      if (!failed) r.active &= ~bit;
      this.receive(RECEIVED.SDB, [
        FIS.SDB,
        FIS.INTERRUPT,
        status & 0x77,
        error,
        ...(failed ? [0, 0, 0, 0] : [bit & 0xff, (bit >>> 8) & 0xff, (bit >>> 16) & 0xff, bit >>> 24]),
      ]);
      r.is |= IS.SDB;
    } else {
      if (!failed) r.issued &= ~bit;
      const count = new Uint8Array(4);
      new DataView(count.buffer).setUint32(0, bytes, true);
      this.fn.dma.write(r.list + slot * HEADER_BYTES + 4, count);
      const byPio = command === ATA.IDENTIFY || command === ATA.READ_LOG_EXT;
      const registers = [FIS.INTERRUPT, status, error, lba & 0xff, (lba >>> 8) & 0xff, (lba >>> 16) & 0xff];
      if (byPio && !failed) this.receive(RECEIVED.PIO, [FIS.PIO, ...registers]);
      else this.receive(RECEIVED.D2H, [FIS.D2H, ...registers]);
      r.is |= byPio && !failed ? IS.PIO : IS.D2H;
    }
    if (failed) {
      r.is |= IS.TASK_FILE;
      r.halted = true;
    }
    this.changed();
  }

  private receive(at: number, fis: readonly number[]): void {
    if (!(this.r.cmd & CMD.FIS)) return;
    const bytes = new Uint8Array(at === RECEIVED.SDB ? 8 : FIS_BYTES);
    bytes.set(fis);
    this.fn.dma.write(this.r.received + at, bytes);
  }

  // ---- the whole

  /** As GHC.HR does; the cable stays where it is. */
  reset(): void {
    resetState(this.r, initial());
    this.link();
  }

  save(): State {
    return { ...copyState(this.r), ...(this.disk ? { disk: this.disk.save() } : {}) };
  }

  /** What the disk had not answered it is asked again. @throws StateError */
  restore(name: string, state: State): void {
    const { r, disk } = this;
    if (disk) disk.restore(`${name} disk`, subState(name, state, 'disk'));
    assignState(name, r, state);
    this.generation++;
    r.issued |= r.taken;
    r.taken = 0;
    r.taskFile &= ~STATUS.BUSY;
    this.pump();
    this.changed();
  }

  peek(): State {
    return Object.fromEntries(Object.entries(PORT).map(([name, register]) => [name, this.read(register)]));
  }
}
