/** What strangers send first to servers of ours: right, nearly right, half and no message at all. */
import { damaged, type Pick } from '../../harness/pick.ts';

const one = <T>(pick: Pick, of: readonly T[]): T => of[pick(of.length)]!;
const noise = (pick: Pick, most: number): Buffer => Buffer.from(Array.from({ length: pick(most) }, () => pick(256)));

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'CONNECT', 'TRACE', 'PRI', 'G\0T', ''];
const TARGETS = [
  '/',
  '//',
  '//:',
  '//[',
  '/\\',
  '/?',
  '/#',
  '/health',
  '/%',
  '/%00',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/index.html',
  '/index.html/',
  '/index.html/below',
  '/assets/',
  '/guests/catalogue.json',
  '/guests/../x',
  '/__proto__',
  '/constructor',
  '*',
  'x',
  'a:b',
  'http://',
  'http://[',
  'http://[::1]:99999/',
  'http://localhost/health',
  'HTTP://LOCALHOST',
  'http://a@localhost/',
  'localhost:443',
  `/${'long'.repeat(1000)}`,
  `/guests/${'../'.repeat(2000)}`,
  `/${'x'.repeat(40_000)}`,
];
const HOSTS = [
  'localhost',
  '127.0.0.1',
  '[::1]',
  'evil.example',
  '',
  '[',
  'localhost:x',
  'a b',
  '%00',
  'x'.repeat(300),
];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/9.9', ''];
const UPGRADES: readonly string[] = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const HEADERS = [
  'Connection: close',
  'Connection: keep-alive',
  'Content-Length: 5',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: x',
  'Expect: 100-continue',
  'Expect: x',
  'Accept-Encoding: br;q=0, gzip',
  'Accept-Encoding: ,;=,',
  'If-None-Match: W/"0-0"',
  'Range: bytes=5-1',
  'Origin: null',
  'Origin: http://evil.example',
  'Origin: [',
  'Upgrade: h2c',
  'Sec-WebSocket-Version: 99',
  'Sec-WebSocket-Key: x',
  'Sec-WebSocket-Extensions: permessage-deflate; x="',
  'Sec-WebSocket-Protocol: ,',
  ': empty',
  'no colon',
  `Long: ${'x'.repeat(20_000)}`,
];

