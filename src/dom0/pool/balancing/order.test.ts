import fc from 'fast-check';
import { expect, it } from 'vitest';
import { guest, host } from './pool.test-support.ts';
import { leastBusy, Order, Round } from './round.ts';
import { DEFAULTS } from './settings.ts';

it('an order leaves out hosts that have a move, however often it is gone through', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.array(fc.nat(11), { maxLength: 12 }), (count, taken) => {
      const view = guest('g', 0);
      const hosts = Array.from({ length: count }, (_each, at) => host(`h${String(at).padStart(2, '0')}`));
      const round = new Round({ nowMs: 0, hosts }, DEFAULTS);
      const order = new Order(round, hosts, leastBusy);
      for (const at of taken) {
        const [from, to] = [hosts[at % count], hosts[(at + 1) % count]];
        const move = round.weigh(view, from, to, { what: 'pinned' });
        if ('kind' in move) round.move(move, view, from, to);
        expect([...order.free()]).toEqual(hosts.filter(each => round.isFree(each)));
      }
    }),
  );
});
