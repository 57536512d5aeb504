/** What the browser's worker loads for its domain and not for every one: the interface that its guest sees. In node all are at hand: assemble.ts. */
import { part } from '../../formats/loading/index.ts';
import { pvhBoard } from '../../devices/index.ts';
import { keepsCode, type DomainParts } from '../domain/assemble-parts.ts';
import type { InterfaceKind } from '../domain/guest-interface.ts';
import { XEN, XEN_TYPE, isXen } from './xen/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import type { SavedState } from './xen/stream/saved-state.ts';
import { HVM_PARAM } from './xen/abi.ts';
import { modelElsewhere } from './xen/hvm/params.ts';
import { isKvm } from './kvm/records.ts';
import { PLAIN_PC } from './none/plain-pc.ts';

const kvm = part(() => import('./kvm/guest.ts'), 'shows KVM to guests'),
  xen = part(() => import('./xen/interface.ts'), 'shows Xen to guests'),
  pv = part(() => import('./xen/pv/pv-domain.ts'), 'runs paravirtual guests'),
  remoteModel = part(() => import('./xen/ioreq/remote-model.ts'), 'speaks to device models in Domain 0'),
  viridian = part(() => import('./xen/enlighten.ts'), 'shows Hyper-V to guests'),
  shadowPaging = part(() => import('../domain/shadow-paging.ts'), 'keeps shadow page tables'),
  lastInstructions = part(() => import('../domain/last-code.ts'), 'keeps last instructions');

/** `given`: a saved state without its pages (SavedState), or the head of one that comes (SavedHead); it goes into the domain later (restoring.ts). @throws PartError */
export async function loadInterface(
  machine: Machine,
  record: DomainRecord,
  given: object | undefined,
): Promise<DomainParts> {
  const saved = given as SavedState | undefined;
  const { load, wantsPvhBoard } = INTERFACES.find(({ finds }) => finds(record))!;
  const [guest, shadow, lastCode, pvh] = await Promise.all([
    load(machine, record, saved),
    record.shadowFrames > 0 ? shadowPaging.load() : undefined,
    keepsCode(machine, record) ? lastInstructions.load() : undefined,
    wantsPvhBoard?.(machine, record) ? pvhBoard.load() : undefined,
  ]);
  return {
    guest,
    ...(shadow ? { shadow: shadow.ShadowPaging } : {}),
    ...(lastCode ? { lastCode: lastCode.LastCode } : {}),
    ...(pvh ? { pvhBoard: pvh.PvhBoard } : {}),
    ...(saved ? { saved: { about: saved.about } } : {}),
  };
}

const xenTypeOf = ({ words }: Machine, { guestOffset }: DomainRecord): number => words[(guestOffset >>> 2) + XEN.TYPE];

async function xenOf(
  machine: Machine,
  record: DomainRecord,
  state: Partial<Pick<SavedState, 'params'>> | undefined,
): Promise<InterfaceKind> {
  const { words } = machine,
    block = record.guestOffset >>> 2;
  const [{ xenInterface }, paravirtual, remote, hyperV] = await Promise.all([
    xen.load(),
    xenTypeOf(machine, record) === XEN_TYPE.PV ? pv.load() : undefined,
    modelElsewhere(machine, record) ? remoteModel.load() : undefined,
    // What a saved guest had of it is set when it is restored.
    words[block + XEN.PARAMS + 2 * HVM_PARAM.VIRIDIAN] !== 0 ||
    state?.params?.some(([index, low]) => index === HVM_PARAM.VIRIDIAN && low !== 0)
      ? viridian.load()
      : undefined,
  ]);
  return xenInterface({
    createPv: paravirtual && (parts => new paravirtual.PvDomain(parts)),
    createRemote: remote && (parts => new remote.RemoteModel(parts)),
    layerOf: hyperV?.viridianOf,
  });
}

/** What the guest of a domain sees, by the domain's entry in the domain table: the first that fits. */
const INTERFACES: readonly {
  finds(record: DomainRecord): boolean;
  load(machine: Machine, record: DomainRecord, saved?: SavedState): InterfaceKind | Promise<InterfaceKind>;
  wantsPvhBoard?(machine: Machine, record: DomainRecord): boolean;
}[] = [
  { finds: isXen, load: xenOf, wantsPvhBoard: (machine, record) => xenTypeOf(machine, record) !== XEN_TYPE.HVM },
  { finds: isKvm, load: async () => (await kvm.load()).KVM },
  { finds: () => true, load: () => PLAIN_PC },
];
