import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GATEWAY, get16, get32, NAME_SERVER, NetworkPeer, parseAddress } from '../../../../devices/net/index.ts';
import { OWN_SUBNET } from '../../../../devices/net/subnet.ts';
import { TestTimers } from '../../../../devices/testing.ts';
import { concat } from '../../../../formats/bytes/index.ts';
import { ascii } from '../../../../devices/net/packets.ts';
import { SEND_BYTES } from './endpoint.ts';
import { readForward, readForwardToAny } from './forward.ts';
import { type Nat, natTo } from './nat.ts';
import { bytesOf, difference, FakeDatagrams, FakeOutside, FakeStream, joined, ME, Net } from './nat.test-support.ts';
import type { OpenForward, Refusal, Stream } from './outside.ts';
import { ACK, FIN, RST, SYN } from './segment.ts';

const FAR = parseAddress('198.51.100.7'),
  OTHER = parseAddress('192.168.122.0');
const EMPTY = { connections: 0, flows: 0 };

const query = (name: string): Uint8Array =>
  concat(
    Uint8Array.of(0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0),
    ...name.split('.').map(label => concat(Uint8Array.of(label.length), ascii(label))),
    Uint8Array.of(0, 0, 1, 0, 1),
  );

describe('TCP through the NAT', () => {
  it('goes to an address elsewhere as it is, and there and back come all bytes and both ends', async () => {
    const net = new Net();
    const connection = net.connect(FAR, 80);
    connection.write(ascii('GET /'));
    connection.end();
    await net.pass(100);
    expect(net.outside.asked).toEqual([{ host: '198.51.100.7', port: 80 }]);
    const [server] = net.outside.streams;
    expect([joined(server.got), server.ended]).toEqual([ascii('GET /'), true]);
    server.serve(bytesOf(3000));
    server.serveEnd();
    await net.pass(100);
    expect(joined(connection.got)).toEqual(bytesOf(3000));
    expect([connection.hasEnded, server.wasReset]).toEqual([true, false]);
    await net.pass(61_000);
    expect([connection.isClosed, net.nat.sizes]).toEqual([true, EMPTY]);
  });

  it('has the gateway stand for the computer’s loopback, and the name server for whom it asks', async () => {
    const net = new Net();
    net.connect(GATEWAY, 8080);
    net.connect(NAME_SERVER, 53, 1001);
    net.connect(NAME_SERVER, 80, 1002);
    await net.pass(10);
    expect(net.outside.asked).toEqual([
      { host: '127.0.0.1', port: 8080 },
      { host: '192.0.2.53', port: 53 },
    ]);
    expect([...net.connections.values()].map(({ isEstablished, isClosed }) => [isEstablished, isClosed])).toEqual([
      [true, false],
      [true, false],
      [false, true],
    ]);
  });

  it('refuses the computer’s other addresses and what no router passes on', async () => {
    const net = new Net();
    const refused = ['192.0.2.10', '127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '10.0.2.99'];
    refused.forEach((host, i) => net.connect(parseAddress(host), 80, 2000 + i));
    await net.pass(10);
    expect(net.outside.asked).toEqual([]);
    expect(net.errors).toEqual(refused.map(() => [3, 13]));
    // Groups and class E: not even a word.
    net.frames.length = 0;
    for (const host of ['224.0.0.1', '240.0.0.1', '255.255.255.255']) net.segment(parseAddress(host), { flags: SYN });
    net.udp(parseAddress('169.254.169.254'), 5000, 80, ascii('x'));
    await net.pass(10);
    expect([net.errors, net.outside.ports, net.nat.sizes]).toEqual([[[3, 13]], [], EMPTY]);
  });

  it('answers with a reset where somebody says no, and by ICMP where nobody answers', async () => {
    const net = new Net();
    net.outside.answer = ({ port }): Refusal => (port === 80 ? 'refused' : 'unreachable');
    const refused = net.connect(FAR, 80);
    net.connect(FAR, 81, 1001);
    await net.pass(10);
    expect([refused.isClosed, refused.isEstablished]).toEqual([true, false]);
    expect([net.errors, net.nat.sizes]).toEqual([[[3, 1]], EMPTY]);
  });

  it('has a reset for what belongs to no connection, as after a restored state (RFC 9293, 3.10.7.1)', () => {
    const net = new Net();
    net.silent = true;
    net.segment(FAR, { sequence: 500, acknowledgement: 9000, flags: ACK, data: bytesOf(5) });
    net.segment(FAR, { sequence: 500, flags: FIN });
    net.segment(FAR, { sequence: 500, flags: RST });
    net.timers.advanceMs(1);
    expect(net.segments).toMatchObject([
      { sequence: 9000, flags: RST },
      { sequence: 0, acknowledgement: 501, flags: RST | ACK },
    ]);
  });

  it('asks once for a SYN that comes again, and lets one go that the guest gives up', async () => {
    const net = new Net();
    let answer = (): void => {};
    net.outside.answer = () => new Promise(resolve => (answer = () => resolve(undefined)));
    net.silent = true;
    for (let i = 0; i < 3; i++) net.segment(FAR, { sequence: 7, flags: SYN });
    await net.pass(10);
    expect(net.outside.asked.length).toBe(1);
    net.segment(FAR, { sequence: 8, flags: RST });
    // Another from the same port, before the first is through.
    const first = answer;
    net.segment(FAR, { sequence: 100, flags: SYN });
    await net.pass(10);
    first();
    await net.pass(10);
    expect(net.outside.streams.map(({ wasReset }) => wasReset)).toEqual([true]);
    answer();
    await net.pass(10);
    expect(net.segments).toMatchObject([{ flags: SYN | ACK, acknowledgement: 101 }]);
  });

  it('tells the guest by a reset that the other end is gone, and the other end that the guest is', async () => {
    const net = new Net();
    const [one, two] = [net.connect(FAR, 80), net.connect(FAR, 81, 1001)];
    await net.pass(10);
    net.outside.streams[0].fail('read ECONNRESET');
    two.endpoint.abort();
    await net.pass(10);
    expect([one.isClosed, net.outside.streams[1].wasReset, net.nat.sizes]).toEqual([true, true, EMPTY]);
  });

  it('resets what a fenced guest has sent and has not arrived, and leaves all else as it is', async () => {
    const net = new Net();
    const [stuck, through] = [net.connect(FAR, 80), net.connect(FAR, 81, 1001)];
    await net.pass(10);
    const [far, other] = net.outside.streams;
    far.stuck = true;
    for (const connection of [stuck, through]) connection.write(ascii('transfer'));
    await net.pass(10);
    net.peer.fence(ME + 1);
    expect([far.wasReset, other.wasReset]).toEqual([false, false]);
    net.peer.fence(ME);
    await net.pass(10);
    expect([far.wasReset, other.wasReset]).toEqual([true, false]);
    expect([stuck.isClosed, through.isClosed]).toEqual([true, false]);
    // One that is just being made is not wanted any more.
    net.connect(FAR, 82, 1002);
    net.peer.fence(ME);
    await net.pass(10);
    expect(net.outside.streams[2]!.wasReset).toBe(true);
  });

  it('resets the other end where the guest does so after its own FIN', async () => {
    const net = new Net();
    const connection = net.connect(FAR, 80);
    connection.end();
    await net.pass(10);
    expect([net.outside.streams[0].ended, connection.endpoint.state]).toEqual([true, 'FIN-WAIT-2']);
    connection.endpoint.abort();
    await net.pass(10);
    expect([net.outside.streams[0].wasReset, net.nat.sizes]).toEqual([true, EMPTY]);
  });

  it('takes no more from either end than the other takes, and goes on when it does', async () => {
    const net = new Net();
    const connection = net.connect(FAR, 80);
    await net.pass(10);
    const [server] = net.outside.streams;
    server.stuck = true;
    const up = Array.from({ length: 40 }, (_, i) => bytesOf(10_000, i));
    connection.write(...up);
    await net.pass(20_000, 20);
    expect(server.waitingBytes).toBeGreaterThan(60_000);
    expect(server.waitingBytes).toBeLessThanOrEqual(65_535);
    // The guest stops to read.
    connection.waitingBytes = 65_535;
    const down = Array.from({ length: 40 }, (_, i) => bytesOf(16_384, i + 7));
    for (const part of down) server.serve(part);
    await net.pass(20_000, 20);
    const total = 40 * 16_384;
    expect(total - server.untaken - joined(connection.got).length).toBeLessThanOrEqual(SEND_BYTES + 16_384);
    expect(joined(connection.got).length).toBeLessThanOrEqual(65_535);
    server.drain();
    connection.waitingBytes = 0;
    connection.endpoint.drained();
    await net.pass(120_000, 200);
    expect([difference(server.got, up), difference(connection.got, down)]).toEqual([-1, -1]);
  });

  it('has at most 512, and takes a place of those that only wait for late segments', async () => {
    const net = new Net();
    const done = net.connect(FAR, 80);
    await net.pass(10);
    net.outside.streams[0].serveEnd();
    await net.pass(10);
    done.end();
    await net.pass(10);
    net.silent = true;
    for (let port = 2000; port < 2600; port++) net.segment(FAR, { sourcePort: port, flags: SYN });
    await net.pass(10);
    expect([net.nat.sizes.connections, net.outside.asked.length]).toEqual([512, 513]);
  });

  it('gives the place of one that says nothing for two hours and four minutes to another (RFC 5382, REQ-5)', async () => {
    const net = new Net();
    for (let port = 2000; port < 2512; port++) net.connect(FAR, 80, port);
    await net.pass(10);
    net.connect(FAR, 80, 3000);
    await net.pass(7_430_000);
    expect([net.nat.sizes.connections, net.outside.streams.length]).toEqual([512, 512]);
    net.silent = true;
    net.connections.get(`2000 ${FAR}:80`)!.endpoint.write(bytesOf(1));
    await net.pass(11_000);
    net.segment(FAR, { sourcePort: 3001, flags: SYN });
    await net.pass(10);
    expect(net.outside.streams.map(({ wasReset }, i) => wasReset && i).filter(Boolean)).toEqual([1]);
    expect([net.nat.sizes.connections, net.outside.streams.length]).toEqual([512, 513]);
  });

  /** Journeys from a seed: of a hundred frames this many are lost, and each takes up to this long. */
  const journeys = (seed: number, lostPercent: number, mostMs: number) => {
    let state = seed >>> 0;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 8) % below;
    };
    return (): 'lost' | number => (random(100) < lostPercent ? 'lost' : random(mostMs * 1000) * 1000);
  };

  it('brings all bytes in order both ways, whatever is lost, late or out of order, from any sequence number', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(),
          lost: fc.integer({ min: 0, max: 20 }),
          mostMs: fc.integer({ min: 1, max: 30 }),
          up: fc.array(fc.integer({ min: 1, max: 9000 }), { maxLength: 8 }),
          down: fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 8 }),
          ours: fc.integer({ min: 0, max: 0xffffffff }),
          theirs: fc.integer({ min: 0, max: 0xffffffff }),
          isForward: fc.boolean(),
        }),
        async ({ seed, lost, mostMs, up, down, ours, theirs, isForward }) => {
          let accept = (_stream: Stream): void => {};
          const outside = new FakeOutside([{ address: ME, port: 22, onStream: taken => (accept = taken) }]);
          outside.random = ours;
          const net = new Net(outside, journeys(seed, lost, mostMs));
          net.listens.add(22);
          let server = new FakeStream();
          if (isForward) accept(server);
          else net.connect(FAR, 80, 1000, theirs);
          const toSend = up.map((length, i) => bytesOf(length, i)),
            toServe = down.map((length, i) => bytesOf(length, i + 100));
          for (const part of toServe) if (isForward) server.serve(part);
          if (isForward) server.serveEnd();
          let isAsked = false;
          for (let minute = 0; minute < 30; minute++) {
            await net.pass(60_000, 400);
            const [connection] = net.connections.values();
            if (!connection?.isEstablished || (!isForward && outside.streams.length === 0)) continue;
            if (!isForward) server = outside.streams.at(-1)!;
            if (!isAsked) {
              isAsked = true;
              connection.write(...toSend);
              connection.end();
              if (!isForward) {
                for (const part of toServe) server.serve(part);
                server.serveEnd();
              }
            }
            if (connection.hasEnded && server.ended && net.nat.sizes.connections === 0) break;
          }
          const [connection] = net.connections.values();
          expect([difference(server.got, toSend), difference(connection.got, toServe)]).toEqual([-1, -1]);
          expect([server.ended, connection.hasEnded, server.wasReset]).toEqual([true, true, false]);
        },
      ),
      { numRuns: 40, seed: 46 },
    );
  });

  it('takes any segments: nothing breaks, and what is kept stays small', async () => {
    const net = new Net();
    net.silent = true;
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 8) % below;
    };
    for (let i = 0; i < 5000; i++) {
      const last = net.segments.at(-1);
      net.segment(FAR, {
        sourcePort: 1000 + random(3),
        sequence: random(2) ? (last?.acknowledgement ?? 0) : random(0xffffff),
        acknowledgement: random(2) ? (last?.sequence ?? 0) + random(3) : random(0xffffff),
        flags: random(256),
        window: random(2) ? 65535 : random(3),
        data: bytesOf(random(1400)),
      });
      if (i % 50 === 0) {
        await net.pass(random(3) * 1000);
        net.outside.streams.at(-1)?.serve(bytesOf(random(5000)));
        net.frames.splice(0, net.frames.length - 20);
      }
    }
    expect(net.nat.sizes.connections).toBeLessThanOrEqual(3);
    net.silent = false;
    await net.pass(600_000, 100);
    expect(net.nat.sizes).toEqual(EMPTY);
  });
});

