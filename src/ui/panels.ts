/** The page's panels: one file each, and one line here. The first one of the workbench that has something to show is shown there. */
import type { Panel } from './panel.ts';
import { activityPanel } from './parts/activity-panel.tsx';
import { definedPanel } from './parts/defined.tsx';
import { desktopPanel } from './parts/desktop.tsx';
import { draftFormPanel, draftPanel } from './parts/draft.tsx';
import { shellPanel } from './parts/domain0-shell.tsx';
import { experimentPanel } from './parts/experiments.tsx';
import { guestPanel } from './parts/guest.tsx';
import { documentsPanel, lessonsPanel } from './parts/help-pages.tsx';
import { homePanel } from './parts/home.tsx';
import { lessonPanel } from './parts/lesson.tsx';
import { pcosPanel } from './parts/pcos.tsx';
import { sectorPanel } from './parts/sector.tsx';
import { hostPanel, inspectPanel, networkPanel, poolPanel, storagePanel } from './parts/host-tabs.tsx';

export const PANELS: readonly Panel[] = [
  guestPanel,
  lessonPanel,
  experimentPanel,
  lessonsPanel,
  documentsPanel,
  draftPanel,
  shellPanel,
  definedPanel,
  sectorPanel,
  pcosPanel,
  hostPanel,
  storagePanel,
  networkPanel,
  poolPanel,
  inspectPanel,
  desktopPanel,
  activityPanel,
  draftFormPanel,
  // It has something to show everywhere.
  homePanel,
];
