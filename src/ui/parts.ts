/** Parts that somebody acts by before they are shown: its loader has the same module as the view that shows it (load-again.ts). */

import { persistent } from './load-again.ts';

export const severalPage = persistent(() => import('./parts/several-page.tsx'));
export const naming = persistent(() => import('./naming.ts'));
export const storagePage = persistent(() => import('./parts/storage-page.tsx'));
export const fourWays = persistent(() => import('./inspect/four-ways.tsx'));
