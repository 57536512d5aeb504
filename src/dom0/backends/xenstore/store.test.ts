import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Connection, isValidPath, QUOTA, Store, StoreError } from './store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const events: string[] = [];

/** A store in which domain 1 owns /local/domain/1, as the toolstack leaves it. */
function make(): { store: Store; dom0: Connection; guest: Connection; other: Connection } {
  events.length = 0;
  const store = new Store();
  const dom0 = store.connect(0, (path, token) => events.push(`0 ${path} ${token}`));
  const guest = store.connect(1, (path, token) => events.push(`1 ${path} ${token}`));
  const other = store.connect(2, (path, token) => events.push(`2 ${path} ${token}`));
  for (const domid of [1, 2]) {
    store.write(dom0, `/local/domain/${domid}`, bytes(''));
    store.setPermissions(dom0, `/local/domain/${domid}`, [
      { letter: 'n', domid: 0 },
      { letter: 'r', domid },
    ]);
    store.write(dom0, `/local/domain/${domid}/data`, bytes(''));
    store.setPermissions(dom0, `/local/domain/${domid}/data`, [{ letter: 'n', domid }]);
  }
  return { store, dom0, guest, other };
}

describe('a guest that goes on under another id and was not told', () => {
  it('finds its own under the id that it knows, hears of it so, and sees nothing of who has that id now', () => {
    const { store, dom0, guest, other } = make();
    guest.formerId = 2;
    const back = '/local/domain/0/backend/vbd/1/51712/state';
    store.write(dom0, back, bytes('2'));
    store.setPermissions(dom0, back, [
      { letter: 'n', domid: 0 },
      { letter: 'r', domid: 1 },
    ]);
    store.write(guest, '/local/domain/2/data/x', bytes('mine'));
    expect([text(store.read(dom0, '/local/domain/1/data/x')), text(store.read(guest, 'data/x'))]).toEqual([
      'mine',
      'mine',
    ]);
    expect(() => store.read(other, 'data/x')).toThrow('ENOENT');
    expect(text(store.read(guest, '/local/domain/0/backend/vbd/2/51712/state'))).toBe('2');
    expect(store.watch(guest, '/local/domain/0/backend/vbd/2/51712/state', 't')).toBe(
      '/local/domain/0/backend/vbd/2/51712/state',
    );
    store.watch(guest, 'data', 'r');
    store.write(dom0, back, bytes('4'));
    store.write(dom0, '/local/domain/1/data/x', bytes('2'));
    expect(events).toEqual(['1 /local/domain/0/backend/vbd/2/51712/state t', '1 data/x r']);
    store.unwatch(guest, '/local/domain/0/backend/vbd/2/51712/state', 't');
  });
});

