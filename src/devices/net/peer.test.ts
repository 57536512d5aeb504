import { concat } from '../../formats/bytes/index.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { TestTimers } from '../testing.ts';
import {
  ascii,
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
} from './packets.ts';
import { NetworkPeer } from './peer.ts';
import { OWN_SUBNET } from './subnet.ts';

const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const EVERYBODY = new Uint8Array(6).fill(0xff);
const ME = parseAddress('10.0.2.15'),
  GATEWAY = parseAddress('10.0.2.2'),
  DNS = parseAddress('10.0.2.3');
const GATEWAY_MAC = Uint8Array.of(0x52, 0x55, 10, 0, 2, 2),
  DNS_MAC = Uint8Array.of(0x52, 0x55, 10, 0, 2, 3);
const FILE = Uint8Array.from({ length: 1500 }, (_, i) => i * 7);

let timers: TestTimers;
let peer: NetworkPeer;
let got: Uint8Array[];

beforeEach(() => {
  timers = new TestTimers();
  peer = new NetworkPeer(timers, {
    files: new Map([
      ['boot/kernel', FILE],
      ['full', FILE.slice(0, 1024)],
    ]),
    names: { 'Host.Example': '192.0.2.7' },
    bootFile: 'boot/kernel',
  });
  got = [];
  peer.receive = frame => got.push(frame);
});

/** What comes back within a millisecond. */
function ask(frame: Uint8Array): Uint8Array[] {
  got = [];
  peer.send(frame);
  expect(got).toEqual([]);
  timers.advanceMs(1);
  return got;
}

const toGateway = { fromMac: MAC, from: ME, toMac: GATEWAY_MAC, to: GATEWAY };
const toDns = { fromMac: MAC, from: ME, toMac: DNS_MAC, to: DNS };
const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, '').match(/../g)!, byte => parseInt(byte, 16));
function udpOf(frame: Uint8Array): Uint8Array {
  const packet = parseIp(frame);
  expect(packet).not.toBeNull();
  const udp = parseUdp(packet!);
  expect(udp).not.toBeNull();
  return udp!.data;
}

describe('ARP', () => {
  // Who has 10.0.2.2? Tell 10.0.2.15.
  const question = hex(
    'ffffffffffff 525400123456 0806 0001 0800 06 04 0001 525400123456 0a00020f 000000000000 0a000202',
  );

  it('is answered for the gateway, later, not inside the card’s access', () => {
    expect(ask(question)).toEqual([
      hex('525400123456 52550a000202 0806 0001 0800 06 04 0002 52550a000202 0a000202 525400123456 0a00020f'),
    ]);
  });

  it('is not answered for others, nor when malformed', () => {
    const other = question.slice();
    other[41] = 99;
    expect(ask(other)).toEqual([]);
    expect(ask(question.subarray(0, 30))).toEqual([]);
    const answer = question.slice();
    answer[21] = 2;
    expect(ask(answer)).toEqual([]);
  });
});

