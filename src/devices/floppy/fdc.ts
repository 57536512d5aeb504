/**
 * Intel 82077AA floppy disk controller in AT mode, with two drives. Source: Intel 82077AA datasheet (290166). A disk here is an image: it keeps no sector
 * identifiers, deleted-data marks or formats but its own, so a format with another layout ends in an error, and deleted data are written as data. It does not
 * turn: a sector passes in SECTOR_NS wherever the head is, and a step takes STEP_NS whatever SPECIFY says. Without a disk or with the motor off there is no
 * index pulse, and a command on data waits for one until the controller is reset, as the chip does. A command with MT ends with its cylinder; QEMU's controller
 * goes on with the next one (hw/block/fdc.c, fdctrl_seek_to_next_sect), and SeaBIOS relies on it.
 */
import type { Device, IrqLine, PortRange, State, Timer, Timers } from '../bus.ts';
import type { DmaChannel } from '../i8237.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { assignState, copyState } from '../state.ts';
import { COMMAND, commandBytes, LOCKS, MFM, MT, RELATIVE, SK, ST0, ST1, ST2, ST3, UPWARDS } from './commands.ts';
import { type FloppyFormat, floppyFormat, SECTOR_BYTES } from './formats.ts';

const PORT = 0x3f0;
const DOR = 2,
  TDR = 3,
  STATUS = 4,
  FIFO = 5,
  DIR = 7;
/** Digital output register; motors from bit 4. */
const DOR_RUN = 0x04,
  DOR_DMAGATE = 0x08,
  MOTOR_0 = 0x10;
const DSR_RESET = 0x80;
const MSR = { RQM: 0x80, DIO: 0x40, NON_DMA: 0x20, BUSY: 0x10 } as const;
const DISK_CHANGED = 0x80;
/** CONFIGURE's second byte: implied seek, FIFO off, polling off. */
const IMPLIED_SEEK = 0x40,
  FIFO_OFF = 0x20,
  POLLING_OFF = 0x10;
const DRIVES = 2,
  UNITS = 4;
/** Stops behind the last track; pulses of RECALIBRATE. */
const LAST_TRACK = 82,
  RECALIBRATE_PULSES = 79;
/** kbit/s by the two bits of DSR and CCR. */
const RATES = [500, 300, 250, 1000];
const VERSION_82077 = 0x90;

const RESET_NS = 250_000,
  SECTOR_NS = 50_000,
  STEP_NS = 20_000,
  BYTE_NS = 500;

const PHASE = { COMMAND: 0, EXECUTION: 1, RESULT: 2 } as const;
/** What comes next: the next sector passes, the buffer goes to the disk, the end of a reset. */
const STEP = { NOTHING: 0, SECTOR: 1, STORE: 2, RESET: 3 } as const;
/** Who moves the buffer's bytes through the FIFO. */
const FIFO_WAY = { NONE: 0, TO_HOST: 1, FROM_HOST: 2 } as const;

const hardReset = () => ({ dor: 0, tdr: 0, rate: 2, specify: Uint8Array.of(0, 0), perpendicular: 0, locked: false });
const softReset = () => ({
  phase: 0,
  command: new Uint8Array(9),
  received: 0,
  result: new Uint8Array(10),
  resultBytes: 0,
  resultAt: 0,
  irq: false,
  step: 0,
  stepNs: Infinity,
  readyNs: 0,
  /** Interrupts that SENSE INTERRUPT STATUS has yet to tell of, and ST0 for each; unit by unit. */
  pending: new Uint8Array(UNITS),
  senseStatus: new Uint8Array(UNITS),
  pcn: new Uint8Array(UNITS),
  seekNs: [Infinity, Infinity, Infinity, Infinity],
  /** Where a command on data is: head, identifier, status so far, sectors left (VERIFY). */
  head: 0,
  c: 0,
  h: 0,
  r: 0,
  st1: 0,
  st2: 0,
  left: 0,
  buffer: new Uint8Array(SECTOR_BYTES),
  bufferBytes: 0,
  fifoAt: 0,
  fifoWay: 0,
  /** DMA has said that the buffer is the last. */
  end: false,
});
const configuration = () => ({ config: FIFO_OFF, precompensation: 0 });

/** A drive with a disk, or without one. */
interface Drive {
  disk: BlockDevice | null;
  format: FloppyFormat | undefined;
}

export interface FloppyAttachment {
  /** 0 A, 1 B. */
  unit: number;
  disk: BlockDevice | null;
}

