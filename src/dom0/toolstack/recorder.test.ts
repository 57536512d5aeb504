import { describe, expect, it } from 'vitest';
import { testFile, testHost, until } from '../service/host.test-support.ts';
import { Recorder } from './recorder.ts';
import { pvhKernel, waitForKey } from '../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('what a task caused', () => {
  it('is noted for the task that is about the domain, and of several for the one begun last', () => {
    let ms = 0;
    const recorder = new Recorder();
    const begin = (domid: number) => {
      const recording = recorder.begin(() => ms);
      recording.concerns(domid);
      return recording;
    };
    const first = begin(3),
      other = begin(4),
      second = begin(3);
    ms = 7;
    recorder.changed('/local/domain/3/memory/target', bytes('8192'), 0);
    recorder.changed('/local/domain/0/backend/vif/4/0/state', bytes('2'), 0);
    recorder.changed('/local/domain/4/device/vif/0/state', bytes('3'), 4);
    recorder.changed('/local/domain/0/error/backend/vif/4/0', undefined, 0);
    recorder.changed('/local/domain/33/name', bytes('nobody’s'), 0);
    recorder.changed('/tool/anything', bytes('x'), 0);
    recorder.end(second);
    recorder.hypercall(3, 'XEN_DOMCTL_pausedomain');
    recorder.hypercall(3, 'XEN_DOMCTL_pausedomain');
    recorder.grant(3, 1, 0xfeff8);
    recorder.called(4, 'u-1');
    recorder.changed('/vm/u-1/name', bytes('web'), 0);
    expect(second.record).toEqual({
      causes: [{ ms: 7, kind: 'write', what: '/local/domain/3/memory/target', value: '8192' }],
      more: 0,
    });
    expect(other.record.causes.map(({ kind, what, by }) => [kind, what, by])).toEqual([
      ['write', '/local/domain/0/backend/vif/4/0/state', undefined],
      ['write', '/local/domain/4/device/vif/0/state', 4],
      ['remove', '/local/domain/0/error/backend/vif/4/0', undefined],
      ['write', '/vm/u-1/name', undefined],
    ]);
    // What the guest wrote is no write of Domain 0's.
    expect(other.caused).toEqual({ hypercalls: 0, writes: 2, removals: 1 });
    expect(first.record.causes).toMatchObject([
      { what: 'XEN_DOMCTL_pausedomain', times: 2 },
      { kind: 'grant', what: 'entry 1', value: 'frame 0xfeff8 for Domain-0' },
    ]);
    expect(first.caused).toEqual({ hypercalls: 2, writes: 0, removals: 0 });
  });

  it('is kept as far as a page reads it, and the rest counted', () => {
    const recorder = new Recorder();
    const recording = recorder.begin(() => 0);
    recording.concerns(1);
    for (let i = 0; i < 230; i++) recorder.changed(`/local/domain/1/data/${i}`, bytes('x'.repeat(200)), 0);
    const { causes, more } = recording.record;
    expect([causes.length, more, recording.caused.writes]).toEqual([200, 30, 230]);
    expect(causes[0].value).toBe(`${'x'.repeat(120)}…`);
  });

  it('goes on with the domain that takes another one’s place, and ends with the task', () => {
    const recorder = new Recorder();
    const recording = recorder.begin(() => 0);
    recording.concerns(1);
    recorder.follows(1, 2);
    recorder.logged('(XEN) d2 says something');
    recorder.hypercall(2, 'XEN_DOMCTL_createdomain', 'domain 2');
    recorder.end(recording);
    recorder.hypercall(2, 'XEN_DOMCTL_destroydomain');
    expect(recording.record.causes.map(({ what }) => what)).toEqual([
      '(XEN) d2 says something',
      'XEN_DOMCTL_createdomain',
    ]);
  });
});

describe('a host', () => {
  it('tells of each task what the toolstack did for it, and not what it did for another', async () => {
    const host = testHost();
    const files = (name: string) => [
      testFile(`${name}.cfg`, `name = "${name}"\ntype = "pvh"\nmemory = 8\nkernel = "k.elf"\n`),
      testFile('k.elf', pvhKernel(waitForKey())),
    ];
    const [a, b] = await Promise.all([host.create(files('a')), host.create(files('b'))]);
    const ids = new Map(host.tasks.list().map(({ command, id }) => [command, id]));
    for (const [name, { id }] of [
      ['a', a],
      ['b', b],
    ] as const) {
      const { causes } = (await host.taskRecord(ids.get(`xl create ${name}.cfg`)!))!;
      const paths = causes.filter(({ kind }) => kind === 'write').map(({ what }) => what);
      expect(paths).toContain(`/local/domain/${id}/memory/target`);
      expect(causes[0]).toMatchObject({
        kind: 'hypercall',
        what: 'XEN_DOMCTL_createdomain',
        value: `domain ${id}: 8 MiB, 1 vCPU`,
      });
      expect(causes.filter(({ kind }) => kind === 'grant')).toHaveLength(2);
      expect(causes.filter(({ what }) => what === 'EVTCHNOP_alloc_unbound')).toHaveLength(2);
      expect(causes.find(({ value }) => value === name)).toBeDefined();
      expect(paths.some(path => path.startsWith(`/local/domain/${a.id + b.id - id}/`))).toBe(false);
    }
    await host['mem-set'](a.id, 6);
    const task = host.tasks.list().at(-1)!;
    // The command is over; its task lasts until the driver has done what it does.
    expect(task).toMatchObject({
      command: 'xl mem-set a 6',
      state: 'running',
      progress: 0,
      message: 'The balloon gave back 0 of 2 MiB; the guest decides how fast.',
      caused: { hypercalls: 2, writes: 1, removals: 0 },
    });
    expect((await host.taskRecord(task.id))!.causes).toMatchObject([
      { kind: 'hypercall', what: 'XEN_DOMCTL_max_mem', value: '1792 pages' },
      { kind: 'write', what: `/local/domain/${a.id}/memory/target`, value: '6144' },
      { kind: 'hypercall', what: 'XENMEM_set_pod_target', value: '1536 pages' },
    ]);
    await host['mem-set'](a.id, 7);
    expect(host.tasks.list().at(-2)).toMatchObject({
      state: 'done',
      message: expect.stringMatching(/^Another target took its place/),
    });
    await host.destroy(a.id);
    await until(() => host.tasks.list().every(({ state }) => state !== 'running'));
    const destroyed = (await host.taskRecord(host.tasks.list().at(-1)!.id))!.causes;
    expect(destroyed).toContainEqual(expect.objectContaining({ kind: 'remove', what: `/local/domain/${a.id}` }));
    expect(destroyed).toContainEqual(expect.objectContaining({ kind: 'hypercall', what: 'XEN_DOMCTL_destroydomain' }));
    expect(await host.taskRecord(9999)).toBeUndefined();
    await host.destroy(b.id);
  });
});
