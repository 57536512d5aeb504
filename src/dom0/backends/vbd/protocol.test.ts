import { describe, expect, it } from 'vitest';
import { LAYOUTS, readResponse, RSP, writeResponse } from './protocol.ts';

describe('a response in the slot of its request', () => {
  it.each(Object.entries(LAYOUTS))('%s: says what was answered, and leaves the sector', (_, layout) => {
    const slot = new Int32Array(layout.slotBytes / 4);
    slot[layout.id + 2] = 262176;
    const response = new Int32Array(layout.responseWords);
    writeResponse(response, { op: 1, id: [14, 0], sector: 0, segments: [], discard: 0, count: 0 }, RSP.NOT_SUPPORTED);
    slot.set(response);
    expect(readResponse(slot, layout)).toEqual({ id: [14, 0], op: 1, status: -2, sector: 262176 });
  });
});
