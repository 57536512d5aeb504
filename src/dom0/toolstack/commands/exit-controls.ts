/** Which of a guest's instructions and exceptions exit: VM-execution controls (SDM vol. 3C, 25.6), chosen. The command is ours; Xen sets them by itself. */
import {
  bitmapOf,
  EXCEPTION_VECTORS,
  EXIT_SWITCHES,
  type ExitControls,
  USUAL_EXIT_CONTROLS,
  vectorsIn,
} from '../../../hypervisor/view/index.ts';
import { MOST_CHOSEN_MSRS } from '../../../hypervisor/layout/index.ts';
import type { CommandHost } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { definedAs } from '../../definitions/kinds/index.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

const LISTS = { exceptions: 'exceptions', msrReads: 'msr-read', msrWrites: 'msr-write' } as const;
/** Fields of 32 bits that PAUSE-loop exiting goes by. */
const FIELDS = ['ple-gap', 'ple-window'] as const;
const FIELD_MOST = 2 ** 31 - 1;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Each control as `name=value`. */
function spelled(controls: ExitControls): string[] {
  return [
    ...EXIT_SWITCHES.map(name => `${name}=${controls[name] ? 1 : 0}`),
    `${LISTS.exceptions}=${vectorsIn(controls.exceptions).join(',')}`,
    `${LISTS.msrReads}=${controls.msrReads.map(hex).join(',')}`,
    `${LISTS.msrWrites}=${controls.msrWrites.map(hex).join(',')}`,
    ...FIELDS.map(name => `${name}=${controls[name]}`),
  ];
}

/** Numbers with commas between them; NaN represents what is none. */
const numbersOf = (text: string): number[] => text.split(',').filter(Boolean).map(Number);

/** @throws Refusal for a word that is no vector */
function readBitmap(text: string): number {
  const vectors = numbersOf(text);
  if (vectors.some(vector => !(vector >= 0 && vector < 32))) throw new Refusal(noVector(text));
  return bitmapOf(vectors);
}

const noVector = (what: string): string =>
  `${what}: an exception has one of the vectors ${EXCEPTION_VECTORS.join(', ')}. Write some with commas between them.`;

/** @throws Refusal for what VT-x has no bits for */
function check(controls: ExitControls): void {
  const { exceptions, msrReads, msrWrites } = controls;
  for (const clocks of FIELDS.map(name => controls[name]))
    if (!Number.isInteger(clocks) || clocks < 1 || clocks > FIELD_MOST)
      throw new Refusal(
        `${clocks}: gap and window are clocks of the TSC, from 1 to ${FIELD_MOST}. Write such a number.`,
      );
  if (!Number.isInteger(exceptions) || (exceptions & ~bitmapOf(EXCEPTION_VECTORS)) !== 0)
    throw new Refusal(noVector(hex(exceptions)));
  for (const indices of [msrReads, msrWrites]) {
    if (indices.length > MOST_CHOSEN_MSRS)
      throw new Refusal(`At most ${MOST_CHOSEN_MSRS} MSRs can be chosen. Leave some out.`);
    for (const index of indices)
      if (!Number.isInteger(index) || index < 0 || index > 0xc0001fff || (index > 0x1fff && index < 0xc0000000))
        throw new Refusal(
          `${hex(index)}: an MSR bitmap has bits for 0 to 0x1fff and 0xc0000000 to 0xc0001fff. Write such indices with commas between them.`,
        );
  }
}

/** What the words change. @throws Refusal */
function changesOf(words: readonly string[]): Partial<ExitControls> {
  const changes: Record<string, boolean | number | number[]> = {};
  for (const word of words) {
    const [, name, value] = /^([a-z\d-]+)=(.*)$/.exec(word) ?? [];
    const known = EXIT_SWITCHES.find(each => each === name),
      field = FIELDS.find(each => each === name);
    if (known) {
      if (value !== '0' && value !== '1')
        throw new Refusal(`${word}: write ${name}=1 for an exit, or ${name}=0 for none.`);
      changes[known] = value === '1';
    } else if (field) changes[field] = Number(value);
    else if (name === LISTS.exceptions) changes.exceptions = readBitmap(value!);
    else if (name === LISTS.msrReads) changes.msrReads = numbersOf(value!);
    else if (name === LISTS.msrWrites) changes.msrWrites = numbersOf(value!);
    else
      throw new Refusal(
        `${word} is no control. There are ${[...EXIT_SWITCHES, ...Object.values(LISTS), ...FIELDS].join(', ')}: write NAME=VALUE.`,
      );
  }
  return changes;
}

export const exitControls = command({
  summary: 'List or choose which instructions and exceptions of a domain exit',
  usage:
    '[-d] <Domain> [hlt=|invlpg=|rdtsc=|cr3-load=|cr3-store=|pause=|pause-loop=0|1] [exceptions=VECTORS] [msr-read=|msr-write=INDICES] [ple-gap=|ple-window=CLOCKS]',
  options: [['-d', 'As usual again: what hypervisors choose.']],
  modifies: true,
  /** What is not given stays; what exits from now on. The guest finds no difference but its speed. */
  run: async (host: CommandHost, id: number, changes: Partial<ExitControls> = {}): Promise<ExitControls> => {
    const member = host.domains.living(id),
      domain = host.toolstack.view.at(member.record.index),
      before = domain?.exitControls() ?? USUAL_EXIT_CONTROLS;
    if (Object.keys(changes).length === 0) return before;
    if (!definedAs(member.blueprint.definition).needsVt)
      throw new Refusal(
        `${member.name} is paravirtual: it runs without VT-x, which alone has such controls. Take a guest of type hvm or pvh.`,
      );
    const next = { ...before, ...changes };
    check(next);
    const was = spelled(before),
      words = spelled(next).filter(word => !was.includes(word));
    await host.tasks.run(commandOf('exit-controls', member.name, { controls: words }), async () => {
      member.runner.ask('chooseExits', next);
    });
    return next;
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 'd' });
    atLeast('exit-controls', rest, 1);
    const id = findDomain(host, rest[0]);
    if (id === 0) throw new Refusal('Domain 0 is not a guest, and has no exits.');
    const changes = options.has('d') ? USUAL_EXIT_CONTROLS : changesOf(rest.slice(1));
    const now = await run(id, changes);
    return Object.keys(changes).length === 0 ? `${spelled(now).join('\n')}\n` : '';
  },
});