describe('the store (docs/misc/xenstore.txt)', () => {
  it('creates missing parents with empty values and keeps values beside children', () => {
    const { store, dom0 } = make();
    store.write(dom0, '/a/b/c', bytes('v'));
    expect(text(store.read(dom0, '/a/b'))).toBe('');
    store.write(dom0, '/a/b', bytes('w'));
    expect([text(store.read(dom0, '/a/b')), text(store.read(dom0, '/a/b/c'))]).toEqual(['w', 'v']);
    expect(store.directory(dom0, '/a').children).toEqual(['b']);
    expect(() => store.read(dom0, '/a/x')).toThrow('ENOENT');
  });

  it('remembers for people who wrote a node, when, and whose watches fired; of a transaction when it ended, of a removed node nothing', () => {
    let ns = 0;
    const store = new Store(() => ns);
    const dom0 = store.connect(0, () => {}),
      guest = store.connect(1, path => {
        if (path === '/s/back') store.write(guest, '/s/front', bytes('4'));
      });
    store.write(dom0, '/s/front', bytes('1'));
    store.write(dom0, '/s/back', bytes('1'));
    for (const path of ['/s', '/s/front', '/s/back']) store.setPermissions(dom0, path, [{ letter: 'b', domid: 0 }]);
    store.watch(guest, '/s/back', 'a');
    store.watch(guest, '/s', 'b');
    expect(['/s/back/end', '/s', '/sun'].map(path => store.hears(guest.domid, path))).toEqual([true, true, false]);
    ns = 5;
    const tx = store.begin(dom0);
    store.write(dom0, '/s/back', bytes('2'), tx);
    store.setPermissions(dom0, '/s/back', [{ letter: 'r', domid: 0 }], tx);
    ns = 7;
    store.end(dom0, tx, true);
    const writes = (path: string) =>
      store
        .look()
        .nodes.find(node => node.path === path)
        ?.writes.map(({ ns: at, by, value, heard }) => [
          at,
          by,
          text(value),
          heard.map(({ domid, watches }) => `${domid} × ${watches}`).join(),
        ]);
    expect(writes('/s/back')).toEqual([
      [0, 0, '1', ''],
      [7, 0, '2', '1 × 2'],
    ]);
    expect(writes('/s/front')?.at(-1)).toEqual([7, 1, '4', '1 × 1']);
    store.rm(dom0, '/s/back');
    store.write(dom0, '/s/back', bytes('6'));
    expect(writes('/s/back')).toEqual([[7, 0, '6', '1 × 2']]);
  });

  it('takes paths relative to /local/domain/N', () => {
    const { store, dom0, guest } = make();
    store.write(guest, 'data/x', bytes('1'));
    expect(text(store.read(dom0, '/local/domain/1/data/x'))).toBe('1');
  });

  it('knows which paths are valid', () => {
    for (const path of ['/', '/a', '/A-z_0@9/b']) expect([path, isValidPath(path)]).toEqual([path, true]);
    for (const path of [
      '',
      'a',
      '//',
      '/a/',
      '/a//b',
      '/a b',
      '/a.b',
      '/ä',
      `/${'x'.repeat(3072)}`,
      `/local/domain/1/${'x'.repeat(2049)}`,
    ])
      expect([path, isValidPath(path)]).toEqual([path, false]);
    expect(isValidPath(`/${'x'.repeat(3071)}`)).toBe(true);
  });

  it('removes whole trees, tolerates what is missing below a parent, and keeps the root', () => {
    const { store, dom0 } = make();
    store.write(dom0, '/a/b/c', bytes('v'));
    store.rm(dom0, '/a');
    expect(() => store.read(dom0, '/a/b/c')).toThrow('ENOENT');
    store.rm(dom0, '/a');
    expect(() => store.rm(dom0, '/a/b')).toThrow('ENOENT');
    expect(() => store.rm(dom0, '/')).toThrow('EINVAL');
  });

  it('lets an owner and Domain 0 do everything, others what the list says, and hides what they may not see', () => {
    const { store, dom0, guest, other } = make();
    store.write(guest, 'data/mine', bytes('x'));
    expect(store.permissions(guest, 'data/mine')).toEqual([{ letter: 'n', domid: 1 }]);
    expect(() => store.read(other, '/local/domain/1/data/mine')).toThrow('EACCES');
    expect(() => store.read(other, '/local/domain/1/data/nothing')).toThrow('EACCES');
    store.setPermissions(guest, 'data/mine', [
      { letter: 'n', domid: 1 },
      { letter: 'r', domid: 2 },
    ]);
    expect(text(store.read(other, '/local/domain/1/data/mine'))).toBe('x');
    expect(() => store.write(other, '/local/domain/1/data/mine', bytes('y'))).toThrow('EACCES');
    expect(() => store.setPermissions(other, '/local/domain/1/data/mine', [{ letter: 'b', domid: 1 }])).toThrow(
      'EACCES',
    );
    expect(() => store.setPermissions(guest, 'data/mine', [{ letter: 'b', domid: 2 }])).toThrow('EPERM');
    expect(() => store.write(guest, 'name', bytes('evil'))).toThrow('EACCES');
    expect(() => store.write(guest, '/tool/x', bytes(''))).toThrow('EACCES');
    store.setPermissions(dom0, '/local/domain/1/data/mine', [{ letter: 'w', domid: 2 }]);
    store.write(guest, 'data/mine', bytes('z'));
    expect(() => store.read(guest, 'data/mine')).toThrow('EACCES');
  });

  it("gives a new node its parent's permissions, owned by who made it unless that was Domain 0", () => {
    const { store, dom0, guest } = make();
    store.setPermissions(dom0, '/local/domain/1/data', [
      { letter: 'n', domid: 1 },
      { letter: 'b', domid: 3 },
    ]);
    store.write(dom0, '/local/domain/1/data/a', bytes(''));
    store.write(guest, 'data/b', bytes(''));
    for (const name of ['a', 'b']) {
      expect(store.permissions(dom0, `/local/domain/1/data/${name}`)).toEqual([
        { letter: 'n', domid: 1 },
        { letter: 'b', domid: 3 },
      ]);
    }
  });

  it('holds guests to their quotas, not Domain 0', () => {
    const { store, dom0, guest } = make();
    expect(() => store.write(guest, 'data/big', new Uint8Array(QUOTA.nodeBytes))).toThrow('ENOSPC');
    store.write(dom0, '/big', new Uint8Array(4000));
    let made = 0;
    expect(() => {
      for (;;) store.write(guest, `data/${made % 20}/n${made}`, bytes('')), made++;
    }).toThrow('ENOSPC');
    // data and its 20 children are the guest's too.
    expect(made).toBe(QUOTA.nodes - 21);
    store.rm(guest, 'data/0/n0');
    store.write(guest, 'data/again', bytes(''));
    // The names of a node's children are part of its size.
    store.rm(guest, 'data/1');
    expect(() => {
      for (let i = 0; i < 30; i++) store.write(guest, `data/${'x'.repeat(100)}${i}`, bytes(''));
    }).toThrow('ENOSPC');
    for (let i = 0; i < QUOTA.watches; i++) store.watch(guest, 'data', `t${i}`);
    expect(() => store.watch(guest, 'data', 'more')).toThrow('E2BIG');
    for (let i = 0; i < QUOTA.transactions; i++) store.begin(guest);
    expect(() => store.begin(guest)).toThrow('ENOSPC');
    expect(() =>
      store.setPermissions(
        guest,
        'data',
        Array.from({ length: 6 }, () => ({ letter: 'n' as const, domid: 1 })),
      ),
    ).toThrow('ENOSPC');
  });
});

