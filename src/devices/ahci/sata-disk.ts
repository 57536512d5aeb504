/**
 * A Serial ATA disk: up to 32 queued commands, which end in any order.
 * Sources: ATA8-ACS-3 (T13/2161-D), clause 7 (commands); Serial ATA 3.0, 13.6 (native command queuing).
 */
import type { State } from '../bus.ts';
import { type BlockDevice, DeviceFull } from '../../formats/blocks/index.ts';
import { identifyAta } from '../ide/identify.ts';
import { defaultGeometry } from '../ide/identify.ts';
import { assignState, copyState, resetState } from '../state.ts';
import {
  ATA,
  ERROR,
  ERROR_LOG,
  isQueued,
  LOG,
  MOST_SECTORS,
  MOST_TRIM_BLOCKS,
  NOT_QUEUED,
  type Request,
  SECTOR_BYTES,
  SENSE,
  STATUS,
  TRIM,
  TRIM_RANGES,
} from './commands.ts';
import type { Regions } from './regions.ts';

/** How a command ended: what the FIS to the host says. */
export interface Ended {
  status: number;
  error: number;
  /** Moved. */
  bytes: number;
  /** In the FIS's address registers. */
  lba: number;
}

type End = (ended: Ended) => void;

const initial = () => ({
  writeCache: true,
  transferMode: 0,
  /** SET FEATURES C3h: status bit 1 says that there is a sense. */
  reportsSense: false,
  /** Of the last command that failed: its slot (or NOT_QUEUED), status and error register, sense key and codes. */
  failedTag: NOT_QUEUED,
  failedStatus: 0,
  failedError: 0,
  sense: 0,
});

/** SET FEATURES. */
const FEATURE = { CACHE_ON: 0x02, TRANSFER_MODE: 0x03, CACHE_OFF: 0x82, SENSE: 0xc3 } as const;

export class SataDisk {
  readonly medium: BlockDevice;
  private readonly r = initial();
  private readonly serial: string;

  constructor(medium: BlockDevice, serial: string) {
    this.medium = medium;
    this.serial = serial;
  }

  reset(): void {
    resetState(this.r, initial());
  }

  /** Carries out a command from slot `tag`; `end` is called once, at once or later. */
  run(request: Request, tag: number, data: Regions, end: End): void {
    const { r } = this;
    const { command, features, lba, count } = request;
    const good = (bytes = 0, at = 0): void => end({ status: STATUS.READY, error: 0, bytes, lba: at });
    const fail = (error: number, sense: number): void => this.fail(command, tag, error, sense, end);
    const invalid = (): void => fail(ERROR.ABORTED, SENSE.INVALID);
    const flush = (): void =>
      this.medium.request({ op: 'flush' }, error =>
        error ? fail(ERROR.ABORTED, senseOf(error, SENSE.WRITE_ERROR)) : good(),
      );
    switch (command) {
      case ATA.READ_QUEUED:
      case ATA.WRITE_QUEUED:
        return this.move(request, features || MOST_SECTORS, tag, data, end);
      case ATA.READ_DMA_EXT:
      case ATA.WRITE_DMA_EXT:
        return this.move(request, count || MOST_SECTORS, tag, data, end);
      case ATA.FLUSH_CACHE:
      case ATA.FLUSH_CACHE_EXT:
        return flush();
      case ATA.DATA_SET_MANAGEMENT:
        return features === TRIM && count >= 1 && count <= MOST_TRIM_BLOCKS && data.bytes >= count * SECTOR_BYTES
          ? this.trim(count, tag, data, end)
          : invalid();
      case ATA.IDENTIFY:
        data.put(this.identify());
        return good(SECTOR_BYTES);
      case ATA.READ_LOG_EXT:
        if ((lba & 0xff) !== ERROR_LOG || count !== 1) return invalid();
        data.put(this.errorLog());
        return good(SECTOR_BYTES);
      case ATA.REQUEST_SENSE:
        return good(0, r.sense);
      case ATA.SET_FEATURES:
        switch (features) {
          case FEATURE.TRANSFER_MODE:
            r.transferMode = count & 0xff;
            return good();
          case FEATURE.SENSE:
            r.reportsSense = (count & 1) !== 0;
            return good();
          case FEATURE.CACHE_ON:
            r.writeCache = true;
            return good();
          case FEATURE.CACHE_OFF:
            r.writeCache = false;
            return flush();
          default:
            return invalid();
        }
      case ATA.STANDBY_IMMEDIATE:
        return good();
      default:
        return invalid();
    }
  }

