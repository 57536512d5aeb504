/** Which instructions and exceptions of a domain exit from now on (view/exit-controls.ts). */
import type { ExitControls } from '../view/exit-controls.ts';
import { verb } from './verb.ts';

export const chooseExits = verb({
  apply: ({ domain }, controls: ExitControls) => domain.exits.choice.choose(controls),
});
