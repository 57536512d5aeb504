/** Keys that say what becomes of a guest whose host is lost. xl has none: names are those of XAPI (VM.ha_restart_priority) and of Proxmox's `ha` resources. */
import { used } from '../options.ts';
import { type Family, rule } from '../rule.ts';

export const recovery: Family = {
  ha: rule(
    'defbool',
    used('started again where its host is lost', 'Where its host is lost, another host of the pool starts the guest.'),
    {
      into: (definition, { number }) => {
        if (number !== 0) definition.ha = true;
      },
      judge: ({ number }) =>
        number === 0
          ? used('ends with its host', 'Where its host is lost, nobody starts the guest by itself.')
          : undefined,
      from: ({ ha }) => ha && 1,
    },
  ),
};
