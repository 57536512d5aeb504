/**
 * ATA hard disk: PIO, multiple-sector and DMA transfers, CHS and 28/48-bit LBA.
 * Source: ATA/ATAPI-6 (T13/1410D), clause 8 (commands) and 9 (protocols).
 */
import type { State } from '../bus.ts';
import {
  CHECK_POWER_MODE,
  DISABLE_LOOK_AHEAD,
  DISABLE_WRITE_CACHE,
  ENABLE_LOOK_AHEAD,
  ENABLE_WRITE_CACHE,
  FLUSH_CACHE,
  FLUSH_CACHE_EXT,
  IDENTIFY_DEVICE,
  IDLE,
  IDLE_IMMEDIATE,
  INITIALIZE_DEVICE_PARAMETERS,
  KEEP_FEATURES_AT_RESET,
  OLD_IDLE,
  OLD_IDLE_IMMEDIATE,
  OLD_STANDBY,
  OLD_STANDBY_IMMEDIATE,
  READ_DMA,
  READ_DMA_EXT,
  READ_DMA_ONCE,
  READ_MULTIPLE,
  READ_MULTIPLE_EXT,
  READ_NATIVE_MAX_ADDRESS,
  READ_NATIVE_MAX_ADDRESS_EXT,
  READ_SECTORS,
  READ_SECTORS_EXT,
  READ_SECTORS_ONCE,
  READ_VERIFY,
  READ_VERIFY_EXT,
  READ_VERIFY_ONCE,
  REVERT_FEATURES_AT_RESET,
  SEEK,
  SET_FEATURES,
  SET_MULTIPLE_MODE,
  SET_TRANSFER_MODE,
  SLEEP,
  STANDBY,
  STANDBY_IMMEDIATE,
  WRITE_DMA,
  WRITE_DMA_EXT,
  WRITE_DMA_ONCE,
  WRITE_MULTIPLE,
  WRITE_MULTIPLE_EXT,
  WRITE_SECTORS,
  WRITE_SECTORS_EXT,
  WRITE_SECTORS_ONCE,
  WRITE_VERIFY,
} from './commands.ts';
import { assignState, copyState } from '../state.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import {
  ABRT,
  BSY,
  CHUNK_BYTES,
  DRDY,
  type DmaTarget,
  Drive,
  type DriveHost,
  DRQ,
  DSC,
  IDNF,
  inPieces,
  LBA,
  UNC,
} from './drive.ts';
import { defaultGeometry, identifyAta, MOST_MULTIPLE, SECTORS_28 } from './identify.ts';

const SECTOR_BYTES = 512;
const CHUNK_SECTORS = CHUNK_BYTES / SECTOR_BYTES;
/** Kinds of a request under way. */
const NONE = 0,
  READ = 1,
  WRITE = 2,
  FLUSH = 3,
  DMA_READ = 4,
  DMA_WRITE = 5,
  IDENTIFY = 6;

const newRequest = () => ({
  kind: NONE,
  /** Next sector, and how many are left. */
  lba: 0,
  left: 0,
  /** Sectors of one DRQ block. */
  block: 1,
  extended: false,
  cylinders: 0,
  heads: 0,
  sectorsPerTrack: 0,
  multiple: 0,
  transferMode: 0,
  writeCache: true,
});

export class AtaDrive extends Drive {
  readonly disk: BlockDevice;
  private readonly q = newRequest();
  private readonly serial: string;

  constructor(host: DriveHost, disk: BlockDevice, serial: string) {
    super(host);
    this.disk = disk;
    this.serial = serial;
    this.setDefaults();
    this.signature();
  }

  private setDefaults(): void {
    const { cylinders, heads, sectors } = defaultGeometry(this.disk.sectors);
    Object.assign(this.q, newRequest(), { cylinders, heads, sectorsPerTrack: sectors });
  }

  signature(): void {
    Object.assign(this.r, {
      count: 1,
      sector: 1,
      cylinderLow: 0,
      cylinderHigh: 0,
      device: 0,
      error: 1,
      status: DRDY | DSC,
    });
  }

  override resetRegisters(): void {
    // A software reset keeps what SET FEATURES and INITIALIZE DEVICE PARAMETERS set (no reverting to defaults), and the request is gone.
    this.q.kind = NONE;
    super.resetRegisters();
  }

  override reset(): void {
    this.setDefaults();
    super.reset();
  }

  settle(): void {
    this.disk.settle();
  }

  // ---- addresses

