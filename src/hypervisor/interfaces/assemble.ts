/** A domain with everything at hand, to run it next to others or in node. The browser's worker loads what its domain needs: load-interface.ts. */
import { PvhBoard } from '../../devices/index.ts';
import { assembleWith, keepsCode, type PartlessOptions } from '../domain/assemble-parts.ts';
import type { Domain } from '../domain/domain.ts';
import type { InterfaceKind } from '../domain/guest-interface.ts';
import { LastCode } from '../domain/last-code.ts';
import { wired } from '../domain/nic.ts';
import { ShadowPaging } from '../domain/shadow-paging.ts';
import { RemoteModel } from './xen/ioreq/remote-model.ts';
import type { DomainRecord } from '../memory/machine.ts';
import { restoreInto, type SavedHead, type SavedState } from './xen/stream/state.ts';
import { xenInterface } from './xen/interface.ts';
import { PvDomain } from './xen/pv/pv-domain.ts';
import { viridianOf } from './xen/enlighten.ts';
import { KVM } from './kvm/guest.ts';
import { isKvm } from './kvm/records.ts';
import { PLAIN_PC } from './none/plain-pc.ts';
import { isXen } from './xen/layout.ts';

export type { PartlessOptions } from '../domain/assemble-parts.ts';

const XEN = xenInterface({
  createPv: of => new PvDomain(of),
  layerOf: viridianOf,
  createRemote: parts => new RemoteModel(parts),
});

/** What the guest of a domain sees, by the domain's entry in the domain table. */
const INTERFACES: readonly (readonly [finds: (record: DomainRecord) => boolean, InterfaceKind])[] = [
  [isXen, XEN],
  [isKvm, KVM],
  [() => true, PLAIN_PC],
];
const interfaceOf = (record: DomainRecord): InterfaceKind => INTERFACES.find(([finds]) => finds(record))![1];

/**
 * `saved`: a state that it goes on from, or what is known before the rest of one, which comes later (stream/arrival.ts). `guest`: another interface than the
 * domain's entry says. @throws LoadError, HostError, SavedStateError: a sentence; the domain's record is then to be destroyed.
 */
export const assembleDomain = (
  options: PartlessOptions,
  saved?: SavedState | SavedHead,
  guest?: InterfaceKind,
): Domain =>
  assembleWith(options, {
    guest: guest ?? interfaceOf(options.record),
    ...(options.record.shadowFrames > 0 ? { shadow: ShadowPaging } : {}),
    ...(keepsCode(options.machine, options.record) ? { lastCode: LastCode } : {}),
    pvhBoard: PvhBoard,
    wired,
    saved: saved && {
      about: saved.about,
      ...('domain' in saved ? { into: (domain: Domain) => restoreInto(domain, saved) } : {}),
    },
  });