export class FloppyController implements Device {
  readonly name = 'fdc';
  readonly addedLater = true;
  readonly portRanges: PortRange[];
  private readonly r = {
    ...hardReset(),
    ...softReset(),
    ...configuration(),
    /** Where the heads are, and which drives have a new disk since their heads last moved. */
    track: new Uint8Array(DRIVES),
    changed: new Uint8Array(DRIVES).fill(1),
  };
  private readonly drives: (Drive | undefined)[] = [undefined, undefined];
  private readonly irq: IrqLine;
  private readonly dma: DmaChannel;
  private readonly timers: Timers;
  private readonly crossesCylinders: boolean;
  private readonly timer: Timer;
  private readonly seekTimers: Timer[];
  /** Of accesses to disks: what comes after a reset is nobody's. */
  private generation = 0;

  /**
   * `crossesCylinders`: a command with MT goes on over its cylinder's end, as QEMU's do.
   * Throws RangeError for a unit that does not exist, and a disk that has no format of a floppy disk.
   */
  constructor(
    timers: Timers,
    irq: IrqLine,
    dma: DmaChannel,
    attachments: readonly FloppyAttachment[],
    crossesCylinders = false,
  ) {
    this.timers = timers;
    this.crossesCylinders = crossesCylinders;
    this.irq = irq;
    this.dma = dma;
    this.timer = timers.create('floppy', () => this.run());
    this.seekTimers = Array.from({ length: UNITS }, (_, unit) =>
      timers.create(`floppy seek ${unit}`, () => this.seekEnds(unit)),
    );
    for (const { unit, disk } of attachments) {
      if (unit !== 0 && unit !== 1) throw new RangeError(`floppy unit ${unit} does not exist: there are 0 and 1`);
      this.drives[unit] = { disk: null, format: undefined };
      this.put(unit, disk);
    }
    // 3F6 is the hard disks'.
    const range = (base: number, count: number): PortRange => ({
      base,
      count,
      read: offset => this.read(base + offset - PORT),
      write: (offset, value) => this.write(base + offset - PORT, value),
    });
    this.portRanges = [range(PORT, 6), range(PORT + DIR, 1)];
  }

  /** Another disk, or none, is in a drive; one that is not built takes none. Throws RangeError for one of an odd size. */
  insert(unit: number, disk: BlockDevice | null): void {
    if (!this.drives[unit]) return;
    this.put(unit, disk);
    this.r.changed[unit] = 1;
  }

  private put(unit: number, disk: BlockDevice | null): void {
    const drive = this.drives[unit] as Drive;
    const format = disk ? floppyFormat(disk.bytes) : undefined;
    if (disk && !format) throw new RangeError(`a floppy disk cannot have ${disk.bytes} bytes`);
    Object.assign(drive, { disk, format });
  }

  // ---- registers

  private get running(): boolean {
    return (this.r.dor & DOR_RUN) !== 0;
  }

  private raise(level: boolean): void {
    this.r.irq = level;
    this.update();
  }

  private update(): void {
    this.irq.set(this.r.irq && (this.r.dor & DOR_DMAGATE) !== 0);
  }

  private schedule(step: number, inNs: number): void {
    const { r } = this;
    r.step = step;
    r.stepNs = step === STEP.NOTHING ? Infinity : this.timers.clock.nowNs() + inNs;
    this.timer.set(r.stepNs);
  }

  private read(register: number): number {
    switch (register) {
      case DOR:
        return this.r.dor;
      case TDR:
        return this.r.tdr;
      case STATUS:
        return this.mainStatus();
      case FIFO:
        return this.readFifo();
      case DIR:
        return this.diskChange() | 0x7f;
      // Status A and B are PS/2's.
      default:
        return 0xff;
    }
  }

  private write(register: number, value: number): void {
    const { r } = this;
    switch (register) {
      case DOR:
        return this.writeDor(value);
      case TDR:
        r.tdr = value & 3;
        return;
      case STATUS:
        r.rate = value & 3;
        if (value & DSR_RESET && this.running) this.softwareReset(true);
        return;
      case FIFO:
        return this.writeFifo(value);
      case DIR:
        r.rate = value & 3;
        return;
      default:
        return;
    }
  }

