/** A paused domain's single steps, for people who look at its processor. The command is ours; with Xen one attaches gdbsx. */
import type { Uses } from '../command-host.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords, wholeNumber } from './words.ts';

const MOST = 1_000_000;

export const step = command({
  summary: 'Let a paused domain run some instructions or exits',
  usage: '[-e] <Domain> [Count]',
  options: [['-e', 'VM exits in place of instructions']],
  modifies: true,
  /** It is paused again afterwards; where it waits for an interrupt the step waits, too. */
  run: async (
    host: Uses<'domains'>,
    id: number,
    count: number = 1,
    what: 'instructions' | 'exits' = 'instructions',
  ): Promise<void> => {
    const member = host.domains.living(id);
    if (!member.paused) throw new Refusal(`${member.name} runs: pause it first (xl pause ${member.name}).`);
    if (!(Number.isInteger(count) && count >= 1 && count <= MOST))
      throw new Refusal(`A step has from 1 to ${MOST} ${what}, and not ${count}.`);
    member.runner.ask('step', what === 'exits' ? -count : count);
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 'e' });
    atLeast('step', rest, 1);
    const id = findDomain(host, rest[0]);
    if (id === 0) throw new Refusal('Domain 0 cannot be stepped: it is who would step.');
    await run(
      id,
      rest[1] === undefined ? 1 : wholeNumber(rest[1], 'count'),
      options.has('e') ? 'exits' : 'instructions',
    );
    return '';
  },
});
