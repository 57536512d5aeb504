/** Disassembly as inspectors show it: its script comes with the first of it. */

import { codeLines } from './parts.ts';
import { later } from '../parts/load-when-shown.tsx';

export const Code = later(codeLines, part => part.Code);