  /** DSKCHG of the selected drive, which drives it while its motor runs. */
  private diskChange(): number {
    const { r } = this;
    const unit = r.dor & 3;
    return r.dor & (MOTOR_0 << unit) && this.drives[unit] && r.changed[unit] ? DISK_CHANGED : 0;
  }

  private mainStatus(): number {
    const { r } = this;
    if (!this.running) return 0;
    let status = 0;
    for (let unit = 0; unit < UNITS; unit++) if (r.seekNs[unit] !== Infinity) status |= 1 << unit;
    if (r.phase !== PHASE.COMMAND || r.received > 0) status |= MSR.BUSY;
    if (r.phase === PHASE.EXECUTION && this.nonDma) status |= MSR.NON_DMA;
    if (r.phase === PHASE.RESULT || r.fifoWay === FIFO_WAY.TO_HOST) status |= MSR.DIO;
    const takes = r.phase === PHASE.EXECUTION ? r.fifoWay !== FIFO_WAY.NONE : r.step !== STEP.RESET;
    return takes && this.timers.clock.nowNs() >= r.readyNs ? status | MSR.RQM : status;
  }

  private get nonDma(): boolean {
    return (this.r.specify[1] & 1) !== 0;
  }

  private writeDor(value: number): void {
    const { r } = this;
    const before = r.dor;
    r.dor = value;
    if (!(value & DOR_RUN)) {
      if (before & DOR_RUN) this.softwareReset(false);
    } else if (!(before & DOR_RUN)) this.schedule(STEP.RESET, RESET_NS);
    this.update();
  }

  /** What LOCK does not keep is as after RESET. `ends`: the chip comes out of it by itself. */
  private softwareReset(ends: boolean): void {
    const { r } = this;
    this.generation++;
    Object.assign(r, softReset(), r.locked ? {} : configuration());
    r.perpendicular &= ~3;
    for (const timer of this.seekTimers) timer.cancel();
    this.schedule(ends ? STEP.RESET : STEP.NOTHING, RESET_NS);
    this.update();
  }

  /** The chip polls its drives once it runs, and finds that all of them have changed. */
  private resetEnds(): void {
    const { r } = this;
    if (r.config & POLLING_OFF) return;
    for (let unit = 0; unit < UNITS; unit++) {
      r.pending[unit] = 1;
      r.senseStatus[unit] = ST0.POLLED | unit;
    }
    this.raise(true);
  }

  // ---- bytes of commands and results

  private byteMoved(): void {
    this.r.readyNs = this.timers.clock.nowNs() + BYTE_NS;
  }

  private writeFifo(value: number): void {
    const { r } = this;
    if (!this.running || r.step === STEP.RESET) return;
    this.byteMoved();
    if (r.phase === PHASE.EXECUTION && r.fifoWay === FIFO_WAY.FROM_HOST) {
      r.buffer[r.fifoAt++] = value;
      if (r.fifoAt === r.bufferBytes) this.fifoDone();
    }
    if (r.phase !== PHASE.COMMAND) return;
    r.command[r.received++] = value;
    const bytes = commandBytes(r.command[0]);
    if (bytes === 0) this.answer([ST0.INVALID]);
    else if (r.received === bytes) this.execute();
  }

  private readFifo(): number {
    const { r } = this;
    if (!this.running) return 0xff;
    this.byteMoved();
    if (r.phase === PHASE.EXECUTION && r.fifoWay === FIFO_WAY.TO_HOST) {
      const value = r.buffer[r.fifoAt++];
      if (r.fifoAt === r.bufferBytes) this.fifoDone();
      return value;
    }
    if (r.phase !== PHASE.RESULT) return 0xff;
    if (r.irq) this.raise(false);
    const value = r.result[r.resultAt++];
    if (r.resultAt === r.resultBytes) this.idle();
    return value;
  }

  private idle(): void {
    const { r } = this;
    r.phase = PHASE.COMMAND;
    r.received = 0;
    r.fifoWay = FIFO_WAY.NONE;
    // A seek that ended while a result was pending.
    if (!r.irq && r.pending.some((waits, unit) => waits && r.senseStatus[unit] & ST0.SEEK_END)) this.raise(true);
  }

  private answer(bytes: readonly number[]): void {
    const { r } = this;
    r.result.set(bytes);
    r.resultBytes = bytes.length;
    r.resultAt = 0;
    r.fifoWay = FIFO_WAY.NONE;
    r.phase = PHASE.RESULT;
  }

  // ---- commands

  private get unit(): number {
    return this.r.command[1] & 3;
  }

