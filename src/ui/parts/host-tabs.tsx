/** The host's other pages: their scripts, and the charts', are loaded when one is first shown. */

import { hostPages, inspectPage, poolViews } from '../parts.ts';
import type { Panel } from '../panel.ts';
import type { Place } from '../place.ts';
import { strings } from '../strings.ts';
import { HostFrame } from './host-bar.tsx';
import { later } from './load-when-shown.tsx';

const words = strings.hostPage;
const HostPage = later(hostPages, part => part.HostPage);
const StoragePage = later(hostPages, part => part.StoragePage);
const NetworkPage = later(hostPages, part => part.NetworkPage);
const PoolPage = later(poolViews, part => part.PoolPage);

const InspectPage = later(inspectPage, part => part.InspectPage);

const is = (here: Place, tab: string): boolean => here.kind === 'home' && here.tab === tab;
const panel = (tab: string, name: string, show: Panel['show']): Panel => ({
  id: tab,
  region: 'bench',
  name,
  show: here => is(here, tab) && <HostFrame>{show(here)}</HostFrame>,
  title: here => (is(here, tab) ? name : undefined),
  from: here => (is(here, tab) ? undefined : { kind: 'home', tab }),
});

export const hostPanel = panel('host', words.host, () => <HostPage />);
export const storagePanel = panel('storage', words.storage, here => <StoragePage volume={here.name} />);
export const networkPanel = panel('network', words.network, () => <NetworkPage />);
export const poolPanel = panel('pool', words.pool, here => <PoolPage chosen={here.name} />);
export const inspectPanel = panel('inspect', strings.inspect.tab, () => <InspectPage />);
