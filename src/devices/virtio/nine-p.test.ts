import { describe, expect, it } from 'vitest';
import { VirtioDriver } from './driver.test-support.ts';
import { ERRNO, type FileFacts, type FolderAnswer, type FolderRequest } from './folder-words.ts';
import { MessageReader, MessageWriter, T } from './nine-p-message.ts';
import { VirtioNineP } from './nine-p.ts';

// Promises are those of 9P2000.L, see nine-p-message.ts.
const NEEDS_RESET = 0x40,
  INDIRECT = 1 << 28,
  EVENT_IDX = 1 << 29;
const folderFacts: FileFacts = { mode: 0o40755, bytes: 0, mtimeMs: 5, id: 1 },
  fileFacts: FileFacts = { mode: 0o100644, bytes: 11, mtimeMs: 1500, id: 7 };

class Client {
  readonly asked: FolderRequest[] = [];
  readonly pending: number[] = [];
  readonly d = new VirtioDriver(
    parts =>
      new VirtioNineP({
        ...parts,
        name: '9p',
        seed: 0,
        options: { tag: 'share', path: '/srv' },
        host: {
          console: () => {},
          folder: (_device, number, request) => {
            this.asked.push(request);
            this.pending.push(number);
          },
        },
      }),
  );
  private place = 0;

  begin(): this {
    this.d.begin(1);
    return this;
  }

  get device(): VirtioNineP {
    return this.d.device as VirtioNineP;
  }

  /** Sends a message, and returns where its answer comes to lie. */
  send(type: number, fields: (w: MessageWriter) => unknown = () => {}, room = 4096): number {
    const writer = new MessageWriter();
    fields(writer);
    const bytes = writer.message(type, 5).slice();
    const [, at] = this.d.chain(0, 2 * this.place, [
      { bytes, at: 0x60000 },
      { room, at: 0x80000 + 0x2000 * this.place },
    ]);
    this.d.offer(0, 2 * this.place);
    this.place = (this.place + 1) % 8;
    return at!;
  }

  answer(answer: FolderAnswer): void {
    this.device.folderAnswer(this.pending.shift()!, answer);
  }

  /** Type, and what follows the head. */
  at(at: number): { type: number; tag: number; reader: MessageReader } {
    const { bytes } = this.d.memory,
      length = this.d.view.getUint32(at, true);
    return {
      type: bytes[at + 4]!,
      tag: this.d.view.getUint16(at + 5, true),
      reader: new MessageReader(bytes.subarray(at, at + length)),
    };
  }

  ask(type: number, fields: (w: MessageWriter) => unknown, answer?: FolderAnswer): ReturnType<Client['at']> {
    const at = this.send(type, fields);
    if (answer) this.answer(answer);
    return this.at(at);
  }

  attach(): this {
    this.ask(T.VERSION, w => w.u32(131072).text('9P2000.L'));
    this.ask(T.ATTACH, w => w.u32(0).u32(0xffffffff).text('nobody').text('').u32(0), { facts: folderFacts });
    return this;
  }

  walk(to: number, ...names: string[]): ReturnType<Client['at']> {
    const before = this.pending.length;
    const at = this.send(T.WALK, w => {
      w.u32(0).u32(to).u16(names.length);
      for (const name of names) w.text(name);
    });
    if (this.pending.length > before) this.answer({ all: names.map(() => fileFacts) });
    return this.at(at);
  }
}

