/**
 * Guests' screens by RFB: a client that is made for the test at a host in this process, and Debian's gvnccapture, of GTK-VNC, at `ringside boot --vnc` and at
 * `ringside sh`.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { RfbClient } from '../src/cli/rfb/client.test-support.ts';
import { listenForViewers, screenOf } from '../src/cli/rfb/index.ts';
import { nodeSockets } from '../src/cli/sockets.ts';
import { testFile, testHost, until } from '../src/dom0/service/host.test-support.ts';
import { ENCODING, RELATIVE_CENTRE } from '../src/formats/rfb/index.ts';
import { screenPicture, screenText } from '../src/hypervisor/view/index.ts';
import { type Program, Ringside, WarmRingside } from './support/command-line.ts';
import { file, program, strict } from './support/needs.ts';
import { decodePng } from './support/png.ts';
import { patient } from './support/patience.ts';

const DEMO = file('guests/demo/demo.elf');
const capture = program('gvnccapture');
const folder = mkdtempSync(join(tmpdir(), 'vnc-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = 'name = "demo"\nbuilder = "hvm"\nmemory = 8\nkernel = "demo.elf"\n';

/** The demo guest with its screen at a port. */
async function served(more = '') {
  const host = testHost();
  const { id } = await host.create([testFile('demo.cfg', CONFIG + more), testFile('demo.elf', readFileSync(DEMO))]);
  const member = host.domains.member(id);
  const { memory } = host.machine,
    { screenOffset } = member.record;
  const screen = screenOf(host.toolstack, { name: 'demo', epochMs: Date.now }, () => host.toolstack.members.get(id));
  const listening = await listenForViewers(screen, 0);
  return {
    host,
    id,
    listening,
    /** Of whoever holds on to it. */
    kept: screenOf(host.toolstack, { name: 'demo', epochMs: Date.now }, () => member),
    picture: () => screenPicture(memory, screenOffset),
    text: () => screenText(memory, screenOffset),
    connect: async () => new RfbClient(await nodeSockets.connect({ host: '127.0.0.1', port: listening.port })),
  };
}

describe('a client', () => {
  it('is asked for the password that the definition has by then', async () => {
    const { host, id, listening, connect } = await served("vncpasswd = 's3cret'\n");
    // RFC 6143, 7.1.2: how many security types, and which. 2 is VNC authentication.
    const raw = await nodeSockets.connect({ host: '127.0.0.1', port: listening.port });
    const got: number[] = [];
    raw.listen(
      bytes => got.push(...bytes),
      () => {},
    );
    raw.send(new TextEncoder().encode('RFB 003.008\n'));
    await until(() => got.length >= 14);
    expect(got.slice(12)).toEqual([1, 2]);
    raw.close();
    await expect((await connect()).begin({ password: 'secret' })).rejects.toThrow('The password is wrong.');
    await (await connect()).begin({ password: 's3cret' });
    const member = host.domains.member(id);
    const have = (password: string, until?: string): void => {
      const { definition } = member.blueprint;
      const vncPasswordUntil = until === undefined ? {} : { vncPasswordUntil: until };
      member.blueprint = {
        ...member.blueprint,
        definition: { ...definition, vncPassword: password, ...vncPasswordUntil },
      };
    };
    have('another');
    await expect((await connect()).begin({ password: 's3cret' })).rejects.toThrow('The password is wrong.');
    await (await connect()).begin({ password: 'another' });
    have('');
    await expect((await connect()).begin({ password: '' })).rejects.toThrow('The password is wrong.');
    have('another', '2999-01-01T00:00:00');
    await (await connect()).begin({ password: 'another' });
    have('another', '2001-01-01T00:00:00');
    await expect((await connect()).begin({ password: 'another' })).rejects.toThrow('The password is wrong.');
    await host.destroy(id);
    listening.close();
  });

  it('sees what the guest shows, types at it, and sees what comes of that', async () => {
    const { host, id, listening, kept, picture, text, connect } = await served();
    const client = await (await connect()).begin({ encodings: [ENCODING.HEXTILE, ENCODING.DESKTOP_SIZE] });
    expect(client.name).toBe('demo');
    await until(() => text().includes('demo>'));
    /** Until it has all that is shown. */
    const look = async (isIncremental: boolean): Promise<boolean> => {
      await client.update(isIncremental);
      return Buffer.compare(client.rgb, picture().rgb) === 0;
    };
    await until(() => look(false));
    const { width, height } = picture();
    expect([client.canvas.width, client.canvas.height]).toEqual([width, height]);
    client.type('echo Grüße'.replace('üß', 'U!'));
    await until(() => text().includes('demo> echo GrU!e'));
    await until(() => Buffer.compare(client.rgb, picture().rgb) === 0 || look(true));
    await host.destroy(id);
    await expect(client.update()).rejects.toThrow('closed');
    // What was its memory may be another domain's.
    expect([kept.generation(), kept.picture()]).toEqual(['none', undefined]);
    listening.close();
  });

  it('stays while the guest is started again', async () => {
    const host = new WarmRingside('boot', file('guests/demo/demo.cfg'), '--vnc', '0', '--timeout', '120');
    try {
      const port = await portOf(host, 'errors');
      const client = await new RfbClient(await nodeSockets.connect({ host: '127.0.0.1', port })).begin();
      await host.expect('demo>', 20);
      client.type('reboot\n');
      await host.expect('demo>', 20);
      await client.update(false);
      client.type('echo again\n');
      await host.expect('\nagain', 20);
      expect(host.errors).toContain('demo: ');
    } finally {
      await host.kill();
    }
  });

  it.each([
    ['goes from place to place', []],
    ['goes ways', [ENCODING.POINTER_MOTION]],
  ])('with the password moves the mouse of a guest, and clicks: it %s', async (_how, encodings) => {
    const ready = join(folder, `${Math.random()}.png`),
      script = join(folder, 'script'),
      password = join(folder, 'password');
    writeFileSync(script, `expect x=0000\nscreenshot ${ready}\nexpect x=0005 y=0003 b=0004 w=FFFF\n`);
    writeFileSync(password, 'hush\n');
    const options = ['--vnc', `0,password=${password}`, '--script', script, '--timeout', '120'];
    const host = new WarmRingside('boot', file('guests/mouse/mouse.img'), ...options);
    try {
      const connect = async () =>
        new RfbClient(await nodeSockets.connect({ host: '127.0.0.1', port: await portOf(host, 'errors') }));
      await expect((await connect()).begin({ password: 'Hush' })).rejects.toThrow('The password is wrong.');
      const client = await (await connect()).begin({ password: 'hush', encodings });
      await client.update(false);
      await until(() => existsSync(ready), 60);
      const sendsWays = encodings.length > 0,
        at = sendsWays ? RELATIVE_CENTRE : 10;
      client.pointer(0, at, at);
      client.pointer(2, at + 5, at - 3);
      // The wheel away from the user, with the middle button held.
      client.pointer(2 | 8, sendsWays ? at : at + 5, sendsWays ? at : at - 3);
      expect(await host.end(60)).toBe(0);
    } finally {
      await host.kill();
    }
  });
});

