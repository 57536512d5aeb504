import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULTS } from '../../dom0/pool/balancing/index.ts';
import { LOADS, type LoadKind } from './loads.ts';
import { main } from './main.ts';
import { endOf, TOPOLOGIES, tooMuch } from './wires.ts';
import { type Scenario, World } from './world.ts';

const still = (): number => 0;
const kinds = fc.constantFrom(...(Object.keys(LOADS) as LoadKind[]));
const scenarios = fc.record({
  hosts: fc.integer({ min: 2, max: 12 }),
  load: kinds,
  mode: fc.constantFrom('performance' as const, 'density' as const),
  minutes: fc.constant(8),
  seed: fc.nat(10_000),
});
const run = (scenario: Scenario) => {
  const world = new World(scenario);
  return { ...world.run(still), begun: world.begun };
};

describe('the balancer, on simulated hosts', () => {
  it('moves no guest twice within its rest, whatever the load does', () => {
    fc.assert(
      fc.property(scenarios, scenario => {
        const { begun, backInRest } = run(scenario);
        expect(backInRest).toBe(0);
        const last = new Map<string, number>();
        for (const { guest, atMs } of begun) {
          expect(atMs - (last.get(guest) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(DEFAULTS.restMs);
          last.set(guest, atMs);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('decides the same of the same', () => {
    fc.assert(
      fc.property(scenarios, scenario => {
        expect(run(scenario)).toEqual(run(scenario));
      }),
      { numRuns: 10 },
    );
  });

  it('breaks no rule more than it was', () => {
    fc.assert(
      fc.property(scenarios, scenario => {
        const { brokenBefore, brokenAfter } = run(scenario);
        expect(brokenAfter).toBeLessThanOrEqual(brokenBefore);
      }),
      { numRuns: 25 },
    );
  });

  it('comes to rest where loads stay as they are', () => {
    fc.assert(
      fc.property(scenarios, scenario => {
        const { begun } = run({ ...scenario, load: 'steady', minutes: 30 });
        expect(Math.max(0, ...begun.map(({ atMs }) => atMs))).toBeLessThan(20 * 60_000);
      }),
      { numRuns: 10 },
    );
  });

  it('leaves hosts critical for less long than nobody does', () => {
    for (const load of Object.keys(LOADS) as LoadKind[]) {
      const scenario: Scenario = { hosts: 20, load, mode: 'performance', minutes: 20, seed: 3 };
      expect(run(scenario).criticalSeconds, load).toBeLessThan(run({ ...scenario, mode: 'off' }).criticalSeconds);
    }
  });
});

describe('the model of wires', () => {
  const told = { sampleBytes: 1000, movesASecond: 0.01 };

  it('has a mesh of n hosts with n − 1 wires each, and each message of presence at every other host', () => {
    const { host } = TOPOLOGIES.mesh(11, { sampleBytes: 1000, movesASecond: 0 });
    expect(host.wires).toBe(10);
    // Ten sent and ten heard each two seconds, and five leases asked for and answered.
    expect(host.messages).toBe(10 + 5);
  });

  it('ends each way where one place has too much, and not before', () => {
    for (const name of ['mesh', 'star', 'tree'] as const) {
      const { hosts, by } = endOf(name, told);
      expect(tooMuch(TOPOLOGIES[name](hosts, told))).toBeUndefined();
      expect(tooMuch(TOPOLOGIES[name](hosts + 1, told))).toBe(by);
    }
    expect(endOf('star', told).hosts).toBeLessThan(endOf('tree', told).hosts);
  });
});

describe('sim:pool', () => {
  it('prints a row a run and a table of wires', async () => {
    let text = '';
    expect(await main(['--hosts', '3', '--load', 'steady', '--minutes', '2'], more => void (text += more))).toBe(0);
    expect(text.match(/^\| 3 \| 2 \| steady \| (off|performance|density) \|/gm)).toHaveLength(3);
    expect(text).toMatch(/^\| goes to \|/m);
  });

  it.each([[['--hosts', '1']], [['--load', 'heavy']], [['--mode', 'fast']], [['--hots', '3']], [['--minutes', '']]])(
    'tells of wrong words: %s',
    async argv => {
      expect(await main(argv, undefined, () => {})).toBe(2);
    },
  );
});
