/** Looks at machine memory from Domain 0's worker, where a test has put it: the bundle of this file is run there (dead-worker.spec.ts). */
import { audit } from '../../src/hypervisor/memory/audit.ts';
import { xenRecords } from '../../src/hypervisor/interfaces/xen/records.ts';
import { XEN, XEN_TYPE } from '../../src/hypervisor/interfaces/xen/layout.ts';
import { know } from '../../src/hypervisor/memory/frame-holder.ts';
import { Machine } from '../../src/hypervisor/memory/machine.ts';

/** Guest frame of the state page of guests/neighbour, and its words (neighbour.c, struct state). */
const STATE_PFN = 0x100,
  MAGIC = 0x4e424f52;

export interface Health {
  errors: string;
  iterations: number;
  answered: number;
}

/** What a self-checking guest says of itself; undefined: there is no such domain, or it has not begun. */
export function health(memory: SharedArrayBuffer, id: number): Health | undefined {
  const machine = new Machine(memory);
  const record = machine.find(id);
  if (!record) return undefined;
  let mfn = -1;
  if (machine.words[(record.guestOffset >>> 2) + XEN.TYPE] === XEN_TYPE.PV) {
    for (let frame = 0; frame < machine.frames && mfn < 0; frame++)
      if (machine.ownerOf(frame) === id && machine.words[machine.m2p + frame] === STATE_PFN) mfn = frame;
  } else mfn = machine.secondStage(record).mfn(STATE_PFN);
  const [magic, errors, first, wanted, got, iterations, , , answered] = machine.words.subarray(mfn << 10);
  if (mfn < 0 || magic !== MAGIC) return undefined;
  return { errors: errors === 0 ? '' : `${errors}: ${first}, wanted ${wanted}, got ${got}`, iterations, answered };
}

/** Once no domain but Domain 0 is left: what does not hold together. */
export function problems(memory: SharedArrayBuffer): string[] {
  const machine = new Machine(memory);
  know(machine, xenRecords(XEN_TYPE.HVM));
  return audit(machine);
}
