/** Keys that say what becomes of a domain that stopped. Source: xl.cfg(5), "Event Actions". */
import type { Action, Definition } from '../definition.ts';
import { nearest } from '../nearest.ts';
import { approximated, used, wrong } from '../options.ts';
import { alike, type Family, type KeyRule, rule } from '../rule.ts';

const ACTIONS = ['destroy', 'restart', 'rename-restart', 'preserve', 'coredump-destroy', 'coredump-restart', 'soft-reset'];
const BUILT: Record<Action, string> = { destroy: 'destroyed', restart: 'started again', preserve: 'kept as it is' };
const isBuilt = (action: string): action is Action => Object.hasOwn(BUILT, action);
/** What is done in place of an action that is not built. */
const instead = (action: string): Action => (isBuilt(action) ? action : action.endsWith('restart') || action === 'soft-reset' ? 'restart' : 'destroy');

function when(field: 'onPoweroff' | 'onReboot' | 'onCrash', usual: Action, short: string, does: string, general: string): KeyRule {
  return rule('action', used(short, general), {
    range: ({ text }) => {
      if (ACTIONS.includes(text)) return undefined;
      const near = nearest(text, ACTIONS);
      return wrong('no such action', `the actions are ${ACTIONS.join(', ')}.${near ? ` Did you mean "${near}"?` : ''}`);
    },
    into: (definition, { text }) => { definition[field] = instead(text); },
    judge: ({ text }) => {
      const done = `When the guest ${does}, the domain is ${BUILT[instead(text)]}`;
      return isBuilt(text) ? used(`${text} it`, `${done}.`) : approximated(`${instead(text)} instead`, `${done}; ${text} is not built.`);
    },
    from: (definition: Definition) => (definition[field] === usual ? undefined : definition[field]),
  });
}

export const events: Family = {
  on_poweroff: when('onPoweroff', 'destroy', 'when the guest powers off', 'powers off', 'This is done when the guest powers off.'),
  on_reboot: when('onReboot', 'restart', 'when the guest resets', 'asks for a reset', 'This is done when the guest asks for a reset.'),
  on_crash: when('onCrash', 'destroy', 'when the guest crashes', 'crashes', 'This is done when the guest crashes.'),
  ...alike('on_watchdog', 'action', approximated('counts as a crash', "When Xen's watchdog ends the guest, that counts as a crash: on_crash says what is done.")),
  ...alike('on_soft_reset', 'action', approximated('counts as a reboot', 'A soft reset counts as a reboot: on_reboot says what is done.')),
};
