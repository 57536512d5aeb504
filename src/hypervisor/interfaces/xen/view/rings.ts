/** The rings of a guest's store and console (io/xs_wire.h, io/console.h): how far each side has come, and what lies between. */
import { XEN } from '../layout.ts';
import { CONSOLE_PAGE, HVM_PARAM, STORE_PAGE } from '../abi.ts';
import type { DomainView } from '../../../view/domain-view.ts';
import { xenViewOf } from './xen-view.ts';

/** One direction of a ring. */
export interface RingView {
  /** Bytes taken out and put in, free-running. */
  consumed: number;
  produced: number;
  /** What was put in and not taken out; empty where the indices make no sense. */
  waiting: Uint8Array;
  /** The indices are further apart than the ring is long. */
  broken: boolean;
}

interface Page {
  gfn: number;
  mfn: number;
  /** The guest's port. */
  port: number;
}

export interface StoreRing extends Page {
  requests: RingView;
  replies: RingView;
  /** XENSTORE_CONNECTED 0, XENSTORE_RECONNECT 1; error word: 0 none, 1 communication, 2 ring index, 3 protocol. */
  connection: number;
  error: number;
}

export interface ConsoleRing extends Page {
  typed: RingView;
  printed: RingView;
}

/** The page that an HVM parameter names, with `at`: the word index where it lies; undefined: there is none. */
function pageOf(domain: DomainView, pfn: number, port: number): (Page & { at: number }) | undefined {
  const xen = xenViewOf(domain);
  const param = (index: number): number => (xen?.word(XEN.PARAMS + 2 * index) ?? 0) >>> 0;
  const gfn = param(pfn);
  const mfn = gfn === 0 ? -1 : (domain.p2m(gfn)?.mfn ?? -1);
  const at = domain.memory.frame(mfn);
  return at < 0 ? undefined : { gfn, mfn, port: param(port), at };
}

function ring(
  domain: DomainView,
  at: number,
  from: number,
  bytes: number,
  consumedAt: number,
  producedAt: number,
): RingView {
  const { memory } = domain;
  const consumed = memory.unsigned(at + consumedAt),
    produced = memory.unsigned(at + producedAt);
  const count = (produced - consumed) >>> 0;
  const broken = count > bytes;
  const start = at * 4 + from;
  return {
    consumed,
    produced,
    broken,
    waiting: Uint8Array.from({ length: broken ? 0 : count }, (_, i) =>
      memory.byte(start + ((consumed + i) & (bytes - 1))),
    ),
  };
}

export function storeRingOf(domain: DomainView): StoreRing | undefined {
  const page = pageOf(domain, HVM_PARAM.STORE_PFN, HVM_PARAM.STORE_EVTCHN);
  if (!page) return undefined;
  const { at, ...names } = page;
  return {
    ...names,
    requests: ring(domain, at, 0, STORE_PAGE.RING_BYTES, STORE_PAGE.REQ_CONS, STORE_PAGE.REQ_PROD),
    replies: ring(domain, at, STORE_PAGE.REPLIES, STORE_PAGE.RING_BYTES, STORE_PAGE.RSP_CONS, STORE_PAGE.RSP_PROD),
    connection: domain.memory.word(at + STORE_PAGE.CONNECTION),
    error: domain.memory.word(at + STORE_PAGE.ERROR),
  };
}

export function consoleRingOf(domain: DomainView): ConsoleRing | undefined {
  const page = pageOf(domain, HVM_PARAM.CONSOLE_PFN, HVM_PARAM.CONSOLE_EVTCHN);
  if (!page) return undefined;
  const { at, ...names } = page;
  return {
    ...names,
    typed: ring(domain, at, 0, CONSOLE_PAGE.IN_BYTES, CONSOLE_PAGE.IN_CONS, CONSOLE_PAGE.IN_PROD),
    printed: ring(domain, at, CONSOLE_PAGE.OUT, CONSOLE_PAGE.OUT_BYTES, CONSOLE_PAGE.OUT_CONS, CONSOLE_PAGE.OUT_PROD),
  };
}