describe('ICMP', () => {
  // Type 8, checksum, identifier 0x1234, sequence 1, four bytes.
  function echo(): Uint8Array {
    const message = hex('08 00 0000 1234 0001 61626364');
    put16(message, 2, checksum(message));
    return message;
  }

  it('echoes', () => {
    const [reply] = ask(ipFrame(toGateway, 1, echo()));
    const packet = parseIp(reply)!;
    expect([packet.source, packet.destination, packet.protocol]).toEqual([GATEWAY, ME, 1]);
    expect(checksum(packet.payload)).toBe(0);
    expect(packet.payload.subarray(4)).toEqual(echo().subarray(4));
    expect(packet.payload[0]).toBe(0);
    expect(reply.subarray(0, 12)).toEqual(concat(MAC, GATEWAY_MAC));
  });

  it('drops wrong checksums, fragments, short packets and frames for other stations', () => {
    const wrong = echo();
    wrong[8]++;
    expect(ask(ipFrame(toGateway, 1, wrong))).toEqual([]);
    const header = ipFrame(toGateway, 1, echo());
    header[22]--;
    expect(ask(header)).toEqual([]);
    expect(ask(ipFrame(toGateway, 1, echo()).subarray(0, 40))).toEqual([]);
    expect(ask(ipFrame({ ...toGateway, toMac: Uint8Array.of(2, 0, 0, 0, 0, 5) }, 1, echo()))).toEqual([]);
    const fragment = ipFrame(toGateway, 1, echo());
    put16(fragment, 20, 0x2000);
    put16(fragment, 24, 0);
    put16(fragment, 24, checksum(fragment.subarray(14, 34)));
    expect(ask(fragment)).toEqual([]);
  });

  it('says that there is no way further, and no such port', () => {
    const [further] = ask(ipFrame({ ...toGateway, to: parseAddress('192.0.2.1') }, 1, echo()));
    expect([...parseIp(further)!.payload.subarray(0, 2)]).toEqual([3, 0]);
    const [port] = ask(udpFrame(toGateway, 1000, 9, ascii('x')));
    const error = parseIp(port)!.payload;
    expect([...error.subarray(0, 2)]).toEqual([3, 3]);
    expect(checksum(error)).toBe(0);
    expect(get16(error, 8 + 20 + 2)).toBe(9);
    // No error about an error.
    expect(ask(ipFrame({ ...toGateway, to: parseAddress('192.0.2.1') }, 1, error))).toEqual([]);
  });
});

