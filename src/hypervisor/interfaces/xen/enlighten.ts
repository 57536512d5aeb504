/** The Hyper-V interface of a guest, wired to what the guest's half of Xen has. */
import { registers as R } from '../../../cpu/architecture/index.ts';
import { XEN } from './layout.ts';
import { HVM_PARAM, SHUTDOWN } from './abi.ts';
import type { XenGuest } from './guest.ts';
import { getParam } from './hvm/params.ts';
import type { Layer } from '../layer.ts';
import { Viridian } from '../viridian/viridian.ts';

/** As HVM_PARAM_VIRIDIAN says; undefined: the toolstack wants none. */
export function viridianOf(xen: XenGuest): Layer | undefined {
  const { parts, machine } = xen;
  const { vcpus, timers, written, localApic, crash, processor } = parts;
  const [features] = getParam(xen.ports, HVM_PARAM.VIRIDIAN);
  if (features === 0) return undefined;
  return new Viridian({
    features,
    vcpus: vcpus.all.length,
    currentVcpu: () => xen.current,
    regs: processor.regs,
    bytes: machine.bytes,
    access: xen.access,
    written,
    localApic,
    interrupt: (vcpu, vector) => {
      if (localApic(vcpu)?.enabled) parts.interrupt(vcpu, vector);
    },
    timers,
    tsc: () => sum64(parts.tsc(), vcpus.registersOf(vcpus.all[0]), R.TSC_OFFSET),
    flushTlb: () => processor.flushTlb(),
    yield: () => {
      vcpus.turns.yieldTurn();
      parts.yield();
    },
    latchCrash: () => {
      xen.words[xen.xenBlock + XEN.LATCHED_SHUTDOWN] = SHUTDOWN.CRASH + 1;
    },
    log: text => parts.console(new TextEncoder().encode(`(XEN) d${xen.record.id}v${xen.current} ${text}\n`)),
    crash,
  });
}

/** Two words, and a pair of words next to them. */
function sum64(
  [low, high]: readonly [low: number, high: number],
  words: Int32Array,
  at: number,
): readonly [low: number, high: number] {
  const sum = (low >>> 0) + (words[at] >>> 0);
  return [sum | 0, (high + words[at + 1] + (sum >= 2 ** 32 ? 1 : 0)) | 0];
}
