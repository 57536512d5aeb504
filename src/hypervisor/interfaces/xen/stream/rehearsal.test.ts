import { expect, it } from 'vitest';
import { type BlockRequest, MemoryDisk } from '../../../../formats/blocks/index.ts';
import { program, programDomain } from '../../../domain/program.test-support.ts';
import type { Domain } from '../../../domain/domain.ts';
import { readState, rehearse, restoreInto } from './state.ts';
import { StateWriter } from './writer.ts';

/** Answers nothing. */
class SlowDisk extends MemoryDisk {
  readonly asked: string[] = [];
  readonly label = 'nbd://server/disk';
  readonly fingerprint = (): number => 0;
  readonly changes = (): [] => [];

  override request({ op }: BlockRequest): void {
    this.asked.push(op);
  }
}

/** A PC that writes a sector by a drive's ports, and waits for it. */
function writer(disk: MemoryDisk): Domain {
  const domain = programDomain(
    program([
      ...[0xe0, 1, 5, 0, 0, 0x30].map(
        (value, i) => `mov edx, ${[0x1f6, 0x1f2, 0x1f3, 0x1f4, 0x1f5, 0x1f7][i]}; mov al, ${value}; out dx, al`,
      ),
      'mov edx, 0x1f0; mov ecx, 256; again: mov eax, ecx; out dx, ax; dec ecx; jnz again; cli; hlt',
    ]),
    { ide: [{ place: 0, kind: 'disk', disk }] },
  );
  for (let i = 0; i < 20; i++) domain.runSlice();
  return domain;
}

it.each(['a disk', 'a disk that PV drivers share'])(
  'asks nothing of %s of who is rehearsed: what the guest has asked of it is under way where it runs',
  kind => {
    const here = new SlowDisk(new Uint8Array(0x10000)),
      there = new SlowDisk(new Uint8Array(0x10000));
    const before: string[] = [];
    const shared = there.behind(request => {
      before.push(request.op);
      there.request(request);
    });
    const isShared = kind !== 'a disk',
      disk = isShared ? shared : there;
    const domain = writer(here);
    expect(here.asked).toEqual(['write']);
    const state = new StateWriter(domain, { name: 'a', program: 'test', definition: '' }).rehearsal(true)!;
    const other = programDomain(program(['cli; hlt']), { ide: [{ place: 0, kind: 'disk', disk }] });
    rehearse(other, readState(state, 'a'));
    expect(there.asked).toEqual([]);
    // Where it goes on it is asked.
    restoreInto(other, { ...readState(state, 'a'), pages: [] });
    expect(there.asked).toEqual(['write']);
    expect(before).toEqual(isShared ? ['write'] : []);
  },
);
