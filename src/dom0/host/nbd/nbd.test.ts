/** Client and server of NBD over a channel in memory. What both make of Debian's programs is in test/nbd.test.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlockDevice, type BlockRequest, type Done, MemoryDisk } from '../../../formats/blocks/index.ts';
import { connectNbd, type NbdExport, type NbdExports, serveNbd } from './index.ts';
import { channels } from './channels.test-support.ts';
import { packed } from './words.ts';

const exportsOf = (devices: Record<string, Partial<NbdExport> & { device: BlockDevice }>): NbdExports => {
  const find = (name: string): NbdExport | string =>
    Object.hasOwn(devices, name)
      ? { readOnly: false, close: () => {}, ...devices[name] }
      : `There is no export ‘${name}’ here. There are ${Object.keys(devices).join(', ')}.`;
  return { names: () => Object.keys(devices), open: find, look: find };
};

const done = (device: BlockDevice, request: BlockRequest): Promise<Error | undefined> =>
  new Promise(resolve => device.request(request, resolve));

async function served(device: BlockDevice, pieceBytes?: number, more: Partial<NbdExport> = {}) {
  const [here, there] = channels(pieceBytes);
  serveNbd(there, exportsOf({ web: { device, ...more } }));
  return connectNbd(here, 'web');
}

describe('NBD', () => {
  it('has a device of another host do what one here does, however its bytes come in pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 20, max: 700 }),
        fc.array(
          fc.record({
            op: fc.constantFrom('read' as const, 'write' as const, 'flush' as const),
            at: fc.nat(2047),
            lengths: fc.array(fc.nat(300), { minLength: 1, maxLength: 3 }),
            fill: fc.nat(255),
          }),
          { maxLength: 12 },
        ),
        async (pieceBytes, operations) => {
          const device = new MemoryDisk(new Uint8Array(2048));
          const expected = new Uint8Array(2048);
          const disk = await served(device, pieceBytes);
          expect(disk.bytes).toBe(2048);
          for (const { op, at, lengths, fill } of operations) {
            const pieces = lengths.map(length => new Uint8Array(length).fill(fill));
            const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
            const request: BlockRequest = op === 'flush' ? { op } : { op, at, pieces };
            const error = await done(disk, request);
            if (op !== 'flush' && at + bytes > expected.length) expect(error?.message).toMatch(/do not lie within/);
            else expect(error).toBeUndefined();
            if (error) continue;
            if (op === 'write') expected.fill(fill, at, at + bytes);
            if (op === 'read') expect(Buffer.concat(pieces)).toEqual(Buffer.from(expected.subarray(at, at + bytes)));
          }
          expect(Buffer.from(device.data)).toEqual(Buffer.from(expected));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('answers each request, whatever the order that the device is done in', async () => {
    const waiting: { request: BlockRequest; done: Done }[] = [];
    const memory = new MemoryDisk(new Uint8Array(8 * 512).map((_, i) => i >> 9));
    const device = memory.behind((request, end) => void waiting.push({ request, done: end }));
    const disk = await served(device);
    const reads = [0, 1, 2].map(i => ({ op: 'read' as const, at: i * 512, pieces: [new Uint8Array(512)] }));
    const ends = reads.map(request => done(disk, request));
    await new Promise(resolve => setTimeout(resolve));
    for (const { request, done: end } of waiting.reverse()) memory.request(request, end);
    expect(await Promise.all(ends)).toEqual([undefined, undefined, undefined]);
    expect(reads.map(({ pieces }) => pieces[0][511])).toEqual([0, 1, 2]);
  });

  it('tells why not in the words of the host that has the device', async () => {
    const device = new MemoryDisk(new Uint8Array(4096));
    const [here, there] = channels();
    serveNbd(there, exportsOf({ web: { device } }));
    await expect(connectNbd(here, 'mail')).rejects.toThrow('There is no export ‘mail’ here. There are web.');
    const readOnly = await served(device, undefined, { readOnly: true });
    expect(readOnly.readOnly).toBe(true);
    const broken = await served(device.behind((_, end) => end(new Error('The store has no file for it any more.'))));
    const error = await done(broken, { op: 'write', at: 0, pieces: [new Uint8Array(512)] });
    expect(error?.message).toBe('The store has no file for it any more.');
  });

  it('ends what is under way when the connection ends, and lets go of the device when that is done', async () => {
    let closed = 0;
    const waiting: Done[] = [];
    const device = new MemoryDisk(new Uint8Array(4096)).behind((_, end) => void waiting.push(end));
    const [here, there] = channels();
    serveNbd(there, exportsOf({ web: { device, close: () => closed++ } }));
    const disk = await connectNbd(here, 'web');
    const end = done(disk, { op: 'read', at: 0, pieces: [new Uint8Array(512)] });
    await new Promise(resolve => setTimeout(resolve));
    there.close();
    expect((await end)?.message).toBe('The NBD server has closed the connection.');
    expect((await done(disk, { op: 'flush' }))?.message).toBe('The NBD server has closed the connection.');
    expect(closed).toBe(0);
    waiting[0]();
    expect(closed).toBe(1);
  });

  it('of a client and of a server that send anything is an end, and nothing is kept or written', async () => {
    const magic = packed([8, 0x4e42444d41474943n], [8, 0x49484156454f5054n], [2, 3]);
    const option = (number: number, bytes: number): Uint8Array =>
      packed([8, 0x49484156454f5054n], [4, number], [4, bytes]);
    const go = packed([4, 3], new TextEncoder().encode('web'), [2, 0]);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1, 2), async (noise, prefix) => {
        const device = new MemoryDisk(new Uint8Array(4096));
        const [client, there] = channels();
        let over = false;
        serveNbd(there, exportsOf({ web: { device, readOnly: true } }), () => (over = true));
        client.listen(
          () => {},
          () => {},
        );
        if (prefix > 0) client.send(packed([4, 1]));
        if (prefix > 1) for (const bytes of [option(7, go.length), go]) client.send(bytes);
        client.send(noise);
        await new Promise(resolve => setTimeout(resolve));
        client.close();
        await new Promise(resolve => setTimeout(resolve));
        expect(over).toBe(true);
        expect(device.data.every(byte => byte === 0)).toBe(true);

        const [here, server] = channels();
        const taken = connectNbd(here, 'web').catch((error: Error) => error.message);
        if (prefix > 0) server.send(magic);
        server.send(noise);
        await new Promise(resolve => setTimeout(resolve));
        server.close();
        expect(typeof (await taken)).toBe('string');
      }),
      { numRuns: 100 },
    );
  });
});
