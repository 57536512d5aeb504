/** Presses a PC's power button. */
import { verb } from './verb.ts';

export const powerButton = verb({ apply: ({ domain }) => domain.pressPowerButton() });
