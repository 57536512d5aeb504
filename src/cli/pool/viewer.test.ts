/** A page that came over plain http has no WebCrypto. What it seals by its own means others open: src/dom0/pool/subtle-by-hand.test.ts, test/browser/pool.spec.ts. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { membershipOf, newCode, secretsOf } from '../../dom0/pool/index.ts';
import { testHost } from '../../dom0/service/host.test-support.ts';
import { nodeWays } from '../ways.ts';
import { Hub } from './hub.ts';

it('joins as a viewer, though it wanted to be a member, and says why', async () => {
  const code = newCode(count => crypto.getRandomValues(new Uint8Array(count))),
    server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const hub = new Hub(server, { rooms: [(await secretsOf(code)).room], most: 2, say: () => {} });
  const page = testHost({ ways: nodeWays });
  onTestFinished(() => {
    vi.unstubAllGlobals();
    page.toolstack.close();
    hub.close();
    server.close();
  });
  vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
  const membership = membershipOf(page);
  const { port } = server.address() as AddressInfo;
  // The hub knows the same room by the code's hash.
  const { pool, whyViewer } = await membership.join(`ws://127.0.0.1:${port}/#${code}`, {
    name: 'page',
    role: 'member',
  });
  expect([pool.role, whyViewer]).toEqual(['viewer', expect.stringMatching(/^This page came over plain http/)]);
  expect(page.tasks.list().map(({ message }) => message)).toContain(whyViewer);
  await membership.leave();
});