describe('DHCP', () => {
  const from = { fromMac: MAC, from: 0, toMac: EVERYBODY, to: 0xffffffff };
  function message(type: number, options: string, fill: (fixed: Uint8Array) => void = () => {}): Uint8Array {
    const fixed = new Uint8Array(240);
    fixed.set([1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
    fixed.set(MAC, 28);
    put32(fixed, 236, 0x63825363);
    fill(fixed);
    return udpFrame(from, 68, 67, concat(fixed, Uint8Array.of(53, 1, type), hex(`${options} ff`)));
  }
  function options(data: Uint8Array): Map<number, Uint8Array> {
    const map = new Map<number, Uint8Array>();
    for (let at = 240; data[at] !== 255; at += 2 + data[at + 1])
      map.set(data[at], data.subarray(at + 2, at + 2 + data[at + 1]));
    return map;
  }

  it('goes from DISCOVER to ACK', () => {
    const [offerFrame] = ask(message(1, '0000'));
    const offer = udpOf(offerFrame);
    expect(offerFrame.subarray(0, 6)).toEqual(MAC);
    expect([offer[0], get32(offer, 4), get32(offer, 16), get32(offer, 20)]).toEqual([2, 0xdeadbeef, ME, GATEWAY]);
    const offered = options(offer);
    expect([...offered.get(53)!]).toEqual([2]);
    expect([1, 3, 6, 54].map(code => get32(offered.get(code)!, 0))).toEqual([0xffffff00, GATEWAY, DNS, GATEWAY]);
    expect(get32(offered.get(51)!, 0)).toBeGreaterThan(0);
    const [ack] = ask(message(3, '32 04 0a00020f 36 04 0a000202'));
    expect([...options(udpOf(ack)).get(53)!]).toEqual([5]);
    expect(get32(udpOf(ack), 16)).toBe(ME);
  });

  it('answers to everybody where the client asks for that', () => {
    const [offer] = ask(
      message(1, '', fixed => {
        fixed[10] = 0x80;
      }),
    );
    expect(offer.subarray(0, 6)).toEqual(EVERYBODY);
    expect(parseIp(offer)!.destination).toBe(0xffffffff);
  });

  it('refuses an address of another network', () => {
    const [nak] = ask(message(3, '32 04 c0a80005'));
    expect([...options(udpOf(nak)).get(53)!]).toEqual([6]);
    expect(get32(udpOf(nak), 16)).toBe(0);
  });

  it('has given an address once it was asked for and acknowledged, not when it was offered', () => {
    const client = [...from.fromMac].map(byte => byte.toString(16).padStart(2, '0')).join(':');
    ask(message(1, ''));
    expect(peer.leaseOf(client)).toBeUndefined();
    ask(message(3, '32 04 0a00020f 36 04 0a000202'));
    expect(peer.leaseOf(client)).toBe(ME);
  });

  it('gives nobody what another station says it has, and leaves a station what it has', () => {
    const taken = new Map([
      [ME, ['02:00:00:00:00:09']],
      [ME + 5, ['52:54:00:12:34:56']],
    ]);
    peer = new NetworkPeer(timers, { holdersOf: address => taken.get(address) ?? [] });
    peer.receive = frame => got.push(frame);
    const wants = (address: number): string => `32 04 ${address.toString(16).padStart(8, '0')}`;
    const [offer] = ask(message(1, ''));
    expect(get32(udpOf(offer), 16)).toBe(ME + 1);
    // A guest of a network that was joined to this one renews what it got there.
    const [renewed] = ask(message(3, wants(ME + 5)));
    expect([...options(udpOf(renewed)).get(53)!]).toEqual([6]);
    taken.set(ME + 1, ['02:00:00:00:00:08']);
    const [ack] = ask(message(3, wants(ME + 5)));
    expect([[...options(udpOf(ack)).get(53)!], get32(udpOf(ack), 16)]).toEqual([[5], ME + 5]);
    // It is had by two: whoever asks here gets another.
    taken.set(ME + 5, ['52:54:00:12:34:56', '02:00:00:00:00:07']);
    expect([...options(udpOf(ask(message(3, wants(ME + 5)))[0])).get(53)!]).toEqual([6]);
  });

  it('keeps out of another server’s business, and ignores the malformed', () => {
    expect(ask(message(3, '32 04 0a00020f 36 04 0a000263'))).toEqual([]);
    expect(ask(message(1, '0c 50'))).toEqual([]);
    expect(ask(message(1, '', fixed => put32(fixed, 236, 0)))).toEqual([]);
    expect(ask(udpFrame(from, 68, 67, new Uint8Array(20)))).toEqual([]);
  });

  it('gives every station an address of its own, always the same', () => {
    ask(message(1, ''));
    const second = (fixed: Uint8Array): void => {
      fixed[33]++;
    };
    expect(get32(udpOf(ask(message(1, '', second))[0]), 16)).toBe(ME + 1);
    expect(get32(udpOf(ask(message(1, ''))[0]), 16)).toBe(ME);
  });
});

describe('DNS', () => {
  const query = (name: string, type = 1): Uint8Array =>
    concat(
      hex('abcd 0100 0001 0000 0000 0000'),
      ...name.split('.').map(label => concat(Uint8Array.of(label.length), ascii(label))),
      Uint8Array.of(0, 0, type, 0, 1),
    );

  it('resolves its own names and those of the table, in any case of letters', () => {
    const reply = udpOf(ask(udpFrame(toDns, 5000, 53, query('HOST.example')))[0]);
    expect(get16(reply, 0)).toBe(0xabcd);
    expect(get16(reply, 2) & 0x800f).toBe(0x8000);
    expect(get16(reply, 6)).toBe(1);
    expect(get32(reply, reply.length - 4)).toBe(parseAddress('192.0.2.7'));
    expect(get16(reply, reply.length - 16)).toBe(0xc00c);
    const own = udpOf(ask(udpFrame(toDns, 5000, 53, query('gateway.ringside')))[0]);
    expect(get32(own, own.length - 4)).toBe(GATEWAY);
  });

  it('answers nothing for other types and NXDOMAIN for other names', () => {
    const other = udpOf(ask(udpFrame(toDns, 5000, 53, query('gateway.ringside', 28)))[0]);
    expect([get16(other, 2) & 15, get16(other, 6)]).toEqual([0, 0]);
    const unknown = udpOf(ask(udpFrame(toDns, 5000, 53, query('no.such')))[0]);
    expect([get16(unknown, 2) & 15, get16(unknown, 6)]).toEqual([3, 0]);
  });

  it('forgets the names that the network has no more, and keeps those of the table', () => {
    const codeOf = (name: string): number => get16(udpOf(ask(udpFrame(toDns, 5000, 53, query(name)))[0]), 2) & 15;
    const codes = (): number[] => ['seven.lan', 'host.example'].map(codeOf);
    peer.change({ ...OWN_SUBNET, names: new Map([['seven.lan', ME + 7]]) });
    expect(codes()).toEqual([0, 0]);
    peer.change(OWN_SUBNET);
    expect(codes()).toEqual([3, 0]);
  });

  it('ignores names that run out, point elsewhere or do not end', () => {
    for (const name of ['3f61', 'c00c 0001 0001', '01 61', `${'0161'.repeat(200)} 00 0001 0001`]) {
      expect(ask(udpFrame(toDns, 5000, 53, concat(hex('abcd 0100 0001 0000 0000 0000'), hex(name))))).toEqual([]);
    }
  });
});

describe('TFTP', () => {
  const request = (text: string, opcode = 1): Uint8Array =>
    udpFrame(toGateway, 2000, 69, concat(Uint8Array.of(0, opcode), ascii(text)));
  function read(first: Uint8Array): { content: Uint8Array; blocks: number; options: string } {
    const parts: Uint8Array[] = [];
    let options = '';
    let [frame] = ask(first);
    while (frame) {
      const data = udpOf(frame);
      const port = get16(frame, 34);
      const opcode = get16(data, 0);
      if (opcode === 6) options = new TextDecoder().decode(data.subarray(2));
      else {
        expect(opcode).toBe(3);
        expect(get16(data, 2)).toBe(parts.length + 1);
        parts.push(data.slice(4));
      }
      const acknowledgement = new Uint8Array(4);
      put16(acknowledgement, 0, 4);
      put16(acknowledgement, 2, parts.length);
      [frame] = ask(udpFrame(toGateway, 2000, port, acknowledgement));
    }
    return { content: concat(...parts), blocks: parts.length, options };
  }

  it('reads a file in blocks of 512 bytes', () => {
    const { content, blocks } = read(request('boot/kernel\0octet\0'));
    expect(content).toEqual(FILE);
    expect(blocks).toBe(3);
  });

  it('waits for a file that has to be fetched, and gives out others from then on', async () => {
    let answers = 0;
    let fetched = (_content: Uint8Array | undefined): void => {};
    peer = new NetworkPeer(timers, { answered: () => answers++ });
    peer.receive = frame => got.push(frame);
    expect(udpOf(ask(request('boot/kernel\0octet\0'))[0]).subarray(0, 4)).toEqual(hex('0005 0001'));
    peer.giveOut({
      files: {
        get: () =>
          new Promise(resolve => {
            fetched = resolve;
          }),
      },
      bootFile: 'boot/kernel',
    });
    expect(ask(request('boot/kernel\0octet\0'))).toEqual([]);
    fetched(FILE);
    await Promise.resolve();
    await Promise.resolve();
    timers.advanceMs(1);
    expect(answers).toBe(1);
    expect(got).toHaveLength(1);
    expect(udpOf(got[0]!)).toEqual(concat(hex('0003 0001'), FILE.subarray(0, 512)));
    expect(ask(request('none\0octet\0'))).toEqual([]);
    got = [];
    fetched(undefined);
    await Promise.resolve();
    await Promise.resolve();
    timers.advanceMs(1);
    expect(udpOf(got[0]!).subarray(0, 4)).toEqual(hex('0005 0001'));
    peer.giveOut({});
    expect(udpOf(ask(request('boot/kernel\0octet\0'))[0]).subarray(0, 4)).toEqual(hex('0005 0001'));
  });

  it('ends a file of whole blocks with an empty one', () => {
    expect(read(request('/full\0octet\0')).blocks).toBe(3);
  });

  it('agrees on a block size and tells the length', () => {
    const { content, blocks, options } = read(request('boot/kernel\0octet\0blksize\x001024\0tsize\x000\0'));
    expect(content).toEqual(FILE);
    expect(blocks).toBe(2);
    expect(options).toBe('blksize\x001024\0tsize\x001500\0');
    expect(read(request('boot/kernel\0octet\0blksize\x0065464\0')).options).toBe('blksize\x001468\0');
  });

  it('refuses files that it does not have, and writing', () => {
    expect([...udpOf(ask(request('secret\0octet\0'))[0]).subarray(0, 4)]).toEqual([0, 5, 0, 1]);
    expect([...udpOf(ask(request('full\0octet\0', 2))[0]).subarray(0, 4)]).toEqual([0, 5, 0, 2]);
  });

  // RFC 1350, 4: the request may be there twice; the first answer that its client gets is the one that it goes on with.
  it('has one answer for a request that comes twice before that, and leaves a transfer alone that goes on', () => {
    const again = request('boot/kernel\0octet\0tsize\x000\0');
    const [first] = ask(again),
      [second] = ask(again);
    expect(second).toEqual(first);
    const acknowledge = (frame: Uint8Array, block: number): Uint8Array[] =>
      ask(udpFrame(toGateway, 2000, get16(frame, 34), Uint8Array.of(0, 4, 0, block)));
    expect(udpOf(acknowledge(first!, 0)[0]!)).toEqual(concat(hex('0003 0001'), FILE.subarray(0, 512)));
    // It was long on its way: its client has no use for another transfer.
    const [late] = ask(again);
    expect(get16(late!, 34)).not.toBe(get16(first!, 34));
    expect(udpOf(acknowledge(first!, 1)[0]!)).toEqual(concat(hex('0003 0002'), FILE.subarray(512, 1024)));
    ask(udpFrame(toGateway, 2000, get16(late!, 34), hex('0005 0005 00')));
    got = [];
    timers.advanceMs(1100);
    expect(got.map(frame => get16(frame, 34))).toEqual([get16(first!, 34)]);
  });

  it('sends a block again that nobody acknowledges, and gives up in the end', () => {
    const [first] = ask(request('full\0octet\0'));
    timers.advanceMs(1100);
    expect(got[1]).toEqual(first);
    timers.advanceMs(60_000);
    expect(got.length).toBe(6);
    expect(timers.nextDeadlineNs).toBe(Infinity);
  });
});

describe('what may come in', () => {
  it('is any bytes: nothing breaks, and answers on the way are bounded', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const seeds = [
      udpFrame(toDns, 5000, 53, new Uint8Array(40)),
      udpFrame(toGateway, 2000, 69, ascii('\0\x01full\0octet\0')),
      udpFrame({ ...toGateway, to: 0xffffffff }, 68, 67, new Uint8Array(300)),
    ];
    for (let i = 0; i < 2000; i++) {
      const frame = seeds[i % 3].slice(0, 14 + random(400));
      for (let n = 0; n < 3; n++) frame[random(frame.length)] = random(256);
      peer.send(frame);
    }
    const question = hex(
      'ffffffffffff 525400123456 0806 0001 0800 06 04 0001 525400123456 0a00020f 000000000000 0a000202',
    );
    for (let i = 0; i < 10_000; i++) peer.send(question);
    timers.advanceMs(500);
    expect(got.length).toBeLessThanOrEqual(128);
  });

  it('refuses a table with something that is no address', () => {
    expect(() => new NetworkPeer(timers, { names: { a: '1.2.3' } })).toThrow(RangeError);
  });
});