describe('a folder over virtio', () => {
  it('has its tag in its configuration, and a class as QEMU gives it', () => {
    const { d } = new Client();
    expect(d.offers()[0] & 1).toBe(1);
    expect([...(d.device as unknown as { config(): Uint8Array }).config()]).toEqual([
      5,
      0,
      ...new TextEncoder().encode('share'),
    ]);
  });

  it('agrees to a version and a size, attaches, walks by names, and reads a file', () => {
    const c = new Client().begin();
    const version = c.ask(T.VERSION, w => w.u32(1 << 20).text('9P2000.L'));
    expect([version.type, version.tag, version.reader.u32(), version.reader.text()]).toEqual([
      101,
      5,
      131072,
      '9P2000.L',
    ]);
    c.attach();
    expect(c.walk(1, 'd', 'f').reader.u16()).toBe(2);
    expect(c.ask(T.LOPEN, w => w.u32(1).u32(0), { facts: fileFacts }).type).toBe(T.LOPEN + 1);
    const read = c.ask(T.READ, w => w.u32(1).u64(3).u32(100), { bytes: Uint8Array.of(9, 8) });
    expect([read.type, read.reader.u32(), ...read.reader.data(2)]).toEqual([117, 2, 9, 8]);
    expect(c.asked.at(-1)).toEqual({ op: 'read', path: ['d', 'f'], at: 3, count: 100 });
  });

  it('leads nowhere but down from its folder', () => {
    const c = new Client().begin().attach();
    const before = c.asked.length;
    for (const name of ['', '.', 'a/b', 'a\0', 'x'.repeat(256)]) {
      const { type, reader } = c.walk(1, name);
      expect([type, [ERRNO.EINVAL, ERRNO.ENAMETOOLONG].includes(reader.u32() as 22)]).toEqual([7, true]);
    }
    expect(c.walk(1, 'a', '..').type).toBe(7);
    expect(c.asked.length).toBe(before);
    // The folder is its own parent.
    const at = c.send(T.WALK, w => w.u32(0).u32(1).u16(1).text('..'));
    c.answer({ facts: folderFacts });
    expect([c.at(at).type, c.asked.at(-1)]).toEqual([T.WALK + 1, { op: 'facts', path: [] }]);
    for (const [type, fields] of [
      [T.MKDIR, (w: MessageWriter) => w.u32(0).text('..').u32(0).u32(0)],
      [T.LCREATE, (w: MessageWriter) => w.u32(0).text('../x').u32(0).u32(0).u32(0)],
      [T.RENAMEAT, (w: MessageWriter) => w.u32(0).text('a').u32(0).text('..')],
      [T.UNLINKAT, (w: MessageWriter) => w.u32(0).text('.').u32(0)],
    ] as const)
      expect(c.ask(type, fields).reader.u32()).toBe(ERRNO.EINVAL);
  });

  it('tells of a folder’s entries from where the last answer ended', () => {
    const c = new Client().begin().attach();
    c.walk(1);
    c.ask(T.LOPEN, w => w.u32(1).u32(0), { facts: folderFacts });
    const names: string[] = [];
    const list = Array.from({ length: 5 }, (_, i) => ({ name: `f${i}`, facts: fileFacts }));
    for (let from = 0, more = true; more; ) {
      const { reader } = c.ask(
        T.READDIR,
        w => w.u32(1).u64(from).u32(90),
        from === 0 ? { list, facts: folderFacts } : undefined,
      );
      const bytes = reader.u32();
      more = bytes > 0;
      for (let left = bytes; left > 0; ) {
        reader.data(13);
        from = reader.u64();
        const type = reader.u8(),
          name = reader.text();
        names.push(`${type} ${name}`);
        left -= 24 + name.length;
      }
    }
    expect(names).toEqual(['4 .', '4 ..', '8 f0', '8 f1', '8 f2', '8 f3', '8 f4']);
  });

  it('keeps the entries of so many folders, and asks for those of others again', () => {
    const c = new Client().begin().attach();
    /** Whether it asks the folder. */
    const asks = (fid: number, from: number): boolean => {
      c.send(T.READDIR, w => w.u32(fid).u64(from).u32(90));
      const does = c.pending.length > 0;
      if (does) c.answer({ list: [{ name: 'f', facts: fileFacts }], facts: folderFacts });
      return does;
    };
    for (let fid = 1; fid <= 65; fid++) {
      c.walk(fid);
      c.ask(T.LOPEN, w => w.u32(fid).u32(0), { facts: folderFacts });
      expect(asks(fid, 0)).toBe(true);
    }
    expect([asks(65, 1), asks(2, 1), asks(1, 1), asks(1, 2), asks(2, 2)]).toEqual([false, false, true, false, true]);
  });

  it('moves what its fids stand for, errors of the folder are the client’s, and what it does not have is EOPNOTSUPP', () => {
    const c = new Client().begin().attach();
    c.walk(1, 'd', 'f');
    c.ask(T.RENAMEAT, w => w.u32(0).text('d').u32(0).text('e'), {});
    c.ask(T.GETATTR, w => w.u32(1).u64(0), { facts: fileFacts });
    expect(c.asked.at(-1)).toEqual({ op: 'facts', path: ['e', 'f'] });
    expect(c.ask(T.MKDIR, w => w.u32(0).text('x').u32(0).u32(0), { errno: ERRNO.EROFS }).reader.u32()).toBe(
      ERRNO.EROFS,
    );
    expect(c.ask(T.XATTRWALK, w => w.u32(1).u32(2).text('')).reader.u32()).toBe(ERRNO.EOPNOTSUPP);
    expect(c.ask(T.READ, w => w.u32(9).u64(0).u32(1)).reader.u32()).toBe(ERRNO.EBADF);
    expect(c.ask(T.WRITE, w => w.u32(1).u64(0).u32(1)).reader.u32()).toBe(ERRNO.EINVAL);
  });

  it('asks again, and says so, for what was under way when its state was saved', () => {
    const c = new Client().begin().attach();
    const at = c.send(T.MKDIR, w => w.u32(0).text('new').u32(0o755).u32(0));
    const state = c.device.save();
    const other = new Client();
    other.d.memory.bytes.set(c.d.memory.bytes);
    other.d.pci.restore(c.d.pci.save());
    other.device.restore(state);
    other.d.timers.advanceMs(1);
    expect(other.asked).toEqual([{ op: 'folder', path: ['new'], mode: 0o755, again: true }]);
    other.answer({ facts: folderFacts });
    expect(other.at(at).type).toBe(T.MKDIR + 1);
    // With nothing under way it looks for nothing: that is the driver's to tell.
    const idle = new Client().begin().attach();
    idle.d.chain(0, 10, [{ bytes: Uint8Array.of(1) }, { room: 64 }]);
    idle.d.offer(0, 10, false);
    const later = new Client();
    later.d.memory.bytes.set(idle.d.memory.bytes);
    later.d.pci.restore(idle.d.pci.save());
    later.device.restore(idle.device.save());
    later.d.timers.advanceMs(1);
    expect([later.d.status & NEEDS_RESET, later.asked]).toEqual([0, []]);
    // What comes for a request from before a reset finds nobody.
    const [number] = c.pending;
    c.d.status = 0;
    c.device.folderAnswer(number!, { facts: folderFacts });
    expect(c.d.memory.bytes[at + 4]).toBe(0);
  });

  it('takes no saved fid that leads out of its folder', () => {
    const state = new Client().begin().attach().device.save() as { own: { session: { fids: { path: unknown }[] } } };
    for (const path of [['..', 'etc'], ['a/b'], [''], [7], 7]) {
      state.own.session.fids[0]!.path = path;
      expect(() => new Client().device.restore(state as never)).toThrow(/fids have one that no client could have/);
    }
  });

  it('wants to hear of the next message when it has answered a whole ring', () => {
    const { d } = new Client();
    d.begin(1, INDIRECT | EVENT_IDX);
    const flush = new MessageWriter().u16(0).message(T.FLUSH, 5).slice();
    for (let i = 0; i < d.size; i++) {
      d.chain(0, i, [{ bytes: flush }, { room: 64 }], true);
      d.offer(0, i, false);
    }
    d.notify(0);
    const [queue] = d.device.looks();
    expect([d.used(0).length, queue!.used.event]).toEqual([d.size, d.size]);
  });

  it('needs a reset where a message has no head, or is none; whatever else comes is answered', () => {
    const c = new Client().begin();
    c.d.chain(0, 0, [{ bytes: Uint8Array.of(200, 0, 0, 0, 100, 0, 0) }, { room: 64 }]);
    c.d.offer(0, 0);
    expect(c.d.status & NEEDS_RESET).toBe(NEEDS_RESET);
    const drawn = (() => {
      let seed = 1;
      return (below: number): number => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
      };
    })();
    const live = new Client().begin().attach();
    for (let i = 0; i < 2000; i++) {
      const at = live.send(
        drawn(2) ? Object.values(T)[drawn(29)]! : drawn(256),
        w => {
          for (let fields = drawn(6); fields > 0; fields--) {
            const kind = drawn(4);
            if (kind === 0) w.u32(drawn(4));
            else if (kind === 1) w.text(['a', '..', '', 'b/c'][drawn(4)]!);
            else if (kind === 2) w.u16(drawn(20));
            else w.u32(drawn(2 ** 32));
          }
        },
        [4096, 11, 40][drawn(3)],
      );
      if (live.pending.length > 0)
        live.answer(
          drawn(3)
            ? { facts: fileFacts, all: [fileFacts], list: [], bytes: Uint8Array.of(1), target: 'x' }
            : { errno: ERRNO.ENOENT },
        );
      expect(live.at(at).tag).toBe(5);
    }
    expect(live.d.status & NEEDS_RESET).toBe(0);
  });
});