  private execute(): void {
    const { r } = this;
    const [first, second, third] = r.command;
    switch (first & 0x1f) {
      case COMMAND.SPECIFY:
        r.specify[0] = second;
        r.specify[1] = third;
        return this.idle();
      case COMMAND.CONFIGURE:
        r.config = third & 0x7f;
        r.precompensation = r.command[3];
        return this.idle();
      case COMMAND.PERPENDICULAR:
        // The drives' bits change with OW alone.
        r.perpendicular = second & 0x80 ? second & 0x3f : (r.perpendicular & 0x3c) | (second & 3);
        return this.idle();
      case COMMAND.SENSE_INTERRUPT:
        return this.senseInterrupt();
      case COMMAND.SENSE_DRIVE:
        return this.answer([this.driveStatus()]);
      case COMMAND.VERSION:
        return this.answer([VERSION_82077]);
      case COMMAND.LOCK:
        r.locked = (first & LOCKS) !== 0;
        return this.answer([r.locked ? 0x10 : 0]);
      case COMMAND.DUMPREG:
        return this.answer([
          ...r.pcn,
          ...r.specify,
          r.command[6],
          (r.locked ? 0x80 : 0) | r.perpendicular,
          r.config,
          r.precompensation,
        ]);
      case COMMAND.RECALIBRATE:
        return this.recalibrate();
      case COMMAND.SEEK:
        return this.seek(
          first & RELATIVE ? (first & UPWARDS ? r.pcn[this.unit] + third : r.pcn[this.unit] - third) : third,
        );
      default:
        return this.startData();
    }
  }

  private driveStatus(): number {
    const { r, unit } = this;
    const drive = this.drives[unit];
    const track0 = drive && r.track[unit] === 0 ? ST3.TRACK_0 : 0;
    // An empty drive shows write protection, as the sensor of a 3.5-inch drive does.
    const isProtected = drive && (!drive.disk || drive.disk.readOnly) ? ST3.WRITE_PROTECTED : 0;
    return isProtected | ST3.READY | track0 | ST3.TWO_SIDES | (r.command[1] & 7);
  }

  private senseInterrupt(): void {
    const { r } = this;
    const unit = r.pending.indexOf(1);
    if (unit < 0) return this.answer([ST0.INVALID]);
    r.pending[unit] = 0;
    r.irq = false;
    this.answer([r.senseStatus[unit], r.pcn[unit]]);
    this.update();
  }

  // ---- seeks

  private step(unit: number, to: number): number {
    const { r } = this;
    const drive = this.drives[unit];
    const pulses = Math.abs(to - r.pcn[unit]);
    if (drive && pulses > 0) {
      r.track[unit] = Math.max(0, Math.min(LAST_TRACK, r.track[unit] + to - r.pcn[unit]));
      if (drive.disk) r.changed[unit] = 0;
    }
    r.pcn[unit] = to;
    return pulses;
  }

  private seek(to: number): void {
    const { r, unit } = this;
    const pulses = this.step(unit, Math.max(0, Math.min(255, to)));
    this.startSeek(unit, ST0.SEEK_END | (r.command[1] & 7), pulses);
  }

  /** Steps outwards until the drive says track 0; after 79 pulses the chip gives up. */
  private recalibrate(): void {
    const { r, unit } = this;
    const drive = this.drives[unit];
    const pulses = drive ? Math.min(r.track[unit], RECALIBRATE_PULSES) : RECALIBRATE_PULSES;
    if (drive && pulses > 0) {
      r.track[unit] -= pulses;
      if (drive.disk) r.changed[unit] = 0;
    }
    r.pcn[unit] = 0;
    const found = drive !== undefined && r.track[unit] === 0;
    this.startSeek(unit, ST0.SEEK_END | unit | (found ? 0 : ST0.ABNORMAL | ST0.EQUIPMENT), pulses);
  }

  private startSeek(unit: number, status: number, pulses: number): void {
    const { r } = this;
    r.senseStatus[unit] = status;
    r.seekNs[unit] = this.timers.clock.nowNs() + STEP_NS * (pulses + 1);
    this.seekTimers[unit].set(r.seekNs[unit]);
    this.idle();
  }

  private seekEnds(unit: number): void {
    const { r } = this;
    r.seekNs[unit] = Infinity;
    r.pending[unit] = 1;
    this.raise(true);
  }

  // ---- commands on data