  /** Sectors from or to memory: in place where that can be, else by a copy. */
  private move({ command, lba }: Request, sectors: number, tag: number, data: Regions, end: End): void {
    const { medium, r } = this;
    const bytes = sectors * SECTOR_BYTES;
    if (lba + sectors > medium.sectors) return this.fail(command, tag, ERROR.NOT_FOUND, SENSE.OUT_OF_RANGE, end);
    if (data.bytes < bytes) return this.fail(command, tag, ERROR.ABORTED, SENSE.INVALID, end);
    const reads = command === ATA.READ_QUEUED || command === ATA.READ_DMA_EXT;
    const views = data.views(bytes, reads);
    const pieces = views ?? [new Uint8Array(bytes)];
    const ended = (error?: Error): void => {
      if (error)
        return this.fail(
          command,
          tag,
          reads ? ERROR.UNCORRECTABLE : ERROR.ABORTED,
          senseOf(error, reads ? SENSE.READ_ERROR : SENSE.WRITE_ERROR),
          end,
        );
      if (reads && !views) data.put(pieces[0]);
      end({ status: STATUS.READY, error: 0, bytes, lba: 0 });
    };
    const at = lba * SECTOR_BYTES;
    if (reads) return medium.request({ op: 'read', at, pieces }, ended);
    if (!views) data.take(pieces[0]);
    medium.request({ op: 'write', at, pieces }, error =>
      error || r.writeCache ? ended(error) : medium.request({ op: 'flush' }, ended),
    );
  }

  /** Ranges that join are one: the medium gives back whole units only. */
  private trim(blocks: number, tag: number, data: Regions, end: End): void {
    const { medium } = this;
    const bytes = new Uint8Array(blocks * SECTOR_BYTES);
    data.take(bytes);
    const view = new DataView(bytes.buffer);
    const ranges: { lba: number; sectors: number }[] = [];
    for (let i = 0; i < blocks * TRIM_RANGES; i++) {
      const lba = view.getUint32(8 * i, true) + view.getUint16(8 * i + 4, true) * 2 ** 32,
        sectors = view.getUint16(8 * i + 6, true);
      if (sectors === 0) continue;
      if (lba + sectors > medium.sectors)
        return this.fail(ATA.DATA_SET_MANAGEMENT, tag, ERROR.NOT_FOUND, SENSE.OUT_OF_RANGE, end);
      const last = ranges.at(-1);
      if (last && last.lba + last.sectors === lba) last.sectors += sectors;
      else ranges.push({ lba, sectors });
    }
    const next = (): void => {
      const range = ranges.shift();
      if (!range) return end({ status: STATUS.READY, error: 0, bytes: bytes.length, lba: 0 });
      const discard = { op: 'discard', at: range.lba * SECTOR_BYTES, bytes: range.sectors * SECTOR_BYTES } as const;
      medium.request(discard, error =>
        error ? this.fail(ATA.DATA_SET_MANAGEMENT, tag, ERROR.ABORTED, senseOf(error, SENSE.WRITE_ERROR), end) : next(),
      );
    };
    next();
  }

  private fail(command: number, tag: number, error: number, sense: number, end: End): void {
    const { r } = this;
    r.failedTag = isQueued(command) ? tag : NOT_QUEUED;
    r.failedError = error;
    r.sense = sense;
    r.failedStatus = STATUS.READY | STATUS.ERROR | (r.reportsSense ? STATUS.SENSE : 0);
    end({ status: r.failedStatus, error, bytes: 0, lba: 0 });
  }

  private errorLog(): Uint8Array {
    const { r } = this;
    const log = new Uint8Array(SECTOR_BYTES);
    log[LOG.TAG] = r.failedTag;
    log[LOG.STATUS] = r.failedStatus;
    log[LOG.ERROR] = r.failedError;
    log.set([r.sense >>> 16, (r.sense >>> 8) & 0xff, r.sense & 0xff], LOG.SENSE);
    // All bytes sum to 0.
    log[LOG.SUM] = -log.reduce((sum, byte) => sum + byte, 0);
    return log;
  }

  private identify(): Uint8Array {
    const { r, medium } = this;
    const words = identifyAta({
      sectors: medium.sectors,
      geometry: defaultGeometry(medium.sectors),
      multiple: 0,
      transferMode: r.transferMode,
      serial: this.serial,
      writeCache: r.writeCache,
    });
    // 32 commands deep; 1.5 and 3 Gb/s, queued commands.
    words[75] = 31;
    words[76] = 0x0106;
    // ATA-4 to ATA8-ACS; no parallel cable.
    words[80] = 0x01f0;
    words[93] = 0;
    // Blocks of ranges to trim at a time, and that there is Trim.
    words[105] = MOST_TRIM_BLOCKS;
    words[169] = 1;
    // Sense data are reported, and whether that is on.
    words[119] = 0x4040;
    words[120] = 0x4000 | (r.reportsSense ? 0x40 : 0);
    // Nothing turns.
    words[217] = 1;
    return new Uint8Array(words.buffer);
  }

  save(): State {
    return copyState(this.r);
  }

  /** @throws StateError */
  restore(name: string, state: State): void {
    assignState(name, this.r, state);
  }
}

const senseOf = (error: Error, bad: number): number => (error instanceof DeviceFull ? SENSE.NO_ROOM : bad);
