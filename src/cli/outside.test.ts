import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GATEWAY, NAME_SERVER } from '../devices/net/index.ts';
import { readForward } from '../dom0/host/network/nat/index.ts';
import { bytesOf, difference, Net } from '../dom0/host/network/nat/nat.test-support.ts';
import { type NodeOutside, openOutside } from './outside.ts';

const LOOPBACK = '127.0.0.1';

async function network(...forwards: string[]): Promise<Net<NodeOutside>> {
  const outside = await openOutside(forwards.map(readForward));
  onTestFinished(() => outside.close());
  return new Net(outside);
}

/** Time passes for guest and sockets until this holds. */
async function until(net: Net<NodeOutside>, holds: () => boolean): Promise<void> {
  while (!holds()) {
    await sleep(1);
    net.timers.advanceMs(1);
  }
}

async function serve(taken: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {});
    taken(socket);
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Nobody listens there any more. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('the network outside, by node', () => {
  it('carries a connection of a guest’s to a server here: all bytes, and each end for itself', async () => {
    const up = bytesOf(300_000),
      down = bytesOf(200_000, 9);
    const got: Uint8Array[] = [];
    const port = await serve(socket => {
      socket.on('data', data => got.push(data));
      // It answers once the guest has said all.
      socket.on('end', () => socket.end(down));
    });
    const net = await network();
    const connection = net.connect(GATEWAY, port);
    connection.write(...Array.from({ length: 30 }, (_, i) => up.slice(i * 10_000, (i + 1) * 10_000)));
    connection.end();
    await until(net, () => connection.hasEnded);
    expect([difference(got, [up]), difference(connection.got, [down])]).toEqual([-1, -1]);
  });

  it('has a guest refused where nobody listens, and reset where the server does so', async () => {
    const port = await serve(socket => socket.on('data', () => socket.resetAndDestroy()));
    const net = await network();
    const reset = net.connect(GATEWAY, port);
    reset.write(bytesOf(10));
    await until(net, () => reset.isClosed);
    expect(reset.isEstablished).toBe(true);
    const free = await serve(() => {});
    const closed = await freePort();
    const [refused, stands] = [net.connect(GATEWAY, closed, 1001), net.connect(GATEWAY, free, 1002)];
    await until(net, () => refused.isClosed && stands.isEstablished);
    expect(refused.isEstablished).toBe(false);
  });

  it('leads from a port of this computer’s to the guest’s, while it is open', async () => {
    const net = await network('tcp:0-:22');
    net.listens.add(22);
    const [{ forward }] = net.outside.forwards;
    const client = createConnection({ host: LOOPBACK, port: forward.port, allowHalfOpen: true });
    const got: Uint8Array[] = [];
    let ended = false;
    client.on('data', data => got.push(data)).on('end', () => (ended = true));
    client.end(bytesOf(50_000));
    await until(net, () => [...net.connections.values()][0]?.hasEnded ?? false);
    const [connection] = net.connections.values();
    expect(difference(connection.got, [bytesOf(50_000)])).toBe(-1);
    connection.write(bytesOf(40_000, 3));
    connection.end();
    await until(net, () => ended);
    expect(difference(got, [bytesOf(40_000, 3)])).toBe(-1);
    net.outside.close();
    const late = createConnection({ host: LOOPBACK, port: forward.port });
    const [error] = await once(late, 'error');
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('resets a client whose guest refuses', async () => {
    const net = await network('tcp:0-:22');
    const client = createConnection({ host: LOOPBACK, port: net.outside.forwards[0].forward.port });
    let code: string | undefined;
    client.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
    await until(net, () => code !== undefined);
    expect(code).toBe('ECONNRESET');
  });

  it('carries datagrams both ways, from the guest and to it', async () => {
    const echo = createSocket('udp4');
    onTestFinished(() => void echo.close());
    echo.on('message', (bytes, { port }) => echo.send(Buffer.concat([bytes, Buffer.from('!')]), port, LOOPBACK));
    echo.bind(0, LOOPBACK);
    await once(echo, 'listening');
    const net = await network('udp:0-:53');
    net.udp(GATEWAY, 5000, echo.address().port, Buffer.from('hello'));
    await until(net, () => net.datagrams.length > 0);
    expect(net.datagrams[0]).toMatchObject({ from: GATEWAY, destinationPort: 5000 });
    expect(Buffer.from(net.datagrams[0].data).toString()).toBe('hello!');
    echo.send('question', net.outside.forwards[0].forward.port, LOOPBACK);
    await until(net, () => net.datagrams.length > 1);
    expect(net.datagrams[1]).toMatchObject({ sourcePort: echo.address().port, destinationPort: 53 });
  });

  it('asks whom this computer asks for names, of those that have an IPv4 address', async () => {
    const server = createSocket('udp4');
    onTestFinished(() => void server.close());
    server.on('message', (bytes, { port }) => server.send(Buffer.concat([bytes, Buffer.from('!')]), port, LOOPBACK));
    server.bind(0, LOOPBACK);
    await once(server, 'listening');
    const before = dns.getServers();
    onTestFinished(() => dns.setServers(before));
    dns.setServers(['[::1]:53', `${LOOPBACK}:${server.address().port}`]);
    const net = await network();
    // example.org, A.
    const query = Buffer.from('abcd01000001000000000000076578616d706c65036f72670000010001', 'hex');
    net.udp(NAME_SERVER, 5000, 53, query);
    await until(net, () => net.datagrams.length > 0);
    expect(net.datagrams[0]).toMatchObject({ from: NAME_SERVER, destinationPort: 5000 });
    expect(Buffer.from(net.datagrams[0].data).toString('hex')).toBe(`${query.toString('hex')}21`);
  });

  it('says which port cannot be opened, and leaves none open', async () => {
    const port = await serve(() => {});
    const first = await freePort();
    const both = [`tcp:${first}-:22`, `tcp:${port}-:23`].map(readForward);
    await expect(openOutside(both)).rejects.toThrow(
      new RegExp(`^port ${port} of 127\\.0\\.0\\.1 cannot be opened: .*EADDRINUSE.*\\. Choose another\\.$`),
    );
    const again = createServer().listen(first, LOOPBACK);
    await once(again, 'listening');
    again.close();
  });

  it('knows its own addresses', async () => {
    const net = await network();
    expect([net.outside.isOwn(LOOPBACK), net.outside.isOwn('198.51.100.7')]).toEqual([true, false]);
  });
});
