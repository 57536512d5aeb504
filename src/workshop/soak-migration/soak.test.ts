import { expect, it, onTestFinished } from 'vitest';
import { later, soon, testHost } from '../../dom0/service/host.test-support.ts';
import { GUESTS, MINIPV_PORTS } from './guests.ts';
import { Soak, type SoakParts } from './soak.ts';
import { Talk } from './talk.ts';

const LATE_MS = 200;

/** What is typed comes late, as on a busy computer. */
const typedLate: SoakParts['make'] = parts => {
  const host = testHost(parts);
  const view = host.consoles.view.bind(host.consoles);
  host.consoles.view = async id => {
    const opened = await view(id);
    const { console } = opened;
    const post = console.postMessage.bind(console);
    console.postMessage = (text: Uint8Array) => void later(LATE_MS, () => post(text));
    return opened;
  };
  return host;
};

it('has minipv sum up all of a stream, however late it reads what is typed', async () => {
  const talk = await Talk.open(MINIPV_PORTS);
  onTestFinished(() => talk.close());
  const soak = new Soak(GUESTS.find(({ name }) => name === 'pv')!, {
    make: typedLate,
    soon,
    pause: ms => new Promise(resolve => void later(ms, resolve)),
    shared: true,
    talk,
  });
  await soak.start();
  // It sends during the first, and gets during the second.
  for (let i = 0; i < 2; i++) await soak.move();
  expect(soak.crossed).toBe(2);
  await soak.end();
});
