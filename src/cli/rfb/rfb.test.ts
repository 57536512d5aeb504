/** Clients at a screen that is made for the test; at guests' screens they are in test/vnc.test.ts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { channels } from '../../dom0/host/nbd/channels.test-support.ts';
import { ByteSink, ENCODING, formatBytes, OWN_FORMAT, type Picture } from '../../formats/rfb/index.ts';
import type { MouseMove } from '../../hypervisor/index.ts';
import { xorshift } from '../../dom0/toolstack/index.ts';
import { RfbClient } from './client.test-support.ts';
import { readPassword, RfbServer, type ServedScreen } from './index.ts';
import { keyOfXt } from '../../devices/ps2/index.ts';
import { answerTo } from './password.ts';

const { RAW, HEXTILE, DESKTOP_SIZE, POINTER_MOTION, EXTENDED_KEY } = ENCODING;
const folder = mkdtempSync(join(tmpdir(), 'rfb-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = (width: number, height: number, value = 0): Picture => ({
  width,
  height,
  rgb: new Uint8Array(width * height * 3).fill(value),
});

/** A screen, and what was pressed at it. */
class Screen implements ServedScreen {
  readonly name = 'web – 1';
  secret: ReturnType<ServedScreen['password']>;
  password = () => this.secret;
  shown: Picture | undefined = plain(40, 20);
  changes = 0;
  wanted = 0;
  readonly pressed: string[] = [];
  readonly moves: MouseMove[] = [];
  generation = (): string | undefined => this.shown && String(this.changes);
  picture = (): Picture | undefined => this.shown;
  want = (): void => void this.wanted++;
  key = (code: string, down: boolean): void => void this.pressed.push(`${down ? '+' : '-'}${code}`);
  mouse = (move: MouseMove): void => void this.moves.push(move);

  show(picture: Picture | undefined): void {
    this.shown = picture;
    this.changes++;
  }

  dot(x: number, y: number): void {
    const picture = { ...this.shown!, rgb: this.shown!.rgb.slice() };
    picture.rgb.fill(255, (y * picture.width + x) * 3, (y * picture.width + x + 1) * 3);
    this.show(picture);
  }
}

function serverOf(password?: string) {
  const screen = new Screen();
  const server = new RfbServer(screen, password === undefined ? undefined : new TextEncoder().encode(password));
  const connect = (): RfbClient => {
    const [here, there] = channels(7);
    server.serve(there);
    return new RfbClient(here);
  };
  return { screen, server, connect };
}

const settled = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0));
/** Whatever was sent has been heard once this is answered. */
const heard = (client: RfbClient): Promise<unknown> => client.update(false);

describe('a hand-shake', () => {
  it.each(['RFB 003.003\n', 'RFB 003.007\n', 'RFB 003.008\n'])('is as the client has it: %j', async version => {
    const { connect } = serverOf();
    const client = await connect().begin({ version });
    expect([client.canvas.width, client.canvas.height, client.name]).toEqual([40, 20, 'web ? 1']);
    const guarded = serverOf('secret');
    await guarded.connect().begin({ version, password: 'secret' });
    const refused = guarded.connect();
    await expect(refused.begin({ version, password: 'Secret' })).rejects.toThrow(
      version.includes('008') ? 'The password is wrong.' : 'refused',
    );
    await settled();
    expect([guarded.server.count, refused.isClosed]).toEqual([1, true]);
  });

  it('lets nobody in who chooses what was not offered', async () => {
    const guarded = serverOf('secret').connect();
    await guarded.read(12);
    guarded.send(new ByteSink().text('RFB 003.008\n').u8(1).u8(1));
    expect([...(await guarded.read(2))]).toEqual([1, 2]);
    await expect(guarded.read(1)).rejects.toThrow('closed');
  });

  it('answers a challenge with DES, as openssl does it with each byte of the key turned round', () => {
    // printf 0123456789abcdef | openssl enc -des-ecb -K 0e86ceceeef64e26 -nopad -provider legacy
    expect(
      answerTo(new TextEncoder().encode('0123456789abcdef'), new TextEncoder().encode('password')).toString('hex'),
    ).toBe('5645abeb5f1e6475e8feb11beb66ea19');
  });

  it('has a password from the first line of a file, of at most 8 bytes', () => {
    const path = join(folder, 'password');
    writeFileSync(path, 'secret\r\nmore\n');
    expect(Buffer.from(readPassword(path)).toString()).toBe('secret');
    writeFileSync(path, '\n');
    expect(() => readPassword(path)).toThrow('has no password in its first line');
    writeFileSync(path, 'secret123');
    expect(() => readPassword(path)).toThrow('has 9 bytes, and VNC');
    expect(() => readPassword(join(folder, 'none'))).toThrow('none cannot be read: ENOENT');
  });

  it('with a client that wants to be alone sends the others away', async () => {
    const { connect, server } = serverOf();
    const first = await connect().begin();
    await connect().begin({ isShared: false });
    await settled();
    expect([first.isClosed, server.count]).toEqual([true, 1]);
  });
});

