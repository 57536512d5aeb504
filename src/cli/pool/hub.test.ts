import { createServer, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { hubRoom, MOST_MESSAGE_BYTES, type Pool, readHubAddress, secretsOf } from '../../dom0/pool/index.ts';
import { enter, testCode } from '../../dom0/pool/rooms.test-support.ts';
import { later, until } from '../../dom0/service/host.test-support.ts';
import type { WebSocketLike } from '../../dom0/host/index.ts';
import { nodeWays } from '../ways.ts';
import { Hub, HUB_TIMING } from './hub.ts';
import { LEASE_TIMING } from '../../dom0/pool/leases/index.ts';
import { readListen } from './command.ts';

const MIB = 2 ** 20;
let ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  ends = [];
});

async function hubHere(
  most = 16,
  codes = [testCode],
  port = 0,
  timing = HUB_TIMING,
): Promise<{ hub: Hub; url: string; server: Server; said: string[] }> {
  const server = createServer();
  const said: string[] = [];
  const secrets = await Promise.all(codes.map(secretsOf));
  const [rooms, classes] = [secrets.map(({ room }) => room), secrets.map(({ classRoom }) => classRoom)];
  const hub = new Hub(server, { rooms, classes, most, timing, say: sentence => said.push(sentence) });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  ends.push(() => {
    hub.close();
    server.close();
  });
  return { hub, server, said, url: `ws://127.0.0.1:${(server.address() as { port: number }).port}/` };
}

async function join(url: string, name: string, code = testCode): Promise<Pool & { said: string[] }> {
  const { room, secret } = await secretsOf(code);
  const again = () => hubRoom(nodeWays.webSocket, { url }, room, later);
  const pool = await enter(await again(), name, { secret, again });
  ends.push(() => pool.leave());
  return pool;
}