  /** First sector that the registers name; -1: no such address. */
  private address(extended: boolean): number {
    const { r, q } = this;
    if (r.device & LBA) {
      if (!extended) return ((r.device & 15) << 24) | (r.cylinderHigh << 16) | (r.cylinderLow << 8) | r.sector;
      const high = (r.hobCylinderHigh << 16) | (r.hobCylinderLow << 8) | r.hobSector;
      return high * 0x1000000 + ((r.cylinderHigh << 16) | (r.cylinderLow << 8) | r.sector);
    }
    const cylinder = r.cylinderLow | (r.cylinderHigh << 8);
    const head = r.device & 15;
    if (r.sector === 0 || r.sector > q.sectorsPerTrack || head >= q.heads) return -1;
    return (cylinder * q.heads + head) * q.sectorsPerTrack + r.sector - 1;
  }

  /** Leaves an address in the registers, as after the last sector or at the one in error. */
  private putAddress(lba: number, extended: boolean): void {
    const { r, q } = this;
    if (r.device & LBA) {
      r.sector = lba & 0xff;
      r.cylinderLow = (lba >>> 8) & 0xff;
      r.cylinderHigh = (lba >>> 16) & 0xff;
      const high = Math.floor(lba / 0x1000000);
      if (extended) {
        r.hobSector = high & 0xff;
        r.hobCylinderLow = (high >> 8) & 0xff;
        r.hobCylinderHigh = (high >> 16) & 0xff;
      } else r.device = (r.device & 0xf0) | (high & 15);
      return;
    }
    const track = Math.floor(lba / q.sectorsPerTrack);
    r.sector = (lba % q.sectorsPerTrack) + 1;
    r.device = (r.device & 0xf0) | (track % q.heads);
    const cylinder = Math.floor(track / q.heads);
    r.cylinderLow = cylinder & 0xff;
    r.cylinderHigh = (cylinder >> 8) & 0xff;
  }

  /** Takes address and count for a transfer. False (and the command aborted) where they leave the disk. */
  private take(kind: number, extended: boolean, block: number): boolean {
    const { r, q } = this;
    const lba = this.address(extended);
    const count = extended ? (r.hobCount << 8) | r.count || 65536 : r.count || 256;
    if (lba < 0 || lba + count > this.disk.sectors) {
      this.complete(IDNF);
      return false;
    }
    q.kind = kind;
    q.lba = lba;
    q.left = count;
    q.block = block;
    q.extended = extended;
    return true;
  }

  // ---- commands

  protected execute(command: number): void {
    if (this.moveSectors(command)) return;
    const { r, q } = this;
    switch (command) {
      case READ_VERIFY:
      case READ_VERIFY_ONCE:
      case READ_VERIFY_EXT:
        // The address is what can be wrong.
        if (!this.take(NONE, command === READ_VERIFY_EXT, 1)) return;
        this.putAddress(q.lba + q.left - 1, q.extended);
        this.complete();
        return;
      case SEEK:
        this.complete(this.address(false) < 0 || this.address(false) >= this.disk.sectors ? IDNF : 0);
        return;
      case INITIALIZE_DEVICE_PARAMETERS:
        this.initializeParameters();
        return;
      case SET_MULTIPLE_MODE:
        this.setMultiple();
        return;
      case FLUSH_CACHE:
      case FLUSH_CACHE_EXT:
        this.flush();
        return;
      case IDENTIFY_DEVICE:
        this.identify();
        return;
      case SET_FEATURES:
        this.setFeatures();
        return;
      case CHECK_POWER_MODE:
        // Active or idle.
        r.count = 0xff;
        this.complete();
        return;
      case READ_NATIVE_MAX_ADDRESS:
        this.putAddress(Math.min(this.disk.sectors - 1, SECTORS_28 - 1), false);
        this.complete();
        return;
      case READ_NATIVE_MAX_ADDRESS_EXT:
        this.putAddress(this.disk.sectors - 1, true);
        this.complete();
        return;
      case STANDBY_IMMEDIATE:
      case IDLE_IMMEDIATE:
      case STANDBY:
      case IDLE:
      case SLEEP:
      case OLD_STANDBY_IMMEDIATE:
      case OLD_IDLE_IMMEDIATE:
      case OLD_STANDBY:
      case OLD_IDLE:
        this.complete();
        return;
      default:
        // RECALIBRATE in its sixteen spellings; all else is not supported.
        this.complete(command >> 4 === 1 ? 0 : ABRT);
    }
  }

