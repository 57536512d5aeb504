/** What Domain 0's worker loads when a guest needs it, all of it now: where domains are made at once, and where time is virtual and loading takes none. */
import { loadDrives } from '../../devices/ide/index.ts';
import { flash, loadNics, loadVirtio } from '../../devices/index.ts';
import { loadTier } from '../../cpu/index.ts';
import { pvBuilder } from '../../hypervisor/index.ts';
import { loadLoaders } from '../../hypervisor/loader/index.ts';
import { verdicts } from '../definitions/config/index.ts';
import { plans } from '../definitions/index.ts';
import { uplink } from '../host/network/index.ts';
import { migration } from './moving.ts';
import { loadBackends } from '../backends/index.ts';
import { arrivals, states } from '../toolstack/index.ts';

export const loadEverything = async (): Promise<void> =>
  void (await Promise.all([
    loadTier(),
    loadDrives(),
    flash.load(),
    loadNics(),
    loadVirtio(),
    uplink.load(),
    loadBackends(),
    loadLoaders(),
    pvBuilder.load(),
    verdicts.load(),
    plans.load(),
    states.load(),
  ]));

/** What moves a domain to another host, so that moves take no time but the link's. */
export const loadMoves = async (): Promise<void> =>
  void (await Promise.all([migration.load(), arrivals.load(), states.load()]));