describe('a picture', () => {
  it.each([RAW, HEXTILE])('comes when it was asked for, whole and then what changed: encoding %i', async encoding => {
    const { screen, connect } = serverOf();
    const client = await connect().begin({ encodings: [encoding] });
    const whole = { x: 0, y: 0, width: 40, height: 20, encoding };
    expect(await client.update(false)).toEqual([whole]);
    const next = client.update();
    screen.dot(39, 19);
    expect(await next).toEqual([{ x: 32, y: 16, width: 8, height: 4, encoding }]);
    expect(Buffer.compare(client.rgb, screen.shown!.rgb)).toBe(0);
    expect(screen.wanted).toBeGreaterThan(0);
    expect(await client.update(false)).toEqual([whole]);
  });

  it('does not come unasked, and many changes are one', async () => {
    const { screen, connect } = serverOf();
    const client = await connect().begin();
    await client.update(false);
    for (let x = 0; x < 40; x++) screen.dot(x, 0);
    expect(await client.update()).toEqual([{ x: 0, y: 0, width: 40, height: 16, encoding: RAW }]);
    expect(Buffer.compare(client.rgb, screen.shown!.rgb)).toBe(0);
  });

  it('of another size is told where the client knows of that, and cut where it does not', async () => {
    const { screen, connect } = serverOf();
    const knows = await connect().begin({ encodings: [HEXTILE, DESKTOP_SIZE] }),
      not = await connect().begin({ encodings: [HEXTILE] });
    await knows.update(false);
    await not.update(false);
    screen.show(plain(50, 10, 9));
    expect(await knows.update()).toEqual([{ x: 0, y: 0, width: 50, height: 10, encoding: DESKTOP_SIZE }]);
    // The picture comes without being asked for again.
    expect(await knows.message()).toEqual([{ x: 0, y: 0, width: 50, height: 10, encoding: HEXTILE }]);
    expect(Buffer.compare(knows.rgb, screen.shown!.rgb)).toBe(0);
    await not.update();
    expect(not.rgb.subarray(0, 400 * 3).every(byte => byte === 9)).toBe(true);
    expect(not.rgb.subarray(400 * 3).every(byte => byte === 0)).toBe(true);
  });

  it('comes in the pixels that the client asks for, by a map of colours too', async () => {
    const { screen, connect } = serverOf();
    screen.show(plain(16, 16, 255));
    const client = await connect().begin({ encodings: [RAW] });
    const mapped = { ...OWN_FORMAT, bitsPerPixel: 8 as const, isMapped: true };
    client.send(new ByteSink().u8(0).u8(0).u16(0).put(formatBytes(mapped)));
    client.ask(false);
    expect(await client.message()).toBe('colours');
    expect([...(await client.read(4 + 12 + 256)).subarray(16)]).toEqual(new Array(256).fill(255));
  });

  it('ends with its domain', async () => {
    const { screen, connect } = serverOf();
    const client = await connect().begin();
    await client.update(false);
    screen.show(undefined);
    await expect(client.update()).rejects.toThrow('closed');
    await expect(connect().begin()).rejects.toThrow('closed');
  });
});

describe('a keyboard', () => {
  const typed = async (act: (client: RfbClient) => void): Promise<string> => {
    const { screen, connect } = serverOf();
    const client = await connect().begin();
    act(client);
    await heard(client);
    return screen.pressed.join(' ');
  };

  it('has keys by what they write, with shift where a US keyboard needs it', async () => {
    expect(await typed(client => client.type('a1\n'))).toBe('+KeyA -KeyA +Digit1 -Digit1 +Enter -Enter');
    expect(await typed(client => client.type('A!'))).toBe(
      '+ShiftLeft +KeyA -ShiftLeft -KeyA +ShiftLeft +Digit1 -ShiftLeft -Digit1',
    );
    // A German keyboard has / above 7.
    expect(
      await typed(client => {
        client.key(0xffe1, true);
        client.type('/A');
        client.key(0xffe1, false);
      }),
    ).toBe('+ShiftLeft -ShiftLeft +Slash +ShiftLeft -Slash +KeyA -KeyA -ShiftLeft');
    // With caps lock.
    expect(await typed(client => [0xffe5, 0x41].map(each => client.key(each, true)))).toBe('+CapsLock +KeyA');
  });

  it('has keys by their place where the client says it, and knows that it may', async () => {
    const { screen, connect } = serverOf();
    const client = await connect().begin({ encodings: [RAW, EXTENDED_KEY] });
    expect((await client.update(false)).map(({ encoding }) => encoding)).toEqual([EXTENDED_KEY, RAW]);
    // ö of a German keyboard, right Control, Pause; and a key that the client does not know.
    client.key(0xf6, true, 0x27);
    client.key(0xffe4, true, 0x9d);
    client.key(0xff13, true, 0xc6);
    client.key(0x61, true, 0);
    await heard(client);
    expect(screen.pressed.join(' ')).toBe('+Semicolon +ControlRight +Pause +KeyA');
    expect([0x01, 0x1c, 0x9c, 0x54, 0xb7, 0x57, 0x56, 0xc8, 0xdb, 0x7f].map(keyOfXt)).toEqual([
      'Escape',
      'Enter',
      'NumpadEnter',
      'PrintScreen',
      'PrintScreen',
      'F11',
      'IntlBackslash',
      'ArrowUp',
      'MetaLeft',
      undefined,
    ]);
  });

  it('lets go of what a client that vanishes has held', async () => {
    const { screen, connect } = serverOf();
    const client = await connect().begin();
    client.key(0xffe3, true);
    client.pointer(1, 5, 5);
    await heard(client);
    client.close();
    await settled();
    expect(screen.pressed).toEqual(['+ControlLeft', '-ControlLeft']);
    expect(screen.moves.at(-1)).toEqual({ dx: 0, dy: 0, dz: 0, buttons: 0 });
  });
});

