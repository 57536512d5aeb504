/** What the browser's worker loads for its domain and not for every one: the interface that its guest sees, and a saved state. */
import { outside } from '../../formats/bytes/index.ts';
import { loadPvhBoard } from '../../devices/index.ts';
import { keepsCode, type LaterParts } from '../domain/assemble-parts.ts';
import type { Domain } from '../domain/domain.ts';
import type { InterfaceKind } from '../domain/guest-interface.ts';
import { BUILT_BY_STATE } from '../kinds/index.ts';
import { XEN, XEN_TYPE, isXen } from './xen/layout.ts';
import { type DomainRecord, HostError, type Machine } from '../memory/machine.ts';
import type { SavedHead, SavedPages, SavedState } from './xen/stream/saved-state.ts';
import type { Arriving } from '../worker/worker-messages.ts';
import { SavedStateError } from '../domain/saved-state-error.ts';
import { HVM_PARAM } from './xen/abi.ts';
import { modelElsewhere } from './xen/hvm/params.ts';
import { isKvm } from './kvm/records.ts';
import { PLAIN_PC } from './none/plain-pc.ts';

/** Throws where a part of this program cannot be loaded; `part`: what it does. */
export const notLoaded = (part: string) => (): never => {
  throw new HostError(`The part of Ringside that ${part} could not be loaded. Check the connection and try again.`);
};

/** What writes saved states: for the first one. @throws HostError */
export const loadSaving = (): Promise<Pick<typeof import('./xen/stream/state.ts'), 'Saver'>> =>
  import('./xen/stream/state.ts').catch(notLoaded('saves domains'));

/** `given`: a saved state without its pages (SavedState), or the head of one that comes (SavedHead); it goes into the domain later (`restoreLater`). @throws HostError */
export async function laterParts(
  machine: Machine,
  record: DomainRecord,
  given: object | undefined,
): Promise<LaterParts> {
  const saved = given as SavedState | undefined;
  const { load, wantsPvhBoard } = INTERFACES.find(({ finds }) => finds(record))!;
  const [guest, shadow, lastCode, pvh] = await outside(
    Promise.all([
      load(machine, record, saved),
      record.shadowFrames > 0
        ? import('../domain/shadow-paging.ts').catch(notLoaded('keeps shadow page tables'))
        : undefined,
      keepsCode(machine, record)
        ? import('../domain/last-code.ts').catch(notLoaded('keeps last instructions'))
        : undefined,
      wantsPvhBoard?.(machine, record)
        ? loadPvhBoard().catch(notLoaded('is the board of guests without a PC'))
        : undefined,
    ]),
  );
  return {
    guest,
    ...(shadow ? { shadow: shadow.ShadowPaging } : {}),
    ...(lastCode ? { lastCode: lastCode.LastCode } : {}),
    ...(pvh ? { pvhBoard: pvh.PvhBoard } : {}),
    ...(saved ? { saved: { about: saved.about } } : {}),
  };
}

/**
 * A domain of `laterParts` goes on from its saved state, which lies in a file or comes by `next`; `placed`: called for each piece in place; `turn`: lets the event loop have one;
 * `away`: called with each frame that a vCPU waits for once it runs. @throws
 * SavedStateError, HostError: it must not be used
 */
export async function restoreLater(
  domain: Domain,
  { state, file }: { state: object; file?: Blob },
  name: string,
  next: () => Promise<Arriving>,
  placed: () => void,
  turn: () => Promise<void>,
  away: (domid: number, gfn: number) => void,
): Promise<void> {
  const { Arrival, restoreFrom } = await outside(import('./xen/stream/arrival.ts')).catch(
    notLoaded('reads saved domains'),
  );
  if (file) return restoreFrom(domain, state as SavedState, file, name);
  const arrival = new Arrival(domain, away);
  if (!BUILT_BY_STATE.has((state as SavedHead).about.kind)) {
    const { warmUp } = await outside(import('../domain/warm-up.ts')).catch(notLoaded('takes domains in'));
    await warmUp(domain, turn);
  }
  for (;;) {
    const piece = await next();
    if ('refused' in piece) throw new SavedStateError(piece.refused);
    if ('rest' in piece) return arrival.rest(piece.rest as SavedState);
    if ('rehearse' in piece) arrival.rehearse(piece.rehearse as SavedState);
    else arrival.pages(piece.pages as SavedPages, true);
    placed();
  }
}

const xenTypeOf = ({ words }: Machine, { guestOffset }: DomainRecord): number => words[(guestOffset >>> 2) + XEN.TYPE];

async function xenOf(
  machine: Machine,
  record: DomainRecord,
  state: Partial<Pick<SavedState, 'params'>> | undefined,
): Promise<InterfaceKind> {
  const { words } = machine,
    block = record.guestOffset >>> 2;
  const [{ xenInterface }, pv, remote, viridian] = await Promise.all([
    import('./xen/interface.ts').catch(notLoaded('shows Xen to guests')),
    xenTypeOf(machine, record) === XEN_TYPE.PV
      ? import('./xen/pv/pv-domain.ts').catch(notLoaded('runs paravirtual guests'))
      : undefined,
    modelElsewhere(machine, record)
      ? import('./xen/ioreq/remote-model.ts').catch(notLoaded('speaks to device models in Domain 0'))
      : undefined,
    // What a saved guest had of it is set when it is restored.
    words[block + XEN.PARAMS + 2 * HVM_PARAM.VIRIDIAN] !== 0 ||
    state?.params?.some(([index, low]) => index === HVM_PARAM.VIRIDIAN && low !== 0)
      ? import('./xen/enlighten.ts').catch(notLoaded('shows Hyper-V to guests'))
      : undefined,
  ]);
  return xenInterface({
    createPv: pv && (parts => new pv.PvDomain(parts)),
    createRemote: remote && (parts => new remote.RemoteModel(parts)),
    layerOf: viridian?.viridianOf,
  });
}

/** What the guest of a domain sees, by the domain's entry in the domain table: the first that fits. */
const INTERFACES: readonly {
  finds(record: DomainRecord): boolean;
  load(machine: Machine, record: DomainRecord, saved?: SavedState): InterfaceKind | Promise<InterfaceKind>;
  wantsPvhBoard?(machine: Machine, record: DomainRecord): boolean;
}[] = [
  { finds: isXen, load: xenOf, wantsPvhBoard: (machine, record) => xenTypeOf(machine, record) !== XEN_TYPE.HVM },
  {
    finds: isKvm,
    load: () => import('./kvm/guest.ts').then(({ KVM }) => KVM, notLoaded('shows KVM to guests')),
  },
  { finds: () => true, load: () => PLAIN_PC },
];