describe('watches', () => {
  it('fire for the node and all below it, with relative paths where they were asked so', () => {
    const { store, dom0, guest } = make();
    expect(store.watch(guest, 'data', 'tok')).toBe('data');
    expect(store.watch(dom0, '/local/domain/1/data', 'back')).toBe('/local/domain/1/data');
    store.write(guest, 'data/a', bytes('1'));
    store.write(dom0, '/elsewhere', bytes('1'));
    store.mkdir(guest, 'data/a');
    store.rm(guest, 'data/a');
    expect(events).toEqual([
      '0 /local/domain/1/data/a back',
      '1 data/a tok',
      '0 /local/domain/1/data/a back',
      '1 data/a tok',
    ]);
  });

  it('fire with the watched path when a node above is removed', () => {
    const { store, dom0 } = make();
    store.write(dom0, '/a/b/c', bytes(''));
    store.watch(dom0, '/a/b/c', 'low');
    store.watch(dom0, '/a', 'high');
    store.rm(dom0, '/a');
    expect(events).toEqual(['0 /a high', '0 /a/b/c low']);
  });

  it('are told apart by path and token, and tell a guest nothing of what it may not read', () => {
    const { store, dom0, guest } = make();
    store.watch(guest, '/', 'all');
    store.watch(guest, '/', 'all2');
    expect(() => store.watch(guest, '/', 'all')).toThrow('EEXIST');
    store.unwatch(guest, '/', 'all2');
    expect(() => store.unwatch(guest, '/', 'all2')).toThrow('ENOENT');
    store.write(dom0, '/tool/secret', bytes(''));
    store.write(dom0, '/local/domain/2/data/x', bytes(''));
    store.write(dom0, '/local/domain/1/data/x', bytes(''));
    expect(events).toEqual(['1 /local/domain/1/data/x all']);
  });

  it("of domains that come and go are Domain 0's", () => {
    const { store, dom0, guest } = make();
    store.watch(dom0, '@introduceDomain', 'i');
    store.watch(guest, '@introduceDomain', 'i');
    store.fireSpecial('@introduceDomain');
    store.fireSpecial('@releaseDomain');
    expect(events).toEqual(['0 @introduceDomain i']);
  });
});

