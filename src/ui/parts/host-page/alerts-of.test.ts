import { describe, expect, it } from 'vitest';
import type { DomainInfo } from '../../../dom0/service/index.ts';
import { alertsOf } from './alerts-of.ts';

const domain = (more: Partial<DomainInfo>): DomainInfo =>
  ({ id: 1, name: 'web', state: 'r', type: 'pvh', memoryMiB: 16, vcpus: 1, ...more }) as DomainInfo;

describe('alerts of a host', () => {
  it('are none where all is well', () => {
    expect(alertsOf([domain({})], [], { group: 'vg0', groupBytes: 100, freeBytes: 5 })).toEqual([]);
  });

  it('name who fell, waits or was lost, and lead there', () => {
    const alerts = alertsOf(
      [
        domain({ fell: true, ended: 'Triple fault at 0xc00f.' }),
        domain({ id: 2, name: 'db', waitsForRoom: true }),
        domain({ id: 3, name: 'old', lost: true, fell: true }),
      ],
      [],
      undefined,
    );
    expect(alerts.map(({ sentence, to }) => [sentence, to])).toEqual([
      ['web crashed. Triple fault at 0xc00f.', { kind: 'domain', id: 1, tab: 'post-mortem' }],
      ['db waits to write: the host’s disk has no room.', { kind: 'home', tab: 'storage' }],
      ['old was lost when its host ended.', { kind: 'domain', id: 3 }],
    ]);
  });

  it('tell of a disk with less than a twentieth left, and of what cannot start', () => {
    const broken = { name: 'pc', path: '/etc/xen/vm/pc', type: 'hvm' as const, memoryMiB: 8, vcpus: 1 };
    expect(
      alertsOf([], [{ ...broken, errors: ['/etc/xen/vm/pc:1:1: no.'] }], {
        group: 'vg0',
        groupBytes: 2 ** 30,
        freeBytes: 2 ** 20,
      }).map(({ sentence }) => sentence),
    ).toEqual(['vg0 is nearly full: 1.0 MiB are free.', 'pc cannot start. /etc/xen/vm/pc:1:1: no.']);
  });
});
