/**
 * ATAPI CD-ROM drive with media change.
 * Sources: ATA/ATAPI-6 (T13/1410D), PACKET protocol; SFF-8020i and MMC-3 (commands), SPC-2 (sense data).
 */
import type { State } from '../bus.ts';
import {
  CHECK_POWER_MODE,
  DEVICE_RESET,
  DISABLE_WRITE_CACHE,
  ENABLE_WRITE_CACHE,
  FLUSH_CACHE,
  GET_CONFIGURATION,
  GET_EVENT_STATUS_NOTIFICATION,
  IDENTIFY_DEVICE,
  IDENTIFY_PACKET_DEVICE,
  IDLE,
  IDLE_IMMEDIATE,
  INQUIRY,
  KEEP_FEATURES_AT_RESET,
  MECHANISM_STATUS,
  MODE_SENSE_10,
  MODE_SENSE_6,
  PACKET_COMMAND,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  READ_10,
  READ_12,
  READ_CAPACITY,
  READ_CD,
  READ_DISC_INFORMATION,
  READ_SECTORS,
  READ_SECTORS_ONCE,
  READ_SUBCHANNEL,
  READ_TOC,
  REQUEST_SENSE,
  REVERT_FEATURES_AT_RESET,
  SEEK_10,
  SET_CD_SPEED,
  SET_FEATURES,
  SET_TRANSFER_MODE,
  SLEEP,
  STANDBY,
  STANDBY_IMMEDIATE,
  START_STOP_UNIT,
  TEST_UNIT_READY,
} from './commands.ts';
import { assignState, copyState } from '../state.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { ABRT, BSY, CHUNK_BYTES, DRDY, type DmaTarget, Drive, type DriveHost, DRQ, ERR, inPieces } from './drive.ts';
import { identifyPacket } from './identify.ts';

export const CD_SECTOR_BYTES = 2048;
const CHUNK_SECTORS = CHUNK_BYTES / CD_SECTOR_BYTES;
/** Interrupt reason (sector count register). */
const COMMAND_DATA = 1,
  TO_HOST = 2;

/** Sense keys, and additional codes as `asc << 8 | ascq`. */
const NO_SENSE = 0,
  NOT_READY = 2,
  MEDIUM_ERROR = 3,
  ILLEGAL_REQUEST = 5,
  UNIT_ATTENTION = 6;
const INVALID_COMMAND = 0x2000,
  OUT_OF_RANGE = 0x2100,
  INVALID_FIELD = 0x2400,
  MEDIUM_CHANGED = 0x2800,
  RESET_OCCURRED = 0x2900,
  READ_ERROR = 0x1100,
  NO_MEDIUM = 0x3a00,
  REMOVAL_PREVENTED = 0x5302;

const NONE = 0,
  PACKET = 1,
  DATA = 2,
  READ = 3,
  IDENTIFY = 4;

const newRequest = () => ({
  kind: NONE,
  dma: false,
  /** Most bytes of one PIO block. */
  limit: 0xfffe,
  lba: 0,
  left: 0,
  senseKey: NO_SENSE,
  senseCode: 0,
  /** Sense of UNIT ATTENTION that the next command reports; 0: none. */
  attention: RESET_OCCURRED,
  /** What GET EVENT STATUS NOTIFICATION reports next: 0 no change, 1 eject request, 2 new medium, 3 removal. */
  event: 0,
  locked: false,
  trayOpen: false,
  transferMode: 0,
});

const FEATURES = [
  SET_TRANSFER_MODE,
  ENABLE_WRITE_CACHE,
  DISABLE_WRITE_CACHE,
  KEEP_FEATURES_AT_RESET,
  REVERT_FEATURES_AT_RESET,
];
/** Packet commands that read the medium, or ask about it. */
const NEED_MEDIUM = [
  TEST_UNIT_READY,
  READ_CAPACITY,
  READ_10,
  SEEK_10,
  READ_SUBCHANNEL,
  READ_TOC,
  READ_DISC_INFORMATION,
  READ_12,
  READ_CD,
];

export class AtapiDrive extends Drive {
  private medium: BlockDevice | null;
  private readonly q = newRequest();
  private readonly serial: string;
  /** The guest opened the tray (true) or closed it; a medium in an opened drive is out. */
  onTray: ((open: boolean) => void) | undefined;

  constructor(host: DriveHost, medium: BlockDevice | null, serial: string) {
    super(host);
    this.medium = medium;
    this.serial = serial;
    this.signature();
  }