  /** READ and WRITE in their kinds: one sector or several at a time, by 28 and 48 bits, by DMA. False: it is another command. */
  private moveSectors(command: number): boolean {
    const { q } = this;
    switch (command) {
      case READ_SECTORS:
      case READ_SECTORS_ONCE:
        this.startRead(false, 1);
        return true;
      case READ_SECTORS_EXT:
        this.startRead(true, 1);
        return true;
      case READ_MULTIPLE:
      case READ_MULTIPLE_EXT:
        if (q.multiple === 0) this.complete(ABRT);
        else this.startRead(command === READ_MULTIPLE_EXT, q.multiple);
        return true;
      case WRITE_SECTORS:
      case WRITE_SECTORS_ONCE:
      case WRITE_VERIFY:
        this.startWrite(false, 1);
        return true;
      case WRITE_SECTORS_EXT:
        this.startWrite(true, 1);
        return true;
      case WRITE_MULTIPLE:
      case WRITE_MULTIPLE_EXT:
        if (q.multiple === 0) this.complete(ABRT);
        else this.startWrite(command === WRITE_MULTIPLE_EXT, q.multiple);
        return true;
      case READ_DMA:
      case READ_DMA_ONCE:
        this.startDma(DMA_READ, false);
        return true;
      case READ_DMA_EXT:
        this.startDma(DMA_READ, true);
        return true;
      case WRITE_DMA:
      case WRITE_DMA_ONCE:
        this.startDma(DMA_WRITE, false);
        return true;
      case WRITE_DMA_EXT:
        this.startDma(DMA_WRITE, true);
        return true;
      default:
        return false;
    }
  }

  /** INITIALIZE DEVICE PARAMETERS. */
  private initializeParameters(): void {
    const { r, q } = this;
    q.sectorsPerTrack = r.count;
    q.heads = (r.device & 15) + 1;
    if (r.count === 0) {
      this.complete(ABRT);
      return;
    }
    q.cylinders = Math.min(65535, Math.floor(this.disk.sectors / (q.heads * q.sectorsPerTrack)));
    this.complete();
  }

  /** SET MULTIPLE MODE: a power of two, 0 turns it off. */
  private setMultiple(): void {
    const { r, q } = this;
    const isGood = r.count <= MOST_MULTIPLE && (r.count & (r.count - 1)) === 0;
    q.multiple = isGood ? r.count : 0;
    this.complete(isGood ? 0 : ABRT);
  }

  /** IDENTIFY DEVICE. */
  private identify(): void {
    const { r, q } = this;
    const words = identifyAta({
      sectors: this.disk.sectors,
      geometry: { cylinders: q.cylinders, heads: q.heads, sectors: q.sectorsPerTrack },
      multiple: q.multiple,
      transferMode: q.transferMode,
      serial: this.serial,
      writeCache: q.writeCache,
    });
    r.buffer.set(new Uint8Array(words.buffer));
    q.kind = IDENTIFY;
    r.bufferEnd = SECTOR_BYTES;
    this.offer(0, SECTOR_BYTES, true);
  }

  private setFeatures(): void {
    const { r, q } = this;
    switch (r.feature) {
      case SET_TRANSFER_MODE: {
        const mode = r.count >> 3;
        const number = r.count & 7;
        const known =
          mode === 0 || (mode === 1 && number <= 4) || (mode === 4 && number <= 2) || (mode === 8 && number <= 5);
        if (known) q.transferMode = r.count;
        this.complete(known ? 0 : ABRT);
        return;
      }
      case ENABLE_WRITE_CACHE:
      case DISABLE_WRITE_CACHE:
        q.writeCache = r.feature === ENABLE_WRITE_CACHE;
        if (q.writeCache) this.complete();
        else this.flush();
        return;
      case DISABLE_LOOK_AHEAD:
      case ENABLE_LOOK_AHEAD:
      case KEEP_FEATURES_AT_RESET:
      case REVERT_FEATURES_AT_RESET:
        // Read look-ahead, reverting to defaults at a reset: nothing to change.
        this.complete();
        return;
      default:
        this.complete(ABRT);
    }
  }

  // ---- PIO

  private startRead(extended: boolean, block: number): void {
    if (!this.take(READ, extended, block)) return;
    this.fetch();
  }

  /** Reads the next chunk of the request into the buffer and offers its first block. */
  private fetch(): void {
    const { r, q, generation } = this;
    const sectors = Math.min(q.left, CHUNK_SECTORS);
    r.status = BSY | DRDY | DSC;
    const pieces = [r.buffer.subarray(0, sectors * SECTOR_BYTES)];
    this.disk.request({ op: 'read', at: q.lba * SECTOR_BYTES, pieces }, error => {
      if (generation !== this.generation) return;
      if (error) {
        this.fail(UNC);
        return;
      }
      r.bufferEnd = sectors * SECTOR_BYTES;
      this.offer(0, Math.min(q.block * SECTOR_BYTES, r.bufferEnd), true);
    });
  }

  private startWrite(extended: boolean, block: number): void {
    if (!this.take(WRITE, extended, block)) return;
    if (this.disk.readOnly) {
      this.complete(ABRT);
      return;
    }
    // The first block is asked for without an interrupt.
    this.ask(false);
  }

  private ask(interrupt: boolean): void {
    const { q, r } = this;
    // The drive takes what its buffer holds before it writes: a medium is asked once, and not for each block.
    r.bufferEnd = Math.min(CHUNK_SECTORS, q.left) * SECTOR_BYTES;
    this.offer(0, Math.min(q.block * SECTOR_BYTES, r.bufferEnd), interrupt);
  }

