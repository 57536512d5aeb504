/** Sockets of channels: where a definition names a path. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Guest } from '../../dom0/toolstack/index.ts';
import { ChannelSockets } from './channel-sockets.ts';

function guest(id: number, path: string): Guest {
  const channel = { name: 'org.example.0', connect: () => undefined };
  const definition = { virtio: [`channel,name=${channel.name},path=${path}`] };
  const channels = new Map([[channel.name, channel]]);
  return { record: { id }, name: `guest${id}`, channels, blueprint: { definition } } as unknown as Guest;
}

function open() {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-channels-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const problems: string[] = [];
  const members = new Map<number, Guest>();
  let look = (): void => {};
  const host = { toolstack: { members }, domains: { listen: (listener: () => void) => ((look = listener), () => {}) } };
  const sockets = new ChannelSockets(
    host as unknown as ConstructorParameters<typeof ChannelSockets>[0],
    join(folder, 'channel'),
    () => true,
    sentence => problems.push(sentence),
  );
  return { folder, problems, members, sockets, look: () => look() };
}

it('leaves a file that is there, and says so', () => {
  const { folder, problems, members, sockets, look } = open();
  const path = join(folder, 'disk.img');
  writeFileSync(path, 'precious');
  members.set(1, guest(1, path));
  look();
  sockets.close();
  expect(problems).toEqual([
    `guest1 has no socket for its channel org.example.0: ${path} is there and is no socket. Write another path, or move it away.`,
  ]);
  expect(readFileSync(path, 'utf8')).toBe('precious');
});

it('has one channel at a path, and takes the path away with it', () => {
  const { folder, problems, members, sockets, look } = open();
  const path = join(folder, 'sock');
  members.set(1, guest(1, path)).set(2, guest(2, path));
  look();
  expect(problems).toEqual([
    `guest2 has no socket for its channel org.example.0 at ${path}: another channel has that path.`,
  ]);
  members.delete(2);
  look();
  expect(existsSync(path)).toBe(true);
  members.delete(1);
  look();
  expect(existsSync(path)).toBe(false);
  sockets.close();
});
