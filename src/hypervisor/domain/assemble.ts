/** A domain with everything at hand, for whoever runs it beside others or in node. */
import { RemoteModel } from '../ioreq/remote-model.ts';
import { restoreInto, type SavedState } from '../stream/state.ts';
import { XenGuest } from '../xen/guest.ts';
import { viridianOf } from '../xen/viridian/enlighten.ts';
import { PvDomain } from '../xen/pv/pv-domain.ts';
import { assembleWith, type PartlessOptions } from './assemble-parts.ts';
import type { Domain } from './domain.ts';

export type { PartlessOptions } from './assemble-parts.ts';

/** @throws LoadError, HostError, SavedStateError: a sentence; the domain's record is then to be destroyed. */
export const assembleDomain = (options: PartlessOptions, saved?: SavedState): Domain =>
  assembleWith(options, {
    createXen: parts => new XenGuest(parts, { createPv: of => new PvDomain(of), viridianOf }),
    createRemote: parts => new RemoteModel(parts),
    saved,
    restoreInto,
  });