describe('what a guest can make Domain 0 keep', () => {
  it('is 1024 nodes that a transaction looked at: then it has failed', () => {
    const { store, guest, dom0 } = make();
    const tx = store.begin(guest);
    const look = (): void => {
      for (let i = 0; i < 2000; i++) {
        try {
          store.read(guest, `data/n${i}`, tx);
        } catch (error) {
          if ((error as StoreError).errno !== 'ENOENT') throw error;
        }
      }
    };
    expect(look).toThrow('ENOSPC');
    expect(() => store.end(guest, tx, true)).toThrow('ENOMEM');
    const tools = store.begin(dom0);
    for (let i = 0; i < 2000; i++) store.write(dom0, `/tool/n${i}`, bytes(''), tools);
    store.end(dom0, tools, true);
  });

  it('is a few thousand nodes of others that changed while a transaction was open: then it is to begin anew', () => {
    const { store, guest } = make();
    store.write(guest, 'data/mine', bytes('old'));
    const tx = store.begin(guest);
    for (let i = 0; i < 5000; i++) {
      store.write(guest, `data/n${i}`, bytes(''));
      store.rm(guest, `data/n${i}`);
    }
    expect(() => store.read(guest, 'data/mine', tx)).toThrow('EAGAIN');
    expect(() => store.end(guest, tx, true)).toThrow('EAGAIN');
    expect(() => store.end(guest, tx, true)).toThrow('ENOENT');
    const given = store.begin(guest);
    for (let i = 0; i < 5000; i++) {
      store.write(guest, `data/n${i}`, bytes(''));
      store.rm(guest, `data/n${i}`);
    }
    store.end(guest, given, false);
  });

  it('is one event for each node that a transaction changed, however often', () => {
    const { store, guest } = make();
    store.watch(guest, 'data', 't');
    const tx = store.begin(guest);
    for (let i = 0; i < 10; i++) store.write(guest, 'data/a', bytes(String(i)), tx);
    store.write(guest, 'data/b', bytes(''), tx);
    store.end(guest, tx, true);
    expect(events).toEqual(['1 data/a t', '1 data/b t']);
  });
});

