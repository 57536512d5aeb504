/** Where a guest's requests go: live, place by place, and by the maps of its disk. The two commands are ours; xl has neither. */
import type { Place } from '../../../formats/blocks/index.ts';
import { deviceNumber } from '../../definitions/config/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { ideName } from '../../definitions/index.ts';
import { formatPlace } from '../../host/storage/index.ts';
import { Follower, formatFollowed, MOST_REQUESTS, type Names } from '../tracing/index.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

const SECTOR_BYTES = 512;
/** How often traces are read: each ring holds some hundred records. */
const LOOK_MS = 5;
const DEFAULT_SECONDS = 5,
  MOST_SECONDS = 9999;

export const diskPath = command({
  summary: "Tell where a sector of a domain's disk is kept",
  usage: '<Domain> <Disk> <Sector>',
  /** By the name of the disk (xvda, hda) or its number; sectors of 512 bytes. The way begins with the guest's disk. */
  run: async (
    host: Uses<'domains' | 'toolstack'>,
    id: number,
    device: string,
    sector: number,
  ): Promise<{ name: string; way: Place[] }> => {
    const member = host.domains.member(id);
    const wanted = /^\d+$/.test(device) ? Number(device) : deviceNumber(device);
    const drives = (member.blueprint.drives ?? []).map(drive => ({
      ...drive,
      vdev: drive.vdev ?? ideName(drive.place),
    }));
    const drive = drives.find(({ vdev }) => deviceNumber(vdev) === wanted);
    const found = member.attached && host.toolstack.services.devices(id).disks.find(device);
    if (wanted === undefined || (!drive && !found)) {
      const names = drives.map(({ vdev }) => vdev).join(', ');
      throw new Refusal(`${member.name} has no disk ${device}. ${names ? `It has ${names}.` : 'It has none.'}`);
    }
    const vdev = found?.given.vdev ?? drive?.vdev ?? device;
    const emulated = member.attachments.media.find(
      ({ place }) => place === (drive && drive.place >= 0 ? drive.place : wanted),
    );
    const disk = found?.given.disk ?? emulated?.disk ?? undefined;
    const here: Place = { layer: `${member.name} ${vdev}`, at: sector * SECTOR_BYTES };
    const name = drive?.medium?.name ?? found?.given.target ?? '';
    if (!disk) {
      if (!drive?.medium) throw new Refusal(`There is no medium in ${vdev} of ${member.name}.`);
      // Opened by the domain's worker: an image file, whose changed blocks that worker has in memory.
      return { name, way: [here, { layer: `image ${name}`, at: sector * SECTOR_BYTES }] };
    }
    const last = disk.bytes / SECTOR_BYTES - 1;
    if (!(Number.isSafeInteger(sector) && sector >= 0 && sector <= last))
      throw new Refusal(`${vdev} of ${member.name} has the sectors 0 to ${last}, and no ${sector}.`);
    return { name, way: [here, ...disk.place(sector * SECTOR_BYTES)] };
  },
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('disk-path', rest, 3);
    const id = findDomain(host, rest[0]);
    if (id === 0) throw new Refusal('Domain 0 has its disks from the host: disk-path /dev/sdaN SECTOR tells of those.');
    if (!/^\d+$/.test(rest[2])) throw new Refusal(`${rest[2]} is no number of a sector.`);
    return formatPlace((await run(id, rest[1], Number(rest[2]))).way);
  },
});

/** What the numbers of records represent on this host. */
export function namesOf(host: Uses<'disk' | 'toolstack'>): Names {
  const { members, services } = host.toolstack;
  return {
    domain: domid => (domid === 0 ? 'Domain-0' : `${members.get(domid)?.name ?? 'domain'} (${domid})`),
    disk: (domid, devid) =>
      (members.get(domid)?.attached && services.devices(domid).disks.find(String(devid))?.given.vdev) || '?',
    volume: index => host.disk.volumeName(index),
    bridgePort: number => services.network.bridge.list().find(port => port.number === number)?.name ?? `port ${number}`,
  };
}

export const trace = command({
  summary: "Follow a domain's disk requests and packets, place by place",
  usage: '[options] <Domain>',
  options: [
    ['-n COUNT', `Number of requests (1), at most ${MOST_REQUESTS}`],
    ['-t SECONDS', `Time limit (${DEFAULT_SECONDS})`],
  ],
  /** The first requests that begin from now on, in words; nothing was written before, and nothing is afterwards. */
  run: async (host: CommandHost, id: number, count: number = 1, seconds: number = DEFAULT_SECONDS): Promise<string> => {
    host.domains.living(id);
    if (!(Number.isInteger(count) && count >= 1 && count <= MOST_REQUESTS))
      throw new Refusal(`From 1 to ${MOST_REQUESTS} requests are followed at a time, and not ${count}.`);
    const follower = new Follower(host.toolstack.view, id);
    try {
      const endMs = host.clock.epochMs() + seconds * 1000;
      let before = 0;
      for (;;) {
        await new Promise<void>(done => void host.clock.later(LOOK_MS, done));
        follower.read();
        const { begun, done, places } = follower.progress(count, id);
        // Packets have no answer: they are whole when nothing more comes of them.
        const isWhole = begun === count && (done === count || places === before);
        if (isWhole || host.clock.epochMs() >= endMs) {
          const names = namesOf(host);
          const missed =
            follower.missed > 0 ? `${follower.missed} records were overwritten before they were read.\n` : '';
          return (
            follower
              .list(id, count)
              .map(request => formatFollowed(request, names))
              .join('\n') + missed
          );
        }
        before = places;
      }
    } finally {
      follower.close();
    }
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { values: 'nt' });
    atLeast('trace', rest, 1);
    const value = (letter: string, otherwise: number, most: number): number => {
      const given = options.get(letter);
      if (given === undefined) return otherwise;
      if (!/^[1-9]\d{0,3}$/.test(given) || Number(given) > most)
        throw new Refusal(`-${letter} takes a number from 1 to ${most}.`);
      return Number(given);
    };
    const id = findDomain(host, rest[0]);
    if (id === 0) throw new Refusal('Name a guest: Domain 0 has no front ends.');
    const seconds = value('t', DEFAULT_SECONDS, MOST_SECONDS);
    const text = await run(id, value('n', 1, MOST_REQUESTS), seconds);
    if (text === '') throw new Refusal(`${rest[0]} has asked for nothing in ${seconds} seconds.`);
    return text;
  },
});