/** A request, which may open a WebSocket and go on as one. */
export function httpGreeting(pick: Pick): Buffer {
  if (pick(20) === 0) return noise(pick, 300);
  const isSocket = pick(3) === 0;
  const lines = [`${isSocket ? 'GET' : one(pick, METHODS)} ${one(pick, TARGETS)} ${one(pick, VERSIONS)}`];
  if (pick(10) > 0) lines.push(`Host: ${pick(2) === 0 ? 'localhost' : one(pick, HOSTS)}`);
  if (isSocket) lines.push(...UPGRADES.filter(() => pick(20) > 0));
  for (let i = pick(4); i > 0; i--) lines.push(one(pick, HEADERS));
  if (pick(100) === 0) for (let i = 0; i < 3000; i++) lines.push(`H${i}: x`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const parts: Buffer[] = [pick(15) === 0 ? Buffer.from(damaged(pick, head)) : head];
  const more = pick(4);
  if (isSocket) for (let i = pick(6); i > 0; i--) parts.push(frame(pick));
  else if (more < 2) parts.push(more === 0 ? head : noise(pick, 60));
  return Buffer.concat(parts);
}

const HELLOS = ['{"hello":2,"room":"none"}', '{"hello":1}', '{}', 'null', '[', '"\\ud800"', '{"hello":2,"room":{}}'];

/** A frame of a WebSocket (RFC 6455, 5.2), right or not. */
function frame(pick: Pick): Buffer {
  const content = pick(2) === 0 ? Buffer.from(one(pick, HELLOS)) : noise(pick, 120);
  const opcode = one(pick, [1, 1, 1, 2, 2, 0, 8, 9, 10, 3, 15]);
  const mask = pick(20) === 0 ? 0 : 0x80;
  const head = [(pick(8) === 0 ? 0 : 0x80) | (pick(30) === 0 ? 0x70 : 0) | opcode, mask | content.length];
  const longer = pick(30);
  if (longer === 0) head.splice(1, 1, mask | 127, 0, 0, pick(256), pick(256), 255, 255, 255, 255);
  else if (longer === 1) head.splice(1, 1, mask | 126, pick(256), pick(256));
  return Buffer.concat([Buffer.from(head), mask ? Buffer.alloc(4) : Buffer.alloc(0), content]);
}

/** Numbers of this many bytes each, most significant first. */
function packed(...fields: (readonly [bytes: number, value: number | bigint])[]): Buffer {
  const bytes: number[] = [];
  for (const [count, value] of fields)
    for (let i = count - 1; i >= 0; i--) bytes.push(Number((BigInt(value) >> BigInt(8 * i)) & 255n));
  return Buffer.from(bytes);
}

/** IHAVEOPT and NBD_REQUEST_MAGIC of doc/proto.md. */
const OPTION = 0x49484156454f5054n,
  REQUEST = 0x25609513;
const LENGTHS = [0, 1, 4, 511, 512, 4096, 65_536, 0x7fffffff, 0xffffffff];
const PLACES = [0, 1, 512, 65_024, 65_536, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

function nbdOption(pick: Pick): Buffer {
  const option = pick(8) === 0 ? pick(2 ** 32) : 1 + pick(10);
  const name = Buffer.from(one(pick, ['disk', 'disk', 'other', '', 'x'.repeat(5000)]));
  const isGo = option === 6 || option === 7;
  const infos = Array.from({ length: pick(4) }, () => [2, pick(6)] as const);
  const data = isGo
    ? Buffer.concat([packed([4, name.length]), name, packed([2, infos.length], ...infos)])
    : pick(2) === 0
      ? name
      : Buffer.alloc(0);
  return Buffer.concat([
    packed([8, OPTION], [4, option], [4, pick(20) === 0 ? one(pick, LENGTHS) : data.length]),
    data,
  ]);
}

function nbdRequest(pick: Pick): Buffer {
  const command = pick(10) === 0 ? pick(65_536) : pick(8);
  const bytes = pick(3) === 0 ? one(pick, LENGTHS) : 512 * pick(16);
  const at = pick(3) === 0 ? one(pick, PLACES) : 512 * pick(128);
  const flags = pick(4) === 0 ? pick(65_536) : pick(2);
  const head = packed([4, REQUEST], [2, flags], [2, command], [8, pick(1000)], [8, at], [4, bytes]);
  return command === 1 ? Buffer.concat([head, Buffer.alloc(Math.min(bytes, 8192))]) : head;
}

/** A client of NBD up to its first requests. */
export function nbdGreeting(pick: Pick): Buffer {
  if (pick(20) === 0) return noise(pick, 300);
  const parts = [packed([4, pick(10) === 0 ? pick(2 ** 32) : pick(4)])];
  for (let i = pick(5); i > 0; i--) parts.push(nbdOption(pick));
  if (pick(3) > 0) {
    const name = Buffer.from('disk');
    parts.push(packed([8, OPTION], [4, 1], [4, name.length]), name);
    for (let i = pick(10); i > 0; i--) parts.push(nbdRequest(pick));
  }
  const bytes = Buffer.concat(parts);
  return pick(8) === 0 ? Buffer.from(damaged(pick, bytes)) : bytes;
}

/** A client of the daemon of libvirt up to its first calls (src/remote/remote_protocol.x of libvirt). */
export function libvirtGreeting(pick: Pick): Buffer {
  if (pick(10) === 0) return noise(pick, 300);
  const parts: Buffer[] = [];
  for (let i = 1 + pick(5); i > 0; i--) {
    const content = pick(3) === 0 ? noise(pick, 60) : packed([4, pick(3)], [4, 0], [4, pick(2)]);
    const program = one(pick, [0x20008086, 0x20008086, 0x20008087, 0x6b656570, pick(2 ** 32)]);
    const head = packed(
      [4, pick(20) === 0 ? one(pick, LENGTHS) : 28 + content.length],
      [4, program],
      [4, pick(20) === 0 ? pick(2 ** 32) : 1],
      [4, one(pick, [66, 1, 2, 60, pick(500), pick(2 ** 32)])],
      [4, pick(8)],
      [4, pick(2 ** 32)],
      [4, pick(4)],
    );
    parts.push(head, content);
  }
  return Buffer.concat(parts);
}

/** What a connection from outside brings to a port that leads to a guest: any bytes. */
export const anyGreeting = (pick: Pick): Buffer => noise(pick, pick(4) === 0 ? 20_000 : 200);
