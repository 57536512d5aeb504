/** What somebody chose to exit, as `control.NAME`: 1 or 0; the exception bitmap, PLE_Gap and PLE_Window as numbers. */
import { EXIT_SWITCHES } from '../../../hypervisor/view/index.ts';
import type { Family } from './told.ts';

export const controls: Family = ({ domain }, { values }) => {
  const chosen = domain.exitControls();
  for (const name of EXIT_SWITCHES) values[`control.${name}`] = Number(chosen[name]);
  values['control.exceptions'] = chosen.exceptions;
  values['control.ple-gap'] = chosen['ple-gap'];
  values['control.ple-window'] = chosen['ple-window'];
};
