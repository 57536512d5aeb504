/** What Domain 0's worker loads when a guest needs it, all of it now: where domains are made at once, and where time is virtual and loading takes none. */
import { loadDrives } from '../../devices/ide/index.ts';
import { loadFlash, loadNics, loadVirtio } from '../../devices/index.ts';
import { loadTier } from '../../cpu/index.ts';
import { loadPvBuilder } from '../../hypervisor/index.ts';
import { loadLoaders } from '../../hypervisor/loader/index.ts';
import { loadSeldom } from '../definitions/config/index.ts';
import { loadPlans } from '../definitions/index.ts';
import { loadUplink } from '../host/network/index.ts';
import { loadBackends } from '../backends/index.ts';
import { loadSavedDomain } from '../toolstack/index.ts';

export const loadEverything = async (): Promise<void> =>
  void (await Promise.all([
    loadTier(),
    loadDrives(),
    loadFlash(),
    loadNics(),
    loadVirtio(),
    loadUplink(),
    loadBackends(),
    loadLoaders(),
    loadPvBuilder(),
    loadSeldom(),
    loadPlans(),
    loadSavedDomain(),
  ]));

/** What moves a domain to another host, so that moves take no time but the link's. */
export const loadMoves = async (): Promise<void> =>
  void (await Promise.all([
    import('../pool/migration/index.ts'),
    import('../toolstack/incoming-disks.ts'),
    import('../toolstack/receiving.ts'),
    import('../toolstack/saving.ts'),
  ]));