describe('transactions', () => {
  it('see the store as it was at the start, and are seen by others at their end', () => {
    const { store, dom0, guest } = make();
    store.write(dom0, '/local/domain/1/data/a', bytes('old'));
    store.watch(dom0, '/local/domain/1/data', 'w');
    const tx = store.begin(guest);
    store.write(dom0, '/local/domain/1/data/a', bytes('new'));
    expect(text(store.read(guest, 'data/a', tx))).toBe('old');
    store.end(guest, tx, false);
    const second = store.begin(guest);
    store.write(guest, 'data/b', bytes('mine'), second);
    expect(() => store.read(dom0, '/local/domain/1/data/b')).toThrow('ENOENT');
    expect(events).toEqual(['0 /local/domain/1/data/a w']);
    store.end(guest, second, true);
    expect(text(store.read(dom0, '/local/domain/1/data/b'))).toBe('mine');
    expect(events).toEqual(['0 /local/domain/1/data/a w', '0 /local/domain/1/data/b w']);
    expect(() => store.end(guest, second, true)).toThrow('ENOENT');
  });

  it('end with EAGAIN where something they looked at has changed', () => {
    const { store, dom0, guest } = make();
    for (const touch of [
      (tx: number) => void store.directory(guest, 'data', tx),
      (tx: number) => store.write(guest, 'data/c', bytes('x'), tx),
    ]) {
      const tx = store.begin(guest);
      touch(tx);
      store.write(dom0, `/local/domain/1/data/n${tx}`, bytes(''));
      expect(() => store.end(guest, tx, true)).toThrow('EAGAIN');
    }
    const tx = store.begin(guest);
    store.read(guest, 'data', tx);
    store.write(dom0, '/elsewhere', bytes(''));
    store.end(guest, tx, true);
  });

  it('together cannot pass the quota that each of them keeps', () => {
    const { store, guest } = make();
    for (const top of ['p', 'q']) for (let i = 0; i < 20; i++) store.write(guest, `data/${top}/${i}`, bytes(''));
    const [a, b] = [store.begin(guest), store.begin(guest)];
    for (let i = 0; i < 600; i++) store.write(guest, `data/p/${i % 20}/${i}`, bytes(''), a);
    for (let i = 0; i < 600; i++) store.write(guest, `data/q/${i % 20}/${i}`, bytes(''), b);
    store.end(guest, a, true);
    expect(() => store.end(guest, b, true)).toThrow('ENOSPC');
  });

  it('behave as if they had run one after the other, whatever the order of their steps', () => {
    const path = fc.constantFrom<string[]>('/a', '/a/b', '/c', '/c/d');
    const step = fc.oneof(
      fc.record({ op: fc.constant('read' as const), path }),
      fc.record({ op: fc.constant('ls' as const), path }),
      fc.record({ op: fc.constant('write' as const), path, value: fc.string({ maxLength: 2 }) }),
      fc.record({ op: fc.constant('rm' as const), path }),
    );
    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
    const run = (store: Store, who: Connection, s: Step, tx = 0): string => {
      try {
        if (s.op === 'read') return text(store.read(who, s.path, tx));
        if (s.op === 'ls') return store.directory(who, s.path, tx).children.join();
        if (s.op === 'write') store.write(who, s.path, bytes(s.value), tx);
        else store.rm(who, s.path, tx);
        return 'ok';
      } catch (error) {
        if (error instanceof StoreError) return error.errno;
        throw error;
      }
    };
    const dump = (store: Store, who: Connection): string[] =>
      ['/', '/a', '/a/b', '/c', '/c/d'].map(
        p =>
          `${run(store, who, { op: 'read', path: p })}|${run(store, who, { op: 'ls', path: p }).split(',').sort().join()}`,
      );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 4 }),
        fc.array(fc.array(step, { maxLength: 5 }), { minLength: 2, maxLength: 3 }),
        fc.array(fc.nat(2)),
        (first, plans, order) => {
          const store = new Store(),
            serial = new Store();
          const [who, whoSerial] = [store.connect(0, () => {}), serial.connect(0, () => {})];
          for (const s of first) run(store, who, s), run(serial, whoSerial, s);
          const states = plans.map(plan => ({
            plan,
            at: 0,
            tx: store.begin(who),
            answers: [] as string[],
            done: false,
          }));
          const advance = (i: number): void => {
            const state = states[i];
            if (!state || state.done) return;
            if (state.at < state.plan.length) state.answers.push(run(store, who, state.plan[state.at++], state.tx));
            else {
              state.done = true;
              try {
                store.end(who, state.tx, true);
              } catch (error) {
                expect((error as StoreError).errno).toBe('EAGAIN');
                return;
              }
              expect(state.plan.map(s => run(serial, whoSerial, s))).toEqual(state.answers);
              expect(dump(serial, whoSerial)).toEqual(dump(store, who));
            }
          };
          for (const i of order) advance(i);
          for (let i = 0; i < states.length; i++) while (!states[i].done) advance(i);
        },
      ),
      { numRuns: 300 },
    );
  });
});
