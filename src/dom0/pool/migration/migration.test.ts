import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { testFile, until } from '../../service/host.test-support.ts';
import { COMMANDS } from '../../toolstack/commands/index.ts';
import { MESSAGE, readOffer } from './messages.ts';
import { Client } from '../recovery/client.test-support.ts';
import { GUESTS, pair, running, watch, xl } from './pair.test-support.ts';

const MIB = 2 ** 20;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('a guest that moves to another host', () => {
  it('goes on there as it was, in the words of xl, and leaves nothing behind', async () => {
    const { a, b, cable } = pair();
    const moves = new Map<string, string>();
    cable.passes = (from, bytes) => {
      if (bytes[0] === MESSAGE.OFFER && bytes.length > 8 && !moves.has(from))
        moves.set(from, readOffer(bytes.slice(8)).token.split(' ').at(-1)!);
      return true;
    };
    const before = [a.machine.freeFrames, b.machine.freeFrames];
    const { id } = await a.create(GUESTS.demo('web'));
    const shown = await watch(a, id);
    await until(() => shown.text().includes('demo> '));
    const { out, err } = await xl(a, 'migrate', 'web', 'b');
    expect(err).toBe('');
    expect(out).toMatch(
      /^migration target: Ready to receive domain\.\nSaving to migration stream new xl format \(info 0x3\/0x0\/\d+\)\nLoading new save file <incoming migration stream> \(new xl fmt info 0x3\/0x0\/\d+\)\n Savefile contains xl domain config in JSON format\nParsing config from <saved>\nxc: info: Saving domain 1, type x86 HVM\nxc: info: Found x86 HVM domain from Xen 4\.17\nxc: Frames iteration 0: (\d+)\/\1 {2}100%\n(xc: Frames iteration \d: (\d+)\/\3 {2}100%\n)*migration target: Transfer complete, requesting permission to start domain\.\nmigration sender: Target has acknowledged transfer\.\nmigration sender: Giving target permission to start\.\nmigration target: Got permission, starting domain\.\nmigration target: Domain started successsfully\.\nmigration sender: Target reports successful startup\.\nMigration successful\.\n$/,
    );
    expect([await running(a), await running(b)]).toEqual([[], ['web']]);
    expect(a.machine.freeFrames).toBe(before[0]);
    const [moved] = await b.list();
    const there = await watch(b, moved.id);
    await until(() => there.text().includes('demo> '));
    there.type('help\r');
    await until(() => there.text().includes('help\r\n'));
    expect(a.tasks.list().filter(({ command }) => command.startsWith('xl migrate'))).toHaveLength(1);
    // And back.
    expect((await xl(b, 'migrate', 'web', 'a')).out).toContain('Migration successful.');
    expect([await running(a), await running(b)]).toEqual([['web'], []]);
    expect(b.machine.freeFrames).toBe(before[1]);
    // Each host counts its own, whatever others of this process have moved.
    expect([...moves]).toEqual([
      ['a', '1'],
      ['b', '1'],
    ]);
  });

  it('sends no page of the next round, and does not stand still, before those of this one are in place', async () => {
    const { a, cable } = pair();
    await a.create(GUESTS.demo('web'));
    let isPlaced = true,
      rounds = 0;
    const early: number[] = [];
    cable.passes = (from, bytes) => {
      // A header, or a message without a body.
      const [type, length] = bytes.length === 8 ? new Uint32Array(bytes.slice().buffer) : [];
      if (from === 'a' && !isPlaced) early.push(bytes.length);
      if (from === 'a' && type === MESSAGE.PLACE && length === 0) {
        isPlaced = false;
        rounds++;
      }
      if (from === 'b' && type === MESSAGE.PLACED) isPlaced = true;
      return true;
    };
    const { out } = await xl(a, 'migrate', 'web', 'b');
    // And one behind the rehearsal.
    expect([early, isPlaced, rounds]).toEqual([[], true, out.match(/^xc: Frames/gm)!.length + 1]);
  });

  it('goes while it runs, too, where it knows its machine frames', async () => {
    const { a, b } = pair();
    const { id } = await a.create(GUESTS.minipv('web'));
    const shown = await watch(a, id);
    await until(() => shown.text().endsWith('> '));
    const { out } = await xl(a, 'migrate', 'web', 'b');
    expect(out).toMatch(/^xc: Frames iteration 0: (\d{4})\/\1 {2}100%/m);
    expect(out).toContain('Migration successful.');
    expect([await running(a), await running(b)]).toEqual([[], ['web']]);
  });

  it.each(['pvh', 'hvm'])('is found by who asks it, also where it says nothing itself: %s', async type => {
    const { a, b } = pair();
    const ends = [a, b].map(({ toolstack }, i) => {
      const { network } = toolstack.services;
      network.hasGateway = i === 0;
      return network.joinHost('other', bytes => {
        const frame = { bytes: bytes.slice() };
        setImmediate(() => (ends[1 - i]!.port.input(frame), ends[1 - i]!.wake()));
        return true;
      });
    });
    const { id } = await a.create(GUESTS.minipv('web', 'vif = [ "" ]\nextra = "ip 10.0.2.50"\n', type));
    const shown = await watch(a, id);
    await until(() => shown.text().includes('minipv> '));
    const client = new Client(b, '10.0.2.50', () => 0);
    const answers = async (): Promise<void> => {
      const { length } = client.answers;
      await until(() => (client.ask(), client.answers.length > length));
    };
    await answers();
    expect((await xl(a, 'migrate', 'web', 'b')).err).toBe('');
    await answers();
  });

  it('leaves nothing of what it was booted from where it came by', async () => {
    const { a, b, cable } = pair();
    await a.create([...GUESTS.demo('web', 'ramdisk = "initrd"\n'), testFile('initrd', new Uint8Array(2 * MIB))]);
    const thereAndBack = async (times: number): Promise<number> => {
      for (; times > 0; times--)
        for (const [from, to] of [[a, 'b'] as const, [b, 'a'] as const])
          expect((await xl(from, 'migrate', 'web', to)).err).toBe('');
      // The cable has all links that there were.
      cable.cutAll('over');
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const before = await thereAndBack(2);
    expect((await thereAndBack(8)) - before).toBeLessThan(16 * MIB);
  });

  it('comes once more to be compared with --debug', async () => {
    const { a, b, cable } = pair();
    await a.create(GUESTS.demo('web'));
    const pieces: Uint8Array[] = [];
    cable.passes = (from, bytes) => {
      if (from === 'a') pieces.push(bytes.slice());
      return true;
    };
    expect((await xl(a, 'migrate', '--debug', 'web', 'b')).out).toContain('Migration successful.');
    // VERIFY, and at once behind it records PAGE_DATA of 1024 of its 2048 frames each.
    const record = '\\x01\\0{3}.{4}\\0\\x04\\0{6}';
    const [, again] = new RegExp(`\\x0d\\0{7}(${record}.*)`, 's').exec(Buffer.concat(pieces).toString('latin1'))!;
    expect(again!.match(new RegExp(record, 'gs'))!.length).toBeGreaterThanOrEqual(2);
    expect(await running(b)).toEqual(['web']);
  });

  it('tells at a terminal what happens as it happens, and ends with Ctrl-C', async () => {
    const { a, b, cable } = pair();
    const { id } = await a.create(GUESTS.demo('web'));
    const run = async (typeAfter: number): Promise<{ shown: string[]; why?: string }> => {
      const shown: string[] = [];
      let type = (_typed: string): void => {},
        pieces = 0;
      cable.passes = () => {
        if (++pieces === typeAfter) type('\x03');
        return true;
      };
      const terminal = {
        write: (text: string) => void shown.push(text),
        listen: (listener: (typed: string) => void) => (type = listener),
        columns: 80,
        rows: 25,
        signal: new AbortController().signal,
      };
      const call = {
        host: a,
        words: ['web', 'b'],
        read: (path: string) => a.files.readFile(path),
        write: async () => {},
      };
      try {
        await COMMANDS.migrate.attach!(['web', 'b'])!(call, terminal);
        return { shown };
      } catch (error) {
        return { shown, why: (error as Error).message };
      }
    };
    const ended = await run(20);
    expect(ended.why).toMatch(/canceled by client$/);
    expect(await running(a)).toEqual(['web']);
    await until(async () => (await b.list()).length === 0);
    const { shown } = await run(Infinity);
    expect(shown[0]).toBe('\rmigration target: Ready to receive domain.\x1b[K\r\n');
    expect(shown.filter(line => /^\rxc: Frames iteration 0: 1024\/\d+ {2}\d\d%\x1b\[K$/.test(line))).toHaveLength(1);
    expect(shown.at(-1)).toBe('\rMigration successful.\x1b[K\r\n');
    expect([id, await running(b)]).toEqual([id, ['web']]);
  });
});
