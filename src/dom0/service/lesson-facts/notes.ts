/**
 * What a small guest (guests/small) notes of its own doing, as `note.NAME`: at address 0x500 the word NOTE, how many notes there are, and where.
 * A note is a name of 12 characters, filled up with spaces, and a word; the first lies at a multiple of 4.
 */
import { FRAME_BYTES } from '../../../hypervisor/memory/index.ts';
import type { DomainView } from '../../../hypervisor/view/index.ts';
import { kindOf } from '../../toolstack/kinds/index.ts';
import type { Family } from './told.ts';

const PLACE = 0x500,
  /** "NOTE". */
  MAGIC = 0x45544f4e,
  MOST_NOTES = 64,
  NAME_WORDS = 3,
  NOTE_WORDS = NAME_WORDS + 1;

export const notes: Family = ({ domain, member }, { values }) => {
  const word = wordsOf(domain, kindOf(member.blueprint.definition).reach === 'machine');
  if (word(PLACE) !== MAGIC) return;
  const count = Math.min(MOST_NOTES, word(PLACE + 4)),
    first = word(PLACE + 8);
  for (let at = first; at < first + count * NOTE_WORDS * 4; at += NOTE_WORDS * 4) {
    const letters = Uint32Array.from({ length: NAME_WORDS }, (_, i) => word(at + 4 * i));
    const name = String.fromCharCode(...new Uint8Array(letters.buffer)).trim();
    if (/^[\w.]+$/.test(name)) values[`note.${name}`] = word(at + 4 * NAME_WORDS);
  }
};

/** Words of guest-physical memory; of a guest whose pages are anywhere in machine memory those of its own linear addresses. 0 where there is none. */
function wordsOf(domain: DomainView, isLinear: boolean): (address: number) => number {
  const stage = domain.secondStage,
    vcpu = domain.vcpus()[0]?.look();
  return address => {
    const offset = isLinear ? (vcpu?.translate(address >>> 0).machine ?? -1) : stage.offset(address >>> 0);
    return offset < 0 || address % FRAME_BYTES > FRAME_BYTES - 4 ? 0 : domain.memory.word(offset >>> 2) >>> 0;
  };
}
