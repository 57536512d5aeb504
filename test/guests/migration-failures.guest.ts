/** The link is cut, or either host ends, before each piece that one of them sends: exactly one copy of the guest runs. */
import { describe, expect, it } from 'vitest';
import { testHost, until } from '../../src/dom0/service/host.test-support.ts';
import type { Host } from '../../src/dom0/service/host.ts';
import { TEXT } from '../../src/dom0/pool/migration/messages.ts';
import {
  Cable,
  failing,
  GUESTS,
  hurried,
  running,
  watch,
  whereItRuns,
  xl,
} from '../../src/dom0/pool/migration/pair.test-support.ts';

const hostOf = (cable: Cable, name: string): Host =>
  testHost({
    memory: new ArrayBuffer(40 * 2 ** 20),
    neighbours: cable.of(name),
    later: hurried,
  });

/** A guest that is ready for everything, on a host. */
async function ready(host: Host, kind: keyof typeof GUESTS): Promise<void> {
  const { id } = await host.create(GUESTS[kind]('web'));
  const shown = await watch(host, id);
  await until(() => shown.text().endsWith('> '));
}

/** As `failing`, before the first piece behind the permission: how many come before that is another number at each move of a guest that writes. */
function failingOnceGiven(cable: Cable, fail: () => void): { failed: boolean } {
  const state = { failed: false };
  let given = false;
  cable.passes = (_from, bytes) => {
    if (!given || state.failed) {
      given ||= new TextDecoder('latin1').decode(bytes).includes(TEXT.GO);
      return true;
    }
    state.failed = true;
    fail();
    return false;
  };
  return state;
}

/** Of the pieces of a move, these at its end. */
const LAST = 6;
const counted = new Map<string, number>();
/** How many pieces both ends of a move send. */
async function piecesOf(kind: keyof typeof GUESTS): Promise<number> {
  let sent = counted.get(kind);
  if (sent !== undefined) return sent;
  sent = 0;
  const cable = new Cable();
  const [a] = [hostOf(cable, 'a'), hostOf(cable, 'b')];
  await ready(a, kind);
  cable.passes = () => {
    sent!++;
    return true;
  };
  await xl(a, 'migrate', 'web', 'b');
  counted.set(kind, sent);
  return sent;
}

describe.each(['demo', 'minipv'] as const)('%s, where something fails before each piece that is sent', kind => {
  it('runs on one of two hosts whose link was cut', async () => {
    const cable = new Cable();
    const hosts = [hostOf(cable, 'a'), hostOf(cable, 'b')];
    await ready(hosts[0]!, kind);
    let [at] = await whereItRuns(hosts);
    let stayed = 0;
    for (let count = 0; ; count++) {
      const state = failing(cable, count, () => {});
      const { err } = await xl(hosts[at!]!, 'migrate', 'web', at === 0 ? 'b' : 'a');
      cable.passes = () => true;
      const now = await whereItRuns(hosts);
      expect([count, now.length]).toEqual([count, 1]);
      if (!state.failed) {
        expect(err).toBe('');
        break;
      }
      if (now[0] === at) stayed++;
      [at] = now;
    }
    expect(stayed).toBeGreaterThan(20);
  });

  it('runs on the host that it was to leave where the other one is gone, but where that may have had it', async () => {
    let undecided = 0;
    const cable = new Cable();
    const a = hostOf(cable, 'a');
    await ready(a, kind);
    for (let count = -1; ; count++) {
      const b = hostOf(cable, 'b');
      const end = (): void => cable.end('b');
      const state = count < 0 ? failingOnceGiven(cable, end) : failing(cable, count, end);
      const { err } = await xl(a, 'migrate', 'web', 'b');
      cable.passes = () => true;
      if (!state.failed) {
        expect([err, await running(a), await running(b)]).toEqual(['', [], ['web']]);
        break;
      }
      const [{ id, name, state: letter }] = await a.list();
      if (name === 'web') {
        expect([count, letter === 'p', (await a.list()).length]).toEqual([count, false, 1]);
        continue;
      }
      // The permission was given, and nobody is there to say what became of it.
      undecided++;
      expect([name, letter]).toEqual(['web--migratedaway', 'p']);
      expect(err).toContain('Domain state is now undefined !');
      await a.unpause(id);
      a.toolstack.rename(a.domains.member(id), 'web');
      expect(await running(a)).toEqual(['web']);
    }
    expect(undecided).toBeGreaterThan(0);
    expect(undecided).toBeLessThan(4);
  });

  it('runs on the host that it goes to where the one that it leaves is gone, once that has given it', async () => {
    const given: boolean[] = [];
    for (let count = 0, failed = true; failed; count++) {
      // What moves is small: the pieces before the end are those of the test above.
      const cable = new Cable();
      const [a, b] = [hostOf(cable, 'a'), hostOf(cable, 'b')];
      await ready(a, kind);
      const from = await piecesOf(kind);
      const state = failing(cable, Math.max(0, from - LAST + count), () => cable.end('a'));
      cable.mute('a', () => state.failed);
      void xl(a, 'migrate', 'web', 'b');
      await until(async () => state.failed || (await running(b)).includes('web'));
      await until(async () => (await b.list()).every(({ name }) => name === 'web'));
      given.push((await running(b)).includes('web'));
      ({ failed } = state);
    }
    // Up to the permission nothing is left there, and from then on it runs.
    expect(given.indexOf(true)).toBe(given.lastIndexOf(false) + 1);
    expect(given).toContain(true);
  });
});
