import { describe, expect, it } from 'vitest';
import type { StoreNode } from '../../../dom0/service/index.ts';
import { closedAtFirst, type Data, isWritten, listed, nodesOf, watcherText } from './facts.ts';
import { meetingOf } from './state-writes.ts';

type Write = StoreNode['writes'][number];
const write = (ms: number, by: number, value: string, hears: number[] = []): Write =>
  ({ ms, by, value, heard: hears.map(domid => ({ domid })) }) as Write;
const node = (path: string, value = '', more: Partial<StoreNode> = {}): StoreNode =>
  ({
    path,
    value,
    permissions: 'n0',
    generation: 1,
    children: 0,
    bytes: value.length,
    writes: [],
    ...more,
  }) as StoreNode;
const FRONT = '/local/domain/1/device/vif/0',
  BACK = '/local/domain/0/backend/vif/1/0';
/** A guest with a network card, as xl and both drivers have written it. */
const all = [
  node('/libxl/1', '', { children: 1 }),
  node('/libxl/1/type', 'pvh'),
  node(`${BACK}`, '', { children: 2 }),
  node(`${BACK}/frontend`, FRONT),
  node(`${BACK}/state`, '4', { writes: [write(10, 0, '1'), write(14, 0, '2', [1]), write(20, 0, '4', [1])] }),
  node('/local/domain/1', '', { children: 2 }),
  node('/local/domain/1/name', 'web'),
  node('/local/domain/2/name', 'db'),
  node(`${FRONT}`, '', { children: 3 }),
  node(`${FRONT}/backend`, BACK),
  node(`${FRONT}/ring-ref`, '8', { writes: [write(15, 1, '8')] }),
  node(`${FRONT}/state`, '4', { writes: [write(11, 0, '1'), write(18, 1, '4', [0])] }),
];
const data: Data = {
  nodes: nodesOf(all, 1),
  watches: [
    { domid: 0, path: `${FRONT}/state` },
    { domid: 0, path: '/local/domain/1' },
    { domid: 1, path: BACK },
  ] as Data['watches'],
  changed: new Map([[`${FRONT}/state`, 900]]),
  nowMs: 1000,
};
const view = (mode: 'sides' | 'tree' | 'watched', text = '', closed: Iterable<string> = []) =>
  listed(data, `${FRONT}/state`, { mode, text, closed: new Set(closed) });

describe('the tree of a guest', () => {
  it('has its own part, its back ends’ and the toolstack’s, a folder before what is in it', () => {
    expect(data.nodes.map(({ path }) => path)).toEqual([
      '/local/domain/1',
      `${FRONT}`,
      `${FRONT}/backend`,
      `${FRONT}/ring-ref`,
      `${FRONT}/state`,
      '/local/domain/1/name',
      `${BACK}`,
      `${BACK}/frontend`,
      `${BACK}/state`,
      '/libxl/1',
      '/libxl/1/type',
    ]);
  });

  it('opens at first what leads to both sides of a device', () => {
    expect([...closedAtFirst(data.nodes, `${FRONT}/state`)]).toEqual(['/libxl/1']);
    expect(view('tree', '', ['/libxl/1', FRONT]).rows.map(({ node: { path } }) => path)).not.toContain(
      `${FRONT}/state`,
    );
  });

  it('tells its names from the part that they are in, and what was written a moment ago', () => {
    const row = view('tree').rows.find(({ node: { path } }) => path === `${FRONT}/state`)!;
    expect(row).toMatchObject({ label: 'state', depth: 4, isFolder: false, hasFired: true });
  });

  it('shows both halves of a device with what they heard, their states first', () => {
    const { rows, isSides, sides } = view('sides');
    expect([isSides, sides!.device, sides!.sinceMs]).toEqual([true, 'vif 0', 10]);
    expect(rows.map(({ label }) => label)).toEqual([FRONT, 'state', 'backend', 'ring-ref', BACK, 'state', 'frontend']);
    expect(rows.map(({ heardMs }) => heardMs)).toEqual([undefined, 8, undefined, undefined, undefined, 10, undefined]);
  });

  it('shows what a text is found in, by its whole path, and what somebody watches', () => {
    expect(view('sides', 'web').rows.map(({ label }) => label)).toEqual(['/local/domain/1/name']);
    expect(view('watched').rows.map(({ label }) => label)).toEqual(['/local/domain/1', `${FRONT}/state`, BACK]);
  });

  it('names who watches a node or one above it', () => {
    expect(watcherText(`${FRONT}/state`, data.watches, id => `dom${id}`)).toBe('dom0 × 2');
    expect(watcherText(`${BACK}/state`, data.watches, id => `dom${id}`)).toBe('dom1');
  });
});

it('takes a new generation for a write, unless it came with a child', () => {
  const before = new Map([['/a', node('/a')]]);
  expect(isWritten(node('/a', '', { generation: 2 }), before)).toBe(true);
  expect(isWritten(node('/a', '', { generation: 2, children: 1 }), before)).toBe(false);
  expect([isWritten(node('/b'), before), isWritten(node('/b'), undefined)]).toEqual([true, false]);
});

describe('how two halves came together', () => {
  const of = (path: string) => all.find(each => each.path === path)!;
  const meeting = meetingOf(of(`${FRONT}/state`), of(`${BACK}/state`), all, 1, 0)!;

  it('begins with the toolstack, which made both directories', () => {
    expect(meeting.made.map(({ side, ms }) => [side, ms])).toEqual([
      ['back', 10],
      ['front', 11],
    ]);
    expect(meeting.firstMs).toBe(10);
  });

  it('has each later state in its order, whether the other side heard, and what the guest had written before', () => {
    expect(meeting.later.map(({ side, value, hears, before }) => [side, value, hears, before])).toEqual([
      ['back', '2', true, []],
      ['front', '4', true, ['ring-ref']],
      ['back', '4', true, []],
    ]);
  });

  it('is none where nothing was written', () => {
    expect(meetingOf(node('/a/state'), node('/b/state'), [], 1, 0)).toBeUndefined();
  });
});
