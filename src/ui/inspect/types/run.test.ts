/** One guest, one read, each type of hypervisor, on a host on this thread. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testHost } from '../../../dom0/service/host.test-support.ts';
import { startKvm } from '../../../dom0/service/index.ts';
import { type Read, runTypes, TYPES, type TypesHost } from './run.ts';

const kernel = new Blob([readFileSync(new URL('../../../../guests/minipv/minipv.elf', import.meta.url))]);

function typesHost(more: Parameters<typeof testHost>[0] = {}): TypesHost & { host: ReturnType<typeof testHost> } {
  // A plain PC has 256 MiB.
  const host = testHost({ readsWhole: true, memory: new SharedArrayBuffer(320 * 2 ** 20), ...more });
  return {
    host,
    create: files => host.create(files, true),
    destroy: id => host.destroy(id),
    open: async id => (await host.consoles.view(id)).console,
    crossings: async id => host.inspect('crossings', id),
    kernel: async () => kernel,
    ended: id => (host.toolstack.members.has(id) ? undefined : 'it is gone'),
    sleep: ms => new Promise(resolve => setTimeout(resolve, ms / 4)),
  };
}

describe('types of hypervisors', () => {
  it('are told by what one read took under each, and leave no guest behind', async () => {
    const types = typesHost(),
      reads: Read[] = [],
      parts: number[] = [];
    await runTypes(types, new AbortController().signal, {
      progress: ({ part }) => parts.push(part),
      read: read => reads.push(read),
    });
    expect(reads.map(({ type }) => type)).toEqual(TYPES);
    const seen = reads.map(({ crossings: { way, exits, modelRequests, events, answers, copies } }) => ({
      way,
      exits: exits.reduce((sum, { count }) => sum + count, 0),
      modelRequests,
      events: events + answers,
      copies: copies.length,
    }));
    const full = { way: 'drive', exits: 15, modelRequests: 15, events: 0, copies: 2 };
    expect(seen[0]).toEqual(full);
    expect(seen[2]).toEqual(full);
    expect(seen[3]).toEqual(full);
    // Domain 0 may have answered before the guest waits: then it makes no second hypercall.
    expect(seen[1]).toMatchObject({ way: 'ring', modelRequests: 0, events: 2, copies: 1 });
    expect(seen[1]!.exits).toBeGreaterThanOrEqual(1);
    expect(parts).toEqual([...parts].sort((a, b) => a - b));
    expect(await types.host.list()).toEqual([]);
  });

  it('leave out what needs Xen on a host without it', async () => {
    const types = typesHost({ hypervisor: startKvm({ pcpus: 1, memoryMiB: 320, vt: true, diskBytes: 0 }, '') }),
      reads: Read[] = [];
    await runTypes({ ...types, hypervisor: 'kvm' }, new AbortController().signal, {
      progress: () => {},
      read: read => reads.push(read),
    });
    expect(reads.map(({ type }) => type)).toEqual(['hosted', 'esx', 'kvm']);
  });

  it('leave nothing where the run is cancelled', async () => {
    const types = typesHost(),
      abort = new AbortController();
    const cancelled = runTypes(types, abort.signal, {
      progress: ({ doing }) => doing === 'boots' && abort.abort(),
      read: () => {},
    });
    await expect(cancelled).rejects.toThrow(/abort/);
    expect(await types.host.list()).toEqual([]);
  });
});
