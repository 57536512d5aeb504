/** HVM parameters and shutdown codes in a domain's XEN block, for any worker. Source: xen/include/public/hvm/params.h, sched.h. */
import { MODEL, MODEL_STATE, XEN, XEN_MODEL } from '../layout.ts';
import type { DomainRecord, Machine } from '../../../memory/machine.ts';
import { HVM_PARAM } from '../abi.ts';
import type { Ports } from '../events/ports.ts';

/** An HVM parameter: low and high word. `index` below HVM_PARAM.COUNT. */
export function getParam({ words, xenBlock }: Ports, index: number): [low: number, high: number] {
  const at = xenBlock + XEN.PARAMS + index * 2;
  return [words[at] >>> 0, words[at + 1] >>> 0];
}

export function setParam({ words, xenBlock }: Ports, index: number, low: number, high = 0): void {
  const at = xenBlock + XEN.PARAMS + index * 2;
  words[at] = low;
  words[at + 1] = high;
}

/** Memory events, nested HVM and the buffered-ioreq port have gone from the ABI. */
const FIRST_DEAD = 20,
  LAST_DEAD = 26,
  DEAD_30 = 30;

/** Parameters that nobody can set or get any more: -EINVAL. */
export function isDeadParam(index: number): boolean {
  return (
    index === HVM_PARAM.PAE_ENABLED ||
    index === HVM_PARAM.DM_DOMAIN ||
    (index >= FIRST_DEAD && index <= LAST_DEAD) ||
    index === DEAD_30
  );
}

/** SHUTDOWN.* of a domain that has shut down; -1: it has not. */
export function shutdownCode({ words, xenBlock }: Ports): number {
  return Atomics.load(words, xenBlock + XEN.SHUTDOWN) - 1;
}

/** Latches the code with which a domain shut down. */
export function setShutdownCode({ words, xenBlock }: Ports, code: number): void {
  Atomics.store(words, xenBlock + XEN.SHUTDOWN, code + 1);
}

/** Whether the toolstack wants a HPET (HVM_PARAM_HPET_ENABLED). */
export function hasHpet(machine: Machine, record: DomainRecord): boolean {
  return machine.words[(record.guestOffset >>> 2) + XEN.PARAMS + 2 * HVM_PARAM.HPET_ENABLED] !== 0;
}

/** Whether the toolstack wants the domain's device model in Domain 0. */
export function modelElsewhere(machine: Machine, record: DomainRecord): boolean {
  return machine.words[(record.guestOffset >>> 2) + XEN_MODEL + MODEL.STATE] !== MODEL_STATE.HERE;
}
