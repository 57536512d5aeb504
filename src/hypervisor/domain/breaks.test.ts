/** Where a domain stops by what its trace tells of: behind it, and at its own speed. */
import { describe, expect, it } from 'vitest';
import { ExitReason, ipOf } from '../../cpu/architecture/index.ts';
import { asm } from '../../cpu/test-support/asm.ts';
import { EVTCHNOP, HYPERCALL, RUNSTATE } from '../interfaces/xen/abi.ts';
import { XEN_TYPE } from '../interfaces/xen/layout.ts';
import { ARGS, testGuest } from '../interfaces/xen/pvh-program.test-support.ts';
import { DOMAIN_TRACE } from '../layout/layout.ts';
import type { BreakPoint } from './break-points.ts';
import type { Domain } from './domain.ts';

/** Runs until it stops there, and says why and at which instruction it stands. */
function stop(domain: Domain, points: BreakPoint[]) {
  domain.stops.setBreaks(points);
  for (let slices = 0; slices < 9 && !domain.stops.stepped; slices++) domain.runSlice();
  const hit = domain.stops.takeHit();
  return { ...hit, next: ipOf(domain.processor.regs) };
}
const watchers = ({ options: { machine, record } }: Domain): number =>
  machine.words[(record.traceOffset >>> 2) + DOMAIN_TRACE.WATCHERS];

describe('a domain stops', () => {
  it('behind an exit, of a reason or by a port, answered in place or not, and looks at no instruction for it', () => {
    const code = asm('again: mov dx, 0x3c8; out dx, al; in al, 0x71; mov byte [0xa0000], 1; jmp again');
    const { domain } = testGuest({ code, type: XEN_TYPE.HVM });
    const port = stop(domain, [{ kind: 'port', number: 0x3c8 }]);
    expect(port).toMatchObject({ point: { kind: 'port', number: 0x3c8 }, vcpu: 0, retired: domain.instructions });
    const [reason, at, qualification] = port.record!;
    expect([reason, port.next - at, qualification >>> 16]).toEqual([ExitReason.IO, 1, 0x3c8]);
    expect([domain.processor.probe, watchers(domain)]).toEqual([null, 1]);
    // The next one, from where it stands: another port, and a page of a device.
    expect(stop(domain, [{ kind: 'exit', number: ExitReason.IO }]).record![2] >>> 16).toBe(0x71);
    expect(stop(domain, [{ kind: 'exit', number: ExitReason.EPT_VIOLATION }])).toMatchObject({
      record: [ExitReason.EPT_VIOLATION, expect.any(Number), expect.any(Number)],
    });
    domain.stops.setBreaks([]);
    domain.runSlice();
    expect([domain.stops.stepped, watchers(domain)]).toEqual([false, 0]);
  });

  it('behind a hypercall with what it returned, and an event as it is sent', () => {
    const code = asm(
      `again: mov eax, ${HYPERCALL.EVENT_CHANNEL_OP}; mov ebx, ${EVTCHNOP.SEND}; mov ecx, ${ARGS}; vmcall; jmp again`,
    );
    const { domain, call, put } = testGuest({ code, type: XEN_TYPE.HVM });
    call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.BIND_IPI, put(ARGS, RUNSTATE.RUNNING, 0));
    put(ARGS, 1);
    expect(stop(domain, [{ kind: 'hypercall', number: HYPERCALL.EVENT_CHANNEL_OP }]).record).toEqual([
      HYPERCALL.EVENT_CHANNEL_OP,
      EVTCHNOP.SEND,
      0,
    ]);
    expect(stop(domain, [{ kind: 'event', number: 1 }])).toMatchObject({
      point: { kind: 'event', number: 1 },
      record: [1, -1, 0],
    });
  });
});
