/** Disassembly as inspectors show it: its script comes with the first of it. */

import { later } from '../parts/load-when-shown.tsx';

export const Code = later(
  () => import('./code-lines.tsx'),
  part => part.Code,
);
