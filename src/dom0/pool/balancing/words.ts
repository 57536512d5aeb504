/** Decisions as sentences, for the task log and for callers. */
import type { MoveCost } from './cost.ts';
import type { Because, Decision, Ends, Move, Stay, Staying } from './decisions.ts';
import type { Energy } from './energy.ts';

const MIB = 2 ** 20;
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const mebibytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
const rate = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB/s`;
const time = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

function reasonOf(because: Because, host: string, busy: number, freeBytes: number): string {
  switch (because.what) {
    case 'busy':
      return `${host} is ${percent(busy)} busy`;
    case 'memory':
      return `${host} has ${mebibytes(freeBytes)} free`;
    case 'pinned':
      return `a guest of ${host} is pinned to another host`;
    case 'together':
      return `guests of ${because.group} are to be together, and not all are on ${host}`;
    case 'apart':
      return `guests of ${because.group} are to be apart, and ${host} has several`;
    case 'density':
      return `${host} is ${percent(busy)} busy and could be emptied`;
  }
}

const costWords = ({ copyMs, stopMs, bytesPerSecond, dirtyBytesPerSecond }: MoveCost, guest: string): string =>
  `at ${rate(bytesPerSecond)}, while ${guest} writes ${rate(dirtyBytesPerSecond)}, the copy takes ${time(copyMs)} and stops it for ${time(stopMs)}`;

function moveWords({ isAutomatic, guest, because, from, to, memoryBytes, cost, benefitSlotSeconds }: Move): string {
  const worth =
    benefitSlotSeconds === undefined
      ? ''
      : `: ${cost.slotSeconds.toFixed(1)} s of a slot, for ${benefitSlotSeconds.toFixed(1)} s that are gained`;
  return (
    `${guest} ${isAutomatic ? 'moves' : 'should move'} from ${from.host} to ${to.host}: ${reasonOf(because, from.host, from.busy, from.freeBytes)}. ` +
    `${from.host} goes from ${percent(from.busy)} to ${percent(from.busyAfter)}, ${to.host} from ${percent(to.busy)} to ${percent(to.busyAfter)} ` +
    `with ${mebibytes(to.freeBytesAfter)} left. It has ${mebibytes(memoryBytes)}; ${costWords(cost, guest)}${worth}.`
  );
}

const after = ({ host, busyAfter, freeBytesAfter }: Ends, what: 'busy' | 'memory'): string =>
  what === 'busy'
    ? `${host} would be ${percent(busyAfter)} busy`
    : `${host} would have ${mebibytes(freeBytesAfter)} left`;

function stayingWords(staying: Staying): string {
  const { guest } = staying;
  switch (staying.why) {
    case 'pinned':
      return `${guest} is pinned`;
    case 'resting':
      return `${guest} was moved, and rests for ${time(staying.forMs)}`;
    case 'together':
      return `${guest} is to be with ${staying.group}`;
    case 'apart':
      return `${guest} is to be apart from ${staying.group}`;
    case 'busy':
    case 'memory':
      return `with ${guest}, ${after(staying.to, staying.why)}`;
    case 'uneven':
      return `with ${guest}, ${after(staying.to, 'busy')} and ${staying.from.host} ${percent(staying.from.busyAfter)}`;
    case 'cost':
      return (
        `${guest} could go to ${staying.to}, but ${costWords(staying.cost, guest)}: ` +
        `${staying.cost.slotSeconds.toFixed(1)} s of a slot, for ${staying.benefitSlotSeconds.toFixed(1)} s that are gained`
      );
    case 'stop':
      return `${guest} could go to ${staying.to}, but ${costWords(staying.cost, guest)}`;
    case 'nobody':
      return `nobody takes ${guest}`;
  }
}

function stayWords({ host, because, busy, freeBytes, guests }: Stay): string {
  const staying = guests.length > 0 ? guests.map(stayingWords).join('; ') : 'it has no guests';
  return `${reasonOf(because, host, busy, freeBytes)}, and nothing moves: ${staying}.`;
}

export const wordsOf = (decision: Decision): string =>
  decision.kind === 'move' ? moveWords(decision) : stayWords(decision);

export const energyWords = ({ watts, savedWatts, emptyHosts }: Energy): string =>
  `By the model the pool takes ${Math.round(watts)} W. ${
    emptyHosts === 0
      ? 'No host can be switched off.'
      : `Switching off ${emptyHosts === 1 ? 'the empty host' : `the ${emptyHosts} empty hosts`} would save ${Math.round(savedWatts)} W.`
  }`;
