/** Packets of libvirt's protocol, in whatever pieces a socket brings them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketError, PacketReader, packetOf } from './packets.ts';
import { REMOTE_PROGRAM, TYPE, VERSION } from './protocol.ts';
import type { Header } from './types.ts';

const head = (serial: number): Header => ({
  program: REMOTE_PROGRAM,
  version: VERSION,
  procedure: 1,
  type: TYPE.CALL,
  serial,
  status: 0,
});

describe("libvirt's packets", () => {
  it('are the same, however they are cut on their way', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1 }), (wanted, cuts) => {
        const sent = wanted.map((payload, i) => ({ header: head(i), payload }));
        const bytes = Uint8Array.from(sent.flatMap(({ header, payload }) => [...packetOf(header, payload)]));
        const reader = new PacketReader();
        const read: unknown[] = [];
        let at = 0;
        for (const count of cuts) {
          read.push(...reader.take(bytes.slice(at, at + count)));
          at += count;
        }
        read.push(...reader.take(bytes.slice(at)));
        expect(read).toEqual(sent);
      }),
    );
  });

  it('with descriptors are followed by a byte for each, which is no part of the next', () => {
    const many = { header: { ...head(1), type: TYPE.CALL_WITH_FDS }, payload: Uint8Array.of(0, 0, 0, 2, 9, 9, 9, 9) };
    const next = { header: head(2), payload: Uint8Array.of(1, 2, 3, 4) };
    const sent = [...packetOf(many.header, many.payload), 0, 0, ...packetOf(next.header, next.payload)];
    for (const cut of [20, 36, 37, 38, 40]) {
      const reader = new PacketReader();
      expect([
        ...reader.take(Uint8Array.from(sent.slice(0, cut))),
        ...reader.take(Uint8Array.from(sent.slice(cut))),
      ]).toEqual([many, next]);
    }
    const tooMany = packetOf(many.header, Uint8Array.of(0, 0, 0, 33));
    expect(() => [...new PacketReader().take(tooMany)]).toThrow(PacketError);
  });

  it('end with a length that none has', () => {
    for (const length of [0, 27, 33_554_437, 0xffff_ffff]) {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, length);
      expect(() => [...new PacketReader().take(bytes)]).toThrow(PacketError);
    }
  });
});