describe('the NAT of a network that goes', () => {
  it('leaves no timer, connection or port, and forwards to the network that was there first', async () => {
    let accept = (_stream: Stream): void => {};
    const outside = new FakeOutside([{ address: ME, port: 22, onStream: taken => (accept = taken) }]);
    const way = natTo(outside);
    const [first, second] = [new Net(outside, () => 0, way), new Net(outside, () => 0, way)];
    first.listens.add(22);
    const connection = second.connect(FAR, 80);
    second.udp(FAR, 5000, 9, ascii('x'));
    await second.pass(10);
    expect([connection.isEstablished, second.nat.sizes]).toEqual([true, { connections: 1, flows: 1 }]);
    const { size } = second.timers;
    second.peer.close();
    expect([second.nat.sizes, second.timers.size]).toEqual([EMPTY, size - 3]);
    expect([outside.streams[0].wasReset, outside.ports[0].closed]).toEqual([true, true]);
    const client = new FakeStream();
    accept(client);
    await first.pass(1500);
    expect(first.nat.sizes.connections).toBe(1);
  });

  it('has the forwards to its addresses, which lead nowhere once it is gone, and to the one that has them next', async () => {
    let accept = (_stream: Stream): void => {};
    const datagrams = new FakeDatagrams();
    const outside = new FakeOutside([
      { address: OTHER + 2, port: 22, onStream: taken => (accept = taken) },
      { address: OTHER + 2, port: 53, datagrams },
    ]);
    const way = natTo(outside);
    const ask = () => {
      const client = new FakeStream();
      accept(client);
      return client;
    };
    const own = new Net(outside, () => 0, way);
    ask();
    expect(own.nat.sizes).toEqual(EMPTY);
    const timers = new TestTimers();
    const open = (): Nat => {
      let nat: Nat | undefined;
      const subnet = { ...OWN_SUBNET, network: OTHER, gateway: OTHER + 1, nameServer: OTHER + 1 };
      new NetworkPeer(timers, { subnet, beyond: parts => (nat = way(parts)) });
      return nat!;
    };
    const other = open();
    ask();
    expect([own.nat.sizes, other.sizes]).toEqual([EMPTY, { connections: 1, flows: 1 }]);
    other.close!();
    expect([ask().wasReset, datagrams.closed]).toEqual([true, false]);
    const again = open();
    ask();
    expect(again.sizes).toEqual({ connections: 1, flows: 1 });
  });
});