describe('a pointer', () => {
  it('is a mouse that goes from place to place', async () => {
    const { screen, connect } = serverOf();
    const client = await connect().begin();
    client.pointer(0, 10, 10);
    client.pointer(0, 15, 7);
    // Middle and right; then the wheel away from the user.
    client.pointer(2, 15, 7);
    client.pointer(4, 15, 7);
    client.pointer(8, 15, 7);
    client.pointer(0, 15, 7);
    await heard(client);
    expect(screen.moves.map(({ dx, dy, dz, buttons }) => [dx, dy, dz, buttons].join(' '))).toEqual([
      '0 0 0 0',
      '5 3 0 0',
      '0 0 0 4',
      '0 0 0 2',
      '0 0 -1 0',
      '0 0 0 0',
    ]);
  });

  it('goes ways where the client can send them', async () => {
    const { screen, connect } = serverOf();
    const client = await connect().begin({ encodings: [POINTER_MOTION] });
    expect(await client.update(false)).toMatchObject([{ x: 0, encoding: POINTER_MOTION }, { encoding: RAW }]);
    // Sent before the client was told.
    client.pointer(0, 20, 20);
    client.pointer(1, 0x7fff + 3, 0x7fff - 2);
    await heard(client);
    expect(screen.moves).toEqual([
      { dx: 0, dy: 0, dz: 0, buttons: 0 },
      { dx: 3, dy: 2, dz: 0, buttons: 1 },
    ]);
  });
});

it('hostile clients are hung up on or answered, and those beside them go on', async () => {
  const next = xorshift(7);
  const pick = (below: number): number => (next() >>> 0) % below;
  const { screen, server, connect } = serverOf();
  const beside = await connect().begin({ encodings: [HEXTILE] });
  await beside.update(false);
  const message = (sink: ByteSink): void => {
    const kind = pick(9);
    if (kind === 0) sink.u8(0).u8(0).u16(0).put(formatBytes(OWN_FORMAT));
    else if (kind === 1) {
      sink.u8(2).u8(0).u16(4);
      for (const each of [RAW, HEXTILE, DESKTOP_SIZE, POINTER_MOTION, EXTENDED_KEY].slice(pick(2), 4 + pick(2)))
        sink.u32(each);
    } else if (kind === 2) sink.u8(3).u8(pick(2)).u16(pick(0x10000)).u16(pick(50)).u16(pick(0x10000)).u16(pick(50));
    else if (kind === 3) sink.u8(4).u8(pick(2)).u16(0).u32(pick(0x10000));
    else if (kind === 4) sink.u8(5).u8(pick(256)).u16(pick(0x10000)).u16(pick(0x10000));
    else if (kind === 5)
      sink
        .u8(6)
        .u8(0)
        .u16(0)
        .u32(pick(3) === 0 ? 2 ** 31 : pick(40))
        .put(new Uint8Array(pick(40)));
    else if (kind === 6) sink.u8(255).u8(0).u16(pick(2)).u32(pick(0x10000)).u32(pick(0x200));
    else if (kind === 7 && pick(8) === 0) for (let i = pick(30); i > 0; i--) sink.u8(pick(256));
  };
  for (let round = 0; round < 60; round++) {
    const client = connect();
    await client.begin({ encodings: [pick(2) === 0 ? RAW : HEXTILE] });
    for (let i = 0; i < 40; i++) {
      const sink = new ByteSink();
      message(sink);
      if (sink.length > 0) client.send(sink);
    }
    if (pick(3) === 0) screen.show(plain(1 + pick(60), 1 + pick(60), pick(256)));
    await settled();
    client.close();
  }
  // And those who never come as far.
  for (let round = 0; round < 60; round++) {
    const client = connect(),
      sink = new ByteSink();
    for (let i = pick(60); i >= 0; i--) sink.u8(pick(256));
    client.send(sink);
    await settled();
    client.close();
  }
  await settled();
  expect(server.count).toBe(1);
  screen.show(plain(40, 20, 5));
  await beside.update(false);
  expect(Buffer.compare(beside.rgb, screen.shown!.rgb)).toBe(0);
  const held = new Map<string, number>();
  for (const each of screen.pressed) held.set(each.slice(1), each.startsWith('+') ? 1 : 0);
  expect([...held.values()].reduce((sum, each) => sum + each, 0)).toBe(0);
});
