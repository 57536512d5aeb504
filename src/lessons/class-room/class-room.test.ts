import { afterEach, describe, expect, it } from 'vitest';
import { type Room as PoolRoom, secretsOf } from '../../dom0/pool/index.ts';
import { random, testCode, TestRoom } from '../../dom0/pool/rooms.test-support.ts';
import { later, until } from '../../dom0/service/host.test-support.ts';
import { ClassRoom } from './index.ts';

let ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  ends = [];
});

interface End {
  room: ClassRoom;
  heard: [from: number | undefined, text: unknown][];
  left: number[];
  problem: string | undefined;
}

async function come(enter: () => Promise<PoolRoom>, isWall: boolean, code = testCode): Promise<End> {
  const end: Omit<End, 'room'> = { heard: [], left: [], problem: undefined };
  const room = new ClassRoom({
    isWall,
    enter,
    secret: (await secretsOf(code)).secret,
    random,
    // A room that was lost is tried again at once.
    later: (ms, callback) => later(Math.min(ms, 5), callback),
    hear: (text, from) => void end.heard.push([from, text]),
    left: from => void end.left.push(from),
    told: problem => {
      end.problem = problem;
    },
  });
  ends.push(() => room.close());
  return Object.assign(end, { room });
}

describe('a class at a hub', () => {
  it('has what each student said last at the wall, whoever came first, and what the wall said at each student', async () => {
    const hub = new TestRoom();
    const enter = async (): Promise<PoolRoom> => hub.enter();
    const early = await come(enter, false);
    early.room.send('early: first');
    early.room.send('early: last');
    const wall = await come(enter, true);
    wall.room.send('wall');
    const late = await come(enter, false);
    late.room.send('late');
    await until(() => wall.heard.length === 2 && early.heard.length === 1 && late.heard.length === 1);
    expect(wall.heard.map(([, text]) => text).sort()).toEqual(['early: last', 'late']);
    expect([early.heard[0]![1], late.heard[0]![1]]).toEqual(['wall', 'wall']);
    // Students have no links with each other.
    late.room.send('late again');
    await until(() => wall.heard.length === 3);
    expect(early.heard).toHaveLength(1);
    late.room.close();
    await until(() => wall.left.length === 1);
    expect(wall.left).toEqual([wall.heard[2]![0]]);
  });

  it('does not hear who has another code, and the hub reads nothing', async () => {
    const hub = new TestRoom(),
      passed: string[] = [];
    hub.passes = (_from, _to, message) => {
      passed.push(new TextDecoder().decode(message));
      return message;
    };
    const enter = async (): Promise<PoolRoom> => hub.enter();
    const wall = await come(enter, true);
    wall.room.send('wall');
    const stranger = await come(enter, false, '0000-0000-0000-0000'),
      student = await come(enter, false);
    stranger.room.send('stranger');
    student.room.send('student');
    await until(() => wall.heard.length === 1 && student.heard.length === 1);
    expect(wall.heard[0]![1]).toBe('student');
    expect(stranger.heard).toEqual([]);
    expect(passed.join(' ')).not.toMatch(/wall|student|stranger/);
  });

  it('says why it cannot be reached, and comes again', async () => {
    const hub = new TestRoom();
    let isThere = false;
    const enter = async (): Promise<PoolRoom> => {
      if (!isThere) throw new Error('The hub does not answer.');
      return hub.enter();
    };
    const student = await come(enter, false);
    student.room.send('student');
    await until(() => student.problem === 'The hub does not answer.');
    isThere = true;
    const wall = await come(enter, true);
    await until(() => wall.heard.length === 1);
    expect(student.problem).toBeUndefined();
  });
});
