/** just-bash, whose file tree is Domain 0's and whose shell is its shell. */
import { part } from '../../../formats/loading/index.ts';

export const justBash = part(() => import('just-bash/browser'), 'keeps files and runs the shell');