  signature(): void {
    Object.assign(this.r, {
      count: 1,
      sector: 1,
      cylinderLow: 0x14,
      cylinderHigh: 0xeb,
      device: 0,
      error: 1,
      status: 0,
    });
  }

  override resetRegisters(): void {
    this.q.kind = NONE;
    super.resetRegisters();
  }

  override reset(): void {
    Object.assign(this.q, newRequest());
    super.reset();
  }

  settle(): void {
    this.medium?.settle();
  }

  /** Another disc, or none, put in from outside. */
  insert(medium: BlockDevice | null): void {
    const { q } = this;
    this.medium = medium;
    q.trayOpen = false;
    q.attention = medium ? MEDIUM_CHANGED : q.attention;
    q.event = medium ? 2 : 3;
  }

  /** Somebody presses the button: refused by a locked drive, which tells its host. */
  eject(): boolean {
    if (this.q.locked) {
      this.q.event = 1;
      return false;
    }
    this.insert(null);
    return true;
  }

  get present(): boolean {
    return this.medium !== null && !this.q.trayOpen;
  }

  // ---- ATA commands

  protected execute(command: number): void {
    const { r, q } = this;
    switch (command) {
      case PACKET_COMMAND:
        q.kind = PACKET;
        q.dma = (r.feature & 1) !== 0;
        q.limit = r.cylinderLow | (r.cylinderHigh << 8);
        // A limit of 0 is 64 KiB; an odd one loses its lowest bit unless everything fits.
        if (q.limit === 0 || q.limit === 0xffff) q.limit = 0xfffe;
        q.limit &= ~1;
        r.count = COMMAND_DATA;
        r.bufferEnd = 12;
        this.offer(0, 12, false);
        return;
      case IDENTIFY_PACKET_DEVICE: {
        r.buffer.set(new Uint8Array(identifyPacket({ transferMode: q.transferMode, serial: this.serial }).buffer));
        q.kind = IDENTIFY;
        r.bufferEnd = 512;
        this.offer(0, 512, true);
        return;
      }
      case DEVICE_RESET:
        this.resetRegisters();
        return;
      case IDENTIFY_DEVICE:
      case READ_SECTORS:
      case READ_SECTORS_ONCE:
        // Commands of disks are aborted with the packet device's signature in place.
        this.signature();
        this.complete(ABRT);
        return;
      case SET_FEATURES:
        if (r.feature === SET_TRANSFER_MODE) q.transferMode = r.count;
        this.complete(FEATURES.includes(r.feature) ? 0 : ABRT);
        return;
      case CHECK_POWER_MODE:
        r.count = 0xff;
        this.complete();
        return;
      case STANDBY_IMMEDIATE:
      case IDLE_IMMEDIATE:
      case STANDBY:
      case IDLE:
      case SLEEP:
      case FLUSH_CACHE:
        this.complete();
        return;
      default:
        this.complete(ABRT);
    }
  }

  protected blockDone(): void {
    const { r, q } = this;
    if (q.kind === PACKET) {
      r.status = BSY | DRDY;
      this.packet(r.buffer.slice(0, 12));
    } else if (q.kind === IDENTIFY) {
      q.kind = NONE;
      r.bufferEnd = 0;
    } else if (r.position < r.bufferEnd) this.offerData(r.position);
    else if (q.kind === READ && q.left > 0) this.fetch();
    else this.finish();
  }

  /** Ends the packet command: status phase. */
  private finish(key = NO_SENSE, code = 0): void {
    const { r, q } = this;
    q.kind = NONE;
    q.senseKey = key;
    q.senseCode = code;
    r.count = COMMAND_DATA | TO_HOST;
    this.complete();
    if (key === NO_SENSE) return;
    r.error = (key << 4) | (key === ILLEGAL_REQUEST ? ABRT : 0);
    r.status = DRDY | ERR;
  }

  private offerData(start: number): void {
    const { r, q } = this;
    const bytes = Math.min(q.limit, r.bufferEnd - start);
    r.count = TO_HOST;
    r.cylinderLow = bytes & 0xff;
    r.cylinderHigh = bytes >> 8;
    this.offer(start, start + bytes, true);
  }

  /** Answers with bytes that are ready, as many as the host has room for. */
  private answer(bytes: ArrayLike<number>, allocation: number): void {
    const { r, q } = this;
    const length = Math.min(bytes.length, allocation);
    if (length === 0) {
      this.finish();
      return;
    }
    for (let i = 0; i < length; i++) r.buffer[i] = bytes[i];
    r.bufferEnd = length;
    q.kind = DATA;
    if (q.dma) this.startDma(length);
    else this.offerData(0);
  }

