/** Parts of the inspectors: each is loaded when it is opened. */

import { pagePart } from '../load-again.ts';

export const codeLines = pagePart(() => import('./code-lines.tsx')),
  engineInspector = pagePart(() => import('./engine.tsx')),
  exitsInspector = pagePart(() => import('./exits/index.ts')),
  memoryInspector = pagePart(() => import('./memory/index.ts')),
  pastView = pagePart(() => import('./processor/past.tsx')),
  pathInspector = pagePart(() => import('./io-path/index.ts')),
  processorInspector = pagePart(() => import('./processor/index.ts')),
  ringInspector = pagePart(() => import('./ring/index.ts')),
  schedulerInspector = pagePart(() => import('./scheduler/index.ts')),
  xenInspectors = pagePart(() => import('./of-xen/index.ts'));
