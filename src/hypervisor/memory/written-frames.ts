/**
 * Which machine frames of a domain were written since somebody last asked. It is DirtyLog's question by machine frames, for who puts a domain's memory back
 * where it lies: the second stage is not looked at, and the answer costs what the log's bits cost. Of a domain either is kept, never both: each clears bits.
 */
import { WRITE_LOG_HEAD } from '../../cpu/architecture/index.ts';
import type { DomainRecord, Machine } from './machine.ts';

export class WrittenFrames {
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private isOn = true;

  /** Begins to keep it; the domain's translations are to be flushed before the guest runs, and after each `take`. */
  constructor(machine: Machine, record: DomainRecord) {
    this.machine = machine;
    this.record = record;
    Atomics.add(machine.words, machine.writeLogAt, 1);
    this.take();
  }

  /** They count again from now on. */
  take(): number[] {
    const { machine, record } = this,
      { words } = machine,
      first = machine.writeLogAt + WRITE_LOG_HEAD,
      frames: number[] = [];
    for (let at = 0; at < Math.ceil(machine.frames / 32); at++) {
      for (let bits = words[first + at]!; bits !== 0; bits &= bits - 1) {
        const bit = bits & -bits,
          mfn = 32 * at + 31 - Math.clz32(bit);
        if (machine.ownerOf(mfn) !== record.id) continue;
        Atomics.and(words, first + at, ~bit);
        frames.push(mfn);
      }
    }
    return frames;
  }

  end(): void {
    if (!this.isOn) return;
    this.isOn = false;
    Atomics.sub(this.machine.words, this.machine.writeLogAt, 1);
  }
}