  private startDma(bytes: number): void {
    const { r } = this;
    r.status = DRDY | DRQ;
    r.dmaDirection = 1;
    r.dmaBytes = bytes;
    r.count = TO_HOST;
    this.host.dmaReady();
  }

  // ---- packets

  /** A command ends before it begins: its drive has news for the host, or nothing to read. */
  private isEnded(command: number): boolean {
    const { q } = this;
    const attentionExempt = [REQUEST_SENSE, INQUIRY, GET_EVENT_STATUS_NOTIFICATION].includes(command);
    if (q.attention !== 0 && !attentionExempt) {
      const code = q.attention;
      q.attention = 0;
      this.finish(UNIT_ATTENTION, code);
      return true;
    }
    const needsMedium = NEED_MEDIUM.includes(command);
    if (!needsMedium || this.present) return false;
    this.finish(NOT_READY, NO_MEDIUM);
    return true;
  }

  private packet(cdb: Uint8Array): void {
    const { q } = this;
    const command = cdb[0];
    const word = (at: number): number => (cdb[at] << 8) | cdb[at + 1];
    const dword = (at: number): number => word(at) * 65536 + word(at + 2);
    if (this.isEnded(command)) return;
    switch (command) {
      case TEST_UNIT_READY:
      case SEEK_10:
      case SET_CD_SPEED:
        this.finish();
        return;
      case REQUEST_SENSE:
        this.requestSense(cdb[4]);
        return;
      case INQUIRY:
        this.inquiry(cdb);
        return;
      case START_STOP_UNIT:
        this.startStop(cdb[4]);
        return;
      case PREVENT_ALLOW_MEDIUM_REMOVAL:
        q.locked = (cdb[4] & 1) !== 0;
        this.finish();
        return;
      case MODE_SENSE_6:
        this.modeSense(cdb[2], cdb[4], false);
        return;
      case MODE_SENSE_10:
        this.modeSense(cdb[2], word(7), true);
        return;
      case READ_CAPACITY: {
        const last = (this.medium?.sectors ?? 1) - 1;
        this.answer(
          [last >>> 24, (last >>> 16) & 0xff, (last >>> 8) & 0xff, last & 0xff, 0, 0, CD_SECTOR_BYTES >> 8, 0],
          8,
        );
        return;
      }
      case READ_10:
        this.startRead(dword(2), word(7));
        return;
      case READ_12:
        this.startRead(dword(2), dword(6));
        return;
      case READ_CD:
        this.readCd(cdb, dword(2), (cdb[6] << 16) | word(7));
        return;
      case READ_SUBCHANNEL:
        this.answer([0, 0x15, 0, 0], word(7));
        return;
      case READ_TOC:
        this.readToc(cdb, word(7));
        return;
      case GET_CONFIGURATION:
        this.configuration(word(2), cdb[1] & 3, word(7));
        return;
      case GET_EVENT_STATUS_NOTIFICATION:
        this.eventStatus(cdb, word(7));
        return;
      case READ_DISC_INFORMATION:
        // Complete, one session, one track.
        this.answer([0, 32, 0x0e, 1, 1, 1, 1, 0x20, ...new Array<number>(26).fill(0)], word(7));
        return;
      case MECHANISM_STATUS:
        this.answer([0, q.trayOpen ? 0x10 : 0, 0, 0, 0, 1, 0, 0], word(8));
        return;
      default:
        this.finish(ILLEGAL_REQUEST, INVALID_COMMAND);
    }
  }

  private requestSense(allocation: number): void {
    const { q } = this;
    // An attention that was not yet reported is reported here.
    if (q.senseKey === NO_SENSE && q.attention !== 0) {
      q.senseKey = UNIT_ATTENTION;
      q.senseCode = q.attention;
      q.attention = 0;
    }
    const bytes = [0x70, 0, q.senseKey, 0, 0, 0, 0, 10, 0, 0, 0, 0, q.senseCode >> 8, q.senseCode & 0xff, 0, 0, 0, 0];
    q.senseKey = NO_SENSE;
    q.senseCode = 0;
    this.answer(bytes, allocation);
  }

