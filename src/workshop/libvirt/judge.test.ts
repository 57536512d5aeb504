/** Debian's virsh at the daemon and Domain 0's virsh say the same. */
import { describe, expect, it } from 'vitest';
import { VIRSH } from '../../cli/libvirtd/virsh.test-support.ts';
import { isAlike, judge, type Judged } from './judge.ts';
import { patient } from '../../../test/support/patience.ts';

describe.skipIf(!VIRSH)('virsh [needs libvirt-clients]', () => {
  it('is answered alike by the daemon and by Domain 0, success and failure', {
    timeout: patient(600_000),
  }, async () => {
    const all: Judged[] = [];
    await judge(VIRSH!, judged => all.push(judged));
    expect(all.length).toBeGreaterThan(120);
    expect(all.filter(judged => !isAlike(judged))).toEqual([]);
    // Neither is silent.
    expect(new Set(all.map(({ debian }) => debian.text)).size).toBeGreaterThan(60);
    expect(all.filter(({ debian }) => debian.status !== 0).length).toBeGreaterThan(40);
  });
});
