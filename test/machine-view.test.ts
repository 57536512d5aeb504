/** What a guest shares with Domain 0, read from machine memory alone, against what store, console and device model did there. */
import { describe, expect, it } from 'vitest';
import { Services, WHOLE_P2M } from '../src/dom0/toolstack/services.ts';
import { encode, encodeMessage, XS } from '../src/dom0/backends/xenstore/protocol.ts';
import { assembleDomain } from '../src/hypervisor/interfaces/assemble.ts';
import { IOREQ_STATE, IOREQ_TYPE } from '../src/hypervisor/interfaces/xen/ioreq/page.ts';
import { createDomain } from '../src/hypervisor/memory/domain-table.ts';
import { FRAME_BYTES, Machine } from '../src/hypervisor/memory/machine.ts';
import { program } from '../src/hypervisor/domain/program.test-support.ts';
import { MachineView } from '../src/hypervisor/view/machine-view.ts';
import { HVM_PARAM } from '../src/hypervisor/interfaces/xen/abi.ts';
import { Ports } from '../src/hypervisor/interfaces/xen/events/ports.ts';
import { XEN_HVM, XEN_PVH } from '../src/hypervisor/interfaces/xen/records.ts';
import { portsOf } from '../src/hypervisor/interfaces/xen/view/ports.ts';
import { grantsOf } from '../src/hypervisor/interfaces/xen/view/grants.ts';
import { ioreqsOf } from '../src/hypervisor/interfaces/xen/view/ioreqs.ts';
import { consoleRingOf, storeRingOf } from '../src/hypervisor/interfaces/xen/view/rings.ts';
import { IN_DOMAIN_0 } from '../src/dom0/toolstack/kinds/model-place.ts';
import { modelAccount } from '../src/hypervisor/interfaces/xen/view/index.ts';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';
const STORE = 5,
  CONSOLE = 6;
const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

describe('rings of store and console', () => {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const services = new Services(machine);
  const record = createDomain(machine, 1, 256, { guest: XEN_PVH });
  const domain = new MachineView(machine.memory).domain(record.id)!;
  const page = (gfn: number): number => machine.secondStage(record).mfn(gfn) * FRAME_BYTES;
  /** A word of a page, by its byte offset in the public header. */
  const put = (gfn: number, offset: number, value: number): void => {
    machine.words[(page(gfn) + offset) >>> 2] = value;
  };

  it('are not there before their pages are named', () => {
    expect([storeRingOf(domain), consoleRingOf(domain)]).toEqual([undefined, undefined]);
  });

  it('have what was put in and not yet taken out, on both sides', () => {
    services.prepare(record, UUID);
    services.dom0.setHvmParam(record.id, HVM_PARAM.STORE_PFN, STORE);
    services.dom0.setHvmParam(record.id, HVM_PARAM.CONSOLE_PFN, CONSOLE);
    const described = {
      uuid: UUID,
      name: 'web1',
      type: 'pvh',
      memoryMiB: 1,
      maxMemoryMiB: 2,
      vcpus: 1,
      maxVcpus: 2,
      startEpochMs: 0,
    } as const;
    const guest = services.attach(record, described, () => {});
    const empty = { consumed: 0, produced: 0, waiting: new Uint8Array(0), broken: false };
    expect(storeRingOf(domain)).toEqual({
      gfn: STORE,
      mfn: page(STORE) / FRAME_BYTES,
      port: 1,
      requests: empty,
      replies: empty,
      connection: 0,
      error: 0,
    });
    expect(consoleRingOf(domain)).toEqual({
      gfn: CONSOLE,
      mfn: page(CONSOLE) / FRAME_BYTES,
      port: 2,
      typed: empty,
      printed: empty,
    });
    const request = encodeMessage({ type: XS.READ, requestId: 1, transaction: 0, payload: encode('memory/target\0') });
    machine.bytes.set(request, page(STORE));
    put(STORE, 2052, request.length);
    expect(storeRingOf(domain)!.requests.waiting).toEqual(request);
    machine.bytes.set(encode('hi\n'), page(CONSOLE) + 1024);
    put(CONSOLE, 3084, 3);
    expect(text(consoleRingOf(domain)!.printed.waiting)).toBe('hi\n');
    const ports = new Ports(machine, record);
    ports.send(1);
    ports.send(2);
    services.poll();
    guest.input(encode('yes'));
    const { requests, replies } = storeRingOf(domain)!;
    expect([requests.consumed, requests.waiting.length, text(replies.waiting.subarray(16))]).toEqual([
      request.length,
      0,
      '1024',
    ]);
    const { typed, printed } = consoleRingOf(domain)!;
    expect([text(typed.waiting), printed.consumed, printed.waiting.length]).toEqual(['yes', 3, 0]);
    // The guest's ports, pending with the answers, and the grants by which Domain 0 may use the pages.
    expect(
      portsOf(domain).map(({ port, state, remoteDomain, pending }) => [port, state, remoteDomain, pending]),
    ).toEqual([
      [1, 'INTERDOMAIN', 0, true],
      [2, 'INTERDOMAIN', 0, true],
    ]);
    expect(grantsOf(domain)!.entries.map(({ ref, domid, frame }) => [ref, domid, frame])).toEqual([
      [0, 0, CONSOLE],
      [1, 0, STORE],
    ]);
  });

  it('go round their ends, and say when their indices make no sense', () => {
    for (const offset of [3076, 3072]) put(CONSOLE, offset, 1020);
    put(CONSOLE, 3076, 1026);
    machine.bytes.set(encode('abcd'), page(CONSOLE) + 1020);
    machine.bytes.set(encode('ef'), page(CONSOLE));
    expect(text(consoleRingOf(domain)!.typed.waiting)).toBe('abcdef');
    put(STORE, 2052, 5000);
    const { requests } = storeRingOf(domain)!;
    expect([requests.broken, requests.waiting.length, requests.produced]).toEqual([true, 0, 5000]);
    new Ports(machine, record).send(1);
    services.poll();
    // XENSTORE_ERROR_RINGIDX
    expect(storeRingOf(domain)!.error).toBe(2);
  });
});

