import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Access } from '../access.ts';
import { encode, encodeMessage, XS } from './protocol.ts';
import { PAGE, RING_BYTES } from './ring.ts';
import { StoreError } from './store.ts';
import { Xenstored } from './xenstored.ts';

/** A guest that writes its ring as Linux's xs_comms does, and the hypervisor between it and the daemon. */
class Guest {
  readonly bytes = new Uint8Array(new SharedArrayBuffer(4096));
  readonly words = new Int32Array(this.bytes.buffer);
  notified = 0;
  private received: number[] = [];
  onEvent: () => void = () => {};

  constructor(start = 0) {
    for (const index of [PAGE.REQ_CONS, PAGE.REQ_PROD, PAGE.RSP_CONS, PAGE.RSP_PROD]) this.words[index] = start;
  }

  /** Puts as many bytes as fit and rings, until all are there. */
  put(message: Uint8Array): void {
    for (let at = 0, tries = 0; at < message.length; tries++) {
      if (tries === 1000) throw new Error('nobody takes the bytes');
      const room = RING_BYTES - ((this.words[PAGE.REQ_PROD] - this.words[PAGE.REQ_CONS]) >>> 0);
      const count = Math.min(room, message.length - at);
      for (let i = 0; i < count; i++) this.bytes[(this.words[PAGE.REQ_PROD] + i) & (RING_BYTES - 1)] = message[at + i];
      this.words[PAGE.REQ_PROD] += count;
      at += count;
      if (count === 0) this.take();
      this.onEvent();
    }
  }

  private take(): void {
    while (this.words[PAGE.RSP_CONS] !== this.words[PAGE.RSP_PROD]) {
      this.received.push(this.bytes[1024 + (this.words[PAGE.RSP_CONS] & (RING_BYTES - 1))]);
      this.words[PAGE.RSP_CONS]++;
    }
  }

  /** Messages that came, as "type req tx payload". */
  answers(): string[] {
    const out: string[] = [];
    for (;;) {
      this.take();
      this.onEvent();
      const bytes = Uint8Array.from(this.received);
      if (bytes.length < 16) return out;
      const view = new DataView(bytes.buffer);
      const length = view.getUint32(12, true);
      if (bytes.length < 16 + length) {
        if (this.words[PAGE.RSP_CONS] === this.words[PAGE.RSP_PROD]) return out;
        continue;
      }
      this.received.splice(0, 16 + length);
      const text = String.fromCharCode(...bytes.subarray(16, 16 + length)).replace(/\0/g, '|');
      out.push(`${view.getUint32(0, true)} ${view.getUint32(4, true)} ${view.getUint32(8, true)} ${text}`);
    }
  }

  ask(type: number, text: string, transaction = 0, requestId = 7): string[] {
    this.put(encodeMessage({ type, requestId, transaction, payload: encode(text.replace(/\|/g, '\0')) }));
    return this.answers();
  }
}

function make(guests: Guest[]): Xenstored {
  const access: Access = {
    bindInterdomain: (domid, port, onEvent) => {
      expect(port).toBe(1);
      guests[domid - 1].onEvent = onEvent;
      return domid + 10;
    },
    send: port => guests[port - 11].notified++,
    close: () => {},
    mapForeign: domid => ({ bytes: guests[domid - 1].bytes, words: guests[domid - 1].words, unmap() {} }),
  };
  const daemon = new Xenstored(access);
  const tools = daemon.client();
  guests.forEach((_guest, i) => {
    tools.write(`/local/domain/${i + 1}`, '', [
      { letter: 'n', domid: 0 },
      { letter: 'r', domid: i + 1 },
    ]);
    tools.write(`/local/domain/${i + 1}/domid`, String(i + 1));
    tools.write(`/local/domain/${i + 1}/data`, '', [{ letter: 'n', domid: i + 1 }]);
    daemon.introduce(i + 1, 0xfeffc, 1);
  });
  return daemon;
}