/** Waits for a screen's address among what a host prints. */
async function portOf(host: Program, stream: 'output' | 'errors'): Promise<number> {
  const port = await until(() => /vnc:\/\/127\.0\.0\.1:(\d+)/.exec(host[stream])?.[1], 60);
  return Number(port);
}

/** What gvnccapture makes of it. It takes the number of a display, which is its port from 5900 on. */
async function captured(port: number): Promise<ReturnType<typeof decodePng>> {
  const path = join(folder, `${Math.random()}.png`);
  await promisify(execFile)(capture!, ['-q', `127.0.0.1:${port - 5900}`, path], { timeout: patient(60_000) });
  return decodePng(readFileSync(path));
}

it.runIf(strict)('is there', () => {
  expect(capture).toBeDefined();
});

describe.runIf(capture)("Debian's gvnccapture", () => {
  it('has the picture that the guest shows', async () => {
    const path = join(folder, 'screen.png'),
      script = join(folder, 'script');
    writeFileSync(
      script,
      `expect demo>\nsend mem\\r\nexpect Command line:\nwait 1000\nscreenshot ${path}\nwait 600000\n`,
    );
    // What is on the serial port is on the screen with its next picture.
    const host = new WarmRingside('boot', '--kernel', DEMO, '--vnc', '0', '--script', script, '--timeout', '120');
    try {
      const port = await portOf(host, 'errors');
      const shown = await until(() => {
        try {
          return decodePng(readFileSync(path));
        } catch {
          return undefined;
        }
      }, 60);
      const picture = await captured(port);
      expect([picture.width, picture.height]).toEqual([shown.width, shown.height]);
      // In the first line is the guest's clock.
      const below = shown.width * 16 * 3;
      expect(Buffer.compare(picture.rgb.subarray(below), shown.rgb.subarray(below))).toBe(0);
    } finally {
      await host.kill();
    }
  });

  it('finds the screen of a guest of ringside sh by xl vncviewer', async () => {
    const host = new Ringside('sh', '--file', `${DEMO}:/root/demo.elf`);
    try {
      await host.expect('#', 20);
      host.send('xl create /etc/xen/vm/demo; xl vncviewer demo; xl vncviewer demo\n');
      const port = await portOf(host, 'output');
      // Until the guest has turned it on, it is black.
      await until(async () => {
        const { height, rgb } = await captured(port);
        return height === 400 && rgb.some(byte => byte !== 0);
      }, 60);
      const ports = await until(() => {
        const all = [...host.output.matchAll(/vncviewer 127\.0\.0\.1::(\d+)/g)].map(([, each]) => each);
        return all.length === 2 && all;
      });
      expect(ports).toEqual([String(port), String(port)]);
    } finally {
      await host.kill();
    }
  });
});
