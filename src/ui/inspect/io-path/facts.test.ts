import { describe, expect, it } from 'vitest';
import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { ExitReason } from '../../../cpu/architecture/index.ts';
import { hostCard, guestCard, hypervisorCard } from './cards.ts';
import { chosenOf, comparisonOf, lasts, ownerOf, shareOf, type Side, sumsOf, wayOf, whatOf } from './facts.ts';
import { why } from './why.ts';

type Step = FollowedRequest['steps'][number];
const steps = (...places: [place: string, what: string, us: number][]): Step[] =>
  places.map(([place, what, us]) => ({ place, what, us, writer: 0 }) as Step);
/** 8 sectors by a slot of a ring, and by the registers of a drive. */
const byRing: FollowedRequest = {
  number: 7,
  isDone: true,
  steps: steps(
    ['exit', 'VMCALL, EVTCHNOP_send', 0],
    ['front end', 'slot 22 of xvda', 1],
    ['back end', 'xvda: read', 20],
    ['guest disk', 'xvda, 8 sectors', 21],
    ['controller', 'command 0x25, 8 sectors', 30],
    ['answer', 'back', 80],
  ),
  exits: [{ reason: ExitReason.VMCALL, count: 1 }],
};
const byDrive: FollowedRequest = {
  number: 3,
  isDone: true,
  steps: steps(
    ['device model', 'hda: read', 0],
    ['guest disk', 'hda, 8 sectors', 10],
    ['controller', 'command 0x25, 8 sectors', 20],
    ['answer', 'back', 100],
  ),
  exits: [
    { reason: ExitReason.IO, port: 0x1f0, count: 128, bytes: 4096 },
    { reason: ExitReason.IO, port: 0x1f6, count: 1, bytes: 1 },
    { reason: ExitReason.IO, port: 0x1f7, count: 9, bytes: 9 },
  ],
};
const side = (id: number, ...requests: FollowedRequest[]): Side => ({
  id,
  name: `g${id}`,
  type: 'hvm',
  requests,
  missed: 0,
});
const [ring, drive] = [side(1, byRing), side(2, byDrive)];
const data = { own: ring, other: drive };

describe('a request', () => {
  it('is told by its way, by what it does, and by its time at each place', () => {
    expect([wayOf(byRing), wayOf(byDrive), wayOf({ ...byRing, steps: steps(['bridge', '', 0]) })]).toEqual([
      'ring',
      'drive',
      'other',
    ]);
    expect(whatOf(byRing.steps)).toBe('read');
    expect(lasts(byRing.steps)).toEqual([1, 19, 1, 9, 50, 0]);
    expect(shareOf('controller', byRing.steps)).toBe(62.5);
    expect([ownerOf('guest disk', 0), ownerOf('volume', 1), ownerOf('sector', 1)]).toEqual(['c-d0', 'c-d0', 'c-hw']);
  });

  it('is the chosen one, else one whose exits are nearest to the mean of those that were answered', () => {
    const waits = { ...byRing, number: 9, isDone: false },
      rang = { ...byRing, number: 8, exits: [{ reason: ExitReason.VMCALL, count: 30 }] };
    const many = side(1, waits, rang, byRing, { ...byRing, number: 6 });
    expect([chosenOf(many, ''), chosenOf(many, '8'), chosenOf(side(1, waits), '')].map(each => each?.number)).toEqual([
      6, 8, 9,
    ]);
  });

  it('compares with another guest’s that does the same by another way', () => {
    expect(comparisonOf({ data, chosen: '' })).toMatchObject({
      same: { kib: 4, what: 'read' },
      pair: [byRing, byDrive],
    });
    expect(comparisonOf({ data: { own: ring, other: ring }, chosen: '' }).same).toBeUndefined();
    expect(sumsOf([[byRing], [byDrive]])).toEqual([
      ['VM exits', ['1', '138']],
      ['VM exits per KiB', ['0.25', '34.5']],
      ['Copied through ports', ['0', '4.01 KiB']],
    ]);
  });
});

describe('what guest, Xen and Domain-0 do about a request', () => {
  it('is a slot without a port, an event, and work that waits for the disk', () => {
    expect(guestCard(byRing)).toMatchObject({ figure: '1 slot', text: expect.stringMatching(/^Slot 22 names/) });
    expect(hypervisorCard(byRing, ring)).toMatchObject({ text: 'EVTCHNOP_send. No data passes here.' });
    expect(hostCard(byRing).text).toBe(
      'It takes the pages that the slot grants, and asks Domain-0’s own disk for 8 sectors: command 0x25.',
    );
  });

  it('is registers and a data port, an answer to each access, and a device model', () => {
    expect(guestCard(byDrive)).toMatchObject({
      figure: '3 ports',
      text: 'Sector, count and command go to 0x1f6–0x1f7; 4 KiB go through 0x1f0.',
    });
    expect(hypervisorCard(byDrive, drive).figure).toBe('138 accesses');
    expect(hostCard(byDrive).title).toBe('The device model answers for a drive');
  });

  it('has a reason: one event may announce many requests, each access to a port leaves the guest', () => {
    const question = (of: typeof data | { own: Side }) =>
      why({ data: of, chosen: '', choose: () => {}, target: {} })!.question;
    expect([question(data), question({ own: ring }), question({ own: drive }), question({ own: side(1) })]).toEqual([
      'Why so many?',
      'Why so few?',
      'Why so many exits?',
      'Why nothing from before?',
    ]);
  });
});