describe('the store behind a ring (xs_wire.h)', () => {
  it('announces itself: connection 0, reconnection and error reports offered, an event only for who waits for the connection', () => {
    // A guest begins with no port masked: an event before it has set up its handlers would be one that nobody expects.
    const guest = new Guest();
    make([guest]);
    expect([guest.words[PAGE.CONNECTION], guest.words[PAGE.FEATURES], guest.notified]).toEqual([0, 3, 0]);
    const waiting = new Guest();
    waiting.words[PAGE.CONNECTION] = 1;
    make([waiting]);
    expect([waiting.words[PAGE.CONNECTION], waiting.words[PAGE.FEATURES], waiting.notified]).toEqual([0, 3, 1]);
  });

  it('answers each type of request as documented', () => {
    const guest = new Guest(0xfffffff0 | 0);
    make([guest]);
    const table: [type: number, payload: string, answer: string][] = [
      [XS.READ, 'domid|', `2 7 0 1`],
      [XS.READ, 'nothing|', '16 7 0 ENOENT|'],
      [XS.READ, 'domid', '16 7 0 EINVAL|'],
      [XS.READ, '/bad//path|', '16 7 0 EINVAL|'],
      [XS.WRITE, 'data/a|value', '11 7 0 OK|'],
      [XS.READ, 'data/a|', '2 7 0 value'],
      [XS.WRITE, 'data/a|', '11 7 0 OK|'],
      [XS.READ, 'data/a|', '2 7 0 '],
      [XS.WRITE, 'name|x', '16 7 0 EACCES|'],
      [XS.MKDIR, 'data/b|', '12 7 0 OK|'],
      [XS.DIRECTORY, 'data|', '1 7 0 a|b|'],
      [XS.DIRECTORY, 'data/b|', '1 7 0 '],
      [XS.GET_PERMS, 'data/b|', '3 7 0 n1|'],
      [XS.SET_PERMS, 'data/b|n1|r2|', '14 7 0 OK|'],
      [XS.GET_PERMS, 'data/b|', '3 7 0 n1|r2|'],
      [XS.SET_PERMS, 'data/b|x1|', '16 7 0 EINVAL|'],
      [XS.RM, 'data/b|', '13 7 0 OK|'],
      [XS.RM, 'data/b|', '13 7 0 OK|'],
      [XS.GET_DOMAIN_PATH, '5|', '10 7 0 /local/domain/5|'],
      [XS.IS_DOMAIN_INTRODUCED, '1|', '16 7 0 EACCES|'],
      [XS.RESUME, '1|', '16 7 0 EACCES|'],
      [XS.SET_TARGET, '1|2|', '16 7 0 EACCES|'],
      [XS.UNWATCH, 'data|no|', '16 7 0 ENOENT|'],
      [XS.INTRODUCE, '2|1|1|', '16 7 0 EACCES|'],
      [XS.RELEASE, '1|', '16 7 0 EACCES|'],
      [XS.CONTROL, 'check|', '16 7 0 EACCES|'],
      [XS.TRANSACTION_END, 'T|', '16 7 0 ENOENT|'],
      [XS.RESET_WATCHES, '|', '21 7 0 OK|'],
      [20, '|', '16 7 0 ENOSYS|'],
      [0xffff, '', '16 7 0 ENOSYS|'],
    ];
    for (const [type, payload, answer] of table)
      expect([type, payload, guest.ask(type, payload)]).toEqual([type, payload, [answer]]);
  });

  it('drops events for a guest that lets two MiB of them wait, and those too long for a message', () => {
    const guest = new Guest();
    const daemon = make([guest]);
    const tools = daemon.client();
    guest.ask(XS.WATCH, `data|${'t'.repeat(1500)}|`);
    tools.write(`/local/domain/1/data/${'x'.repeat(2000)}/${'y'.repeat(30)}`, '');
    for (let i = 0; i < 4000; i++) tools.write(`/local/domain/1/data/n${i}`, '');
    let events = 0;
    for (let answers = guest.answers(); answers.length > 0; answers = guest.answers()) {
      for (const answer of answers) {
        expect(answer.length).toBeLessThan(4096 + 10);
        events++;
      }
    }
    expect(events).toBeGreaterThan(1000);
    expect(events).toBeLessThan(1500);
    tools.write('/local/domain/1/data/again', '');
    expect(guest.answers().length).toBe(1);
  });

  it('asks first whether a request is one, then whether it is for all, and then for its transaction, which watches have none of', () => {
    const guest = new Guest();
    make([guest]);
    const none = 77;
    expect(guest.ask(20, '|', none)).toEqual([`16 7 ${none} ENOSYS|`]);
    expect(guest.ask(XS.RELEASE, '1|', none)).toEqual([`16 7 ${none} EACCES|`]);
    expect(guest.ask(XS.READ, 'domid|', none)).toEqual([`16 7 ${none} ENOENT|`]);
    expect(guest.ask(XS.RESET_WATCHES, '|', none)).toEqual([`16 7 ${none} ENOENT|`]);
    expect(guest.ask(XS.WATCH, 'data|t|', none)).toEqual([`4 7 ${none} OK|`, '15 0 0 data|t|']);
    expect(guest.ask(XS.UNWATCH, 'data|t|', none)).toEqual([`5 7 ${none} OK|`]);
  });

  it('answers WATCH with OK and at once an event, and interleaves later ones', () => {
    const guest = new Guest();
    const tools = make([guest]).client();
    expect(guest.ask(XS.WATCH, 'data|t|')).toEqual(['4 7 0 OK|', '15 0 0 data|t|']);
    expect(guest.ask(XS.WATCH, 'data|t|')).toEqual(['16 7 0 EEXIST|']);
    const before = guest.notified;
    tools.write('/local/domain/1/data/x', '1');
    expect(guest.notified).toBeGreaterThan(before);
    expect(guest.answers()).toEqual(['15 0 0 data/x|t|']);
    expect(guest.ask(XS.UNWATCH, 'data|t|')).toEqual(['5 7 0 OK|']);
    tools.write('/local/domain/1/data/x', '2');
    expect(guest.answers()).toEqual([]);
  });

  it('carries transactions by their id', () => {
    const guest = new Guest();
    const tools = make([guest]).client();
    expect(guest.ask(XS.TRANSACTION_START, '|')).toEqual(['6 7 0 1|']);
    expect(guest.ask(XS.TRANSACTION_START, '|', 1)).toEqual(['16 7 1 EBUSY|']);
    expect(guest.ask(XS.WRITE, 'data/t|1', 1)).toEqual(['11 7 1 OK|']);
    expect(tools.read('/local/domain/1/data/t')).toBeUndefined();
    tools.write('/local/domain/1/data', '');
    expect(guest.ask(XS.TRANSACTION_END, 'T|', 1)).toEqual(['16 7 1 EAGAIN|']);
    expect(guest.ask(XS.READ, 'data|', 1)).toEqual(['16 7 1 ENOENT|']);
  });

  it('goes on with the numbers of transactions where a guest was saved, and knows none that was open', () => {
    const guests = [new Guest(), new Guest()],
      xenstored = make(guests);
    guests[0].ask(XS.TRANSACTION_START, '|');
    xenstored.restoreConnection(2, xenstored.saveConnection(1));
    expect(guests[1].ask(XS.READ, 'domid|', 1)).toEqual(['16 7 1 ENOENT|']);
    expect(guests[1].ask(XS.TRANSACTION_START, '|')).toEqual(['6 7 0 2|']);
  });

  it('takes messages longer than the ring, and lists directories in parts', () => {
    const guest = new Guest();
    const tools = make([guest]).client();
    const value = 'v'.repeat(1900);
    expect(guest.ask(XS.WRITE, `data/long|${value}`)).toEqual(['11 7 0 OK|']);
    expect(guest.ask(XS.READ, 'data/long|')).toEqual([`2 7 0 ${value}`]);
    const names = Array.from({ length: 300 }, (_, i) => `a-rather-long-name-${i}`);
    for (const name of names) tools.write(`/local/domain/1/data/many/${name}`, '');
    expect(guest.ask(XS.DIRECTORY, 'data/many|')).toEqual(['16 7 0 E2BIG|']);
    let all = '';
    for (let part = ''; !part.endsWith('||'); ) {
      part = guest.ask(XS.DIRECTORY_PART, `data/many|${all.length}|`)[0].replace('22 7 0 ', '');
      expect(part.length).toBeLessThanOrEqual(4096);
      all += part.slice(part.indexOf('|') + 1).replace(/\|\|$/, '|');
    }
    expect(all).toBe(names.map(name => `${name}|`).join(''));
  });

  it('begins anew when a guest asks for it', () => {
    const guest = new Guest();
    const tools = make([guest]).client();
    guest.ask(XS.WATCH, 'data|t|');
    guest.ask(XS.TRANSACTION_START, '|');
    guest.words[PAGE.CONNECTION] = 1;
    guest.onEvent();
    expect([...guest.words.subarray(PAGE.REQ_CONS, PAGE.RSP_PROD + 1), guest.words[PAGE.CONNECTION]]).toEqual([
      0, 0, 0, 0, 0,
    ]);
    tools.write('/local/domain/1/data/x', '1');
    expect(guest.answers()).toEqual([]);
    expect(guest.ask(XS.READ, 'domid|', 1)).toEqual(['16 7 1 ENOENT|']);
  });

  it('ends the connection of a guest whose ring makes no sense, and no other', () => {
    for (const [spoil, error] of [
      [(guest: Guest) => (guest.words[PAGE.REQ_PROD] += 1025), 2],
      [
        (guest: Guest) =>
          guest.put(encodeMessage({ type: 2, requestId: 0, transaction: 0, payload: new Uint8Array(4097) })),
        3,
      ],
    ] as const) {
      const [bad, good] = [new Guest(), new Guest()];
      make([bad, good]);
      try {
        spoil(bad);
      } catch {
        // A guest that waits for room it will not get.
      }
      bad.onEvent();
      expect(bad.words[PAGE.ERROR]).toBe(error);
      expect(good.ask(XS.READ, 'domid|')).toEqual(['2 7 0 2']);
    }
  });

  it('keeps no more for a guest that does not read than it has asked', () => {
    const guest = new Guest();
    make([guest]);
    const request = encodeMessage({ type: XS.GET_DOMAIN_PATH, requestId: 1, transaction: 0, payload: encode('1\0') });
    let taken = 0;
    for (
      ;
      taken < 1000 && ((guest.words[PAGE.REQ_PROD] - guest.words[PAGE.REQ_CONS]) >>> 0) + request.length <= RING_BYTES;
      taken++
    )
      guest.put(request);
    expect(taken).toBeLessThan(150);
    expect(guest.answers()).toHaveLength(taken);
  });

  it('lets Domain 0 introduce and release', () => {
    const [one] = [new Guest()];
    const daemon = make([one]);
    const tools = daemon.client();
    const seen: string[] = [];
    const end = tools.watch('@releaseDomain', path => seen.push(path));
    expect(() => daemon.introduce(1, 1, 1)).toThrow(StoreError);
    daemon.release(1);
    end();
    expect(seen).toEqual(['@releaseDomain', '@releaseDomain']);
    expect(daemon.isIntroduced(1)).toBe(false);
  });

  it('survives any bytes and any indices in the page', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2079), fc.uint8Array({ minLength: 1, maxLength: 40 })), {
          minLength: 1,
          maxLength: 12,
        }),
        writes => {
          const [bad, good] = [new Guest(), new Guest()];
          make([bad, good]);
          for (const [at, data] of writes) {
            bad.bytes.set(data.subarray(0, 4096 - at), at);
            bad.onEvent();
          }
          expect(good.ask(XS.READ, 'domid|')).toEqual(['2 7 0 2']);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("xenstored for Domain 0's programs", () => {
  it('calls a watcher back once for each change, never inside another call', () => {
    const tools = make([]).client();
    const log: string[] = [];
    let depth = 0;
    tools.watch('/x', path => {
      expect(++depth).toBe(1);
      log.push(path);
      if (log.length < 4) tools.write(`/x/${log.length}`, '');
      depth--;
    });
    expect(log).toEqual(['/x', '/x/1', '/x/2', '/x/3']);
  });

  it('repeats a transaction until nobody came between', () => {
    const tools = make([]).client();
    tools.write('/n', '1');
    let runs = 0;
    tools.transaction(view => {
      const n = Number(view.read('/n'));
      if (runs++ === 0) tools.write('/n', '5');
      view.write('/n', String(n + 1));
    });
    expect([tools.read('/n'), runs]).toEqual(['6', 2]);
    expect(() =>
      tools.transaction(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
  });
});
