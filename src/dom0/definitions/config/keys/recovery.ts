/** Keys that say what becomes of a guest whose host is lost. xl has none: names are those of XAPI (VM.ha_restart_priority) and of Proxmox's `ha` resources. */
import { used, wrong } from '../options.ts';
import type { Definition } from '../definition.ts';
import { type Family, rule } from '../rule.ts';

/** Snapshots that a host keeps of a guest, where nothing is said. */
const KEEP = 5,
  MOST_KEPT = 100;

/** `every=SECONDS,to=HOST[,keep=COUNT]`; undefined: it is none. */
function readReplicate(text: string): Definition['replicate'] {
  const fields = new Map(text.split(',').map(field => field.split('=', 2) as [string, string]));
  const [everySeconds, keep] = [Number(fields.get('every')), Number(fields.get('keep') ?? KEEP)];
  const to = fields.get('to') ?? '';
  const isGood =
    [...fields.keys()].every(name => ['every', 'to', 'keep'].includes(name)) &&
    everySeconds >= 1 &&
    /^[a-z0-9-]+$/.test(to) &&
    Number.isInteger(keep) &&
    keep >= 1 &&
    keep <= MOST_KEPT;
  return isGood ? { everySeconds, to, keep } : undefined;
}

export const recovery: Family = {
  replicate: rule(
    'string',
    used(
      'another host keeps snapshots of it',
      'Another host of the pool keeps snapshots of the guest, and can start it.',
    ),
    {
      range: ({ text }) =>
        readReplicate(text)
          ? undefined
          : wrong(
              'every=SECONDS,to=HOST',
              'write every=60,to=HOST, and ,keep=5 for how many snapshots are kept there.',
            ),
      into: (definition, { text }) => {
        definition.replicate = readReplicate(text)!;
      },
      judge: ({ text }) => {
        const { everySeconds, to } = readReplicate(text)!;
        return used(
          `a snapshot each ${everySeconds} s`,
          `The host ${to} gets a snapshot of it each ${everySeconds} s.`,
        );
      },
      from: ({ replicate }) => replicate && `every=${replicate.everySeconds},to=${replicate.to},keep=${replicate.keep}`,
    },
  ),
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
