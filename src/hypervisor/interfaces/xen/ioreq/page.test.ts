/** The shared pages against xen/include/public/hvm/ioreq.h (offsets of struct ioreq and struct buffered_iopage). */
import { describe, expect, it } from 'vitest';
import { BUFFERED_SLOTS, BufferedPage, type Ioreq, IOREQ_STATE, IOREQ_TYPE, IoreqSlot } from './page.ts';

const page = (): Int32Array => new Int32Array(new SharedArrayBuffer(4096));
const REQUEST: Ioreq = {
  type: IOREQ_TYPE.PIO,
  address: 0x1f0,
  bdf: 0,
  data: 0x12345678,
  count: 256,
  size: 2,
  read: true,
  down: true,
  isPointer: true,
};

describe('a slot of the ioreq page', () => {
  it('lies at 32 bytes a vCPU, fields where the header has them', () => {
    const words = page();
    const bytes = new DataView(words.buffer);
    const slot = new IoreqSlot(words, 3);
    slot.port = 7;
    slot.put({ ...REQUEST, type: IOREQ_TYPE.PCI_CONFIG, bdf: 0x0900, address: 0x40 });
    const at = 3 * 32;
    expect([0, 4, 8, 12, 0x10, 0x14, 0x18].map(offset => bytes.getUint32(at + offset, true))).toEqual([
      0x40, 0x0900, 0x12345678, 0, 256, 2, 7,
    ]);
    // state:4, data_is_ptr:1, dir:1, df:1, then the type.
    expect([bytes.getUint8(at + 0x1e), bytes.getUint8(at + 0x1f)]).toEqual([IOREQ_STATE.READY | 0x10 | 0x20 | 0x40, 2]);
  });

  it('gives back what was put, and its state alone changes', () => {
    const slot = new IoreqSlot(page(), 0);
    slot.put(REQUEST);
    slot.state = IOREQ_STATE.IN_PROCESS;
    expect(slot.state).toBe(2);
    expect(slot.get()).toEqual(REQUEST);
    slot.state = IOREQ_STATE.RESPONSE_READY;
    slot.state = IOREQ_STATE.NONE;
    expect(slot.get()).toEqual(REQUEST);
  });
});

describe('the page of buffered requests', () => {
  const write = (address: number, size = 1): Parameters<BufferedPage['put']>[0] => ({
    type: IOREQ_TYPE.COPY,
    address,
    size,
    data: 0xdeadbeef,
  });

  it('has pointers first, then slots of eight bytes: type, dir, size, 20 bits of address, data', () => {
    const words = page();
    expect(new BufferedPage(words).put(write(0xb8002, 4))).toBe(true);
    expect([...words.subarray(0, 4)].map(word => word >>> 0)).toEqual([
      0,
      1,
      ((0xb8002 << 12) | (2 << 10) | 1) >>> 0,
      0xdeadbeef,
    ]);
  });

  it('holds 511 writes in their order, and says when it is full', () => {
    const buffer = new BufferedPage(page());
    for (let i = 0; i < BUFFERED_SLOTS; i++) expect(buffer.put(write(i))).toBe(true);
    expect(buffer.put(write(0))).toBe(false);
    for (let i = 0; i < BUFFERED_SLOTS; i++) expect(buffer.take()?.address).toBe(i);
    expect(buffer.take()).toBeUndefined();
  });

  it('goes on where the pointers begin again', () => {
    const words = page();
    words[0] = words[1] = BUFFERED_SLOTS * 2 ** 23 - 1;
    const buffer = new BufferedPage(words);
    for (const address of [1, 2, 3]) expect(buffer.put(write(address))).toBe(true);
    expect([
      buffer.waiting,
      buffer.take()?.address,
      buffer.take()?.address,
      buffer.take()?.address,
      buffer.waiting,
    ]).toEqual([3, 1, 2, 3, 0]);
  });

  it('takes no write that its slots cannot say: above 1 MiB, of eight bytes', () => {
    const buffer = new BufferedPage(page());
    expect([buffer.put(write(1 << 20)), buffer.put(write(0, 8)), buffer.put(write(0, 3))]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('is an error where the pointers make no sense, or a read is asked for', () => {
    const words = page();
    words[1] = 600;
    expect(() => new BufferedPage(words).take()).toThrow('600 requests in 511 slots');
    words[1] = 1;
    words[2] = 1 << 9;
    expect(() => new BufferedPage(words).take()).toThrow('a read');
  });
});