describe('UDP through the NAT', () => {
  it('has a port outside for each of the guest’s, hears those that it has written to, and nobody else', async () => {
    const net = new Net();
    net.udp(FAR, 5000, 9, ascii('one'));
    net.udp(GATEWAY, 5000, 7, ascii('two'));
    net.udp(FAR, 5001, 9, ascii('three'));
    await net.pass(1);
    const [first, second] = net.outside.ports;
    expect(first.sent).toEqual([
      { bytes: ascii('one'), to: { host: '198.51.100.7', port: 9 } },
      { bytes: ascii('two'), to: { host: '127.0.0.1', port: 7 } },
    ]);
    expect(second.sent.length).toBe(1);
    first.receive(ascii('a'), { host: '198.51.100.7', port: 99 });
    first.receive(ascii('b'), { host: '127.0.0.1', port: 7 });
    first.receive(ascii('c'), { host: '203.0.113.1', port: 9 });
    second.receive(ascii('d'), { host: '127.0.0.1', port: 7 });
    first.receive(bytesOf(1473), { host: '127.0.0.1', port: 7 });
    await net.pass(1);
    expect(net.datagrams).toMatchObject([
      { from: FAR, sourcePort: 99, destinationPort: 5000, data: ascii('a') },
      { from: GATEWAY, sourcePort: 7, destinationPort: 5000, data: ascii('b') },
    ]);
  });

  it('forgets a port that is not used for two minutes, and of very many the oldest (RFC 4787, REQ-5)', async () => {
    const net = new Net();
    net.udp(FAR, 5000, 9, ascii('x'));
    await net.pass(100_000);
    net.udp(FAR, 5000, 9, ascii('x'));
    await net.pass(100_000);
    expect(net.nat.sizes.flows).toBe(1);
    await net.pass(21_000);
    expect([net.nat.sizes.flows, net.outside.ports[0].closed]).toEqual([0, true]);
    for (let port = 1; port <= 300; port++) net.udp(FAR, port, 9, ascii('x'));
    expect(net.nat.sizes.flows).toBe(256);
    expect(net.outside.ports.slice(1).map(({ closed }) => closed)).toEqual(
      Array.from({ length: 300 }, (_, i) => i < 44),
    );
  });

  it('asks the computer’s name server for all names but the network’s own', async () => {
    const net = new Net();
    net.udp(NAME_SERVER, 5000, 53, query('example.org'));
    net.udp(NAME_SERVER, 5001, 53, query('gateway.ringside'));
    net.udp(NAME_SERVER, 5002, 53, query('nobody.ringside'));
    await net.pass(1);
    expect(net.outside.ports.map(({ sent }) => sent)).toEqual([
      [{ bytes: query('example.org'), to: { host: '192.0.2.53', port: 53 } }],
    ]);
    expect(net.datagrams.map(({ destinationPort, data }) => [destinationPort, get16(data, 2) & 15])).toEqual([
      [5001, 0],
      [5002, 3],
    ]);
    expect(get32(net.datagrams[0].data, net.datagrams[0].data.length - 4)).toBe(GATEWAY);
    net.outside.ports[0].receive(ascii('answer'), { host: '192.0.2.53', port: 53 });
    await net.pass(1);
    expect(net.datagrams.at(-1)).toMatchObject({ from: NAME_SERVER, sourcePort: 53, data: ascii('answer') });
    // With nobody to ask it is the network's own that answers.
    net.outside.server = undefined;
    net.udp(NAME_SERVER, 5003, 53, query('example.org'));
    await net.pass(1);
    expect(get16(net.datagrams.at(-1)!.data, 2) & 15).toBe(3);
  });
});

