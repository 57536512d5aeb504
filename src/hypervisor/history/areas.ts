/**
 * Parts of machine memory that are a domain's but not its frames of RAM, at the moments of its past: records, second stage, picture. Nobody notes what is written
 * there, so each is compared with what it was at the last moment.
 */
import type { Domain } from '../domain/domain.ts';
import {
  COUNTER_WORDS,
  DOMAIN,
  FRAME_BYTES,
  MOST_GUEST_RECORD_BYTES,
  SCREEN_BYTES,
  VCPU_BYTES,
  WIRE_BYTES,
} from '../layout/layout.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import { isPiece, PIECE_WORDS, putPiece } from './pieces.ts';
import { Versions } from './versions.ts';

/** Pieces of an area at most. */
const AREA_PIECES = 2 ** 16;

interface Area {
  /** Word of machine memory. */
  at: number;
  words: number;
}

export class Areas {
  readonly versions = new Versions();
  private readonly domain: Domain;

  constructor(domain: Domain) {
    this.domain = domain;
  }

  /** Always in the same order. The picture's memory comes with the first picture, and may move. */
  private get areas(): Area[] {
    const { machine, record } = this.domain.options;
    const area = (byte: number, bytes: number): Area => ({ at: byte >>> 2, words: byte === 0 ? 0 : bytes / 4 });
    const entry = machine.domainEntry(record);
    return [
      area(record.countersOffset, COUNTER_WORDS * 4),
      area(record.screenOffset, SCREEN_BYTES),
      area(record.vcpuOffset, record.vcpus * VCPU_BYTES),
      area(record.liveOffset, R.STATE_WORDS * 4),
      area(record.guestOffset, MOST_GUEST_RECORD_BYTES),
      area(record.wireOffset, record.wires * WIRE_BYTES),
      area(record.p2mOffset, record.p2mFrames * 4),
      area(
        machine.words[entry + DOMAIN.PIXELS] * FRAME_BYTES,
        machine.words[entry + DOMAIN.PIXEL_FRAMES] * FRAME_BYTES,
      ),
    ];
  }

  /** Each piece by its number, its first word of machine memory, and how many it has. */
  private *pieces(): Generator<[number: number, at: number, count: number]> {
    let first = 0;
    for (const { at, words } of this.areas) {
      for (let n = 0, from = 0; from < words; n++, from += PIECE_WORDS)
        yield [first + n, at + from, Math.min(PIECE_WORDS, words - from)];
      first += AREA_PIECES;
    }
  }

  /** As they are now, `before` having been the moment before. */
  take(moment: number, before: number): void {
    const { words } = this.domain.options.machine;
    for (const [number, at, count] of this.pieces())
      if (!isPiece(words, at, count, this.wordsAt(before, number)))
        this.versions.put(moment, number, new Uint8Array(words.slice(at, at + count).buffer));
  }

  put(moment: number): void {
    const { words } = this.domain.options.machine;
    for (const [number, at, count] of this.pieces()) putPiece(words, at, this.wordsAt(moment, number), count);
  }

  private wordsAt(moment: number, number: number): Int32Array | undefined {
    const piece = this.versions.at(moment, number);
    return piece && new Int32Array(piece.buffer);
  }
}
