/** Keys that say what becomes of a domain that stopped. Source: xl.cfg(5), "Event Actions". */
import { type Action, ACTIONS, type Definition } from '../definition.ts';
import { approximated, used, wrong } from '../options.ts';
import { alike, type Family, type KeyRule, oneOf, rule } from '../rule.ts';

/** What a soft reset would keep is gone with a restart. */
const SOFT_RESET = 'soft-reset';
const KNOWN: readonly string[] = [...ACTIONS, SOFT_RESET];
const isAction = oneOf(KNOWN, { nouns: 'actions' });
const DONE: Record<Action, string> = {
  destroy: 'destroyed',
  restart: 'started again',
  'rename-restart': 'kept under another name, and started again',
  preserve: 'kept as it is',
  'coredump-destroy': 'written to a core file in /var/lib/xen/dump, and destroyed',
  'coredump-restart': 'written to a core file in /var/lib/xen/dump, and started again',
};
const SHORT: Record<Action, string> = {
  destroy: 'its memory is given back',
  restart: 'starts again by itself',
  'rename-restart': 'kept, and another starts',
  preserve: 'stays for a post-mortem',
  'coredump-destroy': 'written to a core file, then gone',
  'coredump-restart': 'written to a core file, starts again',
};
const actionOf = (text: string): Action => ACTIONS.find(action => action === text) ?? 'restart';

function when(
  field: 'onPoweroff' | 'onReboot' | 'onCrash',
  usual: Action,
  short: string,
  does: string,
  general: string,
): KeyRule {
  return rule('action', used(short, general), {
    range: isAction,
    into: (definition, { text }) => {
      definition[field] = actionOf(text);
    },
    judge: ({ text }) => {
      const done = `When the guest ${does}, the domain is ${DONE[actionOf(text)]}`;
      return text === SOFT_RESET
        ? approximated('restart instead', `${done}; ${text} is not built.`)
        : used(SHORT[actionOf(text)], `${done}.`);
    },
    from: (definition: Definition) => (definition[field] === usual ? undefined : definition[field]),
  });
}

/** xend's one key for three (xmexample1: "deprecated option restart"). */
const RESTART: Record<string, [poweroff: Action, reboot: Action, crash: Action]> = {
  onreboot: ['destroy', 'restart', 'destroy'],
  always: ['restart', 'restart', 'restart'],
  never: ['destroy', 'destroy', 'destroy'],
};

export const events: Family = {
  // Before the three, which count more.
  restart: rule(
    'string',
    used('for poweroff, reboot and crash', "xend's old key for on_poweroff, on_reboot and on_crash."),
    {
      range: ({ text }) =>
        Object.hasOwn(RESTART, text)
          ? undefined
          : wrong(
              'no such value',
              `the values are ${Object.keys(RESTART).join(', ')}. Write on_poweroff, on_reboot and on_crash in its place.`,
            ),
      into: (definition, { text }) => {
        [definition.onPoweroff, definition.onReboot, definition.onCrash] = RESTART[text];
      },
      judge: ({ text }) =>
        used(
          'for poweroff, reboot and crash',
          `This is on_poweroff = "${RESTART[text][0]}", on_reboot = "${RESTART[text][1]}", on_crash = "${RESTART[text][2]}".`,
        ),
    },
  ),
  on_poweroff: when(
    'onPoweroff',
    'destroy',
    'when the guest powers off',
    'powers off',
    'This is done when the guest powers off.',
  ),
  on_reboot: when(
    'onReboot',
    'restart',
    'when the guest resets',
    'asks for a reset',
    'This is done when the guest asks for a reset.',
  ),
  on_crash: when('onCrash', 'destroy', 'when the guest crashes', 'crashes', 'This is done when the guest crashes.'),
  ...alike(
    'on_watchdog',
    'action',
    approximated(
      'counts as a crash',
      "When Xen's watchdog ends the guest, that counts as a crash: on_crash says what is done.",
    ),
    undefined,
    isAction,
  ),
  ...alike(
    'on_soft_reset',
    'action',
    approximated('counts as a reboot', 'A soft reset counts as a reboot: on_reboot says what is done.'),
    undefined,
    isAction,
  ),
};
