import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeptObjects } from './kept-objects.ts';
import { bytesOfPieces } from './pieces.ts';

const memory = new ArrayBuffer(8);
const kept = (from: object, outside: object[] = [], before?: KeptObjects): KeptObjects =>
  new KeptObjects({ from: [from], outside: new Set(outside), memory, before });

describe('what objects hold', () => {
  it('is put back into the same objects: what was changed, added and taken away', () => {
    const list = [1, 2, 3],
      inner: Record<string, unknown> = { at: 5, goes: 'x' },
      map = new Map<string, object>([['a', inner]]),
      set = new Set([list]),
      bytes = Uint8Array.of(1, 2, 3, 4, 5),
      from = { map, set, bytes };
    const was = kept(from);
    inner.at = 6;
    delete inner.goes;
    inner.came = true;
    list.push(4);
    list[0] = 9;
    map.clear();
    map.set('b', {});
    set.delete(list);
    bytes.fill(7);
    was.put();
    expect(from).toEqual({
      map: new Map([['a', { at: 5, goes: 'x' }]]),
      set: new Set([[1, 2, 3]]),
      bytes: Uint8Array.of(1, 2, 3, 4, 5),
    });
    expect([from.map.get('a') === inner, from.set.has(list), from.bytes === bytes]).toEqual([true, true, true]);
  });

  it('keeps the order of a map', () => {
    const map = new Map([
      ['a', 1],
      ['b', 2],
    ]);
    const was = kept(map);
    map.delete('a');
    map.set('a', 1);
    was.put();
    expect([...map.keys()]).toEqual(['a', 'b']);
  });

  it('leaves alone what is outside, an accessor of a literal, and the memory that is kept otherwise', () => {
    const outside = { value: 1 },
      words = new Int32Array(memory),
      from = {
        outside,
        words,
        own: 1,
        get twice() {
          return 2 * this.own;
        },
      };
    const was = kept(from, [outside]);
    outside.value = 2;
    words[0] = 5;
    from.own = 4;
    was.put();
    expect([outside.value, words[0], from.own, from.twice]).toEqual([2, 5, 1, 2]);
    words[0] = 0;
  });

  it('goes round circles, and any number of changes is undone', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.integer())), changes => {
        const nodes = Array.from({ length: 4 }, (_, id) => ({ id, value: 0, next: undefined as unknown }));
        for (const [i, node] of nodes.entries()) node.next = nodes[(i + 1) % 4];
        const was = kept(nodes[0]!);
        for (const [at, to, value] of changes) Object.assign(nodes[at]!, { value, next: nodes[to] });
        was.put();
        expect(nodes.map(({ value, next }) => [value, nodes.indexOf(next as never)])).toEqual([
          [0, 1],
          [0, 2],
          [0, 3],
          [0, 0],
        ]);
      }),
    );
  });

  it('takes no memory for zeros, and none twice for what is as it was', () => {
    const bytes = new Uint8Array(4 * 4096 + 3);
    bytes[4096] = 1;
    const from = { bytes },
      first = kept(from);
    bytes[4 * 4096 + 2] = 2;
    const second = kept(from, [], first);
    expect(bytesOfPieces(first.pieces())).toBe(4096);
    // Bytes behind the last whole word are next to the pieces.
    expect(bytesOfPieces([...first.pieces(), ...second.pieces()])).toBe(4096);
    first.put();
    expect([bytes[4096], bytes[4 * 4096 + 2]]).toEqual([1, 0]);
    second.put();
    expect(bytes[4 * 4096 + 2]).toBe(2);
  });
});