describe('a forward', () => {
  const tcp = () => {
    let accept = (_stream: Stream): void => {};
    const forward: OpenForward = { address: ME, port: 22, onStream: taken => (accept = taken) };
    const net = new Net(new FakeOutside([forward]));
    return { net, accept: (stream: Stream) => accept(stream) };
  };

  it('brings who comes to a port of the computer’s to the guest’s, which it finds by ARP', async () => {
    const { net, accept } = tcp();
    net.listens.add(22);
    const client = new FakeStream();
    client.serve(ascii('SSH-2.0'));
    accept(client);
    await net.pass(1500);
    const [[key, connection]] = net.connections;
    expect(key).toBe(`22 ${GATEWAY}:49152`);
    expect(joined(connection.got)).toEqual(ascii('SSH-2.0'));
    connection.write(ascii('hello'));
    await net.pass(10);
    expect(joined(client.got)).toEqual(ascii('hello'));
  });

  it('resets who comes where the guest does, or where nobody has the address', async () => {
    const { net, accept } = tcp();
    const refused = new FakeStream();
    accept(refused);
    await net.pass(1500);
    expect(refused.wasReset).toBe(true);
    const alone = new FakeStream();
    const nobody = new Net(new FakeOutside([{ address: ME + 9, port: 22, onStream: taken => taken(alone) }]));
    expect(nobody.nat.sizes.connections).toBe(1);
    await nobody.pass(260_000, 10);
    expect([alone.wasReset, nobody.nat.sizes]).toEqual([true, EMPTY]);
  });

  it('of UDP stays, and answers go to who came', async () => {
    const datagrams = new FakeDatagrams();
    const net = new Net(new FakeOutside([{ address: ME, port: 53, datagrams }]));
    datagrams.receive(ascii('question'), { host: '127.0.0.1', port: 50_000 });
    await net.pass(10);
    expect(net.datagrams).toMatchObject([{ from: GATEWAY, sourcePort: 50_000, destinationPort: 53 }]);
    net.udp(GATEWAY, 53, 50_000, ascii('answer'));
    await net.pass(500_000);
    expect(datagrams.sent).toEqual([{ bytes: ascii('answer'), to: { host: '127.0.0.1', port: 50_000 } }]);
    expect([datagrams.closed, net.nat.sizes.flows]).toEqual([false, 1]);
  });

  it('is written as QEMU’s hostfwd is', () => {
    const ssh = { protocol: 'tcp', port: 2222, guest: ME, guestPort: 22 };
    for (const text of [
      'tcp:2222-:22',
      'tcp::2222-:22',
      'tcp:127.0.0.1:2222-10.0.2.15:22',
      ':2222-:22',
      'hostfwd=tcp::2222-:22',
    ])
      expect(readForward(text)).toEqual(ssh);
    expect(readForward('udp:0-10.0.2.16:53')).toEqual({ protocol: 'udp', port: 0, guest: ME + 1, guestPort: 53 });
    expect(readForwardToAny('tcp:2222-192.168.122.2:22')).toEqual({ ...ssh, guest: OTHER + 2 });
    expect(() => readForwardToAny('tcp:2222-192.168.122:22')).toThrow('192.168.122 is no IPv4 address');
  });

  it.each([
    ['2222', /"2222" is no forward\. Write tcp:PORT/],
    ['sctp:1-:2', /is no forward/],
    ['tcp:0.0.0.0:2222-:22', /opened on 127\.0\.0\.1 alone, and not on 0\.0\.0\.0/],
    ['tcp:2222-192.168.0.5:22', /192\.168\.0\.5 is no address of the network's, 10\.0\.2\.0\/24/],
    ['tcp:70000-:22', /70000 is no port: those go from 0 to 65535/],
    ['tcp:22-:0', /0 is no port: those go from 1/],
  ])('that cannot be is told why: %s', (text, message) => {
    expect(() => readForward(text)).toThrow(message);
  });
});