  private inquiry(cdb: Uint8Array): void {
    // Vital product data pages are not supported.
    if (cdb[1] & 1) {
      this.finish(ILLEGAL_REQUEST, INVALID_FIELD);
      return;
    }
    const text = (value: string, length: number): number[] => [...value.padEnd(length)].map(c => c.charCodeAt(0));
    this.answer(
      [0x05, 0x80, 0x05, 0x32, 31, 0, 0, 0, ...text('RINGSIDE', 8), ...text('CD-ROM', 16), ...text('1.0', 4)],
      (cdb[3] << 8) | cdb[4],
    );
  }

  private startStop(bits: number): void {
    const { q } = this;
    const loadEject = (bits & 2) !== 0;
    const start = (bits & 1) !== 0;
    if (loadEject && !start && q.locked) {
      this.finish(NOT_READY, REMOVAL_PREVENTED);
      return;
    }
    if (loadEject && q.trayOpen === start) {
      q.trayOpen = !start;
      q.event = start ? 2 : 3;
      if (start && this.medium) q.attention = MEDIUM_CHANGED;
      this.onTray?.(q.trayOpen);
    }
    this.finish();
  }

  private modeSense(page: number, allocation: number, long: boolean): void {
    const pages: { [code: number]: number[] } = {
      // Error recovery; CD capabilities: plays nothing, reads multi-session and mode 2, locks, ejects by tray, 5632 KB/s.
      0x01: [0x01, 0x06, 0, 5, 0, 0, 0, 0],
      0x2a: [0x2a, 0x12, 0, 0, 0x71, 0x60, this.q.locked ? 0x2b : 0x29, 0, 0x16, 0, 0, 2, 0x02, 0, 0x16, 0, 0, 0, 0, 0],
    };
    const code = page & 0x3f;
    // There are no saved values.
    if (page >> 6 === 3 || (code !== 0x3f && !pages[code])) {
      this.finish(ILLEGAL_REQUEST, page >> 6 === 3 ? 0x3900 : INVALID_FIELD);
      return;
    }
    const body = code === 0x3f ? [...pages[0x01], ...pages[0x2a]] : pages[code];
    const medium = this.present ? 0x01 : 0x70;
    const header = long
      ? [(body.length + 6) >> 8, (body.length + 6) & 0xff, medium, 0, 0, 0, 0, 0]
      : [body.length + 3, medium, 0, 0];
    this.answer([...header, ...body], allocation);
  }

  private startRead(lba: number, count: number): void {
    const { q } = this;
    const sectors = this.medium?.sectors ?? 0;
    if (lba + count > sectors) {
      this.finish(ILLEGAL_REQUEST, OUT_OF_RANGE);
      return;
    }
    if (count === 0) {
      this.finish();
      return;
    }
    q.kind = READ;
    q.lba = lba;
    q.left = count;
    if (q.dma) this.startDma(count * CD_SECTOR_BYTES);
    else this.fetch();
  }

  /** READ CD of user data alone. */
  private readCd(cdb: Uint8Array, lba: number, count: number): void {
    const expected = (cdb[1] >> 2) & 7;
    const fields = cdb[9] & 0xf8;
    if (fields === 0) this.finish();
    else if (fields !== 0x10 || (expected !== 0 && expected !== 2)) this.finish(ILLEGAL_REQUEST, INVALID_FIELD);
    else this.startRead(lba, count);
  }

  private fetch(): void {
    const { r, q, generation, medium } = this;
    // What the command was reading may be gone: the attention is pending until a command reports it.
    if (!medium || q.attention === MEDIUM_CHANGED) {
      this.finish(NOT_READY, NO_MEDIUM);
      return;
    }
    const sectors = Math.min(q.left, CHUNK_SECTORS);
    r.status = BSY | DRDY;
    const pieces = [r.buffer.subarray(0, sectors * CD_SECTOR_BYTES)];
    medium.request({ op: 'read', at: q.lba * CD_SECTOR_BYTES, pieces }, error => {
      if (generation !== this.generation) return;
      if (error) {
        this.finish(MEDIUM_ERROR, READ_ERROR);
        return;
      }
      q.lba += sectors;
      q.left -= sectors;
      r.bufferEnd = sectors * CD_SECTOR_BYTES;
      this.offerData(0);
    });
  }

