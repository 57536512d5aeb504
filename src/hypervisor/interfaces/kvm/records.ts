/** What KVM keeps of a domain in machine memory is for the host alone: what the guest is to read lies where the guest has said. */
import type { GuestRecords } from '../../memory/frame-holder.ts';
import { ramGfn } from '../../layout/ram-layout.ts';
import type { DomainRecord } from '../../memory/machine.ts';
import { KVM_INTERFACE } from './abi.ts';
import { framesWord, KVM_RECORD_BYTES } from './layout.ts';

/** For `createDomain`. */
export const KVM_RECORDS: GuestRecords = {
  number: KVM_INTERFACE,
  ram: 'pc',
  holders: [],
  bytes: () => KVM_RECORD_BYTES,
  place() {},
  populated({ words }, guestOffset, frames) {
    words[framesWord({ guestOffset })] = frames;
  },
  // As many as it is to have are there from the start; what lies behind them it gets as it uses it.
  populateOnDemand(machine, record, first, end, frames) {
    const taken = machine.allocate(frames, record.id);
    if (!taken) return false;
    const stage = machine.secondStage(record);
    for (let n = first; n < end; n++) {
      const mfn = taken[n - first];
      if (mfn === undefined) stage.defer(ramGfn(record, n));
      else stage.map(ramGfn(record, n), mfn);
    }
    machine.words[framesWord(record)] += frames;
    return true;
  },
};

export const isKvm = ({ interface: number }: Pick<DomainRecord, 'interface'>): boolean => number === KVM_INTERFACE;
