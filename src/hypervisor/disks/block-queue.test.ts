import { expect, it } from 'vitest';
import { type BlockDevice, DeviceFull, type Done, MemoryDisk } from '../../formats/blocks/index.ts';
import { SlowDisk } from '../../formats/blocks/slow-disk.test-support.ts';
import { askedNow, QueueClient, QueueServer, type QueueShape, queueBytes, type Taken } from './block-queue.ts';

const SHAPE: QueueShape = { slots: 4, pieces: 2, hops: 1, sentenceBytes: 8 };

class Server extends QueueServer {
  readonly disk: BlockDevice;
  readonly memory: ArrayBufferLike;
  rings = 0;

  constructor(words: Int32Array, disk: BlockDevice, memory: ArrayBufferLike) {
    super(words, SHAPE);
    this.disk = disk;
    this.memory = memory;
  }

  protected start({ slot, op, at, length }: Taken, done: Done): void {
    if (!op) throw new Error('none');
    this.disk.request({ op, at, bytes: length, pieces: this.pieces(slot, this.memory) }, done);
  }

  protected ring(): void {
    this.rings++;
  }
}

function make() {
  const words = new Int32Array(new SharedArrayBuffer(queueBytes(SHAPE)));
  const memory = new SharedArrayBuffer(4096);
  const client = new QueueClient(words, SHAPE);
  const told: string[] = [];
  const write = (value: number): void => {
    const pieces = [new Uint8Array(memory, 512 * value, 512).fill(value)];
    const done: Done = error => void told.push(`${value} ${error ? `${error.name} ${error.message}` : 'done'}`);
    client.put(client.free, askedNow(0, { op: 'write', at: 512 * value, pieces }, done), pieces);
  };
  return { words, memory, client, told, write };
}

it('a server that takes the place of one that ended does all that is not answered, in its order', () => {
  const { words, memory, client, told, write } = make();
  const dead = new SlowDisk(new Uint8Array(4096)),
    next = new SlowDisk(new Uint8Array(4096));
  const first = new Server(words, dead, memory);
  for (const value of [3, 1, 2]) write(value);
  first.poll();
  dead.waiting[0]();
  client.poll();
  write(0);
  const second = new Server(words, next, memory);
  expect([told, second.pending]).toEqual([['3 done'], true]);
  second.poll();
  expect(next.log).toEqual(['write 1', 'write 2', 'write 0']);
  for (const answer of next.waiting) answer();
  client.poll();
  expect([told, second.rings, client.isBusy, next.data[512], next.data[1024]]).toEqual([
    ['3 done', '0 done', '1 done', '2 done'],
    3,
    false,
    1,
    2,
  ]);
});

it('errors come over as what they are, as far as there is room for their sentence', () => {
  const { words, memory, client, told, write } = make();
  const errors = [new DeviceFull('no room'), new Error('pulled out of its port')];
  const bad = new MemoryDisk(new Uint8Array()).behind((_request, done) => done(errors.shift()));
  const server = new Server(words, bad, memory);
  write(1);
  write(2);
  server.poll();
  client.poll();
  expect([told, server.rings]).toEqual([['1 DeviceFull no room', '2 Error pulled o'], 1]);
});

it('whose server has ended for good gives its slots back with an error', () => {
  const { client, told, write } = make();
  for (let i = 0; i < 4; i++) write(i);
  expect(client.free).toBe(-1);
  client.giveUp(new Error('gone'));
  expect([told, client.free]).toEqual([['0 Error gone', '1 Error gone', '2 Error gone', '3 Error gone'], 0]);
});
