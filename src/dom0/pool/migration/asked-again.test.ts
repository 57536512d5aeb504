import { expect, it } from 'vitest';
import { soon, until } from '../../service/host.test-support.ts';
import { GUESTS, pair, watch } from './pair.test-support.ts';

it('suspends itself for whoever asks right after somebody has thought better of it, wherever it was on its way then', async () => {
  const { a } = pair();
  const { id } = await a.create(GUESTS.minipv('web'));
  const shown = await watch(a, id);
  await until(() => shown.text().endsWith('> '));
  const member = a.domains.member(id),
    { services } = a.toolstack;
  const turn = (): Promise<void> => new Promise(resolve => soon(resolve));
  for (let turns = 0; turns < 40; turns++) {
    a.toolstack.ask(member, 'suspend');
    for (let i = 0; i < turns % 8; i++) await turn();
    services.withdraw(id, 'suspend');
    for (let i = 0; i < turns >> 3; i++) await turn();
    const late = new AbortController();
    const cancel = setTimeout(() => late.abort(new Error(`not heard after ${turns} turns`)), 5000);
    // Whoever had read the first one suspends itself for that.
    await expect(a.toolstack.save(member, late.signal, () => {})).resolves.toBeUndefined();
    clearTimeout(cancel);
  }
}, 60_000);