  private startData(): void {
    const { r, unit } = this;
    const kind = r.command[0] & 0x1f;
    r.phase = PHASE.EXECUTION;
    r.head = (r.command[1] >> 2) & 1;
    [r.c, r.h, r.r] = r.command.subarray(2, 5);
    r.st1 = r.st2 = 0;
    r.end = false;
    r.left = kind === COMMAND.VERIFY && r.command[1] & 0x80 ? r.command[8] || 256 : 0;
    if (kind === COMMAND.READ_TRACK) r.r = 1;
    const hasIdentifier = kind !== COMMAND.READ_ID && kind !== COMMAND.FORMAT;
    if (hasIdentifier && r.config & IMPLIED_SEEK) this.step(unit, r.c);
    this.schedule(STEP.SECTOR, SECTOR_NS);
  }

  private run(): void {
    const { r } = this;
    const { step } = r;
    this.schedule(STEP.NOTHING, 0);
    if (step === STEP.RESET) this.resetEnds();
    else if (step === STEP.STORE) this.store();
    else if (step === STEP.SECTOR) this.sectorPasses();
  }

  /** The result of a command on data: `more` joins ST0. */
  private finish(more = 0): void {
    const { r } = this;
    const failed = r.st1 !== 0 || r.st2 & (ST2.DATA_ERROR | ST2.WRONG_CYLINDER) ? ST0.ABNORMAL : 0;
    this.answer([more | failed | (r.head << 2) | this.unit, r.st1, r.st2, r.c, r.h, r.r, r.command[5]]);
    this.raise(true);
  }

  private fail(st1: number, st2 = 0): void {
    const { r } = this;
    r.st1 |= st1;
    r.st2 |= st2;
    this.finish();
  }

  /** The disk under the head, as long as it turns; the sides and the rate are checked. */
  private sectorPasses(): void {
    const { r, unit } = this;
    const drive = this.drives[unit];
    if (!drive?.disk || !drive.format || !(r.dor & (MOTOR_0 << unit))) return;
    const { format, disk } = drive;
    const kind = r.command[0] & 0x1f;
    if (
      RATES[r.rate] !== format.rate ||
      !(r.command[0] & MFM) ||
      r.head >= format.heads ||
      r.track[unit] >= format.cylinders
    )
      return this.fail(ST1.MISSING_ADDRESS);
    if (kind === COMMAND.FORMAT) return disk.readOnly ? this.fail(ST1.NOT_WRITABLE) : this.takeBuffer(r.command[3] * 4);
    if (kind === COMMAND.READ_ID) return this.readId(format);
    const writes = kind === COMMAND.WRITE || kind === COMMAND.WRITE_DELETED;
    if (writes && disk.readOnly) return this.fail(ST1.NOT_WRITABLE);
    if (!this.found(format)) return;
    const deleted = kind === COMMAND.READ_DELETED;
    // All data here are undeleted: SK passes over them.
    if (deleted && r.command[0] & SK) return this.next();
    if (deleted) r.st2 |= ST2.CONTROL_MARK;
    if (writes) return this.takeBuffer(SECTOR_BYTES);
    const { generation } = this;
    // Until the disk answers, a saved state has the sector still to come.
    r.step = STEP.SECTOR;
    r.stepNs = this.timers.clock.nowNs();
    const sector = this.sectorNumber(format);
    const answer = (error?: Error): void => {
      if (generation !== this.generation) return;
      this.schedule(STEP.NOTHING, 0);
      if (error) this.fail(ST1.DATA_ERROR, ST2.DATA_ERROR);
      else this.give();
    };
    // An image that is the beginning of its disk: nothing was written behind it.
    if (sector >= disk.sectors) {
      r.buffer.fill(0);
      answer();
    } else disk.request({ op: 'read', at: sector * SECTOR_BYTES, pieces: [r.buffer] }, answer);
  }

  private sectorNumber(format: FloppyFormat): number {
    const { r } = this;
    return (r.track[this.unit] * format.heads + r.head) * format.sectors + r.r - 1;
  }

  /** Looks for the identifier that the command asks for; ends the command where it is not on the track. */
  private found(format: FloppyFormat): boolean {
    const { r, unit } = this;
    const matches = r.c === r.track[unit] && r.h === r.head && r.command[5] === 2;
    const exists = r.r >= 1 && r.r <= format.sectors;
    if ((r.command[0] & 0x1f) === COMMAND.READ_TRACK) {
      // It reads what comes, and says that it was something else.
      if (!matches) r.st1 |= ST1.NO_DATA;
      if (exists) return true;
    } else if (matches && exists) return true;
    this.fail(ST1.NO_DATA, r.c === r.track[unit] ? 0 : ST2.WRONG_CYLINDER);
    return false;
  }

