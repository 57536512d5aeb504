/** The places of a request as stages of what happens: in the order in which it does, with what each means. */
import type { FollowedRequest } from '../../../dom0/service/index.ts';
import type { Steps } from './facts.ts';
import { replayWords, words } from './replay-words.ts';

export const LANES = ['guest', 'hypervisor', 'system', 'host'] as const;
export interface Stage {
  place: string;
  lane: (typeof LANES)[number];
  what: string;
  us: number;
  says: string;
}
type Step = Steps[number];

const LANE_OF: Readonly<Record<string, Stage['lane']>> = {
  'front end': 'guest',
  virtqueue: 'guest',
  card: 'guest',
  exit: 'hypervisor',
  'device model': 'system',
  'back end': 'system',
  'guest disk': 'system',
  data: 'system',
  bridge: 'system',
  answer: 'system',
};
const { says } = words;

/** A ring's slot is written before anybody is notified of it; the trace has it when the back end finds it. */
export function stagesOf(request: FollowedRequest): Stage[] {
  const { steps } = request,
    slot = steps.find(({ place }) => place === 'front end' || place === 'virtqueue'),
    isRing = slot?.place === 'front end',
    isReceived = steps.some(({ place, what }) => place === 'back end' && what.endsWith('to the guest')),
    ordered = slot && !isReceived ? [slot, ...steps.filter(step => step !== slot)] : steps;
  return ordered.map(step => ({
    place: step.place,
    lane: LANE_OF[step.place] ?? 'host',
    what: step.what,
    us: step.us,
    says: meaning(step, isRing, steps),
  }));
}

function meaning({ place, what }: Step, isRing: boolean, steps: Steps): string {
  const isDisk = steps.some(step => step.place === 'guest disk'),
    isQueue = steps.some(step => step.place === 'virtqueue'),
    isReceived = what.endsWith('to the guest');
  switch (place) {
    case 'front end':
      return isDisk
        ? says.slotDisk
        : steps.some(step => step.what.endsWith('to the guest'))
          ? says.slotReceive
          : says.slotSend;
    case 'virtqueue':
      return isDisk ? says.chainDisk : says.chainSend;
    case 'exit':
      if (isQueue) return says.kick;
      return isRing ? (what.includes('EVTCHNOP') ? says.bell : says.noBell) : isDisk ? says.drive : says.card;
    case 'back end':
      return isDisk ? says.takesDisk : isReceived ? says.gives : says.takesSend;
    case 'device model':
      return isQueue ? says.takesChain : replayWords().model;
    case 'guest disk':
      return says.sectors;
    case 'data':
      return isRing ? says.data : isQueue && what.includes('own') ? says.inPlace : says.buffer;
    case 'card':
      return isQueue ? says.takesPacket : says.card;
    case 'bridge':
      return says.bridge;
    case 'controller':
      return replayWords().controller;
    case 'answer':
      return isRing ? says.answer : isQueue ? says.used : says.done;
    default:
      return says.medium;
  }
}
