/** What happens at each stage of a request, next to its record. */

import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';

interface HypervisorWords {
  /** The parties that handle the request. */
  lanes: Readonly<Record<'guest' | 'hypervisor' | 'system' | 'host', string>>;
  model: string;
  controller: string;
}
const OF_EACH: OfEach<HypervisorWords> = {
  xen: {
    lanes: { guest: 'Guest', hypervisor: 'Xen', system: 'Domain-0', host: 'Host' },
    model: 'The device model reads the command from the drive’s registers.',
    controller: 'Domain-0’s driver gives the command to the adapter, which moves the data itself.',
  },
  kvm: {
    lanes: { guest: 'Guest', hypervisor: 'KVM', system: 'QEMU and Linux', host: 'Host' },
    model: 'QEMU reads the command from the drive’s registers.',
    controller: 'Linux’s driver gives the command to the adapter, which moves the data itself.',
  },
};
/** The words of the hypervisor that the host has. */
export const replayWords = (): HypervisorWords => ofHost(OF_EACH);

export const words = {
  title: 'Stage by stage',
  first: 'From the start',
  back: 'Back',
  next: 'Next stage',
  play: 'Play',
  stage: (n: number, of: number, who: string) => `${n} of ${of}, ${who}.`,
  picture: (n: number, of: number) => `Where the request is: stage ${n} of ${of}`,
  says: {
    slotDisk: 'blkfront writes operation, sectors and grants into the next slot, and moves req_prod.',
    slotSend: 'netfront writes the grant and the length of a packet into a slot of the tx ring, and moves req_prod.',
    slotReceive:
      'A slot of the rx ring had offered a page: the packet is in it now, the response goes into the same slot, and rsp_prod moves.',
    chainDisk:
      'virtio_blk makes a chain of descriptors (header, data, status), names the first one in the available ring, and moves avail.idx.',
    chainSend:
      'virtio_net makes a chain of descriptors (header, packet), names the first one in the available ring, and moves avail.idx.',
    kick: 'avail.idx passed avail_event, so the driver writes to the notify register: the write leaves the guest, and the device looks at its queue.',
    takesChain:
      'The device takes the descriptor’s number from the available ring, and reads the chain out of the guest’s memory.',
    takesPacket:
      'The device takes the chain, and the packet out of the guest’s memory; the chain goes into the used ring.',
    inPlace: 'The data lie where the chain says: the guest’s own memory, without a copy between.',
    used: 'The status goes into the chain’s last byte and the chain into the used ring; used.idx moves, and where it passes used_event an interrupt tells of it.',
    bell: 'req_prod passed req_event, so it tells the back end: a hypercall sets a pending bit and wakes Domain-0.',
    noBell: 'The back end was at work: req_event is further on, so no event is sent, and there is no exit.',
    drive: 'The driver has written the drive’s registers; the last write is the command.',
    card: 'The driver has notified the card of a packet.',
    takesDisk: 'The back end finds req_prod moved, copies the request out of the slot and moves req_cons.',
    takesSend:
      'The back end copies the request out of the slot, moves req_cons, and takes the packet out of the granted page.',
    gives: 'The back end has a packet for the guest, and takes the next page that the guest offers.',
    sectors: 'It is checked: the sectors are within the disk.',
    data: 'The pages that the request grants are mapped: the data need no copy between guest and Domain-0.',
    buffer: 'The data pass a buffer of the drive.',
    medium: 'A layer of the host’s storage turns the place into one of the layer below.',
    bridge: 'The bridge looks at the station address and passes the frame on.',
    answer: 'The response goes into the slot, rsp_prod moves; if it passes rsp_event, the guest is notified.',
    done: 'The drive sets its status and raises its interrupt.',
  },
};
