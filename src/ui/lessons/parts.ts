/** Parts of the view of lessons that are loaded when they are wanted. */

import { pagePart } from '../load-again.ts';

export const classBar = pagePart(() => import('./class.tsx')),
  roomAtHub = pagePart(() => import('./at-hub.ts')),
  lessonHost = pagePart(() => import('./page-host.ts')),
  lessonViews = pagePart(() => import('./views/index.tsx')),
  qrCode = pagePart(() => import('./qr-code.tsx'));