  private readToc(cdb: Uint8Array, allocation: number): void {
    const msf = (cdb[1] & 2) !== 0;
    const format = cdb[2] & 15 || cdb[9] >> 6;
    const end = this.medium?.sectors ?? 0;
    const address = (lba: number): number[] => {
      if (!msf) return [lba >>> 24, (lba >>> 16) & 0xff, (lba >>> 8) & 0xff, lba & 0xff];
      const frames = lba + 150;
      return [0, Math.floor(frames / 4500), Math.floor(frames / 75) % 60, frames % 75];
    };
    if (format === 0) {
      // One data track, then the lead-out; none after the lead-out's number.
      const start = cdb[6];
      if (start > 1 && start !== 0xaa) {
        this.finish(ILLEGAL_REQUEST, INVALID_FIELD);
        return;
      }
      const track = [0, 0x14, 1, 0, ...address(0)];
      const leadOut = [0, 0x14, 0xaa, 0, ...address(end)];
      const body = start === 0xaa ? leadOut : [...track, ...leadOut];
      this.answer([0, body.length + 2, 1, 1, ...body], allocation);
    } else if (format === 1) this.answer([0, 10, 1, 1, 0, 0x14, 1, 0, ...address(0)], allocation);
    else if (format === 2) {
      const point = (number: number, ...at: number[]): number[] => [1, 0x14, 0, number, 0, 0, 0, ...at];
      const lead = address(end);
      const body = [
        ...point(0xa0, 0, 1, 0, 0),
        ...point(0xa1, 0, 1, 0, 0),
        ...point(0xa2, ...lead),
        ...point(1, ...address(0)),
      ];
      this.answer([0, body.length + 2, 1, 1, ...body], allocation);
    } else this.finish(ILLEGAL_REQUEST, INVALID_FIELD);
  }

  private configuration(first: number, kind: number, allocation: number): void {
    const current = this.present ? 1 : 0;
    const features: [number, number[]][] = [
      // Profile list (CD-ROM), core (ATAPI), removable medium (tray, lock, eject), random readable, CD read.
      [0x0000, [0x00, 0x00, 0x03, 4, 0x00, 0x08, current, 0]],
      [0x0001, [0x00, 0x01, 0x03, 4, 0, 0, 0, 2]],
      [0x0003, [0x00, 0x03, 0x03, 4, 0x29, 0, 0, 0]],
      [0x0010, [0x00, 0x10, current, 8, 0, 0, CD_SECTOR_BYTES >> 8, 0, 0, 1, 0, 0]],
      [0x001e, [0x00, 0x1e, current, 0]],
    ];
    const wanted = features.filter(([code, bytes]) =>
      kind === 2 ? code === first : code >= first && (kind === 0 || bytes[2] & 1),
    );
    const body = wanted.flatMap(([, bytes]) => bytes);
    const length = body.length + 4;
    this.answer([0, 0, length >> 8, length & 0xff, 0, 0, 0, current ? 8 : 0, ...body], allocation);
  }

  private eventStatus(cdb: Uint8Array, allocation: number): void {
    const { q } = this;
    // Asynchronous notification is not supported.
    if (!(cdb[1] & 1)) {
      this.finish(ILLEGAL_REQUEST, INVALID_FIELD);
      return;
    }
    if (!(cdb[4] & 0x10)) {
      this.answer([0, 2, 0x80, 0x10], allocation);
      return;
    }
    const event = q.event;
    q.event = 0;
    this.answer([0, 6, 0x04, 0x10, event, (q.trayOpen ? 1 : 0) | (this.present ? 2 : 0), 0, 0], allocation);
  }

  // ---- DMA

  runDma(target: DmaTarget): void {
    const { r, q, medium, generation } = this;
    if (q.kind === DATA) {
      target.put(r.buffer.subarray(0, r.bufferEnd));
      target.end(true);
      this.finish();
      return;
    }
    r.status = BSY | DRDY;
    inPieces(
      q.left,
      CHUNK_SECTORS,
      (done, sectors, next) => {
        if (!medium || medium !== this.medium) {
          next(new Error('The disc was taken out.'));
          return;
        }
        const piece = r.buffer.subarray(0, sectors * CD_SECTOR_BYTES);
        medium.request({ op: 'read', at: (q.lba + done) * CD_SECTOR_BYTES, pieces: [piece] }, error => {
          if (generation !== this.generation) return;
          if (!error) target.put(piece);
          next(error);
        });
      },
      error => {
        target.end(!error);
        if (error) this.finish(MEDIUM_ERROR, READ_ERROR);
        else this.finish();
      },
    );
  }

  // ---- state

  protected resume(): void {
    const { r, q } = this;
    if (q.kind === READ && q.dma) r.status = DRDY | DRQ;
    else if (q.kind === READ) this.fetch();
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
