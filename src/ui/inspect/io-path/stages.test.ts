import { describe, expect, it } from 'vitest';
import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { stagesOf } from './stages.ts';

const request = (...steps: [place: string, what: string][]): FollowedRequest => ({
  number: 1,
  isDone: true,
  steps: steps.map(([place, what], i) => ({ place, what, us: i, writer: 0 })),
});
const BELL = 'vCPU 0: hypercall, EVTCHNOP_send on port 3';

describe('a request stage by stage', () => {
  it('through a disk’s ring begins with its slot, which is written before anybody is told (io/ring.h)', () => {
    const stages = stagesOf(
      request(
        ['exit', BELL],
        ['front end', 'web (1), slot 5 of its ring, id 5'],
        ['back end', 'vbd 51712 (xvda): read'],
        ['guest disk', 'sector 8, 8 sectors'],
        ['data', '4096 bytes, the guest’s own memory'],
        ['image', 'sector 8'],
        ['answer', 'done'],
      ),
    );
    expect(stages.map(({ place, lane }) => `${place}: ${lane}`)).toEqual([
      'front end: guest',
      'exit: hypervisor',
      'back end: system',
      'guest disk: system',
      'data: system',
      'image: host',
      'answer: system',
    ]);
    expect(stages[1]!.says).toContain('req_prod passed req_event');
    expect(stages.at(-1)!.says).toContain('rsp_prod moves');
  });

  it('through a virtqueue begins with its chain, and the data lie in the guest’s memory (VIRTIO 1.2, 2.7)', () => {
    const stages = stagesOf(
      request(
        ['exit', 'vCPU 0: EPT violation, writes address 0xfebf3000'],
        ['virtqueue', 'web (1), place 5 of its ring, descriptor 17'],
        ['device model', 'web (1), vda: read'],
        ['guest disk', 'sector 8, 8 sectors'],
        ['data', '4096 bytes, the guest’s own memory'],
        ['answer', 'done'],
      ),
    );
    expect(stages.map(({ place, lane }) => `${place}: ${lane}`)).toEqual([
      'virtqueue: guest',
      'exit: hypervisor',
      'device model: system',
      'guest disk: system',
      'data: system',
      'answer: system',
    ]);
    expect(stages.map(({ says }) => says)).toEqual([
      expect.stringContaining('moves avail.idx'),
      expect.stringContaining('notify register'),
      expect.stringContaining('reads the chain'),
      expect.any(String),
      expect.stringContaining('without a copy'),
      expect.stringContaining('used.idx moves'),
    ]);
  });

  it('of a packet goes from the slot to the bridge, and one that comes ends in a slot that had offered a page', () => {
    const sent = stagesOf(
      request(
        ['exit', 'port 4: the back end was at work already'],
        ['front end', 'web (1), slot 1 of its ring, id 1'],
        ['back end', 'vif1.0: from the guest'],
        ['bridge', 'in by vif1.0, 60 bytes'],
      ),
    );
    expect(sent.map(({ place }) => place)).toEqual(['front end', 'exit', 'back end', 'bridge']);
    expect([sent[0]!.says, sent[1]!.says]).toEqual([
      expect.stringContaining('tx ring'),
      expect.stringContaining('there is no exit'),
    ]);
    const received = stagesOf(
      request(
        ['bridge', 'out by vif1.0, 60 bytes'],
        ['back end', 'vif1.0: to the guest'],
        ['front end', 'web (1), slot 1 of its ring, id 1'],
      ),
    );
    expect(received.map(({ place }) => place)).toEqual(['bridge', 'back end', 'front end']);
    expect(received.at(-1)!.says).toContain('rx ring');
  });

  it('of an emulated drive has a buffer on its way, and ends with an interrupt', () => {
    const stages = stagesOf(
      request(
        ['exit', 'vCPU 0: I/O instruction, writes port 0xc000'],
        ['device model', 'web (1), hda: read'],
        ['guest disk', 'sector 8, 8 sectors'],
        ['data', '4096 bytes, a buffer of the drive'],
        ['answer', 'done'],
      ),
    );
    expect(stages.map(({ says }) => says.split(' ')[0])).toEqual(['The', 'The', 'It', 'The', 'The']);
    expect(stages.at(-1)!.says).toContain('interrupt');
  });
});