  /** The identifier that passes at this time. */
  private readId({ sectors }: FloppyFormat): void {
    const { r, unit } = this;
    r.c = r.track[unit];
    r.h = r.head;
    r.r = (Math.floor(this.timers.clock.nowNs() / SECTOR_NS) % sectors) + 1;
    r.command[5] = 2;
    this.finish();
  }

  /** A sector has been read: to memory, to the host, nowhere, or compared. */
  private give(): void {
    const { r } = this;
    const kind = r.command[0] & 0x1f;
    if (kind === COMMAND.VERIFY) return this.next();
    if (kind === COMMAND.SCAN_EQUAL || kind === COMMAND.SCAN_LOW || kind === COMMAND.SCAN_HIGH)
      return this.nonDma ? this.fail(ST1.OVERRUN) : this.scan(kind);
    if (this.nonDma) return this.openFifo(FIFO_WAY.TO_HOST, SECTOR_BYTES);
    const { moved, end } = this.dmaOpen ? this.dma.toMemory(r.buffer) : { moved: 0, end: false };
    r.end = end;
    if (moved < SECTOR_BYTES && !end) this.fail(ST1.OVERRUN);
    else this.next();
  }

  private get dmaOpen(): boolean {
    return (this.r.dor & DOR_DMAGATE) !== 0;
  }

  private openFifo(way: number, bytes: number): void {
    const { r } = this;
    r.fifoWay = way;
    r.fifoAt = 0;
    r.bufferBytes = bytes;
    this.raise(true);
  }

  private fifoDone(): void {
    const { r } = this;
    const way = r.fifoWay;
    r.fifoWay = FIFO_WAY.NONE;
    this.raise(false);
    if (way === FIFO_WAY.TO_HOST) this.next();
    else this.store();
  }

  /** Gets what is to be written: a sector, or the identifiers of a track. */
  private takeBuffer(bytes: number): void {
    const { r } = this;
    if (bytes === 0 || bytes > SECTOR_BYTES) return this.fail(ST1.NO_DATA);
    if (this.nonDma) return this.openFifo(FIFO_WAY.FROM_HOST, bytes);
    const { moved, end } = this.dmaOpen ? this.dma.fromMemory(r.buffer.subarray(0, bytes)) : { moved: 0, end: false };
    if (moved < bytes && !end) return this.fail(ST1.OVERRUN);
    // What terminal count leaves of a sector is zeros.
    r.buffer.fill(0, moved);
    r.end = end;
    r.bufferBytes = bytes;
    this.store();
  }

  /** Writes the buffer, or formats the track that it describes. */
  private store(): void {
    const { r, unit } = this;
    const { disk, format } = this.drives[unit] ?? {};
    if (!disk || !format) return;
    const formats = (r.command[0] & 0x1f) === COMMAND.FORMAT;
    if (formats && !this.describesTrack(format)) return this.fail(ST1.NO_DATA);
    const { generation } = this;
    r.step = STEP.STORE;
    r.stepNs = this.timers.clock.nowNs();
    const bytes = formats ? new Uint8Array(format.sectors * SECTOR_BYTES).fill(r.command[5]) : r.buffer.slice();
    if (formats) r.r = 1;
    disk.request({ op: 'write', at: this.sectorNumber(format) * SECTOR_BYTES, pieces: [bytes] }, error => {
      if (generation !== this.generation) return;
      this.schedule(STEP.NOTHING, 0);
      if (error) this.fail(ST1.DATA_ERROR, ST2.DATA_ERROR);
      else if (formats) this.finish();
      else this.next();
    });
  }

  /** Whether the identifiers of a FORMAT TRACK are those that the image has there, in any order. */
  private describesTrack(format: FloppyFormat): boolean {
    const { r, unit } = this;
    const numbers = new Set<number>();
    for (let i = 0; i < r.command[3]; i++) {
      const [c, h, number, n] = r.buffer.subarray(4 * i, 4 * i + 4);
      if (c !== r.track[unit] || h !== r.head || n !== 2 || number < 1 || number > format.sectors) return false;
      numbers.add(number);
    }
    return r.command[2] === 2 && numbers.size === format.sectors;
  }

