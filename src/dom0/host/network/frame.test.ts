import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checksum,
  get16,
  get32,
  ipFrame,
  parseAddress,
  parseIp,
  parseUdp,
  put16,
  put32,
  udpFrame,
} from '../../../devices/net/packets.ts';
import { finish, headersOf } from './frame.ts';

const path = {
  fromMac: Uint8Array.of(0, 0x16, 0x3e, 0, 0, 1),
  from: parseAddress('10.0.2.15'),
  toMac: Uint8Array.of(0, 0x16, 0x3e, 0, 0, 2),
  to: parseAddress('10.0.2.16'),
};

/** Sum over a transport with its pseudo header: 0 where its checksum is right. */
function verify(bytes: Uint8Array): number {
  const packet = parseIp(bytes)!;
  const pseudo = new Uint8Array(12 + packet.payload.length);
  put32(pseudo, 0, packet.source);
  put32(pseudo, 4, packet.destination);
  pseudo[9] = packet.protocol;
  put16(pseudo, 10, packet.payload.length);
  pseudo.set(packet.payload, 12);
  return checksum(pseudo);
}

/** TCP with 12 bytes of options, FIN, PSH, ACK and CWR set. */
function tcp(data: Uint8Array): Uint8Array {
  const segment = new Uint8Array(32 + data.length);
  put16(segment, 0, 1000);
  put16(segment, 2, 2000);
  put32(segment, 4, 0xfffffff0);
  segment[12] = 0x80;
  segment[13] = 0x99;
  segment.fill(1, 20, 32);
  segment.set(data, 32);
  return ipFrame(path, 6, segment);
}

describe('what a sender has left to do', () => {
  it('is a checksum of UDP or TCP that is then right', () => {
    const udp = udpFrame(path, 5, 6, Uint8Array.of(1, 2, 3));
    const blank = udp.slice();
    put16(blank, 14 + 20 + 6, 0x1234);
    const [done] = finish({ bytes: blank, blankChecksum: true });
    expect(done).toEqual(udp);
    expect(parseUdp(parseIp(done)!)).not.toBeNull();
    expect(blank[14 + 20 + 6]).toBe(0x12);
    expect(verify(finish({ bytes: tcp(Uint8Array.of(9)), blankChecksum: true })[0])).toBe(0);
  });

  it('is to cut TCP data into segments that come together as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9000 }), fc.integer({ min: 8, max: 1448 }), (data, segmentBytes) => {
        const parts = finish({ bytes: tcp(data), blankChecksum: true, segmentBytes });
        expect(parts).toHaveLength(Math.max(1, Math.ceil(data.length / segmentBytes)));
        const joined: number[] = [];
        parts.forEach((part, i) => {
          const packet = parseIp(part)!;
          expect(verify(part)).toBe(0);
          expect(get32(packet.payload, 4)).toBe((0xfffffff0 + i * segmentBytes) >>> 0);
          expect(get16(part, 18)).toBe(i);
          const isLast = i === parts.length - 1;
          expect(packet.payload[13]).toBe(0x10 | (isLast ? 0x09 : 0) | (i === 0 ? 0x80 : 0));
          joined.push(...packet.payload.subarray(32));
        });
        expect(joined).toEqual([...data]);
      }),
      { numRuns: 60 },
    );
  });

  it('is nothing that can be done on other packets: they are lost', () => {
    const arp = ipFrame(path, 1, new Uint8Array(8));
    arp[12] = 8;
    arp[13] = 6;
    expect(finish({ bytes: arp, blankChecksum: true })).toEqual([]);
    expect(finish({ bytes: udpFrame(path, 1, 2, new Uint8Array(100)), segmentBytes: 50 })).toEqual([]);
    expect(finish({ bytes: tcp(new Uint8Array(100)), segmentBytes: 7 })).toEqual([]);
    expect(finish({ bytes: tcp(new Uint8Array(9000)), segmentBytes: 4000 })).toEqual([]);
    expect(finish({ bytes: new Uint8Array(1515) })).toEqual([]);
    expect(finish({ bytes: arp })).toEqual([arp]);
  });

  it('never fails on bytes that are no packet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(70000), (bytes, segmentBytes) => {
        if (bytes.length > 14) bytes.set([8, 0, 0x45], 12);
        headersOf(bytes);
        finish({ bytes, blankChecksum: true });
        expect(finish({ bytes, segmentBytes }).length).toBeLessThan(30);
      }),
    );
  });
});