describe('the hub of a pool', () => {
  it('brings members together and passes what they send, however much', async () => {
    const { hub, url } = await hubHere();
    const [alfa, bravo] = [await join(url, 'alfa'), await join(url, 'bravo')];
    let bytes = 0,
      sum = 0;
    alfa.serve('migrate', channel =>
      channel.listen(
        piece => {
          bytes += piece.length;
          for (let i = 0; i < piece.length; i += 4096) sum += piece[i]!;
        },
        () => {},
      ),
    );
    const channel = await bravo.connect('alfa', 'migrate');
    const all = Array.from({ length: 20 }, (_, i) => new Uint8Array(MIB).fill(i));
    // Half of them go with their buffers.
    for (const [i, each] of all.entries()) channel.send(each, i % 2 === 1);
    await until(() => bytes === 20 * MIB);
    expect(sum).toBe(256 * 190);
    expect(all.map(({ length }) => length)).toEqual(all.map((_, i) => (i % 2 === 1 ? 0 : MIB)));
    const { members } = hub.health;
    expect(members).toHaveLength(2);
    expect(members[1]!.receivedBytes).toBeGreaterThan(20 * MIB);
    expect(members[0]!.sentBytes).toBeGreaterThan(20 * MIB);
  });

  it('refuses another code and one member too many, in words', async () => {
    const { url } = await hubHere(1);
    await expect(join(url, 'alfa', '0000-0000-0000-0000')).rejects.toThrow(
      `The pool at ${url} refuses: the code is not the one of this pool.`,
    );
    await join(url, 'alfa');
    await expect(join(url, 'bravo')).rejects.toThrow('it has 1 member, and takes no more (ringside pool --members N).');
    await expect(join('ws://127.0.0.1:9/', 'charlie')).rejects.toThrow(
      'ws://127.0.0.1:9/ does not answer, or is no hub of a pool.',
    );
  });

  it('has a class of the same code, which hosts do not see and which takes no host’s place', async () => {
    const { hub, url, said } = await hubHere(1);
    const { classRoom } = await secretsOf(testCode);
    const alfa = await join(url, 'alfa');
    const pages = await Promise.all([1, 2].map(() => hubRoom(nodeWays.webSocket, { url }, classRoom, later)));
    expect(hub.health.members.map(({ pool, isClass }) => [pool, isClass])).toEqual([
      [1, false],
      [1, true],
      [1, true],
    ]);
    expect(alfa.hosts).toEqual([]);
    expect(said.at(-1)).toMatch(/^member \d+ of the class came; 2 are there$/);
    for (const page of pages) page.leave();
    await until(() => hub.health.members.length === 1);
    expect(said.at(-1)).toMatch(/^member \d+ of the class left;/);
  });

  it('tells who has gone without a word, and members that it is gone', async () => {
    const { hub, url } = await hubHere();
    const sockets: WebSocket[] = [];
    const { room } = await secretsOf(testCode);
    const cut = (address: string): WebSocketLike => {
      sockets.push(new WebSocket(address));
      return sockets.at(-1) as unknown as WebSocketLike;
    };
    const alfa = await join(url, 'alfa');
    await enter(await hubRoom(cut, { url }, room, later), 'bravo');
    await until(() => alfa.hosts.length === 1);
    sockets[0]!.terminate();
    await until(() => alfa.hosts.length === 0);
    hub.close();
    await until(() => alfa.away !== undefined);
    expect(alfa.said.at(-1)).toBe('The hub of this pool does not answer any more. This host joins again by itself.');
  });

  it('gives up a member from which nothing comes, before its leases can run out, and none that answers', async () => {
    const { url, hub } = await hubHere(16, [testCode], 0, { pingMs: 50, silentMs: 300 });
    const hello = JSON.stringify({ hello: 2, room: (await secretsOf(testCode)).room });
    const sit = async (options: { autoPong: boolean }): Promise<WebSocket> => {
      const socket = new WebSocket(url, options);
      await new Promise(resolve => socket.once('open', resolve));
      socket.send(hello);
      await new Promise(resolve => socket.once('message', resolve));
      return socket;
    };
    const answers = await sit({ autoPong: true }),
      silent = await sit({ autoPong: false });
    await new Promise(resolve => silent.once('close', resolve));
    await until(() => hub.health.members.length === 1);
    expect([answers.readyState, hub.health.members[0]!.number]).toEqual([answers.OPEN, 1]);
    answers.terminate();
    const { pingMs, silentMs } = HUB_TIMING;
    const { fenceMs, renewMs, takeOverMs } = LEASE_TIMING;
    // Its guests stand still by then; and the lease was renewed this long before, at the earliest.
    expect([silentMs >= fenceMs, silentMs + pingMs <= takeOverMs - renewMs]).toEqual([true, true]);
  });

  it('may start again: members come again by themselves, and each still has what it has', async () => {
    const { hub, url, server } = await hubHere();
    const [alfa, bravo] = [await join(url, 'alfa'), await join(url, 'bravo')];
    let got = 0;
    alfa.serve('migrate', channel =>
      channel.listen(
        bytes => void (got += bytes.length),
        () => {},
      ),
    );
    hub.close();
    server.close();
    await until(() => alfa.away !== undefined && bravo.away !== undefined);
    expect([alfa.left, alfa.hosts]).toEqual([undefined, []]);
    await hubHere(16, [testCode], Number(new URL(url).port));
    await until(() => alfa.hosts.length === 1 && bravo.hosts.length === 1);
    (await bravo.connect('alfa', 'migrate')).send(new Uint8Array(1000));
    await until(() => got === 1000);
    expect(alfa.away).toBeUndefined();
  });

  it('has several pools, none of which sees another', async () => {
    const other = '0000-0000-0000-0002';
    const { url, hub } = await hubHere(2, [testCode, other]);
    const pools = [
      await join(url, 'alfa'),
      await join(url, 'alfa', other),
      await join(url, 'bravo', other),
      await join(url, 'bravo'),
    ];
    await until(() => pools.every(({ hosts }) => hosts.length === 1));
    expect(hub.health.members.map(({ pool }) => pool)).toEqual([1, 2, 2, 1]);
    // A member of one sends to a number of the other.
    pools[0]!.leave();
    await until(() => hub.health.members.length === 3);
    const socket = new WebSocket(url);
    await new Promise(resolve => socket.once('open', resolve));
    socket.send(JSON.stringify({ hello: 2, room: (await secretsOf(testCode)).room }));
    await until(() => hub.health.members.length === 4);
    const sent = hub.health.members.find(({ number }) => number === 2)!.sentBytes;
    socket.send(Uint8Array.of(2, 0, 0, 0, ...new Uint8Array(98)));
    await until(() => hub.health.members.some(({ receivedBytes }) => receivedBytes === 102));
    expect(hub.health.members.find(({ number }) => number === 2)!.sentBytes).toBe(sent);
    socket.terminate();
  });

  it('ends what does not speak as a member does, and nobody else', async () => {
    const { url, hub } = await hubHere();
    const alfa = await join(url, 'alfa');
    const hello = JSON.stringify({ hello: 2, room: (await secretsOf(testCode)).room });
    const attempts: (string | Uint8Array)[][] = [
      ['no JSON'],
      ['{"hello":1}'],
      ['null'],
      [new Uint8Array(8)],
      [hello, 'a text'],
      [hello, new Uint8Array(MOST_MESSAGE_BYTES + 5)],
    ];
    for (const messages of attempts) {
      const socket = new WebSocket(url);
      await new Promise(resolve => socket.once('open', resolve));
      const closed = new Promise(resolve => socket.once('close', resolve));
      for (const message of messages) socket.send(message);
      await closed;
    }
    await until(() => hub.health.members.length === 1);
    expect(alfa.left).toBeUndefined();
    const bravo = await join(url, 'bravo');
    expect(bravo.hosts.map(({ name }) => name)).toEqual(['alfa']);
  });

  it('answers to names of its own, and lets pages of other origins in by the code alone', async () => {
    const { room } = await secretsOf(testCode);
    const server = createServer();
    const isHost = (host?: string): boolean => host !== undefined && /^(127\.0\.0\.1|hub\.example)(:|$)/.test(host);
    const parts = { rooms: [room], most: 4, isHost, say: () => {} };
    let hub = new Hub(server, parts);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => (hub.close(), void server.close()));
    const { port } = server.address() as { port: number };
    /** Welcome, or the status, or why it is refused. */
    const knock = (headers: Record<string, string>, hello = room): Promise<string> =>
      new Promise(resolve => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers });
        socket.on('open', () => socket.send(JSON.stringify({ hello: 2, room: hello })));
        socket.on('message', data => (resolve(Object.keys(JSON.parse(String(data)))[0]!), socket.terminate()));
        socket.on('error', error => resolve(/\d{3}/.exec(error.message)?.[0] ?? error.message));
      });
    const [own, course] = [`http://127.0.0.1:${port}`, 'https://course.example'];
    expect(await knock({ Host: 'evil.example' })).toBe('421');
    expect(await knock({ Host: 'evil.example', Origin: 'http://evil.example' })).toBe('421');
    expect(await knock({ Host: 'hub.example' })).toBe('welcome');
    for (const Origin of [own, course, 'null']) {
      expect(await knock({ Origin })).toBe('welcome');
      expect(await knock({ Origin }, 'another')).toBe('refused');
    }
    hub.close();
    hub = new Hub(server, { ...parts, origins: [course] });
    expect(
      await Promise.all(
        [{}, { Origin: own }, { Origin: course }].map(headers => knock(headers as Record<string, string>)),
      ),
    ).toEqual(['welcome', 'welcome', 'welcome']);
    for (const Origin of ['https://evil.example', 'http://course.example', 'null'])
      expect(await knock({ Origin })).toBe('403');
  });

  it('has room at its door whatever pages of other origins open there', async () => {
    const { url } = await hubHere();
    const silent = Array.from({ length: 70 }, () => new WebSocket(url, { headers: { Origin: 'http://evil.example' } }));
    for (const socket of silent) socket.on('error', () => {});
    ends.push(() => silent.forEach(socket => socket.terminate()));
    await Promise.all(silent.map(socket => new Promise(resolve => socket.once('open', resolve))));
    expect((await join(url, 'alfa')).left).toBeUndefined();
  });

  it('is named as people write addresses', () => {
    expect(readHubAddress('ws://teacher:5173/#abcd')).toEqual({ url: 'ws://teacher:5173/', code: 'abcd' });
    expect(readHubAddress('http://[::1]:80#abcd')).toEqual({ url: 'ws://[::1]/', code: 'abcd' });
    expect(() => readHubAddress('teacher')).toThrow('is no address of a pool: write ws://HOST:PORT/#CODE.');
    expect(() => readHubAddress('ws://teacher/')).toThrow("lacks the pool's code");
    expect(readListen('0.0.0.0')).toEqual({ host: '0.0.0.0', port: 5173 });
    expect(readListen(':81')).toEqual({ host: '127.0.0.1', port: 81 });
    expect(readListen('[::]:81')).toEqual({ host: '::', port: 81 });
    expect(() => readListen('a:b')).toThrow('--listen a:b: write HOST');
  });
});