  /** Compares the sector with bytes of memory, of which FF matches all. */
  private scan(kind: number): void {
    const { r } = this;
    const given = new Uint8Array(SECTOR_BYTES);
    const { moved, end } = this.dmaOpen ? this.dma.fromMemory(given) : { moved: 0, end: false };
    if (moved < SECTOR_BYTES && !end) return this.fail(ST1.OVERRUN);
    r.end = end;
    let equal = true;
    let satisfied = true;
    for (let i = 0; i < moved; i++) {
      const [disk, memory] = [r.buffer[i], given[i]];
      if (disk === memory || disk === 0xff || memory === 0xff) continue;
      equal = false;
      if (kind === COMMAND.SCAN_EQUAL || (kind === COMMAND.SCAN_LOW ? disk > memory : disk < memory)) satisfied = false;
    }
    r.st2 = equal ? ST2.SCAN_EQUAL : satisfied ? 0 : ST2.SCAN_NOT_SATISFIED;
    if (satisfied) r.end = true;
    this.next();
  }

  /** Behind a sector: the identifier counts on, to the other side with MT; at the end of the cylinder the command ends. */
  private next(): void {
    const { r } = this;
    const kind = r.command[0] & 0x1f;
    // QEMU's tracks end where the disk's do, too: SeaBIOS's EOT is the last sector of all that it asks for.
    const last =
      r.r === r.command[6] || (this.crossesCylinders && r.r >= (this.drives[this.unit]?.format?.sectors ?? 0));
    const step =
      kind === COMMAND.SCAN_EQUAL || kind === COMMAND.SCAN_LOW || kind === COMMAND.SCAN_HIGH
        ? Math.max(1, r.command[8] & 3)
        : 1;
    r.r += step;
    let cylinderEnds = false;
    if (last) {
      r.r = 1;
      if (r.command[0] & MT && kind !== COMMAND.READ_TRACK) {
        cylinderEnds = r.head === 1;
        r.head ^= 1;
        r.h ^= 1;
      } else cylinderEnds = true;
      if (cylinderEnds) r.c++;
    }
    if (kind === COMMAND.VERIFY) {
      const counts = (r.command[1] & 0x80) !== 0;
      if (counts && --r.left === 0) r.end = true;
      if (cylinderEnds && !counts) r.end = true;
    }
    // A read of deleted data that finds others ends behind them.
    if (r.end || (r.st2 & ST2.CONTROL_MARK && kind === COMMAND.READ_DELETED)) return this.finishAt();
    if (cylinderEnds && !this.crosses()) {
      this.backOnSide();
      return this.fail(ST1.END_OF_CYLINDER);
    }
    this.schedule(STEP.SECTOR, SECTOR_NS);
  }

  /** At the end of a cylinder: the head steps to the next one, and the command goes on there. */
  private crosses(): boolean {
    const { r, unit } = this;
    const { format } = this.drives[unit] ?? {};
    const kind = r.command[0] & 0x1f;
    if (
      !this.crossesCylinders ||
      !(r.command[0] & MT) ||
      kind === COMMAND.READ_TRACK ||
      !format ||
      r.track[unit] + 1 >= format.cylinders
    )
      return false;
    this.step(unit, r.pcn[unit] + 1);
    return true;
  }

  private finishAt(): void {
    const { r } = this;
    if (r.r === 1) this.backOnSide();
    this.finish();
  }

  /** ST0 names the side of the last sector, though the identifier may be the other side's first. */
  private backOnSide(): void {
    const { r } = this;
    if (r.command[0] & MT && (r.command[0] & 0x1f) !== COMMAND.READ_TRACK) r.head ^= 1;
  }

  // ---- state

  reset(): void {
    this.generation++;
    Object.assign(this.r, hardReset(), softReset(), configuration());
    for (const timer of [this.timer, ...this.seekTimers]) timer.cancel();
    this.update();
  }

  save(): State {
    return copyState(this.r);
  }

  /** Throws StateError. */
  restore(state: State): void {
    this.generation++;
    assignState(this.name, this.r, state);
    this.timer.set(this.r.stepNs);
    this.seekTimers.forEach((timer, unit) => timer.set(this.r.seekNs[unit]));
    this.update();
  }

  peek(): State {
    return {
      ...copyState(this.r),
      status: this.mainStatus(),
      formats: this.drives.map(drive => drive && (drive.format ?? null)),
    };
  }
}