describe('requests to a device model in Domain 0', () => {
  it('are there from the exit to the answer, and writes that nobody waits for in their order', () => {
    const machine = Machine.create(new SharedArrayBuffer(48 * 2 ** 20));
    const services = new Services(machine);
    const record = createDomain(machine, 4, WHOLE_P2M, { guest: XEN_HVM });
    const seen = new MachineView(machine.memory).domain(record.id)!;
    services.prepare(record, UUID);
    IN_DOMAIN_0.prepare!(machine, record);
    expect(ioreqsOf(seen)).toMatchObject({ model: 'WANTED', slots: [], buffered: { count: 0, writes: [] } });
    // mov byte [0xa0003],5; mov word [0xa0004],0x1234; mov dx,0x3c4; in al,dx; cli; hlt
    const kernel = program(['mov byte [0xa0003], 5; mov word [0xa0004], 0x1234; mov dx, 0x3c4; in al, dx; cli; hlt']);
    const boot = { kind: 'kernel', kernel, name: 'program', cmdline: '' } as const;
    const options = {
      machine,
      record,
      memoryMiB: 4,
      boot,
      startEpochMs: 0,
      onReset: 'end',
      onTripleFault: 'end',
      serial: () => {},
    } as const;
    const domain = assembleDomain(options);
    const alarm = domain.timers.create('device-model', () => domain.state.stop());
    services.attachModel({
      record,
      boot,
      clock: domain.clock,
      wakeAt: ns => alarm.set(ns),
      serial: () => {},
      failed: sentence => {
        throw new Error(sentence);
      },
    });
    expect(ioreqsOf(seen)).toMatchObject({ model: 'ATTACHED', slots: [{ vcpu: 0, state: IOREQ_STATE.NONE }] });
    domain.runSlice();
    const before = machine.bytes.slice();
    const { slots, buffered } = ioreqsOf(seen)!;
    expect(Buffer.compare(machine.bytes, before)).toBe(0);
    expect(slots).toMatchObject([
      {
        vcpu: 0,
        state: IOREQ_STATE.READY,
        request: { type: IOREQ_TYPE.PIO, address: 0x3c4, count: 1, size: 1, read: true },
      },
    ]);
    expect([buffered.count, buffered.writes]).toEqual([
      2,
      [
        { type: IOREQ_TYPE.COPY, address: 0xa0003, size: 1, data: 5 },
        { type: IOREQ_TYPE.COPY, address: 0xa0004, size: 2, data: 0x1234 },
      ],
    ]);
    const ofXen = portsOf(seen).filter(port => port.ofXen);
    expect(ofXen.map(({ port }) => port).sort()).toEqual([slots[0].port, buffered.port].sort());
    services.poll();
    expect(ioreqsOf(seen)).toMatchObject({
      slots: [{ state: IOREQ_STATE.RESPONSE_READY }],
      buffered: { count: 0, writes: [] },
    });
    for (let i = 0; i < 10 && domain.runSlice().state === 'running'; i++) services.poll();
    expect(ioreqsOf(seen)!.slots[0].state).toBe(IOREQ_STATE.NONE);
    expect(modelAccount(seen)).toMatchObject({ where: 'Domain-0', requests: 3 });
    services.detach(record.id);
    expect(ioreqsOf(seen)!.model).toBe('GONE');
  });
});
