/** The table of verbs. A new one is a file of this folder and a line here. */
import { balloon } from './balloon.ts';
import { breakAt } from './break-at.ts';
import { channel } from './channel.ts';
import { chooseExits } from './choose-exits.ts';
import { copyAhead } from './copy-ahead.ts';
import { destroy } from './destroy.ts';
import { folderAnswer } from './folder-answer.ts';
import { hottest } from './hottest.ts';
import { insertMedium } from './insert-medium.ts';
import { key } from './key.ts';
import { mouse } from './mouse.ts';
import { nmi } from './nmi.ts';
import { past, pastNow } from './past.ts';
import { pause } from './pause.ts';
import { plug } from './plug.ts';
import { powerButton } from './power-button.ts';
import { reset } from './reset.ts';
import { resizeDisk } from './resize-disk.ts';
import { resume } from './resume.ts';
import { save } from './save.ts';
import { serial } from './serial.ts';
import { setLink } from './set-link.ts';
import { setRegister } from './set-register.ts';
import { step } from './step.ts';
import { unpause } from './unpause.ts';
import type { Ask } from './verb.ts';
import { virtqueues } from './virtqueues.ts';
import { wake } from './wake.ts';
import { writeMemory } from './write-memory.ts';

export const VERBS = {
  balloon,
  breakAt,
  channel,
  chooseExits,
  copyAhead,
  destroy,
  folderAnswer,
  hottest,
  insertMedium,
  key,
  mouse,
  nmi,
  past,
  pastNow,
  pause,
  plug,
  powerButton,
  reset,
  resizeDisk,
  resume,
  save,
  serial,
  setLink,
  setRegister,
  step,
  unpause,
  virtqueues,
  wake,
  writeMemory,
};

/** Those that change what the guest does: a run is repeated with them (history/history.ts). */
export const CHANGES_GUEST: ReadonlySet<string> = new Set<keyof typeof VERBS>([
  'balloon',
  'channel',
  'chooseExits',
  'folderAnswer',
  'insertMedium',
  'key',
  'mouse',
  'nmi',
  'powerButton',
  'reset',
  'resizeDisk',
  'resume',
  'serial',
  'setLink',
  'setRegister',
  'wake',
  'writeMemory',
]);

/** Those that make another board of it: of its past nothing is known then. */
export const CHANGES_BOARD: ReadonlySet<string> = new Set<keyof typeof VERBS>(['plug']);

export { canSetRegister } from './set-register.ts';
export type { DebugWish, PastNow, PastWish } from '../history/index.ts';
export {
  type Ask,
  asking,
  type Carried,
  doVerb,
  gone,
  type Question,
  question,
  type Verb,
  verb,
  type Verbs,
} from './verb.ts';
export type AskDomain = Ask<typeof VERBS>;
