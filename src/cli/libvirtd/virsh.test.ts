/** Debian's virsh as a client of a host here. */
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { daemonWithVirsh, VIRSH } from './virsh.test-support.ts';

describe.skipIf(!VIRSH)('virsh [needs libvirt-clients]', () => {
  it('connects by a socket that its owner alone may open, and lists domains', async () => {
    const { virsh, socket } = await daemonWithVirsh();
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(await virsh('list --all')).toBe(
      ' Id   Name       State\n--------------------------\n 0    Domain-0   running\n\n',
    );
    expect(await virsh('list --inactive --name')).toBe('\n');
    expect(await virsh('version')).toContain('Using API: Xen 9.0.0\nRunning hypervisor: Xen 4.');
    expect(await virsh('domstate nobody')).toBe("1: error: failed to get domain 'nobody'\n");
    expect(await virsh('vol-key x')).toContain('this function is not supported by the connection driver');
  });
});
