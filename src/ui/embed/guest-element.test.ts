// @vitest-environment happy-dom
import { expect, it } from 'vitest';
import type { Guest, Host, HostCalls } from '../../api/index.ts';
import type { DomainInfo } from '../../dom0/service/index.ts';
import { RingsideGuest } from './guest-element.tsx';

customElements.define('ringside-guest', RingsideGuest);

/** A host with one guest, which tells of it when it is asked to. */
function hostOf(running: DomainInfo) {
  let list = [running],
    listener = (): void => {};
  const calls: Partial<Record<keyof (Host & HostCalls), unknown>> = {
    api: { view: () => new Promise(() => {}) },
    domains: () => list,
    onDomains: (heard: () => void) => {
      listener = heard;
      return () => {};
    },
    start: async () => ({ name: running.name, destroy: async () => {} }) as Guest,
  };
  return {
    host: calls as unknown as Host,
    tell: (now: DomainInfo[]) => {
      list = now;
      listener();
    },
  };
}

const running = { id: 1, name: 'mine', state: 'r', status: { state: 'running' } } as DomainInfo;

it.each([
  ['that powered off', [{ ...running, ended: 'The guest powered off.' }], 'The guest powered off.'],
  ['that somebody destroyed', [], 'mine is gone.'],
])('tells and shows how a guest ended %s', async (_, left, why) => {
  const { host, tell } = hostOf(running);
  const element = document.createElement('ringside-guest');
  element.setAttribute('definition', 'mine');
  Object.assign(element, { host });
  const heard = (event: string): Promise<string> =>
    new Promise(resolve => element.addEventListener(event, each => resolve((each as CustomEvent<string>).detail)));
  const started = heard('ringside-start'),
    ended = heard('ringside-end'),
    status = (): string | null | undefined => element.shadowRoot!.querySelector('[role=status]')?.textContent;
  document.body.append(element);
  await started;
  await expect.poll(status).toBe('running');
  tell(left as DomainInfo[]);
  expect(await ended).toBe(why);
  await expect.poll(status).toBe(why);
  element.remove();
});

it('leaves no guest at a host of others, where it goes before that has started', async () => {
  let begin = (_guest: Guest): void => {};
  const { host } = hostOf(running),
    element = document.createElement('ringside-guest');
  element.setAttribute('definition', 'mine');
  Object.assign(element, { host: { ...host, start: () => new Promise<Guest>(resolve => (begin = resolve)) } });
  document.body.append(element);
  await new Promise<void>(resolve => setTimeout(resolve));
  element.remove();
  const destroyed = new Promise<string>(resolve =>
    begin({ name: 'mine', destroy: async () => resolve('destroyed') } as Partial<Guest> as Guest),
  );
  expect(await destroyed).toBe('destroyed');
});