  protected blockDone(): void {
    const { r, q } = this;
    if (q.kind === IDENTIFY) {
      q.kind = NONE;
      r.bufferEnd = 0;
      return;
    }
    if (q.kind === WRITE) {
      if (r.position < r.bufferEnd)
        this.offer(r.position, Math.min(r.position + q.block * SECTOR_BYTES, r.bufferEnd), true);
      else this.store();
      return;
    }
    const sectors = Math.min(q.block, q.left);
    q.lba += sectors;
    q.left -= sectors;
    if (q.left === 0) {
      // The registers name the last sector; no interrupt follows the last block.
      this.putAddress(q.lba - 1, q.extended);
      q.kind = NONE;
      r.bufferEnd = 0;
      r.status = DRDY | DSC;
      return;
    }
    if (r.position < r.bufferEnd)
      this.offer(r.position, Math.min(r.position + q.block * SECTOR_BYTES, r.bufferEnd), true);
    else this.fetch();
  }

  private store(): void {
    const { r, q, generation } = this;
    const sectors = r.bufferEnd / SECTOR_BYTES;
    r.status = BSY | DRDY | DSC;
    const pieces = [r.buffer.subarray(0, r.bufferEnd)];
    this.disk.request({ op: 'write', at: q.lba * SECTOR_BYTES, pieces }, error => {
      if (generation !== this.generation) return;
      if (error) {
        this.fail(UNC);
        return;
      }
      q.lba += sectors;
      q.left -= sectors;
      if (q.left > 0) this.ask(true);
      else if (q.writeCache) this.succeed();
      else this.flush();
    });
  }

  private fail(error: number): void {
    const { q } = this;
    this.putAddress(q.lba, q.extended);
    q.kind = NONE;
    this.complete(error);
  }

  private succeed(): void {
    const { q } = this;
    if (q.kind !== FLUSH) this.putAddress(q.lba - 1, q.extended);
    q.kind = NONE;
    this.complete();
  }

  private flush(): void {
    const { r, q, generation } = this;
    q.kind = FLUSH;
    r.status = BSY | DRDY | DSC;
    this.disk.request({ op: 'flush' }, error => {
      if (generation !== this.generation) return;
      if (!error) this.succeed();
      else {
        q.kind = NONE;
        this.complete(ABRT);
      }
    });
  }

  // ---- DMA

  private startDma(kind: number, extended: boolean): void {
    const { r, q } = this;
    if (!this.take(kind, extended, 1)) return;
    if (kind === DMA_WRITE && this.disk.readOnly) {
      this.complete(ABRT);
      return;
    }
    r.status = DRDY | DSC | DRQ;
    r.dmaDirection = kind === DMA_READ ? 1 : 2;
    r.dmaBytes = q.left * SECTOR_BYTES;
    this.host.dmaReady();
  }

  /** The request's address stays until the end, so that a restored machine can start the transfer again. */
  runDma(target: DmaTarget): void {
    const { r, q, disk, generation } = this;
    const reads = q.kind === DMA_READ;
    let moved = 0;
    r.status = BSY | DRDY | DSC;
    inPieces(
      q.left,
      CHUNK_SECTORS,
      (done, sectors, next) => {
        const piece = r.buffer.subarray(0, sectors * SECTOR_BYTES);
        if (!reads) target.take(piece);
        disk.request({ op: reads ? 'read' : 'write', at: (q.lba + done) * SECTOR_BYTES, pieces: [piece] }, error => {
          if (generation !== this.generation) return;
          if (!error && reads) target.put(piece);
          if (!error) moved += sectors;
          next(error);
        });
      },
      error => {
        q.lba += moved;
        q.left -= moved;
        target.end(!error);
        if (error) this.fail(UNC);
        else if (!reads && !q.writeCache) this.flush();
        else this.succeed();
      },
    );
  }

  // ---- state

  /** A transfer or flush that the host had not answered is asked for again; DMA starts again when the channel sees it. */
  protected resume(): void {
    const { r, q } = this;
    if (q.kind === READ) this.fetch();
    else if (q.kind === WRITE) this.store();
    else if (q.kind === FLUSH) this.flush();
    else if (q.kind === DMA_READ || q.kind === DMA_WRITE) {
      r.status = DRDY | DSC | DRQ;
      r.dmaBytes = q.left * SECTOR_BYTES;
    }
    // Without a request it is SRST that keeps the drive busy.
  }

  override save(): State {
    return { ...super.save(), request: copyState(this.q) };
  }

  override restore(name: string, state: State): void {
    assignState(name, this.q, state.request as State);
    super.restore(name, state);
  }
}
