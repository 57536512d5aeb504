/** Presses a PC's power button. */
import { verb } from './verb.ts';

export const powerButton = verb({ apply: ({ domain }) => void domain.platform.pressPowerButton() });
