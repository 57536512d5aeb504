/** A debugger writes bytes at a linear address of a vCPU, whatever the rights there. True: all of them are written; false: none, since not all of it is mapped. */
import { FRAME_BYTES } from '../layout/layout.ts';
import { MachineView } from '../view/machine-view.ts';
import { question } from './verb.ts';

export const writeMemory = question({
  apply: ({ domain: { options, memory } }, vcpu: number, linear: number, bytes: readonly number[]): boolean => {
    const { machine, record } = options,
      state = new MachineView(machine.memory).at(record.index)?.vcpus()[vcpu]?.look();
    if (!state) return false;
    const places: number[] = [];
    for (let i = 0; i < bytes.length; i++) {
      const at = state.isLong ? linear + i : (linear + i) >>> 0,
        inFrame = at & (FRAME_BYTES - 1),
        mfn = i > 0 && inFrame > 0 ? Math.floor(places[i - 1]! / FRAME_BYTES) : state.frameAt(at);
      if (mfn < 0) return false;
      places.push(mfn * FRAME_BYTES + inFrame);
    }
    places.forEach((place, i) => {
      machine.bytes[place] = bytes[i]!;
    });
    for (const mfn of new Set(places.map(place => Math.floor(place / FRAME_BYTES)))) memory.onWrite(mfn);
    return true;
  },
  gone: () => false,
});
