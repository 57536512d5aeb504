/** What a domain and its device model in Domain 0 say to each other: the pages of requests (ioreq/page.ts), and who the device model is. */
import { FRAME_BYTES, MAX_VCPUS } from '../../../layout/layout.ts';
import { MODEL, MODEL_STATE, XEN, XEN_MODEL } from '../layout.ts';
import { BufferedPage, type BufferedWrite, type Ioreq, IoreqSlot } from '../ioreq/page.ts';
import type { DomainView } from '../../../view/domain-view.ts';
import { xenViewOf } from './xen-view.ts';

export interface IoreqView {
  vcpu: number;
  /** STATE_IOREQ_*. */
  state: number;
  /** The guest's port by which the device model is notified, and notifies. */
  port: number;
  request: Ioreq;
}

export interface IoreqsView {
  /** HERE: there is none in Domain 0. */
  model: keyof typeof MODEL_STATE;
  /** A slot a vCPU; none before the device model is attached. */
  slots: IoreqView[];
  /** Writes that nobody waits for, oldest first; `count` above their number: the page makes no sense. */
  buffered: { port: number; count: number; writes: BufferedWrite[] };
  /** Nanoseconds that Domain 0 spent on it. */
  spentNs: number;
}

const MODELS = Object.keys(MODEL_STATE) as (keyof typeof MODEL_STATE)[];
const FRAME_WORDS = FRAME_BYTES / 4;

export function ioreqsOf(domain: DomainView): IoreqsView | undefined {
  const xen = xenViewOf(domain);
  if (!xen) return undefined;
  const { memory } = domain;
  const word = (field: number): number => xen.word(XEN_MODEL + field);
  const model = MODELS[word(MODEL.STATE)] ?? 'GONE';
  const page = (field: number): Int32Array =>
    memory.block(model === 'ATTACHED' && word(field) > 0 ? word(field) * FRAME_BYTES : 0, FRAME_WORDS);
  const requests = page(MODEL.IOREQ_MFN),
    buffered = page(MODEL.BUFFERED_MFN).slice();
  const vcpus = requests.length === 0 ? 0 : Math.min(MAX_VCPUS, Math.max(0, xen.word(XEN.VCPUS)));
  return {
    model,
    slots: Array.from({ length: vcpus }, (_, vcpu) => {
      const slot = new IoreqSlot(requests, vcpu);
      return { vcpu, state: slot.state, port: slot.port, request: slot.get() };
    }),
    buffered: {
      port: word(MODEL.BUFFERED_PORT),
      ...(buffered.length === 0 ? { count: 0, writes: [] } : waiting(buffered)),
    },
    spentNs: memory.pair((xen.block >>> 2) + XEN_MODEL + MODEL.SPENT_NS),
  };
}

/** Takes the writes out of a copy of the page. */
function waiting(copy: Int32Array): { count: number; writes: BufferedWrite[] } {
  const page = new BufferedPage(copy);
  const count = page.waiting;
  const writes: BufferedWrite[] = [];
  try {
    for (let next = page.take(); next; next = page.take()) writes.push(next);
  } catch {
    // What makes no sense there is said by the count.
  }
  return { count, writes };
}
