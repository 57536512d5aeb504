import { expect, it } from 'vitest';
import { PartError, part } from './index.ts';

it('is loaded once, and answers at once from then on', async () => {
  let loads = 0;
  const adder = part(async () => ({ number: ++loads }), 'adds');
  expect(adder.loaded).toBeUndefined();
  expect(() => adder.get()).toThrow('The part that adds is used before it is loaded.');
  expect(await adder.load()).toBe(await adder.load());
  expect(adder.get()).toEqual({ number: 1 });
  expect(adder.loaded).toBe(adder.get());
});

it('says what could not be loaded, and tries again', async () => {
  let isThere = false;
  const adder = part(async () => {
    if (!isThere) throw new TypeError('Failed to fetch');
    return { sum: 5 };
  }, 'adds');
  const failure = await adder.load().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(PartError);
  expect(failure).toMatchObject({
    message: 'The part of Ringside that adds could not be loaded. Check the connection and try again.',
    cause: { message: 'Failed to fetch' },
  });
  isThere = true;
  expect(await adder.load()).toEqual({ sum: 5 });
});

it('asks under another address, and no longer as before, once a browser has failed at one', async () => {
  let loads = 0;
  const adder = part(async (): Promise<object> => {
    loads++;
    throw new TypeError('Failed to fetch dynamically imported module: https://ringside.invalid/adder.js');
  }, 'adds');
  await expect(adder.load()).rejects.toThrow(PartError);
  // Node loads nothing from there at all.
  await expect(adder.load()).rejects.toMatchObject({ cause: { code: 'ERR_UNSUPPORTED_ESM_URL_SCHEME' } });
  expect(loads).toBe(1);
});
