/** What several experiments have their guests do: a piece of work by a command of minipv's shell, and what one unit of it costs. */
import { type Counted, guestText, type Lab, type LabGuest } from './lab.ts';

/**
 * As Xen has it by default: the device model is in another domain than the guest. One next to the guest, as a plain PC has it here, would hide what a request
 * to it costs.
 */
const MODEL_IN_DOMAIN0 = 'device_model_stubdomain_override = 0';
/** A fully virtual guest that finds KVM. */
export const OF_KVM = 'kvm = 1';
const PC = ["disk = [ 'blank.img,raw,hda,w' ]", 'vif = [ "" ]', MODEL_IN_DOMAIN0];
/** Type and devices of each way, and its disk's name in the guest's shell: the emulated one is read by DMA. */
const MADE = {
  emulated: { type: 'hvm', more: PC, disk: 'dma' },
  unplugged: { type: 'hvm', more: PC, disk: 'hda' },
  pv: { type: 'pv', more: ["disk = [ 'blank.img,raw,xvda,w' ]", 'vif = [ "" ]'], disk: 'xvda' },
  virtio: { type: 'hvm', more: [OF_KVM, "disk = [ 'blank.img,raw,vda,w' ]", "vif = [ 'model=virtio' ]"], disk: 'vda' },
} as const;

/** How a guest reaches its devices. */
export type Way = keyof typeof MADE;

/** A guest with a disk of 1 MiB and a card; `unplugged`: a fully virtual one that has sent its emulated devices away; `virtio`: a guest of KVM. */
export async function guestBy(lab: Lab, name: string, way: Way): Promise<LabGuest> {
  const { type, more } = MADE[way],
    guest = await lab.boot(guestText(name, type, { more }));
  if (way === 'unplugged') await guest.command('unplug');
  return guest;
}

const SECTORS_A_KIB = 2;
/** A number always as long, so that typing it costs the same. */
const long = (number: number): string => String(number).padStart(5, '0');

/** Reads this many KiB from the disk of a guest of this way, in requests of this many, this many at a time. */
export const readDisk = (guest: LabGuest, way: Way, kib: number, requestKib: number, depth = 1): Promise<Counted> => {
  const line = (sectors: number): string => `time ${MADE[way].disk} read ${long(sectors)} ${requestKib} ${depth}`;
  return guest.cost(line(SECTORS_A_KIB * kib), line(0));
};

const GATEWAY = '10.0.2.2';
/** This many pings of the gateway, one after the other. */
export async function pings(guest: LabGuest, count: number, bytes: number): Promise<Counted> {
  const line = (number: number): string => `ping ${GATEWAY} ${long(number)} ${bytes}`;
  // Who the gateway is was asked before anything is counted.
  await guest.command(line(1));
  return guest.cost(line(count), line(0));
}

const ADDRESSES = ['10.0.2.101', '10.0.2.102'] as const;
/** Two guests on a bridge. */
export async function pairBy(lab: Lab, way: Way): Promise<[LabGuest, LabGuest]> {
  const pair: [LabGuest, LabGuest] = [await guestBy(lab, 'sender', way), await guestBy(lab, 'receiver', way)];
  for (const [i, guest] of pair.entries()) await guest.command(`ip ${ADDRESSES[i]}`);
  return pair;
}

/** This many KiB by TCP from one guest to the other: what it costs both of them beyond a stream of 1 KiB. */
export async function stream(
  lab: Lab,
  [sender, receiver]: readonly [LabGuest, LabGuest],
  kib: number,
): Promise<readonly Counted[]> {
  const once = async (amount: number): Promise<readonly Counted[]> => {
    let ofReceiver: Counted | undefined;
    const ofSender = await sender.counted(async () => {
      ofReceiver = await receiver.counted(async () => {
        const from = receiver.shown.length + 'serve'.length;
        receiver.type('serve');
        await sender.command(`stream ${ADDRESSES[1]} ${long(amount)}`);
        await receiver.prompt(from);
      });
    });
    return [ofSender, ofReceiver!];
  };
  return lab.beyond(
    () => once(1),
    () => once(kib + 1),
  );
}
