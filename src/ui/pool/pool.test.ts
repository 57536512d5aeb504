// @vitest-environment happy-dom
import { beforeEach, expect, it, vi } from 'vitest';

const asked = vi.fn<(what: string) => Promise<unknown>>();
vi.mock('../host.ts', async original => ({ ...(await original<object>()), host: { pool: asked } }));
const { act, lookAtPool, lookProblem, pool, problem } = await import('./pool.ts');

const { connectionsOf, stateOf } = await import('./connections.tsx');

const now = () => [pool.peek(), lookProblem.peek(), problem.peek()];
beforeEach(() => {
  pool.value = lookProblem.value = problem.value = undefined;
});

it('says why a look failed, until one succeeds', async () => {
  asked.mockRejectedValueOnce(new Error('Domain 0 has ended.'));
  await lookAtPool();
  expect(now()).toEqual([undefined, 'Domain 0 has ended.', undefined]);
  asked.mockResolvedValueOnce(undefined);
  await lookAtPool();
  expect(now()).toEqual([null, undefined, undefined]);
});

it('says why something was not done, for as long as nothing else is asked for', async () => {
  asked.mockResolvedValue(undefined);
  await act(() => Promise.reject(new Error('There is no such hub.')));
  await lookAtPool();
  expect(now()).toEqual([null, undefined, 'There is no such hub.']);
  await act(() => Promise.resolve());
  expect(now()).toEqual([null, undefined, undefined]);
});

it('lists other hosts as connections, those that are gone too, and none twice', () => {
  const host = (name: string, isMe = false, isThere = true) => ({ name, isMe, isThere, guests: [] });
  const hosts = [host('me', true), host('beta'), host('lost', false, false)];
  expect(connectionsOf(hosts, new Set(['beta', 'zeta', 'alfa'])).map(({ name, isThere }) => [name, isThere])).toEqual([
    ['beta', true],
    ['lost', false],
    ['alfa', false],
    ['zeta', false],
  ]);
});

it('says what another host says of a guest, whatever that is', () => {
  expect(['r', 'constructor', '__proto__', '', undefined].map(stateOf)).toEqual([
    'running',
    'constructor',
    '__proto__',
    '',
    'lost',
  ]);
});

it('sends a guest that has just come by the name that it has here, and not by the one of its way', async () => {
  const { ofPool } = await import('../actions.ts');
  const there = { name: 'two', isMe: false, isThere: true, role: 'member', guests: [] },
    here = { name: 'one', isMe: true, isThere: true, role: 'member', guests: [{ id: 3, name: 'web--incoming' }] };
  pool.value = { hosts: [here, there] } as never;
  expect(ofPool.actions!(3, 'web').map(({ name, command }) => [name, command])).toEqual([
    ['Migrate web to two …', { verb: 'migrate', domain: 'web', options: { to: 'two', postcopy: false } }],
  ]);
});
