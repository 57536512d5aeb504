import { expect, it } from 'vitest';
import { until } from '../service/host.test-support.ts';
import { SALT_BYTES, secretsOf } from './code.ts';
import { random, testCode } from './rooms.test-support.ts';
import { Link } from './sealed.ts';

it('ends with a sentence where what is sent cannot be sealed, and nothing of that is left to nobody', async () => {
  const { secret } = await secretsOf(testCode);
  const algorithm = { name: 'AES-GCM', length: 256 };
  const other = await crypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt']);
  const why: string[] = [];
  const sent: Uint8Array[] = [];
  const link = new Link({
    // No keys can be made of it.
    secret: other as CryptoKey,
    salt: random(SALT_BYTES),
    send: message => void sent.push(message),
    opened: () => {},
    broken: sentence => void why.push(sentence),
  });
  link.take(random(SALT_BYTES) as Uint8Array<ArrayBuffer>);
  link.send(Uint8Array.of(1));
  link.send(Uint8Array.of(2));
  await until(() => link.isOver);
  await until(() => link.waitingBytes === 0);
  expect(why).toEqual([
    expect.stringMatching(/^gets nothing from here any more: what this host says could not be sealed \(/),
  ]);
  expect([sent.length, secret.type]).toEqual([1, 'secret']);
});
